"""Memory of a service that gives each call a key of its own: `python -m benchmarks.keys 100000`.

A provider on loopback answers every request and keeps the connection. What is printed is the memory of the whole
process, provider included, after so many calls.
"""

import asyncio
import gc
import sys
import time

from standby import Router, Target

_BODY = b'{"choices":[{"message":{"content":"ok"},"finish_reason":"stop"}]}'
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
_PAGE_KIB = 4


class _Provider(asyncio.Protocol):
    """Answers whatever comes in one read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(_ANSWER)


def _resident_mib() -> float:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * _PAGE_KIB / 1024


async def measure(calls: int) -> None:
    """Make so many calls, each with a key of its own, and print what they come to."""
    server = await asyncio.get_running_loop().create_server(_Provider, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    shown = {1, 300, 1000, *range(10_000, calls + 1, 10_000), calls}
    began_s = time.perf_counter()
    async with server, Router([Target("openai", model="m", base_url=url, key="own")]) as router:
        for number in range(1, calls + 1):
            own = Target("openai", model="m", base_url=url, key=f"customer-{number}")
            await router.complete("hi", targets=[own], upstream="single")
            if number in shown:
                gc.collect()
                took_s = time.perf_counter() - began_s
                print(
                    f"{number:7} calls: {len(router.health()):4} targets, {_resident_mib():6.1f} MiB, {took_s:5.0f} s"
                )


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
