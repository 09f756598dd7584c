"""A person's shell in a pseudo-terminal, with the completion of the command loaded.

The program on its path completes as the command does; any other call of it is recorded in place
of being run, so that a test sees which words a line became after Tab and Enter.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

__all__ = ["SHELLS", "Shell"]

_RECORDER: Final = """\
#!/bin/sh
if [ -n "$_MXGW_PY_COMPLETE" ]; then
    exec "{python}" -m mxgateway_cli "$@"
fi
printf '%s\\0' "$@" > "{record}"
printf 'RECOR''DED\\n'
"""

# What a person would have to set up, and nothing that writes to the screen by itself.
_RC: Final = {
    "bash": """\
PS1='READY'; HISTFILE=
bind 'set enable-bracketed-paste off' 'set completion-query-items 0' 'set page-completions off'
bind 'set show-all-if-ambiguous on'
eval "$(mxgw-py-script)"
""",
    "zsh": """\
PS1='READY'; unset zle_bracketed_paste
autoload -Uz compinit && compinit -u -D
LISTMAX=10000
eval "$(mxgw-py-script)"
""",
    "fish": """\
function fish_prompt; printf READY; end
function fish_greeting; end
mxgw-py-script | source
""",
}
SHELLS: Final = tuple(_RC)
LIMIT: Final = 60


class Shell:
    """An interactive bash, zsh or fish; a context manager.

    Args:
        name: Which one.
        folder: Where it runs; its files lie in `folder/home`.
        script: The completion script.
        variables: Environment variables besides those of this process.

    Attributes:
        screen: All that was written to the terminal so far.
    """

    def __init__(
        self, name: str, folder: Path, script: str, variables: Mapping[str, str] | None = None
    ) -> None:
        import pexpect  # type: ignore[import-untyped]

        home = folder / "home"
        home.mkdir(exist_ok=True)
        self._record = home / "record"
        _program(home / "mxgw-py", _RECORDER.format(python=sys.executable, record=self._record))
        (home / "script").write_text(script, encoding="utf-8")
        _program(home / "mxgw-py-script", f"#!/bin/sh\ncat '{home}/script'\n")
        (home / ".zshrc").write_text(_RC["zsh"], encoding="utf-8")
        (home / "rc").write_text(_RC[name], encoding="utf-8")
        words = {
            "bash": ["--noprofile", "--rcfile", f"{home}/rc", "-i"],
            "zsh": ["-i"],
            "fish": ["--no-config", "--private", "-i", "-C", f"source {home}/rc"],
        }[name]
        environment = os.environ | {
            "HOME": f"{home}",
            "ZDOTDIR": f"{home}",
            "PATH": f"{home}{os.pathsep}{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
            "TERM": "xterm",
        }
        self.screen = b""
        self._child: Any = pexpect.spawn(
            shutil.which(name),
            words,
            cwd=f"{folder}",
            env=environment | dict(variables or {}),
            dimensions=(100, 200),
            timeout=LIMIT,
        )

    def __enter__(self) -> Self:
        self._wait("READY")
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._child.close(force=True)

    def enter(self, typed: str) -> list[str]:
        """Type a line, in which `\t` is Tab, and Enter; return the words that the program got."""
        self._child.send(typed + "\r")
        self._wait("RECORDED")
        self._wait("READY")
        return [os.fsdecode(word) for word in self._record.read_bytes().split(b"\0")[:-1]]

    def look(self, typed: str, until: str) -> bytes:
        """Type, wait until something is shown, leave the line; return what was written."""
        start = len(self.screen)
        self._child.send(typed)
        self._wait(until)
        self._child.send("\x15\r")
        self._wait("READY")
        return self.screen[start:]

    def _wait(self, text: str) -> None:
        self._child.expect_exact(text.encode())
        self.screen += self._child.before + self._child.after


def _program(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def words_in_bash(samples: list[str], *, setup: str = "") -> list[str]:
    """Return what bash makes of words, all of them in one process."""
    lines = "\n".join(f"printf '%s\\0' {sample}" for sample in samples)
    done = subprocess.run(
        ["bash", "--norc"],
        input=os.fsencode(f"{setup}\n{lines}\n"),
        env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]},
        capture_output=True,
        check=True,
        timeout=LIMIT,
    )
    assert done.stderr == b""
    return [os.fsdecode(word) for word in done.stdout.split(b"\0")[:-1]]
