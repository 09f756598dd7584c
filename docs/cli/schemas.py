"""Writes schemas/*.json: a JSON Schema for what each command prints with --json.

The messages come from the contract as the JSON writer knows it, so a schema cannot fall behind.

python docs/cli/schemas.py [--check]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from mxgateway.codec.enums import names
from mxgateway.codec.plan import FieldPlan, plan_of
from mxgateway.commands import COMMANDS
from mxgateway.generated.galaxy_repository import v1 as galaxy
from mxgateway.generated.google import protobuf
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
_INTEGER: Final = {"type": "integer"}
_NUMBER: Final = {"type": "number"}
_REAL: Final = {"anyOf": [_NUMBER, {"enum": ["NaN", "Infinity", "-Infinity"]}]}
_COUNT: Final = {"type": "integer", "minimum": 0}
_TEXT: Final = {"type": "string"}
_YES_NO: Final = {"type": "boolean"}
_INT64: Final = {"type": "string", "pattern": "^-?[0-9]+$"}
_TIME: Final = {
    "type": "string",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]{3,9})?Z$",
}
_SCALARS: Final[dict[str, Any]] = {
    "bool": _YES_NO,
    "int32": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "uint32": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
    "int64": _INT64,
    "uint64": _INT64,
    "string": _TEXT,
    "bytes": {"type": "string", "contentEncoding": "base64"},
    "float": _REAL,
    "double": _REAL,
}


class _Messages:
    """The messages that schemas refer to, collected as they are asked for."""

    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}

    def reference(self, cls: Any) -> dict[str, Any]:
        """Return a reference to the schema of a message class."""
        name = cls.__name__
        if name not in self.definitions:
            self.definitions[name] = {}  # In place before its fields ask for it again.
            self.definitions[name] = self.schema(cls)
        return {"$ref": f"messages.json#/$defs/{name}"}

    def schema(self, cls: Any) -> dict[str, Any]:
        """Return the schema of a message class: fields without presence are always there."""
        fields = plan_of(cls).fields
        return _object(
            {f.json_name: self.field(f) for f in fields},
            optional=[f.json_name for f in fields if f.presence and not f.repeated],
        )

    def field(self, f: FieldPlan) -> dict[str, Any]:
        """Return the schema of a field."""
        value = self._value(f)
        return {"type": "array", "items": value} if f.repeated else value

    def _value(self, f: FieldPlan) -> dict[str, Any]:
        if f.kind == "enum":
            # A number that this version has no name for stays a number.
            known = [names(f.cls)[member.value] for member in f.cls]
            return {"anyOf": [{"enum": known}, _INTEGER]}
        if f.kind != "message":
            scalar: dict[str, Any] = _SCALARS[f.kind]
            return scalar
        if f.cls is protobuf.Timestamp:
            return _TIME
        if f.cls is protobuf.Duration:
            return {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?s$"}
        if f.wrapped:
            return self._value(plan_of(f.cls).fields[0])
        return self.reference(f.cls)


def _object(properties: dict[str, Any], optional: Any = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(sorted(properties.items())),
        "required": sorted(set(properties) - set(optional)),
        "additionalProperties": False,
    }


def _list(name: str, rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    return _object({name: {"type": "array", "items": rows}, **more})


def schemas() -> dict[str, dict[str, Any]]:
    """Return every schema by the name of its command, and `messages` and `error`."""
    messages = _Messages()
    found = {command: _of_kind(messages, command) for command in _OF_KIND}
    found |= {
        "version": _object(
            {
                "clientVersion": _TEXT,
                "gatewayProtocolVersion": _INTEGER,
                "workerProtocolVersion": _INTEGER,
            }
        ),
        "open-session": _with_correlation(messages.schema(v1.OpenSessionReply)),
        "close-session": _with_correlation(messages.schema(v1.CloseSessionReply)),
        "stream-events": _list("events", messages.reference(v1.MxEvent)),
        "stream-alarms": _list("messages", messages.reference(v1.AlarmFeedMessage)),
        "query-active-alarms": _list("alarms", messages.reference(v1.ActiveAlarmSnapshot)),
        "acknowledge-alarm": _with_correlation(messages.schema(v1.AcknowledgeAlarmReply)),
        "galaxy-test-connection": messages.schema(galaxy.TestConnectionReply),
        "galaxy-last-deploy": messages.schema(galaxy.GetLastDeployTimeReply),
        "galaxy-discover": _list(
            "objects", messages.reference(galaxy.GalaxyObject), totalObjectCount=_INTEGER
        ),
        "galaxy-browse": _list("children", _browsed(messages)),
        "galaxy-watch-deploys": _list("events", messages.reference(galaxy.DeployEvent)),
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
        "error": _error(),
    }
    found["messages"] = {"$defs": dict(sorted(messages.definitions.items()))}
    return found


def _of_kind(messages: _Messages, command: str) -> dict[str, Any]:
    kind = _KINDS.get(command) or MxCommandKind[command.replace("-", "_").upper()]
    spec = COMMANDS[kind]
    properties: dict[str, Any] = {}
    optional = ["correlationId"]
    for f in plan_of(v1.MxCommandReply).fields:
        if f.group is None:
            properties[f.json_name] = messages.field(f)
            if f.presence and not f.repeated and f.name != "protocol_status":
                optional.append(f.json_name)
        elif f.name == spec.reply_field:
            properties[f.json_name] = messages.field(f)
    properties["kind"] = {"const": f"MX_COMMAND_KIND_{kind.name}"}
    if command in _HANDLES:
        properties[_HANDLES[command]] = _INTEGER
    return _object(properties, optional)


def _with_correlation(schema: dict[str, Any]) -> dict[str, Any]:
    properties = schema["properties"] | {"correlationId": _TEXT}
    required = {*schema["required"], "protocolStatus"} - {"correlationId"}
    return _object(properties, set(properties) - required)


def _browsed(messages: _Messages) -> dict[str, Any]:
    schema = messages.schema(galaxy.GalaxyObject)
    return _object(
        schema["properties"] | {"hasChildren": _YES_NO, "level": {"type": "integer", "minimum": 1}}
    )


def _smoke(messages: _Messages) -> dict[str, Any]:
    return _object(
        {
            "language": {"const": "python"},
            "operation": {"const": "smoke"},
            "sessionId": _TEXT,
            "serverHandle": _INTEGER,
            "itemHandle": _INTEGER,
            "eventCount": {"type": "integer", "minimum": 1},
            "eventFamily": {"anyOf": [_TEXT, _INTEGER]},
            "workerSequence": _INT64,
            "protocolStatus": _TEXT,
            "hresult": {"anyOf": [_INTEGER, {"type": "null"}]},
            "statuses": {"type": "array", "items": messages.reference(v1.MxStatusProxy)},
            "closeStatus": _TEXT,
        }
    )


def _bench(*counts: str, rate: str) -> dict[str, Any]:
    latency = ("p50", "p95", "p99", "max", "mean")
    failure = _object({"message": _TEXT, "count": {"type": "integer", "minimum": 1}})
    return _object(
        {
            "language": {"const": "python"},
            "durationMs": _INTEGER,
            **dict.fromkeys(counts, _COUNT),
            rate: _NUMBER,
            "latencyMs": _object(dict.fromkeys(latency, _NUMBER)),
            "failures": {"type": "array", "items": failure},
            "cleanupErrors": {"type": "array", "items": _TEXT},
            "interrupted": _YES_NO,
        }
    )


def _error() -> dict[str, Any]:
    """One object on stderr; errors of gateway and connection have more members than these."""
    status = {"anyOf": [_TEXT, {"type": "null"}]}
    schema = _object(
        {
            "type": _TEXT,
            "message": _TEXT,
            "exitCode": _INTEGER,
            "status": status,
            "processed": {"enum": ["no", "maybe", "yes"]},
            "transient": _YES_NO,
            "connection": {"type": "object"},
        },
        optional=("status", "processed", "transient", "connection"),
    )
    del schema["additionalProperties"]
    return schema


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
    special = {"messages": "Messages of the contract", "error": "An error on stderr"}
    return special.get(name, f"mxgw-py {name} --json")


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
