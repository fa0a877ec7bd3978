"""How a simulated provider says it: bytes, pauses and endings, on any transport and clock."""
