//! Opening a WebSocket connection as a client.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::conn::Conn;
use super::frame::Side;
use super::head::escaped;
use super::limits::Limits;
use super::stream::{BoxStream, Dial, DialError};
use super::target::Target;
use super::upgrade::{ClientHandshake, Offer, OfferError, UpgradeFault, UpgradeResponse};

/// A connection that is open.
#[derive(Debug)]
pub struct Opened {
    /// The connection.
    pub conn: Conn,
    /// When dialing began, name resolution included.
    pub dialed_at: Instant,
    /// When the stream was there.
    pub connected_at: Instant,
    /// When the last byte of the response's head was read.
    pub opened_at: Instant,
    /// The response.
    pub response: UpgradeResponse,
}

/// Why no connection was opened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// The stream did not come about.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// What we were to ask for cannot be sent; nothing was.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// The peer does not speak HTTP.
    #[error("peer does not speak HTTP; it begins with \"{start}\"")]
    NotHttp {
        /// How it begins, escaped and cut: whatever had come when this was plain.
        start: String,
    },
    /// A status other than 101.
    #[error("server answers {code}{} instead of an upgrade", words(.reason))]
    Status {
        /// The status code.
        code: u16,
        /// The words behind it, as they came.
        reason: String,
        /// The headers that say more, as they came: those named in [`HINTS`].
        hints: Vec<(String, String)>,
    },
    /// Status 101, but no right upgrade.
    #[error("server answers 101, but {}", list(.why))]
    BadUpgrade {
        /// Everything that is wrong, at least one thing.
        why: Vec<UpgradeFault>,
    },
    /// More header bytes or lines than our limits allow.
    #[error("head of the peer's message is over the limit")]
    HeadTooLong,
    /// The stream ended before the head did.
    #[error("connection closed before the upgrade was done")]
    Closed,
    /// The stream failed before the head was whole, with the error's text.
    #[error("connection broke before the upgrade was done: {0}")]
    Reset(String),
}

/// The headers of a refusal that are kept.
pub const HINTS: [&str; 5] = [
    "www-authenticate",
    "location",
    "retry-after",
    "sec-websocket-version",
    "server",
];

impl OpenError {
    pub(super) fn status(response: UpgradeResponse) -> Self {
        let UpgradeResponse {
            status: code,
            reason,
            mut headers,
            ..
        } = response;
        headers.retain(|(name, _)| HINTS.iter().any(|hint| name.eq_ignore_ascii_case(hint)));
        Self::Status {
            code,
            reason,
            hints: headers,
        }
    }

    /// What may help, in a sentence without its point.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Status {
                code: 401 | 403, ..
            } => Some("it may want credentials: -H 'Authorization: ...'".to_owned()),
            Self::Status {
                code: 300..=399,
                hints,
                ..
            } => {
                let location = hints
                    .iter()
                    .find(|(n, _)| n.eq_ignore_ascii_case("location"));
                location.map(|(_, to)| format!("it points to {}", escaped(to.as_bytes())))
            }
            Self::Status { code: 404, .. } => Some("is the URL's path right".to_owned()),
            Self::Status { .. } => Some("is a WebSocket server behind this URL".to_owned()),
            Self::NotHttp { .. } => Some("is the port right".to_owned()),
            Self::Dial(DialError::Refused { .. }) => Some("is the server running".to_owned()),
            Self::Dial(_)
            | Self::Offer(_)
            | Self::BadUpgrade { .. }
            | Self::HeadTooLong
            | Self::Closed
            | Self::Reset(_) => None,
        }
    }
}

fn words(reason: &str) -> String {
    if reason.is_empty() {
        String::new()
    } else {
        format!(" ({})", escaped(reason.as_bytes()))
    }
}

fn list(why: &[UpgradeFault]) -> String {
    // A head can hold thousands of them.
    const SHOWN: usize = 5;
    let mut texts: Vec<String> = why
        .iter()
        .take(SHOWN)
        .map(UpgradeFault::to_string)
        .collect();
    if why.len() > SHOWN {
        texts.push(format!("{} more faults", why.len() - SHOWN));
    }
    texts.join("; ")
}

/// Opens a connection: dials, asks for the upgrade, judges the answer. Time limits are the
/// caller's: dropping the future drops the connection.
pub async fn open(
    dial: &dyn Dial,
    target: &Target,
    offer: &Offer,
    limits: &Limits,
    rng: &mut fastrand::Rng,
) -> Result<Opened, OpenError> {
    let mut handshake = ClientHandshake::new(target, offer, limits, rng)?;
    let masks = rng.fork();
    let dialed_at = Instant::now();
    let stream = dial.dial().await?;
    let connected_at = Instant::now();
    let request = handshake.request().to_vec();
    let Exchanged {
        head: response,
        stream,
        behind,
        unsent,
    } = exchange(stream, &request, limits, |bytes| handshake.read(bytes)).await?;
    let opened_at = Instant::now();
    let mut conn = Conn::new(stream, Side::Client, limits.clone(), behind).with_masks(masks);
    conn.queue_raw(&request[request.len() - unsent..]);
    Ok(Opened {
        conn,
        dialed_at,
        connected_at,
        opened_at,
        response,
    })
}

/// Opens a TCP connection and asks for nothing: the connection, and when dialing began and ended.
pub async fn open_tcp(
    dial: &dyn Dial,
    limits: &Limits,
) -> Result<(Conn, Instant, Instant), DialError> {
    let dialed_at = Instant::now();
    let stream = dial.dial().await?;
    let conn = Conn::tcp(stream, Side::Client, limits);
    Ok((conn, dialed_at, Instant::now()))
}

/// What [`exchange`] gives.
pub(super) struct Exchanged<T> {
    pub(super) head: T,
    pub(super) stream: BoxStream,
    /// The bytes that came behind the head.
    pub(super) behind: Vec<u8>,
    /// How many bytes of the request were not yet written when the answer had come.
    pub(super) unsent: usize,
}

/// Writes `request` and, at the same time, feeds what comes to `read` until that has a head. A
/// write that fails does not end the reading.
pub(super) async fn exchange<T>(
    mut stream: BoxStream,
    mut request: &[u8],
    limits: &Limits,
    mut read: impl FnMut(&[u8]) -> Result<Option<(T, usize)>, OpenError>,
) -> Result<Exchanged<T>, OpenError> {
    let mut input = vec![0; limits.read_buffer.max(1)];
    let mut broken = None;
    let (head, behind) = poll_fn(|cx| {
        if broken.is_none() {
            broken = poll_send(&mut stream, &mut request, cx).err();
        }
        loop {
            let mut buffer = ReadBuf::new(&mut input);
            match ready!(Pin::new(&mut stream).poll_read(cx, &mut buffer)) {
                Ok(()) if buffer.filled().is_empty() => {
                    // The system tells a reset only once, and the write may have got it.
                    let reset = broken.take().filter(is_reset);
                    let error =
                        reset.map_or(OpenError::Closed, |e| OpenError::Reset(e.to_string()));
                    return Poll::Ready(Err(error));
                }
                Ok(()) => {
                    if let Some((head, used)) = read(buffer.filled())? {
                        return Poll::Ready(Ok((head, buffer.filled()[used..].to_vec())));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(OpenError::Reset(error.to_string()))),
            }
        }
    })
    .await?;
    Ok(Exchanged {
        head,
        stream,
        behind,
        unsent: request.len(),
    })
}

/// Writes what can be written now of `bytes`, which become fewer.
fn poll_send(stream: &mut BoxStream, bytes: &mut &[u8], cx: &mut Context<'_>) -> io::Result<()> {
    while !bytes.is_empty() {
        match Pin::new(&mut *stream).poll_write(cx, bytes) {
            Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
            Poll::Ready(Ok(count)) => *bytes = &bytes[count..],
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Poll::Ready(Err(error)) => return Err(error),
            Poll::Pending => return Ok(()),
        }
    }
    match Pin::new(stream).poll_flush(cx) {
        Poll::Ready(result) => result,
        Poll::Pending => Ok(()),
    }
}

fn is_reset(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionReset
}
