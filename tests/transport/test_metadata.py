"""Metadata and status text on the wire, both ways."""

from __future__ import annotations

import base64

import pytest
from calls import REPLY, channel_to
from grpclib.const import Cardinality
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_peer import OK_HEADERS, PeerConnection, grpc_message, scripted_peer

from mxgateway.errors import ConfigurationError, NotFoundError, UnknownStatusError
from mxgateway.generated.mxaccess_gateway.v1 import OpenSessionReply, OpenSessionRequest
from mxgateway.transport.channel import Channel
from mxgateway.transport.metadata import decode_headers, decode_metadata, encode

PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1)


def b64(value: bytes, *, padded: bool = False) -> str:
    text = base64.b64encode(value).decode()
    return text if padded else text.rstrip("=")


async def call(channel: Channel, **metadata: str | bytes) -> tuple[list[tuple[str, object]], ...]:
    """Make a unary call; return initial and trailing metadata as pairs."""
    async with channel.request(
        "/x/Y",
        Cardinality.UNARY_UNARY,
        OpenSessionRequest,
        OpenSessionReply,
        timeout=5,
        metadata={name.replace("_", "-"): value for name, value in metadata.items()},
    ) as stream:
        await stream.send_message(OpenSessionRequest(), end=True)
        await stream.recv_message()
        await stream.recv_trailing_metadata()
    assert stream.initial_metadata is not None
    assert stream.trailing_metadata is not None
    return list(stream.initial_metadata.items()), list(stream.trailing_metadata.items())


async def test_metadata_goes_and_comes_with_binary_values_and_duplicates() -> None:
    async def script(connection: PeerConnection) -> None:
        request = await connection.request()
        assert request.headers["x-text"] == "a b"
        assert request.headers["x-data-bin"] == b64(b"\0\xff")
        fields = [*OK_HEADERS, ("x-a", "1"), ("x-a", "2"), ("x-b-bin", b64(b"\1", padded=True))]
        await connection.send(
            connection.headers_frame(request.stream_id, fields),
            connection.data_frame(request.stream_id, grpc_message(REPLY)),
            connection.headers_frame(
                request.stream_id,
                [
                    ("grpc-status", "0"),
                    ("x-c-bin", f"{b64(b'one')},{b64(b'three')}, {b64(b'')}"),
                    ("x-c-bin", "*not base64*"),
                    ("x-d", "last"),
                ],
                end=True,
            ),
        )

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        initial, trailing = await call(channel, x_text="a b", x_data_bin=b"\0\xff")
    assert initial == [("x-a", "1"), ("x-a", "2"), ("x-b-bin", b"\1")]
    # What is no base64 is left out; its neighbours stay.
    assert trailing == [
        ("x-c-bin", b"one"),
        ("x-c-bin", b"three"),
        ("x-c-bin", b""),
        ("x-d", "last"),
    ]


@pytest.mark.parametrize(
    ("wire", "text"),
    [
        ("kein%20Tag%20%E2%9C%93", "kein Tag \N{CHECK MARK}"),
        ("100%", "100%"),
        ("%zz", "%zz"),
        ("%FF", "\N{REPLACEMENT CHARACTER}"),
        ("", ""),
    ],
)
async def test_status_messages_are_percent_decoded_and_never_fail(wire: str, text: str) -> None:
    async def script(connection: PeerConnection) -> None:
        stream_id = (await connection.request()).stream_id
        await connection.send(
            connection.headers_frame(stream_id),
            connection.trailers_frame(stream_id, 5, grpc_message=wire),
        )

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        with pytest.raises(NotFoundError) as caught:
            await call(channel)
    assert caught.value.message == text


@pytest.mark.requirement("err.no-leaks")
async def test_damaged_status_details_do_not_hide_the_status() -> None:
    async def script(connection: PeerConnection) -> None:
        stream_id = (await connection.request()).stream_id
        await connection.send(
            connection.headers_frame(stream_id),
            connection.trailers_frame(
                stream_id, 2, grpc_message="why", grpc_status_details_bin="*not base64*"
            ),
        )

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        with pytest.raises(UnknownStatusError, match="why") as caught:
            await call(channel)
    assert caught.value.details is None


@settings(deadline=None, max_examples=60)
@given(
    text=st.lists(st.tuples(st.sampled_from(["x-a", "x-b"]), PRINTABLE), max_size=4),
    data=st.lists(st.tuples(st.sampled_from(["x-c-bin", "x-d-bin"]), st.binary()), max_size=4),
)
def test_what_is_encoded_decodes_to_the_same_pairs(
    text: list[tuple[str, str]], data: list[tuple[str, bytes]]
) -> None:
    pairs: list[tuple[str, str | bytes]] = [*text, *data]
    assert list(decode_metadata(encode(pairs)).items()) == pairs


@settings(deadline=None, max_examples=100)
@given(raw=st.lists(st.tuples(st.binary(), st.binary()), max_size=4))
def test_no_received_header_makes_decoding_fail(raw: list[tuple[bytes, bytes]]) -> None:
    named = [(name + b"-bin", value) for name, value in raw]
    for value in decode_metadata(decode_headers(named)).values():
        assert isinstance(value, str | bytes)


@pytest.mark.requirement("log.redact")
def test_metadata_that_is_refused_is_not_quoted() -> None:
    with pytest.raises(ConfigurationError) as caught:
        encode({"x-secret": "hunter2\n"})
    assert "x-secret" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__
