//! What a case against a client is made of: what we do as its server, as plain data.

use super::super::nasty::Bend;
use super::super::values::Value;

/// What one client meets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Case {
    /// In order. What it may hold, and where, [`super::script`] knows.
    pub moves: Vec<Move>,
}

/// What we do.
#[derive(Clone, Debug, PartialEq)]
pub enum Move {
    /// The upgrade is refused with this status; the client comes again.
    Refuse(u16),
    /// The connection ends before HELLO; the client comes again.
    Drop(Drop),
    /// HELLO is kept back for so many milliseconds, with pings meanwhile or without.
    Hold {
        /// Milliseconds.
        ms: u32,
        /// Pings and pongs come instead.
        pings: bool,
    },
    /// HELLO, which is answered.
    Greet(Hello),
    /// Nothing for so many tenths of the interval.
    Quiet {
        /// Tenths of the interval.
        tenths: u32,
        /// What goes on meanwhile.
        hail: Hail,
    },
    /// So many HEARTBEATs, acknowledged by hand.
    Acks {
        /// How many.
        count: u32,
        /// How.
        style: Ack,
    },
    /// The client is told to ask.
    Ask {
        /// What with: the arguments of each request, behind its number.
        with: Vec<Option<Value>>,
        /// All are told before the first is awaited.
        at_once: bool,
    },
    /// Requests that wait are answered.
    Answer {
        /// Which, as places among those that wait, in the order of the answers.
        which: Vec<usize>,
        /// With what.
        results: Vec<Value>,
        /// How it is written.
        spelling: Spelling,
        /// In one write.
        together: bool,
        /// The first answer is sent once more, with another result.
        again: bool,
    },
    /// The client is told to ask so many times, and is answered each time.
    Many(u32),
    /// The client is told to dispatch.
    Dispatch(Option<Value>),
    /// RESPONSEs with nonces of nobody.
    Strangers(Vec<Stranger>),
    /// Something that the text leaves open: the connection is reset behind it, and the client may come
    /// again.
    Bend(Bend),
    /// The connection ends, and the client comes again.
    End(End),
    /// The connection is closed with a code behind which the text does not say whether the client comes
    /// again.
    Leave(u16),
    /// The waits so far were not all alike.
    WaitsDiffer,
}

/// How a connection ends before HELLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Drop {
    /// Its upgrade is answered by TCP's orderly end.
    EofBeforeUpgrade,
    /// Its upgrade is answered by a reset.
    ResetBeforeUpgrade,
    /// The WebSocket opens and is closed with 1011.
    Close,
    /// The WebSocket opens and ends without a close frame.
    Eof,
    /// The WebSocket opens and is reset.
    Reset,
    /// HELLO breaks off in its middle.
    HalfHello,
}

impl Drop {
    /// All ways.
    pub const ALL: [Drop; 6] = [
        Drop::EofBeforeUpgrade,
        Drop::ResetBeforeUpgrade,
        Drop::Close,
        Drop::Eof,
        Drop::Reset,
        Drop::HalfHello,
    ];
}

/// A HELLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hello {
    /// Its interval in milliseconds.
    pub interval_ms: u64,
    /// How it is written.
    pub spelling: Spelling,
}

/// How a packet is written. All of them say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Spelling {
    /// As everybody does.
    Plain,
    /// With white space wherever JSON has room for it.
    Spaced,
    /// With escapes in the names of its members.
    Escaped,
    /// With its members in another order.
    Reordered,
    /// With members that nobody knows.
    Extra,
    /// In several frames, one of them empty.
    Fragments,
    /// In one frame that comes in three pieces.
    Pieces,
    /// In two frames with a PING between them.
    Torn,
}

impl Spelling {
    /// All of them.
    pub const ALL: [Spelling; 8] = [
        Spelling::Plain,
        Spelling::Spaced,
        Spelling::Escaped,
        Spelling::Reordered,
        Spelling::Extra,
        Spelling::Fragments,
        Spelling::Pieces,
        Spelling::Torn,
    ];
}

/// Traffic beside a client's heartbeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hail {
    /// None.
    None,
    /// WebSocket PINGs.
    Pings,
    /// WebSocket PONGs that nobody asked for.
    Pongs,
    /// RESPONSEs that answer nobody.
    Strangers,
}

/// How HEARTBEATs are acknowledged by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ack {
    /// At once.
    Prompt,
    /// At once, written in this way.
    Spelled(Spelling),
    /// After four tenths of the interval.
    Late,
    /// The last one twice: what a client does about that is open.
    Doubled,
    /// The last ones not at all: what a client does about that is open.
    Withheld,
}

/// A nonce of nobody's.
#[derive(Clone, Debug, PartialEq)]
pub enum Stranger {
    /// This value.
    Value(&'static str),
    /// A lookalike of the nonce of the request that has waited longest: a JSON template in which `@`
    /// is the name of its variable.
    Like(&'static str),
}

/// The end that all others are made to where they show the same.
pub const PLAIN_END: End = End::Close(1012);

/// How a connection ends so that the client comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// With this close code: 1001, 1011, 1012 or 4003.
    Close(u16),
    /// With TCP's orderly end.
    Eof,
    /// With a reset.
    Reset,
    /// In the middle of a frame, with TCP's orderly end.
    EofInFrame,
    /// In the middle of a frame, with a reset.
    ResetInFrame,
}

impl End {
    /// All ways.
    pub const ALL: [End; 8] = [
        End::Close(1001),
        End::Close(1011),
        End::Close(1012),
        End::Close(4003),
        End::Eof,
        End::Reset,
        End::EofInFrame,
        End::ResetInFrame,
    ];
}
