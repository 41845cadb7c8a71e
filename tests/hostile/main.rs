//! `litespec check` against targets that break everything: it ends by itself, with the right exit
//! code, in bounded memory, without a panic, and with nothing raw on the screen or in a report.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "time and memory are there to be read")]

mod floods;
mod modes;
mod program;
mod server;

use modes::{Mode, NO_HELLO, NO_WEBSOCKET, ODD_HELLO};
use program::{Ran, SHORT, all, check};
use server::serve;

/// Scenarios that need nothing but a handshake, a plain one of each kind and a hostile one.
const FEW: [&str; 10] = [
    "--filter",
    "server/hello/first",
    "--filter",
    "server/hello/once-while-silent",
    "--filter",
    "server/auth/right-password",
    "--filter",
    "server/heartbeat/ack",
    "--filter",
    "server/robust/no-object",
];

fn few() -> Vec<&'static str> {
    [&SHORT[..], &FEW[..]].concat()
}

/// The target does so on every connection.
fn from_the_start((name, code, _, script): &Mode) -> Ran {
    let mut ran = check(&format!("first-{name}"), &serve(None, *script), &few());
    ran.expect(ran.code == Some(*code), &format!("exit code is not {code}"));
    let line = ran.stdout.lines().next().unwrap_or_default().to_owned();
    ran.expect(line.len() < 3000, "the first line is no line for people");
    if *code == 4 {
        ran.expect(
            line.starts_with("could not run:"),
            "the first line does not say so",
        );
        let kind = ran.report["ending"]["kind"].clone();
        ran.expect(kind == "could_not_run", "the report does not say so");
    }
    ran
}

/// The target is right on its first connection, and then does so.
fn later((name, _, code, script): &Mode) -> Ran {
    let script = *script;
    let url = serve(None, move |client| match client.number {
        1 => client.right(),
        _ => script(client),
    });
    let mut ran = check(&format!("later-{name}"), &url, &few());
    ran.expect(ran.code == Some(*code), &format!("exit code is not {code}"));
    let ok = ran.report["preflight"]["ok"].clone();
    ran.expect(ok == true, "the preflight failed");
    ran
}

#[test]
fn what_is_no_websocket_exits_4_with_a_line_that_says_so() {
    all(NO_WEBSOCKET, 6, from_the_start);
}

#[test]
fn what_says_no_hello_exits_4_with_a_line_that_says_so() {
    all(NO_HELLO, 6, from_the_start);
}

#[test]
fn an_odd_hello_gets_a_verdict() {
    all(ODD_HELLO, 6, from_the_start);
}

#[test]
fn what_is_a_websocket_only_once_fails() {
    all(NO_WEBSOCKET, 6, later);
}

#[test]
fn what_says_hello_only_once_fails() {
    all(NO_HELLO, 6, later);
}

#[test]
fn an_odd_hello_on_later_connections_gets_a_verdict() {
    all(ODD_HELLO, 6, later);
}
