//! What a run comes to, from results as they come in.

use std::sync::Arc;

use super::*;
use crate::outcome::Verdict;
use crate::runner::sample::{entry, known, result};
use crate::runner::{Known, Options, plan};
use crate::scenario::syntax::{Origin, Source};
use crate::scenario::{self, Scenario};

const CONTROL: &str = "server/x/control";
const LEANS: &str = "server/x/leans";

fn parsed(id: &str, text: &str) -> Arc<Scenario> {
    let source = Source {
        path: format!("{id}.scenario"),
        origin: Origin::File,
        text: text.to_owned(),
    };
    Arc::new(scenario::parse(id, Arc::new(source)).expect("it parses"))
}

/// A control with two cases, and a scenario that leans on it.
fn planned() -> Plan {
    let control =
        "title  C\nrule   heartbeat.ack\neach   $n = 1, 2\n\nuse handshake\n> {\"op\": 2}\n";
    let leans = format!("title  L\nrule   auth.reject\ncontrol {CONTROL}\n\nuse handshake\n");
    let all = [parsed(CONTROL, control), parsed(LEANS, &leans)];
    plan(&Options::default(), &all).expect("a plan")
}

/// A finding of the watch in a case, with so many lines of transcript.
fn found(rule: &str, case: &str, verdict: Verdict, lines: usize) -> Found {
    let mut result = result(&format!("watch/{rule}"), rule, verdict);
    result.transcript = vec![entry(); lines];
    result.reason = Some(format!("seen while {case} was played"));
    Found {
        rule: rule.to_owned(),
        case: case.to_owned(),
        result,
    }
}

const NOTHING: Judged = Judged {
    preflight: false,
    watch: false,
};

/// What `steps` make of a ledger: the results in the order in which they were told.
fn told(failing: Vec<Known>, steps: impl FnOnce(&mut Ledger<'_>)) -> Vec<ScenarioResult> {
    let mut told = Vec::new();
    let mut on_event = |event: RunEvent| {
        if let RunEvent::ScenarioFinished { result } = event {
            told.push(*result);
        }
    };
    let lists = KnownLists {
        failing,
        flaky: Vec::new(),
    };
    steps(&mut Ledger::new(&planned(), &lists, &mut on_event));
    told
}

fn finished(ledger: &mut Ledger<'_>) -> End {
    ledger.finish(NOTHING, |_| false)
}

fn plain(ledger: &mut Ledger<'_>, id: &str, rule: &str, verdict: Verdict) {
    ledger.result(result(id, rule, verdict), id, None, Vec::new(), true);
}

fn leans(ledger: &mut Ledger<'_>, verdict: Verdict) {
    let held = vec!["close.frame".to_owned()];
    let mut result = result(LEANS, "auth.reject", verdict);
    result.rules.push("close.frame".to_owned());
    ledger.result(result, LEANS, Some(CONTROL), held, true);
}

fn control(ledger: &mut Ledger<'_>, number: u32, verdict: Verdict) {
    let id = format!("{CONTROL}#{number}");
    let result = result(&id, "heartbeat.ack", verdict);
    ledger.result(result, CONTROL, None, Vec::new(), false);
}

fn verdicts(told: &[ScenarioResult]) -> Vec<(&str, Verdict)> {
    told.iter().map(|r| (r.id.as_str(), r.verdict)).collect()
}

fn of(end: &End, rule: &str) -> Verdict {
    let found = end.rules.iter().find(|r| r.id == rule);
    found.expect("the rule is known").verdict
}

#[test]
fn a_success_stands_when_all_cases_of_its_control_have_succeeded() {
    for needs in [Verdict::Pass, Verdict::Warn] {
        for good in [Verdict::Pass, Verdict::Warn, Verdict::Info] {
            let told = told(Vec::new(), |ledger| {
                leans(ledger, needs);
                control(ledger, 1, good);
                assert!(ledger.told.is_empty());
                control(ledger, 2, Verdict::Pass);
                assert_eq!(ledger.told.len(), 1);
                let end = finished(ledger);
                assert_eq!(of(&end, "close.frame"), Verdict::Pass);
            });
            assert_eq!(verdicts(&told), [(LEANS, needs)]);
            assert_eq!(told[0].transcript.len(), 1);
        }
    }
}

#[test]
fn a_success_whose_control_did_not_succeed_says_nothing() {
    for bad in [
        Verdict::Fail,
        Verdict::Skip,
        Verdict::Inconclusive,
        Verdict::Error,
    ] {
        for first in [1, 2] {
            let told = told(Vec::new(), |ledger| {
                if first == 1 {
                    control(ledger, 1, bad);
                }
                leans(ledger, Verdict::Pass);
                control(ledger, 2, bad);
                assert_eq!(ledger.told.len(), 1);
                let end = finished(ledger);
                assert_eq!(of(&end, "auth.reject"), Verdict::Inconclusive);
                assert_eq!(of(&end, "close.frame"), Verdict::Inconclusive);
            });
            assert_eq!(verdicts(&told), [(LEANS, Verdict::Inconclusive)]);
            assert_eq!(told[0].blocked_by.as_deref(), Some(CONTROL));
            let reason = told[0].reason.as_deref().unwrap_or_default();
            assert_eq!(reason, format!("its control {CONTROL} did not pass"));
        }
    }
}

#[test]
fn a_success_whose_control_never_came_says_nothing() {
    let told = told(Vec::new(), |ledger| {
        leans(ledger, Verdict::Pass);
        control(ledger, 1, Verdict::Pass);
        assert!(ledger.told.is_empty());
        finished(ledger);
    });
    assert_eq!(verdicts(&told), [(LEANS, Verdict::Inconclusive)]);
}

#[test]
fn what_is_no_success_does_not_wait_for_its_control() {
    for verdict in [
        Verdict::Fail,
        Verdict::Skip,
        Verdict::Inconclusive,
        Verdict::Error,
    ] {
        let told = told(Vec::new(), |ledger| {
            leans(ledger, verdict);
            assert_eq!(ledger.told.len(), 1);
        });
        assert_eq!(verdicts(&told), [(LEANS, verdict)]);
        assert_eq!(told[0].blocked_by, None);
    }
}

#[test]
fn what_leans_on_what_the_target_does_not_offer_is_skipped_and_its_rules_need_no_test() {
    let told = told(Vec::new(), |ledger| {
        let plan = planned();
        for case in plan.cases.iter().filter(|case| case.base() == CONTROL) {
            ledger.waive(case);
        }
        control(ledger, 1, Verdict::Skip);
        control(ledger, 2, Verdict::Skip);
        leans(ledger, Verdict::Pass);
        let end = finished(ledger);
        assert_eq!(end.summary.untested, [] as [&str; 0]);
        assert_eq!(end.summary.untested_allowed, ["auth.reject", "close.frame"]);
        assert_eq!(of(&end, "close.frame"), Verdict::Skip);
    });
    assert_eq!(verdicts(&told), [(LEANS, Verdict::Skip)]);
    assert_eq!(told[0].blocked_by.as_deref(), Some(CONTROL));
    let reason = told[0].reason.as_deref().unwrap_or_default();
    assert!(reason.contains("does not offer"), "{reason}");
}

#[test]
fn a_rule_needs_a_test_unless_all_that_is_about_it_is_waived_or_the_user_allows_it() {
    told(Vec::new(), |ledger| {
        let plan = planned();
        ledger.waive(plan.cases.iter().find(|c| c.base() == LEANS).expect("it"));
        plain(ledger, LEANS, "auth.reject", Verdict::Skip);
        plain(ledger, "server/x/other", "auth.reject", Verdict::Skip);
        plain(ledger, "server/x/third", "close.frame", Verdict::Skip);
        let end = ledger.finish(NOTHING, |rule| rule == "close.frame");
        assert_eq!(end.summary.untested, ["auth.reject"]);
        assert_eq!(end.summary.untested_allowed, ["close.frame"]);
        assert_eq!(end.summary.skip, 3);
    });
}

#[test]
fn of_what_the_watch_found_the_worst_and_shortest_evidence_is_told_once() {
    let shown = |pieces: Vec<Found>| {
        let told = told(Vec::new(), |ledger| {
            ledger.found(pieces);
            finished(ledger);
        });
        assert_eq!(told.len(), 1, "{told:?}");
        let reason = told[0].reason.clone().unwrap_or_default();
        (told[0].verdict, told[0].transcript.len(), reason)
    };
    let piece = |case: &str, verdict, lines| found("hello.once", case, verdict, lines);
    let (fail, warn) = (Verdict::Fail, Verdict::Warn);
    let (verdict, lines, _) = shown(vec![piece("a", warn, 1), piece("b", fail, 9)]);
    assert_eq!((verdict, lines), (fail, 9));
    let (verdict, lines, _) = shown(vec![piece("a", fail, 9), piece("b", warn, 1)]);
    assert_eq!((verdict, lines), (fail, 9));
    for pieces in [
        vec![
            piece("a", fail, 9),
            piece("b", fail, 2),
            piece("c", fail, 5),
        ],
        vec![piece("b", fail, 2), piece("a", fail, 9)],
        vec![piece("b", fail, 2), piece("a", fail, 2)],
    ] {
        let (_, lines, reason) = shown(pieces);
        assert_eq!((lines, &*reason), (2, "seen while b was played"));
    }
}

#[test]
fn what_a_scenario_shows_is_not_told_again_unless_the_watch_has_worse() {
    let count = |shown: &str, rule: &str, verdict: Verdict, of_watch: Verdict| {
        told(Vec::new(), |ledger| {
            plain(ledger, shown, rule, verdict);
            ledger.found(vec![found("hello.once", "server/x/b", of_watch, 1)]);
            finished(ledger);
        })
        .len()
    };
    let (fail, warn) = (Verdict::Fail, Verdict::Warn);
    assert_eq!(count("server/x/a", "hello.once", fail, fail), 1);
    assert_eq!(count("server/x/a", "hello.once", fail, warn), 1);
    assert_eq!(count("server/x/a", "hello.once", warn, fail), 2);
    assert_eq!(count("server/x/a", "hello.first", fail, fail), 2);
    assert_eq!(count("server/x/a", "hello.once", Verdict::Pass, fail), 2);
}

#[test]
fn a_listed_failure_shows_only_what_was_found_in_its_own_case() {
    let count = |cases: &[&str]| {
        told(vec![known("server/x/a", "hello.once")], |ledger| {
            plain(ledger, "server/x/a", "hello.once", Verdict::Fail);
            let found = cases
                .iter()
                .map(|case| found("hello.once", case, Verdict::Fail, 1));
            ledger.found(found.collect());
            let end = finished(ledger);
            assert_eq!(end.summary.expected_fail, 1);
        })
        .len()
    };
    assert_eq!(count(&["server/x/a"]), 1);
    assert_eq!(count(&["server/x/b"]), 2);
    assert_eq!(count(&["server/x/a", "server/x/b"]), 2);
}

#[test]
fn a_listed_case_goes_by_its_scenarios_name_too() {
    let lists = || vec![known(CONTROL, "heartbeat.ack")];
    told(lists(), |ledger| {
        let of_case = result(&format!("{CONTROL}#2"), "heartbeat.ack", Verdict::Fail);
        assert!(ledger.excuses(&of_case));
        let of_none = result("server/x/none", "heartbeat.ack", Verdict::Fail);
        assert!(!ledger.excuses(&of_none));
        let of_another = result(&format!("{CONTROL}#2"), "auth.reject", Verdict::Fail);
        assert!(!ledger.excuses(&of_another));
    });
    told(vec![known("watch/*", "hello.once")], |ledger| {
        assert!(ledger.excuses(&result("watch/hello.once", "hello.once", Verdict::Fail)));
    });
}

#[test]
fn stale_entries_are_those_whose_every_result_was_judged() {
    let stale = |id: &str, judged: Judged| {
        let mut stale = (0, KnownStatus::Held);
        told(vec![known(id, "hello.once")], |ledger| {
            let end = ledger.finish(judged, |_| false);
            stale = (end.summary.stale, end.known[0].status);
        });
        stale
    };
    let (none, some) = ((0, KnownStatus::NotJudged), (1, KnownStatus::Stale));
    let watch = Judged {
        watch: true,
        ..NOTHING
    };
    let preflight = Judged {
        preflight: true,
        ..NOTHING
    };
    assert_eq!(stale("watch/hello.once", NOTHING), none);
    assert_eq!(stale("watch/hello.once", preflight), none);
    assert_eq!(stale("watch/hello.once", watch), some);
    assert_eq!(stale("preflight", watch), none);
    assert_eq!(stale("preflight", preflight), some);
    assert_eq!(stale("server/x/a", watch), none);
}
