//! Close codes: the protocol's own three and what the WebSocket ones mean.

/// The password of HELLO_ACK was not the right one.
pub const AUTHENTICATION_FAILED: u16 = 4001;
/// The client asked for something before it was authenticated.
pub const UNAUTHENTICATED: u16 = 4002;
/// No HEARTBEAT came for a whole interval.
pub const HEARTBEAT_TIMEOUT: u16 = 4003;

/// What a close code means, in a few words; none for codes nobody gave a meaning.
pub fn meaning(code: u16) -> Option<&'static str> {
    Some(match code {
        AUTHENTICATION_FAILED => "authentication failed",
        UNAUTHENTICATED => "request without authentication",
        HEARTBEAT_TIMEOUT => "heartbeat timeout",
        1000 => "normal closure",
        1001 => "going away",
        1002 => "protocol error",
        1003 => "unsupported data",
        1005 => "no code received (never on the wire)",
        1006 => "connection lost (never on the wire)",
        1007 => "invalid payload data",
        1008 => "policy violation",
        1009 => "message too big",
        1010 => "extension missing",
        1011 => "internal error",
        1012 => "service restart",
        1013 => "try again later",
        1014 => "bad gateway",
        1015 => "TLS handshake failed (never on the wire)",
        _ => return None,
    })
}

/// Whether RFC 6455 and the IANA registry let an endpoint put this code into a close frame.
pub fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protocols_own_codes_have_meanings_and_strangers_have_none() {
        assert_eq!(
            [AUTHENTICATION_FAILED, UNAUTHENTICATED, HEARTBEAT_TIMEOUT],
            [4001, 4002, 4003]
        );
        for code in 4001..=4003 {
            assert!(meaning(code).is_some() && may_be_sent(code));
        }
        for code in [0, 999, 1004, 1016, 2999, 3000, 4000, 4004, 5000, 65535] {
            assert_eq!(meaning(code), None, "{code}");
        }
    }

    #[test]
    fn every_registered_code_has_a_meaning_of_its_own() {
        let meanings: Vec<_> = (0..=u16::MAX).filter_map(meaning).collect();
        // RFC 6455 and the IANA registry: 1000 to 1015 without 1004, and the protocol's three.
        assert_eq!(meanings.len(), 15 + 3);
        let distinct: std::collections::BTreeSet<_> = meanings.iter().collect();
        assert_eq!(distinct.len(), meanings.len());
        assert!(meaning(1001).is_some_and(|said| said.contains("away")));
        assert!(meaning(1011).is_some_and(|said| said.contains("internal")));
    }

    #[test]
    fn codes_that_only_stand_for_something_cannot_be_sent() {
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000] {
            assert!(!may_be_sent(code), "{code}");
        }
    }
}
