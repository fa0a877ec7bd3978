"""Serve the replies of a simulated provider: bytes, pauses and endings, on any transport and clock."""
