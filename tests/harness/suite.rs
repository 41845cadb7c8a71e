//! The whole server suite against the reference server, in memory, on virtual time.

use std::sync::Arc;

use litespec::event::Ending;
use litespec::outcome::Verdict;
use litespec::protocol::packet::Interval;
use litespec::reference::server::{ServerConfig, Service};
use litespec::runner::{Declared, Options};
use litespec::scenario::{Scenario, library};
use litespec::session::Password;
use litespec::wire::memory::MemoryStream;

pub(crate) fn server_suite() -> Vec<Arc<Scenario>> {
    let server = |scenario: &&Arc<Scenario>| scenario.id.starts_with("server/");
    library::all().iter().filter(server).cloned().collect()
}

/// Serves with the reference server at this interval.
fn reference(hb_ms: u64) -> impl Fn(MemoryStream) -> BoxFuture + Send + 'static {
    serve(hb_ms, "helloworld")
}

pub(crate) fn serve(
    hb_ms: u64,
    password: &str,
) -> impl Fn(MemoryStream) -> BoxFuture + Send + 'static {
    let service = Service::new(ServerConfig {
        password: Password::from(password),
        hb_interval: Interval::from_millis(hb_ms).expect("above zero"),
        ..ServerConfig::default()
    });
    move |stream| {
        let service = service.clone();
        Box::pin(async move { service.serve_stream(stream).await })
    }
}

pub(crate) type BoxFuture = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

const BAD: [Verdict; 4] = [
    Verdict::Fail,
    Verdict::Warn,
    Verdict::Error,
    Verdict::Inconclusive,
];

#[tokio::test(start_paused = true)]
async fn the_reference_server_passes_everything_at_ten_seconds() {
    // With letters that have another normal form, so that nothing is skipped for want of one.
    let options = Options {
        password: "Gr\u{fc}\u{df}e-17".to_owned(),
        ..Options::default()
    };
    let done =
        crate::support::run(&options, &server_suite(), serve(10_000, &options.password)).await;
    assert_eq!(done.lines(&BAD), [] as [&str; 0]);
    assert_eq!(done.outcome.ending, Ending::Complete);
    assert_eq!(done.outcome.summary.untested, [] as [&str; 0]);
    assert!(
        done.outcome.summary.pass >= 70,
        "{:?}",
        done.outcome.summary
    );
    assert_eq!(done.lines(&[Verdict::Skip]), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn no_password_makes_a_right_server_look_wrong() {
    let long = "pw".repeat(2000);
    for password in [
        "",
        "a",
        " ",
        "0",
        "null",
        "\"\\\n",
        "\u{e9}",
        "e\u{301}",
        "\u{1f600}",
        &long,
    ] {
        let options = Options {
            password: password.to_owned(),
            ..Options::default()
        };
        let done = crate::support::run(&options, &server_suite(), serve(1000, password)).await;
        assert_eq!(done.lines(&BAD), [] as [&str; 0], "{password:.9}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_interval_does_not_change_the_verdicts() {
    for hb_ms in [100, 400, 45_000] {
        let done =
            crate::support::run(&Options::default(), &server_suite(), reference(hb_ms)).await;
        assert_eq!(done.lines(&BAD), [] as [&str; 0], "at {hb_ms} ms");
        assert_eq!(done.outcome.summary.untested, [] as [&str; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn order_and_jobs_do_not_change_the_verdicts() {
    let verdicts = async |options: Options| {
        let done = crate::support::run(&options, &server_suite(), reference(1000)).await;
        let mut verdicts: Vec<_> = done
            .results
            .iter()
            .map(|r| (r.id.clone(), r.verdict))
            .collect();
        verdicts.sort();
        verdicts
    };
    let plain = verdicts(Options::default()).await;
    for (jobs, seed) in [(1, 1), (3, 7), (64, 9)] {
        let options = Options {
            jobs,
            seed,
            shuffle: true,
            ..Options::default()
        };
        assert_eq!(verdicts(options).await, plain, "{jobs} jobs, seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_interval_is_skipped_and_counted() {
    let year = 365 * 24 * 3600 * 1000;
    let done = crate::support::run(&Options::default(), &server_suite(), reference(year)).await;
    assert_eq!(
        done.lines(&[Verdict::Fail, Verdict::Warn, Verdict::Error]),
        [] as [&str; 0]
    );
    assert!(done.outcome.summary.skip > 10);
    let untested = &done.outcome.summary.untested;
    assert!(
        untested.contains(&"heartbeat.timeout".to_owned()),
        "{untested:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_ends_the_run_with_one_failure() {
    let options = Options {
        password: "guess".to_owned(),
        ..Options::default()
    };
    let done = crate::support::run(&options, &server_suite(), reference(1000)).await;
    assert!(matches!(done.outcome.ending, Ending::PreflightFailed(_)));
    let [only] = &done.results[..] else {
        panic!("{} results", done.results.len())
    };
    let failure = only.failure.as_ref().expect("a failure");
    assert_eq!(
        (only.id.as_str(), failure.rule.as_str()),
        ("preflight", "auth.accept")
    );
    assert!(
        failure
            .hint
            .as_ref()
            .is_some_and(|hint| hint.contains("--password"))
    );
    let shown = format!("{:?}", done.events);
    assert!(!shown.contains("guess"), "the password is shown");
}

#[tokio::test(start_paused = true)]
async fn every_declared_request_is_asked_for() {
    let request = |w: &str, a: &str| Declared {
        w: w.to_owned(),
        a: a.to_owned(),
    };
    let requests = vec![
        request("ECHO", "[1]"),
        request("NULL", "[]"),
        request("ELSE", "[]"),
    ];
    let options = Options {
        requests,
        ..Options::default()
    };
    let done = crate::support::run(&options, &server_suite(), reference(1000)).await;
    assert_eq!(done.lines(&BAD), [] as [&str; 0]);
    let asked = done
        .results
        .iter()
        .filter(|r| r.id.contains("declared"))
        .count();
    assert_eq!(asked, 3, "{:?}", done.ids(&[Verdict::Pass]));
}

/// When a silent client was closed, in milliseconds, at this interval.
async fn closed_after(hb_ms: u64) -> f64 {
    let options = Options {
        filters: vec!["server/open/timeout-after".to_owned()],
        ..Options::default()
    };
    let done = crate::support::run(&options, &server_suite(), reference(hb_ms)).await;
    let observed = done.results[0].observed.as_ref().expect("a record");
    assert_eq!(observed["code"], 4003, "{observed}");
    observed["after_ms"].as_f64().expect("a time")
}

#[tokio::test(start_paused = true)]
async fn another_interval_moves_the_close_by_one_to_two_times_the_difference() {
    for (short, long) in [(400, 1000), (1000, 3000), (3000, 10_000)] {
        let moved = closed_after(long).await - closed_after(short).await;
        let difference = (long - short) as f64;
        assert!(
            (difference - 20.0..=2.0 * difference).contains(&moved),
            "{short} to {long}: {moved}"
        );
    }
}
