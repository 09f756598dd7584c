"""A gateway that goes away in the middle: what was shown stays, and is said to be old."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from mxgateway.errors import ConfigurationError, MxGatewayError, TagError

__all__ = ["told_when_lost"]

_ADVICE: Final = (
    "What was shown is no longer live: it is what came last. Run the command again to go on."
)


@contextmanager
def told_when_lost(
    shown: Callable[[], bool], end: Callable[[str], None] = lambda _: None
) -> Iterator[None]:
    """Let an error that ends a stream say that what was shown before is no longer live.

    Args:
        shown: Whether anything was shown; before that there is nothing to say of it.
        end: Gets the words for a picture that stays.
    """
    try:
        yield
    except (ConfigurationError, TagError):
        raise  # of what was asked for, not of the gateway
    except MxGatewayError as error:
        if shown():
            error.add_note(_ADVICE)
            end(f"NO LONGER LIVE: {error.message}")
        raise
