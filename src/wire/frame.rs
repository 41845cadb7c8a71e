//! RFC 6455 frames as they are on the wire: a writer that can write wrong ones, and a reader that
//! takes bytes in any pieces, names what is wrong and allocates nothing.

use super::fault::FrameFault;

/// The four bits that say what a frame is.
pub mod opcode {
    /// Goes on with the message begun before.
    pub const CONTINUATION: u8 = 0;
    /// Begins a text message.
    pub const TEXT: u8 = 1;
    /// Begins a binary message.
    pub const BINARY: u8 = 2;
    /// Closes the connection.
    pub const CLOSE: u8 = 8;
    /// Asks for a pong.
    pub const PING: u8 = 9;
    /// Answers a ping.
    pub const PONG: u8 = 10;

    /// Whether the opcode is one of a control frame (8 and above).
    pub fn is_control(opcode: u8) -> bool {
        opcode & 8 != 0
    }

    /// Whether RFC 6455 gives the opcode no meaning: 3 to 7 and 11 to 15.
    pub fn is_reserved(opcode: u8) -> bool {
        !matches!(opcode, CONTINUATION | TEXT | BINARY | CLOSE | PING | PONG)
    }
}

/// The longest payload a control frame may have, in bytes.
pub const MAX_CONTROL: u64 = 125;
/// The longest header a frame can have, in bytes.
pub const MAX_HEADER: usize = 14;

/// Which end of the connection we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// We opened it: our frames are masked, the peer's are not.
    Client,
    /// We accepted it: the peer's frames are masked, ours are not.
    Server,
}

/// How a frame's length goes into its header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Length {
    /// The payload's length in the shortest form: the only right way.
    #[default]
    Shortest,
    /// The payload's length in 16 bits (its low 16 bits, if it is longer).
    In16Bits,
    /// The payload's length in 64 bits.
    In64Bits,
    /// This number in its shortest form, whatever the payload's length is.
    Declared(u64),
}

/// A frame to be written, right or wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutFrame<'a> {
    /// Whether it ends its message.
    pub fin: bool,
    /// The reserved bits: RSV1 is 4, RSV2 is 2, RSV3 is 1.
    pub rsv: u8,
    /// The opcode; its low four bits are written.
    pub opcode: u8,
    /// The payload before masking.
    pub payload: &'a [u8],
    /// The masking key. `None`: no mask; but [`Conn::queue`](super::Conn::queue) masks a client's
    /// frames with a key of its own (`queue_exactly` does not).
    pub mask: Option<[u8; 4]>,
    /// How the length is written.
    pub length: Length,
}

impl<'a> OutFrame<'a> {
    /// A whole, right, unmasked frame.
    pub fn new(opcode: u8, payload: &'a [u8]) -> Self {
        Self {
            fin: true,
            rsv: 0,
            opcode,
            payload,
            mask: None,
            length: Length::Shortest,
        }
    }

    /// One text message in one frame.
    pub fn text(payload: &'a [u8]) -> Self {
        Self::new(opcode::TEXT, payload)
    }

    /// One binary message in one frame.
    pub fn binary(payload: &'a [u8]) -> Self {
        Self::new(opcode::BINARY, payload)
    }

    /// A ping.
    pub fn ping(payload: &'a [u8]) -> Self {
        Self::new(opcode::PING, payload)
    }

    /// A pong.
    pub fn pong(payload: &'a [u8]) -> Self {
        Self::new(opcode::PONG, payload)
    }

    /// A close frame with this body; see [`close_body`].
    pub fn close(body: &'a [u8]) -> Self {
        Self::new(opcode::CLOSE, body)
    }

    /// Appends the frame's bytes, exactly as the fields say.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        out.reserve(MAX_HEADER + self.payload.len());
        let fin = if self.fin { 0x80 } else { 0 };
        out.push(fin | (self.rsv & 7) << 4 | self.opcode & 0x0f);
        let masked = if self.mask.is_some() { 0x80 } else { 0 };
        let len = self.payload.len() as u64;
        match self.length {
            Length::Shortest => push_shortest(masked, len, out),
            Length::Declared(lie) => push_shortest(masked, lie, out),
            Length::In16Bits => push_16(masked, len as u16, out),
            Length::In64Bits => push_64(masked, len, out),
        }
        let Some(key) = self.mask else {
            out.extend_from_slice(self.payload);
            return;
        };
        out.extend_from_slice(&key);
        let start = out.len();
        out.extend_from_slice(self.payload);
        apply_mask(&mut out[start..], key, 0);
    }
}

fn push_shortest(masked: u8, len: u64, out: &mut Vec<u8>) {
    match len {
        0..=125 => out.push(masked | len as u8),
        126..=0xffff => push_16(masked, len as u16, out),
        _ => push_64(masked, len, out),
    }
}

fn push_16(masked: u8, len: u16, out: &mut Vec<u8>) {
    out.push(masked | 126);
    out.extend_from_slice(&len.to_be_bytes());
}

fn push_64(masked: u8, len: u64, out: &mut Vec<u8>) {
    out.push(masked | 127);
    out.extend_from_slice(&len.to_be_bytes());
}

/// The body of a close frame: nothing without a code, else the code and the reason.
pub fn close_body(code: Option<u16>, reason: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(2 + reason.len());
    if let Some(code) = code {
        body.extend_from_slice(&code.to_be_bytes());
    }
    body.extend_from_slice(reason);
    body
}

/// Masks or unmasks `bytes`, of which the first is the payload's byte number `offset`.
pub fn apply_mask(bytes: &mut [u8], key: [u8; 4], offset: u64) {
    let mut turned = key;
    turned.rotate_left((offset % 4) as usize);
    let mut chunks = bytes.chunks_exact_mut(4);
    for chunk in &mut chunks {
        for (byte, key) in chunk.iter_mut().zip(turned) {
            *byte ^= key;
        }
    }
    for (byte, key) in chunks.into_remainder().iter_mut().zip(turned) {
        *byte ^= key;
    }
}

/// What a frame's header said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whether it ends its message.
    pub fin: bool,
    /// The reserved bits: RSV1 is 4, RSV2 is 2, RSV3 is 1.
    pub rsv: u8,
    /// The opcode, 0 to 15.
    pub opcode: u8,
    /// The masking key, if the frame is masked.
    pub mask: Option<[u8; 4]>,
    /// The declared length of the payload in bytes, whatever it is.
    pub len: u64,
    /// How many bytes the header took, 2 to 14.
    pub size: u8,
}

impl Header {
    /// Reads a header from the start of `bytes`; `None` when there are too few.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        let mut at = 2;
        let len = match second & 0x7f {
            126 => u64::from(u16::from_be_bytes(take(bytes, &mut at)?)),
            127 => u64::from_be_bytes(take(bytes, &mut at)?),
            short => u64::from(short),
        };
        let mask = if second & 0x80 != 0 {
            Some(take(bytes, &mut at)?)
        } else {
            None
        };
        Some(Self {
            fin: first & 0x80 != 0,
            rsv: first >> 4 & 7,
            opcode: first & 0x0f,
            mask,
            len,
            size: at as u8,
        })
    }

    /// Whether the length could have been written in fewer bytes.
    pub fn is_longer_than_needed(&self) -> bool {
        let extra = self.size - 2 - if self.mask.is_some() { 4 } else { 0 };
        match extra {
            2 => self.len < 126,
            8 => self.len <= 0xffff,
            _ => false,
        }
    }

    /// Everything that is wrong with the header alone, as seen by `side`, fatal faults last.
    pub fn faults(&self, side: Side) -> impl Iterator<Item = FrameFault> + use<> {
        let Self {
            fin,
            rsv,
            opcode,
            mask,
            len,
            ..
        } = *self;
        let control = opcode::is_control(opcode);
        [
            (rsv != 0).then_some(FrameFault::ReservedBits { rsv, opcode }),
            opcode::is_reserved(opcode).then_some(FrameFault::ReservedOpcode { opcode }),
            (side == Side::Client && mask.is_some()).then_some(FrameFault::MaskedFromServer),
            (side == Side::Server && mask.is_none()).then_some(FrameFault::UnmaskedFromClient),
            (control && !fin).then_some(FrameFault::FragmentedControl { opcode }),
            (control && len > MAX_CONTROL).then_some(FrameFault::LongControl { opcode, len }),
            self.is_longer_than_needed()
                .then_some(FrameFault::LengthNotShortest { len }),
            (len >> 63 != 0).then_some(FrameFault::LengthTopBit { len }),
        ]
        .into_iter()
        .flatten()
    }
}

fn take<const N: usize>(bytes: &[u8], at: &mut usize) -> Option<[u8; N]> {
    let taken = bytes.get(*at..*at + N)?.try_into().ok()?;
    *at += N;
    Some(taken)
}

/// A step of [`FrameReader`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A frame begins.
    Header(Header),
    /// Some of its payload, at least one byte, still masked.
    Payload {
        /// The bytes.
        bytes: &'a [u8],
        /// How many bytes of this payload came before.
        offset: u64,
    },
    /// The frame is whole.
    End,
}

/// Splits a stream of bytes into frames; holds at most one header.
#[derive(Clone, Debug, Default)]
pub struct FrameReader {
    head: [u8; MAX_HEADER],
    have: usize,
    /// The length declared and the bytes seen, inside a payload.
    payload: Option<(u64, u64)>,
}

impl FrameReader {
    /// A reader at the start of a frame.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes off `input` up to the next step; `None` when it is used up.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Option<Piece<'a>> {
        let Some((len, seen)) = self.payload else {
            return self.next_header(input).map(Piece::Header);
        };
        if seen == len {
            self.payload = None;
            return Some(Piece::End);
        }
        let here = usize::try_from(len - seen)
            .unwrap_or(usize::MAX)
            .min(input.len());
        if here == 0 {
            return None;
        }
        let (bytes, rest) = input.split_at(here);
        *input = rest;
        self.payload = Some((len, seen + here as u64));
        Some(Piece::Payload {
            bytes,
            offset: seen,
        })
    }

    fn next_header(&mut self, input: &mut &[u8]) -> Option<Header> {
        let had = self.have;
        let here = input.len().min(MAX_HEADER - had);
        self.head[had..had + here].copy_from_slice(&input[..here]);
        match Header::parse(&self.head[..had + here]) {
            Some(header) => {
                // It did not parse from the `had` bytes alone, so it is longer than those.
                *input = &input[usize::from(header.size) - had..];
                self.have = 0;
                self.payload = Some((header.len, 0));
                Some(header)
            }
            None => {
                *input = &input[here..];
                self.have = had + here;
                None
            }
        }
    }

    /// Whether the bytes so far end inside a frame.
    pub fn inside_frame(&self) -> bool {
        self.have > 0 || self.payload.is_some()
    }
}
