#!/usr/bin/env python3
"""Runs what README.md shows.

Every fenced block marked `sh` is run by bash, in order, from the project's folder. A block headed by
`<!-- ci: exit N -->` must exit with N; one headed by `<!-- ci: beside COMMAND -->` is run while
COMMAND, which must print a line once it is ready, runs beside it; one headed by `<!-- ci: skip WHY -->`
is shown only, because it needs what CI does not have. Commands called `litespec` are the release build.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

BLOCK = re.compile(r"(?:<!-- ci: (?P<how>[^>]*) -->\n)?```sh\n(?P<text>.*?)```", re.DOTALL)
LIMIT_S = 1500


def environment():
    """The environment of every block: the release build is on the path."""
    root = Path.cwd()
    path = f"{root / 'target' / 'release'}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path}


@contextlib.contextmanager
def beside(command):
    """Runs a command beside a block, from its first line of output on."""
    process = subprocess.Popen(["bash", "-c", command], stdout=subprocess.PIPE, text=True,
                               env=environment(), start_new_session=True)
    try:
        if not process.stdout.readline():
            sys.exit(f"{command!r} ended before it said anything")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def main():
    text = Path(sys.argv[1]).read_text()
    blocks = list(BLOCK.finditer(text))
    if not blocks:
        sys.exit("README shows no commands")
    for block in blocks:
        how, script = block["how"] or "", block["text"]
        line = text[:block.start("text")].count("\n") + 1
        print(f"--- README line {line}: {script.strip()}", flush=True)
        if how.startswith("skip "):
            print(f"    not run: {how[5:]}")
            continue
        wanted = int(match[1]) if (match := re.search(r"exit (\d+)", how)) else 0
        neighbour = re.search(r"beside (.+?)\s*$", how)
        began = time.monotonic()
        with beside(neighbour[1]) if neighbour else contextlib.nullcontext():
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], env=environment(),
                                  timeout=LIMIT_S, check=False)
        print(f"    exit {done.returncode}, {time.monotonic() - began:.1f} s", flush=True)
        if done.returncode != wanted:
            sys.exit(f"README line {line}: exit {done.returncode} instead of {wanted}")


if __name__ == "__main__":
    main()
