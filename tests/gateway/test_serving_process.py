"""A process that serves: the end by signals, reloads, certificates, and where it listens."""

import asyncio
import os
import signal
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme
from standby.config.addresses import Address
from standby.gateway.http import Reply, Request
from standby.gateway.process.certificates import CertificateError, Certificates
from standby.gateway.process.ending import BROKEN_OFF, DONE, Drain, Stop
from standby.gateway.process.listening import CannotListen, Listening, bind
from standby.gateway.serve import serve

from gateway_stage import EVENTS, PATIENCE_S, TEXT, Wire, until

GET = b"GET / HTTP/1.1\r\nHost: gateway\r\n\r\n"
STREAM = b"GET /stream HTTP/1.1\r\nHost: gateway\r\n\r\n"


class Told:
    """A service that streams until the test lets it end, and writes down what it is told."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.log: list[str] = []
        self.streams: list[Reply] = []
        self.reload_error: Exception | None = None

    async def handle(self, request: Request, reply: Reply) -> None:
        if request.path != "/stream":
            await reply.whole(200, TEXT, b"pid %d" % os.getpid())
            return
        await reply.start(200, EVENTS, b"data: 1\n\n")
        self.streams.append(reply)
        await self.go.wait()
        await reply.chunk(b"data: 2\n\n")
        await reply.end(b"data: [DONE]\n\n")

    def leaving(self) -> None:
        self.log.append("leaving")

    async def last_words(self) -> None:
        self.log.append("last words")
        for each in self.streams:
            await each.chunk(b"data: error\n\n")
        self.go.set()

    async def reload(self) -> None:
        self.log.append("reload")
        if self.reload_error is not None:
            raise self.reload_error


@dataclass
class Running:
    service: Told
    stop: Stop
    ending: "asyncio.Task[int]"
    listening: Listening
    notes: list[tuple[str, BaseException | None]] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.listening.address.port

    def wire(self) -> Wire:
        return Wire("127.0.0.1", self.port)


@asynccontextmanager
async def running(
    drain: Drain | None = None, *, where: Address | None = None, certificates: Certificates | None = None
) -> AsyncIterator[Running]:
    service, stop = Told(), Stop()
    ready: asyncio.Future[Listening] = asyncio.get_running_loop().create_future()
    notes: list[tuple[str, BaseException | None]] = []
    ending = asyncio.create_task(
        serve(
            service,
            where or Address("127.0.0.1"),
            drain=drain or Drain(delay_s=0, wait_s=PATIENCE_S),
            certificates=certificates,
            note=lambda what, error: notes.append((what, error)),
            ready=ready.set_result,
            stop=stop,
        )
    )
    await asyncio.wait({ready, ending}, return_when=asyncio.FIRST_COMPLETED)
    if ending.done():
        ending.result()
    try:
        yield Running(service, stop, ending, ready.result(), notes)
    finally:
        stop.ask()
        stop.ask()
        await ending


async def test_a_signal_during_200_streams_cuts_none_and_new_connections_are_refused() -> None:
    async with running() as held:
        wires = [held.wire() for _ in range(200)]
        for wire in wires:
            await wire.__aenter__()
            await wire.send(STREAM)
        for wire in wires:
            await wire.first_bytes()
        async with held.wire() as idle:
            assert (await idle.ask(GET)).status == 200
            os.kill(os.getpid(), signal.SIGTERM)
            assert await idle.is_closed(), "an idle connection is closed"
        with pytest.raises(ConnectionRefusedError):
            await held.wire().__aenter__()
        assert held.service.log == ["leaving"]
        held.service.go.set()
        for wire in wires:
            answer = await wire.answer()
            assert (answer.body, answer.is_whole) == (b"data: 1\n\ndata: 2\n\ndata: [DONE]\n\n", True)
        assert await held.ending == DONE
        assert held.service.log == ["leaving"]
        for wire in wires:
            await wire.leave()


async def test_new_requests_are_taken_until_balancers_have_seen_the_end_and_each_closes_its_connection() -> None:
    async with running(Drain(delay_s=600, wait_s=0)) as held, held.wire() as old, held.wire() as new:
        assert "connection" not in (await old.ask(GET)).fields
        held.stop.ask()
        await until(lambda: held.service.log == ["leaving"])
        for wire in (old, new):
            answer = await wire.ask(GET)
            assert (answer.status, answer.fields["connection"]) == (200, "close")
            assert await wire.is_closed()
        held.stop.ask()
        assert await held.ending == DONE


async def test_a_stream_that_takes_too_long_is_told_in_its_own_words() -> None:
    async with running(Drain(delay_s=0, wait_s=0.05)) as held, held.wire() as wire:
        await wire.send(STREAM)
        await wire.first_bytes()
        held.stop.ask()
        assert b"data: error\n\n" in (await wire.answer()).body
        assert await held.ending == BROKEN_OFF
        assert held.service.log == ["leaving", "last words"]


async def test_a_second_signal_ends_it_at_once() -> None:
    async with running() as held, held.wire() as wire:
        await wire.send(STREAM)
        await wire.first_bytes()
        os.kill(os.getpid(), signal.SIGINT)
        await until(lambda: held.service.log == ["leaving"])
        os.kill(os.getpid(), signal.SIGTERM)
        assert not (await wire.answer()).is_whole
        assert await held.ending == BROKEN_OFF


async def test_a_hangup_reloads_and_a_reload_that_fails_is_told() -> None:
    async with running() as held, held.wire() as wire:
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: held.service.log == ["reload"])
        held.service.reload_error = ValueError("a key is missing")
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: bool(held.notes))
        assert [(what, str(error)) for what, error in held.notes] == [("reload_failed", "a key is missing")]
        assert (await wire.ask(GET)).status == 200


async def test_it_listens_on_a_path_and_takes_the_place_of_one_that_died(tmp_path: Path) -> None:
    path = str(tmp_path / "gateway.sock")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    async with running(where=Address(path=path)) as held:
        assert held.listening.url == f"unix:{path}"
        assert os.stat(path).st_mode & 0o777 == 0o660
        with pytest.raises(CannotListen, match="in use"):
            bind(Address(path=path))
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"GET / HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 OK")
        writer.close()
        await writer.wait_closed()
    assert "gateway.sock" not in os.listdir(tmp_path)


async def test_a_path_that_another_process_has_taken_meanwhile_is_left_alone(tmp_path: Path) -> None:
    """The old process drains for ten minutes, while the new one serves."""
    address = Address(path=str(tmp_path / "gateway.sock"))
    old = bind(address)
    old.close()
    new = bind(address)
    old.close()
    assert os.listdir(tmp_path) == ["gateway.sock"]
    new.close()
    assert os.listdir(tmp_path) == []


async def test_a_file_is_no_place_to_listen(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    with pytest.raises(CannotListen, match=r"cannot listen on unix:.*notes\.txt"):
        bind(Address(path=str(path)))
    assert path.read_text() == "mine"


async def test_an_address_that_is_taken_is_named() -> None:
    async with running() as held:
        with pytest.raises(CannotListen, match=f"cannot listen on 127.0.0.1:{held.port}: Address already in use"):
            bind(Address("127.0.0.1", held.port))
    with pytest.raises(CannotListen, match=r"cannot listen on no\.such\.host\.invalid:80: "):
        bind(Address("no.such.host.invalid", 80))


async def test_two_processes_may_share_an_address_that_both_ask_to_share() -> None:
    first = bind(Address("127.0.0.1"), share=True)
    second = bind(first.address, share=True)
    assert second.address == first.address
    first.close()
    second.close()


# Certificates.


def write(path: str, data: bytes) -> None:
    """Write a file over another."""
    Path(path).write_bytes(data)


class Authority:
    """A certificate authority, and files that it wrote."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.ca = trustme.CA()
        self.ca_file = str(folder / "ca.pem")
        self.ca.cert_pem.write_to_path(self.ca_file)

    def issue(self, name: str = "127.0.0.1") -> tuple[str, str]:
        """Write a new certificate and its key over the old ones."""
        cert = self.ca.issue_cert(name)
        paths = str(self._folder / "cert.pem"), str(self._folder / "key.pem")
        with open(paths[0], "wb") as file:
            file.write(b"".join(blob.bytes() for blob in cert.cert_chain_pems))
        cert.private_key_pem.write_to_path(paths[1])
        return paths

    def client(self, cert: trustme.LeafCert | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca_file)
        if cert is not None:
            cert.configure_cert(context)
        return context


async def shown(port: int, context: ssl.SSLContext) -> int:
    """Connect, ask, and give the serial number of the certificate that was shown."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 OK")
        return int(writer.get_extra_info("peercert")["serialNumber"], 16)
    finally:
        writer.close()
        with suppress(OSError):  # the server was first
            await writer.wait_closed()


async def test_new_connections_see_a_new_certificate_after_a_reload_and_old_ones_go_on(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificates = Certificates(*authority.issue())
    async with running(certificates=certificates) as held:
        assert held.listening.url == f"https://127.0.0.1:{held.port}"
        before = await shown(held.port, authority.client())
        reader, writer = await asyncio.open_connection("127.0.0.1", held.port, ssl=authority.client())
        assert not certificates.has_changed
        authority.issue()
        assert certificates.has_changed
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: held.service.log == ["reload"])
        assert await shown(held.port, authority.client()) != before
        writer.write(b"GET / HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 OK")
        writer.close()
        await writer.wait_closed()


async def test_a_certificate_that_cannot_be_used_changes_nothing_and_is_told(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificates = Certificates(cert := authority.issue()[0], str(tmp_path / "key.pem"))
    async with running(certificates=certificates) as held:
        before = await shown(held.port, authority.client())
        write(cert, b"half a certificate")
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: bool(held.notes))
        assert [what for what, _ in held.notes] == ["reload_failed"]
        assert str(held.notes[0][1]).startswith(f"the certificate {cert} with the key ")
        assert await shown(held.port, authority.client()) == before


async def test_clients_must_show_a_certificate_of_those_that_are_trusted_now(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    authority, others = Authority(tmp_path / "a"), Authority(tmp_path / "b")
    certificates = Certificates(*authority.issue(), client_ca=authority.ca_file)
    mine, theirs = authority.ca.issue_cert("me@example"), others.ca.issue_cert("me@example")

    async def is_let_in(context: ssl.SSLContext) -> bool:
        try:
            await shown(held.port, context)
        except (ssl.SSLError, ConnectionError, AssertionError):
            return False
        return True

    async with running(certificates=certificates) as held:
        assert [await is_let_in(authority.client(cert)) for cert in (mine, theirs, None)] == [True, False, False]
        write(authority.ca_file, others.ca.cert_pem.bytes())
        certificates.reload()
        trusted = ssl.create_default_context()
        authority.ca.configure_trust(trusted)
        theirs.configure_cert(trusted)
        assert await is_let_in(trusted), "what is trusted is reloaded, too"


@pytest.mark.parametrize("missing", ["cert.pem", "key.pem"])
def test_a_file_that_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    cert, key = Authority(tmp_path).issue()
    (tmp_path / missing).unlink()
    with pytest.raises(CertificateError, match=rf"{missing} cannot be used: No such file"):
        Certificates(cert, key)
