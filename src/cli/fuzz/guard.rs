//! A fuzzer is pointed at one's own machines. Whoever wants another has to name it.

use std::net::{IpAddr, ToSocketAddrs};

use crate::cli::exit::Stop;
use crate::wire::Target;

/// Refuses a target that is neither this machine nor in a private network, unless it is named.
pub(super) fn check(target: &Target, allowed: &[String]) -> Result<(), Stop> {
    let host = target.host();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if allowed.iter().any(|name| name.eq_ignore_ascii_case(bare)) {
        return Ok(());
    }
    let addresses: Vec<IpAddr> = match bare.parse() {
        Ok(address) => vec![address],
        Err(_) => match (bare, target.port()).to_socket_addrs() {
            Ok(found) => found.map(|address| address.ip()).collect(),
            // The run itself says what is wrong with the name.
            Err(_) => return Ok(()),
        },
    };
    match addresses.into_iter().find(|address| !is_ours(*address)) {
        None => Ok(()),
        Some(address) => Err(Stop::usage(format!(
            "{bare} ({address}) is not this machine, nor in a private network: it is not fuzzed"
        ))
        .hint(format!("if it is yours to break: --allow-remote {bare}"))),
    }
}

/// Whether an address is this machine's, or belongs to a private network.
fn is_ours(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6
                    .to_ipv4_mapped()
                    .is_some_and(|v4| is_ours(IpAddr::V4(v4)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str, allowed: &[&str]) -> bool {
        let allowed: Vec<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
        check(&Target::parse(url).unwrap(), &allowed).is_err()
    }

    #[test]
    fn only_own_machines_are_fuzzed_unless_another_is_named() {
        for url in [
            "ws://127.0.0.1:1/",
            "ws://localhost:1/",
            "ws://[::1]:1/",
            "ws://10.1.2.3/",
            "ws://192.168.1.1/",
            "ws://[fd00::1]/",
            "ws://[::ffff:127.0.0.1]/",
        ] {
            assert!(!refused(url, &[]), "{url}");
        }
        for url in ["ws://8.8.8.8/", "ws://[2001:db8::1]/", "ws://172.32.0.1/"] {
            assert!(refused(url, &[]), "{url}");
            assert!(refused(url, &["example.org"]), "{url}");
        }
        assert!(!refused("ws://8.8.8.8/", &["8.8.8.8"]));
        assert!(!refused("ws://[2001:db8::1]/", &["2001:db8::1"]));
    }
}
