"""Errors of browsing the Galaxy Repository (gateway semantics, section 10)."""

from __future__ import annotations

from mxgateway.errors.rpc import InvalidArgumentError, NotFoundError

__all__ = ["GalaxyNotFoundError", "StalePageTokenError"]


class GalaxyNotFoundError(NotFoundError):
    """The galaxy has no such root or parent object (NOT_FOUND).

    The name or id is wrong, or the object went with a deploy since it was seen.
    """

    hint = "Check the tag name, id or path; after a redeploy browse again from the root."


class StalePageTokenError(InvalidArgumentError):
    """A walk over several pages cannot go on: the gateway refused its page token.

    Page tokens are bound to one deploy of the galaxy, so a redeploy during the walk
    is the usual cause. The pages that came before belong to the old deploy.
    """

    default_transient = True
    hint = "The galaxy was probably deployed during the walk; start the walk over."
