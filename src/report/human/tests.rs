//! The screens, as people see them.

use proptest::prelude::*;

use super::*;
use crate::outcome::{Dir, Entry, EntryKind};
use crate::report::sample;

fn snapshot(name: &str, record: &Record, screen: &Screen) {
    insta::with_settings!({
        snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, { insta::assert_snapshot!(name, render(record, screen)) });
}

const VERBOSE: Screen = Screen {
    color: false,
    width: 100,
    verbose: true,
    quiet: false,
};

#[test]
fn a_failing_run_shows_rule_values_line_transcript_and_command() {
    snapshot("screen_failing", &sample::failing(), &Screen::default());
}

#[test]
fn verbose_leaves_nothing_out() {
    snapshot("screen_failing_verbose", &sample::failing(), &VERBOSE);
}

#[test]
fn a_passing_run_is_short() {
    snapshot("screen_passing", &sample::passing(), &Screen::default());
}

#[test]
fn what_was_not_judged_is_grouped_by_reason() {
    snapshot("screen_unjudged", &sample::not_judged(), &Screen::default());
}

#[test]
fn reasons_that_differ_in_numbers_only_are_one_group() {
    let mut record = Record::new(sample::header());
    for (id, ms) in [("a", 160), ("b", 3600), ("c", 120)] {
        let mut result = sample::pass(id, "auth.accept");
        result.verdict = Verdict::Skip;
        result.reason = Some(format!(
            "it would wait {ms} ms, longer than --max-wait (100 ms)"
        ));
        record.take(&sample::finished(result));
    }
    let whole = render(&record, &Screen::default());
    let group = "3 scenarios: it would wait 120 to 3600 ms, longer than --max-wait (100 ms)\n      a, b, c\n";
    assert!(whole.contains(group), "{whole}");
}

#[test]
fn lists_of_known_failures_are_told_apart_from_failures() {
    snapshot("screen_known", &sample::with_lists(), &Screen::default());
    snapshot("screen_known_verbose", &sample::with_lists(), &VERBOSE);
}

#[test]
fn a_run_of_the_preflight_alone_shows_its_steps() {
    let mut record = sample::passing();
    record.results.clear();
    record.rules.clear();
    let options = &mut record.header.options;
    options.insert("preflight".to_owned(), true.into());
    snapshot("screen_only_preflight", &record, &Screen::default());
}

#[test]
fn a_run_that_could_not_start_says_why() {
    snapshot(
        "screen_could_not_run",
        &sample::could_not_run(),
        &Screen::default(),
    );
}

#[test]
fn a_target_that_could_not_be_run_has_its_last_lines_shown() {
    let mut record = sample::could_not_run();
    record.preflight.target_output = vec![
        "ReferenceError: WebSocket is not defined".to_owned(),
        "    at main.js:1 \u{1b}[2J".to_owned(),
    ];
    let shown = render(&record, &Screen::default());
    let lines = "  the target's last lines\n  ReferenceError: WebSocket is not defined\n      at main.js:1 \\u{1b}[2J\n";
    assert!(shown.contains(lines), "{shown}");
    record.preflight.steps.clear();
    let without_steps = render(&record, &Screen::default());
    assert!(without_steps.contains(lines), "{without_steps}");
}

#[test]
fn a_failed_preflight_is_one_failure() {
    snapshot(
        "screen_preflight_failed",
        &sample::preflight_failed(),
        &Screen::default(),
    );
}

#[test]
fn an_interrupted_run_tells_what_had_run() {
    snapshot(
        "screen_interrupted",
        &sample::interrupted(),
        &Screen::default(),
    );
}

#[test]
fn quiet_is_the_first_line_alone() {
    for record in sample::all() {
        let quiet = render(
            &record,
            &Screen {
                quiet: true,
                ..Screen::default()
            },
        );
        let whole = render(&record, &Screen::default());
        assert_eq!(quiet.lines().count(), 1);
        assert_eq!(quiet.lines().next(), whole.lines().next());
    }
}

#[test]
fn colours_add_nothing_but_colours() {
    for record in sample::all() {
        let plain = render(&record, &VERBOSE);
        let coloured = render(
            &record,
            &Screen {
                color: true,
                ..VERBOSE
            },
        );
        assert_ne!(plain, coloured);
        assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
    }
}

#[test]
fn lines_stay_within_the_width_but_for_what_is_to_be_copied() {
    for record in sample::all() {
        let whole = render(&record, &Screen::default());
        for line in whole
            .lines()
            .skip(1)
            .filter(|line| !line.trim_start().starts_with("repeat"))
        {
            assert!(paint::columns(line) <= 100, "{line}");
        }
    }
}

#[test]
fn the_middle_of_a_long_transcript_is_counted_not_shown() {
    let record = sample::failing();
    let whole = render(&record, &Screen::default());
    assert!(
        whole.contains("... 62 more, shown by --verbose ..."),
        "{whole}"
    );
    let shown = |text: &str| {
        text.lines()
            .filter(|line| line.contains(" ms  a") || line.contains(" ms  b"))
            .count()
    };
    assert_eq!(shown(&whole), 24);
    assert_eq!(shown(&render(&record, &VERBOSE)), 86);
}

#[test]
fn many_failures_get_a_short_form_behind_the_first_twenty() {
    let mut record = Record::new(sample::header());
    for n in 0..25 {
        let mut result = sample::failure();
        result.id = format!("server/many#{n}");
        record.take(&sample::finished(result));
    }
    let whole = render(&record, &Screen::default());
    assert_eq!(
        whole.matches("^^^^").count() / "^^^^^^^^^^^^".matches("^^^^").count(),
        20
    );
    assert_eq!(whole.matches("  repeat    litespec").count(), 25);
}

proptest! {
    #[test]
    fn whatever_a_peer_or_a_file_says_no_control_character_reaches_the_screen(
        text in "[\\x00-\\x1f\\x7f-\\u{9f}a{\"\\u{202a}-\\u{202e}]{0,30}",
        column in 0u32..40,
        verbose: bool,
        lists: bool,
    ) {
        let mut record = if lists { sample::with_lists() } else { sample::failing() };
        for entry in &mut record.known {
            for member in [&mut entry.id, &mut entry.rule, &mut entry.reason, &mut entry.file] {
                *member = text.clone();
            }
            entry.text = Some(text.clone());
            entry.expires = Some(text.clone());
        }
        record.header.target = text.clone();
        record.header.label = Some(text.clone());
        record.preflight.steps[0].detail = text.clone();
        record.summary.untested = vec![text.clone()];
        for result in &mut record.results {
            result.id = text.clone();
            result.title = text.clone();
            result.reason = Some(text.clone());
            result.notes = vec![text.clone()];
            if let Some(expected) = &mut result.expected {
                expected.reason = text.clone();
                expected.expires = Some(text.clone());
                expected.file = text.clone();
            }
            for attempt in result.triage.iter_mut().flat_map(|triage| &mut triage.attempts) {
                attempt.rule = Some(text.clone());
                attempt.actual = Some(text.clone());
            }
            result.observed = Some(serde_json::json!({"what": text, text.as_str(): text}));
            for entry in &mut result.transcript {
                entry.text = text.clone();
                entry.conn = text.clone();
            }
            if let Some(failure) = &mut result.failure {
                for member in [&mut failure.rule, &mut failure.sentence, &mut failure.expected, &mut failure.actual, &mut failure.file, &mut failure.quote, &mut failure.repeat] {
                    *member = text.clone();
                }
                failure.hint = Some(text.clone());
                failure.column = column;
            }
        }
        for rule in &mut record.rules {
            rule.id = text.clone();
        }
        let whole = render(&record, &Screen { verbose, ..Screen::default() });
        prop_assert!(!whole.chars().any(|c| c != '\n' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c))), "{whole:?}");
    }
}

#[test]
fn a_clients_connection_and_our_answer_to_it_are_lines_of_the_language() {
    let entry = |dir, text: &str| Entry {
        at_ms: 1.0,
        conn: "a".to_owned(),
        dir,
        kind: EntryKind::Connect,
        text: text.to_owned(),
        auto: false,
    };
    let entries = [
        entry(Dir::Received, ""),
        entry(Dir::Sent, "http 503"),
        entry(Dir::Sent, ""),
    ];
    let mut out = String::new();
    transcript::write(&mut out, &entries, &Screen::default());
    let said: Vec<&str> = out.lines().map(|line| line[14..].trim_end()).collect();
    assert_eq!(said, ["  < connects", "  > http 503", "    connect"]);
}
