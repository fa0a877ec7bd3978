"""Answers as bytes."""

import pytest
from standby.gateway.http import RequestRefused
from standby.gateway.shells.rendering import Dates, chunk, head, last_chunks, refusal


def test_a_head_is_rendered_in_the_order_of_its_fields() -> None:
    assert head(200, (("content-type", "text/plain"), ("x-a", "é")), "date: d\r\n") == (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-a: \xe9\r\ndate: d\r\n\r\n"
    )
    assert head(599, (), "").startswith(b"HTTP/1.1 599 \r\n")


@pytest.mark.parametrize(
    "field",
    [
        ("x", "a\r\nset-cookie: b"),
        ("x", "a\nb"),
        ("x", "a\rb"),
        ("x", "a\0b"),
        ("x\r\ny", "a"),
        ("x", "\r\n\r\n<html>"),
        ("x", "text beyond Latin-1: \N{SNOWMAN}"),
    ],
)
def test_a_field_cannot_end_its_line(field: tuple[str, str]) -> None:
    with pytest.raises(ValueError):
        head(200, (field,), "")


def test_two_fields_cannot_make_up_for_each_other() -> None:
    with pytest.raises(ValueError):
        head(200, (("a", "1\n"), ("b", "2\r")), "")


def test_pieces_are_framed() -> None:
    assert chunk(b"x" * 17) == b"11\r\n" + b"x" * 17 + b"\r\n"
    assert last_chunks(b"") == b"0\r\n\r\n"
    assert last_chunks(b"ab") == b"2\r\nab\r\n0\r\n\r\n"


def test_the_date_is_that_of_the_second() -> None:
    dates = Dates()
    assert dates.line(0.9) == "date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
    assert dates.line(0.0) == dates.line(0.99)
    assert dates.line(1.0) == "date: Thu, 01 Jan 1970 00:00:01 GMT\r\n"


def test_a_refusal_is_read_by_clients_of_both_protocols() -> None:
    whole = refusal(RequestRefused(503, "Full.", (("retry-after", "1"),)), "date: d\r\n")
    top, _, body = whole.partition(b"\r\n\r\n")
    assert top.split(b"\r\n") == [
        b"HTTP/1.1 503 Service Unavailable",
        b"content-type: application/json",
        b"retry-after: 1",
        b"date: d",
        b"content-length: 95",
        b"connection: close",
    ]
    assert body == (b'{"type":"error","error":{"type":"overloaded_error","message":"Full.","code":null,"param":null}}')
