//! The URL under test: what is dialed, what is asked for, what may be shown.

use std::fmt;

use thiserror::Error;
use url::{Host, Url};

/// A `ws://` or `wss://` URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    secure: bool,
    host: Host,
    port: u16,
    path: String,
    query: Option<String>,
}

impl Target {
    /// Reads a URL. `wss://` parses; dialing it is what fails as long as TLS is not built in.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let text = text.trim_ascii();
        // The URL parser silently leaves some of them out.
        if text.chars().any(char::is_control) {
            return Err(TargetError::ControlCharacter);
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(TargetError::NoScheme {
                text: text.to_owned(),
            });
        };
        let scheme = scheme.to_ascii_lowercase();
        let secure = match scheme.as_str() {
            "ws" => false,
            "wss" => true,
            "" => {
                return Err(TargetError::NoScheme {
                    text: rest.to_owned(),
                });
            }
            _ => {
                return Err(TargetError::WrongScheme {
                    rest: rest.to_owned(),
                    scheme,
                });
            }
        };
        // The URL parser would take the first piece of the path for the host.
        if rest.is_empty() || rest.starts_with(['/', '\\', '?', '#']) {
            return Err(TargetError::NoHost);
        }
        let url = Url::parse(text).map_err(|error| match error {
            url::ParseError::EmptyHost => TargetError::NoHost,
            error => TargetError::Malformed {
                why: error.to_string(),
            },
        })?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetError::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(TargetError::Fragment);
        }
        let port = url.port().unwrap_or(default_port(secure));
        if port == 0 {
            return Err(TargetError::PortZero);
        }
        Ok(Self {
            secure,
            host: url.host().ok_or(TargetError::NoHost)?.to_owned(),
            port,
            path: url.path().to_owned(),
            query: url.query().map(str::to_owned),
        })
    }

    /// Whether it is `wss://`.
    pub fn secure(&self) -> bool {
        self.secure
    }

    /// The host for dialing; IPv6 without brackets.
    pub fn host(&self) -> String {
        match &self.host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        }
    }

    /// The port, 80 or 443 where the URL has none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port as a `Host` header has them: IPv6 in brackets, the scheme's own port left out.
    pub fn authority(&self) -> String {
        if self.port == default_port(self.secure) {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Path and query as a request line has them.
    pub fn request_target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// The URL with `***` for the values of its query, which may be secret.
    pub fn shown(&self) -> String {
        let scheme = if self.secure { "wss" } else { "ws" };
        let mut shown = format!("{scheme}://{}{}", self.authority(), self.path);
        for (at, pair) in self
            .query
            .iter()
            .flat_map(|query| query.split('&'))
            .enumerate()
        {
            shown.push(if at == 0 { '?' } else { '&' });
            match pair.split_once('=') {
                Some((name, "")) => shown.extend([name, "="]),
                Some((name, _)) => shown.extend([name, "=***"]),
                None if pair.is_empty() => {}
                None => shown.push_str("***"),
            }
        }
        shown
    }
}

fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.shown())
    }
}

/// Why a URL is no target. The texts hold nothing of the URL but its scheme: it may have secrets.
#[derive(Clone, PartialEq, Eq, Error)]
pub enum TargetError {
    /// No `ws://` in front.
    #[error("URL has no scheme")]
    NoScheme {
        /// What was given.
        text: String,
    },
    /// A scheme that is neither `ws` nor `wss`.
    #[error("scheme {}:// is not ws:// or wss://", .scheme.escape_debug())]
    WrongScheme {
        /// The scheme in lower case.
        scheme: String,
        /// What is behind `://`.
        rest: String,
    },
    /// No host.
    #[error("URL has no host")]
    NoHost,
    /// `user:password@`, of which clients make different things.
    #[error("URL has a user name or password")]
    UserInfo,
    /// `#...`, which RFC 6455 forbids.
    #[error("URL has a fragment (#...)")]
    Fragment,
    /// Port 0.
    #[error("URL has port 0")]
    PortZero,
    /// Control characters, line ends among them.
    #[error("URL has a control character")]
    ControlCharacter,
    /// Anything else.
    #[error("URL does not parse: {why}")]
    Malformed {
        /// What the URL parser says.
        why: String,
    },
}

impl TargetError {
    /// What may help, in a sentence without its point. Quotes the URL only where it has no query
    /// and no user info.
    pub fn hint(&self) -> Option<String> {
        let harmless = |rest: &str| !rest.contains(['?', '@', '#']) && !rest.is_empty();
        match self {
            Self::NoScheme { text } if harmless(text) => {
                Some(format!("did you mean ws://{}", text.escape_debug()))
            }
            Self::NoScheme { .. } => Some("put ws:// in front of the host".to_owned()),
            Self::WrongScheme { scheme, rest } => {
                let right = if scheme == "https" { "wss" } else { "ws" };
                Some(match harmless(rest) {
                    true => format!("did you mean {right}://{}", rest.escape_debug()),
                    false => format!("write {right}:// instead"),
                })
            }
            Self::UserInfo => {
                Some("send credentials in a header instead: -H 'Authorization: ...'".to_owned())
            }
            Self::Fragment => Some("write # as %23 if it belongs to the path".to_owned()),
            Self::NoHost | Self::Malformed { .. } => {
                Some("a target looks like ws://127.0.0.1:8080/path".to_owned())
            }
            Self::PortZero | Self::ControlCharacter => None,
        }
    }
}

impl fmt::Debug for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TargetError({self})")
    }
}
