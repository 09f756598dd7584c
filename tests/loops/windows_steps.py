"""Runs as if on Windows, as far as that goes elsewhere; started by test_windows_branches.py.

python windows_steps.py ENDPOINT API_KEY

What other packages need is imported before: they have branches of their own. Then sys.platform
says "win32", modules and functions that Windows does not have are gone, and ours are loaded anew.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import pkgutil
import signal
import sys
from types import ModuleType

ENDPOINT, API_KEY = sys.argv[1:]
MODULES = ["fcntl", "termios", "tty", "pty", "pwd", "grp", "resource", "curses", "syslog"]
OURS = ("mxgateway", "mxgateway_cli")
NAMES: dict[ModuleType, list[str]] = {
    os: ["fork", "getuid", "geteuid", "getpgid", "setsid", "mkfifo", "uname", "register_at_fork"],
    signal: ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGKILL", "SIGPIPE", "SIGWINCH", "SIGALRM", "alarm"],
}


def import_all() -> None:
    for root in OURS:
        package = importlib.import_module(root)
        for found in pkgutil.walk_packages(package.__path__, root + "."):
            if found.name != "mxgateway.simulator.pytest":
                importlib.import_module(found.name)


def as_on_windows() -> None:
    import_all()
    importlib.import_module("anyio._backends._asyncio")
    asyncio.run(asyncio.sleep(0))  # the loop's own modules
    for name in [name for name in sys.modules if name.split(".")[0] in OURS]:
        del sys.modules[name]
    sys.platform = "win32"
    for module in MODULES:
        sys.modules[module] = None  # type: ignore[assignment]  # what makes every import fail
    for owner, names in NAMES.items():
        for name in names:
            if hasattr(owner, name):
                delattr(owner, name)


def main() -> None:
    as_on_windows()
    import_all()
    run = importlib.import_module("mxgateway_cli.__main__").main
    options = ["--endpoint", ENDPOINT, "--api-key", API_KEY, "--plaintext"]
    for words in (
        ["smoke", "--item", "SimProbe_001.TestInt"],
        ["read", "SimProbe_001.TestInt", "--json"],
        ["watch", "SimProbe_001.TestInt", "--max-events", "1"],
        ["doctor"],
        ["batch"],
    ):
        assert run([*words, *options]) == 0, words
    assert run(["demo", "--seconds", "0.1"]) == 0
    sync = importlib.import_module("mxgateway.sync")
    with sync.GatewayClient.connect(endpoint=ENDPOINT, api_key=API_KEY, plaintext=True) as client:
        (reading,) = client.read("SimProbe_001.TestInt")
        assert reading.error is None
    print("all done")


main()
