"""`stream-events`: how it ends, what it keeps, and when lines are flushed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from mxgateway.generated.mxaccess_gateway.v1 import MxDataType
from mxgateway.simulator import TagSpec, ThreadedSimulator

Run = Callable[..., Any]
LIMIT = 30
posix_signals = pytest.mark.skipif(
    sys.platform == "win32", reason="sending Ctrl-C to one child needs POSIX signals"
)


def test_json_is_one_document_of_at_most_the_events_asked_for(run: Run, advised: Any) -> None:
    run("write", *advised.item, "--type", "int32", "--value", "5")
    document = run("stream-events", *advised.session, "--max-events", "2", "--json").json()
    assert list(document) == ["events"]
    assert [e["workerSequence"] for e in document["events"]] == ["1", "2"]
    first = document["events"][0]
    assert first["family"] == "MX_EVENT_FAMILY_ON_DATA_CHANGE"
    assert first["itemHandle"] == advised.item_handle
    assert first["value"]["dataType"] == "MX_DATA_TYPE_INTEGER"


def test_a_timeout_before_the_maximum_is_success_with_what_came(run: Run, advised: Any) -> None:
    words = ("--max-events", "50", "--timeout", "0.5", "--json")
    outcome = run("stream-events", *advised.session, *words)
    assert outcome.code == 0
    assert outcome.err == ""
    assert len(outcome.json()["events"]) == 1


def test_jsonl_and_table_show_the_same_events(run: Run, advised: Any) -> None:
    lines = run("stream-events", *advised.session, "--max-events", "1", "--output", "jsonl").out
    assert [json.loads(line)["workerSequence"] for line in lines.splitlines()] == ["1"]
    run("write", *advised.item, "--type", "int32", "--value", "5")
    words = ("--max-events", "2", "--after-worker-sequence", "1")
    table = run("stream-events", *advised.session, *words).out
    assert table.startswith("Sequence")
    assert "write complete" in table
    assert "Good (192)" in table
    assert "Integer" in table


def test_resuming_starts_after_the_given_sequence(run: Run, advised: Any) -> None:
    run("write", *advised.item, "--type", "int32", "--value", "6")
    run("stream-events", *advised.session, "--max-events", "3", "--json")
    words = ("--after-worker-sequence", "1", "--max-events", "2", "--json")
    events = run("stream-events", *advised.session, *words).json()["events"]
    assert [e["workerSequence"] for e in events] == ["2", "3"]


def test_a_document_without_bound_stops_at_ten_thousand_and_names_the_way_without_limit(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant = [TagSpec("Many.Numbers", MxDataType.INTEGER, 0)]
    with ThreadedSimulator(plant=plant, interval=None) as simulator:
        monkeypatch.setenv("MXGATEWAY_ENDPOINT", simulator.endpoint)
        monkeypatch.setenv("MXGATEWAY_API_KEY", simulator.api_key)
        monkeypatch.setenv("MXGATEWAY_PLAINTEXT", "1")
        session = ("--session-id", run("open-session", "--json").json()["sessionId"])
        handle = ("--server-handle", "1")
        run("register", *session, "--client-name", "c")
        run("add-item", *session, *handle, "--item", "Many.Numbers")
        run("advise", *session, *handle, "--item-handle", "1")

        def produce() -> None:
            simulator.wait_until(lambda s: s.audit.streams_open == 1)

            def change(sim: Any) -> None:
                tag = sim.plant["Many.Numbers"]
                for n in range(1, 5_001):
                    sim.plant.set(tag, n)

            for sent in (5_000, 10_000):
                simulator.call(change)
                simulator.wait_until(_sent(sent), LIMIT)
            simulator.call(change)

        producer = threading.Thread(target=produce)
        producer.start()
        outcome = run("stream-events", *session, "--json")
        producer.join(LIMIT)
    assert outcome.code == 0
    assert len(outcome.json()["events"]) == 10_000
    assert "--output jsonl has no limit" in outcome.err


def test_one_document_takes_no_more_text_than_it_has_room_for(
    run: Run, connected: ThreadedSimulator, advised: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("mxgateway_cli.output.rows"), "_MOST_TEXT", 1)
    outcome = run("stream-events", *advised.session, "--max-events", "5", "--json")
    assert outcome.code == 0
    assert len(outcome.json()["events"]) == 1
    assert "Stopped after 1 events, for one document takes no more text" in outcome.err


def _sent(count: int) -> Callable[[Any], bool]:
    return lambda simulator: simulator.audit.events_sent >= count


@pytest.fixture
def streaming(script: list[str], advised: Any, connected: ThreadedSimulator) -> Any:
    """Start stream-events as a process; it has shown the first event when this returns."""
    processes = []

    def start(*words: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [*script, "stream-events", *advised.session, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(os.environ),
        )
        processes.append(process)
        connected.wait_until(lambda s: s.audit.streams_open == 1, LIMIT)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _sees_reset(simulator: ThreadedSimulator, before: int) -> None:
    simulator.wait_until(lambda s: s.audit.streams_cancelled == before + 1)


@posix_signals
@pytest.mark.requirement("cli.signal")
def test_ctrl_c_keeps_whole_lines_resets_the_stream_and_exits_130(
    streaming: Any, connected: ThreadedSimulator
) -> None:
    before = connected.audit.streams_cancelled
    process = streaming("--output", "jsonl")
    # The line arrives although the pipe is no terminal: it was flushed by itself.
    first = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT)
    assert first["workerSequence"] == "1"
    assert process.returncode == 130
    assert out == b""
    assert json.loads(err)["exitCode"] == 130
    _sees_reset(connected, before)


@posix_signals
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_a_document_interrupted_by_a_signal_still_holds_what_came(
    streaming: Any, connected: ThreadedSimulator, number: str
) -> None:
    process = streaming("--json")
    connected.wait_until(lambda s: s.audit.events_sent >= 1)
    process.send_signal(getattr(signal, number))
    out, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert set(json.loads(out)) == {"events"}


@pytest.mark.requirement("cli.pipe")
def test_a_reader_that_leaves_ends_the_stream_quietly_with_success(
    streaming: Any, connected: ThreadedSimulator
) -> None:
    before = connected.audit.streams_cancelled
    process = streaming("--output", "jsonl")
    assert process.stdout.readline().endswith(b"}\n")
    process.stdout.close()
    connected.set_value("SimProbe_001.TestInt", 4711)
    process.stdout = None
    _, err = process.communicate(timeout=LIMIT)
    assert err == b""
    assert process.returncode == 0
    _sees_reset(connected, before)


def test_a_connection_lost_mid_stream_keeps_what_came_and_exits_9(
    script: list[str], relay_to: Any
) -> None:
    simulator = ThreadedSimulator(interval=None).start()
    try:
        variables = {
            "MXGATEWAY_ENDPOINT": simulator.endpoint,
            "MXGATEWAY_API_KEY": simulator.api_key,
            "MXGATEWAY_PLAINTEXT": "1",
        }
        with relay_to(simulator.port) as relay:
            variables["MXGATEWAY_ENDPOINT"] = f"127.0.0.1:{relay.port}"
            process = subprocess.Popen(
                [*script, "smoke", "--item", "SimProbe_001.TestInt", "--max-events", "9", "--json"],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=os.environ | variables,
            )
            simulator.wait_until(lambda s: s.audit.events_sent >= 1, LIMIT)
            relay.cut()
            out, err = process.communicate(timeout=LIMIT)
        assert process.returncode == 9
        assert out == b""
        assert json.loads(err)["type"] == "ConnectionLost"
    finally:
        simulator.stop()
