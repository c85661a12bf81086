"""Singer tap for HubSpot conversation threads."""
