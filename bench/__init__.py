"""Benchmarks: `make bench` prints the table, `pytest bench --benchmark-only` has the details."""
