"""The tables in the docs are those of the code."""

from __future__ import annotations

import subprocess
import sys

from doc_blocks import ROOT


def test_the_tables_of_the_transport_page_are_current() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "tables.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
