//! What a client can break at any time: one variant a breach, each with its rule and its words.

use std::time::Duration;

use crate::protocol::rules::Level;

/// Something that a client must never do on a connection that we have used rightly.
#[expect(missing_docs, reason = "each variant's line says what its fields are")]
#[derive(Clone, Debug, PartialEq)]
pub enum ClientBreach {
    /// A message before our HELLO.
    BeforeHello { got: String },
    /// No HELLO_ACK for our HELLO.
    NoHelloAck { waited: Duration },
    /// A HELLO_ACK whose password is missing or no string.
    PasswordType { found: &'static str },
    /// A HEARTBEAT before HELLO_ACK.
    BeatBeforeAck,
    /// Too long without a HEARTBEAT; `open` when none ended the time.
    BeatGap {
        gap: Duration,
        most: Duration,
        interval: Duration,
        open: bool,
    },
    /// So many HEARTBEATs in less time than one interval.
    BeatsTooMany {
        count: usize,
        span: Duration,
        interval: Duration,
    },
    /// A message that is no packet, or one with an op of the server's.
    NotFromClient { got: String },
    /// A REQUEST without a string `w`, a list `a` or any `n`.
    RequestFields { got: String },
    /// A DISPATCH without a string `w` or a list `a`.
    DispatchFields { got: String },
    /// A DISPATCH with `n`.
    DispatchWithNonce { nonce: String },
    /// Two REQUESTs in flight with one nonce.
    NonceInFlight { nonce: String },
    /// A new connection too soon behind the end of the last one.
    ReconnectTooSoon { wait: Duration },
    /// A new connection beside one that is still open.
    SecondConnection { beside: String },
}

impl ClientBreach {
    /// Whether it is a matter of when, and not of what.
    pub fn is_timing(&self) -> bool {
        matches!(
            self,
            ClientBreach::NoHelloAck { .. }
                | ClientBreach::BeatGap { .. }
                | ClientBreach::BeatsTooMany { .. }
                | ClientBreach::ReconnectTooSoon { .. }
        )
    }

    /// The id of the rule this breaks.
    pub fn rule(&self) -> &'static str {
        match self {
            ClientBreach::BeforeHello { .. } => "client.waits-for-hello",
            ClientBreach::NoHelloAck { .. } | ClientBreach::PasswordType { .. } => {
                "client.hello-ack"
            }
            ClientBreach::BeatBeforeAck => "client.heartbeat-after-ack",
            ClientBreach::BeatGap { .. } => "client.heartbeat-interval",
            ClientBreach::BeatsTooMany { .. } => "client.heartbeat-rate",
            ClientBreach::NotFromClient { .. } => "client.packet-sender",
            ClientBreach::RequestFields { .. } => "client.request-fields",
            ClientBreach::DispatchFields { .. } => "client.dispatch-fields",
            ClientBreach::DispatchWithNonce { .. } => "client.dispatch-no-nonce",
            ClientBreach::NonceInFlight { .. } => "client.nonce-unique",
            ClientBreach::ReconnectTooSoon { .. } => "client.reconnect-waits",
            ClientBreach::SecondConnection { .. } => "client.one-connection",
        }
    }

    /// How binding the broken rule is.
    pub fn level(&self) -> Level {
        match self {
            ClientBreach::BeatsTooMany { .. }
            | ClientBreach::DispatchWithNonce { .. }
            | ClientBreach::SecondConnection { .. } => Level::Should,
            ClientBreach::BeforeHello { .. }
            | ClientBreach::NoHelloAck { .. }
            | ClientBreach::PasswordType { .. }
            | ClientBreach::BeatBeforeAck
            | ClientBreach::BeatGap { .. }
            | ClientBreach::NotFromClient { .. }
            | ClientBreach::RequestFields { .. }
            | ClientBreach::DispatchFields { .. }
            | ClientBreach::NonceInFlight { .. }
            | ClientBreach::ReconnectTooSoon { .. } => Level::Must,
        }
    }

    /// What should have been seen, as a fragment.
    pub fn expected(&self) -> String {
        match self {
            ClientBreach::BeforeHello { .. } => "nothing before HELLO".into(),
            ClientBreach::NoHelloAck { .. } => "HELLO_ACK as the answer to HELLO".into(),
            ClientBreach::PasswordType { .. } => "a HELLO_ACK whose password is a string".into(),
            ClientBreach::BeatBeforeAck => "no HEARTBEAT before HELLO_ACK".into(),
            ClientBreach::BeatGap { interval, most, .. } => format!(
                "a HEARTBEAT every {} ms; {} ms are let pass",
                interval.as_millis(),
                most.as_millis()
            ),
            ClientBreach::BeatsTooMany { interval, .. } => {
                format!("about one HEARTBEAT every {} ms", interval.as_millis())
            }
            ClientBreach::NotFromClient { .. } => {
                "HELLO_ACK, HEARTBEAT, REQUEST or DISPATCH".into()
            }
            ClientBreach::RequestFields { .. } => {
                "a REQUEST with w, a string, a, a list, and n".into()
            }
            ClientBreach::DispatchFields { .. } => {
                "a DISPATCH with w, a string, and a, a list".into()
            }
            ClientBreach::DispatchWithNonce { .. } => "a DISPATCH without n".into(),
            ClientBreach::NonceInFlight { .. } => {
                "a nonce that no other REQUEST in flight has".into()
            }
            ClientBreach::ReconnectTooSoon { .. } => {
                "a wait of at least 1000 ms before the next connection".into()
            }
            ClientBreach::SecondConnection { .. } => "one connection at a time".into(),
        }
    }

    /// What was seen, as a fragment. Text of the target's is in it as it came.
    pub fn actual(&self) -> String {
        match self {
            ClientBreach::BeforeHello { got }
            | ClientBreach::NotFromClient { got }
            | ClientBreach::RequestFields { got }
            | ClientBreach::DispatchFields { got } => got.clone(),
            ClientBreach::NoHelloAck { waited } => {
                format!("none, {} ms after HELLO", waited.as_millis())
            }
            ClientBreach::PasswordType { found } => format!("password is {found}"),
            ClientBreach::BeatBeforeAck => "a HEARTBEAT before HELLO_ACK".into(),
            ClientBreach::BeatGap {
                gap, open: true, ..
            } => {
                format!("no HEARTBEAT for {} ms", gap.as_millis())
            }
            ClientBreach::BeatGap { gap, .. } => {
                format!("a HEARTBEAT after {} ms", gap.as_millis())
            }
            ClientBreach::BeatsTooMany { count, span, .. } => {
                format!("{count} HEARTBEATs within {} ms", span.as_millis())
            }
            ClientBreach::DispatchWithNonce { nonce } => {
                format!("a DISPATCH with the nonce {nonce}")
            }
            ClientBreach::NonceInFlight { nonce } => {
                format!("another REQUEST with the nonce {nonce}, which waits for its RESPONSE")
            }
            ClientBreach::ReconnectTooSoon { wait } => {
                format!("a new connection after {} ms", wait.as_millis())
            }
            ClientBreach::SecondConnection { beside } => {
                format!("a second connection while {beside} was open")
            }
        }
    }

    /// Whether a client that the machine did not let run for as long as it is off would break it too:
    /// its heartbeats come late then, and the next ones soon behind. Nothing makes it come too soon.
    pub fn may_be_starvation(&self) -> bool {
        matches!(
            self,
            ClientBreach::BeatGap { .. } | ClientBreach::BeatsTooMany { .. }
        )
    }

    /// How much later or earlier than what is right it was, where it is a matter of time, and the
    /// length of the time that was measured: as long a delay of our own would excuse it.
    pub fn off_by(&self) -> Option<(Duration, Duration)> {
        match self {
            ClientBreach::BeatGap { gap, most, .. } => Some((gap.saturating_sub(*most), *gap)),
            ClientBreach::BeatsTooMany { span, interval, .. } => {
                Some((interval.saturating_sub(*span), *span))
            }
            ClientBreach::ReconnectTooSoon { wait } => {
                Some((super::RECONNECT_WAIT.saturating_sub(*wait), *wait))
            }
            _ => None,
        }
    }
}
