"""Writes schemas/*.json: a JSON Schema for what each command prints with --json.

The messages come from the contract as the JSON writer knows it, so a schema cannot fall behind.
Where the document has a list, `$defs/line` is a line of `--output jsonl`.

python docs/cli/schemas.py [--check]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from schema_parts import (
    COUNT,
    INT64,
    INTEGER,
    NUMBER,
    TEXT,
    YES_NO,
    Messages,
    list_of,
    nullable,
    record,
)
from schemas_people import people

from mxgateway.codec.plan import plan_of
from mxgateway.commands import COMMANDS
from mxgateway.generated.galaxy_repository import v1 as galaxy
from mxgateway.generated.mxaccess_gateway import v1
from mxgateway.generated.mxaccess_gateway.v1 import MxCommandKind

FOLDER: Final = Path(__file__).with_name("schemas")
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

# Command -> kind of the command that it sends, where its name is not that of the kind.
_KINDS: Final = {
    "session-state": MxCommandKind.GET_SESSION_STATE,
    "worker-info": MxCommandKind.GET_WORKER_INFO,
    "write-array-elements": MxCommandKind.WRITE,
}
_OF_KIND: Final = (
    *("ping", "session-state", "worker-info", "drain-events", "shutdown-worker", "register"),
    *("unregister", "add-item", "add-item2", "add-buffered-item", "remove-item", "advise"),
    *("set-buffered-update-interval", "advise-supervisory", "un-advise", "suspend", "activate"),
    *("write", "write2", "write-secured", "write-secured2", "write-array-elements"),
    *("authenticate-user", "archestra-user-to-id", "add-item-bulk", "advise-item-bulk"),
    *("remove-item-bulk", "un-advise-item-bulk", "subscribe-bulk", "unsubscribe-bulk"),
    *("read-bulk", "write-bulk", "write2-bulk", "write-secured-bulk", "write-secured2-bulk"),
)
_HANDLES: Final = {
    "register": "serverHandle",
    "add-item": "itemHandle",
    "add-item2": "itemHandle",
    "add-buffered-item": "itemHandle",
}


def schemas() -> dict[str, dict[str, Any]]:
    """Return every schema by the name of its command, and `messages`, `error`, `batch-error`."""
    messages = Messages()
    found = {command: _of_kind(messages, command) for command in _OF_KIND}
    found |= {
        "version": record(
            {
                "clientVersion": TEXT,
                "gatewayProtocolVersion": INTEGER,
                "workerProtocolVersion": INTEGER,
            }
        ),
        "open-session": _with_correlation(messages.schema(v1.OpenSessionReply)),
        "close-session": _with_correlation(messages.schema(v1.CloseSessionReply)),
        "stream-events": list_of("events", messages.reference(v1.MxEvent)),
        "stream-alarms": list_of("messages", messages.reference(v1.AlarmFeedMessage)),
        "query-active-alarms": list_of("alarms", messages.reference(v1.ActiveAlarmSnapshot)),
        "acknowledge-alarm": _with_correlation(messages.schema(v1.AcknowledgeAlarmReply)),
        "galaxy-test-connection": messages.schema(galaxy.TestConnectionReply),
        "galaxy-last-deploy": messages.schema(galaxy.GetLastDeployTimeReply),
        "galaxy-discover": list_of(
            "objects", messages.reference(galaxy.GalaxyObject), totalObjectCount=INTEGER
        ),
        "galaxy-browse": list_of("children", _browsed(messages)),
        "galaxy-watch-deploys": list_of("events", messages.reference(galaxy.DeployEvent)),
        "smoke": _smoke(messages),
        "bench-read-bulk": _bench(
            *("bulkSize", "totalCalls", "successfulCalls", "failedCalls", "totalReadResults"),
            *("cachedReadResults", "failedReadResults"),
            rate="callsPerSecond",
        ),
        "bench-stream-events": _bench(
            *("sessions", "bulkSize", "totalEvents", "faultedSessions", "remainingEvents"),
            rate="eventsPerSecond",
        ),
        "error": _error(messages),
        "batch-error": _batch_error(),
    }
    found |= people(messages)
    found["messages"] = {"$defs": dict(sorted(messages.definitions.items()))}
    return found


def _of_kind(messages: Messages, command: str) -> dict[str, Any]:
    kind = _KINDS.get(command) or MxCommandKind[command.replace("-", "_").upper()]
    spec = COMMANDS[kind]
    properties: dict[str, Any] = {}
    optional = ["correlationId"]
    lines: dict[str, Any] = {}
    for f in plan_of(v1.MxCommandReply).fields:
        if f.group is None:
            properties[f.json_name] = messages.field(f)
            if f.presence and not f.repeated and f.name != "protocol_status":
                optional.append(f.json_name)
        elif f.name == spec.reply_field:
            properties[f.json_name] = messages.field(f)
            listed = [one for one in plan_of(f.cls).fields if one.name in ("results", "events")]
            if listed:
                lines = {"$defs": {"line": messages.reference(listed[0].cls)}}
    properties["kind"] = {"const": f"MX_COMMAND_KIND_{kind.name}"}
    if command in _HANDLES:
        properties[_HANDLES[command]] = INTEGER
    return {**lines, **record(properties, optional)}


def _with_correlation(schema: dict[str, Any]) -> dict[str, Any]:
    properties = schema["properties"] | {"correlationId": TEXT}
    required = {*schema["required"], "protocolStatus"} - {"correlationId"}
    return record(properties, set(properties) - required)


def _browsed(messages: Messages) -> dict[str, Any]:
    schema = messages.schema(galaxy.GalaxyObject)
    return record(
        schema["properties"] | {"hasChildren": YES_NO, "level": {"type": "integer", "minimum": 1}}
    )


def _smoke(messages: Messages) -> dict[str, Any]:
    return record(
        {
            "language": {"const": "python"},
            "operation": {"const": "smoke"},
            "sessionId": TEXT,
            "serverHandle": INTEGER,
            "itemHandle": INTEGER,
            "eventCount": {"type": "integer", "minimum": 1},
            "eventFamily": {"anyOf": [TEXT, INTEGER]},
            "workerSequence": INT64,
            "protocolStatus": TEXT,
            "hresult": {"anyOf": [INTEGER, {"type": "null"}]},
            "statuses": {"type": "array", "items": messages.reference(v1.MxStatusProxy)},
            "closeStatus": TEXT,
        }
    )


def _bench(*counts: str, rate: str) -> dict[str, Any]:
    latency = ("p50", "p95", "p99", "max", "mean")
    failure = record({"message": TEXT, "count": {"type": "integer", "minimum": 1}})
    return record(
        {
            "language": {"const": "python"},
            "durationMs": INTEGER,
            **dict.fromkeys(counts, COUNT),
            rate: NUMBER,
            "latencyMs": record(dict.fromkeys(latency, NUMBER)),
            "failures": {"type": "array", "items": failure},
            "cleanupErrors": {"type": "array", "items": TEXT},
            "interrupted": YES_NO,
        }
    )


def _error(messages: Messages) -> dict[str, Any]:
    """One object on stderr, and within it what an error of the library has in a result too."""
    status = messages.schema(v1.MxStatusProxy)["properties"]
    code = record({"code": TEXT, "message": TEXT})
    told = {
        "type": TEXT,
        "message": TEXT,
        "status": nullable(TEXT),
        "processed": {"enum": ["no", "maybe", "yes"]},
        "transient": YES_NO,
    }
    by_type = {
        "cause": TEXT,
        "phase": TEXT,
        "option": TEXT,
        "limit": NUMBER,
        "tag": TEXT,
        "hresult": nullable(INTEGER),
        "protocolStatus": nullable(code),
        "statuses": {
            "type": "array",
            "items": record(
                {
                    "success": status["success"],
                    "category": TEXT,
                    "detectedBy": TEXT,
                    "detail": status["detail"],
                    "diagnosticText": TEXT,
                }
            ),
        },
        "messageType": TEXT,
        "field": TEXT,
        "offset": COUNT,
        "size": COUNT,
    }
    of_run = {
        "exitCode": {"type": "integer", "minimum": 1},
        "command": TEXT,
        "connection": record(
            {
                "client": {"const": "mxgw-py"},
                "endpoint": TEXT,
                "security": {"enum": ["plaintext", "TLS"]},
                "auth": TEXT,
                "profile": TEXT,
            },
            optional=("profile",),
        ),
        "failed": COUNT,
        "total": COUNT,
        "traceback": TEXT,
    }
    whole = told | by_type | of_run
    needed = {"type", "message", "exitCode"}
    return {
        "$defs": {
            "Error": record(told | by_type, optional=by_type),
            "details": record(whole, optional=set(whole) - (needed - {"exitCode"})),
        },
        **record(whole, optional=set(whole) - needed),
    }


def _batch_error() -> dict[str, Any]:
    """What `batch` prints in place of the result of a line that failed."""
    return record(
        {
            "error": TEXT,
            "type": {"const": "error"},
            "exitCode": {"type": "integer", "minimum": 1},
            "details": {"$ref": "error.json#/$defs/details"},
        }
    )


def files() -> dict[str, str]:
    """Return the text of every file by its name."""
    return {
        f"{name}.json": json.dumps(
            {"$schema": _DIALECT, "title": _title(name), **schema}, indent=2, ensure_ascii=True
        )
        + "\n"
        for name, schema in schemas().items()
    }


def _title(name: str) -> str:
    special = {
        "messages": "Messages of the contract",
        "error": "An error on stderr",
        "batch-error": "What batch prints for a line that failed",
        "write-tag": "mxgw-py write TAG VALUE --json",
        "alarms-ack": "mxgw-py alarms ack --json",
        "alarms-once": "mxgw-py alarms --once --json",
        "simulate-calls": "mxgw-py simulate control --json",
        "simulate-control": "mxgw-py simulate control CALL --json",
    }
    spaced = name.replace("profile-", "profile ")
    return special.get(name, f"mxgw-py {spaced} --json")


def main() -> int:
    """Write the files, or with --check say whether they are current; return the exit code."""
    wanted = files()
    if "--check" in sys.argv[1:]:
        found = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
        if found != wanted:
            sys.stderr.write("docs/cli/schemas is not current; run python docs/cli/schemas.py\n")
            return 1
        return 0
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
