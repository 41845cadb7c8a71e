//! The URL under test: what is dialed, what is asked for, what may be shown.

use thiserror::Error;

/// A `ws://` or `wss://` URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    secure: bool,
    host: String,
    port: u16,
    path: String,
    query: Option<String>,
}

impl Target {
    /// Reads a URL. `wss://` parses; dialing it is what fails as long as TLS is not built in.
    pub fn parse(_url: &str) -> Result<Self, TargetError> {
        todo!()
    }

    /// Whether it is `wss://`.
    pub fn secure(&self) -> bool {
        self.secure
    }

    /// The host for dialing; IPv6 without brackets.
    pub fn host(&self) -> &str {
        todo!()
    }

    /// The port, 80 or 443 where the URL has none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host:port`, IPv6 in brackets; without the port where it is the scheme's own.
    pub fn authority(&self) -> String {
        todo!()
    }

    /// Path and query as a request line has them.
    pub fn request_target(&self) -> String {
        todo!()
    }

    /// The URL without the values of its query, which may be secret.
    pub fn shown(&self) -> String {
        todo!()
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Target({})", self.shown())
    }
}

/// Why a URL is no target.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TargetError {
    /// No `ws://` in front.
    #[error("no scheme in {url:?}")]
    NoScheme {
        /// What was given.
        url: String,
    },
    /// A scheme that is neither `ws` nor `wss`.
    #[error("scheme {scheme}:// is not ws:// or wss://")]
    WrongScheme {
        /// The scheme.
        scheme: String,
        /// The same URL with the scheme that was probably meant.
        suggestion: Option<String>,
    },
    /// No host.
    #[error("no host in the URL")]
    NoHost,
    /// `user:password@`, which browsers and servers treat in different ways.
    #[error("user name or password in the URL")]
    UserInfo,
    /// `#...`, which RFC 6455 forbids.
    #[error("fragment (#...) in the URL")]
    Fragment,
    /// Port 0.
    #[error("port 0 in the URL")]
    PortZero,
    /// Control characters.
    #[error("control character in the URL")]
    ControlCharacter,
    /// Anything else.
    #[error("URL does not parse: {why}")]
    Malformed {
        /// What the URL parser says.
        why: String,
    },
}

impl TargetError {
    /// What may help.
    pub fn hint(&self) -> Option<String> {
        todo!()
    }
}
