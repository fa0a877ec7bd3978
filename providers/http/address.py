"""The address of a request: its URL, as it is sent, and the proxy in between."""

import re
from urllib.request import getproxies, proxy_bypass

import msgspec
from yarl import URL

from ..errors import ErrorKind, ProviderError

PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")

_AS_IT_IS = re.compile(r"[!#-;=?-\[\]_a-z~]+")
"""The characters of a URL (RFC 3986) and no other: what consists of them needs no quoting."""


class Address(msgspec.Struct, frozen=True):
    """Where a request goes. Made once per URL.

    Attributes:
        proxy: The HTTP proxy that is asked instead.
        where: Host and port, for messages.
        via: Host and port of the proxy, for messages.
    """

    url: URL
    proxy: URL | None
    where: str
    via: str | None


def address(text: str, *, proxy: URL | None, trust_env: bool) -> Address:
    """The address for a URL.

    Raises:
        ProviderError: `local`: the URL, or the proxy that the environment names, cannot be used.
    """
    url = _url(text)
    if url.scheme not in ("http", "https") or not url.raw_host:
        raise ProviderError(ErrorKind.PROTOCOL, "the URL is not valid; check base_url", local=True)
    where = f"{url.raw_host}:{url.port}"
    if proxy is None and trust_env:
        proxy = _proxy_of_environment(url)
    if proxy is None or is_socks(proxy):  # a SOCKS proxy is the connector's business
        return Address(url, None, where, None)
    return Address(url, proxy, where, f"{proxy.raw_host}:{proxy.port}")


def is_socks(proxy: URL | None) -> bool:
    """Is this a SOCKS proxy?"""
    return proxy is not None and proxy.scheme.startswith("socks")


def proxy_url(text: str) -> URL:
    """A proxy from its URL.

    Raises:
        ValueError: It cannot be used. The message does not show it: it may hold a password.
    """
    url = _url(text)
    if url.scheme not in PROXY_SCHEMES or not url.host:
        raise ValueError(f"the proxy is no URL with a host that begins with one of {', '.join(PROXY_SCHEMES)}")
    return url


def _proxy_of_environment(url: URL) -> URL | None:
    proxies = getproxies()
    text = proxies.get(url.scheme) or proxies.get("all")
    if not text or proxy_bypass(f"{url.host}:{url.port}"):
        return None
    proxy = _url(text if "://" in text else f"http://{text}")
    if is_socks(proxy):
        words = "the environment names a SOCKS proxy; set it as the target's proxy instead"
        raise ProviderError(ErrorKind.CONNECT, words, local=True)
    if not proxy.host:
        raise ProviderError(ErrorKind.CONNECT, "the environment names a proxy that is no valid URL", local=True)
    return proxy


def _url(text: str) -> URL:
    """The URL; an empty one, if it is not valid. yarl's error would show it.

    What is a URL already stays as it is: quoting it again could break a signature, or a `%2F` in a name.
    """
    try:
        url = URL(text, encoded=_AS_IT_IS.fullmatch(text) is not None)
        return url if url.port is None or url.port < 2**16 else URL()
    except ValueError:
        return URL()
