"""The schemas of the commands that hide handles, and of those that set up a connection."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from schema_parts import (
    COUNT,
    ERROR,
    INTEGER,
    NUMBER,
    TEXT,
    TIME,
    YES_NO,
    Messages,
    constants,
    enumeration,
    list_of,
    nullable,
    record,
)

from mxgateway.alarms import AlarmChangeKind
from mxgateway.generated.mxaccess_gateway import v1

__all__ = ["people"]

_ANY: Final[dict[str, Any]] = {}
_TEXTS: Final = {"type": "array", "items": TEXT}
_FINGERPRINT: Final = {"type": "string", "pattern": "^([0-9A-F]{2}:){31}[0-9A-F]{2}$"}
_PROCESSED: Final = constants("no", "maybe", "yes")
_MARKS: Final = ("replayGap", "sequenceGap")


def people(messages: Messages) -> dict[str, dict[str, Any]]:
    """Return these schemas by the name of their command."""
    provider = messages.reference(v1.AlarmProviderStatus)
    alarm = _alarm()
    return {
        "read": _counted("results", _reading(messages), query=record({"tags": _TEXTS})),
        "write-tag": _counted("results", _outcome(), query=_writes()),
        "watch": list_of("updates", _update(messages)),
        "plot": list_of("samples", _update(messages)),
        "find": list_of(
            "hits", {"anyOf": [_found_object(), _hit()]}, query=record({"pattern": TEXT})
        ),
        "tree": list_of("objects", _twig(), query=record({"path": nullable(TEXT)})),
        "info": record(
            {
                "tag": TEXT,
                "galaxy": nullable(_metadata()),
                "galaxyError": nullable(ERROR),
                "reading": _reading(messages),
            }
        ),
        "alarms": list_of("changes", _change(alarm, provider)),
        "alarms-once": list_of(
            "alarms", alarm, provider=nullable(provider), query=record({"filterPrefix": TEXT})
        ),
        "alarms-ack": _counted("results", _acknowledged(), query=_acknowledging()),
        "doctor": list_of(
            "findings", _finding(), exitCode=COUNT, outcome=constants("ok", "warning", "failed")
        ),
        "trust": _certificate(
            endpoint=TEXT, writtenTo=nullable(TEXT), keptBefore=nullable(_FINGERPRINT)
        ),
        "profile-list": list_of("profiles", _profile(), file=TEXT),
        "profile-show": _profile(file=TEXT),
        "profile-add": _profile(file=TEXT),
        "profile-remove": record({"file": TEXT, "removed": TEXT}),
        "profile-use": record({"file": TEXT, "default": nullable(TEXT)}),
        "config": list_of("settings", _setting(), profileFile=TEXT),
        "simulate": _simulated(),
        "simulate-calls": list_of(
            "calls",
            record(
                {
                    "name": TEXT,
                    "parameters": {"type": "object", "additionalProperties": TEXT},
                    "summary": TEXT,
                }
            ),
        ),
        "simulate-control": record({"call": TEXT, "result": _ANY}),
    }


def _counted(name: str, rows: dict[str, Any], *, query: dict[str, Any]) -> dict[str, Any]:
    return list_of(name, rows, query=query, ok=YES_NO, failed=COUNT)


# -- tags ----------------------------------------------------------------------------


def _reading(messages: Messages, **more: Any) -> dict[str, Any]:
    members = {
        "tag": TEXT,
        "ok": YES_NO,
        "value": _ANY,
        "dataType": enumeration(v1.MxDataType),
        "isArray": YES_NO,
        "quality": {"type": "integer", "minimum": 0, "maximum": 65_535},
        "good": YES_NO,
        "timestamp": nullable(TIME),
        "statuses": {"type": "array", "items": messages.reference(v1.MxStatusProxy)},
        "status": TEXT,
        "cached": YES_NO,
        "error": nullable(ERROR),
    }
    return record(members | more, optional=("value",))


def _update(messages: Messages) -> dict[str, Any]:
    """A value, or a mark where values were lost."""
    dropped = {"kind": constants("dropped"), "status": TEXT, "count": COUNT}
    return {
        "anyOf": [
            _reading(messages, kind=constants("value")),
            record(dropped),
            record({"kind": constants(*_MARKS), "status": TEXT}),
        ]
    }


def _writes() -> dict[str, Any]:
    one = record(
        {"tag": TEXT, "value": _ANY, "type": TEXT, "timestamp": TIME},
        optional=("type", "timestamp"),
    )
    users = {"user": TEXT, "userPassword": constants("***")}
    users |= {"verifier": TEXT, "verifierPassword": constants("***")}
    return record({"writes": {"type": "array", "items": one}} | users, optional=users)


def _outcome() -> dict[str, Any]:
    return record(
        {
            "tag": TEXT,
            "ok": YES_NO,
            "processed": _PROCESSED,
            "secured": YES_NO,
            "written": _ANY,
            "before": _ANY,
            "status": TEXT,
            "error": nullable(ERROR),
        },
        optional=("before",),
    )


# -- the galaxy ----------------------------------------------------------------------


def _found_object() -> dict[str, Any]:
    return record(
        {
            "reference": TEXT,
            "kind": constants("object"),
            "object": TEXT,
            "template": TEXT,
            "isArea": YES_NO,
            "attributes": COUNT,
        }
    )


def _hit() -> dict[str, Any]:
    traits = _traits() | {"reference": TEXT, "kind": constants("attribute"), "template": TEXT}
    return record(traits)


def _traits() -> dict[str, Any]:
    return {
        "object": TEXT,
        "attribute": TEXT,
        "dataType": TEXT,
        "isArray": YES_NO,
        "securityClassification": TEXT,
        "category": TEXT,
        "isAlarm": YES_NO,
        "isHistorized": YES_NO,
    }


def _metadata() -> dict[str, Any]:
    return record(
        _traits()
        | {
            "reference": TEXT,
            "containedName": TEXT,
            "template": TEXT,
            "arrayDimension": nullable(INTEGER),
            "writeNeeds": TEXT,
        }
    )


def _twig() -> dict[str, Any]:
    """An object; its attributes are counted, and listed with --attributes."""
    return record(
        {
            "path": TEXT,
            "tagName": TEXT,
            "name": TEXT,
            "depth": COUNT,
            "isArea": YES_NO,
            "template": TEXT,
            "hasChildren": YES_NO,
            "children": nullable(COUNT),
            "attributes": {"anyOf": [COUNT, _TEXTS]},
        }
    )


# -- alarms --------------------------------------------------------------------------


def _alarm() -> dict[str, Any]:
    return record(
        {
            "number": {"type": "integer", "minimum": 10_000, "maximum": 99_999},
            "reference": TEXT,
            "provider": TEXT,
            "group": TEXT,
            "tag": TEXT,
            "state": enumeration(v1.AlarmConditionState),
            "active": YES_NO,
            "acked": YES_NO,
            "severity": INTEGER,
            "sourceObject": TEXT,
            "typeName": TEXT,
            "category": TEXT,
            "description": TEXT,
            "raised": nullable(TIME),
            "lastTransition": nullable(TIME),
            "operator": TEXT,
            "comment": TEXT,
            "degraded": YES_NO,
            "sourceProvider": enumeration(v1.AlarmProviderMode),
            "value": _ANY,
            "limit": _ANY,
        },
        optional=("value", "limit"),
    )


def _change(alarm: dict[str, Any], provider: dict[str, Any]) -> dict[str, Any]:
    return record(
        {
            "kind": constants(*(kind.value for kind in AlarmChangeKind)),
            "fromSnapshot": YES_NO,
            "alarm": alarm,
            "provider": provider,
        },
        optional=("alarm", "provider"),
    )


def _acknowledging() -> dict[str, Any]:
    return record({"alarms": _TEXTS, "comment": TEXT, "operator": TEXT})


def _acknowledged() -> dict[str, Any]:
    return record(
        {
            "given": TEXT,
            "reference": TEXT,
            "number": {"type": "integer", "minimum": 10_000, "maximum": 99_999},
            "ok": YES_NO,
            "processed": _PROCESSED,
            "error": nullable(ERROR),
        }
    )


# -- setting up ----------------------------------------------------------------------


def _finding() -> dict[str, Any]:
    """One check; what `details` has depends on it."""
    return record(
        {
            "check": TEXT,
            "outcome": constants("ok", "warning", "failed", "skipped"),
            "text": TEXT,
            "advice": TEXT,
            "details": {"type": "object"},
        }
    )


def _certificate(**more: Any) -> dict[str, Any]:
    return record(
        {
            "subject": TEXT,
            "issuer": TEXT,
            "names": _TEXTS,
            "notBefore": TIME,
            "notAfter": TIME,
            "fingerprint": _FINGERPRINT,
            "selfSigned": YES_NO,
            "usableAsCaFile": YES_NO,
            "alpn": nullable(TEXT),
            "tlsVersion": TEXT,
        }
        | more
    )


def _settings() -> Any:
    return import_module("mxgateway_cli.settings.table").SETTINGS


def _kind(setting: Any) -> dict[str, Any]:
    if setting.is_flag:
        return YES_NO
    return NUMBER if setting.name == "timeout" else TEXT


def _profile(**more: Any) -> dict[str, Any]:
    kept = {s.name: _kind(s) for s in _settings() if s.in_profile}
    return record({"name": TEXT, "default": YES_NO, "settings": record(kept, optional=kept)} | more)


def _setting() -> dict[str, Any]:
    return record(
        {
            "name": constants(*(s.name for s in _settings())),
            "value": {"anyOf": [TEXT, NUMBER, YES_NO, {"type": "null"}]},
            "source": TEXT,
            "variable": {"type": "string", "pattern": "^MXGATEWAY_[A-Z_]+$"},
        }
    )


def _simulated() -> dict[str, Any]:
    return record(
        {
            "endpoint": TEXT,
            "plaintext": YES_NO,
            "caFile": nullable(TEXT),
            "fingerprint": nullable(TEXT),
            "apiKey": TEXT,
            "readOnlyApiKey": TEXT,
            "plant": TEXT,
            "objects": COUNT,
            "attributes": COUNT,
            "alarms": COUNT,
            "users": _TEXTS,
            "seed": INTEGER,
            "control": nullable(TEXT),
            "controlToken": nullable(TEXT),
            "tags": _TEXTS,
        }
    )
