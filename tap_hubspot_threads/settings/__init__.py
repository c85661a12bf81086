"""Settings, config and catalog files, and environment variables, validated before any request."""
