#!/usr/bin/env python3
"""Checks litespec against servers and clients that share no code with it.

A right server and a right client in Python, and the same in Node, must come through without a failure
or a warning; a copy of each with one planted defect must fail exactly the scenarios that its list of
expected failures holds. Needs Python 3.11, Node 20 and npm; installs the rest into ci/.cache.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import peers

RIGHT, DEFECT = "right", "defect"
SERVER, CLIENT = "server", "client"


def expected_failures(language, role):
    """The scenario ids that the peer with the planted defect has to fail."""
    name = "expected-failures.txt" if role == SERVER else "expected-failures-client.txt"
    text = (peers.HERE / language / name).read_text()
    ids = [line.strip() for line in text.splitlines()]
    return [line for line in ids if line and not line.startswith("#")]


def complaints_about_right(exit_code, report):
    """What is wrong with the report on a right server."""
    found = []
    summary = report["summary"]
    if exit_code != 0:
        found.append(f"exit {exit_code} instead of 0")
    for scenario in peers.with_verdict(report, "fail", "warn", "error"):
        found.append(f"{scenario['verdict']}: {describe(scenario)}")
    if summary["untested"]:
        found.append(f"untested: {', '.join(summary['untested'])}")
    return found


def complaints_about_defect(exit_code, report, expected):
    """What is wrong with the report on a server with a planted defect."""
    found = []
    if exit_code != 1:
        found.append(f"exit {exit_code} instead of 1")
    failed = {scenario["id"]: scenario for scenario in peers.with_verdict(report, "fail")}
    for name in sorted(set(expected) - set(failed)):
        found.append(f"did not fail: {name}")
    for name in sorted(set(failed) - set(expected)):
        found.append(f"failed unexpectedly: {describe(failed[name])}")
    for scenario in peers.with_verdict(report, "error"):
        found.append(f"error: {describe(scenario)}")
    return found


def accounted(report):
    """Complaints where the summary and the list of scenarios disagree."""
    found = []
    for verdict in peers.VERDICTS:
        listed = len(peers.with_verdict(report, verdict))
        if listed != report["summary"][verdict]:
            found.append(f"summary counts {report['summary'][verdict]} {verdict}, listed are {listed}")
    if not report["scenarios"]:
        found.append("nothing was run")
    return found


def describe(scenario):
    """A scenario and why it came to its verdict, on one line."""
    failure = scenario["failure"]
    if failure:
        return (f"{scenario['id']}: {failure['rule']}: expected {failure['expected']}, "
                f"got {failure['actual']} (line {failure['line']})")
    return f"{scenario['id']}: {scenario['reason']}"


def run(litespec, name, role, kind, command, hb_interval):
    """Checks one peer and prints its line; gives whether all was as it should be."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        try:
            if role == CLIENT:
                exit_code, report = peers.check_client(litespec, command)
            else:
                with peers.started(command, hb_interval, log) as url:
                    exit_code, report = peers.check(litespec, url)
        except peers.PeerError as error:
            log.seek(0)
            print(f"{name:<22} {error}\n{log.read()[-4000:]}")
            return False
    if kind == RIGHT:
        found = complaints_about_right(exit_code, report)
    else:
        expected = expected_failures(name.split()[0], role)
        found = complaints_about_defect(exit_code, report, expected)
    found += accounted(report)
    counts = "".join(f"{report['summary'][verdict]:>{max(6, len(verdict) + 1)}}"
                     for verdict in peers.VERDICTS)
    took = time.monotonic() - began
    print(f"{name:<22} {'as expected' if not found else 'NOT SO':<12}{counts}{took:>7.1f} s",
          flush=True)
    for complaint in found:
        print(f"    {complaint}")
    return not found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("litespec", help="the litespec binary")
    parser.add_argument("--hb-interval", type=int, default=400, metavar="MS")
    parser.add_argument("--only", metavar="WORD", default="", help="peers with this in their name")
    options = parser.parse_args()
    peers.end_on_sigterm()
    litespec = str(Path(options.litespec).resolve())

    suite = [
        ("python server", SERVER, RIGHT, lambda: peers.python_peer("server.py")),
        ("node server", SERVER, RIGHT, lambda: peers.node_peer("server.mjs")),
        ("python server defect", SERVER, DEFECT, lambda: peers.python_peer("server_defect.py")),
        ("node server defect", SERVER, DEFECT, lambda: peers.node_peer("server_defect.mjs")),
        ("python client", CLIENT, RIGHT, lambda: peers.python_peer("client.py")),
        ("node client", CLIENT, RIGHT, lambda: peers.node_peer("client.mjs")),
        ("python client defect", CLIENT, DEFECT, lambda: peers.python_peer("client_defect.py")),
        ("node client defect", CLIENT, DEFECT, lambda: peers.node_peer("client_defect.mjs")),
    ]
    chosen = [entry for entry in suite if options.only in entry[0]]
    if not chosen:
        parser.error(f"no peer has {options.only!r} in its name")
    heads = "".join(f"{verdict:>{max(6, len(verdict) + 1)}}" for verdict in peers.VERDICTS)
    print(f"{'peer':<22} {'':<12}{heads}{'time':>9}")
    fine = [run(litespec, name, role, kind, command(), options.hb_interval)
            for name, role, kind, command in chosen]
    passed = sum(fine)
    print(f"{passed} passed, {len(fine) - passed} failed")
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
