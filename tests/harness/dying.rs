//! Targets that die while they are tested: one failure that names what they died of, and nothing
//! else blamed on them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use litespec::event::Ending;
use litespec::outcome::Verdict;
use litespec::protocol::packet::Interval;
use litespec::reference::server::{ServerConfig, Service};
use litespec::runner::Options;
use litespec::wire::memory::MemoryStream;

use crate::suite::{BoxFuture, server_suite};
use crate::support::peer::Peer;

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
