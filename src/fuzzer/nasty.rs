//! What the text leaves open and a stranger may send all the same: inputs that no server may die of,
//! by class. What a server does about them is recorded, not judged.

mod frames;
mod packets;
mod texts;
mod upgrades;

use std::sync::LazyLock;

/// Where an input is nasty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Frames that break RFC 6455, or that only bytes below it can make.
    Frame,
    /// Text that is no UTF-8.
    Utf8,
    /// Text that is no JSON, or JSON that libraries read differently.
    Json,
    /// JSON that is no packet of the table.
    Packet,
    /// Packets that are right and come at the wrong time.
    Sequence,
    /// Sizes and numbers beyond what anybody expects.
    Size,
    /// How connections begin and end.
    Connection,
}

impl Class {
    /// All of them.
    pub const ALL: [Class; 7] = [
        Class::Frame,
        Class::Utf8,
        Class::Json,
        Class::Packet,
        Class::Sequence,
        Class::Size,
        Class::Connection,
    ];

    /// The class in a word.
    pub fn word(self) -> &'static str {
        match self {
            Class::Frame => "frame",
            Class::Utf8 => "utf-8",
            Class::Json => "json",
            Class::Packet => "packet",
            Class::Sequence => "sequence",
            Class::Size => "size",
            Class::Connection => "connection",
        }
    }
}

/// One nasty input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bend {
    /// Where it is nasty.
    pub class: Class,
    /// What it is, in a few words.
    pub what: String,
    /// Lines of a scenario without connection and arrow, sent one after the other.
    pub sends: Vec<String>,
    /// It takes long or much memory: tried less often.
    pub heavy: bool,
}

impl Bend {
    fn new(class: Class, what: &str, sends: &[&str]) -> Bend {
        Bend {
            class,
            what: what.to_owned(),
            sends: sends.iter().map(|send| (*send).to_owned()).collect(),
            heavy: false,
        }
    }

    fn heavy(mut self) -> Bend {
        self.heavy = true;
        self
    }
}

/// All that is known to be nasty.
pub fn catalogue() -> &'static [Bend] {
    static ALL: LazyLock<Vec<Bend>> = LazyLock::new(|| {
        let mut all = frames::all();
        all.extend(texts::all());
        all.extend(packets::all());
        all
    });
    &ALL
}

/// What is nasty where an upgrade request should come: lines for a connection without a WebSocket.
pub fn doors() -> &'static [Bend] {
    static ALL: LazyLock<Vec<Bend>> = LazyLock::new(upgrades::all);
    &ALL
}

/// One of the catalogue's, or one made up, of this class.
pub fn of(class: Class, rng: &mut fastrand::Rng) -> Bend {
    if matches!(class, Class::Json | Class::Packet) && rng.u8(..4) == 0 {
        return packets::made_up(class, rng);
    }
    let of_class: Vec<&Bend> = catalogue()
        .iter()
        .filter(|bend| bend.class == class)
        .collect();
    loop {
        let bend = of_class[rng.usize(..of_class.len())];
        // Every class has light ones: a test sees to it.
        if !bend.heavy || rng.u8(..8) == 0 {
            return bend.clone();
        }
    }
}

/// A text message with this text, as a line of a scenario.
fn text(text: &str) -> String {
    format!("text {}", quoted(text))
}

/// Text as a JSON string in which nothing is a hole.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace("${", "$${")
}

/// Bytes as the language writes them.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::from("0x");
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::scenario::parse;
    use crate::scenario::syntax::{Origin, Source};

    fn parses(bend: &Bend, opens: &str) {
        let mut text = format!("title  t\nrule  robust.isolation\n\n{opens}\n");
        for send in &bend.sends {
            text.push_str(&format!("> {send}\n"));
        }
        let source = Source {
            path: bend.what.clone(),
            origin: Origin::Embedded,
            text,
        };
        if let Err(error) = parse("own/nasty", Arc::new(source)) {
            panic!("{}: {error}", bend.what);
        }
    }

    #[test]
    fn every_nasty_input_is_scenario_text() {
        for bend in catalogue() {
            parses(bend, "ignore");
        }
        for bend in doors() {
            parses(bend, "connect tcp");
        }
        let mut rng = fastrand::Rng::with_seed(1);
        for class in Class::ALL {
            for _ in 0..300 {
                parses(&of(class, &mut rng), "ignore");
            }
        }
    }

    #[test]
    fn every_class_has_inputs_that_cost_little_and_names_differ() {
        let mut names = std::collections::BTreeSet::new();
        for bend in catalogue().iter().chain(doors()) {
            assert!(names.insert(&bend.what), "twice: {}", bend.what);
        }
        for class in Class::ALL {
            let light = catalogue()
                .iter()
                .filter(|bend| bend.class == class && !bend.heavy);
            assert!(light.count() >= 3, "{class:?}");
        }
    }
}
