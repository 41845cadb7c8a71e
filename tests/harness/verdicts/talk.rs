//! One connection of a bent server: its loop, its timer, its frames and its ends.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use litespec::wire::memory::MemoryStream;
use litespec::wire::{
    Conn, FrameFault, Incoming, Limits, OutFrame, Side, close_body, opcode, upgrade,
};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::quirk::{Ask, Auth, Bad, Beat, Quirk, Say};
use super::spell;
use super::world::{Order, World};

/// The connection is over.
pub(crate) struct End;

/// One connection.
pub(crate) struct Talk {
    pub(crate) world: Arc<World>,
    pub(crate) id: usize,
    conn: Conn,
    orders: UnboundedReceiver<Order>,
    pub(crate) later: Vec<(Instant, Order)>,
    pub(crate) held: Vec<String>,
    pub(crate) interval: Duration,
    opened: Instant,
    pub(crate) let_in: Option<Instant>,
    pub(crate) first_beat: Option<Instant>,
    pub(crate) last_beat: Option<Instant>,
    pub(crate) beats: u32,
    pub(crate) requests: u32,
    pub(crate) in_flight: Vec<String>,
    pub(crate) previous: Value,
    /// When the next fixed window ends, and whether this one has had a beat.
    pub(crate) window: (Instant, bool),
    tick: Option<Instant>,
    /// When the last of the answers that are worked out in turn will be there.
    pub(crate) busy_until: Instant,
}

impl Talk {
    /// Takes the upgrade.
    pub(crate) async fn open(world: Arc<World>, mut stream: MemoryStream) -> Option<Talk> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).ok()?;
        let key = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"))?
            .1;
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            upgrade::accept_key(key.trim())
        );
        // With the upgrade's answer in the segment of HELLO, or ahead of it.
        let beside = world.quirk == Quirk::OneWriteABatch;
        if !beside {
            stream.write_all(answer.as_bytes()).await.ok()?;
        }
        let (id, orders) = world.join();
        let now = Instant::now();
        let mut interval = world.interval;
        if world.quirk == Quirk::IntervalVaries {
            interval += Duration::from_millis(id as u64 % 7 * 50);
        }
        let limits = Limits::default();
        let mut conn = Conn::new(Box::new(stream), Side::Server, limits, Vec::new());
        if beside {
            conn.queue_raw(answer.as_bytes());
        }
        Some(Talk {
            id,
            conn,
            orders,
            later: Vec::new(),
            held: Vec::new(),
            interval,
            opened: now,
            let_in: None,
            first_beat: None,
            last_beat: None,
            beats: 0,
            requests: 0,
            in_flight: Vec::new(),
            previous: Value::Null,
            window: (now + interval, false),
            tick: None,
            busy_until: now,
            world,
        })
    }

    pub(crate) fn quirk(&self) -> Quirk {
        self.world.quirk
    }

    pub(crate) async fn run(&mut self) -> Result<(), End> {
        self.greet().await?;
        self.begin_ticking();
        loop {
            let _ = self.conn.flush().await;
            let due = self.due();
            let time = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                got = batch(&mut self.conn) => self.batch(got).await?,
                Some(order) = self.orders.recv() => self.obey(order).await?,
                () = time => self.on_time(Instant::now()).await?,
            }
        }
    }

    async fn greet(&mut self) -> Result<(), End> {
        if self.quirk() == Quirk::KicksTheFirst {
            for id in 0..self.id {
                self.world.tell(id, Order::Close(1000));
            }
        }
        match self.quirk() {
            Quirk::SlowHello(ms) => sleep(Duration::from_millis(ms)).await,
            Quirk::Say(Say::NoHello) => return Ok(()),
            Quirk::Say(Say::HelloOnlyFirst) if self.id > 0 => return Ok(()),
            Quirk::Say(Say::HelloAfterClient) => {
                let _ = self.conn.next().await;
            }
            Quirk::Say(Say::HelloOneAtATime) => {
                while self.world.state().live.keys().next() != Some(&self.id) {
                    sleep(Duration::from_millis(50)).await;
                }
            }
            Quirk::Say(Say::AckFirst) => self.say(3, &[]).await,
            _ => {}
        }
        self.hello().await;
        if self.quirk() == Quirk::Say(Say::HelloTwice) {
            self.hello().await;
        }
        Ok(())
    }

    pub(crate) async fn hello(&mut self) {
        let ms = u64::try_from(self.interval.as_millis()).unwrap_or(u64::MAX);
        match self.quirk() {
            Quirk::Say(Say::Interval("")) => self.say(0, &[]).await,
            Quirk::Say(Say::Interval(text)) => {
                let value = serde_json::from_str(text).expect("JSON");
                self.say(0, &[("hb_interval", value)]).await;
            }
            Quirk::IntervalAsFloat => self.say(0, &[("hb_interval", (ms as f64).into())]).await,
            _ => self.say(0, &[("hb_interval", ms.into())]).await,
        }
    }

    fn begin_ticking(&mut self) {
        let ticks = matches!(
            self.quirk(),
            Quirk::ServerPings
                | Quirk::NewOps
                | Quirk::Beat(Beat::OnATimer)
                | Quirk::Say(Say::HelloRepeated | Say::Unasked(_))
        );
        self.tick = ticks.then(|| self.opened + self.interval.mul_f64(0.3));
    }

    /// When a silent client is given up.
    fn deadline(&self) -> Option<Instant> {
        let plain = |from: Option<Instant>, share: f64| Some(from? + self.interval.mul_f64(share));
        let last = self.last_beat.or(self.let_in);
        match self.quirk() {
            Quirk::Prompt => plain(last, 1.0),
            Quirk::PromptFromConnect => plain(self.last_beat.or(Some(self.opened)), 1.0),
            Quirk::FixedWindows(_) => Some(self.window.0),
            Quirk::HandshakeLimit(_) if self.let_in.is_none() => {
                Some(self.opened + Duration::from_secs(1))
            }
            Quirk::Beat(beat) => match beat {
                Beat::NeverTimesOut => None,
                Beat::At70Percent => plain(last, 0.7),
                Beat::At97Percent => plain(last, 0.97),
                Beat::NotReset => plain(self.let_in, 1.5),
                Beat::OnlyFirstResets => plain(self.first_beat.or(self.let_in), 1.5),
                Beat::EachAddsAnInterval => plain(self.let_in, 1.5 + f64::from(self.beats)),
                Beat::ArmedByFirst => plain(self.last_beat, 1.5),
                Beat::AtSix => plain(last, 6.0),
                Beat::AliveByOthers => plain(self.world.state().beaten.max(last), 1.5),
                Beat::FirstConnectionOnly if self.id > 0 => None,
                _ => plain(last, 1.5),
            },
            _ => plain(last, 1.5),
        }
    }

    fn due(&self) -> Option<Instant> {
        let later = self.later.iter().map(|(at, _)| *at);
        later.chain(self.tick).chain(self.deadline()).min()
    }

    async fn on_time(&mut self, now: Instant) -> Result<(), End> {
        while let Some(at) = self.later.iter().position(|(at, _)| *at <= now) {
            let (_, order) = self.later.remove(at);
            self.obey(order).await?;
        }
        if self.tick.is_some_and(|tick| tick <= now) {
            self.tick = Some(now + self.interval.mul_f64(0.3));
            self.on_tick().await;
        }
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.give_up(now).await?;
        }
        Ok(())
    }

    async fn on_tick(&mut self) {
        match self.quirk() {
            Quirk::ServerPings => self.conn.queue(&OutFrame::ping(b"are you there?")),
            Quirk::NewOps => self.say(9, &[("event", "tick".into())]).await,
            Quirk::Beat(Beat::OnATimer) => self.say(3, &[]).await,
            Quirk::Say(Say::HelloRepeated) => self.hello().await,
            Quirk::Say(Say::Unasked(op)) if self.let_in.is_some() => self.unasked(op).await,
            _ => {}
        }
    }

    pub(crate) async fn unasked(&mut self, op: u8) {
        let w = ("w", Value::from("ANYTHING"));
        let a = ("a", Value::Array(Vec::new()));
        match op {
            4 => self.say(4, &[w, a, ("n", 1.into())]).await,
            6 => self.say(6, &[w, a]).await,
            1 => self.say(1, &[("password", "x".into())]).await,
            op => self.say(op.into(), &[]).await,
        }
    }

    async fn give_up(&mut self, now: Instant) -> Result<(), End> {
        match self.quirk() {
            Quirk::FixedWindows(grace) if self.window.1 || self.let_in.is_none() => {
                let length = self.interval + Duration::from_millis(grace);
                self.window = (now + length, false);
                Ok(())
            }
            Quirk::HandshakeLimit(code) if self.let_in.is_none() => self.close(code).await,
            Quirk::Beat(Beat::Code(code)) => self.close(code).await,
            Quirk::Beat(Beat::NoCode) => self.close_with(&[]).await,
            Quirk::Beat(Beat::NoFrame) => Err(End),
            Quirk::Beat(Beat::OneEndsAll) => {
                self.world.tell_all(&Order::Close(4003));
                self.close(4003).await
            }
            _ => self.close(4003).await,
        }
    }

    async fn obey(&mut self, order: Order) -> Result<(), End> {
        match order {
            Order::Say(text) => self.put(&text, false).await,
            Order::Answer(key, text) => {
                self.in_flight.retain(|other| *other != key);
                self.world.state().seen.remove(&key);
                self.put(&text, false).await;
            }
            Order::LetIn => self.let_in = Some(Instant::now()),
            Order::Close(code) => return self.close(code).await,
            Order::Drop => return Err(End),
            Order::Hang => std::future::pending().await,
        }
        Ok(())
    }

    async fn batch(&mut self, got: Vec<Incoming>) -> Result<(), End> {
        let mut packets = Vec::new();
        for incoming in got {
            let bad = match incoming {
                Incoming::Text {
                    text: Ok(text),
                    frames,
                } => {
                    let lost = self.quirk() == Quirk::Ask(Ask::FragmentsLost) && frames > 1;
                    if !lost {
                        packets.push(text);
                    }
                    continue;
                }
                Incoming::Ping(bytes) => {
                    self.conn.queue(&OutFrame::pong(&bytes));
                    self.counts(matches!(self.quirk(), Quirk::Beat(Beat::PingsCount)));
                    continue;
                }
                Incoming::Pong(_) => {
                    self.counts(matches!(self.quirk(), Quirk::Beat(Beat::PongsCount)));
                    continue;
                }
                Incoming::Close(body) => {
                    self.texts(std::mem::take(&mut packets), true).await?;
                    if body.fault.is_some() {
                        self.world.suffers(Bad::OddControl);
                    }
                    let echo = close_body(body.code, b"");
                    self.conn.queue(&OutFrame::close(&echo));
                    let _ = self.conn.flush().await;
                    return Err(End);
                }
                Incoming::Eof | Incoming::Bytes(_) => None,
                Incoming::Reset(_) => Some(Bad::Reset),
                Incoming::Text { text: Err(_), .. } => Some(Bad::Utf8),
                Incoming::Binary { .. } => {
                    self.texts(std::mem::take(&mut packets), true).await?;
                    self.world.suffers(Bad::Binary);
                    self.at_will().await?;
                    continue;
                }
                Incoming::Fault(fault) => Some(kind(&fault)),
            };
            self.texts(std::mem::take(&mut packets), true).await?;
            let Some(bad) = bad else { return Err(End) };
            self.world.suffers(bad);
            let code = if bad == Bad::Utf8 { 1007 } else { 1002 };
            return self.close(code).await;
        }
        self.texts(packets, false).await
    }

    /// Says a packet.
    pub(crate) async fn say(&mut self, op: u64, members: &[(&str, Value)]) {
        let quirk = self.quirk();
        let text = spell::packet(quirk, op, members);
        let (text, binary) = match (quirk, op) {
            (Quirk::Say(Say::HelloBinary), 0)
            | (Quirk::Say(Say::AckBinary), 3)
            | (Quirk::Say(Say::ResponseBinary), 5) => (text, true),
            (Quirk::Say(Say::AckAsList), 3) | (Quirk::Say(Say::ResponseAsList), 5) => {
                (format!("[{text}]"), false)
            }
            (Quirk::Say(Say::AckOpText), 3) => (r#"{"op":"3"}"#.to_owned(), false),
            (Quirk::Say(Say::AckWithoutOp), 3) => (r#"{"ack":true}"#.to_owned(), false),
            (Quirk::Say(Say::ResponseNotJson), 5) => (text.replace('"', "'"), false),
            _ => (text, false),
        };
        self.put(&text, binary).await;
    }

    /// Writes a text in this server's frames.
    async fn put(&mut self, text: &str, binary: bool) {
        let bytes = text.as_bytes();
        let parts: Vec<&[u8]> = match self.quirk() {
            Quirk::Fragmented | Quirk::PingBetweenFragments => bytes.chunks(3).collect(),
            Quirk::EmptyFragments => vec![b"", bytes, b"", b""],
            _ => vec![bytes],
        };
        let first = if binary { opcode::BINARY } else { opcode::TEXT };
        for (at, part) in parts.iter().enumerate() {
            let code = if at == 0 { first } else { opcode::CONTINUATION };
            let frame = OutFrame {
                fin: at + 1 == parts.len(),
                ..OutFrame::new(code, part)
            };
            if self.quirk() == Quirk::OneOctet {
                self.by_octets(&frame).await;
            } else {
                self.conn.queue(&frame);
            }
            if self.quirk() == Quirk::PingBetweenFragments {
                self.conn.queue(&OutFrame::ping(b"between"));
            }
        }
        if self.quirk() != Quirk::OneWriteABatch {
            let _ = self.conn.flush().await;
        }
    }

    async fn by_octets(&mut self, frame: &OutFrame<'_>) {
        let mut bytes = Vec::new();
        frame.encode_into(&mut bytes);
        for byte in bytes {
            self.conn.queue_raw(&[byte]);
            let _ = self.conn.flush().await;
            tokio::task::yield_now().await;
        }
    }

    /// Closes with a code.
    pub(crate) async fn close(&mut self, code: u16) -> Result<(), End> {
        let reason = match self.quirk() {
            Quirk::Reason(reason) => &reason[..reason.len().min(123)],
            _ => "bye",
        };
        self.close_with(&close_body(Some(code), reason.as_bytes()))
            .await
    }

    pub(crate) async fn close_with(&mut self, body: &[u8]) -> Result<(), End> {
        if self.quirk() == Quirk::NewOps {
            self.say(7, &[("error", "going to close".into())]).await;
        }
        self.conn.queue(&OutFrame::close(body));
        if self.quirk() == Quirk::CloseTwice {
            self.conn.queue(&OutFrame::close(body));
        }
        let _ = self.conn.flush().await;
        match self.quirk() {
            Quirk::NoEchoAwaited => {}
            Quirk::ResetBehindClose => self.conn.reset(),
            Quirk::HalfClose => {
                let _ = self.conn.shutdown().await;
                let _ = timeout(Duration::from_secs(5), self.drain(false)).await;
            }
            Quirk::LeavesTcpOpen => self.drain(false).await,
            _ => {
                let _ = timeout(Duration::from_secs(1), self.drain(true)).await;
            }
        }
        Err(End)
    }

    async fn drain(&mut self, to_echo: bool) {
        loop {
            match self.conn.next().await.incoming {
                Incoming::Eof | Incoming::Reset(_) => return,
                Incoming::Close(_) if to_echo => return,
                _ => {}
            }
        }
    }

    /// Takes the connection's leave of the others.
    pub(crate) fn leave(&mut self) {
        self.world.state().live.remove(&self.id);
        let stale = self.quirk() == Quirk::Beat(Beat::StaleTimer);
        if let (true, Some(deadline)) = (stale, self.deadline()) {
            let (world, id) = (Arc::clone(&self.world), self.id);
            tokio::spawn(async move {
                sleep_until(deadline).await;
                for next in id + 1..=world.newest() {
                    world.tell(next, Order::Close(4003));
                }
            });
        }
        let unsaid = self.later.drain(..).filter_map(|(_, order)| match order {
            Order::Answer(_, text) => Some(text),
            _ => None,
        });
        let unsaid: Vec<String> = unsaid.collect();
        if self.quirk() == Quirk::Ask(Ask::SlotReused) {
            self.world.state().undelivered.extend(unsaid);
        }
        if self.quirk() == Quirk::Auth(Auth::Remembered) && self.let_in.is_some() {
            self.world.state().let_in = true;
        }
    }
}

/// All that has come, at least one.
async fn batch(conn: &mut Conn) -> Vec<Incoming> {
    let mut got = vec![conn.next().await.incoming];
    poll_fn(|cx| {
        while let Poll::Ready(stamped) = conn.poll_incoming(cx) {
            got.push(stamped.incoming);
        }
        Poll::Ready(())
    })
    .await;
    got
}

fn kind(fault: &FrameFault) -> Bad {
    match fault {
        FrameFault::ReservedBits { .. } => Bad::ReservedBits,
        FrameFault::ReservedOpcode { .. } => Bad::ReservedOpcode,
        FrameFault::UnmaskedFromClient => Bad::Unmasked,
        FrameFault::FragmentedControl { .. } | FrameFault::LongControl { .. } => Bad::OddControl,
        FrameFault::ContinuationWithoutStart | FrameFault::DataInsideMessage { .. } => {
            Bad::OutOfOrder
        }
        FrameFault::LengthNotShortest { .. } => Bad::LyingLength,
        FrameFault::CutShort { .. } => Bad::CutShort,
        _ => Bad::LyingLength,
    }
}
