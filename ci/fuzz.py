#!/usr/bin/env python3
"""Runs the fuzz targets that ci/oss-fuzz/build.sh has built.

`check OUT` looks whether all of them are there with their seeds and dictionaries, replays corpus and
regressions, and lets each search for a moment: one that executes nothing or covers nothing fails.

`search OUT TARGET..` searches for --seconds or --runs, starting from the seeds and from what --found
holds of earlier searches, which is made smaller first.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FUZZ = ROOT / "fuzz"
# Little enough for a gate; a target that cannot do this in a minute is broken.
RUNS = 1000
LIMIT_S = 120
# A target that does nothing covers an edge or two of its own; the least of ours covers six hundred.
EDGES = 100
FLAGS = ["-rss_limit_mb=2048", "-timeout=25", "-print_final_stats=1"]


def targets():
    """The targets' names: whatever has a dictionary. tests/corpus.rs holds that to the code."""
    return sorted(path.stem for path in (FUZZ / "dictionaries").glob("*.dict"))


def seeds(target):
    """The folders that hold a target's inputs."""
    folders = [FUZZ / "corpus" / target, FUZZ / "regressions" / target]
    return [folder for folder in folders if folder.is_dir()]


def run(out, target, *arguments, limit_s=None, crashes=None):
    """Runs a target to its end; gives its output."""
    prefix = [f"-artifact_prefix={crashes}/"] if crashes else []
    command = [out / target, *FLAGS, f"-dict={out / (target + '.dict')}", *prefix, *arguments]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        sys.exit(f"{target}: not done after {limit_s} s")
    text = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        print(text[-8000:])
        sys.exit(f"{target}: ended with {done.returncode}")
    return text


def executed(text):
    """How many inputs a target says it has executed."""
    found = re.search(r"^stat::number_of_executed_units:\s*(\d+)", text, re.MULTILINE)
    return int(found[1]) if found else 0


def covered(text):
    """How many edges a target says it has covered at the end."""
    found = re.findall(r"\bcov: (\d+)", text)
    return int(found[-1]) if found else 0


def complete(out, target):
    """A target, its dictionary and all of its seeds are there."""
    for name in [target, f"{target}.dict", f"{target}_seed_corpus.zip"]:
        if not (out / name).is_file():
            sys.exit(f"{target}: the build left no {name}")
    files = sum(len(list(folder.iterdir())) for folder in seeds(target))
    with zipfile.ZipFile(out / f"{target}_seed_corpus.zip") as packed:
        if len(packed.namelist()) != files or files == 0:
            sys.exit(f"{target}: {len(packed.namelist())} seeds are packed, and there are {files}")
    return files


def check(out):
    """All targets, shortly."""
    for target in targets():
        files = complete(out, target)
        replayed = executed(run(out, target, "-runs=0", *seeds(target), limit_s=LIMIT_S))
        if replayed < files:
            sys.exit(f"{target}: {replayed} executions for {files} seeds")
        with tempfile.TemporaryDirectory() as found:
            text = run(out, target, f"-runs={replayed + RUNS}", "-seed=1", found, *seeds(target),
                       limit_s=LIMIT_S, crashes=found)
        count, edges = executed(text) - replayed, covered(text)
        print(f"{target}: {files} seeds replayed, {count} more executions, {edges} edges", flush=True)
        if count < RUNS or edges < EDGES:
            sys.exit(f"{target}: the campaign executed or covered next to nothing")


def search(out, names, options):
    """Some targets, for long."""
    for target in names or targets():
        found = options.found or Path(tempfile.mkdtemp())
        found.mkdir(parents=True, exist_ok=True)
        options.crashes.mkdir(parents=True, exist_ok=True)
        if any(found.iterdir()):
            smaller = Path(tempfile.mkdtemp())
            run(out, target, "-merge=1", smaller, found)
            shutil.rmtree(found)
            shutil.move(smaller, found)
        text = run(out, target, f"-max_total_time={options.seconds}", f"-runs={options.runs}", found,
                   *seeds(target), crashes=options.crashes)
        print(f"{target}: {executed(text)} executions, {covered(text)} edges", flush=True)
        if executed(text) == 0 or covered(text) < EDGES:
            sys.exit(f"{target}: the campaign executed or covered next to nothing")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["check", "search"])
    parser.add_argument("out", type=Path)
    parser.add_argument("target", nargs="*")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--runs", type=int, default=-1)
    parser.add_argument("--found", type=Path)
    parser.add_argument("--crashes", type=Path, default=Path("crashes"))
    options = parser.parse_args()
    out = options.out.resolve()
    if options.what == "check":
        check(out)
    else:
        search(out, options.target, options)


if __name__ == "__main__":
    main()
