//! The preflight against a client: one connection through upgrade, HELLO_ACK and heartbeat, and
//! whether the client obeys a driver.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::time::Instant;

use super::options::{FOR_EVER, Options, Readiness};
use super::preflight::{Found, Stop};
use crate::oracle;
use crate::outcome::{Preflight, PreflightStep};
use crate::play::{Broken, Ended, Got, Guest, Guests, Item, Player, Settings, said};
use crate::process::with_last_word;
use crate::protocol::json::Json;
use crate::protocol::opcode::Op;
use crate::scenario::syntax::{Origin, Source};
use crate::scenario::values::Env;
use crate::scenario::{self, Scenario};

/// The limit of the whole, unless somebody debugs the target, beside what the client may take until it
/// connects.
const LIMIT: Duration = Duration::from_secs(600);
/// A client that obeys says so at its start: so long after its connection it is listened for.
const GREETING: Duration = Duration::from_secs(1);
/// So long HELLO is kept from it, because it has to wait for that.
const SILENCE: Duration = Duration::from_millis(250);

/// What is done, as a scenario: shown where its failure is quoted.
const TEXT: &str = "\
title  The client gets through upgrade, HELLO_ACK and heartbeat
rule   client.hello-ack

< connects
< nothing for 250ms
use handshake
< {\"op\": 2}
";
/// Lines of [`TEXT`] that can fail.
const SILENT_LINE: u32 = 5;
const HELLO_LINE: u32 = 6;
const BEAT_LINE: u32 = 7;

static SCENARIO: LazyLock<Arc<Scenario>> = LazyLock::new(|| {
    let source = Source {
        path: "preflight".to_owned(),
        origin: Origin::Embedded,
        text: TEXT.to_owned(),
    };
    // The text is a constant; a test parses it.
    Arc::new(scenario::parse("preflight", Arc::new(source)).expect("the preflight's text parses"))
});

/// Receives the first client.
pub(crate) async fn introduction(
    settings: &Settings,
    options: &Options,
    guests: &dyn Guests,
) -> Found {
    let began = Instant::now();
    let mut found = Found {
        interval: Some(settings.interval),
        ..Found::none()
    };
    let Guest {
        mut host,
        mut client,
    } = match guests.invite("preflight").await {
        Ok(guest) => guest,
        Err(why) => {
            let why = settings.redactor.redact(&why);
            found.stop = Some(Stop::CouldNotRun(why));
            return found;
        }
    };
    let env = Env::new(&settings.password);
    let limit = match options.debug {
        true => FOR_EVER,
        false => LIMIT + host.ready_within,
    };
    let player = Player::hosting(settings, &mut host, "preflight", &SCENARIO, env, limit);
    let mut check = Check {
        player,
        steps: Vec::new(),
        left: None,
        began,
    };
    let stop = check.receive(options).await.err();
    let _ = check.player.settle().await;
    let (steps, left) = (check.steps, check.left);
    let played = check.player.finish(Ended::Passed);
    found.driven = host.greeted;
    drop(host);
    let mut wrote = Vec::new();
    found.stop = match stop {
        Some(Stop::CouldNotRun(why)) => {
            wrote = said(&mut *client, &settings.redactor).await;
            Some(Stop::CouldNotRun(with_last_word(why, &wrote)))
        }
        other => other,
    };
    client.end().await;
    found.preflight = Preflight {
        ok: found.stop.is_none(),
        steps,
        target_output: wrote,
    };
    found.left = left;
    found.transcript = played.transcript;
    found.took = began.elapsed();
    found
}

struct Check<'a> {
    player: Player<'a>,
    steps: Vec<PreflightStep>,
    left: Option<Broken>,
    began: Instant,
}

impl Check<'_> {
    fn step(&mut self, step: &str, ok: bool, detail: &str) {
        let at_ms = (self.began.elapsed().as_secs_f64() * 1e6).round() / 1e3;
        self.steps.push(PreflightStep {
            step: step.to_owned(),
            ok,
            detail: self.player.settings.redactor.redact(detail),
            at_ms,
        });
    }

    fn could_not(&mut self, step: &str, why: String) -> Stop {
        self.step(step, false, &why);
        Stop::CouldNotRun(self.player.settings.redactor.redact(&why))
    }

    async fn receive(&mut self, options: &Options) -> Result<(), Stop> {
        let link = match self.player.visited("a").await {
            Ok(link) => link,
            Err(Ended::Unreachable(broken)) => return Err(self.could_not("connect", broken.actual)),
            Err(other) => return Err(self.could_not("connect", other.in_words())),
        };
        let connected = Instant::now();
        self.step("connect", true, "the client has connected");
        self.silence(link).await?;
        self.greet().await?;
        self.heartbeat(link).await?;
        self.driver(options, connected).await
    }

    /// What comes before HELLO is the plainest of all breaches, and everything else leans on that.
    async fn silence(&mut self, link: usize) -> Result<(), Stop> {
        self.player.at_line(SILENT_LINE);
        let until = Instant::now() + SILENCE;
        match self.player.next_item(link, until).await {
            Ok(None) => Ok(()),
            Ok(Some(item)) if item.got.ends() => Err(self.could_not(
                "hello-ack",
                format!("before any HELLO: {}", item.got.describe()),
            )),
            Ok(Some(item)) => {
                let actual = item.got.describe();
                self.step("hello-ack", false, &actual);
                let mut broken = self.player.broken(None, &actual);
                broken.rule = "client.waits-for-hello".to_owned();
                Err(Stop::Failed(broken))
            }
            Err(ended) => Err(self.could_not("hello-ack", ended.in_words())),
        }
    }

    async fn greet(&mut self) -> Result<(), Stop> {
        self.player.at_line(HELLO_LINE);
        match self.player.greet("a", None).await {
            Ok(()) => {
                self.step("hello-ack", true, "it answers HELLO with the password");
                Ok(())
            }
            Err(Ended::Prerequisite(broken) | Ended::Failed(broken)) => {
                self.step("hello-ack", false, &broken.actual);
                Err(Stop::Failed(*broken))
            }
            Err(other) => Err(self.could_not("hello-ack", other.in_words())),
        }
    }

    /// The first HEARTBEAT. That none comes is for the heartbeat scenarios to say.
    async fn heartbeat(&mut self, link: usize) -> Result<(), Stop> {
        self.player.at_line(BEAT_LINE);
        let interval = self.player.settings.interval;
        let until = Instant::now() + oracle::longest_gap(interval);
        let beat =
            |packet: &Json| packet.get("op").and_then(Json::as_u64) == Some(Op::Heartbeat as u64);
        let actual = match self.player.seek(link, until, beat).await {
            Ok(Some(Item {
                got: Got::Packet { .. },
                ..
            })) => {
                self.step("heartbeat", true, "it sends HEARTBEAT");
                return Ok(());
            }
            Ok(Some(item)) => item.got.describe(),
            Ok(None) => format!(
                "no HEARTBEAT within {} ms",
                oracle::longest_gap(interval).as_millis()
            ),
            Err(ended) => return Err(self.could_not("heartbeat", ended.in_words())),
        };
        self.step("heartbeat", false, &actual);
        let mut broken = self.player.broken(None, &actual);
        broken.rule = "client.heartbeat-interval".to_owned();
        self.left = Some(broken);
        Ok(())
    }

    /// Whether the client says that it obeys.
    async fn driver(&mut self, options: &Options, connected: Instant) -> Result<(), Stop> {
        let Readiness { required, within } = options.driver;
        if !self.player.has_driver() {
            return Ok(());
        }
        let patience = if required { within } else { GREETING };
        let until = connected + patience;
        match self.player.greeted(until).await {
            Ok(true) => {
                self.step("driver", true, "it obeys a driver");
                Ok(())
            }
            Ok(false) if required => {
                let within = patience.as_millis();
                let why = format!(
                    "the client printed no line {{\"driver\":1}} within {within} ms, which --driver required asks for"
                );
                Err(self.could_not("driver", why))
            }
            Ok(false) => {
                self.step(
                    "driver",
                    false,
                    "it says nothing of a driver: what needs one is skipped",
                );
                Ok(())
            }
            Err(ended) => Err(self.could_not("driver", ended.in_words())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_text_parses_and_its_line_numbers_are_right() {
        let scenario = &*SCENARIO;
        assert!(scenario.source.line(SILENT_LINE).contains("nothing"));
        assert!(scenario.source.line(HELLO_LINE).contains("handshake"));
        assert!(scenario.source.line(BEAT_LINE).contains("\"op\": 2"));
    }
}
