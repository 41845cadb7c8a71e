//! What may come where an upgrade request should: lines for a connection without a WebSocket.

use super::frames::frame;
use super::{Bend, Class, hex};

/// A key as RFC 6455 wants it: sixteen bytes in base64.
const KEY: &str = "Sec-WebSocket-Key: bGl0ZXNwZWMgbGl0ZXNwZQ==";
const VERSION: &str = "Sec-WebSocket-Version: 13";
const UPGRADE: &str = "Upgrade: websocket";
const CONNECTION: &str = "Connection: Upgrade";
const HOST: &str = "Host: ${target.host}";
const GET: &str = "GET ${target.path} HTTP/1.1";

pub(super) fn all() -> Vec<Bend> {
    let mut all = visitors();
    all.extend(requests());
    all.extend(headers());
    all.extend(long_heads());
    all.extend(bytes());
    all.extend(right_ones());
    all
}

fn door(what: &str, sends: &[&str]) -> Bend {
    Bend::new(Class::Connection, what, sends)
}

/// These lines, each with its end, and the empty one behind them, as parts of a payload.
fn head(lines: &[&str]) -> String {
    let text: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    string(&format!("{text}\r\n"))
}

/// A right request with these headers besides.
fn right(more: &[&str]) -> String {
    let lines = [GET, HOST, UPGRADE, CONNECTION, VERSION, KEY];
    head(&[&lines[..], more].concat())
}

/// A string of the language. Its holes stay holes.
fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn raw(what: &str, payload: &str) -> Bend {
    door(what, &[&format!("raw {payload}")])
}

/// Who says little or nothing.
fn visitors() -> Vec<Bend> {
    let half = format!("raw {}", string(&format!("{GET}\r\n{HOST}\r\nUpgr")));
    vec![
        door("a visitor who says nothing", &[]),
        door("a visitor who goes without a word", &["eof"]),
        door("a visitor who resets without a word", &["reset"]),
        door("half an upgrade, then silence", &[&half]),
        door("half an upgrade, then the end", &[&half, "eof"]),
        door("half an upgrade, then a reset", &[&half, "reset"]),
    ]
}

fn requests() -> Vec<Bend> {
    let with = |what: &str, lines: &[&str]| raw(what, &head(lines));
    let path = |what: &str, path: &str| {
        let line = format!("GET {path} HTTP/1.1");
        with(what, &[&line, HOST, UPGRADE, CONNECTION, VERSION, KEY])
    };
    vec![
        with("a request for a page", &[GET, HOST]),
        with(
            "a request that posts",
            &["POST ${target.path} HTTP/1.1", HOST, "Content-Length: 100"],
        ),
        with(
            "a request of HTTP/1.0",
            &[
                "GET ${target.path} HTTP/1.0",
                HOST,
                UPGRADE,
                CONNECTION,
                VERSION,
                KEY,
            ],
        ),
        with(
            "a request of HTTP/9.9",
            &["GET ${target.path} HTTP/9.9", HOST],
        ),
        with("a request without a version", &["GET ${target.path}"]),
        with(
            "a method of nobody's",
            &["LITESPEC ${target.path} HTTP/1.1", HOST],
        ),
        path("a path of everything", "*"),
        path("a path without its slash", "litespec"),
        path("a path up the tree", "/../../../../etc/passwd"),
        path("a path with bad escapes", "/%00%zz%"),
        path("a path that is a URL", "http://${target.host}/"),
        path("a path with a fragment", "/#fragment"),
        raw(
            "a path of 64 KiB",
            &format!(
                "{} \"x\" * 65536 {}",
                string("GET /"),
                head(&[" HTTP/1.1", HOST])
            ),
        ),
    ]
}

fn headers() -> Vec<Bend> {
    let with = |what: &str, more: &[&str]| {
        let lines = [GET, HOST, UPGRADE, CONNECTION];
        raw(what, &head(&[&lines[..], more].concat()))
    };
    let all = |what: &str, more: &[&str]| raw(what, &right(more));
    let quoted = |text: &str| format!("Sec-WebSocket-Extensions: {text}");
    vec![
        with("an upgrade without a key", &[VERSION]),
        with("an upgrade without a version", &[KEY]),
        with("a version of 99", &["Sec-WebSocket-Version: 99", KEY]),
        with(
            "a version that is a word",
            &["Sec-WebSocket-Version: new", KEY],
        ),
        with(
            "a key that is no base64",
            &[VERSION, "Sec-WebSocket-Key: ?!"],
        ),
        with("a key that is short", &[VERSION, "Sec-WebSocket-Key: YQ=="]),
        with("an empty key", &[VERSION, "Sec-WebSocket-Key:"]),
        all("two keys", &[KEY]),
        all("two hosts", &["Host: elsewhere"]),
        raw(
            "an upgrade without a host",
            &head(&[GET, UPGRADE, CONNECTION, VERSION, KEY]),
        ),
        raw(
            "an upgrade to something else",
            &head(&[GET, HOST, "Upgrade: h2c", CONNECTION, VERSION, KEY]),
        ),
        raw(
            "an upgrade of a connection that is to close",
            &head(&[GET, HOST, UPGRADE, "Connection: close", VERSION, KEY]),
        ),
        all("extensions of commas", &[&quoted(", ,, ,")]),
        all(
            "an extension with an open quote",
            &[&quoted("permessage-deflate; x=\"")],
        ),
        all(
            "an extension with odd parameters",
            &[&quoted("permessage-deflate; server_max_window_bits=99; =;")],
        ),
        all(
            "an extension twice",
            &[&quoted("permessage-deflate, permessage-deflate")],
        ),
        all("subprotocols of commas", &["Sec-WebSocket-Protocol: ,,"]),
        all("a subprotocol twice", &["Sec-WebSocket-Protocol: a, a"]),
        all(
            "a subprotocol with blanks",
            &["Sec-WebSocket-Protocol: a b"],
        ),
        all("a header without a colon", &["litespec"]),
        all("a header without a name", &[": litespec"]),
        all("a header with a blank behind its name", &["X-Litespec : 1"]),
        all("a header that is folded", &["X-Litespec: 1", "  2"]),
        all("a header with a NUL", &["X-Litespec: \u{0}"]),
        all(
            "a header that is no ASCII",
            &["X-Litespec: \u{e9}\u{1f3bc}"],
        ),
        raw(
            "a header that is no UTF-8",
            &format!(
                "{} 0xff80 {}",
                string(&format!("{GET}\r\nX-Litespec: ")),
                string("\r\n\r\n")
            ),
        ),
        all("a length below zero", &["Content-Length: -1"]),
        all(
            "a length beyond all lengths",
            &["Content-Length: 99999999999999999999"],
        ),
        all("two lengths", &["Content-Length: 1", "Content-Length: 2"]),
        all("chunks", &["Transfer-Encoding: chunked"]),
        all("a request that asks to go on", &["Expect: 100-continue"]),
        all("a cookie that is none", &["Cookie: =;;=;"]),
        all("an origin of null", &["Origin: null"]),
    ]
}

fn long_heads() -> Vec<Bend> {
    let filled = |what: &str, part: &str, times: u32| {
        let begin = string(&format!("{GET}\r\n{HOST}\r\n"));
        raw(
            what,
            &format!("{begin} {} * {times} {}", string(part), string("\r\n")),
        )
    };
    let line = "X-Litespec: filling\r\n";
    vec![
        filled("a hundred and thirty headers", line, 130),
        filled("two thousand headers", line, 2000),
        filled("two megabytes of headers", line, 100_000).heavy(),
        filled("twenty megabytes of headers", line, 1_000_000).heavy(),
        raw(
            "a header of a megabyte",
            &format!(
                "{} \"x\" * 1048576",
                string(&format!("{GET}\r\nX-Litespec: "))
            ),
        )
        .heavy(),
    ]
}

fn bytes() -> Vec<Bend> {
    // The first bytes of a ClientHello of TLS 1.2.
    const TLS: &str = "0x16030100a5010000a10303000102030405060708090a0b0c0d0e0f";
    vec![
        raw("empty lines", &string("\r\n\r\n\r\n\r\n")),
        raw("a word", &string("litespec\r\n\r\n")),
        raw(
            "a request whose lines end in LF",
            &string(&format!("{GET}\n{HOST}\n{KEY}\n\n")),
        ),
        raw("a TLS handshake", TLS),
        raw("HTTP/2", &string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")),
        raw("bytes at the door", "0x00ff80c3285afffe"),
        raw("NULs at the door", "0x00 * 5000"),
        raw(
            "a frame instead of an upgrade",
            &hex(&frame(0x81, b"{\"op\":2}")),
        ),
    ]
}

/// Right requests, with something behind them.
fn right_ones() -> Vec<Bend> {
    let behind = |what: &str, bytes: &[u8]| raw(what, &format!("{} {}", right(&[]), hex(bytes)));
    let beat = frame(0x81, b"{\"op\":2}");
    let chars: Vec<String> = GET
        .replace("${target.path}", "/")
        .chars()
        .chain("\r\nHost: litespec\r\n\r\n".chars())
        .map(|c| format!("raw {}", string(&c.to_string())))
        .collect();
    let chars: Vec<&str> = chars.iter().map(String::as_str).collect();
    let whole = format!("raw {}", right(&[]));
    vec![
        behind("a heartbeat right behind the upgrade", &beat),
        behind("half a frame right behind the upgrade", &beat[..7]),
        behind(
            "a close frame right behind the upgrade",
            &frame(0x88, &[3, 232]),
        ),
        raw(
            "two upgrades in one",
            &format!("{} {}", right(&[]), right(&[])),
        ),
        door("an upgrade, then the end", &[&whole, "eof"]),
        door("an upgrade, then a reset", &[&whole, "reset"]),
        door("a request byte by byte", &chars),
    ]
}
