"""Our short way through a request's head says what gunicorn's long one says."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from gunicorn.asgi.parser import ParseError, PythonProtocol
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobsite.web_parser import Parser

HEAD = b"PUT /b/k?x=1 HTTP/1.1\r\nHost: h\r\nX-Amz-Meta-a_b:  v \r\nContent-Length: 5\r\n\r\n"


class Heard:
    """What a parser's callbacks were told."""

    def __init__(self, kind: type[PythonProtocol]) -> None:
        self.body = b""
        self.heads: list[Any] = []
        self.ends = 0
        self.parser = kind(
            on_headers_complete=self._head, on_body=self._piece, on_message_complete=self._end,
            limit_request_line=60, limit_request_fields=5, limit_request_field_size=40,
        )  # fmt: skip

    def _head(self) -> bool:
        parser = self.parser
        self.heads.append(
            (parser.method, parser.path, parser.http_version, parser.headers, parser.content_length,
             parser.is_chunked, parser.should_keep_alive)
        )  # fmt: skip
        return False

    def _piece(self, piece: bytes) -> None:
        self.body += piece

    def _end(self) -> None:
        self.ends += 1

    def feed(self, pieces: list[bytes]) -> Any:
        error = ""
        try:
            for piece in pieces:
                self.parser.feed(piece)
        except ParseError as raised:
            error = type(raised).__name__
        return error, self.heads, self.body, self.ends, self.parser.is_complete, self.parser.remaining()


def both(pieces: list[bytes]) -> tuple[Any, Any]:
    return Heard(PythonProtocol).feed(pieces), Heard(Parser).feed(pieces)


token = st.sampled_from(
    [b"Host", b"content-length", b"Transfer-Encoding", b"connection", b"x-a_b", b"a b", b""]
)
value = st.one_of(
    st.sampled_from([b" 5", b"0", b" chunked", b"close", b"x" * 40, b"\xff ", b"a\x00", b"a\nb", b"-1"]),
    st.binary(max_size=4),
)
line = st.builds(
    lambda name, text, end: name + b":" + text + end, token, value, st.sampled_from([b"\r\n", b"\n"])
)
start = st.sampled_from(
    [b"GET / HTTP/1.1\r\n", b"PUT /k HTTP/1.1\r\n", b"PUT /k HTTP/1.0\r\n", b"get / HTTP/1.1\r\n",
     b"GET http://h/k HTTP/1.1\r\n", b"GET /\xff HTTP/1.1\r\n", b"\r\nGET / HTTP/1.1\r\n",
     b"GET /" + b"x" * 50 + b" HTTP/1.1\r\n"]
)  # fmt: skip
message = st.builds(
    lambda first, lines, body: first + b"".join(lines) + b"\r\n" + body,
    start,
    st.lists(st.one_of(line, st.just(b"Content-Length: 5\r\n")), max_size=6),
    st.sampled_from([b"", b"12345", b"123", b"5\r\n12345\r\n0\r\n\r\n", HEAD]),
)


@settings(max_examples=300, deadline=None)
@given(message, st.lists(st.integers(0, 90), max_size=3))
@example(HEAD + b"12345" + HEAD, [])
@example(HEAD + b"12345", [len(HEAD), len(HEAD) + 2])
def test_it_reads_what_gunicorn_reads(sent: bytes, cuts: list[int]) -> None:
    at = [0, *sorted(cuts), len(sent)]
    pieces = [piece for piece in (sent[a:b] for a, b in pairwise(at)) if piece]
    theirs, ours = both(pieces)
    assert ours == theirs


def test_the_next_request_of_a_connection_is_read_too() -> None:
    heard = Heard(Parser)
    for _ in range(2):
        assert heard.feed([HEAD + b"12345"])[2:5] == (heard.body, len(heard.heads), True)
        heard.parser.reset()
    assert heard.heads[0] == heard.heads[1] and heard.body == b"1234512345"


def test_a_long_head_that_does_not_fit_costs_no_more_than_its_length() -> None:
    heard = Heard(Parser)
    heard.parser._limit_request_field_size = 0
    error, *_ = heard.feed([b"GET / HTTP/1.1\r\n" + b"a: " + b" " * 2_000_000 + b"\x00\r\n\r\n"])
    assert error
