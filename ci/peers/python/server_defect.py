"""server.py with one planted defect, which litespec has to find: `--defect` says which.

falsy-nonce    a nonce that Python takes for false comes back as null (the default)
early-timeout  silent clients are closed at 0.7 of the interval
never-timeout  silent clients are never closed

Prints one line of JSON with its address once it listens, and serves until it is ended.
"""

import argparse
import asyncio
import hmac
import json
import math

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

HELLO, HELLO_ACK, HEARTBEAT, HEARTBEAT_ACK, REQUEST, RESPONSE, DISPATCH = range(7)

AUTHENTICATION_FAILED = 4001
UNAUTHENTICATED = 4002
HEARTBEAT_TIMEOUT = 4003
BAD_DATA = 1007
BAD_PACKET = 1008

# A client that beats every interval needs room for the way its heartbeat takes to us.
TIMEOUT_FACTOR = 1.5


class Refused(Exception):
    """The connection has to be closed with this code."""

    def __init__(self, code, reason):
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


def finite(text):
    """Reads a number with a fraction or an exponent; an infinity could not be written back."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"number out of range: {text[:20]}")
    return number


def no_constant(name):
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError(f"not JSON: {name}")


def read_packet(message):
    """Reads one message into the packet's members."""
    if not isinstance(message, str):
        raise Refused(1003, "packets travel as text")
    try:
        packet = json.loads(message, parse_float=finite, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise Refused(BAD_DATA, "not JSON") from error
    # True == 1, but it is no op.
    if not isinstance(packet, dict) or type(packet.get("op")) not in (int, float):
        raise Refused(BAD_PACKET, "not a packet")
    return packet


def call_of(packet):
    """The name and the arguments of a REQUEST or DISPATCH."""
    w, a = packet.get("w"), packet.get("a")
    if not isinstance(w, str) or not isinstance(a, list):
        raise Refused(BAD_PACKET, "w must be a string and a a list")
    return w, a


def answer(w, a):
    """What a REQUEST is answered with."""
    if w == "ANYTHING":
        return a
    return {"error": "unknown request"}


class Session:
    """One connection."""

    def __init__(self, socket, hb_interval, password, defect):
        self.socket = socket
        self.hb_interval = hb_interval
        self.password = password
        self.defect = defect
        self.authenticated = False
        self.deadline = None

    async def run(self):
        """Serves the connection until it ends."""
        try:
            await self.send({"op": HELLO, "hb_interval": self.hb_interval})
            while True:
                async with asyncio.timeout_at(self.deadline):
                    message = await self.socket.recv()
                await self.handle(read_packet(message))
        except TimeoutError:
            await self.socket.close(HEARTBEAT_TIMEOUT, "no heartbeat")
        except Refused as refused:
            await self.socket.close(refused.code, refused.reason)
        except ConnectionClosed:
            pass

    async def send(self, packet):
        """Sends one packet."""
        try:
            text = json.dumps(packet, allow_nan=False)
        except (ValueError, RecursionError) as error:
            raise Refused(BAD_PACKET, "cannot be answered") from error
        await self.socket.send(text)

    async def handle(self, packet):
        """Does what a packet asks for."""
        op = packet["op"]
        if op == HELLO_ACK:
            self.authenticate(packet.get("password"))
        elif op in (HEARTBEAT, REQUEST, DISPATCH) and not self.authenticated:
            raise Refused(UNAUTHENTICATED, "not authenticated")
        elif op == HEARTBEAT:
            self.alive()
            await self.send({"op": HEARTBEAT_ACK})
        elif op == REQUEST:
            w, a = call_of(packet)
            if "n" not in packet:
                raise Refused(BAD_PACKET, "a request needs a nonce")
            nonce = packet["n"]
            if self.defect == "falsy-nonce":
                nonce = nonce or None
            await self.send({"op": RESPONSE, "n": nonce, "r": answer(w, a)})
        elif op == DISPATCH:
            call_of(packet)
        else:
            raise Refused(BAD_PACKET, "unexpected op")

    def authenticate(self, password):
        """Lets the client in if it knows the password."""
        if not isinstance(password, str):
            raise Refused(AUTHENTICATION_FAILED, "authentication failed")
        given = password.encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(given, self.password.encode()):
            raise Refused(AUTHENTICATION_FAILED, "authentication failed")
        self.authenticated = True
        self.alive()

    def alive(self):
        """Begins the client's interval anew."""
        if self.defect == "never-timeout":
            return
        factor = 0.7 if self.defect == "early-timeout" else TIMEOUT_FACTOR
        now = asyncio.get_running_loop().time()
        self.deadline = now + self.hb_interval / 1000 * factor


async def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--hb-interval", type=int, default=10000, metavar="MS")
    parser.add_argument("--password", default="helloworld")
    parser.add_argument(
        "--defect",
        choices=("falsy-nonce", "early-timeout", "never-timeout"),
        default="falsy-nonce",
    )
    options = parser.parse_args()

    async def connection(socket):
        session = Session(socket, options.hb_interval, options.password, options.defect)
        await session.run()

    async with serve(connection, "127.0.0.1", options.port) as server:
        port = server.sockets[0].getsockname()[1]
        print(json.dumps({"ready": 1, "url": f"ws://127.0.0.1:{port}/"}), flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
