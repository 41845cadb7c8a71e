//! What a run is given: the target, how to reach it, what it declared, limits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use globset::GlobMatcher;

use super::known::KnownLists;
use super::select::Shard;
use crate::oracle::Dialect;
use crate::play::{Gate, Launch};
use crate::protocol::json::Json;
use crate::scenario::syntax::Role;

/// A request or dispatch that the target declared it knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// What to ask for (`w`).
    pub w: String,
    /// The arguments (`a`), a JSON list as it is to be spelled.
    pub a: String,
}

/// What a target can declare that it does not offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// It answers no REQUEST.
    Request,
    /// It takes no DISPATCH.
    Dispatch,
    /// A client that obeys no driver.
    Driver,
}

impl Feature {
    /// As `--without` spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Feature::Request => "request",
            Feature::Dispatch => "dispatch",
            Feature::Driver => "driver",
        }
    }
}

/// Whether a client has to obey a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// The run makes no sense with one that does not.
    pub required: bool,
    /// How long it may take to say that it does, where it has to.
    pub within: Duration,
}

/// The options of a run that do not depend on how the target is reached.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the target is.
    pub role: Role,
    /// The interval of a HELLO of ours that a scenario leaves to the run, in whole milliseconds.
    pub hb_interval: Duration,
    /// How long a client's first connection is awaited.
    pub ready_within: Duration,
    /// How long a client that has lost its connection is awaited.
    pub patience: Duration,
    /// Whether a client has to obey.
    pub driver: Readiness,
    /// How the target is started, where the run does that.
    pub launch: Option<Launch>,
    /// The shared password.
    pub password: String,
    /// What the target answers (`--request`); empty: the text's own example is tried.
    pub requests: Vec<Declared>,
    /// What the target takes as a dispatch (`--dispatch`); empty: the text's own example.
    pub dispatches: Vec<Declared>,
    /// What the target declared that it does not offer: what needs it is skipped, and rules that
    /// nothing else judges may stay unjudged.
    pub without: BTreeSet<Feature>,
    /// Globs over ids; `!GLOB` excludes. Empty: everything.
    pub filters: Vec<String>,
    /// The share of the selection that is run; none: all of it.
    pub shard: Option<Shard>,
    /// Only the preflight is run.
    pub preflight_only: bool,
    /// Globs over ids of rules that may stay unjudged.
    pub allow_untested: Vec<GlobMatcher>,
    /// `--var`: values for `$name` in scenarios.
    pub vars: BTreeMap<String, Json>,
    /// `--secret`: as `vars`, never shown.
    pub secrets: BTreeMap<String, String>,
    /// A broken "should" fails.
    pub strict: bool,
    /// Failures that are known, and scenarios that are known to be flaky.
    pub known: KnownLists,
    /// Which reading is judged.
    pub dialect: Dialect,
    /// In the bidirectional dialect: what the target's REQUESTs are answered, by their `w`, as texts of
    /// JSON values; others get null.
    pub answers: BTreeMap<String, String>,
    /// How many scenarios at once, at least 1.
    pub jobs: usize,
    /// Connections a second at most, none for no limit.
    pub connect_rate: Option<f64>,
    /// Runs the scenarios in an order drawn from the seed.
    pub shuffle: bool,
    /// Seed of everything random.
    pub seed: u64,
    /// Tolerance behind a deadline of the target's.
    pub grace: Duration,
    /// How long an expectation without a bound waits.
    pub answer_within: Duration,
    /// Limit of one scenario; none: computed from what it waits for.
    pub timeout: Option<Duration>,
    /// A scenario that would wait longer is skipped.
    pub max_wait: Duration,
    /// How often an inconclusive timing is tried again, one at a time.
    pub retries: u32,
    /// How often a failed scenario is run again, to see whether it fails every time.
    pub triage: u32,
    /// Somebody debugs the target: one scenario at a time, nothing of ours runs out but
    /// `timeout`, no timing is judged, nothing is tried or played again.
    pub debug: bool,
    /// Says when each send may go out.
    pub gate: Option<Arc<dyn Gate>>,
    /// Sends `X-Litespec-Scenario` with every upgrade request.
    pub trace_header: bool,
    /// Further headers of the upgrade request.
    pub headers: Vec<(String, String)>,
    /// Subprotocols to offer.
    pub subprotocols: Vec<String>,
}

/// As good as for ever, and still within what clocks can add.
pub(crate) const FOR_EVER: Duration = Duration::from_secs(30 * 24 * 3600);

impl Options {
    /// The same, with what debugging takes away taken away.
    pub(crate) fn effective(&self) -> Options {
        let mut options = self.clone();
        if options.debug {
            options.jobs = 1;
            options.retries = 0;
            options.triage = 0;
            options.timeout.get_or_insert(FOR_EVER);
        }
        options
    }
}

impl Default for Options {
    fn default() -> Options {
        Options {
            role: Role::Server,
            hb_interval: Duration::from_secs(1),
            ready_within: Duration::from_secs(30),
            patience: Duration::from_secs(20),
            driver: Readiness {
                required: false,
                within: Duration::from_secs(30),
            },
            launch: None,
            password: "helloworld".to_owned(),
            requests: Vec::new(),
            dispatches: Vec::new(),
            without: BTreeSet::new(),
            filters: Vec::new(),
            shard: None,
            preflight_only: false,
            allow_untested: Vec::new(),
            vars: BTreeMap::new(),
            secrets: BTreeMap::new(),
            strict: false,
            known: KnownLists::default(),
            dialect: Dialect::Text,
            answers: BTreeMap::new(),
            jobs: 16,
            connect_rate: None,
            shuffle: false,
            seed: 1,
            grace: Duration::from_secs(3),
            answer_within: Duration::from_secs(5),
            timeout: None,
            max_wait: Duration::from_secs(300),
            retries: 2,
            triage: 2,
            debug: false,
            gate: None,
            trace_header: true,
            headers: Vec::new(),
            subprotocols: Vec::new(),
        }
    }
}
