//! The judgement of responses: right ones, wrong ones, hostile heads.

use proptest::collection::vec;
use proptest::prelude::*;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::chop;
use crate::wire::limits::Limits;
use crate::wire::open::OpenError;
use crate::wire::target::Target;
use crate::wire::upgrade::{
    ClientHandshake, Offer, OfferError, UpgradeFault as F, UpgradeResponse, accept_key,
};

pub(super) fn target() -> Target {
    Target::parse("ws://h:1/p?q=1").unwrap()
}

fn handshake(offer: &Offer) -> Result<ClientHandshake, OfferError> {
    ClientHandshake::new(
        &target(),
        offer,
        &Limits::default(),
        &mut fastrand::Rng::with_seed(7),
    )
}

pub(super) fn headers(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// The answer to the key of the handshake with seed 7.
fn accept() -> String {
    let handshake = handshake(&Offer::default()).unwrap();
    let request = String::from_utf8(handshake.request().to_vec()).unwrap();
    let key = request
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))
        .unwrap();
    derive_accept_key(key.as_bytes())
}

/// What the handshake makes of `bytes` cut up.
fn read(
    offer: &Offer,
    bytes: &[u8],
    cuts: &[usize],
) -> Result<Option<(UpgradeResponse, usize)>, OpenError> {
    let mut handshake = handshake(offer).unwrap();
    let mut before = 0;
    for piece in chop(bytes, cuts) {
        if let Some((response, used)) = handshake.read(piece)? {
            return Ok(Some((response, before + used)));
        }
        before += piece.len();
    }
    Ok(None)
}

fn read_whole(bytes: &[u8]) -> Result<Option<(UpgradeResponse, usize)>, OpenError> {
    let whole = read(&Offer::default(), bytes, &[]);
    let chopped = read(&Offer::default(), bytes, &[1]);
    assert_eq!(without_start(whole.clone()), without_start(chopped));
    whole
}

/// How something that is not HTTP begins is what had come when that was plain.
fn without_start<T>(result: Result<T, OpenError>) -> Result<T, OpenError> {
    result.map_err(|error| match error {
        OpenError::NotHttp { .. } => OpenError::NotHttp {
            start: String::new(),
        },
        other => other,
    })
}

/// A right response with `more` header lines.
pub(super) fn response(more: &str) -> Vec<u8> {
    let accept = accept();
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{more}\r\n"
    )
    .into_bytes()
}

#[test]
fn a_request_has_what_an_upgrade_needs() {
    let offer = Offer {
        headers: headers(&[
            ("Authorization", "Bearer hunter2"),
            ("X-A", "1"),
            ("X-A", "2"),
        ]),
        subprotocols: vec!["one".to_owned(), "two".to_owned()],
    };
    let handshake = handshake(&offer).unwrap();
    let request = String::from_utf8(handshake.request().to_vec()).unwrap();
    let (before, behind) = request.split_once("Sec-WebSocket-Key: ").unwrap();
    assert_eq!(
        before,
        "GET /p?q=1 HTTP/1.1\r\nHost: h:1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    );
    let (key, behind) = behind.split_once("\r\n").unwrap();
    assert_eq!((key.len(), &key[22..]), (24, "=="));
    assert_eq!(
        behind,
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: one, two\r\n\
         Authorization: Bearer hunter2\r\nX-A: 1\r\nX-A: 2\r\n\r\n"
    );
}

#[test]
fn an_own_header_replaces_ours() {
    let offer = Offer {
        headers: headers(&[("host", "other"), ("sec-websocket-key", "mine")]),
        subprotocols: vec![],
    };
    let mut handshake = handshake(&offer).unwrap();
    let request = String::from_utf8(handshake.request().to_vec()).unwrap();
    assert!(
        request.contains("host: other\r\n") && !request.contains("Host:"),
        "{request}"
    );
    let bytes = String::from_utf8(response(""))
        .unwrap()
        .replace(&accept(), &accept_key("mine"));
    assert!(handshake.read(bytes.as_bytes()).unwrap().is_some());
}

#[test]
fn what_would_break_a_head_is_not_sent() {
    let value = |value: &str| Offer {
        headers: headers(&[("X-A", value)]),
        subprotocols: vec![],
    };
    for bad in ["a\r\nX-B: b", "a\n", "\0", "\x1b[2J", "\x7f"] {
        let expected = OfferError::HeaderValue {
            name: "X-A".to_owned(),
        };
        assert_eq!(handshake(&value(bad)).unwrap_err(), expected);
    }
    assert!(handshake(&value("tab\tand \u{e9}")).is_ok());
    for bad in ["", "a b", "a:", "a\r\n", "\u{e9}"] {
        let offer = Offer {
            headers: headers(&[(bad, "x")]),
            subprotocols: vec![],
        };
        let expected = OfferError::HeaderName {
            name: bad.to_owned(),
        };
        assert_eq!(handshake(&offer).unwrap_err(), expected);
        let offer = Offer {
            headers: vec![],
            subprotocols: vec![bad.to_owned()],
        };
        let expected = OfferError::Subprotocol {
            name: bad.to_owned(),
        };
        assert_eq!(handshake(&offer).unwrap_err(), expected);
    }
}

#[test]
fn the_accept_key_is_that_of_the_standard_and_of_tungstenite() {
    assert_eq!(
        accept_key("dGhlIHNhbXBsZSBub25jZQ=="),
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    );
    for key in ["", "x", "\u{e9}"] {
        assert_eq!(accept_key(key), derive_accept_key(key.as_bytes()));
    }
}

#[test]
fn a_right_response_is_taken_and_frames_behind_it_are_left() {
    let head = response("X-Odd:  a b \t\r\n folded\r\nnot a header\r\n");
    let bytes = [&head[..], b"\x81\x00"].concat();
    let (response, used) = read_whole(&bytes).unwrap().unwrap();
    assert_eq!(used, head.len());
    assert_eq!(
        (response.version.as_str(), response.status),
        ("HTTP/1.1", 101)
    );
    assert_eq!(response.reason, "Switching Protocols");
    assert_eq!(response.header("x-odd"), Some("a b folded"));
    assert_eq!(response.odd_lines, ["not a header"]);
    assert_eq!(read_whole(&head[..head.len() - 1]), Ok(None));
}

#[test]
fn a_permissive_reader_takes_other_spellings() {
    let accept = accept();
    for head in [
        format!(
            "HTTP/1.1 101\nupgrade:WebSocket\nCONNECTION:keep-alive, upgrade\nsec-websocket-accept:{accept}\n\n"
        ),
        format!(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 101 \r\nUpgrade: h2c\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept:   {accept}  \r\n\r\n"
        ),
    ] {
        let (response, used) = read_whole(head.as_bytes()).unwrap().unwrap();
        assert_eq!((response.status, used), (101, head.len()));
    }
}

#[test]
fn each_miss_of_a_101_is_named() {
    let right = String::from_utf8(response("")).unwrap();
    let accept = accept();
    let wrong = |got: &str| F::Accept {
        expected: accept.clone(),
        got: got.to_owned(),
    };
    let extension = |name: &str| F::Extension {
        name: name.to_owned(),
    };
    let subprotocol = |name: &str| F::Subprotocol {
        name: name.to_owned(),
    };
    let cases = [
        (
            right.replace("Upgrade: websocket", "Upgrade: web"),
            vec![F::Upgrade],
        ),
        (
            right.replace("Connection: Upgrade", "Connection: close"),
            vec![F::Connection],
        ),
        (
            right.replace("Sec-WebSocket-Accept", "X"),
            vec![F::NoAccept],
        ),
        (right.replace(&accept, "AAAA"), vec![wrong("AAAA")]),
        (
            right.replace(&accept, &accept.to_lowercase()),
            vec![wrong(&accept.to_lowercase())],
        ),
        (
            right.replace("HTTP/1.1", "HTTP/1.0"),
            vec![F::Version {
                version: "HTTP/1.0".into(),
            }],
        ),
        (
            String::from_utf8(response(
                "Sec-WebSocket-Extensions: permessage-deflate; a=1, x\r\n",
            ))
            .unwrap(),
            vec![extension("permessage-deflate; a=1"), extension("x")],
        ),
        (
            String::from_utf8(response("Sec-WebSocket-Protocol: chat\r\n")).unwrap(),
            vec![subprotocol("chat")],
        ),
        (
            "HTTP/1.1 101 Whatever\r\n\r\n".to_owned(),
            vec![F::Upgrade, F::Connection, F::NoAccept],
        ),
    ];
    for (head, why) in cases {
        assert_eq!(
            read_whole(head.as_bytes()),
            Err(OpenError::BadUpgrade { why }),
            "{head}"
        );
    }
}

#[test]
fn a_subprotocol_must_be_one_of_the_offered() {
    let offer = Offer {
        headers: vec![],
        subprotocols: vec!["one".to_owned(), "two".to_owned()],
    };
    let with = |line: &str| read(&offer, &response(line), &[]);
    assert!(with("").unwrap().is_some());
    assert!(with("Sec-WebSocket-Protocol: two\r\n").unwrap().is_some());
    for line in [
        "Sec-WebSocket-Protocol: three\r\n",
        "Sec-WebSocket-Protocol: one, two\r\n",
        "Sec-WebSocket-Protocol: one\r\nSec-WebSocket-Protocol: two\r\n",
    ] {
        assert!(
            matches!(with(line), Err(OpenError::BadUpgrade { .. })),
            "{line}"
        );
    }
}

#[test]
fn another_status_comes_with_what_explains_it() {
    let head = "HTTP/1.1 401 Who\u{9b} are you\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\
                Set-Cookie: secret\r\nLocation: /login\r\n\r\nbody";
    let hints = headers(&[
        ("WWW-Authenticate", "Basic realm=\"x\""),
        ("Location", "/login"),
    ]);
    let reason = "Who\u{9b} are you".to_owned();
    let expected = OpenError::Status {
        code: 401,
        reason,
        hints,
    };
    assert_eq!(read_whole(head.as_bytes()), Err(expected));
    let shown = read_whole(head.as_bytes()).unwrap_err().to_string();
    assert_eq!(
        shown,
        "server answers 401 (Who\\u{9b} are you) instead of an upgrade"
    );
    for (code, hint) in [
        (301, "it points to /login"),
        (403, "it may want credentials"),
        (200, "is a"),
    ] {
        let head = format!("HTTP/1.1 {code} X\r\nLocation: /login\r\n\r\n");
        let error = read_whole(head.as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("server answers {code} (X) instead of an upgrade")
        );
        assert!(error.hint().unwrap().starts_with(hint), "{error:?}");
    }
}

#[test]
fn what_is_not_http_is_known_by_its_first_bytes() {
    for bytes in [
        &b"SSH-2.0-OpenSSH"[..],
        b"\x15\x03\x01",
        b"\r\n",
        b"http/1.1 101 X\r\n",
        b"HTTP/1.1 abc X\r\n",
        b"HTTP/1.1 1010 X\r\n",
        b"HTTP/x 101 X\r\n",
        b"HTTP/1.1\r\n",
        b"HTTP/1.1 101 \0",
        b"<html>",
    ] {
        assert!(
            matches!(read_whole(bytes), Err(OpenError::NotHttp { .. })),
            "{bytes:?}"
        );
    }
    let error = read_whole(b"\x1b[2J\xff hello\r\n").unwrap_err();
    assert_eq!(
        error,
        OpenError::NotHttp {
            start: "\\u{1b}[2J\\xff hello\\r\\n".to_owned()
        }
    );
    let OpenError::NotHttp { start } = read_whole(&[b'x'; 5000]).unwrap_err() else {
        panic!()
    };
    assert!(start.len() < 100, "{start}");
}

#[test]
fn heads_have_limits_in_bytes_and_lines() {
    let lines = |count: usize| response(&"X-A: b\r\n".repeat(count));
    assert!(read_whole(&lines(125)).unwrap().is_some());
    assert!(read_whole(&lines(197)).unwrap().is_some());
    assert_eq!(read_whole(&lines(198)), Err(OpenError::HeadTooLong));
    let long = |count: usize| response(&format!("X-A: {}\r\n", "b".repeat(count)));
    let rest = long(0).len();
    assert!(read_whole(&long(65_536 - rest)).unwrap().is_some());
    assert_eq!(
        read_whole(&long(65_537 - rest)),
        Err(OpenError::HeadTooLong)
    );
    // Without an end: one line, one first line, many lines, many interim responses.
    for endless in [
        [b"HTTP/1.1 101 X\r\nX: ".to_vec(), vec![b'x'; 70_000]].concat(),
        [b"HTTP/1.1 101 ".to_vec(), vec![b'x'; 70_000]].concat(),
        [b"HTTP/1.1 101 X\r\n".to_vec(), b"a: b\r\n".repeat(300)].concat(),
        b"HTTP/1.1 100 Continue\r\n\r\n".repeat(4000),
        b"HTTP/1.1 103 Early\r\na: b\r\n\r\n".repeat(300),
    ] {
        assert_eq!(read_whole(&endless), Err(OpenError::HeadTooLong));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_response_reads_the_same_however_it_is_cut(
        bends in vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        lines in vec("[ -~\u{80}\t]{0,20}(\r\n|\n)", 0..4),
        cuts in vec(1..60usize, 1..4),
    ) {
        let mut bytes = response(&lines.concat());
        bytes.extend(b"\x81\x02{}");
        for (at, byte) in bends {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let whole = without_start(read(&Offer::default(), &bytes, &[]));
        prop_assert_eq!(without_start(read(&Offer::default(), &bytes, &cuts)), whole);
    }
}
