"""What target-snowflake is run with: nothing here is imported by the tests themselves."""
