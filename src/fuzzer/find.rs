//! A find: a failure made small, its file, and how it is told from others.

use std::time::Duration;

use sha1::{Digest, Sha1};

use super::features::{Features, features};
use super::moves::Case;
use super::script::{Facts, Head, write};
use crate::play::Broken;
use crate::protocol::rules::{self, Level};

/// What became of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fate {
    /// It goes on, and broke a rule.
    Lives,
    /// Nobody listens any more.
    Dead,
    /// It takes connections and does nothing on them.
    Hung,
    /// It turns upgrades down.
    Refuses,
    /// It answers, but only after seconds.
    Slow,
}

impl Fate {
    /// What is said of it.
    pub fn word(self) -> &'static str {
        match self {
            Fate::Lives => "broke a rule",
            Fate::Dead => "is dead",
            Fate::Hung => "hangs",
            Fate::Refuses => "refuses upgrades",
            Fate::Slow => "is slow",
        }
    }
}

/// How often a case failed of how many runs alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// Failed.
    pub failed: u32,
    /// Of so many.
    pub of: u32,
}

/// Something that a target does wrong, and how to see it again.
#[derive(Clone, Debug)]
pub struct Find {
    /// The command that finds such.
    pub command: &'static str,
    /// The smallest scenario found, without the comments above it.
    pub text: String,
    /// What is remarkable about it.
    pub features: Features,
    /// What was broken.
    pub broken: Broken,
    /// What became of the target.
    pub fate: Fate,
    /// How often it failed.
    pub rate: Rate,
    /// Cases played until it was first seen.
    pub cases: u64,
    /// Time until it was first seen.
    pub after: Duration,
    /// Runs that shrinking took, and whether it came to its end.
    pub shrinking: (u32, bool),
    /// Seed of the campaign.
    pub seed: u64,
    /// Failures that were taken for the same.
    pub again: u64,
    /// It was played again. What could not be, because the target did not come back, holds every case
    /// that may have been the one.
    pub proven: bool,
}

impl Rate {
    /// Whether it fails nearly always.
    pub(super) fn is_steady(self) -> bool {
        self.failed * 3 >= self.of * 2
    }
}

/// What stands above a find that breaks this rule.
pub(super) fn head(rule: &str) -> Head {
    Head {
        comments: Vec::new(),
        title: title(rule),
        rule: rule.to_owned(),
    }
}

impl Find {
    /// What a server does wrong with this case, seen once, in the first case.
    pub(super) fn in_server(case: &Case, facts: &Facts, broken: Broken) -> Find {
        let script = write(case, facts, &head(&broken.rule));
        // A case that has been played can be written.
        let text = script.map(|script| script.text).unwrap_or_default();
        Find::new("fuzz", text, features(case), broken)
    }

    /// What was broken by this scenario, seen once, in the first case.
    pub(super) fn new(
        command: &'static str,
        text: String,
        features: Features,
        broken: Broken,
    ) -> Find {
        Find {
            command,
            text,
            features,
            broken,
            fate: Fate::Lives,
            rate: Rate { failed: 1, of: 1 },
            cases: 1,
            after: Duration::ZERO,
            shrinking: (0, false),
            seed: 0,
            again: 0,
            proven: true,
        }
    }

    /// Two finds with one fingerprint are one bug.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha1::new();
        hash.update(self.broken.rule.as_bytes());
        hash.update(kind_of(&self.broken.actual).as_bytes());
        hash.update([self.fate as u8]);
        for feature in &self.features {
            hash.update(feature.as_bytes());
            hash.update([0]);
        }
        let digest = hash.finalize();
        digest[..6]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// The name of its file.
    pub fn file_name(&self) -> String {
        let rule = self.broken.rule.replace('.', "-");
        format!("{rule}-{}.scenario", self.fingerprint())
    }

    /// Whether it makes a run fail.
    pub fn fails(&self, strict: bool) -> bool {
        self.broken.level == Level::Must || strict
    }

    /// Its scenario, which fails on the target and needs nothing else.
    pub fn scenario(&self) -> String {
        let rate = self.rate;
        let seconds = self.after.as_secs_f64();
        let mut comments = vec![
            format!(
                "Found by litespec {} {}: seed {}, case {}, after {seconds:.1} s; failed in {} of {} runs.",
                env!("CARGO_PKG_VERSION"),
                self.command,
                self.seed,
                self.cases,
                rate.failed,
                rate.of
            ),
            format!("Expected: {}", one_line(&self.broken.expected)),
            format!("Got:      {}", one_line(&self.broken.actual)),
            format!("Fingerprint {}", self.fingerprint()),
        ];
        if !self.proven {
            comments.push(
                "Not proven: the target did not come back, so that nothing could be played again. One of \
                 these cases has ended it."
                    .to_owned(),
            );
        } else if let (runs, false) = self.shrinking {
            comments.push(format!(
                "Not as small as it could be: shrinking ended after {runs} runs."
            ));
        }
        let comments = comments.iter().map(|comment| format!("# {comment}\n"));
        comments.chain([self.text.clone()]).collect()
    }
}

/// What a right target does, from the rule's sentence.
fn title(rule: &str) -> String {
    let sentence = rules::find(rule).map_or("", |rule| rule.sentence);
    let first = sentence.split(". ").next().unwrap_or(sentence);
    first.trim_end_matches('.').to_owned()
}

/// Text of the target's in a comment: one line, nothing that a terminal obeys, not too long.
pub fn one_line(text: &str) -> String {
    const MOST: usize = 200;
    let mut line = String::new();
    for letter in text.chars().take(MOST) {
        if letter.is_control() {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
    }
    if text.chars().nth(MOST).is_some() {
        line.push_str("...");
    }
    line
}

/// What was seen, without what changes from run to run.
pub fn kind_of(actual: &str) -> String {
    if let Some(code) = actual.strip_prefix("close ") {
        let digits: String = code.chars().take_while(char::is_ascii_digit).collect();
        return format!("close {digits}");
    }
    if actual.starts_with(['{', '[', '"']) {
        return "a packet".to_owned();
    }
    let words = actual.split(|letter: char| !letter.is_ascii_alphabetic());
    words
        .filter(|word| word.len() > 2)
        .take(4)
        .collect::<Vec<_>>()
        .join(" ")
}
