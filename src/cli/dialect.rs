//! `--dialect` and `--answer`: which reading of the protocol is spoken, and what a server that asks
//! its clients is told.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};

use super::exit::Stop;
use super::values;
use crate::oracle;

/// Which reading of the protocol is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dialect {
    /// The protocol's text alone: only clients ask
    #[default]
    Text,
    /// A server may send REQUEST and DISPATCH to its authenticated clients, which answer with RESPONSE
    Bidirectional,
}

impl From<Dialect> for oracle::Dialect {
    fn from(dialect: Dialect) -> oracle::Dialect {
        match dialect {
            Dialect::Text => oracle::Dialect::Text,
            Dialect::Bidirectional => oracle::Dialect::Bidirectional,
        }
    }
}

/// The two options, for `check` and all that takes its options.
#[derive(Args, Clone, Debug)]
pub(crate) struct DialectArgs {
    /// Which reading of the protocol is judged: its text alone, or the one of servers that ask their clients
    #[arg(
        long,
        value_enum,
        default_value = "text",
        env = "LITESPEC_DIALECT",
        help_heading = "Target"
    )]
    pub(crate) dialect: Dialect,
    /// What a request of the server's for W is answered in that dialect; any other gets null (repeatable)
    #[arg(long, value_name = "W JSON", value_parser = values::answer, env = "LITESPEC_ANSWER", help_heading = "Target")]
    pub(crate) answer: Vec<(String, String)>,
}

impl DialectArgs {
    /// Refuses answers that nobody could ask for. Those of a file or a variable may stay where the
    /// dialect was chosen against them.
    pub(crate) fn check(&self, answer_typed: bool, dialect_given: bool) -> Result<(), Stop> {
        let unused = self.dialect == Dialect::Text && !self.answer.is_empty();
        if unused && (answer_typed || !dialect_given) {
            return Err(unused_answer());
        }
        Ok(())
    }

    /// The answers by what they are for.
    pub(crate) fn answers(&self) -> Result<BTreeMap<String, String>, Stop> {
        by_w(&self.answer)
    }
}

/// The same for `client`, which has neither variables nor a file.
#[derive(Args, Clone, Debug)]
pub(crate) struct ClientDialectArgs {
    /// Which reading of the protocol it speaks: in the bidirectional one it answers requests of the server's
    #[arg(long, value_enum, default_value = "text")]
    dialect: Dialect,
    /// What a request of the server's for W is answered in that dialect; any other gets null (repeatable)
    #[arg(long, value_name = "W JSON", value_parser = values::answer)]
    answer: Vec<(String, String)>,
}

impl ClientDialectArgs {
    /// What the server's requests are answered; none where they are none.
    pub(crate) fn answers(&self) -> Result<Option<BTreeMap<String, String>>, Stop> {
        match self.dialect {
            Dialect::Text if self.answer.is_empty() => Ok(None),
            Dialect::Text => Err(unused_answer()),
            Dialect::Bidirectional => by_w(&self.answer).map(Some),
        }
    }
}

fn unused_answer() -> Stop {
    Stop::usage("--answer needs --dialect bidirectional: by the text alone no server asks")
}

fn by_w(given: &[(String, String)]) -> Result<BTreeMap<String, String>, Stop> {
    let mut answers = BTreeMap::new();
    for (w, r) in given {
        if answers.insert(w.clone(), r.clone()).is_some() {
            return Err(Stop::usage(format!("--answer for {w:?} is given twice")));
        }
    }
    Ok(answers)
}
