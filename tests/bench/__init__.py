"""Measurements: `make bench`, or `make bench ONLY=intake`. Time is measured here, never in a
test. One JSON object a line at the end: bench, value, unit, p50_ms, p99_ms, floor, ratio."""
