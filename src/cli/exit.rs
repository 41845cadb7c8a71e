//! Exit codes, and the errors that end the program before there is anything to judge.

use std::process::{ExitCode, Termination};

use crate::event::Ending;
use crate::outcome::Summary;

/// The program's exit codes. They are public: scripts depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Nothing failed, and every must rule of the selection was judged.
    Success = 0,
    /// A failure; or a list of known failures names what passes or fits nothing.
    Failure = 1,
    /// The command line asks for something that does not exist or cannot be.
    Usage = 2,
    /// A scenario, the configuration file or a list of known failures is wrong.
    BadInput = 3,
    /// The target could not be tested at all, or a scenario could not be run.
    CouldNotRun = 4,
    /// Nothing failed, but must rules of the selection stayed unjudged.
    Unjudged = 5,
    /// The user stopped it.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        self.into()
    }
}

impl Exit {
    /// What a run comes to.
    pub fn of(ending: &Ending, summary: &Summary) -> Exit {
        match ending {
            Ending::Interrupted => Exit::Interrupted,
            Ending::CouldNotRun(_) => Exit::CouldNotRun,
            _ if summary.fail > 0 || summary.unexpected_pass > 0 || summary.stale > 0 => {
                Exit::Failure
            }
            // Only a list of known failures can excuse the preflight's.
            Ending::PreflightFailed(_) if summary.expected_fail == 0 => Exit::Failure,
            // A scenario that could not be run must not hide behind the others' success.
            _ if summary.error > 0 => Exit::CouldNotRun,
            _ if !summary.untested.is_empty() => Exit::Unjudged,
            Ending::PreflightFailed(_) | Ending::Complete => Exit::Success,
        }
    }
}

/// Why a command ends without its result.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Stop {
    /// The exit code.
    pub(crate) exit: Exit,
    /// One line, or quoted source that begins with `error`.
    pub(crate) message: String,
    /// What may help, a line each.
    pub(crate) hints: Vec<String>,
}

impl Stop {
    pub(crate) fn usage(message: impl Into<String>) -> Stop {
        Stop::new(Exit::Usage, message)
    }

    pub(crate) fn bad_input(message: impl Into<String>) -> Stop {
        Stop::new(Exit::BadInput, message)
    }

    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Stop {
        Stop {
            exit,
            message: message.into(),
            hints: Vec::new(),
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Stop {
        self.hints.push(hint.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(fail: u32, error: u32, untested: &[&str]) -> Summary {
        Summary {
            pass: 3,
            fail,
            error,
            untested: untested.iter().map(|s| (*s).to_owned()).collect(),
            ..Summary::default()
        }
    }

    #[test]
    fn a_run_is_green_only_when_nothing_failed_and_everything_was_judged() {
        let of = |fail, error, untested: &[&str]| {
            Exit::of(&Ending::Complete, &summary(fail, error, untested))
        };
        assert_eq!(of(0, 0, &[]), Exit::Success);
        assert_eq!(of(0, 0, &["auth.reject"]), Exit::Unjudged);
        assert_eq!(of(1, 0, &["auth.reject"]), Exit::Failure);
        assert_eq!(of(1, 1, &[]), Exit::Failure);
        assert_eq!(of(0, 1, &[]), Exit::CouldNotRun);
    }

    #[test]
    fn how_a_run_ended_comes_before_what_it_found() {
        let found = summary(1, 0, &["auth.reject"]);
        assert_eq!(Exit::of(&Ending::Interrupted, &found), Exit::Interrupted);
        assert_eq!(
            Exit::of(&Ending::CouldNotRun(String::new()), &found),
            Exit::CouldNotRun
        );
        assert_eq!(
            Exit::of(&Ending::PreflightFailed(String::new()), &summary(0, 0, &[])),
            Exit::Failure
        );
    }
}
