"""The frame scanner and the message cutter, wherever the network cuts the bytes."""

from __future__ import annotations

import gzip
import itertools

import pytest
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from hypothesis import given
from hypothesis import strategies as st
from scripted_peer import raw_frame

from mxgateway.transport.framing import (
    FrameScanner,
    FramingError,
    GoAway,
)
from mxgateway.transport.messages import Compressed, MessageCutter, MessageError, frame_message

LIMIT = 4096
SETTINGS = SettingsFrame(0).serialize()


def _data(stream_id: int, data: bytes, end: bool, padding: int) -> Frame:
    frame = DataFrame(stream_id, data)
    if end:
        frame.flags.add("END_STREAM")
    if padding:
        frame.flags.add("PADDED")
        frame.pad_length = padding
    return frame


STREAMS = st.sampled_from([1, 3])
PLAIN = st.builds(_data, STREAMS, st.binary(max_size=600), st.just(False), st.just(0))
FRAMES = st.one_of(
    PLAIN,
    PLAIN,
    PLAIN,
    st.builds(_data, STREAMS, st.binary(max_size=50), st.booleans(), st.integers(0, 9)),
    st.builds(lambda: PingFrame(0, b"12345678")),
    st.builds(lambda n: WindowUpdateFrame(1, window_increment=n), st.integers(1, 1000)),
    st.builds(
        lambda n, d: GoAwayFrame(0, n, 0, d), st.integers(0, 2**31 - 1), st.binary(max_size=9)
    ),
    st.builds(lambda s: HeadersFrame(s, b"\x88", flags=["END_HEADERS"]), STREAMS),
)


def frames_of(data: bytes) -> list[bytes]:
    out = []
    while data:
        size = 9 + int.from_bytes(data[:3], "big")
        out.append(data[:size])
        data = data[size:]
    return out


def payloads(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return (head without length, payload) with runs of plain DATA joined."""
    out: list[tuple[bytes, bytes]] = []
    for frame in frames_of(data):
        head, payload = frame[3:9], frame[9:]
        plain = head[:2] == b"\0\0" and payload
        if plain and out and out[-1][0] == head:
            out[-1] = (head, out[-1][1] + payload)
        else:
            out.append((head, payload))
    return out


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(frames=st.lists(FRAMES, max_size=25), cuts=st.lists(st.integers(0, 20_000), max_size=12))
def test_any_cut_gives_the_same_bytes_with_data_merged_and_goaway_taken_out(
    frames: list[Frame], cuts: list[int]
) -> None:
    data = SETTINGS + b"".join(frame.serialize() for frame in frames)
    scanner = FrameScanner()
    out = b""
    goaways: list[GoAway] = []
    for piece in pieces(data, cuts):
        got, seen = scanner.feed(piece, LIMIT)
        for frame in frames_of(got):
            assert len(frame) - 9 <= LIMIT
        out += got
        goaways += seen
    assert scanner.pending == b""
    expected = SETTINGS + b"".join(
        frame.serialize() for frame in frames if not isinstance(frame, GoAwayFrame)
    )
    assert payloads(out) == payloads(expected)
    assert [(g.last_stream_id, g.debug) for g in goaways] == [
        (f.last_stream_id, f.additional_data) for f in frames if isinstance(f, GoAwayFrame)
    ]


def test_a_run_of_data_becomes_one_frame_below_the_limit() -> None:
    scanner = FrameScanner()
    frames = [DataFrame(1, bytes(1000)) for _ in range(10)]
    out, _ = scanner.feed(SETTINGS + b"".join(frame.serialize() for frame in frames), LIMIT)
    assert [len(frame) - 9 for frame in frames_of(out)[1:]] == [4000, 4000, 2000]


def test_a_frame_above_the_limit_is_refused_at_its_header() -> None:
    scanner = FrameScanner()
    scanner.feed(SETTINGS, LIMIT)
    with pytest.raises(FramingError, match="4097"):
        scanner.feed(raw_frame(0, 0, 1, bytes(LIMIT + 1))[:9], LIMIT)


@pytest.mark.parametrize("frame", [raw_frame(7, 0, 0, b"short"), raw_frame(7, 0, 5, bytes(8))])
def test_a_malformed_goaway_is_refused(frame: bytes) -> None:
    scanner = FrameScanner()
    with pytest.raises(FramingError, match="GOAWAY"):
        scanner.feed(SETTINGS + frame, LIMIT)


def test_a_goaway_inside_a_header_block_is_left_to_h2_which_refuses_it() -> None:
    scanner = FrameScanner()
    block = HeadersFrame(1, b"\x88").serialize()
    goaway = GoAwayFrame(0, last_stream_id=0).serialize()
    out, goaways = scanner.feed(SETTINGS + block + goaway, LIMIT)
    assert out.endswith(goaway)
    assert goaways == []


@given(
    messages=st.lists(st.binary(max_size=3000), max_size=20),
    cuts=st.lists(st.integers(0, 50_000), max_size=20),
    compressed=st.booleans(),
)
def test_messages_come_out_whole_and_in_order_wherever_they_are_cut(
    messages: list[bytes], cuts: list[int], compressed: bool
) -> None:
    if compressed:
        packed = [gzip.compress(m) for m in messages]
        data = b"".join(b"\1" + len(m).to_bytes(4, "big") + m for m in packed)
    else:
        data = b"".join(frame_message(m) for m in messages)
    cutter = MessageCutter(8192, 200)
    cutter.encoding = "gzip" if compressed else "identity"
    out = []
    size = 0
    for piece in pieces(data, cuts):
        cutter.feed(piece)
        while cutter.messages:
            payload = cutter.messages[0]
            out.append(cutter.expanded(payload) if isinstance(payload, Compressed) else payload)
            size += cutter.drop()
    assert out == messages
    assert size == len(data)
    assert (cutter.partial, cutter.missing) == (0, 0)


@pytest.mark.parametrize("cut", range(1, 14))
def test_an_incomplete_message_says_how_much_is_missing(cut: int) -> None:
    cutter = MessageCutter(100, 200)
    data = frame_message(b"123456789")
    cutter.feed(data[:cut])
    assert cutter.partial == cut
    assert cutter.missing == (5 - cut if cut < 5 else len(data) - cut)


@pytest.mark.requirement("msg.limits")
def test_the_limit_is_checked_on_the_prefix_and_nothing_more_is_kept() -> None:
    cutter = MessageCutter(100, 200)
    cutter.feed(frame_message(bytes(100)) + b"\0\0\0\0\x65")
    cutter.feed(bytes(101))
    assert len(cutter.messages) == 1
    assert isinstance(cutter.error, MessageError)
    assert cutter.partial == 0


@given(st.integers(1, 2000), st.integers(0, 3))
def test_a_flood_of_frames_comes_out_in_turns_and_whole(count: int, kind: int) -> None:
    flood = [
        raw_frame(0x6, 0, 0, bytes(8)),
        raw_frame(0x4, 0, 0, bytes(600)),
        raw_frame(0x0, 0x8, 1, b"\5data?" + bytes(5)),
        raw_frame(0x0, 0, 1, b"data") + raw_frame(0xBB, 0, 0),
    ][kind]
    scanner = FrameScanner()
    out, _ = scanner.feed(SETTINGS + flood * count, LIMIT)
    turns = [out]
    while scanner.more:
        out, _ = scanner.feed(b"", LIMIT)
        turns.append(out)
    assert b"".join(turns) == SETTINGS + flood * count
    assert all(len(turn) <= 256 * 80 for turn in turns)
    assert len(turns) <= 1 + count // 15
    assert scanner.pending == b""
