"""Time that jumps, and a network in memory."""
