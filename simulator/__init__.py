"""Providers that misbehave on purpose, on loopback sockets; `standby.testing` offers them."""
