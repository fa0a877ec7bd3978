"""Google's Vertex AI, for every provider that is also asked there: place, host, key.

The option `vertex` of a target: `project`, `location` (`global` unless said), and the `credentials_file` of a service
account.
Hosts: the table of Google's SDK (`google-genai`), which Anthropic's shares.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from .cloud_keys import GoogleToken
from .provider import Unsupported

HOST = "aiplatform.googleapis.com"
EXPRESS = "express"
"""The option's value for keys of the express mode, which belong to no project: at Gemini alone."""

_HOSTS = {
    "global": HOST,
    "us": "aiplatform.us.rep.googleapis.com",
    "eu": "aiplatform.eu.rep.googleapis.com",
}
"""Places that have hosts of another form."""
_PROJECT = re.compile(r"[a-zA-Z0-9.:_-]{1,100}")
_LOCATION = re.compile(r"[a-z0-9-]{1,40}")
_KNOWN = ("project", "location", "credentials_file")


class Place(msgspec.Struct, frozen=True):
    """Where a model is asked on Vertex AI."""

    project: str
    location: str

    def url(self, version: str, base_url: str | None, publisher: str) -> str:
        """Everything before the model, at the location's own host.

        Args:
            base_url: The target's own address, which is asked instead; None: it has none.
        """
        host = _HOSTS.get(self.location, f"{self.location}-{HOST}")
        where = f"projects/{self.project}/locations/{self.location}/publishers/{publisher}/models"
        return f"{base_url or f'https://{host}/{version}'}/{where}"


def place_of(vertex: object, *, express: bool = False) -> Place:
    """The place that the option names.

    Args:
        express: Keys of the express mode are taken, too.

    Raises:
        Unsupported: It names none; the text says what is missing.
    """
    if problem := vertex_problem({"vertex": vertex}, express=express):
        raise Unsupported(problem)
    about: Mapping[str, Any] = vertex if isinstance(vertex, Mapping) else {}
    return Place(about["project"], about.get("location", "global"))


def vertex_problem(options: Mapping[str, Any], *, express: bool = False) -> str | None:
    """What is wrong with the option `vertex` among these options; None: it is not there, or nothing is.

    Args:
        express: Keys of the express mode are taken.
    """
    vertex = options.get("vertex")
    if vertex is None or vertex is False or (express and vertex == EXPRESS):
        return None
    if not isinstance(vertex, Mapping):
        return "vertex is {project: …, location: …}" + (f", or {EXPRESS}" if express else "")
    if unknown := next((name for name in vertex if name not in _KNOWN), None):
        return f"vertex has no {unknown!a}; it knows {', '.join(_KNOWN)}"
    if vertex.get("project") in (None, ""):
        return "vertex has no project: the id of the Google Cloud project that is billed"
    for name, form in (("project", _PROJECT), ("location", _LOCATION)):
        value = vertex.get(name, "global")
        if not (isinstance(value, str) and form.fullmatch(value)):
            return f"vertex has a {name} that is none: it is a text like {_LIKE[name]}"
    path = vertex.get("credentials_file")
    return None if path is None or (isinstance(path, str) and path) else "vertex has a credentials_file that is no path"


_LIKE = {"project": "my-project-123", "location": "europe-west4, eu or global"}


def vertex_key(options: Mapping[str, Any]) -> GoogleToken | None:
    """Where the key of a target on Vertex AI comes from that has none of its own; None: it is not asked there."""
    vertex = options.get("vertex")
    if not isinstance(vertex, Mapping):
        return None
    path = vertex.get("credentials_file")
    return GoogleToken(path if isinstance(path, str) else None)
