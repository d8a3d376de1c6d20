"""Heads of requests that are read once: a client's next request has the same one, but for its address and length."""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

import httptools
from starlette.types import Scope

from serving.front import Way

MOST = 1_024
"""Heads that are kept."""

LONGEST = 4_096
"""Bytes of a head that is kept."""

Headers = Iterable[tuple[bytes, bytes]]
_LINE = re.compile(rb"POST (/[A-Za-z0-9/._~:-]*) HTTP/1\.1")
"""A request's first line, of an address in which nothing stands for something else."""

_END = b"\r\n\r\n"


class Head(NamedTuple):
    """What a head of `size` bytes says: how its request is answered."""

    size: int
    way: Way
    scope: Scope
    keep_alive: bool


class _Read(NamedTuple):
    """What a head says below its first line; `length` is that of the body."""

    headers: list[tuple[bytes, bytes]]
    length: int
    keep_alive: bool


class Heads:
    """The heads of plain requests, by what `way_at` an address answers; `is_plain` says so of a length and headers."""

    def __init__(self, way_at: Callable[[str], Way | None], is_plain: Callable[[Headers], bool]) -> None:
        self._way_at = way_at
        self._is_plain = is_plain
        self._read = lru_cache(MOST)(self._parsed)

    def of(self, data: bytes) -> Head | None:
        """The head of the request that `data` is all of; None where it is no such request, or has no end yet."""
        end_of_line = data.find(b"\r\n")
        line = _LINE.fullmatch(data, 0, end_of_line)
        way = None if line is None else self._way_at(path := line[1].decode())
        size = data.find(_END) + len(_END)
        # what isn't answered here must not push out what is
        if way is None or not len(_END) <= size <= LONGEST:
            return None
        read = self._read(data[end_of_line:size])
        if read is None or len(data) != size + read.length:
            return None
        scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": read.headers}
        return Head(size, way, scope, read.keep_alive)

    def _parsed(self, below_line: bytes) -> _Read | None:
        found = _Found()
        parser = httptools.HttpRequestParser(found)
        try:
            parser.feed_data(b"POST / HTTP/1.1" + below_line)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return None
        # a head that ended earlier, or a body of no length, would have been told as such
        if not found.is_head or not self._is_plain(found.headers):
            return None
        length = next(int(value) for name, value in found.headers if name == b"content-length")
        return _Read(found.headers, length, parser.should_keep_alive())


class _Found:
    """What httptools finds."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.is_head = False
        """Whether a head has come, and nothing else."""

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.is_head = True

    def on_body(self, _: bytes) -> None:
        self.is_head = False

    def on_message_complete(self) -> None:
        self.is_head = False
