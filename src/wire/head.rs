//! Heads of HTTP/1 messages, read as they come: any chunks, any line ends, odd lines kept apart.
//! It stops at limits, and early at what cannot be HTTP.

use super::limits::Limits;

/// Which kind of head is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `GET /path HTTP/1.1`
    Request,
    /// `HTTP/1.1 101 Switching Protocols`
    Response,
}

/// Why there is no head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HeadError {
    /// This is not how HTTP begins; the start, escaped.
    NotHttp(String),
    /// More bytes or lines than the limits allow.
    TooLong,
}

/// A head in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The three parts of the first line; the last may be empty in a response.
    pub(super) first: [String; 3],
    /// Names as they came, values trimmed, folded lines joined by a blank. What is not UTF-8 has
    /// replacement characters.
    pub(super) headers: Vec<(String, String)>,
    /// Lines that are no headers.
    pub(super) odd_lines: Vec<String>,
}

/// Collects a head.
#[derive(Debug)]
pub(super) struct HeadReader {
    kind: Kind,
    max_bytes: usize,
    max_lines: usize,
    bytes: Vec<u8>,
    line_start: usize,
    /// The whole lines so far, the first one included.
    lines: usize,
}

impl HeadReader {
    pub(super) fn new(kind: Kind, limits: &Limits) -> Self {
        Self {
            kind,
            max_bytes: limits.head,
            max_lines: limits.headers.saturating_add(1),
            bytes: Vec::new(),
            line_start: 0,
            lines: 0,
        }
    }

    /// Takes more bytes. When the head is whole: it, and how many of these bytes belong to it; the
    /// reader then waits for another head, under what is left of the limits.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<Option<(Head, usize)>, HeadError> {
        for (at, &byte) in bytes.iter().enumerate() {
            if self.bytes.len() >= self.max_bytes {
                return Err(HeadError::TooLong);
            }
            self.bytes.push(byte);
            if self.lines == 0 && !self.can_begin(byte) {
                return Err(self.not_http(&bytes[at + 1..]));
            }
            if byte != b'\n' {
                continue;
            }
            if trim_end(&self.bytes[self.line_start..]).is_empty() {
                let head = self.take().ok_or_else(|| self.not_http(&[]))?;
                return Ok(Some((head, at + 1)));
            }
            self.line_start = self.bytes.len();
            self.lines += 1;
            if self.lines == 1 && self.first_line().is_none() {
                return Err(self.not_http(&[]));
            }
            if self.lines > self.max_lines {
                return Err(HeadError::TooLong);
            }
        }
        Ok(None)
    }

    /// Whether a first line can have `byte`, the last one taken, where it is.
    fn can_begin(&self, byte: u8) -> bool {
        let at = self.bytes.len() - 1;
        match (self.kind, b"HTTP/".get(at)) {
            (Kind::Response, Some(&expected)) => byte == expected,
            (Kind::Request, Some(_)) => byte.is_ascii_graphic() || byte == b' ',
            _ => !matches!(byte, 0..=8 | 11 | 12 | 14..=31 | 127),
        }
    }

    fn not_http(&self, behind: &[u8]) -> HeadError {
        let start: Vec<u8> = self
            .bytes
            .iter()
            .chain(behind)
            .copied()
            .take(SHOWN + 1)
            .collect();
        HeadError::NotHttp(escaped(&start))
    }

    fn first_line(&self) -> Option<[String; 3]> {
        let line = self.bytes.split(|&byte| byte == b'\n').next()?;
        let mut parts = trim_end(line).splitn(3, |&byte| byte == b' ');
        let mut next = || {
            parts
                .next()
                .map(|part| String::from_utf8_lossy(part).into_owned())
        };
        let (one, two, three) = (next()?, next()?, next());
        let right = match self.kind {
            Kind::Response => {
                is_version(&one) && two.len() == 3 && two.bytes().all(|byte| byte.is_ascii_digit())
            }
            Kind::Request => {
                is_token(&one) && !two.is_empty() && three.as_deref().is_some_and(is_version)
            }
        };
        right.then(|| [one, two, three.unwrap_or_default()])
    }

    /// The head that has become whole; `None` without a right first line.
    fn take(&mut self) -> Option<Head> {
        let first = self.first_line()?;
        let mut head = Head {
            first,
            headers: Vec::new(),
            odd_lines: Vec::new(),
        };
        let lines = self.bytes.split(|&byte| byte == b'\n').skip(1);
        for line in lines.map(trim_end).filter(|line| !line.is_empty()) {
            head.add(&String::from_utf8_lossy(line));
        }
        self.max_bytes -= self.bytes.len();
        self.max_lines -= self.lines - 1;
        self.bytes = Vec::new();
        self.line_start = 0;
        self.lines = 0;
        Some(head)
    }
}

impl Head {
    fn add(&mut self, line: &str) {
        if let Some(folded) = line.strip_prefix([' ', '\t']) {
            match self.headers.last_mut() {
                Some((_, value)) => value.extend([" ", folded.trim_ascii()]),
                None => self.odd_lines.push(line.to_owned()),
            }
            return;
        }
        match line.split_once(':') {
            Some((name, value)) if is_token(name) => {
                self.headers
                    .push((name.to_owned(), value.trim_ascii().to_owned()));
            }
            _ => self.odd_lines.push(line.to_owned()),
        }
    }
}

/// All values of the header `name`, whatever its case.
pub(super) fn values<'a>(
    headers: &'a [(String, String)],
    name: &'a str,
) -> impl Iterator<Item = &'a str> {
    headers
        .iter()
        .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, v)| v.as_str())
}

/// All elements of the comma-separated header `name`.
pub(super) fn elements<'a>(
    headers: &'a [(String, String)],
    name: &'a str,
) -> impl Iterator<Item = &'a str> {
    values(headers, name)
        .flat_map(|value| value.split(','))
        .map(str::trim_ascii)
        .filter(|e| !e.is_empty())
}

/// Whether `text` is a token of HTTP, as names of methods, headers and subprotocols are.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn is_version(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.strip_prefix("HTTP/")
        .is_some_and(|number| match number.split_once('.') {
            Some((major, minor)) => digits(major) && digits(minor),
            None => digits(number),
        })
}

fn trim_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// How many bytes of what is not HTTP are shown.
const SHOWN: usize = 80;

/// The start of `bytes` for a message: what does not print is escaped, what is long is cut.
pub(super) fn escaped(bytes: &[u8]) -> String {
    let mut shown = String::new();
    for chunk in bytes[..bytes.len().min(SHOWN)].utf8_chunks() {
        shown.extend(chunk.valid().escape_debug());
        for byte in chunk.invalid() {
            shown.push_str(&format!("\\x{byte:02x}"));
        }
    }
    if bytes.len() > SHOWN {
        shown.push_str("...");
    }
    shown
}
