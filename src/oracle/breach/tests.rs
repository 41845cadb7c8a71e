//! What people read of each breach, all of it in one snapshot, and which are matters of time.

use super::*;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// One of each, of the server's.
fn of_servers() -> Vec<Breach> {
    let got = || "[1]".to_owned();
    let nonce = || "\"n\"".to_owned();
    vec![
        Breach::FirstNotHello { got: got() },
        Breach::BadInterval { got: got() },
        Breach::SecondHello,
        Breach::NotJson { why: got() },
        Breach::NotAnObject { got: got() },
        Breach::BadOp { got: got() },
        Breach::BinaryFrame,
        Breach::WrongSender {
            op: 2,
            dialect: Dialect::Text,
        },
        Breach::WrongSender {
            op: 2,
            dialect: Dialect::Bidirectional,
        },
        Breach::SpokeBeforeAuth { op: Op::Request },
        Breach::AckUnasked { heartbeats: 3 },
        Breach::AckMissing {
            heartbeats: 3,
            acks: 2,
            waited: ms(5001),
        },
        Breach::ResponseWithoutNonce { got: got() },
        Breach::ResponseWithoutResult,
        Breach::ResponseToNobody {
            nonce: nonce(),
            open: 0,
        },
        Breach::ResponseToNobody {
            nonce: nonce(),
            open: 2,
        },
        Breach::ResponseTwice { nonce: nonce() },
        Breach::ResponseAstray {
            nonce: nonce(),
            asked_on: "b".to_owned(),
        },
        Breach::ResponseToDispatch { nonce: nonce() },
        Breach::TimeoutEarly {
            silent: Duration::from_micros(700_250),
            interval: ms(1000),
        },
        Breach::TcpLeftOpen { waited: ms(3001) },
    ]
}

/// One of each, of the client's.
fn of_clients() -> Vec<ClientBreach> {
    let got = || "[1]".to_owned();
    let gap = |open| ClientBreach::BeatGap {
        gap: ms(1300),
        most: ms(1250),
        interval: ms(1000),
        open,
    };
    vec![
        ClientBreach::BeforeHello { got: got() },
        ClientBreach::NoHelloAck { waited: ms(5001) },
        ClientBreach::PasswordType { found: "a list" },
        ClientBreach::BeatBeforeAck,
        gap(false),
        gap(true),
        ClientBreach::BeatsTooMany {
            count: 4,
            span: ms(600),
            interval: ms(1000),
        },
        ClientBreach::NotFromClient { got: got() },
        ClientBreach::RequestFields { got: got() },
        ClientBreach::DispatchFields { got: got() },
        ClientBreach::DispatchWithNonce { nonce: "1".into() },
        ClientBreach::NonceInFlight { nonce: "1".into() },
        ClientBreach::ReconnectTooSoon { wait: ms(400) },
        ClientBreach::SecondConnection { beside: "a".into() },
    ]
}

#[test]
fn every_breach_says_which_rule_it_breaks_what_was_expected_and_what_came() {
    let breaches = of_clients().into_iter().map(Breach::Client);
    let lines: Vec<_> = of_servers()
        .into_iter()
        .chain(breaches)
        .map(|breach| {
            format!(
                "{} ({:?}{})\n    expected {}\n    got {}",
                breach.rule(),
                breach.level(),
                if breach.is_timing() { ", timing" } else { "" },
                breach.expected(),
                breach.actual()
            )
        })
        .collect();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots");
    insta::with_settings!({snapshot_path => folder, prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("breaches", lines.join("\n"));
    });
}

#[test]
fn what_a_client_does_too_early_or_too_late_says_by_how_much() {
    let off_by: Vec<_> = of_clients()
        .iter()
        .filter_map(|breach| Some((breach.rule(), breach.off_by()?)))
        .collect();
    assert_eq!(
        off_by,
        [
            ("client.heartbeat-interval", (ms(50), ms(1300))),
            ("client.heartbeat-interval", (ms(50), ms(1300))),
            ("client.heartbeat-rate", (ms(400), ms(600))),
            ("client.reconnect-waits", (ms(600), ms(400))),
        ]
    );
}
