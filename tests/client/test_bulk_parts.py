"""Bulk commands against scripted replies: splitting, order, deadlines, and failures half way."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from client.scripted_channel import OK, ScriptedChannel, scripted_client
from hypothesis import given
from hypothesis import strategies as st

from mxgateway import (
    ClientClosedError,
    ConfigurationError,
    ConnectionLost,
    DeadlineExceededError,
    EncodeError,
    MalformedReplyError,
    MxAccessError,
    MxGatewayError,
    ResourceExhaustedError,
    Session,
    StatusCode,
)
from mxgateway.codec import encode
from mxgateway.errors import rpc_error
from mxgateway.generated.mxaccess_gateway.v1 import (
    BulkReadReply,
    BulkReadResult,
    BulkSubscribeReply,
    BulkWriteReply,
    BulkWriteResult,
    MxCommandReply,
    MxCommandRequest,
    MxValue,
    SubscribeResult,
    Write2BulkEntry,
    WriteBulkEntry,
    WriteSecuredBulkEntry,
)
from mxgateway.values import to_mx_value

ADDS = ("add_item_bulk", "subscribe_bulk")
BY_HANDLE = (
    "advise_item_bulk",
    "remove_item_bulk",
    "un_advise_item_bulk",
    "unsubscribe_bulk",
)


def answer(request: MxCommandRequest) -> MxCommandReply:
    """Answer any bulk command; an item handle is the number at the end of its reference."""
    assert request.command is not None
    name = request.command.kind.name.lower()
    payload: Any = getattr(request.command, name)
    reply: Any
    if name in ADDS:
        reply = BulkSubscribeReply([_added(tag) for tag in payload.tag_addresses])
    elif name in BY_HANDLE:
        handles = payload.item_handles
        reply = BulkSubscribeReply([SubscribeResult(12, "", h, True) for h in handles])
    elif name == "read_bulk":
        reads = [BulkReadResult(12, tag, was_successful=True) for tag in payload.tag_addresses]
        reply = BulkReadReply(reads)
    else:
        reply = BulkWriteReply([BulkWriteResult(12, e.item_handle, True) for e in payload.entries])
    fields = {name: reply}
    return MxCommandReply(kind=request.command.kind, protocol_status=OK, hresult=0, **fields)


def _added(tag: str) -> SubscribeResult:
    number = int(tag.rpartition("_")[2])
    if number == 0:
        return SubscribeResult(12, tag, 0, False, "no such thing")
    return SubscribeResult(12, tag, number, True)


async def _session(channel: ScriptedChannel, **options: Any) -> Session:
    channel.answers.setdefault("Invoke", answer)
    return await scripted_client(channel, **options).open_session("c")


def _commands(channel: ScriptedChannel) -> list[Any]:
    requests = [request for method, request, _ in channel.sent if method == "Invoke"]
    return [getattr(r.command, r.command.kind.name.lower()) for r in requests]


def _tags(count: int) -> list[str]:
    return [f"Tag_{n}" for n in range(1, count + 1)]


# Splitting -------------------------------------------------------------------------


@given(
    count=st.integers(0, 60),
    most=st.integers(1, 70),
    room=st.integers(150, 700),
    width=st.integers(1, 40),
)
async def test_any_split_keeps_order_and_limits_and_loses_nothing(
    count: int, most: int, room: int, width: int
) -> None:
    channel = ScriptedChannel()
    session = await _session(channel, max_bulk_items=most, max_send_bytes=room)
    tags = [f"{'T' * width}_{n}" for n in range(1, count + 1)]
    results = await session.add_item_bulk(12, tags)
    assert [r.tag_address for r in results] == tags
    assert [r.item_handle for r in results] == list(range(1, count + 1))
    parts = [command.tag_addresses for command in _commands(channel)]
    assert [tag for part in parts for tag in part] == tags
    assert all(0 < len(part) <= most for part in parts)
    sizes = [len(encode(request)) for method, request, _ in channel.sent if method == "Invoke"]
    assert all(size <= room for size in sizes)
    if most >= count and sum(len(tag) + 2 for tag in tags) + 100 < room:
        assert len(parts) == min(count, 1)


CALLS: dict[str, Callable[..., Awaitable[list[Any]]]] = {
    "add_item_bulk": lambda s, n, **kw: s.add_item_bulk(12, _tags(n), **kw),
    "advise_item_bulk": lambda s, n, **kw: s.advise_item_bulk(12, range(1, n + 1), **kw),
    "remove_item_bulk": lambda s, n, **kw: s.remove_item_bulk(12, range(1, n + 1), **kw),
    "un_advise_item_bulk": lambda s, n, **kw: s.un_advise_item_bulk(12, range(1, n + 1), **kw),
    "subscribe_bulk": lambda s, n, **kw: s.subscribe_bulk(12, _tags(n), **kw),
    "unsubscribe_bulk": lambda s, n, **kw: s.unsubscribe_bulk(12, range(1, n + 1), **kw),
    "read_bulk": lambda s, n, **kw: s.read_bulk(12, _tags(n), **kw),
    "write_bulk": lambda s, n, **kw: s.write_bulk(12, [(i, i) for i in range(1, n + 1)], **kw),
    "write2_bulk": lambda s, n, **kw: s.write2_bulk(
        12,
        [Write2BulkEntry(i, to_mx_value(i), to_mx_value("t")) for i in range(1, n + 1)],
        **kw,
    ),
    "write_secured_bulk": lambda s, n, **kw: s.write_secured_bulk(
        12, [WriteSecuredBulkEntry(i, 1, 0, to_mx_value(i)) for i in range(1, n + 1)], **kw
    ),
}
every_call = pytest.mark.parametrize("name", CALLS)


@pytest.mark.requirement("read.batch-partial")
@every_call
async def test_every_family_is_split_and_put_together_in_order(name: str) -> None:
    channel = ScriptedChannel()
    session = await _session(channel, max_bulk_items=2)
    results = await CALLS[name](session, 5, correlation_id="mine")
    assert len(results) == 5
    if name == "read_bulk":
        assert [r.tag_address for r in results] == _tags(5)
    else:
        assert [r.item_handle for r in results] == [1, 2, 3, 4, 5]
    sent = [request for _, request, _ in channel.sent[1:]]
    assert [request.command.kind.name.lower() for request in sent] == [name] * 3
    assert {request.client_correlation_id for request in sent} == {"mine"}
    assert {command.server_handle for command in _commands(channel)} == {12}


@every_call
async def test_without_entries_nothing_is_sent(name: str) -> None:
    channel = ScriptedChannel()
    session = await _session(channel)
    assert await CALLS[name](session, 0) == []
    assert channel.methods() == ["OpenSession"]
    await session.close()
    with pytest.raises(ClientClosedError):
        await CALLS[name](session, 0)


@pytest.mark.requirement("read.batch-partial")
async def test_one_bad_entry_is_a_result_and_no_error() -> None:
    session = await _session(ScriptedChannel())
    good, bad = await session.subscribe_bulk(12, ["Tag_7", "Tag_0"])
    assert (good.was_successful, good.item_handle) == (True, 7)
    assert (bad.was_successful, bad.error_message) == (False, "no such thing")


@pytest.mark.requirement("msg.limits")
async def test_an_entry_that_is_too_large_is_refused_before_the_first_command() -> None:
    channel = ScriptedChannel()
    session = await _session(channel, max_send_bytes=1000, max_bulk_items=2)
    with pytest.raises(ResourceExhaustedError, match=r"entry 3 makes .*max_send_bytes") as caught:
        await session.write_bulk(12, [(1, 1), (2, 2), (3, 3), (4, "x" * 1000)])
    assert caught.value.processed == "no"
    assert not caught.value.transient
    assert channel.methods() == ["OpenSession"]


@pytest.mark.parametrize("bad", [0, -1, True, 1.5, 1_000_001])
def test_the_option_is_checked(bad: Any) -> None:
    with pytest.raises(ConfigurationError, match="max_bulk_items: give a whole number from 1 to"):
        scripted_client(ScriptedChannel(), max_bulk_items=bad)


# Deadlines -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "timeout_ms", "timeout", "expected"),
    [
        ({}, 0, None, 30.0),
        ({}, 5, None, 30.0),
        ({}, 500, None, 55.0),
        ({"max_bulk_items": 50}, 500, None, 30.0),
        ({"max_bulk_items": 60}, 500, None, 35.0),
        ({"call_timeout": None}, 500, None, None),
        ({}, 500, 3.0, 3.0),
    ],
)
async def test_a_read_is_given_the_time_that_the_gateway_may_take(
    options: dict[str, Any], timeout_ms: int, timeout: float | None, expected: float | None
) -> None:
    channel = ScriptedChannel()
    session = await _session(channel, **options)
    await session.read_bulk(12, _tags(100), timeout_ms=timeout_ms, timeout=timeout)
    assert channel.sent[1][2] == expected
    assert {command.timeout_ms for command in _commands(channel)} == {timeout_ms}


@pytest.mark.parametrize("bad", [-1, True, 1.5, 2**32, "5", None])
async def test_a_wait_that_is_none_is_refused_by_name(bad: Any) -> None:
    channel = ScriptedChannel()
    session = await _session(channel)
    with pytest.raises(ConfigurationError, match=r"^timeout_ms: give a whole number"):
        await session.read_bulk(12, ["Tag_1"], timeout_ms=bad)
    assert channel.methods() == ["OpenSession"]


async def test_a_timeout_counts_for_all_parts_together(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(anyio, "current_time", lambda: now)

    def slow(request: MxCommandRequest) -> MxCommandReply:
        nonlocal now
        now += 4.0
        return answer(request)

    channel = ScriptedChannel({"Invoke": slow})
    session = await _session(channel, max_bulk_items=2)
    with pytest.raises(DeadlineExceededError, match="the timeout of 10 s passed") as caught:
        await session.write_bulk(12, [(n, n) for n in range(1, 10)], timeout=10)
    assert [timeout for _, _, timeout in channel.sent[1:]] == [10, 6, 2]
    assert caught.value.message == (
        "the timeout of 10 s passed; of 9 entries in order: 6 done (see partial_results), "
        "2 not executed, 1 not sent"
    )
    assert len(caught.value.partial_results) == 6
    assert caught.value.processed == "maybe"


# Failures half way -----------------------------------------------------------------


class _FailsAt:
    """Answers, and fails with `error` in the place of answer number `at`."""

    def __init__(self, at: int, error: MxGatewayError | MxCommandReply) -> None:
        self.left = at
        self.error = error

    def __call__(self, request: MxCommandRequest) -> MxCommandReply:
        self.left -= 1
        if self.left >= 0:
            return answer(request)
        if isinstance(self.error, MxGatewayError):
            raise copy.copy(self.error)
        return self.error


def _lost(processed: Any) -> ConnectionLost:
    return ConnectionLost("the connection is gone", cause="reset", processed=processed)


SEE = "(see partial_results)"
DENIED = rpc_error(StatusCode.PERMISSION_DENIED, "no scope", processed="no")
REFUSED = MxCommandReply(protocol_status=OK, hresult=-2147024809)


@pytest.mark.requirement("write.no-replay")
@pytest.mark.parametrize(
    ("at", "error", "processed", "text"),
    [
        (0, _lost("no"), "no", "2 not executed, 3 not sent"),
        (0, _lost("maybe"), "maybe", "2 perhaps executed, 3 not sent"),
        (1, _lost("no"), "maybe", f"2 done {SEE}, 2 not executed, 1 not sent"),
        (1, _lost("maybe"), "maybe", f"2 done {SEE}, 2 perhaps executed, 1 not sent"),
        (2, DENIED, "maybe", f"4 done {SEE}, 1 not executed"),
        (1, REFUSED, "maybe", f"2 done {SEE}, 2 answered with this error, 1 not sent"),
    ],
)
async def test_a_failing_part_says_what_became_of_all_entries(
    at: int, error: MxGatewayError | MxCommandReply, processed: str, text: str
) -> None:
    channel = ScriptedChannel({"Invoke": _FailsAt(at, error)})
    session = await _session(channel, max_bulk_items=2)
    with pytest.raises(MxGatewayError) as caught:
        await session.write_bulk(12, [(n, n) for n in range(1, 6)])
    failure = caught.value
    assert failure.message.endswith(f"; of 5 entries in order: {text}")
    assert text in str(failure)
    assert text in failure.diagnostics()
    assert failure.processed == processed
    assert [r.item_handle for r in failure.partial_results] == list(range(1, 2 * at + 1))
    assert channel.methods() == ["OpenSession"] + ["Invoke"] * (at + 1)


async def test_an_error_of_a_call_in_one_part_stays_as_it_is() -> None:
    channel = ScriptedChannel({"Invoke": _FailsAt(0, _lost("maybe"))})
    session = await _session(channel)
    with pytest.raises(ConnectionLost) as caught:
        await session.write_bulk(12, [(1, 1), (2, 2)])
    assert caught.value.message == "the connection is gone"
    assert (caught.value.processed, caught.value.partial_results) == ("maybe", ())


async def test_what_was_added_before_a_failure_keeps_its_name() -> None:
    channel = ScriptedChannel({"Invoke": _FailsAt(1, _lost("maybe"))})
    session = await _session(channel, max_bulk_items=2)
    with pytest.raises(ConnectionLost):
        await session.add_item_bulk(12, _tags(4))
    assert session.reference(12, 2) == "Tag_2"
    assert session.reference(12, 3) == ""


@every_call
@pytest.mark.parametrize("change", ["fewer", "more"])
async def test_another_number_of_results_is_malformed(name: str, change: str) -> None:
    def wrong(request: MxCommandRequest) -> MxCommandReply:
        reply = answer(request)
        assert request.command is not None
        results = getattr(reply, request.command.kind.name.lower()).results
        if change == "fewer":
            results.pop()
        else:
            results.append(results[-1])
        return reply

    session = await _session(ScriptedChannel({"Invoke": wrong}))
    with pytest.raises(MalformedReplyError, match=r"results for 3 entries") as caught:
        await CALLS[name](session, 3)
    assert caught.value.processed == "yes"


@pytest.mark.parametrize("name", ["write_bulk", "advise_item_bulk", "unsubscribe_bulk"])
async def test_results_of_other_items_are_malformed(name: str) -> None:
    def swapped(request: MxCommandRequest) -> MxCommandReply:
        reply = answer(request)
        assert request.command is not None
        getattr(reply, request.command.kind.name.lower()).results.reverse()
        return reply

    session = await _session(ScriptedChannel({"Invoke": swapped}))
    with pytest.raises(MalformedReplyError, match="result 0 is about item 2, entry 0 about item 1"):
        await CALLS[name](session, 2)


async def test_an_mxaccess_refusal_of_the_whole_command_raises() -> None:
    session = await _session(ScriptedChannel({"Invoke": _FailsAt(0, REFUSED)}))
    with pytest.raises(MxAccessError, match="E_INVALIDARG"):
        await session.read_bulk(99, ["Tag_1"])


# Entries ---------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["Tag_1", b"Tag_1", {"Tag_1": 1}, 5, None])
async def test_one_reference_in_the_place_of_a_list_is_refused(bad: Any) -> None:
    channel = ScriptedChannel()
    session = await _session(channel)
    for call in (session.add_item_bulk, session.subscribe_bulk, session.read_bulk):
        with pytest.raises(ConfigurationError, match=r"^references: give a list"):
            await call(12, bad)
    for by_handle in (session.advise_item_bulk, session.unsubscribe_bulk):
        with pytest.raises(ConfigurationError, match=r"^item_handles: give a list"):
            await by_handle(12, bad)
    with pytest.raises(ConfigurationError, match=r"^entries: give a list"):
        await session.write_bulk(12, bad)
    assert channel.methods() == ["OpenSession"]


VALUE = MxValue(int32_value=1)


@pytest.mark.requirement("write.types")
@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda s: s.add_item_bulk(12, ["A", 5]), ConfigurationError, r"references\[1\]: give"),
        (lambda s: s.advise_item_bulk(12, [1, True]), ConfigurationError, r"item_handles\[1\]"),
        (lambda s: s.write_bulk(12, [(1, 1), (True, 1)]), ConfigurationError, r"entries\[1\]\[0\]"),
        (
            lambda s: s.write_bulk(12, [(1, 1), 5]),
            ConfigurationError,
            r"entries\[1\]: give a Write",
        ),
        (
            lambda s: s.write2_bulk(12, [(1, 1)]),
            ConfigurationError,
            r"entries\[0\]: give a Write2BulkEntry, not tuple",
        ),
        (
            lambda s: s.write_bulk(12, [WriteBulkEntry(1, VALUE, user_id=2**31)]),
            ConfigurationError,
            r"entries\[0\]\.user_id",
        ),
        (
            lambda s: s.write_secured_bulk(12, [WriteSecuredBulkEntry(1, 1, True, VALUE)]),
            ConfigurationError,
            r"entries\[0\]\.verifier_user_id",
        ),
        (
            lambda s: s.write_bulk(12, [(7, 1), (7, 2**31)], data_type="int32"),
            EncodeError,
            r"entries\[1\] \(Tag_7\): int32 expects int of 32 bits, given int",
        ),
        (
            lambda s: s.write_bulk(12, [WriteBulkEntry(7, MxValue(int32_value=2**31))]),
            EncodeError,
            r"entries\[0\] \(Tag_7\): 2147483648 does not fit",
        ),
        (
            lambda s: s.write_bulk(12, [WriteBulkEntry(7)]),
            EncodeError,
            r"entries\[0\] \(Tag_7\): there is none",
        ),
        (
            lambda s: s.write2_bulk(12, [Write2BulkEntry(7, VALUE)]),
            EncodeError,
            r"timestamp_value: entries\[0\] \(Tag_7\): there is none",
        ),
    ],
)
async def test_a_wrong_entry_is_named_and_none_is_sent(
    call: Callable[[Session], Awaitable[Any]], error: type[MxGatewayError], text: str
) -> None:
    channel = ScriptedChannel()
    session = await _session(channel, max_bulk_items=1)
    await session.add_item_bulk(12, ["Tag_7"])
    sent = len(channel.sent)
    with pytest.raises(error, match=text) as caught:
        await call(session)
    assert caught.value.processed == "no"
    assert len(channel.sent) == sent


async def test_items_lose_their_name_when_they_are_removed() -> None:
    session = await _session(ScriptedChannel())
    await session.subscribe_bulk(12, ["Tag_1", "Tag_2", "Tag_0", "Tag_3"])
    assert [session.reference(12, n) for n in range(4)] == ["", "Tag_1", "Tag_2", "Tag_3"]
    await session.unsubscribe_bulk(12, [1])
    await session.remove_item_bulk(12, [2])
    assert [session.reference(12, n) for n in range(4)] == ["", "", "", "Tag_3"]


async def test_pairs_and_messages_may_stand_side_by_side_and_items_twice() -> None:
    channel = ScriptedChannel()
    session = await _session(channel)
    entry = WriteBulkEntry(1, VALUE, user_id=9)
    await session.write_bulk(12, [(1, 2.5), entry, (1, None)], user_id=3)
    (command,) = _commands(channel)
    assert command.entries == [
        WriteBulkEntry(1, to_mx_value(2.5), 3),
        entry,
        WriteBulkEntry(1, to_mx_value(None), 3),
    ]
