#!/usr/bin/env python3
"""Asks whether the live fuzzer bites.

Runs `litespec fuzz` over real sockets, with its default settings, against each server of the zoo that has
a defect, and counts what it finds, how soon, and how small the scenario is that it hands back. Then, with
--variants, against each right server, where it must find nothing. Prints a Markdown table. Exits 1 where
less than --share of the defects within reach (ci/fuzz_reach.txt names the others) is found, or anything on
a right server.
"""

import argparse
import fnmatch
import json
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

REACH = Path(__file__).with_name("fuzz_reach.txt")
SCENARIOS = Path(__file__).parent.parent / "scenarios"
PORTS = 21000
REQUESTS = ["--request", 'ECHO [1, "two", null]', "--request", "NULL"]


def members(litespec, what):
    """Server members of the zoo, each with the rule it breaks and whether it asks its clients."""
    listed = subprocess.run([litespec, "list", what, "--format", "json"], check=True,
                            capture_output=True, text=True)
    return {member["name"]: (member.get("rule"), member.get("bidirectional", False))
            for member in json.loads(listed.stdout) if member["role"] == "server"}


def out_of_reach():
    """Names that are not expected to be found."""
    lines = (line.split("#")[0] for line in REACH.read_text().splitlines())
    return {line.split(":")[0].strip() for line in lines if ":" in line}


def steps(scenario):
    """Lines of a scenario that do something."""
    body = scenario.partition("\n\n")[2].splitlines()
    return sum(1 for line in body if line.strip() and not line.strip().startswith("#"))


def shortest(litespec, only):
    """Steps of the shortest scenario of the suite that catches each defect as intended: what people wrote."""
    told = subprocess.run([litespec, "selftest", "--defect", only, "--format", "json"],
                          capture_output=True, text=True)
    found = {}
    for defect in json.loads(told.stdout)["defects"]:
        texts = [(SCENARIOS / (caught["scenario"] + ".scenario")) for caught in defect["caught_by"]
                 if caught["intended"]]
        found[defect["name"]] = min((steps(path.read_text()) for path in texts if path.exists()), default=None)
    return found


def fuzz(args, name, kind, port, time, bidirectional):
    """One campaign against one member; its exit code and its report, if there is one."""
    url = f"ws://127.0.0.1:{port}/"
    server = [args.litespec, "serve", "-q", "--listen", f"127.0.0.1:{port}",
              "--hb-interval", args.hb_interval, f"--{kind}", name]
    with tempfile.TemporaryDirectory() as folder:
        line = [args.litespec, "fuzz", url, *REQUESTS, "--time", time, "--strict", "--format", "json", "--save", folder]
        line += ["--first"] if kind == "defect" else []
        line += ["--dialect", "bidirectional"] if bidirectional else []
        ended = subprocess.run([*line, "--", *server], capture_output=True, text=True)
    try:
        return ended.returncode, json.loads(ended.stdout), ""
    except json.JSONDecodeError:
        return ended.returncode, None, (ended.stderr.splitlines() or [""])[0]


def repeated(args, name, find, bidirectional):
    """Whether `check` fails on the defect with the scenario that was handed back, and passes without it."""
    def check(*reference):
        line = [args.litespec, "check", "-q", "--reference", *reference, "--hb-interval", args.hb_interval,
                *REQUESTS, "--strict", "--only-own", "--scenario", "-"]
        line += ["--dialect", "bidirectional"] if bidirectional else []
        return subprocess.run(line, input=find["scenario"], capture_output=True, text=True).returncode
    # What fails now and then has to have its chance.
    tries = 1 if find["failed"] == find["runs"] else 10
    return any(check("--defect", name) == 1 for _ in range(tries)) and check() == 0


def row(args, name, rule, ended, written, bidirectional):
    """What is told of a campaign against a defect, and what is counted of it."""
    code, report, said = ended
    if report is None:
        return False, None, f"| {name} | {rule} | error | | | | exit {code}: {said} |"
    because = report["ended_because"] or ""
    if report["ending"] in ("preflight_failed", "could_not_run"):
        # It does not get far enough to be fuzzed, which the run says.
        found = report["ending"] == "preflight_failed" or "HELLO" in because
        return found, None, f"| {name} | {rule} | {'preflight' if found else 'error'} | | | | {because} |"
    if not report["finds"]:
        return False, None, f"| {name} | {rule} | not found | {report['cases']} | | {written or ''} | |"
    find = report["finds"][0]
    seconds = find["after_ms"] / 1000
    again = repeated(args, name, find, bidirectional)
    told = f"| {name} | {rule} | {seconds:.2f} s | {find['case']} | {steps(find['scenario'])} | {written or ''} | " \
           f"{find['rule']}, {find['failed']} of {find['runs']}{'' if again else ', not repeated'} |"
    return True, (seconds, steps(find["scenario"]), written, again), told


def main():
    """Fuzzes them all."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("litespec")
    parser.add_argument("--only", default="*", help="a glob over names")
    parser.add_argument("--time", default="30s", help="for each defect")
    parser.add_argument("--hb-interval", default="1s", help="of the servers")
    parser.add_argument("--jobs", type=int, default=1, help="campaigns at once")
    parser.add_argument("--share", type=float, default=0.9, help="of the defects within reach")
    parser.add_argument("--variants", metavar="TIME", help="also each right server, for so long")
    args = parser.parse_args()
    beyond = out_of_reach()
    defects = {name: about for name, about in members(args.litespec, "defects").items()
               if fnmatch.fnmatch(name, args.only)}
    written = shortest(args.litespec, args.only)
    print("| defect | breaks | first seen after | in case | steps | in the suite | as |\n|---|---|---|---|---|---|---|")
    counted, missed, figures = 0, [], []
    with ThreadPoolExecutor(args.jobs) as pool:
        def one(item):
            port, name = item
            rule, asks = defects[name]
            ended = fuzz(args, name, "defect", port, args.time, asks)
            return name, row(args, name, rule, ended, written.get(name), asks)
        for name, (found, figure, told) in pool.map(one, enumerate(defects, PORTS)):
            print(told, flush=True)
            if name not in beyond:
                counted += 1
                missed += [] if found else [name]
                figures += [figure] if figure else []
    share = 1 - len(missed) / max(counted, 1)
    print(f"\n{counted - len(missed)} of {counted} within reach found ({share:.1%})", end="")
    if figures:
        print(f", median {statistics.median(f[0] for f in figures):.2f} s"
              f" and {statistics.median(f[1] for f in figures):.0f} steps", end="")
        compared = [f[1] - f[2] for f in figures if f[2]]
        print(f", {sum(more <= 2 for more in compared)} of {len(compared)} at most two steps longer than the"
              " shortest scenario of the suite that catches the defect", end="")
        print(f"; with {sum(f[3] for f in figures)} of {len(figures)} scenarios `check` fails on the defect and"
              " passes on the reference server", end="")
    print(f"; not found: {', '.join(missed) or 'none'}")
    alarms = 0
    if args.variants:
        right = {name: asks for name, (_, asks) in members(args.litespec, "variants").items()
                 if fnmatch.fnmatch(name, args.only)}
        with ThreadPoolExecutor(args.jobs) as pool:
            def left_in_peace(item):
                port, name = item
                return name, fuzz(args, name, "variant", port, args.variants, right[name])
            for name, (code, report, said) in pool.map(left_in_peace, enumerate(right, PORTS + 500)):
                finds = len(report["finds"]) if report else said
                cases = report["cases"] if report else 0
                alarms += code != 0
                print(f"{name}: exit {code}, {cases} cases, finds: {finds}", flush=True)
        print(f"{alarms} alarms on {len(right)} right servers")
    sys.exit(int(share < args.share or alarms > 0))


if __name__ == "__main__":
    main()
