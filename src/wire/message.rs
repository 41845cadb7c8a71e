//! Frames put together to messages, with nothing answered, hidden or corrected: control frames
//! come out between the fragments, close codes as they are, bad UTF-8 as bytes.

use std::collections::VecDeque;

use thiserror::Error;

use super::fault::FrameFault;
use super::frame::{FrameReader, Header, Piece, Side, apply_mask, opcode};
use super::limits::Limits;

/// The longest control frame that is delivered; RFC 6455 allows 125 bytes.
pub const MAX_DELIVERED_CONTROL: usize = 64 << 10;

/// What came from the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A whole text message.
    Text {
        /// The text; its bytes, if they are not UTF-8.
        text: Result<String, Vec<u8>>,
        /// In how many frames it came, at least 1.
        frames: u32,
    },
    /// A whole binary message.
    Binary {
        /// The bytes.
        bytes: Vec<u8>,
        /// In how many frames it came, at least 1.
        frames: u32,
    },
    /// A ping's payload.
    Ping(Vec<u8>),
    /// A pong's payload.
    Pong(Vec<u8>),
    /// A close frame. Whatever comes behind it is still delivered.
    Close(CloseBody),
    /// A breach of RFC 6455, or of our limits. Those of one frame come before the frame.
    Fault(FrameFault),
    /// Bytes of a connection that has no WebSocket, as they were read.
    Bytes(Vec<u8>),
    /// The peer ended its side of the stream.
    Eof,
    /// The stream failed, with the error's text.
    Reset(String),
}

/// A close frame's body as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseBody {
    /// The true code, whatever it is; `None` when the body has fewer than two bytes.
    pub code: Option<u16>,
    /// The bytes behind the code.
    pub reason: Vec<u8>,
    /// What breaks RFC 6455; the first in the order of [`CloseFault`].
    pub fault: Option<CloseFault>,
}

/// What is wrong with a close frame's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CloseFault {
    /// A body of one byte, half a code.
    #[error("close body of one byte (0x{byte:02x})")]
    OneByte {
        /// The byte.
        byte: u8,
    },
    /// A code that nobody may send: below 1000, 1004 to 1006, 1015 to 2999, 5000 and above.
    #[error("close code {code} may not be sent")]
    ForbiddenCode {
        /// The code.
        code: u16,
    },
    /// The reason is not UTF-8.
    #[error("close reason is not UTF-8")]
    ReasonNotUtf8,
}

impl CloseBody {
    /// Reads the payload of a close frame.
    pub fn parse(payload: &[u8]) -> Self {
        let (code, reason) = match payload {
            [] => {
                return Self {
                    code: None,
                    reason: Vec::new(),
                    fault: None,
                };
            }
            &[byte] => {
                let fault = Some(CloseFault::OneByte { byte });
                return Self {
                    code: None,
                    reason: Vec::new(),
                    fault,
                };
            }
            [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
        };
        let allowed = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        let fault = if !allowed {
            Some(CloseFault::ForbiddenCode { code })
        } else if std::str::from_utf8(reason).is_err() {
            Some(CloseFault::ReasonNotUtf8)
        } else {
            None
        };
        Self {
            code: Some(code),
            reason: reason.to_vec(),
            fault,
        }
    }
}

/// A message of which not all has come.
#[derive(Debug)]
struct Unfinished {
    text: bool,
    bytes: Vec<u8>,
    frames: u32,
    /// Over a limit: its bytes are dropped.
    skipped: bool,
}

/// Where the payload of the frame being read goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dest {
    Message,
    Control,
    Nowhere,
}

/// Turns bytes into [`Incoming`] items, one at a time and without I/O. The items do not depend on
/// how the bytes were cut.
#[derive(Debug)]
pub struct Decoder {
    side: Side,
    message_limit: usize,
    fragment_limit: u32,
    reader: FrameReader,
    frame: Option<(Header, Dest)>,
    message: Option<Unfinished>,
    control: Vec<u8>,
    faults: VecDeque<FrameFault>,
    out_of_step: bool,
}

impl Decoder {
    /// A decoder for what the peer of `side` sends. Of the limits it keeps `message` and
    /// `fragments`.
    pub fn new(side: Side, limits: &Limits) -> Self {
        Self {
            side,
            message_limit: limits.message,
            fragment_limit: limits.fragments,
            reader: FrameReader::new(),
            frame: None,
            message: None,
            control: Vec::new(),
            faults: VecDeque::new(),
            out_of_step: false,
        }
    }

    /// Takes bytes off `input` up to the next item; `None` when it is used up. After a fatal fault
    /// it takes all bytes and gives nothing.
    pub fn next(&mut self, input: &mut &[u8]) -> Option<Incoming> {
        loop {
            if let Some(fault) = self.faults.pop_front() {
                self.out_of_step |= fault.fatal();
                return Some(Incoming::Fault(fault));
            }
            if self.out_of_step {
                *input = &[];
                return None;
            }
            match self.reader.next(input)? {
                Piece::Header(header) => self.begin(header),
                Piece::Payload { bytes, offset } => self.add(bytes, offset),
                Piece::End => {
                    if let Some(incoming) = self.end() {
                        return Some(incoming);
                    }
                }
            }
        }
    }

    /// What the end of the stream cuts short, if anything.
    pub fn cut_short(&self) -> Option<FrameFault> {
        if self.out_of_step {
            None
        } else if self.reader.inside_frame() {
            Some(FrameFault::CutShort { what: "frame" })
        } else if self.message.is_some() {
            Some(FrameFault::CutShort { what: "message" })
        } else {
            None
        }
    }

    /// How many bytes it holds in memory for what is not yet delivered.
    pub fn held(&self) -> usize {
        self.control.capacity() + self.message.as_ref().map_or(0, |m| m.bytes.capacity())
    }

    /// A header came: finds its faults and where its payload goes.
    fn begin(&mut self, header: Header) {
        self.faults.extend(header.faults(self.side));
        let into = if opcode::is_reserved(header.opcode) {
            Dest::Nowhere
        } else if opcode::is_control(header.opcode) {
            self.begin_control(&header)
        } else {
            self.begin_data(&header)
        };
        // A fatal fault comes last and alone decides.
        if let Some(at) = self.faults.iter().position(FrameFault::fatal) {
            self.faults.truncate(at + 1);
        }
        self.frame = Some((header, into));
    }

    fn begin_control(&mut self, header: &Header) -> Dest {
        let limit = MAX_DELIVERED_CONTROL.min(self.message_limit.max(125));
        if header.len > limit as u64 {
            self.faults.push_back(FrameFault::TooLong {
                len: header.len,
                limit,
            });
            return Dest::Nowhere;
        }
        Dest::Control
    }

    fn begin_data(&mut self, header: &Header) -> Dest {
        if header.opcode == opcode::CONTINUATION {
            if self.message.is_none() {
                self.faults.push_back(FrameFault::ContinuationWithoutStart);
                return Dest::Nowhere;
            }
        } else {
            if self.message.is_some() {
                self.faults.push_back(FrameFault::DataInsideMessage {
                    opcode: header.opcode,
                });
            }
            let text = header.opcode == opcode::TEXT;
            self.message = Some(Unfinished {
                text,
                bytes: Vec::new(),
                frames: 0,
                skipped: false,
            });
        }
        let Some(message) = &mut self.message else {
            return Dest::Nowhere;
        };
        message.frames = message.frames.saturating_add(1);
        if message.skipped {
            return Dest::Nowhere;
        }
        let len = header.len.saturating_add(message.bytes.len() as u64);
        let fault = if len > self.message_limit as u64 {
            FrameFault::TooLong {
                len,
                limit: self.message_limit,
            }
        } else if message.frames > self.fragment_limit {
            FrameFault::TooManyFragments {
                limit: self.fragment_limit,
            }
        } else {
            return Dest::Message;
        };
        self.faults.push_back(fault);
        message.skipped = true;
        message.bytes = Vec::new();
        Dest::Nowhere
    }

    /// Some of the payload came.
    fn add(&mut self, bytes: &[u8], offset: u64) {
        let Some((header, into)) = self.frame else {
            return;
        };
        let (buffer, most) = match (into, &mut self.message) {
            (Dest::Control, _) => (&mut self.control, header.len as usize),
            (Dest::Message, Some(message)) if header.fin => {
                let before = message.bytes.len() - offset as usize;
                (&mut message.bytes, before + header.len as usize)
            }
            (Dest::Message, Some(message)) => (&mut message.bytes, self.message_limit),
            (Dest::Message, None) | (Dest::Nowhere, _) => return,
        };
        grow(buffer, bytes.len(), most);
        let start = buffer.len();
        buffer.extend_from_slice(bytes);
        if let Some(key) = header.mask {
            apply_mask(&mut buffer[start..], key, offset);
        }
    }

    /// The frame is whole.
    fn end(&mut self) -> Option<Incoming> {
        let (header, into) = self.frame.take()?;
        if into == Dest::Control {
            let payload = std::mem::take(&mut self.control);
            return Some(match header.opcode {
                opcode::PING => Incoming::Ping(payload),
                opcode::PONG => Incoming::Pong(payload),
                _ => Incoming::Close(CloseBody::parse(&payload)),
            });
        }
        if !header.fin || opcode::is_control(header.opcode) || opcode::is_reserved(header.opcode) {
            return None;
        }
        let Unfinished {
            text,
            bytes,
            frames,
            skipped,
        } = self.message.take()?;
        match (skipped, text) {
            (true, _) => None,
            (false, true) => {
                let text = String::from_utf8(bytes).map_err(|error| error.into_bytes());
                Some(Incoming::Text { text, frames })
            }
            (false, false) => Some(Incoming::Binary { bytes, frames }),
        }
    }
}

/// Makes room for `more` bytes: doubles what is held, but never beyond `most`, which is all there
/// can be. What is only declared costs nothing.
fn grow(buffer: &mut Vec<u8>, more: usize, most: usize) {
    let need = buffer.len() + more;
    if need > buffer.capacity() {
        let target = need.max(buffer.capacity().saturating_mul(2).min(most));
        buffer.reserve_exact(target - buffer.len());
    }
}
