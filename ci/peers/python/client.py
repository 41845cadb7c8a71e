"""A small client of the Common Protocol, on the websockets library.

Lives until it is ended, one connection after the other. Unless it is undriven, lines of JSON on
standard input say what it is to send, and lines on standard output what came of that.
"""

import argparse
import asyncio
import collections
import contextlib
import itertools
import json
import math
import os
import random
import sys
import threading

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidURI, WebSocketException
from websockets.protocol import State
from websockets.uri import parse_uri

HELLO, HELLO_ACK, HEARTBEAT, HEARTBEAT_ACK, REQUEST, RESPONSE, DISPATCH = range(7)

NORMAL = 1000
BAD_PACKET = 1008

OPEN_WITHIN_S = 10
CLOSE_WITHIN_S = 2
LARGEST_MESSAGE = 16 * 1024 * 1024

# Between the end of a connection and the next attempt, in seconds.
LEAST_WAIT, MOST_WAIT = 1.05, 2.5

# A heartbeat goes out somewhat before it is due, as its way takes time too.
BEAT_AFTER = 0.75
LONGEST_INTERVAL_MS = 2**31 - 1

# Python reads longer integers slowly or not at all.
LONGEST_INTEGER = 400


class Refused(Exception):
    """The server's HELLO is of no use."""


class Connect(connect):
    """The library's way to connect, but for redirects: they would be followed without a wait."""

    def process_redirect(self, exc):
        return exc


def whole(text):
    """Reads an integer; where it is too long it is out of every range."""
    return int(text) if len(text) <= LONGEST_INTEGER else float(text)


def no_constant(name):
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError(f"not JSON: {name}")


def read_json(text):
    """Reads JSON; gives None where it is none."""
    try:
        return json.loads(text, parse_int=whole, parse_constant=no_constant)
    except (ValueError, RecursionError):
        return None


def write_json(value):
    """Writes JSON; gives None where it cannot be written: out of range, or nested too deeply."""
    try:
        return json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return None


def is_number(value):
    """True == 1 in Python, but not in JSON."""
    return type(value) in (int, float)


def read_packet(message):
    """Reads one message into the packet's members; gives None where it is no packet."""
    packet = read_json(message) if isinstance(message, str) else None
    return packet if isinstance(packet, dict) and is_number(packet.get("op")) else None


def interval_of(hello):
    """The heartbeat interval of a HELLO, in milliseconds."""
    interval = hello.get("hb_interval")
    if not is_number(interval) or interval <= 0:
        raise Refused("hb_interval must be an integer above zero")
    # An infinity was an integer that is out of a float's range.
    if isinstance(interval, float) and not (interval.is_integer() or math.isinf(interval)):
        raise Refused("hb_interval must be an integer")
    return interval


def read_order(line):
    """Reads one line of the driver's; gives None where it is no order."""
    order = read_json(line)
    if not isinstance(order, dict) or order.get("do") not in ("request", "dispatch"):
        return None
    if type(order.get("id")) not in (int, str):
        return None
    if not isinstance(order.get("w"), str) or not isinstance(order.get("a"), list):
        return None
    return order


def report(ident, **outcome):
    """Tells the driver what has come of an order."""
    line = write_json({"id": ident, **outcome})
    if line is None:
        line = write_json({"id": ident, "error": "the answer cannot be written"})
    print(line, flush=True)


class Orders:
    """What the driver wants sent, as long as it has not been."""

    def __init__(self):
        self.waiting = collections.deque()
        self.more = asyncio.Event()

    def add(self, order):
        self.waiting.append(order)
        self.more.set()

    async def come(self):
        """Waits until there is one."""
        while not self.waiting:
            self.more.clear()
            await self.more.wait()

    def take(self):
        return self.waiting.popleft()


class Session:
    """One connection."""

    def __init__(self, client, socket):
        self.client = client
        self.socket = socket
        self.pending = {}  # the nonces of requests, and the ids that the driver gave them

    async def run(self):
        """Speaks with the server until the connection has ended."""
        tasks = [asyncio.create_task(self.end_lingering())]
        code = NORMAL
        try:
            interval = await self.hello()
            await self.send(op=HELLO_ACK, password=self.client.password)
            tasks.append(asyncio.create_task(self.beat(interval)))
            tasks.append(asyncio.create_task(self.obey()))
            await self.listen()
        except Refused as refused:
            complain(refused)
            code = BAD_PACKET
        except ConnectionClosed as closed:
            complain(closed)
        finally:
            for task in tasks:
                task.cancel()
            for ident in self.pending.values():
                report(ident, error="the connection has ended")
            await self.close(code)

    async def close(self, code):
        """Ends the connection, if it has not ended yet, and leaves nothing of it."""
        try:
            async with asyncio.timeout(CLOSE_WITHIN_S + 1):
                await self.socket.close(code)
        except TimeoutError:
            # What we sent before is still in the way, because the server does not read.
            self.socket.transport.abort()

    async def end_lingering(self):
        """Ends a connection that the server has closed without ending TCP: recv() would wait on."""
        while self.socket.state is State.OPEN:
            await asyncio.sleep(0.5)
        await self.socket.close()

    async def send(self, **packet):
        """Sends one packet."""
        await self.socket.send(json.dumps(packet))

    async def hello(self):
        """Waits for HELLO, however long; gives its interval."""
        while True:
            packet = read_packet(await self.socket.recv())
            if packet and packet["op"] == HELLO:
                return interval_of(packet)

    async def beat(self, interval):
        """Sends heartbeats, whatever else happens on the connection."""
        after = min(interval, LONGEST_INTERVAL_MS) / 1000 * BEAT_AFTER
        # The end of the connection is seen where we listen.
        with contextlib.suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(after)
                await self.send(op=HEARTBEAT)

    async def listen(self):
        """Takes the answers out of what comes, and passes over the rest."""
        while True:
            packet = read_packet(await self.socket.recv())
            if packet and packet["op"] == RESPONSE:
                self.settle(packet.get("n"), packet.get("r"))
            # recv() lets nothing else run while messages are there; heartbeats must not wait.
            await asyncio.sleep(0)

    def settle(self, nonce, answer):
        """Hands an answer to the request that it belongs to."""
        if is_number(nonce) and nonce in self.pending:
            report(self.pending.pop(nonce), r=answer)

    async def obey(self):
        """Sends what the driver wants sent, in its order."""
        orders = self.client.orders
        with contextlib.suppress(ConnectionClosed):
            while True:
                await orders.come()
                if self.socket.state is not State.OPEN:
                    return  # it is left to the next connection
                await self.send_order(orders.take())

    async def send_order(self, order):
        """Sends one REQUEST or DISPATCH."""
        if order["do"] == "request":
            await self.request(order)
        else:
            await self.dispatch(order)

    async def request(self, order):
        """Sends a REQUEST; what comes of it is reported when its answer or the end has come."""
        nonce = next(self.client.nonces)
        text = write_json({"op": REQUEST, "w": order["w"], "a": order["a"], "n": nonce})
        if text is None:
            report(order["id"], error="cannot be sent")
            return
        self.pending[nonce] = order["id"]
        await self.socket.send(text)

    async def dispatch(self, order):
        """Sends a DISPATCH, and reports whether it has gone out."""
        text = write_json({"op": DISPATCH, "w": order["w"], "a": order["a"]})
        outcome = {"error": "cannot be sent"}
        try:
            if text is not None:
                await self.socket.send(text)
                outcome = {}
        finally:
            report(order["id"], **outcome)


class Client:
    """One connection after the other."""

    def __init__(self, url, password):
        self.url = url
        self.password = password
        self.orders = Orders()
        self.nonces = itertools.count(1)  # never the same again, not on later connections either

    async def live(self):
        """Connects, again and again."""
        while True:
            socket = await self.connect()
            if socket:
                await Session(self, socket).run()
            await asyncio.sleep(random.uniform(LEAST_WAIT, MOST_WAIT))

    async def connect(self):
        """Connects once; gives None where that failed."""
        try:
            return await Connect(
                self.url,
                proxy=None,
                compression=None,
                open_timeout=OPEN_WITHIN_S,
                close_timeout=CLOSE_WITHIN_S,
                ping_interval=None,
                max_size=LARGEST_MESSAGE,
            )
        except (OSError, WebSocketException) as error:
            complain(error)
            return None


def complain(error):
    """Says on stderr why a connection is over."""
    print(f"connection failed: {error}", file=sys.stderr, flush=True)


def read_lines(take):
    """Hands over the lines of standard input, and None at its end."""
    try:
        # sys.stdin itself must not be in use by a thread when the interpreter ends.
        with open(0, "rb", closefd=False) as stdin:
            for line in stdin:
                take(line)
    finally:
        take(None)


async def drive(orders):
    """Does what the driver says until standard input ends."""
    print('{"driver":1}', flush=True)
    loop = asyncio.get_running_loop()
    lines = asyncio.Queue()

    def take(line):
        loop.call_soon_threadsafe(lines.put_nowait, line)

    # On a thread, because asyncio cannot read standard input where it is a file.
    threading.Thread(target=read_lines, args=(take,), daemon=True).start()
    while (line := await lines.get()) is not None:
        if not line.strip():
            continue
        order = read_order(line)
        if order:
            orders.add(order)
        else:
            report(None, error="not a request or a dispatch")


async def main():
    environment = os.environ
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default=environment.get("LITESPEC_URL"))
    parser.add_argument("--password", default=environment.get("LITESPEC_PASSWORD", "helloworld"))
    parser.add_argument("--undriven", action="store_true", help="use neither stdin nor stdout")
    options = parser.parse_args()
    if not options.url:
        parser.error("--url or LITESPEC_URL is needed")
    try:
        parse_uri(options.url)
    except InvalidURI as error:
        parser.error(str(error))

    client = Client(options.url, options.password)
    async with asyncio.TaskGroup() as tasks:
        life = tasks.create_task(client.live())
        if not options.undriven:
            await drive(client.orders)
            life.cancel()
    for order in client.orders.waiting:
        report(order["id"], error="the client has ended")


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
