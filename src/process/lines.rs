//! Talking with a child by lines: what it is given on its standard input, what it prints on its
//! standard output, in bounded memory.

use std::io;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::mpsc::{self, Receiver, Sender, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;

use super::{Tail, lock};

/// Lines that wait to be taken; a child that prints more waits.
const WAITING: usize = 64;
/// Bytes of the longest line that is passed on whole. A longer one is only seen among the child's last
/// lines, cut.
const LONGEST: usize = 1 << 20;

/// Both directions. Dropping it ends the child's standard input.
#[derive(Debug)]
pub struct Lines {
    to: UnboundedSender<String>,
    from: Receiver<String>,
}

impl Lines {
    /// Also what reads the child's lines. Those that begin no JSON object belong to its last lines.
    pub(super) fn new(
        stdin: ChildStdin,
        stdout: ChildStdout,
        tail: Arc<Mutex<Tail>>,
    ) -> (Lines, JoinHandle<()>) {
        let (to, told) = mpsc::unbounded_channel();
        let (tell, from) = mpsc::channel(WAITING);
        tokio::spawn(write(stdin, told));
        (Lines { to, from }, tokio::spawn(read(stdout, tell, tail)))
    }

    /// Gives the child one line, given without its end; it goes out as fast as the child reads.
    ///
    /// # Errors
    /// The child has closed its standard input.
    pub fn send(&self, line: &str) -> io::Result<()> {
        let ended = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.to.send(format!("{line}\n")).map_err(ended)
    }

    /// The next line that the child printed, without its end; none once there will be no more.
    pub fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<Option<String>> {
        self.from.poll_recv(cx)
    }
}

async fn write(mut stdin: ChildStdin, mut told: UnboundedReceiver<String>) {
    while let Some(line) = told.recv().await {
        let written = stdin.write_all(line.as_bytes()).await;
        if written.is_err() || stdin.flush().await.is_err() {
            return;
        }
    }
}

async fn read(mut stdout: ChildStdout, tell: Sender<String>, tail: Arc<Mutex<Tail>>) {
    let mut buffer = vec![0; 16 << 10];
    let mut line = Vec::new();
    let mut heard = true;
    while let Ok(count @ 1..) = stdout.read(&mut buffer).await {
        for part in buffer[..count].split_inclusive(|byte| *byte == b'\n') {
            let room = LONGEST.saturating_sub(line.len());
            line.extend_from_slice(&part[..part.len().min(room)]);
            if part.len() > room {
                // No line that is passed on begins so.
                line[0] = b'.';
            }
            if !part.ends_with(b"\n") {
                continue;
            }
            let said = std::mem::take(&mut line);
            if !said.trim_ascii_start().starts_with(b"{") {
                lock(&tail).take(&said);
                // The end of a line that was cut.
                lock(&tail).take(if said.ends_with(b"\n") { b"" } else { b"\n" });
            } else if heard {
                let said = String::from_utf8_lossy(said.trim_ascii_end()).into_owned();
                // Where nobody listens any more, the child must not wait for them.
                heard = tell.send(said).await.is_ok();
            }
        }
    }
    lock(&tail).take(&line);
}
