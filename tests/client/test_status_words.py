"""Quality, HRESULT and status in words, and what counts as good."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxgateway.codec import decode, encode, to_jsonable
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxDataType,
    MxStatusCategory,
    MxStatusProxy,
    MxStatusSource,
)
from mxgateway.status import (
    Quality,
    QualityLevel,
    describe_hresult,
    describe_status,
    describe_statuses,
    enum_name,
    hresult_failed,
    hresult_hex,
    hresult_name,
    is_failure,
    is_ok,
    is_pending,
)

WORDS = {
    0: "Bad (0)",
    4: "Bad, configuration error (4)",
    8: "Bad, not connected (8)",
    12: "Bad, device failure (12)",
    16: "Bad, sensor failure (16)",
    17: "Bad, sensor failure, low limited (17)",
    20: "Bad, last known value (20)",
    24: "Bad, comm failure (24)",
    27: "Bad, comm failure, constant (27)",
    28: "Bad, out of service (28)",
    32: "Bad, waiting for initial data (32)",
    36: "Bad, substatus 9 (36)",
    64: "Uncertain (64)",
    68: "Uncertain, last usable (68)",
    80: "Uncertain, sensor not accurate (80)",
    84: "Uncertain, EU exceeded (84)",
    88: "Uncertain, sub-normal (88)",
    128: "Uncertain, reserved bits (128)",
    192: "Good (192)",
    194: "Good, high limited (194)",
    216: "Good, local override (216)",
    219: "Good, local override, constant (219)",
    65536: "Bad (65536)",
    65536 + 216: "Good, local override (65752)",
    -1: "Unknown (-1)",
    -64: "Unknown (-64)",
}


@pytest.mark.parametrize(("number", "words"), list(WORDS.items()))
def test_a_quality_reads_as_words_with_its_number(number: int, words: str) -> None:
    assert str(Quality.of(number)) == words


@pytest.mark.requirement("value.unknown-enum")
def test_every_quality_has_one_level_and_only_192_and_above_is_good() -> None:
    for number in range(-256, 512):
        quality = Quality.of(number)
        low = number % 256
        assert quality.good is (number >= 0 and low >= 192), number
        assert quality.uncertain is (number >= 0 and 64 <= low < 192), number
        assert quality.bad is (number < 0 or low < 64), number
        assert (quality.level is QualityLevel.UNKNOWN) is (number < 0), number
        assert quality.value == number
        assert str(number) in str(quality)


@pytest.mark.parametrize("added", [256, 65536, 0x7FFFFF00])
def test_what_stands_above_the_low_byte_changes_nothing_but_the_number(added: int) -> None:
    for number in range(256):
        plain, vendor = Quality.of(number), Quality.of(number + added)
        assert (plain.level, plain.substatus, plain.limit) == (
            vendor.level,
            vendor.substatus,
            vendor.limit,
        )
        assert str(vendor) == str(plain).replace(f"({number})", f"({number + added})")


@given(st.integers(-(2**31), 2**31 - 1))
@settings(deadline=None, max_examples=100)
def test_no_number_is_without_a_quality(number: int) -> None:
    assert Quality.of(number).level in QualityLevel


@pytest.mark.parametrize(
    ("signed", "text", "name"),
    [
        (-2147024809, "0x80070057", "E_INVALIDARG"),
        (-2147467231, "0x80004021", "CO_E_NOT_SUPPORTED"),
        (-2147220992, "0x80040200", ""),
        (-2147024891, "0x80070005", "E_ACCESSDENIED"),
        (-2147221164, "0x80040154", "REGDB_E_CLASSNOTREG"),
        (-2147024882, "0x8007000E", "E_OUTOFMEMORY"),
        (-2147023174, "0x800706BA", "RPC_S_SERVER_UNAVAILABLE"),
        (-2147467259, "0x80004005", "E_FAIL"),
        (-1, "0xFFFFFFFF", ""),
        (0, "0x00000000", "S_OK"),
        (1, "0x00000001", "S_FALSE"),
    ],
)
def test_an_hresult_reads_the_same_signed_and_unsigned(signed: int, text: str, name: str) -> None:
    for number in (signed, signed & 0xFFFFFFFF):
        assert hresult_hex(number) == text
        assert hresult_name(number) == name
        assert describe_hresult(number).startswith(f"{text} {name}".rstrip())
        assert hresult_failed(number) is (signed < 0)


def test_an_absent_hresult_is_no_failure() -> None:
    assert hresult_failed(None) is False


def test_a_known_hresult_says_what_it_means_here() -> None:
    assert "write without advise" in describe_hresult(-2147024809)
    assert describe_hresult(-2147024810) == "0x80070056"


OK = {"OK", "WARNING", "UNSPECIFIED", "UNKNOWN"}


@pytest.mark.parametrize("success", [0, 1, -1])
@pytest.mark.parametrize("category", list(MxStatusCategory), ids=lambda c: c.name)
def test_the_category_decides_and_the_success_number_never_does(
    category: MxStatusCategory, success: int
) -> None:
    status = decode(MxStatusProxy, encode(MxStatusProxy(success=success, category=category)))
    assert is_ok(status) is (category.name in OK)
    assert is_pending(status) is (category.name == "PENDING")
    assert is_failure(status) is category.name.endswith("_ERROR")


@pytest.mark.requirement("value.unknown-enum")
def test_a_category_of_a_newer_gateway_is_shown_kept_and_not_ok() -> None:
    sent = encode(
        MxStatusProxy(
            success=-1, category=MxStatusCategory(42), detected_by=MxStatusSource(43), detail=7000
        )
    )
    status = decode(MxStatusProxy, sent)
    assert not is_ok(status)
    assert is_failure(status)
    assert not is_pending(status)
    assert describe_status(status) == "Unknown category (42) from unknown source (43): detail 7000"
    assert to_jsonable(status)["category"] == 42
    assert encode(status) == sent


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (MxStatusProxy(), "No category"),
        (MxStatusProxy(success=-1, category=MxStatusCategory.OK), "OK"),
        (MxStatusProxy(category=MxStatusCategory.PENDING), "Pending"),
        (
            MxStatusProxy(
                category=MxStatusCategory.CONFIGURATION_ERROR,
                detected_by=MxStatusSource.REQUESTING_LMX,
                detail=6,
            ),
            (
                "Configuration error from requesting LMX: detail 6 MX_E_InvalidReference "
                "(name cannot be resolved)"
            ),
        ),
        (
            MxStatusProxy(
                category=MxStatusCategory.SECURITY_ERROR,
                detected_by=MxStatusSource.RESPONDING_AUTOMATION_OBJECT,
                detail=1012,
                diagnostic_text="sign in",
            ),
            (
                "Security error from responding automation object: detail 1012 "
                "(secured write needed): sign in"
            ),
        ),
    ],
)
def test_a_status_reads_as_a_sentence(status: MxStatusProxy, words: str) -> None:
    assert describe_status(status) == words


def test_several_statuses_are_all_shown() -> None:
    statuses = [MxStatusProxy(category=MxStatusCategory.OK), MxStatusProxy(detail=5)]
    assert describe_statuses(statuses) == (
        "OK; No category: detail 5 MX_E_EngineCommunicationError (engine not reachable)"
    )
    assert describe_statuses([]) == ""


def test_enum_numbers_without_a_name_show_as_unknown() -> None:
    assert enum_name(MxDataType.BOOLEAN, "MX_DATA_TYPE_") == "MX_DATA_TYPE_BOOLEAN"
    assert enum_name(MxDataType(42), "MX_DATA_TYPE_") == "UNKNOWN(42)"
    assert enum_name(7) == "UNKNOWN(7)"
