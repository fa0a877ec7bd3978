"""The gateway: a request in, bytes out. Servers are shells around it."""

from .in_process import httpx_client, sync_httpx_client

__all__ = ["httpx_client", "sync_httpx_client"]
