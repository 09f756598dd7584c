"""A command line in a process of its own, run to its end."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence

__all__ = ["run_process"]


def run_process(
    words: Sequence[str], *, stdin: bytes, variables: Mapping[str, str], limit: float
) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr.

    Args:
        words: Program and arguments.
        stdin: What it reads.
        variables: Environment variables besides those of this process.
        limit: Seconds it may take.
    """
    done = subprocess.run(
        [*words],
        input=stdin,
        capture_output=True,
        timeout=limit,
        env=os.environ | variables,
        check=False,
    )
    return (
        done.returncode,
        done.stdout.decode(errors="surrogateescape"),
        done.stderr.decode(errors="surrogateescape"),
    )
