"""Decoders of message classes, made on first use: bytes in, message out.

The compiled function (see `decoder_source`) never explains an error: whatever it stumbles
over, `merge` decodes the bytes again and knows why.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, TypeVar

import betterproto2

from mxgateway.codec.budget import Allowance, Budget, TooManyElementsError
from mxgateway.codec.decoder_source import range_decoder
from mxgateway.codec.merge import checked_merger
from mxgateway.codec.plan import DEPTH_LIMIT, plan_of
from mxgateway.codec.wire import MalformedError
from mxgateway.errors import DecodeError, LimitError

__all__ = ["counting_decoder_for", "decoder_for"]

M = TypeVar("M", bound=betterproto2.Message)


def decoder_for(cls: type[M]) -> Callable[[bytes], M]:
    """Return the compiled decoder of a message class: bytes in, message out.

    The decoder raises DecodeError for anything that is no valid message, with the
    offset of the first byte that makes no sense.
    """
    decoder = _decoders.get(cls)
    if decoder is None:
        decoder = _decoders[cls] = _make_decoder(cls)
    return decoder


def counting_decoder_for(cls: type[M]) -> Callable[[bytes, int | Allowance], M]:
    """Return the decoder of a message class that takes bytes and a limit of elements.

    Elements are the entries of repeated fields and maps, and sub-messages, at all depths.
    Beside the errors of `decoder_for` it raises LimitError where there are more, before
    they are made. With an Allowance that was revoked it ends with IndexError.
    """
    decoder = _counting.get(cls)
    if decoder is None:
        decoder = _counting[cls] = _make_counting_decoder(cls)
    return decoder


_decoders: dict[type, Callable[[bytes], Any]] = {}
_counting: dict[type, Callable[[bytes, int | Allowance], Any]] = {}


def _make_decoder(cls: type[M]) -> Callable[[bytes], M]:
    decode_range: Callable[[bytes, int, int, int], M] = range_decoder(cls)

    def decode(data: bytes) -> M:
        if type(data) is not bytes:
            data = bytes(memoryview(data))
        try:
            return decode_range(data, 0, len(data), DEPTH_LIMIT)
        except (MalformedError, ValueError, IndexError, struct.error):
            pass
        return _by_the_book(cls, data, None)

    return decode


def _make_counting_decoder(cls: type[M]) -> Callable[[bytes, int | Allowance], M]:
    decode_range: Callable[[bytes, int, int, int, Budget], M] = range_decoder(cls, counted=True)

    def decode(data: bytes, limit: int | Allowance) -> M:
        allowance = Allowance(limit) if isinstance(limit, int) else limit
        try:
            try:
                return decode_range(data, 0, len(data), DEPTH_LIMIT, allowance.begin())
            except (MalformedError, ValueError, IndexError, struct.error):
                if allowance.revoked:
                    raise
            return _by_the_book(cls, data, allowance.begin())
        except TooManyElementsError:
            raise LimitError(
                f"the {cls.__name__} of {len(data)} bytes has too many elements (entries of "
                "lists and sub-messages)",
                option="max_message_elements",
                limit=allowance.limit,
            ) from None

    return decode


def _by_the_book(cls: type[M], data: bytes, budget: Budget) -> M:
    message: M = plan_of(cls).blank()
    try:
        checked_merger(cls)(message, data, 0, len(data), DEPTH_LIMIT, budget)
    except MalformedError as error:
        raise DecodeError(cls.__name__, error.offset, error.reason, size=len(data)) from None
    return message
