"""How long the command line needs to start, beside importing grpcio, protobuf and click.

    python benchmarks/startup.py [--json] [--rounds N]

Every round starts each contestant once, in turn, in a process of its own; the best round of
each counts. The exit code is 1 where `mxgw-py version --json` takes more than 0.6 of what the
imports of the grpcio-based client take before it does anything.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

TARGET = 0.6
SCRIPT = Path(sys.executable).with_name("mxgw-py.exe" if os.name == "nt" else "mxgw-py")
REFERENCE = "import grpc, google.protobuf.message, click"
CONTESTANTS: dict[str, list[str]] = {
    "python alone": [sys.executable, "-c", "pass"],
    REFERENCE: [sys.executable, "-c", REFERENCE],
    "mxgw-py version --json": [str(SCRIPT), "version", "--json"],
    "mxgw-py config --json": [str(SCRIPT), "config", "--json"],
    "mxgw-py --help": [str(SCRIPT), "--help"],
    "import mxgateway.client": [sys.executable, "-c", "import mxgateway.client"],
}


def measure(rounds: int) -> dict[str, float]:
    """Return the best time of each contestant in seconds."""
    best = dict.fromkeys(CONTESTANTS, float("inf"))
    for number in range(rounds + 1):
        for name, command in CONTESTANTS.items():
            started = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            if number:  # The first round fills the caches of the system.
                best[name] = min(best[name], time.perf_counter() - started)
    return best


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--rounds", type=int, default=15)
    chosen = parser.parse_args()
    best = measure(chosen.rounds)
    ratio = best["mxgw-py version --json"] / best[REFERENCE]
    if chosen.json:
        result = {"seconds": best, "ratio": ratio, "target": TARGET}
        print(json.dumps(result, indent=2, sort_keys=True))
    else:
        for name, seconds in best.items():
            print(f"{name:<46}{seconds * 1000:7.1f} ms")
        print(f"{'mxgw-py version --json / the imports':<46}{ratio:7.2f}    target {TARGET}")
    return 0 if ratio <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
