"""Tags by name: read, write and subscribe without handles and sessions."""

from mxgateway.tags.client import TagMethods
from mxgateway.tags.feed import TagUpdate
from mxgateway.tags.login import Login
from mxgateway.tags.reading import raise_errors
from mxgateway.tags.requests import TagWrite, User, WriteRequest
from mxgateway.tags.subscription import TagSubscription

__all__ = [
    "Login",
    "TagMethods",
    "TagSubscription",
    "TagUpdate",
    "TagWrite",
    "User",
    "WriteRequest",
    "raise_errors",
]
