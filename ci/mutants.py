#!/usr/bin/env python3
"""Asks whether the suite would notice a change of the reference server.

Runs cargo-mutants over the server's session and lets nothing but the suite itself judge each mutant:
the reference server, in memory and on virtual time, at several intervals and in both dialects. A
mutant that the suite passes has survived. Survivors are compared with ci/mutants-accepted.txt, which
gives a reason for each; a survivor that is not in it, or an entry that no longer survives, fails.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ACCEPTED = Path(__file__).resolve().parent / "mutants-accepted.txt"
FILES = ["src/session/server.rs", "src/session/password.rs"]
# Unit tests of the session itself would be a circle.
JUDGE = ["--test", "harness", "suite::"]


def accepted():
    """The survivors that are known, each with its reason."""
    reasons = {}
    if not ACCEPTED.exists():
        return reasons
    for line in ACCEPTED.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, reason = line.partition(" -- ")
            reasons[name.strip()] = reason.strip()
    return reasons


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "target", help="folder of mutants.out")
    parser.add_argument("--shard", help="K/N: a part of the mutants, as cargo-mutants counts them")
    options = parser.parse_args()
    if shutil.which("cargo-mutants") is None:
        subprocess.run(["cargo", "install", "cargo-mutants", "--locked", "--quiet"], check=True)
    command = ["cargo", "mutants", "--no-shuffle", "--output", str(options.output),
               "--jobs", "1", "--profile", "mutants"]
    for file in FILES:
        command += ["--file", file]
    if options.shard:
        command += ["--shard", options.shard]
    subprocess.run([*command, "--", *JUDGE], cwd=ROOT, check=False)
    outcomes = json.loads((options.output / "mutants.out" / "outcomes.json").read_text())
    survived, killed = set(), set()
    for outcome in outcomes["outcomes"]:
        scenario = outcome["scenario"]
        if scenario == "Baseline":
            if outcome["summary"] != "Success":
                sys.exit("the suite does not pass without a mutant")
            continue
        # Without the place: lines move.
        name = scenario["Mutant"]["name"].split(": ", 1)[-1]
        (survived if outcome["summary"] == "MissedMutant" else killed).add(name)
    known = accepted()
    print(f"{len(killed)} killed or not viable, {len(survived)} survived")
    bad = False
    for name in sorted(survived):
        reason = known.get(name)
        print(f"  survived: {name}: {reason or 'NO REASON GIVEN'}")
        bad |= reason is None
    for name in sorted(set(known) & killed):
        print(f"  no longer survives, remove it from {ACCEPTED.name}: {name}")
        bad = True
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
