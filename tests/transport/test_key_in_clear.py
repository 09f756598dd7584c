"""A key over plaintext to another computer is warned of, once for a client."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute, SocketStream
from hypothesis import given
from hypothesis import strategies as st

from mxgateway import GatewayClient
from mxgateway.addresses import is_loopback
from mxgateway.errors import ConnectionLost
from mxgateway.simulator import ThreadedSimulator

KEY = "mxgw_a_b"
FAR = ("192.0.2.7", 5000)


class Far(ByteStream):
    """A connection that looks as if it led to another computer; no test may use a network."""

    def __init__(self, stream: SocketStream) -> None:
        self._stream = stream

    async def receive(self, max_bytes: int = 65536) -> bytes:
        return await self._stream.receive(max_bytes)

    async def send(self, item: bytes) -> None:
        await self._stream.send(item)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        return {**self._stream.extra_attributes, SocketAttribute.remote_address: lambda: FAR}


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> list[Far]:
    """Let connections look as if they left this computer; they are kept here."""
    connect = anyio.connect_tcp
    made: list[Far] = []

    async def connect_tcp(host: str, port: int) -> Far:
        made.append(Far(await connect(host, port)))
        return made[-1]

    monkeypatch.setattr(anyio, "connect_tcp", connect_tcp)
    return made


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    ours = [r for r in caplog.records if r.name.startswith("mxgateway")]
    return [r.getMessage() for r in ours if r.levelno == logging.WARNING]


async def test_a_key_in_clear_is_warned_of_once_for_all_connections(
    caplog: pytest.LogCaptureFixture, elsewhere: list[Far]
) -> None:
    with ThreadedSimulator(interval=None) as sim:
        fields: dict[str, Any] = {"endpoint": sim.endpoint, "plaintext": True}
        async with GatewayClient.connect(api_key=sim.api_key, **fields) as client:
            await client.open_session()
            sim.faults.drop_connections()
            with anyio.fail_after(10):
                while len(elsewhere) < 2:
                    with suppress(ConnectionLost):
                        await client.open_session()
        (warning,) = warnings(caplog)
        assert f"plaintext to {sim.endpoint} is INSECURE" in warning
        assert sim.api_key not in warning
        caplog.clear()
        async with GatewayClient.connect(**fields):
            pass  # no key, nothing to read
        assert warnings(caplog) == []


async def test_a_key_that_stays_on_this_computer_is_no_matter(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with ThreadedSimulator(interval=None) as sim:
        port = sim.endpoint.rpartition(":")[2]
        for host in ("127.0.0.1", "localhost"):
            async with GatewayClient.connect(
                endpoint=f"{host}:{port}", plaintext=True, api_key=KEY
            ):
                pass
    assert warnings(caplog) == []


@pytest.mark.parametrize(
    "host",
    ["localhost", "LocalHost.", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "::1%lo"],
)
def test_loopback_addresses(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["localhost.example", "10.0.0.1", "0.0.0.0", "::", "fe80::1%eth0", "::ffff:10.0.0.1", "", "1"],
)
def test_other_addresses(host: str) -> None:
    assert not is_loopback(host)


@given(st.ip_addresses())
def test_every_address_is_one_or_the_other(address: Any) -> None:
    mapped = getattr(address, "ipv4_mapped", None)
    assert is_loopback(str(address)) == (mapped or address).is_loopback
