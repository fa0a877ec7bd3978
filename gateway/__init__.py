"""The gateway: a request in, bytes out. Servers are shells around it."""
