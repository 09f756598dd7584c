"""Damaged payloads give a message or a DecodeError, as Google's parser decides."""

from __future__ import annotations

import payload_fuzz
import pytest

MEMORY_LIMIT = 64 << 20


@pytest.mark.requirement("decode.hostile")
@pytest.mark.requirement("decode.truncated")
@pytest.mark.parametrize(
    "count", [4_000, pytest.param(100_000, marks=pytest.mark.slow)], ids=["some", "many"]
)
def test_a_damaged_payload_is_a_message_or_a_decode_error_as_for_google(count: int) -> None:
    result = payload_fuzz.run(count, seed=20261123)
    assert result.defects == []
    assert result.accepted > count // 50
    assert result.refused > count // 4
    assert result.peak_bytes < MEMORY_LIMIT
