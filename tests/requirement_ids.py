"""The requirements that tests carry by id, each in one sentence.

`@pytest.mark.requirement("conn.goaway")` on a test says that it shows this requirement.
`found()` reads those marks from the test files; nothing has to be imported for it.
"""

from __future__ import annotations

import ast
from pathlib import Path

__all__ = ["REQUIREMENTS", "found"]

TESTS = Path(__file__).resolve().parent

REQUIREMENTS = {
    "api.sync": "Synchronous callers get a thread of its own, and a refusal inside an event loop.",
    "async.trio-real": "Everything runs on trio as on asyncio; library and CLI do not use asyncio.",
    "call.cancel-clean": "A cancelled call is reset once, gives slot and credit back, harms none.",
    "call.no-trailers": "However oddly a reply ends, the call ends at once with a status.",
    "call.rst-semantics": "RST_STREAM maps by its code; trailers that came before it win.",
    "cli.encoding": "Legacy code pages print JSON and tables without failing.",
    "cli.exit-codes": "Every outcome has its documented exit code.",
    "cli.pipe": "A closed pipe ends quietly.",
    "cli.signal": "Ctrl-C ends within a bound, keeps whole lines, exits with 130.",
    "cli.startup": "No command imports more than it needs.",
    "cli.stdout-pure": "With JSON output, stdout holds only JSON, the same bytes each time.",
    "cli.table-whole": "Tag names are never cut.",
    "conn.goaway": "A polite restart kills no healthy call; refused calls are not processed.",
    "conn.reconnect-fresh": "Closing and reconnecting never hang, whatever the peer does.",
    "conn.timeouts": "A deadline covers every phase of a call and says in which it passed.",
    "conn.unknown-frames": "Unknown frames, settings and informational headers are ignored.",
    "decode.hostile": "Any bytes give a message or a DecodeError, in bounded memory.",
    "decode.merge": "Split packed fields and split sub-messages are merged.",
    "decode.truncated": "A message cut anywhere but on a field boundary is refused.",
    "err.http-mapping": "A reply that is not gRPC is told by HTTP status, type and first bytes.",
    "err.no-leaks": "Only errors of the tree leave, with their cause.",
    "flow.isolation": "One slow stream starves no other; credit is exact; large messages arrive.",
    "flow.max-streams": "Calls above the peer's stream limit start in turn and say why they wait.",
    "gen.structured": "No scope or task group is held over a yield; tasks end with their owner.",
    "life.fork": "A forked child is refused, and never uses or ends its parent's connection.",
    "life.loop-binding": "Built in any place, a client runs in one loop and says so elsewhere.",
    "live.half-open": "A connection that went silent is found lost; nothing is lost behind it.",
    "live.keepalive-polite": "PINGs find a dead peer and do not annoy a living one.",
    "log.redact": "No key in repr, logs, errors or diagnostics.",
    "mem.long-run": "Thousands of calls and hundreds of reconnects leave nothing behind.",
    "msg.limits": "Sizes are checked before bodies are kept or sent; the error names the option.",
    "read.batch-partial": "A batch gives one result per input, in order; one bad tag fails alone.",
    "stream.early-exit": "Leaving a stream early resets it at the peer, whatever way it is left.",
    "sub.race-resubscribe": "Adding and removing at the same time is applied exactly once.",
    "sub.slow-consumer": "A slow consumer is bounded, told, and harms nobody else.",
    "tls.alpn": "A peer that does not negotiate h2 is refused.",
    "tls.diagnose": "Each TLS failure says what is wrong and which option is about it.",
    "value.presence": "Absent, null, zero, empty and false stay five different things.",
    "value.time-100ns": "Times keep 100 ns, and one that is out of range loses nothing else.",
    "value.unknown-enum": "Unknown enum numbers survive; an unknown quality is not good.",
    "write.no-replay": "Every error says whether the request may have been executed.",
    "write.types": "What does not fit its type is refused before the wire.",
}


def found() -> dict[str, list[str]]:
    """Return the tests of each requirement id that any test carries, as `file::name`, sorted."""
    result: dict[str, set[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        if "node_modules" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                marks, name = node.decorator_list, node.name
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                marks, name = [node.value], node.targets[0].id
            else:
                continue
            for mark in marks:
                for requirement in _ids(mark):
                    place = f"{path.relative_to(TESTS).as_posix()}::{name}"
                    result.setdefault(requirement, set()).add(place)
    return {name: sorted(places) for name, places in sorted(result.items())}


def _ids(mark: ast.expr) -> list[str]:
    return [
        argument.value
        for node in ast.walk(mark)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "requirement"
        for argument in node.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]
