"""Reading HTTP heads: gunicorn's parser, with a short way for the heads that nearly all clients send.

gunicorn takes a head apart line by line and byte by byte (45 us for a signed GET). Here one regular
expression accepts a whole head that came in one piece and holds nothing unusual; what it does not
accept goes gunicorn's way, and gunicorn's checks of framing see every head. The bytes of a body go
on without being copied twice. The version is pinned; tests/jobsite/test_web_parser.py compares both.
"""

from __future__ import annotations

import re

from gunicorn.asgi.parser import PythonProtocol

# Possessive (*+): nothing is tried twice, whatever is sent. Sources: RFC 9110, 5.6.2 "Tokens" and
# 5.5 "Field Values"; RFC 9112, 3.2 "Request Target".
_HEAD = re.compile(
    rb"(GET|HEAD|PUT|POST|DELETE|OPTIONS) (/[!-~]*+) HTTP/1\.1\r\n"
    rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t -~\x80-\xff]*+\r\n)*+)\r\n"
)


class Parser(PythonProtocol):
    """One connection's requests."""

    def feed(self, data: bytes) -> None:
        """Raises gunicorn's ParseError."""
        if not self._buffer:
            if self._state == "body" and 0 < len(data) <= self._body_remaining:
                self._pass_on(data)
                return
            if self._state == "request_line" and not self._empty_line_skipped:
                rest = self._take_head(data)
                if rest is not None:
                    data = rest
        if data:
            super().feed(data)

    def _pass_on(self, piece: bytes) -> None:
        self._body_remaining -= len(piece)
        self._on_body(piece)
        if not self._body_remaining:
            self._state = "complete"
            self.is_complete = True
            self._on_message_complete()

    def _take_head(self, data: bytes) -> bytes | None:
        """What follows the head; None if it is one for gunicorn, of which nothing was taken."""
        found = _HEAD.match(data)
        if found is None:
            return None
        method, path, block = found.groups()
        lines = block.split(b"\r\n")
        lines.pop()
        if not self._within_limits(len(path) + len(method) + 10, lines):
            return None
        self.method, self.path, self.http_version = method, path, (1, 1)
        for line in lines:
            name, _, value = line.partition(b":")
            self._headers_list.append((name.lower(), value.strip(b" \t")))
        self._finalize_headers()
        return data[found.end() :]

    def _within_limits(self, line: int, lines: list[bytes]) -> bool:
        """As gunicorn counts: the request line without its end, fields with theirs; 0 is no limit."""
        most_line, most, size = (
            self._limit_request_line,
            self._limit_request_fields,
            self._limit_request_field_size,
        )
        if (most_line and line > most_line) or (most and len(lines) > most):
            return False
        return not size or not lines or max(map(len, lines)) + 2 <= size
