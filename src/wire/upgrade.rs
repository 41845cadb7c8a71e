//! Upgrade requests and responses, ours and the peer's, without I/O.

use super::limits::Limits;
use super::open::OpenError;
use super::target::Target;

/// What we ask for beside the upgrade itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// More headers. One with the name of a header of ours replaces ours.
    pub headers: Vec<(String, String)>,
    /// Subprotocols, best first.
    pub subprotocols: Vec<String>,
}

/// The head of a response to an upgrade request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradeResponse {
    /// The status code.
    pub status: u16,
    /// The words behind it, as they came.
    pub reason: String,
    /// The headers in order, names as they came, values trimmed.
    pub headers: Vec<(String, String)>,
}

/// The head of an upgrade request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradeRequest {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The headers in order, names as they came, values trimmed.
    pub headers: Vec<(String, String)>,
}

/// Our request and the reader of its response.
#[derive(Debug)]
pub struct ClientHandshake {
    request: Vec<u8>,
}

impl ClientHandshake {
    /// Prepares a request with a key from `rng`.
    pub fn new(
        _target: &Target,
        _offer: &Offer,
        _limits: &Limits,
        _rng: &mut fastrand::Rng,
    ) -> Result<Self, OpenError> {
        todo!()
    }

    /// The request's bytes.
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Takes more of the response. When it is whole and right: the response, and how many of these
    /// bytes belong to it; the others are frames.
    pub fn read(&mut self, _bytes: &[u8]) -> Result<Option<(UpgradeResponse, usize)>, OpenError> {
        todo!()
    }
}
