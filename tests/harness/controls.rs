//! Controls: a refusal proves nothing about a server that refuses everybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use litespec::outcome::Verdict;
use litespec::runner::Options;
use litespec::wire::memory::MemoryStream;

use crate::suite::{BoxFuture, server_suite};
use crate::support::peer::Peer;

/// Lets its first client in, so that the preflight passes, and refuses all others with 4001.
pub(crate) fn refusing() -> impl Fn(MemoryStream) -> BoxFuture + Send + 'static {
    let served = Arc::new(AtomicUsize::new(0));
    move |stream| {
        let first = served.fetch_add(1, Ordering::Relaxed) == 0;
        Box::pin(async move {
            let mut peer = Peer::hello(stream, 1000).await;
            while let Some(text) = peer.hear().await {
                match (first, text.contains("\"op\": 1")) {
                    (false, true) => return peer.close(4001, b"").await,
                    (true, false) => peer.say(r#"{"op":3}"#).await,
                    _ => {}
                }
            }
        })
    }
}

fn only(filters: &[&str]) -> Options {
    Options {
        filters: filters.iter().map(|&filter| filter.to_owned()).collect(),
        ..Options::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_pass_without_its_control_is_inconclusive() {
    let options = only(&["server/auth/wrong-password", "server/auth/right-password"]);
    let done = crate::support::run(&options, &server_suite(), refusing()).await;
    assert_eq!(done.ids(&[Verdict::Fail]), ["server/auth/right-password"]);
    let wrong = done
        .results
        .iter()
        .find(|r| r.id == "server/auth/wrong-password");
    let wrong = wrong.expect("it was selected");
    assert_eq!(wrong.verdict, Verdict::Inconclusive);
    assert_eq!(
        wrong.blocked_by.as_deref(),
        Some("server/auth/right-password")
    );
    assert!(
        done.outcome
            .summary
            .untested
            .contains(&"auth.reject".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn a_control_that_a_filter_leaves_out_is_run_all_the_same_and_not_listed() {
    let options = only(&["server/auth/wrong-password"]);
    let done = crate::support::run(&options, &server_suite(), refusing()).await;
    assert_eq!(
        done.ids(&[Verdict::Inconclusive]),
        ["server/auth/wrong-password"]
    );
    assert!(
        done.results
            .iter()
            .all(|r| r.id != "server/auth/right-password")
    );
}
