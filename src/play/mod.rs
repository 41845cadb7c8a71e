//! Carries out one scenario over the wire: opens connections, sends, expects, stamps, records.
//!
//! [`run()`] is the whole of it for a scenario, [`run_client`] where the target is a client, and
//! [`run_guest`] where that client is started for it. Everything is done by one task: it reads all
//! connections of the scenario while it waits for any of them, so that an arrival is stamped when
//! it arrives and not when the scenario comes to it. Time is tokio's, so that a paused clock moves
//! everything.

mod background;
mod branch;
mod budget;
mod delay;
mod drive;
mod ended;
mod expect;
mod fit;
mod flow;
mod greet;
mod guests;
mod handshake;
mod host;
mod item;
mod jitter;
mod lateness;
mod link;
mod minder;
mod player;
mod probe;
mod pump;
mod record;
mod reply;
mod run;
mod send;
mod serial;
mod settings;
mod spawn;
mod step;
mod visit;
mod watch;

pub use budget::Budget;
pub use ended::{Broken, Ended, Place, Played};
pub(crate) use guests::said;
pub use guests::{Client, Guest, Guests, Inviting, Telling, run_guest};
pub use host::{Driver, Gone, Host, Starved};
pub use item::{Beside, Got, Item};
pub use lateness::{Lateness, LatenessGuard};
pub use minder::{Launch, Minder, NotReady};
pub use player::Player;
pub use record::Redactor;
pub use run::{alive, greets, run, run_client};
pub use send::cannot_fill;
pub use settings::{Pacer, Reach, Settings};
pub use spawn::{Spawned, Spawning};
pub use step::{Gate, Sending};
