"""Targets in use: one generation of them, as a route uses them, and which of them a call may ask."""
