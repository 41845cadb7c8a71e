//! Runs a suite against a peer in memory, so that a paused clock moves both.

pub(crate) mod caller;
pub(crate) mod peer;

use std::future::Future;
use std::sync::Arc;

use litespec::event::{RunEvent, RunHeader, Suite, Tool};
use litespec::outcome::{ScenarioResult, Verdict};
use litespec::runner::{self, Options, Reach, RunOutcome};
use litespec::scenario::Scenario;
use litespec::wire::memory::{self, MemoryStream};
use litespec::wire::target::Target;

/// What came of a run.
pub(crate) struct Done {
    pub(crate) outcome: RunOutcome,
    pub(crate) events: Vec<RunEvent>,
    pub(crate) results: Vec<ScenarioResult>,
}

impl Done {
    /// The results with one of these verdicts, as lines for an assertion's message.
    pub(crate) fn lines(&self, verdicts: &[Verdict]) -> Vec<String> {
        let hit = self
            .results
            .iter()
            .filter(|r| verdicts.contains(&r.verdict));
        hit.map(|result| {
            let why = match (&result.failure, &result.reason) {
                (Some(failure), _) => format!(
                    "{}: expected {}, got {} ({}:{})",
                    failure.rule, failure.expected, failure.actual, failure.file, failure.line
                ),
                (None, Some(reason)) => reason.clone(),
                (None, None) => String::new(),
            };
            format!("{:?} {} {why}", result.verdict, result.id)
        })
        .collect()
    }

    /// The ids of the results with one of these verdicts, sorted.
    pub(crate) fn ids(&self, verdicts: &[Verdict]) -> Vec<String> {
        let hit = self
            .results
            .iter()
            .filter(|r| verdicts.contains(&r.verdict));
        let mut ids: Vec<String> = hit.map(|result| result.id.clone()).collect();
        ids.sort();
        ids
    }
}

/// A header for runs whose reports nobody reads.
pub(crate) fn header() -> RunHeader {
    RunHeader {
        schema_version: 1,
        tool: Tool {
            name: "litespec".to_owned(),
            version: "0.0.0".to_owned(),
        },
        suite: Suite {
            version: "0.0.0".to_owned(),
            hash: String::new(),
        },
        role: "server".to_owned(),
        target: "ws://memory/".to_owned(),
        label: None,
        started_at: "2026-01-01T00:00:00Z".to_owned(),
        seed: 1,
        options: serde_json::Map::new(),
        repeat_args: Vec::new(),
        repeat_tail: Vec::new(),
    }
}

/// Runs scenarios against a peer that serves each stream with `serve`.
pub(crate) async fn run<F>(
    options: &Options,
    scenarios: &[Arc<Scenario>],
    serve: impl Fn(MemoryStream) -> F + Send + 'static,
) -> Done
where
    F: Future<Output = ()> + Send + 'static,
{
    run_until(options, scenarios, serve, std::future::pending()).await
}

/// The same until `interrupted` says that it is enough.
pub(crate) async fn run_until<F>(
    options: &Options,
    scenarios: &[Arc<Scenario>],
    serve: impl Fn(MemoryStream) -> F + Send + 'static,
    interrupted: impl Future<Output = ()> + Send,
) -> Done
where
    F: Future<Output = ()> + Send + 'static,
{
    let (dial, mut listener) = memory::listen();
    let accepting = tokio::spawn(async move {
        while let Some(stream) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    let plan = runner::plan(options, scenarios).expect("the plan stands");
    let target = Target::parse("ws://memory/").expect("the URL is right");
    let reach = Reach {
        target,
        dial: Arc::new(dial),
    };
    let mut events = Vec::new();
    let mut on_event = |event| events.push(event);
    let outcome = runner::run(header(), options, plan, reach, interrupted, &mut on_event).await;
    accepting.abort();
    let results = events
        .iter()
        .filter_map(|event| match event {
            RunEvent::ScenarioFinished { result } => Some((**result).clone()),
            _ => None,
        })
        .collect();
    Done {
        outcome,
        events,
        results,
    }
}
