//! `--debug` and `--step`: somebody takes their time, and nothing is blamed on the target for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use litespec::outcome::Verdict;
use litespec::play::{Gate, Sending};
use litespec::runner::Options;
use litespec::wire::memory::MemoryStream;
use tokio::time::{Instant, sleep, timeout_at};

use crate::suite::{BoxFuture, serve, server_suite};
use crate::support::peer::Peer;
use crate::support::run;

/// A server whose developer looks at every packet before it goes on.
#[derive(Clone, Copy)]
struct Server {
    /// How long each packet is looked at.
    look: Duration,
    /// So long after the last HEARTBEAT it closes with 4003, where its developer lets it.
    patience: Duration,
    refusal: u16,
}

const HB_MS: u64 = 1000;

fn slowly(server: Server) -> impl Fn(MemoryStream) -> BoxFuture + Send + 'static {
    move |stream| Box::pin(server.serve(stream))
}

impl Server {
    async fn serve(self, stream: MemoryStream) {
        let mut peer = Peer::hello(stream, HB_MS).await;
        let mut alive_until = Instant::now() + self.patience;
        loop {
            let Ok(heard) = timeout_at(alive_until, peer.hear()).await else {
                return peer.close(4003, b"").await;
            };
            let Some(text) = heard else { return };
            sleep(self.look).await;
            let packet: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            match packet["op"].as_u64() {
                Some(1) if packet["password"] == "helloworld" => {}
                Some(1) => return peer.close(self.refusal, b"").await,
                Some(2) => {
                    peer.say(r#"{"op":3}"#).await;
                    alive_until = Instant::now() + self.patience;
                }
                _ => {}
            }
        }
    }
}

fn options(filters: &[&str], debug: bool) -> Options {
    Options {
        filters: filters.iter().map(|&filter| filter.to_owned()).collect(),
        debug,
        ..Options::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_in_a_debugger_may_take_its_time_and_is_still_judged_for_what_it_does() {
    let filters = ["server/auth/wrong-password", "server/auth/right-password"];
    let server = Server {
        look: Duration::from_secs(60),
        patience: Duration::from_secs(24 * 3600),
        refusal: 4001,
    };
    let hasty = run(&options(&filters, false), &server_suite(), slowly(server)).await;
    assert!(hasty.ids(&[Verdict::Pass]).is_empty());
    let patient = run(&options(&filters, true), &server_suite(), slowly(server)).await;
    assert_eq!(
        patient.ids(&[Verdict::Pass]).len(),
        2,
        "{:?}",
        patient.lines(&[Verdict::Fail])
    );
    let wrong = Server {
        refusal: 1008,
        ..server
    };
    let patient = run(&options(&filters, true), &server_suite(), slowly(wrong)).await;
    assert_eq!(
        patient.ids(&[Verdict::Fail]),
        ["server/auth/wrong-password"]
    );
}

#[tokio::test(start_paused = true)]
async fn no_timing_is_judged_while_somebody_debugs() {
    let filters = ["server/heartbeat/timeout-after-one"];
    for patience in [Duration::from_millis(500), Duration::from_secs(90)] {
        let server = Server {
            look: Duration::ZERO,
            patience,
            refusal: 4001,
        };
        let hasty = run(&options(&filters, false), &server_suite(), slowly(server)).await;
        assert!(hasty.ids(&[Verdict::Fail]).contains(&filters[0].to_owned()));
        let patient = run(&options(&filters, true), &server_suite(), slowly(server)).await;
        let fails = patient.lines(&[Verdict::Fail, Verdict::Warn]);
        assert_eq!(fails, [] as [&str; 0], "{patience:?}");
        assert_eq!(
            patient.ids(&[Verdict::Inconclusive]),
            filters,
            "{patience:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn debugging_runs_one_scenario_at_a_time() {
    let most = async |debug| {
        let open = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&most);
        let serve = move |stream| -> BoxFuture {
            let (open, seen) = (Arc::clone(&open), Arc::clone(&seen));
            Box::pin(async move {
                let now = open.fetch_add(1, Ordering::Relaxed) + 1;
                seen.fetch_max(now, Ordering::Relaxed);
                let server = Server {
                    look: Duration::ZERO,
                    patience: Duration::from_secs(600),
                    refusal: 4001,
                };
                server.serve(stream).await;
                open.fetch_sub(1, Ordering::Relaxed);
            })
        };
        let filters = [
            "server/hello/first",
            "server/hello/interval",
            "server/hello/once",
        ];
        let done = run(&options(&filters, debug), &server_suite(), serve).await;
        assert_eq!(done.ids(&[Verdict::Pass]), filters);
        most.load(Ordering::Relaxed)
    };
    assert_eq!(most(true).await, 1);
    assert!(most(false).await > 1);
}

/// Lets each send pass after a while, and keeps what it was asked.
#[derive(Debug, Default)]
struct Slow {
    asked: Mutex<Vec<Sending>>,
}

impl Gate for Slow {
    fn pass(&self, sending: Sending) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.asked.lock().expect("nobody panicked").push(sending);
        Box::pin(sleep(Duration::from_millis(300)))
    }
}

#[tokio::test(start_paused = true)]
async fn each_send_waits_at_the_gate_and_is_shown_without_secrets() {
    let gate = Arc::new(Slow::default());
    let mut options = options(&["server/auth/wrong-password"], true);
    options.gate = Some(Arc::clone(&gate) as Arc<dyn Gate>);
    let began = Instant::now();
    let done = run(&options, &server_suite(), serve(10_000, "helloworld")).await;
    assert_eq!(done.ids(&[Verdict::Pass]), ["server/auth/wrong-password"]);
    let asked = gate.asked.lock().expect("nobody panicked");
    assert!(began.elapsed() >= Duration::from_millis(300) * asked.len() as u32);
    let own: Vec<&Sending> = asked
        .iter()
        .filter(|sending| sending.scenario == "server/auth/wrong-password")
        .collect();
    let [only] = own[..] else { panic!("{asked:?}") };
    assert!(
        only.lines[0].starts_with("a> {\"op\": 1, \"password\": "),
        "{only:?}"
    );
    assert_eq!(
        only.place.0,
        "scenarios/server/auth/wrong-password.scenario"
    );
    assert!(!format!("{asked:?}").contains("helloworld"), "{asked:?}");
}
