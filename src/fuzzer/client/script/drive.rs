//! Lines of a case that need a driven client: requests, their answers, dispatches; and RESPONSEs that
//! answer nobody.

use super::super::super::script::Misfit;
use super::super::super::values::Value;
use super::super::moves::{Spelling, Stranger};
use super::lines::spelled;
use super::{State, Writer};

/// Requests that wait at once, at most.
const WAITING: usize = 60;

impl Writer<'_> {
    fn drive(&mut self, command: &str, what: &'static str) {
        self.note(what, None);
        self.line(&format!("driver> {command}"));
    }

    fn needs_driver(&self) -> Result<(), Misfit> {
        match self.facts.driven && !self.by_hand {
            true => Ok(()),
            false => Err(Misfit("the client cannot be driven here")),
        }
    }

    /// The next number, and the arguments that go with it: an empty list alone stands for none.
    fn arguments(&mut self, with: Option<&Value>, alone: bool) -> (u64, String) {
        self.model.numbers += 1;
        let number = self.model.numbers;
        let arguments = match with {
            Some(value) if alone && value.text == "[]" => "[]".to_owned(),
            Some(value) => format!("[{number}, {}]", hole_free(&value.text)),
            None => format!("[{number}]"),
        };
        (number, arguments)
    }

    pub(super) fn ask(&mut self, with: &[Option<Value>], at_once: bool) -> Result<(), Misfit> {
        self.needs_driver()?;
        let waiting = self.model.pending.len() + self.model.early.len() + with.len();
        if with.is_empty() || waiting > WAITING {
            return Err(Misfit("nothing is asked, or too much"));
        }
        let before = self.model.state != State::In;
        if before && (self.model.stale > 0 || self.model.early.len() + with.len() > 8) {
            return Err(Misfit("too much waits for HELLO"));
        }
        let mut awaited = Vec::new();
        let alone = with.len() == 1 && !before;
        for with in with {
            let (number, a) = self.arguments(with.as_ref(), alone);
            let command = format!(
                "{{\"do\": \"request\", \"id\": {number}, \"w\": \"LITESPEC\", \"a\": {a}}}"
            );
            self.drive(&command, "request");
            let line =
                format!("< {{\"op\": 4, \"w\": \"LITESPEC\", \"a\": {a}, \"n\": $n{number}}}");
            if before {
                self.model.early.push((number, line));
            } else if at_once {
                awaited.push((number, line));
            } else {
                self.await_all(&[(number, line)]);
            }
        }
        if before && self.model.state == State::Open {
            self.nothing(300.0, "client.waits-for-hello");
        }
        self.await_all(&awaited);
        Ok(())
    }

    /// REQUESTs come, in whatever order.
    fn await_all(&mut self, lines: &[(u64, String)]) {
        if lines.len() > 1 {
            self.line("in any order");
            self.depth += 1;
        }
        for (number, line) in lines {
            self.expect(line, "client.request-fields");
            self.model.pending.push(*number);
        }
        if lines.len() > 1 {
            self.depth -= 1;
        }
    }

    /// What the client was told before HELLO goes out.
    pub(super) fn early_comes(&mut self) {
        let early = std::mem::take(&mut self.model.early);
        self.await_all(&early);
    }

    /// What was in flight when its connection ended may be asked again.
    pub(super) fn stale_comes(&mut self) {
        if self.model.stale == 0 {
            return;
        }
        self.line(&format!("repeat {}", self.model.stale));
        self.depth += 1;
        self.line("either");
        self.line("  < {\"op\": 4}");
        self.line("or");
        self.line("  < nothing for 500ms");
        self.depth -= 1;
        self.waits_ms += 500.0;
    }

    pub(super) fn answer(
        &mut self,
        which: &[usize],
        results: &[Value],
        spelling: Spelling,
        (together, again): (bool, bool),
    ) -> Result<(), Misfit> {
        self.needs_in()?;
        self.needs_driver()?;
        let mut answers = Vec::new();
        for (at, place) in which.iter().enumerate() {
            let number = self.model.pending.get(*place);
            let number = *number.ok_or(Misfit("there is no such request"))?;
            if answers.iter().any(|(other, _)| *other == number) {
                return Err(Misfit("one request has one answer"));
            }
            let result = match results.get(at) {
                Some(value) => hole_free(&value.text),
                None => format!("\"r{number}\""),
            };
            answers.push((number, result));
        }
        if answers.is_empty()
            || matches!(
                spelling,
                Spelling::Fragments | Spelling::Pieces | Spelling::Torn
            )
        {
            return Err(Misfit("a nonce cannot be written so"));
        }
        if together {
            self.line("together");
            self.depth += 1;
        }
        let response = |number: u64, result: &str| {
            let members = [
                ("op", "5".to_owned()),
                ("n", format!("$n{number}")),
                ("r", result.to_owned()),
            ];
            spelled(&members, spelling)
        };
        for (number, result) in &answers {
            self.send(&response(*number, result), "RESPONSE", None);
            if !together && !again {
                self.told(*number, result, answers.len());
            }
        }
        if again && let Some((number, _)) = answers.first() {
            self.send(&response(*number, "\"again\""), "RESPONSE again", None);
        }
        if together {
            self.depth -= 1;
        }
        if again {
            self.lives_on();
        }
        if together || again {
            for (number, result) in &answers {
                self.told(*number, result, answers.len());
            }
        }
        self.model.doubled |= again;
        self.model.watched &= spelling != Spelling::Extra;
        self.model
            .pending
            .retain(|number| !answers.iter().any(|(other, _)| other == number));
        Ok(())
    }

    /// The client tells of an answer. Where nothing else can be told, whatever it tells is taken for it.
    fn told(&mut self, number: u64, result: &str, answers: usize) {
        let alone = self.model.doubled && !self.model.noisy && answers == 1;
        let id = if alone {
            String::new()
        } else {
            format!("\"id\": {number}, ")
        };
        self.expect(
            &format!("driver< {{{id}\"r\": {result}}}"),
            "client.correlates",
        );
    }

    /// The client lives on behind what answers nobody.
    fn lives_on(&mut self) {
        self.model.watched = false;
        self.nothing(300.0, "client.survives-strangers");
        self.beats(1, "client.survives-strangers");
    }

    pub(super) fn dispatch(&mut self, with: Option<&Value>) -> Result<(), Misfit> {
        self.needs_in()?;
        self.needs_driver()?;
        let (number, a) = self.arguments(with, true);
        let command =
            format!("{{\"do\": \"dispatch\", \"id\": {number}, \"w\": \"LITESPEC\", \"a\": {a}}}");
        self.drive(&command, "dispatch");
        let rule = "client.dispatch-fields";
        self.expect(
            &format!("< {{\"op\": 6, \"w\": \"LITESPEC\", \"a\": {a}}}"),
            rule,
        );
        self.expect(&format!("driver< {{\"id\": {number}}}"), rule);
        Ok(())
    }

    /// So many requests, one after another, each answered at once.
    pub(super) fn many(&mut self, count: u32) -> Result<(), Misfit> {
        self.needs_in()?;
        self.needs_driver()?;
        if self.model.numbers > 0 || self.model.stale > 0 || count == 0 {
            return Err(Misfit("these are the first requests of a case"));
        }
        for _ in 0..count {
            self.note("request", None);
            self.note("RESPONSE", None);
        }
        self.line(&format!("repeat {count} as $i"));
        self.depth += 1;
        let asked = "\"w\": \"LITESPEC\", \"a\": [$i]";
        self.line(&format!(
            "driver> {{\"do\": \"request\", \"id\": $i, {asked}}}"
        ));
        let rule = "client.request-fields";
        self.expect(&format!("< {{\"op\": 4, {asked}, \"n\": $n}}"), rule);
        self.line("> {\"op\": 5, \"n\": $n, \"r\": $i}");
        self.expect("driver< {\"id\": $i, \"r\": $i}", "client.correlates");
        self.depth -= 1;
        self.model.numbers = u64::from(count) + 1;
        Ok(())
    }

    pub(super) fn strangers(&mut self, all: &[Stranger]) -> Result<(), Misfit> {
        self.needs_in()?;
        if all.is_empty() || self.by_hand {
            return Err(Misfit("HEARTBEATs want their answers"));
        }
        for stranger in all {
            let nonce = match (stranger, self.model.pending.first()) {
                (Stranger::Value(value), first) => {
                    // Anything else may be a nonce of a request that waits.
                    if (first.is_some() || self.model.stale > 0) && !FAR_OFF.contains(value) {
                        return Err(Misfit("that may be a nonce of a request that waits"));
                    }
                    (*value).to_owned()
                }
                (Stranger::Like(template), Some(first)) => {
                    template.replace('@', &format!("n{first}"))
                }
                (Stranger::Like(_), None) => return Err(Misfit("nothing waits")),
            };
            let send = format!("{{\"op\": 5, \"n\": {nonce}, \"r\": \"wrong\"}}");
            self.send(&send, "stranger", None);
        }
        self.lives_on();
        Ok(())
    }
}

/// Nonces that no client gives its requests: small numbers are what some count down to.
pub(in crate::fuzzer::client) const FAR_OFF: [&str; 4] = [
    "\"litespec-nobody\"",
    "-98765.4321",
    "[\"litespec\"]",
    "{\"litespec\": null}",
];

/// JSON text in which nothing is a hole.
fn hole_free(text: &str) -> String {
    text.replace("${", "$${")
}
