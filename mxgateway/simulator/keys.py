"""API keys with scopes (gateway semantics, section 2)."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.errors import ConfigurationError

__all__ = ["ALL_SCOPES", "DEMO_KEY", "READ_ONLY_KEY", "READ_SCOPES", "ApiKey", "KeyRing"]

ALL_SCOPES = frozenset(
    {
        "session:open",
        "session:close",
        "invoke:read",
        "invoke:write",
        "invoke:secure",
        "events:read",
        "metadata:read",
        "admin",
    }
)
READ_SCOPES = frozenset(
    {"session:open", "session:close", "invoke:read", "events:read", "metadata:read"}
)

_VIEW_ONLY = 6  # the last security classification

_FORM = re.compile(r"mxgw_([A-Za-z0-9-]+)_(\S+)")


@dataclass(frozen=True)
class ApiKey:
    """One key and what it may do.

    Attributes:
        key: The whole key, `mxgw_<key-id>_<secret>`. Never shown.
        scopes: Names of the scopes it holds.
        revoked: Whether it is no longer good.
        browse_subtrees: The objects that galaxy results are narrowed to, with all that is
            below them; None for no limit.
        read_scope: What it may read; None for no limit.
        write_scope: What it may write; None for no limit.
        max_write_classification: Highest security classification that it may write.

    An entry of a scope is the tag name or contained path (`Plant/Intake`) of an object,
    and covers everything below it; or, with `*`, `?` or a dot, a pattern for whole
    references without `[]` (`Pump_*.SpeedSP`). In `browse_subtrees` a pattern is for tag
    names. Case makes no difference.

    Raises:
        ConfigurationError: The key does not have that form, a scope is unknown, or a
            constraint makes no sense.
    """

    key: str = field(repr=False)
    scopes: frozenset[str] = ALL_SCOPES
    revoked: bool = field(default=False, kw_only=True)
    browse_subtrees: tuple[str, ...] | None = field(default=None, kw_only=True)
    read_scope: tuple[str, ...] | None = field(default=None, kw_only=True)
    write_scope: tuple[str, ...] | None = field(default=None, kw_only=True)
    max_write_classification: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if _FORM.fullmatch(self.key) is None:
            raise ConfigurationError("an API key has the form mxgw_<key-id>_<secret>")
        unknown = sorted(set(self.scopes) - ALL_SCOPES)
        if unknown:
            raise ConfigurationError(
                f"no such scope: {', '.join(unknown)}; known are {', '.join(sorted(ALL_SCOPES))}"
            )
        for name in ("browse_subtrees", "read_scope", "write_scope"):
            entries = getattr(self, name)
            if entries is None:
                continue
            if isinstance(entries, str) or not all(isinstance(e, str) and e for e in entries):
                raise ConfigurationError(f"{name}: give a list of names or patterns, none empty")
            object.__setattr__(self, name, tuple(entries))
        highest = self.max_write_classification
        if highest is not None and not 0 <= highest <= _VIEW_ONLY:
            raise ConfigurationError(
                f"max_write_classification: give 0 to {_VIEW_ONLY}, not {highest!r}"
            )

    @property
    def key_id(self) -> str:
        """The public part of the key."""
        match = _FORM.fullmatch(self.key)
        assert match is not None
        return match[1]


# Known to everybody on purpose: they open nothing but a simulator.
DEMO_KEY = ApiKey("mxgw_demo_simulator-all-scopes")
READ_ONLY_KEY = ApiKey("mxgw_viewer_simulator-read-only", READ_SCOPES)


class KeyRing:
    """The keys that a simulator knows.

    Args:
        keys: The keys; the first one is what `Simulator.api_key` shows.

    Raises:
        ConfigurationError: There is no key, or two have the same key id.
    """

    def __init__(self, keys: Iterable[ApiKey] = (DEMO_KEY, READ_ONLY_KEY)) -> None:
        self.keys = tuple(keys)
        if not self.keys:
            raise ConfigurationError("a simulator without keys lets nobody in; give at least one")
        self._by_id = {key.key_id: key for key in self.keys}
        self._revoked = {key.key_id for key in self.keys if key.revoked}
        if len(self._by_id) != len(self.keys):
            raise ConfigurationError("two API keys have the same key id")

    def authenticate(self, metadata: Mapping[str, str | bytes]) -> ApiKey:
        """Return the key that the call came with.

        Raises:
            GRPCError: UNAUTHENTICATED; the key is missing, malformed, unknown or revoked.
        """
        header = metadata.get("authorization")
        if not isinstance(header, str) or not header:
            raise _unauthenticated("no API key: send the metadata authorization: Bearer <key>")
        scheme, _, text = header.partition(" ")
        if scheme.lower() != "bearer":
            raise _unauthenticated("the authorization metadata does not start with Bearer")
        match = _FORM.fullmatch(text.strip())
        if match is None:
            raise _unauthenticated("malformed API key: the form is mxgw_<key-id>_<secret>")
        known = self._by_id.get(match[1])
        # One text for both cases, so that nobody can tell which key ids exist.
        if known is None or not hmac.compare_digest(known.key.encode(), text.strip().encode()):
            raise _unauthenticated("unknown API key")
        if known.key_id in self._revoked:
            raise _unauthenticated("the API key was revoked")
        return known

    def revoke(self, key_id: str) -> None:
        """Revoke a key while the simulator runs.

        Raises:
            ConfigurationError: There is no such key, or it is revoked already.
        """
        if key_id not in self._by_id:
            raise ConfigurationError(
                f"there is no key with the id {key_id!r}; there are {', '.join(self._by_id)}"
            )
        if key_id in self._revoked:
            raise ConfigurationError(f"the key {key_id!r} is revoked already")
        self._revoked.add(key_id)

    def restore(self, key_id: str) -> None:
        """Make a revoked key good again."""
        self._revoked.discard(key_id)

    @staticmethod
    def require(key: ApiKey, scope: str) -> None:
        """Check that `key` holds `scope`.

        Raises:
            GRPCError: PERMISSION_DENIED; the text names the scope.
        """
        if scope not in key.scopes:
            raise GRPCError(
                Status.PERMISSION_DENIED,
                f"API key {key.key_id!r} lacks the scope {scope}",
            )


def _unauthenticated(text: str) -> GRPCError:
    return GRPCError(Status.UNAUTHENTICATED, text)
