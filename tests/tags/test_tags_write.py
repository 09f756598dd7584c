"""Writing tags by name: types, security, exactly once."""

from __future__ import annotations

import datetime as dt
from typing import Any

import anyio
import pytest
from tags.tags_plant import LIMIT, Plant

from mxgateway import (
    ConfigurationError,
    DeadlineExceededError,
    EncodeError,
    GatewayClient,
    Login,
    TagError,
    WriteFailedError,
    WriteOutcomeUnknownError,
    WriteRequest,
)
from mxgateway.simulator import Settings, ThreadedSimulator

PROBE = "SimProbe_001"


@pytest.mark.requirement("write.types")
@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("TestBool", True),
        ("TestInt", 42),
        ("TestFloat", 2),
        ("TestDouble", 0.1),
        ("TestString", "text"),
        ("TestTime", dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)),
        ("TestElapsed", dt.timedelta(seconds=90)),
        ("TestIntArray", [8, 7, 6, 5, 4, 3, 2, 1]),
        ("TestStringArray[]", [str(n) for n in range(10)]),
        ("TestIntArray[3]", 33),
    ],
)
async def test_the_type_is_the_tags_own(
    client: GatewayClient, plant: Plant, tag: str, value: object
) -> None:
    with anyio.fail_after(LIMIT):
        event = await client.write(f"{PROBE}.{tag}", value)
        assert event.ok
        [back] = await client.read(f"{PROBE}.{tag}")
    assert back.value == value
    assert sum(plant.sim.audit.write_count.values()) == 1


@pytest.mark.requirement("write.types")
@pytest.mark.parametrize(
    ("tag", "value", "text"),
    [
        ("TestInt", 1.5, "Integer expects int"),
        ("TestInt", True, "given bool"),
        ("TestInt", 1 << 31, "Integer"),
        ("TestBool", 1, "Boolean expects bool"),
        ("TestFloat", "2", "given str"),
        ("TestInt", [1, 2], "single value"),
        ("TestIntArray", 1, "expects a sequence"),
        ("TestTime", dt.datetime(2026, 1, 1), "time zone"),  # noqa: DTZ001
    ],
)
async def test_what_does_not_fit_is_refused_before_the_wire(
    client: GatewayClient, plant: Plant, tag: str, value: object, text: str
) -> None:
    with anyio.fail_after(LIMIT), pytest.raises(EncodeError) as caught:
        await client.write(f"{PROBE}.{tag}", value)
    assert f"{PROBE}.{tag}" in str(caught.value)
    assert text in str(caught.value)
    assert plant.sim.audit.commands["WRITE"] == 0


async def test_the_time_of_a_value_can_be_given(client: GatewayClient) -> None:
    moment = dt.datetime(2026, 2, 3, 4, 5, 6, tzinfo=dt.UTC)
    with anyio.fail_after(LIMIT):
        await client.write(f"{PROBE}.TestInt", 5, timestamp=moment)
        [back] = await client.read(f"{PROBE}.TestInt")
    assert (back.value, back.timestamp) == (5, moment)


async def test_refusals_are_typed_and_say_which_tag(client: GatewayClient, plant: Plant) -> None:
    with anyio.fail_after(LIMIT):
        with pytest.raises(WriteFailedError, match="ReadOnly"):
            await client.write(f"{PROBE}.ReadOnly", 1)
        with pytest.raises(TagError, match="NoSuch"):
            await client.write(f"{PROBE}.NoSuch", 1)
    assert plant.sim.audit.values_written(f"{PROBE}.ReadOnly") == []


@pytest.mark.requirement("write.no-replay")
async def test_a_secured_write_needs_a_user_and_is_repeated_once_with_it() -> None:
    with ThreadedSimulator(seed=1, interval=None) as sim:
        async with GatewayClient.connect(
            endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True
        ) as client:
            with anyio.fail_after(LIMIT):
                with pytest.raises(TagError, match="user="):
                    await client.write(f"{PROBE}.Secured", 1)
                assert sim.audit.commands["WRITE_SECURED"] == 0
                await client.write(f"{PROBE}.Secured", 2, user=Login("operator", "operator"))
                with pytest.raises(TagError, match="two different users"):
                    await client.write(f"{PROBE}.Verified", 3, user=Login("operator", "operator"))
            assert sim.audit.values_written(f"{PROBE}.Secured") == [2]
            assert sim.audit.values_written(f"{PROBE}.Verified") == []


def test_a_login_never_shows_its_password() -> None:
    login = Login("DOMAIN\\operator", "hunter2")
    assert "hunter2" not in f"{login!r} {login}"
    request = WriteRequest(tag="a.b", value="hunter3", user=login)
    assert "hunter" not in repr(request)


@pytest.mark.requirement("write.no-replay")
@pytest.mark.requirement("read.batch-partial")
async def test_many_writes_one_result_each_in_order_and_exactly_once(
    client: GatewayClient, plant: Plant
) -> None:
    writes: list[WriteRequest | tuple[str, object]] = [
        (f"{PROBE}.TestInt", 1),
        (f"{PROBE}.TestFloat", 0.5),
        (f"{PROBE}.NoSuch", 1),
        (f"{PROBE}.TestInt", 2),
        (f"{PROBE}.TestInt", "no number"),
        (f"{PROBE}.ReadOnly", 1),
        WriteRequest(tag=f"{PROBE}.testint", value=3),
    ]
    with anyio.fail_after(LIMIT):
        results = await client.write_many(writes)
    assert [result.tag for result in results] == [
        entry.tag if isinstance(entry, WriteRequest) else entry[0] for entry in writes
    ]
    assert [result.ok for result in results] == [True, True, False, True, False, False, True]
    assert [result.processed for result in results] == [
        "yes",
        "yes",
        "no",
        "yes",
        "no",
        "yes",
        "yes",
    ]
    assert isinstance(results[4].error, EncodeError)
    assert isinstance(results[5].error, WriteFailedError)
    assert plant.sim.audit.values_written(f"{PROBE}.TestInt") == [1, 2, 3]
    assert plant.sim.audit.values_written(f"{PROBE}.TestFloat") == [0.5]
    assert results[0].to_dict()["ok"] is True
    assert results[2].to_dict()["error"]["type"] == "TagError"


@pytest.mark.parametrize("writes", [5, None, "a.b", b"a.b", ["a.b"], [("a.b",)]])
async def test_what_is_no_list_of_writes_is_refused(client: GatewayClient, writes: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^writes"):
        await client.write_many(writes)


async def test_many_writes_to_many_tags(client: GatewayClient, plant: Plant) -> None:
    tags = [f"{PROBE}.Test{name}" for name in ("Int", "Float", "Double", "String", "Bool")]
    values: list[object] = [7, 7.5, 7.25, "seven", True]
    with anyio.fail_after(LIMIT):
        results = await client.write_many(dict(zip(tags, values, strict=True)))
        assert all(result.ok for result in results)
        assert [value.value for value in await client.read(tags)] == values
        assert await client.write_many({}) == []
        with pytest.raises(ConfigurationError, match=r"writes\[0\]"):
            await client.write_many(["no pair"])  # type: ignore[list-item]


async def test_writing_again_needs_no_new_advise(client: GatewayClient, plant: Plant) -> None:
    with anyio.fail_after(LIMIT):
        for number in range(5):
            await client.write(f"{PROBE}.TestInt", number)
    assert plant.sim.audit.commands["SUBSCRIBE_BULK"] == 1
    assert plant.sim.audit.values_written(f"{PROBE}.TestInt") == [0, 1, 2, 3, 4]


@pytest.mark.requirement("write.no-replay")
async def test_an_unknown_outcome_is_said_and_the_next_write_uses_a_fresh_handle() -> None:
    settings = Settings(write_delay=60)
    with ThreadedSimulator(seed=1, interval=None, settings=settings) as sim:
        async with GatewayClient.connect(
            endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True
        ) as client:
            with anyio.fail_after(LIMIT):
                with pytest.raises(WriteOutcomeUnknownError) as caught:
                    await client.write(f"{PROBE}.TestInt", 1, timeout=0.3)
                assert caught.value.processed == "maybe"
                before = sim.audit.commands["SUBSCRIBE_BULK"]
                with pytest.raises(WriteOutcomeUnknownError):
                    await client.write(f"{PROBE}.TestInt", 2, timeout=0.3)
                assert sim.audit.commands["SUBSCRIBE_BULK"] == before + 1
            assert sim.audit.commands["WRITE"] == 2


async def test_no_value_in_time_writes_nothing() -> None:
    settings = Settings(first_value_delay=60)
    with ThreadedSimulator(seed=1, interval=None, settings=settings) as sim:
        async with GatewayClient.connect(
            endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True
        ) as client:
            with anyio.fail_after(LIMIT):
                with pytest.raises(DeadlineExceededError, match="not written") as caught:
                    await client.write(f"{PROBE}.TestInt", 1, timeout=0.2)
            assert caught.value.processed == "no"
            assert sim.audit.commands["WRITE"] == 0
            assert await Plant(sim).items() == []


async def test_a_write_beside_a_subscription_of_the_same_tag(
    client: GatewayClient, plant: Plant
) -> None:
    with anyio.fail_after(LIMIT):
        async with client.subscribe(f"{PROBE}.TestInt") as subscription:
            await anext(subscription)
            await client.write(f"{PROBE}.TestInt", 11)
            update = await anext(subscription)
            assert getattr(update, "value", None) == 11
            assert await plant.items() == [f"{PROBE}.TestInt"]
