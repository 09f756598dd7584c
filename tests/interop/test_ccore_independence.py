"""The gateway on the C core shares nothing with the product that it is a second opinion on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
CODE = """
import sys
import interop.ccore_gateway
print(sorted({name.partition(".")[0] for name in sys.modules} & {"mxgateway", "grpclib", "h2"}))
"""


def test_the_gateway_imports_nothing_of_the_product() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", CODE],
        env={"PYTHONPATH": str(TESTS), "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )

    assert done.stderr == ""
    assert done.stdout.strip() == "[]"
