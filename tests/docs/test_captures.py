"""The pictures in the docs show what the commands write."""

from __future__ import annotations

import subprocess
import sys

from doc_blocks import ROOT


def test_the_pictures_are_current() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "captures" / "generate.py"), "--check"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
