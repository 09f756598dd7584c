"""Damages valid messages in every way a network or a bad peer can, and decodes the result.

    python tests/payload_fuzz.py --count 1000000 [--seed N]

For each damaged payload the decoder has to give a message or a DecodeError, and has to
agree with Google's parser which of the two. A message that was accepted has to be
written, and read again as the same bytes.
"""

from __future__ import annotations

import argparse
import random
import sys
import tracemalloc
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError as GoogleDecodeError
from google_messages import load_google_modules
from message_pairs import message_names, pair

from mxgateway.codec import decode, encode
from mxgateway.errors import DecodeError

__all__ = ["FuzzResult", "run"]

_INTEGERS = (0, 1, -1, 127, 128, 300, 1 << 20, (1 << 31) - 1)
_TEXTS = ("", "a", "Pump_001.Speed", "ä€😀", "x" * 200)
_WEIRD = (
    b"\xff" * 10,
    b"\x80" * 9 + b"\x02",
    b"\x00",
    b"\x0b",
    b"\x0c",
    b"\x07",
    b"\xff\xff\xff\xff\x0f",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\x0a\xff\xff\xff\xff\x07",
)


@dataclass
class FuzzResult:
    """What a run saw.

    Attributes:
        accepted: Damaged payloads that are still messages.
        refused: Damaged payloads that gave a DecodeError.
        defects: One line for each finding; empty is good.
        peak_bytes: Largest memory that Python objects took during the run.
    """

    accepted: int = 0
    refused: int = 0
    defects: list[str] = field(default_factory=list)
    peak_bytes: int = 0


def _fill(rng: random.Random, message: Any, depth: int) -> None:
    for spec in message.DESCRIPTOR.fields:
        if rng.random() < 0.4:
            continue
        if spec.message_type is not None:
            if not depth:
                continue
            if spec.is_repeated:
                for _ in range(rng.randint(1, 3)):
                    _fill(rng, getattr(message, spec.name).add(), depth - 1)
            else:
                sub = getattr(message, spec.name)
                sub.SetInParent()
                _fill(rng, sub, depth - 1)
        elif spec.is_repeated:
            getattr(message, spec.name).extend(_scalar(rng, spec) for _ in range(3))
        else:
            setattr(message, spec.name, _scalar(rng, spec))


def _scalar(rng: random.Random, spec: FieldDescriptor) -> Any:
    kind = spec.cpp_type
    if kind == FieldDescriptor.CPPTYPE_STRING:
        text = rng.choice(_TEXTS)
        return text.encode() if spec.type == FieldDescriptor.TYPE_BYTES else text
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return rng.random() < 0.5
    if kind in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
        return rng.choice((0.0, 1.5, -2.25, 1e30))
    if kind in (FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64):
        return abs(rng.choice(_INTEGERS))
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return rng.choice((0, 1, 2, 4242, -1))
    return rng.choice(_INTEGERS)


def _damage(rng: random.Random, data: bytes, other: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        place = rng.randint(0, len(out))
        match rng.randrange(8):
            case 0 if out:
                out[min(place, len(out) - 1)] ^= 1 << rng.randrange(8)
            case 1 if out:
                out[min(place, len(out) - 1)] = rng.randrange(256)
            case 2:
                del out[place:]
            case 3:
                del out[place : place + rng.randint(1, 8)]
            case 4:
                out[place:place] = rng.choice(_WEIRD)
            case 5:
                out[place:place] = rng.randbytes(rng.randint(1, 6))
            case 6:
                cut = rng.randint(0, len(other))
                out[place:] = other[cut:]
            case _:
                out += out[place:]
    return bytes(out[:4096])


def run(count: int, seed: int = 0, *, seeds_per_class: int = 6) -> FuzzResult:
    """Decode `count` damaged payloads of all message classes; the same seed gives the same run."""
    rng = random.Random(seed)
    google = load_google_modules()
    corpus: list[tuple[str, Any, Any, bytes]] = []
    for name in message_names():
        ours, theirs = pair(google, name)
        for _ in range(seeds_per_class):
            message = theirs()
            _fill(rng, message, 3)
            corpus.append((name, ours, theirs, message.SerializeToString(deterministic=True)))
    result = FuzzResult()
    tracemalloc.start()
    for _ in range(count):
        name, ours, theirs, data = rng.choice(corpus)
        _check(result, name, ours, theirs, _damage(rng, data, rng.choice(corpus)[3]))
        if len(result.defects) >= 20:
            break
    result.peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return result


def _check(result: FuzzResult, name: str, ours: Any, theirs: Any, payload: bytes) -> None:
    try:
        theirs.FromString(payload)
        google_accepts = True
    except GoogleDecodeError:
        google_accepts = False
    try:
        message = decode(ours, payload)
    except DecodeError as error:
        result.refused += 1
        # Google's parser lets field number 0 pass in messages without fields; the
        # specification does not.
        if google_accepts and error.reason != "field number 0":
            result.defects.append(f"{name}: refused, Google accepts: {payload.hex()}")
        return
    except Exception as error:  # the finding that this is about
        result.defects.append(f"{name}: {type(error).__name__}: {error}: {payload.hex()}")
        return
    result.accepted += 1
    if not google_accepts:
        result.defects.append(f"{name}: accepted, Google refuses: {payload.hex()}")
        return
    try:
        once = encode(message)
        twice = encode(decode(ours, once))
    except Exception as error:
        result.defects.append(f"{name}: written as {type(error).__name__}: {payload.hex()}")
        return
    if once != twice:
        result.defects.append(f"{name}: not stable: {payload.hex()}")


def main() -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Decode damaged payloads.")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    result = run(options.count, options.seed)
    kinds = Counter(line.split(":")[0] for line in result.defects)
    print(
        f"{options.count} payloads, seed {options.seed}: {result.accepted} accepted, "
        f"{result.refused} refused, peak {result.peak_bytes / 1e6:.1f} MB, "
        f"{len(result.defects)} defects {dict(kinds) or ''}"
    )
    for line in result.defects:
        print(" ", line[:400])
    return 1 if result.defects else 0


if __name__ == "__main__":
    sys.exit(main())
