//! Tree to text, in the one canonical form: `parse(print(s)) == s`, and printing what was parsed
//! from print changes nothing.
//!
//! Sends keep their spelling; everything else has one: a blank behind `:` and `,`, two blanks
//! before marks and comments, header values in one column, one blank line where there were more.

use std::fmt::Write as _;

use unicode_normalization::char::is_combining_mark;

use super::fill::hex;
use super::syntax::{
    Bound, ConnName, Each, Expect, Expectation, Header, Hole, Layer, Lead, Mark, Pattern, Payload,
    PayloadBytes, Piece, Range, Scenario, Send, Step, StepKind, Template,
};
use super::values::literal;
use crate::protocol::json::{Json, Text};
use crate::protocol::rules::Level;

/// The canonical text of a scenario, a line end behind its last line.
pub fn print(scenario: &Scenario) -> String {
    let mut out = String::new();
    header(&mut out, &scenario.header);
    out.push('\n');
    steps(&mut out, &scenario.steps, 0);
    leads(&mut out, &scenario.tail, 0);
    out
}

/// A step's first line, without indentation and comment.
pub fn line(step: &Step) -> String {
    match &step.kind {
        StepKind::Connect {
            conn,
            layer: Layer::WebSocket,
        } => format!("{}connect", prefix(conn)),
        StepKind::Connect {
            conn,
            layer: Layer::Tcp,
        } => format!("{}connect tcp", prefix(conn)),
        StepKind::Send { conn, send: what } => send(conn, what),
        StepKind::Expect(what) => marked(expectation(what), what.mark.as_ref()),
        StepKind::Together { .. } => "together".to_owned(),
        StepKind::UseHandshake { conn, hello: None } => format!("{}use handshake", prefix(conn)),
        StepKind::UseHandshake {
            conn,
            hello: Some(hello),
        } => {
            format!("{}use handshake {}", prefix(conn), template(hello))
        }
        StepKind::UseFile { path, .. } => format!("use {}", path.value),
        StepKind::Wait { time } => format!("wait {time}"),
        StepKind::BeatEvery { conn, period } => format!("{}beat every {period}", prefix(conn)),
        StepKind::BeatOff { conn } => format!("{}beat off", prefix(conn)),
        StepKind::Every {
            conn, period, var, ..
        } => format!("{}every {period}{}", prefix(conn), turns_as(var)),
        StepKind::EveryOff { conn } => format!("{}every off", prefix(conn)),
        StepKind::Repeat { count, var, .. } => format!("repeat {count}{}", turns_as(var)),
        StepKind::InAnyOrder { .. } => "in any order".to_owned(),
        StepKind::Either { .. } => "either".to_owned(),
        StepKind::Ignore { conn } => format!("{}ignore", prefix(conn)),
        StepKind::Alive { mark } => marked("alive".to_owned(), mark.as_ref()),
        StepKind::Offer { what, name } => format!("offer {} {name}", what.word()),
        StepKind::WaitsDiffer { by, mark } => {
            marked(format!("waits differ by {by}"), mark.as_ref())
        }
        StepKind::DriverSend { packet } => format!("driver> {}", template(packet)),
        StepKind::DriverExpect {
            pattern: what,
            bound,
            mark,
        } => {
            let mut text = format!("driver< {}", pattern(what));
            bounded(&mut text, bound.as_ref());
            marked(text, mark.as_ref())
        }
    }
}

/// ` as $i`, where the turns are counted.
fn turns_as(var: &Option<String>) -> String {
    var.as_ref()
        .map_or_else(String::new, |var| format!(" as ${var}"))
}

/// A send line, for example `b> ping "x"`.
pub fn send(conn: &str, send: &Send) -> String {
    let words = match send {
        Send::Packet(packet) => template(packet),
        Send::Text(bytes) => format!("text {}", payload(bytes)),
        Send::Binary(bytes) => format!("binary {}", payload(bytes)),
        Send::Ping(bytes) => optional("ping", bytes.as_ref()),
        Send::Pong(bytes) => optional("pong", bytes.as_ref()),
        Send::Close { code: None, .. } => "close".to_owned(),
        Send::Close {
            code: Some(code),
            reason,
        } => optional(&format!("close {code}"), reason.as_ref()),
        Send::Eof => "eof".to_owned(),
        Send::Reset => "reset".to_owned(),
        Send::Raw(bytes) => format!("raw {}", payload(bytes)),
        Send::Fragments(bytes) => format!("fragments {}", payload(bytes)),
        Send::Http(status) => format!("http {status}"),
    };
    format!("{}> {words}", arrow_name(conn))
}

/// An expectation line with its bound, without its mark.
pub fn expectation(expectation: &Expectation) -> String {
    let words = match &expectation.what {
        Expect::Packet(what) => pattern(what),
        Expect::Text(bytes) => format!("text {}", payload(bytes)),
        Expect::Binary(bytes) => format!("binary {}", payload(bytes)),
        Expect::Ping(bytes) => optional("ping", bytes.as_ref()),
        Expect::Pong(bytes) => optional("pong", bytes.as_ref()),
        Expect::Close(None) => "close".to_owned(),
        Expect::Close(Some(code)) => format!("close {code}"),
        Expect::Closed => "closed".to_owned(),
        Expect::Connects => "connects".to_owned(),
        Expect::Nothing(time) => format!("nothing for {time}"),
        Expect::Probe(time) => format!("probe {time}"),
    };
    let mut text = format!("{}< {words}", arrow_name(&expectation.conn));
    bounded(&mut text, expectation.bound.as_ref());
    text
}

/// A packet's pattern, or one inside it: an open object prints as `{..}`, and so does a nested one.
pub fn pattern(pattern: &Pattern) -> String {
    match pattern {
        Pattern::Members { open: false, .. } => format!("exactly {}", value(pattern)),
        _ => value(pattern),
    }
}

/// A payload's parts.
pub fn payload(payload: &Payload) -> String {
    let part = |part: &super::syntax::PayloadPart| {
        let bytes = match &part.bytes {
            PayloadBytes::Text(text) => template(text),
            PayloadBytes::Hex(bytes) => hex(bytes),
            PayloadBytes::Var(hole) => format!("${}", hole.name),
        };
        if part.times == 1 {
            bytes
        } else {
            format!("{bytes} * {}", part.times)
        }
    };
    payload.parts.iter().map(part).collect::<Vec<_>>().join(" ")
}

/// A template, exactly as it was spelled.
pub fn template(template: &Template) -> String {
    let mut out = String::new();
    for piece in &template.pieces {
        match piece {
            Piece::Literal(text) => out.push_str(&literal(text)),
            Piece::Value(hole) => {
                let _ = write!(out, "${}", hole.name);
            }
            Piece::InString(Hole { name, filter, .. }) => {
                let _ = match filter {
                    Some(filter) => write!(out, "${{{name}|{}}}", filter.word()),
                    None => write!(out, "${{{name}}}"),
                };
            }
        }
    }
    out
}

/// JSON with a blank behind `:` and `,`, numbers as spelled, characters that nobody sees escaped.
pub fn json(json: &Json) -> String {
    match json {
        Json::String(text) => quoted_text(text),
        Json::Array(items) => brackets('[', items.iter().map(self::json), ']'),
        Json::Object(members) => {
            let member = |(name, value): &(Text, Json)| {
                format!("{}: {}", quoted_text(name), self::json(value))
            };
            brackets('{', members.iter().map(member), '}')
        }
        other => other.to_string(),
    }
}

/// A string in quotes, as [`json`] writes it.
pub fn quoted(text: &str) -> String {
    quoted_text(&Text::from(text))
}

fn quoted_text(text: &Text) -> String {
    let mut out = String::from("\"");
    for point in text.code_points() {
        match char::from_u32(point) {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(c) if !unseen(c) => out.push(c),
            _ => {
                let units = char::from_u32(point)
                    .map_or(vec![point as u16], |c| c.encode_utf16(&mut [0; 2]).to_vec());
                for unit in units {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
    out
}

/// Characters that cannot be told from others, or from nothing, by looking.
fn unseen(c: char) -> bool {
    c.is_control()
        || is_combining_mark(c)
        || (c.is_whitespace() && c != ' ')
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{fff0}'..='\u{ffff}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..)
}

fn brackets(open: char, items: impl Iterator<Item = String>, close: char) -> String {
    format!("{open}{}{close}", items.collect::<Vec<_>>().join(", "))
}

fn value(pattern: &Pattern) -> String {
    match pattern {
        Pattern::Any => "any".to_owned(),
        Pattern::Int(range) => ranged("int", range),
        Pattern::Number(range) => ranged("number", range),
        Pattern::String => "string".to_owned(),
        Pattern::Bool => "bool".to_owned(),
        Pattern::List => "list".to_owned(),
        Pattern::Object => "object".to_owned(),
        Pattern::Var(hole) => format!("${}", hole.name),
        Pattern::Text(text) => template(text),
        Pattern::Literal(json) => literal(&self::json(json)),
        Pattern::Items(items) => brackets('[', items.iter().map(value), ']'),
        Pattern::Members { members, .. } => {
            let member = |(name, pattern): &(String, Pattern)| {
                format!("{}: {}", literal(&quoted(name)), value(pattern))
            };
            brackets('{', members.iter().map(member), '}')
        }
    }
}

fn ranged(word: &str, range: &Range) -> String {
    match (&range.min, &range.max) {
        (None, None) => word.to_owned(),
        (min, max) => {
            let side =
                |number: &Option<_>| number.as_ref().map_or(String::new(), ToString::to_string);
            format!("{word} {}..{}", side(min), side(max))
        }
    }
}

/// A connection's name in front of an arrow; the unnamed one has none.
fn arrow_name(conn: &str) -> &str {
    if conn == "a" { "" } else { conn }
}

/// A connection's name in front of a word.
fn prefix(conn: &ConnName) -> String {
    if conn == "a" {
        String::new()
    } else {
        format!("{conn} ")
    }
}

fn optional(word: &str, bytes: Option<&Payload>) -> String {
    match bytes {
        None => word.to_owned(),
        Some(bytes) => format!("{word} {}", payload(bytes)),
    }
}

fn bounded(text: &mut String, bound: Option<&Bound>) {
    if let Some(Bound { min, max, .. }) = bound {
        let side = |time: &Option<_>| time.as_ref().map_or(String::new(), ToString::to_string);
        let _ = write!(text, " within {}..{}", side(min), side(max));
    }
}

fn marked(mut text: String, mark: Option<&Mark>) -> String {
    if let Some(Mark { rule, should, .. }) = mark {
        let _ = write!(text, "  @{rule}{}", if *should { " should" } else { "" });
    }
    text
}

fn header(out: &mut String, header: &Header) {
    leads(out, &header.lead, 0);
    let ids = |ids: &[super::syntax::Spanned<String>]| {
        ids.iter()
            .map(|id| id.value.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let mut lines = vec![
        ("title", header.title.value.clone()),
        ("rule", ids(&header.rules)),
    ];
    if let Some(level) = &header.level {
        lines.push(("level", level_word(level.value).to_owned()));
    }
    if let Some(control) = &header.control {
        lines.push(("control", control.value.clone()));
    }
    if header.hostile {
        lines.push(("kind", "hostile".to_owned()));
    }
    let manual = header.manual;
    let words: Vec<&str> = [
        ("pong", manual.pong),
        ("close", manual.close),
        ("ack", manual.ack),
    ]
    .into_iter()
    .filter_map(|(word, on)| on.then_some(word))
    .collect();
    if !words.is_empty() {
        lines.push(("manual", words.join(" ")));
    }
    if let Some(each) = &header.each {
        lines.push(("each", each_values(each)));
    }
    if !header.was.is_empty() {
        lines.push(("was", ids(&header.was)));
    }
    let column = lines.iter().map(|(key, _)| key.len()).max().unwrap_or(0) + 2;
    for (key, text) in lines {
        let _ = writeln!(out, "{key:column$}{text}");
    }
}

fn level_word(level: Level) -> &'static str {
    match level {
        Level::Must => "must",
        Level::Should => "should",
        Level::Open => "open",
    }
}

fn each_values(each: &Each) -> String {
    match &each.values {
        None => format!("${}", each.name),
        Some(values) => {
            let values: Vec<String> = values.iter().map(|value| template(&value.value)).collect();
            format!("${} = {}", each.name, values.join(", "))
        }
    }
}

fn leads(out: &mut String, leads: &[Lead], depth: usize) {
    for lead in leads {
        match lead {
            Lead::Blank => out.push('\n'),
            Lead::Comment(text) => {
                indent(out, depth);
                let _ = writeln!(out, "{}", comment(text));
            }
        }
    }
}

fn comment(text: &str) -> String {
    if text.is_empty() {
        "#".to_owned()
    } else {
        format!("# {text}")
    }
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
}

fn steps(out: &mut String, steps: &[Step], depth: usize) {
    for step in steps {
        leads(out, &step.lead, depth);
        indent(out, depth);
        out.push_str(&line(step));
        if let Some(trail) = &step.trail {
            let _ = write!(out, "  {}", comment(trail));
        }
        out.push('\n');
        match &step.kind {
            StepKind::Together { steps: inner }
            | StepKind::InAnyOrder { steps: inner }
            | StepKind::Repeat { steps: inner, .. }
            | StepKind::Every { steps: inner, .. } => self::steps(out, inner, depth + 1),
            StepKind::Either { branches } => {
                for (index, branch) in branches.iter().enumerate() {
                    if index > 0 {
                        indent(out, depth);
                        out.push_str("or\n");
                    }
                    self::steps(out, branch, depth + 1);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_have_short_escapes_and_show_what_nobody_sees() {
        assert_eq!(quoted("a \"\\/\n\r\té"), r#""a \"\\/\n\r\té""#);
        for (unseen, escaped) in [
            ('\u{7}', "0007"),
            ('\u{7f}', "007f"),
            ('\u{301}', "0301"),
            ('\u{a0}', "00a0"),
            ('\u{2003}', "2003"),
            ('\u{ad}', "00ad"),
            ('\u{200b}', "200b"),
            ('\u{feff}', "feff"),
        ] {
            assert_eq!(quoted(&unseen.to_string()), format!("\"\\u{escaped}\""));
        }
        let pair = Text::from_code_points([0xd83d, 0x1f600, 0xdc00]);
        assert_eq!(quoted_text(&pair), "\"\\ud83d\u{1f600}\\udc00\"");
    }
}
