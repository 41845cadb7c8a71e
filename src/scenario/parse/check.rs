//! What no single line shows: places, roles, connections, branches.

use std::collections::HashSet;

use super::{MAX_TURNS, header};
use crate::scenario::error::Problem;
use crate::scenario::names::names;
use crate::scenario::overlap::overlap;
use crate::scenario::syntax::{
    Expect, Expectation, Layer, Manual, Mark, Role, Scenario, Send, Span, Spanned, Step, StepKind,
};

/// Looks at a whole scenario.
pub(super) fn check(
    scenario: &Scenario,
    role: Option<Role>,
    manual: Option<(Manual, Span)>,
) -> Result<(), Problem> {
    let mut check = Check {
        role,
        opened: HashSet::from(["a".to_owned()]),
        tcp: HashSet::new(),
        any_opened: false,
        marks: Vec::new(),
    };
    for rule in &scenario.header.rules {
        header::check_role(&rule.value, rule.span, role)?;
    }
    if let (Some(Role::Server), Some((Manual { ack: true, .. }, span))) = (role, manual) {
        return Err(
            Problem::new(span, "`manual ack` where the target is a server")
                .hint("only a server sends HEARTBEAT_ACK; here the harness is the client"),
        );
    }
    if let Some(control) = scenario
        .header
        .control
        .as_ref()
        .filter(|control| control.value == scenario.id)
    {
        return Err(Problem::new(
            control.span,
            "a scenario cannot be its own control",
        ));
    }
    check.block(&scenario.steps, Place::Anywhere, 1)?;
    header::check_level(
        &scenario.header,
        check
            .marks
            .iter()
            .find(|mark| super::words::is_own_rule(&mark.value)),
    )?;
    match names(scenario).problems.into_iter().next() {
        Some(problem) => Err(problem),
        None => Ok(()),
    }
}

/// Which block a step stands in.
#[derive(Clone, Copy)]
enum Place<'s> {
    Anywhere,
    /// `together`
    Together,
    /// `every`, with its connection.
    Every(&'s str),
    /// `in any order`
    AnyOrder,
}

struct Check {
    role: Option<Role>,
    /// Connections that a line above has opened.
    opened: HashSet<String>,
    /// Those of them that have no WebSocket.
    tcp: HashSet<String>,
    /// A used file may have opened others.
    any_opened: bool,
    marks: Vec<Spanned<String>>,
}

impl Check {
    fn block(&mut self, steps: &[Step], place: Place<'_>, turns: u64) -> Result<(), Problem> {
        if let Place::Together = place {
            one_connection(steps, &mut None)?;
        }
        for step in steps {
            allowed(step, place)?;
            self.role(step)?;
            self.connection(step)?;
            self.layer(step)?;
            self.step(step, place, turns)?;
        }
        Ok(())
    }

    fn step(&mut self, step: &Step, place: Place<'_>, turns: u64) -> Result<(), Problem> {
        match &step.kind {
            StepKind::Together { steps } => self.block(steps, Place::Together, turns),
            StepKind::InAnyOrder { steps } => self.block(steps, Place::AnyOrder, turns),
            StepKind::Every { conn, steps, .. } => self.block(steps, Place::Every(conn), turns),
            StepKind::Repeat { count, steps, .. } => {
                let turns = turns.saturating_mul(u64::from(*count));
                if turns > MAX_TURNS {
                    return Err(Problem::new(
                        step.span,
                        format!("more than {MAX_TURNS} turns in all"),
                    ));
                }
                self.block(steps, place, turns)
            }
            StepKind::Either { branches } => {
                first_lines(step, branches)?;
                branches
                    .iter()
                    .try_for_each(|branch| self.block(branch, Place::Anywhere, turns))
            }
            StepKind::UseFile { .. } => {
                self.any_opened = true;
                Ok(())
            }
            StepKind::Expect(Expectation { mark, .. })
            | StepKind::Alive { mark }
            | StepKind::WaitsDiffer { mark, .. }
            | StepKind::DriverExpect { mark, .. } => {
                mark.iter().try_for_each(|mark| self.mark(mark))
            }
            _ => Ok(()),
        }
    }

    fn mark(&mut self, mark: &Mark) -> Result<(), Problem> {
        self.marks.push(Spanned {
            value: mark.rule.clone(),
            span: mark.span,
        });
        header::check_role(&mark.rule, mark.span, self.role)
    }

    /// Words of the other role.
    fn role(&self, step: &Step) -> Result<(), Problem> {
        let wrong = |word: &str| {
            let target = if self.role == Some(Role::Server) {
                "server"
            } else {
                "client"
            };
            Err(Problem::new(
                step.span,
                format!("{word} where the target is a {target}"),
            ))
        };
        match (self.role, only_for(step)) {
            (Some(Role::Server), Some((Role::Client, word)))
            | (Some(Role::Client), Some((Role::Server, word))) => wrong(word),
            _ => Ok(()),
        }
    }

    /// A connection with a name is opened before anything goes over it.
    fn connection(&mut self, step: &Step) -> Result<(), Problem> {
        let Some(conn) = connection_of(&step.kind) else {
            return Ok(());
        };
        let opens = matches!(
            &step.kind,
            StepKind::Connect { .. }
                | StepKind::Expect(Expectation {
                    what: Expect::Connects,
                    ..
                })
        );
        if opens {
            self.opened.insert(conn.to_owned());
        }
        if self.any_opened || self.opened.contains(conn) {
            return Ok(());
        }
        let how = match self.role {
            Some(Role::Server) => format!("open it above: `{conn} connect`"),
            Some(Role::Client) => format!("await it above: `{conn}< connects`"),
            None => {
                format!("open it above: `{conn} connect`, or `{conn}< connects` against a client")
            }
        };
        Err(Problem::new(step.span, format!("connection `{conn}` is not open")).hint(how))
    }
}

impl Check {
    /// A connection without a WebSocket knows bytes and its end.
    fn layer(&mut self, step: &Step) -> Result<(), Problem> {
        let Some(conn) = connection_of(&step.kind) else {
            return Ok(());
        };
        if let StepKind::Connect { layer, .. } = step.kind {
            self.tcp.remove(conn);
            if layer == Layer::Tcp {
                self.tcp.insert(conn.to_owned());
            }
            return Ok(());
        }
        let bytes = match &step.kind {
            StepKind::Send { send, .. } => {
                matches!(send, Send::Raw(_) | Send::Eof | Send::Reset)
            }
            StepKind::Expect(line) => matches!(line.what, Expect::Closed | Expect::Nothing(_)),
            StepKind::Ignore { .. } => true,
            _ => false,
        };
        if bytes || !self.tcp.contains(conn) {
            return Ok(());
        }
        let problem = Problem::new(step.span, format!("connection `{conn}` has no WebSocket"));
        Err(problem
            .expected("`> raw ..`, `> eof`, `> reset`, `< closed`, `< nothing for ..`, `ignore`")
            .hint(format!("`{conn} connect` without `tcp` opens one")))
    }
}

/// The role that alone knows a step, and how the step is called.
pub(in crate::scenario) fn only_for(step: &Step) -> Option<(Role, &'static str)> {
    Some(match &step.kind {
        StepKind::Connect { .. } => (Role::Server, "`connect`"),
        StepKind::Offer { .. } => (Role::Server, "`offer`"),
        StepKind::Expect(Expectation {
            what: Expect::Connects,
            ..
        }) => (Role::Client, "`connects`"),
        StepKind::Send {
            send: Send::Http(_),
            ..
        } => (Role::Client, "`http`"),
        StepKind::WaitsDiffer { .. } => (Role::Client, "`waits differ`"),
        StepKind::DriverSend { .. } => (Role::Client, "`driver>`"),
        StepKind::DriverExpect { .. } => (Role::Client, "`driver<`"),
        StepKind::UseHandshake { hello: Some(_), .. } => {
            (Role::Client, "`use handshake` with a HELLO")
        }
        _ => return None,
    })
}

/// The connection a step speaks on.
pub(in crate::scenario) fn connection_of(kind: &StepKind) -> Option<&str> {
    match kind {
        StepKind::Connect { conn, .. }
        | StepKind::Send { conn, .. }
        | StepKind::Expect(Expectation { conn, .. })
        | StepKind::UseHandshake { conn, .. }
        | StepKind::BeatEvery { conn, .. }
        | StepKind::BeatOff { conn }
        | StepKind::Every { conn, .. }
        | StepKind::EveryOff { conn }
        | StepKind::Ignore { conn } => Some(conn),
        StepKind::Together { .. }
        | StepKind::UseFile { .. }
        | StepKind::Wait { .. }
        | StepKind::Repeat { .. }
        | StepKind::InAnyOrder { .. }
        | StepKind::Either { .. }
        | StepKind::Alive { .. }
        | StepKind::Offer { .. }
        | StepKind::WaitsDiffer { .. }
        | StepKind::DriverSend { .. }
        | StepKind::DriverExpect { .. } => None,
    }
}

/// What may stand in which block.
fn allowed(step: &Step, place: Place<'_>) -> Result<(), Problem> {
    let refused = |block: &str, what: &str| {
        Err(Problem::new(step.span, format!("this cannot stand in `{block}`")).expected(what))
    };
    match (place, &step.kind) {
        (Place::Anywhere, _)
        | (Place::Together | Place::Every(_) | Place::AnyOrder, StepKind::Repeat { .. }) => Ok(()),
        (
            Place::Together,
            StepKind::Send {
                send: Send::Eof | Send::Reset | Send::Http(_),
                ..
            },
        ) => refused("together", "sends that are bytes: they go out in one write"),
        (
            Place::Every(_),
            StepKind::Send {
                send: Send::Eof | Send::Reset | Send::Http(_),
                ..
            },
        ) => refused("every", "sends that can be repeated"),
        (Place::Every(conn), StepKind::Send { conn: other, .. }) if other != conn => {
            refused("every", &format!("sends on connection `{conn}`"))
        }
        (Place::Together | Place::Every(_), StepKind::Send { .. }) => Ok(()),
        (Place::Together, _) => refused("together", "sends, `> ..`, and `repeat`"),
        (Place::Every(_), _) => refused("every", "sends, `> ..`, and `repeat`"),
        (
            Place::AnyOrder,
            StepKind::Expect(Expectation {
                what: Expect::Nothing(_) | Expect::Probe(_),
                ..
            }),
        ) => refused("in any order", "expectations of something that comes"),
        (
            Place::AnyOrder,
            StepKind::Expect(Expectation {
                what: Expect::Connects,
                ..
            }),
        ) => refused("in any order", "expectations of what comes on a connection"),
        (Place::AnyOrder, StepKind::Expect(_)) => Ok(()),
        (Place::AnyOrder, _) => refused("in any order", "expectations, `< ..`, and `repeat`"),
    }
}

/// The sends of `together` are one write, so they go over one connection.
fn one_connection<'s>(steps: &'s [Step], first: &mut Option<&'s str>) -> Result<(), Problem> {
    for step in steps {
        match &step.kind {
            StepKind::Repeat { steps, .. } => one_connection(steps, first)?,
            StepKind::Send { conn, .. } if *first.get_or_insert(conn) != conn => {
                return Err(Problem::new(step.span, "two connections in one `together`")
                    .hint("its sends are one write, so they go over one connection"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Each branch begins with an expectation, and no two of these can take the same thing.
fn first_lines(either: &Step, branches: &[Vec<Step>]) -> Result<(), Problem> {
    let mut firsts: Vec<(&Expectation, Span)> = Vec::new();
    for branch in branches {
        let Some(step) = branch.first() else {
            return Err(Problem::new(either.span, "a branch without lines"));
        };
        let StepKind::Expect(expectation) = &step.kind else {
            return Err(Problem::new(
                step.span,
                "a branch that does not begin with an expectation",
            )
            .expected("`< ..`: what comes decides the branch"));
        };
        if let Expect::Probe(_) = expectation.what {
            return Err(Problem::new(
                step.span,
                "a branch that begins with `probe`, which takes whatever comes",
            ));
        }
        if let Some((_, earlier)) = firsts.iter().find(|(first, _)| overlap(first, expectation)) {
            return Err(Problem::new(
                step.span,
                format!(
                    "this branch could take what the branch at line {} takes",
                    earlier.line
                ),
            )
            .hint("the first lines of branches must tell apart what comes"));
        }
        firsts.push((expectation, step.span));
    }
    Ok(())
}
