//! Defects of a client's way back: that it does not come again, too soon, not by chance, or twice.

use std::time::Duration;

use tokio::time::Instant;

use super::bend::{Bend, Ctx, Facts};
use super::world::Ended;
use super::{Member, defect};
use crate::reference::client::Down;

const COMES: &str = "client.reconnects";
const WAITS: &str = "client.reconnect-waits";
const RANDOM: &str = "client.reconnect-random";
const ONE: &str = "client.one-connection";

/// Whether the server closed with that code.
fn closed_with(ended: &Ended<'_>, with: u16) -> bool {
    matches!(ended.why, Down::Closed { code: Some(code), .. } if *code == with)
}

/// Whether the connection was reset.
fn reset(ended: &Ended<'_>) -> bool {
    matches!(ended.why, Down::Lost(why) if why.contains("reset"))
}

/// Whether the stream ended without a close frame, and without a reset.
fn cut(ended: &Ended<'_>) -> bool {
    matches!(ended.why, Down::Lost(_)) && !reset(ended)
}

fn refused(ended: &Ended<'_>) -> bool {
    matches!(ended.why, Down::Status(_))
}

/// Ends the client, and with it the waiting.
fn dies(ended: &Ended<'_>, of: bool, words: &'static str) -> Option<Duration> {
    if of {
        ended.world.fate.die(words);
    }
    Some(ended.wait)
}

/// Opens another connection beside one that lives, once, and gives it up where it is not received.
struct Beside {
    when: fn(&Facts) -> Option<Instant>,
    done: bool,
}

impl Beside {
    fn boxed(when: fn(&Facts) -> Option<Instant>) -> Box<dyn Bend> {
        let done = false;
        Box::new(Beside { when, done })
    }
}

impl Bend for Beside {
    fn due(&self, facts: &Facts) -> Option<Instant> {
        match self.done || facts.world.has_twin() {
            true => None,
            false => (self.when)(facts),
        }
    }

    fn rings(&mut self, ctx: &mut Ctx<'_, '_>) {
        self.done = true;
        ctx.facts.world.twin();
    }
}

/// Waits otherwise.
macro_rules! waits {
    ($name:literal, $rule:ident, $sentence:literal, $wait:expr) => {
        defect($name, $rule, $sentence).again($wait)
    };
}

/// Does not wait behind some ends.
macro_rules! at_once {
    ($name:literal, $sentence:literal, $behind:expr) => {
        defect($name, WAITS, $sentence).again(|ended| match $behind(ended) {
            true => Some(Duration::ZERO),
            false => Some(ended.wait),
        })
    };
}

/// Does not come again behind some ends.
macro_rules! never {
    ($name:literal, $sentence:literal, $behind:expr) => {
        defect($name, COMES, $sentence).again(|ended| (!$behind(ended)).then_some(ended.wait))
    };
}

pub(super) const DEFECTS: &[Member] = &[
    never!("never-again", "It does not connect again.", |_: &Ended<
        '_,
    >| true),
    never!(
        "never-after-a-reset",
        "It does not connect again after a reset.",
        reset
    ),
    never!(
        "never-after-an-end",
        "It does not connect again when the stream ends without a close frame.",
        cut
    ),
    never!(
        "never-after-a-refusal",
        "It does not connect again when its upgrade is refused.",
        refused
    ),
    never!(
        "never-after-4003",
        "It does not connect again after a close with 4003.",
        |ended: &Ended<'_>| closed_with(ended, 4003)
    ),
    never!(
        "never-after-1001",
        "It does not connect again to a server that goes away.",
        |ended: &Ended<'_>| closed_with(ended, 1001)
    ),
    never!(
        "never-after-1011",
        "It does not connect again after an error of the server's.",
        |ended: &Ended<'_>| closed_with(ended, 1011)
    ),
    never!(
        "never-after-1012",
        "It does not connect again to a server that starts anew.",
        |ended: &Ended<'_>| closed_with(ended, 1012)
    ),
    never!(
        "never-after-a-broken-frame",
        "It does not connect again after a frame that is none.",
        |ended: &Ended<'_>| matches!(ended.why, Down::Broken(_))
    ),
    never!(
        "never-before-its-first-hello",
        "It does not connect again where its first connection had no HELLO.",
        |ended: &Ended<'_>| ended.world.state().intervals.is_empty()
    ),
    never!(
        "again-but-once",
        "It connects again once.",
        |ended: &Ended<'_>| ended.count > 1
    ),
    never!(
        "again-but-three-times",
        "It connects again three times.",
        |ended: &Ended<'_>| ended.count > 3
    ),
    defect("dies-of-a-reset", COMES, "A reset ends the client.")
        .again(|ended| dies(ended, reset(ended), "Error: read ECONNRESET")),
    defect(
        "dies-of-a-refusal",
        COMES,
        "An upgrade that is refused ends the client.",
    )
    .again(|ended| {
        let words = "Error: unexpected server response";
        dies(ended, refused(ended), words)
    }),
    waits!("again-at-once", WAITS, "It connects again at once.", |_| {
        Some(Duration::ZERO)
    }),
    waits!(
        "again-after-half-a-second",
        WAITS,
        "It connects again after about half a second.",
        |ended| Some(ended.wait.mul_f64(0.3).min(Duration::from_millis(600)))
    ),
    waits!(
        "again-a-little-early",
        WAITS,
        "Its waits are between 900 and 960 ms.",
        |ended| Some(Duration::from_millis(
            900 + u64::from(ended.wait.subsec_millis() % 61)
        ))
    ),
    waits!(
        "wait-from-zero",
        WAITS,
        "Its waits are between nothing and three seconds.",
        |ended| Some(Duration::from_nanos(ended.wait.subsec_nanos().into()) * 3)
    ),
    waits!(
        "wait-from-the-dial",
        WAITS,
        "Its waits count from the beginning of the connection that has ended.",
        |ended| Some(ended.wait.saturating_sub(ended.lasted))
    ),
    waits!(
        "wait-doubling-from-100-ms",
        WAITS,
        "Its waits begin with about 100 ms and double.",
        |ended| {
            let doubled = Duration::from_millis(100) * 2_u32.pow(ended.count.min(8) - 1);
            Some(doubled.mul_f64(1.0 + ended.wait.subsec_millis() as f64 / 10_000.0))
        }
    ),
    at_once!(
        "at-once-at-first",
        "It connects again at once where a WebSocket had opened.",
        |ended: &Ended<'_>| !matches!(
            ended.why,
            Down::Status(_) | Down::Upgrade(_) | Down::Unreachable(_) | Down::TimedOut
        )
    ),
    at_once!(
        "at-once-after-a-refusal",
        "It connects again at once when its upgrade is refused.",
        refused
    ),
    at_once!(
        "at-once-after-a-reset",
        "It connects again at once after a reset.",
        reset
    ),
    at_once!(
        "at-once-after-1012",
        "It connects again at once to a server that starts anew.",
        |ended: &Ended<'_>| closed_with(ended, 1012)
    ),
    waits!(
        "wait-the-same",
        RANDOM,
        "Every wait is one and a half seconds.",
        |_| Some(Duration::from_millis(1500))
    ),
    waits!(
        "wait-drawn-once",
        RANDOM,
        "One wait is drawn, and is that of all times.",
        |ended| {
            let mut state = ended.world.state();
            Some(*state.drawn.get_or_insert(ended.wait))
        }
    ),
    waits!(
        "wait-by-a-table",
        RANDOM,
        "The waits are those of a table, the same in every process.",
        |ended| {
            let table = [1000, 1500, 2250, 3400, 5000, 5100];
            let at = (ended.count as usize - 1).min(table.len() - 1);
            Some(Duration::from_millis(table[at]))
        }
    ),
    defect(
        "wait-by-a-built-in-seed",
        RANDOM,
        "The waits are drawn from a seed that is built in.",
    )
    .config(|config| config.seed = Some(42)),
    defect(
        "two-after-a-failure",
        ONE,
        "Two timers wait when a connection ends, and both connect, the slower one after some heartbeats.",
    )
    .bend(|_, _| {
        Beside::boxed(|facts| {
            let again = facts.conn > 0 && facts.beats >= 3;
            Some(facts.last_beat.filter(|_| again)? + facts.hb(0.2)?)
        })
    }),
    defect(
        "two-without-an-ack",
        ONE,
        "Where a HEARTBEAT_ACK is missing, a second connection is opened beside the first.",
    )
    .bend(|_, _| {
        Beside::boxed(|facts| {
            let missing = facts.acks < facts.beats;
            Some(facts.last_beat.filter(|_| missing)? + facts.hb(0.6)?)
        })
    }),
    defect(
        "two-after-five-beats",
        ONE,
        "After five heartbeats another connection is to take over, and the first is not closed.",
    )
    .bend(|_, _| {
        Beside::boxed(|facts| {
            let last = facts.last_beat.filter(|_| facts.beats >= 5);
            Some(last? + facts.hb(0.2)?)
        })
    }),
];
