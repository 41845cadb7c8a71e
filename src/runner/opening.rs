//! A target made ready for something else than the suite: started where that is wanted, looked at by
//! the preflight, and left as it is.

use std::time::Duration;

use super::options::Options;
use super::preflight::{Stop, preflight};
use super::settings;
use crate::outcome::Preflight;
use crate::play::{Lateness, LatenessGuard, Minder, NotReady, Reach, Settings};

/// A target that has got through the preflight.
pub struct Opening {
    /// What to play with.
    pub settings: Settings,
    /// The interval that its HELLO gave.
    pub interval: Duration,
    /// For each declared request (or the text's example): whether it was answered.
    pub answered: Vec<bool>,
    /// What was found.
    pub preflight: Preflight,
    /// The target, where it was started.
    pub minder: Option<Minder>,
    /// Measures how late we are for as long as it lives.
    pub lateness: LatenessGuard,
}

/// Why nothing can be done with a target.
#[derive(Debug)]
pub enum NotOpened {
    /// It is not there, or is no server of the protocol; with the last lines it wrote.
    CouldNotRun(String, Vec<String>),
    /// It said HELLO, and then broke a rule that everything else leans on.
    Failed(String),
}

/// Makes a server ready.
///
/// # Errors
/// It is not there, or it does not get through the preflight.
pub async fn open(options: &Options, reach: Reach) -> Result<Opening, NotOpened> {
    let (measured, lateness) = Lateness::measure();
    let mut settings = settings(options, Some(reach), measured);
    let mut minder = match &options.launch {
        Some(launch) => match Minder::start(launch, &settings).await {
            Ok(minder) => Some(minder),
            Err(NotReady { why, lines }) => {
                let why = settings.redactor.redact(&why);
                return Err(NotOpened::CouldNotRun(why, lines));
            }
        },
        None => None,
    };
    let found = preflight(&settings, options).await;
    let stopped = match found.stop {
        Some(Stop::CouldNotRun(why)) => {
            let minder = minder.as_ref();
            let lines = minder.map(|minder| minder.last_lines(&settings.redactor));
            Some(NotOpened::CouldNotRun(why, lines.unwrap_or_default()))
        }
        Some(Stop::Failed(broken)) => Some(NotOpened::Failed(format!(
            "{}: expected {}, got {}",
            broken.rule, broken.expected, broken.actual
        ))),
        Some(Stop::Interrupted) | None => None,
    };
    if let Some(stopped) = stopped {
        if let Some(minder) = minder.take() {
            minder.end().await;
        }
        return Err(stopped);
    }
    let interval = found.interval.unwrap_or(options.hb_interval);
    settings.interval = interval;
    Ok(Opening {
        settings,
        interval,
        answered: found.answered,
        preflight: found.preflight,
        minder,
        lateness,
    })
}
