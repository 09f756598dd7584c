"""`config`: what the settings are, and where each of them comes from."""

from __future__ import annotations

from typing import Any

import rich_click as click
from click import get_current_context

from ..options import Invocation, connection_options, examples, local_command
from ..output.rows import Shape, write_rows
from ..output.tables import Column
from ..settings.keys import mask
from ..settings.layers import weigh_connection, weigh_output
from ..settings.places import profile_file
from ..settings.table import SETTINGS
from ..settings.values import Value

__all__ = ["config"]

Row = tuple[str, Any, str, str]

_ROWS: Shape[Row] = Shape(
    name="settings",
    document=lambda row: dict(zip(("name", "value", "source", "variable"), row, strict=True)),
    members=("name", "value", "source", "variable"),
    columns=(Column("Setting"), Column("Value"), Column("Source")),
    cells=lambda row: [row[0], _text(row[1]), row[2]],
)


@click.command(
    "config",
    epilog=examples("mxgw-py config", "mxgw-py config --profile plant-a --endpoint plant:5001"),
)
@local_command
@connection_options
def config(invocation: Invocation, given: dict[str, Any]) -> None:
    """Show every setting with its value and where it comes from. Nothing is sent.

    An option wins over its variable, a variable over the profile, the profile over the default.
    Keys are never shown.
    """
    environment = invocation.environment
    values = weigh_connection(given, environment.batch, environment.variables)
    context = get_current_context()
    shown = {s.name: context.params.get(s.name) for s in SETTINGS}
    if context.params["as_json"]:
        shown["output"] = "json"
    values |= weigh_output(shown, environment.variables)
    rows: list[Row] = []
    for setting in SETTINGS:
        value = values[setting.name]
        content = mask(value.content) if setting.secret and value.given else value.content
        rows.append((setting.name, content, _source(value), setting.variable))
    path = profile_file(environment.variables, values["config"].content)
    write_rows(invocation, _ROWS, rows, extra={"profileFile": str(path)})
    environment.fact(f"Profiles: {path}")


def _source(value: Value) -> str:
    if not value.given and value.content is None:
        return f"not set; {value.withheld}" if value.withheld else "not set"
    source = value.source + (f", wins over {value.beats}" if value.beats else "")
    return f"{source}; refused by commands: {value.barred}" if value.barred else source


def _text(content: Any) -> str:
    if content is None:
        return "-"
    return ("yes" if content else "no") if isinstance(content, bool) else str(content)
