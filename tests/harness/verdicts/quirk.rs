//! How a server of these tests is bent: ways to be right that the text allows, and defects that
//! each break one rule.

/// What a server can be fed that some servers do not survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bad {
    Garbage,
    Binary,
    Deep,
    Utf8,
    NoObject,
    UnknownOp,
    WrongWay,
    WrongTypes,
    ReservedBits,
    ReservedOpcode,
    Unmasked,
    OddControl,
    LyingLength,
    OutOfOrder,
    Reset,
    CutShort,
    Huge,
}

/// What a server does with the nonce before it writes it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bend {
    FalsyLost,
    FalsyToNull,
    NullRefused,
    Int32,
    Unsigned,
    Float32,
    Truncated,
    Stringified,
    NumbersFromStrings,
    Trimmed,
    Cut64,
    CutAtNul,
    Nfc,
    Lowercased,
    EscapedTwice,
    NotEscaped,
    AsciiOnly,
    BmpOnly,
    HtmlEscaped,
    BoolsToInts,
    EmptyObjectsToLists,
    ListsFlattened,
    ObjectsToText,
    NullMembersDropped,
    CompositesRefused,
    BigIntsToText,
    DatesReformatted,
    KeyedByText,
    Counted,
    OneBehind,
}

/// What is wrong with the password check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Auth {
    Any,
    Prefix,
    Extension,
    Suffix,
    Length,
    CaseInsensitive,
    Trimmed,
    CutAtNul,
    EmptyAccepted,
    NotEmpty,
    Code(u16),
    NoCode,
    NoFrame,
    NoFrameUnderTraffic,
    Late,
    Never,
    ReadsOn,
    NullAccepted,
    TrueAccepted,
    ZeroAccepted,
    MissingAccepted,
    ListAccepted,
    ObjectAccepted,
    TypeCode(u16),
    TypeIgnored,
    Shared,
    Remembered,
    ByText,
    RestOfSegmentLost,
    CheckedAside,
    ClosesSoon,
    OnlyHeartbeats,
    OnlyFirstOp,
    GreetsAgain,
}

/// What is wrong with the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    RequestAnswered,
    RequestAnsweredAndClosed,
    RequestIgnored,
    RequestCode(u16),
    RequestNoFrame,
    UnknownWIgnored,
    AfterTheBatch,
    DispatchIgnored,
    DispatchCode(u16),
    HeartbeatIgnored,
    HeartbeatAcked,
}

/// What is wrong with heartbeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    NoAck,
    NoAckAfterFirst,
    DoubleAck,
    EverySecond,
    Coalesced,
    ToNewest,
    ToAll,
    OnATimer,
    AckForHelloAck,
    AckLate,
    NeverTimesOut,
    At70Percent,
    At97Percent,
    NotReset,
    OnlyFirstResets,
    EachAddsAnInterval,
    ArmedByFirst,
    AnyPacketCounts,
    PingsCount,
    PongsCount,
    RequestsCount,
    DispatchesCount,
    Code(u16),
    NoCode,
    NoFrame,
    AtSix,
    AliveByOthers,
    OneEndsAll,
    FirstConnectionOnly,
    StaleTimer,
}

/// What is wrong with requests and their answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    LostInBatch,
    LostBeyond16,
    OnlyFirstServed,
    OnlyTenServed,
    AnsweredTwice,
    AnsweredTwiceLater,
    ToNewest,
    ToAll,
    ToLastAsker,
    SlotReused,
    OneInFlight,
    NonceOnce,
    NonceGlobal,
    FragmentsLost,
    DispatchAnswered,
    DispatchAnsweredWithoutNonce,
    DispatchWithNonceAnswered,
    NonceMissing,
    ResultMissing,
    HeartbeatAnswered,
    UnknownOpAnswered,
    SecondHelloAckAnswered,
    Echoed,
}

/// What is wrong with HELLO and with packets at large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Say {
    NoHello,
    HelloAfterClient,
    HelloOnlyFirst,
    HelloOneAtATime,
    HelloTwice,
    HelloRepeated,
    Interval(&'static str),
    AckFirst,
    HelloBinary,
    AckBinary,
    ResponseBinary,
    AckAsList,
    ResponseAsList,
    AckOpText,
    AckWithoutOp,
    ResponseNotJson,
    Unasked(u8),
    UnaskedWhenAsked(u8),
}

/// How a server is bent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quirk {
    // Right.
    Plain,
    Pretty,
    Escaped,
    Reordered,
    ExtraMembers,
    FloatSpelling,
    ExponentSpelling,
    DoubleNonces,
    Slow(u64),
    SlowInTurn(u64),
    SlowAcks(u64),
    Lifo,
    Jitter,
    FixedWindows(u64),
    Prompt,
    PromptFromConnect,
    Fragmented,
    PingBetweenFragments,
    EmptyFragments,
    ServerPings,
    OneOctet,
    OneWriteABatch,
    Reason(&'static str),
    NoEchoAwaited,
    ResetBehindClose,
    HalfClose,
    CloseTwice,
    ClosesOpen(u16),
    DropsOpen,
    UnknownWCloses,
    UnknownWIgnored,
    HandshakeLimit(u16),
    EarlyHeartbeat(u16, bool),
    EarlyHeartbeatDrops,
    UndeclaredDispatchCloses,
    SlowHello(u64),
    NewOps,
    IntervalVaries,
    IntervalAsFloat,
    TrailingWhitespace,
    // Wrong.
    Auth(Auth),
    Gate(Gate),
    Beat(Beat),
    Ask(Ask),
    Nonce(Bend),
    Say(Say),
    LeavesTcpOpen,
    Kills(Bad),
    Hangs(Bad),
    KicksTheFirst,
    StarvesTimer,
}

impl Quirk {
    /// Whether the text allows it.
    pub(crate) fn is_right(self) -> bool {
        use Quirk::*;
        !matches!(
            self,
            Auth(_)
                | Gate(_)
                | Beat(_)
                | Ask(_)
                | Nonce(_)
                | Say(_)
                | LeavesTcpOpen
                | Kills(_)
                | Hangs(_)
                | KicksTheFirst
                | StarvesTimer
        )
    }
}

const LONG_REASON: &str = "bye: 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567";

/// Ways to be right.
pub(crate) const RIGHT: &[Quirk] = {
    use Quirk::*;
    &[
        Plain,
        Pretty,
        Escaped,
        Reordered,
        ExtraMembers,
        FloatSpelling,
        ExponentSpelling,
        DoubleNonces,
        Slow(300),
        Slow(2000),
        SlowInTurn(60),
        SlowInTurn(300),
        SlowAcks(300),
        Lifo,
        Jitter,
        FixedWindows(1000),
        FixedWindows(0),
        Prompt,
        PromptFromConnect,
        Fragmented,
        PingBetweenFragments,
        EmptyFragments,
        ServerPings,
        OneOctet,
        OneWriteABatch,
        Reason(""),
        Reason("gr\u{fc}\u{df} dich \u{1f600}"),
        Reason(LONG_REASON),
        NoEchoAwaited,
        ResetBehindClose,
        HalfClose,
        CloseTwice,
        ClosesOpen(1002),
        ClosesOpen(1003),
        ClosesOpen(1007),
        ClosesOpen(1008),
        ClosesOpen(4000),
        DropsOpen,
        UnknownWCloses,
        UnknownWIgnored,
        HandshakeLimit(4001),
        HandshakeLimit(4003),
        HandshakeLimit(1008),
        EarlyHeartbeat(4002, true),
        EarlyHeartbeat(4003, true),
        EarlyHeartbeat(1008, true),
        EarlyHeartbeat(4002, false),
        EarlyHeartbeat(4003, false),
        EarlyHeartbeatDrops,
        UndeclaredDispatchCloses,
        SlowHello(1500),
        NewOps,
        IntervalVaries,
        IntervalAsFloat,
        TrailingWhitespace,
    ]
};
