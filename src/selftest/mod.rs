//! The suite against the whole zoo, in memory and on virtual time: does every scenario fail where it
//! should, and none where it should not?
//!
//! [`run`] examines each member on a thread of its own and folds what came of it into a
//! [`matrix::Matrix`]; [`human::text`] is the matrix for people, and its serialisation the one for
//! programs. Neither holds a time: the same program gives the same matrix.

pub mod coverage;
mod examine;
pub mod human;
pub mod matrix;
mod pool;
pub mod table;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use globset::{GlobBuilder, GlobMatcher};

pub use matrix::Matrix;

use crate::scenario::{Scenario, library};
use crate::zoo::server::{self, Member};
use examine::{Examined, Terms};

/// What is examined.
#[derive(Clone, Debug)]
pub struct Options {
    /// Globs over the names of members; empty: all of them.
    pub members: Vec<String>,
    /// Globs over ids of scenarios, as the runner's filters; empty: all of them.
    pub filters: Vec<String>,
    /// The heartbeat interval of the members, in whole milliseconds above zero.
    pub interval: Duration,
    /// Members at once, at least 1.
    pub jobs: usize,
    /// How long one member may take in real time before it is given up.
    pub patience: Duration,
}

/// Everything, at an interval of a second, on as many threads as there are processors, a minute for
/// each member.
impl Default for Options {
    fn default() -> Options {
        Options {
            members: Vec::new(),
            filters: Vec::new(),
            interval: Duration::from_secs(1),
            jobs: std::thread::available_parallelism().map_or(2, usize::from),
            patience: Duration::from_secs(60),
        }
    }
}

/// Why there is nothing to examine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelftestError {
    /// A glob cannot be read.
    #[error("{glob} is no glob: {why}")]
    BadGlob {
        /// The glob.
        glob: String,
        /// What is wrong with it.
        why: String,
    },
    /// No member has such a name.
    #[error("{glob} names no defect and no variant")]
    NoMember {
        /// The glob.
        glob: String,
    },
    /// The filters leave no scenario, or cannot be read.
    #[error("{0}")]
    NoScenario(String),
}

/// Examines the zoo. `on_done` is told of each member that is done: how many are, and of how many.
///
/// # Errors
/// The options leave nothing to examine.
pub fn run(
    options: &Options,
    mut on_done: impl FnMut(usize, usize),
) -> Result<Matrix, SelftestError> {
    let members = members(&options.members)?;
    let suite = Arc::new(suite());
    examine::check(&options.filters, &suite)
        .map_err(|error| SelftestError::NoScenario(error.to_string()))?;
    let terms = Arc::new(Terms {
        suite: Arc::clone(&suite),
        filters: options.filters.clone(),
        interval: options.interval,
    });
    let examine = move |member: &'static Member| examine::examine(member, &terms);
    let all = members.len();
    let examined = pool::run(&members, options, examine, |done| on_done(done, all));
    let everything = options.members.is_empty() && options.filters.is_empty();
    let pairs: Vec<(&Member, Examined)> = members.into_iter().zip(examined).collect();
    Ok(Matrix::new(&pairs, &suite, everything))
}

/// The scenarios for servers.
pub fn suite() -> Vec<Arc<Scenario>> {
    let server = |scenario: &&Arc<Scenario>| scenario.id.starts_with("server/");
    library::all().iter().filter(server).cloned().collect()
}

/// The members whose names match one of the globs: defects first, then variants.
fn members(globs: &[String]) -> Result<Vec<&'static Member>, SelftestError> {
    let all: Vec<&Member> = server::all().chain(server::variants()).collect();
    let matchers = globs
        .iter()
        .map(|text| glob(text))
        .collect::<Result<Vec<_>, _>>()?;
    for (text, matcher) in globs.iter().zip(&matchers) {
        if !all.iter().any(|member| matcher.is_match(member.name)) {
            return Err(SelftestError::NoMember { glob: text.clone() });
        }
    }
    let wanted = |member: &&Member| {
        matchers.is_empty() || matchers.iter().any(|glob| glob.is_match(member.name))
    };
    Ok(all.into_iter().filter(wanted).collect())
}

fn glob(text: &str) -> Result<GlobMatcher, SelftestError> {
    match GlobBuilder::new(text).build() {
        Ok(glob) => Ok(glob.compile_matcher()),
        Err(error) => Err(SelftestError::BadGlob {
            glob: text.to_owned(),
            why: error.kind().to_string(),
        }),
    }
}
