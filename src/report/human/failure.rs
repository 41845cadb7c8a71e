//! One failure or warning: the rule, expected against actual, the line, the transcript, the command.

use std::fmt::Write as _;

use super::paint::{BOLD, DIM, PLACE, columns, field, paint, word};
use super::{Screen, transcript};
use crate::outcome::{ExpectedStatus, Failure, ScenarioResult, Triage, TriageLabel};
use crate::protocol::rules::Level;
use crate::report::escape::terminal;

/// Values longer than this are cut without `verbose`.
const LONGEST_VALUE: usize = 600;

/// Everything that is known of it.
pub(super) fn full(out: &mut String, result: &ScenarioResult, screen: &Screen) {
    title(out, result, screen);
    if let Some(failure) = &result.failure {
        about(out, result, failure, screen);
    }
    notes(out, result, screen);
    triage(out, result, screen);
    if let Some(failure) = &result.failure {
        out.push('\n');
        quote(out, failure, screen);
    }
    if !result.transcript.is_empty() {
        out.push('\n');
        transcript::write(out, &result.transcript, screen);
    }
    if let Some(failure) = &result.failure {
        target_output(out, &failure.target_output, 16, screen);
        out.push('\n');
        repeat(out, failure, screen);
    }
}

/// What the target itself said, where the run has started it.
pub(super) fn target_output(out: &mut String, lines: &[String], indent: usize, screen: &Screen) {
    if lines.is_empty() {
        return;
    }
    let title = paint(screen, DIM, "the target's last lines");
    let _ = writeln!(out, "\n{:indent$}{title}", "");
    for line in lines {
        let _ = writeln!(out, "{:indent$}{}", "", value(line, screen));
    }
}

/// Without the line and the transcript.
pub(super) fn short(out: &mut String, result: &ScenarioResult, screen: &Screen) {
    title(out, result, screen);
    if let Some(failure) = &result.failure {
        about(out, result, failure, screen);
        notes(out, result, screen);
        triage(out, result, screen);
        let place = format!(
            "{}:{}:{}",
            terminal(&failure.file),
            failure.line,
            failure.column
        );
        let _ = writeln!(out, "  {}  {place}", paint(screen, DIM, "at      "));
        repeat(out, failure, screen);
    } else {
        notes(out, result, screen);
    }
}

fn title(out: &mut String, result: &ScenarioResult, screen: &Screen) {
    let (said, style) = word(result.verdict);
    let id = terminal(&result.id);
    let _ = writeln!(
        out,
        "\n{}  {}  {}",
        paint(screen, style, said),
        paint(screen, BOLD, &id),
        terminal(&result.title)
    );
    if let Some(reason) = &result.reason {
        field(out, screen, "  reason    ", &terminal(reason));
    }
}

fn about(out: &mut String, result: &ScenarioResult, failure: &Failure, screen: &Screen) {
    let level = match result.level {
        Level::Must => "must",
        Level::Should => "should",
        Level::Open => "open",
    };
    let sentence = format!(
        "{} ({level}): {}",
        terminal(&failure.rule),
        terminal(&failure.sentence)
    );
    field(out, screen, "  rule      ", &sentence);
    field(
        out,
        screen,
        "  expected  ",
        &value(&failure.expected, screen),
    );
    field(out, screen, "  actual    ", &value(&failure.actual, screen));
    if let Some(hint) = &failure.hint {
        field(out, screen, "  hint      ", &terminal(hint));
    }
}

fn notes(out: &mut String, result: &ScenarioResult, screen: &Screen) {
    for note in &result.notes {
        field(out, screen, "  note      ", &terminal(note));
    }
    if let Some(expected) = result
        .expected
        .as_ref()
        .filter(|expected| expected.status == ExpectedStatus::Expired)
    {
        let said = format!(
            "known until {}, which is over ({}:{}): {}",
            terminal(expected.expires.as_deref().unwrap_or("")),
            terminal(&expected.file),
            expected.line,
            terminal(&expected.reason)
        );
        field(out, screen, "  note      ", &said);
    }
    if result.attempts > 1 {
        let _ = writeln!(out, "  note      run {} times", result.attempts);
    }
}

/// One line on what running it again showed; with `verbose` one for each attempt.
fn triage(out: &mut String, result: &ScenarioResult, screen: &Screen) {
    let Some(triage) = &result.triage else {
        return;
    };
    field(out, screen, "  again     ", &in_words(triage));
    if !screen.verbose {
        return;
    }
    for (number, attempt) in triage.attempts.iter().enumerate() {
        let how = if attempt.perturbed {
            ", sends delayed"
        } else {
            ""
        };
        let rule = attempt.rule.as_deref().unwrap_or("");
        let saw = attempt.actual.as_deref().unwrap_or("");
        let said = format!(
            "{}{how}: {} {} {} ({:.0} ms)",
            number + 1,
            word(attempt.verdict).0,
            terminal(rule),
            value(saw, screen),
            attempt.duration_ms
        );
        field(out, screen, "            ", &said);
    }
}

fn in_words(triage: &Triage) -> String {
    let said = match triage.label {
        Some(TriageLabel::Deterministic) => "deterministic: failed the same way",
        Some(TriageLabel::TimingDependent) => "timing-dependent: failed",
        Some(TriageLabel::OnceOnly) => "once-only: failed",
        None => "no repeat came to a judgement: failed",
    };
    format!("{said} in {} runs", triage.rate)
}

fn value(text: &str, screen: &Screen) -> String {
    let text = terminal(text);
    if screen.verbose {
        text.into_owned()
    } else {
        super::paint::cut(&text, LONGEST_VALUE)
    }
}

/// The scenario's line with a caret under what did not hold.
fn quote(out: &mut String, failure: &Failure, screen: &Screen) {
    let number = failure.line.to_string();
    let gutter = number.len();
    let bar = paint(screen, PLACE, "|");
    let origin = match failure.source.as_str() {
        "embedded" => " (built in)",
        "stdin" => " (standard input)",
        _ => "",
    };
    let _ = writeln!(
        out,
        "  {:gutter$}{} {}:{}:{}{origin}",
        "",
        paint(screen, PLACE, "-->"),
        terminal(&failure.file),
        failure.line,
        failure.column
    );
    let before: String = failure
        .quote
        .chars()
        .take((failure.column as usize).saturating_sub(1))
        .collect();
    let marked = without_mark(&failure.quote[before.len()..]);
    let (before, marked) = (terminal(&before), terminal(marked));
    let carets = "^".repeat(columns(&marked).clamp(1, 200));
    let _ = writeln!(out, "  {:gutter$} {bar}", "");
    let _ = writeln!(
        out,
        "  {} {bar} {}",
        paint(screen, PLACE, &number),
        terminal(failure.quote.trim_end())
    );
    let _ = writeln!(
        out,
        "  {:gutter$} {bar} {:pad$}{}",
        "",
        "",
        paint(screen, super::paint::BAD, &carets),
        pad = columns(&before)
    );
}

/// The line without the rule or the comment at its end.
fn without_mark(text: &str) -> &str {
    let end = [text.rfind("  @"), text.rfind("  #")]
        .into_iter()
        .flatten()
        .min();
    match end {
        Some(end) if end > 0 && !text[end..].contains('"') => text[..end].trim_end(),
        _ => text.trim_end(),
    }
}

/// On a line of its own and never wrapped: it is there to be copied.
fn repeat(out: &mut String, failure: &Failure, screen: &Screen) {
    let _ = writeln!(
        out,
        "  {}  {}",
        paint(screen, DIM, "repeat  "),
        terminal(&failure.repeat)
    );
}
