//! What a case is made of: moves on up to six connections, as plain data.

use super::nasty::Bend;
use super::values::Value;

/// Names of a case's connections; the first is the one that a scenario leaves unnamed.
pub const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// A connection of a case: an index into [`NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Conn(pub usize);

impl Conn {
    /// Its name in the scenario.
    pub fn name(self) -> &'static str {
        NAMES[self.0 % NAMES.len()]
    }

    /// What stands in front of an arrow: nothing for the unnamed one.
    pub fn prefix(self) -> &'static str {
        if self.0 == 0 { "" } else { self.name() }
    }
}

/// A list of moves. What it may hold, and in which order, [`super::script`] knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Case {
    /// In the order in which they are made.
    pub moves: Vec<Move>,
}

/// One move on one connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// Where.
    pub conn: Conn,
    /// What.
    pub act: Act,
}

/// What a move does.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Connects and takes HELLO.
    Greet,
    /// The right HELLO_ACK, alone.
    LogIn(Spelling),
    /// Packets in one write. `wait`: all that is owed is awaited; otherwise a later move does.
    Say {
        /// What is said, in order.
        packets: Vec<Said>,
        /// Whether what they must bring is awaited.
        wait: bool,
    },
    /// A heartbeat whose frame comes in pieces, with a pause between them.
    Trickle {
        /// Where the frame is cut, in bytes from its beginning.
        cuts: Vec<usize>,
        /// Milliseconds between the pieces.
        pause_ms: u32,
    },
    /// Nothing may come for so many milliseconds.
    Quiet(u32),
    /// No HEARTBEAT any more, until the server gives up.
    TimeOut {
        /// HEARTBEATs sent and acknowledged first.
        beats: u32,
        /// What goes on meanwhile.
        traffic: Traffic,
        /// Later than two intervals is already too late.
        prompt: bool,
    },
    /// HEARTBEATs at 0.8 of the interval, for this many tenths of it.
    Keep {
        /// Tenths of the interval.
        tenths: u32,
        /// What goes on meanwhile.
        traffic: Traffic,
    },
    /// A packet with a nonce that is no request: whatever else comes, no RESPONSE may.
    Unanswered {
        /// Its op.
        op: &'static str,
    },
    /// Something that the text leaves open: nothing on this connection is judged behind it.
    Bend(Bend),
    /// Something that is no upgrade request, or an odd one, on a connection without a WebSocket.
    Knock(Bend),
    /// Behind the server's close frame, the TCP connection ends too.
    Ends,
    /// Packets of one kind on two connections in turn; all that is owed is awaited behind them.
    Cross {
        /// The other connection.
        with: Conn,
        /// Packets on each.
        rounds: u32,
        /// What.
        what: Crossed,
    },
    /// The connection is left.
    Leave(Leave),
    /// A new connection gets through.
    Alive,
    /// So many milliseconds pass: what the target is about to do comes to pass.
    Pause(u32),
    /// What comes behind the last sends is waited for, so many milliseconds: unjudged connections are sent
    /// a HEARTBEAT first.
    Settle(u32),
}

/// A wrong password that is near to nothing, as a JSON template.
pub const PLAINLY_WRONG: &str = "\"not-${password}\"";

/// What two connections say in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Crossed {
    /// HEARTBEATs.
    Heartbeats,
    /// REQUESTs, all with nonces of their own.
    Requests,
    /// REQUESTs, each with the nonce of one of the other connection's.
    SameNonces,
}

impl Crossed {
    /// All of it.
    pub const ALL: [Crossed; 3] = [Crossed::Heartbeats, Crossed::Requests, Crossed::SameNonces];
}

/// A packet and how it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// The packet.
    pub packet: Packet,
    /// How it is written.
    pub spelling: Spelling,
}

/// A packet whose consequence the text states.
#[derive(Clone, Debug, PartialEq)]
pub enum Packet {
    /// HELLO_ACK.
    HelloAck(Pass),
    /// HEARTBEAT.
    Heartbeat,
    /// REQUEST of what the target declared, or of something else where that makes no difference.
    Request {
        /// Its nonce.
        nonce: Value,
        /// Which of the requests that the target answers.
        which: usize,
    },
    /// REQUEST of something that nobody knows: for the gate, which stands before the content.
    UnknownRequest,
    /// DISPATCH.
    Dispatch,
    /// RESPONSE to nothing that was asked. Only where servers ask their clients, and only before HELLO_ACK,
    /// is it stated what that counts for: nothing.
    Response,
    /// A WebSocket PING.
    Ping,
    /// A WebSocket PONG that nobody asked for.
    Pong,
}

/// The password of a HELLO_ACK.
#[derive(Clone, Debug, PartialEq)]
pub enum Pass {
    /// The shared one.
    Right,
    /// Another string, as a JSON template.
    Wrong(&'static str),
    /// No string, as a JSON template.
    NoString(&'static str),
    /// None at all.
    Missing,
}

/// How a packet is written. All of them say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Spelling {
    /// As everybody does.
    Plain,
    /// With white space wherever JSON has room for it.
    Spaced,
    /// With an escape in the name of `op`.
    Escaped,
    /// With its members in another order.
    Reordered,
    /// With white space around it.
    Padded,
    /// In two frames.
    Fragments,
    /// In two frames with an empty one between them.
    EmptyFragment,
}

impl Spelling {
    /// All of them.
    pub const ALL: [Spelling; 7] = [
        Spelling::Plain,
        Spelling::Padded,
        Spelling::Spaced,
        Spelling::Escaped,
        Spelling::Reordered,
        Spelling::Fragments,
        Spelling::EmptyFragment,
    ];
}

/// Traffic that is no HEARTBEAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Traffic {
    /// None.
    Silence,
    /// A REQUEST now and then.
    Requests,
    /// A DISPATCH now and then.
    Dispatches,
    /// A WebSocket PING now and then.
    Pings,
}

impl Traffic {
    /// All of it.
    pub const ALL: [Traffic; 4] = [
        Traffic::Silence,
        Traffic::Requests,
        Traffic::Dispatches,
        Traffic::Pings,
    ];
}

/// How a connection is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leave {
    /// With close code 1000.
    Close,
    /// With TCP's orderly end.
    Eof,
    /// With a reset.
    Reset,
    /// In the middle of a frame, with TCP's orderly end.
    EofInFrame,
    /// In the middle of a frame, with a reset.
    ResetInFrame,
    /// With requests on their way, with a reset.
    ResetWithRequests,
    /// With requests on their way, with close code 1000.
    CloseWithRequests,
}

impl Leave {
    /// All ways.
    pub const ALL: [Leave; 7] = [
        Leave::Close,
        Leave::Eof,
        Leave::Reset,
        Leave::EofInFrame,
        Leave::ResetInFrame,
        Leave::ResetWithRequests,
        Leave::CloseWithRequests,
    ];
}

impl Move {
    /// The connections that it is made on.
    pub fn conns(&self) -> impl Iterator<Item = Conn> + use<> {
        let other = match self.act {
            Act::Cross { with, .. } => Some(with),
            _ => None,
        };
        [Some(self.conn), other].into_iter().flatten()
    }
}

impl Said {
    /// A packet as everybody writes it.
    pub fn plain(packet: Packet) -> Said {
        Said {
            packet,
            spelling: Spelling::Plain,
        }
    }
}
