//! The matrix for people: what happened first, what is wrong next, then everything.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::matrix::{Alarm, Defect, Matrix, Row, Variant};
use crate::outcome::Verdict;
use crate::protocol::rules::{Level, RoleOf};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// How the matrix is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Telling {
    /// With colours.
    pub color: bool,
    /// All that caught a defect, and not only the first few.
    pub full: bool,
}

/// How many scenarios are named behind a defect.
const NAMED: usize = 4;

/// The matrix as text. `first` is what happened, in one line; see [`headline`].
pub fn text(matrix: &Matrix, telling: Telling) -> String {
    let mut out = Paper {
        text: String::new(),
        telling,
    };
    let summary = &matrix.summary;
    let style = if summary.clean() { GOOD } else { BAD };
    out.line(&out.paint(style, &headline(matrix)));
    out.wrong(matrix);
    for (role, peers) in [(RoleOf::Server, "servers"), (RoleOf::Client, "clients")] {
        let of_role = |defect: &&Defect| defect.role == role;
        let defects: Vec<&Defect> = matrix.defects.iter().filter(of_role).collect();
        let of_role = |variant: &&Variant| variant.role == role;
        let variants: Vec<&Variant> = matrix.variants.iter().filter(of_role).collect();
        out.defects(&defects, peers);
        out.variants(&variants, peers);
    }
    out.heading("Scenarios");
    let id = width(matrix.scenarios.iter().map(|row| row.id.as_str()));
    // Of a part of the zoo only those that catch some of it.
    let idle = |row: &Row| matrix.summary.idle.contains(&row.id);
    let mut judging = matrix.scenarios.iter().filter(|row| !row.probe);
    let part = judging.any(|row| row.catches == 0 && !idle(row));
    let told = |row: &&Row| !part || row.catches > 0;
    for row in matrix.scenarios.iter().filter(told) {
        out.scenario(row, id);
    }
    out.text
}

/// What happened, in one line.
pub fn headline(matrix: &Matrix) -> String {
    let s = &matrix.summary;
    let mut line = match s.clean() {
        true => "clean".to_owned(),
        false => "not clean".to_owned(),
    };
    let _ = write!(
        line,
        ": {} of {} defects caught by a scenario about their rule, {} alarms over {} right peers",
        s.caught, s.defects, s.alarms, s.variants
    );
    for (count, what) in [
        (s.survivors.len(), "survivors"),
        (s.by_accident.len(), "caught by accident"),
        (s.idle.len(), "idle scenarios"),
    ] {
        if count > 0 {
            let _ = write!(line, ", {count} {what}");
        }
    }
    line
}

struct Paper {
    text: String,
    telling: Telling,
}

impl Paper {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn heading(&mut self, heading: &str) {
        let heading = self.paint(BOLD, heading);
        self.line(&format!("\n{heading}"));
    }

    fn paint(&self, style: Style, text: &str) -> String {
        match self.telling.color {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }

    /// What is wrong, each with what may help.
    fn wrong(&mut self, matrix: &Matrix) {
        let summary = &matrix.summary;
        let sentence = |name: &str| {
            let defect = matrix.defects.iter().find(|defect| defect.name == name);
            defect.map_or(String::new(), |d| format!("{} ({})", d.sentence, d.rule))
        };
        for (names, heading) in [
            (&summary.survivors, "Survivors: no scenario catches them"),
            (
                &summary.by_accident,
                "Caught by accident: no scenario about their rule catches them",
            ),
        ] {
            if names.is_empty() {
                continue;
            }
            self.heading(heading);
            for name in names {
                self.line(&format!("{name}: {}", sentence(name)));
                let defect = matrix.defects.iter().find(|defect| &defect.name == name);
                if let Some(why) = defect.and_then(|defect| defect.ended.as_deref()) {
                    self.line(&format!("  {why}"));
                }
            }
        }
        let blamed = matrix
            .variants
            .iter()
            .map(|variant| (&variant.name, &variant.alarms))
            .chain(matrix.defects.iter().map(|d| (&d.name, &d.alarms)))
            .filter(|(_, alarms)| !alarms.is_empty());
        let blamed: Vec<(&String, &Vec<Alarm>)> = blamed.collect();
        if !blamed.is_empty() {
            self.heading("Alarms: verdicts that their target does not deserve");
        }
        for (name, alarms) in blamed {
            for alarm in alarms {
                let word = word(alarm.verdict);
                self.line(&format!("{name}: {word} {}: {}", alarm.scenario, alarm.why));
            }
        }
        if !summary.idle.is_empty() {
            self.heading("Idle: scenarios that catch nothing of what they are about");
            for id in &summary.idle {
                self.line(id);
            }
        }
    }

    fn defects(&mut self, defects: &[&Defect], peers: &str) {
        if !defects.is_empty() {
            self.heading(&format!("Defects of {peers}"));
        }
        let name = width(defects.iter().map(|d| d.name.as_str()));
        let rule = width(defects.iter().map(|d| d.rule.as_str()));
        for defect in defects {
            self.defect(defect, name, rule);
        }
    }

    fn variants(&mut self, variants: &[&Variant], peers: &str) {
        if !variants.is_empty() {
            self.heading(&format!("Right {peers}"));
        }
        let name = width(variants.iter().map(|v| v.name.as_str()));
        for variant in variants {
            let said = match variant.alarms.len() {
                0 => format!("{} passes", variant.passes),
                n => self.paint(BAD, &format!("{n} alarms")),
            };
            self.line(&format!("{:name$}  {said}", variant.name));
        }
    }

    fn defect(&mut self, defect: &Defect, name: usize, rule: usize) {
        let mut by: Vec<&super::matrix::Catch> = defect.caught_by.iter().collect();
        // What is about its rule first.
        by.sort_by_key(|catch| !catch.intended);
        let intended = by.iter().filter(|catch| catch.intended).count();
        let most = if self.telling.full { by.len() } else { NAMED };
        let mut said: Vec<String> = by
            .iter()
            .take(most)
            .map(|catch| {
                let id = catch
                    .scenario
                    .trim_start_matches("server/")
                    .trim_start_matches("client/");
                let runs = match catch.runs {
                    1 => String::new(),
                    n => format!(" x{n}"),
                };
                match catch.intended {
                    true => format!("{id}{runs}"),
                    false => format!("({id}{runs})"),
                }
            })
            .collect();
        if by.len() > most {
            said.push(format!("and {} more", by.len() - most));
        }
        let counts = format!("{intended}/{}", by.len());
        let counts = match defect.intended {
            true => format!("{counts:>7}"),
            false => self.paint(BAD, &format!("{counts:>7}")),
        };
        let level = match defect.level {
            Level::Should => " (should)",
            _ => "",
        };
        let rule_text = format!("{}{level}", defect.rule);
        let list = self.paint(DIM, &said.join(", "));
        self.line(&format!(
            "{:name$}  {rule_text:rule$}  {counts}  {list}",
            defect.name
        ));
    }

    fn scenario(&mut self, row: &Row, id: usize) {
        let count = match (row.probe, row.catches) {
            (true, _) => "  probe".to_owned(),
            (false, n) => {
                let counts = format!("{:>7}", format!("{}/{n}", row.intended));
                match row.intended {
                    0 => self.paint(BAD, &counts),
                    _ => counts,
                }
            }
        };
        let alone = match &row.alone[..] {
            [] => String::new(),
            names => self.paint(DIM, &format!("alone: {}", names.join(", "))),
        };
        self.line(&format!("{:id$}  {count}  {alone}", row.id));
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Info => "info",
        Verdict::Skip => "skip",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Warn => "WARN",
        Verdict::Error => "ERROR",
        Verdict::Fail => "FAIL",
    }
}

fn width<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or(0)
}
