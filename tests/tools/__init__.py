"""What tests, documentation and benchmarks run."""
