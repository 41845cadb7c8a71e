//! Packets out of bytes and back, in one pass and without a copy. The policy is in the
//! [module's documentation](super).

use super::error::{Expected, Field, JsonError, JsonFault};
use super::escape;
use super::limits::MAX_SIZE;
use super::number::{self, Integer};
use super::opcode::Op;
use super::packet::{Interval, Packet, Raw, Str};
use super::scan;

pub use super::error::{DecodeError, DecodeFault};

/// Reads a packet of at most [`MAX_SIZE`] bytes.
///
/// # Errors
/// The bytes are no packet, or beyond a limit; the error says where and what was expected.
pub fn decode(bytes: &[u8]) -> Result<Packet<'_>, DecodeError> {
    decode_within(bytes, MAX_SIZE)
}

/// Reads a packet of at most so many bytes.
///
/// # Errors
/// As [`decode`].
pub fn decode_within(bytes: &[u8], max_size: usize) -> Result<Packet<'_>, DecodeError> {
    if bytes.len() > max_size {
        return Err(JsonError::new(max_size, JsonFault::TooLarge(max_size)).into());
    }
    let start = scan::blanks(bytes, 0);
    if bytes.get(start) != Some(&b'{') {
        return Err(no_object(bytes, start));
    }
    let mut members = Members::default();
    let at = members.read(bytes, start + 1)?;
    scan::end(bytes, at)?;
    members.packet(bytes, at - 1)
}

/// Whether bytes are one JSON value, by the policy and the depth limit; their size is the caller's.
///
/// # Errors
/// Where they are not, and what was expected there.
pub fn validate(bytes: &[u8]) -> Result<(), JsonError> {
    scan::document(bytes)
}

/// A packet's text: compact, `op` first, raw members as they came.
///
/// What is encoded decodes to an equal packet, provided that `a` is a list.
pub fn encode(packet: &Packet<'_>) -> String {
    let mut out = Vec::new();
    encode_into(packet, &mut out);
    String::from_utf8(out).expect("raw members are UTF-8 and the rest is text")
}

/// Appends what [`encode`] gives.
pub fn encode_into(packet: &Packet<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"op\":");
    out.push(b'0' + packet.op().number());
    match packet {
        Packet::Hello { hb_interval } => {
            out.extend_from_slice(b",\"hb_interval\":");
            out.extend_from_slice(hb_interval.to_string().as_bytes());
        }
        Packet::HelloAck { password } => {
            out.extend_from_slice(b",\"password\":");
            password.write_into(out);
        }
        Packet::Heartbeat | Packet::HeartbeatAck => {}
        Packet::Request { w, a, n } => {
            write_call(out, w, a);
            out.extend_from_slice(b",\"n\":");
            out.extend_from_slice(n.as_bytes());
        }
        Packet::Response { n, r } => {
            out.extend_from_slice(b",\"n\":");
            out.extend_from_slice(n.as_bytes());
            out.extend_from_slice(b",\"r\":");
            out.extend_from_slice(r.as_bytes());
        }
        Packet::Dispatch { w, a } => write_call(out, w, a),
    }
    out.push(b'}');
}

fn write_call(out: &mut Vec<u8>, w: &Str<'_>, a: &Raw<'_>) {
    out.extend_from_slice(b",\"w\":");
    w.write_into(out);
    out.extend_from_slice(b",\"a\":");
    out.extend_from_slice(a.as_bytes());
}

/// Where a value stands. No value stands at 0, where the packet's brace is: that means "missing".
#[derive(Clone, Copy, Default)]
struct Span {
    start: usize,
    end: usize,
}

/// A member's name, as far as packets care.
#[derive(Clone, Copy)]
enum Name {
    Op,
    Of(Field),
    Other,
}

/// The values of the members that some packet has, the last of each name.
#[derive(Default)]
struct Members {
    op: Span,
    /// The second `op`.
    again: usize,
    fields: [Span; 6],
}

impl Members {
    /// Reads the members from behind the object's brace; gives the place behind its end.
    #[inline(always)]
    fn read(&mut self, bytes: &[u8], at: usize) -> Result<usize, JsonError> {
        let mut at = scan::blanks(bytes, at);
        if bytes.get(at) == Some(&b'}') {
            return Ok(at + 1);
        }
        let mut expected = Expected::NameOrObjectEnd;
        loop {
            if bytes.get(at) != Some(&b'"') {
                return Err(scan::unexpected(bytes, at, expected));
            }
            let (name, behind) = name(bytes, at + 1)?;
            let start = scan::colon(bytes, behind)?;
            let end = scan::value(bytes, start, 1)?;
            match name {
                Name::Op if self.op.start == 0 => self.op = Span { start, end },
                Name::Op if self.again == 0 => self.again = at,
                Name::Of(field) => self.fields[field as usize] = Span { start, end },
                Name::Op | Name::Other => {}
            }
            at = scan::blanks(bytes, end);
            match bytes.get(at) {
                Some(b',') => at = scan::blanks(bytes, at + 1),
                Some(b'}') => return Ok(at + 1),
                _ => return Err(scan::unexpected(bytes, at, Expected::CommaOrObjectEnd)),
            }
            expected = Expected::Name;
        }
    }

    /// The packet that these members make; `end` is where the object's closing brace stands.
    #[inline(always)]
    fn packet<'a>(&self, bytes: &'a [u8], end: usize) -> Result<Packet<'a>, DecodeError> {
        let op = self.op(bytes, end)?;
        let found = Found {
            fields: &self.fields,
            bytes,
            end,
            op,
        };
        Ok(match op {
            Op::Hello => Packet::Hello {
                hb_interval: found.interval()?,
            },
            Op::HelloAck => Packet::HelloAck {
                password: found.string(Field::Password)?,
            },
            Op::Heartbeat => Packet::Heartbeat,
            Op::HeartbeatAck => Packet::HeartbeatAck,
            Op::Request => Packet::Request {
                w: found.string(Field::W)?,
                a: found.list(Field::A)?,
                n: found.any(Field::N)?,
            },
            Op::Response => Packet::Response {
                n: found.any(Field::N)?,
                r: found.any(Field::R)?,
            },
            Op::Dispatch => Packet::Dispatch {
                w: found.string(Field::W)?,
                a: found.list(Field::A)?,
            },
        })
    }

    #[inline(always)]
    fn op(&self, bytes: &[u8], end: usize) -> Result<Op, DecodeError> {
        let Span { start, end: behind } = self.op;
        if start == 0 {
            return Err(fault(end, DecodeFault::NoOp));
        }
        if self.again != 0 {
            return Err(fault(self.again, DecodeFault::DuplicateOp));
        }
        let spelling = &bytes[start..behind];
        if let [digit @ b'0'..=b'6'] = spelling {
            return Ok(Op::ALL[usize::from(digit - b'0')]);
        }
        odd_op(spelling).map_err(|kind| fault(start, kind))
    }
}

/// An op that is not spelled as one digit of the table.
#[cold]
fn odd_op(spelling: &[u8]) -> Result<Op, DecodeFault> {
    if !matches!(spelling[0], b'-' | b'0'..=b'9') {
        return Err(DecodeFault::OpType(scan::type_of(spelling, 0)));
    }
    match number::integer(spelling) {
        Integer::Is(value) => Op::from_number(value).ok_or(DecodeFault::UnknownOp),
        Integer::Negative | Integer::Beyond => Err(DecodeFault::UnknownOp),
        Integer::Not => Err(DecodeFault::OpNotInteger),
    }
}

/// The members of a packet whose op is known.
struct Found<'m, 'a> {
    fields: &'m [Span; 6],
    bytes: &'a [u8],
    end: usize,
    op: Op,
}

impl<'a> Found<'_, 'a> {
    #[inline(always)]
    fn text(&self, field: Field) -> Result<&'a [u8], DecodeError> {
        let Span { start, end } = self.fields[field as usize];
        if start == 0 {
            return Err(fault(self.end, DecodeFault::Missing(self.op, field)));
        }
        Ok(&self.bytes[start..end])
    }

    #[inline(always)]
    fn any(&self, field: Field) -> Result<Raw<'a>, DecodeError> {
        self.text(field).map(Raw::from_scanned)
    }

    #[inline(always)]
    fn string(&self, field: Field) -> Result<Str<'a>, DecodeError> {
        match self.text(field)? {
            [b'"', spelled @ .., _] => Ok(Str::from_scanned(spelled)),
            _ => Err(self.wrong_type(field)),
        }
    }

    #[inline(always)]
    fn list(&self, field: Field) -> Result<Raw<'a>, DecodeError> {
        match self.text(field)? {
            list @ [b'[', ..] => Ok(Raw::from_scanned(list)),
            _ => Err(self.wrong_type(field)),
        }
    }

    fn interval(&self) -> Result<Interval, DecodeError> {
        let field = Field::HbInterval;
        let spelling = self.text(field)?;
        if !matches!(spelling[0], b'-' | b'0'..=b'9') {
            return Err(self.wrong_type(field));
        }
        let interval = match number::integer(spelling) {
            Integer::Is(millis) => Interval::from_millis(millis),
            Integer::Beyond => Some(Interval::BEYOND),
            Integer::Negative | Integer::Not => None,
        };
        interval.ok_or_else(|| fault(self.fields[field as usize].start, DecodeFault::Interval))
    }

    #[cold]
    fn wrong_type(&self, field: Field) -> DecodeError {
        let start = self.fields[field as usize].start;
        fault(
            start,
            DecodeFault::FieldType {
                op: self.op,
                field,
                found: scan::type_of(self.bytes, start),
            },
        )
    }
}

#[cold]
fn fault(offset: usize, fault: DecodeFault) -> DecodeError {
    DecodeError { offset, fault }
}

/// Why bytes that do not begin with a brace are no packet: they may not even be JSON.
#[cold]
fn no_object(bytes: &[u8], start: usize) -> DecodeError {
    match validate(bytes) {
        Ok(()) => fault(start, DecodeFault::NotAnObject(scan::type_of(bytes, start))),
        Err(error) => error.into(),
    }
}

/// A member's name from behind its opening quote, and the place behind its closing one.
#[inline(always)]
fn name(bytes: &[u8], at: usize) -> Result<(Name, usize), JsonError> {
    match bytes.get(at..) {
        Some([letter @ (b'w' | b'a' | b'n' | b'r'), b'"', ..]) => {
            let field = match letter {
                b'w' => Field::W,
                b'a' => Field::A,
                b'n' => Field::N,
                _ => Field::R,
            };
            Ok((Name::Of(field), at + 2))
        }
        Some([b'o', b'p', b'"', ..]) => Ok((Name::Op, at + 3)),
        _ => long_name(bytes, at),
    }
}

#[inline(never)]
fn long_name(bytes: &[u8], at: usize) -> Result<(Name, usize), JsonError> {
    let end = scan::string(bytes, at)?;
    let name = match &bytes[at..end - 1] {
        b"password" => Name::Of(Field::Password),
        b"hb_interval" => Name::Of(Field::HbInterval),
        spelled if spelled.contains(&b'\\') => escaped_name(spelled),
        _ => Name::Other,
    };
    Ok((name, end))
}

#[cold]
fn escaped_name(spelled: &[u8]) -> Name {
    let is = |name: &str| {
        escape::code_points(spelled)
            .map(|(_, point)| point)
            .eq(name.chars().map(u32::from))
    };
    let fields = [
        Field::HbInterval,
        Field::Password,
        Field::W,
        Field::A,
        Field::N,
        Field::R,
    ];
    match fields.into_iter().find(|field| is(field.name())) {
        Some(field) => Name::Of(field),
        None if is("op") => Name::Op,
        None => Name::Other,
    }
}
