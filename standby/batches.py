"""The batch API: a call whose events are read as they came, many at a time.

    from standby.batches import Call

For gateways and servers; docs/batches.md describes it. `Router.begin` makes a `Call`, and what its batches hold are the
events of `standby` and `standby.messages`.
"""

from .router.engine.call import Call
from .router.engine.options import OtherOptions

__all__ = ["Call", "OtherOptions"]
