"""Credentials of clouds, found as their own libraries find them: AWS profiles, roles and machines; Google's accounts.

The libraries block: they read files, start programs, ask servers. So each look is in a thread of its own, which no loop
waits for at its end; what was found is kept until shortly before it expires, and calls that come meanwhile share a
look. How long a call waits is its own affair.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from .errors import MissingExtraError
from .secret import Secret

GOOGLE_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class NoKey(Exception):
    """No credentials were found; the text says why, in words of ours."""


class AwsCredentials(msgspec.Struct, frozen=True):
    """What a request to AWS is signed with, as the text that stands for its key."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None
    region: str | None = None

    def __repr__(self) -> str:
        return "AwsCredentials(…)"


def aws_credentials(key: Secret) -> AwsCredentials | None:
    """The credentials that a key stands for; None: it is a key itself."""
    text = key.reveal()
    return msgspec.json.decode(text, type=AwsCredentials) if text.startswith("{") else None


class CloudKey:
    """A key callback that finds its key in a cloud's own way. Two of the same settings are the same.

    Args:
        about: The settings.

    Attributes:
        library: What finds it, by the name that it is imported under.
        file: Where the credentials stand, if a setting says so.
    """

    library: ClassVar[str] = ""
    file: str | None = None

    def __init__(self, *about: str | None) -> None:
        self._about = about
        self._looking: asyncio.Future[Secret] | None = None

    async def __call__(self) -> Secret:
        """The key, as it is now.

        Raises:
            NoKey: There is none.
            MissingExtraError: The cloud's library is not installed.
        """
        kept = self._kept()
        if kept is not None:
            return kept
        looking = self._looking
        if looking is None or looking.done() or looking.get_loop() is not asyncio.get_running_loop():
            looking = self._looking = _in_thread(self._look)
        return await asyncio.shield(looking)

    @property
    def missing(self) -> MissingExtraError | None:
        """What is to be installed before a key can be found; None: it is there."""
        if not self.library or _is_installed(self.library):
            return None
        return _missing(self.library)

    def _kept(self) -> Secret | None:
        """What was found before and holds; nothing here may block."""
        raise NotImplementedError

    def _look(self) -> Secret:
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, CloudKey) and other._about == self._about

    def __hash__(self) -> int:
        return hash((type(self), self._about))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class AwsChain(CloudKey):
    """AWS credentials as botocore finds them: environment, profile, single sign-on, container, machine.

    Args:
        profile: In the files of the AWS tools; None: the usual one.
        role: The ARN of a role to take with what was found.
    """

    library = "botocore"

    def __init__(self, profile: str | None = None, role: str | None = None) -> None:
        super().__init__(profile, role)
        self._found: Any = None
        self._region: str | None = None

    def _kept(self) -> Secret | None:
        found = self._found
        if found is None or (hasattr(found, "refresh_needed") and found.refresh_needed()):
            return None
        return self._written(found)

    def _look(self) -> Secret:
        if self._found is None:
            try:
                self._found = self._resolved()
            except _library("botocore.exceptions").ProfileNotFound:
                raise NoKey("the AWS profile is not in the files of the AWS tools") from None
        if self._found is None:
            raise NoKey(
                "no credentials: set AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the"
                " target's options access_key_id and secret_access_key, or profile; nor has this machine a role"
            )
        try:
            return self._written(self._found)
        except Exception as error:  # noqa: BLE001 - whatever a library's text holds, its type says enough
            raise NoKey(f"the AWS credentials cannot be renewed: {type(error).__name__}") from None

    def _resolved(self) -> Any:
        profile, role = self._about
        library = _library("botocore.credentials")
        session = _library("botocore.session").Session(profile=profile)
        self._region = session.get_config_variable("region")
        found = session.get_credentials()
        if found is None or role is None:
            return found
        fetcher = library.AssumeRoleCredentialFetcher(
            session.create_client, found, role, extra_args={"RoleSessionName": "standby"}
        )
        return library.DeferredRefreshableCredentials(refresh_using=fetcher.fetch_credentials, method="assume-role")

    def _written(self, found: Any) -> Secret:
        frozen = found.get_frozen_credentials()
        told = AwsCredentials(frozen.access_key, frozen.secret_key, frozen.token, self._region)
        return Secret(msgspec.json.encode(told).decode())


class GoogleToken(CloudKey):
    """An access token of Google Cloud: of a service account's file, or of what this machine is signed in as.

    Args:
        credentials_file: Of a service account; None: what Google's library finds by itself.
    """

    library = "google.auth"

    def __init__(self, credentials_file: str | None = None) -> None:
        super().__init__(credentials_file)
        self.file = None if credentials_file is None else str(Path(credentials_file).expanduser())
        self._found: Any = None

    def _kept(self) -> Secret | None:
        return Secret(self._found.token) if self._found is not None and self._found.valid else None

    def _look(self) -> Secret:
        auth = _library("google.auth")
        account = _library("google.oauth2.service_account")
        transport = _library("google.auth.transport.requests")
        try:
            if self._found is None:
                scopes = [GOOGLE_SCOPE]
                if self.file is not None:
                    self._found = account.Credentials.from_service_account_file(self.file, scopes=scopes)
                else:
                    self._found, _ = auth.default(scopes)
            self._found.refresh(transport.Request())
        except Exception as error:  # noqa: BLE001 - whatever a library's text holds, its type says enough
            raise NoKey(f"Google's credentials give no token: {type(error).__name__}") from None
        return Secret(self._found.token)


_WANTED_BY = {"botocore": "Bedrock", "google": "Vertex AI"}
"""What needs a cloud's library; the extra that installs it has the first word of it as its name."""


def _library(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise _missing(module) from None


def _missing(module: str) -> MissingExtraError:
    what = _WANTED_BY[module.partition(".")[0]]
    return MissingExtraError(what, what.partition(" ")[0].lower())


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:  # not even what it is a part of
        return False
    except ValueError:  # a stand-in without a spec
        return True


def _in_thread(look: Callable[[], Secret]) -> "asyncio.Future[Secret]":
    """What a look gives, in a thread that nothing waits for: a library may hang for longer than anyone does."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Secret] = loop.create_future()
    found.add_done_callback(_seen)

    def settle(key: Secret | None, problem: Exception | None) -> None:
        if found.done():
            return
        if key is not None:
            found.set_result(key)
        elif problem is not None:
            found.set_exception(problem)

    def run() -> None:
        key: Secret | None = None
        problem: Exception | None = None
        try:
            key = look()
        except Exception as error:  # noqa: BLE001 - told to the calls that wait
            problem = error
        with suppress(RuntimeError):  # the loop is closed: nothing waits for it any more
            loop.call_soon_threadsafe(settle, key, problem)

    threading.Thread(target=run, name="standby-cloud-key", daemon=True).start()
    return found


def _seen(found: "asyncio.Future[Secret]") -> None:
    if not found.cancelled():
        found.exception()  # told to the calls that wait for it; there may be none left
