"""The corpus in fixtures/codec: whole, cut at every byte, and damaged on purpose."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import DecodeError as GoogleDecodeError
from google_messages import GoogleModules

import mxgateway.generated.galaxy_repository.v1 as galaxy
import mxgateway.generated.mxaccess_gateway.v1 as gateway
import mxgateway.generated.mxaccess_worker.v1 as worker
from mxgateway.codec import decode, encode, to_json, to_jsonable
from mxgateway.errors import DecodeError

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "codec"
NAMES = sorted(path.stem for path in FOLDER.glob("*.bin"))
HOSTILE = json.loads((FOLDER / "hostile.json").read_text(encoding="utf-8"))


def class_of(name: str) -> Any:
    message = name.partition("-")[0]
    return next(
        getattr(module, message) for module in (gateway, galaxy, worker) if hasattr(module, message)
    )


def google_class_of(google: GoogleModules, name: str) -> Any:
    message = name.partition("-")[0]
    modules = (google.gateway_pb2, google.galaxy_pb2, google.worker_pb2)
    return next(getattr(module, message) for module in modules if hasattr(module, message))


def content(name: str) -> bytes:
    return (FOLDER / f"{name}.bin").read_bytes()


def test_the_corpus_is_what_google_writes_today() -> None:
    spec = importlib.util.spec_from_file_location("write_codec_fixtures", FOLDER / "write.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    corpus = module.corpus()

    assert sorted(corpus) == NAMES
    for name, (data, text) in corpus.items():
        assert content(name) == data
        assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", NAMES)
def test_a_fixture_is_written_back_byte_for_byte(name: str) -> None:
    assert encode(decode(class_of(name), content(name))) == content(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_fixture_prints_as_google_prints_it(name: str) -> None:
    message = decode(class_of(name), content(name))
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")

    assert to_jsonable(message) == json.loads(text)
    assert to_json(message, indent=2, sort_keys=True) + "\n" == text


@pytest.mark.parametrize("name", NAMES)
def test_a_fixture_cut_anywhere_is_refused_unless_a_field_ends_there(
    google: GoogleModules, name: str
) -> None:
    whole, cls, theirs = content(name), class_of(name), google_class_of(google, name)
    refused = 0
    for cut in range(len(whole)):
        part = whole[:cut]
        try:
            expected = theirs.FromString(part).SerializeToString(deterministic=True)
        except GoogleDecodeError:
            refused += 1
            with pytest.raises(DecodeError) as caught:
                decode(cls, part)
            error = caught.value
            assert (error.message_type, error.size) == (cls.__name__, cut)
            assert 0 <= error.offset <= cut
            assert f"at byte {error.offset} of {cut}" in str(error)
        else:
            assert encode(decode(cls, part)) == expected
    assert refused > len(whole) // 2


@pytest.mark.parametrize("case", HOSTILE, ids=[case["what"] for case in HOSTILE])
def test_hostile_bytes_are_refused_with_place_and_reason(
    google: GoogleModules, case: dict[str, Any]
) -> None:
    data = bytes.fromhex(case["hex"])
    cls = class_of(case["message"])

    with pytest.raises(DecodeError) as caught:
        decode(cls, data)
    with pytest.raises(GoogleDecodeError):
        google_class_of(google, case["message"]).FromString(data)

    error = caught.value
    assert (error.offset, error.reason) == (case["offset"], case["reason"])
    assert error.to_dict()["offset"] == case["offset"]
    assert error.diagnostics().startswith(f"DecodeError: cannot decode {case['message']}: ")
