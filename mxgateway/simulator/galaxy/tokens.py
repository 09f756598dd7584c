"""Page tokens: opaque to clients, bound to one deploy and to root and filters of one request."""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass, replace

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.codec import encode
from mxgateway.generated.galaxy_repository.v1 import (
    BrowseChildrenRequest,
    DiscoverHierarchyRequest,
)

__all__ = ["Binding"]

_FORM = struct.Struct(">Q8sI")  # sequence of the deploy, hash of root and filters, offset
_CHECK = 4  # bytes of a checksum behind it


@dataclass(frozen=True, slots=True)
class Binding:
    """What a page token is bound to.

    Attributes:
        sequence: The deploy.
        filters: Hash of everything in the request but page size and token.
    """

    sequence: int
    filters: bytes

    @classmethod
    def of(
        cls, request: DiscoverHierarchyRequest | BrowseChildrenRequest, sequence: int
    ) -> Binding:
        """Return the binding of a request."""
        bare = replace(request, page_size=0, page_token="")  # nosec B106 # no password
        data = type(request).__name__.encode() + encode(bare)
        return cls(sequence, hashlib.blake2b(data, digest_size=8).digest())

    def token_after(self, offset: int, total: int) -> str:
        """Return the token of the page that begins at `offset`; empty after the last page."""
        if offset >= total:
            return ""
        body = _FORM.pack(self.sequence, self.filters, offset)
        return base64.urlsafe_b64encode(body + _checksum(body)).decode()

    def offset(self, token: str) -> int:
        """Return where the page of a token begins; 0 for an empty one.

        Raises:
            GRPCError: INVALID_ARGUMENT; the token is corrupt, or bound to something else.
        """
        if not token:
            return 0
        try:
            data = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError):
            data = b""
        body, check = data[:-_CHECK], data[-_CHECK:]
        if len(body) != _FORM.size or check != _checksum(body):
            raise _refused("is corrupt")
        sequence, filters, offset = _FORM.unpack(body)
        if sequence != self.sequence:
            raise _refused("is stale: the galaxy has been deployed since")
        if filters != self.filters:
            raise _refused("belongs to a request with another root or other filters")
        return int(offset)


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_CHECK, person=b"page-token").digest()


def _refused(why: str) -> GRPCError:
    return GRPCError(
        Status.INVALID_ARGUMENT, f"the page_token {why}; start again from the first page"
    )
