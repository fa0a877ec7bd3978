"""The facts that a request is fitted by: what is known of one model at one server, the target's own word included."""

from typing import Any

import msgspec

from ..capabilities import Capabilities, Fit
from ..knowledge import Known, known
from ..provider import Endpoint, Provider, capabilities_of
from ..quirks import Quirks, quirks_with

_PLAIN = Quirks()
_KEPT = "facts"


class Facts(msgspec.Struct, frozen=True):
    """What is known of the target of a request.

    Attributes:
        model: Its name, for notes.
        fit: How a request is made fit.
        kept: What the mechanism has made of these facts, once.
    """

    model: str
    capabilities: Capabilities
    quirks: Quirks
    fit: Fit
    kept: dict[str, Any] = msgspec.field(default_factory=dict)


def facts_for(provider: Provider, endpoint: Endpoint, quirks: Quirks = _PLAIN) -> Facts:
    """What is known of an endpoint's model and server, made once and kept with the endpoint.

    Args:
        quirks: The provider's own, from its code: what is known as data wins over them, and the target over both.
    """
    found: Facts | None = endpoint.kept.get(_KEPT)
    if found is not None:
        return found
    whole = quirks_with(_served(known(provider.name, endpoint.model), quirks), endpoint.quirks)
    capabilities = capabilities_of(provider, endpoint)
    found = endpoint.kept[_KEPT] = Facts(endpoint.model, capabilities, whole, endpoint.fit)
    return found


def _served(told: Known, quirks: Quirks) -> Quirks:
    """A provider's quirks with what is known as data over them, made once for each pair."""
    if not told.quirks:
        return quirks
    found: tuple[Quirks, Quirks] | None = told.kept.get(id(quirks))
    if found is None or found[0] is not quirks:
        found = told.kept[id(quirks)] = (quirks, msgspec.structs.replace(quirks, **told.quirks))
    return found[1]
