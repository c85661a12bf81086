"""What the stand-in for HubSpot promises to the tests that rely on it."""
