"""Fills the generated tables of docs/transport.md from the tables that the code uses.

python docs/tables.py [--check]
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from mxgateway.transport.status import HTTP_STATUS, RESET_STATUS, reset_name
from mxgateway.transport.waiting import PHASES

PAGE = Path(__file__).with_name("transport.md")


def tables() -> dict[str, str]:
    """Return each generated table by name, as Markdown."""
    phases = [f"| `{name}` | {text} |" for name, text in PHASES.items()]
    reset = [f"| {reset_name(code)} | {status.name} |" for code, status in RESET_STATUS.items()]
    http = [f"| {code} | {status.name} |" for code, status in HTTP_STATUS.items()]
    return {
        "phases": "\n".join(["| phase | the call is |", "|---|---|", *phases]),
        "reset": "\n".join(
            ["| RST_STREAM code | status |", "|---|---|", *reset, "| any other | INTERNAL |"]
        ),
        "http": "\n".join(
            ["| HTTP status | status |", "|---|---|", *http, "| any other | UNKNOWN |"]
        ),
    }


def render(page: str) -> str:
    """Return `page` with its generated tables filled anew.

    Raises:
        ValueError: A table has no place on the page.
    """
    for name, table in tables().items():
        pattern = rf"(<!-- generated: {name} -->\n).*?(\n<!-- end -->)"
        page, count = re.subn(pattern, rf"\g<1>{table}\g<2>", page, flags=re.DOTALL)
        if count != 1:
            raise ValueError(f"{PAGE.name} has no place for the table {name!r}")
    return page


def main() -> int:
    """Rewrite the page, or with --check say whether it is current; return the exit code."""
    page = PAGE.read_text(encoding="utf-8")
    new = render(page)
    if "--check" in sys.argv[1:]:
        if new != page:
            sys.stderr.write(f"{PAGE.name} is not current; run make docs-tables\n")
            return 1
        return 0
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
