//! Which scenarios a run takes: the globs of `--filter`, the share of `--shard`.

use globset::{GlobBuilder, GlobMatcher};
use sha1::{Digest, Sha1};

use super::plan::{Case, PlanError};

/// One of several runs that share a suite.
///
/// A scenario belongs to the shard that its id says, whatever else is selected, in whatever order:
/// the first eight bytes of the id's SHA-1, read as a big-endian number, modulo the number of
/// shards. All runs of one scenario (`#N`) are in one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: u32,
}

impl Shard {
    /// Shard `index`, from 1, of `count`; none where there is no such shard.
    pub fn new(index: u32, count: u32) -> Option<Shard> {
        (1..=count)
            .contains(&index)
            .then_some(Shard { index, count })
    }

    /// Whether the scenario of this id (without `#N`) is in it.
    pub fn holds(self, id: &str) -> bool {
        let digest = Sha1::digest(id.as_bytes());
        let number = digest
            .iter()
            .take(8)
            .fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        number % u64::from(self.count) == u64::from(self.index - 1)
    }
}

/// The globs of `--filter`.
pub(super) struct Filter {
    include: Vec<GlobMatcher>,
    exclude: Vec<GlobMatcher>,
}

impl Filter {
    pub(super) fn new(globs: &[String]) -> Result<Filter, PlanError> {
        let mut filter = Filter {
            include: Vec::new(),
            exclude: Vec::new(),
        };
        for glob in globs {
            let (into, text) = match glob.strip_prefix('!') {
                Some(text) => (&mut filter.exclude, text),
                None => (&mut filter.include, glob.as_str()),
            };
            // `*` crosses `/`: people think of ids, not of folders.
            let built = GlobBuilder::new(text).literal_separator(false).build();
            into.push(built.map(|glob| glob.compile_matcher()).map_err(|error| {
                PlanError::BadFilter {
                    glob: glob.clone(),
                    why: error.kind().to_string(),
                }
            })?);
        }
        Ok(filter)
    }

    /// A filter that names a scenario takes all of its cases; ids it had before count too.
    pub(super) fn selects(&self, case: &Case) -> bool {
        let names: Vec<&str> = case.names().collect();
        let hit = |globs: &[GlobMatcher]| {
            globs
                .iter()
                .any(|glob| names.iter().any(|name| glob.is_match(name)))
        };
        (self.include.is_empty() || hit(&self.include)) && !hit(&self.exclude)
    }
}

/// Up to five ids that are most like what was asked for.
pub(super) fn near(filters: &[String], ids: &[&str]) -> Vec<String> {
    let mut scored: Vec<(f64, &str)> = ids
        .iter()
        .map(|id| {
            let best = filters
                .iter()
                .map(|filter| {
                    let plain = filter.trim_matches(['*', '!']);
                    let whole = strsim::jaro_winkler(plain, id);
                    let last = id.rsplit('/').next().unwrap_or(id);
                    let own = plain.rsplit('/').next().unwrap_or(plain);
                    whole.max(strsim::jaro_winkler(own, last))
                })
                .fold(0.0, f64::max);
            (best, *id)
        })
        .filter(|(score, _)| *score > 0.75)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored
        .into_iter()
        .take(5)
        .map(|(_, id)| id.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::library;

    #[test]
    fn every_scenario_is_in_exactly_one_shard() {
        for count in [1, 2, 3, 7, 64] {
            for scenario in library::all() {
                let holders = (1..=count)
                    .filter_map(|index| Shard::new(index, count))
                    .filter(|shard| shard.holds(&scenario.id))
                    .count();
                assert_eq!(holders, 1, "{} of {count}", scenario.id);
            }
        }
    }

    #[test]
    fn shards_are_of_similar_size() {
        let ids = library::all().iter().map(|scenario| scenario.id.as_str());
        let third = Shard::new(3, 4).unwrap();
        let share = ids.clone().filter(|id| third.holds(id)).count() as f64 / ids.count() as f64;
        assert!((0.1..0.4).contains(&share), "{share}");
    }

    #[test]
    fn the_shard_of_an_id_never_changes() {
        // printf %s server/auth/wrong-password | sha1sum: the first 16 digits, modulo 7.
        let of = (1..=7).find(|&index| {
            Shard::new(index, 7)
                .unwrap()
                .holds("server/auth/wrong-password")
        });
        assert_eq!(of, Some(6));
    }

    #[test]
    fn there_is_no_shard_before_the_first_or_behind_the_last() {
        assert_eq!(Shard::new(0, 3), None);
        assert_eq!(Shard::new(4, 3), None);
        assert_eq!(Shard::new(0, 0), None);
        assert!(Shard::new(3, 3).is_some());
    }
}
