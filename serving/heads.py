"""Heads of requests that are read once: a client's next request has the same one, but for the length of its body."""

from collections.abc import Callable, Iterable, Mapping
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
_END = b"\r\n\r\n"


class Head(NamedTuple):
    """What a head of `size` bytes says: how its request is answered, and how long its body is."""

    size: int
    length: int
    way: Way
    scope: Scope
    keep_alive: bool


class Heads:
    """The heads of plain requests to `ways`, by path; `is_plain` says of a length and headers whether they are."""

    def __init__(self, ways: Mapping[str, Way], is_plain: Callable[[Headers], bool]) -> None:
        self._lines = {f"POST {path} HTTP/1.1".encode(): (path, way) for path, way in ways.items()}
        self._is_plain = is_plain
        self._read = lru_cache(MOST)(self._parsed)

    def of(self, data: bytes) -> Head | None:
        """The head of the request that `data` is all of; None where it is no such request, or has no end yet."""
        if data[: data.find(b"\r\n")] not in self._lines:
            return None
        size = data.find(_END) + len(_END)
        if not len(_END) <= size <= LONGEST:
            return None
        head = self._read(data[:size])
        return head if head is not None and len(data) == size + head.length else None

    def _parsed(self, head: bytes) -> Head | None:
        found = _Found()
        parser = httptools.HttpRequestParser(found)
        try:
            parser.feed_data(head)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return None
        # a head that ended earlier, or a body of no length, would have been told as such
        if not found.is_head or not self._is_plain(found.headers):
            return None
        path, way = self._lines[head[: head.find(b"\r\n")]]
        length = next(int(value) for name, value in found.headers if name == b"content-length")
        scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": found.headers}
        return Head(len(head), length, way, scope, parser.should_keep_alive())


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
