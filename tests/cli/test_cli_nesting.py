"""JSON and TOML that are nested without end are refused in words, wherever a command reads them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mxgateway.simulator import ThreadedSimulator

Run = Callable[..., Any]
DEEP = "[" * 50_000 + "]" * 50_000
HANDLES = ("--session-id", "s", "--server-handle", "1")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Files of each kind that is read, all of them too deep."""
    contents = {
        "writes": f'{{"tag": "A.B", "value": {DEEP}}}\n',
        "tags": f'{{"tag": {DEEP}}}\n',
        "plant": f"a = {DEEP}\n",
        "profiles": f"a = {DEEP}\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    return {name: str(tmp_path / name) for name in contents}


@pytest.mark.parametrize(
    "words",
    [
        ("write", "@{writes}"),
        ("read", "@{tags}"),
        ("write-bulk", *HANDLES, "--item-handles", "1", "--type", "int32", "--values", DEEP),
        ("write", "Pump_001.SpeedSP", DEEP, "--type", "int32[]"),
        ("write2", *HANDLES, "--item-handle", "1", "--type", "int32[]", "--value", DEEP,
         "--timestamp", "2026-01-01T00:00:00Z"),
        ("simulate", "--plant", "{plant}"),
        ("simulate", "control", "--token", "t", "set_value", "tag=A.B", f"value={DEEP}"),
        ("config", "--config", "{profiles}"),
        ("profile", "list", "--config", "{profiles}"),
    ],
    ids=lambda words: " ".join(words[:2]),
)  # fmt: skip
def test_deep_nesting_is_refused_in_words(
    run: Run, connected: ThreadedSimulator, files: dict[str, str], words: tuple[str, ...]
) -> None:
    outcome = run(*(word.format(**files) if "{" in word else word for word in words))
    assert outcome.code == 2
    assert "nested too deeply" in " ".join(outcome.err.split())
    assert "Internal error" not in outcome.err
    assert len(outcome.err) < 2_000
    assert connected.audit.sessions_opened == 0
