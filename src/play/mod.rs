//! Carries out one scenario over the wire: opens connections, sends, expects, stamps, records.
//!
//! [`run`] is the whole of it for a scenario. Everything is done by one task: it reads all
//! connections of the scenario while it waits for any of them, so that an arrival is stamped when
//! it arrives and not when the scenario comes to it. Time is tokio's, so that a paused clock moves
//! everything.

mod background;
mod budget;
mod ended;
mod expect;
mod flow;
mod handshake;
mod item;
mod jitter;
mod lateness;
mod link;
mod player;
mod probe;
mod pump;
mod record;
mod send;
mod settings;
mod step;

pub use budget::Budget;
pub use ended::{Broken, Ended, Place, Played};
pub use item::{Beside, Got, Item};
pub use lateness::Lateness;
pub use player::{Player, alive, run};
pub use record::Redactor;
pub use send::cannot_fill;
pub use settings::{Pacer, Settings};
pub use step::{Gate, Sending};
