//! Where the events of a run go: standard output, report files, the progress bar.

use super::Globals;
use super::exit::{Exit, Stop};
use super::files;
use super::logs;
use super::options::{Format, OutputArgs, ReportTo};
use super::progress::Progress;
use super::screen::{Stdout, say};
use crate::event::{RunEvent, RunHeader};
use crate::report::human::Screen;
use crate::report::{Record, human, json, jsonl, junit};

/// All outputs of one run.
#[derive(Debug)]
pub(crate) struct Output {
    record: Record,
    format: Format,
    stdout: Stdout,
    screen: Screen,
    files: Vec<ReportTo>,
    /// The event stream, kept where a file wants it.
    lines: Option<String>,
    progress: Progress,
    trouble: Option<Stop>,
}

impl Output {
    /// Refuses report files that could not be written.
    pub(crate) fn check(args: &OutputArgs) -> Result<(), Stop> {
        for (number, to) in args.report.iter().enumerate() {
            let shown = to.path.display();
            if args.report[..number]
                .iter()
                .any(|other| other.path == to.path)
            {
                return Err(Stop::usage(format!(
                    "two reports would be written to {shown}"
                )));
            }
            files::check_writable(&to.path).map_err(|error| {
                Stop::usage(format!("cannot write a report to {shown}: {error}"))
            })?;
        }
        Ok(())
    }

    /// `stepping`: the user is asked before each send, where a progress bar would be in the way.
    pub(crate) fn new(
        globals: &Globals,
        args: &OutputArgs,
        header: &RunHeader,
        stepping: bool,
    ) -> Output {
        let stdout = Stdout::new(globals.color);
        let screen = Screen {
            color: stdout.color(),
            verbose: globals.verbose > 0,
            quiet: globals.quiet,
            ..Screen::default()
        };
        let clear = !(args.format == Format::Jsonl && Stdout::is_terminal());
        let human = args.format == Format::Human && !globals.quiet;
        Output {
            record: Record::new(header.clone()),
            format: args.format,
            stdout,
            screen,
            files: args.report.clone(),
            lines: args
                .report
                .iter()
                .any(|to| to.format == Format::Jsonl)
                .then(String::new),
            progress: Progress::new(
                clear && !globals.quiet && !stepping && !logs::busy(globals),
                human,
            ),
            trouble: None,
        }
    }

    /// All that was told so far.
    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    /// Takes the next event.
    pub(crate) fn take(&mut self, event: &RunEvent) {
        self.record.take(event);
        if self.format == Format::Jsonl || self.lines.is_some() {
            match jsonl::line(event) {
                Ok(line) => self.stream(&line),
                Err(error) => self.note(Stop::new(
                    Exit::Usage,
                    format!("cannot write an event as JSON: {error}"),
                )),
            }
        }
        self.progress.take(event);
    }

    fn stream(&mut self, line: &str) {
        if let Some(lines) = &mut self.lines {
            lines.push_str(line);
        }
        if self.format == Format::Jsonl
            && let Err(stop) = self.stdout.write(line)
        {
            self.note(stop);
        }
    }

    /// Writes what is written at the end. Every file is tried; the first trouble is returned.
    pub(crate) fn finish(mut self) -> Result<(), Stop> {
        self.progress.clear();
        for to in std::mem::take(&mut self.files) {
            let written = self.render(to.format).and_then(|text| {
                files::write(&to.path, text.as_bytes()).map_err(|error| {
                    Stop::new(
                        Exit::Usage,
                        format!("cannot write the report {}: {error}", to.path.display()),
                    )
                })
            });
            if let Err(stop) = written {
                self.note(stop);
            }
        }
        let shown = match self.format {
            Format::Human => Ok(human::render(&self.record, &self.screen)),
            Format::Json | Format::Junit => self.render(self.format),
            Format::Jsonl => Ok(String::new()),
        };
        if self.format != Format::Human && !self.screen.quiet {
            let screen = Screen {
                color: false,
                ..self.screen
            };
            say(&human::headline(&self.record, &screen));
        }
        if let Err(stop) = shown.and_then(|text| self.stdout.write(&text)) {
            self.note(stop);
        }
        self.trouble.map_or(Ok(()), Err)
    }

    fn render(&self, format: Format) -> Result<String, Stop> {
        match format {
            Format::Human => Ok(human::render(
                &self.record,
                &Screen {
                    color: false,
                    quiet: false,
                    ..self.screen
                },
            )),
            Format::Json => json::render(&self.record).map_err(|error| {
                Stop::new(
                    Exit::Usage,
                    format!("cannot write the report as JSON: {error}"),
                )
            }),
            Format::Junit => junit::render(&self.record).map_err(|error| {
                Stop::new(
                    Exit::Usage,
                    format!("cannot write the report as JUnit XML: {error}"),
                )
            }),
            Format::Jsonl => Ok(self.lines.clone().unwrap_or_default()),
        }
    }

    fn note(&mut self, stop: Stop) {
        if self.trouble.is_none() {
            self.trouble = Some(stop);
        } else {
            say(&format!("error: {stop}"));
        }
    }
}
