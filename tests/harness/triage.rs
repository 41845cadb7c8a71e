//! Failures that are played again: what they are called, what it costs, and that the small delays
//! of a repeat blame no right server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use litespec::event::{Ending, RunEvent};
use litespec::oracle::Dialect;
use litespec::outcome::{Triage, TriageLabel, Verdict};
use litespec::play::{self, Ended, Lateness, Reach, Redactor, Settings};
use litespec::runner::{self, Known, KnownLists, Options, known_glob};
use litespec::wire::memory::{self, MemoryStream};
use litespec::wire::target::Target;
use litespec::wire::{Limits, Offer};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::suite::{BoxFuture, serve, server_suite};
use crate::support::peer::Peer;
use crate::support::{Done, run, run_until};

/// Refuses a wrong password with 1008 where `wrong` says so, else as it should. `wrong` gets the
/// number of wrong passwords before this one, and how long behind its HELLO this one came.
fn refusing(
    wrong: impl Fn(usize, Duration) -> bool + Clone + Send + Sync + 'static,
) -> impl Fn(MemoryStream) -> BoxFuture + Send + 'static {
    let seen = Arc::new(AtomicUsize::new(0));
    move |stream| {
        let (seen, wrong) = (Arc::clone(&seen), wrong.clone());
        Box::pin(async move {
            let mut peer = Peer::hello(stream, 1000).await;
            let greeted = Instant::now();
            while let Some(text) = peer.hear().await {
                let packet: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
                match packet["op"].as_u64() {
                    Some(1) if packet["password"] == "helloworld" => {}
                    Some(1) => {
                        let before = seen.fetch_add(1, Ordering::Relaxed);
                        let wrong = wrong(before, greeted.elapsed());
                        return peer.close(if wrong { 1008 } else { 4001 }, b"").await;
                    }
                    Some(2) => peer.say(r#"{"op":3}"#).await,
                    _ => {}
                }
            }
        })
    }
}

const ID: &str = "server/auth/wrong-password";

fn options(triage: u32) -> Options {
    Options {
        filters: vec![ID.to_owned()],
        triage,
        ..Options::default()
    }
}

fn triaged(done: &Done) -> Vec<(String, Triage)> {
    let events = done.events.iter();
    events
        .filter_map(|event| match event {
            RunEvent::ScenarioTriaged { id, triage } => Some((id.clone(), triage.clone())),
            _ => None,
        })
        .collect()
}

async fn triage_of(
    triage: u32,
    wrong: impl Fn(usize, Duration) -> bool + Clone + Send + Sync + 'static,
) -> Triage {
    let done = run(&options(triage), &server_suite(), refusing(wrong)).await;
    assert_eq!(done.ids(&[Verdict::Fail]), [ID], "a failure stays one");
    let [(id, triage)] = &triaged(&done)[..] else {
        panic!("{:?}", triaged(&done));
    };
    assert_eq!(id, ID);
    triage.clone()
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_called_what_its_repeats_show() {
    let always = triage_of(2, |_, _| true).await;
    assert_eq!(always.label, Some(TriageLabel::Deterministic));
    assert_eq!(always.rate, "3 of 3");
    let perturbed: Vec<bool> = always.attempts.iter().map(|a| a.perturbed).collect();
    assert_eq!(perturbed, [false, false, true]);
    assert!(
        always
            .attempts
            .iter()
            .all(|a| a.rule.as_deref() == Some("auth.reject"))
    );

    let once = triage_of(2, |before, _| before == 0).await;
    assert_eq!(once.label, Some(TriageLabel::OnceOnly));
    assert_eq!(once.rate, "1 of 3");
    assert_eq!(once.attempts[1].verdict, Verdict::Pass);

    // Wrong only for who answers HELLO at once: nobody does whose sends are delayed.
    let prompt = triage_of(2, |_, behind| behind.is_zero()).await;
    assert_eq!(prompt.label, Some(TriageLabel::TimingDependent));
    assert_eq!(prompt.rate, "2 of 3");
    assert_eq!(prompt.attempts[2].verdict, Verdict::Pass);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_run_tells_what_the_repeats_have_shown_so_far() {
    for (hangs_at, told) in [(0, 0), (1, 0), (2, 2), (3, 3)] {
        let stop = Arc::new(Notify::new());
        let stopping = Arc::clone(&stop);
        let wrong = move |before: usize, _: Duration| {
            if before == hangs_at {
                stopping.notify_one();
            }
            true
        };
        let stopped = async {
            stop.notified().await;
        };
        let (suite, serve) = (server_suite(), refusing(wrong));
        let done = run_until(&options(5), &suite, serve, stopped).await;
        assert_eq!(done.outcome.ending, Ending::Interrupted, "{hangs_at}");
        let attempts = triaged(&done).into_iter().map(|(_, shown)| shown.attempts);
        assert_eq!(attempts.map(|a| a.len()).sum::<usize>(), told, "{hangs_at}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_defect_that_shows_now_and_then_has_a_rate() {
    let rare = triage_of(9, |before, _| before % 4 == 0).await;
    assert_eq!((rare.failed, rare.judged, rare.attempts.len()), (3, 10, 10));
    assert_eq!(rare.rate, "3 of 10");
    assert_eq!(rare.label, Some(TriageLabel::TimingDependent));
}

#[tokio::test(start_paused = true)]
async fn known_failures_and_passes_are_not_played_again() {
    let mut options = options(2);
    options.filters = vec!["server/auth/*-password".to_owned()];
    options.known = KnownLists {
        failing: vec![Known {
            id: ID.to_owned(),
            rule: "auth.reject".to_owned(),
            text: None,
            reason: "r".to_owned(),
            expires: None,
            expired: false,
            file: "known.toml".to_owned(),
            line: 1,
            glob: known_glob(ID).expect("a glob"),
        }],
        flaky: Vec::new(),
    };
    let done = run(&options, &server_suite(), refusing(|_, _| true)).await;
    let again: Vec<String> = triaged(&done).into_iter().map(|(id, _)| id).collect();
    assert_eq!(again, ["server/auth/empty-password"]);
    options.triage = 0;
    options.known = KnownLists::default();
    let done = run(&options, &server_suite(), refusing(|_, _| true)).await;
    assert!(triaged(&done).is_empty());
}

#[tokio::test(start_paused = true)]
async fn hostile_scenarios_are_played_again_too() {
    let mut options = options(2);
    options.filters = vec!["server/robust/no-reply".to_owned()];
    let serve = |stream: MemoryStream| -> BoxFuture {
        Box::pin(async move {
            let mut peer = Peer::hello(stream, 1000).await;
            while let Some(text) = peer.hear().await {
                if text.contains("\"op\": 2") {
                    peer.say(r#"{"op":3}"#).await;
                } else if !text.contains("\"op\": 1,") {
                    peer.say(r#"{"op":5,"n":1,"r":1}"#).await;
                }
            }
        })
    };
    options.strict = true;
    let done = run(&options, &server_suite(), serve).await;
    let failed = done.ids(&[Verdict::Fail]);
    let again: Vec<String> = triaged(&done).into_iter().map(|(id, _)| id).collect();
    let own: Vec<&String> = failed
        .iter()
        .filter(|id| !id.starts_with("watch/"))
        .collect();
    assert!(
        !own.is_empty(),
        "{:?}",
        done.lines(&[Verdict::Inconclusive, Verdict::Warn])
    );
    assert_eq!(again.iter().collect::<Vec<_>>(), own);
}

/// Acknowledges, answers and never closes for silence.
async fn tireless(stream: MemoryStream) {
    let mut peer = Peer::hello(stream, 10_000).await;
    while let Some(text) = peer.hear().await {
        if text.contains("\"op\": 2") {
            peer.say(r#"{"op":3}"#).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn repeats_run_together_and_cost_the_time_of_one() {
    let took = async |triage| {
        let mut options = options(triage);
        options.filters = vec!["server/heartbeat/timeout-*".to_owned()];
        let done = run(&options, &server_suite(), tireless).await;
        let failed = done.ids(&[Verdict::Fail]).len();
        assert!(failed >= 3, "{:?}", done.lines(&[Verdict::Inconclusive]));
        assert_eq!(triaged(&done).len(), if triage == 0 { 0 } else { failed });
        for (id, shown) in triaged(&done) {
            let played = usize::try_from(triage).expect("a small number") + 1;
            assert_eq!(shown.attempts.len(), played, "{id}");
        }
        match done.events.last() {
            Some(RunEvent::RunFinished { duration_ms, .. }) => *duration_ms,
            other => panic!("{other:?}"),
        }
    };
    let (none, one, eight) = (took(0).await, took(1).await, took(8).await);
    assert!(
        one <= none * 2.0 + 1000.0,
        "{none} ms, with one repeat {one} ms"
    );
    assert!(
        eight <= one + 1000.0,
        "one repeat {one} ms, eight {eight} ms"
    );
}

#[tokio::test(start_paused = true)]
async fn delayed_sends_blame_no_right_server() {
    for (hb_ms, seeds) in [(100, 0..4), (1000, 4..6), (10_000, 6..7)] {
        let (dial, mut listener) = memory::listen();
        let accepting = tokio::spawn(async move {
            let serve = serve(hb_ms, "helloworld");
            while let Some(stream) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
        let plan = runner::plan(&Options::default(), &server_suite()).expect("the plan stands");
        let mut played = 0;
        for seed in seeds {
            let settings = settings(dial.clone(), hb_ms, seed);
            for case in &plan.cases {
                let Ok(env) = case.env.clone() else { continue };
                let limit = Duration::from_secs(600);
                let done = play::run(&settings, &case.id, &case.scenario, env, limit).await;
                let right = matches!(done.ended, Ended::Passed | Ended::Skipped(_));
                assert!(
                    right,
                    "{} at {hb_ms} ms, seed {seed}: {:?}",
                    case.id, done.ended
                );
                let breaches: Vec<_> = done
                    .breaches
                    .iter()
                    .map(|(breach, _)| breach.rule())
                    .collect();
                assert!(breaches.is_empty(), "{}: {breaches:?}", case.id);
                played += 1;
            }
        }
        assert!(played > 80);
        accepting.abort();
    }
}

/// A server without any patience: 4003 comes exactly one interval after the last HEARTBEAT, or after
/// HELLO.
async fn punctual(stream: MemoryStream, hb_ms: u64) {
    let mut peer = Peer::hello(stream, hb_ms).await;
    let interval = Duration::from_millis(hb_ms);
    let mut until = Instant::now() + interval;
    let mut known = false;
    loop {
        let Ok(heard) = tokio::time::timeout_at(until, peer.hear()).await else {
            return peer.close(4003, b"").await;
        };
        let Some(text) = heard else { return };
        let packet: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        match (packet["op"].as_u64(), known) {
            (Some(1), _) if packet["password"] == "helloworld" => known = true,
            (Some(1), _) => return peer.close(4001, b"").await,
            (Some(2), true) => {
                until = Instant::now() + interval;
                peer.say(r#"{"op":3}"#).await;
            }
            (Some(4), true) => {
                let n = &packet["n"];
                peer.say(&format!(r#"{{"op":5,"n":{n},"r":[]}}"#)).await;
            }
            (Some(2 | 4 | 6), false) => return peer.close(4002, b"").await,
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn delayed_sends_do_not_strain_the_patience_of_a_target_that_has_none() {
    let (mut compared, mut options) = (0, Options::default());
    options.filters = vec!["server/heartbeat/*".to_owned(), "server/re*".to_owned()];
    let plan = runner::plan(&options, &server_suite()).expect("the plan stands");
    for hb_ms in [100, 1000] {
        let (dial, mut listener) = memory::listen();
        let accepting = tokio::spawn(async move {
            while let Some(stream) = listener.accept().await {
                tokio::spawn(punctual(stream, hb_ms));
            }
        });
        for case in &plan.cases {
            let Ok(env) = &case.env else { continue };
            let play = async |jitter| {
                let settings = Settings {
                    jitter,
                    ..settings(dial.clone(), hb_ms, 0)
                };
                let limit = Duration::from_secs(600);
                play::run(&settings, &case.id, &case.scenario, env.clone(), limit).await
            };
            // It is not right in everything; what it is right in it stays right in.
            if play(None).await.ended != Ended::Passed {
                continue;
            }
            for seed in 0..4 {
                let ended = play(Some(seed)).await.ended;
                assert_eq!(ended, Ended::Passed, "{} at {hb_ms} ms", case.id);
            }
            compared += 1;
        }
        accepting.abort();
    }
    assert!(compared > 60, "{compared}");
}

fn settings(dial: memory::MemoryDial, hb_ms: u64, seed: u64) -> Settings {
    Settings {
        budget: Default::default(),
        reach: Some(Reach {
            target: Target::parse("ws://memory/").expect("the URL is right"),
            dial: Arc::new(dial),
        }),
        offer: Offer::default(),
        trace_header: true,
        limits: Limits::default(),
        password: "helloworld".to_owned(),
        redactor: Arc::new(Redactor::new([])),
        dialect: Dialect::Text,
        answers: Default::default(),
        answer_within: Duration::from_secs(5),
        grace: Duration::from_secs(3),
        interval: Duration::from_millis(hb_ms),
        pacer: None,
        lateness: Arc::new(Lateness::default()),
        seed: 1,
        jitter: Some(seed),
        patient: false,
        gate: None,
    }
}
