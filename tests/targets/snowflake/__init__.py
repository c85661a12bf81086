"""Run target-snowflake against fakesnow. The tests do not import this package."""
