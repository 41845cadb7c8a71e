//! What a list says of a result, and a result of a list.

use super::*;
use crate::runner::sample::{self, failure, known};

/// A result about `auth.reject`, which may break a rule.
fn result(verdict: Verdict, broken: Option<&str>) -> ScenarioResult {
    ScenarioResult {
        failure: broken.map(failure),
        ..sample::result("server/auth/x#2", "auth.reject", verdict)
    }
}

fn names() -> Vec<String> {
    ["server/auth/x#2", "server/auth/x", "server/auth/old"]
        .map(str::to_owned)
        .to_vec()
}

/// What a book of these lists says of a result, and what the result makes of its entries.
fn entered(lists: &KnownLists, mut result: ScenarioResult) -> (Option<Expected>, Vec<KnownStatus>) {
    let mut book = Book::new(lists);
    book.enter(&names(), &mut result);
    let entries = book.close();
    let statuses = entries.iter().map(|entry| entry.status).collect();
    (result.expected, statuses)
}

fn failing(known: Known) -> KnownLists {
    KnownLists {
        failing: vec![known],
        flaky: Vec::new(),
    }
}

fn flaky(known: Known) -> KnownLists {
    KnownLists {
        failing: Vec::new(),
        flaky: vec![known],
    }
}

#[test]
fn an_entry_speaks_of_failures_of_its_rule_that_hold_its_text() {
    let mut known = known("server/auth/*", "auth.reject");
    assert!(known.speaks_of(&failure("auth.reject")));
    assert!(!known.speaks_of(&failure("close.frame")));
    for (text, speaks) in [("4001", true), ("oops", true), ("1008", false)] {
        known.text = Some(text.to_owned());
        assert_eq!(known.speaks_of(&failure("auth.reject")), speaks, "{text}");
    }
    known.text = Some("oops".to_owned());
    assert!(!known.speaks_of(&failure("close.frame")));
}

#[test]
fn an_entry_names_ids_by_a_glob_over_all_names_of_a_case() {
    for (glob, names_it) in [
        ("server/auth/x#2", true),
        ("server/auth/old", true),
        ("server/*", true),
        ("server/auth", false),
        ("server/auth/x#3", false),
    ] {
        let named = known(glob, "auth.reject");
        let book = Book::new(&failing(named.clone()));
        let failed = result(Verdict::Fail, Some("auth.reject"));
        assert_eq!(book.excuses(&names(), &failed), names_it, "{glob}");
        let all = names();
        assert_eq!(named.names(all.iter().map(String::as_str)), names_it);
    }
}

#[test]
fn only_an_entry_that_is_not_over_excuses_and_only_its_failure() {
    let excuses = |known: &Known, result: &ScenarioResult| {
        let both = [failing(known.clone()), flaky(known.clone())];
        both.map(|lists| Book::new(&lists).excuses(&names(), result))
    };
    let mut known = known("server/auth/x", "auth.reject");
    let failed = result(Verdict::Fail, Some("auth.reject"));
    assert_eq!(excuses(&known, &failed), [true; 2]);
    let other = result(Verdict::Fail, Some("close.frame"));
    assert_eq!(excuses(&known, &other), [false; 2]);
    let passed = result(Verdict::Pass, None);
    assert_eq!(excuses(&known, &passed), [false; 2]);
    known.expired = true;
    assert_eq!(excuses(&known, &failed), [false; 2]);
}

#[test]
fn a_result_says_what_its_entry_expected() {
    use ExpectedStatus::{ExpectedFail, Expired, Flaky, UnexpectedPass};
    let open = known("server/auth/x", "auth.reject");
    let over = Known {
        expired: true,
        ..open.clone()
    };
    let failed = || result(Verdict::Fail, Some("auth.reject"));
    let warned = || result(Verdict::Warn, Some("auth.reject"));
    let other = || result(Verdict::Fail, Some("close.frame"));
    let passed = || result(Verdict::Pass, None);
    let recorded = || result(Verdict::Info, None);
    let skipped = || result(Verdict::Skip, None);
    for (lists, result, says, entry) in [
        (
            failing(open.clone()),
            failed(),
            Some(ExpectedFail),
            KnownStatus::Held,
        ),
        (
            failing(open.clone()),
            warned(),
            Some(ExpectedFail),
            KnownStatus::Held,
        ),
        (failing(open.clone()), other(), None, KnownStatus::Stale),
        (failing(open.clone()), recorded(), None, KnownStatus::Stale),
        (
            failing(open.clone()),
            skipped(),
            None,
            KnownStatus::NotJudged,
        ),
        (
            failing(open.clone()),
            passed(),
            Some(UnexpectedPass),
            KnownStatus::UnexpectedPass,
        ),
        (
            flaky(open.clone()),
            failed(),
            Some(Flaky),
            KnownStatus::Held,
        ),
        (
            flaky(open.clone()),
            passed(),
            Some(Flaky),
            KnownStatus::Held,
        ),
        (flaky(open.clone()), other(), None, KnownStatus::Held),
        (flaky(open), skipped(), None, KnownStatus::NotJudged),
        (
            failing(over.clone()),
            failed(),
            Some(Expired),
            KnownStatus::Expired,
        ),
        (failing(over.clone()), passed(), None, KnownStatus::Expired),
        (flaky(over), failed(), Some(Expired), KnownStatus::Expired),
    ] {
        let what = format!("{:?} {:?}", lists, result.verdict);
        let (expected, statuses) = entered(&lists, result);
        assert_eq!(expected.map(|expected| expected.status), says, "{what}");
        assert_eq!(statuses, [entry], "{what}");
    }
}

#[test]
fn what_a_result_says_names_the_entry() {
    let lists = failing(known("server/auth/x", "auth.reject"));
    let (expected, _) = entered(&lists, result(Verdict::Fail, Some("auth.reject")));
    let expected = expected.expect("it is listed");
    assert_eq!(
        (&*expected.reason, &*expected.file, expected.line),
        ("told upstream", "known.toml", 7)
    );
    assert_eq!(expected.expires.as_deref(), Some("2027-01-31"));
}

#[test]
fn a_pass_of_a_scenario_about_another_rule_says_nothing_of_an_entry() {
    let lists = failing(known("server/auth/x", "close.frame"));
    let (expected, statuses) = entered(&lists, result(Verdict::Pass, None));
    assert_eq!((expected, statuses), (None, vec![KnownStatus::Stale]));
}

#[test]
fn the_first_entry_that_says_something_counts_and_flaky_ones_come_first() {
    let open = known("server/auth/x", "auth.reject");
    let second = Known {
        line: 9,
        ..open.clone()
    };
    let over = Known {
        expired: true,
        line: 3,
        ..open.clone()
    };
    let failed = || result(Verdict::Fail, Some("auth.reject"));
    let lists = KnownLists {
        failing: vec![over, open.clone(), second],
        flaky: Vec::new(),
    };
    let (expected, statuses) = entered(&lists, failed());
    assert_eq!(expected.map(|expected| expected.line), Some(7));
    assert_eq!(
        statuses,
        [KnownStatus::Expired, KnownStatus::Held, KnownStatus::Held]
    );
    let both = KnownLists {
        failing: vec![open.clone()],
        flaky: vec![open],
    };
    let (expected, _) = entered(&both, failed());
    let status = expected.map(|expected| expected.status);
    assert_eq!(status, Some(ExpectedStatus::Flaky));
}

#[test]
fn a_run_shows_of_each_entry_what_came_of_it_in_the_order_of_the_lists() {
    let lists = KnownLists {
        failing: vec![
            Known {
                line: 20,
                ..known("server/auth/*", "auth.reject")
            },
            Known {
                line: 10,
                ..known("server/other", "auth.reject")
            },
        ],
        flaky: vec![Known {
            line: 1,
            ..known("watch/*", "hello.once")
        }],
    };
    let mut book = Book::new(&lists);
    book.enter(&names(), &mut result(Verdict::Fail, Some("auth.reject")));
    book.enter(&names(), &mut result(Verdict::Fail, Some("auth.reject")));
    book.enter(&names(), &mut result(Verdict::Pass, None));
    book.judged_all(|known| known.id.starts_with("watch/"));
    let entries = book.close();
    let shown: Vec<_> = entries
        .iter()
        .map(|e| (e.list, e.line, e.status, e.failed, e.passed))
        .collect();
    assert_eq!(
        shown,
        [
            (List::Failing, 10, KnownStatus::NotJudged, 0, 0),
            (List::Failing, 20, KnownStatus::UnexpectedPass, 2, 1),
            (List::Flaky, 1, KnownStatus::Held, 0, 0),
        ]
    );
}
