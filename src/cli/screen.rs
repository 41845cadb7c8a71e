//! Writing to the two standard streams. A reader that went away is no error of ours.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use super::color::Color;
use super::exit::{Exit, Stop};
use crate::report::escape::terminal;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default();

/// Standard output. Once its reader is gone, everything else written to it is dropped.
#[derive(Debug)]
pub(crate) struct Stdout {
    color: bool,
    gone: bool,
}

impl Stdout {
    pub(crate) fn new(color: Color) -> Stdout {
        Stdout {
            color: color.on(&io::stdout()),
            gone: false,
        }
    }

    pub(crate) fn color(&self) -> bool {
        self.color
    }

    pub(crate) fn is_terminal() -> bool {
        io::stdout().is_terminal()
    }

    /// Writes and flushes.
    pub(crate) fn write(&mut self, text: &str) -> Result<(), Stop> {
        if self.gone {
            return Ok(());
        }
        let choice = if self.color {
            ColorChoice::Always
        } else {
            ColorChoice::Never
        };
        let mut stream = AutoStream::new(io::stdout().lock(), choice);
        match stream
            .write_all(text.as_bytes())
            .and_then(|()| stream.flush())
        {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.gone = true;
                Ok(())
            }
            Err(error) => Err(Stop::new(
                Exit::Usage,
                format!("cannot write to standard output: {error}"),
            )),
        }
    }
}

/// Says something on standard error; if that cannot be written, there is nobody to tell.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Says on standard error why the command ends.
pub(crate) fn say_stop(stop: &Stop, color: Color) {
    say(&shown(stop, color.on(&io::stderr())));
}

fn shown(stop: &Stop, color: bool) -> String {
    let paint = |style: Style, text: &str| {
        if color {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    };
    let message: Vec<String> = stop
        .message
        .lines()
        .map(|line| terminal(line).into_owned())
        .collect();
    let message = message.join("\n");
    let mut text = match message.strip_prefix("error") {
        Some(rest) if rest.starts_with([':', '[']) => format!("{}{rest}", paint(ERROR, "error")),
        _ => format!("{}: {message}", paint(ERROR, "error")),
    };
    for hint in &stop.hints {
        text.push_str(&format!("\n  {}: {}", paint(HINT, "hint"), terminal(hint)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_and_its_hints() {
        let stop = Stop::usage("no target").hint("give one").hint("or two");
        assert_eq!(
            shown(&stop, false),
            "error: no target\n  hint: give one\n  hint: or two"
        );
    }

    #[test]
    fn quoted_source_is_not_headed_twice_and_nothing_raw_gets_through() {
        let stop = Stop::bad_input("error: unknown word\n  --> a\u{1b}[2J:1:1");
        assert_eq!(
            shown(&stop, false),
            "error: unknown word\n  --> a\\u{1b}[2J:1:1"
        );
    }
}
