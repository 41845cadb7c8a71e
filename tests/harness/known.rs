//! Lists of known failures, shards and the preflight alone, in memory.

use std::collections::BTreeMap;

use litespec::event::{Ending, RunEvent};
use litespec::outcome::{KnownEntry, KnownStatus, Verdict};
use litespec::runner::{Declared, Known, KnownLists, Options, Shard, known_glob};
use litespec::wire::memory::MemoryStream;

use crate::suite::{BoxFuture, server_suite};
use crate::support::peer::Peer;
use crate::support::{Done, run};

/// Right in all that these tests look at, but for what `wrong` says.
#[derive(Clone, Copy)]
struct Server {
    acks: bool,
    /// What a RESPONSE has instead of an `n`.
    nameless: bool,
    /// A RESPONSE has no `r`: only a "should", which nothing but the watch and one scenario ask for.
    bare: bool,
    /// A wrong password is refused with this code.
    refusal: u16,
    /// It takes this password.
    password: &'static str,
}

const RIGHT: Server = Server {
    acks: true,
    nameless: false,
    bare: false,
    refusal: 4001,
    password: "helloworld",
};

fn serve(server: Server) -> impl Fn(MemoryStream) -> BoxFuture + Send + 'static {
    move |stream| Box::pin(server.serve(stream))
}

impl Server {
    async fn serve(self, stream: MemoryStream) {
        let mut peer = Peer::hello(stream, 1000).await;
        let mut known = false;
        while let Some(text) = peer.hear().await {
            let packet: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            match (packet["op"].as_u64(), known) {
                (Some(1), _) if packet["password"] == self.password => known = true,
                (Some(1), _) => return peer.close(self.refusal, b"").await,
                (Some(2), true) if self.acks => peer.say(r#"{"op":3}"#).await,
                (Some(4), true) if self.nameless => peer.say(r#"{"op":5,"r":[]}"#).await,
                (Some(4), true) if self.bare => {
                    let n = &packet["n"];
                    peer.say(&format!(r#"{{"op":5,"n":{n}}}"#)).await;
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
}

fn known(id: &str, rule: &str, line: u32) -> Known {
    Known {
        id: id.to_owned(),
        rule: rule.to_owned(),
        text: None,
        reason: "r".to_owned(),
        expires: None,
        expired: false,
        file: "known.toml".to_owned(),
        line,
        glob: known_glob(id).expect("a glob"),
    }
}

fn options(filters: &[&str], failing: Vec<Known>) -> Options {
    Options {
        filters: filters.iter().map(|&filter| filter.to_owned()).collect(),
        known: KnownLists {
            failing,
            flaky: Vec::new(),
        },
        triage: 0,
        strict: true,
        ..Options::default()
    }
}

fn entries(done: &Done) -> Vec<KnownEntry> {
    match done.events.last() {
        Some(RunEvent::RunFinished { known, .. }) => known.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_control_that_fails_as_known_proves_nothing() {
    let server = Server {
        acks: false,
        ..RIGHT
    };
    let filters = ["server/heartbeat/ack", "server/heartbeat/no-ack-unasked"];
    let failing = vec![known("server/heartbeat/ack", "heartbeat.ack", 1)];
    let done = run(&options(&filters, failing), &server_suite(), serve(server)).await;
    let summary = &done.outcome.summary;
    assert_eq!((summary.expected_fail, summary.fail), (1, 0), "{summary:?}");
    assert_eq!(entries(&done)[0].status, KnownStatus::Held);
    assert_eq!(done.ids(&[Verdict::Inconclusive]), filters[1..]);
}

#[tokio::test(start_paused = true)]
async fn what_the_watch_finds_can_be_listed_and_only_a_whole_run_makes_it_stale() {
    let server = Server {
        bare: true,
        ..RIGHT
    };
    let id = "watch/response.fields";
    let filters = ["server/request/one-after-another"];
    let plain = run(
        &options(&filters, Vec::new()),
        &server_suite(),
        serve(server),
    )
    .await;
    assert!(
        plain.ids(&[Verdict::Fail]).contains(&id.to_owned()),
        "{:?}",
        plain.lines(&[Verdict::Fail])
    );
    let failing = vec![known("watch/*", "response.fields", 1)];
    let listed = run(
        &options(&filters, failing.clone()),
        &server_suite(),
        serve(server),
    )
    .await;
    assert_eq!(listed.outcome.summary.fail + 1, plain.outcome.summary.fail);
    assert_eq!(entries(&listed)[0].status, KnownStatus::Held);
    let part = run(
        &options(&["server/auth/*"], failing.clone()),
        &server_suite(),
        serve(RIGHT),
    )
    .await;
    assert_eq!(entries(&part)[0].status, KnownStatus::NotJudged);
    let whole = run(&options(&[], failing), &server_suite(), serve(RIGHT)).await;
    assert_eq!(entries(&whole)[0].status, KnownStatus::Stale);
    assert_eq!(whole.outcome.summary.stale, 1);
}

#[tokio::test(start_paused = true)]
async fn a_preflight_that_fails_as_known_is_no_failure_but_leaves_everything_unjudged() {
    let server = Server {
        password: "another",
        ..RIGHT
    };
    let failing = vec![known("preflight", "auth.accept", 1)];
    let done = run(
        &options(&[], failing.clone()),
        &server_suite(),
        serve(server),
    )
    .await;
    assert!(matches!(done.outcome.ending, Ending::PreflightFailed(_)));
    let summary = &done.outcome.summary;
    assert_eq!((summary.fail, summary.expected_fail), (0, 1));
    assert!(
        summary.untested.contains(&"heartbeat.ack".to_owned()),
        "{summary:?}"
    );
    let done = run(
        &options(&["server/auth/*"], failing),
        &server_suite(),
        serve(RIGHT),
    )
    .await;
    assert_eq!(
        done.outcome.summary.stale, 1,
        "the preflight was judged and passed"
    );
}

#[tokio::test(start_paused = true)]
async fn an_excused_failure_does_not_hide_what_the_watch_sees_elsewhere() {
    let server = Server {
        bare: true,
        ..RIGHT
    };
    let filters = ["server/response/fields", "server/request/one-after-another"];
    let plain = run(
        &options(&filters, Vec::new()),
        &server_suite(),
        serve(server),
    )
    .await;
    let failed = |done: &Done, id: &str| {
        let result = done.results.iter().find(|result| result.id == id)?;
        result.failure.as_ref().map(|failure| failure.rule.clone())
    };
    let Some(rule) = failed(&plain, "server/response/fields") else {
        panic!("{:?}", plain.lines(&[Verdict::Fail, Verdict::Warn]));
    };
    let watch = format!("watch/{rule}");
    assert!(
        failed(&plain, &watch).is_none(),
        "one failure a rule is enough"
    );
    let failing = vec![known("server/response/fields", &rule, 1)];
    let listed = run(&options(&filters, failing), &server_suite(), serve(server)).await;
    assert!(
        failed(&listed, &watch).is_some(),
        "{:?}",
        listed.lines(&[Verdict::Fail])
    );
}

#[tokio::test(start_paused = true)]
async fn the_preflight_alone_says_what_no_scenario_is_going_to() {
    let request = Declared {
        w: "X".to_owned(),
        a: "[]".to_owned(),
    };
    for (server, rule) in [
        (RIGHT, None),
        (
            Server {
                acks: false,
                ..RIGHT
            },
            Some("heartbeat.ack"),
        ),
        (
            Server {
                nameless: true,
                ..RIGHT
            },
            Some("request.response"),
        ),
    ] {
        let options = Options {
            preflight_only: true,
            requests: vec![request.clone()],
            ..Options::default()
        };
        let done = run(&options, &server_suite(), serve(server)).await;
        let broken: Vec<&str> = done
            .results
            .iter()
            .filter_map(|result| result.failure.as_ref())
            .map(|failure| failure.rule.as_str())
            .collect();
        assert_eq!(broken, Vec::from_iter(rule));
        let complete = matches!(done.outcome.ending, Ending::Complete);
        assert_eq!(complete, rule.is_none());
    }
}

/// Verdict, rule and what was seen, by id.
type Told = BTreeMap<String, (Verdict, Option<(String, String)>)>;

async fn told(options: Options, server: Server) -> Told {
    let done = run(&options, &server_suite(), serve(server)).await;
    let results = done.results.into_iter();
    results
        .filter(|result| !result.id.starts_with("watch/"))
        .map(|result| {
            let failure = result.failure.map(|failure| (failure.rule, failure.actual));
            (result.id, (result.verdict, failure))
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn what_a_run_comes_to_hangs_neither_on_order_nor_jobs_nor_shards() {
    let wrong = Server {
        nameless: true,
        refusal: 1008,
        ..RIGHT
    };
    for server in [RIGHT, wrong] {
        let whole = told(options(&[], Vec::new()), server).await;
        assert!(whole.len() > 90, "{}", whole.len());
        for (jobs, seed) in [(1, 3), (5, 4), (64, 5)] {
            let options = Options {
                jobs,
                seed,
                shuffle: true,
                ..options(&[], Vec::new())
            };
            assert_eq!(
                told(options, server).await,
                whole,
                "{jobs} jobs, seed {seed}"
            );
        }
        for count in [2, 5] {
            let mut union = Told::new();
            for index in 1..=count {
                let options = Options {
                    shard: Shard::new(index, count),
                    jobs: 1 + index as usize,
                    ..options(&[], Vec::new())
                };
                for (id, result) in told(options, server).await {
                    assert!(
                        union.insert(id.clone(), result).is_none(),
                        "{id} is in two shards"
                    );
                }
            }
            assert_eq!(union, whole, "{count} shards");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_control_of_another_shard_is_run_and_not_listed() {
    let id = "server/auth/wrong-password";
    let count = (2..40).find(|&count| {
        let of =
            |id: &str| (1..=count).find(|&k| Shard::new(k, count).is_some_and(|s| s.holds(id)));
        of(id) != of("server/auth/right-password")
    });
    let count = count.expect("some number of shards parts them");
    let index = (1..=count).find(|&k| Shard::new(k, count).is_some_and(|s| s.holds(id)));
    let options = Options {
        shard: Shard::new(index.expect("it is in one"), count),
        ..options(&["server/auth/*-password"], Vec::new())
    };
    let done = run(&options, &server_suite(), serve(RIGHT)).await;
    let ids = done.ids(&[Verdict::Pass]);
    assert!(
        ids.contains(&id.to_owned()),
        "{:?}",
        done.lines(&[Verdict::Inconclusive])
    );
    assert!(
        !ids.contains(&"server/auth/right-password".to_owned()),
        "{ids:?}"
    );
    // Where the control fails, in whichever shard it is listed, a refusal proves nothing.
    let done = run(&options, &server_suite(), crate::controls::refusing()).await;
    let unproven = done.ids(&[Verdict::Inconclusive]);
    assert!(unproven.contains(&id.to_owned()), "{unproven:?}");
}
