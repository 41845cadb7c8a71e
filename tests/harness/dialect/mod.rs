//! The bidirectional dialect: servers that ask their clients, right and bent, and servers that do not.

mod asker;

use std::collections::BTreeSet;
use std::sync::Arc;

use litespec::event::Ending;
use litespec::outcome::Verdict;
use litespec::protocol::packet::Interval;
use litespec::reference::server::{ServerConfig, Service, Talk};
use litespec::runner::{self, Declared, Dialect, Options, PlanError};
use litespec::scenario;
use litespec::scenario::syntax::{Origin, Source};
use litespec::session::Password;
use litespec::wire::memory::MemoryStream;

use crate::suite::{BoxFuture, server_suite};
use crate::support::{self, Done};
use asker::{Kind, World};

const BAD: [Verdict; 4] = [
    Verdict::Fail,
    Verdict::Warn,
    Verdict::Error,
    Verdict::Inconclusive,
];

/// Serves with the reference server, which asks its clients twice an interval.
fn reference(hb_ms: u64, password: &str) -> impl Fn(MemoryStream) -> BoxFuture + Send + 'static {
    let hb_interval = Interval::from_millis(hb_ms).expect("above zero");
    let service = Service::new(ServerConfig {
        password: Password::from(password),
        hb_interval,
        talk: Some(Talk::every(hb_interval.duration() / 2)),
        ..ServerConfig::default()
    });
    move |stream| {
        let service = service.clone();
        Box::pin(async move { service.serve_stream(stream).await })
    }
}

fn bidirectional() -> Options {
    Options {
        dialect: Dialect::Bidirectional,
        ..Options::default()
    }
}

fn ours(filters: &[&str]) -> Options {
    Options {
        filters: filters.iter().map(|&filter| filter.to_owned()).collect(),
        requests: vec![Declared {
            w: "ANYTHING".to_owned(),
            a: "[]".to_owned(),
        }],
        ..bidirectional()
    }
}

fn of_dialect(done: &Done) -> usize {
    let id = |id: &&String| id.starts_with("server/dialect/");
    done.ids(&[Verdict::Pass]).iter().filter(id).count()
}

async fn run(kind: Kind, hb_ms: u64, options: &Options) -> Done {
    let world = World::new(kind, hb_ms);
    support::run(options, &server_suite(), move |stream| {
        asker::serve(Arc::clone(&world), stream)
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn the_reference_server_passes_everything_while_it_asks() {
    for hb_ms in [10_000, 400] {
        // With letters that have another normal form, so that nothing is skipped for want of one.
        let options = Options {
            password: "Gr\u{fc}\u{df}e-17".to_owned(),
            ..bidirectional()
        };
        let serve = reference(hb_ms, &options.password);
        let done = support::run(&options, &server_suite(), serve).await;
        assert_eq!(done.lines(&BAD), [] as [&str; 0], "at {hb_ms} ms");
        assert_eq!(done.lines(&[Verdict::Skip]), [] as [&str; 0]);
        assert_eq!(done.outcome.ending, Ending::Complete);
        assert_eq!(done.outcome.summary.untested, [] as [&str; 0]);
        assert!(of_dialect(&done) >= 16, "{}", of_dialect(&done));
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_nothing_passes_in_the_dialect_too() {
    let serve = crate::suite::serve(1000, "helloworld");
    let done = support::run(&bidirectional(), &server_suite(), serve).await;
    assert_eq!(done.lines(&BAD), [] as [&str; 0]);
    assert_eq!(done.outcome.summary.untested, [] as [&str; 0]);
    assert!(of_dialect(&done) >= 16, "{}", of_dialect(&done));
}

#[tokio::test(start_paused = true)]
async fn by_the_text_alone_a_server_that_asks_breaks_the_rule_on_who_sends_what() {
    let options = Options::default();
    let done = support::run(&options, &server_suite(), reference(1000, "helloworld")).await;
    let failed = |rule: &str| {
        done.results.iter().any(|result| {
            let failure = result.failure.as_ref();
            result.verdict == Verdict::Fail && failure.is_some_and(|failure| failure.rule == rule)
        })
    };
    assert!(
        failed("packet.sender"),
        "{:?}",
        done.lines(&[Verdict::Fail])
    );
    assert!(!failed("dialect.bidirectional"));
    let about = |id: &&str| id.starts_with("server/dialect/");
    let ids = done.results.iter().map(|result| result.id.as_str());
    assert_eq!(ids.filter(about).count(), 0);
    let hint = done.results.iter().find(|r| r.id == "watch/packet.sender");
    if let Some(failure) = hint.and_then(|result| result.failure.as_ref()) {
        let hint = failure.hint.as_deref().unwrap_or_default();
        assert!(hint.contains("--dialect bidirectional"), "{hint}");
    }
}

/// What the text leaves to a server that asks.
const RIGHT: [Kind; 12] = [
    Kind::Plain,
    Kind::EarlyCloses(4002),
    Kind::EarlyCloses(1008),
    Kind::EarlyCloses(4001),
    Kind::EarlyDrops,
    Kind::Chatty,
    Kind::OddNonces,
    Kind::Demanding,
    Kind::OneThingAtATime,
    Kind::AsksBack,
    Kind::DispatchesOnly,
    Kind::NoNonce,
];

#[tokio::test(start_paused = true)]
async fn no_right_server_that_asks_is_blamed() {
    let mut alarms = Vec::new();
    for kind in RIGHT {
        for hb_ms in [1000, 400] {
            // What breaks frames and floods is for other tests: this server is too plain for it.
            let mut options = ours(&["!server/robust/*", "!server/open/*"]);
            options.grace = std::time::Duration::from_secs(3);
            let done = run(kind, hb_ms, &options).await;
            let lines = done.lines(&BAD);
            alarms.extend(lines.iter().map(|line| format!("{kind:?} {hb_ms}: {line}")));
            assert_eq!(done.outcome.ending, Ending::Complete, "{kind:?}");
            if of_dialect(&done) < 16 {
                alarms.push(format!("{kind:?}: only {} passed", of_dialect(&done)));
            }
        }
    }
    assert_eq!(alarms, [] as [&str; 0]);
}

/// Defects, the rule each breaks, and a scenario that must show it, or `watch` for any.
const BENT: [(Kind, &str, &str); 12] = [
    (Kind::AsksAtOnce, "dialect.bidirectional", "nothing-before"),
    (
        Kind::DispatchesAtOnce,
        "dialect.bidirectional",
        "nothing-before",
    ),
    (Kind::AsksByTimer, "dialect.bidirectional", "nothing-before"),
    (
        Kind::AsksEverybody,
        "dialect.bidirectional",
        "nothing-before-beside",
    ),
    (
        Kind::AsksFirst,
        "dialect.bidirectional",
        "nothing-after-a-wrong-password",
    ),
    (
        Kind::ResponseLetsIn,
        "dialect.bidirectional",
        "response-before",
    ),
    (
        Kind::ResponseLetsIn,
        "dialect.bidirectional",
        "response-before-in-one-segment",
    ),
    (
        Kind::AnybodysNonceLetsIn,
        "dialect.bidirectional",
        "response-before-with-anothers-nonce",
    ),
    (
        Kind::ResponseLetsBeats,
        "dialect.bidirectional",
        "response-before-then-heartbeat",
    ),
    (Kind::OneTable, "request.response", "same-nonce"),
    (
        Kind::AnswersAnswers,
        "request.response",
        "own-requests-go-on",
    ),
    (Kind::MixedUp, "request.response", "each-on-its-connection"),
];

#[tokio::test(start_paused = true)]
async fn a_server_that_closes_for_the_answer_to_its_own_request_lets_nobody_stay() {
    let done = run(Kind::ResponseCloses, 1000, &ours(&["server/auth/*"])).await;
    let stays = done
        .results
        .iter()
        .find(|r| r.id == "server/auth/stays-open");
    let failure = stays.and_then(|result| result.failure.as_ref());
    let told = failure.map(|failure| (failure.rule.as_str(), failure.actual.as_str()));
    assert_eq!(told, Some(("auth.accept", "close 1008")));
}

#[tokio::test(start_paused = true)]
async fn nonces_go_back_as_they_are_spelled() {
    let options = ours(&["server/dialect/own-requests-go-on", "server/heartbeat/*"]);
    let done = run(Kind::ExactNonces, 1000, &options).await;
    assert_eq!(done.lines(&BAD), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn each_defect_of_the_dialect_is_caught_by_the_scenario_about_it() {
    let mut missed = Vec::new();
    for (kind, rule, scenario) in BENT {
        let id = format!("server/dialect/{scenario}");
        let done = run(kind, 1000, &ours(&[&id])).await;
        let caught = done.results.iter().any(|result| {
            let failure = result.failure.as_ref();
            let own = result.id == id || result.id.starts_with(&format!("{id}#"));
            own && failure.is_some_and(|failure| failure.rule == rule)
        });
        if !caught {
            let lines = done.lines(&[Verdict::Fail, Verdict::Inconclusive, Verdict::Pass]);
            missed.push(format!("{kind:?} {rule} {scenario}: {lines:#?}"));
        }
    }
    assert_eq!(missed.join("\n"), "");
}

#[tokio::test(start_paused = true)]
async fn every_scenario_of_the_dialect_catches_something() {
    let caught: BTreeSet<&str> = BENT.iter().map(|(_, _, scenario)| *scenario).collect();
    let all = server_suite();
    let all: BTreeSet<&str> = all
        .iter()
        .filter_map(|scenario| scenario.id.strip_prefix("server/dialect/"))
        .collect();
    assert_eq!(caught, all);
}

#[tokio::test(start_paused = true)]
async fn the_watch_sees_who_is_asked_too_early_in_every_scenario() {
    for kind in [Kind::AsksAtOnce, Kind::AsksEverybody] {
        // These know nothing of the dialect.
        let options = ours(&[
            "server/hello/once-while-silent",
            "server/heartbeat/keeps-alive",
        ]);
        let done = run(kind, 400, &options).await;
        let told = done
            .results
            .iter()
            .find(|r| r.id == "watch/dialect.bidirectional");
        let failure = told.and_then(|result| result.failure.as_ref());
        assert!(failure.is_some(), "{kind:?}: {:?}", done.lines(&BAD));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_no_heartbeat() {
    let options = ours(&["server/heartbeat/timeout-before-any"]);
    let done = run(Kind::AnswersCount, 1000, &options).await;
    assert_eq!(done.ids(&[Verdict::Fail]), options.filters);
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_is_answered_as_the_options_say() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let talk = Talk::new(move |client| {
        let tell = tell.clone();
        async move {
            let known = client.request("WHO", "[]").await;
            let other = client.request("WHAT", "[]").await;
            let _ = tell.send((known, other));
        }
    });
    let service = Service::new(ServerConfig {
        talk: Some(talk),
        ..ServerConfig::default()
    });
    let mut options = ours(&["server/request/response"]);
    options.answers = [("WHO".to_owned(), r#"{"me": 1.0}"#.to_owned())].into();
    let done = support::run(&options, &server_suite(), move |stream| {
        let service = service.clone();
        async move { service.serve_stream(stream).await }
    })
    .await;
    assert_eq!(done.lines(&BAD), [] as [&str; 0]);
    let answers = told.try_recv().expect("the preflight was asked");
    let expected = (Ok(r#"{"me": 1.0}"#.to_owned()), Ok("null".to_owned()));
    assert_eq!(answers, expected);
}

#[test]
fn a_filter_for_the_other_dialect_is_refused_and_says_so() {
    let options = |dialect, filters: &[&str]| Options {
        dialect,
        ..ours(filters)
    };
    let plan = |dialect, filters| runner::plan(&options(dialect, filters), &server_suite());
    let text = plan(Dialect::Text, &["server/dialect/*"]).expect_err("nothing is left");
    assert!(matches!(text, PlanError::OtherDialect { .. }), "{text:?}");
    assert!(plan(Dialect::Bidirectional, &["server/dialect/*"]).is_ok());
    let both = plan(Dialect::Text, &["server/dialect/*", "server/hello/first"]);
    let ids: Vec<String> = both
        .expect("one is left")
        .cases
        .iter()
        .map(|case| case.id.clone())
        .collect();
    assert_eq!(ids, ["server/hello/first"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_talks_on_is_not_waited_for_without_end() {
    let id = "server/request/hundred-in-one-segment";
    let done = run(Kind::ChattyAndForgetful, 1000, &ours(&[id])).await;
    assert_eq!(done.ids(&[Verdict::Fail]), [id], "{:?}", done.lines(&BAD));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_answered_into_the_middle_of_a_frame() {
    // The frame TEXT {"op": 2} under the mask 0x01020304, in two parts.
    let text = "title  A heartbeat in two parts\nrule   heartbeat.ack\n\nuse handshake\n\
                > raw 0x8189010203047a20\nwait 0.2hb\n> raw 0x6c74233823367c\n< {\"op\": 3}\n";
    let source = Source {
        path: "test".to_owned(),
        origin: Origin::File,
        text: text.to_owned(),
    };
    let scenario = scenario::parse("own/two-parts", Arc::new(source));
    let scenario = Arc::new(scenario.unwrap_or_else(|error| panic!("{error}")));
    let world = World::new(Kind::Chatty, 1000);
    let done = support::run(&bidirectional(), &[scenario], move |stream| {
        asker::serve(Arc::clone(&world), stream)
    })
    .await;
    assert_eq!(done.lines(&BAD), [] as [&str; 0]);
}
