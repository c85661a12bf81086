"""Programs and helpers that tests, documentation and benchmarks use."""
