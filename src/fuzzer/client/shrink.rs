//! Makes a failing case against a client small: candidates, the boldest first.

use super::super::script::Head;
use super::super::values::Value;
use super::moves::{Ack, Case, Hail, Hello, Move, PLAIN_END, Spelling, Stranger};
use super::script::{Facts, write};

/// Smaller cases; all of them can be played, none is the case itself.
pub fn candidates(case: &Case, facts: &Facts) -> Vec<Case> {
    let mut found: Vec<Case> = Vec::new();
    let head = Head::default();
    let mut add = |candidate: Case| {
        let plays = write(&candidate, facts, &head).is_ok();
        if plays && candidate != *case && !found.contains(&candidate) {
            found.push(candidate);
        }
    };
    let count = case.moves.len();
    // What lies behind the failure, and before the connection that fails.
    for keep in 1..count {
        let moves = case.moves[..keep].to_vec();
        add(Case { moves });
    }
    for skip in (1..count).rev() {
        let moves = case.moves[skip..].to_vec();
        add(Case { moves });
    }
    for size in [4, 3, 2, 1] {
        for from in 0..(count + 1).saturating_sub(size) {
            let mut moves = case.moves.clone();
            moves.drain(from..from + size);
            add(Case { moves });
        }
    }
    for at in 0..count {
        for step in smaller(&case.moves[at]) {
            let mut candidate = case.clone();
            candidate.moves[at] = step;
            add(candidate);
        }
    }
    found
}

fn smaller(step: &Move) -> Vec<Move> {
    match step {
        Move::Greet(hello) => smaller_hello(*hello),
        Move::Quiet { tenths, hail } => {
            let mut found = Vec::new();
            if *hail != Hail::None {
                let (tenths, hail) = (*tenths, Hail::None);
                found.push(Move::Quiet { tenths, hail });
            }
            let hail = *hail;
            let shorter = [15, 25].into_iter().filter(|less| less < tenths);
            found.extend(shorter.map(|tenths| Move::Quiet { tenths, hail }));
            found
        }
        Move::Hold { ms, pings } => {
            let mut found = Vec::new();
            if *pings {
                found.push(Move::Hold {
                    ms: *ms,
                    pings: false,
                });
            }
            if *ms > 300 {
                found.push(Move::Hold {
                    ms: 300,
                    pings: *pings,
                });
            }
            found
        }
        Move::Acks { count, style } => {
            let mut found = Vec::new();
            if *count > 1 {
                found.push(Move::Acks {
                    count: 1,
                    style: *style,
                });
            }
            if *style != Ack::Prompt {
                found.push(Move::Acks {
                    count: *count,
                    style: Ack::Prompt,
                });
            }
            found
        }
        Move::Ask { with, at_once } => smaller_ask(with, *at_once),
        Move::Answer { .. } => smaller_answer(step),
        Move::Many(count) => {
            let fewer = [
                1,
                2,
                8,
                count / 2,
                count - count / 8,
                count.saturating_sub(1),
            ];
            let fewer = fewer.into_iter().filter(|less| (1..*count).contains(less));
            fewer.map(Move::Many).collect()
        }
        Move::Dispatch(Some(_)) => vec![Move::Dispatch(None)],
        Move::Strangers(all) => smaller_strangers(all),
        Move::End(end) if *end != PLAIN_END => vec![Move::End(PLAIN_END)],
        Move::Bend(_) | Move::Leave(_) => vec![Move::End(PLAIN_END), Move::Refuse(503)],
        Move::Drop(_) => vec![Move::Refuse(503)],
        Move::Refuse(status) if *status != 503 => vec![Move::Refuse(503)],
        Move::Refuse(_) | Move::Dispatch(None) | Move::End(_) | Move::WaitsDiffer => Vec::new(),
    }
}

fn smaller_hello(hello: Hello) -> Vec<Move> {
    let mut found = Vec::new();
    let (interval_ms, spelling) = (hello.interval_ms, Spelling::Plain);
    if hello.spelling != spelling {
        found.push(Move::Greet(Hello {
            interval_ms,
            spelling,
        }));
    }
    if interval_ms != 400 {
        let spelling = hello.spelling;
        found.push(Move::Greet(Hello {
            interval_ms: 400,
            spelling,
        }));
    }
    found
}

fn smaller_ask(with: &[Option<Value>], at_once: bool) -> Vec<Move> {
    let mut found = Vec::new();
    let counts = [1, 2, with.len() / 2, with.len().saturating_sub(1)];
    for count in counts
        .into_iter()
        .filter(|count| (1..with.len()).contains(count))
    {
        let with = with[..count].to_vec();
        found.push(Move::Ask { with, at_once });
    }
    if with.iter().any(Option::is_some) {
        let with = vec![None; with.len()];
        found.push(Move::Ask { with, at_once });
    }
    if at_once && with.len() > 1 {
        let with = with.to_vec();
        found.push(Move::Ask {
            with,
            at_once: false,
        });
    }
    found
}

fn smaller_answer(step: &Move) -> Vec<Move> {
    let Move::Answer {
        which,
        results,
        spelling,
        together,
        again,
    } = step
    else {
        return Vec::new();
    };
    let with = |which: Vec<usize>, results: Vec<Value>, spelling, together, again| Move::Answer {
        which,
        results,
        spelling,
        together,
        again,
    };
    let (spelling, together, again) = (*spelling, *together, *again);
    let mut found = Vec::new();
    for at in 0..which.len().min(8) {
        if which.len() > 1 {
            let only = results.get(at).cloned().into_iter().collect();
            found.push(with(vec![which[at]], only, spelling, together, again));
        }
    }
    let sorted = {
        let mut sorted = which.clone();
        sorted.sort_unstable();
        sorted
    };
    found.push(with(sorted, results.clone(), spelling, together, again));
    found.push(with(vec![0], Vec::new(), Spelling::Plain, false, false));
    found.push(with(which.clone(), Vec::new(), spelling, together, again));
    found.push(with(
        which.clone(),
        results.clone(),
        Spelling::Plain,
        together,
        again,
    ));
    found.push(with(which.clone(), results.clone(), spelling, false, again));
    found.push(with(
        which.clone(),
        results.clone(),
        spelling,
        together,
        false,
    ));
    found
}

fn smaller_strangers(all: &[Stranger]) -> Vec<Move> {
    let mut found: Vec<Move> = Vec::new();
    if all.len() > 1 {
        found.extend(all.iter().map(|one| Move::Strangers(vec![one.clone()])));
    }
    if all != [Stranger::Value("\"litespec-nobody\"")] {
        found.push(Move::Strangers(vec![Stranger::Value(
            "\"litespec-nobody\"",
        )]));
    }
    found
}
