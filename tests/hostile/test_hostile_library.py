"""What the library makes of hostile words: one line each in errors, logs and reprs."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from cli_lines import ALARM
from hostile.rewriting_gateway import RewritingGateway
from hostile.words import HOSTILE, MARK
from hypothesis import given
from hypothesis import strategies as st

from mxgateway import AlarmBook, GalaxyRepositoryClient, GatewayClient, HierarchyTree, errors
from mxgateway.printable import printable
from mxgateway.simulator import ThreadedSimulator


def check_line(text: str) -> None:
    assert text.isprintable(), text


ERRORS = [
    kind
    for kind in vars(errors).values()
    if inspect.isclass(kind) and issubclass(kind, errors.MxGatewayError)
]
MORE: dict[str, dict[str, Any]] = {
    "MxGatewayCommandError": {"reply": None, "protocol_status": None},
    "MxAccessError": {"reply": None, "protocol_status": None, "hresult": -1, "statuses": []},
    "WriteFailedError": {
        "tag": HOSTILE,
        "event": None,
        "reply": None,
        "hresult": None,
        "statuses": [],
    },
    "WriteOutcomeUnknownError": {"tag": HOSTILE},
    "TagError": {"tag": HOSTILE},
    "ConnectionLost": {"cause": "eof"},
    "LimitError": {"option": "max_objects", "limit": 9},
}


def made(kind: type[errors.MxGatewayError]) -> errors.MxGatewayError:
    """An error whose every text is hostile."""
    if kind is errors.EncodeError:
        return errors.EncodeError("MxValue", HOSTILE, HOSTILE)
    if kind is errors.DecodeError:
        return errors.DecodeError("MxValue", 5, HOSTILE, size=9)
    make: Callable[..., errors.MxGatewayError] = kind
    return make(HOSTILE, **MORE.get(kind.__name__, {}))


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_an_error_tells_one_line(kind: type[errors.MxGatewayError]) -> None:
    error = made(kind)
    assert MARK in str(error)
    for text in (str(error), error.message, repr(error), *error.args):
        check_line(str(text))
    for line in error.diagnostics().split("\n"):
        check_line(line)
        assert not line.startswith("Error: forged")


async def test_records_and_reprs_hold_one_line_each(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "mxgateway")
    shown: list[object] = []
    with ThreadedSimulator(interval=None) as honest:
        honest.alarms.raise_(ALARM)
        with RewritingGateway(honest.endpoint) as gateway:
            fields: dict[str, Any] = {"plaintext": True, "api_key": honest.api_key}
            async with GatewayClient.connect(endpoint=gateway.endpoint, **fields) as client:
                with anyio.fail_after(20):
                    session = await client.open_session()
                    values = await client.read(["SimProbe_001.TestString", "No.Such"])
                    shown += [session, *values, *(value.status for value in values)]
                    book = AlarmBook()
                    async with client.stream_alarms() as messages:
                        async for message in messages:
                            shown += [*book.apply(message), message]
                            if book.complete:
                                break
                    shown += [*book.active, book, book.provider, book.alarms]
                    galaxy = GalaxyRepositoryClient.on(client)
                    tree = HierarchyTree(await galaxy.discover_hierarchy())
                    shown += [tree, *tree.roots, *await galaxy.browse()]
                    server = await session.register("test")
                    item = await session.add_item(server, "SimProbe_001.TestString")
                    async with session.stream_events() as events:
                        await session.advise(server, item)
                        event = await anext(events)
                        shown += [events, event]
                    gateway.mood = "refuses"
                    for failing in (session.close, galaxy.discover_hierarchy):
                        with pytest.raises(errors.MxGatewayError) as caught:
                            await failing()
                        shown.append(caught.value)
    texts = [f(one) for one in shown for f in (str, repr)]
    assert sum(MARK in text for text in texts) > 10
    for text in texts:
        check_line(text)
    records = [record for record in caplog.records if record.name.startswith("mxgateway")]
    assert records
    for record in records:
        check_line(record.getMessage())


@given(st.text() | st.text("a \x1b\u3164\u2800\ufe0fé液"))
def test_printable_text_is_printable_and_stays_as_it_was_where_it_was(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert printable(shown) == shown
    assert not UNSEEN & set(shown)
    kept = "".join(c for c in text if c.isprintable() and c not in UNSEEN)
    assert [c for c in shown if c in set(kept)][: len(kept)] or not kept
    if kept == text:
        assert shown == text


UNSEEN = set("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
UNSEEN |= {chr(n) for n in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))}


def test_names_that_differ_in_what_shows_nothing_do_not_look_the_same() -> None:
    shown = {printable(f"Pump_1{character}") for character in UNSEEN}
    assert len(shown) == len(UNSEEN)
    assert all(name.isascii() for name in shown)
    error = errors.TagError("no such tag", tag="Pump_1\u3164")
    assert "\\u3164" in repr(error) + str(errors.GalaxyNotFoundError("no Pump_1\u3164"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x00\x1b[0m\x7f\x85\x9b", "\\x00\\x1b[0m\\x7f\\x85\\x9b"),
        ("\u2028\u202e\u200b\ud800", "\\u2028\\u202e\\u200b\\ud800"),
        ("\U000e0001", "\\U000e0001"),
        ("Pump\u3164_\u115f\x1b\ufe0f", "Pump\\u3164_\\u115f\\x1b\\ufe0f"),
        ("a\u2800\U000e0100\u17b4", "a\\u2800\\U000e0100\\u17b4"),
        ("Füllstand 液位 °C", "Füllstand 液位 °C"),
    ],
)
def test_what_is_escaped_and_what_is_not(text: str, shown: str) -> None:
    assert printable(text) == shown
