"""API keys and scopes (gateway semantics, section 2)."""

from __future__ import annotations

from typing import Any

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.errors import ConfigurationError
from mxgateway.generated.galaxy_repository.v1 import TestConnectionRequest
from mxgateway.generated.mxaccess_gateway.v1 import (
    CloseSessionRequest,
    DrainEventsCommand,
    MxCommandKind,
    MxValue,
    OpenSessionRequest,
    PingCommand,
    WriteSecuredCommand,
)
from mxgateway.simulator import ALL_SCOPES, ApiKey, ManualClock, Simulator


@pytest.mark.rule("auth.unauthenticated")
@pytest.mark.parametrize(
    "header",
    [
        None,
        "Basic mxgw_demo_simulator-all-scopes",
        "Bearer",
        "Bearer nonsense",
        "Bearer mxgw_demo",
        "Bearer mxgw_demo_wrong",
        "Bearer mxgw_nobody_simulator-all-scopes",
    ],
)
async def test_a_missing_malformed_or_unknown_key_is_unauthenticated(
    sim: Simulator, connect: Any, header: str | None
) -> None:
    user = await connect(sim, session=False)
    user.metadata.clear()
    if header is not None:
        user.metadata["authorization"] = header
    with pytest.raises(GRPCError) as caught:
        await user.stub.open_session(OpenSessionRequest(), metadata=user.metadata)
    assert caught.value.status is Status.UNAUTHENTICATED
    assert "wrong" not in str(caught.value)
    assert sim.session_count == 0


@pytest.mark.rule("auth.bearer")
@pytest.mark.parametrize("prefix", ["Bearer", "bearer", "BEARER"])
async def test_the_bearer_prefix_ignores_case(sim: Simulator, connect: Any, prefix: str) -> None:
    user = await connect(sim, session=False)
    reply = await user.stub.open_session(
        OpenSessionRequest(), metadata={"authorization": f"{prefix} {sim.api_key}"}
    )
    assert reply.session_id


async def test_an_unserved_method_asks_for_the_key_first(sim: Simulator, connect: Any) -> None:
    user = await connect(sim, key="mxgw_demo_wrong", session=False)
    with pytest.raises(GRPCError) as caught:
        await user.galaxy.test_connection(TestConnectionRequest())
    assert caught.value.status is Status.UNAUTHENTICATED


@pytest.mark.rule("auth.scope-write", "auth.scope-secure", "auth.scope-read")
async def test_the_read_only_key_may_read_but_not_write(sim: Simulator, connect: Any) -> None:
    user = await connect(sim, key=sim.read_only_key)
    item = await user.advised("SimProbe_001.TestInt")
    with pytest.raises(GRPCError) as caught:
        await user.write(item, MxValue(int32_value=1))
    assert caught.value.status is Status.PERMISSION_DENIED
    assert "invoke:write" in str(caught.value.message)
    assert sim.audit.writes("SimProbe_001.TestInt") == []


@pytest.mark.rule(
    "auth.scope-session",
    "auth.scope-read",
    "auth.scope-write",
    "auth.scope-secure",
    "auth.scope-events",
    "auth.scope-metadata",
    "status.permission-denied",
)
@pytest.mark.parametrize(
    ("scope", "call"),
    [
        ("session:open", lambda user: user.stub.open_session(OpenSessionRequest())),
        ("session:close", lambda user: user.stub.close_session(CloseSessionRequest("x"))),
        ("invoke:read", lambda user: user.invoke(MxCommandKind.PING, PingCommand())),
        (
            "invoke:secure",
            lambda user: user.invoke(MxCommandKind.WRITE_SECURED, WriteSecuredCommand()),
        ),
        (
            "events:read",
            lambda user: user.invoke(MxCommandKind.DRAIN_EVENTS, DrainEventsCommand()),
        ),
        ("metadata:read", lambda user: user.galaxy.test_connection(TestConnectionRequest())),
    ],
)
async def test_a_key_without_the_scope_is_denied_and_told_which(
    clock: ManualClock, connect: Any, scope: str, call: Any
) -> None:
    key = ApiKey("mxgw_most_secret", ALL_SCOPES - {scope})
    async with Simulator(interval=None, clock=clock, keys=[key]) as sim:
        user = await connect(sim, session=False)
        with pytest.raises(GRPCError) as caught:
            await call(user)
        assert caught.value.status is Status.PERMISSION_DENIED
        assert scope in str(caught.value.message)
        user.channel.close()


@pytest.mark.rule("auth.scope-events")
async def test_streams_need_the_events_scope(clock: ManualClock, connect: Any) -> None:
    key = ApiKey("mxgw_most_secret", ALL_SCOPES - {"events:read"})
    async with Simulator(interval=None, clock=clock, keys=[key]) as sim:
        user = await connect(sim)
        with pytest.raises(GRPCError) as caught:
            async with user.events() as stream:
                await stream.end()
        assert caught.value.status is Status.PERMISSION_DENIED
        user.channel.close()


def test_a_key_never_shows_itself() -> None:
    key = ApiKey("mxgw_plant_very_secret")
    assert "secret" not in repr(key)
    assert key.key_id == "plant"


@pytest.mark.parametrize(
    "make",
    [
        lambda: ApiKey("mxgw_nosecret"),
        lambda: ApiKey("mxgw_demo_secret", frozenset({"invoke:everything"})),
        lambda: Simulator(keys=[]),
        lambda: Simulator(keys=[ApiKey("mxgw_a_1"), ApiKey("mxgw_a_2")]),
    ],
)
def test_wrong_keys_are_a_configuration_error(make: Any) -> None:
    with pytest.raises(ConfigurationError):
        make()
