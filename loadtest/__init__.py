"""Generators, scenarios and reports of load tests."""
