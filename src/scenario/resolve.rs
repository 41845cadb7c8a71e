//! `use ./file.scenario`: the files that a scenario uses, read, checked and put in.

use std::collections::HashMap;
use std::sync::Arc;

use super::error::{ParseError, Problem};
use super::parse::parse;
use super::syntax::{Scenario, Source, Span, Step, StepKind};

/// How many files deep a `use` goes.
const MAX_USES: usize = 16;
/// How many steps a scenario has at most with all files it uses.
const MAX_STEPS: usize = 100_000;

/// A file that a `use` names.
pub(super) struct Opened {
    /// What tells it from other files.
    pub(super) key: String,
    /// The scenario's id.
    pub(super) id: String,
    pub(super) source: Arc<Source>,
}

/// Where used files come from.
pub(super) trait Shelf {
    /// Opens the file at a path relative to another file; an error is a fragment that says why not.
    fn open(&self, from: &Source, path: &str) -> Result<Opened, String>;
}

/// Reads scenarios with all they use; a file is read once however many use it.
pub(super) struct Resolver<S> {
    shelf: S,
    done: HashMap<String, (Arc<Scenario>, usize)>,
    /// Files that are being read, the outermost first.
    open: Vec<String>,
}

impl<S: Shelf> Resolver<S> {
    pub(super) fn new(shelf: S) -> Resolver<S> {
        Resolver {
            shelf,
            done: HashMap::new(),
            open: Vec::new(),
        }
    }

    /// Reads a scenario and what it uses.
    ///
    /// # Errors
    /// The first error in it or in a file it uses; what a `use` itself causes points at its line.
    pub(super) fn read(&mut self, file: Opened) -> Result<Arc<Scenario>, ParseError> {
        self.scenario(file).map(|(scenario, _)| scenario)
    }

    fn scenario(&mut self, file: Opened) -> Result<(Arc<Scenario>, usize), ParseError> {
        if let Some(done) = self.done.get(&file.key) {
            return Ok(done.clone());
        }
        let mut scenario = parse(&file.id, Arc::clone(&file.source))?;
        let mut uses = Vec::new();
        let mut count = collect(&mut scenario.steps, &mut uses);
        self.open.push(file.key.clone());
        let result = uses.into_iter().try_for_each(|(path, slot)| {
            let (used, steps) = self.used(&file.source, &path.0, path.1)?;
            count = count.saturating_add(steps);
            if count > MAX_STEPS {
                return Err(at(
                    &file.source,
                    path.1,
                    format!("more than {MAX_STEPS} steps with this file"),
                ));
            }
            *slot = Some(used);
            Ok(())
        });
        self.open.pop();
        result?;
        one_role(&scenario)?;
        let done = (Arc::new(scenario), count);
        self.done.insert(file.key, done.clone());
        Ok(done)
    }

    fn used(
        &mut self,
        source: &Arc<Source>,
        path: &str,
        span: Span,
    ) -> Result<(Arc<Scenario>, usize), ParseError> {
        if self.open.len() > MAX_USES {
            return Err(at(
                source,
                span,
                format!("files use one another deeper than {MAX_USES}"),
            ));
        }
        let file = self
            .shelf
            .open(source, path)
            .map_err(|why| at(source, span, why))?;
        if let Some(first) = self.open.iter().position(|open| *open == file.key) {
            let way = if first + 1 == self.open.len() {
                "itself".to_owned()
            } else {
                "a file that uses it".to_owned()
            };
            return Err(at(source, span, format!("this file uses {way}: `{path}`")));
        }
        self.scenario(file)
    }
}

fn at(source: &Arc<Source>, span: Span, why: String) -> ParseError {
    Problem::new(span, why).of(source)
}

type Slot<'s> = ((String, Span), &'s mut Option<Arc<Scenario>>);

/// Finds the `use` lines; counts all steps.
fn collect<'s>(steps: &'s mut [Step], uses: &mut Vec<Slot<'s>>) -> usize {
    let mut count = steps.len();
    for step in steps {
        match &mut step.kind {
            StepKind::UseFile { path, scenario } => {
                uses.push(((path.value.clone(), path.span), scenario))
            }
            StepKind::Together { steps }
            | StepKind::InAnyOrder { steps }
            | StepKind::Repeat { steps, .. }
            | StepKind::Every { steps, .. } => count += collect(steps, uses),
            StepKind::Either { branches } => {
                for branch in branches {
                    count += collect(branch, uses);
                }
            }
            _ => {}
        }
    }
    count
}

/// A scenario, with all it uses, is played against servers or against clients.
fn one_role(scenario: &Scenario) -> Result<(), ParseError> {
    let mut role = super::parse::role_of(&scenario.id);
    for step in &scenario.steps {
        let mut here = None;
        let mut words = Vec::new();
        super::analysis::walk(std::slice::from_ref(step), &mut |step| {
            words.extend(super::parse::only_for(step))
        });
        for (word_role, word) in words {
            if role.is_some_and(|role| role != word_role) {
                here = Some(word);
            }
            role = role.or(Some(word_role));
        }
        if let Some(word) = here {
            let why = format!("{word} in a scenario that has words of the other role");
            return Err(Problem::new(step.span, why)
                .hint("a scenario is played against a server or against a client, not both")
                .of(&scenario.source));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::syntax::Origin;
    use crate::scenario::tests::steps;

    #[test]
    fn steps_are_counted_and_uses_found_wherever_they_stand() {
        for (body, count, used) in [
            ("> ping\n> ping", 2, 0),
            (
                "use ./a.scenario\nrepeat 2\n  > ping\n  > ping\n  use ./b.scenario",
                5,
                2,
            ),
            (
                "together\n  > ping\n  > ping\nin any order\n  < pong\n  < close",
                6,
                0,
            ),
            (
                "either\n  < close\n  wait 1s\n  wait 1s\n  alive\nor\n  < {\"op\": 3}\n  use ./c.scenario",
                7,
                1,
            ),
        ] {
            let mut scenario = steps(body);
            let mut uses = Vec::new();
            assert_eq!(collect(&mut scenario.steps, &mut uses), count, "{body}");
            assert_eq!(uses.len(), used, "{body}");
        }
    }

    /// One file, which all that use a file use.
    struct One(String);

    impl Shelf for One {
        fn open(&self, _: &Source, path: &str) -> Result<Opened, String> {
            Ok(opened(path, &self.0))
        }
    }

    fn opened(key: &str, text: &str) -> Opened {
        let source = Source {
            path: key.to_owned(),
            origin: Origin::File,
            text: format!("title  t\nrule   auth.reject\n\n{text}\n"),
        };
        Opened {
            key: key.to_owned(),
            id: "own/x".to_owned(),
            source: Arc::new(source),
        }
    }

    #[test]
    fn the_steps_of_all_files_together_have_a_limit() {
        let file = One("> ping\n".repeat(1000));
        let read = |steps: usize| {
            let uses = steps / 1001;
            let text = "use ./f.scenario\n".repeat(uses) + &"> ping\n".repeat(steps % 1001);
            Resolver::new(One(file.0.clone())).read(opened("outer", &text))
        };
        assert!(read(MAX_STEPS).is_ok());
        let error = read(MAX_STEPS + 1).unwrap_err();
        assert!(error.message.contains("steps with this file"), "{error}");
        assert!(read(MAX_STEPS + 5000).is_err());
    }
}
