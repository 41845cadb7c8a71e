//! What the protocol leaves open: recorded for each implementation, never judged. The sentences
//! say what is recorded.

use super::Level::Open;
use super::{RoleOf, Rule};

const fn server(id: &'static str, sentence: &'static str) -> Rule {
    Rule::new(id, Open, RoleOf::Server, sentence)
}

const fn client(id: &'static str, sentence: &'static str) -> Rule {
    Rule::new(id, Open, RoleOf::Client, sentence)
}

pub(super) const SERVER: &[Rule] = &[
    server(
        "open.invalid-json",
        "What a server does with a text message that is not JSON.",
    ),
    server(
        "open.not-an-object",
        "What a server does with a message that is JSON but no object.",
    ),
    server(
        "open.no-op",
        "What a server does with an object that has no `op`.",
    ),
    server(
        "open.unknown-op",
        "What a server does with an `op` that is a whole number but not one of the seven.",
    ),
    server(
        "open.op-spelling",
        "Whether a server takes an `op` that is spelled as a string, with a fraction of zero or with an exponent.",
    ),
    server(
        "open.wrong-direction",
        "What a server does when a client sends HELLO, HEARTBEAT_ACK or RESPONSE, which are a server's to send.",
    ),
    server(
        "open.request-malformed",
        "What a server does with a REQUEST in which `w`, `a` or `n` is absent or has the wrong type.",
    ),
    server(
        "open.dispatch-malformed",
        "What a server does with a DISPATCH in which `w` or `a` is absent or has the wrong type.",
    ),
    server(
        "open.unknown-w",
        "What a server does with a REQUEST for something that it does not know.",
    ),
    server(
        "open.binary-frame",
        "What a server does with a packet that arrives as a binary message.",
    ),
    server(
        "open.second-hello-ack",
        "What a server does with another HELLO_ACK of an authenticated client, with the right and with a wrong password.",
    ),
    server(
        "open.early-heartbeat-code",
        "Which close code a server gives to a HEARTBEAT that came before HELLO_ACK.",
    ),
    server(
        "open.early-heartbeat-ack",
        "Whether a server sends HEARTBEAT_ACK before it closes for a HEARTBEAT that came before HELLO_ACK.",
    ),
    server(
        "open.timer-before-auth",
        "Whether and when a server closes a connection on which HELLO_ACK never comes.",
    ),
    server(
        "open.timeout-after",
        "How long after the interval has run out a server closes with 4003.",
    ),
    server(
        "open.ping-as-heartbeat",
        "Whether and how a server answers WebSocket pings between heartbeats.",
    ),
    server(
        "open.extra-members",
        "What a server does with members in a packet that the protocol does not name.",
    ),
    server(
        "open.duplicate-members",
        "Which of two members with one name a server takes, or whether it refuses both.",
    ),
    server(
        "open.lone-surrogate",
        "What a server does with a string that escapes half of a surrogate pair.",
    ),
    server(
        "open.big-numbers",
        "What a server makes of numbers that a double cannot hold: integers beyond 2^53 and values beyond its range.",
    ),
    server(
        "open.nonce-twice-in-flight",
        "What a server does with a REQUEST whose nonce another unanswered REQUEST of the connection has.",
    ),
    server(
        "open.depth",
        "How deeply nested a packet may be before a server refuses it.",
    ),
    server(
        "open.trailing-comma",
        "Whether a server takes an object with a comma behind its last member, as one of the protocol's examples has.",
    ),
    server(
        "open.password-normalisation",
        "Whether a server takes the password in another Unicode normal form for the right one.",
    ),
    server(
        "open.unicode-bom",
        "What a server does with a byte order mark before a packet.",
    ),
    server(
        "open.compression",
        "Whether a server agrees to compress messages when the client offers it.",
    ),
    server(
        "open.subprotocol",
        "What a server makes of WebSocket subprotocols that the client offers.",
    ),
    server(
        "open.message-size",
        "How long a message may be before a server refuses it.",
    ),
    server(
        "open.close-echo",
        "Whether and with which code a server echoes the client's close frame.",
    ),
];

pub(super) const CLIENT: &[Rule] = &[
    client(
        "open.client-first-heartbeat",
        "When a client sends its first HEARTBEAT: straight behind HELLO_ACK or up to an interval later.",
    ),
    client(
        "open.client-interval",
        "What a client does with a HELLO whose `hb_interval` is absent, of another type, not above zero, fractional or \
         huge.",
    ),
    client(
        "open.client-second-hello",
        "What a client does with another HELLO on a connection that had one.",
    ),
    client(
        "open.client-acks-withheld",
        "What a client does when its HEARTBEATs get no HEARTBEAT_ACK.",
    ),
    client(
        "open.client-unknown-op",
        "What a client does with an `op` that is not one of the seven.",
    ),
    client(
        "open.client-wrong-direction",
        "What a client does when a server sends an op that only clients send.",
    ),
    client(
        "open.client-garbage",
        "What a client does with a message that is no packet.",
    ),
    client(
        "open.client-binary",
        "What a client does with a packet that arrives as a binary message.",
    ),
    client(
        "open.client-pending",
        "What becomes of a client's unanswered REQUESTs when their connection ends: given up, kept or sent again.",
    ),
    client(
        "open.client-after-1000",
        "What a client does after the server closed with code 1000.",
    ),
    client(
        "open.client-after-4001",
        "What a client does after the server closed with code 4001.",
    ),
    client(
        "open.client-after-4002",
        "What a client does after the server closed with code 4002.",
    ),
    client(
        "open.client-silence",
        "What a client does on a connection on which HELLO never comes.",
    ),
    client(
        "open.client-wait-shape",
        "The shortest, the longest and the spread of a client's waits before it reconnects.",
    ),
];
