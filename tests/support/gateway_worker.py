"""A program that serves on a port that several share, as a worker or as the supervisor of two.

python gateway_worker.py PORT                a worker
python gateway_worker.py PORT supervise      two of them; their processes are printed as they start
"""

import asyncio
import os
import sys

from standby.config.addresses import Address
from standby.gateway.http import Reply, Request
from standby.gateway.process.ending import Drain, Stop
from standby.gateway.process.listening import bind
from standby.gateway.process.supervisor import Supervisor
from standby.gateway.serve import serve

DRAIN = Drain(delay_s=0, wait_s=20)


class Pids:
    """Answers with the number of the process."""

    async def handle(self, request: Request, reply: Reply) -> None:
        await reply.whole(200, (), b"%d" % os.getpid())

    def leaving(self) -> None:
        pass

    async def last_words(self) -> None:
        pass

    async def reload(self) -> None:
        pass


def command(port: int) -> list[str]:
    return [sys.executable, __file__, str(port)]


async def work(port: int) -> int:
    bound = bind(Address("127.0.0.1", port), share=True)
    return await serve(
        Pids(), bound, drain=DRAIN, note=lambda what, error: None, ready=lambda listening: None, supervised=True
    )


async def supervise(port: int) -> int:
    supervisor = Supervisor(lambda number: command(port), 2, drain=DRAIN, told=lambda what, number, process: None)
    return await supervisor.run(Stop())


if __name__ == "__main__":
    play = supervise if sys.argv[2:] else work
    sys.exit(asyncio.run(play(int(sys.argv[1]))))
