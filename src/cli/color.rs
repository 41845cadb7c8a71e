//! Whether to colour, decided once a stream: `--color`, then NO_COLOR, then CLICOLOR_FORCE, then
//! whether the stream is a terminal.

use std::io::IsTerminal;

use clap::ValueEnum;

/// The values of `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// The decision for one stream.
    pub(crate) fn on(self, stream: &impl IsTerminal) -> bool {
        self.decide(|name| std::env::var(name).ok(), stream.is_terminal())
    }

    fn decide(self, var: impl Fn(&str) -> Option<String>, terminal: bool) -> bool {
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let set = |name| var(name).is_some_and(|value| !value.is_empty());
                if set("NO_COLOR") {
                    false
                } else if set("CLICOLOR_FORCE") && var("CLICOLOR_FORCE").as_deref() != Some("0") {
                    true
                } else {
                    terminal && var("TERM").as_deref() != Some("dumb")
                }
            }
        }
    }

    /// The same for clap, which must know before it has parsed anything.
    pub(crate) fn for_clap(args: &[std::ffi::OsString]) -> clap::ColorChoice {
        let mut values = args
            .iter()
            .zip(args.iter().skip(1))
            .filter_map(|(flag, value)| {
                let value = if flag == "--color" {
                    value.to_str()
                } else {
                    None
                };
                value.or_else(|| flag.to_str().and_then(|flag| flag.strip_prefix("--color=")))
            });
        match values.next() {
            Some("always") => clap::ColorChoice::Always,
            Some("never") => clap::ColorChoice::Never,
            _ => clap::ColorChoice::Auto,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(color: Color, vars: &[(&str, &str)], terminal: bool) -> bool {
        color.decide(
            |name| {
                vars.iter()
                    .find(|(known, _)| *known == name)
                    .map(|(_, value)| (*value).to_owned())
            },
            terminal,
        )
    }

    #[test]
    fn the_flag_beats_the_variables_and_they_beat_the_terminal() {
        assert!(decide(Color::Always, &[("NO_COLOR", "1")], false));
        assert!(!decide(Color::Never, &[("CLICOLOR_FORCE", "1")], true));
        assert!(!decide(
            Color::Auto,
            &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")],
            true
        ));
        assert!(decide(Color::Auto, &[("CLICOLOR_FORCE", "1")], false));
        assert!(decide(
            Color::Auto,
            &[("NO_COLOR", ""), ("CLICOLOR_FORCE", "0")],
            true
        ));
        assert!(!decide(Color::Auto, &[], false));
        assert!(!decide(Color::Auto, &[("TERM", "dumb")], true));
    }
}
