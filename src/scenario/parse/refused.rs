//! What the parser refuses, and how it says so.

use std::sync::Arc;

use super::parse;
use crate::scenario::ParseError;
use crate::scenario::syntax::{Origin, Source};

fn refuse(id: &str, text: &str) -> ParseError {
    let source = Source {
        path: format!("scenarios/{id}.scenario"),
        origin: Origin::File,
        text: text.to_owned(),
    };
    match parse(id, Arc::new(source)) {
        Ok(_) => panic!("this was taken:\n{text}"),
        Err(error) => error,
    }
}

/// The error that a body below a plain header makes.
fn body(id: &str, text: &str) -> ParseError {
    let rule = if id.starts_with("client") {
        "client.reconnects"
    } else {
        "auth.reject"
    };
    refuse(id, &format!("title  t\nrule   {rule}\n\n{text}\n"))
}

#[test]
fn errors_are_quoted_with_what_was_expected_and_what_may_be_meant() {
    let long = format!(
        "> {{\"op\": 4, \"n\": \"{}\", \"w\": nul, \"x\": \"{}\"}}",
        "a".repeat(900),
        "b".repeat(900)
    );
    let cases = [
        (
            "a misspelt word behind an arrow",
            body("server/x", "> clsoe 4001"),
        ),
        (
            "a misspelt header word",
            refuse("server/x", "tilte  t\nrule   auth.reject\n\nalive\n"),
        ),
        ("no rule", refuse("server/x", "title  t\n\nuse handshake\n")),
        (
            "an unknown rule",
            refuse("server/x", "title  t\nrule   auth.rejct\n\nalive\n"),
        ),
        ("a comma too many", body("server/x", "> {\"op\": 2,}")),
        (
            "a string without its end",
            body("server/x", "> {\"op\": 1, \"password\": \"x}"),
        ),
        (
            "a pattern in a send",
            body("server/x", "> {\"op\": 4, \"n\": any}"),
        ),
        ("a tab", body("server/x", "repeat 2\n\t> ping")),
        (
            "an odd indentation",
            body("server/x", "repeat 2\n   > ping"),
        ),
        ("an unknown unit", body("server/x", "wait 5sec")),
        (
            "a bound without dots",
            body("server/x", "< close 4001 within 5s"),
        ),
        (
            "a bound that nothing meets",
            body("server/x", "< close 4003 within 4hb+grace..1hb"),
        ),
        (
            "an unknown filter",
            body(
                "server/x",
                "> {\"op\": 1, \"password\": \"${password|chp}\"}",
            ),
        ),
        (
            "a word of the other role",
            body("server/x", "< connects within 1s.."),
        ),
        (
            "a send where only expectations stand",
            body("server/x", "in any order\n  > ping"),
        ),
        (
            "an expectation where only sends stand",
            body("server/x", "together\n  < {\"op\": 3}"),
        ),
        (
            "branches that overlap",
            body(
                "server/x",
                "either\n  < {\"op\": 5, \"n\": int 1..}\nor\n  < {\"op\": 5, \"n\": 7}",
            ),
        ),
        (
            "a variable that is taken",
            body("server/x", "repeat 2 as $i\n  repeat 2 as $i\n    > ping"),
        ),
        (
            "a variable of a branch",
            body(
                "server/x",
                "either\n  < {\"n\": $n}\nor\n  < close\n> {\"n\": $n}",
            ),
        ),
        (
            "a weaker part that is not there",
            body("server/x", "< close 4001  @auth.reject should"),
        ),
        (
            "a connection that is not open",
            body("server/x", "b> {\"op\": 2}"),
        ),
        ("a line without its arrow", body("server/x", "close 4001")),
        ("a mark on a send", body("server/x", "> ping  @auth.reject")),
        (
            "a character that nobody sees",
            body("server/x", "> text \"a\u{1b}[31mb\""),
        ),
        (
            "a rule of one's own without a level",
            refuse("own/x", "title  t\nrule   x.mine\n\nalive\n"),
        ),
        ("a line that is long", body("server/x", &long)),
    ];
    let shown: Vec<String> = cases
        .iter()
        .map(|(name, error)| format!("## {name}\n{error}\n"))
        .collect();
    insta::with_settings!({
        snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("scenario_errors", shown.join("\n"));
    });
}

/// Texts that are refused, each with what is said of it, as one snapshot.
fn snapshot(name: &str, refused: &[(&str, ParseError)]) {
    let shown: Vec<String> = refused
        .iter()
        .map(|(text, error)| {
            let mut said = format!(
                "{}:{} {}",
                error.span.line, error.span.column, error.message
            );
            for (word, more) in [("expected", &error.expected), ("help", &error.suggestion)] {
                if let Some(more) = more {
                    said += &format!("\n    {word}: {more}");
                }
            }
            format!("{}\n    {said}\n", text.escape_debug())
        })
        .collect();
    insta::with_settings!({
        snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, shown.join("\n"));
    });
}

/// The message and the column of the error that a line makes.
fn line(text: &str) -> (String, u32) {
    let error = body("own/x", text);
    (error.message, error.span.column)
}

#[test]
fn bad_json_is_shown_at_the_character_that_is_wrong() {
    for (text, column) in [
        ("> {\"op\" 2}", 9),
        ("> {\"op\": 02}", 10),
        ("> {\"op\": 1.}", 12),
        ("> {\"op\": 1e}", 12),
        ("> {\"op\": -}", 11),
        ("> {\"op\": \"\\x\"}", 11),
        ("> {\"op\": \"\\u12g4\"}", 15),
        ("> {op: 2}", 4),
        ("> {\"op\": 2", 11),
        ("> {\"op\": 2}}", 12),
        ("> {\"op\": 2} {}", 13),
        ("> [1 2]", 6),
        ("< {\"op\": 2 3}", 12),
        ("< {\"op\": 2,}", 12),
        ("< {\"é\": }", 9),
    ] {
        assert_eq!(line(text).1, column, "{text}: {}", line(text).0);
    }
}

#[test]
fn lines_that_make_no_sense_are_refused() {
    let lines = [
        "repeat 0\n  > ping",
        "repeat 2",
        "repeat 2\n> ping",
        "> ping\n  > ping",
        "or\n  < close",
        "either\n  < close",
        "either\n  > ping\nor\n  < close",
        "either\n  < probe 1s\nor\n  < close",
        "either\n  < closed\nor\n  < close 4001",
        "either\n  < nothing for 1s\nor\n  < nothing for 2s",
        "together\n  > ping\n  > reset",
        "b connect\ntogether\n  > ping\n  b> ping",
        "b connect\nb every 1hb\n  > ping",
        "every 0hb\n  > ping",
        "in any order\n  < nothing for 1s",
        "in any order\n  < connects",
        "in any order\n  wait 1s",
        "< nothing for 1s within ..2s",
        "< nothing 1s",
        "< close 70000",
        "< close 4001 for 1s",
        "< {\"op\": 3, \"op\": 3}",
        "< [1]",
        "< {\"n\": int 5..1}",
        "< {\"n\": int ..}",
        "< {\"${n}\": 1}",
        "< {\"n\": exactly {}}",
        "< close within ..",
        "> close \"bye\"",
        "> http 42",
        "> raw 0xf",
        "> raw",
        "> text \"a\" * 0",
        "> text \"a\"\"b\"",
        "> {\"n\": ${n}}",
        "> {\"n\": $n|chop}",
        "> {\"n\": $Name}",
        "> {\"n\": $request.x}",
        "> {\"n\": \"${request.w\"}",
        "repeat 2 as $password\n  > ping",
        "repeat 2 as $a.b\n  > ping",
        "repeat 2 as $i\n  > ping\n> {\"n\": $i}",
        "use handshakes",
        "use other.scenario",
        "use ./other.txt",
        "b connect\nb use ./other.scenario",
        "beat",
        "wait",
        "wait 1",
        "wait -1s",
        "wait 1e3s",
        "waits differ 50ms",
        "wait 1s 2s",
        "text> ping",
        "B connect",
        "driver> [1]",
        "alive @nothing.such",
        "title  late",
        "b connect\ntogether\n  > ping\n  repeat 2\n    b> ping",
        "> {\"n\": ~}",
        "> {\"n\": é}",
        "> {\"n\": nil}",
        "> {\"n\": 1} # fine\n> # not",
        "> {\"n\": #}",
        "< {\"n\": ~}",
        "< {\"n\": integer}",
        "< #",
        "< ~",
        "> ~",
        "< pin",
        "< pi_ng",
        "> ping\u{7}",
        "> text \"é\u{0}\"",
        "< {\"op\": 3} within ..1s extra",
        "< {\"op\": 3} extra",
        "< {\"op\": 3}  @close.codes should",
        "< close 65536",
        "hello",
        "rule auth.accept",
        "close 4001",
        "pong",
        "or",
        "driver",
        "driver x",
        "title use handshake",
        "a_1 wiat 1s",
        "A1 connect",
        "1a connect",
        "a-b connect",
        "wait connect",
        "b connect udp",
        "b connect tcp\nb> {\"op\": 2}",
        "b connect tcp\nb use handshake",
        "connect tcp\n< close 1000",
        "b connect tcp\nb> raw 0x00\nb connect\nb> ping\nb connect tcp\nb> ping",
        "> text \"${target.port}\"",
        "> {\"n\": $}",
        "> {\"n\": $a.}",
        "> {\"n\": $a.B}",
        "> {\"n\": $_a}",
        "> {\"n\": $1}",
        "wait 1.",
        "wait 1.s",
        "wait 1000000001s",
        "wait 0.5",
        "< close within 2s..1s",
        "< close within 1s+200ms..1100ms",
        "< close within 2hb+grace..1hb+grace",
        "< close within 1hb+2grace..1hb",
        "< close within grace+grace..grace",
        "> close 65536",
    ];
    snapshot(
        "refused_lines",
        &lines.map(|text| (text, body("own/x", text))),
    );
}

#[test]
fn headers_that_make_no_sense_are_refused() {
    let headers = [
        "title  t\ntitle  u\nrule   auth.reject",
        "title\nrule   auth.reject",
        "title  t\nrule",
        "title  t\nrule   auth.reject auth.reject",
        "title  t\nrule   auth.reject, auth.accept",
        "title  t\nrule   auth.reject\ncontrol server/x",
        "title  t\nrule   auth.reject\ncontrol server/y.scenario",
        "title  t\nrule   auth.reject\nkind  hostil",
        "title  t\nrule   auth.reject\nmanual",
        "title  t\nrule   auth.reject\nmanual pong pong",
        "title  t\nrule   auth.reject\nmanual ack",
        "title  t\nrule   auth.reject\nlevel must",
        "title  t\nrule   x.mine\nlevel high",
        "title  t\nrule   auth.reject\neach $n",
        "title  t\nrule   auth.reject\neach $n =",
        "title  t\nrule   auth.reject\neach $n = 1,",
        "title  t\nrule   auth.reject\neach $n = 1 2",
        "title  t\nrule   auth.reject\neach $request = 1",
        "title  t\nrule   auth.reject\neach $request.w = 1",
        "title  t\nrule   auth.reject\neach $password = 1",
        "title  t\nrule   auth.reject\neach $n = \"x${target.path}\"",
        "title  t\nrule   client.reconnects",
        "  title  t\nrule   auth.reject",
        "title  t\nrule   auth.reject\ncontrol server/y\ncontrol server/z",
        "title  t\nrule   auth.reject\nkind   hostile\nkind   hostile",
        "title  t\nrule   auth.reject\nmanual pong\nmanual close",
        "title  t\nrule   auth.reject\neach   $n = 1\neach   $m = 2",
        "title  t\nrule   x.mine\nlevel  must\nlevel  must",
        "title  t\nrule   auth.reject\nmanual pang",
        "title  t\nrule   auth.reject\nkind",
        "title  t\nrule   x.mine\nlevel",
        "title  t\nrule   auth.reject\neach",
        "title  t\nrule   auth.reject;",
        "title  a\tb\nrule   auth.reject",
        "title  t\nrule   auth.reject\nwas",
    ];
    snapshot(
        "refused_headers",
        &headers.map(|header| (header, refuse("server/x", &format!("{header}\n\nalive\n")))),
    );
    refuse("server/x", "title  t\nrule   auth.reject\n");
    refuse("server/x", "");
    refuse("client/x", "title  t\nrule   auth.reject\n\nalive\n");
}

#[test]
fn each_role_has_words_that_the_other_has_not() {
    for text in [
        "< connects",
        "> http 503",
        "waits differ by 1s",
        "driver> {}",
        "driver< {}",
        "use handshake {}",
    ] {
        assert!(
            body("server/x", text)
                .message
                .contains("where the target is a server"),
            "{text}"
        );
    }
    for text in ["b connect", "offer extension x"] {
        assert!(
            body("client/x", text)
                .message
                .contains("where the target is a client"),
            "{text}"
        );
    }
    for (id, mark) in [
        ("server/x", "client.reconnects"),
        ("client/x", "close.frame"),
    ] {
        let error = body(id, &format!("< close  @{mark}"));
        assert!(
            error.message.starts_with(&format!("`{mark}` binds")),
            "{error}"
        );
    }
}

#[test]
fn titles_and_lists_of_values_have_their_limits() {
    let text = |title: usize, values: usize| {
        let values = vec!["1"; values].join(", ");
        let title = "é".repeat(title);
        format!("title  {title}\nrule   auth.reject\neach   $n = {values}\n\nalive\n")
    };
    for (title, values) in [(201, 1), (300, 1), (1, 10_001), (1, 12_000)] {
        refuse("own/x", &text(title, values));
    }
    let source = Source {
        path: String::new(),
        origin: Origin::File,
        text: text(200, 10_000),
    };
    assert!(parse("own/x", Arc::new(source)).is_ok());
}

#[test]
fn a_word_in_a_place_that_is_not_its_own_is_said_to_be_that() {
    for (line, said) in [
        ("title  late", "`title` below the first step"),
        ("rule   connect", "`rule` below the first step"),
        ("close  connect", "`close` cannot name a connection"),
        ("nothing  connect", "`nothing` cannot name a connection"),
        ("wait> ping", "`wait` cannot name a connection"),
        ("title> ping", "`title` cannot name a connection"),
        ("nothing for 1s", "unknown word `nothing`"),
        ("close 1000", "unknown word `close`"),
    ] {
        let error = body("server/x", &format!("use handshake\n{line}"));
        assert!(error.to_string().contains(said), "{error}");
    }
    for (word, arrows) in [
        ("nothing for 1s", "`< nothing` expects"),
        ("reset", "`> reset` sends"),
    ] {
        let error = body("server/x", word).to_string();
        assert!(error.contains(arrows), "{error}");
    }
}

#[test]
fn a_control_character_is_pointed_at_alone() {
    let error = body("server/x", "> ping \"a\u{85}b\"");
    assert!(error.message.contains("U+0085"), "{error}");
    assert_eq!(error.span.end - error.span.start, '\u{85}'.len_utf8());
}
