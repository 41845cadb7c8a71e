#!/usr/bin/env python3
"""Asks whether a change of the code would be noticed.

Runs cargo-mutants over one area of litespec and counts which of its mutants survive.

`session` is judged by the suite alone, with the reference server in memory and on virtual time, at
several intervals and in both dialects: unit tests of the session would be a circle. The other areas
are judged by their own tests. Each area is built as a crate of the floors it needs, without those
above, which is many times as fast.

Survivors are compared with ci/mutants/AREA.txt, which gives a reason for each. A survivor that is not
in it, or an entry that no longer survives, fails. Since tests only grow, what an earlier run printed can
be tried alone (`--only`), and so can what a diff has touched (`--in-diff`).
"""

import argparse
import collections
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ACCEPTED = Path(__file__).resolve().parent / "mutants"


@dataclass(frozen=True)
class Area:
    """What is mutated, and what judges it."""

    files: tuple
    # The modules of the crate that is built.
    floors: tuple
    # Arguments of `cargo test`.
    judge: tuple
    # Modules of tests/harness that are built with it.
    harness: tuple = ()


# All that it takes to run the suite against the reference server in memory.
RUNNING = ("protocol", "session", "scenario", "oracle", "outcome", "event", "wire", "process", "play",
           "reference", "runner")

AREAS = {
    "session": Area(files=("src/session/server.rs", "src/session/password.rs"), floors=RUNNING,
                    judge=("--test", "harness"), harness=("suite", "dialect")),
    "client": Area(files=("src/session/client.rs", "src/session/backoff.rs"), floors=RUNNING,
                   judge=("--test", "harness", "--", "clients::suite::the_reference"),
                   harness=("clients",)),
    "protocol": Area(files=("src/protocol/**/*.rs",), floors=("protocol",), judge=("--lib",)),
    "oracle": Area(files=("src/oracle/**/*.rs",), floors=("protocol", "oracle"),
                   judge=("--lib", "oracle::")),
    "scenario": Area(files=("src/scenario/**/*.rs",), floors=("protocol", "scenario"),
                     judge=("--lib", "scenario::")),
    "outcome": Area(files=("src/outcome.rs", "src/outcome/*.rs"), floors=("protocol", "outcome"),
                    judge=("--lib", "outcome::")),
    "verdicts": Area(files=("src/runner/judge.rs", "src/runner/ledger.rs", "src/runner/triage.rs",
                            "src/runner/known.rs"),
                     floors=RUNNING,
                     judge=("--lib", "--test", "harness", "--", "runner::", "triage::", "known::",
                            "controls::", "dying::", "debug::"),
                     harness=("suite", "triage", "known", "controls", "dying", "debug")),
}


def floor_crate(area, folder):
    """Writes a crate of an area's floors alone."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "src").mkdir(parents=True)
    for name in ("scenarios", "snapshots", "fuzz/corpus"):
        shutil.copytree(ROOT / name, folder / name)
    text = ""
    for path in harness_files(area):
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text().splitlines(keepends=True)
        target.write_text("".join(line for line in lines if needed(line, path, area)))
        text += target.read_text()
    for floor in area.floors:
        for path in [*(ROOT / "src").glob(f"{floor}.rs"), *(ROOT / "src" / floor).glob("**/*.rs")]:
            target = folder / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
            text += path.read_text()
    modules = "".join(f"pub mod {floor};\n" for floor in area.floors)
    (folder / "src" / "lib.rs").write_text(f"//! Some floors of litespec.\n\n{modules}")
    (folder / "Cargo.toml").write_text(floor_manifest((ROOT / "Cargo.toml").read_text(), text))
    shutil.copy(ROOT / "Cargo.lock", folder / "Cargo.lock")


def harness_files(area):
    """The files of the harness that an area is judged by."""
    base = ROOT / "tests" / "harness"
    for module in ("main", "support", *area.harness) if area.harness else ():
        for path in [*base.glob(f"{module}.rs"), *(base / module).glob("**/*.rs")]:
            if builds(path, area):
                yield path


def builds(path, area):
    """Whether a file of the harness can be built without what stands above the area's floors."""
    return "zoo" in area.floors or "litespec::zoo" not in path.read_text()


def needed(line, path, area):
    """Whether a line of the harness is about a module that is built."""
    module = re.match(r"mod (\w+);", line)
    if not module:
        return True
    if path.name == "main.rs":
        return module.group(1) in ("support", *area.harness)
    beside = path.parent / f"{module.group(1)}.rs"
    return not beside.exists() or builds(beside, area)


def floor_manifest(manifest, sources):
    """The manifest without targets, and without the dependencies that these sources do not name."""
    kept, section = [], ""
    for line in manifest.splitlines():
        if line.startswith("["):
            section = line
        if section in ("[[bin]]", "[[bench]]", "[[test]]", "[[example]]") or "lints" in section:
            continue
        name = re.match(r"([\w-]+) = ", line)
        if name and "dependencies" in section:
            ident = name.group(1).replace("-", "_")
            if not re.search(rf"\b{ident}\b", sources):
                continue
        kept.append(line)
    return "\n".join(kept) + "\n"


def accepted(name):
    """The survivors that are known, each with its reason."""
    reasons = {}
    file = ACCEPTED / f"{name}.txt"
    for line in file.read_text().splitlines() if file.exists() else []:
        if line.strip() and not line.startswith("#"):
            mutant, _, reason = line.partition(" -- ")
            reasons[mutant.strip()] = reason.strip()
    return reasons


def mutate(area, name, options):
    """Runs cargo-mutants; gives its outcomes."""
    crate, output = options.output / f"{name}-crate", options.output / name
    floor_crate(area, crate)
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    command = ["cargo", "mutants", "--dir", str(crate), "--no-shuffle", "--output", str(output),
               "--jobs", str(options.jobs), "--profile", "mutants", "--colors", "never"]
    # A mutant that never ends is killed. Unit tests are done within a second or two; whole suites take
    # longer, on a busy machine above all.
    patience = "180" if area.harness else "20"
    command += ["--gitignore=false", "--minimum-test-timeout", patience]
    for file in area.files:
        command += ["--file", file]
    if options.shard:
        command += ["--shard", options.shard]
    if options.in_diff:
        command += ["--in-diff", str(options.in_diff.resolve())]
    if options.only:
        for pattern in sorted(patterns(options.only.read_text())):
            command += ["--re", pattern]
    subprocess.run([*command, "--", *area.judge], cwd=ROOT, check=False)
    outcomes = output / "mutants.out" / "outcomes.json"
    if not outcomes.exists():
        sys.exit("cargo-mutants did not run: it says why above")
    return json.loads(outcomes.read_text())["outcomes"]


def patterns(text):
    """Expressions for the mutants that an earlier run printed, or a list names."""
    for line in text.splitlines():
        listed = re.match(r"(?:  survived: )?([\w/]+\.rs): (.+?)(?: \(\d+\))?(?: -- .*|: .*)?$", line)
        if listed:
            file, name = listed.groups()
            yield rf"^src/{re.escape(file)}:\d+:\d+: {re.escape(name)}$"


def plain(mutant, seen):
    """A mutant's name without its place, because lines move; the second of a name is its (2)."""
    file, _, name = mutant.partition(":")
    name = f"{file.removeprefix('src/')}: {name.split(': ', 1)[-1]}"
    seen[name] += 1
    return name if seen[name] == 1 else f"{name} ({seen[name]})"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("area", choices=AREAS)
    parser.add_argument("--jobs", type=int, default=1, help="how many mutants at once")
    parser.add_argument("--output", type=Path, default=ROOT / "target" / "mutants",
                        help="where the crates and what comes of them are written")
    parser.add_argument("--shard", help="K/N: a part of the mutants, as cargo-mutants counts them")
    parser.add_argument("--only", type=Path, metavar="FILE",
                        help="only the mutants in this file: what this script printed, or a list")
    parser.add_argument("--in-diff", type=Path, metavar="FILE",
                        help="only mutants of the lines that this diff adds or changes")
    options = parser.parse_args()
    options.output = options.output.resolve()
    if shutil.which("cargo-mutants") is None:
        subprocess.run(["cargo", "install", "cargo-mutants", "--locked", "--quiet"], check=True)
    survived, killed, seen = set(), set(), collections.Counter()
    for outcome in mutate(AREAS[options.area], options.area, options):
        scenario = outcome["scenario"]
        if scenario == "Baseline":
            if outcome["summary"] != "Success":
                sys.exit("the tests do not pass without a mutant")
            continue
        name = plain(scenario["Mutant"]["name"], seen)
        (survived if outcome["summary"] == "MissedMutant" else killed).add(name)
    known = accepted(options.area)
    print(f"{options.area}: {len(killed)} killed or not viable, {len(survived)} survived")
    bad = False
    for name in sorted(survived):
        reason = known.get(name)
        print(f"  survived: {name}: {reason or 'NO REASON GIVEN'}")
        bad |= reason is None
    for name in sorted(set(known) & killed):
        print(f"  no longer survives, remove it from ci/mutants/{options.area}.txt: {name}")
        bad = True
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
