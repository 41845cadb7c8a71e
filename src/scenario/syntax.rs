//! The syntax tree of a scenario. Every node keeps the place it was read from, so that a failure
//! can quote its line; places do not count when two trees are compared.

use std::sync::Arc;

use crate::protocol::json::{Json, Number};
use crate::protocol::rules::Level;

impl Filter {
    /// All of them.
    pub const ALL: [Filter; 5] = [
        Filter::Chop,
        Filter::Swapcase,
        Filter::Pad,
        Filter::Nfd,
        Filter::Empty,
    ];

    /// The word in the language.
    pub fn word(self) -> &'static str {
        match self {
            Filter::Chop => "chop",
            Filter::Swapcase => "swapcase",
            Filter::Pad => "pad",
            Filter::Nfd => "nfd",
            Filter::Empty => "empty",
        }
    }
}

/// Where a node stands in its file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    /// Line, counted from 1.
    pub line: u32,
    /// Column in characters, counted from 1.
    pub column: u32,
    /// Byte offset of the first character in the file.
    pub start: usize,
    /// Byte offset behind the last character.
    pub end: usize,
}

/// Two nodes are equal when they say the same, wherever they stand.
impl PartialEq for Span {
    fn eq(&self, _: &Span) -> bool {
        true
    }
}

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}

/// Where a scenario's text came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Part of the program.
    Embedded,
    /// A user's file.
    File,
    /// Standard input.
    Stdin,
}

/// A scenario's text, kept for quoting.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// The path shown to people, for example `scenarios/server/auth/wrong-password.scenario`.
    pub path: String,
    /// Where the text came from.
    pub origin: Origin,
    /// The whole text.
    pub text: String,
}

impl Source {
    /// The text of a line (counted from 1) without its line ending; empty beyond the end.
    pub fn line(&self, line: u32) -> &str {
        self.text
            .lines()
            .nth((line as usize).saturating_sub(1))
            .unwrap_or("")
    }
}

/// Who the harness plays against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The target is a server; the harness connects.
    Server,
    /// The target is a client; the harness accepts.
    Client,
}

/// One scenario file.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Public id: the path below `scenarios/` without its ending, or `own/...`.
    pub id: String,
    /// The text it was read from.
    pub source: Arc<Source>,
    /// The lines above the first step.
    pub header: Header,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// Comments and blank lines behind the last step.
    pub tail: Vec<Lead>,
}

/// Two scenarios are equal when header and steps are, whatever file they came from.
impl PartialEq for Scenario {
    fn eq(&self, other: &Scenario) -> bool {
        self.header == other.header && self.steps == other.steps && self.tail == other.tail
    }
}

/// A comment line or a blank line above a header line or a step. Runs of blank lines count as one.
#[derive(Clone, Debug, PartialEq)]
pub enum Lead {
    /// An empty line.
    Blank,
    /// A comment, without its `#` and the one blank behind it.
    Comment(String),
}

/// What a scenario says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// Comments above and between header lines, in order (the printer puts them on top).
    pub lead: Vec<Lead>,
    /// One sentence: what a right target does.
    pub title: Spanned<String>,
    /// Rule ids; an unmarked line is about the first.
    pub rules: Vec<Spanned<String>>,
    /// Id of the scenario that differs in one thing and must succeed.
    pub control: Option<Spanned<String>>,
    /// `kind hostile`: runs last, alone, followed by `alive`.
    pub hostile: bool,
    /// Which automatic traffic is off.
    pub manual: Manual,
    /// One run a value.
    pub each: Option<Each>,
    /// Level of a user's own `x.` rule.
    pub level: Option<Spanned<Level>>,
    /// Ids this scenario had before.
    pub was: Vec<Spanned<String>>,
}

/// `manual pong close ack`: what the harness does not do unasked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manual {
    /// No PONG for a PING.
    pub pong: bool,
    /// No echo of a close frame.
    pub close: bool,
    /// As a server: no HEARTBEAT_ACK for a HEARTBEAT.
    pub ack: bool,
}

/// `each $n = 0, "", null`: one run a value; `each $request` one run a declared request.
#[derive(Clone, Debug, PartialEq)]
pub struct Each {
    /// The variable, without `$`.
    pub name: String,
    /// Its place.
    pub span: Span,
    /// The values, or none when the target's declaration gives them (`each $request`).
    pub values: Option<Vec<Spanned<Template>>>,
}

/// One step, with the comments and blank lines above it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What stands above the step.
    pub lead: Vec<Lead>,
    /// A comment at the line's end.
    pub trail: Option<String>,
    /// The first line of the step, without indentation and comment.
    pub span: Span,
    /// What is done.
    pub kind: StepKind,
}

/// Name of a connection; the unnamed one is `a`.
pub type ConnName = String;

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    missing_docs,
    reason = "each variant shows its line, where the fields' names stand for themselves"
)]
pub enum StepKind {
    /// `b connect`, `b connect tcp`
    Connect { conn: ConnName, layer: Layer },
    /// `> ...`
    Send { conn: ConnName, send: Send },
    /// `< ...`
    Expect(Expectation),
    /// `together`: one write of all sends in the block (sends and `repeat` only).
    Together { steps: Vec<Step> },
    /// `use handshake`, in the client role with the HELLO to send.
    UseHandshake {
        conn: ConnName,
        hello: Option<Template>,
    },
    /// `use ./file.scenario`; the loader fills `scenario`.
    UseFile {
        path: Spanned<String>,
        scenario: Option<Arc<Scenario>>,
    },
    /// `wait 0.5hb`
    Wait { time: Time },
    /// `beat every 0.9hb`: HEARTBEATs in the background; their ACKs do not meet `<`.
    BeatEvery { conn: ConnName, period: Time },
    /// `beat off`
    BeatOff { conn: ConnName },
    /// `every 0.4hb as $i` and a block of sends, repeated in the background; RESPONSEs to them do not
    /// meet `<`. `$i` counts from 1.
    Every {
        conn: ConnName,
        period: Time,
        var: Option<String>,
        steps: Vec<Step>,
    },
    /// `every off`
    EveryOff { conn: ConnName },
    /// `repeat 100 as $i`; `$i` counts from 1.
    Repeat {
        count: u32,
        var: Option<String>,
        steps: Vec<Step>,
    },
    /// `in any order`: expectations and `repeat` only.
    InAnyOrder { steps: Vec<Step> },
    /// `either` .. `or` ..: each branch begins with an expectation.
    Either { branches: Vec<Vec<Step>> },
    /// `ignore`: from here nothing on this connection is judged.
    Ignore { conn: ConnName },
    /// `alive`: a new connection gets through handshake and heartbeat.
    Alive { mark: Option<Mark> },
    /// `offer extension permessage-deflate`: opens a connection that offers this, and records how the
    /// offer is answered.
    Offer { what: Offered, name: String },
    /// `waits differ by 50ms`
    WaitsDiffer { by: Time, mark: Option<Mark> },
    /// `driver> {...}`
    DriverSend { packet: Template },
    /// `driver< {...}`
    DriverExpect {
        pattern: Pattern,
        bound: Option<Bound>,
        mark: Option<Mark>,
    },
}

/// How far `connect` opens a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// To its WebSocket.
    WebSocket,
    /// TCP alone: no upgrade is asked for, and what goes over it are bytes.
    Tcp,
}

/// What an upgrade request can offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// A WebSocket extension.
    Extension,
    /// A subprotocol.
    Subprotocol,
}

impl Offered {
    /// Both.
    pub const ALL: [Offered; 2] = [Offered::Extension, Offered::Subprotocol];

    /// The word of the language.
    pub fn word(self) -> &'static str {
        match self {
            Offered::Extension => "extension",
            Offered::Subprotocol => "subprotocol",
        }
    }

    /// The header that carries the offer and its answer.
    pub fn header(self) -> &'static str {
        match self {
            Offered::Extension => "Sec-WebSocket-Extensions",
            Offered::Subprotocol => "Sec-WebSocket-Protocol",
        }
    }
}

/// An expectation line.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// The connection it reads from.
    pub conn: ConnName,
    /// What must come.
    pub what: Expect,
    /// When it must come.
    pub bound: Option<Bound>,
    /// The rule it is about, where it is not the header's first.
    pub mark: Option<Mark>,
}

/// `@rule.id`, or `@rule.id should` where a rule has a weaker part.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// The rule's id.
    pub rule: String,
    /// Only the rule's "should" part is at stake.
    pub should: bool,
    /// Its place.
    pub span: Span,
}

/// What an expectation takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Expect {
    /// The next packet.
    Packet(Pattern),
    /// The next message, which must be text with these bytes.
    Text(Payload),
    /// The next message, which must be binary with these bytes.
    Binary(Payload),
    /// A WebSocket PING, with this payload if one is given.
    Ping(Option<Payload>),
    /// A WebSocket PONG, with this payload if one is given.
    Pong(Option<Payload>),
    /// A close frame, with this code if one is given.
    Close(Option<u16>),
    /// Any end: close frame, end of stream, reset. Behind a close frame: the end of the stream.
    Closed,
    /// Client role: the next TCP accept.
    Connects,
    /// No packet and no end for this long after the connection's last line.
    Nothing(Time),
    /// Records what happens within this time, judges nothing.
    Probe(Time),
}

/// What a send line sends.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    missing_docs,
    reason = "each variant shows its line, where the fields' names stand for themselves"
)]
pub enum Send {
    /// A packet, spelled as written but for its holes, in one text frame.
    Packet(Template),
    /// `text ...`: these bytes in one text frame.
    Text(Payload),
    /// `binary ...`
    Binary(Payload),
    /// `ping`
    Ping(Option<Payload>),
    /// `pong`
    Pong(Option<Payload>),
    /// `close`, `close 1000`, `close 1000 "bye"`
    Close {
        code: Option<u16>,
        reason: Option<Payload>,
    },
    /// `eof`: the sending side of the TCP connection ends.
    Eof,
    /// `reset`: TCP RST.
    Reset,
    /// `raw ...`: bytes below WebSocket.
    Raw(Payload),
    /// `fragments "ab" "cd"`: one text message, one frame a part.
    Fragments(Payload),
    /// `http 503`: client role, the answer to an upgrade.
    Http(u16),
}

/// Bytes, written as parts: `"text" 0xff $name`, each with an optional `* COUNT`.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    /// The parts, at least one.
    pub parts: Vec<PayloadPart>,
}

/// One part of a payload.
#[derive(Clone, Debug, PartialEq)]
pub struct PayloadPart {
    /// What it stands for.
    pub bytes: PayloadBytes,
    /// How often it is repeated, at least 1.
    pub times: u32,
    /// Its place.
    pub span: Span,
}

/// The bytes of one part.
#[derive(Clone, Debug, PartialEq)]
pub enum PayloadBytes {
    /// `"..."`: a JSON string with holes, its characters as UTF-8 (a lone surrogate as its three
    /// generalised-UTF-8 bytes).
    Text(Template),
    /// `0xff00`
    Hex(Vec<u8>),
    /// `$name`: a string's characters, or any other value's JSON text.
    Var(Hole),
}

/// JSON text with holes, kept as it was spelled.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Literal text and holes, in order; joined literals make JSON once the holes are filled.
    pub pieces: Vec<Piece>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// JSON text, exactly as spelled (escapes not resolved; `$${` already turned into `${`).
    Literal(String),
    /// `$name` between tokens: the value's JSON text.
    Value(Hole),
    /// `"..${name}.."` inside a string: the value's characters, escaped for a JSON string.
    InString(Hole),
}

/// A hole that a variable fills.
#[derive(Clone, Debug, PartialEq)]
pub struct Hole {
    /// The variable's name without `$`, for example `request.w`.
    pub name: String,
    /// How the value is bent first.
    pub filter: Option<Filter>,
    /// Its place.
    pub span: Span,
}

/// Near misses of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Without its last character.
    Chop,
    /// Upper case for lower and the other way round.
    Swapcase,
    /// With a blank behind it.
    Pad,
    /// In Unicode normal form D.
    Nfd,
    /// Nothing of it.
    Empty,
}

/// JSON with holes, to compare with what came.
#[derive(Clone, Debug, PartialEq)]
pub enum Pattern {
    /// `any`
    Any,
    /// `int`, `int 1..`, `int 1..5`: an integer by value.
    Int(Range),
    /// `number`, `number 0..1`
    Number(Range),
    /// `string`
    String,
    /// `bool`
    Bool,
    /// `list`
    List,
    /// `object`
    Object,
    /// `$name`: binds the first time, must be equal after that.
    Var(Hole),
    /// A string with holes inside.
    Text(Template),
    /// A literal without holes.
    Literal(Json),
    /// `[1, any]`
    Items(Vec<Pattern>),
    /// `{"op": 5, "n": $n}`
    Members {
        /// Whether members that are not named may be there (only a packet's own object).
        open: bool,
        /// Name and pattern; each must be present.
        members: Vec<(String, Pattern)>,
    },
}

/// A range of numbers, both ends included.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Range {
    /// Least value.
    pub min: Option<Number>,
    /// Greatest value.
    pub max: Option<Number>,
}

/// `within A..B`
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// Not earlier than this after the start of our last send.
    pub min: Option<Time>,
    /// Not later than this after the end of our last send.
    pub max: Option<Time>,
    /// Its place.
    pub span: Span,
}

/// A length of time: a sum such as `4hb+grace`.
#[derive(Clone, Debug, PartialEq)]
pub struct Time {
    /// The terms, at least one.
    pub terms: Vec<(f64, Unit)>,
}

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// This connection's heartbeat interval.
    Hb,
    /// Milliseconds.
    Ms,
    /// Seconds.
    S,
    /// `--grace`; written without a number.
    Grace,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::tests::parsed;

    #[test]
    fn a_source_gives_its_lines_by_their_numbers() {
        let source = Source {
            path: String::new(),
            origin: Origin::Stdin,
            text: "one\r\ntwo\n\nfour".to_owned(),
        };
        let lines = [1, 2, 3, 4, 5].map(|line| source.line(line));
        assert_eq!(lines, ["one", "two", "", "four", ""]);
    }

    #[test]
    fn scenarios_are_equal_by_all_that_they_say_and_by_nothing_else() {
        let of = |text: &str| parsed(format!("title  t\n{text}\n"));
        let one = of("rule   auth.reject\n\n> ping");
        for other in [
            "rule   auth.accept\n\n> ping",
            "rule   auth.reject\n\n> pong",
            "rule   auth.reject\n\n> ping\n\n# end",
        ] {
            assert_ne!(one, of(other), "{other}");
        }
        let spaced = of("rule  auth.reject\n\n\n>  ping\n");
        assert_eq!(
            one,
            Scenario {
                id: "own/other".to_owned(),
                ..spaced
            }
        );
    }

    #[test]
    fn offers_have_their_headers() {
        assert_eq!(Offered::Extension.header(), "Sec-WebSocket-Extensions");
        assert_eq!(Offered::Subprotocol.header(), "Sec-WebSocket-Protocol");
    }
}
