"""HubSpot's recorded and observed responses, replayed through the whole tap."""
