#!/usr/bin/env python3
"""How fast the fuzz targets are, beside two yardsticks: `empty`, which does nothing, and `value`, which
reads the bytes into serde_json's tree.

Two ways of looking, both with the same flags for the target and for the yardsticks, in turn, the middle
one of several turns counting:

- replay: each file of the target's corpus is executed over and over, without libFuzzer's own work.
  Reading the file again each time costs the same for all three, so what `empty` takes is taken off.
- campaign: so many executions of a search that begins with the corpus. libFuzzer's own work is in it,
  which grows with the code that a target has to discover: `empty` and `value` have less of that.

It fails if `packet_decode` takes longer than `value` in replay.
"""

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FUZZ = ROOT / "fuzz"
REPLAYED = re.compile(r"^Executed .* in (\d+) ms$", re.MULTILINE)
SEARCHED = re.compile(r"^Done (\d+) runs", re.MULTILINE)
YARDSTICKS = ["empty", "value"]


def output(binary, *arguments):
    """What a target says."""
    done = subprocess.run([binary, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=True)
    return done.stdout.decode(errors="replace")


def replay(binary, files, runs):
    """Microseconds an execution."""
    times = [int(ms) for ms in REPLAYED.findall(output(binary, f"-runs={runs}", *files))]
    if len(times) != len(files):
        sys.exit(f"{binary.name}: {len(times)} of {len(files)} files were executed")
    return sum(times) * 1000 / (len(files) * runs)


def campaign(binary, files, seconds):
    """Executions per second."""
    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            shutil.copy(file, folder)
        said = output(binary, f"-max_total_time={seconds}", "-seed=1", "-max_len=1024", "-reload=0",
                      "-print_final_stats=1", folder)
    return int(re.search(r"average_exec_per_sec:\s*(\d+)", said)[1])


def middle(measure, turns):
    """The middle one of some measurements."""
    return statistics.median(measure() for _ in range(turns))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="built with YARDSTICKS=1")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each campaign")
    parser.add_argument("--only", help="one target")
    options = parser.parse_args()
    out = options.out.resolve()
    print("| target | replay, us | `value` on the same, us | ratio | campaign, 1/s | of `empty` | of `value` |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    slow = False
    for target in sorted(path.stem for path in (FUZZ / "dictionaries").glob("*.dict")):
        if options.only not in (None, target):
            continue
        files = sorted((FUZZ / "corpus" / target).iterdir())
        often = {"empty": 10_000, "value": 10_000, "conversation": 20}
        runs = {name: often.get(name, 500 if name.endswith("session") else 10_000)
                for name in (target, *YARDSTICKS)}
        took, rate = {}, {}
        for name, count in runs.items():
            took[name] = middle(lambda: replay(out / name, files, count), options.turns)
            rate[name] = middle(lambda: campaign(out / name, files, options.seconds), options.turns)
        own, value = (took[name] - took["empty"] for name in (target, "value"))
        print(f"| `{target}` | {own:.2f} | {value:.2f} | {own / value:.2f} | {rate[target]:,} "
              f"| {rate[target] / rate['empty']:.4f} | {rate[target] / rate['value']:.4f} |", flush=True)
        slow |= target == "packet_decode" and own > value
    if slow:
        sys.exit("packet_decode is slower than serde_json's tree")


if __name__ == "__main__":
    main()
