#!/usr/bin/env python3
"""Asks whether verdicts hold on a busy machine.

Checks a right peer again and again while other processes keep the cores busy, and counts what each
scenario came to: no failure, no warning, few inconclusive verdicts. Then checks peers with a defect
of timing under the same load, and counts how often they are found out. `--server` and `--client` say
which peers: Python's (Node's for a client too), or litespec's own and the zoo's defects of timing.
Prints a table; exits 1 outside the thresholds.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import json
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))
import peers  # noqa: E402  (lies beside this file, in peers/)


def spin():
    """Keeps one core busy."""
    while True:
        pass


@contextlib.contextmanager
def busy(count):
    """Keeps `count` processes busy for the length of a `with`."""
    workers = [multiprocessing.Process(target=spin, daemon=True) for _ in range(count)]
    try:
        for worker in workers:
            worker.start()
        yield
    finally:
        for worker in workers:
            if worker.pid is not None:
                worker.kill()
                worker.join()


class Tally:
    """Verdicts a scenario, over all runs."""

    def __init__(self):
        self.verdicts = collections.defaultdict(collections.Counter)
        self.details = {}
        self.exits = collections.Counter()

    def add(self, exit_code, report):
        """Counts one run."""
        self.exits[exit_code] += 1
        for scenario in report["scenarios"]:
            name, verdict = scenario["id"], scenario["verdict"]
            self.verdicts[name][verdict] += 1
            if verdict in ("fail", "warn", "error"):
                failure = scenario["failure"]
                said = f"expected {failure['expected']}, got {failure['actual']}" if failure else ""
                self.details.setdefault((name, verdict), said or scenario["reason"])

    def count(self, verdict):
        """How often a verdict was given, over all scenarios and runs."""
        return sum(counter[verdict] for counter in self.verdicts.values())

    def judged(self):
        """How many verdicts there were, but for what was not run."""
        return sum(self.count(v) for v in peers.VERDICTS if v != "skip")


def share(part, whole):
    """A share in percent."""
    return 100 * part / whole if whole else 0.0


class Peers:
    """Peers of one role and make, right and with a defect of timing."""

    # Rules that a defect of timing breaks, and under which it may be found: by how they begin.
    timing, found_as = (), ()
    # Those of the rules that the protocol only recommends.
    should = ()

    def __init__(self, make, options):
        self.make, self.options = make, options

    def zoo(self):
        """The zoo's defects of timing, each with the verdict that its rule's level asks for."""
        listed = subprocess.run([self.options.litespec, "list", "defects", "--format", "json"],
                                check=True, stdout=subprocess.PIPE)
        return [(d["name"], "warn" if d["rule"] in self.should else "fail")
                for d in json.loads(listed.stdout) if d["rule"] in self.timing]


class Servers(Peers):
    """One server is started, and checked as often as asked."""

    role = "server"
    timing = ("heartbeat.timeout", "heartbeat.keeps-alive", "heartbeat.only-heartbeats",
              "heartbeat.prompt")
    should = ("heartbeat.prompt",)
    found_as = ("heartbeat.",)

    @contextlib.contextmanager
    def checking(self, defect=None):
        """Runs a server for the length of a `with`; gives the function that checks it."""
        with self.serving(defect) as url:
            yield lambda *options: peers.check(self.options.litespec, url, *options)

    @contextlib.contextmanager
    def serving(self, defect):
        """Runs the right server, or one with a defect; gives its URL."""
        if self.make == "python":
            command = (peers.python_peer("server_defect.py", "--defect", defect) if defect
                       else peers.python_peer("server.py"))
            with peers.started(command, self.options.hb_interval, subprocess.DEVNULL) as url:
                yield url
            return
        command = [self.options.litespec, "serve", "--listen", "127.0.0.1:0", "--format", "json",
                   "--hb-interval", f"{self.options.hb_interval}ms"]
        if defect:
            command += ["--defect", defect]
        environment = {**os.environ, "LITESPEC_PASSWORD": peers.PASSWORD, "LITESPEC_LOG": "off"}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                   env=environment, start_new_session=True)
        try:
            yield peers.ready(process)
        finally:
            peers.end(process)

    def defects(self):
        """What to look for, each with how binding the rule is that it breaks."""
        if self.make == "python":
            return [("early-timeout", "fail"), ("never-timeout", "fail")]
        return self.zoo()


class Clients(Peers):
    """A client is started for each scenario."""

    role = "client"
    timing = ("client.heartbeat-interval", "client.heartbeat-rate", "client.reconnect-waits",
              "client.reconnect-random")
    should = ("client.heartbeat-rate", "client.reconnect-random")
    found_as = ("client.heartbeat-", "client.reconnect")

    @contextlib.contextmanager
    def checking(self, defect=None):
        """Gives the function that checks the right client, or one with a defect."""
        command = {
            "python": lambda: peers.python_peer("client.py"),
            "node": lambda: peers.node_peer("client.mjs"),
            "reference": lambda: [self.options.litespec, "client", "{url}",
                                  *(["--defect", defect] if defect else [])],
        }[self.make]()
        interval = f"{self.options.hb_interval}ms"
        yield lambda *options: peers.check_client(self.options.litespec, command, "--hb-interval",
                                                  interval, *options)

    def defects(self):
        """What to look for, each with how binding the rule is that it breaks."""
        return self.zoo() if self.make == "reference" else []


def repeat_right(which, options):
    """Checks the right peer; gives the tally."""
    tally = Tally()
    with which.checking() as check:
        for number in range(1, options.runs + 1):
            began = time.monotonic()
            exit_code, report = check("--seed", str(number))
            tally.add(exit_code, report)
            summary = report["summary"]
            line = ", ".join(f"{summary[v]} {v}" for v in peers.VERDICTS if summary[v])
            print(f"run {number}: exit {exit_code}, {line}, {time.monotonic() - began:.1f} s",
                  file=sys.stderr, flush=True)
    return tally


def repeat_defect(which, options, defect, verdict):
    """Checks a peer with a defect of timing; gives how often a rule on timing was broken for it."""
    found = 0
    with which.checking(defect) as check:
        for number in range(1, options.detection_runs + 1):
            filters = [word for glob in options.filter for word in ("--filter", glob)]
            exit_code, report = check("--seed", str(number), "--triage", "0", *filters)
            rules = {f["rule"] for wanted in ("fail", verdict)
                     for s in peers.with_verdict(report, wanted) if (f := s["failure"])}
            seen = any(rule.startswith(which.found_as) for rule in rules)
            found += seen
            print(f"{defect} {number}: {'found' if seen else 'MISSED'}, exit {exit_code}, "
                  f"{', '.join(sorted(rules))}", file=sys.stderr, flush=True)
    return found


def right_table(which, tally, options):
    """Prints what came of the right peer; gives the thresholds that were passed."""
    found = []
    print(f"right {which.role} ({which.make}), {options.runs} runs, {options.busy} busy processes, "
          f"hb {options.hb_interval} ms")
    for verdict in peers.VERDICTS:
        print(f"  {verdict:<13}{tally.count(verdict):>7}")
    overall = share(tally.count("inconclusive"), tally.judged())
    print(f"  inconclusive {overall:.2f} % of {tally.judged()} verdicts")
    print(f"  exits        {', '.join(f'{c}: {n}' for c, n in sorted(tally.exits.items()))}")
    for (name, verdict), said in sorted(tally.details.items()):
        print(f"  {verdict} {tally.verdicts[name][verdict]} times: {name}: {said}")
    for name, counter in sorted(tally.verdicts.items()):
        own = share(counter["inconclusive"], sum(counter.values()) - counter["skip"])
        if own:
            print(f"  inconclusive {own:5.1f} %  {name}")
        if own > options.max_inconclusive_each:
            found.append(f"{name} is inconclusive in {own:.1f} % of its runs")
    for verdict in ("fail", "warn", "error"):
        if tally.count(verdict):
            found.append(f"{tally.count(verdict)} verdicts {verdict} against a right peer")
    if overall > options.max_inconclusive:
        found.append(f"{overall:.2f} % of all verdicts are inconclusive")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("litespec", help="the litespec binary")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--server", choices=("python", "reference"), default="python")
    kind.add_argument("--client", choices=("python", "node", "reference"))
    parser.add_argument("--runs", type=int, default=50, help="against the right peer")
    parser.add_argument("--detection-runs", type=int, default=20, help="against each defect")
    parser.add_argument("--filter", action="append", default=[], metavar="GLOB",
                        help="scenarios of the detection runs (all, unless given)")
    parser.add_argument("--together", type=int, default=1, metavar="N",
                        help="how many defects are checked at once, which is load too")
    parser.add_argument("--busy", type=int, default=2, help="processes that keep cores busy")
    parser.add_argument("--hb-interval", type=int, default=400, metavar="MS")
    parser.add_argument("--max-inconclusive", type=float, default=2.0, metavar="PERCENT")
    parser.add_argument("--max-inconclusive-each", type=float, default=10.0, metavar="PERCENT")
    parser.add_argument("--min-detection", type=float, default=95.0, metavar="PERCENT")
    options = parser.parse_args()
    options.litespec = str(Path(options.litespec).resolve())
    peers.end_on_sigterm()
    if (options.client or options.server) == "python":
        peers.install_python()
    which = Clients(options.client, options) if options.client else Servers(options.server, options)

    found = []
    with busy(options.busy):
        if options.runs:
            found += right_table(which, repeat_right(which, options), options)
        planted = which.defects() if options.detection_runs else []
        with concurrent.futures.ThreadPoolExecutor(options.together) as pool:
            counts = pool.map(lambda one: repeat_defect(which, options, *one), planted)
        for (defect, _), count in zip(planted, counts, strict=True):
            rate = share(count, options.detection_runs)
            print(f"{defect:<32} found in {rate:.0f} % of {options.detection_runs} runs", flush=True)
            if rate < options.min_detection:
                found.append(f"{defect} is found in only {rate:.0f} % of runs")
    for complaint in found:
        print(f"outside the threshold: {complaint}")
    return 1 if found else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except peers.PeerError as error:
        sys.exit(f"could not run: {error}")
