//! `either` .. `or` ..: the first branch whose first line is met is taken for good.

use tokio::time::Instant;

use super::ended::Ended;
use super::expect::Window;
use super::fit::{Fit, fit, pick};
use super::item::Got;
use super::player::{Player, needs_client};
use super::pump::Woke;
use super::visit::VisitWindow;
use crate::scenario::syntax::{Expect, Expectation, Span, Step, StepKind};

/// The first line of a branch.
struct First<'s> {
    line: &'s Expectation,
    span: Span,
    awaits: Awaits,
}

/// What it waits for.
enum Awaits {
    /// Something on a connection, within its time.
    Arrival(usize, Window),
    /// A client's next connection, behind the one with this index.
    Visit(Option<usize>, VisitWindow),
}

impl First<'_> {
    fn quiet(&self) -> bool {
        matches!(self.line.what, Expect::Nothing(_))
    }
}

impl Player<'_> {
    /// `either` .. `or` ..
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
            let awaits = self.awaits(line).await?;
            let span = *span;
            firsts.push(First { line, span, awaits });
        }
        let taken = self.choose(&firsts).await?;
        let First { line, span, .. } = firsts[taken];
        self.span = span;
        self.hold(line.mark.as_ref());
        self.steps(&branches[taken][1..]).await
    }

    async fn awaits(&mut self, line: &Expectation) -> Result<Awaits, Ended> {
        if let Expect::Connects = line.what {
            if self.hosting.is_none() {
                return Err(needs_client());
            }
            let window = self.visit_window(line.bound.as_ref());
            return Ok(Awaits::Visit(self.last_taken(), window));
        }
        let link = self.link(&line.conn).await?;
        let mut window = self.window(link, &line.what, line.bound.as_ref());
        if let Expect::Nothing(time) = &line.what {
            window = self.window(link, &line.what, None);
            window.until = Instant::now() + self.length(time, Some(link));
        }
        Ok(Awaits::Arrival(link, window))
    }

    /// Waits until one of the first lines is met; returns its branch.
    async fn choose(&mut self, firsts: &[First<'_>]) -> Result<usize, Ended> {
        loop {
            for (branch, first) in firsts.iter().enumerate() {
                if self.meets_first(first)? {
                    return Ok(branch);
                }
            }
            if self.passed_by(firsts)? {
                continue;
            }
            let now = Instant::now();
            let over = |first: &First<'_>| first.quiet() && self.until(first) <= now;
            if let Some(branch) = firsts.iter().position(over) {
                return Ok(branch);
            }
            let until = firsts.iter().map(|first| self.until(first)).max();
            let quiet = firsts.iter().filter(|first| first.quiet());
            let next_quiet = quiet.map(|first| self.until(first)).min();
            let wake = next_quiet.or(until).unwrap_or(now);
            let over = self.pump(wake).await? == Woke::TimeOver && next_quiet.is_none();
            if over && !firsts.iter().any(|first| self.something_came(first)) {
                return Err(self.none_of(&firsts[0]));
            }
        }
    }

    /// Takes what has come if it is what a branch begins with.
    fn meets_first(&mut self, first: &First<'_>) -> Result<bool, Ended> {
        let line = first.line;
        let (link, window) = match first.awaits {
            Awaits::Arrival(link, window) => (link, window),
            Awaits::Visit(before, window) => {
                let Some(link) = self.take_visit(&line.conn) else {
                    return Ok(false);
                };
                self.span = first.span;
                self.visit_in_time(link, before, line.mark.as_ref(), window)?;
                return Ok(true);
            }
        };
        let inbox = &self.links[link].inbox;
        let next = match &line.what {
            Expect::Ping(_) => inbox.control(|got| matches!(got, Got::Ping(_))),
            Expect::Pong(_) => inbox.control(|got| matches!(got, Got::Pong(_))),
            _ => inbox.front(),
        };
        let Some(item) = next.cloned() else {
            return Ok(false);
        };
        let close_taken = self.links[link].close_taken;
        let mut env = self.env.clone();
        if !matches!(fit(close_taken, &line.what, &item, &mut env)?, Fit::Yes) {
            return Ok(false);
        }
        self.span = first.span;
        self.env = env;
        pick(&mut self.links[link], &line.what);
        self.take(link, &item);
        self.in_time(link, line, &item, window)?;
        Ok(true)
    }

    /// An arrival that no branch takes: passed by, which is true, or a failure.
    fn passed_by(&mut self, firsts: &[First<'_>]) -> Result<bool, Ended> {
        for first in firsts {
            let Awaits::Arrival(link, _) = first.awaits else {
                continue;
            };
            if let Some(item) = self.links[link].inbox.front().cloned() {
                self.span = first.span;
                // What comes on an ignored connection fails no line, so it must not decide a branch either.
                let ignored = self.links[link].ignored;
                if ignored || self.passes_by(link, &item, Some(first.line)) {
                    self.links[link].inbox.pop();
                    self.passed_over(link, &item);
                    return Ok(true);
                }
                return Err(self.unexpected(link, Some(first.line), &item));
            }
        }
        Ok(false)
    }

    fn until(&self, first: &First<'_>) -> Instant {
        match first.awaits {
            Awaits::Arrival(_, window) => window.until,
            Awaits::Visit(_, window) => self.visit_until(window),
        }
    }

    fn something_came(&self, first: &First<'_>) -> bool {
        match first.awaits {
            Awaits::Arrival(link, _) => self.links[link].inbox.front().is_some(),
            Awaits::Visit(..) => self.visit_waits(),
        }
    }

    fn none_of(&mut self, first: &First<'_>) -> Ended {
        self.span = first.span;
        let behind = match first.awaits {
            Awaits::Arrival(link, _) => {
                let since = self.links[link].last_send.1;
                let waited = Instant::now().saturating_duration_since(since);
                format!("{} after our last send", self.in_words(link, waited))
            }
            Awaits::Visit(..) => "in time".to_owned(),
        };
        let actual = format!("none of the branches, {behind}");
        Ended::Failed(Box::new(self.broken(first.line.mark.as_ref(), &actual)))
    }
}
