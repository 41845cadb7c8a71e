//! What a scenario needs, known before it runs.

use std::collections::BTreeSet;
use std::time::Duration;

use super::syntax::{Role, Scenario};

/// What a target must offer for a scenario to make sense.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// It expects a RESPONSE outside `either`: the target must answer a request.
    pub answered_request: bool,
    /// It uses `request.w` or `request.a`.
    pub request: bool,
    /// It uses `dispatch.w` or `dispatch.a`.
    pub dispatch: bool,
    /// It drives the client with `driver>` or `driver<`.
    pub driver: bool,
}

impl Scenario {
    /// What the target must offer.
    pub fn needs(&self) -> Needs {
        todo!()
    }
    /// How long the scenario waits at most when all goes well.
    pub fn need(&self, hb: Duration, grace: Duration) -> Duration {
        todo!()
    }
    /// The names of its connections, in the order of their first line.
    pub fn connections(&self) -> Vec<String> {
        todo!()
    }
    /// Names that nothing in the file binds: `--var` or `--secret` must give them.
    pub fn free_vars(&self) -> BTreeSet<String> {
        todo!()
    }
    /// Who it is played against, where its id or its words tell.
    pub fn role(&self) -> Option<Role> {
        todo!()
    }
    /// Ids of all rules it can judge: the header's first, then those of its marks.
    pub fn rules(&self) -> Vec<&str> {
        todo!()
    }
}
