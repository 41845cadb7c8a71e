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
