//! The scenario language at work: what each line takes, refuses, measures and records, against a
//! scripted server in memory, on virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::peer::Peer;
use litespec::oracle::Dialect;
use litespec::outcome::Dir;
use litespec::play::{self, Ended, Lateness, Played, Reach, Redactor, Settings};
use litespec::scenario::syntax::{Origin, Source};
use litespec::scenario::values::Env;
use litespec::scenario::{self, Scenario};
use litespec::wire::memory;
use litespec::wire::target::Target;
use litespec::wire::{Limits, Offer, OutFrame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PASSWORD: &str = "opensesame";

fn scenario(text: &str) -> Arc<Scenario> {
    let text = format!("title  A test\nrule   request.response\n\n{text}");
    let source = Source {
        path: "test".to_owned(),
        origin: Origin::File,
        text,
    };
    Arc::new(scenario::parse("server/test", Arc::new(source)).unwrap_or_else(|e| panic!("{e}")))
}

/// Plays `text` against a server whose every connection is served by `serve`.
async fn play<F>(text: &str, serve: impl Fn(memory::MemoryStream) -> F + Send + 'static) -> Played
where
    F: Future<Output = ()> + Send + 'static,
{
    let scenario = scenario(text);
    let (dial, mut listener) = memory::listen();
    let accepting = tokio::spawn(async move {
        while let Some(stream) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    let settings = Settings {
        budget: Default::default(),
        reach: Some(Reach {
            target: Target::parse("ws://memory/").expect("the URL is right"),
            dial: Arc::new(dial),
        }),
        offer: Offer::default(),
        trace_header: true,
        limits: Limits::default(),
        password: PASSWORD.to_owned(),
        redactor: Arc::new(Redactor::new([(
            "password".to_owned(),
            PASSWORD.to_owned(),
        )])),
        dialect: Dialect::Text,
        answers: Default::default(),
        answer_within: Duration::from_secs(5),
        grace: Duration::from_secs(3),
        interval: Duration::from_secs(1),
        pacer: None,
        lateness: Arc::new(Lateness::default()),
        seed: 1,
        jitter: None,
        patient: false,
        gate: None,
    };
    let env = Env::new(PASSWORD);
    let limit = Duration::from_secs(600);
    let played = play::run(&settings, "server/test", &scenario, env, limit).await;
    accepting.abort();
    played
}

/// A right server that echoes, at one second.
async fn right(stream: memory::MemoryStream) {
    let mut peer = Peer::hello(stream, 1000).await;
    while let Some(text) = peer.hear().await {
        answer(&mut peer, &text).await;
    }
}

async fn answer(peer: &mut Peer, text: &str) {
    let packet: serde_json::Value = serde_json::from_str(text).expect("the harness sends JSON");
    match packet["op"].as_u64() {
        Some(2) => peer.say(r#"{"op":3}"#).await,
        Some(4) => {
            peer.say(&format!(r#"{{"op":5,"n":{},"r":null}}"#, packet["n"]))
                .await
        }
        _ => {}
    }
}

fn actual(played: &Played) -> &str {
    match &played.ended {
        Ended::Failed(broken) => &broken.actual,
        other => panic!("{other:?}"),
    }
}

fn rules(played: &Played) -> Vec<&'static str> {
    played
        .breaches
        .iter()
        .map(|(breach, _)| breach.rule())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_line_takes_the_next_packet_and_refuses_any_other() {
    let took = play("use handshake\n> {\"op\": 2}\n< {\"op\": 3}\n", right).await;
    assert_eq!(took.ended, Ended::Passed);
    let refused = play(
        "use handshake\n> {\"op\": 2}\n< {\"op\": 5, \"n\": 1}\n",
        right,
    )
    .await;
    assert_eq!(actual(&refused), r#"{"op":3}"#);
    let Ended::Failed(broken) = &refused.ended else {
        panic!()
    };
    assert_eq!(broken.expected, r#"{"op": 5, "n": 1}"#);
    assert_eq!(
        (broken.place.span.line, broken.rule.as_str()),
        (6, "request.response")
    );
}

#[tokio::test(start_paused = true)]
async fn a_variable_binds_once_and_is_compared_after_that() {
    let text = "use handshake\n> {\"op\": 4, \"w\": \"X\", \"a\": [], \"n\": {\"b\": 1, \"a\": 2.0}}\n\
                < {\"op\": 5, \"n\": $n}\n> {\"op\": 4, \"w\": \"X\", \"a\": [], \"n\": $n}\n\
                < {\"op\": 5, \"n\": {\"a\": 2, \"b\": 1.0}}\n";
    assert_eq!(play(text, right).await.ended, Ended::Passed);
    let other = text.replace("\"b\": 1.0}", "\"b\": 3}");
    assert!(matches!(play(&other, right).await.ended, Ended::Failed(_)));
}

#[tokio::test(start_paused = true)]
async fn an_answer_before_the_right_close_is_caught() {
    let leaky = async |stream| {
        let mut peer = Peer::hello(stream, 1000).await;
        peer.hear().await;
        peer.say(r#"{"op":5,"n":1,"r":"secret"}"#).await;
        peer.close(4002, b"").await;
    };
    let text = "< {\"op\": 0}\n> {\"op\": 4, \"w\": \"X\", \"a\": [], \"n\": 1}\n< close 4002\n";
    assert_eq!(
        actual(&play(text, leaky).await),
        r#"{"op":5,"n":1,"r":"secret"}"#
    );
}

#[tokio::test(start_paused = true)]
async fn close_codes_are_told_as_they_are() {
    for code in [0_u16, 999, 1005, 1006, 1011, 1015, 1016, 4001, 5000, 65535] {
        let served = move |stream| async move {
            let mut peer = Peer::hello(stream, 1000).await;
            peer.hear().await;
            peer.close(code, b"no").await;
        };
        let text = "< {\"op\": 0}\n> {\"op\": 1, \"password\": \"x\"}\n< close 4001\n";
        let played = play(text, served).await;
        if code == 4001 {
            assert_eq!(played.ended, Ended::Passed);
        } else {
            assert!(
                actual(&played).starts_with(&format!("close {code} \"no\"")),
                "{played:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_connection_is_no_close_frame() {
    let dropping = async |stream| {
        let mut peer = Peer::hello(stream, 1000).await;
        peer.hear().await;
    };
    let text = "< {\"op\": 0}\n> {\"op\": 1, \"password\": \"x\"}\n";
    let strict = play(&format!("{text}< close 4001\n"), dropping).await;
    assert!(actual(&strict).contains("without a close frame"));
    let any_end = play(&format!("{text}< closed\n"), dropping).await;
    assert_eq!(any_end.ended, Ended::Passed);
}

#[tokio::test(start_paused = true)]
async fn bounds_are_measured_from_our_last_send() {
    let closing = |after_ms: u64| {
        move |stream| async move {
            let mut peer = Peer::hello(stream, 1000).await;
            peer.hear().await;
            tokio::time::sleep(Duration::from_millis(after_ms)).await;
            peer.close(4003, b"").await;
        }
    };
    let text = "use handshake\n< close 4003 within 1hb..2hb+grace\n";
    assert_eq!(play(text, closing(1000)).await.ended, Ended::Passed);
    // The target's clock is not ours: 20 ms are forgiven, not 21.
    assert_eq!(play(text, closing(980)).await.ended, Ended::Passed);
    let early = play(text, closing(979)).await;
    assert!(actual(&early).contains("too early"), "{}", actual(&early));
    assert!(rules(&early).contains(&"heartbeat.timeout"));
    assert_eq!(play(text, closing(4999)).await.ended, Ended::Passed);
    let never = play(text, closing(5002)).await;
    assert!(
        actual(&never).starts_with("nothing, 5000 ms (5.00 hb)"),
        "{}",
        actual(&never)
    );
}

#[tokio::test(start_paused = true)]
async fn a_timeout_that_may_be_right_is_no_failure_and_one_that_cannot_be_is() {
    let closing = |after_ms: u64| {
        move |stream| async move {
            let mut peer = Peer::hello(stream, 1000).await;
            peer.hear().await;
            tokio::time::sleep(Duration::from_millis(after_ms)).await;
            peer.close(4003, b"").await;
        }
    };
    let text = "use handshake\nwait 3hb\n";
    let late = play(text, closing(1100)).await;
    assert!(
        matches!(late.ended, Ended::Inconclusive { timing: true, .. }),
        "{:?}",
        late.ended
    );
    let early = play(text, closing(700)).await;
    assert!(matches!(early.ended, Ended::Failed(_)), "{:?}", early.ended);
    // A refusal that was owed and did not come is no timeout's business.
    let owed = "< {\"op\": 0}\n> {\"op\": 1, \"password\": \"x\"}\n< close 4001\n";
    assert!(matches!(
        play(owed, closing(1100)).await.ended,
        Ended::Failed(_)
    ));
}

#[tokio::test(start_paused = true)]
async fn background_beats_keep_alive_and_their_acks_are_passed_over() {
    let strict = async |stream| {
        let mut peer = Peer::hello(stream, 1000).await;
        peer.hear().await;
        loop {
            match tokio::time::timeout(Duration::from_secs(1), peer.hear()).await {
                Ok(Some(text)) => answer(&mut peer, &text).await,
                Ok(None) => return,
                Err(_) => return peer.close(4003, b"").await,
            }
        }
    };
    let text = "use handshake\nbeat every 0.8hb\n< nothing for 5hb\n> {\"op\": 2}\n< {\"op\": 3}\n\
                < nothing for 1s\nbeat off\n< close 4003 within 1hb..2hb\n";
    let played = play(text, strict).await;
    assert_eq!(played.ended, Ended::Passed);
    assert_eq!(rules(&played), [] as [&str; 0]);
    assert!(
        played.notes[0].starts_with("closed 1.00 hb"),
        "{:?}",
        played.notes
    );
}

#[tokio::test(start_paused = true)]
async fn background_sends_do_not_move_the_bounds_of_a_line() {
    let text = "use handshake\nevery 0.4hb\n  > ping \"x\"\n< close 4003 within ..4hb+grace\n";
    let never = async |stream| Peer::hello(stream, 1000).await.idle().await;
    let played = play(text, never).await;
    assert!(
        actual(&played).starts_with("nothing, 7000 ms"),
        "{}",
        actual(&played)
    );
    assert!(played.took < Duration::from_secs(9));
}

#[tokio::test(start_paused = true)]
async fn sets_take_answers_in_any_order_and_each_only_once() {
    let text = "use handshake\ntogether\n  repeat 3 as $i\n    > {\"op\": 4, \"w\": \"X\", \"a\": [], \"n\": $i}\n\
                in any order\n  repeat 3 as $i\n    < {\"op\": 5, \"n\": $i}\n";
    let ordered = |order: [u32; 3]| {
        move |stream| async move {
            let mut peer = Peer::hello(stream, 1000).await;
            for _ in 0..4 {
                peer.hear().await;
            }
            for nonce in order {
                peer.say(&format!(r#"{{"op":5,"n":{nonce},"r":1}}"#)).await;
            }
            peer.idle().await;
        }
    };
    assert_eq!(play(text, ordered([1, 2, 3])).await.ended, Ended::Passed);
    assert_eq!(play(text, ordered([3, 1, 2])).await.ended, Ended::Passed);
    let twice = play(text, ordered([1, 1, 2])).await;
    assert_eq!(actual(&twice), r#"{"op":5,"n":1,"r":1}"#);
    assert_eq!(rules(&twice), ["request.response"]);
}

#[tokio::test(start_paused = true)]
async fn either_takes_the_first_branch_that_is_met() {
    let text = "use handshake\n> {\"op\": 2, \"x\": 1}\neither\n  < {\"op\": 3}\nor\n  < close\nor\n  < nothing for 1s\n";
    assert_eq!(play(text, right).await.ended, Ended::Passed);
    let closing = async |stream| {
        let mut peer = Peer::hello(stream, 10_000).await;
        peer.hear().await;
        peer.hear().await;
        peer.close(1008, b"").await;
    };
    assert_eq!(play(text, closing).await.ended, Ended::Passed);
    let silent = async |stream| Peer::hello(stream, 10_000).await.idle().await;
    assert_eq!(play(text, silent).await.ended, Ended::Passed);
    let strange = async |stream| {
        let mut peer = Peer::hello(stream, 10_000).await;
        peer.hear().await;
        peer.hear().await;
        peer.say(r#"{"op":5,"n":1,"r":1}"#).await;
        peer.idle().await;
    };
    assert_eq!(
        actual(&play(text, strange).await),
        r#"{"op":5,"n":1,"r":1}"#
    );
}

#[tokio::test(start_paused = true)]
async fn a_branch_can_begin_with_a_ping_or_a_pong() {
    let text = "use handshake\n> ping \"x\"\neither\n  < pong \"x\"\n  > {\"op\": 2}\n  < {\"op\": 3}\nor\n  < close\n";
    let played = play(text, right).await;
    assert_eq!(played.ended, Ended::Passed);
    assert!(
        played
            .transcript
            .iter()
            .any(|entry| entry.text == r#"{"op":3}"#)
    );
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_closes_echoed_and_the_transcript_says_so() {
    let (heard, told) = (
        Arc::new(Mutex::new(Vec::new())),
        Arc::new(tokio::sync::Notify::new()),
    );
    let (log, done) = (Arc::clone(&heard), Arc::clone(&told));
    let pinging = move |stream| {
        let (log, done) = (Arc::clone(&log), Arc::clone(&done));
        async move {
            let mut peer = Peer::hello(stream, 1000).await;
            peer.frame(&OutFrame::ping(b"there?")).await;
            let mut peer_heard = Vec::new();
            while let Some(text) = peer.hear().await {
                peer_heard.push(text);
            }
            log.lock().unwrap().extend(peer_heard);
            done.notify_one();
        }
    };
    let played = play("use handshake\n< nothing for 0.5hb\n", pinging).await;
    assert_eq!(played.ended, Ended::Passed);
    told.notified().await;
    let ours: Vec<_> = played
        .transcript
        .iter()
        .filter(|entry| entry.dir == Dir::Sent && entry.auto)
        .map(|entry| (entry.kind, entry.text.as_str()))
        .collect();
    use litespec::outcome::EntryKind::{Close, Pong};
    assert_eq!(ours, [(Pong, "there?"), (Close, "1000")]);
}

#[tokio::test(start_paused = true)]
async fn secrets_are_neither_in_transcripts_nor_in_failures() {
    let parrot = async |stream| {
        let mut peer = Peer::hello(stream, 1000).await;
        let said = peer.hear().await.unwrap();
        peer.say(&format!("you said {said}")).await;
        peer.close(1008, said.as_bytes().get(..60).unwrap()).await;
    };
    let played = play("use handshake\n< {\"op\": 3}\n", parrot).await;
    let shown = format!("{:?} {:?}", played.ended, played.transcript);
    assert!(!shown.contains(PASSWORD), "{shown}");
    assert!(shown.contains("${password}"));
}

#[tokio::test(start_paused = true)]
async fn a_broken_handshake_is_a_prerequisite_and_blames_its_own_rule() {
    let cases: [(&str, &str); 5] = [
        (r#"{"op":3}"#, "hello.first"),
        ("hi", "hello.first"),
        (r#"{"op":0}"#, "hello.interval"),
        (r#"{"op":0,"hb_interval":-5}"#, "hello.interval"),
        (r#"{"op":0,"hb_interval":"400"}"#, "hello.interval"),
    ];
    for (first, rule) in cases {
        let served = move |stream| async move {
            let mut peer = Peer::accept(stream).await;
            peer.say(first).await;
            peer.idle().await;
        };
        let played = play("use handshake\n> {\"op\": 2}\n< {\"op\": 3}\n", served).await;
        let Ended::Prerequisite(broken) = &played.ended else {
            panic!("{first}: {played:?}")
        };
        assert_eq!(broken.rule, rule, "{first}");
    }
}

#[tokio::test(start_paused = true)]
async fn broken_frames_are_told_and_do_not_hang() {
    for (bytes, what) in [
        (&[0xf1, 0x02, b'{', b'}'][..], "reserved"),
        (&[0x83, 0x00], "opcode"),
        (&[0x81, 0x7f, 0x80, 0, 0, 0, 0, 0, 0, 0], "length"),
        (&[0x89, 0x7e, 0x00, 0x7e], ""),
    ] {
        let served = move |stream| async move {
            let mut peer = Peer::hello(stream, 1000).await;
            peer.hear().await;
            peer.raw(bytes).await;
            peer.idle().await;
        };
        let played = play("use handshake\n< {\"op\": 3}\n", served).await;
        assert!(actual(&played).contains("RFC 6455"), "{}", actual(&played));
        assert!(actual(&played).contains(what), "{}", actual(&played));
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_ends_in_a_verdict_with_a_bounded_transcript() {
    let flooding = async |stream| {
        let mut peer = Peer::hello(stream, 1000).await;
        for _ in 0..20_000 {
            peer.frame(&OutFrame::ping(b"")).await;
            peer.say("{\"op\":99}").await;
        }
        peer.idle().await;
    };
    let played = play("use handshake\nwait 2s\n< {\"op\": 3}\n", flooding).await;
    assert!(
        matches!(played.ended, Ended::Failed(_)),
        "{:?}",
        played.ended
    );
    assert!(played.transcript.len() <= 500);
}

#[tokio::test(start_paused = true)]
async fn what_bends_nothing_is_skipped() {
    let text = "< {\"op\": 0}\n> {\"op\": 1, \"password\": \"${password|nfd}\"}\n< close 4001\n";
    assert!(matches!(play(text, right).await.ended, Ended::Skipped(_)));
}

#[tokio::test(start_paused = true)]
async fn alive_tells_a_dead_target_from_a_living_one() {
    assert_eq!(play("alive\n", right).await.ended, Ended::Passed);
    let mute = async |stream| Peer::hello(stream, 100_000).await.idle().await;
    let played = play("alive\n", mute).await;
    let Ended::Failed(broken) = &played.ended else {
        panic!("{played:?}")
    };
    assert_eq!(broken.rule, "robust.isolation");
}

#[tokio::test(start_paused = true)]
async fn a_probe_records_and_judges_nothing() {
    let observed = |played: Played| {
        assert_eq!(played.ended, Ended::Passed);
        played.observed.expect("something observed")
    };
    let text = "use handshake\n> {\"op\": 2, \"x\": 1}\n< probe 1s\n";
    assert_eq!(observed(play(text, right).await)["what"], "answered");
    let refusing = async |stream| {
        let mut peer = Peer::hello(stream, 10_000).await;
        peer.hear().await;
        peer.hear().await;
        peer.close(1002, b"").await;
    };
    let closed = observed(play(text, refusing).await);
    assert_eq!(
        (closed["what"].as_str(), closed["code"].as_u64()),
        (Some("closed"), Some(1002))
    );
    let hung = async |stream| Peer::hello(stream, 100_000).await.idle().await;
    assert_eq!(observed(play(text, hung).await)["what"], "hung");
}

#[tokio::test(start_paused = true)]
async fn a_probe_tells_an_answer_and_what_came_behind_it() {
    let text = "use handshake\n> {\"op\": 4, \"w\": \"X\", \"a\": [], \"n\": 1.0}\n< probe 1s\n";
    let answers = async |stream| {
        let mut peer = Peer::hello(stream, 10_000).await;
        peer.hear().await;
        peer.hear().await;
        peer.say(r#"{"op": 5, "n": 1e0, "r": {}}"#).await;
        peer.say(r#"{"op": 5, "n": 1, "r": null}"#).await;
        peer.close(4000, b"").await;
    };
    let played = play(text, answers).await;
    assert_eq!(played.ended, Ended::Passed);
    let mut observed = played.observed.expect("something observed");
    let members = observed.as_object_mut().expect("an object");
    members.retain(|name, _| !name.ends_with("_ms"));
    assert_eq!(
        observed,
        serde_json::json!({"what": "answered", "op": 5, "n": "1e0", "r": "object", "answers": 2,
            "then": "closed", "code": 4000})
    );
}

#[tokio::test(start_paused = true)]
async fn an_offer_is_answered_in_the_upgrade_and_recorded() {
    for (text, header, what) in [
        (
            "offer extension permessage-deflate\n",
            "Sec-WebSocket-Extensions: permessage-deflate\r\n",
            "accepted",
        ),
        ("offer extension permessage-deflate\n", "", "declined"),
        (
            "offer subprotocol a.b\n",
            "Sec-WebSocket-Protocol: a.b\r\n",
            "accepted",
        ),
        (
            "offer subprotocol a.b\n",
            "Sec-WebSocket-Protocol: c\r\n",
            "bad_upgrade",
        ),
    ] {
        let peer = async |stream| Peer::upgrade(stream, header).await.idle().await;
        let played = play(text, peer).await;
        assert_eq!(played.ended, Ended::Passed, "{text}{header}");
        assert_eq!(
            played.observed.expect("something observed")["what"],
            what,
            "{text}{header}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn below_websocket_bytes_go_out_and_only_the_end_meets_a_line() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let text = "b connect tcp\nb> raw \"GET ${target.path} HTTP/1.1\\r\\n\"\n\
                together\n  b> raw \"Host: ${target.host}\\r\\n\"\n  b> raw \"\\r\\n\"\n\
                b< closed within ..1s\nb connect tcp\nwait 1s\n";
    let kept = Arc::clone(&seen);
    let played = play(text, move |mut stream| {
        let kept = Arc::clone(&kept);
        async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else {
                    return;
                };
                head.push(byte);
            }
            kept.lock().expect("nobody panics").push(head);
            let answer = b"HTTP/1.1 400 Bad\r\nSet-Cookie: a=b\r\n\r\n";
            stream.write_all(answer).await.expect("a write");
        }
    })
    .await;
    assert_eq!(played.ended, Ended::Passed);
    assert!(played.breaches.is_empty());
    let head = b"GET / HTTP/1.1\r\nHost: memory\r\n\r\n".to_vec();
    assert_eq!(*seen.lock().expect("nobody panics"), [head]);
    let shown: Vec<(Dir, &str)> = played
        .transcript
        .iter()
        .map(|entry| (entry.dir, entry.text.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            (Dir::Sent, "tcp"),
            (Dir::Sent, r#""GET ${target.path} HTTP/1.1\r\n""#),
            (Dir::Sent, r#""Host: memory\r\n""#),
            (Dir::Sent, r#""\r\n""#),
            (Dir::Received, r#""HTTP/1.1 400 Bad""#),
            (Dir::Received, ""),
            (Dir::Sent, "tcp"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_websocket_that_stays_open_fails_a_line_about_its_end() {
    let text = "b connect tcp\nb> raw 0x00\nb< closed within ..1s\n";
    let played = play(text, |stream| async move {
        let _stream = stream;
        std::future::pending::<()>().await;
    })
    .await;
    assert_eq!(actual(&played), "nothing, 1000 ms after our last send");
}
