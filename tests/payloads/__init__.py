"""HubSpot's recorded and observed answers, and the replay of them through the whole tap."""
