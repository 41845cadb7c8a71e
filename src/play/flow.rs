//! Flow: handshake, repetition, sets, branches, and the end of a scenario.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::ended::Ended;
use super::expect::{Fit, Window, fit, pick};
use super::item::{Got, Item};
use super::player::Player;
use super::pump::Woke;
use crate::protocol::json::Json;
use crate::scenario::Scenario;
use crate::scenario::syntax::{Expect, Expectation, Span, Step, StepKind, Time};

/// How long a connection that we close at a scenario's end may take to end.
const FAREWELL: Duration = Duration::from_millis(500);

impl Player<'_> {
    /// `use ./file.scenario`
    pub(crate) async fn use_file(
        &mut self,
        path: &str,
        scenario: &Option<Arc<Scenario>>,
    ) -> Result<(), Ended> {
        let Some(used) = scenario else {
            return Err(Ended::Error(format!("`use {path}` was not loaded")));
        };
        let back = (Arc::clone(&self.source), self.span);
        self.source = Arc::clone(&used.source);
        let ended = self.steps(&used.steps).await;
        if ended.is_ok() {
            (self.source, self.span) = back;
        }
        ended
    }

    /// `repeat ..`
    pub(crate) async fn repeat(
        &mut self,
        count: u32,
        var: Option<&str>,
        steps: &[Step],
    ) -> Result<(), Ended> {
        for turn in 1..=count {
            self.env.push();
            if let Some(var) = var {
                self.env.bind(var, Json::from(u64::from(turn)));
            }
            let ended = self.steps(steps).await;
            self.env.pop();
            ended?;
        }
        Ok(())
    }

    /// `in any order`: every expectation is met once, by whatever arrival fits it.
    pub(crate) async fn in_any_order(&mut self, steps: &[Step]) -> Result<(), Ended> {
        let mut open = Vec::new();
        expectations(steps, &mut Vec::new(), &mut open)?;
        while let Some(first) = open.first() {
            self.span = first.span;
            let line = first.line;
            let link = self.link(&line.conn).await?;
            // As for lines one below the other, each arrival begins the wait for the next anew.
            let window = self.window(link, &line.what, line.bound.as_ref());
            let Some(item) = self.next_item(link, window.until).await? else {
                return Err(self.still_open(link, &open));
            };
            let Some(at) = self.meets(link, &open, &item)? else {
                if self.passes_by(&item, line.mark.as_ref()) {
                    continue;
                }
                return Err(self.unexpected(link, Some(line), &item));
            };
            let Expected { line, span, .. } = open.remove(at);
            self.span = span;
            self.take(link, &item);
            let window = self.window(link, &line.what, line.bound.as_ref());
            self.in_time(link, line, &item, window)?;
            self.hold(line.mark.as_ref());
        }
        Ok(())
    }

    /// Which expectation of a set an arrival meets.
    fn meets(
        &mut self,
        link: usize,
        open: &[Expected<'_>],
        item: &Item,
    ) -> Result<Option<usize>, Ended> {
        let close_taken = self.links[link].close_taken;
        for (at, expected) in open.iter().enumerate() {
            if expected.line.conn != self.links[link].name {
                continue;
            }
            // What a turn of `repeat` binds is forgotten behind it.
            let in_turn = !expected.turns.is_empty();
            if in_turn {
                self.env.push();
                for (var, turn) in &expected.turns {
                    self.env.bind(var, Json::from(u64::from(*turn)));
                }
            }
            let fits = fit(close_taken, &expected.line.what, &item.got, &mut self.env);
            if in_turn {
                self.env.pop();
            }
            if matches!(fits?, Fit::Yes) {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// The time is over and some of a set were not met.
    fn still_open(&self, link: usize, open: &[Expected<'_>]) -> Ended {
        let line = open[0].line;
        let waited = Instant::now().saturating_duration_since(self.links[link].last_send.1);
        let more = match open.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more of its set"),
        };
        let actual = format!(
            "nothing more, {} after our last send; this one{more} did not come",
            self.in_words(link, waited)
        );
        Ended::Failed(Box::new(self.broken(line.mark.as_ref(), &actual)))
    }

    /// `either` .. `or` ..: the first branch whose first line is met is taken for good.
    pub(crate) async fn either(&mut self, branches: &[Vec<Step>]) -> Result<(), Ended> {
        let mut firsts = Vec::new();
        for branch in branches {
            let Some(Step {
                kind: StepKind::Expect(line),
                span,
                ..
            }) = branch.first()
            else {
                return Err(Ended::Error(
                    "a branch begins with an expectation".to_owned(),
                ));
            };
            let link = self.link(&line.conn).await?;
            let window = match &line.what {
                Expect::Nothing(time) => {
                    let mut window = self.window(link, &line.what, None);
                    window.until = Instant::now() + self.length(time, Some(link));
                    window
                }
                _ => self.window(link, &line.what, line.bound.as_ref()),
            };
            firsts.push((line, *span, link, window));
        }
        let taken = self.choose(&firsts).await?;
        let (line, span, _, _) = firsts[taken];
        self.span = span;
        self.hold(line.mark.as_ref());
        self.steps(&branches[taken][1..]).await
    }

    /// Waits until one of the first lines is met; returns its branch.
    async fn choose(
        &mut self,
        firsts: &[(&Expectation, Span, usize, Window)],
    ) -> Result<usize, Ended> {
        'waiting: loop {
            for (branch, (line, span, link, window)) in firsts.iter().enumerate() {
                let inbox = &self.links[*link].inbox;
                let next = match &line.what {
                    Expect::Ping(_) => inbox.control(|got| matches!(got, Got::Ping(_))),
                    Expect::Pong(_) => inbox.control(|got| matches!(got, Got::Pong(_))),
                    _ => inbox.front(),
                };
                let Some(item) = next.cloned() else {
                    continue;
                };
                let close_taken = self.links[*link].close_taken;
                let mut env = self.env.clone();
                if matches!(fit(close_taken, &line.what, &item.got, &mut env)?, Fit::Yes) {
                    self.span = *span;
                    self.env = env;
                    pick(&mut self.links[*link], &line.what);
                    self.take(*link, &item);
                    self.in_time(*link, line, &item, *window)?;
                    return Ok(branch);
                }
            }
            // An arrival that no branch takes.
            for (line, span, link, _) in firsts {
                if let Some(item) = self.links[*link].inbox.front().cloned() {
                    self.span = *span;
                    if self.passes_by(&item, line.mark.as_ref()) {
                        self.links[*link].inbox.pop();
                        continue 'waiting;
                    }
                    return Err(self.unexpected(*link, Some(line), &item));
                }
            }
            let now = Instant::now();
            let quiet = |line: &Expectation| matches!(line.what, Expect::Nothing(_));
            if let Some(branch) = firsts
                .iter()
                .position(|(line, _, _, window)| quiet(line) && window.until <= now)
            {
                return Ok(branch);
            }
            let until = firsts
                .iter()
                .map(|(_, _, _, window)| window.until)
                .max()
                .unwrap_or(now);
            let next_quiet = firsts
                .iter()
                .filter(|(line, ..)| quiet(line))
                .map(|(_, _, _, window)| window.until)
                .min();
            let wake = next_quiet.unwrap_or(until);
            let over = self.pump(wake).await? == Woke::TimeOver && next_quiet.is_none();
            let came = |link: usize| self.links[link].inbox.front().is_some();
            if over && !firsts.iter().any(|(_, _, link, _)| came(*link)) {
                let (line, span, link, _) = &firsts[0];
                self.span = *span;
                let waited =
                    Instant::now().saturating_duration_since(self.links[*link].last_send.1);
                let actual = format!(
                    "none of the branches, {} after our last send",
                    self.in_words(*link, waited)
                );
                return Err(Ended::Failed(Box::new(
                    self.broken(line.mark.as_ref(), &actual),
                )));
            }
        }
    }

    /// `wait ..`: a close or a failure of a connection meanwhile fails.
    pub(crate) async fn pause(&mut self, time: &Time) -> Result<(), Ended> {
        let until = Instant::now() + self.length(time, None);
        while Instant::now() < until {
            self.refuse_unexpected_end()?;
            self.pump(until).await?;
        }
        self.refuse_unexpected_end()
    }

    fn refuse_unexpected_end(&mut self) -> Result<(), Ended> {
        for index in 0..self.links.len() {
            let link = &self.links[index];
            if link.ignored || link.close_taken || link.close_sent && !link.close_received {
                continue;
            }
            if let Some(item) = link.inbox.end().cloned() {
                return Err(self.unexpected(index, None, &item));
            }
        }
        Ok(())
    }

    /// The end: background traffic stops, our open connections are closed, and what still comes
    /// is judged by the watch.
    pub(crate) async fn settle(&mut self) -> Result<(), Ended> {
        for link in &mut self.links {
            link.beat = None;
            link.every = None;
            link.inbox.shut();
            // Nothing of the scenario is left to wait for.
            link.interval_known = true;
        }
        let now = Instant::now();
        let (answer_within, grace) = (self.settings.answer_within, self.settings.grace);
        for index in 0..self.links.len() {
            let watch = self.links[index].watch;
            let findings = self.oracle.finish(watch, now, answer_within, grace);
            self.note_findings(findings);
            if !self.links[index].over() && !self.links[index].ignored {
                self.farewell(index, now);
            }
        }
        loop {
            let until = self
                .links
                .iter()
                .filter(|link| {
                    !link.gone && !link.conn.ended() && !link.ignored && !link.inbox.full()
                })
                .map(|link| {
                    let patient = link.close_received && self.oracle.judges(link.watch);
                    now + if patient { grace + FAREWELL } else { FAREWELL }
                })
                .max();
            match until {
                Some(until) if Instant::now() < until => self.pump(until).await?,
                _ => break,
            };
        }
        let now = Instant::now();
        for index in 0..self.links.len() {
            let findings = self
                .oracle
                .finish(self.links[index].watch, now, answer_within, grace);
            let findings = findings
                .into_iter()
                .filter(|finding| finding.breach.rule() == "close.ends")
                .collect();
            self.note_findings(findings);
        }
        Ok(())
    }
}

/// One expectation of a set, with the turns of `repeat` it stands in.
struct Expected<'s> {
    line: &'s Expectation,
    span: Span,
    turns: Vec<(&'s str, u32)>,
}

/// All expectations of a set, repetitions written out.
fn expectations<'s>(
    steps: &'s [Step],
    turns: &mut Vec<(&'s str, u32)>,
    out: &mut Vec<Expected<'s>>,
) -> Result<(), Ended> {
    for step in steps {
        match &step.kind {
            StepKind::Expect(line) => out.push(Expected {
                line,
                span: step.span,
                turns: turns.clone(),
            }),
            StepKind::Repeat { count, var, steps } => {
                // Without a name of its own a turn still binds for itself alone.
                let var = var.as_deref().unwrap_or("");
                for turn in 1..=*count {
                    turns.push((var, turn));
                    expectations(steps, turns, out)?;
                    turns.pop();
                }
            }
            _ => {
                return Err(Ended::Error(
                    "this block takes expectations only".to_owned(),
                ));
            }
        }
    }
    Ok(())
}
