"""Weighs the places a setting can come from: option, environment, profile, default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import rich_click as click

from .guards import Owner, guard_key, guard_tls
from .places import profile_file
from .profiles import Profiles
from .table import CONNECTION, OUTPUT, PLACES, Setting
from .values import Layer, Value

__all__ = ["weigh_connection", "weigh_output"]


# Both of a pair say the same thing or contradict each other, so they are weighed together.
_PAIRS: Final = (("plaintext", "tls"), ("api_key", "api_key_env"))


def weigh_output(given: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, Value]:
    """Return the output settings. Profiles do not hold them.

    Raises:
        UsageError: A variable holds nonsense.
    """
    return {s.name: _weigh(s, given, {}, variables) for s in OUTPUT}


def weigh_connection(
    given: Mapping[str, Any], before: Mapping[str, Any], variables: Mapping[str, str]
) -> dict[str, Value]:
    """Return the settings of connection and profile, those of a pair without contradiction.

    Args:
        given: What the options say; None for those not given.
        before: What the options of a surrounding `batch` say.
        variables: The environment variables.

    Raises:
        UsageError: Two contradict each other, or a variable holds nonsense.
        ConfigurationError: The profile does not exist or is wrong.
    """
    values = {s.name: _weigh(s, given, before, variables) for s in (*CONNECTION, *PLACES)}
    profile = _profile(values, variables)
    source = f"profile {values['profile'].content}"
    for setting in CONNECTION:
        value = values[setting.name]
        if not value.given and setting.name in profile:
            values[setting.name] = Value(profile[setting.name], Layer.PROFILE, source)
        elif value.layer is Layer.ENVIRONMENT and _differs(setting.name, value.content, profile):
            values[setting.name] = replace(value, beats=source)
    guard_tls(values, profile, source)
    guard_key(values, _owners(values, before, variables, profile))
    for first, second in _PAIRS:
        _settle(values, first, second)
    return values


def _owners(
    values: Mapping[str, Value],
    before: Mapping[str, Any],
    variables: Mapping[str, str],
    profile: Mapping[str, Any],
) -> dict[Layer, Owner]:
    """Return which gateway the keys of a profile, and those of a batch, were given for."""
    owners = {}
    if "endpoint" in profile:
        name = values["profile"].content
        owners[Layer.PROFILE] = Owner(profile["endpoint"], f"profile {name}")
    setting = next(s for s in CONNECTION if s.name == "endpoint")
    of_batch = _weigh(setting, {}, before, variables)
    if not of_batch.given and "endpoint" in profile:
        of_batch = replace(of_batch, content=profile["endpoint"])
    owners[Layer.BATCH] = Owner(of_batch.content, "the batch")
    return owners


def _weigh(
    setting: Setting,
    given: Mapping[str, Any],
    before: Mapping[str, Any],
    variables: Mapping[str, str],
) -> Value:
    if given.get(setting.name) is not None:
        return Value(given[setting.name], Layer.OPTION, f"option {setting.option}")
    if before.get(setting.name) is not None:
        return Value(before[setting.name], Layer.BATCH, f"option {setting.option} of batch")
    text = variables.get(setting.variable, "")
    if text.strip():
        try:
            content = setting.parse(text)
        except ValueError as error:
            raise click.UsageError(f"{setting.variable} {error}") from error
        return Value(content, Layer.ENVIRONMENT, f"variable {setting.variable}")
    return Value(setting.default, Layer.DEFAULT, "default")


def _profile(values: dict[str, Value], variables: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings of the chosen profile, and note in `values` which one it is."""
    path = profile_file(variables, values["config"].content)
    name = values["profile"].content
    if values["config"].given and not path.exists():
        raise click.UsageError(f"--config: there is no file {str(path)!r}")
    profiles = Profiles.load(path)
    if name is None:
        name = profiles.default
        if name is None:
            return {}
        values["profile"] = Value(name, Layer.PROFILE, f"default of {path}")
    values["profile"] = replace(values["profile"], warning=profiles.warning())
    return profiles.get(name)


def _differs(name: str, content: Any, profile: Mapping[str, Any]) -> bool:
    """Whether a profile says something else, by itself or by the other of the pair."""
    if name in profile:
        return bool(profile[name] != content)
    for pair in _PAIRS:
        if name in pair:
            (partner,) = set(pair) - {name}
            # Two flags contradict each other where they are equal, two keys wherever both stand.
            return partner in profile and ("api_key" in pair or profile[partner] == content)
    return False


def _settle(values: dict[str, Value], first: str, second: str) -> None:
    """Let the weaker one of a pair give way; refuse two of the same strength that say yes."""
    a, b = values[first], values[second]
    if not (a.given and b.given):
        return
    if a.layer is b.layer:
        # Two "no" of one place leave the choice open, two "yes" contradict each other.
        if first == "plaintext" and a.content != b.content:
            return
        raise click.UsageError(
            f"{_name(a, first)} contradicts {_name(b, second)}; give one of them"
        )
    weaker = first if b.layer < a.layer else second
    values[weaker] = Value(None, Layer.DEFAULT, "default")


def _name(value: Value, name: str) -> str:
    option = "--" + name.replace("_", "-")
    return option if value.layer <= Layer.BATCH else f"{option} ({value.source})"
