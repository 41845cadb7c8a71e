//! What ends a target though no case does so alone: the shortest series of cases, as one scenario.

use std::sync::Arc;

use tokio::time::Instant;

use super::campaign::Campaign;
use super::features::{Features, features};
use super::lanes::play_case;
use super::moves::{Act, Case, Conn, Leave, Move, NAMES};
use super::script::{Facts, Head, State, state_behind, write};
use super::shrink;
use super::verdict::{Verdict, judge};

/// Connections that come and go are tried so often.
const COMINGS: usize = 300;
/// The last cases are played over and over so often.
const ROUNDS: usize = 4;
/// Series that are tried at most.
const TRIES: u32 = 64;

/// Cases, one after the other, each with a look at whether the target lives behind it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Series(Vec<Case>);

impl Series {
    /// A series of those cases that leave room for others.
    pub(super) fn new<'a>(cases: impl IntoIterator<Item = &'a Case>, facts: &Facts) -> Series {
        let links = cases.into_iter().filter_map(|case| link(case, facts));
        Series(links.collect())
    }

    /// One case again and again.
    fn of(case: &Case, times: usize) -> Series {
        Series(vec![case.clone(); times])
    }

    fn without(&self, from: usize, count: usize) -> Series {
        let mut cases = self.0.clone();
        cases.drain(from..(from + count).min(cases.len()));
        Series(cases)
    }

    /// Its last cases.
    pub(super) fn last(&self, count: usize) -> Series {
        let from = self.0.len().saturating_sub(count);
        Series(self.0[from..].to_vec())
    }

    fn until(mut self, at: usize) -> Series {
        self.0.truncate(at + 1);
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one case that it consists of.
    fn uniform(&self) -> Option<&Case> {
        let first = self.0.first()?;
        self.0.iter().all(|case| case == first).then_some(first)
    }

    /// What is remarkable in any of its cases.
    pub(super) fn features(&self) -> Features {
        let mut all = Features::default();
        for case in &self.0 {
            all.extend(features(case));
        }
        all
    }

    /// All of it in one scenario.
    pub(super) fn text(&self, facts: &Facts, head: &Head) -> String {
        let mut lines: Vec<String> = Vec::new();
        let mut body = String::new();
        let mut rest = &self.0[..];
        while let [first, ..] = rest {
            let count = rest.iter().take_while(|case| *case == first).count();
            rest = &rest[count..];
            // What has been played can be written.
            let text =
                write(first, facts, head).map_or_else(|_| String::new(), |script| script.text);
            let (above, below) = text.split_once("\n\n").unwrap_or((&text, ""));
            for line in above.lines().map(str::to_owned) {
                if !lines.contains(&line) {
                    lines.push(line);
                }
            }
            if count == 1 {
                body.push_str(below);
                continue;
            }
            body.push_str(&format!("repeat {count}\n"));
            for line in below.lines() {
                body.push_str(&format!("  {line}\n"));
            }
        }
        format!("{}\n\n{body}", lines.join("\n"))
    }
}

/// The case as part of a series: on named connections, which open anew each time, left at its end.
fn link(case: &Case, facts: &Facts) -> Option<Case> {
    let next = |conn: Conn| Conn(conn.0 + 1);
    let mut moves = case.moves.clone();
    while moves.last().is_some_and(|step| step.act == Act::Alive) {
        moves.pop();
    }
    for step in &mut moves {
        step.conn = next(step.conn);
        if let Act::Cross { with, .. } = &mut step.act {
            *with = next(*with);
        }
    }
    if moves
        .iter()
        .flat_map(Move::conns)
        .any(|conn| conn.0 >= NAMES.len())
    {
        return None;
    }
    let mut case = Case { moves };
    let model = state_behind(&case, facts).ok()?;
    for state in [State::Greeted, State::In, State::Unjudged] {
        let act = Act::Leave(Leave::Close);
        let leaves = model.in_state(state).map(|conn| Move {
            conn,
            act: act.clone(),
        });
        case.moves.extend(leaves);
    }
    case.moves.extend(alive().moves);
    write(&case, facts, &Head::default()).ok().map(|_| case)
}

/// Somebody who comes, is served, and goes.
fn alive() -> Case {
    let (conn, act) = (Conn(0), Act::Alive);
    Case {
        moves: vec![Move { conn, act }],
    }
}

impl Campaign<'_> {
    /// The shortest series of these cases that ends a target started anew, how many were tried, and whether
    /// there was nothing left to try.
    pub(super) async fn series_that_kills(
        &mut self,
        all: &Series,
    ) -> Result<Option<(Series, u32, bool)>, String> {
        let until = (Instant::now() + self.terms.shrink_time).min(self.limit);
        self.revived().await?;
        let comings = Series::of(&alive(), COMINGS);
        if let Some(at) = self.ends_with(&comings, until).await? {
            return Ok(Some((comings.until(at), 1, true)));
        }
        let rounds = all.0.iter().cycle().take(ROUNDS * all.0.len());
        let rounds = Series(rounds.cloned().collect());
        let Some(at) = self.ends_with(&rounds, until).await? else {
            return Ok(None);
        };
        let mut series = rounds.until(at);
        let mut runs = 2;
        'smaller: loop {
            for candidate in smaller(&series, self.facts) {
                if runs >= TRIES || Instant::now() >= until {
                    return Ok(Some((series, runs, false)));
                }
                runs += 1;
                if let Some(at) = self.ends_with(&candidate, until).await? {
                    series = candidate.until(at);
                    continue 'smaller;
                }
            }
            return Ok(Some((series, runs, true)));
        }
    }

    /// Behind which case of the series the target does not live any more. It is brought back.
    async fn ends_with(
        &mut self,
        series: &Series,
        until: Instant,
    ) -> Result<Option<usize>, String> {
        let (impatient, patient) = (Arc::clone(&self.impatient), Arc::clone(&self.settings));
        let mut ended = None;
        for (at, case) in series.0.iter().enumerate() {
            if Instant::now() >= until {
                break;
            }
            let played = play_case(&impatient, self.facts, case).await;
            let passed = |played| matches!(judge(&played, &impatient.redactor), Verdict::Pass);
            if !played.is_some_and(passed)
                && !self.lives(&impatient).await
                && !self.lives(&patient).await
            {
                ended = Some(at);
                break;
            }
        }
        self.revived().await?;
        Ok(ended)
    }
}

/// Series to try instead: fewer cases, one of them again and again, and that one smaller.
fn smaller(series: &Series, facts: &Facts) -> Vec<Series> {
    let count = series.0.len();
    let mut found = Vec::new();
    if let Some(case) = series.uniform() {
        let alive = alive().moves;
        let candidates = shrink::candidates(case, facts);
        let ends = |case: &Case| case.moves.ends_with(&alive) && case.moves.len() > 1;
        found.extend(
            candidates
                .iter()
                .filter(|case| ends(case))
                .map(|case| Series::of(case, count)),
        );
        return found;
    }
    let mut distinct: Vec<&Case> = Vec::new();
    for case in &series.0 {
        if !distinct.contains(&case) {
            distinct.push(case);
        }
    }
    for size in [count / 2, count / 4, count / 8] {
        if size > 0 {
            found.extend(
                (0..count)
                    .step_by(size)
                    .map(|from| series.without(from, size)),
            );
        }
    }
    if distinct.len() <= 8 {
        found.extend(distinct.into_iter().map(|case| Series::of(case, count)));
    }
    if count <= 16 {
        found.extend((0..count).map(|at| series.without(at, 1)));
    }
    found.retain(|series| !series.0.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::lanes::scenario_of;
    use super::super::moves::Spelling;
    use super::*;
    use crate::oracle::Dialect;

    fn facts() -> Facts {
        Facts {
            requests: Vec::new(),
            dispatch: ("\"ANYTHING\"".to_owned(), "[]".to_owned()),
            answered: 0,
            dialect: Dialect::Text,
            takes_dispatches: true,
            interval: Duration::from_secs(10),
            answer_within: Duration::from_secs(5),
        }
    }

    fn case(acts: &[(usize, Act)]) -> Case {
        let moves = acts.iter().map(|(conn, act)| Move {
            conn: Conn(*conn),
            act: act.clone(),
        });
        Case {
            moves: moves.collect(),
        }
    }

    #[test]
    fn a_series_is_one_scenario_on_named_connections() {
        let enters = case(&[(0, Act::Greet), (0, Act::LogIn(Spelling::Plain))]);
        let drops = case(&[
            (0, Act::Greet),
            (0, Act::Leave(Leave::Reset)),
            (0, Act::Alive),
        ]);
        let series = Series::new([&enters, &enters, &drops], &facts());
        let head = Head {
            comments: Vec::new(),
            title: "They come and go".to_owned(),
            rule: "robust.isolation".to_owned(),
        };
        let text = series.text(&facts(), &head);
        scenario_of("series", text.clone());
        assert_eq!(text.matches("title").count(), 1, "{text}");
        assert_eq!(text.matches("repeat 2\n  b connect\n").count(), 1, "{text}");
        assert_eq!(text.matches("b> close 1000").count(), 1, "{text}");
        assert_eq!(text.matches("b> reset").count(), 1, "{text}");
        assert_eq!(text.matches("alive").count(), 2, "{text}");
        assert_eq!(
            series
                .last(1)
                .text(&facts(), &head)
                .matches("repeat")
                .count(),
            0
        );
    }

    #[test]
    fn a_case_that_needs_every_connection_is_in_no_series() {
        let all: Vec<_> = (0..NAMES.len()).map(|conn| (conn, Act::Greet)).collect();
        let crowd = case(&all);
        assert_eq!(Series::new([&crowd], &facts()), Series::default());
        let fewer = case(&all[1..]);
        assert_eq!(Series::new([&fewer], &facts()), Series::default());
        let fewer = case(&all[..all.len() - 1]);
        assert_eq!(Series::new([&fewer], &facts()).0.len(), 1);
    }

    #[test]
    fn smaller_series_come_to_an_end() {
        let enters = case(&[(0, Act::Greet), (0, Act::LogIn(Spelling::Plain))]);
        let drops = case(&[(0, Act::Greet), (0, Act::Leave(Leave::Reset))]);
        let mut series = Series::new([&enters, &drops, &enters, &enters, &drops], &facts());
        // Three that enter, whatever else.
        let ends = |series: &Series| {
            let enters = |case: &&Case| {
                let logs_in = |step: &Move| matches!(step.act, Act::LogIn(_));
                case.moves.iter().any(logs_in)
            };
            series.0.iter().filter(enters).count() >= 3
        };
        for _ in 0..100 {
            let Some(next) = smaller(&series, &facts()).into_iter().find(ends) else {
                assert!(series.uniform().is_some(), "{series:?}");
                return;
            };
            series = next;
        }
        panic!("it does not come to an end: {series:?}");
    }
}
