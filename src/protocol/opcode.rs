//! The seven ops of the protocol's table: number, name, who sends it.

use std::fmt;

/// One of the two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The end that accepted the connection.
    Server,
    /// The end that opened the connection.
    Client,
}

impl Side {
    /// The end across from this one.
    pub fn other(self) -> Side {
        match self {
            Side::Server => Side::Client,
            Side::Client => Side::Server,
        }
    }
}

/// `server` or `client`.
impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Server => "server",
            Side::Client => "client",
        })
    }
}

/// What a packet is, by its `op`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Op {
    /// 0: opens the handshake and gives the heartbeat interval.
    Hello = 0,
    /// 1: the client's answer to HELLO, with the password.
    HelloAck = 1,
    /// 2: a sign of life.
    Heartbeat = 2,
    /// 3: the answer to a HEARTBEAT.
    HeartbeatAck = 3,
    /// 4: asks for something and expects a RESPONSE.
    Request = 4,
    /// 5: answers a REQUEST.
    Response = 5,
    /// 6: asks for something and expects no answer.
    Dispatch = 6,
}

impl Op {
    /// All ops, in the order of their numbers.
    pub const ALL: [Op; 7] = [
        Op::Hello,
        Op::HelloAck,
        Op::Heartbeat,
        Op::HeartbeatAck,
        Op::Request,
        Op::Response,
        Op::Dispatch,
    ];

    /// The number on the wire.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The op of a number, if the table has it.
    pub fn from_number(number: u64) -> Option<Op> {
        Op::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// The name in the table, for example `HELLO_ACK`.
    pub fn name(self) -> &'static str {
        match self {
            Op::Hello => "HELLO",
            Op::HelloAck => "HELLO_ACK",
            Op::Heartbeat => "HEARTBEAT",
            Op::HeartbeatAck => "HEARTBEAT_ACK",
            Op::Request => "REQUEST",
            Op::Response => "RESPONSE",
            Op::Dispatch => "DISPATCH",
        }
    }

    /// The side that sends it, by the table.
    pub fn sent_by(self) -> Side {
        match self {
            Op::Hello | Op::HeartbeatAck | Op::Response => Side::Server,
            Op::HelloAck | Op::Heartbeat | Op::Request | Op::Dispatch => Side::Client,
        }
    }
}

/// The name in the table.
impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lead_back_to_their_ops_and_no_further() {
        for op in Op::ALL {
            assert_eq!(Op::from_number(u64::from(op.number())), Some(op));
        }
        assert_eq!(Op::from_number(7), None);
        assert_eq!(Op::from_number(u64::MAX), None);
    }

    #[test]
    fn ops_and_sides_are_shown_by_their_names() {
        let names: Vec<_> = Op::ALL.iter().map(Op::to_string).collect();
        assert_eq!(
            names.join(" "),
            "HELLO HELLO_ACK HEARTBEAT HEARTBEAT_ACK REQUEST RESPONSE DISPATCH"
        );
        assert_eq!(
            format!("{} {}", Side::Server, Side::Client),
            "server client"
        );
        assert_eq!(Side::Server.other(), Side::Client);
        assert_eq!(Side::Client.other(), Side::Server);
    }

    #[test]
    fn the_server_sends_three_ops_and_the_client_four() {
        let of = |side| {
            Op::ALL
                .into_iter()
                .filter(|op| op.sent_by() == side)
                .map(Op::number)
                .collect::<Vec<_>>()
        };
        assert_eq!(of(Side::Server), [0, 3, 5]);
        assert_eq!(of(Side::Client), [1, 2, 4, 6]);
    }
}
