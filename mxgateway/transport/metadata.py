"""gRPC metadata and the header lists of HTTP/2, both ways, without leaking foreign exceptions."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterable, Mapping
from typing import TypeAlias, cast

from grpclib.metadata import _Metadata, encode_metadata
from multidict import MultiDict

from mxgateway.errors import ConfigurationError

__all__ = ["Headers", "Metadata", "MetadataLike", "decode_headers", "decode_metadata", "encode"]

Value: TypeAlias = str | bytes
Headers: TypeAlias = list[tuple[str, str]]
Metadata: TypeAlias = _Metadata
MetadataLike: TypeAlias = Mapping[str, Value] | Collection[tuple[str, Value]]

# Headers of the gRPC protocol itself; they are no metadata of the application.
_RESERVED = frozenset({"te", "content-type", "user-agent"})


def encode(metadata: MetadataLike | None) -> Headers:
    """Return metadata as header fields; `-bin` values in base64.

    Raises:
        ConfigurationError: A name or value that HTTP/2 headers cannot carry.
    """
    if metadata is None:
        return []
    pairs = metadata.items() if isinstance(metadata, Mapping) else metadata
    try:
        return cast("Headers", encode_metadata(list(pairs)))
    except (TypeError, ValueError):
        # The original text holds the value, and the value may be a secret.
        names = ", ".join(repr(name) for name, _ in pairs)
        raise ConfigurationError(
            f"metadata cannot be sent; check names and values of {names}: names are lower case, "
            "-bin values are bytes, other values printable ASCII"
        ) from None


def decode_headers(raw: Iterable[tuple[bytes | str, bytes | str]]) -> Headers:
    """Return received header fields as text; bytes that are no UTF-8 are read as Latin-1."""
    return [(_text(name), _text(value)) for name, value in raw]


def _text(value: bytes | str) -> str:
    if isinstance(value, str):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def decode_metadata(headers: Headers) -> Metadata:
    """Return the application's part of received headers; `-bin` values that are no base64 go."""
    result = Metadata(MultiDict())
    for name, value in headers:
        if name.startswith((":", "grpc-")) or name in _RESERVED:
            continue
        if name.endswith("-bin"):
            # One header line may carry several values, joined by commas.
            for part in value.split(","):
                decoded = decode_binary(part)
                if decoded is not None:
                    result.add(name, decoded)
        else:
            result.add(name, value)
    return result


def decode_binary(value: str) -> bytes | None:
    """Return the bytes of a `-bin` value, padded or not; None if it is no base64."""
    text = value.strip().rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
