"""Runs command lines one after another, in the encoding of this process's stdout.

Run by test_code_pages.py: reads a JSON list of command lines from stdin, writes its argument as
a line after the output of each one, and the list of exit codes as the last line of stderr.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import entry_points


def main() -> None:
    (script,) = entry_points(group="console_scripts", name="mxgw-py")
    run = script.load()
    codes = []
    for words in json.load(sys.stdin):
        codes.append(run(words))
        sys.stdout.write(f"{sys.argv[1]}\n")
    print(json.dumps(codes), file=sys.stderr)


if __name__ == "__main__":
    main()
