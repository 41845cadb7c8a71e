//! What the protocol asks of a server.

use super::Level::{Must, Should};
use super::{Level, RoleOf, Rule};

const fn rule(id: &'static str, level: Level, sentence: &'static str) -> Rule {
    Rule::new(id, level, RoleOf::Server, sentence)
}

pub(super) const RULES: &[Rule] = &[
    rule(
        "hello.first",
        Must,
        "As soon as a WebSocket is open the server sends HELLO on it, without being asked and before any other packet.",
    ),
    rule(
        "hello.interval",
        Must,
        "HELLO carries `hb_interval`, a number of milliseconds that is a whole number greater than zero.",
    ),
    rule(
        "hello.once",
        Should,
        "The server sends HELLO a single time on each connection.",
    ),
    rule(
        "auth.accept",
        Must,
        "After HELLO_ACK with the right password the connection stays open and HEARTBEAT, REQUEST and DISPATCH are \
         served on it.",
    ),
    rule(
        "auth.reject",
        Must,
        "HELLO_ACK with any string other than the right password is answered by a close frame with code 4001, however \
         near the string comes.",
    ),
    rule(
        "auth.password-type",
        Must,
        "HELLO_ACK whose `password` is absent or is not a string leaves the client unauthenticated.",
    ),
    rule(
        "auth.password-type-code",
        Should,
        "HELLO_ACK whose `password` is absent or is not a string is answered by a close frame with code 4001.",
    ),
    rule(
        "auth.gate-request",
        Must,
        "A REQUEST sent before HELLO_ACK gets no RESPONSE; the server closes the connection with code 4002 and no other.",
    ),
    rule(
        "auth.gate-dispatch",
        Should,
        "A DISPATCH sent before HELLO_ACK makes the server close the connection with code 4002.",
    ),
    rule(
        "auth.gate-heartbeat",
        Must,
        "A HEARTBEAT sent before HELLO_ACK makes the server close the connection, with whatever code.",
    ),
    rule(
        "auth.per-connection",
        Must,
        "A client is authenticated on the connection that carried its HELLO_ACK and on no other connection.",
    ),
    rule(
        "heartbeat.ack",
        Must,
        "The server answers each HEARTBEAT of an authenticated client with one HEARTBEAT_ACK and sends no other \
         HEARTBEAT_ACK.",
    ),
    rule(
        "heartbeat.keeps-alive",
        Must,
        "An authenticated client that sends a HEARTBEAT at least once in every `hb_interval` is not closed for want of \
         heartbeats.",
    ),
    rule(
        "heartbeat.timeout",
        Must,
        "Once an authenticated client has sent no HEARTBEAT for a whole `hb_interval`, and not before, the server closes \
         the connection with code 4003.",
    ),
    rule(
        "heartbeat.prompt",
        Should,
        "The close with 4003 comes at most two `hb_interval`s and the grace after the last HEARTBEAT; the protocol gives no \
         upper limit, this one is litespec's.",
    ),
    rule(
        "heartbeat.only-heartbeats",
        Must,
        "REQUESTs, DISPATCHes and WebSocket pings do not put off the heartbeat timeout: a client that sends only those is \
         closed with 4003.",
    ),
    rule(
        "request.response",
        Must,
        "An authenticated client gets one RESPONSE with the REQUEST's own nonce for each REQUEST that the server declares \
         to know.",
    ),
    rule(
        "request.nonce-any",
        Must,
        "A nonce of any JSON type comes back with the same type and value: strings code point by code point, numbers \
         exactly or as the same double, objects in any member order.",
    ),
    rule(
        "request.independent",
        Must,
        "REQUESTs that wait for answers at the same time are all answered, in any order, also when another connection uses \
         the same nonce or an answered nonce is used again.",
    ),
    Rule {
        should: Some(
            "RESPONSE also carries `r`, the answer itself, which may be any JSON value, `null` among them.",
        ),
        ..rule(
            "response.fields",
            Must,
            "RESPONSE carries `n`, the nonce of the REQUEST that it answers.",
        )
    },
    rule(
        "response.to-sender",
        Must,
        "A RESPONSE travels on the connection on which its REQUEST came and on no other.",
    ),
    rule(
        "dispatch.no-response",
        Must,
        "The server sends no RESPONSE to a DISPATCH.",
    ),
    rule(
        "packet.object",
        Must,
        "Whatever the server sends as a message is a single JSON object whose `op` is a whole number.",
    ),
    rule(
        "packet.text",
        Should,
        "The server sends its packets as WebSocket text messages, not as binary ones.",
    ),
    rule(
        "packet.sender",
        Must,
        "The server sends no op other than HELLO (0), HEARTBEAT_ACK (3) and RESPONSE (5).",
    ),
    Rule {
        dialect: true,
        ..rule(
            "dialect.bidirectional",
            Must,
            "A server that sends REQUESTs and DISPATCHes itself sends them to authenticated clients only, and takes no \
             RESPONSE from a client before its HELLO_ACK.",
        )
    },
    rule(
        "close.frame",
        Must,
        "Where the protocol names a close code, the server sends a WebSocket close frame with that code before the TCP \
         connection ends.",
    ),
    rule(
        "close.ends",
        Should,
        "After its close frame has been echoed, the server ends the TCP connection within the grace.",
    ),
    rule(
        "robust.isolation",
        Must,
        "Whatever one connection sends, packets or bytes that are none, the server goes on serving all other connections \
         and accepts new ones.",
    ),
    rule(
        "robust.no-reply",
        Should,
        "The server sends no RESPONSE to a packet that is not a REQUEST.",
    ),
];
