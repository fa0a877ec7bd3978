"""The gateway inside a program: for its SDKs, without a socket, and as a part of its own web application.

Both are the service that `standby serve` runs, over a Router of the program's. One that is entered is used where it
is. Any other one lives in a thread of its own, from the first request on.
"""

import dataclasses
import logging
from typing import TYPE_CHECKING, Any, Literal, overload

from ..config.addresses import Address
from ..config.bounded import ANY
from ..config.errors import ConfigError
from ..config.model import Config
from ..config.serve import Serve
from ..providers.bare import door
from ..providers.sendable import type_name
from ..router.notices.log import LOGGER
from ..router.router import Router
from .mounted import Mounted
from .service import Service, section_of
from .shells.httpx_transport import AsyncTransport, Transport, library_of

if TYPE_CHECKING:
    import httpx
    import httpx2

HERE = Address(path="in process")
"""Where a gateway without a listener is: what asks it is this very program."""

BASE_URL = "http://standby.invalid/v1"
"""For requests without a host of their own: SDKs send whole addresses."""

DEFAULT = "default"


@overload
def httpx_client(router: Router, library: Literal["httpx2"] | None = None) -> "httpx2.AsyncClient": ...
@overload
def httpx_client(router: Router, library: Literal["httpx"]) -> "httpx.AsyncClient": ...
@door
def httpx_client(router: Router, library: Literal["httpx", "httpx2"] | None = None) -> Any:
    """Make the `http_client` of an asynchronous SDK: `openai.AsyncOpenAI(http_client=standby.httpx_client(router))`.

    What the SDK asks of its provider is asked of the Router, in this process. Its key is dropped. Its `model` names a
    route, an alias, a target or `provider/model`; every other name means the route `default`, where there is one.

    Args:
        router: One that is entered is asked in its own event loop. Any other one gets a loop in a thread of its own,
            which ends when the last of its clients is closed, or with the program.
        library: The HTTP client that the SDK is built on: its newer ones take `httpx2`, Groq's and older ones `httpx`.
            None: `httpx2`, where it is installed.

    Raises:
        MissingExtraError: There is no such library (extra `httpx`).
    """
    module = library_of(library)
    transport = AsyncTransport(router, _service(router).handle, module, _note)
    return module.AsyncClient(transport=transport, base_url=BASE_URL, trust_env=False, follow_redirects=True)


@overload
def sync_httpx_client(router: Router, library: Literal["httpx2"] | None = None) -> "httpx2.Client": ...
@overload
def sync_httpx_client(router: Router, library: Literal["httpx"]) -> "httpx.Client": ...
@door
def sync_httpx_client(router: Router, library: Literal["httpx", "httpx2"] | None = None) -> Any:
    """Make the `http_client` of a synchronous SDK: `openai.OpenAI(http_client=standby.sync_httpx_client(router))`.

    It may be used by many threads at once. See `httpx_client`.
    """
    module = library_of(library)
    transport = Transport(router, _service(router).handle, module, _note)
    return module.Client(transport=transport, base_url=BASE_URL, trust_env=False, follow_redirects=True)


@door
def asgi(router: Router, *, auth: Literal["keys", "app"] = "keys") -> Mounted:
    """Make the gateway as an ASGI app: `app.mount("/llm", standby.gateway.asgi(router))`.

    A client that leaves is noticed, and takes its call along.

    Args:
        router: One that is entered in the application's event loop answers there. One that is not is entered as long as
            the server runs, where the app is told of its start; mounted, it gets a thread of its own.
        auth: `keys`: clients need one of the keys of the section `serve`, or `auth: none` there lets this machine in.
            `app`: the application lets them in; whatever reaches this app may ask everything.

    Raises:
        ConfigError: It should ask for keys, and there are none.
    """
    if auth not in ("keys", "app"):
        raise ConfigError("auth must be 'keys' or 'app'")
    if auth == "app":
        return Mounted(router, _service(router), _note, trusted=True)
    serve = section_of(_checked(router).config)
    if serve.auth == "keys" and not serve.keys:
        what = "the gateway would let no client in: give serve.keys, serve.auth: none for this machine alone"
        raise ConfigError(f"{what}, or asgi(router, auth='app') where the application lets clients in")
    return Mounted(router, Service(router), _note, trusted=False)


def _service(router: Router) -> Service:
    return Service(_checked(router), address=HERE, serve_of=in_process)


def _checked(router: Router) -> Router:
    if not isinstance(router, Router):
        raise ConfigError(f"router must be a Router, but is a {type_name(router)}")
    return router


def _note(what: str, error: BaseException | None) -> None:
    if error is not None:
        logging.getLogger(LOGGER).error("the gateway failed to answer: %s", type(error).__name__)


def in_process(config: Config) -> Serve:
    """The section of a configuration for a program that asks itself: no keys, and no name that means nothing."""
    serve = section_of(config)
    aliases = dict(serve.aliases)
    if DEFAULT in config.routes:
        aliases.setdefault(ANY, DEFAULT)
    return dataclasses.replace(serve, auth="none", keys={}, aliases=aliases)
