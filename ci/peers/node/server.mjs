// A small server of the Common Protocol, on the ws library.
//
// Prints one line of JSON with its address once it listens, and serves until it is ended.

import { createHash, timingSafeEqual } from "node:crypto";
import { parseArgs } from "node:util";
import { WebSocketServer } from "ws";

const HELLO = 0;
const HELLO_ACK = 1;
const HEARTBEAT = 2;
const HEARTBEAT_ACK = 3;
const REQUEST = 4;
const RESPONSE = 5;
const DISPATCH = 6;

const AUTHENTICATION_FAILED = 4001;
const UNAUTHENTICATED = 4002;
const HEARTBEAT_TIMEOUT = 4003;

// A client that beats every interval needs room for the way its heartbeat takes to us.
const GRACE_MS = 1000;

const handlers = new Map([["ANYTHING", (args) => args]]);

const digest = (text) => createHash("sha256").update(text, "utf16le").digest();

/** Reads one message; null where it is no packet. */
function readPacket(data, isBinary) {
  if (isBinary) return null;
  let packet;
  try {
    packet = JSON.parse(data.toString());
  } catch {
    return null;
  }
  return packet !== null && typeof packet === "object" && !Array.isArray(packet) ? packet : null;
}

/** Serves one connection. */
function serve(socket, { hbInterval, password }) {
  let authenticated = false;
  const timer = setTimeout(
    () => socket.close(HEARTBEAT_TIMEOUT, "no heartbeat"),
    hbInterval + GRACE_MS,
  );

  const send = (packet) => socket.send(JSON.stringify(packet));

  function handle(packet) {
    if (packet.op === HELLO_ACK) {
      if (typeof packet.password !== "string" || !timingSafeEqual(digest(packet.password), password)) {
        socket.close(AUTHENTICATION_FAILED, "authentication failed");
        return;
      }
      authenticated = true;
      timer.refresh();
    } else if ([HEARTBEAT, REQUEST, DISPATCH].includes(packet.op) && !authenticated) {
      socket.close(UNAUTHENTICATED, "not authenticated");
    } else if (packet.op === HEARTBEAT) {
      timer.refresh();
      send({ op: HEARTBEAT_ACK });
    } else if (packet.op === REQUEST) {
      // Without a nonce nobody could tell what the answer belongs to.
      if (packet.n === undefined) return;
      const handler = handlers.get(packet.w);
      const known = handler !== undefined && Array.isArray(packet.a);
      send({ op: RESPONSE, n: packet.n, r: known ? handler(packet.a) : { error: "bad request" } });
    }
    // A DISPATCH has nothing to do here yet; whatever else came is passed over.
  }

  socket.on("message", (data, isBinary) => {
    // After our close frame the client may still be sending.
    if (socket.readyState !== socket.OPEN) return;
    const packet = readPacket(data, isBinary);
    if (packet === null) return;
    try {
      handle(packet);
    } catch (error) {
      // What can be read can be nested too deeply to be written back.
      console.error("cannot answer:", error.message);
      socket.close(1011, "cannot answer");
    }
  });
  // The library closes the connection itself; without a listener the error would end the process.
  socket.on("error", (error) => console.error("connection failed:", error.message));
  socket.on("close", () => clearTimeout(timer));

  send({ op: HELLO, hb_interval: hbInterval });
}

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    "hb-interval": { type: "string", default: "10000" },
    password: { type: "string", default: "helloworld" },
  },
});
const settings = { hbInterval: Number(values["hb-interval"]), password: digest(values.password) };

const server = new WebSocketServer({ host: "127.0.0.1", port: Number(values.port) });
server.on("connection", (socket) => serve(socket, settings));
server.on("listening", () => {
  const url = `ws://127.0.0.1:${server.address().port}/`;
  console.log(JSON.stringify({ ready: 1, url }));
});
