//! A comparison as people read it, as a page, and as JSON.

use std::fmt::Write as _;

use super::{Change, Diff};
use crate::report::escape::{self, terminal};
use crate::report::markdown;

/// So many lines are shown of scenarios that only one side has.
const SHOWN: usize = 20;

impl Diff {
    /// What came of it, in one line.
    pub fn headline(&self) -> String {
        let word = if self.is_worse() {
            "WORSE"
        } else if self.is_same() {
            "SAME"
        } else if self.better.is_empty() {
            "DIFFERENT"
        } else {
            "BETTER"
        };
        let counts: Vec<String> = self
            .sections()
            .iter()
            .filter(|(_, _, changes)| !changes.is_empty())
            .map(|(_, count, changes)| format!("{} {count}", changes.len()))
            .chain([format!("{} the same", self.same)])
            .collect();
        format!(
            "{word}  A {}, B {}: {}",
            terminal(&self.a),
            terminal(&self.b),
            counts.join(", ")
        )
    }

    /// The lists with their titles and the words that count them.
    fn sections(&self) -> [(&'static str, &'static str, &[Change]); 8] {
        [
            ("Worse in B", "worse", &self.worse),
            ("Better in B", "better", &self.better),
            (
                "Broken in both, not in the same way",
                "broken differently",
                &self.changed,
            ),
            ("No longer judged", "no longer judged", &self.unjudged),
            ("Judged now", "judged now", &self.judged),
            (
                "Open points in which they differ",
                "open points differ",
                &self.differs,
            ),
            ("Only in B", "only in B", &self.new),
            ("Only in A", "only in A", &self.gone),
        ]
    }

    /// For people.
    pub fn human(&self) -> String {
        let mut out = self.headline();
        out.push('\n');
        if self.suites_differ {
            out.push_str("The two were made with different suites.\n");
        }
        for (title, _, changes) in self.sections() {
            if changes.is_empty() {
                continue;
            }
            let _ = writeln!(out, "\n{title}");
            let one_sided = changes.iter().all(|c| c.a.is_none() || c.b.is_none());
            let most = if one_sided { SHOWN } else { usize::MAX };
            for change in changes.iter().take(most) {
                human_change(&mut out, change);
            }
            if changes.len() > most {
                let _ = writeln!(out, "  ... {} more", changes.len() - most);
            }
        }
        out
    }

    /// For a page.
    pub fn markdown(&self) -> String {
        let mut out = format!(
            "# {} and {}\n\n",
            markdown::code(&self.a),
            markdown::code(&self.b)
        );
        let _ = writeln!(out, "{}", markdown::text(&self.headline()));
        if self.suites_differ {
            out.push_str("\nThe two were made with different suites.\n");
        }
        for (title, _, changes) in self.sections() {
            if changes.is_empty() {
                continue;
            }
            let _ = writeln!(out, "\n## {title}\n\n| scenario | A | B |\n|---|---|---|");
            for change in changes {
                let side = |said: &Option<String>| markdown::code(said.as_deref().unwrap_or(""));
                let _ = writeln!(
                    out,
                    "| {} | {} | {} |",
                    markdown::code(&name(change)),
                    side(&change.a),
                    side(&change.b)
                );
            }
        }
        out
    }

    /// As indented JSON with a newline at its end, fit for a terminal.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(escape::json(text))
    }
}

fn name(change: &Change) -> String {
    match &change.with {
        Some(with) => format!("{} ({with})", change.id),
        None => change.id.clone(),
    }
}

fn human_change(out: &mut String, change: &Change) {
    let name = name(change);
    let name = terminal(&name);
    match (&change.a, &change.b) {
        (Some(a), Some(b)) => {
            let _ = writeln!(
                out,
                "  {name}\n    A  {}\n    B  {}",
                terminal(a),
                terminal(b)
            );
        }
        (Some(said), None) | (None, Some(said)) => {
            let _ = writeln!(out, "  {name}  {}", terminal(said));
        }
        (None, None) => {}
    }
}
