//! Lengths of time.

use std::fmt;
use std::time::Duration;

use super::syntax::{Time, Unit};

impl Time {
    /// The length on a connection with this heartbeat interval; what is too long for a `Duration`
    /// is the longest one.
    pub fn resolve(&self, hb: Duration, grace: Duration) -> Duration {
        self.terms
            .iter()
            .fold(Duration::ZERO, |sum, (value, unit)| {
                let unit = match unit {
                    Unit::Hb => hb,
                    Unit::Grace => grace,
                    Unit::Ms => Duration::from_millis(1),
                    Unit::S => Duration::from_secs(1),
                };
                sum.saturating_add(times(unit, *value))
            })
    }

    /// Whether it depends on the heartbeat interval.
    pub fn in_hb(&self) -> bool {
        self.terms.iter().any(|(_, unit)| *unit == Unit::Hb)
    }
}

fn times(unit: Duration, value: f64) -> Duration {
    // Whole counts are exact; the detour over floating-point seconds would lose nanoseconds.
    if value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value) {
        return unit.saturating_mul(value as u32);
    }
    Duration::try_from_secs_f64(unit.as_secs_f64() * value).unwrap_or(Duration::MAX)
}

/// As the language writes it: `4hb+grace`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (value, unit)) in self.terms.iter().enumerate() {
            if index > 0 {
                f.write_str("+")?;
            }
            match unit {
                Unit::Hb => write!(f, "{value}hb")?,
                Unit::Ms => write!(f, "{value}ms")?,
                Unit::S => write!(f, "{value}s")?,
                Unit::Grace => f.write_str("grace")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::syntax::StepKind;
    use super::super::tests::steps;
    use super::*;

    fn time(text: &str) -> Time {
        match steps(&format!("wait {text}")).steps.remove(0).kind {
            StepKind::Wait { time } => time,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn times_are_sums_in_this_connections_terms() {
        let resolve =
            |text: &str| time(text).resolve(Duration::from_millis(400), Duration::from_secs(3));
        assert_eq!(resolve("4hb+grace"), Duration::from_millis(4600));
        assert_eq!(resolve("0.5hb+100ms+1.5s"), Duration::from_millis(1800));
        assert_eq!(resolve("0ms"), Duration::ZERO);
    }

    #[test]
    fn a_time_without_end_is_the_longest_there_is() {
        let forever = Duration::MAX;
        assert_eq!(time("2hb+1s").resolve(forever, forever), forever);
        assert_eq!(
            time("0.5hb+1000000000hb").resolve(forever, forever),
            forever
        );
    }

    #[test]
    fn times_are_shown_as_they_are_written() {
        for text in ["0.5hb+100ms", "grace", "1.25s", "1000000000hb"] {
            assert_eq!(time(text).to_string(), text);
        }
        assert_eq!(
            (time("1s+2hb").in_hb(), time("1s+grace").in_hb()),
            (true, false)
        );
    }
}
