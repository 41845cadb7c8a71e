//! A server that does what a test tells it, over real sockets: raw bytes, hand-made frames, and
//! one connection's number, so that it can be right at first and wrong later.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use litespec::wire::upgrade::accept_key;

/// What a connection does; an error ends it, as the other side's going away does.
pub(crate) type Script = fn(&mut Client) -> io::Result<()>;

/// The interval that a right server gives.
pub(crate) const INTERVAL: &str = "1000";

/// One connection of the server's.
pub(crate) struct Client {
    stream: TcpStream,
    /// Counted from 1.
    pub(crate) number: usize,
}

/// Serves every connection of a free port in a thread of its own; returns the URL. The listener
/// lives until `last` connections have been accepted, else as long as the test program.
pub(crate) fn serve(
    last: Option<usize>,
    script: impl Fn(&mut Client) -> io::Result<()> + Send + Sync + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let script = Arc::new(script);
    std::thread::spawn(move || {
        for number in 1..=last.unwrap_or(usize::MAX) {
            let Ok((stream, _)) = listener.accept() else {
                return;
            };
            let script = Arc::clone(&script);
            std::thread::spawn(move || {
                let _ = script(&mut Client { stream, number });
            });
        }
    });
    url
}

/// A frame as a server sends it. `first` holds FIN, reserved bits and opcode.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..=125 => bytes.push(len as u8),
        len @ 126..=0xffff => {
            bytes.push(126);
            bytes.extend((len as u16).to_be_bytes());
        }
        len => {
            bytes.push(127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend(payload);
    bytes
}

/// A text message in one frame.
pub(crate) fn text(payload: &str) -> Vec<u8> {
    frame(0x81, payload.as_bytes())
}

/// A close frame's body.
pub(crate) fn close(code: u16, reason: &str) -> Vec<u8> {
    let mut body = code.to_be_bytes().to_vec();
    body.extend(reason.as_bytes());
    frame(0x88, &body)
}

impl Client {
    /// Reads the upgrade request.
    pub(crate) fn request(&mut self) -> io::Result<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        String::from_utf8(head).map_err(io::Error::other)
    }

    /// The upgrade, with further header lines.
    pub(crate) fn upgrade_with(&mut self, more: &str) -> io::Result<()> {
        let request = self.request()?;
        let key = request
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"))
            .map_or("", |(_, value)| value);
        let accept = accept_key(key);
        self.raw(
            format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: {accept}\r\n{more}\r\n"
            )
            .as_bytes(),
        )
    }

    /// The upgrade and a HELLO with this interval, whatever it is.
    pub(crate) fn hello(&mut self, interval: &str) -> io::Result<()> {
        self.upgrade_with("")?;
        self.raw(&text(&format!(r#"{{"op":0,"hb_interval":{interval}}}"#)))
    }

    /// Sends bytes.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends bytes again and again until nobody takes them any more.
    pub(crate) fn flood(&mut self, bytes: &[u8]) -> io::Result<()> {
        loop {
            self.raw(bytes)?;
        }
    }

    /// Keeps the connection and reads what comes until it ends.
    pub(crate) fn hold(&mut self) -> io::Result<()> {
        while self.stream.read(&mut [0; 4096])? > 0 {}
        Ok(())
    }

    /// Keeps the connection and never reads from it.
    pub(crate) fn deaf(&self) -> ! {
        loop {
            std::thread::park();
        }
    }

    /// Waits a moment, less if the other side goes away.
    pub(crate) fn moment(&mut self) -> io::Result<()> {
        self.stream
            .set_read_timeout(Some(Duration::from_millis(10)))?;
        match self.stream.read(&mut [0; 1]) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Ends the connection with RST: the system sends it for what was never read.
    pub(crate) fn reset(&mut self) -> io::Result<()> {
        self.stream.peek(&mut [0; 1])?;
        Ok(())
    }

    /// The next frame's opcode and payload.
    pub(crate) fn hear(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head)?;
        let mut len = u64::from(head[1] & 0x7f);
        if len >= 126 {
            let mut bytes = [0; 8];
            let start = if len == 126 { 6 } else { 0 };
            self.stream.read_exact(&mut bytes[start..])?;
            len = u64::from_be_bytes(bytes);
        }
        let mut key = [0; 4];
        if head[1] & 0x80 != 0 {
            self.stream.read_exact(&mut key)?;
        }
        let mut payload = vec![0; len as usize];
        self.stream.read_exact(&mut payload)?;
        for (at, byte) in payload.iter_mut().enumerate() {
            *byte ^= key[at % 4];
        }
        Ok((head[0] & 15, payload))
    }

    /// Upgrade, HELLO, and an ACK for every HEARTBEAT until the other side closes.
    pub(crate) fn right(&mut self) -> io::Result<()> {
        self.hello(INTERVAL)?;
        self.acknowledge()
    }

    /// An ACK for every HEARTBEAT until the other side closes.
    pub(crate) fn acknowledge(&mut self) -> io::Result<()> {
        loop {
            let (opcode, payload) = self.hear()?;
            let payload = String::from_utf8_lossy(&payload).replace(' ', "");
            if opcode == 8 {
                return self.raw(&close(1000, ""));
            }
            if payload == r#"{"op":2}"# {
                self.raw(&text(r#"{"op":3}"#))?;
            }
        }
    }
}
