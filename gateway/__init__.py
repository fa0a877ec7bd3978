"""The gateway: a request in, bytes out. Servers are shells around it."""

from .in_process import asgi, httpx_client, sync_httpx_client

__all__ = ["asgi", "httpx_client", "sync_httpx_client"]
