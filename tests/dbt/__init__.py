"""Tests of the dbt models, and the helpers that they use."""
