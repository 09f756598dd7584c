"""Alarm references: their forms, their parts, and what is sent to the gateway.

The form is `Provider!Group.Tag`: the first `!` ends the provider, the next `.` the
group, and the tag may hold more dots (gateway semantics, section 9).
"""

from __future__ import annotations

import logging
import re
from typing import Final, NamedTuple

from mxgateway.errors import ConfigurationError

__all__ = [
    "AlarmReference",
    "normalise_alarm_prefix",
    "normalise_alarm_reference",
    "split_alarm_reference",
]

_log = logging.getLogger("mxgateway.alarms")

_FULL: Final = re.compile(r"(?P<provider>[^!\\]+)!(?P<group>[^.]+)\.(?P<tag>.+)", re.DOTALL)
_PATH: Final = re.compile(
    r"\\{1,2}(?P<provider>[^!\\]+)\\(?P<group>[^!.\\]+)\.(?P<tag>.+)", re.DOTALL
)
_PATH_PREFIX: Final = re.compile(r"\\{1,2}(?P<provider>[^!\\]+)(?:\\(?P<rest>[^!\\]*))?")
_GUID: Final = re.compile(
    r"\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}"
    r"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}",
    re.IGNORECASE,
)


class AlarmReference(NamedTuple):
    """The parts of `Provider!Group.Tag`; where the form is another one, all is in `tag`."""

    provider: str
    group: str
    tag: str


def split_alarm_reference(reference: str) -> AlarmReference:
    """Return the parts of an alarm reference. Never fails."""
    match = _FULL.fullmatch(reference)
    if match is None:
        return AlarmReference("", "", reference)
    return AlarmReference(match["provider"], match["group"], match["tag"])


def normalise_alarm_reference(reference: str) -> str:
    r"""Return an alarm reference in the form that the gateway takes.

    `Provider!Group.Tag` and GUIDs stay as they are. `\\Provider\Group.Tag` becomes
    the first form, also with the one leading backslash that a POSIX shell leaves.
    Any other form stays as it is and is logged as a warning: the gateway decides.

    Raises:
        ConfigurationError: The reference is no text, or empty.
    """
    if not isinstance(reference, str):
        raise ConfigurationError(f"alarm_reference: give a text, not {type(reference).__name__}")
    if not reference.strip():
        raise ConfigurationError(
            "alarm_reference is empty; give Provider!Group.Tag, for example "
            "'Galaxy!Area001.Pump001.PumpFault'"
        )
    if _FULL.fullmatch(reference) or _GUID.fullmatch(reference):
        return reference
    match = _PATH.fullmatch(reference)
    if match is not None:
        return f"{match['provider']}!{match['group']}.{match['tag']}"
    _log.warning(
        "alarm reference %r is neither Provider!Group.Tag nor a GUID; it is sent as it is, "
        "and the gateway may refuse it",
        reference,
    )
    return reference


def normalise_alarm_prefix(prefix: str) -> str:
    r"""Return a filter prefix in the form of the references that it is compared with.

    `\\Provider\Group` becomes `Provider!Group`, also with one leading backslash; all
    else stays as it is. Empty means all alarms. What begins with a backslash even then, as
    the queries of the native alarm manager do, is logged as a warning: no reference begins
    so, and nothing would be found.

    Raises:
        ConfigurationError: The prefix is no text.
    """
    if not isinstance(prefix, str):
        raise ConfigurationError(
            f"alarm_filter_prefix: give a text, not {type(prefix).__name__}; empty for all alarms"
        )
    match = _PATH_PREFIX.fullmatch(prefix)
    if match is None:
        if prefix.startswith("\\"):
            _log.warning(
                "alarm filter prefix %r begins with a backslash, which no reference does: it "
                "will find nothing; give the beginning of Provider!Group.Tag",
                prefix,
            )
        return prefix
    rest = match["rest"]
    return match["provider"] if rest is None else f"{match['provider']}!{rest}"
