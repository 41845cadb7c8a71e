//! How the reference client comes to a WebSocket: a stream, then the upgrade.

use std::future::Future;
use std::io;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use url::{Host, Url};

use super::client::Down;

/// Whatever a WebSocket can run over.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for S {}

/// What a dialing gives.
pub type Dialing<'d> = Pin<Box<dyn Future<Output = io::Result<Box<dyn ByteStream>>> + Send + 'd>>;

/// Where a client's streams come from: a new one for each connection.
pub trait Dial: Send + Sync + 'static {
    /// Opens a stream to the server. Dropping the future gives the attempt up.
    fn dial(&self) -> Dialing<'_>;
}

/// A `ws://` URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    url: Url,
    host: Host<String>,
    port: u16,
}

/// Why a text is no address of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No URL at all, or one without a scheme.
    #[error("not a URL such as ws://127.0.0.1:10101/ ({0})")]
    NotUrl(url::ParseError),
    /// TLS.
    #[error("wss:// is not built in yet; use ws://")]
    Tls,
    /// Another scheme.
    #[error("expected a ws:// URL, found the scheme `{0}`")]
    Scheme(String),
    /// `ws:` without a host.
    #[error("the URL names no host")]
    NoHost,
}

impl Address {
    /// Reads a URL: `ws://host[:port][/path][?query]`. A fragment and a user name are left out.
    ///
    /// # Errors
    /// It is no `ws://` URL.
    pub fn parse(text: &str) -> Result<Address, AddressError> {
        let mut url = Url::parse(text).map_err(AddressError::NotUrl)?;
        match url.scheme() {
            "ws" => {}
            "wss" => return Err(AddressError::Tls),
            other => return Err(AddressError::Scheme(other.to_owned())),
        }
        url.set_fragment(None);
        // Neither can fail where there is a host, and without one the next line ends it.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let host = url.host().ok_or(AddressError::NoHost)?.to_owned();
        let port = url.port_or_known_default().unwrap_or(80);
        Ok(Address { url, host, port })
    }
}

/// The URL, without what was left out of it.
impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.url.fmt(f)
    }
}

/// Over TCP, with NODELAY.
impl Dial for Address {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async move {
            let stream = match &self.host {
                Host::Domain(name) => TcpStream::connect((name.as_str(), self.port)).await?,
                Host::Ipv4(ip) => TcpStream::connect((*ip, self.port)).await?,
                Host::Ipv6(ip) => TcpStream::connect((*ip, self.port)).await?,
            };
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn ByteStream>)
        })
    }
}

/// Dials and upgrades. Takes no time limit: dropping the future is one.
pub(super) async fn open(
    dial: &dyn Dial,
    address: &Address,
    config: WebSocketConfig,
) -> Result<WebSocketStream<Box<dyn ByteStream>>, Down> {
    let request = address.url.as_str().into_client_request();
    let request = request.map_err(|error| Down::Upgrade(error.to_string()))?;
    let stream = dial
        .dial()
        .await
        .map_err(|error| Down::Unreachable(error.to_string()))?;
    match client_async_with_config(request, stream, Some(config)).await {
        Ok((ws, _)) => Ok(ws),
        Err(WsError::Http(response)) => Err(Down::Status(response.status().as_u16())),
        Err(error) => Err(Down::Upgrade(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_ws_urls() {
        let address = Address::parse("ws://me:secret@localhost:81/a?b#c").unwrap();
        assert_eq!(address.to_string(), "ws://localhost:81/a?b");
        assert_eq!(Address::parse("ws://[::1]").unwrap().port, 80);
        assert_eq!(Address::parse("wss://x/"), Err(AddressError::Tls));
        assert_eq!(
            Address::parse("http://x/"),
            Err(AddressError::Scheme("http".into()))
        );
        for text in ["", "localhost", "/x", "ws://", "ws:"] {
            assert!(
                matches!(Address::parse(text), Err(AddressError::NotUrl(_))),
                "{text}"
            );
        }
    }
}
