"""References: what is sent for each form, and their parts."""

from __future__ import annotations

import logging
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxgateway import ConfigurationError
from mxgateway.alarms import (
    normalise_alarm_prefix,
    normalise_alarm_reference,
    split_alarm_reference,
)

PROVIDER = st.text(st.characters(exclude_characters="!\\"), min_size=1)
GROUP = st.text(st.characters(exclude_characters="!\\."), min_size=1)
TAG = st.text(min_size=1)


@pytest.mark.parametrize(
    ("given_form", "sent"),
    [
        ("Galaxy!Area001.Pump001.PumpFault", "Galaxy!Area001.Pump001.PumpFault"),
        (r"\\Galaxy\Area001.Pump001.PumpFault", "Galaxy!Area001.Pump001.PumpFault"),
        (r"\Galaxy\Area001.Pump001.PumpFault", "Galaxy!Area001.Pump001.PumpFault"),
        ("Galaxy_Two!A.B", "Galaxy_Two!A.B"),
        (r"Galaxy!A.B\C!D", r"Galaxy!A.B\C!D"),
        (str(uuid.UUID(int=7)), str(uuid.UUID(int=7))),
        (f"{{{uuid.UUID(int=7)}}}", f"{{{uuid.UUID(int=7)}}}"),
        (uuid.UUID(int=7).hex.upper(), uuid.UUID(int=7).hex.upper()),
    ],
)
def test_known_forms_become_what_the_gateway_takes(
    given_form: str, sent: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert normalise_alarm_reference(given_form) == sent
    assert caplog.records == []


@pytest.mark.parametrize(
    "odd",
    [
        "Pump001.PumpFault",
        "Galaxy!Area",
        r"\\Galaxy\Area",
        "!A.B",
        " x",
        # Queries of the native alarm manager: no path of provider and group.
        r"\\node\Galaxy!Area",
        r"\\node\Galaxy!Area.Pump001.PumpFault",
        r"\Galaxy!Area.Pump001.PumpFault",
    ],
)
def test_any_other_form_is_sent_as_it_is_and_warned_about(
    odd: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "mxgateway.alarms"):
        assert normalise_alarm_reference(odd) == odd
    (record,) = caplog.records
    assert repr(odd) in record.getMessage()
    assert "Provider!Group.Tag" in record.getMessage()


@pytest.mark.parametrize("nothing", ["", "  ", None, 5])
def test_nothing_is_refused(nothing: object) -> None:
    with pytest.raises(ConfigurationError, match="alarm_reference"):
        normalise_alarm_reference(nothing)  # type: ignore[arg-type]


@given(PROVIDER, GROUP, TAG)
def test_a_reference_stays_and_splits_into_its_parts(provider: str, group: str, tag: str) -> None:
    reference = f"{provider}!{group}.{tag}"

    assert normalise_alarm_reference(reference) == reference
    assert split_alarm_reference(reference) == (provider, group, tag)


@given(st.sampled_from(["\\", "\\\\"]), PROVIDER, GROUP, TAG)
def test_the_path_form_becomes_the_same_reference(
    slashes: str, provider: str, group: str, tag: str
) -> None:
    sent = normalise_alarm_reference(f"{slashes}{provider}\\{group}.{tag}")

    assert sent == f"{provider}!{group}.{tag}"
    assert normalise_alarm_reference(sent) == sent


@given(st.text())
def test_splitting_loses_nothing(reference: str) -> None:
    provider, group, tag = split_alarm_reference(reference)

    assert reference == (f"{provider}!{group}.{tag}" if provider else tag)


@pytest.mark.parametrize(
    ("prefix", "sent"),
    [
        ("", ""),
        ("Galaxy!Intake.", "Galaxy!Intake."),
        ("Gal", "Gal"),
        (r"\\Galaxy\Intake", "Galaxy!Intake"),
        (r"\Galaxy\Intake.Tank_001", "Galaxy!Intake.Tank_001"),
        (r"\\Galaxy", "Galaxy"),
        (r"\\Galaxy" + "\\", "Galaxy!"),
        (r"Galaxy!A.B\C", r"Galaxy!A.B\C"),
    ],
)
def test_a_prefix_takes_the_form_of_the_references(
    prefix: str, sent: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert normalise_alarm_prefix(prefix) == sent
    assert caplog.records == []


@pytest.mark.parametrize("query", [r"\\node\Galaxy!Area", r"\Galaxy!Area", "\\"])
def test_a_native_query_as_a_prefix_is_sent_with_a_warning(
    query: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "mxgateway.alarms"):
        assert normalise_alarm_prefix(query) == query
    (record,) = caplog.records
    assert "will find nothing" in record.getMessage()
