//! Flow: repetition, sets, waits, and the end of a scenario.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::ended::Ended;
use super::fit::{Fit, fit};
use super::item::Item;
use super::link::{Link, Upgrade};
use super::player::Player;
use crate::protocol::json::Json;
use crate::scenario::Scenario;
use crate::scenario::syntax::{Expectation, Span, Step, StepKind, Time};

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
        let mut wait = None;
        while let Some(first) = open.first() {
            self.span = first.span;
            let line = first.line;
            let link = self.link(&line.conn).await?;
            // As for lines one below the other, each arrival that is met begins the wait for the next
            // anew. One that is passed over does not: a target that talks must not be waited for
            // without end.
            let window =
                *wait.get_or_insert_with(|| self.window(link, &line.what, line.bound.as_ref()));
            let Some(item) = self.next_item(link, window.until).await? else {
                let in_turn = self.in_turn(link, line).await?;
                return Err(in_turn.unwrap_or_else(|| self.still_open(link, &open)));
            };
            let Some(at) = self.meets(link, &open, &item)? else {
                if self.passes_by(link, &item, Some(line)) {
                    self.passed_over(link, &item);
                    continue;
                }
                return Err(self.unexpected(link, Some(line), &item));
            };
            wait = None;
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
            let fits = fit(close_taken, &expected.line.what, item, &mut self.env);
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
            if link.ignored
                || link.tcp
                || link.close_taken
                || link.close_sent && !link.close_received
            {
                continue;
            }
            if self.hosting.is_some() && self.end_is_no_matter(index) {
                continue;
            }
            if let Some(item) = link.inbox.end().cloned() {
                return Err(self.unexpected(index, None, &item));
            }
        }
        Ok(())
    }

    /// Whether a client's connection may end during a wait: we began to end it, its upgrade has no
    /// answer, or the scenario has gone on to another.
    fn end_is_no_matter(&self, index: usize) -> bool {
        let link = &self.links[index];
        let newer = |later: &Link| later.taken && later.name == link.name;
        self.parting(index)
            || link.end_taken
            || !matches!(link.upgrade, Upgrade::Done)
            || self.links[index + 1..].iter().any(newer)
    }

    /// The end: background traffic stops, our open connections are closed, and what still comes
    /// is judged by the watch.
    pub(crate) async fn settle(&mut self) -> Result<(), Ended> {
        if let Some(hosting) = &mut self.hosting {
            hosting.leaving = true;
        }
        for link in &mut self.links {
            // Who waits for an answer to an upgrade request gets none.
            link.gone |= matches!(link.upgrade, Upgrade::Asked(_));
            link.beat = None;
            link.every = None;
            link.inbox.shut();
            // Nothing of the scenario is left to wait for.
            link.interval_known = true;
        }
        let now = Instant::now();
        let grace = self.settings.grace;
        for index in 0..self.links.len() {
            let watch = self.links[index].watch;
            let findings = self.oracle.finish(watch, now, self.settings);
            self.note_findings(findings);
            let link = &self.links[index];
            if !link.over() && !link.ignored && !link.tcp {
                self.farewell(index, now);
            }
        }
        loop {
            let until = self
                .links
                .iter()
                .filter(|link| {
                    let silent = link.gone || link.conn.ended() || link.ignored || link.tcp;
                    !silent && !link.inbox.full()
                })
                .map(|link| {
                    let owed = link.close_received && self.oracle.judges(link.watch);
                    let patient = owed && self.hosting.is_none();
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
            let watch = self.links[index].watch;
            let findings = self.oracle.finish(watch, now, self.settings);
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
