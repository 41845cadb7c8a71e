//! The suite's coverage for people.

use std::fmt::Write as _;

use super::coverage::{Cell, Class, Coverage, State};
use crate::protocol::rules::{Level, RoleOf};

/// The rules with their scenarios and defects, what is sent in which state, and what never is.
pub fn text(coverage: &Coverage) -> String {
    let Coverage {
        role,
        rules,
        cells,
        reached,
    } = coverage;
    let bare = rules
        .iter()
        .filter(|rule| rule.scenarios.is_empty() || rule.judged() && rule.defects.is_empty());
    let peers = match role {
        RoleOf::Server => "servers",
        RoleOf::Client => "clients",
    };
    let mut out = format!(
        "COVERAGE  of {peers}: {} rules, {} without a scenario or a defect; {reached} of {} cells of state, \
         packet, field and class reached\n",
        rules.len(),
        bare.count(),
        cells.len()
    );
    let width = rules.iter().map(|rule| rule.rule.len()).max().unwrap_or(0);
    let _ = writeln!(
        out,
        "\n{:width$}  {:6}  {:>9}  {:>7}",
        "rule", "level", "scenarios", "defects"
    );
    for rule in rules {
        let level = match rule.level {
            Level::Must => "must",
            Level::Should => "should",
            Level::Open => "open",
        };
        let defects = if rule.judged() {
            rule.defects.len().to_string()
        } else {
            "-".to_owned()
        };
        let _ = writeln!(
            out,
            "{:width$}  {level:6}  {:>9}  {defects:>7}",
            rule.rule,
            rule.scenarios.len()
        );
    }
    for state in State::ALL {
        reached_in(&mut out, cells, state);
    }
    never(&mut out, cells);
    out
}

/// A line a field: how many scenarios send each class.
fn reached_in(out: &mut String, cells: &[Cell], state: State) {
    let _ = write!(out, "\n{:26}", state.word());
    for class in Class::ALL {
        let _ = write!(out, " {:>12}", class.word());
    }
    out.push('\n');
    for (packet, field) in fields(cells) {
        let _ = write!(out, "  {:24}", format!("{packet} {field}"));
        for class in Class::ALL {
            let cell = cells.iter().find(|cell| {
                (cell.state, cell.packet, cell.field, cell.class) == (state, packet, field, class)
            });
            let count = match cell {
                None => String::new(),
                Some(cell) if cell.scenarios == 0 => ".".to_owned(),
                Some(cell) => cell.scenarios.to_string(),
            };
            let _ = write!(out, " {count:>12}");
        }
        let end = out.trim_end().len();
        out.truncate(end);
        out.push('\n');
    }
}

/// The cells that no scenario reaches, by name.
fn never(out: &mut String, cells: &[Cell]) {
    out.push_str("\nnever reached\n");
    for state in State::ALL {
        for (packet, field) in fields(cells) {
            let missing: Vec<&str> = cells
                .iter()
                .filter(|cell| {
                    (cell.state, cell.packet, cell.field) == (state, packet, field)
                        && cell.scenarios == 0
                })
                .map(|cell| cell.class.word())
                .collect();
            if !missing.is_empty() {
                let _ = writeln!(
                    out,
                    "  {}, {packet} {field}: {}",
                    state.word(),
                    missing.join(", ")
                );
            }
        }
    }
}

/// Packets and fields, in their order, each once.
fn fields(cells: &[Cell]) -> Vec<(&'static str, &'static str)> {
    let mut fields = Vec::new();
    for cell in cells {
        if !fields.contains(&(cell.packet, cell.field)) {
            fields.push((cell.packet, cell.field));
        }
    }
    fields
}
