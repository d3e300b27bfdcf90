"""Tests of the command `exchange`."""
