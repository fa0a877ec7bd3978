"""A Router for many threads and event loops: it lives in one loop, and calls from elsewhere run there."""

from .sync_router import SyncRouter, SyncStream

__all__ = ["SyncRouter", "SyncStream"]
