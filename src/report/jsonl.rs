//! JSON Lines: the events of a run as they come, one object a line; and reading them back, from
//! which every other report can be written again.

use std::io::BufRead;

use crate::event::RunEvent;

use super::escape;
use super::record::Record;

/// One event as one line, newline included, fit for a terminal.
pub fn line(event: &RunEvent) -> Result<String, serde_json::Error> {
    let mut text = escape::json(serde_json::to_string(event)?);
    text.push('\n');
    Ok(text)
}

/// Why a file of events could not be read back.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// Reading failed.
    #[error("read the events: {0}")]
    Read(#[from] std::io::Error),
    /// A line is no event.
    #[error("line {line} is no event: {source}")]
    NotAnEvent {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The first event must be `run_started`.
    #[error("the first line is not the event run_started")]
    NoStart,
}

/// Reads events back into the record they make. A file that breaks off (the run was killed) gives
/// the record of an interrupted run; a last line without its newline that is no event is passed over.
pub fn rebuild(mut lines: impl BufRead) -> Result<Record, RebuildError> {
    let mut record: Option<Record> = None;
    let mut text = String::new();
    let mut number = 0;
    loop {
        text.clear();
        if lines.read_line(&mut text)? == 0 {
            break;
        }
        number += 1;
        if text.trim().is_empty() {
            continue;
        }
        let event: RunEvent = match serde_json::from_str(&text) {
            Ok(event) => event,
            Err(_) if !text.ends_with('\n') && record.is_some() => break,
            Err(source) => {
                return Err(RebuildError::NotAnEvent {
                    line: number,
                    source,
                });
            }
        };
        match (&mut record, event) {
            (Some(record), event) => record.take(&event),
            (None, RunEvent::RunStarted { header }) => record = Some(Record::new(header)),
            (None, _) => return Err(RebuildError::NoStart),
        }
    }
    record.ok_or(RebuildError::NoStart)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{human, json, sample};

    fn lines(events: &[RunEvent]) -> String {
        events.iter().map(|event| line(event).unwrap()).collect()
    }

    #[test]
    fn every_event_comes_back_as_it_went() {
        let events = [sample::failing_events(), sample::list_events()].concat();
        for event in events {
            let text = line(&event).unwrap();
            assert_eq!(text.matches('\n').count(), 1);
            let mut back: RunEvent = serde_json::from_str(&text).unwrap();
            // What only serves to write `repeat` is not part of the stream.
            if let (RunEvent::RunStarted { header: back }, RunEvent::RunStarted { header }) =
                (&mut back, &event)
            {
                back.repeat_args = header.repeat_args.clone();
            }
            assert_eq!(back, event);
        }
    }

    #[test]
    fn other_formats_can_be_rebuilt_from_the_stream() {
        let failing = (sample::failing_events(), sample::failing());
        let lists = (sample::list_events(), sample::with_lists());
        for (events, direct) in [failing, lists] {
            let rebuilt = rebuild(lines(&events).as_bytes()).unwrap();
            assert_eq!(
                json::render(&rebuilt).unwrap(),
                json::render(&direct).unwrap()
            );
            let screen = human::Screen::default();
            assert_eq!(
                human::render(&rebuilt, &screen),
                human::render(&direct, &screen)
            );
        }
    }

    #[test]
    fn a_stream_from_before_lists_and_repeats_can_still_be_read() {
        let mut events: Vec<serde_json::Value> = sample::failing_events()
            .iter()
            .map(|event| serde_json::to_value(event).unwrap())
            .collect();
        let last = events.last_mut().and_then(|last| last.as_object_mut());
        let last = last.unwrap();
        last.remove("known").unwrap();
        let summary = last["summary"].as_object_mut().unwrap();
        summary.remove("stale").unwrap();
        summary.remove("untested_allowed").unwrap();
        let text: String = events.iter().map(|event| format!("{event}\n")).collect();
        assert_eq!(rebuild(text.as_bytes()).unwrap(), {
            let mut record = sample::failing();
            record.header.repeat_args.clear();
            record
        });
    }

    #[test]
    fn a_stream_that_breaks_off_in_mid_line_is_an_interrupted_run() {
        let text = lines(&sample::failing_events());
        let cut = &text[..text.len() - 20];
        let record = rebuild(cut.as_bytes()).unwrap();
        assert_eq!(record.ending, crate::event::Ending::Interrupted);
        assert_eq!(record.summary.fail, 2);
    }

    #[test]
    fn what_is_no_event_stream_is_refused_with_its_line() {
        let text = format!("{}nonsense\n", line(&sample::failing_events()[0]).unwrap());
        assert_eq!(
            rebuild(text.as_bytes())
                .unwrap_err()
                .to_string()
                .split(':')
                .next(),
            Some("line 2 is no event")
        );
        assert!(matches!(rebuild(&b""[..]), Err(RebuildError::NoStart)));
        let headless = lines(&sample::failing_events()[1..]);
        assert!(matches!(
            rebuild(headless.as_bytes()),
            Err(RebuildError::NoStart)
        ));
    }
}
