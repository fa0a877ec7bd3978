"""One simulated provider: choose the script of a request and plan its response. No I/O; time comes in as a number."""

from ...providers.codecs.json import UNDECODABLE
from ...providers.errors import ErrorKind
from ..dialects import DIALECTS
from ..scenario.reply import Failure, Page
from ..scenario.request import Reading, Request
from ..scenario.script import Scenario, Script
from .http1 import WireHead
from .plan import Plan, plan


class PlayedProvider:
    """A scenario, and how far it is.

    Args:
        errors: Takes what goes wrong with the scripts themselves, when the client gets a 500.
    """

    def __init__(self, name: str, scenario: Scenario, errors: list[Exception]) -> None:
        self.name = name
        self._errors = errors
        self._requests = 0
        self.play(scenario)

    def play(self, scenario: Scenario) -> None:
        """Begin a scenario, in place of the one before. Requests are counted on."""
        self._scenario = scenario
        self._dialect = DIALECTS[scenario.dialect]
        self._steps = 0

    def receive(self, head: WireHead, path: str, query: str, body: bytes, now_s: float) -> tuple[Request, Plan]:
        """Take the next request: what it is, and what to do with it."""
        self._requests += 1
        try:
            reading, unread = self._dialect.read(head.headers, path, body), False
        except UNDECODABLE:
            reading, unread = Reading(), True
        request = Request(
            provider=self.name,
            number=self._requests,
            method=head.method,
            path=path,
            query=query,
            headers=head.headers,
            body=body,
            reading=reading,
        )
        if unread:
            refusal = Failure(ErrorKind.BAD_REQUEST, message="The simulator cannot read this body.")
            return request, plan(Script(refusal), self._dialect, request)
        try:
            return request, plan(self._script(request, now_s), self._dialect, request)
        except Exception as error:  # noqa: BLE001 - a test's callable may raise anything; it is raised again at the end
            self._errors.append(error)
            page = Page(b"simulator: this script cannot be played\n", 500, "text/plain")
            return request, plan(Script(page, keep_alive=False), self._dialect, request)

    def _script(self, request: Request, now_s: float) -> Script:
        step = self._steps
        if self._scenario.window_at(now_s) is None:
            self._steps += 1
        return self._scenario.script_for(request, step, now_s)


def unknown_provider(head: WireHead, names: list[str]) -> tuple[Request, Plan]:
    """A request that belongs to no provider: 404, with the names that there are."""
    path, _, query = head.target.partition("?")
    request = Request(provider="", number=0, method=head.method, path=path, query=query, headers=head.headers)
    told = f"simulator: no provider has this prefix; there are: {', '.join(names) or 'none'}\n"
    return request, plan(Script(Page(told.encode(), 404, "text/plain")), DIALECTS["openai"], request)
