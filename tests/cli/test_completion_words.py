"""Words quoted for a shell are read by it as what they were; lines are split as it splits them."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from importlib import import_module

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from interactive_shell import words_in_bash

quoting = import_module("mxgateway_cli.completion.quoting")
words = import_module("mxgateway_cli.completion.words")

NASTY = (
    "'\"`$\\!;&|<>(){}[]*?~#^%=: \t\n\r\x00\x1b\x07\x7f\x85\x9b\u2018\u2019\u201c\u202e\u2028é日a1-"
)
TEXT = st.text(st.one_of(st.sampled_from(NASTY), st.characters(exclude_categories=["Cs"])))
# What names of files and arguments can be: any bytes but NUL.
WORD = st.one_of(
    TEXT.map(lambda text: text.replace("\0", "")),
    st.binary(max_size=20).map(lambda data: os.fsdecode(data.replace(b"\0", b""))),
)
STYLES = ["", "'", '"', "$'"]
HAS_BASH = shutil.which("bash") is not None and sys.platform != "win32"
FEW = settings(max_examples=25)


@pytest.mark.skipif(not HAS_BASH, reason="bash is not installed")
@FEW
@given(samples=st.lists(WORD, min_size=1, max_size=40))
def test_bash_reads_a_quoted_word_as_the_text_it_was(samples: list[str]) -> None:
    quoted = [quoting.bash_word(text, style) for text in samples for style in STYLES]
    assert all(word.isprintable() for word in quoted)
    # As in an interactive shell, where ! stands for lines typed before.
    history = "set -o history; set -o histexpand"
    assert words_in_bash(quoted, setup=history) == [text for text in samples for _ in STYLES]


@given(text=WORD, style=st.sampled_from(STYLES))
def test_a_word_quoted_for_bash_is_undone_by_the_splitting(text: str, style: str) -> None:
    word = quoting.bash_word(text, style)
    typed = words.split_posix(f"mxgw-py {word}")
    assert (typed.words, typed.incomplete, typed.start) == (("mxgw-py",), text, 8)
    assert words.split_posix(f"{word} x").words == (text,)


def read_powershell(word: str) -> str:
    """Read a string in single quotes as about_Quoting_Rules and the tokenizer of PowerShell do."""
    quotes = "'\u2018\u2019\u201a\u201b"
    assert word[0] in quotes
    text, n = "", 1
    while word[n] not in quotes or word[n + 1 : n + 2] in [*quotes]:
        n += word[n] in quotes
        text += word[n]
        n += 1
    assert n == len(word) - 1, "the string ends before the word does"
    return text


@given(text=TEXT)
def test_a_word_for_powershell_is_one_string_in_single_quotes(text: str) -> None:
    word = quoting.powershell_word(text)
    if word is None:
        assert not text.isprintable() or '"' in text or text.endswith("\\")
    elif re.fullmatch("[A-Za-z0-9_.-]+", word):
        assert word == text
    else:
        assert word.isprintable()
        assert read_powershell(word) == text
        assert words.split_powershell(f"mxgw-py {word}").incomplete == text


@given(text=st.text())
def test_what_powershell_is_told_is_ascii_and_read_back_by_dotnet(text: str) -> None:
    line = quoting.ascii_escaped(text)
    assert line.isascii()

    def unit(match: re.Match[str]) -> str:
        return "\\" if match[0] == "\\\\" else chr(int(match[1], 16))

    units = re.sub(r"\\\\|\\u([0-9a-f]{4})", unit, line)
    known = text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass")
    assert units.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass") == known


POWERSHELL = shutil.which("pwsh") or shutil.which("powershell")
_PARSE = r"""
$words = [Console]::In.ReadToEnd() | ConvertFrom-Json
$read = foreach ($word in $words) {
    $line = 'mxgw-py ' + [Text.Encoding]::Unicode.GetString([Convert]::FromBase64String($word))
    $tokens = $errors = $null
    $ast = [Management.Automation.Language.Parser]::ParseInput($line, [ref]$tokens, [ref]$errors)
    $found = $ast.EndBlock.Statements[0].PipelineElements[0].CommandElements
    $value = "$($errors.Count) $($found.Count) $($found[1].SafeGetValue())"
    [Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($value))
}
ConvertTo-Json @($read)
"""


@pytest.mark.skipif(POWERSHELL is None, reason="PowerShell is not installed")
def test_the_parser_of_powershell_reads_a_quoted_word_as_the_text_it_was() -> None:
    texts = [
        "$(x)",
        "a';b",
        "a\u2019;b",
        "\u2018\u201a\u201b'",
        "@x",
        "-a",
        "[x]",
        "#y",
        "`z",
        "é日",
        "5",
    ]
    quoted = [
        base64.b64encode(quoting.powershell_word(text).encode("utf-16-le")).decode()
        for text in texts
    ]
    assert POWERSHELL is not None
    done = subprocess.run(
        [POWERSHELL, "-NoProfile", "-NonInteractive", "-Command", _PARSE],
        input=json.dumps(quoted),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    read = [base64.b64decode(value).decode("utf-16-le") for value in json.loads(done.stdout)]
    assert read == [f"0 2 {text}" for text in texts]


BASH_EVAL = """
for line; do
    if (eval "set -- $line") >/dev/null 2>&1; then
        eval "set -- $line"
        printf '%s\\0' ok "$@" end
    else
        printf 'open\\0'
    fi
done
"""
FISH_EVAL = """
for line in $argv
    if eval "printf '%s\\0' ok $line end" 2>/dev/null
    else
        printf 'open\\0'
    end
end
"""
PIECES = st.sampled_from(["a", "é", " ", "'", '"', "\\", "$'", "\\'", "\\\\", "\\n", "\\x41"])
# A backslash at the end of a line is one thing at the end of a script and another in the midst.
QUOTED = st.lists(PIECES, max_size=10).map(lambda pieces: "".join(pieces).rstrip("\\"))


@pytest.mark.skipif(sys.platform == "win32", reason="the shells are those of POSIX systems")
@pytest.mark.parametrize(
    ("shell", "split", "words_of"),
    [("bash", words.split_posix, BASH_EVAL), ("fish", words.split_fish, FISH_EVAL)],
)
@FEW
@given(lines=st.lists(QUOTED, min_size=1, max_size=60))
def test_a_line_is_split_as_its_shell_splits_it(
    shell: str, split: object, words_of: str, lines: list[str]
) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    flags = ["--norc", "-c", words_of, "x"] if shell == "bash" else ["--no-config", "-c", words_of]
    done = subprocess.run(
        [program, *flags, *lines], capture_output=True, env={"LC_ALL": "C.UTF-8"}, check=True
    )
    answers = iter([os.fsdecode(word) for word in done.stdout.split(b"\0")[:-1]])
    for line in lines:
        if next(answers) == "open":
            continue
        known = list(iter(lambda: next(answers), "end"))
        typed = split(line + " ")  # type: ignore[operator]
        assert list(typed.words) == known, line


@pytest.mark.parametrize(
    ("split", "line", "incomplete", "quote"),
    [
        (words.split_posix, "m 'a b", "a b", "'"),
        (words.split_posix, 'm "a \\" b\\', 'a " b', '"'),
        (words.split_posix, "m $'a\\x41\\303\\251\\", "aAé", "$'"),
        (words.split_posix, "m $'\\$\\'x", "\\$'x", "$'"),
        (words.split_posix, "m x'y'\"z", "xyz", '"'),
        (words.split_posix, "m a\\", "a", ""),
        (words.split_posix, "m ", "", ""),
        (words.split_fish, "m 'it\\'s \\n", "it's \\n", "'"),
        (words.split_fish, "m a\\x41\\u00e9\\ b", "aAé b", ""),
        (words.split_powershell, "m 'it''s \u2018\u2019 b", "it's \u2019 b", "'"),
        (words.split_powershell, 'm "a`"b""c`n', 'a"b"c\n', '"'),
        (words.split_powershell, "m a` b", "a b", ""),
    ],
)
def test_the_last_word_may_end_within_quotes(
    split: object, line: str, incomplete: str, quote: str
) -> None:
    typed = split(line)  # type: ignore[operator]
    assert (typed.words, typed.incomplete, typed.quote) == (("m",), incomplete, quote)
