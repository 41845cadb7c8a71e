"""What run.py and soundness.py share: installing the peers' needs, starting peers, checking them."""

import contextlib
import hashlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent / ".cache"
PASSWORD = "Pässwort-1"  # has a case to swap and a normal form D of its own
READY_WITHIN_S = 30
CHECK_WITHIN_S = 600


class PeerError(Exception):
    """A peer or a check could not be run at all."""


def end_on_sigterm():
    """Makes SIGTERM an exit like any other, so that children are ended on the way out."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def _fresh(folder, *inputs):
    """Whether `folder` was made from just these inputs; forgets it otherwise."""
    digest = hashlib.sha256(sys.version.encode())
    for path in inputs:
        digest.update(path.read_bytes())
    stamp = folder / ".stamp"
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return True, stamp, digest.hexdigest()
    shutil.rmtree(folder, ignore_errors=True)
    return False, stamp, digest.hexdigest()


def install_python():
    """Makes the virtual environment of the Python peer; returns its interpreter."""
    needs = HERE / "python" / "requirements.txt"
    folder = CACHE / "python"
    fresh, stamp, digest = _fresh(folder, needs)
    interpreter = folder / "bin" / "python"
    if not fresh:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", needs], check=True)
        stamp.write_text(digest)
    return interpreter


def install_node():
    """Installs the Node peer's packages; returns the folder to run the peer in."""
    source = HERE / "node"
    inputs = [source / "package.json", source / "package-lock.json"]
    folder = CACHE / "node"
    fresh, stamp, digest = _fresh(folder, *inputs)
    if not fresh:
        folder.mkdir(parents=True)
        for path in inputs:
            shutil.copy(path, folder)
        subprocess.run(["npm", "ci", "--no-fund", "--no-audit"], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)
        stamp.write_text(digest)
    # Modules are looked up from where the script lies.
    for path in source.glob("*.mjs"):
        shutil.copy(path, folder)
    return folder


def python_peer(script, *options):
    """The command of a Python peer."""
    return [str(install_python()), str(HERE / "python" / script), *options]


def node_peer(script, *options):
    """The command of a Node peer."""
    return ["node", str(install_node() / script), *options]


def end(process):
    """Ends a child and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def started(command, hb_interval, log):
    """Runs a peer for the length of a `with`; gives its URL. `log` takes its stderr."""
    command = [*command, "--port", "0", "--hb-interval", str(hb_interval), "--password", PASSWORD]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, start_new_session=True)
    try:
        yield ready(process)
        if process.poll() is not None:
            raise PeerError(f"the peer ended with {process.returncode}: {' '.join(command)}")
    finally:
        end(process)


def ready(process):
    """Waits for the peer's first line and takes the URL out of it."""
    deadline = time.monotonic() + READY_WITHIN_S
    line = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            if not selector.select(max(0, deadline - time.monotonic())):
                raise PeerError("the peer did not get ready")
            byte = os.read(process.stdout.fileno(), 1)
            if not byte:
                raise PeerError("the peer ended before it was ready")
            line += byte
    return json.loads(line)["url"]


def check(litespec, url, *options):
    """Runs `litespec check`; gives its exit code and its JSON report."""
    return report_of([litespec, "check", url, "--format", "json", "--request",
                      'ANYTHING ["one", 2]', "--dispatch", "ANYTHING []", *options])


def check_client(litespec, client, *options):
    """Runs `litespec check-client` on a command; gives its exit code and its JSON report."""
    return report_of([litespec, "check-client", "--format", "json", "--driver", "required", *options,
                      "--", *client])


def report_of(command):
    """Runs a check; gives its exit code and its JSON report."""
    environment = {**os.environ, "LITESPEC_PASSWORD": PASSWORD}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=environment, start_new_session=True)
    try:
        out, err = process.communicate(timeout=CHECK_WITHIN_S)
    except subprocess.TimeoutExpired:
        raise PeerError(f"litespec was not done after {CHECK_WITHIN_S} s") from None
    finally:
        end(process)
    try:
        return process.returncode, json.loads(out)
    except ValueError:
        raise PeerError(f"litespec gave no report (exit {process.returncode}): "
                        f"{err.decode(errors='replace')[-2000:]}") from None


def with_verdict(report, *verdicts):
    """The scenarios of a report that came to one of these verdicts."""
    return [s for s in report["scenarios"] if s["verdict"] in verdicts]


VERDICTS = ("pass", "fail", "warn", "info", "skip", "inconclusive", "error")
