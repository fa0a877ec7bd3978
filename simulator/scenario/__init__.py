"""What a simulated provider is to say, and what goes wrong with it: plain data."""
