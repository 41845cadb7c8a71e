//! Clients that the machine did not let run: what comes late for that is not judged, all else is.

use std::time::Duration;

use super::{found, hosted};
use crate::support::caller::{Habits, live};
use litespec::play::{Ended, Host, Played};
use litespec::wire::memory;
use tokio::time::Instant;

/// Plays steps against a client of these habits that has waited for a processor: `before` it first
/// connected, and so long again from half a second on.
async fn starving(steps: &str, habits: Habits, before: u64, later: u64) -> Played {
    let (dial, listener) = memory::listen();
    let calling = tokio::spawn(live(dial, habits));
    let mut host = Host::new(listener);
    let began = Instant::now();
    host.starved = Some(Box::new(move || {
        let half_way = began.elapsed() >= Duration::from_millis(500);
        Duration::from_millis(before + if half_way { later } else { 0 })
    }));
    let header = "rule   client.heartbeat-interval";
    let played = hosted(header, steps, host).await;
    calling.abort();
    played
}

fn beats_every(period: f64) -> Habits {
    Habits {
        period,
        ..Habits::default()
    }
}

const BEAT: &str = "use handshake\n< {\"op\": 2} within ..1hb+300ms\n";

#[tokio::test(start_paused = true)]
async fn a_heartbeat_that_is_late_for_want_of_a_processor_is_not_judged() {
    for later in [110, 250, 5000] {
        let played = starving(BEAT, beats_every(1.4), 0, later).await;
        let Ended::Inconclusive {
            reason,
            timing: true,
        } = &played.ended
        else {
            panic!("{later}: {played:#?}");
        };
        let said = format!("waiting for a processor for {later} ms");
        assert!(reason.contains("too late; "), "{reason}");
        assert!(reason.ends_with(&said), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_than_that_is_excused() {
    // Too little, or before the connection was there.
    for (before, later) in [(0, 0), (0, 99), (5000, 0), (5000, 99)] {
        let played = starving(BEAT, beats_every(1.4), before, later).await;
        assert!(matches!(played.ended, Ended::Failed(_)), "{played:#?}");
    }
    // One that does not beat at all is not waited for without end.
    let silent = Habits {
        beats: &[0],
        ..Habits::default()
    };
    let played = starving(BEAT, silent, 0, 600_000).await;
    assert!(matches!(played.ended, Ended::Failed(_)), "{played:#?}");
    assert!(played.took < Duration::from_secs(4), "{:?}", played.took);
    let played = starving(BEAT, beats_every(1.0), 0, 5000).await;
    assert_eq!(played.ended, Ended::Passed);
}

#[tokio::test(start_paused = true)]
async fn the_watch_excuses_gaps_by_what_the_client_had_to_wait() {
    let steps = "use handshake\nwait 5hb\n";
    let gaps = |played: &Played| found(played).contains(&"client.heartbeat-interval");
    let late = starving(steps, beats_every(2.0), 0, 0).await;
    assert!(gaps(&late), "{late:#?}");
    let little = starving(steps, beats_every(2.0), 5000, 200).await;
    assert!(gaps(&little), "{little:#?}");
    // Neither judged nor passed; and what it waited for long ago excuses nothing.
    let excused = starving("use handshake\nwait 2500ms\n", beats_every(2.0), 0, 1500).await;
    assert!(!gaps(&excused), "{excused:#?}");
    assert!(
        matches!(&excused.ended, Ended::Inconclusive { reason, timing: true } if reason.contains("processor")),
        "{excused:#?}"
    );
    let later = starving(steps, beats_every(2.0), 0, 1500).await;
    assert!(gaps(&later), "{later:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_may_be_late_for_it_but_never_early() {
    let steps = "use handshake\n> close 1011\n< connects within 1s..1500ms\n";
    let waiting = |waits| Habits {
        waits,
        ..Habits::default()
    };
    let late = starving(steps, waiting(&[1700]), 0, 400).await;
    assert!(
        matches!(late.ended, Ended::Inconclusive { timing: true, .. }),
        "{late:#?}"
    );
    let too_late = starving(steps, waiting(&[1700]), 0, 100).await;
    let Ended::Prerequisite(nobody) = &too_late.ended else {
        panic!("{too_late:#?}");
    };
    assert_eq!(nobody.rule, "client.reconnects");
    let early = starving(steps, waiting(&[500]), 0, 5000).await;
    assert!(matches!(early.ended, Ended::Failed(_)), "{early:#?}");
    assert_eq!(found(&early), ["client.reconnect-waits"]);
}
