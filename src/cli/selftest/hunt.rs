//! `litespec selftest --fuzz`: the fuzzer against the zoo, in memory.

use std::time::Duration;

use crate::cli::Globals;
use crate::cli::exit::{Exit, Stop};
use crate::cli::screen::{Stdout, say};
use crate::selftest::hunt::{self, Hunt, HuntTerms};
use crate::selftest::{self, Options};

/// Virtual time against one member.
const TIME: Duration = Duration::from_secs(1800);

/// Hunts, and tells what was found: what has a defect may stay unfound, but nothing may be found on a
/// right member.
pub(super) fn run(
    globals: &Globals,
    cases: u64,
    options: &Options,
    json: bool,
) -> Result<Exit, Stop> {
    let members = selftest::members(&options.members).map_err(super::stopped)?;
    let terms = HuntTerms {
        interval: options.interval,
        cases,
        time: TIME,
        jobs: options.jobs,
    };
    let all = members.len();
    let watched = std::io::IsTerminal::is_terminal(&std::io::stderr()) && !globals.quiet;
    let hunts = hunt::all(&members, terms, |done| {
        if watched && (done == all || done % 20 == 0) {
            say(&format!("{done} of {all} members fuzzed"));
        }
    });
    let alarms = hunts.iter().filter(|hunt| is_alarm(hunt)).count();
    let text = if json {
        match serde_json::to_string_pretty(&hunts) {
            Ok(text) => text + "\n",
            Err(error) => return Err(Stop::usage(format!("cannot write JSON: {error}"))),
        }
    } else {
        human(&hunts, globals.quiet)
    };
    Stdout::new(globals.color).write(&text)?;
    Ok(if alarms == 0 {
        Exit::Success
    } else {
        Exit::Failure
    })
}

/// Whether something was found where nothing is.
fn is_alarm(hunt: &Hunt) -> bool {
    hunt.rule.is_none() && hunt.found.is_some()
}

fn human(hunts: &[Hunt], quiet: bool) -> String {
    let defects: Vec<&Hunt> = hunts.iter().filter(|hunt| hunt.rule.is_some()).collect();
    let caught = |hunt: &&&Hunt| hunt.found.is_some() || hunt.ended.is_some();
    let found = defects.iter().filter(caught).count();
    let right = hunts.len() - defects.len();
    let alarms = hunts.iter().filter(|hunt| is_alarm(hunt)).count();
    let mut text = format!(
        "{found} of {} defects found, {alarms} alarms on {right} right members\n",
        defects.len()
    );
    if quiet {
        return text;
    }
    text.push('\n');
    for hunt in hunts {
        let what = match (&hunt.found, &hunt.ended, &hunt.rule) {
            (Some(found), _, _) => format!(
                "case {:5}  {:7.1} s  {:2} steps  {}",
                found.case,
                Duration::from_millis(found.after_ms).as_secs_f64(),
                found.steps,
                found.rule
            ),
            (None, Some(why), _) => format!("before the first case: {why}"),
            (None, None, Some(_)) => format!("NOT FOUND in {} cases", hunt.cases),
            (None, None, None) => format!("nothing found in {} cases", hunt.cases),
        };
        text.push_str(&format!("{:36} {what}\n", hunt.member));
    }
    text
}
