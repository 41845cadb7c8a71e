//! What a bent server does with each packet.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::quirk::{Ask, Auth, Bad, Beat, Bend, Gate, Quirk, Say};
use super::spell;
use super::talk::{End, Talk};
use super::world::Order;

/// The shared password.
pub(crate) const PASSWORD: &str = "helloworld";

impl Talk {
    /// Handles the texts that came together; `more`: something else came behind them.
    pub(crate) async fn texts(&mut self, mut texts: Vec<String>, more: bool) -> Result<(), End> {
        let is = |text: &str, op: u64| {
            serde_json::from_str::<Value>(text).is_ok_and(|v| v["op"].as_u64() == Some(op))
        };
        match self.quirk() {
            Quirk::Gate(Gate::AfterTheBatch) => texts.sort_by_key(|text| !is(text, 1)),
            Quirk::Ask(Ask::LostInBatch) => keep(&mut texts, 1, |text| is(text, 4)),
            Quirk::Ask(Ask::LostBeyond16) => keep(&mut texts, 16, |text| is(text, 4)),
            Quirk::Beat(Beat::Coalesced) => keep(&mut texts, 1, |text| is(text, 2)),
            _ => {}
        }
        let mut left = texts.len();
        for text in texts {
            left -= 1;
            let was_out = self.let_in.is_none();
            self.text(&text, left > 0 || more).await?;
            let lost = self.quirk() == Quirk::Auth(Auth::RestOfSegmentLost);
            if lost && was_out && self.let_in.is_some() {
                break;
            }
        }
        for text in std::mem::take(&mut self.held).into_iter().rev() {
            self.later.push((Instant::now(), Order::Say(text)));
        }
        Ok(())
    }

    async fn text(&mut self, text: &str, more: bool) -> Result<(), End> {
        if text.len() > 900_000 {
            self.world.suffers(Bad::Huge);
        }
        let Ok(packet) = serde_json::from_str::<Value>(text) else {
            let deep = text.matches(['[', '{']).count() > 1000;
            self.world
                .suffers(if deep { Bad::Deep } else { Bad::Garbage });
            return self.at_will().await;
        };
        let by_text = self.quirk() == Quirk::Auth(Auth::ByText);
        if by_text && !text.starts_with("{\"op\": ") {
            return Ok(());
        }
        let Value::Object(members) = &packet else {
            self.world.suffers(Bad::NoObject);
            return self.at_will().await;
        };
        if self.quirk() == Quirk::Beat(Beat::AnyPacketCounts) {
            self.counts(true);
        }
        let fields = match packet["op"].as_u64() {
            Some(1) => 2,
            Some(2) => 1,
            Some(4) => 4,
            Some(6) => 3,
            Some(0 | 3 | 5) => {
                self.world.suffers(Bad::WrongWay);
                return self.stranger(&packet).await;
            }
            _ => {
                self.world.suffers(Bad::UnknownOp);
                return self.stranger(&packet).await;
            }
        };
        let strict = matches!(self.quirk(), Quirk::ClosesOpen(_) | Quirk::DropsOpen);
        if strict && members.len() > fields {
            return self.at_will().await;
        }
        match packet["op"].as_u64() {
            Some(1) => self.hello_ack(&packet, more).await,
            Some(2) => self.heartbeat(&packet).await,
            Some(4) => self.request(&packet).await,
            _ => self.dispatch(&packet).await,
        }
    }

    /// Something that the text leaves open.
    pub(crate) async fn at_will(&mut self) -> Result<(), End> {
        match self.quirk() {
            Quirk::ClosesOpen(code) => self.close(code).await,
            Quirk::DropsOpen => Err(End),
            _ => Ok(()),
        }
    }

    async fn stranger(&mut self, packet: &Value) -> Result<(), End> {
        if self.quirk() == Quirk::Ask(Ask::UnknownOpAnswered) && packet.get("n").is_some() {
            self.say(5, &[("n", packet["n"].clone()), ("r", Value::Null)])
                .await;
        }
        self.at_will().await
    }

    fn fits(&self, given: Option<&Value>) -> bool {
        let Quirk::Auth(auth) = self.quirk() else {
            return given == Some(&PASSWORD.into());
        };
        let text = match (auth, given) {
            (Auth::NullAccepted, Some(Value::Null))
            | (Auth::TrueAccepted, Some(Value::Bool(true)))
            | (Auth::MissingAccepted, None) => return true,
            (Auth::ZeroAccepted, Some(Value::Number(n))) => return n.as_f64() == Some(0.0),
            (Auth::ListAccepted, Some(Value::Array(items))) => {
                return items.contains(&PASSWORD.into());
            }
            (Auth::ObjectAccepted, Some(Value::Object(_))) => return true,
            (_, Some(Value::String(text))) => text.as_str(),
            _ => return false,
        };
        text == PASSWORD
            || match auth {
                Auth::Any => true,
                Auth::Prefix => !text.is_empty() && PASSWORD.starts_with(text),
                Auth::Extension => text.starts_with(PASSWORD),
                Auth::Suffix => text.ends_with(PASSWORD),
                Auth::Length => text.len() == PASSWORD.len(),
                Auth::CaseInsensitive => text.eq_ignore_ascii_case(PASSWORD),
                Auth::Trimmed => text.trim() == PASSWORD,
                Auth::CutAtNul => text.split('\0').next() == Some(PASSWORD),
                Auth::EmptyAccepted => text.is_empty(),
                Auth::NotEmpty => !text.is_empty(),
                _ => false,
            }
    }

    async fn hello_ack(&mut self, packet: &Value, more: bool) -> Result<(), End> {
        if self.let_in.is_some() {
            if self.quirk() == Quirk::Ask(Ask::SecondHelloAckAnswered) && packet.get("n").is_some()
            {
                self.say(5, &[("n", packet["n"].clone()), ("r", true.into())])
                    .await;
            }
            return self.at_will().await;
        }
        if self.fits(packet.get("password")) {
            self.let_in().await;
            return Ok(());
        }
        let text = packet.get("password").is_some_and(Value::is_string);
        match self.quirk() {
            Quirk::Auth(Auth::TypeIgnored) if !text => Ok(()),
            Quirk::Auth(Auth::TypeCode(code)) if !text => self.close(code).await,
            Quirk::Auth(Auth::Code(code)) => self.close(code).await,
            Quirk::Auth(Auth::NoCode) => self.close_with(&[]).await,
            Quirk::Auth(Auth::NoFrame) => Err(End),
            Quirk::Auth(Auth::NoFrameUnderTraffic) if more => Err(End),
            Quirk::Auth(Auth::Late) => {
                sleep(Duration::from_secs(7)).await;
                self.close(4001).await
            }
            Quirk::Auth(Auth::Never) => Ok(()),
            // The close waits until what came with it is done.
            Quirk::Auth(Auth::ReadsOn) => {
                self.let_in = Some(Instant::now());
                let soon = Instant::now() + Duration::from_millis(20);
                self.later.push((soon, Order::Close(4001)));
                Ok(())
            }
            _ => self.close(4001).await,
        }
    }

    async fn let_in(&mut self) {
        let now = Instant::now();
        match self.quirk() {
            Quirk::Auth(Auth::CheckedAside) => {
                let checked = now + Duration::from_millis(5);
                self.later.push((checked, Order::LetIn));
                return;
            }
            Quirk::Auth(Auth::Shared) => self.world.state().let_in = true,
            Quirk::Auth(Auth::ClosesSoon) => {
                let soon = now + Duration::from_millis(700);
                self.later.push((soon, Order::Close(1000)));
            }
            Quirk::Auth(Auth::GreetsAgain) => self.hello().await,
            Quirk::Beat(Beat::AckForHelloAck) => self.say(3, &[]).await,
            _ => {}
        }
        self.let_in = Some(now);
        if matches!(self.quirk(), Quirk::FixedWindows(_)) {
            self.window.1 = true;
        }
        if self.quirk() == Quirk::Ask(Ask::SlotReused) {
            let unsaid = std::mem::take(&mut self.world.state().undelivered);
            let orders = unsaid.into_iter().map(|text| (now, Order::Say(text)));
            self.later.extend(orders);
        }
    }

    fn is_in(&self) -> bool {
        let shared = matches!(self.quirk(), Quirk::Auth(Auth::Shared | Auth::Remembered));
        self.let_in.is_some() || shared && self.world.state().let_in
    }

    /// Something came that this server takes for a sign of life, or not.
    pub(crate) fn counts(&mut self, counts: bool) {
        if counts && self.let_in.is_some() {
            self.last_beat = Some(Instant::now());
        }
    }

    async fn heartbeat(&mut self, packet: &Value) -> Result<(), End> {
        if !self.is_in() {
            return match self.quirk() {
                Quirk::EarlyHeartbeat(code, ack) => {
                    if ack {
                        self.say(3, &[]).await;
                    }
                    self.close(code).await
                }
                Quirk::EarlyHeartbeatDrops => Err(End),
                Quirk::Gate(Gate::HeartbeatIgnored) => Ok(()),
                Quirk::Gate(Gate::HeartbeatAcked) => {
                    self.say(3, &[]).await;
                    Ok(())
                }
                _ => self.close(4002).await,
            };
        }
        let now = Instant::now();
        self.beats += 1;
        self.first_beat.get_or_insert(now);
        self.last_beat = Some(now);
        self.window.1 = true;
        self.world.state().beaten = Some(now);
        if self.quirk() == Quirk::Ask(Ask::HeartbeatAnswered) && packet.get("n").is_some() {
            self.say(5, &[("n", packet["n"].clone()), ("r", Value::Null)])
                .await;
        }
        self.acknowledge(now).await;
        let first = self.beats == 1 && self.requests == 0;
        match self.quirk() {
            Quirk::Auth(Auth::OnlyFirstOp) if !first => self.close(4002).await,
            _ => Ok(()),
        }
    }

    async fn acknowledge(&mut self, now: Instant) {
        let ack = spell::packet(self.quirk(), 3, &[]);
        let after = |ms| now + Duration::from_millis(ms);
        match self.quirk() {
            Quirk::SlowAcks(ms) => self.later.push((after(ms), Order::Say(ack))),
            Quirk::Beat(beat) => match beat {
                Beat::NoAck => {}
                Beat::NoAckAfterFirst if self.beats > 1 => {}
                Beat::EverySecond if self.beats.is_multiple_of(2) => {}
                Beat::DoubleAck => {
                    self.say(3, &[]).await;
                    self.say(3, &[]).await;
                }
                Beat::ToNewest => self.world.tell(self.world.newest(), Order::Say(ack)),
                Beat::ToAll => self.world.tell_all(&Order::Say(ack)),
                Beat::AckLate => self.later.push((after(6000), Order::Say(ack))),
                _ => self.say(3, &[]).await,
            },
            _ => self.say(3, &[]).await,
        }
    }

    async fn request(&mut self, packet: &Value) -> Result<(), End> {
        if !self.is_in() {
            return self.early_request(packet).await;
        }
        if self.quirk() == Quirk::Auth(Auth::OnlyHeartbeats) {
            return self.close(4002).await;
        }
        let (w, a, n) = (packet.get("w"), packet.get("a"), packet.get("n"));
        let (Some(Value::String(w)), Some(Value::Array(_)), Some(nonce)) = (w, a, n) else {
            self.world.suffers(Bad::WrongTypes);
            return self.at_will().await;
        };
        self.counts(self.quirk() == Quirk::Beat(Beat::RequestsCount));
        self.requests += 1;
        match self.quirk() {
            Quirk::UnknownWCloses if w != "ANYTHING" => return self.close(4004).await,
            Quirk::UnknownWIgnored if w != "ANYTHING" => return Ok(()),
            Quirk::Say(Say::UnaskedWhenAsked(op)) => self.unasked(op).await,
            Quirk::Ask(Ask::Echoed) => {
                let members = [("w", packet["w"].clone()), ("a", packet["a"].clone())];
                self.say(4, &members).await;
            }
            Quirk::StarvesTimer => {
                sleep(self.interval.mul_f64(1.6)).await;
                self.answer(nonce).await?;
                return self.close(4003).await;
            }
            _ => {}
        }
        self.answer(nonce).await
    }

    async fn early_request(&mut self, packet: &Value) -> Result<(), End> {
        match self.quirk() {
            Quirk::Gate(Gate::RequestAnswered) => self.answer(&packet["n"]).await,
            Quirk::Gate(Gate::RequestAnsweredAndClosed) => {
                self.answer(&packet["n"]).await?;
                self.close(4002).await
            }
            Quirk::Gate(Gate::RequestIgnored) => Ok(()),
            Quirk::Gate(Gate::RequestNoFrame) => Err(End),
            Quirk::Gate(Gate::RequestCode(code)) => self.close(code).await,
            Quirk::Gate(Gate::UnknownWIgnored) if packet["w"] != "ANYTHING" => Ok(()),
            _ => self.close(4002).await,
        }
    }

    async fn answer(&mut self, nonce: &Value) -> Result<(), End> {
        let key = nonce.to_string();
        let shown = match self.quirk() {
            Quirk::Nonce(Bend::NullRefused) if nonce.is_null() => return self.close(1008).await,
            Quirk::Nonce(Bend::CompositesRefused) if nonce.is_array() || nonce.is_object() => {
                return self.close(1011).await;
            }
            Quirk::Nonce(Bend::Counted) => Some(self.requests.into()),
            Quirk::Nonce(Bend::OneBehind) => {
                Some(std::mem::replace(&mut self.previous, nonce.clone()))
            }
            // A table of open requests that takes 1 and "1" for one key.
            Quirk::Nonce(Bend::KeyedByText) => {
                let text = nonce.as_str().map_or_else(|| key.clone(), str::to_owned);
                if self.in_flight.contains(&text) {
                    return Ok(());
                }
                return self.later_answer(text, Some(nonce.clone())).await;
            }
            Quirk::Nonce(bend) => spell::bent(bend, nonce),
            Quirk::Ask(Ask::NonceMissing) => None,
            Quirk::Ask(Ask::OnlyFirstServed) if self.requests > 1 => return Ok(()),
            Quirk::Ask(Ask::OnlyTenServed) if self.requests > 10 => return Ok(()),
            Quirk::Ask(Ask::OneInFlight) if !self.in_flight.is_empty() => return Ok(()),
            Quirk::Ask(Ask::NonceOnce) => {
                if self.in_flight.contains(&key) {
                    return Ok(());
                }
                self.in_flight.push(key.clone());
                Some(nonce.clone())
            }
            Quirk::Ask(Ask::NonceGlobal) => {
                if !self.world.state().seen.insert(key.clone()) {
                    return Ok(());
                }
                return self.later_answer(key, Some(nonce.clone())).await;
            }
            _ => Some(nonce.clone()),
        };
        self.later_answer(key, shown).await
    }

    /// Answers now, or after as long as this server takes.
    async fn later_answer(&mut self, key: String, nonce: Option<Value>) -> Result<(), End> {
        let mut members: Vec<(&str, Value)> = nonce.map(|nonce| ("n", nonce)).into_iter().collect();
        if self.quirk() != Quirk::Ask(Ask::ResultMissing) {
            members.push(("r", json!(["ok", {"n": 1}])));
        }
        let now = Instant::now();
        let text = spell::packet(self.quirk(), 5, &members);
        let ms = match self.quirk() {
            Quirk::Slow(ms) => ms,
            Quirk::SlowInTurn(ms) => {
                self.busy_until = self.busy_until.max(now) + Duration::from_millis(ms);
                let answer = Order::Answer(key, text);
                self.later.push((self.busy_until, answer));
                return Ok(());
            }
            Quirk::Jitter => u64::from(self.requests) * 7919 % 200,
            Quirk::Ask(Ask::OneInFlight | Ask::NonceGlobal | Ask::SlotReused)
            | Quirk::Nonce(Bend::KeyedByText) => 30,
            _ => 0,
        };
        if ms > 0 {
            self.in_flight.push(key.clone());
            let at = now + Duration::from_millis(ms);
            self.later.push((at, Order::Answer(key, text)));
            return Ok(());
        }
        match self.quirk() {
            Quirk::Lifo => self.held.push(text),
            Quirk::Ask(Ask::ToNewest) => self.world.tell(self.world.newest(), Order::Say(text)),
            Quirk::Ask(Ask::ToAll) => self.world.tell_all(&Order::Say(text)),
            Quirk::Ask(Ask::ToLastAsker) => {
                let to = self.world.state().last_asker.replace(self.id);
                self.world.tell(to.unwrap_or(self.id), Order::Say(text));
            }
            Quirk::Ask(Ask::AnsweredTwice) => {
                self.say(5, &members).await;
                self.say(5, &members).await;
            }
            Quirk::Ask(Ask::AnsweredTwiceLater) => {
                self.say(5, &members).await;
                let again = now + Duration::from_millis(400);
                self.later.push((again, Order::Say(text)));
            }
            _ => self.say(5, &members).await,
        }
        Ok(())
    }

    async fn dispatch(&mut self, packet: &Value) -> Result<(), End> {
        if !self.is_in() {
            return match self.quirk() {
                Quirk::Gate(Gate::DispatchIgnored) => Ok(()),
                Quirk::Gate(Gate::DispatchCode(code)) => self.close(code).await,
                _ => self.close(4002).await,
            };
        }
        self.counts(self.quirk() == Quirk::Beat(Beat::DispatchesCount));
        let nonce = packet.get("n");
        match self.quirk() {
            Quirk::UndeclaredDispatchCloses => return self.close(1008).await,
            Quirk::Ask(Ask::DispatchAnswered) => {
                self.say(5, &[("n", Value::Null), ("r", Value::Null)]).await;
            }
            Quirk::Ask(Ask::DispatchAnsweredWithoutNonce) => {
                self.say(5, &[("r", Value::Null)]).await;
            }
            Quirk::Ask(Ask::DispatchWithNonceAnswered) if nonce.is_some() => {
                self.say(5, &[("n", packet["n"].clone()), ("r", Value::Null)])
                    .await;
            }
            _ => {}
        }
        let fits = packet["w"].is_string() && packet["a"].is_array();
        if fits { Ok(()) } else { self.at_will().await }
    }
}

/// Keeps the first `most` texts that are meant, and all others.
fn keep(texts: &mut Vec<String>, most: usize, meant: impl Fn(&str) -> bool) {
    let mut seen = 0;
    texts.retain(|text| {
        seen += usize::from(meant(text));
        !meant(text) || seen <= most
    });
}
