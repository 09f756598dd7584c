"""The compiled codec beside betterproto2 and Google's protobuf, in interleaved rounds.

    python benchmarks/codec.py [--json] [--rounds N]

Three things are measured: decoding data-change events, encoding a WriteBulkCommand of
100 entries, and printing such events as JSON text. Every round times each contestant
once, in turn; the best round of each counts. The exit code is 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from google.protobuf.json_format import MessageToJson
from google_messages import load_google_modules

from mxgateway.codec import decoder_for, encoder_for, to_json
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxDataType,
    MxEvent,
    MxEventFamily,
    MxStatusCategory,
    MxStatusProxy,
    MxStatusSource,
    MxValue,
    OnDataChangeEvent,
    WriteBulkCommand,
    WriteBulkEntry,
)
from mxgateway.timestamp import Timestamp

# How many times faster than betterproto2 the compiled codec has to be.
TARGETS = {
    "decode a data-change event": 8.0,
    "encode a WriteBulkCommand of 100 entries": 5.0,
    "print an event as JSON": 10.0,
}
EVENTS = 100
START = 1_715_000_000 * 10_000_000 + 116_444_736_000_000_000  # FILETIME of a day in 2024

Task = Callable[[], Any]


def make_event(number: int) -> MxEvent:
    """Return the event `number` of a stream: 100 events a second, no two times equal."""
    source = START + number * 100_003
    return MxEvent(
        family=MxEventFamily.ON_DATA_CHANGE,
        session_id="0123456789abcdef0123456789abcdef",
        server_handle=1,
        item_handle=1 + number % 300,
        value=MxValue(data_type=MxDataType.DOUBLE, double_value=20 + number * 0.37),
        quality=192,
        source_timestamp=Timestamp.from_filetime(source),
        statuses=[
            MxStatusProxy(
                success=1,
                category=MxStatusCategory.OK,
                detected_by=MxStatusSource.RESPONDING_LMX,
            )
        ],
        worker_sequence=100_000 + number,
        worker_timestamp=Timestamp.from_filetime(source + 11_117),
        gateway_receive_timestamp=Timestamp.from_filetime(source + 23_231),
        on_data_change=OnDataChangeEvent(),
    )


def make_bulk() -> WriteBulkCommand:
    """Return a WriteBulkCommand of 100 doubles."""
    return WriteBulkCommand(
        server_handle=1,
        entries=[
            WriteBulkEntry(
                item_handle=100 + i,
                value=MxValue(data_type=MxDataType.DOUBLE, double_value=i * 1.5),
                user_id=3,
            )
            for i in range(100)
        ],
    )


def contests() -> dict[str, tuple[int, dict[str, Task]]]:
    """Return the tasks by title and contestant, with the operations in one task."""
    google = load_google_modules().gateway_pb2
    events = [make_event(number) for number in range(EVENTS)]
    encode, decode = encoder_for(MxEvent), decoder_for(MxEvent)
    sent = [encode(event) for event in events]
    theirs = [google.MxEvent.FromString(data) for data in sent]
    bulk, encode_bulk = make_bulk(), encoder_for(WriteBulkCommand)
    bulk_theirs = google.WriteBulkCommand.FromString(encode_bulk(bulk))
    assert encode_bulk(bulk) == bytes(bulk) == bulk_theirs.SerializeToString()
    assert all(decode(data) == MxEvent.parse(data) for data in sent)

    def each(function: Callable[[Any], Any], arguments: list[Any]) -> Task:
        def task() -> None:
            for argument in arguments:
                function(argument)

        return task

    titles = list(TARGETS)
    return {
        titles[0]: (
            EVENTS,
            {
                "compiled": each(decode, sent),
                "betterproto2": each(MxEvent.parse, sent),
                "google": each(google.MxEvent.FromString, sent),
            },
        ),
        titles[1]: (
            1,
            {
                "compiled": lambda: encode_bulk(bulk),
                "betterproto2": lambda: bytes(bulk),
                "google": bulk_theirs.SerializeToString,
            },
        ),
        titles[2]: (
            EVENTS,
            {
                "compiled": each(to_json, events),
                "betterproto2": each(MxEvent.to_json, events),
                "google": each(MessageToJson, theirs),
            },
        ),
        "encode a data-change event": (
            EVENTS,
            {
                "compiled": each(encode, events),
                "betterproto2": each(bytes, events),
                "google": each(google.MxEvent.SerializeToString, theirs),
            },
        ),
    }


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Return microseconds per operation, the best of `rounds`, by title and contestant."""
    results: dict[str, dict[str, float]] = {}
    for title, (operations, tasks) in contests().items():
        best = dict.fromkeys(tasks, float("inf"))
        for _ in range(rounds):
            for name, task in tasks.items():
                start = time.perf_counter_ns()
                task()
                best[name] = min(best[name], (time.perf_counter_ns() - start) / 1000 / operations)
        results[title] = best
    return results


def report(results: dict[str, dict[str, float]], *, as_json: bool) -> bool:
    """Print the results; return whether every target is met."""
    rows = []
    for title, times in results.items():
        ratio = times["betterproto2"] / times["compiled"]
        rows.append(
            {
                "what": title,
                "microseconds": {name: round(value, 2) for name, value in times.items()},
                "ratio": round(ratio, 1),
                "target": TARGETS.get(title),
                "met": ratio >= TARGETS.get(title, 0.0),
            }
        )
    met = all(row["met"] for row in rows)
    if as_json:
        print(json.dumps({"event_bytes": len(encoder_for(MxEvent)(make_event(0))), "rows": rows}))
        return met
    print(
        f"{'microseconds, best round':42}{'compiled':>10}{'betterproto2':>14}{'google':>9}  ratio"
    )
    for row, (title, times) in zip(rows, results.items(), strict=True):
        values = f"{times['compiled']:10.2f}{times['betterproto2']:14.2f}{times['google']:9.2f}"
        target = f"  (target {row['target']:g})" if row["target"] else ""
        print(f"{title:42}{values}{row['ratio']:7.1f}{target}")
        if not row["met"]:
            print(f"MISSED: {title}: {row['ratio']} times betterproto2, target {row['target']:g}")
    return met


def main() -> int:
    """Run and return the exit code."""
    parser = argparse.ArgumentParser(description="Measure the compiled codec.")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--rounds", type=int, default=20, help="rounds of each contest")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    return 0 if report(measure(options.rounds), as_json=options.json) else 1


if __name__ == "__main__":
    sys.exit(main())
