"""The fixtures about keys, deadlines and cancelling, each against a live server."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import anyio
import pytest
from fixtures_suite.behavior import fixture
from scripted_peer import PeerConnection, scripted_peer

from mxgateway import (
    AuthenticationError,
    ClientOptions,
    DeadlineExceededError,
    Duration,
    GatewayClient,
    MxCommandKind,
    PermissionDeniedError,
    RpcError,
    Session,
    StatusCode,
)
from mxgateway.codec import decode, encode
from mxgateway.generated.mxaccess_gateway.v1 import (
    CloseSessionReply,
    MxCommandReply,
    MxCommandRequest,
    OpenSessionReply,
    ProtocolStatus,
    ProtocolStatusCode,
    SessionState,
    SessionStateReply,
    StreamEventsRequest,
)
from mxgateway.redact import redact
from mxgateway.simulator import ThreadedSimulator

AUTH = fixture("auth.error-cases").load()["cases"]
CALLS = {case["id"]: case for case in fixture("timeout-cancel.expected-behavior").load()["cases"]}
CATEGORIES = {
    "authentication": AuthenticationError,
    "authorization": PermissionDeniedError,
    "timeout": DeadlineExceededError,
}


@pytest.fixture
def sim() -> Iterator[ThreadedSimulator]:
    """A simulator with its two well-known keys, whose plant moves when told to."""
    with ThreadedSimulator(seed=1, interval=None) as simulator:
        yield simulator


def test_the_cases_are_the_known_ones() -> None:
    assert [case["id"] for case in AUTH] == ["missing-key", "invalid-key", "missing-write-scope"]
    assert set(CALLS) == {"unary-deadline", "write-deadline", "stream-cancel"}


# Keys ----------------------------------------------------------------------------------


@pytest.mark.requirement("log.redact")
@pytest.mark.parametrize("case", AUTH, ids=lambda case: case["id"])
async def test_a_refused_key_is_of_its_category_and_shown_nowhere(
    case: dict[str, Any], sim: ThreadedSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    header = case["inputMetadata"].get("authorization")
    key = None if header is None else header.removeprefix("Bearer ")
    options = ClientOptions(endpoint=sim.endpoint, plaintext=True, api_key=key)
    caplog.set_level(logging.DEBUG, "mxgateway")
    with anyio.fail_after(10):
        async with GatewayClient.connect(options=options) as client:
            with pytest.raises(RpcError) as caught:
                await _use(client, case.get("requiredScope"))
    error = caught.value

    assert isinstance(error, CATEGORIES[case["clientErrorCategory"]])
    assert error.status is StatusCode[case["grpcStatusCode"]]
    assert error.transient is case["retryableWithoutCredentialChange"]
    assert case.get("requiredScope", "") in str(error)
    told = "authorization not sent" if header is None else redact(f"authorization: {header}")
    assert f"{error.status.name}, {told}" == case["expectedRedactedOutput"]
    outputs = [repr(options), repr(error), str(error), error.diagnostics(), str(error.to_dict())]
    secret = "" if key is None else key.removeprefix("mxgw_").partition("_")[2]
    for text in [*outputs, caplog.text]:
        assert not secret or secret not in text


async def _use(client: GatewayClient, scope: str | None) -> None:
    """Open a session; where a scope is missing, come as far as the call that needs it."""
    async with await client.open_session() as session:
        assert scope == "invoke:write"
        server = await session.register("fixtures")
        item = await session.add_item(server, "SimProbe_001.TestInt")
        await session.advise(server, item)
        await session.write(server, item, 1)


# Deadlines -----------------------------------------------------------------------------

OK = ProtocolStatus(code=ProtocolStatusCode.OK)
SILENT = {MxCommandKind.ADD_ITEM, MxCommandKind.WRITE}


class Gateway:
    """Answers all but the commands in `SILENT`, and keeps the kinds in order."""

    def __init__(self) -> None:
        self.kinds: list[MxCommandKind] = []
        self.closed = False

    async def serve(self, connection: PeerConnection) -> None:
        """Serve one connection."""
        while True:
            request = await connection.request()
            reply = self._reply(request.headers[":path"].rpartition("/")[2], request.message)
            if reply is not None:
                await connection.reply(request.stream_id, encode(reply))

    def _reply(self, method: str, message: bytes) -> Any:
        if method == "OpenSession":
            return OpenSessionReply(session_id="session-1", protocol_status=OK)
        if method == "CloseSession":
            self.closed = True
            return CloseSessionReply(
                session_id="session-1", final_state=SessionState.CLOSED, protocol_status=OK
            )
        command = decode(MxCommandRequest, message).command
        assert command is not None
        self.kinds.append(command.kind)
        if command.kind in SILENT:
            return None
        return MxCommandReply(
            kind=command.kind,
            protocol_status=OK,
            session_state=SessionStateReply(state=SessionState.READY),
        )


async def _add_item(session: Session, timeout: float) -> Any:
    return await session.add_item(12, "Pump_001.Speed", timeout=timeout)


async def _write(session: Session, timeout: float) -> Any:
    return await session.write(12, 34, 1450.5, timeout=timeout)


OPERATIONS: dict[str, tuple[Callable[[Session, float], Awaitable[Any]], MxCommandKind]] = {
    "AddItem": (_add_item, MxCommandKind.ADD_ITEM),
    "Write": (_write, MxCommandKind.WRITE),
}


@pytest.mark.requirement("conn.timeouts", "write.no-replay")
@pytest.mark.parametrize("name", ["unary-deadline", "write-deadline"])
async def test_a_deadline_leaves_the_outcome_open_and_nothing_is_sent_twice(name: str) -> None:
    case = CALLS[name]
    operation, kind = OPERATIONS[case["operation"]]
    deadline = Duration.parse(case["clientDeadline"]).total_seconds()
    gateway = Gateway()
    with anyio.fail_after(10):
        async with (
            scripted_peer(gateway.serve) as peer,
            GatewayClient.connect(endpoint=peer.endpoint, plaintext=True) as client,
        ):
            session = await client.open_session()
            with pytest.raises(CATEGORIES[case["clientErrorCategory"]]) as caught:
                await operation(session, deadline)
            assert caught.value.status is StatusCode[case["grpcStatusCode"]]
            assert caught.value.processed == "maybe"
            connection = await peer.connection()
            await connection.reset_of(max(connection.requests))

            # The session is in an unknown state: it can be asked and closed, on the same
            # connection, and the client repeats nothing by itself.
            assert case["sessionExpectation"] == "unknown"
            assert await session.get_session_state() == SessionState.READY
            await session.close()
            assert gateway.closed
            assert gateway.kinds == [kind, MxCommandKind.GET_SESSION_STATE]
            assert len(peer.connections) == 1


# Cancelling a stream ---------------------------------------------------------------------


async def test_a_cancelled_stream_leaves_the_session_ready_and_is_taken_up_where_it_ended(
    sim: ThreadedSimulator,
) -> None:
    case = CALLS["stream-cancel"]
    assert (case["operation"], case["clientDeadline"]) == ("StreamEvents", None)
    options = ClientOptions(endpoint=sim.endpoint, plaintext=True, api_key=sim.api_key)
    with anyio.fail_after(20):
        async with (
            GatewayClient.connect(options=options) as client,
            await client.open_session() as session,
        ):
            server = await session.register("fixtures")
            item = await session.add_item(server, "SimProbe_001.Counter")
            await session.advise(server, item)
            seen: list[int] = []

            async def read(after: int, count: int) -> None:
                request = StreamEventsRequest(
                    session_id=session.session_id, after_worker_sequence=after
                )
                async with client.stream_events_raw(request) as stream:
                    while len(seen) < count:
                        seen.append((await anext(stream)).worker_sequence)
                        await anyio.to_thread.run_sync(sim.scan)
                    if after == 0:
                        reading.set()
                        await anyio.sleep_forever()

            reading = anyio.Event()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read, 0, 3)
                await reading.wait()
                tasks.cancel_scope.cancel()

            assert case["sessionExpectation"] == "ready"
            assert await session.get_session_state() == SessionState.READY
            assert case["expectedClientAction"] == "reopen-with-last-sequence"
            await read(seen[-1], 6)
    assert seen == [1, 2, 3, 4, 5, 6]
