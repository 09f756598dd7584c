"""Keepalive: decisions as plain numbers, and one live connection to a silent peer."""

from __future__ import annotations

import math

import anyio
import pytest
from calls import REPLY, channel_to, open_session
from hyperframe.frame import PingFrame
from scripted_peer import PeerConnection, scripted_peer

from mxgateway.errors import ConnectionLost
from mxgateway.transport.keepalive import Action, Keepalive


@pytest.mark.requirement("live.keepalive-polite")
def test_silence_leads_to_a_ping_and_then_to_loss() -> None:
    keepalive = Keepalive(10, 3)
    assert keepalive.check(5, 0, calls=True) == (Action.WAIT, 10)
    assert keepalive.check(10, 0, calls=True) == (Action.PING, 13)
    assert keepalive.check(12, 0, calls=True) == (Action.WAIT, 13)
    assert keepalive.check(13, 0, calls=True) == (Action.LOST, 13)


@pytest.mark.requirement("live.keepalive-polite")
def test_any_byte_is_a_sign_of_life() -> None:
    keepalive = Keepalive(10, 3)
    assert keepalive.check(10, 0, calls=True) == (Action.PING, 13)
    assert keepalive.check(13, 11, calls=True) == (Action.WAIT, 21)
    assert keepalive.check(21, 11, calls=True) == (Action.PING, 24)


@pytest.mark.requirement("live.keepalive-polite")
def test_no_ping_goes_out_without_calls_unless_asked_for() -> None:
    assert Keepalive(10, 3).check(50, 0, calls=False) == (Action.WAIT, 60)
    assert Keepalive(10, 3, without_calls=True).check(50, 0, calls=False) == (Action.PING, 53)


def test_an_interval_shorter_than_the_timeout_is_kept() -> None:
    keepalive = Keepalive(2, 9)
    assert keepalive.check(2, 0, calls=True) == (Action.PING, 4)
    assert keepalive.check(4, 2.5, calls=True) == (Action.WAIT, 4.5)
    assert keepalive.check(4.5, 2.5, calls=True) == (Action.PING, 6.5)
    assert keepalive.check(6.5, 2.5, calls=True) == (Action.WAIT, 8.5)
    assert keepalive.check(13.5, 2.5, calls=True) == (Action.LOST, 13.5)


def test_keepalive_can_be_off() -> None:
    assert Keepalive(None, 3).check(1e9, 0, calls=True) == (Action.WAIT, math.inf)


@pytest.mark.requirement("live.keepalive-polite")
async def test_a_peer_that_answers_pings_keeps_its_connection() -> None:
    async def script(connection: PeerConnection) -> None:
        request = await connection.request()
        await connection.until(
            lambda: sum(isinstance(frame, PingFrame) for frame in connection.frames) >= 3
        )
        await connection.reply(request.stream_id, REPLY)

    async with (
        scripted_peer(script) as peer,
        channel_to(peer, keepalive_time=0.05, keepalive_timeout=5) as channel,
    ):
        with anyio.fail_after(5):
            assert await open_session(channel, timeout=None) == "session-1"


@pytest.mark.requirement("live.keepalive-polite")
async def test_a_peer_that_answers_nothing_is_lost() -> None:
    async with (
        scripted_peer() as peer,
        channel_to(peer, keepalive_time=0.05, keepalive_timeout=0.05) as channel,
    ):
        (await peer.connection()).auto = False
        with anyio.fail_after(5), pytest.raises(ConnectionLost, match="no sign of life") as caught:
            await open_session(channel, timeout=None)
        assert caught.value.cause == "keepalive"
        with anyio.fail_after(5):
            await (await peer.connection()).until_closed()
