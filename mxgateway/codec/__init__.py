"""The compiled codec: betterproto2 messages to bytes, from bytes, and to JSON.

For each message class an encoder, a decoder and a JSON writer of plain Python are made
on first use. Messages stay betterproto2 messages; `bytes(message)` and `Message.parse`
give the same where they do not fail or lose something.
"""

from __future__ import annotations

from typing import TypeVar

import betterproto2

from mxgateway.codec.budget import Allowance
from mxgateway.codec.decoder import counting_decoder_for, decoder_for
from mxgateway.codec.encoder import encoder_for
from mxgateway.codec.json_writer import to_json, to_jsonable

__all__ = [
    "Allowance",
    "counting_decoder_for",
    "decode",
    "decoder_for",
    "encode",
    "encoder_for",
    "to_json",
    "to_jsonable",
]

M = TypeVar("M", bound=betterproto2.Message)


def encode(message: betterproto2.Message) -> bytes:
    """Return the bytes of a message, as Google's deterministic serialisation writes them.

    Raises:
        EncodeError: A field holds a value that its type cannot carry.
    """
    return encoder_for(type(message))(message)


def decode(cls: type[M], data: bytes) -> M:
    """Return the message of class `cls` that `data` holds, whole.

    Raises:
        DecodeError: `data` is no valid message of this class; says where and why.
    """
    return decoder_for(cls)(data)
