//! What the protocol asks of a client.

use super::Level::{Must, Should};
use super::{Level, RoleOf, Rule};

const fn rule(id: &'static str, level: Level, sentence: &'static str) -> Rule {
    Rule::new(id, level, RoleOf::Client, sentence)
}

pub(super) const RULES: &[Rule] = &[
    rule(
        "client.waits-for-hello",
        Must,
        "On each connection the client sends no message until the server's HELLO has arrived there.",
    ),
    rule(
        "client.hello-ack",
        Must,
        "The client answers HELLO with HELLO_ACK, in which `password` is a string.",
    ),
    rule(
        "client.heartbeat-after-ack",
        Must,
        "On each connection the client's first HEARTBEAT comes after its HELLO_ACK.",
    ),
    rule(
        "client.heartbeat-interval",
        Must,
        "From HELLO_ACK until the connection ends, busy or idle, the client lets no `hb_interval` of this connection's \
         HELLO pass without a HEARTBEAT.",
    ),
    rule(
        "client.heartbeat-rate",
        Should,
        "The client sends about one HEARTBEAT in each `hb_interval`, not several.",
    ),
    rule(
        "client.packet-sender",
        Must,
        "The client sends no op other than HELLO_ACK (1), HEARTBEAT (2), REQUEST (4) and DISPATCH (6), and RESPONSE (5) \
         where the bidirectional dialect is spoken.",
    ),
    rule(
        "client.request-fields",
        Must,
        "Each REQUEST of the client has `w`, a string, `a`, a list, and `n`, the nonce.",
    ),
    rule(
        "client.dispatch-fields",
        Must,
        "Each DISPATCH of the client has `w`, a string, and `a`, a list.",
    ),
    rule(
        "client.dispatch-no-nonce",
        Should,
        "The client puts no `n` into a DISPATCH.",
    ),
    rule(
        "client.correlates",
        Must,
        "The client hands a RESPONSE to the REQUEST with the same `n`, whatever the order and however late, also when `r` \
         is null, false, zero or empty.",
    ),
    rule(
        "client.nonce-unique",
        Must,
        "No two REQUESTs that wait for their RESPONSE on one connection have equal nonces.",
    ),
    rule(
        "client.survives-strangers",
        Should,
        "The client keeps its connection when a RESPONSE has a nonce it never sent or a packet has members it does not \
         know.",
    ),
    rule(
        "client.reconnects",
        Should,
        "When its connection fails or cannot be opened, the client connects again and shakes hands afresh, using the new \
         HELLO's interval.",
    ),
    rule(
        "client.reconnect-waits",
        Must,
        "Between the failure of a connection and the next attempt the client waits for one second or longer.",
    ),
    rule(
        "client.reconnect-random",
        Should,
        "The client draws its waits at random: they vary from one to the next and from one process to another.",
    ),
    rule(
        "client.one-connection",
        Should,
        "A client that reconnects has let go of the old connection: it does not hold two at a time.",
    ),
];
