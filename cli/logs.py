"""The library's log on stderr: warnings always, more under --verbose and --debug."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from .environment import Environment

__all__ = ["shown_log"]

_PREFIX = {logging.WARNING: "Warning: ", logging.ERROR: "Error: ", logging.CRITICAL: "Error: "}


class _ToStderr(logging.Handler):
    """Writes records through the environment, which takes secrets out of them."""

    def __init__(self, environment: Environment) -> None:
        super().__init__()
        self._environment = environment

    def emit(self, record: logging.LogRecord) -> None:
        text = f"{_PREFIX.get(record.levelno, '')}{record.getMessage()}"
        if record.levelno < logging.WARNING:
            text = f"{record.name}: {text}"
        self._environment.say(text)


@contextmanager
def shown_log(environment: Environment) -> Iterator[None]:
    """Send the library's log to stderr while the block runs, and to nowhere else.

    --quiet shows errors only, --verbose the steps of connections, --debug everything.
    """
    logger = logging.getLogger("mxgateway")
    before = (logger.handlers, logger.propagate, logger.level)
    logger.handlers, logger.propagate = [_ToStderr(environment)], False
    level = logging.ERROR if environment.quiet else logging.WARNING
    if environment.verbose:
        level = logging.INFO
    logger.setLevel(logging.DEBUG if environment.debug else level)
    try:
        yield
    finally:
        logger.handlers, logger.propagate = before[:2]
        logger.setLevel(before[2])
