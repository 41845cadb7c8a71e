//! Changes scenarios step by step, so that what comes of it is a scenario again: bytes changed at random
//! hardly ever are.

use fastrand::Rng;
use litespec::scenario::print;
use litespec::scenario::syntax::{Role, Scenario, Send, Step, StepKind};

use super::packets;
use super::scenario_parse::read;
use super::script::id;

/// A scenario is not made longer than this many steps in a block.
const LONGEST: usize = 60;
/// Changes that are tried until one gives a scenario.
const TRIES: usize = 4;

/// A change of the scenario that bytes are. None where they are no scenario, where the change came to
/// nothing or would not fit, and now and then, so that the bytes get their turn.
pub fn scenario(bytes: &[u8], role: Role, most: usize, seed: u32) -> Option<String> {
    let mut rng = Rng::with_seed(u64::from(seed));
    if rng.u8(..10) == 0 {
        return None;
    }
    let old = parsed(bytes, role)?;
    (0..TRIES).find_map(|_| {
        let mut scenario = old.clone();
        for _ in 0..rng.u8(1..=4) {
            change(&mut scenario, role, &mut rng);
        }
        finished(&scenario, role, most)
    })
}

/// The beginning of one scenario and the end of another.
pub fn cross(one: &[u8], other: &[u8], role: Role, most: usize, seed: u32) -> Option<String> {
    let mut rng = Rng::with_seed(u64::from(seed));
    let (mut one, mut other) = (parsed(one, role)?, parsed(other, role)?);
    one.steps.truncate(rng.usize(..=one.steps.len()));
    let from = rng.usize(..=other.steps.len());
    one.steps.extend(other.steps.drain(from..));
    finished(&one, role, most)
}

/// Puts a text into a buffer that has room for it; gives its length.
pub fn put(text: impl AsRef<[u8]>, into: &mut [u8]) -> usize {
    let text = text.as_ref();
    let length = text.len().min(into.len());
    into[..length].copy_from_slice(&text[..length]);
    length
}

fn parsed(bytes: &[u8], role: Role) -> Option<Scenario> {
    read(id(role), std::str::from_utf8(bytes).ok()?).ok()
}

/// The text of a scenario, if the parser takes it: a step can make another one senseless.
fn finished(scenario: &Scenario, role: Role, most: usize) -> Option<String> {
    let text = print(scenario);
    (text.len() <= most && read(id(role), &text).is_ok()).then_some(text)
}

/// A scenario that has just this step, or block of steps.
fn steps(lines: &str, role: Role) -> Option<Vec<Step>> {
    // Whatever the lines speak of is there.
    let before = match role {
        Role::Server => "b connect",
        Role::Client => "b< connects",
    };
    let text = format!("title  t\nrule  x.t\nlevel  open\n\n{before}\n{lines}\n");
    let mut scenario = read(id(role), &text).ok()?;
    Some(scenario.steps.split_off(1))
}

fn change(scenario: &mut Scenario, role: Role, rng: &mut Rng) {
    if rng.u8(..40) == 0 {
        return header(scenario, role, rng);
    }
    let block = block(&mut scenario.steps, rng);
    if block.is_empty() || rng.u8(..3) == 0 {
        if block.len() < LONGEST
            && let Some(new) = steps(&packets::line(rng, role), role)
        {
            let at = rng.usize(..=block.len());
            block.splice(at..at, new);
        }
        return;
    }
    let at = rng.usize(..block.len());
    match rng.u8(..10) {
        0 | 1 => drop(block.remove(at)),
        2 if block.len() < LONGEST => {
            let again = block[at].clone();
            block.insert(rng.usize(..=block.len()), again);
        }
        3 => {
            let other = rng.usize(..block.len());
            block.swap(at, other);
        }
        4 => together(block, at, role, rng),
        5 => repeat(block, at, rng),
        _ => alter(&mut block[at], role, rng),
    }
}

/// The steps, or those of a block among them.
fn block<'s>(steps: &'s mut Vec<Step>, rng: &mut Rng) -> &'s mut Vec<Step> {
    let inner = |step: &Step| {
        matches!(
            step.kind,
            StepKind::Together { .. } | StepKind::Repeat { .. } | StepKind::Every { .. }
        )
    };
    let blocks: Vec<usize> = (0..steps.len()).filter(|at| inner(&steps[*at])).collect();
    if blocks.is_empty() || rng.bool() {
        return steps;
    }
    let at = blocks[rng.usize(..blocks.len())];
    match &mut steps[at].kind {
        StepKind::Together { steps }
        | StepKind::Repeat { steps, .. }
        | StepKind::Every { steps, .. } => steps,
        _ => unreachable!("only blocks were looked for"),
    }
}

/// Another packet, another time.
fn alter(step: &mut Step, role: Role, rng: &mut Rng) {
    let line = match &step.kind {
        StepKind::Wait { .. } => format!("wait {}", packets::time(rng)),
        StepKind::BeatEvery { .. } => format!("beat every {}", packets::time(rng)),
        StepKind::Send {
            send: Send::Packet(_),
            ..
        } => format!("> {}", packets::packet(rng)),
        StepKind::Repeat { count, .. } => {
            let count = [1, 2, 3, 9, 100, *count + 1][rng.usize(..6)];
            if let StepKind::Repeat { count: old, .. } = &mut step.kind {
                *old = count;
            }
            return;
        }
        _ => packets::line(rng, role),
    };
    let Some(new) = steps(&line, role).and_then(|steps| steps.into_iter().next()) else {
        return;
    };
    let conn = match &step.kind {
        StepKind::Send { conn, .. } => Some(conn.clone()),
        _ => None,
    };
    step.kind = new.kind;
    if let (Some(old), StepKind::Send { conn, .. }) = (conn, &mut step.kind) {
        *conn = old;
    }
}

/// Two sends in one write, the second of them a new one.
fn together(block: &mut [Step], at: usize, role: Role, rng: &mut Rng) {
    let StepKind::Send { conn, .. } = &block[at].kind else {
        return;
    };
    let conn = conn.clone();
    let line = format!("> {}", packets::packet(rng));
    let Some(mut new) = steps(&line, role) else {
        return;
    };
    if let Some(StepKind::Send { conn: other, .. }) = new.first_mut().map(|step| &mut step.kind) {
        *other = conn;
    }
    new.insert(0, block[at].clone());
    block[at].kind = StepKind::Together { steps: new };
}

fn repeat(block: &mut [Step], at: usize, rng: &mut Rng) {
    let count = [2, 3, 9, 70][rng.usize(..4)];
    block[at].kind = StepKind::Repeat {
        count,
        var: None,
        steps: vec![block[at].clone()],
    };
}

/// Another dialect, other automatic traffic, other values.
fn header(scenario: &mut Scenario, role: Role, rng: &mut Rng) {
    let rule = match role {
        Role::Server => ["dialect.bidirectional", "request.response"][rng.usize(..2)],
        Role::Client => "client.correlates",
    };
    if let Some(first) = scenario.header.rules.first_mut() {
        first.value = rule.to_owned();
    }
    scenario.header.rules.truncate(1);
    scenario.header.manual.ack = role == Role::Client && rng.bool();
}
