//! Expecting: the next arrival against a line, within its bounds.

use std::time::Duration;

use tokio::time::Instant;

use super::ended::Ended;
use super::fit::{Fit, fit, pick};
use super::item::{Beside, Got, Item};
use super::player::{Player, needs_client};
use super::pump::{BEHIND, Woke};
use crate::oracle::early_by;
use crate::protocol::close;
use crate::protocol::json::Json;
use crate::protocol::opcode::Op;
use crate::scenario::matching::Mismatch;
use crate::scenario::syntax::{Bound, Expect, Expectation, Mark, Pattern};

/// When an arrival is in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Start of our last send, and how long after it at the least.
    from: Option<(Instant, Duration)>,
    /// End of our last send, and how long after it at the most, where the line says so.
    most: Option<(Instant, Duration)>,
    /// How long to wait.
    pub(crate) until: Instant,
}

/// A target on a busy machine may be so late that its timer fires before it reads what lies there
/// already: so long it has for what it owes at once, however short its interval.
const ENOUGH: Duration = Duration::from_millis(250);

impl Player<'_> {
    /// `< ...`
    pub(crate) async fn expect(&mut self, line: &Expectation) -> Result<(), Ended> {
        let mark = line.mark.as_ref();
        if let Expect::Connects = line.what {
            if self.hosting.is_none() {
                return Err(needs_client());
            }
            self.connects(line).await?;
            self.hold(mark);
            return Ok(());
        }
        let link = self.link(&line.conn).await?;
        match &line.what {
            Expect::Nothing(time) => {
                let until = Instant::now() + self.length(time, Some(link));
                self.nothing(link, line, until).await?;
            }
            Expect::Probe(time) => {
                let time = self.length(time, Some(link));
                self.probe(link, time).await?;
            }
            Expect::Connects
            | Expect::Packet(_)
            | Expect::Text(_)
            | Expect::Binary(_)
            | Expect::Ping(_)
            | Expect::Pong(_)
            | Expect::Close(_)
            | Expect::Closed => {
                let window = self.window(link, &line.what, line.bound.as_ref());
                loop {
                    let Some(item) = self.arrival_of(link, &line.what, window).await? else {
                        let in_turn = self.in_turn(link, line).await?;
                        return Err(in_turn.unwrap_or_else(|| self.missed(link, line)));
                    };
                    if self.judge(link, line, &item, window)? {
                        break;
                    }
                }
            }
        }
        self.hold(mark);
        Ok(())
    }

    /// A marked line held: its rule counts as judged.
    pub(crate) fn hold(&mut self, mark: Option<&Mark>) {
        if let Some(mark) = mark
            && !self.held.contains(&mark.rule)
        {
            self.held.push(mark.rule.clone());
        }
    }

    /// When an arrival is in time for a line that begins now.
    pub(crate) fn window(&self, link: usize, what: &Expect, bound: Option<&Bound>) -> Window {
        let state = &self.links[link];
        let (started, ended) = match state.echoed {
            // The end of the stream is waited for from our echo of the close frame.
            Some(echoed) if state.close_taken && matches!(what, Expect::Closed) => (echoed, echoed),
            _ => state.last_send,
        };
        let length = |time| self.length(time, Some(link));
        let from = bound
            .and_then(|bound| bound.min.as_ref())
            .map(|min| (started, length(min)));
        let most = bound
            .and_then(|bound| bound.max.as_ref())
            .map(|max| (ended, length(max)));
        let answer = self.settings.answer_within;
        let until = match (most, from) {
            _ if self.settings.patient => Instant::now() + answer,
            (Some((anchor, most)), _) => anchor + most,
            (None, Some((anchor, least))) => (anchor + least).max(Instant::now()) + answer,
            (None, None) => ended.max(Instant::now()) + answer,
        };
        Window { from, most, until }
    }

    /// Waits for the arrival that a line meets; for that of a client that the machine did not let run
    /// somewhat longer, because how late it comes says whether that is the reason.
    async fn arrival_of(
        &mut self,
        link: usize,
        what: &Expect,
        window: Window,
    ) -> Result<Option<Item>, Ended> {
        let mut until = window.until;
        loop {
            let arrival = self.arrival(link, what, until).await?;
            let Some((anchor, most)) = window.most.filter(|_| arrival.is_none()) else {
                return Ok(arrival);
            };
            // No longer than it was to take: one that never comes is not waited for without end.
            let patience = self.starved(anchor, Instant::now()).min(most);
            let longer = anchor + most + patience;
            if patience.is_zero() || longer <= until || self.links[link].conn.ended() {
                return Ok(None);
            }
            until = longer;
        }
    }

    /// Waits for the arrival that a line meets: the next packet or end, or for a line about PINGs
    /// or PONGs the next of these. None when the time is over.
    async fn arrival(
        &mut self,
        link: usize,
        what: &Expect,
        until: Instant,
    ) -> Result<Option<Item>, Ended> {
        loop {
            if let Some(item) = pick(&mut self.links[link], what) {
                return Ok(Some(item));
            }
            if self.links[link].conn.ended() && self.links[link].end_taken {
                return Ok(None);
            }
            if self.pump(until).await? == Woke::TimeOver {
                return Ok(pick(&mut self.links[link], what));
            }
        }
    }

    /// Waits for the next packet or end, whatever it is.
    pub(crate) async fn next_item(
        &mut self,
        link: usize,
        until: Instant,
    ) -> Result<Option<Item>, Ended> {
        self.arrival(link, &Expect::Closed, until).await
    }

    /// Waits for the first packet that `wanted` takes, passing over other packets. All
    /// else comes back as it is; none when the time is over.
    pub(crate) async fn seek(
        &mut self,
        link: usize,
        until: Instant,
        wanted: impl Fn(&Json) -> bool,
    ) -> Result<Option<Item>, Ended> {
        let mut behind = 0;
        while behind <= BEHIND {
            let item = self.next_item(link, until).await?;
            match &item {
                Some(Item {
                    got: Got::Packet { packet, .. },
                    at,
                    ..
                }) if !wanted(packet) => behind += u32::from(*at > until),
                _ => return Ok(item),
            }
        }
        Ok(None)
    }

    /// Compares an arrival with its line. False: it is nothing that the line is about, and the
    /// wait goes on.
    fn judge(
        &mut self,
        link: usize,
        line: &Expectation,
        item: &Item,
        window: Window,
    ) -> Result<bool, Ended> {
        let close_taken = self.links[link].close_taken;
        match fit(close_taken, &line.what, item, &mut self.env)? {
            Fit::Yes => {}
            Fit::No(_) if self.passes_by(link, item, Some(line)) => {
                self.passed_over(link, item);
                return Ok(false);
            }
            Fit::No(mismatch) => {
                return Err(self
                    .unexpected(link, Some(line), item)
                    .with_mismatch(mismatch));
            }
        }
        self.take(link, item);
        self.in_time(link, line, item, window)?;
        Ok(true)
    }

    /// Whether a line that an arrival does not fit passes it over instead of failing.
    pub(crate) fn passes_by(&self, link: usize, item: &Item, line: Option<&Expectation>) -> bool {
        let mark = line.and_then(|line| line.mark.as_ref());
        let rule = mark.map_or(self.rule.as_str(), |mark| mark.rule.as_str());
        match item.beside {
            None => {
                let ends = matches!(
                    line.map(|line| &line.what),
                    Some(Expect::Close(_) | Expect::Closed)
                );
                item.got.ends() && !ends && self.parting(link)
            }
            Some(Beside::StrangeOp | Beside::Heartbeat | Beside::Unasked) => true,
            Some(Beside::SecondHello) => rule != "hello.once",
        }
    }

    /// Whether a client's connection ends rightly, so that its end tells nothing new: we began to end
    /// it, or a line has met its close frame.
    pub(crate) fn parting(&self, link: usize) -> bool {
        let link = &self.links[link];
        self.hosting.is_some() && (link.parted.is_some() || link.close_taken)
    }

    /// An arrival has met its line.
    pub(crate) fn take(&mut self, link: usize, item: &Item) {
        if item.beside == Some(Beside::Heartbeat) {
            // A line has asked for it, so that our acknowledgement is a send like others.
            self.links[link].last_send = (item.at, item.at);
        }
        match &item.got {
            Got::Close { code, .. } => {
                self.links[link].close_taken = true;
                if *code == Some(close::HEARTBEAT_TIMEOUT) {
                    self.estimate(link, item.at);
                }
            }
            Got::Eof | Got::Reset(_) => self.links[link].end_taken = true,
            Got::Packet { .. }
            | Got::Message { .. }
            | Got::Ping(_)
            | Got::Pong(_)
            | Got::Fault(_) => {}
        }
    }

    /// Notes how long the target waited before it closed for silence.
    fn estimate(&mut self, link: usize, at: Instant) {
        let watch = self.links[link].watch;
        if let (Some(interval), Some(beats)) =
            (self.oracle.interval(watch), self.oracle.beats(watch))
        {
            let silent = beats.since_last(at);
            let share = silent.as_secs_f64() / interval.as_secs_f64();
            let after = if beats.count() > 0 {
                "our last HEARTBEAT"
            } else {
                "the TCP connect"
            };
            self.notes.push(format!(
                "closed {share:.2} hb ({} ms) after {after}",
                silent.as_millis()
            ));
        }
    }

    /// Whether an arrival that fits came within its bounds.
    pub(crate) fn in_time(
        &mut self,
        link: usize,
        line: &Expectation,
        item: &Item,
        window: Window,
    ) -> Result<(), Ended> {
        if let Some((anchor, least)) = window.from {
            let elapsed = item.at.saturating_duration_since(anchor);
            if let Some(early) = early_by(elapsed, least) {
                let actual = format!(
                    "{}, {} after our last send: {} too early",
                    item.got.describe(),
                    self.in_words(link, elapsed),
                    self.in_words(link, early)
                );
                return Err(self.untimely(line, actual));
            }
        }
        if let Some((anchor, most)) = window.most {
            let elapsed = item.at.saturating_duration_since(anchor);
            if elapsed > most {
                let late = elapsed - most;
                let actual = format!(
                    "{}, {} after our last send: {} too late",
                    item.got.describe(),
                    self.in_words(link, elapsed),
                    self.in_words(link, late)
                );
                if let Some(delay) = self.made_late(anchor, item.at, late) {
                    return Err(Ended::Inconclusive {
                        reason: format!("{actual}; {delay}"),
                        timing: true,
                    });
                }
                return Err(self.untimely(line, actual));
            }
        }
        Ok(())
    }

    /// An arrival came too early or too late; while somebody debugs the target that says nothing.
    fn untimely(&self, line: &Expectation, actual: String) -> Ended {
        if self.settings.patient {
            let reason = format!("{actual}; with --debug no timing is judged");
            return Ended::Inconclusive {
                reason,
                timing: true,
            };
        }
        Ended::Failed(Box::new(self.broken(line.mark.as_ref(), &actual)))
    }

    /// Nothing came in time.
    fn missed(&mut self, link: usize, line: &Expectation) -> Ended {
        if self.turned_away(link) {
            return self.unreachable("the WebSocket opened, and nothing came");
        }
        let state = &self.links[link];
        if state.waited_for_room {
            return Ended::Inconclusive {
                reason:
                    "the target sends more than litespec holds: this connection was not read on"
                        .to_owned(),
                timing: false,
            };
        }
        let actual = if state.conn.ended() {
            "the connection had ended".to_owned()
        } else {
            let waited = Instant::now().saturating_duration_since(state.last_send.1);
            let note = match &state.broken_send {
                Some(how) => format!("; our send did not go through: {how}"),
                None => String::new(),
            };
            format!(
                "nothing, {} after our last send{note}",
                self.in_words(link, waited)
            )
        };
        Ended::Failed(Box::new(self.broken(line.mark.as_ref(), &actual)))
    }

    /// Something came that the line does not ask for. A close for silence that may have been right
    /// does not tell against the target, unless it had time enough for what it owed at once.
    pub(crate) fn unexpected(
        &mut self,
        link: usize,
        line: Option<&Expectation>,
        item: &Item,
    ) -> Ended {
        if item.got.ends() && self.turned_away(link) {
            let what = format!("the WebSocket opened, and then: {}", item.got.describe());
            return self.unreachable(&what);
        }
        let state = &self.links[link];
        let silence = match &item.got {
            Got::Close { code, .. } => *code == Some(close::HEARTBEAT_TIMEOUT),
            Got::Eof | Got::Reset(_) => !state.close_received,
            Got::Packet { .. }
            | Got::Message { .. }
            | Got::Ping(_)
            | Got::Pong(_)
            | Got::Fault(_) => false,
        };
        if silence && self.oracle.timeout_may_be_right(state.watch, item.at) == Some(true) {
            let interval = self.oracle.interval(state.watch).unwrap_or_default();
            let had = item.at.saturating_duration_since(state.last_send.1);
            let owed = line.is_some_and(|line| owed_at_once(&line.what));
            let enough = (interval / 2).max(ENOUGH);
            if self.settings.patient || !(owed && had >= enough) {
                let beats = self.oracle.beats(state.watch);
                let silent = beats.map_or(interval, |beats| beats.since_last(item.at));
                return Ended::Inconclusive {
                    reason: format!(
                        "{}: {} after our last HEARTBEAT the target may close for silence",
                        self.settings.redactor.redact(&item.got.describe()),
                        self.in_words(link, silent)
                    ),
                    timing: true,
                };
            }
        }
        let mark = line.and_then(|line| line.mark.as_ref());
        Ended::Failed(Box::new(self.broken(mark, &item.got.describe())))
    }

    /// `< nothing for ..`
    pub(crate) async fn nothing(
        &mut self,
        link: usize,
        line: &Expectation,
        until: Instant,
    ) -> Result<(), Ended> {
        let mark = line.mark.as_ref();
        loop {
            if let Some(item) = self.links[link].inbox.front().cloned() {
                if self.passes_by(link, &item, Some(line)) {
                    self.links[link].inbox.pop();
                    self.passed_over(link, &item);
                    continue;
                }
                return Err(match self.unexpected(link, None, &item) {
                    Ended::Failed(_) => {
                        Ended::Failed(Box::new(self.broken(mark, &item.got.describe())))
                    }
                    other => other,
                });
            }
            if Instant::now() >= until {
                return Ok(());
            }
            self.pump(until).await?;
        }
    }

    /// A length of time for people: in milliseconds and, where it helps, in intervals.
    pub(crate) fn in_words(&self, link: usize, time: Duration) -> String {
        let ms = time.as_secs_f64() * 1e3;
        match self.oracle.interval(self.links[link].watch) {
            Some(interval) if time * 10 > interval => {
                format!(
                    "{ms:.0} ms ({:.2} hb)",
                    time.as_secs_f64() / interval.as_secs_f64()
                )
            }
            _ if ms < 10.0 => format!("{ms:.1} ms"),
            _ => format!("{ms:.0} ms"),
        }
    }
}

impl Ended {
    /// Says where a packet differs from its pattern.
    pub(crate) fn with_mismatch(mut self, mismatch: Option<Mismatch>) -> Ended {
        if let (Ended::Failed(broken), Some(mismatch)) = (&mut self, mismatch) {
            broken.hint = Some(match mismatch.path.as_str() {
                "" => format!("it is {}, expected {}", mismatch.actual, mismatch.expected),
                path => format!(
                    "`{path}` is {}, expected {}",
                    mismatch.actual, mismatch.expected
                ),
            });
        }
        self
    }
}

/// Whether a line asks for what a target has to do without a thought: an end, or the
/// acknowledgement of a heartbeat. Silence on our side is no reason to leave it out.
fn owed_at_once(what: &Expect) -> bool {
    match what {
        Expect::Close(_) | Expect::Closed => true,
        Expect::Packet(Pattern::Members { members, .. }) => {
            let ack = Json::from(Op::HeartbeatAck as u64);
            members.iter().any(|(name, pattern)| {
                name == "op" && matches!(pattern, Pattern::Literal(op) if op.same_as(&ack))
            })
        }
        _ => false,
    }
}
