//! The player of one scenario: its connections, its variables, its place in the text.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::delay::Delay;
use super::ended::{Broken, Ended, Place, Played};
use super::host::{Host, Hosting};
use super::jitter::Jitter;
use super::link::Link;
use super::record::{Recorder, cut};
use super::settings::Settings;
use super::watch::Watch;
use crate::oracle::{Breach, Finding};
use crate::outcome::{Dir, EntryKind};
use crate::protocol::json::Json;
use crate::protocol::rules::{self, Level};
use crate::scenario::Scenario;
use crate::scenario::syntax::{Layer, Mark, Source, Span, Step, StepKind, Time};
use crate::scenario::values::Env;
use crate::wire::{self, DialError, Offer, OpenError, Opened};

/// Breaches kept of one scenario.
const BREACHES: usize = 64;

/// Carries out the steps of one scenario.
pub struct Player<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) id: String,
    pub(crate) oracle: Watch,
    /// Where the connections come from, when the target is a client.
    pub(crate) hosting: Option<Hosting<'a>>,
    /// When the client was last told to do something.
    pub(crate) driver_sent: Option<Instant>,
    pub(crate) links: Vec<Link>,
    pub(crate) env: Env,
    pub(crate) recorder: Recorder,
    pub(crate) limit: Instant,
    /// The text of the step at hand; changes inside `use ./file`.
    pub(crate) source: Arc<Source>,
    pub(crate) span: Span,
    /// The rule an unmarked line is about, and whether the scenario records instead of judging.
    pub(crate) rule: String,
    pub(crate) level: Level,
    pub(crate) scenario: Arc<Scenario>,
    pub(crate) observed: Option<serde_json::Value>,
    pub(crate) notes: Vec<String>,
    pub(crate) held: Vec<String>,
    /// How many arrivals in a row were read behind the end of their wait.
    pub(crate) behind: u32,
    /// Whose turn it is to be read first.
    pub(crate) turn: usize,
    pub(crate) jitter: Option<Jitter>,
    /// The scenario has lines about a server's REQUESTs: those that they take it answers itself.
    pub(crate) answers_itself: bool,
    breaches: Vec<(Breach, Place)>,
    /// What the watch found and a delay may have made.
    excused: Option<String>,
    rng: fastrand::Rng,
}

impl<'a> Player<'a> {
    /// A player that has done nothing yet.
    pub fn new(
        settings: &'a Settings,
        id: &str,
        scenario: &Arc<Scenario>,
        env: Env,
        limit: Duration,
    ) -> Player<'a> {
        let now = Instant::now();
        let rule = scenario
            .header
            .rules
            .first()
            .map(|rule| rule.value.clone())
            .unwrap_or_default();
        let level = scenario
            .header
            .level
            .as_ref()
            .map(|level| level.value)
            .or_else(|| rules::find(&rule).map(|rule| rule.level))
            .unwrap_or(Level::Must);
        let mut env = env;
        if let Some(reach) = &settings.reach {
            env.set("target.host", Json::from(reach.target.authority().as_str()));
            // Its query may be a secret.
            let path = Json::from(reach.target.request_target().as_str());
            env.set_secret("target.path", path);
        }
        Player {
            settings,
            id: id.to_owned(),
            oracle: Watch::server(settings),
            hosting: None,
            driver_sent: None,
            links: Vec::new(),
            env,
            recorder: Recorder::new(now),
            limit: now + limit,
            source: Arc::clone(&scenario.source),
            span: Span {
                line: 1,
                column: 1,
                start: 0,
                end: 0,
            },
            rule,
            level,
            scenario: Arc::clone(scenario),
            observed: None,
            notes: Vec::new(),
            held: Vec::new(),
            answers_itself: scenario.needs().names_request,
            behind: 0,
            turn: 0,
            jitter: settings.jitter.map(Jitter::new),
            breaches: Vec::new(),
            excused: None,
            rng: fastrand::Rng::with_seed(settings.seed),
        }
    }

    /// A player against clients, which come in at `host`.
    pub fn hosting(
        settings: &'a Settings,
        host: &'a mut Host,
        id: &str,
        scenario: &Arc<Scenario>,
        env: Env,
        limit: Duration,
    ) -> Player<'a> {
        let drives = scenario.needs().driver;
        Player {
            oracle: Watch::client(settings),
            hosting: Some(Hosting::new(host, &settings.limits, drives)),
            ..Player::new(settings, id, scenario, env, limit)
        }
    }

    pub(crate) fn began(&self) -> Instant {
        self.recorder.began()
    }

    /// Carries out a block.
    pub(crate) async fn steps(&mut self, steps: &[Step]) -> Result<(), Ended> {
        for step in steps {
            self.span = step.span;
            // Boxed, because blocks hold blocks.
            Box::pin(self.step(step)).await?;
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Result<(), Ended> {
        match &step.kind {
            StepKind::Connect { conn, layer } => match layer {
                Layer::WebSocket => self.connect(conn).await.map(|_| ()),
                Layer::Tcp => self.connect_tcp(conn).await,
            },
            StepKind::Send { conn, send } => self.send(conn, send).await,
            StepKind::Expect(expectation) => self.expect(expectation).await,
            StepKind::Together { steps } => self.together(steps).await,
            StepKind::UseHandshake { conn, hello } if self.hosting.is_some() => {
                self.greet(conn, hello.as_ref()).await
            }
            StepKind::UseHandshake { conn, .. } => self.handshake(conn).await,
            StepKind::UseFile { path, scenario } => self.use_file(&path.value, scenario).await,
            StepKind::Wait { time } => self.pause(time).await,
            StepKind::BeatEvery { conn, period } => self.beat_every(conn, period).await,
            StepKind::BeatOff { conn } => self.background_off(conn, true).await,
            StepKind::Every {
                conn,
                period,
                var,
                steps,
            } => self.every(conn, period, var.as_deref(), steps).await,
            StepKind::EveryOff { conn } => self.background_off(conn, false).await,
            StepKind::Repeat { count, var, steps } => {
                self.repeat(*count, var.as_deref(), steps).await
            }
            StepKind::InAnyOrder { steps } => self.in_any_order(steps).await,
            StepKind::Either { branches } => self.either(branches).await,
            StepKind::Ignore { conn } => {
                let link = match self.hosting {
                    Some(_) => self.visitor(conn).await?,
                    None => self.link(conn).await?,
                };
                self.links[link].ignored = true;
                self.oracle.ignore(self.links[link].watch);
                Ok(())
            }
            StepKind::Alive { mark } if self.hosting.is_some() => {
                self.client_alive(mark.as_ref()).await
            }
            StepKind::Alive { mark } => self.alive(mark.as_ref()).await,
            StepKind::Offer { what, name } => self.offer(*what, name).await,
            _ if self.hosting.is_none() => Err(needs_client()),
            StepKind::WaitsDiffer { by, mark } => self.waits_differ(by, mark.as_ref()),
            StepKind::DriverSend { packet } => self.driver_send(packet),
            StepKind::DriverExpect {
                pattern,
                bound,
                mark,
            } => {
                self.driver_expect(pattern, bound.as_ref(), mark.as_ref())
                    .await
            }
        }
    }

    /// The connection with this name, opened if it is not there yet.
    pub(crate) async fn link(&mut self, name: &str) -> Result<usize, Ended> {
        if self.hosting.is_some() {
            return self.visited(name).await;
        }
        // A name can be connected again: the newest one counts.
        let known = self.links.iter().rposition(|link| link.name == name);
        match known {
            Some(index) => Ok(index),
            None => self.connect(name).await,
        }
    }

    /// Opens a connection and its WebSocket.
    pub(crate) async fn connect(&mut self, name: &str) -> Result<usize, Ended> {
        let offer = self.settings.offer.clone();
        let opened = match self.open(offer).await? {
            Ok(opened) => opened,
            Err(error) => return Err(self.unreachable(&error.to_string())),
        };
        Ok(self.opened(name, opened))
    }

    /// `connect tcp`: nothing is asked for, and nobody watches.
    async fn connect_tcp(&mut self, name: &str) -> Result<(), Ended> {
        if let Some(pacer) = &self.settings.pacer {
            pacer.turn().await;
        }
        let settings = self.settings;
        let dial = &*settings.reach.as_ref().ok_or_else(no_server)?.dial;
        let until = (Instant::now() + settings.answer_within).min(self.limit);
        let dialed = tokio::time::timeout_at(until, wire::open_tcp(dial, &settings.limits)).await;
        let (conn, dialed_at, connected_at) = match dialed {
            Ok(Ok(opened)) => opened,
            Ok(Err(error @ (DialError::Other { .. } | DialError::NoTls { .. }))) => {
                return Err(Ended::Error(error.to_string()));
            }
            Ok(Err(error)) => return Err(self.unreachable(&error.to_string())),
            Err(_) => return Err(self.unreachable("no TCP connection")),
        };
        let link = self.add_link(name, conn, "tcp", (dialed_at, connected_at));
        self.links[link].tcp = true;
        self.oracle.ignore(self.links[link].watch);
        Ok(())
    }

    /// Takes a connection in, and gives its index.
    pub(crate) fn opened(&mut self, name: &str, opened: Opened) -> usize {
        let times = (opened.dialed_at, opened.opened_at);
        self.add_link(name, opened.conn, "", times)
    }

    /// A connection of ours; `text` says what it is, in the transcript, `times` from when to when it was
    /// opened.
    fn add_link(
        &mut self,
        name: &str,
        conn: wire::Conn,
        text: &str,
        times: (Instant, Instant),
    ) -> usize {
        let text = text.to_owned();
        let (kind, dir) = (EntryKind::Connect, Dir::Sent);
        self.recorder.add(times.0, name, dir, kind, text, false);
        let (watch, _) = self.oracle.opened(name, times.0, times.1);
        let share = self.settings.budget.share();
        let manual = self.scenario.header.manual;
        self.links
            .push(Link::new(name, watch, conn, times, manual, share));
        self.links.len() - 1
    }

    /// Asks the target for a WebSocket with this offer. What went wrong is the target's doing.
    pub(crate) async fn open(
        &mut self,
        mut offer: Offer,
    ) -> Result<Result<Opened, OpenError>, Ended> {
        if let Some(pacer) = &self.settings.pacer {
            pacer.turn().await;
        }
        if self.settings.trace_header {
            offer
                .headers
                .push(("X-Litespec-Scenario".to_owned(), self.id.clone()));
        }
        let settings = self.settings;
        let reach = settings.reach.as_ref().ok_or_else(no_server)?;
        let began = Instant::now();
        let until = (began + settings.answer_within).min(self.limit);
        let opening = wire::open(
            &*reach.dial,
            &reach.target,
            &offer,
            &settings.limits,
            &mut self.rng,
        );
        match tokio::time::timeout_at(until, opening).await {
            Ok(Err(error)) if ours(&error) => Err(Ended::Error(error.to_string())),
            Ok(opened) => Ok(opened),
            Err(_) => {
                let waited = began.elapsed().as_millis();
                Err(self.unreachable(&format!("no WebSocket within {waited} ms")))
            }
        }
    }

    /// Whether a connection on which nothing has come tells against the target as a whole: it had
    /// said HELLO before, and the scenario is not about HELLO.
    pub(crate) fn turned_away(&self, link: usize) -> bool {
        self.hosting.is_none()
            && !self.links[link].tcp
            && !self.oracle.heard(self.links[link].watch)
            && !self.rule.starts_with("hello.")
    }

    /// The target does not take us in any more.
    pub(crate) fn unreachable(&self, what: &str) -> Ended {
        let actual = cut(self.settings.redactor.redact(what));
        Ended::Unreachable(Box::new(Broken {
            rule: "robust.isolation".to_owned(),
            level: Level::Must,
            expected: "a new connection with its HELLO, as the preflight had one".to_owned(),
            actual,
            hint: Some(
                "if the target limits connections, give a lower --jobs or a --connect-rate"
                    .to_owned(),
            ),
            place: self.place(),
        }))
    }

    /// The line at hand.
    pub(crate) fn place(&self) -> Place {
        Place {
            source: Arc::clone(&self.source),
            span: self.span,
        }
    }

    /// Goes to a line of the text, counted from 1.
    pub(crate) fn at_line(&mut self, line: u32) {
        let text = &self.source.text;
        let before = text
            .split_inclusive('\n')
            .take(line.saturating_sub(1) as usize);
        let start = before.map(str::len).sum();
        let end = start + self.source.line(line).len();
        self.span = Span {
            line,
            column: 1,
            start,
            end,
        };
    }

    /// The line at hand, broken: what it asks for is its own text.
    pub(crate) fn broken(&self, mark: Option<&Mark>, actual: &str) -> Broken {
        let line = self
            .source
            .text
            .get(self.span.start..self.span.end)
            .unwrap_or("");
        Broken {
            rule: mark.map_or_else(|| self.rule.clone(), |mark| mark.rule.clone()),
            level: self.level_of(mark),
            expected: line_without_arrow(line),
            actual: cut(self.settings.redactor.redact(actual)),
            hint: None,
            place: self.place(),
        }
    }

    fn level_of(&self, mark: Option<&Mark>) -> Level {
        match mark {
            None => self.level,
            Some(mark) if mark.should => Level::Should,
            Some(mark) => rules::find(&mark.rule).map_or(self.level, |rule| rule.level),
        }
    }

    /// Keeps what the watch found, with the line at hand.
    pub(crate) fn note_findings(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            if self.settings.patient && finding.breach.is_timing() {
                continue;
            }
            if let Some(delay) = self.excuse(&finding) {
                let breach = &finding.breach;
                let said = self.settings.redactor.redact(&breach.actual());
                self.excused = Some(format!("{}: {said}; {delay}", breach.rule()));
                continue;
            }
            if self.breaches.len() < BREACHES {
                let place = self.place();
                self.breaches.push((finding.breach, place));
            }
        }
    }

    /// The delay that may have made a finding: one of ours, or one of a client that had no processor.
    fn excuse(&self, finding: &Finding) -> Option<Delay> {
        let Breach::Client(breach) = &finding.breach else {
            return None;
        };
        let (off_by, span) = breach.off_by().filter(|(off_by, _)| !off_by.is_zero())?;
        let from = finding.at.checked_sub(span).unwrap_or(finding.at);
        if breach.may_be_starvation() {
            self.made_late(from, finding.at, off_by)
        } else {
            self.delayed(from, finding.at, off_by)
        }
    }

    /// How long a time of the scenario is on a connection.
    pub(crate) fn length(&self, time: &Time, link: Option<usize>) -> Duration {
        let known = |link: &&usize| self.hosting.is_none() || self.known_interval(**link);
        let own = link
            .as_ref()
            .filter(known)
            .copied()
            .or_else(|| self.unnamed())
            .and_then(|link| self.oracle.interval(self.links[link].watch));
        time.resolve(own.unwrap_or(self.settings.interval), self.settings.grace)
    }

    fn known_interval(&self, link: usize) -> bool {
        self.oracle.interval(self.links[link].watch).is_some()
    }

    /// The unnamed connection; a client's newest whose HELLO has gone out.
    fn unnamed(&self) -> Option<usize> {
        let unnamed = |link: &Link| link.name == "a";
        if self.hosting.is_none() {
            return self.links.iter().position(unnamed);
        }
        (0..self.links.len())
            .rev()
            .find(|&link| unnamed(&self.links[link]) && self.known_interval(link))
    }

    /// Takes the player apart.
    pub(crate) fn finish(self, ended: Ended) -> Played {
        let ended = match (ended, self.excused) {
            // What was excused was not judged either.
            (Ended::Passed, Some(reason)) => Ended::Inconclusive {
                reason,
                timing: true,
            },
            (ended, _) => ended,
        };
        let took = self.recorder.began().elapsed();
        let waits = self.oracle.waits().to_vec();
        Played {
            ended,
            breaches: self.breaches,
            observed: self.observed,
            notes: self.notes,
            waits,
            transcript: self.recorder.finish(),
            target_output: Vec::new(),
            held: self.held,
            took,
        }
    }
}

fn no_server() -> Ended {
    Ended::Error("there is no server to connect to".to_owned())
}

/// Why a line of the client role is not carried out against a server.
pub(super) fn needs_client() -> Ended {
    Ended::Error("this line needs a client as its target".to_owned())
}

/// Whether an error at opening is this machine's and not the target's.
fn ours(error: &OpenError) -> bool {
    matches!(
        error,
        OpenError::Dial(DialError::Other { .. } | DialError::NoTls { .. })
    )
}

/// A line's text behind its arrow and without its mark, as what was expected.
fn line_without_arrow(line: &str) -> String {
    let body = match line.find("< ").or_else(|| line.find("> ")) {
        Some(at) if at < 40 && !line[..at].contains('"') => &line[at + 2..],
        _ => line,
    };
    let body = match body.rfind("  @") {
        Some(at) => &body[..at],
        None => body,
    };
    body.trim().to_owned()
}
