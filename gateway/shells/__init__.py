"""What carries requests to the gateway: a server over sockets, an ASGI app, a transport in process."""
