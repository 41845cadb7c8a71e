//! The shared secret: compared in constant time, never shown.

use std::fmt;

use subtle::ConstantTimeEq;

/// A password that does not appear in debug output.
#[derive(Clone)]
pub struct Password(Box<str>);

impl Password {
    /// Whether `given` is this password, byte for byte (no Unicode normalisation).
    ///
    /// Takes the same time wherever the first difference is; a difference in *length* shows, as
    /// it does in every comparison of this kind.
    #[must_use]
    pub fn matches(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }

    /// The password itself, to be sent.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Password {
    fn from(text: &str) -> Password {
        Password(text.into())
    }
}

impl From<String> for Password {
    fn from(text: String) -> Password {
        Password(text.into())
    }
}

/// Shows that there is one, and nothing of it.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_same_bytes_match() {
        let password = Password::from("h\u{e9}llo");
        assert!(password.matches("h\u{e9}llo"));
        let near = [
            "",
            "h",
            "h\u{e9}ll",
            "h\u{e9}llo ",
            " h\u{e9}llo",
            "H\u{e9}llo",
            "he\u{301}llo",
        ];
        for wrong in near {
            assert!(!password.matches(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_debug_print_does_not_show_it() {
        assert_eq!(format!("{:?}", Password::from("hunter2")), "Password(..)");
    }
}
