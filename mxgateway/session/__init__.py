"""The session of a gateway: one method for each MXAccess method."""

from mxgateway.session.session import Session

__all__ = ["Session"]
