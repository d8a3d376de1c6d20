"""Which requests are known by their heads, and what a head says."""

import pytest

from serving.exchange import is_plain
from serving.front import Way
from serving.heads import LONGEST, Headers, Heads


async def nothing(*_: object) -> bytes:
    return b""


WAY = Way("/v1/decide", nothing, lambda: False)
OTHER = Way("/v1/{name}", nothing, lambda: False)
BODY = b"{}"


def request(*headers: bytes, line: bytes = b"POST /v1/decide HTTP/1.1", body: bytes = BODY) -> bytes:
    return b"\r\n".join([line, b"host: x", *headers, b"", body])


LENGTH = b"Content-Length: 2"


@pytest.fixture
def heads() -> Heads:
    return Heads({"/v1/decide": WAY, "/v1/a.b-c_d": OTHER}.get, is_plain)


@pytest.mark.parametrize(
    ("more", "keep_alive"),
    [
        pytest.param([], True, id="kept-open"),
        pytest.param([b"connection: close"], False, id="closed"),
        pytest.param([b"X-Request-Id: 7"], True, id="named"),
    ],
)
def test_a_plain_request_is_known(heads: Heads, more: list[bytes], keep_alive: bool) -> None:
    data = request(LENGTH, *more)

    for _ in range(2):
        head = heads.of(data)

        assert head is not None
        assert data[head.size :] == BODY
        assert (head.way, head.keep_alive) == (WAY, keep_alive)
        assert head.scope["path"] == "/v1/decide"
        named = [header.split(b": ") for header in [b"host: x", LENGTH, *more]]
        assert head.scope["headers"] == [(name.lower(), value) for name, value in named]


def test_heads_that_differ_by_their_address_alone_are_told_apart(heads: Heads) -> None:
    one, other = (
        heads.of(request(LENGTH, line=b"POST %b HTTP/1.1" % path)) for path in (b"/v1/decide", b"/v1/a.b-c_d")
    )

    assert one is not None
    assert other is not None
    assert (one.way, one.scope["path"]) == (WAY, "/v1/decide")
    assert (other.way, other.scope["path"]) == (OTHER, "/v1/a.b-c_d")


def test_only_heads_that_there_is_a_way_for_are_read_and_each_is_read_once() -> None:
    seen: list[object] = []

    def is_seen(headers: Headers) -> bool:
        seen.append(headers)
        return is_plain(headers)

    heads = Heads({"/v1/decide": WAY}.get, is_seen)

    for name, path in enumerate([b"/v1/decide", b"/v1/rewards", b"/v1/decide"]):
        heads.of(request(LENGTH, b"X-Request-Id: %d" % (name % 2), line=b"POST %b HTTP/1.1" % path))

    assert len(seen) == 1


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\r\n" + request(LENGTH), id="an-empty-line-before"),
        pytest.param(request(LENGTH)[:20], id="half-a-line"),
        pytest.param(request(LENGTH)[:-6], id="half-a-head"),
        pytest.param(request(LENGTH)[:-1], id="half-a-body"),
        pytest.param(request(LENGTH) * 2, id="two-requests"),
        pytest.param(request(), id="no-length"),
        pytest.param(request(b"content-length: 0", body=b""), id="no-body"),
        pytest.param(request(LENGTH, LENGTH), id="two-lengths"),
        pytest.param(request(b"content-length: +2"), id="no-number"),
        pytest.param(request(b"transfer-encoding: chunked", body=b"2\r\n{}\r\n0\r\n\r\n"), id="in-chunks"),
        pytest.param(request(LENGTH, b"transfer-encoding: chunked"), id="chunks-with-a-length"),
        pytest.param(request(LENGTH, b"origin: https://shop.example"), id="from-a-page"),
        pytest.param(request(LENGTH, b"expect: 100-continue"), id="wants-to-be-asked"),
        pytest.param(request(LENGTH, b"connection: upgrade", b"upgrade: websocket"), id="wants-another-protocol"),
        pytest.param(request(LENGTH, b"x" * LONGEST + b": 1"), id="long"),
        pytest.param(request(LENGTH, b"no header"), id="no-header"),
        pytest.param(request(LENGTH, line=b"POST /v1/decide HTTP/1.0"), id="an-older-protocol"),
        pytest.param(request(LENGTH, line=b"POST /v1/decide?x HTTP/1.1"), id="a-query"),
        pytest.param(request(LENGTH, line=b"POST /v1/a%2Eb-c_d HTTP/1.1"), id="an-escaped-address"),
        pytest.param(request(LENGTH, line=b"POST /v1/rewards HTTP/1.1"), id="another-address"),
        pytest.param(request(LENGTH, line=b"GET /v1/decide HTTP/1.1"), id="another-method"),
        # a line feed alone ends a line for some: what is a body to them is none here
        pytest.param(b"POST /v1/decide HTTP/1.1\r\ncontent-length: 6\n\n{}\r\n\r\n", id="line-feeds"),
    ],
)
def test_any_other_is_not(heads: Heads, data: bytes) -> None:
    assert heads.of(data) is None
    assert heads.of(data) is None
