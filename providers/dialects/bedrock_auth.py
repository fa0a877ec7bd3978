"""Region and credentials of a request to Bedrock: either an API key, or AWS credentials that sign each request.

A signature (AWS Signature Version 4, made with botocore) covers the URL, the body and a few headers, and holds for a
few minutes around its date. botocore's own `add_auth` writes all of it into its debug log, the session's token
included, so its steps are called one by one.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ..cloud_keys import AwsCredentials
from ..errors import ErrorKind, ProviderError
from ..secret import Secret
from .bedrock_eventstream import botocore

SERVICE = "bedrock"


class Credentials(msgspec.Struct, frozen=True):
    """AWS credentials; `session_token` belongs to temporary ones."""

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret | None = None

    @classmethod
    def of(cls, found: AwsCredentials) -> "Credentials":
        """Those that were found for a target."""
        token = Secret(found.session_token) if found.session_token else None
        return cls(found.access_key_id, Secret(found.secret_access_key), token)


def region(options: Mapping[str, Any], environment: Mapping[str, str], found: str | None = None) -> str:
    """The region: the target's option, else the environment's, else what was found beside the credentials.

    Raises:
        ProviderError: There is none.
    """
    found = options.get("region") or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or found
    if not found:
        raise _misconfigured("no region: set the target's option region, or AWS_REGION")
    return str(found)


def credentials(options: Mapping[str, Any], environment: Mapping[str, str]) -> Credentials:
    """The credentials: all from the target's options, else all from the environment; never mixed.

    Raises:
        ProviderError: There are none, or half of them.
    """
    named = {name: options.get(name) for name in ("access_key_id", "secret_access_key", "session_token")}
    if not any(named.values()):
        named = {name: environment.get(f"AWS_{name.upper()}") for name in named}
    access_key_id, secret_access_key, session_token = named.values()
    if not access_key_id or not secret_access_key:
        raise _misconfigured(
            "no credentials: set AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY,"
            " or the target's options access_key_id and secret_access_key"
        )
    return Credentials(
        access_key_id.reveal() if isinstance(access_key_id, Secret) else str(access_key_id),
        Secret(secret_access_key),
        Secret(session_token) if session_token else None,
    )


def utc_now() -> datetime:
    """The date of a signature."""
    return datetime.now(UTC)


def signed_headers(url: str, body: bytes, who: Credentials, where: str, moment: datetime) -> dict[str, str]:
    """Sign a request: the headers that prove the sender of this body to this URL.

    Args:
        where: The region.
        moment: When it is sent, in UTC.

    Raises:
        MissingExtraError: botocore is not installed.
    """
    auth, awsrequest, library = botocore("auth"), botocore("awsrequest"), botocore("credentials")
    timestamp = moment.strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": urlsplit(url).netloc, "content-type": "application/json", "x-amz-date": timestamp}
    if who.session_token is not None:
        headers["x-amz-security-token"] = who.session_token.reveal()
    request = awsrequest.AWSRequest(method="POST", url=url, data=body, headers=dict(headers))
    request.context["timestamp"] = timestamp
    keys = library.Credentials(who.access_key_id, who.secret_access_key.reveal())
    signer = auth.SigV4Auth(keys, SERVICE, where)
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    signed = signer.signed_headers(signer.headers_to_sign(request))
    scope = signer.scope(request)
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={signed}, Signature={signature}"
    del headers["host"]  # the transport writes it, from the same URL
    return headers


def _misconfigured(what: str) -> ProviderError:
    return ProviderError(ErrorKind.AUTH, what, local=True)
