"""How a command of the grpcio gateway fails: refused by MXAccess, or invalid for the gateway."""

from __future__ import annotations

from interop.statuses import E_INVALIDARG

__all__ = ["InvalidError", "RefusalError"]


class RefusalError(Exception):
    """MXAccess refuses: a normal reply, or a failed entry, that carries an HRESULT.

    Attributes:
        hresult: The HRESULT.
    """

    def __init__(self, text: str, hresult: int = E_INVALIDARG) -> None:
        super().__init__(text)
        self.hresult = hresult


class InvalidError(Exception):
    """The request is not valid: the call ends with INVALID_ARGUMENT."""
