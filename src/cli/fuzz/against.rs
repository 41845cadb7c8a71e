//! `--against URL`: the same cases on a second server, and where the two differ.

use std::collections::BTreeMap;
use std::future::Future;

use serde_json::{Value, json};

use crate::cli::Globals;
use crate::cli::exit::{Exit, Stop};
use crate::cli::progress::Comparison;
use crate::cli::screen::Stdout;
use crate::event::Tool;
use crate::fuzzer::campaign;
use crate::fuzzer::differ::{self, Compared, DifferTerms, Difference};
use crate::fuzzer::dispatches;
use crate::fuzzer::script::Facts;
use crate::protocol::rules::Level;
use crate::report::escape::terminal;
use crate::runner::Opening;
use crate::wire::Target;

/// Inputs of one kind that are named on the screen; `--verbose` names all.
const NAMED: usize = 4;

/// What is compared, and how it is told.
pub(super) struct Pair<'a> {
    pub(super) targets: [&'a Target; 2],
    pub(super) terms: DifferTerms,
    pub(super) strict: bool,
    pub(super) json: bool,
}

/// Compares two servers. Exits 1 where one of them breaks a rule that the other keeps: what the text leaves
/// open is told and no failure.
pub(super) async fn run(
    globals: &Globals,
    pair: Pair<'_>,
    openings: [Opening; 2],
    facts: Facts,
    interrupt: impl Future<Output = ()> + Send,
    mut out: Stdout,
) -> Result<Exit, Stop> {
    let [one, other] = openings;
    let settings = [one.settings.clone(), other.settings.clone()];
    let mut facts = facts;
    facts.interval = one.interval.min(other.interval);
    // Only what both answer can be compared.
    let answered: Vec<bool> = one
        .answered
        .iter()
        .zip(&other.answered)
        .map(|(one, other)| *one && *other)
        .collect();
    let mut answers = answered.into_iter();
    facts.requests.retain(|_| answers.next().unwrap_or(false));
    facts.answered = 0;
    for target in &settings {
        facts.takes_dispatches &= dispatches::takes_dispatches(target, &facts).await;
    }
    let progress = Comparison::new(globals.quiet, pair.terms.time);
    let mut tell = |cases, found| progress.tell(cases, found);
    let compared = differ::compare(settings, &facts, pair.terms, interrupt, &mut tell).await;
    progress.clear();
    for minder in [one.minder, other.minder].into_iter().flatten() {
        minder.end().await;
    }
    out.write(&match pair.json {
        true => to_json(&pair, &compared, &facts),
        false => human(&pair, &compared, &facts, globals),
    })?;
    let breaks = compared.differences.iter().any(|difference| {
        let broke = |at: usize| difference.answers[at].broke.as_ref();
        let binds = |level: Level| level == Level::Must || pair.strict;
        [0, 1]
            .into_iter()
            .filter_map(broke)
            .any(|(level, _)| binds(*level))
    });
    Ok(match compared.interrupted {
        true => Exit::Interrupted,
        false if breaks || compared.gone.is_some() => Exit::Failure,
        false => Exit::Success,
    })
}

fn headline(pair: &Pair<'_>, compared: &Compared) -> String {
    let [one, other] = pair.targets.map(Target::shown);
    let found = match compared.differences.len() {
        0 => "no difference".to_owned(),
        1 => "1 difference".to_owned(),
        count => format!("{count} differences"),
    };
    format!(
        "{found} between A, {}, and B, {}: {} cases in {:.1} s, seed {}\n",
        terminal(&one),
        terminal(&other),
        compared.cases,
        compared.elapsed.as_secs_f64(),
        pair.terms.seed
    )
}

fn human(pair: &Pair<'_>, compared: &Compared, facts: &Facts, globals: &Globals) -> String {
    let mut text = headline(pair, compared);
    if globals.quiet {
        return text;
    }
    if let Some((at, fate)) = compared.gone {
        let name = ["A", "B"][at.min(1)];
        text.push_str(&format!("\nended early: {name} {}\n", fate.word()));
    }
    if compared.interrupted {
        text.push_str("\ninterrupted\n");
    }
    let mut kinds: BTreeMap<(String, String, String), Vec<&Difference>> = BTreeMap::new();
    for difference in &compared.differences {
        let [one, other] = &difference.answers;
        let key = (place(difference), one.words(), other.words());
        kinds.entry(key).or_default().push(difference);
    }
    for ((place, one, other), alike) in kinds {
        text.push_str(&format!("\n{place}\n"));
        text.push_str(&format!("  A  {}\n", terminal(&one)));
        text.push_str(&format!("  B  {}\n", terminal(&other)));
        let shown = match globals.verbose {
            0 => NAMED,
            _ => usize::MAX,
        };
        for difference in alike.iter().take(shown) {
            text.push_str(&format!("  -  {}\n", terminal(&difference.what)));
        }
        if alike.len() > shown {
            let more = alike.len() - shown;
            text.push_str(&format!("  and {more} more (--verbose names them)\n"));
        }
        let first = alike.first().map(|first| differ::scenario(first, facts));
        for line in first
            .and_then(Result::ok)
            .unwrap_or_default()
            .lines()
            .skip(3)
        {
            text.push_str(&format!("     {}\n", terminal(line)));
        }
    }
    if compared.unrepeated > 0 {
        text.push_str(&format!(
            "\nunknown: {} more did not come again when the case was played alone\n",
            compared.unrepeated
        ));
    }
    text
}

/// Where a difference shows.
fn place(difference: &Difference) -> String {
    match (difference.state, difference.class) {
        (Some(state), Some(class)) => {
            let state = match state.word() {
                "absent" => "before HELLO",
                "greeted" => "before HELLO_ACK",
                _ => "authenticated",
            };
            format!("{state}, {}", class.word())
        }
        _ => "a sequence".to_owned(),
    }
}

fn to_json(pair: &Pair<'_>, compared: &Compared, facts: &Facts) -> String {
    let differences: Vec<Value> = compared
        .differences
        .iter()
        .map(|difference| {
            let [one, other] = difference.answers.each_ref().map(|answer| {
                json!({"connections": answer.conns, "breaks": answer.broke.as_ref().map(|(_, rule)| rule)})
            });
            json!({
                "state": difference.state.map(|state| state.word()),
                "class": difference.class.map(|class| class.word()),
                "what": difference.what,
                "a": one,
                "b": other,
                "scenario": differ::scenario(difference, facts).ok(),
            })
        })
        .collect();
    let [one, other] = pair.targets.map(Target::shown);
    let gone = compared.gone.map(|(at, fate)| {
        let name = ["a", "b"][at.min(1)];
        json!({"target": name, "how": fate.word()})
    });
    let report = json!({
        "schema_version": 1,
        "tool": Tool::this(),
        "a": one,
        "b": other,
        "seed": pair.terms.seed,
        "duration_ms": u64::try_from(compared.elapsed.as_millis()).unwrap_or(u64::MAX),
        "cases": compared.cases,
        "unrepeated": compared.unrepeated,
        "interrupted": compared.interrupted,
        "gone": gone,
        "differences": differences,
    });
    format!("{report:#}\n")
}

/// What the comparison is bounded by.
pub(super) fn terms(terms: &campaign::Terms) -> DifferTerms {
    DifferTerms {
        seed: terms.seed,
        time: terms.time,
        cases: terms.cases,
        rate: terms.rate,
        at_once: terms.connections,
    }
}
