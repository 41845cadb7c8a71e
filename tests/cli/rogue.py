"""A client of the Common Protocol that is right but for the one thing that its argument names.
Standard library only."""

import json
import os
import random
import signal
import socket
import sys
import threading
import time
from urllib.parse import urlsplit

MODE = sys.argv[1]
HOST = urlsplit(os.environ["LITESPEC_URL"])
PASSWORD = os.environ["LITESPEC_PASSWORD"]


def connect():
    sock = socket.create_connection((HOST.hostname, HOST.port))
    sock.sendall(f"GET / HTTP/1.1\r\nHost: {HOST.netloc}\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
    stream = sock.makefile("rb")
    status = stream.readline()
    while stream.readline() not in (b"\r\n", b""):
        pass
    if b" 101 " not in status:
        raise ConnectionError(status)
    return sock, stream


def frame(opcode, payload):
    head = bytes([128 | opcode])
    size = len(payload)
    if size < 126:
        head += bytes([128 | size])
    else:
        head += bytes([128 | 126]) + size.to_bytes(2, "big")
    return head + bytes(4) + payload


def read(stream):
    head = stream.read(2)
    if len(head) < 2:
        raise ConnectionError("ended")
    size = head[1] & 127
    if size == 126:
        size = int.from_bytes(stream.read(2), "big")
    elif size == 127:
        size = int.from_bytes(stream.read(8), "big")
    return head[0] & 15, stream.read(size)


def beat(sock, period, over):
    while not over.wait(period):
        try:
            sock.sendall(frame(1, b'{"op":2}'))
        except OSError:
            return


def misbehave(sock):
    """What is done behind the first HELLO_ACK."""
    if MODE == "dies":
        print("out of cheese", file=sys.stderr, flush=True)
        os._exit(3)
    if MODE == "floods":
        while True:
            sock.sendall(frame(1, b'{"op":2}') * 500)
    if MODE == "giant":
        sock.sendall(bytes([129, 255]) + (1 << 30).to_bytes(8, "big") + bytes(4))
        while True:
            sock.sendall(bytes(1 << 16))


def converse(sock, stream):
    over = threading.Event()
    try:
        while True:
            opcode, payload = read(stream)
            if opcode == 9:
                sock.sendall(frame(10, payload))
            if opcode == 8:
                sock.sendall(frame(8, payload[:2]))
                return
            if opcode != 1:
                continue
            try:
                packet = json.loads(payload)
            except ValueError:
                continue
            if isinstance(packet, dict) and packet.get("op") == 0:
                ack = json.dumps({"op": 1, "password": PASSWORD})
                sock.sendall(frame(1, ack.encode()))
                period = packet["hb_interval"] / 1000 * 0.8
                misbehave(sock)
                threading.Thread(target=beat, args=(sock, period, over), daemon=True).start()
    finally:
        over.set()


def live():
    while True:
        try:
            sock, stream = connect()
            with sock:
                converse(sock, stream)
        except OSError:
            pass
        time.sleep(random.uniform(1.05, 1.4))


def leave_behind(clean):
    """Starts a process that leaves our group, and where `clean` our environment too."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            name = f"left-behind-{sys.argv[2]}"
            script = "import time; time.sleep(600)"
            environment = {} if clean else dict(os.environ)
            os.execve(sys.executable, [sys.executable, "-c", script, name], environment)
        os._exit(0)
    os.wait()


if MODE == "dies-at-once":
    print("no configuration", file=sys.stderr, flush=True)
    sys.exit(7)
if MODE == "never":
    time.sleep(600)
if MODE == "garbage":
    def babble():
        while True:
            sys.stdout.write('{"driver":1}{]\x1b[2J\n{"id":\n' * 1000)
    threading.Thread(target=babble, daemon=True).start()
if MODE == "endless":
    threading.Thread(target=lambda: [sys.stdout.write("{" * 65536) for _ in iter(int, 1)],
                     daemon=True).start()
if MODE == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if MODE == "leaves":
    leave_behind(clean=False)
    leave_behind(clean=True)
if MODE == "forks" and os.fork() != 0:
    # The child goes on as a daemon.
    os._exit(0)
if MODE == "forks":
    os.setsid()
if MODE == "twice":
    threading.Thread(target=live, daemon=True).start()
live()
