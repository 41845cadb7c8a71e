"""A small server of the Common Protocol that ends when it gets a binary frame. Standard library only."""

import base64
import hashlib
import json
import os
import socket
import sys
import threading


def read_exactly(stream, size):
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def read_frame(stream):
    first, second = read_exactly(stream, 2)
    size = second & 127
    if size == 126:
        size = int.from_bytes(read_exactly(stream, 2), "big")
    elif size == 127:
        size = int.from_bytes(read_exactly(stream, 8), "big")
    mask = read_exactly(stream, 4)
    payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(read_exactly(stream, size)))
    return first & 15, payload


def frame(opcode, payload):
    return bytes([128 | opcode, len(payload)]) + payload


def packet(value):
    return frame(1, json.dumps(value).encode())


def close(code):
    return frame(8, code.to_bytes(2, "big"))


def answer(text, state):
    try:
        message = json.loads(text)
        op = message["op"]
    except (ValueError, TypeError, KeyError):
        return close(1008)
    if op == 1:
        if message.get("password") != "helloworld":
            return close(4001)
        state["in"] = True
        return b""
    if not state["in"]:
        return close(4002)
    if op == 2:
        return packet({"op": 3})
    if op == 4:
        return packet({"op": 5, "n": message["n"], "r": None})
    return b""


def serve(connection):
    stream = connection.makefile("rb")
    key = ""
    while line := stream.readline().strip():
        if line.lower().startswith(b"sec-websocket-key:"):
            key = line.split(b":", 1)[1].strip().decode()
    digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
    )
    connection.sendall(packet({"op": 0, "hb_interval": 60000}))
    state = {"in": False}
    while True:
        opcode, payload = read_frame(stream)
        if opcode == 1:
            out = answer(payload, state)
            connection.sendall(out)
            if out[:1] == b"\x88":
                break
        elif opcode == 2:
            print("fatal: a binary frame", file=sys.stderr, flush=True)
            os._exit(7)
        elif opcode == 8:
            connection.sendall(frame(8, payload))
            break
        elif opcode == 9:
            connection.sendall(frame(10, payload))


def guarded(connection):
    try:
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            serve(connection)
    except (EOFError, OSError, ValueError):
        pass


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("up", file=sys.stderr, flush=True)
while True:
    peer, _ = listener.accept()
    threading.Thread(target=guarded, args=(peer,), daemon=True).start()
