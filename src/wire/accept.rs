//! The server's side of the upgrade: a client's request as it is, and any answer to it.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use thiserror::Error;
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use super::conn::Conn;
use super::frame::Side;
use super::head::{Head, HeadReader, Kind, elements, escaped, values};
use super::limits::Limits;
use super::open::{Exchanged, OpenError, exchange};
use super::stream::BoxStream;
use super::upgrade::{OfferError, accept_key, write_headers};

/// The head of an upgrade request. What is not UTF-8 in it has replacement characters; control
/// characters are as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradeRequest {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The version, `HTTP/1.1`.
    pub version: String,
    /// The headers in order, names as they came, values trimmed.
    pub headers: Vec<(String, String)>,
    /// What a right upgrade request would not have.
    pub faults: Vec<RequestFault>,
}

/// What is wrong with an upgrade request.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestFault {
    /// Not GET.
    #[error("method is {} instead of GET", escaped(.method.as_bytes()))]
    Method {
        /// The method.
        method: String,
    },
    /// Not HTTP/1.1.
    #[error("version is {version} instead of HTTP/1.1")]
    HttpVersion {
        /// The version.
        version: String,
    },
    /// A header that must be there once is missing.
    #[error("header {name} is missing")]
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// A header that must be there once is there more than once.
    #[error("header {name} is there more than once")]
    Repeated {
        /// Its name.
        name: &'static str,
    },
    /// `Upgrade` without `websocket`, or `Connection` without `Upgrade`.
    #[error("header {name} does not say {word}")]
    DoesNotSay {
        /// The header.
        name: &'static str,
        /// The word.
        word: &'static str,
    },
    /// A key that is not 16 bytes in base64.
    #[error("header Sec-WebSocket-Key is not 16 bytes in base64: {}", escaped(.key.as_bytes()))]
    Key {
        /// The key.
        key: String,
    },
    /// A version of WebSocket other than 13.
    #[error("header Sec-WebSocket-Version is {} instead of 13", escaped(.version.as_bytes()))]
    Version {
        /// The version.
        version: String,
    },
    /// A line that is no header.
    #[error("line is not a header: {}", escaped(.line.as_bytes()))]
    OddLine {
        /// The line.
        line: String,
    },
}

impl UpgradeRequest {
    /// The first value of the header `name`, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    /// The subprotocols that are offered, best first.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        elements(&self.headers, "Sec-WebSocket-Protocol")
    }

    /// The head that accepts it, even if it has faults. Without a key it has no
    /// `Sec-WebSocket-Accept`. `headers` come behind the necessary ones.
    pub fn acceptance(&self, headers: &[(String, String)]) -> Result<Vec<u8>, OfferError> {
        let mut all = vec![
            ("Upgrade".to_owned(), "websocket".to_owned()),
            ("Connection".to_owned(), "Upgrade".to_owned()),
        ];
        if let Some(key) = self.header("Sec-WebSocket-Key") {
            all.push(("Sec-WebSocket-Accept".to_owned(), accept_key(key)));
        }
        all.extend_from_slice(headers);
        let mut head = b"HTTP/1.1 101 Switching Protocols\r\n".to_vec();
        write_headers(&all, &mut head)?;
        Ok(head)
    }

    fn from_head(head: Head) -> Self {
        let Head {
            first: [method, path, version],
            headers,
            odd_lines,
        } = head;
        let mut request = Self {
            method,
            path,
            version,
            headers,
            faults: Vec::new(),
        };
        request.faults = request.find_faults();
        request.faults.extend(
            odd_lines
                .into_iter()
                .map(|line| RequestFault::OddLine { line }),
        );
        request
    }

    fn find_faults(&self) -> Vec<RequestFault> {
        let mut faults = Vec::new();
        if self.method != "GET" {
            faults.push(RequestFault::Method {
                method: self.method.clone(),
            });
        }
        if self.version != "HTTP/1.1" {
            faults.push(RequestFault::HttpVersion {
                version: self.version.clone(),
            });
        }
        for name in ["Host", "Sec-WebSocket-Key", "Sec-WebSocket-Version"] {
            match values(&self.headers, name).count() {
                0 => faults.push(RequestFault::Missing { name }),
                1 => {}
                _ => faults.push(RequestFault::Repeated { name }),
            }
        }
        for (name, word) in [("Upgrade", "websocket"), ("Connection", "Upgrade")] {
            if !elements(&self.headers, name).any(|element| element.eq_ignore_ascii_case(word)) {
                faults.push(RequestFault::DoesNotSay { name, word });
            }
        }
        let is_nonce = |key: &str| BASE64.decode(key).is_ok_and(|nonce| nonce.len() == 16);
        if let Some(key) = self
            .header("Sec-WebSocket-Key")
            .filter(|key| !is_nonce(key))
        {
            faults.push(RequestFault::Key {
                key: key.to_owned(),
            });
        }
        if let Some(version) = self.header("Sec-WebSocket-Version").filter(|&v| v != "13") {
            faults.push(RequestFault::Version {
                version: version.to_owned(),
            });
        }
        faults
    }
}

/// The reader of a request.
#[derive(Debug)]
pub struct ServerHandshake {
    reader: HeadReader,
}

impl ServerHandshake {
    /// A reader that keeps the limits `head` and `headers`.
    pub fn new(limits: &Limits) -> Self {
        Self {
            reader: HeadReader::new(Kind::Request, limits),
        }
    }

    /// Takes more of the request. When it is whole: the request, and how many of these bytes
    /// belong to it.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Option<(UpgradeRequest, usize)>, OpenError> {
        let read = self.reader.read(bytes)?;
        Ok(read.map(|(head, used)| (UpgradeRequest::from_head(head), used)))
    }
}

/// A head (and body) that refuses an upgrade. The body's length goes with it.
pub fn refusal(
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
) -> Result<Vec<u8>, OfferError> {
    let reason = match status {
        301 => "Moved Permanently",
        302 => "Found",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    };
    let mut all = headers.to_vec();
    all.push(("Content-Length".to_owned(), body.len().to_string()));
    all.push(("Connection".to_owned(), "close".to_owned()));
    let mut answer = format!("HTTP/1.1 {status} {reason}\r\n").into_bytes();
    write_headers(&all, &mut answer)?;
    answer.extend_from_slice(body);
    Ok(answer)
}

/// A client that waits for the answer to its upgrade request.
pub struct Visitor {
    /// Its request.
    pub request: UpgradeRequest,
    /// When the last byte of the request was read.
    pub received_at: Instant,
    stream: BoxStream,
    behind: Vec<u8>,
    limits: Limits,
}

/// Reads a client's upgrade request. Time limits are the caller's: dropping the future drops the
/// connection.
pub async fn receive(stream: BoxStream, limits: &Limits) -> Result<Visitor, OpenError> {
    let mut handshake = ServerHandshake::new(limits);
    let Exchanged {
        head: request,
        stream,
        behind,
        ..
    } = exchange(stream, &[], limits, |bytes| handshake.read(bytes)).await?;
    let received_at = Instant::now();
    Ok(Visitor {
        request,
        received_at,
        stream,
        behind,
        limits: limits.clone(),
    })
}

impl Visitor {
    /// Accepts, with `headers` behind the necessary ones.
    pub async fn accept(mut self, headers: &[(String, String)]) -> io::Result<Conn> {
        let head = self.request.acceptance(headers).map_err(io::Error::other)?;
        self.stream.write_all(&head).await?;
        self.stream.flush().await?;
        Ok(Conn::new(
            self.stream,
            Side::Server,
            self.limits,
            self.behind,
        ))
    }

    /// Leaves the request unanswered: the connection as it is, on which any answer can be queued as
    /// raw bytes. What the client sends before it has one is read as frames.
    pub fn unanswered(self) -> (UpgradeRequest, Conn) {
        let conn = Conn::new(self.stream, Side::Server, self.limits, self.behind);
        (self.request, conn)
    }

    /// Refuses and ends our side of the stream. Gives the stream back: dropping it closes it.
    pub async fn refuse(
        mut self,
        status: u16,
        headers: &[(String, String)],
        body: &[u8],
    ) -> io::Result<BoxStream> {
        let answer = refusal(status, headers, body).map_err(io::Error::other)?;
        self.stream.write_all(&answer).await?;
        self.stream.shutdown().await?;
        Ok(self.stream)
    }
}

impl std::fmt::Debug for Visitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Visitor")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}
