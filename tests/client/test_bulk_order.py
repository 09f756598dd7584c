"""Results of bulk commands that name their tags: never taken for those of other tags."""

from __future__ import annotations

import pytest
from client.scripted_channel import OK, ScriptedChannel, scripted_client

from mxgateway import MalformedReplyError, MxCommandReply, MxCommandRequest, Session
from mxgateway.generated.mxaccess_gateway.v1 import (
    BulkReadReply,
    BulkReadResult,
    BulkSubscribeReply,
    SubscribeResult,
)


def _session(*named: str) -> Session:
    """Return a session whose bulk replies name these tags."""

    def answer(request: MxCommandRequest) -> MxCommandReply:
        assert request.command is not None
        reply = MxCommandReply(kind=request.command.kind, protocol_status=OK)
        if request.command.read_bulk is not None:
            results = [BulkReadResult(tag_address=tag, was_successful=True) for tag in named]
            reply.read_bulk = BulkReadReply(results=results)
        else:
            reply.subscribe_bulk = BulkSubscribeReply(
                results=[
                    SubscribeResult(tag_address=tag, item_handle=5 + i, was_successful=True)
                    for i, tag in enumerate(named)
                ]
            )
        return reply

    return Session(scripted_client(ScriptedChannel(answers={"Invoke": answer})), "session-1")


@pytest.mark.parametrize("named", [("B.PV", "A.PV", "C.PV"), ("C.PV[]", "a.pv", "B.PV")])
async def test_results_in_another_order_are_refused(named: tuple[str, ...]) -> None:
    session = _session(*named)
    with pytest.raises(MalformedReplyError, match=r"result for a\.pv"):
        await session.subscribe_bulk(1, ["A.PV", "B.PV", "C.PV"])
    with pytest.raises(MalformedReplyError, match=r"result for a\.pv"):
        await session.read_bulk(1, ["A.PV", "B.PV", "C.PV"])


@pytest.mark.parametrize(
    "named",
    [
        ("Tank.Valve.Cmd", "Valve_001.Cmd", "X.Ar[]"),  # as they were given
        ("", "", ""),
        ("Valve_001.Cmd", "valve_001.CMD", "x.ar"),  # resolved
    ],
)
async def test_a_tag_may_be_named_in_another_form(named: tuple[str, ...]) -> None:
    session = _session(*named)
    results = await session.subscribe_bulk(1, ["Tank.Valve.Cmd", "Valve_001.Cmd", "X.Ar[]"])
    assert [result.item_handle for result in results] == [5, 6, 7]
    assert session.reference(1, 5) == "Tank.Valve.Cmd"
