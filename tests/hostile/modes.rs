//! What a hostile target does on a connection: one row a behaviour, with the exit codes that a
//! run ends with when it does so from the start, and when it was right on its first connection.

use std::io;

use super::server::{Client, Script, close, frame, text};

/// A behaviour: its name, the exit code at first and later, and what it does.
pub(crate) type Mode = (&'static str, i32, i32, Script);

/// Sequences that move cursors, ring bells, and turn text round.
const NASTY: &str = "\x1b[2J\x1b]0;owned\x07\r\u{9b}31m\u{202e}\u{200b}\u{2066}";

/// It does not become a WebSocket.
pub(crate) const NO_WEBSOCKET: &[Mode] = &[
    ("drop", 4, 1, |_| Ok(())),
    ("silence", 4, 1, Client::hold),
    ("reset", 4, 1, Client::reset),
    ("http-200", 4, 1, |c| http(c, "200 OK")),
    ("http-401", 4, 1, |c| http(c, "401 Unauthorized")),
    ("http-404", 4, 1, |c| http(c, "404 Not Found")),
    ("http-302", 4, 1, |c| {
        http(c, &format!("302 Found\r\nLocation: http://{NASTY}/"))
    }),
    ("http-nasty-reason", 4, 1, |c| {
        http(c, &format!("500 {NASTY}"))
    }),
    ("http-nasty-version", 4, 1, |c| {
        c.request()?;
        c.raw(b"HTTP/9.9 101 Switching\r\n\r\n")
    }),
    ("garbage", 4, 1, |c| {
        c.request()?;
        c.raw(NASTY.as_bytes())
    }),
    ("ssh", 4, 1, |c| c.raw(b"SSH-2.0-OpenSSH_9.6\r\n")),
    ("endless-headers", 4, 1, |c| {
        c.request()?;
        c.raw(b"HTTP/1.1 101 Switching Protocols\r\n")?;
        c.flood(b"X-More: and more\r\n")
    }),
    ("endless-header-line", 4, 1, |c| {
        c.request()?;
        c.raw(b"HTTP/1.1 101 Switching Protocols\r\nX-Long: ")?;
        c.flood(&[b'x'; 4096])
    }),
    ("endless-interim", 4, 1, |c| {
        c.request()?;
        c.flood(b"HTTP/1.1 100 Continue\r\n\r\n")
    }),
    ("slow-headers", 4, 1, |c| {
        c.request()?;
        c.raw(b"HTTP/1.1 101 Switching Protocols\r\nX-Slow: ")?;
        loop {
            c.moment()?;
            c.raw(b"x")?;
        }
    }),
    ("half-a-head", 4, 1, |c| {
        c.request()?;
        c.raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: web")
    }),
    ("wrong-accept", 4, 1, |c| {
        c.request()?;
        c.raw(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                Sec-WebSocket-Accept: \x1b[31mc3RvbGVu\r\n\r\n",
        )?;
        c.hold()
    }),
    ("extensions-galore", 4, 1, |c| {
        c.upgrade_with(&format!(
            "Sec-WebSocket-Extensions: {}a\r\n",
            "a,".repeat(30_000)
        ))?;
        c.hold()
    }),
];

/// It opens a WebSocket, and then there is no HELLO.
pub(crate) const NO_HELLO: &[Mode] = &[
    ("upgrade-then-nothing", 4, 1, |c| opened(c, &[])),
    ("upgrade-then-end", 4, 1, |c| c.upgrade_with("")),
    ("gibibyte", 4, 1, |c| {
        c.upgrade_with("")?;
        c.raw(&declared(1 << 30))?;
        let chunk = vec![b'a'; 1 << 20];
        for _ in 0..1024 {
            c.raw(&chunk)?;
        }
        c.hold()
    }),
    ("declares-2^63", 4, 1, |c| opened(c, &declared(1 << 63))),
    ("declares-2^63-1", 4, 1, |c| {
        opened(c, &declared((1 << 63) - 1))
    }),
    ("declares-4-gib", 4, 1, |c| opened(c, &declared(4 << 30))),
    ("half-a-frame", 4, 1, |c| opened(c, &[0x81, 100, b'{'])),
    ("endless-fragments", 4, 1, |c| {
        c.upgrade_with("")?;
        c.raw(&frame(0x01, b"{"))?;
        c.flood(&frame(0x00, b" ").repeat(1000))
    }),
    ("endless-empty-fragments", 4, 1, |c| {
        c.upgrade_with("")?;
        c.raw(&frame(0x01, b""))?;
        c.flood(&frame(0x00, b"").repeat(1000))
    }),
    ("endless-pings", 4, 1, |c| {
        c.upgrade_with("")?;
        c.flood(&frame(0x89, b"ping").repeat(1000))
    }),
    ("invalid-utf8", 4, 1, |c| {
        opened(c, &frame(0x81, b"{\"op\":\xff}"))
    }),
    ("one-byte-close", 4, 1, |c| opened(c, &frame(0x88, &[3]))),
    ("close-0", 4, 1, |c| opened(c, &close(0, ""))),
    ("close-1005", 4, 1, |c| opened(c, &close(1005, ""))),
    ("close-65535", 4, 1, |c| opened(c, &close(65535, NASTY))),
    ("nasty-reason", 4, 1, |c| opened(c, &close(4001, NASTY))),
    ("overlong-reason", 4, 1, |c| {
        opened(c, &close(4001, &"\x1b[31m\u{202e}".repeat(8000)))
    }),
    ("reserved-bits", 4, 1, |c| {
        opened(c, &frame(0xf1, br#"{"op":0,"hb_interval":1000}"#))
    }),
    ("reserved-opcode", 4, 1, |c| opened(c, &frame(0x83, b"?"))),
    ("masked", 4, 1, |c| {
        opened(c, &[0x81, 0x82, 1, 2, 3, 4, b'{' ^ 1, b'}' ^ 2])
    }),
    ("nasty-text", 4, 1, |c| opened(c, &text(NASTY))),
    ("nasty-binary", 4, 1, |c| {
        opened(c, &frame(0x82, NASTY.as_bytes()))
    }),
    ("no-object", 4, 1, |c| opened(c, &text("[0]"))),
    ("deep", 4, 1, |c| opened(c, &text(&"[".repeat(1_000_000)))),
    ("deep-inside", 4, 1, |c| {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        opened(
            c,
            &text(&format!(r#"{{"op":0,"hb_interval":1000,"x":{deep}}}"#)),
        )
    }),
];

/// It says HELLO or something like it, with an interval that is none or a strange one.
pub(crate) const ODD_HELLO: &[Mode] = &[
    ("hb-0", 1, 1, |c| hello(c, "0")),
    ("hb--5", 1, 1, |c| hello(c, "-5")),
    ("hb-1.5", 1, 1, |c| hello(c, "1.5")),
    ("hb-text", 1, 1, |c| hello(c, "\"400\"")),
    ("hb-null", 1, 1, |c| hello(c, "null")),
    ("hb-1e-400", 1, 1, |c| hello(c, "1e-400")),
    ("hb-missing", 1, 1, |c| opened(c, &text(r#"{"op":0}"#))),
    ("hb-year", 5, 5, |c| hello(c, "31536000000")),
    ("hb-2^64", 5, 5, |c| hello(c, "18446744073709551616")),
    ("hb-1e400", 5, 5, |c| hello(c, "1e400")),
    ("hb-1e9999999999999999999", 5, 5, |c| {
        hello(c, "1e9999999999999999999")
    }),
    ("hb-million-digits", 5, 5, |c| {
        hello(c, &format!("1{}", "0".repeat(1_000_000)))
    }),
    ("hb-million-digits-negative", 1, 1, |c| {
        hello(c, &format!("-1{}", "0".repeat(1_000_000)))
    }),
    ("hb-huge-string", 1, 1, |c| {
        hello(c, &format!("\"{}\"", "\\u001b\x7f\u{9b}".repeat(100_000)))
    }),
    ("wrong-op", 1, 1, |c| opened(c, &text(r#"{"op":99}"#))),
    ("huge-wrong-op", 1, 1, |c| {
        opened(
            c,
            &text(&format!(r#"{{"op":3,"x":"{}"}}"#, "y".repeat(3_000_000))),
        )
    }),
    ("hello-twice", 1, 1, |c| {
        c.hello("1000")?;
        c.raw(&text(r#"{"op":0,"hb_interval":1000}"#))?;
        c.acknowledge()
    }),
    ("hello-then-nothing", 1, 1, |c| {
        c.hello("1000")?;
        c.hold()
    }),
    ("hello-then-nasty-close", 1, 1, |c| {
        c.hello("1000")?;
        c.raw(&close(4001, NASTY))?;
        c.hold()
    }),
    ("hello-then-reset", 1, 1, |c| {
        c.hello("1000")?;
        c.reset()
    }),
    ("hello-then-deaf", 1, 1, |c| {
        c.hello("1000")?;
        c.deaf()
    }),
];

fn http(client: &mut Client, status: &str) -> io::Result<()> {
    client.request()?;
    client.raw(
        format!("HTTP/1.1 {status}\r\nServer: \x1b[2J\r\nContent-Length: 2\r\n\r\nhi").as_bytes(),
    )?;
    client.hold()
}

fn opened(client: &mut Client, bytes: &[u8]) -> io::Result<()> {
    client.upgrade_with("")?;
    client.raw(bytes)?;
    client.hold()
}

fn hello(client: &mut Client, interval: &str) -> io::Result<()> {
    client.hello(interval)?;
    client.acknowledge()
}

/// The head of a text frame that declares so many bytes.
fn declared(len: u64) -> Vec<u8> {
    let mut bytes = vec![0x81, 127];
    bytes.extend(len.to_be_bytes());
    bytes
}
