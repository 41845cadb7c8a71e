//! Targets that send without end behind a right handshake, never read, die or hang in the middle:
//! time and memory stay bounded.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::mpsc::channel;

use super::modes::Mode;
use super::program::{Ran, SHORT, all, check, check_with, kill};
use super::server::{Client, INTERVAL, close, frame, serve, text};
use super::{few, from_the_start, later};

/// It says HELLO and then sends this without end, without a look at what comes.
fn flood(client: &mut Client, bytes: &[u8]) -> io::Result<()> {
    client.hello(INTERVAL)?;
    client.flood(&bytes.repeat(1 + 100_000 / bytes.len()))
}

/// A packet with many values: in memory they take many times their bytes.
fn many_values(open: &str, value: &str, close: &str) -> Vec<u8> {
    let values = vec![value; 3_900_000 / (value.len() + 1)].join(",");
    text(&format!(r#"{{"op":99,"x":{open}{values}{close}}}"#))
}

/// The exit code at first depends on whether the preflight gets the ACK it waits for.
const FLOODS: &[Mode] = &[
    ("flood-of-acks", 1, 1, |c| flood(c, &text(r#"{"op":3}"#))),
    ("flood-of-responses", 1, 1, |c| {
        flood(c, &text(r#"{"op":5,"n":1,"r":1}"#))
    }),
    ("flood-of-op-99", 1, 1, |c| flood(c, &text(r#"{"op":99}"#))),
    ("flood-of-hellos", 1, 1, |c| {
        flood(c, &text(r#"{"op":0,"hb_interval":1}"#))
    }),
    ("flood-of-empty-texts", 1, 1, |c| flood(c, &text(""))),
    ("flood-of-pings", 1, 1, |c| {
        flood(c, &frame(0x89, b"\x1b[2J"))
    }),
    ("flood-of-pongs", 1, 1, |c| flood(c, &frame(0x8a, b""))),
    ("flood-of-empty-fragments", 1, 1, |c| {
        flood(c, &frame(0x00, b""))
    }),
    ("flood-of-closes", 1, 1, |c| {
        flood(c, &close(1000, "\u{9b}"))
    }),
    ("flood-of-megabytes", 1, 1, |c| {
        let payload = "\\u001b\u{7f}".repeat(140_000);
        flood(c, &text(&format!(r#"{{"op":99,"x":"{payload}"}}"#)))
    }),
    ("flood-of-invalid-utf8", 1, 1, |c| {
        flood(c, &frame(0x81, &[0xff; 1 << 20]))
    }),
    ("flood-of-numbers", 1, 1, |c| {
        flood(c, &many_values("[", "1", "]"))
    }),
    ("flood-of-lists", 1, 1, |c| {
        flood(c, &many_values("[", "[]", "]"))
    }),
    ("flood-of-members", 1, 1, |c| {
        flood(c, &many_values("{", "\"\":1", "}"))
    }),
    ("flood-of-unfinished-text", 1, 1, |c| {
        c.hello(INTERVAL)?;
        c.raw(&frame(0x01, b"{"))?;
        c.raw(&frame(0x00, &[b' '; 4_000_000]))?;
        c.hold()
    }),
    ("millisecond", 1, 1, |c| {
        c.hello("1")?;
        c.hold()
    }),
];

#[test]
fn a_flood_from_the_start_gets_a_verdict() {
    all(FLOODS, 2, from_the_start);
}

#[test]
fn a_flood_on_later_connections_gets_a_verdict() {
    all(FLOODS, 2, later);
}

/// Where each connection is left as much as it takes, all of them together must not get it.
#[test]
fn many_connections_do_not_add_up_beyond_the_memory_limit() {
    let floods: Vec<&Mode> = FLOODS
        .iter()
        .filter(|(name, ..)| {
            ["megabytes", "numbers", "members", "unfinished-text"]
                .iter()
                .any(|kind| name.ends_with(kind))
        })
        .collect();
    all(&floods, 1, |(name, _, _, script)| {
        let script = *script;
        let url = serve(None, move |client| match client.number {
            1 => client.right(),
            _ => script(client),
        });
        let args = [
            &[
                "--filter",
                "server/auth/*",
                "--filter",
                "server/heartbeat/*",
            ][..],
            &["--answer-within", "1s", "--grace", "300ms", "--jobs", "64"],
        ]
        .concat();
        let mut ran = check(&format!("many-{name}"), &url, &args);
        ran.expect(ran.code == Some(1), "exit code is not 1");
        ran
    });
}

/// Says how a run ended whose target was right for some connections.
fn ended(ran: &mut Ran, reason: &str) {
    ran.expect(ran.code == Some(1), "exit code is not 1");
    ran.expect(
        ran.stdout.contains(reason),
        &format!("nothing says {reason:?}"),
    );
}

#[test]
fn a_target_that_dies_is_told_and_the_rest_is_not_judged() {
    let deaths: [(&str, usize, &str); 3] = [
        ("dies-after-the-first", 1, "died while"),
        ("dies-after-five", 5, "the target"),
        ("dies-among-hostile", 12, "the target"),
    ];
    all(&deaths, 3, |(name, last, reason)| {
        let url = serve(Some(*last), Client::right);
        let mut ran = check(name, &url, &few());
        ended(&mut ran, reason);
        ran
    });
}

#[test]
fn a_target_that_hangs_is_told_and_the_rest_is_not_judged() {
    let hangs: [(&str, usize); 3] = [
        ("hangs-after-the-first", 1),
        ("hangs-after-five", 5),
        ("hangs-among-hostile", 12),
    ];
    all(&hangs, 3, |(name, last)| {
        let last = *last;
        let url = serve(None, move |client| match client.number {
            number if number <= last => client.right(),
            _ => client.hold(),
        });
        let mut ran = check(name, &url, &few());
        ended(&mut ran, "the target");
        ran
    });
}

#[test]
fn who_was_silent_before_is_not_said_to_be_killed_by_a_hostile_scenario() {
    let url = serve(None, |client| match client.number {
        1 => client.right(),
        _ => {
            client.upgrade_with("")?;
            client.hold()
        }
    });
    let mut ran = check("silent-before", &url, &few());
    ended(&mut ran, "the target died while server/");
    assert_eq!(ran.complaint(), None);
}

/// A target that ends connections for silence which it may have seen: each case could be tried
/// again, alone, for ever.
#[test]
fn retries_that_come_to_nothing_end() {
    let url = serve(None, |client| {
        if client.number == 1 {
            return client.right();
        }
        client.hello("1")?;
        while client.hear()?.0 != 8 {
            client.moment()?;
            client.raw(&close(4003, ""))?;
        }
        Ok(())
    });
    let cases: Vec<String> = (1..=40).map(|case| case.to_string()).collect();
    let own = format!(
        "title  A heartbeat is acknowledged\nrule   heartbeat.ack\neach   $n = {}\n\n\
         use handshake\n> {{\"op\": 2}}\n< {{\"op\": 3, \"n\": $n}}\n",
        cases.join(", ")
    );
    let file = scenario("fruitless", &own);
    let args = [&SHORT[..], &["--only-own", "--scenario", &file]].concat();
    let mut ran = check("fruitless", &url, &args);
    let scenarios = ran.report["scenarios"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let retried: u64 = scenarios
        .iter()
        .filter_map(|scenario| scenario["attempts"].as_u64())
        .map(|attempts| attempts.saturating_sub(1))
        .sum();
    ran.expect(scenarios.len() == 40, "there are not 40 cases");
    ran.expect((8..40).contains(&retried), &format!("{retried} retries"));
    assert_eq!(ran.complaint(), None);
}

/// A scenario of the test's own; its path.
fn scenario(name: &str, text: &str) -> String {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.scenario"));
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

/// Interrupts a run as soon as its target has got this far.
fn interrupted(name: &str, script: impl Fn(&mut Client) -> io::Result<()> + Send + Sync + 'static) {
    let (send, reached) = channel();
    let send = std::sync::Mutex::new(send);
    let url = serve(None, move |client| {
        if client.number == 4 {
            let _ = send.lock().map(|send| send.send(()));
        }
        script(client)
    });
    let args = ["--answer-within", "30s", "--jobs", "2"];
    let mut since = None;
    let mut ran = check_with(name, &url, &args, |id| {
        reached.recv().unwrap();
        kill(id, "INT");
        since = Some(std::time::SystemTime::now());
    });
    let took = since
        .and_then(|since| since.elapsed().ok())
        .unwrap_or_default();
    ran.expect(ran.code == Some(130), "exit code is not 130");
    ran.expect(
        ran.stdout.starts_with("INTERRUPTED"),
        "the screen does not say so",
    );
    let kind = ran.report["ending"]["kind"].clone();
    ran.expect(kind == "interrupted", "the report does not say so");
    ran.expect(took.as_secs() < 15, &format!("it took {took:?} to end"));
    assert_eq!(ran.complaint(), None);
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_a_run_against_a_target_that_hangs() {
    interrupted("ctrl-c-hung", |client| match client.number {
        1 => client.right(),
        _ => client.hold(),
    });
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_a_run_while_it_looks_whether_a_target_lives() {
    interrupted("ctrl-c-alive", |client| match client.number {
        1 => client.right(),
        2 | 3 => Ok(()),
        _ => client.hold(),
    });
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_a_run_against_a_flood() {
    interrupted("ctrl-c-flood", |client| match client.number {
        1 => client.right(),
        _ => flood(client, &frame(0x89, b"")),
    });
}

#[test]
fn a_target_that_never_reads_does_not_take_an_answer_time_for_each_send() {
    // More than a socket takes, again and again.
    let own = "title  Sends much\nrule   heartbeat.ack\n\nuse handshake\n\
               repeat 300\n  > text \"0123456789\" * 10000\n";
    let url = serve(None, |client| match client.number {
        1 => client.right(),
        _ => {
            client.hello(INTERVAL)?;
            client.deaf()
        }
    });
    let file = scenario("never-reads", own);
    let args = [&SHORT[..], &["--only-own", "--scenario", &file]].concat();
    let mut ran = check("never-reads", &url, &args);
    ran.expect(ran.took.as_secs() < 20, "it takes too long");
    assert_eq!(ran.complaint(), None);
}
