//! Targets that die while they are tested: one failure that names what they died of, and nothing
//! else blamed on them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use litespec::event::{Ending, RunEvent};
use litespec::outcome::{TriageAttempt, Verdict};
use litespec::protocol::packet::Interval;
use litespec::reference::server::{ServerConfig, Service};
use litespec::runner::Options;
use litespec::scenario;
use litespec::scenario::syntax::{Origin, Source};
use litespec::wire::memory::MemoryStream;

use crate::suite::{BoxFuture, server_suite};
use crate::support::peer::Peer;
use crate::support::{Done, run};

/// What becomes of connections behind the `left`th.
#[derive(Clone, Copy)]
enum Death {
    /// Accepted, upgraded, and then nothing.
    Silent,
    /// Accepted and dropped.
    Dropped,
}

fn dying(left: usize, death: Death) -> impl Fn(MemoryStream) -> BoxFuture + Send + 'static {
    let service = Service::new(ServerConfig {
        hb_interval: Interval::from_millis(1000).expect("above zero"),
        ..ServerConfig::default()
    });
    let served = Arc::new(AtomicUsize::new(0));
    move |stream| {
        let service = service.clone();
        let dead = served.fetch_add(1, Ordering::Relaxed) >= left;
        Box::pin(async move {
            match death {
                _ if !dead => service.serve_stream(stream).await,
                Death::Silent => Peer::accept(stream).await.idle().await,
                Death::Dropped => drop(stream),
            }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_dies_is_blamed_once_for_it() {
    for death in [Death::Silent, Death::Dropped] {
        for left in [1, 40, 200] {
            let options = Options::default();
            let done = crate::support::run(&options, &server_suite(), dying(left, death)).await;
            assert_eq!(done.outcome.ending, Ending::Complete);
            let failed = done.lines(&[Verdict::Fail, Verdict::Warn, Verdict::Error]);
            let [failure] = &failed[..] else {
                panic!("{failed:#?}")
            };
            assert!(failure.contains("robust.isolation"), "{failure}");
            let rest = done.lines(&[Verdict::Inconclusive]);
            assert!(!rest.is_empty());
            for line in rest {
                let said = ["the target died", "killed the target", "its control"];
                assert!(said.iter().any(|words| line.contains(words)), "{line}");
            }
        }
    }
}

/// Answers whatever comes with a RESPONSE, what needs none too, and refuses nothing; behind its `left`th connection it is
/// dead. Counts its connections.
fn talking(
    left: usize,
    served: Arc<AtomicUsize>,
) -> impl Fn(MemoryStream) -> BoxFuture + Send + 'static {
    move |stream| {
        let dead = served.fetch_add(1, Ordering::Relaxed) >= left;
        Box::pin(async move {
            if dead {
                return drop(stream);
            }
            let mut peer = Peer::hello(stream, 1000).await;
            while let Some(text) = peer.hear().await {
                if text.contains("\"op\": 2") {
                    peer.say(r#"{"op":3}"#).await;
                } else if !text.contains("helloworld") || text.contains("unasked") {
                    peer.say(r#"{"op":5,"n":1,"r":1}"#).await;
                }
            }
        })
    }
}

fn options(filter: &str, triage: u32) -> Options {
    Options {
        filters: vec![filter.to_owned()],
        strict: true,
        triage,
        ..Options::default()
    }
}

/// The repeats of each failure.
fn repeats(done: &Done) -> Vec<Vec<TriageAttempt>> {
    let triaged = done.events.iter().filter_map(|event| match event {
        RunEvent::ScenarioTriaged { triage, .. } => Some(triage.attempts[1..].to_vec()),
        _ => None,
    });
    triaged.collect()
}

/// The repeats that say that the target's death is why they are none.
fn lost(repeats: &[Vec<TriageAttempt>]) -> usize {
    let all = repeats.iter().flatten();
    let lost = all.filter(|attempt| attempt.verdict == Verdict::Inconclusive);
    lost.inspect(|attempt| {
        let said = attempt.actual.as_deref().unwrap_or_default();
        let why = ["the target died while", "killed the target"];
        assert!(why.iter().any(|why| said.contains(why)), "{said}");
    })
    .count()
}

#[tokio::test(start_paused = true)]
async fn a_target_that_dies_of_a_repeat_is_blamed_for_that_one_alone() {
    let (suite, served) = (server_suite(), Arc::new(AtomicUsize::new(0)));
    let filter = "server/auth/*-password";
    let serve = talking(usize::MAX, Arc::clone(&served));
    let plain = run(&options(filter, 0), &suite, serve).await;
    let failed = plain.ids(&[Verdict::Fail]);
    assert!(failed.len() >= 2, "{failed:?}");
    let left = served.load(Ordering::Relaxed);
    let done = run(&options(filter, 3), &suite, talking(left, Arc::default())).await;
    assert_eq!(done.ids(&[Verdict::Fail]), failed);
    let repeats = repeats(&done);
    assert_eq!(repeats.len(), failed.len(), "{repeats:#?}");
    let blamed = repeats.iter().flatten();
    let blamed = blamed.filter(|attempt| attempt.verdict == Verdict::Fail);
    assert_eq!(blamed.count(), 1, "{repeats:#?}");
    assert_eq!(lost(&repeats), failed.len() - 1, "{repeats:#?}");
}

#[tokio::test(start_paused = true)]
async fn repeats_that_a_death_has_made_pointless_are_told_as_that() {
    // It waits, so all its repeats are queued at once.
    let source = Source {
        path: "own.scenario".to_owned(),
        origin: Origin::File,
        text: "title  T\nrule   robust.no-reply\nkind   hostile\n\nuse handshake\n\
               > {\"op\": 5, \"n\": \"unasked\"}\n< nothing for 400ms\n"
            .to_owned(),
    };
    let own = scenario::parse("own", Arc::new(source)).expect("it parses");
    let suite = [Arc::new(own)];
    let mut all_lost = 0;
    for left in 2..12 {
        let done = run(&options("own", 3), &suite, talking(left, Arc::default())).await;
        let repeats = repeats(&done);
        for of_one in &repeats {
            assert_eq!(of_one.len(), 3, "{left}: {of_one:#?}");
        }
        all_lost += lost(&repeats);
    }
    assert!(all_lost >= 3, "{all_lost}");
}
