"""Speed benchmarks. Quote ratios from a single run only: absolute figures depend on the machine."""
