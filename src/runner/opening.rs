//! A target made ready for something else than the suite: started where that is wanted, looked at by
//! the preflight, and left as it is.

use std::time::Duration;

use super::introduction::introduction;
use super::options::Options;
use super::preflight::{Found, Stop, preflight};
use super::settings;
use crate::outcome::Preflight;
use crate::play::{Guests, Lateness, LatenessGuard, Minder, NotReady, Reach, Settings};

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
    let mut found = preflight(&settings, options).await;
    let lines = || {
        let minder = minder.as_ref();
        let lines = minder.map(|minder| minder.last_lines(&settings.redactor));
        lines.unwrap_or_default()
    };
    if let Some(stopped) = stopped(&mut found, lines) {
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

/// Clients that have got through the preflight.
pub struct ClientOpening {
    /// What to play with.
    pub settings: Settings,
    /// They obey a driver.
    pub driven: bool,
    /// What was found.
    pub preflight: Preflight,
    /// Measures how late we are for as long as it lives.
    pub lateness: LatenessGuard,
}

/// Looks at the first of these clients.
///
/// # Errors
/// It does not come, or it does not get through the preflight.
pub async fn open_client(
    options: &Options,
    guests: &dyn Guests,
) -> Result<ClientOpening, NotOpened> {
    let (measured, lateness) = Lateness::measure();
    let settings = settings(options, None, measured);
    let mut found = introduction(&settings, options, guests).await;
    if let Some(stopped) = stopped(&mut found, Vec::new) {
        return Err(stopped);
    }
    Ok(ClientOpening {
        settings,
        driven: found.driven,
        preflight: found.preflight,
        lateness,
    })
}

/// Why the preflight stopped, if it did; with the lines that the target wrote.
fn stopped(found: &mut Found, lines: impl FnOnce() -> Vec<String>) -> Option<NotOpened> {
    Some(match found.stop.take()? {
        Stop::CouldNotRun(why) => NotOpened::CouldNotRun(why, lines()),
        Stop::Failed(broken) => NotOpened::Failed(format!(
            "{}: expected {}, got {}",
            broken.rule, broken.expected, broken.actual
        )),
        Stop::Interrupted => return None,
    })
}
