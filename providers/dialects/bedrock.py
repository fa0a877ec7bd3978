"""AWS Bedrock's Converse and ConverseStream: content blocks, tools in `toolConfig`, sampling in `inferenceConfig`.

Facts: botocore's model of bedrock-runtime. A key is a Bedrock API key, sent as a bearer token; without one, requests
are signed with AWS credentials. Needs the extra `bedrock`.
"""

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec

from ..capabilities import Capabilities
from ..cloud_keys import AwsChain, aws_credentials
from ..decoding import decoder_for
from ..envelope import request_body, request_headers
from ..error_facts import error_facts
from ..errors import ProviderError
from ..fitting import facts_for
from ..knowledge import known
from ..mapping import provider_error
from ..messages import ChatRequest
from ..provider import Decoder, Endpoint, ProviderInfo, ResponseHead, WireRequest, here
from ..quirks import TURNS
from ..turns import without_end_blanks
from .bedrock_auth import Credentials, credentials, region, signed_headers, utc_now
from .bedrock_decoder import RULES, BedrockDecoder, body_decoder
from .bedrock_eventstream import botocore
from .bedrock_request import FIT as FIT
from .bedrock_request import converse_body

STREAM_TYPE = "application/vnd.amazon.eventstream"


class Bedrock:
    """The provider `bedrock`.

    Args:
        environment: Where region and credentials are looked for when a target's options have none.
        now: The date of a signature.
    """

    name = "bedrock"
    info = ProviderInfo(
        title="AWS Bedrock",
        dialect="bedrock",
        site_url="https://aws.amazon.com/bedrock",
        base_url="https://bedrock-runtime.{region}.amazonaws.com",
        endpoint="/model/{model}/converse-stream",
        key_env="AWS_BEARER_TOKEN_BEDROCK",
        key_required=False,
        note="Options: region, and without an API key access_key_id, secret_access_key, session_token, or profile and"
        " role; else from the AWS_ variables of the environment, or wherever the AWS tools find credentials.",
        options=("region", "access_key_id", "secret_access_key", "session_token", "profile", "role"),
        quirks=TURNS,
        extra="bedrock",
        extra_module="botocore",
    )

    def __init__(self, environment: Mapping[str, str] = os.environ, now: Callable[[], datetime] = utc_now) -> None:
        self._environment = environment
        self._now = now

    def capabilities(self, model: str) -> Capabilities:
        """What is known of a model, wherever its name stands in an id, a profile or an ARN."""
        return known(self.name, model).capabilities

    def build_request(self, chat: ChatRequest, endpoint: Endpoint) -> WireRequest:
        """Shape a neutral request into a body of Converse, and sign it.

        Raises:
            Unsupported: See `FIT`; or an image is of a format that Bedrock does not take.
            ProviderError: No region or no credentials are configured.
            MissingExtraError: botocore is not installed.
        """
        botocore("eventstream")  # missing, it is missed here: before anything is sent
        said, notes = converse_body(chat, lambda: here(self, endpoint), facts_for(self, endpoint))
        found = None if endpoint.key is None else aws_credentials(endpoint.key)
        base_url, where = endpoint.base_url, ""
        if "{region}" in base_url or endpoint.key is None or found is not None:
            where = region(endpoint.options, self._environment, None if found is None else found.region)
        base_url = base_url.replace("{region}", where)
        operation = "converse-stream" if endpoint.stream else "converse"
        url = f"{base_url}/model/{quote(endpoint.model, safe='')}/{operation}"
        body = request_body(
            said,
            chat,
            endpoint,
            joined=("inferenceConfig", "additionalModelRequestFields", "outputConfig"),
        )
        if endpoint.key is not None and found is None:
            own = {"authorization": f"Bearer {endpoint.key.reveal()}"}
        else:
            who = credentials(endpoint.options, self._environment) if found is None else Credentials.of(found)
            own = signed_headers(url, body, who, where, self._now())
        headers = request_headers(endpoint, own, stream_type=STREAM_TYPE)
        cut = without_end_blanks(chat.prefill)[1] if chat.prefill else ""
        return WireRequest(url, headers, body, notes=notes, prefill_cut=cut)

    def key_source(self, options: Mapping[str, Any], environment: Mapping[str, str]) -> AwsChain | None:
        """How a target without a key finds one; None: by an API key or credentials that stand where they are read."""
        profile, role = options.get("profile"), options.get("role")
        static = options.get("access_key_id") or environment.get("AWS_ACCESS_KEY_ID")
        if (static or environment.get("AWS_BEARER_TOKEN_BEDROCK")) and not (profile or role):
            return None
        return AwsChain(*(None if name is None else str(name) for name in (profile, role)))

    def decoder(self, head: ResponseHead) -> Decoder:
        """A fresh decoder, of the stream or of a whole answer."""
        return decoder_for(
            head,
            stream=lambda: BedrockDecoder(head),
            body=lambda: body_decoder(head),
            stream_types=(STREAM_TYPE,),
        )

    def error_for(self, head: ResponseHead, body: bytes) -> ProviderError:
        """What a refusal means: its class is in a header, before a colon, or in the body."""
        facts = error_facts(body)
        said = head.headers.get("x-amzn-errortype") or str(facts.error.get("__type") or "")
        name = said.partition(":")[0].rpartition("#")[2].strip()
        if name:
            body = msgspec.json.encode({**facts.error, "message": facts.message, "type": name})
        return provider_error(head, body, rules=RULES)


provider = Bedrock()
