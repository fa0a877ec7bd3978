"""Simulated worlds: the real Router among providers, networks and callers that misbehave. Not shipped."""
