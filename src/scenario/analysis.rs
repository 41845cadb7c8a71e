//! What a scenario needs, known before it runs.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::names::names;
use super::parse::{connection_of, only_for, role_of};
use super::syntax::{
    Bound, Expect, Mark, Pattern, Piece, Role, Scenario, Step, StepKind, Template,
};
use crate::protocol::json::Json;
use crate::protocol::opcode::Op;
use crate::protocol::rules;

/// What a target must offer for a scenario to make sense.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// It expects a RESPONSE outside `either`: the target must answer a request.
    pub answered_request: bool,
    /// It uses `request.w` or `request.a`.
    pub request: bool,
    /// It uses `dispatch.w` or `dispatch.a`.
    pub dispatch: bool,
    /// It has a line about a server's REQUESTs: those that it takes it answers itself.
    pub names_request: bool,
    /// It uses `driver>` or `driver<`: the client must obey a driver.
    pub driver: bool,
}

impl Scenario {
    /// What the target must offer.
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        for name in names(self).declared {
            needs.request |= name.starts_with("request.");
            needs.dispatch |= name.starts_with("dispatch.");
        }
        needs.request |= self
            .header
            .each
            .as_ref()
            .is_some_and(|each| each.values.is_none());
        needs.answered_request = expects_response(&self.steps);
        self.for_each_step(&mut |step| {
            needs.names_request |= expects_op(step, Op::Request);
            needs.driver |= matches!(
                step.kind,
                StepKind::DriverSend { .. } | StepKind::DriverExpect { .. }
            );
        });
        needs
    }

    /// How long one run of the scenario takes at most when the target does what it should: its
    /// waits, and its bounds as far as they reach. What answers at once counts as no time.
    pub fn need(&self, hb: Duration, grace: Duration) -> Duration {
        let mut clock = Clock {
            hb,
            grace,
            now: Duration::ZERO,
            sent: HashMap::new(),
            base: Duration::ZERO,
        };
        clock.steps(&self.steps);
        clock.now
    }

    /// How often it awaits a client's connection, beside the first.
    pub fn visits(&self) -> u32 {
        visits(&self.steps)
    }

    /// The names of its connections, in the order of their first line.
    pub fn connections(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        self.for_each_step(&mut |step| {
            if let Some(conn) = connection_of(&step.kind)
                && !names.iter().any(|name| name == conn)
            {
                names.push(conn.to_owned());
            }
        });
        names
    }

    /// Names that nothing in the scenario binds: `--var` or `--secret` must give them.
    pub fn free_vars(&self) -> BTreeSet<String> {
        names(self).free
    }

    /// Who the scenario is played against: by its id, else by the words that only one role has.
    /// None: either.
    pub fn role(&self) -> Option<Role> {
        role_of(&self.id).or_else(|| {
            let mut role = None;
            self.for_each_step(&mut |step| role = role.or(only_for(step).map(|(role, _)| role)));
            role
        })
    }

    /// Ids of all rules it can judge: the header's in order, then those of marks.
    pub fn rules(&self) -> Vec<&str> {
        let mut rules: Vec<&str> = self
            .header
            .rules
            .iter()
            .map(|rule| rule.value.as_str())
            .collect();
        self.for_each_step(&mut |step| {
            if let Some(mark) = mark_of(step)
                && !rules.contains(&mark.rule.as_str())
            {
                rules.push(&mark.rule);
            }
        });
        rules
    }

    /// Whether it is about a rule of the bidirectional dialect, and so makes sense in no other.
    pub fn of_dialect(&self) -> bool {
        let first = self.header.rules.first();
        let rule = first.and_then(|rule| rules::find(&rule.value));
        rule.is_some_and(|rule| rule.dialect)
    }

    /// Visits every step, those of blocks and used files too, in order.
    pub fn for_each_step<'s>(&'s self, visit: &mut impl FnMut(&'s Step)) {
        walk(&self.steps, visit);
    }
}

fn visits(steps: &[Step]) -> u32 {
    let of = |step: &Step| match &step.kind {
        StepKind::Expect(line) => u32::from(matches!(line.what, Expect::Connects)),
        StepKind::Repeat { count, steps, .. } => count.saturating_mul(visits(steps)),
        StepKind::Either { branches } => {
            let each = branches.iter().map(|branch| visits(branch));
            each.max().unwrap_or(0)
        }
        StepKind::UseFile {
            scenario: Some(used),
            ..
        } => used.visits(),
        _ => 0,
    };
    steps.iter().map(of).fold(0, u32::saturating_add)
}

pub(super) fn walk<'s>(steps: &'s [Step], visit: &mut impl FnMut(&'s Step)) {
    for step in steps {
        visit(step);
        match &step.kind {
            StepKind::Together { steps }
            | StepKind::InAnyOrder { steps }
            | StepKind::Repeat { steps, .. }
            | StepKind::Every { steps, .. } => walk(steps, visit),
            StepKind::Either { branches } => branches.iter().for_each(|branch| walk(branch, visit)),
            StepKind::UseFile {
                scenario: Some(scenario),
                ..
            } => walk(&scenario.steps, visit),
            _ => {}
        }
    }
}

fn mark_of(step: &Step) -> Option<&Mark> {
    match &step.kind {
        StepKind::Expect(expectation) => expectation.mark.as_ref(),
        StepKind::Alive { mark }
        | StepKind::WaitsDiffer { mark, .. }
        | StepKind::DriverExpect { mark, .. } => mark.as_ref(),
        _ => None,
    }
}

/// Whether a RESPONSE is expected on every way through these steps.
fn expects_response(steps: &[Step]) -> bool {
    steps.iter().any(|step| match &step.kind {
        StepKind::Expect(expectation) => {
            matches!(&expectation.what, Expect::Packet(pattern) if is_response(pattern))
        }
        StepKind::InAnyOrder { steps } | StepKind::Repeat { steps, .. } => expects_response(steps),
        StepKind::UseFile {
            scenario: Some(scenario),
            ..
        } => expects_response(&scenario.steps),
        _ => false,
    })
}

fn is_response(pattern: &Pattern) -> bool {
    names_op(pattern, Op::Response)
}

/// Whether a step expects a packet of this op.
fn expects_op(step: &Step, op: Op) -> bool {
    let StepKind::Expect(expectation) = &step.kind else {
        return false;
    };
    matches!(&expectation.what, Expect::Packet(pattern) if names_op(pattern, op))
}

fn names_op(pattern: &Pattern, wanted: Op) -> bool {
    let wanted = Some(u64::from(wanted.number()));
    let is = |op: &Json| matches!(op, Json::Number(op) if op.to_u64() == wanted);
    match pattern {
        Pattern::Members { members, .. } => members.iter().any(|(name, pattern)| {
            name == "op" && matches!(pattern, Pattern::Literal(op) if is(op))
        }),
        _ => false,
    }
}

/// The interval that a HELLO of ours gives, where it is written out.
fn interval_in(hello: &Template) -> Option<Duration> {
    let text: Option<String> = hello
        .pieces
        .iter()
        .map(|piece| match piece {
            Piece::Literal(text) => Some(text.as_str()),
            Piece::Value(_) | Piece::InString(_) => None,
        })
        .collect();
    let hello = Json::parse(text?.as_bytes()).ok()?;
    hello
        .get("hb_interval")?
        .as_u64()
        .map(Duration::from_millis)
}

/// Adds up what a run waits for.
struct Clock {
    hb: Duration,
    grace: Duration,
    now: Duration,
    /// When each connection sent last; bounds count from there.
    sent: HashMap<String, Duration>,
    /// Where they count from before that.
    base: Duration,
}

impl Clock {
    fn steps(&mut self, steps: &[Step]) {
        for step in steps {
            self.step(step);
        }
    }

    fn step(&mut self, step: &Step) {
        match &step.kind {
            StepKind::Wait { time } => {
                self.now = self.now.saturating_add(time.resolve(self.hb, self.grace))
            }
            StepKind::UseHandshake { conn, hello } => {
                self.hb = hello.as_ref().and_then(interval_in).unwrap_or(self.hb);
                self.sent.insert(conn.clone(), self.now);
            }
            StepKind::Send { conn, .. } | StepKind::Connect { conn, .. } => {
                self.sent.insert(conn.clone(), self.now);
            }
            StepKind::Expect(expectation) => self.expect(
                &expectation.conn,
                &expectation.what,
                expectation.bound.as_ref(),
            ),
            StepKind::DriverExpect { bound, .. } => self.bound("", bound.as_ref()),
            StepKind::Together { steps } | StepKind::InAnyOrder { steps } => self.steps(steps),
            StepKind::UseFile {
                scenario: Some(scenario),
                ..
            } => self.steps(&scenario.steps),
            StepKind::Repeat { count, steps, .. } => self.repeat(*count, steps),
            StepKind::Either { branches } => self.either(branches),
            StepKind::UseFile { scenario: None, .. }
            | StepKind::BeatEvery { .. }
            | StepKind::BeatOff { .. }
            | StepKind::Every { .. }
            | StepKind::EveryOff { .. }
            | StepKind::Ignore { .. }
            | StepKind::Alive { .. }
            | StepKind::Offer { .. }
            | StepKind::WaitsDiffer { .. }
            | StepKind::DriverSend { .. } => {}
        }
    }

    fn expect(&mut self, conn: &str, what: &Expect, bound: Option<&Bound>) {
        if let Expect::Nothing(time) | Expect::Probe(time) = what {
            self.now = self.now.saturating_add(time.resolve(self.hb, self.grace));
        }
        self.bound(conn, bound);
    }

    /// A right target is there by the bound's end, and one in intervals is not awaited for longer
    /// than two of them and the grace.
    fn bound(&mut self, conn: &str, bound: Option<&Bound>) {
        let Some(bound) = bound else { return };
        let sent = self.sent.get(conn).copied().unwrap_or(self.base);
        let ceiling = self.hb.saturating_mul(2).saturating_add(self.grace);
        let least = bound
            .min
            .as_ref()
            .map_or(Duration::ZERO, |min| min.resolve(self.hb, self.grace));
        let most = bound.max.as_ref().map_or(least, |max| {
            let most = max.resolve(self.hb, self.grace);
            if max.in_hb() {
                most.min(ceiling).max(least)
            } else {
                most
            }
        });
        self.now = self.now.max(sent.saturating_add(most));
    }

    /// Every turn is taken for one that begins right behind a send, so that one pass is enough.
    fn repeat(&mut self, count: u32, steps: &[Step]) {
        let before = self.now;
        self.base = before;
        self.sent.clear();
        self.steps(steps);
        let turn = self.now.saturating_sub(before);
        let later = turn.saturating_mul(count.saturating_sub(1));
        self.now = self.now.saturating_add(later);
        self.base = self.base.saturating_add(later);
        for sent in self.sent.values_mut() {
            *sent = sent.saturating_add(later);
        }
    }

    fn either(&mut self, branches: &[Vec<Step>]) {
        let (now, sent) = (self.now, self.sent.clone());
        let mut longest = now;
        for branch in branches {
            self.now = now;
            self.sent.clone_from(&sent);
            self.steps(branch);
            longest = longest.max(self.now);
        }
        self.now = longest;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{parsed, steps};
    use super::*;

    fn need_ms(body: &str) -> u128 {
        steps(body)
            .need(Duration::from_millis(1000), Duration::from_millis(3000))
            .as_millis()
    }

    #[test]
    fn waits_add_up() {
        assert_eq!(
            need_ms("use handshake\nwait 0.5hb\n< nothing for 1s\n< probe 200ms"),
            1700
        );
        assert_eq!(
            need_ms("repeat 3\n  wait 1s\n  repeat 2\n    wait 100ms"),
            3600
        );
        assert_eq!(need_ms("> ping\n< pong"), 0);
    }

    #[test]
    fn the_connections_that_a_client_is_to_make_are_counted_wherever_they_stand() {
        for (body, visits) in [
            ("use handshake\nwait 1s", 0),
            ("use handshake\n> close 1011\n< connects\nuse handshake", 1),
            ("repeat 5\n  > close 1011\n  < connects within 1s..", 5),
            ("repeat 3\n  repeat 2\n    > reset\n    < connects", 6),
            (
                "either\n  < connects\n  < connects\nor\n  < nothing for 1s",
                2,
            ),
        ] {
            let text = format!("title  t\nrule   client.reconnects\n\n{body}\n");
            assert_eq!(parsed(text).visits(), visits, "{body}");
        }
    }

    #[test]
    fn bounds_count_from_the_last_send_of_their_connection_and_stop_at_two_intervals() {
        assert_eq!(
            need_ms("> ping\n< close 4003 within 1hb..4hb+grace\n< closed within ..grace"),
            5000
        );
        assert_eq!(need_ms("> ping\nwait 1s\n< pong within ..2s"), 2000);
        assert_eq!(need_ms("wait 1s\n> ping\n< pong within ..2s"), 3000);
        assert_eq!(
            need_ms("b connect\nwait 1s\nb> ping\n< pong within ..1500ms"),
            1500
        );
        assert_eq!(need_ms("< connects within 1s.."), 1000);
        assert_eq!(need_ms("> ping\n< pong within 8hb..9hb"), 8000);
    }

    #[test]
    fn a_repeat_takes_its_turns_and_an_either_its_longest_branch() {
        assert_eq!(
            need_ms("repeat 5\n  > close 1011\n  < connects within 1s..\n  use handshake"),
            5000
        );
        assert_eq!(
            need_ms("either\n  < close\n  wait 1s\nor\n  < nothing for 2s\nor\n  < {\"op\": 3}"),
            2000
        );
        assert_eq!(need_ms(&deep(23)), 1 << 23);
    }

    #[test]
    fn the_interval_of_our_own_hello_counts_from_there_on() {
        assert_eq!(
            need_ms(
                "use handshake {\"hb_interval\": 400}\nwait 2hb\n< connects\n\
                 use handshake {\"hb_interval\": 50}\nwait 2hb\nuse handshake\nwait 1hb"
            ),
            950
        );
    }

    fn deep(depth: usize) -> String {
        let heads: String = (0..depth)
            .map(|level| format!("{}repeat 2\n", "  ".repeat(level)))
            .collect();
        format!("{heads}{}wait 1ms", "  ".repeat(depth))
    }

    #[test]
    fn an_expected_response_needs_an_answered_request_unless_it_is_one_of_several() {
        let answered = |body: &str| steps(body).needs().answered_request;
        assert!(answered("< {\"op\": 5, \"n\": 1}"));
        assert!(answered(
            "in any order\n  repeat 2 as $i\n    < {\"op\": 5.0, \"n\": $i}"
        ));
        assert!(!answered("either\n  < {\"op\": 5}\nor\n  < close"));
        assert!(!answered("< {\"op\": 3}\n< {\"n\": 5}"));
    }

    #[test]
    fn what_a_scenario_uses_is_what_it_needs() {
        let needs =
            steps("> {\"w\": $request.w}\n> text \"${dispatch.a}\"\ndriver> {\"id\": 1}").needs();
        assert_eq!(
            (needs.request, needs.dispatch, needs.driver),
            (true, true, true)
        );
        assert_eq!(steps("> ping").needs(), Needs::default());
    }

    #[test]
    fn free_variables_are_those_that_nothing_binds() {
        let body = "> {\"n\": $mine}\n< {\"n\": $n, \"m\": $mine, \"t\": \"${other}\"}\n> {\"n\": $n, \"p\": $password}\n\
                    repeat 2 as $i\n  > {\"n\": $i}";
        assert_eq!(
            steps(body).free_vars().into_iter().collect::<Vec<_>>(),
            ["mine", "other"]
        );
    }

    #[test]
    fn the_values_of_each_are_looked_at_and_bind_its_name() {
        let scenario = with_header("each   $n = 1, \"${other}\"", "> {\"n\": $n}");
        assert_eq!(Vec::from_iter(scenario.free_vars()), ["other"]);
    }

    #[test]
    fn a_branch_that_takes_a_bound_value_does_not_bind_it_again() {
        let body =
            "< {\"n\": $n}\neither\n  < {\"op\": 5, \"n\": $n}\nor\n  < close\n> {\"n\": $n}";
        assert!(steps(body).free_vars().is_empty());
    }

    #[test]
    fn connections_role_and_rules_are_collected() {
        let body = "b connect\nb> ping\n< close  @close.frame\neither\n  b< closed  @close.ends\nor\n  < close";
        let scenario = steps(body);
        assert_eq!(scenario.connections(), ["b", "a"]);
        assert_eq!(scenario.role(), Some(Role::Server));
        assert_eq!(
            scenario.rules(),
            ["auth.reject", "close.frame", "close.ends"]
        );
        assert_eq!(steps("> ping").role(), None);
        assert_eq!(steps("< connects").role(), Some(Role::Client));
    }

    #[test]
    fn what_the_declaration_gives_is_needed_and_what_the_scenario_gives_is_not() {
        let of = |header: &str, body: &str| with_header(header, body).needs();
        assert!(of("each   $request", "> {\"op\": 2}").request);
        assert!(!of("each   $n = 1, 2", "> {\"n\": $n}").request);
        let both = of("each   $request", "> {\"w\": $request.w}");
        assert!(both.request && !both.dispatch);
    }

    #[test]
    fn a_line_about_a_servers_request_is_found_wherever_it_stands() {
        for body in [
            "< {\"op\": 4}",
            "< {\"op\": 4, \"w\": \"X\", \"a\": [], \"n\": 1}",
            "repeat 2\n  < {\"op\": 4}",
            "either\n  < close\nor\n  < {\"op\": 4}",
            "in any order\n  < {\"op\": 4}\n  < {\"op\": 3}",
        ] {
            assert!(steps(body).needs().names_request, "{body}");
        }
        for body in ["< {\"op\": 3}", "> {\"op\": 4}", "< close 1004"] {
            assert!(!steps(body).needs().names_request, "{body}");
        }
    }

    #[test]
    fn marks_are_collected_from_every_kind_of_line() {
        let body = "< connects\nwaits differ by 50ms  @client.reconnect-random\n\
                    driver< {\"id\": 1}  @client.reconnects";
        assert_eq!(
            steps(body).rules(),
            [
                "auth.reject",
                "client.reconnect-random",
                "client.reconnects"
            ]
        );
        let body = "use handshake\nalive  @robust.isolation";
        assert_eq!(steps(body).rules(), ["auth.reject", "robust.isolation"]);
    }

    #[test]
    fn the_first_rule_tells_whether_a_scenario_is_of_the_dialect() {
        let of = |rules: &str| {
            let text = format!("title  t\nrule   {rules}\n\n> ping\n");
            parsed(text).of_dialect()
        };
        assert!(of("dialect.bidirectional"));
        assert!(!of("auth.reject"));
        assert!(!of("auth.reject dialect.bidirectional"));
    }

    fn with_header(header: &str, body: &str) -> Scenario {
        parsed(format!(
            "title  t\nrule   auth.reject\n{header}\n\n{body}\n"
        ))
    }
}
