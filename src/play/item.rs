//! What has come in on a connection and waits to meet an expectation.

use tokio::time::Instant;

use crate::protocol::json::Json;

/// An arrival.
#[derive(Clone, Debug)]
pub struct Item {
    /// When its last byte was read.
    pub at: Instant,
    /// What it is.
    pub got: Got,
    /// Why lines that do not ask for it pass it over, if they do.
    pub beside: Option<Beside>,
}

/// An arrival that tells nothing about a line that does not ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// A packet whose op is a number, but none of the table's: the text does not speak of it.
    StrangeOp,
    /// A HELLO behind the first. That breaks a "should" of its own, which the watch tells.
    SecondHello,
    /// A client's HEARTBEAT that was acknowledged unasked.
    Heartbeat,
    /// A REQUEST or DISPATCH of the target's own: a client's that nobody told it to send, or in the
    /// bidirectional dialect a server's.
    Unasked,
}

impl Beside {
    /// Whether only a line that names its op takes it.
    pub(crate) fn named_only(self) -> bool {
        matches!(self, Beside::Heartbeat | Beside::Unasked)
    }
}

/// What arrived.
#[derive(Clone, Debug)]
pub enum Got {
    /// A message that is JSON.
    Packet {
        /// The packet.
        packet: Json,
        /// Its bytes as they came.
        bytes: Vec<u8>,
        /// It came in a binary frame.
        binary: bool,
    },
    /// A message that is no JSON.
    Message {
        /// Its bytes as they came.
        bytes: Vec<u8>,
        /// It came in a binary frame.
        binary: bool,
        /// It is no JSON; otherwise it may be, and is beyond our limits.
        not_json: bool,
        /// Why it was not read as JSON.
        why: String,
    },
    /// A WebSocket PING.
    Ping(Vec<u8>),
    /// A WebSocket PONG.
    Pong(Vec<u8>),
    /// A close frame.
    Close {
        /// Its code as it was sent.
        code: Option<u16>,
        /// Its reason as it was sent.
        reason: Vec<u8>,
        /// What is wrong with its body.
        fault: Option<String>,
    },
    /// Bytes that break RFC 6455.
    Fault(String),
    /// The stream ended.
    Eof,
    /// The connection was reset or failed.
    Reset(String),
}

impl Got {
    /// Whether the connection ends by it.
    pub fn ends(&self) -> bool {
        matches!(self, Got::Close { .. } | Got::Eof | Got::Reset(_))
    }

    /// The bytes of a message, and whether it came in a binary frame.
    pub fn message(&self) -> Option<(&[u8], bool)> {
        match self {
            Got::Packet { bytes, binary, .. } | Got::Message { bytes, binary, .. } => {
                Some((bytes, *binary))
            }
            Got::Ping(_)
            | Got::Pong(_)
            | Got::Close { .. }
            | Got::Fault(_)
            | Got::Eof
            | Got::Reset(_) => None,
        }
    }

    /// What it is, in the words of a scenario line where there are some. Text of the target's is
    /// in it as it came, long ones cut.
    pub fn describe(&self) -> String {
        match self {
            Got::Packet {
                bytes,
                binary: false,
                ..
            } => brief(bytes),
            Got::Packet {
                bytes,
                binary: true,
                ..
            } => format!("binary frame: {}", brief(bytes)),
            Got::Message { bytes, why, .. } => format!("{} ({why})", brief(bytes)),
            Got::Ping(_) => "ping".into(),
            Got::Pong(_) => "pong".into(),
            Got::Close {
                code,
                reason,
                fault,
            } => {
                let mut text = String::from("close");
                if let Some(code) = code {
                    text.push_str(&format!(" {code}"));
                }
                if !reason.is_empty() {
                    text.push_str(&format!(" {:?}", brief(reason)));
                }
                if let Some(fault) = fault {
                    text.push_str(&format!(" ({fault})"));
                }
                text
            }
            Got::Fault(what) => format!("a frame that breaks RFC 6455: {what}"),
            Got::Eof => "the connection ended without a close frame".into(),
            Got::Reset(how) => format!("the connection failed without a close frame ({how})"),
        }
    }
}

/// Bytes as text, cut to what fits a screen.
fn brief(bytes: &[u8]) -> String {
    const MOST: usize = 240;
    if bytes.len() <= MOST {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let cut = String::from_utf8_lossy(&bytes[..MOST]);
    format!(
        "{}... ({} bytes)",
        cut.trim_end_matches('\u{fffd}'),
        bytes.len()
    )
}
