"""Entry point of the console script and of `python -m mxgateway_cli`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from .fast import answer

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    A pipe that was closed early (`mxgw-py ... | head`) is an ordinary end: the
    code stays what it was, and nothing is written about it, also not by the
    interpreter while it shuts down.

    Args:
        arguments: The words after the program name; by default those of the process.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        known = answer(words)
        if known is not None and _write(known):
            return 0
        from .app import run
        from .environment import Environment

        return run(words, Environment.of_process())
    except KeyboardInterrupt:
        # Ctrl-C while the modules are still being imported.
        return 130
    finally:
        _flush_or_drop(1)
        _flush_or_drop(2)


def _write(text: str) -> bool:
    """Write to stdout; return False where it cannot be, which the long way tells."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        # Nobody reads any more; Windows says it with EINVAL.
        return isinstance(error, BrokenPipeError) or (os.name == "nt" and error.errno == 22)
    return True


def _flush_or_drop(descriptor: int) -> None:
    """Flush stdout (1) or stderr (2); where nobody reads any more, let later flushes go nowhere."""
    stream = sys.stdout if descriptor == 1 else sys.stderr
    if stream is None or stream.closed:
        return
    try:
        stream.flush()
    except OSError:
        # The interpreter flushes again at its end and would complain there. Only
        # the real descriptors are redirected, never a stream a caller put in place.
        if stream is (sys.__stdout__ if descriptor == 1 else sys.__stderr__):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, descriptor)
            os.close(null)


if __name__ == "__main__":
    sys.exit(main())
