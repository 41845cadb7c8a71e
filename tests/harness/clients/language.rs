//! The language line by line against scripted clients.

use std::time::Duration;

use super::{actual, against, blamed, found, passed, play};
use crate::support::caller::{Caller, Habits, Heard, live};
use litespec::outcome::{Dir, EntryKind};
use litespec::play::Ended;
use litespec::protocol::rules::Level;
use litespec::wire::memory::MemoryDial;
use litespec::wire::{OpenError, OutFrame};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

const RULE: &str = "rule   client.hello-ack";

#[tokio::test(start_paused = true)]
async fn the_first_connection_opens_by_itself_and_packets_go_both_ways() {
    let steps = "> {\"op\": 0, \"hb_interval\": 600}\n< {\"op\": 1, \"password\": \"${password}\"}\n\
                 < {\"op\": 4, \"w\": \"X\", \"n\": $n}\n> {\"op\": 5, \"n\": $n, \"r\": null}\n";
    let asking = Habits {
        then: &[r#"{"op":4,"w":"X","a":[],"n":[1.5]}"#],
        ..Habits::default()
    };
    passed(&play(steps, asking).await);
    let other = play(&steps.replace("\"w\": \"X\"", "\"w\": \"Y\""), asking).await;
    assert!(actual(&other).starts_with("nothing"), "{}", actual(&other));
}

#[tokio::test(start_paused = true)]
async fn a_handshake_says_what_the_scenario_wants_in_hello() {
    for (given, sent) in [
        ("", r#"{"op": 0, "hb_interval": 1000}"#),
        (
            r#" {"hb_interval": 600}"#,
            r#"{"op": 0, "hb_interval": 600}"#,
        ),
        (
            r#" {"hb_interval": 600, "op": 0}"#,
            r#"{"hb_interval": 600, "op": 0}"#,
        ),
    ] {
        let played = play(&format!("use handshake{given}\n"), Habits::default()).await;
        passed(&played);
        let hello = played
            .transcript
            .iter()
            .find(|entry| entry.dir == Dir::Sent && entry.kind == EntryKind::Text);
        assert_eq!(hello.expect("a HELLO").text, sent);
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_handshake_blames_the_rule_it_breaks() {
    let right = Habits::default();
    let cases = [
        (Habits { ack: None, ..right }, "client.hello-ack"),
        (
            Habits {
                ack: Some(r#"{"op":1,"password":7}"#),
                ..right
            },
            "client.hello-ack",
        ),
        (
            Habits {
                ack: Some(r#"{"op":1,"password":"opensesamee"}"#),
                ..right
            },
            "client.hello-ack",
        ),
        (
            Habits {
                before_ack: Some(r#"{"op":2}"#),
                ..right
            },
            "client.heartbeat-after-ack",
        ),
        (
            Habits {
                before_ack: Some(r#"{"op":4,"w":"X","a":[],"n":1}"#),
                ..right
            },
            "client.hello-ack",
        ),
    ];
    for (habits, rule) in cases {
        let quiet = Habits {
            period: 100.0,
            ..habits
        };
        let played = play("use handshake\nwait 1hb\n", quiet).await;
        assert!(matches!(played.ended, Ended::Prerequisite(_)), "{rule}");
        assert_eq!(blamed(&played), (rule, Level::Must));
        let shown = format!("{:?} {:?}", played.ended, played.transcript);
        assert!(!shown.contains("opensesame"), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_before_hello_is_not_an_answer_to_it() {
    let eager = Habits {
        at_once: Some(r#"{"op":1,"password":"opensesame"}"#),
        ..Habits::default()
    };
    let played = play("< connects\n< nothing for 1s\n", eager).await;
    assert_eq!(found(&played), ["client.waits-for-hello"]);
    assert!(matches!(played.ended, Ended::Failed(_)));
    let played = play("> http 101\nwait 100ms\nuse handshake\n", eager).await;
    assert_eq!(blamed(&played), ("client.waits-for-hello", Level::Must));
}

#[tokio::test(start_paused = true)]
async fn heartbeats_are_acknowledged_unasked_and_meet_only_lines_that_name_them() {
    let played = play(
        "use handshake\n< nothing for 3hb\n< {\"op\": 2}\n< {\"op\": 2} within ..1.25hb\n",
        Habits::default(),
    )
    .await;
    passed(&played);
    let acks = |dir| {
        let beat = move |entry: &&litespec::outcome::Entry| {
            entry.dir == dir && (entry.text.contains("3}") || entry.text.contains("2}"))
        };
        played.transcript.iter().filter(beat).count()
    };
    assert_eq!((acks(Dir::Sent), acks(Dir::Received)), (5, 5));

    let any = play("use handshake\n< any\n", Habits::default()).await;
    assert!(
        actual(&any).starts_with("nothing, 5000 ms"),
        "{}",
        actual(&any)
    );
}

#[tokio::test(start_paused = true)]
async fn under_manual_ack_heartbeats_meet_lines_and_nobody_answers_them() {
    let header = "rule   client.hello-ack\nmanual ack";
    let run = |steps: &'static str| async move {
        against(header, steps, |dial| live(dial, Habits::default())).await
    };
    let steps = "use handshake\nrepeat 3\n  < {\"op\": 2} within ..1hb+250ms\n  > {\"op\": 3}\n";
    passed(&run(steps).await);
    let strict = run("use handshake\n< nothing for 1hb\n").await;
    assert_eq!(actual(&strict), r#"{"op":2}"#);
    let unanswered = run("use handshake\nwait 4hb\n").await;
    passed(&unanswered);
    let acks = unanswered
        .transcript
        .iter()
        .filter(|e| e.text.contains("3}"));
    assert_eq!(acks.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_nobody_drives_may_ask_on_its_own_account() {
    let asking = Habits {
        then: &[
            r#"{"op":4,"w":"X","a":[],"n":1}"#,
            r#"{"op":6,"w":"X","a":[]}"#,
        ],
        ..Habits::default()
    };
    passed(&play("use handshake\n< nothing for 2s\n", asking).await);
    passed(&play("use handshake\n< {\"op\": 6}\n", asking).await);
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_and_closes_echoed() {
    let (told, heard) = oneshot::channel();
    let call = |dial: MemoryDial| async move {
        let mut caller = Caller::dial(&dial).await.expect("an upgrade");
        caller.frame(&OutFrame::ping(b"there?")).await;
        let _ = told.send(caller.hear().await);
        caller
            .frame(&OutFrame::close(&1000_u16.to_be_bytes()))
            .await;
        caller.idle().await;
    };
    let steps =
        "< nothing for 100ms\n> {\"op\": 0, \"hb_interval\": 500}\n< close 1000\n< closed\n";
    let played = against(RULE, steps, call).await;
    passed(&played);
    assert!(matches!(heard.await, Ok(Heard::Text(_))));
    let ours: Vec<_> = played
        .transcript
        .iter()
        .filter(|entry| entry.dir == Dir::Sent && entry.auto)
        .map(|entry| (entry.kind, entry.text.as_str()))
        .collect();
    assert_eq!(
        ours,
        [(EntryKind::Pong, "there?"), (EntryKind::Close, "1000")]
    );
}

#[tokio::test(start_paused = true)]
async fn a_close_that_no_line_expects_fails() {
    let call = |dial: MemoryDial| async move {
        let mut caller = Caller::dial(&dial).await.expect("an upgrade");
        caller.hear().await;
        caller.say(r#"{"op":1,"password":"opensesame"}"#).await;
        sleep(Duration::from_millis(300)).await;
        caller
            .frame(&OutFrame::close(&1002_u16.to_be_bytes()))
            .await;
        caller.idle().await;
    };
    let played = against(RULE, "use handshake\nwait 1s\n", call).await;
    assert_eq!(actual(&played), "close 1002");
}

#[tokio::test(start_paused = true)]
async fn a_reconnection_is_awaited_and_timed_from_our_close() {
    let steps = "use handshake\n> close 1011\n< connects within 1s..\nuse handshake\nwait 1hb\n";
    let waiting = |waits: &'static [u64]| Habits {
        waits,
        ..Habits::default()
    };
    let played = play(steps, waiting(&[1100])).await;
    passed(&played);
    assert_eq!(played.waits, [Duration::from_millis(1100)]);
    passed(&play(steps, waiting(&[980])).await);

    let early = play(steps, waiting(&[979])).await;
    assert!(
        actual(&early).contains("979 ms after the end of the last one: 21 ms too early"),
        "{}",
        actual(&early)
    );
    assert_eq!(found(&early), ["client.reconnect-waits"]);

    passed(&play(steps, waiting(&[20_000])).await);
    let never = play(steps, waiting(&[])).await;
    assert_eq!(actual(&never), "no connection within 21000 ms");
    let bounded = steps.replace("1s..", "..3s");
    let late = play(&bounded, waiting(&[3001])).await;
    assert_eq!(actual(&late), "no connection within 3000 ms");
}

#[tokio::test(start_paused = true)]
async fn each_way_to_fail_a_connection_can_be_written() {
    let asked = |dial: MemoryDial, told: oneshot::Sender<Vec<String>>| async move {
        let mut seen = Vec::new();
        for _ in 0..5 {
            seen.push(match Caller::dial(&dial).await {
                Ok(mut caller) => format!("{:?}", caller.hear().await),
                Err(OpenError::Status { code, .. }) => code.to_string(),
                Err(OpenError::Reset(_)) => "reset".to_owned(),
                Err(OpenError::Closed) => "closed".to_owned(),
                Err(other) => other.to_string(),
            });
            sleep(Duration::from_millis(1500)).await;
        }
        let _ = told.send(seen);
        std::future::pending().await
    };
    let steps = "> http 503\n> http 404\n< connects within 1s..\n> reset\n< connects within 1s..2s\n> eof\n\
                 < connects\n> http 101\n> reset\nwait 2s\n";
    let (told, seen) = oneshot::channel();
    let played = against(RULE, steps, |dial| asked(dial, told)).await;
    passed(&played);
    let seen = seen.await.expect("a client that finished");
    assert_eq!(seen, ["503", "404", "reset", "closed", "End"]);
    assert_eq!(played.waits, [Duration::from_millis(1500); 4]);
    let refused = played.transcript.iter().find(|e| e.text == "http 503");
    assert_eq!(refused.map(|e| e.dir), Some(Dir::Sent));
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_stays_unanswered_until_a_line_speaks_on_the_connection() {
    let (told, seen) = oneshot::channel();
    let call = |dial: MemoryDial| async move {
        let began = Instant::now();
        let caller = Caller::dial(&dial).await;
        let _ = told.send(began.elapsed());
        caller.expect("an upgrade").idle().await;
    };
    passed(&against(RULE, "< connects\nwait 3s\n< nothing for 10ms\n", call).await);
    assert_eq!(seen.await, Ok(Duration::from_secs(3)));

    // A client that gives up and comes again is met by the next line.
    let impatient = |dial: MemoryDial| async move {
        let first = tokio::time::timeout(Duration::from_secs(2), Caller::dial(&dial)).await;
        assert!(first.is_err());
        sleep(Duration::from_millis(1200)).await;
        live(dial, Habits::default()).await;
    };
    let steps = "< connects\nwait 10s\n< connects within 1s..\nuse handshake\n";
    let played = against(RULE, steps, impatient).await;
    passed(&played);
    assert_eq!(played.waits, [Duration::from_millis(1200)]);
}

#[tokio::test(start_paused = true)]
async fn branches_can_begin_with_a_connection() {
    let steps = "use handshake\n> close 1000\neither\n  < connects\n  use handshake\n  > ping \"again\"\n\
                 or\n  < nothing for 30s\n";
    let back = play(steps, Habits::default()).await;
    passed(&back);
    assert!(back.transcript.iter().any(|e| e.kind == EntryKind::Ping));
    let away = Habits {
        waits: &[],
        ..Habits::default()
    };
    let stayed = play(steps, away).await;
    passed(&stayed);
    assert!(!stayed.transcript.iter().any(|e| e.kind == EntryKind::Ping));
}

#[tokio::test(start_paused = true)]
async fn a_probe_behind_an_end_records_whether_the_client_comes_again() {
    let steps = "use handshake\n> close 4001\n< probe 10s\n";
    let back = play(steps, Habits::default()).await;
    let observed = back.observed.expect("something observed");
    assert_eq!(observed["what"], "reconnected");
    assert_eq!(observed["after_ms"], 1100.0);
    let away = Habits {
        waits: &[],
        ..Habits::default()
    };
    let stayed = play(steps, away).await.observed;
    assert_eq!(stayed.expect("something observed")["what"], "stayed_away");
}

#[tokio::test(start_paused = true)]
async fn a_probe_on_an_open_connection_passes_heartbeats_over() {
    let steps = "use handshake\n> {\"op\": 99}\n< probe 3s\n";
    let played = play(steps, Habits::default()).await;
    assert_eq!(played.ended, Ended::Passed);
    assert_eq!(
        played.observed.expect("something observed")["what"],
        "ignored"
    );
}

#[tokio::test(start_paused = true)]
async fn waits_that_are_all_alike_are_told_from_waits_that_differ() {
    let steps = "use handshake\nrepeat 4\n  > close 1011\n  < connects within 1s..\n  use handshake\n\
                 waits differ by 50ms  @client.reconnect-random\n";
    let differing = play(steps, Habits::default()).await;
    passed(&differing);
    assert_eq!(differing.held, ["client.reconnect-random"]);
    let fixed = |waits| Habits {
        waits,
        ..Habits::default()
    };
    let alike = play(steps, fixed(&[1500, 1549, 1520, 1500])).await;
    assert_eq!(
        blamed(&alike),
        ("client.reconnect-random", Level::Should),
        "{alike:?}"
    );
    assert_eq!(actual(&alike), "waits of 1500, 1549, 1520, 1500 ms");
    passed(&play(steps, fixed(&[1500, 1551, 1520, 1500])).await);

    let three = steps.replace("repeat 4", "repeat 3");
    let few = play(&three, fixed(&[1500])).await;
    assert!(matches!(
        few.ended,
        Ended::Inconclusive { timing: false, .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_comes_is_not_judged_by_a_line() {
    let nobody = |dial: MemoryDial| async move {
        let _dial = dial;
        std::future::pending().await
    };
    let played = against(RULE, "use handshake\n", nobody).await;
    assert!(matches!(played.ended, Ended::Unreachable(_)), "{played:?}");
    assert_eq!(actual(&played), "no connection within 30000 ms");
}

#[tokio::test(start_paused = true)]
async fn who_speaks_no_http_is_no_visitor() {
    use litespec::wire::Dial;
    use tokio::io::AsyncWriteExt;
    let stranger = |dial: MemoryDial| async move {
        let mut stream = dial.dial().await.expect("a stream");
        let _ = stream
            .write_all(b"\x16\x03\x01 no http at all\r\n\r\n")
            .await;
        sleep(Duration::from_secs(5)).await;
        live(dial, Habits::default()).await;
    };
    passed(&against(RULE, "use handshake\nwait 1hb\n", stranger).await);
}

#[tokio::test(start_paused = true)]
async fn a_second_connection_has_a_name_where_a_scenario_expects_one() {
    let twin = Habits {
        twin: true,
        ..Habits::default()
    };
    let steps = "use handshake\nb< connects\nb use handshake\nb< {\"op\": 2}\n< {\"op\": 2}\n";
    let played = play(steps, twin).await;
    assert_eq!(played.ended, Ended::Passed);
    assert_eq!(found(&played), ["client.one-connection"]);
}

#[tokio::test(start_paused = true)]
async fn alive_takes_the_connection_there_is_or_a_new_one() {
    let steps = "use handshake\n> text \"garbage\"\nalive\n";
    assert_eq!(play(steps, Habits::default()).await.ended, Ended::Passed);
    let again = "use handshake\n> reset\nalive\n";
    assert_eq!(play(again, Habits::default()).await.ended, Ended::Passed);
    let dead = Habits {
        beats: &[0, 0, 0],
        ..Habits::default()
    };
    assert_eq!(actual(&play(again, dead).await), "no HEARTBEAT");
    let gone = Habits {
        waits: &[],
        ..Habits::default()
    };
    assert_eq!(actual(&play(again, gone).await), "no new connection");
}

#[tokio::test(start_paused = true)]
async fn a_scenario_with_driver_lines_is_skipped_without_a_driver() {
    let steps =
        "use handshake\ndriver> {\"do\": \"request\", \"id\": 1, \"w\": \"X\", \"a\": []}\n";
    let played = play(steps, Habits::default()).await;
    assert_eq!(
        played.ended,
        Ended::Skipped("needs a driven client".to_owned())
    );
    assert_eq!(played.transcript, []);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ended_before_a_line_met_it_is_not_taken() {
    let impatient = |dial: MemoryDial| async move {
        let caller = Caller::dial(&dial).await.expect("an upgrade");
        caller.idle().await;
        for _ in 0..2 {
            sleep(Duration::from_millis(1500)).await;
            let tried = tokio::time::timeout(Duration::from_secs(3), Caller::dial(&dial)).await;
            assert!(tried.is_err());
        }
        sleep(Duration::from_millis(1500)).await;
        live(dial, Habits::default()).await;
    };
    let steps =
        "> http 101\n> close 1011\nwait 10s\n< connects within 1s..\nuse handshake\nwait 1hb\n";
    let played = against(RULE, steps, impatient).await;
    passed(&played);
    assert_eq!(played.waits, [Duration::from_millis(1500); 3]);
}

#[tokio::test(start_paused = true)]
async fn a_password_is_not_shown_however_it_is_spelled() {
    let escaping = Habits {
        ack: Some(r#"{"password": "\u006fpensesame", "op": 1.0}"#),
        ..Habits::default()
    };
    let played = play("use handshake\n< close\n", escaping).await;
    assert!(matches!(played.ended, Ended::Failed(_)), "{played:?}");
    let shown = format!("{:?} {:?}", played.ended, played.transcript);
    assert!(!shown.contains("pensesame"), "{shown}");
    let other = Habits {
        ack: Some(r#"{"op":1,"password":"hunter22"}"#),
        ..Habits::default()
    };
    for line in [
        "< {\"op\": 1, \"password\": \"${password}\"}",
        "< {\"op\": 5}",
        "< nothing for 1s",
    ] {
        let steps = format!("> {{\"op\": 0, \"hb_interval\": 900}}\n{line}\n");
        let played = play(&steps, other).await;
        assert!(matches!(played.ended, Ended::Failed(_)), "{line}");
        let shown = format!("{played:?}");
        assert!(!shown.contains("hunter22"), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_end_we_go_away_and_the_client_may_come_again() {
    let played = play("use handshake\n", Habits::default()).await;
    passed(&played);
    let last = played
        .transcript
        .iter()
        .rfind(|entry| entry.dir == Dir::Sent)
        .expect("a close");
    assert_eq!((last.kind, last.text.as_str()), (EntryKind::Close, "1001"));
}
