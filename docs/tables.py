"""Fills the generated tables of the docs from the tables of the code and the marks of the tests.

python docs/tables.py [--check]
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from mxgateway.simulator import Settings
from mxgateway.simulator.control import CALLS
from mxgateway.simulator.users import DEMO_USERS
from mxgateway.transport.status import HTTP_STATUS, RESET_STATUS, reset_name
from mxgateway.transport.waiting import PHASES

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent / "tests"))
import gateway_rules  # noqa: E402 - needs the path above
from requirement_ids import REQUIREMENTS, found  # noqa: E402


def tables() -> dict[str, dict[str, str]]:
    """Return each generated table, by page and name, as Markdown."""
    phases = [f"| `{name}` | {text} |" for name, text in PHASES.items()]
    reset = [f"| {reset_name(code)} | {status.name} |" for code, status in RESET_STATUS.items()]
    http = [f"| {code} | {status.name} |" for code, status in HTTP_STATUS.items()]
    return {
        "transport.md": {
            "phases": _table("phase | the call is", phases),
            "reset": _table("RST_STREAM code | status", [*reset, "| any other | INTERNAL |"]),
            "http": _table("HTTP status | status", [*http, "| any other | UNKNOWN |"]),
        },
        "simulator.md": {
            "settings": _table("setting | default | what it is", _settings()),
            "control": _table("call | parameters | what it does", _control_calls()),
        },
        "requirements.md": {"requirements": _table("id | behaviour | shown in", _requirements())},
        "conformance.md": {
            "rules": _table("rule | what it says | simulator | C-core gateway", _rules())
        },
    }


def _table(head: str, rows: list[str]) -> str:
    line = "|" + "---|" * (head.count("|") + 1)
    return "\n".join([f"| {head} |", line, *rows])


def _settings() -> list[str]:
    described = dict(_attributes(Settings.__doc__ or ""))
    rows = []
    for field in fields(Settings):
        if field.name == "users":
            shown = ", ".join(user.name for user in DEMO_USERS)
        elif isinstance(field.default, frozenset):
            shown = ", ".join(sorted(field.default))
        else:
            shown = f"`{json.dumps(field.default)}`"
        rows.append(f"| `{field.name}` | {shown} | {described[field.name]} |")
    return rows


def _attributes(docstring: str) -> Iterator[tuple[str, str]]:
    """Yield names and texts of the Attributes section of a docstring."""
    _, _, section = docstring.partition("Attributes:\n")
    section, _, _ = section.partition("\n\n")
    for entry in re.split(r"\n(?= {8}\w)", "\n" + section.rstrip())[1:]:
        name, _, text = entry.partition(":")
        yield name.strip(), " ".join(text.split())


def _control_calls() -> list[str]:
    rows = []
    for call in CALLS.values():
        parameters = ", ".join(
            f"`{name}: {kind}`".replace("|", "\\|") for name, kind in call.parameters.items()
        )
        rows.append(f"| `{call.name}` | {parameters} | {call.summary} |")
    return rows


def _requirements() -> list[str]:
    rows = []
    tests = found()
    for name, text in REQUIREMENTS.items():
        rows.append(f"| `{name}` | {text} | {_counted(tests.get(name, []))} |")
    return rows


def _rules() -> list[str]:
    """Return a row for each rule: the tests that show the simulator and the C-core obeying it."""
    rows = []
    tests = gateway_rules.found()
    for name, text in gateway_rules.RULES.items():
        places = tests.get(name, [])
        shown = [
            _counted([place for place in places if gateway in gateway_rules.shown_by(place)])
            for gateway in ("simulator", "c-core")
        ]
        rows.append(f"| `{name}` | {text} | {shown[0]} | {shown[1]} |")
    return rows


def _counted(places: list[str]) -> str:
    """Return the files of tests with the number of tests in each."""
    files: dict[str, int] = {}
    for place in places:
        file = place.split("::")[0]
        files[file] = files.get(file, 0) + 1
    return ", ".join(f"{file} ({count})" for file, count in files.items())


def render(name: str, page: str) -> str:
    """Return the page of this name with its generated tables filled anew.

    Raises:
        ValueError: A table has no place on the page.
    """
    for table, text in tables()[name].items():
        begin, end = f"<!-- generated: {table} -->\n", "<!-- end -->"
        before, found_begin, rest = page.partition(begin)
        _, found_end, after = rest.partition(end)
        if not found_begin or not found_end:
            raise ValueError(f"{name} has no place for the table {table!r}")
        page = f"{before}{begin}{text}\n{end}{after}"
    return page


def main() -> int:
    """Rewrite the pages, or with --check say whether they are current; return the exit code."""
    stale = []
    for name in tables():
        path = DOCS / name
        page = path.read_text(encoding="utf-8")
        new = render(name, page)
        if new == page:
            continue
        stale.append(name)
        if "--check" not in sys.argv[1:]:
            path.write_text(new, encoding="utf-8")
    if stale and "--check" in sys.argv[1:]:
        sys.stderr.write(f"not current: {', '.join(stale)}; run make docs-tables\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
