//! The client's side of the upgrade, without I/O: our request, and the judgement of the response.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::{Digest, Sha1};
use thiserror::Error;

use super::head::{Head, HeadError, HeadReader, Kind, elements, escaped, is_token, values};
use super::limits::Limits;
use super::open::OpenError;
use super::target::Target;

/// What we ask for beside the upgrade itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// More headers, names and values. Those with the name of a header of ours replace ours.
    pub headers: Vec<(String, String)>,
    /// Subprotocols, best first.
    pub subprotocols: Vec<String>,
}

/// Why an offer or an answer cannot be sent: it would break the head it is put in.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OfferError {
    /// A header name that is no HTTP token.
    #[error("header name {name:?} is not a name")]
    HeaderName {
        /// The name.
        name: String,
    },
    /// A header value with a control character, a line end for example.
    #[error("value of header {name} has a control character")]
    HeaderValue {
        /// The header's name.
        name: String,
    },
    /// A subprotocol that is no HTTP token.
    #[error("subprotocol {name:?} is not a name")]
    Subprotocol {
        /// The subprotocol.
        name: String,
    },
}

/// The head of a response to an upgrade request. What is not UTF-8 in it has replacement
/// characters; control characters are as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradeResponse {
    /// The version, `HTTP/1.1`.
    pub version: String,
    /// The status code, 0 to 999.
    pub status: u16,
    /// The words behind it.
    pub reason: String,
    /// The headers in order, names as they came, values trimmed.
    pub headers: Vec<(String, String)>,
    /// Lines that are no headers.
    pub odd_lines: Vec<String>,
}

impl UpgradeResponse {
    /// The first value of the header `name`, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    fn from_head(head: Head) -> Self {
        let Head {
            first: [version, status, reason],
            headers,
            odd_lines,
        } = head;
        // Three digits, as the reader made sure.
        let status = status
            .bytes()
            .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
        Self {
            version,
            status,
            reason,
            headers,
            odd_lines,
        }
    }
}

/// What is wrong with a response of status 101.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UpgradeFault {
    /// Not HTTP/1.1.
    #[error("version is {} instead of HTTP/1.1", escaped(.version.as_bytes()))]
    Version {
        /// The version.
        version: String,
    },
    /// No `Upgrade: websocket`.
    #[error("header Upgrade does not say websocket")]
    Upgrade,
    /// No `Connection: Upgrade`.
    #[error("header Connection does not say Upgrade")]
    Connection,
    /// No `Sec-WebSocket-Accept`.
    #[error("header Sec-WebSocket-Accept is missing")]
    NoAccept,
    /// It does not answer our key.
    #[error("header Sec-WebSocket-Accept is {} instead of {expected}", escaped(.got.as_bytes()))]
    Accept {
        /// The answer to our key.
        expected: String,
        /// What came.
        got: String,
    },
    /// An extension that we did not offer.
    #[error("extension {} was not offered", escaped(.name.as_bytes()))]
    Extension {
        /// The extension with its parameters.
        name: String,
    },
    /// A subprotocol that we did not offer, or more than one.
    #[error("subprotocol {} was not offered", escaped(.name.as_bytes()))]
    Subprotocol {
        /// The header's value.
        name: String,
    },
}

/// Our request and the reader of its response.
#[derive(Debug)]
pub struct ClientHandshake {
    request: Vec<u8>,
    accept: String,
    extensions_offered: bool,
    subprotocols: Vec<String>,
    reader: HeadReader,
}

impl ClientHandshake {
    /// Prepares a request, with a key from `rng`.
    pub fn new(
        target: &Target,
        offer: &Offer,
        limits: &Limits,
        rng: &mut fastrand::Rng,
    ) -> Result<Self, OfferError> {
        let mut nonce = [0; 16];
        rng.fill(&mut nonce);
        let mut headers = vec![
            ("Host".to_owned(), target.authority()),
            ("Upgrade".to_owned(), "websocket".to_owned()),
            ("Connection".to_owned(), "Upgrade".to_owned()),
            ("Sec-WebSocket-Key".to_owned(), BASE64.encode(nonce)),
            ("Sec-WebSocket-Version".to_owned(), "13".to_owned()),
        ];
        if let Some(name) = offer.subprotocols.iter().find(|name| !is_token(name)) {
            return Err(OfferError::Subprotocol { name: name.clone() });
        }
        if !offer.subprotocols.is_empty() {
            headers.push((
                "Sec-WebSocket-Protocol".to_owned(),
                offer.subprotocols.join(", "),
            ));
        }
        headers.retain(|(name, _)| values(&offer.headers, name).next().is_none());
        headers.extend(offer.headers.iter().cloned());

        let mut request = format!("GET {} HTTP/1.1\r\n", target.request_target()).into_bytes();
        write_headers(&headers, &mut request)?;
        Ok(Self {
            request,
            accept: accept_key(
                values(&headers, "Sec-WebSocket-Key")
                    .next()
                    .unwrap_or_default(),
            ),
            extensions_offered: values(&headers, "Sec-WebSocket-Extensions")
                .next()
                .is_some(),
            subprotocols: elements(&headers, "Sec-WebSocket-Protocol")
                .map(str::to_owned)
                .collect(),
            reader: HeadReader::new(Kind::Response, limits),
        })
    }

    /// The request's bytes.
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Takes more of the response; interim responses (100, 103) are passed over. When it is whole
    /// and right: the response, and how many of these bytes belong to it; the rest are frames.
    /// Whether and how it fails does not depend on how the bytes are cut.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Option<(UpgradeResponse, usize)>, OpenError> {
        let mut used = 0;
        while let Some((head, count)) = self.reader.read(&bytes[used..])? {
            used += count;
            let response = UpgradeResponse::from_head(head);
            match response.status {
                101 => {
                    let why = self.faults(&response);
                    if why.is_empty() {
                        return Ok(Some((response, used)));
                    }
                    return Err(OpenError::BadUpgrade { why });
                }
                100..200 => {}
                _ => return Err(OpenError::status(response)),
            }
        }
        Ok(None)
    }

    fn faults(&self, response: &UpgradeResponse) -> Vec<UpgradeFault> {
        let headers = &response.headers;
        let says = |name: &str, word: &str| {
            elements(headers, name).any(|element| element.eq_ignore_ascii_case(word))
        };
        let mut faults = Vec::new();
        if response.version != "HTTP/1.1" {
            faults.push(UpgradeFault::Version {
                version: response.version.clone(),
            });
        }
        if !says("Upgrade", "websocket") {
            faults.push(UpgradeFault::Upgrade);
        }
        if !says("Connection", "Upgrade") {
            faults.push(UpgradeFault::Connection);
        }
        let mut accepts = values(headers, "Sec-WebSocket-Accept").peekable();
        if accepts.peek().is_none() {
            faults.push(UpgradeFault::NoAccept);
        }
        if let Some(got) = accepts.find(|&got| got != self.accept) {
            let expected = self.accept.clone();
            faults.push(UpgradeFault::Accept {
                expected,
                got: got.to_owned(),
            });
        }
        if !self.extensions_offered {
            let names = elements(headers, "Sec-WebSocket-Extensions").map(str::to_owned);
            faults.extend(names.map(|name| UpgradeFault::Extension { name }));
        }
        let mut chosen = values(headers, "Sec-WebSocket-Protocol");
        let first = chosen.next();
        let second = chosen.next();
        if let Some(name) = first.filter(|&name| !self.subprotocols.iter().any(|own| own == name)) {
            faults.push(UpgradeFault::Subprotocol {
                name: name.to_owned(),
            });
        } else if let Some(name) = second {
            faults.push(UpgradeFault::Subprotocol {
                name: name.to_owned(),
            });
        }
        faults
    }
}

impl From<HeadError> for OpenError {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::NotHttp(start) => Self::NotHttp { start },
            HeadError::TooLong => Self::HeadTooLong,
        }
    }
}

/// What a server answers to the key of a request.
pub fn accept_key(key: &str) -> String {
    const MAGIC: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    BASE64.encode(Sha1::new().chain_update(key).chain_update(MAGIC).finalize())
}

/// Appends header lines and the empty line behind them.
pub(super) fn write_headers(
    headers: &[(String, String)],
    out: &mut Vec<u8>,
) -> Result<(), OfferError> {
    for (name, value) in headers {
        if !is_token(name) {
            return Err(OfferError::HeaderName { name: name.clone() });
        }
        if value
            .bytes()
            .any(|byte| byte.is_ascii_control() && byte != b'\t')
        {
            return Err(OfferError::HeaderValue { name: name.clone() });
        }
        for part in [name, ": ", value, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}
