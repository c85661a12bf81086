"""The settings and all other input of the tap, validated before the first request."""
