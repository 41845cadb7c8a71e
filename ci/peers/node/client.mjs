// A small client of the Common Protocol, on the ws library.
//
// Lives until it is ended, one connection after the other. Unless it is undriven, lines of JSON on
// standard input say what it is to send, and lines on standard output what came of that.

import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import WebSocket from "ws";

const HELLO = 0;
const HELLO_ACK = 1;
const HEARTBEAT = 2;
const REQUEST = 4;
const RESPONSE = 5;
const DISPATCH = 6;

const NORMAL = 1000;
const BAD_PACKET = 1008;

const OPEN_WITHIN_MS = 10_000;
const CLOSE_WITHIN_MS = 2_000;
const LARGEST_MESSAGE = 16 * 1024 * 1024;

// Between the end of a connection and the next attempt.
const LEAST_WAIT_MS = 1_050;
const MOST_WAIT_MS = 2_500;

// A heartbeat goes out somewhat before it is due, as its way takes time too.
const BEAT_AFTER = 0.8;

// Node's timers fire at once where they are told to wait longer.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Reads JSON; undefined where it is none. */
function readJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Writes JSON; throws where that cannot be done: out of range, or nested too deeply. */
function writeJson(value) {
  return JSON.stringify(value, (_, member) => {
    // It would be written as null.
    if (member === Infinity || member === -Infinity) throw new RangeError("number out of range");
    return member;
  });
}

const isObject = (value) =>
  value !== null && typeof value === "object" && !Array.isArray(value);

/** Reads one line of the driver's; null where it is no order. */
function readOrder(line) {
  const order = readJson(line);
  if (!isObject(order) || (order.do !== "request" && order.do !== "dispatch")) return null;
  if (typeof order.id !== "string" && !Number.isFinite(order.id)) return null;
  if (typeof order.w !== "string" || !Array.isArray(order.a)) return null;
  return order;
}

/** Tells the driver what has come of an order. */
function report(id, outcome) {
  let line;
  try {
    line = writeJson({ id, ...outcome });
  } catch {
    line = writeJson({ id, error: "the answer cannot be written" });
  }
  console.log(line);
}

/** One connection. */
class Session {
  constructor(client) {
    this.client = client;
    this.pending = new Map(); // the nonces of requests, and the ids that the driver gave them
    this.greeted = false;
    this.socket = new WebSocket(client.url, {
      perMessageDeflate: false,
      maxPayload: LARGEST_MESSAGE,
      closeTimeout: CLOSE_WITHIN_MS,
    });
    // The library's own limit begins anew with each byte that comes.
    this.opening = setTimeout(() => this.socket.terminate(), OPEN_WITHIN_MS);
    this.socket.on("open", () => clearTimeout(this.opening));
    this.socket.on("message", (data, isBinary) => this.handle(data, isBinary));
    // Whatever the failure, "close" comes too.
    this.socket.on("error", (error) => {
      console.error("connection failed:", error.message || error.code);
    });
    this.socket.on("close", () => this.ended());
  }

  /** Does what a message asks for, and passes over what is not for us. */
  handle(data, isBinary) {
    // After our close frame the server may still be sending.
    if (isBinary || this.socket.readyState !== WebSocket.OPEN) return;
    const packet = readJson(data.toString());
    if (!isObject(packet)) return;
    if (packet.op === HELLO && !this.greeted) {
      this.greet(packet.hb_interval);
    } else if (packet.op === RESPONSE) {
      this.settle(packet.n, packet.r ?? null);
    }
  }

  /** Answers HELLO. */
  greet(interval) {
    // Infinity was an integer that is out of a number's range.
    if (!(Number.isInteger(interval) || interval === Infinity) || interval <= 0) {
      console.error("connection failed: hb_interval must be an integer above zero");
      this.socket.close(BAD_PACKET, "bad hb_interval");
      return;
    }
    this.greeted = true;
    this.send({ op: HELLO_ACK, password: this.client.password });
    const after = Math.min(interval * BEAT_AFTER, LONGEST_TIMER_MS);
    this.beating = setInterval(() => this.send({ op: HEARTBEAT }), after);
    this.sendOrders();
  }

  /** Hands an answer to the request that it belongs to. */
  settle(nonce, answer) {
    if (!this.pending.has(nonce)) return;
    const id = this.pending.get(nonce);
    this.pending.delete(nonce);
    report(id, { r: answer });
  }

  send(packet, sent) {
    this.socket.send(writeJson(packet), sent);
  }

  /** Sends what the driver wants sent; what cannot go out yet is left to the next connection. */
  sendOrders() {
    const { orders } = this.client;
    while (orders.length > 0 && this.greeted && this.socket.readyState === WebSocket.OPEN) {
      const order = orders.shift();
      try {
        this.sendOrder(order);
      } catch (error) {
        report(order.id, { error: `cannot be sent: ${error.message}` });
      }
    }
  }

  /** Sends one REQUEST or DISPATCH. */
  sendOrder({ do: what, id, w, a }) {
    if (what === "request") {
      const nonce = randomUUID();
      this.send({ op: REQUEST, w, a, n: nonce });
      this.pending.set(nonce, id);
    } else {
      this.send({ op: DISPATCH, w, a }, (error) => report(id, error ? { error: error.message } : {}));
    }
  }

  ended() {
    clearTimeout(this.opening);
    clearInterval(this.beating);
    for (const id of this.pending.values()) report(id, { error: "the connection has ended" });
    this.client.reconnect();
  }
}

/** One connection after the other. */
class Client {
  constructor(url, password) {
    this.url = url;
    this.password = password;
    this.orders = []; // what has not been sent yet
    this.ended = false;
  }

  connect() {
    this.session = new Session(this);
  }

  reconnect() {
    this.session = null;
    if (this.ended) return;
    const wait = LEAST_WAIT_MS + Math.random() * (MOST_WAIT_MS - LEAST_WAIT_MS);
    this.waiting = setTimeout(() => this.connect(), wait);
  }

  order(order) {
    this.orders.push(order);
    this.session?.sendOrders();
  }

  end() {
    this.ended = true;
    clearTimeout(this.waiting);
    this.session?.socket.close(NORMAL);
    for (const { id } of this.orders) report(id, { error: "the client has ended" });
  }
}

/** The lines of a stream. (The readline module would also split at line ends that JSON allows.) */
async function* lines(stream) {
  let rest = "";
  for await (const chunk of stream.setEncoding("utf8")) {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop();
    yield* parts;
  }
  yield rest;
}

/** Does what the driver says until standard input ends. */
async function drive(client) {
  console.log(JSON.stringify({ driver: 1 }));
  for await (const line of lines(process.stdin)) {
    if (line.trim() === "") continue;
    const order = readOrder(line);
    if (order === null) report(null, { error: "not a request or a dispatch" });
    else client.order(order);
  }
  client.end();
}

const { values } = parseArgs({
  options: {
    url: { type: "string", default: process.env.LITESPEC_URL },
    password: { type: "string", default: process.env.LITESPEC_PASSWORD ?? "helloworld" },
    undriven: { type: "boolean", default: false },
  },
});
if (!values.url) {
  console.error("--url or LITESPEC_URL is needed");
  process.exit(2);
}

const client = new Client(values.url, values.password);
client.connect();
if (!values.undriven) await drive(client);
