//! `--defect` and `--variant`: the reference server or client as a member of the zoo.

use clap::Args;

use super::exit::Stop;
use super::near::{did_you_mean, near};
use crate::zoo::{self, Peer, client, server};

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
    pub(crate) fn member(&self) -> Result<Option<&'static server::Member>, Stop> {
        let of_server = |peer| match peer {
            Peer::Server(member) => Some(member),
            Peer::Client(_) => None,
        };
        find(
            self.defect.as_deref(),
            self.variant.as_deref(),
            of_server,
            |member| member.name,
        )
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

/// Which member of the zoo a reference client is to be, if any.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ClientZooArgs {
    /// Plant a defect in it (`litespec list defects` shows them)
    #[arg(long, value_name = "NAME", conflicts_with = "variant")]
    defect: Option<String>,
    /// Let it look different and still be right (`litespec list variants`)
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
}

impl ClientZooArgs {
    /// The member.
    pub(crate) fn member(&self) -> Result<Option<&'static client::Member>, Stop> {
        let of_client = |peer| match peer {
            Peer::Client(member) => Some(member),
            Peer::Server(_) => None,
        };
        find(
            self.defect.as_deref(),
            self.variant.as_deref(),
            of_client,
            |member| member.name,
        )
    }
}

/// The member of that name among those of one role.
fn find<M: Copy>(
    defect: Option<&str>,
    variant: Option<&str>,
    of_role: fn(Peer) -> Option<M>,
    name_of: fn(M) -> &'static str,
) -> Result<Option<M>, Stop> {
    let (what, name, peers): (_, _, Vec<Peer>) = match (defect, variant) {
        (Some(name), _) => ("defect", name, zoo::defects().collect()),
        (None, Some(name)) => ("variant", name, zoo::variants().collect()),
        (None, None) => return Ok(None),
    };
    let members: Vec<M> = peers.into_iter().filter_map(of_role).collect();
    match members.iter().find(|member| name_of(**member) == name) {
        Some(member) => Ok(Some(*member)),
        None => Err(unknown(what, name, members.iter().map(|m| name_of(*m)))),
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
