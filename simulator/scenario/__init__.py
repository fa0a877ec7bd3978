"""Scenarios of a simulated provider: its replies and its faults, as plain data."""
