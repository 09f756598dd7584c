"""One command on its way: who sent it, to which session, and what the key allows."""

from __future__ import annotations

from dataclasses import dataclass

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.simulator.gateway import Gateway
from mxgateway.simulator.items import Item
from mxgateway.simulator.keys import ApiKey
from mxgateway.simulator.sessions import Session

__all__ = ["Call"]


@dataclass(frozen=True, slots=True)
class Call:
    """What a handler gets besides the payload.

    Attributes:
        gateway: The gateway.
        session: The session.
        key: The key that the call came with.
    """

    gateway: Gateway
    session: Session
    key: ApiKey

    def require_read(self, definition: str, context: str = "") -> None:
        """Check that the key may read what a reference means.

        Raises:
            GRPCError: PERMISSION_DENIED.
        """
        entries = self.key.read_scope
        if entries is None:
            return
        name = self.gateway.references.name(definition, context)
        if not self.gateway.access.covers(entries, name):
            raise self._denied(f"may not read {name}")

    def require_write(self, item: Item) -> None:
        """Check that the key may write an item.

        Raises:
            GRPCError: PERMISSION_DENIED.
        """
        entries, highest = self.key.write_scope, self.key.max_write_classification
        if entries is None and highest is None:
            return
        references = self.gateway.references
        name = references.name(item.definition, item.context)
        if entries is not None and not self.gateway.access.covers(entries, name):
            raise self._denied(f"may not write {name}")
        tag = references.resolve(item.definition, item.context).tag
        if highest is not None and tag is not None and tag.classification > highest:
            raise self._denied(
                f"may not write {name}: its security classification is {tag.classification}, "
                f"the key's limit is {highest}"
            )

    def _denied(self, text: str) -> GRPCError:
        return GRPCError(Status.PERMISSION_DENIED, f"API key {self.key.key_id!r} {text}")
