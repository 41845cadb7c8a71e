//! Opening a WebSocket connection as a client.

use thiserror::Error;
use tokio::time::Instant;

use super::conn::Conn;
use super::limits::Limits;
use super::stream::{Dial, DialError};
use super::target::Target;
use super::upgrade::{Offer, UpgradeResponse};

/// A connection that is open.
#[derive(Debug)]
pub struct Opened {
    /// The connection.
    pub conn: Conn,
    /// When dialing began (with name resolution).
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
}

/// Opens a connection: dials, asks for the upgrade, judges the answer. Time limits are the
/// caller's: dropping the future drops the connection.
pub async fn open(
    _dial: &dyn Dial,
    _target: &Target,
    _offer: &Offer,
    _limits: &Limits,
    _rng: &mut fastrand::Rng,
) -> Result<Opened, OpenError> {
    todo!()
}
