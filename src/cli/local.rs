//! The reference server that `check --reference` tests: in a thread and a runtime of its own, on a
//! free port, so that it is as far away from the harness as a real server.

use std::time::Duration;

use super::exit::{Exit, Stop};
use crate::runner::Options;

/// A running reference server; dropping it stops it.
#[derive(Debug)]
pub(super) struct Local {
    /// Where it listens.
    pub(super) url: String,
}

impl Local {
    /// Starts it with the password of the options.
    pub(super) fn start(
        _hb_interval: Option<Duration>,
        _options: &mut Options,
    ) -> Result<Local, Stop> {
        Err(Stop::new(
            Exit::CouldNotRun,
            "the reference server is not merged yet",
        ))
    }
}
