//! The server's half of the WebSocket upgrade: one bounded read of the request, one written answer.
//!
//! tungstenite parses the request and makes the response. The reading is ours, because its own keeps
//! no time, drops frames that came in the same segment, and hangs up on a wrong request where an
//! HTTP client should be told what it did wrong.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::machine::TryParse;
use tokio_tungstenite::tungstenite::handshake::server::{Request, create_response, write_response};

/// The longest request head that is read, in bytes.
pub(super) const MAX_HEAD: usize = 16 * 1024;

/// What an accepted upgrade leaves behind.
pub(super) struct Upgraded {
    /// The scenario that the harness says it runs, if it says so.
    pub(super) scenario: Option<String>,
    /// Bytes that came behind the request head: the client's first frames.
    pub(super) rest: Vec<u8>,
}

/// Why there is no WebSocket.
#[derive(Debug, thiserror::Error)]
pub(super) enum UpgradeError {
    #[error("the connection ended within the upgrade request")]
    Closed,
    #[error("the connection broke within the upgrade: {0}")]
    Io(#[from] io::Error),
    #[error("the upgrade request is longer than {MAX_HEAD} bytes")]
    TooLong,
    #[error("not an upgrade request: {0}")]
    Wrong(Box<WsError>),
}

/// Reads the request and answers it: 101, or an HTTP error that says why not.
pub(super) async fn accept<S>(stream: &mut S) -> Result<Upgraded, UpgradeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match read_request(stream).await {
        Ok((request, rest)) => {
            let response = create_response(&request).map_err(wrong);
            match response {
                Ok(response) => {
                    let mut head = Vec::new();
                    write_response(&mut head, &response).map_err(wrong)?;
                    stream.write_all(&head).await?;
                    Ok(Upgraded {
                        scenario: scenario_of(&request),
                        rest,
                    })
                }
                Err(error) => refuse(stream, error).await,
            }
        }
        Err(error) => refuse(stream, error).await,
    }
}

/// The bytes of an HTTP answer without a WebSocket in it.
pub(super) fn http_error(status: &str, extra: &str, body: &str) -> String {
    let length = body.len() + 1;
    format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {length}\r\n{extra}\r\n{body}\n"
    )
}

async fn read_request<S>(stream: &mut S) -> Result<(Request, Vec<u8>), UpgradeError>
where
    S: AsyncRead + Unpin,
{
    let mut head = Vec::with_capacity(1024);
    loop {
        if head.len() >= MAX_HEAD {
            return Err(UpgradeError::TooLong);
        }
        let seen = head.len().saturating_sub(3);
        if (&mut *stream)
            .take((MAX_HEAD - head.len()) as u64)
            .read_buf(&mut head)
            .await?
            == 0
        {
            return Err(UpgradeError::Closed);
        }
        // Parsing waits for the head's end: byte by byte it would cost the square of its length.
        if !head[seen..].windows(4).any(|end| end == b"\r\n\r\n") {
            if !could_be_http(&head) {
                return Err(wrong(WsError::Protocol(ProtocolError::WrongHttpMethod)));
            }
            continue;
        }
        if let Some((size, request)) = Request::try_parse(&head).map_err(wrong)? {
            head.drain(..size);
            head.shrink_to_fit();
            return Ok((request, head));
        }
    }
}

/// Whether the bytes can still become a GET request, so that a stranger of another protocol is
/// turned away at once.
fn could_be_http(head: &[u8]) -> bool {
    let get = b"GET ";
    let common = head.len().min(get.len());
    head[..common] == get[..common]
}

async fn refuse<S, T>(stream: &mut S, error: UpgradeError) -> Result<T, UpgradeError>
where
    S: AsyncWrite + Unpin,
{
    let answer = match &error {
        UpgradeError::Closed | UpgradeError::Io(_) => return Err(error),
        UpgradeError::TooLong => http_error(
            "431 Request Header Fields Too Large",
            "",
            "the request head is too long",
        ),
        UpgradeError::Wrong(why) => match &**why {
            WsError::Capacity(CapacityError::TooManyHeaders) => http_error(
                "431 Request Header Fields Too Large",
                "",
                "too many headers",
            ),
            WsError::Protocol(ProtocolError::WrongHttpMethod) => http_error(
                "405 Method Not Allowed",
                "Allow: GET\r\n",
                "this is a WebSocket server",
            ),
            WsError::Protocol(
                ProtocolError::MissingConnectionUpgradeHeader
                | ProtocolError::MissingUpgradeWebSocketHeader
                | ProtocolError::MissingSecWebSocketVersionHeader,
            ) => http_error(
                "426 Upgrade Required",
                "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
                "this is a WebSocket server, version 13",
            ),
            _ => http_error("400 Bad Request", "", "not a WebSocket upgrade request"),
        },
    };
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    Err(error)
}

fn wrong(error: WsError) -> UpgradeError {
    UpgradeError::Wrong(Box::new(error))
}

/// Header values that are not plain visible ASCII are not shown.
fn scenario_of(request: &Request) -> Option<String> {
    let value = request
        .headers()
        .get("X-Litespec-Scenario")?
        .to_str()
        .ok()?;
    Some(value.chars().take(128).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "GET /x?y HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        X-Litespec-Scenario: server/auth/wrong\r\n\r\n";

    /// What the server makes of a request, and what it answered.
    async fn send(request: &[u8]) -> (Result<Upgraded, UpgradeError>, String) {
        let (mut ours, mut theirs) = tokio::io::duplex(1 << 20);
        theirs.write_all(request).await.unwrap();
        theirs.shutdown().await.unwrap();
        let result = accept(&mut ours).await;
        drop(ours);
        let mut answer = String::new();
        theirs.read_to_string(&mut answer).await.unwrap();
        (result, answer)
    }

    #[tokio::test]
    async fn a_right_request_is_accepted_with_the_key_of_the_rfc_and_names_its_scenario() {
        let (result, answer) = send(GOOD.as_bytes()).await;
        let upgraded = result.unwrap();
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        assert!(
            answer
                .to_lowercase()
                .contains("s3pplmbitxaq9kygzzhzrbk+xoo="),
            "{answer}"
        );
        assert_eq!(upgraded.scenario.as_deref(), Some("server/auth/wrong"));
        assert!(upgraded.rest.is_empty());
    }

    #[tokio::test]
    async fn frames_in_the_segment_of_the_request_are_kept() {
        let (result, _) = send(&[GOOD.as_bytes(), b"\x81\x80abcd"].concat()).await;
        assert_eq!(result.unwrap().rest, b"\x81\x80abcd");
    }

    #[tokio::test]
    async fn a_wrong_request_is_told_why() {
        let cases = [
            ("GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), "426"),
            (GOOD.replace("Version: 13", "Version: 8"), "426"),
            (GOOD.replace("GET", "POST"), "405"),
            ("\x16\x03\x01 a TLS greeting".to_owned(), "405"),
            (GOOD.replace("dGhl", ""), "400"),
            (GOOD.replace("HTTP/1.1", "HTTP/1.0"), "400"),
            (
                format!("GET / HTTP/1.1\r\nA: {}", "a".repeat(MAX_HEAD)),
                "431",
            ),
            (
                GOOD.replace("Host: h", &vec!["A: b"; 200].join("\r\n")),
                "431",
            ),
        ];
        for (request, status) in cases {
            let (result, answer) = send(request.as_bytes()).await;
            assert!(result.is_err());
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{request:.60}: {answer}"
            );
        }
    }

    #[tokio::test]
    async fn half_a_request_gets_no_answer() {
        let (result, answer) = send(b"GET / HTTP/1.1\r\nHost").await;
        assert!(matches!(result, Err(UpgradeError::Closed)));
        assert_eq!(answer, "");
    }
}
