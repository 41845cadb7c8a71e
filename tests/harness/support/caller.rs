//! A client that does what a test tells it, right or wrong, over streams in memory.

use std::time::Duration;

use litespec::wire::memory::MemoryDial;
use litespec::wire::target::Target;
use litespec::wire::{Conn, Incoming, Limits, Offer, OpenError, OutFrame, close_body};
use tokio::time::{Instant, sleep, sleep_until};

/// One connection of the client's.
pub(crate) struct Caller {
    conn: Conn,
}

/// What a caller hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Text(String),
    Close(Option<u16>),
    End,
}

impl Caller {
    /// Dials and asks for the upgrade.
    pub(crate) async fn dial(dial: &MemoryDial) -> Result<Caller, OpenError> {
        let target = Target::parse("ws://memory/").expect("the URL is right");
        let mut rng = fastrand::Rng::with_seed(7);
        let (offer, limits) = (Offer::default(), Limits::default());
        let opened = litespec::wire::open(dial, &target, &offer, &limits, &mut rng).await?;
        Ok(Caller { conn: opened.conn })
    }

    /// Sends a text message.
    pub(crate) async fn say(&mut self, text: &str) {
        self.conn.queue(&OutFrame::text(text.as_bytes()));
        let _ = self.conn.flush().await;
    }

    /// Sends a frame.
    pub(crate) async fn frame(&mut self, frame: &OutFrame<'_>) {
        self.conn.queue(frame);
        let _ = self.conn.flush().await;
    }

    /// The next text message or end. Answers pings and closes.
    pub(crate) async fn hear(&mut self) -> Heard {
        loop {
            match self.conn.next().await.incoming {
                Incoming::Text { text, .. } => {
                    return Heard::Text(text.expect("the harness sends UTF-8"));
                }
                Incoming::Ping(bytes) => self.frame(&OutFrame::pong(&bytes)).await,
                Incoming::Close(body) => {
                    let echo = close_body(body.code, b"");
                    self.frame(&OutFrame::close(&echo)).await;
                    return Heard::Close(body.code);
                }
                Incoming::Eof | Incoming::Reset(_) => return Heard::End,
                Incoming::Binary { .. }
                | Incoming::Pong(_)
                | Incoming::Fault(_)
                | Incoming::Bytes(_) => {}
            }
        }
    }

    /// Waits for the end of the connection, hearing whatever comes.
    pub(crate) async fn idle(mut self) {
        while matches!(self.hear().await, Heard::Text(_)) {}
    }
}

/// How a client lives; the default is right.
#[derive(Clone, Copy)]
pub(crate) struct Habits {
    /// What it says as soon as the WebSocket is open.
    pub(crate) at_once: Option<&'static str>,
    /// What it says between HELLO and HELLO_ACK.
    pub(crate) before_ack: Option<&'static str>,
    pub(crate) ack: Option<&'static str>,
    /// What it says behind HELLO_ACK.
    pub(crate) then: &'static [&'static str],
    /// From one heartbeat to the next, in intervals.
    pub(crate) period: f64,
    /// How many heartbeats it sends on each connection, in order; more than there are: all.
    pub(crate) beats: &'static [u32],
    /// It keeps to the interval of its first connection.
    pub(crate) stale: bool,
    /// Milliseconds before each reconnection, the last for all further ones; none: it does not.
    pub(crate) waits: &'static [u64],
    /// It opens a second connection beside the first.
    pub(crate) twin: bool,
    /// It ends the connection at a RESPONSE.
    pub(crate) fragile: bool,
}

impl Default for Habits {
    fn default() -> Habits {
        Habits {
            at_once: None,
            before_ack: None,
            ack: Some(r#"{"op":1,"password":"opensesame"}"#),
            then: &[],
            period: 0.8,
            beats: &[],
            stale: false,
            waits: &[1100, 1700, 1300, 2900, 1200, 2100],
            twin: false,
            fragile: false,
        }
    }
}

/// Lives by its habits until nobody listens any more.
pub(crate) async fn live(dial: MemoryDial, habits: Habits) {
    if habits.twin {
        let dial = dial.clone();
        tokio::spawn(async move {
            sleep(Duration::from_millis(1500)).await;
            again_and_again(dial, habits).await;
        });
    }
    again_and_again(dial, habits).await;
}

async fn again_and_again(dial: MemoryDial, habits: Habits) {
    let mut first_hb = None;
    for connection in 0.. {
        match Caller::dial(&dial).await {
            Ok(caller) => one(caller, habits, connection, &mut first_hb).await,
            Err(OpenError::Dial(_)) => return,
            Err(_) => {}
        }
        let Some(last) = habits.waits.last() else {
            return std::future::pending().await;
        };
        let wait = habits.waits.get(connection).unwrap_or(last);
        sleep(Duration::from_millis(*wait)).await;
    }
}

/// One connection from HELLO to its end.
async fn one(
    mut caller: Caller,
    habits: Habits,
    connection: usize,
    first_hb: &mut Option<Duration>,
) {
    if let Some(text) = habits.at_once {
        caller.say(text).await;
    }
    let Heard::Text(hello) = caller.hear().await else {
        return;
    };
    let hello: serde_json::Value = serde_json::from_str(&hello).expect("HELLO is JSON");
    let hb = Duration::from_millis(hello["hb_interval"].as_u64().expect("an interval"));
    let hb = match habits.stale {
        true => *first_hb.get_or_insert(hb),
        false => hb,
    };
    for text in habits.before_ack.iter().chain(&habits.ack) {
        caller.say(text).await;
    }
    for text in habits.then {
        caller.say(text).await;
    }
    let mut left = habits.beats.get(connection).copied().unwrap_or(u32::MAX);
    let mut next = Instant::now() + hb.mul_f64(habits.period);
    loop {
        tokio::select! {
            biased;
            heard = caller.hear() => match heard {
                Heard::Text(text) if habits.fragile && text.contains("\"op\": 5") => {
                    let body = close_body(Some(1002), b"stranger");
                    return caller.frame(&OutFrame::close(&body)).await;
                }
                Heard::Text(_) => {}
                Heard::Close(_) | Heard::End => return,
            },
            () = sleep_until(next), if left > 0 => {
                caller.say(r#"{"op":2}"#).await;
                left -= 1;
                next += hb.mul_f64(habits.period);
            }
        }
    }
}
