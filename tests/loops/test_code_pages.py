"""What commands print on the code pages of Windows: never an error, JSON always the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from mxgateway import ClientOptions, GatewayClient
from mxgateway.simulator import ThreadedSimulator

END = "== end =="
STEPS = Path(__file__).with_name("code_page_steps.py")
TAG = "SimProbe_001.TestString"
TEXT = "Grüße Ω € 水 \U0001f6e2"
pytestmark = pytest.mark.requirement("cli.encoding")

# Commands that print what the plant or the user's files hold.
COMMANDS = [
    ["read", TAG],
    ["watch", TAG, "--max-events", "1"],
    ["smoke", "--item", TAG],
    ["find", "*String*"],
    ["tree"],
    ["info", TAG],
    ["alarms", "--once"],
    ["write", TAG, TEXT],
    ["doctor", "--item", TAG],
    ["config"],
    ["profile", "list"],
    ["version"],
    ["galaxy-discover"],
    ["galaxy-browse"],
    ["galaxy-last-deploy"],
    ["query-active-alarms"],
]
WITH_SESSION = [
    ["session-state"],
    ["worker-info"],
    ["stream-events", "--max-events", "1"],
    ["read-bulk", "--server-handle", "1", "--items", TAG],
]


async def open_session(options: ClientOptions) -> str:
    """Return a session that stays open, with the text's tag advised."""
    async with GatewayClient.connect(options=options) as client:
        session = await client.open_session("code pages")
        server = await session.register("code pages")
        await session.advise(server, await session.add_item(server, TAG))
        return session.session_id


def printed(
    sim: ThreadedSimulator, folder: Path, encoding: str, lines: list[list[str]]
) -> list[str]:
    """Return what each command line wrote to stdout."""
    variables = {
        "MXGATEWAY_ENDPOINT": sim.endpoint,
        "MXGATEWAY_API_KEY": sim.api_key,
        "MXGATEWAY_PLAINTEXT": "1",
        "PYTHONIOENCODING": encoding,
        **dict.fromkeys(("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "APPDATA"), str(folder)),
        "LOCALAPPDATA": str(folder),
    }
    done = subprocess.run(
        [sys.executable, "-P", str(STEPS), END],
        input=json.dumps(lines).encode(),
        capture_output=True,
        timeout=120,
        env={k: v for k, v in os.environ.items() if not k.startswith("MXGATEWAY_")} | variables,
        check=False,
    )
    complaints = done.stderr.decode(encoding)
    assert "Traceback" not in complaints
    codes = json.loads(complaints.splitlines()[-1])
    assert {i: c for i, c in zip(map(" ".join, lines), codes, strict=True) if c} == {}, complaints
    return done.stdout.decode(encoding).replace("\r\n", "\n").split(f"{END}\n")[:-1]


@pytest.mark.parametrize("encoding", ["cp437", "cp1252"])
def test_every_printing_command_is_whole_on_a_code_page(
    sim: ThreadedSimulator, options: ClientOptions, tmp_path: Path, encoding: str
) -> None:
    sim.set_value(TAG, TEXT)
    session = ["--session-id", anyio.run(open_session, options)]
    tables = COMMANDS + [[*words, *session] for words in WITH_SESSION]
    texts = printed(sim, tmp_path, encoding, tables)
    assert all(texts)
    shown = dict(zip([words[0] for words in tables], texts, strict=True))
    expected = TEXT.encode(encoding, "backslashreplace").decode(encoding)
    assert "\\u6c34" in expected
    for command in ("read", "watch", "smoke", "stream-events", "read-bulk"):
        assert expected in shown[command], command


@pytest.mark.parametrize("encoding", ["cp437", "cp1252"])
def test_json_is_ascii_and_holds_the_text_on_a_code_page(
    sim: ThreadedSimulator, options: ClientOptions, tmp_path: Path, encoding: str
) -> None:
    sim.set_value(TAG, TEXT)
    session = ["--session-id", anyio.run(open_session, options)]
    lines = [[*words, "--json"] for words in COMMANDS]
    lines += [[*words, *session, "--json"] for words in WITH_SESSION]
    texts = printed(sim, tmp_path, encoding, lines)
    documents: dict[str, Any] = {}
    for words, text in zip(lines, texts, strict=True):
        assert text.isascii(), words
        documents[words[0]] = json.loads(text)
    for command in ("read", "watch", "stream-events", "read-bulk"):
        assert TEXT in texts_in(documents[command]), command


def texts_in(document: Any) -> set[str]:
    if isinstance(document, dict):
        return set().union(*map(texts_in, document.values()))
    if isinstance(document, list):
        return set().union(*map(texts_in, document))
    return {document} if isinstance(document, str) else set()
