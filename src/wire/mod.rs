//! The wire: RFC 6455 frames as they really are, the streams they come over, upgrade requests and
//! responses. It observes and does what it is told: nothing is answered or closed by itself.

pub mod accept;
pub mod conn;
pub mod fault;
pub mod frame;
mod head;
pub mod limits;
pub mod listen;
pub mod memory;
pub mod message;
pub mod open;
pub mod stream;
pub mod target;
pub mod upgrade;

#[cfg(test)]
mod tests;

pub use accept::{RequestFault, UpgradeRequest, Visitor, receive};
pub use conn::{Conn, Stamped};
pub use fault::FrameFault;
pub use frame::{Length, OutFrame, Side, close_body, opcode};
pub use limits::Limits;
pub use listen::{Accept, Accepted, TcpAccept};
pub use message::{CloseBody, CloseFault, Incoming};
pub use open::{OpenError, Opened, open, open_tcp};
pub use stream::{BoxStream, Dial, DialError, Stream, TcpDial, TcpWire};
pub use target::{Target, TargetError};
pub use upgrade::{Offer, OfferError, UpgradeFault, UpgradeResponse};
