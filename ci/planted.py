#!/usr/bin/env python3
"""Whether each fuzz target finds a bug: one is planted for it (ci/planted/TARGET.patch), in a copy of the
sources, and the target searches from its seeds until it fails.

All patches go into one copy, so that there is one build: each bug is in code that the other targets do
not look at, and what a target said when it failed is shown.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATCHES = ROOT / "ci" / "planted"


def build(copy, target_dir):
    """Builds the targets of a copy; gives the folder that holds them."""
    out = target_dir / "planted"
    environment = {**os.environ, "OUT": str(out), "SRC": str(copy), "LITESPEC": str(copy),
                   "SANITIZER": "none", "RUSTUP_TOOLCHAIN": "nightly"}
    subprocess.run([copy / "ci" / "oss-fuzz" / "build.sh"], env=environment, check=True)
    return out


def search(out, target, seconds, seed):
    """Lets a target search; gives what it said, and how long it took."""
    with tempfile.TemporaryDirectory() as found:
        command = [out / target, f"-max_total_time={seconds}", f"-seed={seed}", "-timeout=25",
                   "-print_final_stats=1", f"-dict={out / (target + '.dict')}",
                   f"-artifact_prefix={found}/", found, ROOT / "fuzz" / "corpus" / target]
        began = time.monotonic()
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.returncode, done.stdout.decode(errors="replace"), time.monotonic() - began


def report(target, code, text, seconds):
    """A row of the table; whether the bug was found."""
    said = re.search(r"panicked at (\S+?):\d+:\d+:\n(.*)", text)
    runs = re.search(r"number_of_executed_units:\s*(\d+)", text)
    found = code != 0 and said is not None
    what = f"{said[1]}: {said[2][:90]}" if found else f"exit {code}"
    print(f"| `{target}` | {'found' if found else 'NOT FOUND'} | {int(runs[1]) if runs else 0:,} "
          f"| {seconds:.1f} | {what} |", flush=True)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", nargs="*")
    parser.add_argument("--seconds", type=int, default=300, help="of each target at most")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    names = options.target or sorted(path.stem for path in PATCHES.glob("*.patch"))
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "litespec"
        subprocess.run(["git", "clone", "-q", ROOT, copy], check=True)
        target_dir = ROOT / "fuzz" / "target"
        (copy / "fuzz" / "target").symlink_to(target_dir)
        for name in names:
            subprocess.run(["git", "-C", copy, "apply", PATCHES / f"{name}.patch"], check=True)
        out = build(copy, target_dir)
    print("| target | the bug | executions | seconds | what was said |\n|---|---|---:|---:|---|")
    results = [report(name, *search(out, name, options.seconds, options.seed)) for name in names]
    if not all(results):
        sys.exit("a planted bug was not found")


if __name__ == "__main__":
    main()
