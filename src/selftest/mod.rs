//! Both suites against the whole zoo, in memory and on virtual time: does every scenario fail where it
//! should, and none where it should not?
//!
//! [`run`] examines each member on a thread of its own and folds what came of it into a
//! [`matrix::Matrix`]; [`human::text`] is the matrix for people, and its serialisation the one for
//! programs. Neither holds a time: the same program gives the same matrix.

pub mod coverage;
mod examine;
mod guests;
pub mod human;
pub mod hunt;
pub mod matrix;
mod pool;
pub mod table;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use globset::{GlobBuilder, GlobMatcher};

pub use matrix::Matrix;

use crate::protocol::rules::RoleOf;
use crate::scenario::{Scenario, library};
use crate::zoo::{self, Peer};
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
    let suite = suite();
    let (members, suite) = selected(members, &suite, &options.filters)?;
    let suite = Arc::new(suite);
    let terms = Arc::new(Terms {
        suite: Arc::clone(&suite),
        filters: options.filters.clone(),
        interval: options.interval,
    });
    let examine = move |member: Peer| examine::examine(member, &terms);
    let all = members.len();
    let examined = pool::run(&members, options, examine, |done| on_done(done, all));
    let everything = options.members.is_empty() && options.filters.is_empty();
    let pairs: Vec<(Peer, Examined)> = members.into_iter().zip(examined).collect();
    Ok(Matrix::new(&pairs, &suite, everything))
}

/// The scenarios of both roles.
pub fn suite() -> Vec<Arc<Scenario>> {
    library::all().to_vec()
}

/// The members, and the scenarios, of the roles that both the globs and the filters leave something of.
fn selected(
    members: Vec<Peer>,
    suite: &[Arc<Scenario>],
    filters: &[String],
) -> Result<(Vec<Peer>, Vec<Arc<Scenario>>), SelftestError> {
    let mut nothing = None;
    let mut left = (Vec::new(), Vec::new());
    for role in [RoleOf::Server, RoleOf::Client] {
        let members: Vec<Peer> = members
            .iter()
            .copied()
            .filter(|m| m.role() == role)
            .collect();
        if members.is_empty() {
            continue;
        }
        let suite: Vec<_> = suite.iter().filter(|s| is_for(s, role)).cloned().collect();
        match examine::check(filters, &suite, role) {
            Ok(()) => {
                left.0.extend(members);
                left.1.extend(suite);
            }
            Err(error) => nothing = Some(SelftestError::NoScenario(error.to_string())),
        }
    }
    match nothing {
        Some(error) if left.0.is_empty() => Err(error),
        _ => Ok(left),
    }
}

/// Whether a scenario is played against this role.
fn is_for(scenario: &Scenario, role: RoleOf) -> bool {
    scenario.role() == Some(examine::played_against(role))
}

/// The members whose names match one of the globs: defects first, then variants.
/// The servers and clients whose names match one of the globs.
///
/// # Errors
/// A glob is none, or names nobody.
pub fn members(globs: &[String]) -> Result<Vec<Peer>, SelftestError> {
    let all: Vec<Peer> = zoo::defects().chain(zoo::variants()).collect();
    let matchers = globs
        .iter()
        .map(|text| glob(text))
        .collect::<Result<Vec<_>, _>>()?;
    for (text, matcher) in globs.iter().zip(&matchers) {
        if !all.iter().any(|member| matcher.is_match(member.name())) {
            return Err(SelftestError::NoMember { glob: text.clone() });
        }
    }
    let wanted = |member: &Peer| {
        matchers.is_empty() || matchers.iter().any(|glob| glob.is_match(member.name()))
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
