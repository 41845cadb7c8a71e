//! What the watch finds in a client of bad habits, whatever the scenario is about.

use std::time::Duration;

use super::{PASSWORD, found, passed, play, scenario, settings};
use crate::support::caller::{Habits, live};
use litespec::play::{Ended, Host, Played, run_client};
use litespec::scenario::values::Env;
use litespec::wire::memory;
use tokio::time::Instant;

/// An ordinary scenario with a reconnection in it.
const ORDINARY: &str = "use handshake {\"hb_interval\": 600}\n< nothing for 4hb\n> close 1011\n< connects\n\
                        use handshake {\"hb_interval\": 2000}\nwait 3hb\n";

async fn finds(habits: Habits) -> Vec<&'static str> {
    let mut found = found(&play(ORDINARY, habits).await);
    found.sort_unstable();
    found.dedup();
    found
}

#[tokio::test(start_paused = true)]
async fn nothing_is_found_in_a_right_client() {
    for period in [1.0, 0.8, 0.5, 0.34] {
        let right = Habits {
            period,
            then: &[
                r#"{"op":4,"w":"X","a":[],"n":1}"#,
                r#"{"op":4,"w":"X","a":[{}],"n":"1"}"#,
                r#"{"op":6,"w":"X","a":[null],"extra":true}"#,
                r#"{"op":77}"#,
            ],
            ..Habits::default()
        };
        passed(&play(ORDINARY, right).await);
    }
}

#[tokio::test(start_paused = true)]
async fn each_bad_habit_is_found_under_its_rule() {
    let right = Habits::default();
    let then = |then: &'static [&'static str]| Habits { then, ..right };
    let cases: [(&str, Habits); 21] = [
        ("client.packet-sender", then(&["hello"])),
        ("client.packet-sender", then(&["[]"])),
        ("client.packet-sender", then(&[r#"{"op":"2"}"#])),
        (
            "client.packet-sender",
            then(&[r#"{"op":0,"hb_interval":5}"#]),
        ),
        ("client.packet-sender", then(&[r#"{"op":3}"#])),
        ("client.packet-sender", then(&[r#"{"op":5,"n":1,"r":1}"#])),
        ("client.hello-ack", then(&[r#"{"op":1,"password":null}"#])),
        ("client.request-fields", then(&[r#"{"op":4,"a":[],"n":1}"#])),
        (
            "client.request-fields",
            then(&[r#"{"op":4,"w":1,"a":[],"n":1}"#]),
        ),
        (
            "client.request-fields",
            then(&[r#"{"op":4,"w":"X","a":{},"n":1}"#]),
        ),
        (
            "client.request-fields",
            then(&[r#"{"op":4,"w":"X","n":1}"#]),
        ),
        (
            "client.request-fields",
            then(&[r#"{"op":4,"w":"X","a":[]}"#]),
        ),
        ("client.dispatch-fields", then(&[r#"{"op":6,"a":[]}"#])),
        (
            "client.dispatch-fields",
            then(&[r#"{"op":6,"w":"X","a":"x"}"#]),
        ),
        (
            "client.dispatch-no-nonce",
            then(&[r#"{"op":6,"w":"X","a":[],"n":null}"#]),
        ),
        (
            "client.nonce-unique",
            then(&[
                r#"{"op":4,"w":"X","a":[],"n":1}"#,
                r#"{"op":4,"w":"Y","a":[],"n":1.0}"#,
            ]),
        ),
        (
            "client.heartbeat-interval",
            Habits {
                period: 1.5,
                ..right
            },
        ),
        (
            "client.heartbeat-interval",
            Habits {
                beats: &[9, 0],
                ..right
            },
        ),
        (
            "client.heartbeat-interval",
            Habits {
                beats: &[2],
                ..right
            },
        ),
        (
            "client.heartbeat-rate",
            Habits {
                period: 0.2,
                ..right
            },
        ),
        (
            "client.reconnect-waits",
            Habits {
                waits: &[900],
                ..right
            },
        ),
    ];
    for (at, (rule, habits)) in cases.into_iter().enumerate() {
        assert_eq!(finds(habits).await, [rule], "case {at}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_interval_of_the_last_connection_is_not_that_of_this_one() {
    // From 600 to 2000 a stale client beats too often, and the other way round too seldom.
    let stale = Habits {
        stale: true,
        ..Habits::default()
    };
    assert_eq!(finds(stale).await, ["client.heartbeat-rate"]);
    let steps = "use handshake {\"hb_interval\": 2000}\nwait 1hb\n> close 1011\n< connects\n\
                 use handshake {\"hb_interval\": 600}\nwait 3s\n";
    let played = play(steps, stale).await;
    let mut rules = found(&played);
    rules.dedup();
    assert_eq!(rules, ["client.heartbeat-interval"]);
    passed(&play(steps, Habits::default()).await);
}

#[tokio::test(start_paused = true)]
async fn the_last_gap_counts_although_no_heartbeat_ends_it() {
    let stops = Habits {
        beats: &[1],
        ..Habits::default()
    };
    // 1 s: at 0.8 the only one; 1.25 hb later something is wrong.
    let short = play("use handshake\nwait 2s\n", stops).await;
    passed(&short);
    let long = play("use handshake\nwait 2100ms\n", stops).await;
    assert_eq!(found(&long), ["client.heartbeat-interval"]);
    let (breach, _) = &long.breaches[0];
    assert_eq!(breach.actual(), "no HEARTBEAT for 1300 ms");
    assert_eq!(
        breach.expected(),
        "a HEARTBEAT every 1000 ms; 1250 ms are let pass"
    );
}

#[tokio::test(start_paused = true)]
async fn a_short_interval_leaves_a_quarter_of_a_second() {
    let steps = "use handshake {\"hb_interval\": 100}\nwait 2s\n";
    let late = |period| Habits {
        period,
        ..Habits::default()
    };
    passed(&play(steps, late(3.5)).await);
    let found = found(&play(steps, late(3.51)).await);
    assert_eq!(found[0], "client.heartbeat-interval");
}

#[tokio::test(start_paused = true)]
async fn what_comes_before_its_time_is_found_on_later_connections_too() {
    let steps = "use handshake\n> close 1011\n< connects\n> http 101\nwait 500ms\n";
    let early = Habits {
        at_once: Some(r#"{"op":2}"#),
        ..Habits::default()
    };
    let played = play("> http 101\nwait 1s\n", early).await;
    assert_eq!(
        found(&played),
        ["client.waits-for-hello", "client.heartbeat-after-ack"]
    );
    passed(&play(steps, Habits::default()).await);
}

#[tokio::test(start_paused = true)]
async fn a_hello_without_an_answer_is_found() {
    let mute = Habits {
        ack: None,
        beats: &[0],
        ..Habits::default()
    };
    let played = play("> {\"op\": 0, \"hb_interval\": 1000}\nwait 6s\n", mute).await;
    assert_eq!(found(&played), ["client.hello-ack"]);
}

#[tokio::test(start_paused = true)]
async fn a_second_connection_beside_an_open_one_is_found_without_a_line() {
    let twin = Habits {
        twin: true,
        ..Habits::default()
    };
    let played = play("use handshake\n< nothing for 3s\n", twin).await;
    assert_eq!(found(&played), ["client.one-connection"]);
}

#[tokio::test(start_paused = true)]
async fn behind_our_own_breach_a_connection_is_not_judged_but_its_end_counts() {
    let fragile = Habits {
        fragile: true,
        waits: &[200],
        ..Habits::default()
    };
    let steps = "use handshake\n> {\"op\": 5, \"n\": \"nobody's\", \"r\": 1}\n< close 1002\n< connects\nuse handshake\n";
    assert_eq!(
        found(&play(steps, fragile).await),
        ["client.reconnect-waits"]
    );
    let stops = Habits {
        beats: &[0],
        ..Habits::default()
    };
    passed(&play("use handshake\n> binary 0xff\nwait 5s\n", stops).await);
    passed(&play("use handshake\nignore\nwait 5s\n", stops).await);
}

/// Plays steps against a client of these habits while we were late at a time, by so much.
async fn late(steps: &str, habits: Habits, at_ms: u64, by_ms: u64) -> Played {
    let (dial, listener) = memory::listen();
    let calling = tokio::spawn(live(dial, habits));
    let settings = settings();
    let ms = Duration::from_millis;
    settings
        .lateness
        .note(Instant::now() + ms(at_ms), ms(by_ms));
    let scenario = scenario("rule   client.hello-ack", steps);
    let mut host = Host::new(listener);
    let env = Env::new(PASSWORD);
    let played = run_client(
        &settings,
        &mut host,
        "client/test",
        &scenario,
        env,
        ms(60_000),
    )
    .await;
    calling.abort();
    played
}

#[tokio::test(start_paused = true)]
async fn a_delay_of_our_own_is_not_the_clients() {
    let stops = Habits {
        beats: &[1],
        ..Habits::default()
    };
    let steps = "use handshake\nwait 2100ms\n";
    let told = late(steps, stops, 1500, 49).await;
    assert_eq!(found(&told), ["client.heartbeat-interval"]);
    // It is not judged, and so the scenario is not passed.
    let excused = late(steps, stops, 1500, 50).await;
    assert_eq!(found(&excused), [] as [&str; 0]);
    assert!(
        matches!(&excused.ended, Ended::Inconclusive { reason, timing: true } if reason.contains("late ourselves")),
        "{excused:#?}"
    );

    let hasty = Habits {
        waits: &[900],
        ..Habits::default()
    };
    let steps = "use handshake\n> close 1011\n< connects within 1s..\n";
    let told = late(steps, hasty, 300, 99).await;
    assert_eq!(found(&told), ["client.reconnect-waits"]);
    assert!(matches!(told.ended, Ended::Failed(_)));
    let excused = late(steps, hasty, 300, 100).await;
    assert_eq!(found(&excused), [] as [&str; 0]);
    assert!(matches!(
        excused.ended,
        Ended::Inconclusive { timing: true, .. }
    ));
}
