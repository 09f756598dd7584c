"""What a setting must not undo: the security of a profile, and where its key belongs.

A variable may have been set by a script, or long ago; an option is typed for the command. So a
variable may not take away security that a profile asks for, and a key goes to the gateway that
it was given for, wherever the endpoint comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from .values import Layer, Value

__all__ = ["SECURITY", "Owner", "guard_key", "guard_tls"]

SECURITY: Final = frozenset(
    {"plaintext", "tls", "insecure", "ca_file", "fingerprint", "server_name_override"}
)
"""Settings that decide whom a client trusts: a variable that beats a profile there is told."""

_KEYS: Final = ("api_key", "api_key_env")
# What says that a profile is about TLS, besides `tls` and `plaintext` themselves.
_OF_TLS: Final = ("ca_file", "fingerprint", "client_cert")
# A variable, what it weakens TLS with, the option that says the same, and options that win over it.
_WEAKENING: Final = (
    ("plaintext", True, "--plaintext", ("plaintext", "tls")),
    ("tls", False, "--plaintext", ("plaintext", "tls")),
    ("insecure", True, "--insecure", ("plaintext", "ca_file", "fingerprint")),
)


@dataclass(frozen=True, slots=True)
class Owner:
    """The gateway that the keys of one place were given for.

    Attributes:
        endpoint: Where it listens.
        words: The place, for messages.
    """

    endpoint: str
    words: str


def guard_tls(values: dict[str, Value], profile: Mapping[str, Any], source: str) -> None:
    """Bar a variable that would weaken the TLS that a profile asks for, unless an option agrees.

    Args:
        values: What option, variable and profile say, before pairs are settled.
        profile: The settings of the profile.
        source: The profile in words.
    """
    asks = bool(profile.get("tls")) or profile.get("plaintext") is False
    if not asks and not any(name in profile for name in _OF_TLS):
        return
    _bar_other_trust(values, profile, source)
    for name, weak, option, rivals in _WEAKENING:
        value = values[name]
        if value.layer is not Layer.ENVIRONMENT or value.content is not weak:
            continue
        # What an option wins over does nothing, and what the profile says too changes nothing.
        idle = any(values[rival].layer <= Layer.BATCH for rival in rivals)
        if not idle and profile.get(name) is not weak:
            reason = (
                f"{value.source} would undo the TLS of {source}; nothing was sent: type {option} "
                "if that is meant, or unset the variable"
            )
            values[name] = replace(value, barred=reason)


def _bar_other_trust(values: dict[str, Value], profile: Mapping[str, Any], source: str) -> None:
    """Bar a variable that changes whom a profile with TLS trusts, unless it only adds a check.

    A pin decides alone where there is no authority, an authority where there is no pin, and a
    name counts where an authority decides.
    """
    typed = {name for name, value in values.items() if value.layer <= Layer.BATCH}
    if typed & {"insecure", "plaintext"}:
        return  # Then these settings do nothing.
    pinned = "fingerprint" in profile or "fingerprint" in typed
    checked = "ca_file" in profile or "ca_file" in typed
    only_adds = {
        "fingerprint": checked and "fingerprint" not in profile,
        "ca_file": pinned and "ca_file" not in profile,
        "server_name_override": pinned,
    }
    for name, harmless in only_adds.items():
        value = values[name]
        same = profile.get(name) == value.content
        if value.layer is Layer.ENVIRONMENT and not same and not harmless:
            option = "--" + name.replace("_", "-")
            reason = (
                f"{value.source} would change whom {source} trusts; nothing was sent: type "
                f"{option} if that is meant, or unset the variable"
            )
            values[name] = replace(value, barred=reason)


def guard_key(values: dict[str, Value], owners: Mapping[Layer, Owner]) -> None:
    """Withhold a key that was given for another gateway than the one that is called.

    A key that is typed for the command, or that stands in a variable, goes where the command goes.

    Args:
        values: What option, variable and profile say, before pairs are settled.
        owners: The gateway of each layer whose keys belong to one.
    """
    endpoint = values["endpoint"].content
    for name in _KEYS:
        value = values[name]
        owner = owners.get(value.layer)
        if owner is None or _place(owner.endpoint) == _place(endpoint):
            continue
        reason = f"the API key of {owner.words} is for {owner.endpoint} and not sent to {endpoint}"
        values[name] = Value(None, Layer.DEFAULT, "default", withheld=reason)


def _place(endpoint: str) -> str:
    """Return an endpoint in a form in which equal ones are equal."""
    text = endpoint.strip().lower()
    for scheme in ("http://", "https://"):
        text = text.removeprefix(scheme)
    return text.removesuffix("/")
