//! What every scenario of a run shares: the way to the target, the password, time limits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::budget::Budget;
use super::lateness::Lateness;
use super::record::Redactor;
use super::step::Gate;
use crate::oracle::Dialect;
use crate::wire::target::Target;
use crate::wire::{Dial, Limits, Offer};

/// How a server is reached.
#[derive(Clone)]
pub struct Reach {
    /// Its URL, for the upgrade request.
    pub target: Target,
    /// Opens TCP (or in-memory) connections to it.
    pub dial: Arc<dyn Dial>,
}

/// What every scenario of a run shares.
#[derive(Clone)]
pub struct Settings {
    /// The way to the target; none where the target is a client, which comes to us.
    pub reach: Option<Reach>,
    /// Headers and subprotocols of the upgrade request.
    pub offer: Offer,
    /// Sends `X-Litespec-Scenario` with each upgrade request.
    pub trace_header: bool,
    /// Limits of what a connection may make us hold.
    pub limits: Limits,
    /// The shared password.
    pub password: String,
    /// Keeps secrets out of transcripts.
    pub redactor: Arc<Redactor>,
    /// Which reading is judged.
    pub dialect: Dialect,
    /// In the bidirectional dialect: what the server's REQUESTs are answered, by their `w`; those that
    /// are not in it get null. Texts of JSON values.
    pub answers: Arc<BTreeMap<String, String>>,
    /// How long an expectation without a bound waits.
    pub answer_within: Duration,
    /// Tolerance behind a deadline of the target's.
    pub grace: Duration,
    /// The interval that the preflight's HELLO gave, for scenarios that have none of their own yet.
    pub interval: Duration,
    /// Keeps connections from being opened too fast.
    pub pacer: Option<Arc<Pacer>>,
    /// What all connections together may make us hold.
    pub budget: Arc<Budget>,
    /// How late we ourselves are.
    pub lateness: Arc<Lateness>,
    /// Seed of masks and keys.
    pub seed: u64,
    /// Delays our sends a little, by lengths drawn from this seed.
    pub jitter: Option<u64>,
    /// Somebody debugs the target: what comes late or never is waited for, and no timing is judged.
    pub patient: bool,
    /// Says when each send may go out.
    pub gate: Option<Arc<dyn Gate>>,
}

/// Spaces connections out to a given rate.
#[derive(Debug)]
pub struct Pacer {
    gap: Duration,
    next: Mutex<Option<Instant>>,
}

impl Pacer {
    /// At most `rate` connections a second; `rate` is above zero.
    pub fn new(rate: f64) -> Pacer {
        let gap = Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::from_secs(1));
        Pacer {
            gap,
            next: Mutex::new(None),
        }
    }

    /// Waits for this connection's turn.
    pub async fn turn(&self) {
        let mut next = self.next.lock().await;
        let now = Instant::now();
        let at = next.map_or(now, |at| at.max(now));
        *next = Some(at + self.gap);
        drop(next);
        tokio::time::sleep_until(at).await;
    }
}
