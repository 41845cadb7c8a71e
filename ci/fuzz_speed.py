#!/usr/bin/env python3
"""How fast the fuzz targets are, beside two yardsticks: `empty`, which does nothing, and `value`, which
reads the bytes into serde_json's tree.

Two ways of looking, both with the same seeds and flags for the target and for the yardsticks, which take
turns, each turn beginning with another. Ratios are those of one turn; the table has the middle one of
several turns, and for the ratios the least and the greatest too:

- replay: each file of the target's corpus is executed over and over, without libFuzzer's own work.
  Reading the file again each time costs the same for all three, so what `empty` takes is taken off.
- campaign: executions per second (of processor time) of a search that begins with the corpus. libFuzzer's own work is in it,
  which grows with the code that a target has to discover: `empty` and `value` have less of that. What is
  found is written to files: with TMPDIR in memory (`/dev/shm`) a disk does not disturb the figures.

It fails if the middle campaign of `packet_decode` is slower than that of `value`.
"""

import argparse
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FUZZ = ROOT / "fuzz"
REPLAYED = re.compile(r"^Executed .* in (\d+) ms$", re.MULTILINE)
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


def campaign(binary, files, seconds, seed):
    """Executions per second of processor time, so that other work on the machine counts little."""
    def processor():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            shutil.copy(file, folder)
        before = processor()
        said = output(binary, f"-max_total_time={seconds}", f"-seed={seed}", "-max_len=1024", "-reload=0",
                      "-print_final_stats=1", folder)
        took = processor() - before
    return int(re.search(r"number_of_executed_units:\s*(\d+)", said)[1]) / took


def in_turn(names, turns, measure):
    """What `measure(name, turn)` gives for each name, turn by turn."""
    found = {name: [] for name in names}
    for turn in range(turns):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            found[name].append(measure(name, turn))
    return found


def ratio(found, name, yardstick):
    """The ratios of each turn: the middle one, the least, the greatest."""
    ratios = [one / other for one, other in zip(found[name], found[yardstick])]
    return statistics.median(ratios), min(ratios), max(ratios)


def spread(ratios):
    """Ratios, for a table."""
    return "{:.3g} ({:.2g} to {:.2g})".format(*ratios)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="built with YARDSTICKS=1")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of each campaign")
    parser.add_argument("--only", help="one target")
    options = parser.parse_args()
    out = options.out.resolve()
    print("| target | replay, us | `value` on the same, us | campaign, 1/s | of `empty` | of `value` |")
    print("|---|---:|---:|---:|---:|---:|")
    slow = False
    for target in sorted(path.stem for path in (FUZZ / "dictionaries").glob("*.dict")):
        if options.only not in (None, target):
            continue
        files = sorted((FUZZ / "corpus" / target).iterdir())
        names = [target, *YARDSTICKS]
        often = {"empty": 10_000, "value": 10_000, "conversation": 20}
        runs = {name: often.get(name, 500 if name.endswith("session") else 10_000) for name in names}
        took = in_turn(names, options.turns, lambda name, _: replay(out / name, files, runs[name]))
        rate = in_turn(names, options.turns,
                       lambda name, turn: campaign(out / name, files, options.seconds, turn + 1))
        empty = statistics.median(took["empty"])
        own, value = (statistics.median(took[name]) - empty for name in (target, "value"))
        of_value = ratio(rate, target, "value")
        print(f"| `{target}` | {own:.2f} | {value:.2f} | {statistics.median(rate[target]):,.0f} "
              f"| {spread(ratio(rate, target, 'empty'))} | {spread(of_value)} |", flush=True)
        slow |= target == "packet_decode" and of_value[0] < 1
    if slow:
        sys.exit("packet_decode is slower than serde_json's tree")


if __name__ == "__main__":
    main()
