"""What the tests of the models in dbt/ stand on."""
