//! Words for a POSIX shell.

use std::borrow::Cow;

/// The word as it must be typed so that the shell passes it on unchanged.
pub fn quote(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        Cow::Borrowed(word)
    } else if word.chars().any(char::is_control) {
        // A newline within single quotes would be shown as something else: bash, zsh and ksh read this form.
        let mut out = String::from("$'");
        for c in word.chars() {
            match c {
                '\'' | '\\' => {
                    out.push('\\');
                    out.push(c);
                }
                c if c.is_control() => {
                    let mut bytes = [0; 4];
                    for byte in c.encode_utf8(&mut bytes).bytes() {
                        out.push_str(&format!("\\{byte:03o}"));
                    }
                }
                c => out.push(c),
            }
        }
        out.push('\'');
        Cow::Owned(out)
    } else {
        Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn plain_words_stay_and_others_are_quoted() {
        assert_eq!(quote("ws://127.0.0.1:9001/"), "ws://127.0.0.1:9001/");
        assert_eq!(quote("server/a#1"), "'server/a#1'");
        assert_eq!(quote("it's"), r"'it'\''s'");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("a\nb"), r"$'a\012b'");
    }

    #[test]
    #[cfg(unix)]
    fn the_shell_gives_back_what_was_quoted() {
        for word in [
            "ECHO [1, \"a\"]",
            "$HOME `id` \\",
            "!x*?[a]~{b,c}",
            "a;b|c&d>e<f(g)",
            "漢 é",
            "#",
            "=x",
            "it's \"so\"",
            "",
        ] {
            let script = format!("printf %s {}", quote(word));
            let output = Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
        }
    }
}
