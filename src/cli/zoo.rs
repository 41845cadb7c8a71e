//! `--defect` and `--variant`: the reference server as a member of the zoo.

use clap::Args;

use super::exit::Stop;
use super::near::{did_you_mean, near};
use crate::zoo::server::{self, Member};

/// Which member of the zoo a reference server is to be, if any.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ZooArgs {
    /// Plant a defect in the reference server (`litespec list defects` shows them)
    #[arg(long, value_name = "NAME", conflicts_with = "variant")]
    defect: Option<String>,
    /// Let the reference server look different and still be right (`litespec list variants`)
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
}

impl ZooArgs {
    /// The member.
    pub(crate) fn member(&self) -> Result<Option<&'static Member>, Stop> {
        match (&self.defect, &self.variant) {
            (Some(name), _) => match server::find(name) {
                Some(member) => Ok(Some(member)),
                None => Err(unknown("defect", name, server::all().map(|m| m.name))),
            },
            (None, Some(name)) => match server::find_variant(name) {
                Some(member) => Ok(Some(member)),
                None => Err(unknown("variant", name, server::variants().map(|m| m.name))),
            },
            (None, None) => Ok(None),
        }
    }

    /// The option that was given, if one was.
    pub(crate) fn given(&self) -> Option<&'static str> {
        match (&self.defect, &self.variant) {
            (Some(_), _) => Some("--defect"),
            (None, Some(_)) => Some("--variant"),
            (None, None) => None,
        }
    }
}

fn unknown(what: &str, name: &str, names: impl Iterator<Item = &'static str>) -> Stop {
    let stop = Stop::usage(format!("there is no {what} {name}"));
    match did_you_mean(&near(name, names)) {
        Some(hint) => stop.hint(hint),
        None => stop.hint(format!("litespec list {what}s shows all names")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_defect_is_told_which_ones_are_near() {
        let args = ZooArgs {
            defect: Some("timeout-nevr".to_owned()),
            variant: None,
        };
        let stop = args.member().map(|_| ()).unwrap_err();
        assert!(stop.hints.join(" ").contains("timeout-never"), "{stop:?}");
    }
}
