"""Which connections have used up their time, by a clock that is handed in."""

from standby.gateway.shells.connections import LINGER_S, Connections, Overdue


class Fake:
    """A connection that has written so many bytes."""

    def __init__(self, name: str, unsent: int = 0) -> None:
        self.name, self.size = name, unsent

    def unsent(self) -> int:
        return self.size

    def __repr__(self) -> str:
        return self.name


def book(most: int = 3) -> Connections[Fake]:
    return Connections(most, head_s=10, stalled_s=60)


def test_a_head_has_its_time_from_its_first_byte_and_more_bytes_give_no_more() -> None:
    held = book()
    slow, quick, idle = Fake("slow"), Fake("quick"), Fake("idle")
    for each in (slow, quick, idle):
        held.opened(each)
    held.head_began(slow, 100)
    held.head_began(quick, 101)
    held.request_began(quick)
    assert held.overdue(109.9) == []
    assert held.overdue(110) == [Overdue(slow, "head")]
    assert held.overdue(10_000) == [Overdue(slow, "head")], "an idle connection has not begun a head"


def test_the_oldest_heads_are_told_and_no_younger_one() -> None:
    held = book()
    first, second = Fake("first"), Fake("second")
    held.head_began(first, 0)
    held.head_began(second, 5)
    assert held.overdue(14) == [Overdue(first, "head")]
    assert held.overdue(15) == [Overdue(first, "head"), Overdue(second, "head")]


def test_a_client_that_takes_a_little_now_and_then_is_not_stalled() -> None:
    held, client = book(), Fake("client", 100_000)
    held.stalled(client, 0)
    client.size = 99_999
    assert held.overdue(59) == []
    assert held.overdue(118) == []
    assert held.overdue(119) == [Overdue(client, "stalled")]


def test_a_client_that_has_taken_all_is_not_looked_at_again() -> None:
    held, client = book(), Fake("client", 100_000)
    held.stalled(client, 0)
    client.size = 0
    assert held.overdue(1) == []
    client.size = 5
    assert held.overdue(1000) == []


def test_an_answer_that_is_not_taken_after_its_end_is_seen_too() -> None:
    held, client = book(), Fake("client", 40_000)
    held.opened(client)
    held.request_began(client)
    held.request_ended(client, 0, goes_on=True)
    assert held.overdue(60) == [Overdue(client, "stalled")]


def test_the_client_of_a_refused_head_has_a_moment_to_read_why() -> None:
    held, client = book(), Fake("client")
    held.opened(client)
    held.head_began(client, 0)
    held.lingers(client, 1)
    assert held.overdue(LINGER_S) == []
    assert held.overdue(1 + LINGER_S) == [Overdue(client, "lingered")]
    assert held.idle == []


def test_a_new_connection_takes_the_place_of_the_one_idle_for_longest() -> None:
    held = book(most=3)
    first, second, third = Fake("first"), Fake("second"), Fake("third")
    for each in (first, second, third):
        assert held.surplus() is None
        held.opened(each)
    held.request_began(first)
    held.request_ended(first, 5, goes_on=True)
    assert held.surplus() is second
    for each in (first, second):
        held.request_began(each)
    held.head_began(third, 6)
    try:
        found = held.surplus()
    except LookupError:
        found = None
    assert found is None, "a connection at work gives its place to no other"
    assert len(held) == 3


def test_nothing_is_kept_of_a_closed_connection() -> None:
    held, client = book(), Fake("client", 100)
    held.opened(client)
    held.head_began(client, 0)
    held.stalled(client, 0)
    held.lingers(client, 0)
    held.closed(client)
    held.request_ended(client, 1, goes_on=True)  # its handler was cancelled, and ends after it
    assert (held.overdue(1000), held.idle, held.every, len(held)) == ([], [], [], 0)


def test_short_clocks_are_looked_at_more_often() -> None:
    assert book().sweep_s == 1
    assert Connections[Fake](1, head_s=0.2, stalled_s=60).sweep_s == 0.05
