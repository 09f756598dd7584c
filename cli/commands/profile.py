"""`profile`: named connection settings, kept in a file of the user."""

from __future__ import annotations

from typing import Any

import rich_click as click

from ..environment import Environment
from ..options import (
    Invocation,
    connection_options,
    examples,
    local_command,
    place_options,
)
from ..output.results import write_result
from ..output.rows import Shape, write_rows
from ..output.tables import Column
from ..settings.keys import is_literal, mask
from ..settings.places import named_path, profile_file
from ..settings.profiles import PROFILE_KEYS, Profiles, check_name

__all__ = ["profile"]

_NAME = click.argument("name", metavar="NAME")
_FILES = ("ca_file", "client_cert", "client_key")


@click.group(
    "profile",
    no_args_is_help=False,
    epilog=examples(
        "mxgw-py profile add plant-a --endpoint plant:5001 --tls --api-key env:PLANT_KEY",
        "mxgw-py profile use plant-a",
        "mxgw-py smoke --profile plant-a --item TestChildObject.TestInt",
    ),
)
def profile() -> None:
    """Keep connection settings under a name; --profile NAME takes them.

    They stand in profiles.toml: on Windows below %APPDATA%, elsewhere below ~/.config.
    """


@profile.command("list", epilog=examples("mxgw-py profile list"))
@local_command
@place_options
def list_profiles(invocation: Invocation, config: str | None) -> None:
    """List the profiles; the default one is marked."""
    profiles = _load(invocation.environment, config)
    shape: Shape[str] = Shape(
        name="profiles",
        document=lambda name: _document(profiles, name),
        members=("name", "default", "settings.endpoint"),
        columns=(Column("Profile"), Column("Default"), Column("Endpoint"), Column("Security")),
        cells=lambda name: [
            name,
            "yes" if name == profiles.default else "",
            str(profiles.profiles[name].get("endpoint", "-")),
            _security(profiles.profiles[name]),
        ],
    )
    names = sorted(profiles.profiles)
    write_rows(invocation, shape, names, extra={"file": str(profiles.path)})
    if not names:
        invocation.environment.note(
            f"There are no profiles in {profiles.path}; `mxgw-py profile add` makes one."
        )


@profile.command("show", epilog=examples("mxgw-py profile show plant-a"))
@local_command
@_NAME
@place_options
def show(invocation: Invocation, name: str, config: str | None) -> None:
    """Show one profile; its key is hidden."""
    profiles = _load(invocation.environment, config)
    profiles.require(name)
    _write(invocation, profiles, name)


@profile.command(
    "add",
    epilog=examples(
        "mxgw-py profile add plant-a --endpoint plant:5001 --tls --ca-file plant.pem",
        "mxgw-py profile add bench --endpoint localhost:5000 --plaintext --api-key file:bench.key",
    ),
)
@local_command
@_NAME
@connection_options
def add(invocation: Invocation, name: str, given: dict[str, Any]) -> None:
    """Keep the connection options given here as a profile; one of that name is replaced.

    --api-key env:NAME, file:PATH and prompt keep the key out of the file.
    """
    check_name(name)
    if given["plaintext"] and given["tls"]:
        raise click.UsageError("--plaintext contradicts --tls; give one of them")
    environment = invocation.environment
    profiles = _load(environment, given["config"])
    settings = {key: given[key] for key in PROFILE_KEYS if given[key] is not None}
    variable = settings.pop("api_key_env", None)
    if variable is not None:
        if "api_key" in settings:
            raise click.UsageError("--api-key contradicts --api-key-env; give one of them")
        settings["api_key"] = f"env:{variable}"
    for key in _FILES:
        if key in settings:
            settings[key] = str(named_path(settings[key]).absolute())
    profiles.profiles[name] = settings
    profiles.save()
    if is_literal(settings.get("api_key", "env:")):
        environment.note(
            f"The API key stands in {profiles.path} in clear; env:NAME and file:PATH keep it out."
        )
    _write(invocation, profiles, name)


@profile.command("remove", epilog=examples("mxgw-py profile remove plant-a"))
@local_command
@_NAME
@place_options
def remove(invocation: Invocation, name: str, config: str | None) -> None:
    """Remove a profile."""
    profiles = _load(invocation.environment, config)
    profiles.require(name)
    del profiles.profiles[name]
    if profiles.default == name:
        profiles.default = None
    profiles.save()
    document = {"file": str(profiles.path), "removed": name}
    write_result(invocation, document, lambda: [("Removed", name), ("File", str(profiles.path))])


@profile.command(
    "use", epilog=examples("mxgw-py profile use plant-a", "mxgw-py profile use --none")
)
@local_command
@click.argument("name", metavar="NAME", required=False)
@click.option("--none", "nothing", is_flag=True, help="Take no profile where none is chosen.")
@place_options
def use(invocation: Invocation, name: str | None, nothing: bool, config: str | None) -> None:
    """Take this profile wherever --profile and MXGATEWAY_PROFILE choose none."""
    if (name is None) != nothing:
        raise click.UsageError("give the name of a profile, or --none")
    profiles = _load(invocation.environment, config)
    if name is not None:
        profiles.require(name)
    profiles.default = name
    profiles.save()
    document = {"default": name, "file": str(profiles.path)}
    shown = [("Default profile", name or "none"), ("File", str(profiles.path))]
    write_result(invocation, document, lambda: shown)


def _load(environment: Environment, config: str | None) -> Profiles:
    chosen = config or environment.variables.get("MXGATEWAY_CONFIG") or None
    profiles = Profiles.load(profile_file(environment.variables, chosen))
    if warning := profiles.warning():
        environment.note(f"Warning: {warning}.")
    for settings in profiles.profiles.values():
        environment.keep_secret(settings.get("api_key", ""))
    return profiles


def _write(invocation: Invocation, profiles: Profiles, name: str) -> None:
    document = _document(profiles, name) | {"file": str(profiles.path)}
    settings = document["settings"].items()
    shown = [("Profile", name), *((key, _text(value)) for key, value in settings)]
    write_result(invocation, document, lambda: [*shown, ("File", document["file"])])


def _document(profiles: Profiles, name: str) -> dict[str, Any]:
    settings = dict(profiles.profiles[name])
    if "api_key" in settings:
        settings["api_key"] = mask(settings["api_key"])
    return {"name": name, "default": name == profiles.default, "settings": settings}


def _security(settings: dict[str, Any]) -> str:
    if "plaintext" in settings:
        return "plaintext" if settings["plaintext"] else "TLS"
    if "tls" in settings:
        return "TLS" if settings["tls"] else "plaintext"
    return "not chosen"


def _text(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
