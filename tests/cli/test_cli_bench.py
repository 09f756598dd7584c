"""The two benchmarks: their record, what they count as failed, and how Ctrl-C ends them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from json_schema import problems

from mxgateway import GatewayClient
from mxgateway.errors import UnavailableError
from mxgateway.session import Session
from mxgateway.simulator import ThreadedSimulator

Run = Callable[..., Any]
LIMIT = 30
SCHEMAS = Path(__file__).parents[2] / "docs" / "cli" / "schemas"
SHORT = ("--duration-seconds", "0.2", "--warmup-seconds", "0", "--bulk-size", "2")
TANKS = ("--tag-pattern", "Tank_###.Level")
bench = import_module("mxgateway_cli.bench")
posix_signals = pytest.mark.skipif(
    sys.platform == "win32", reason="sending Ctrl-C to one child needs POSIX signals"
)


def test_reads_are_counted_and_come_from_the_cache(run: Run, connected: ThreadedSimulator) -> None:
    record = run("bench-read-bulk", *SHORT, *TANKS, "--json").json()
    assert record["language"] == "python"
    assert record["totalCalls"] == record["successfulCalls"] > 0
    assert record["totalReadResults"] == record["cachedReadResults"] == 2 * record["totalCalls"]
    latency = record["latencyMs"]
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"] <= latency["max"]
    assert (record["failures"], record["cleanupErrors"]) == ([], [])
    assert connected.session_count == 0


def test_percentiles_are_interpolated_between_ranks() -> None:
    assert bench.latency_document([4.0, 1.0, 2.0, 3.0]) == {
        "p50": 2.5,
        "p95": 3.85,
        "p99": 3.97,
        "max": 4.0,
        "mean": 2.5,
    }
    assert set(bench.latency_document([]).values()) == {0.0}


@pytest.mark.parametrize(
    ("pattern", "count", "tags"),
    [
        ("M_###.X", 2, ["M_001.X", "M_002.X"]),
        ("M_#.X", 10, [*(f"M_{n}.X" for n in range(1, 11))]),
        ("M.X", 1, ["M.X"]),
    ],
)
def test_a_pattern_counts_from_one(pattern: str, count: int, tags: list[str]) -> None:
    assert bench.tags_of_pattern(pattern, count) == tags


@pytest.mark.parametrize("pattern", ["Tank_001.Level", "#.#"])
def test_a_pattern_without_one_number_is_refused(run: Run, connected: Any, pattern: str) -> None:
    outcome = run("bench-read-bulk", *SHORT, "--tag-pattern", pattern)
    assert outcome.code == 2
    assert "--tag-pattern" in outcome.err


def test_calls_that_fail_are_counted_and_told(
    run: Run, connected: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, calls = Session.read_bulk, []

    async def read_bulk(*arguments: Any, **rest: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise UnavailableError("the worker is away")
        return await plain(*arguments, **rest)

    monkeypatch.setattr(Session, "read_bulk", read_bulk)
    outcome = run("bench-read-bulk", *SHORT, *TANKS, "--json")
    record = outcome.json()
    assert outcome.code == 8
    assert record["failedCalls"] == 1
    assert record["totalCalls"] == record["successfulCalls"] + 1
    assert record["failures"] == [{"count": 1, "message": "UnavailableError: the worker is away"}]
    calls.clear()
    people = run("bench-read-bulk", *SHORT, *TANKS)
    assert people.err == "Failed 1 times: UnavailableError: the worker is away\n"


def test_where_every_call_fails_the_exit_code_is_that_of_the_failure(
    run: Run, connected: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read_bulk(*_: Any, **__: Any) -> Any:
        raise UnavailableError("the worker is away")

    monkeypatch.setattr(Session, "read_bulk", read_bulk)
    outcome = run("bench-read-bulk", *SHORT, *TANKS, "--json")
    assert outcome.code == 7
    assert outcome.json()["successfulCalls"] == 0


def test_a_clean_up_that_fails_is_told(
    run: Run, connected: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unregister(*_: Any, **__: Any) -> Any:
        raise UnavailableError("unregister went wrong")

    monkeypatch.setattr(Session, "unregister", unregister)
    outcome = run("bench-stream-events", *SHORT, *TANKS, "--json")
    assert outcome.code == 8
    assert outcome.json()["cleanupErrors"] == ["UnavailableError: unregister went wrong"]
    assert connected.session_count == 0


def test_streams_of_several_sessions_are_counted_together(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadedSimulator(interval=0.02) as simulator:
        monkeypatch.setenv("MXGATEWAY_ENDPOINT", simulator.endpoint)
        monkeypatch.setenv("MXGATEWAY_API_KEY", simulator.api_key)
        monkeypatch.setenv("MXGATEWAY_PLAINTEXT", "1")
        words = ("--duration-seconds", "0.5", "--warmup-seconds", "0.1", "--bulk-size", "2")
        more = ("--sessions", "3", "--stagger-ms", "10", "--json")
        record = run("bench-stream-events", *words, *TANKS, *more).json()
        assert simulator.session_count == 0
    assert record["totalEvents"] > 0
    assert record["eventsPerSecond"] > 0
    assert record["latencyMs"]["max"] > 0
    assert (record["sessions"], record["faultedSessions"]) == (3, 0)


def test_a_timeout_of_calls_does_not_end_the_streams(
    run: Run, connected: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = GatewayClient.stream_events_raw
    limits: list[tuple[float | None, float | None]] = []

    def stream_events_raw(client: GatewayClient, *arguments: Any, **rest: Any) -> Any:
        assert "timeout" not in rest
        limits.append((client.options.call_timeout, client.options.stream_timeout))
        return plain(client, *arguments, **rest)

    monkeypatch.setattr(GatewayClient, "stream_events_raw", stream_events_raw)
    assert run("bench-stream-events", *SHORT, *TANKS, "--timeout", "17", "--json").code == 0
    assert limits == [(17.0, None)]


def test_a_session_that_was_faulted_is_found_afterwards(
    run: Run, connected: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Session.subscribe_bulk

    async def subscribe_bulk(session: Any, *arguments: Any, **rest: Any) -> Any:
        results = await plain(session, *arguments, **rest)
        # From the loop of the simulator, while this one waits.
        import anyio

        await anyio.to_thread.run_sync(connected.faults.kill_worker, session.session_id)
        return results

    monkeypatch.setattr(Session, "subscribe_bulk", subscribe_bulk)
    outcome = run("bench-stream-events", *SHORT, *TANKS, "--json")
    record = outcome.json()
    assert outcome.code in (7, 8)
    assert record["faultedSessions"] == 1
    assert any("event stream" in failure["message"] for failure in record["failures"])


@posix_signals
@pytest.mark.requirement("cli.signal")
@pytest.mark.parametrize("command", ["bench-read-bulk", "bench-stream-events"])
def test_ctrl_c_prints_the_record_of_what_was_measured_and_closes_the_sessions(
    script: list[str], connected: ThreadedSimulator, command: str
) -> None:
    words = ("--duration-seconds", "60", "--warmup-seconds", "0", "--bulk-size", "2", "--json")
    process = subprocess.Popen(
        [*script, command, *words, *TANKS],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ),
    )
    connected.wait_until(lambda s: s.audit.events_sent >= 2, LIMIT)
    if command == "bench-read-bulk":
        connected.wait_until(lambda s: s.audit.commands["READ_BULK"] >= 2, LIMIT)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    record = json.loads(out)
    assert problems(record, SCHEMAS / f"{command}.json") == []
    assert record["interrupted"] is True
    if command == "bench-read-bulk":
        assert record["totalCalls"] >= 1
    assert json.loads(err)["type"] == "Interrupted"
    connected.wait_until(lambda s: s.session_count == 0)
