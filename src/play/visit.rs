//! Visits: a client's connections to us, how they are awaited, answered, refused and timed.

use std::time::Duration;

use tokio::time::Instant;

use super::ended::{Broken, Ended};
use super::host::Hosting;
use super::link::{Link, Upgrade};
use super::player::Player;
use super::pump::Woke;
use crate::oracle::early_by;
use crate::outcome::{Dir, EntryKind};
use crate::protocol::rules::Level;
use crate::scenario::syntax::{Bound, Expectation, Mark, Time};
use crate::wire::accept::refusal;
use crate::wire::{UpgradeRequest, Visitor};

/// Fewer waits say nothing about chance.
const WAITS: usize = 4;
/// The HTTP status that accepts an upgrade.
const SWITCHING_PROTOCOLS: u16 = 101;

/// When the next connection is in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VisitWindow {
    /// When the line began.
    begun: Instant,
    least: Option<Duration>,
    most: Option<Duration>,
}

impl Player<'_> {
    /// The newest connection of this name, with its upgrade answered; awaited if there is none yet.
    pub(crate) async fn visited(&mut self, name: &str) -> Result<usize, Ended> {
        let link = self.visitor(name).await?;
        self.welcome(link)?;
        Ok(link)
    }

    /// The newest connection of this name, awaited if there is none yet. Its upgrade stays as it is.
    pub(crate) async fn visitor(&mut self, name: &str) -> Result<usize, Ended> {
        let known = self
            .links
            .iter()
            .rposition(|link| link.taken && link.name == name);
        match known {
            Some(link) => Ok(link),
            None => self.next_visit(name).await,
        }
    }

    /// Awaits the next connection as long as one is awaited without a bound.
    async fn next_visit(&mut self, name: &str) -> Result<usize, Ended> {
        let window = self.visit_window(None);
        match self.await_visit(name, window).await? {
            Some(link) => Ok(link),
            None => Err(self.nobody(window)),
        }
    }

    /// `< connects`
    pub(crate) async fn connects(&mut self, line: &Expectation) -> Result<(), Ended> {
        let window = self.visit_window(line.bound.as_ref());
        // How the last one ended may be told only while the next is awaited.
        let before = self.last_taken();
        match self.await_visit(&line.conn, window).await? {
            Some(link) => self.visit_in_time(link, before, line.mark.as_ref(), window),
            None => Err(self.nobody(window)),
        }
    }

    /// When the next connection is in time for a line that begins now.
    pub(crate) fn visit_window(&self, bound: Option<&Bound>) -> VisitWindow {
        let length = |time: &Time| self.length(time, self.last_taken());
        let times = |bound: &Bound| {
            (
                bound.min.as_ref().map(length),
                bound.max.as_ref().map(length),
            )
        };
        let (least, most) = bound.map(times).unwrap_or_default();
        VisitWindow {
            begun: Instant::now(),
            least,
            most,
        }
    }

    /// Until when the next connection is awaited: from the end of the last one on, where it has ended; that
    /// of a client that the machine did not let run somewhat longer.
    pub(crate) fn visit_until(&self, window: VisitWindow) -> Instant {
        let anchor = self.departure(self.last_taken(), window);
        match window.most {
            // How late it is then says whether the machine is the reason.
            Some(most) => anchor + most + self.starved(anchor, Instant::now()).min(most),
            None => {
                let least = window.least.unwrap_or_default();
                (anchor + least).max(window.begun) + self.patience()
            }
        }
    }

    fn patience(&self) -> Duration {
        match &self.hosting {
            Some(hosting) if self.last_taken().is_none() => hosting.host.ready_within,
            Some(hosting) => hosting.host.reconnect_within,
            None => Duration::ZERO,
        }
    }

    pub(crate) fn last_taken(&self) -> Option<usize> {
        self.links.iter().rposition(|link| link.taken)
    }

    /// What the time of the connection behind this one counts from.
    fn departure(&self, link: Option<usize>, window: VisitWindow) -> Instant {
        match link {
            None => self.began(),
            Some(link) => self.links[link].ended_at().unwrap_or(window.begun),
        }
    }

    pub(crate) async fn await_visit(
        &mut self,
        name: &str,
        window: VisitWindow,
    ) -> Result<Option<usize>, Ended> {
        if let Some(hosting) = &mut self.hosting {
            hosting.awaited = Some(name.to_owned());
        }
        let taken = loop {
            if let Some(link) = self.take_visit(name) {
                break Some(link);
            }
            let until = self.visit_until(window);
            let over = self.pump(until).await? == Woke::TimeOver
                && Instant::now() >= self.visit_until(window);
            if over || self.deserted() {
                break self.take_visit(name);
            }
        };
        if let Some(hosting) = &mut self.hosting {
            hosting.awaited = None;
        }
        Ok(taken)
    }

    /// Whether the client is no more, with all that it had begun.
    fn deserted(&self) -> bool {
        self.hosting.as_ref().is_some_and(Hosting::deserted)
    }

    /// Takes the oldest connection that no line has met yet, under this name. One that has ended
    /// unmet is behind the client, and behind us too.
    pub(crate) fn take_visit(&mut self, name: &str) -> Option<usize> {
        let newest = self.links.iter().position(Link::waits)?;
        for state in &mut self.links[..=newest] {
            if !state.taken {
                state.taken = true;
                name.clone_into(&mut state.name);
                self.oracle.rename(state.watch, name);
            }
        }
        Some(newest)
    }

    /// Whether a connection waits to be met by a line.
    pub(crate) fn visit_waits(&self) -> bool {
        self.links.iter().any(Link::waits)
    }

    /// Whether a connection came within its bounds; `before` is the one before it.
    pub(crate) fn visit_in_time(
        &self,
        link: usize,
        before: Option<usize>,
        mark: Option<&Mark>,
        window: VisitWindow,
    ) -> Result<(), Ended> {
        let accepted = self.links[link].accepted;
        let ended = before.and_then(|before| self.links[before].ended_at());
        if window.least.is_some() && ended.is_some_and(|ended| accepted < ended) {
            // The watch tells of two connections at a time.
            return Err(Ended::Inconclusive {
                reason:
                    "the connection was there before the last one ended, so that what it waited \
                         cannot be told"
                        .to_owned(),
                timing: false,
            });
        }
        let anchor = self.departure(before, window);
        let elapsed = accepted.saturating_duration_since(anchor);
        let since = match before {
            None => "the scenario began",
            Some(before) if self.links[before].ended_at().is_none() => {
                "the line began; the connection before it is still open"
            }
            Some(_) => "the end of the last one",
        };
        let told = |late: Duration, how: &str| {
            format!(
                "a connection {:.0} ms after {since}: {:.0} ms too {how}",
                elapsed.as_secs_f64() * 1e3,
                late.as_secs_f64() * 1e3
            )
        };
        let early = window.least.and_then(|least| early_by(elapsed, least));
        let late = window.most.and_then(|most| elapsed.checked_sub(most));
        // We may have seen the last end late, or this connection.
        let (delay, actual) = match (early, late.filter(|late| !late.is_zero())) {
            (Some(early), _) => (self.delayed(anchor, accepted, early), told(early, "early")),
            (None, Some(late)) => (self.made_late(anchor, accepted, late), told(late, "late")),
            (None, None) => return Ok(()),
        };
        if let Some(delay) = delay {
            return Err(Ended::Inconclusive {
                reason: format!("{actual}; {delay}"),
                timing: true,
            });
        }
        Err(Ended::Failed(Box::new(self.broken(mark, &actual))))
    }

    /// No connection came in time. That breaks one rule, whatever the line is about: a client that
    /// does not come again takes no wait before it either.
    fn nobody(&self, window: VisitWindow) -> Ended {
        let waited = self
            .visit_until(window)
            .min(Instant::now())
            .saturating_duration_since(self.departure(self.last_taken(), window));
        let hosting = self.hosting.as_ref();
        let strange = hosting.and_then(|hosting| hosting.strange.as_ref());
        let gone = hosting.and_then(|hosting| hosting.gone.as_ref());
        let actual = match (gone, strange) {
            (Some(how), None) => format!("no connection: the client ended ({how})"),
            (Some(how), Some(error)) => format!(
                "no upgrade request: a TCP connection came ({error}), and then the client ended ({how})"
            ),
            (None, Some(error)) => format!(
                "no upgrade request within {} ms; a TCP connection came: {error}",
                waited.as_millis()
            ),
            (None, None) => format!("no connection within {} ms", waited.as_millis()),
        };
        let mut broken = self.broken(None, &actual);
        broken.rule = "client.reconnects".to_owned();
        broken.level = Level::Should;
        if self.last_taken().is_some() {
            broken.expected = "another connection of the client's".to_owned();
            // A scenario that is about something else cannot be played to its end.
            return match self.rule == broken.rule {
                true => Ended::Failed(Box::new(broken)),
                false => Ended::Prerequisite(Box::new(broken)),
            };
        }
        // Nothing can be said about a client that is not there; the runner finds out why.
        broken.expected = "a client's connection".to_owned();
        Ended::Unreachable(Box::new(broken))
    }

    /// A client with its upgrade request has turned up; some line may meet it.
    pub(super) fn turned_up(&mut self, visitor: Visitor, accepted: Instant) {
        let now = Instant::now();
        let (request, conn) = visitor.unanswered();
        let hosting = self.hosting.as_ref();
        let leaving = hosting.is_some_and(|hosting| hosting.leaving);
        let name = hosting
            .and_then(|hosting| hosting.awaited.clone())
            .unwrap_or_else(|| "a".to_owned());
        let text = String::new();
        self.recorder.add(
            accepted,
            &name,
            Dir::Received,
            EntryKind::Connect,
            text,
            false,
        );
        for fault in request.faults.iter().take(3) {
            self.notes.push(format!("upgrade request: {fault}"));
        }
        let (watch, findings) = self.oracle.opened(&name, accepted, now);
        self.note_findings(findings);
        let manual = self.scenario.header.manual;
        let share = self.settings.budget.share();
        let mut link = Link::new(&name, watch, conn, (accepted, accepted), manual, share);
        link.upgrade = Upgrade::Asked(request);
        link.taken = false;
        link.gone = leaving;
        self.links.push(link);
    }

    /// Accepts the upgrade of a connection, unless it has its answer.
    pub(crate) fn welcome(&mut self, link: usize) -> Result<(), Ended> {
        let state = &mut self.links[link];
        let Upgrade::Asked(request) = &state.upgrade else {
            return Ok(());
        };
        let headers = answer_headers(request, self.settings, &self.id);
        let head = request
            .acceptance(&headers)
            .map_err(|error| Ended::Error(error.to_string()))?;
        state.upgrade = Upgrade::Done;
        state.conn.queue_raw(&head);
        state.last_send.1 = Instant::now();
        self.oracle.upgraded(state.watch);
        Ok(())
    }

    /// `> http 503`: the answer to the upgrade request that waits, or to the next one.
    pub(crate) async fn http(&mut self, name: &str, status: u16) -> Result<(), Ended> {
        let asks = |link: &Link| matches!(link.upgrade, Upgrade::Asked(_)) && !link.over();
        let waiting = self
            .links
            .iter()
            .rposition(|link| link.taken && link.name == name)
            .filter(|&link| asks(&self.links[link]));
        let link = match waiting {
            Some(link) => link,
            None => self.next_visit(name).await?,
        };
        let started = Instant::now();
        let text = format!("http {status}");
        self.recorder
            .add(started, name, Dir::Sent, EntryKind::Connect, text, false);
        if status == SWITCHING_PROTOCOLS {
            self.welcome(link)?;
        } else {
            let state = &mut self.links[link];
            let headers = [("X-Litespec-Scenario".to_owned(), self.id.clone())];
            let headers = if self.settings.trace_header {
                &headers[..]
            } else {
                &[]
            };
            let answer =
                refusal(status, headers, b"").map_err(|error| Ended::Error(error.to_string()))?;
            state.conn.queue_raw(&answer);
            state.eof_wanted = true;
            state.upgrade = Upgrade::Refused;
            self.part(link, started);
        }
        self.flush(&[link], started).await
    }

    /// We begin to end a connection.
    pub(super) fn part(&mut self, link: usize, started: Instant) {
        if self.hosting.is_none() {
            return;
        }
        let state = &mut self.links[link];
        state.parted.get_or_insert(started);
        let findings = self.oracle.parted(state.watch, started);
        self.note_findings(findings);
    }

    /// `waits differ by ..`
    pub(crate) fn waits_differ(&mut self, by: &Time, mark: Option<&Mark>) -> Result<(), Ended> {
        let by = self.length(by, None);
        let waits = self.oracle.waits();
        let (Some(least), Some(most)) = (waits.iter().min(), waits.iter().max()) else {
            return Err(too_few(0));
        };
        if waits.len() < WAITS {
            return Err(too_few(waits.len()));
        }
        if *most - *least > by {
            self.hold(mark);
            return Ok(());
        }
        let shown: Vec<String> = waits
            .iter()
            .take(12)
            .map(|wait| wait.as_millis().to_string())
            .collect();
        let actual = format!("waits of {} ms", shown.join(", "));
        let mut broken: Broken = self.broken(mark, &actual);
        broken.expected = format!("waits that differ by more than {} ms", by.as_millis());
        Err(Ended::Failed(Box::new(broken)))
    }
}

fn too_few(count: usize) -> Ended {
    Ended::Inconclusive {
        reason: format!("{count} waits were seen; it takes {WAITS} to tell chance from none"),
        timing: false,
    }
}

/// What stands in our acceptance beside what must: the subprotocol that both sides know, and the
/// scenario's id.
fn answer_headers(
    request: &UpgradeRequest,
    settings: &super::settings::Settings,
    id: &str,
) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    let ours = &settings.offer.subprotocols;
    if let Some(common) = request
        .subprotocols()
        .find(|theirs| ours.iter().any(|own| own == theirs))
    {
        headers.push(("Sec-WebSocket-Protocol".to_owned(), common.to_owned()));
    }
    if settings.trace_header {
        headers.push(("X-Litespec-Scenario".to_owned(), id.to_owned()));
    }
    headers
}
