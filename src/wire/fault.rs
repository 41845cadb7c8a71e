//! What can be wrong with frames, one variant a breach, and what reading does about it.

use thiserror::Error;

/// What breaks RFC 6455 on the way from the peer. Only what [`is fatal`](Self::fatal) ends the
/// reading; after the others the reader is in step with the bytes and goes on as each one says.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FrameFault {
    /// Reserved bits without an extension. The frame is delivered as if they were not set.
    #[error(
        "frame with opcode {opcode} has reserved bits set ({rsv:03b}) and no extension was agreed"
    )]
    ReservedBits {
        /// RSV1 is 4, RSV2 is 2, RSV3 is 1.
        rsv: u8,
        /// The frame's opcode.
        opcode: u8,
    },
    /// Opcode 3 to 7 or 11 to 15. The frame is skipped.
    #[error("frame has the reserved opcode {opcode}")]
    ReservedOpcode {
        /// The frame's opcode.
        opcode: u8,
    },
    /// The frame is unmasked and delivered.
    #[error("frame from the server is masked")]
    MaskedFromServer,
    /// The frame is delivered.
    #[error("frame from the client is not masked")]
    UnmaskedFromClient,
    /// A ping, pong or close without FIN. It is delivered as if it had it.
    #[error("control frame with opcode {opcode} is fragmented")]
    FragmentedControl {
        /// The frame's opcode.
        opcode: u8,
    },
    /// A control frame of more than 125 bytes. Delivered, or skipped if it is also
    /// [too long](Self::TooLong).
    #[error("control frame with opcode {opcode} has {len} bytes, more than 125")]
    LongControl {
        /// The frame's opcode.
        opcode: u8,
        /// The declared length in bytes.
        len: u64,
    },
    /// A continuation of nothing. The frame is skipped.
    #[error("continuation frame without a message to continue")]
    ContinuationWithoutStart,
    /// A text or binary frame while a message is unfinished. The unfinished message is given up,
    /// the new one begins.
    #[error("frame with opcode {opcode} begins a message inside an unfinished one")]
    DataInsideMessage {
        /// The frame's opcode.
        opcode: u8,
    },
    /// A length in more bytes than it needs. The frame is delivered.
    #[error("length {len} is not in its shortest form")]
    LengthNotShortest {
        /// The declared length in bytes.
        len: u64,
    },
    /// A length of 2^63 or more. Fatal: no payload can have it, so nothing says where the next
    /// frame begins.
    #[error("length {len} has its top bit set")]
    LengthTopBit {
        /// The declared length in bytes.
        len: u64,
    },
    /// More than we are willing to hold. The message is skipped, its later frames too.
    #[error("message of {len} bytes or more is over the limit of {limit}")]
    TooLong {
        /// The bytes of the message so far with those that are declared.
        len: u64,
        /// Our limit in bytes.
        limit: usize,
    },
    /// More frames in one message than we are willing to count. The message is skipped, its later
    /// frames too.
    #[error("message has more than {limit} frames")]
    TooManyFragments {
        /// Our limit in frames.
        limit: u32,
    },
    /// The stream ended inside a frame or inside a fragmented message. `Eof` follows.
    #[error("stream ended inside a {what}")]
    CutShort {
        /// `frame` or `message`.
        what: &'static str,
    },
}

impl FrameFault {
    /// Whether reading cannot go on: nothing more will come from this connection.
    pub fn fatal(&self) -> bool {
        match self {
            Self::LengthTopBit { .. } => true,
            Self::ReservedBits { .. }
            | Self::ReservedOpcode { .. }
            | Self::MaskedFromServer
            | Self::UnmaskedFromClient
            | Self::FragmentedControl { .. }
            | Self::LongControl { .. }
            | Self::ContinuationWithoutStart
            | Self::DataInsideMessage { .. }
            | Self::LengthNotShortest { .. }
            | Self::TooLong { .. }
            | Self::TooManyFragments { .. }
            | Self::CutShort { .. } => false,
        }
    }
}
