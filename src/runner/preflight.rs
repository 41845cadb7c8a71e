//! The preflight: one connection through upgrade, HELLO, HELLO_ACK, heartbeat and one request,
//! so that a run that cannot succeed ends with one clear cause instead of a hundred failures.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::time::Instant;

use super::options::{Declared, FOR_EVER, Feature, Options};
use super::plan::EXAMPLE;
use crate::oracle;
use crate::outcome::{Entry, Preflight, PreflightStep};
use crate::play::{Broken, Ended, Got, Item, Player, Settings};
use crate::protocol::close;
use crate::protocol::json::Json;
use crate::scenario::syntax::{Origin, Source};
use crate::scenario::values::Env;
use crate::scenario::{self, Scenario};

/// The limit of the whole preflight, unless somebody debugs the target; each of its waits is bounded
/// by `--answer-within`.
const LIMIT: Duration = Duration::from_secs(600);

/// What the preflight does, as a scenario: shown where its failure is quoted.
const TEXT: &str = "\
title  The target gets through upgrade, HELLO, HELLO_ACK and heartbeat
rule   auth.accept

< {\"op\": 0, \"hb_interval\": int 1..}
> {\"op\": 1, \"password\": \"${password}\"}
> {\"op\": 2}
< {\"op\": 3}
> {\"op\": 4, \"w\": $request.w, \"a\": $request.a, \"n\": \"preflight-1\"}
< {\"op\": 5, \"n\": \"preflight-1\"}
";
/// Lines of [`TEXT`] that can fail.
const HELLO_LINE: u32 = 4;
const ACK_LINE: u32 = 7;
const RESPONSE_LINE: u32 = 9;

static SCENARIO: LazyLock<Arc<Scenario>> = LazyLock::new(|| {
    let source = Source {
        path: "preflight".to_owned(),
        origin: Origin::Embedded,
        text: TEXT.to_owned(),
    };
    // The text is a constant; a test parses it.
    Arc::new(scenario::parse("preflight", Arc::new(source)).expect("the preflight's text parses"))
});

/// Why the run stops here.
pub(crate) enum Stop {
    /// The target is not there, or is no Common Protocol server: one line that says which.
    CouldNotRun(String),
    /// It said HELLO, and then broke a rule that everything else leans on.
    Failed(Broken),
    /// The user stopped it.
    Interrupted,
}

/// What the preflight found.
pub(crate) struct Found {
    pub(crate) preflight: Preflight,
    /// The interval that HELLO gave.
    pub(crate) interval: Option<Duration>,
    /// For each declared request (or the example): whether it was answered.
    pub(crate) answered: Vec<bool>,
    pub(crate) stop: Option<Stop>,
    /// What did not go well although the run goes on: scenarios of its own say so.
    pub(crate) left: Option<Broken>,
    /// A client obeys a driver.
    pub(crate) driven: bool,
    pub(crate) transcript: Vec<Entry>,
    pub(crate) took: Duration,
}

impl Found {
    /// Nothing has been looked at.
    pub(crate) fn none() -> Found {
        Found {
            preflight: Preflight::default(),
            interval: None,
            answered: Vec::new(),
            stop: None,
            left: None,
            driven: false,
            transcript: Vec::new(),
            took: Duration::ZERO,
        }
    }
}

/// Runs the preflight.
pub(crate) async fn preflight(settings: &Settings, options: &Options) -> Found {
    let env = Env::new(&settings.password);
    let limit = if options.debug { FOR_EVER } else { LIMIT };
    let player = Player::new(settings, "preflight", &SCENARIO, env, limit);
    let mut check = Check {
        player,
        steps: Vec::new(),
        interval: None,
        answered: Vec::new(),
        left: None,
        began: Instant::now(),
    };
    let stop = match check.connect_to_heartbeat().await {
        Ok(()) => {
            check.requests(options).await;
            None
        }
        Err(stop) => Some(stop),
    };
    let _ = check.player.settle().await;
    let took = check.began.elapsed();
    let played = check.player.finish(Ended::Passed);
    Found {
        preflight: Preflight {
            ok: stop.is_none(),
            steps: check.steps,
            target_output: Vec::new(),
        },
        interval: check.interval,
        answered: check.answered,
        stop,
        left: check.left,
        driven: false,
        transcript: played.transcript,
        took,
    }
}

struct Check<'a> {
    player: Player<'a>,
    steps: Vec<PreflightStep>,
    interval: Option<Duration>,
    answered: Vec<bool>,
    left: Option<Broken>,
    began: Instant,
}

impl Check<'_> {
    fn step(&mut self, step: &str, ok: bool, detail: String) {
        let at_ms = (self.began.elapsed().as_secs_f64() * 1e6).round() / 1e3;
        let detail = self.player.settings.redactor.redact(&detail);
        self.steps.push(PreflightStep {
            step: step.to_owned(),
            ok,
            detail,
            at_ms,
        });
    }

    fn until(&self) -> Instant {
        Instant::now() + self.player.settings.answer_within
    }

    fn could_not(&mut self, step: &str, why: String) -> Stop {
        let why = self.player.settings.redactor.redact(&why);
        self.step(step, false, why.clone());
        Stop::CouldNotRun(why)
    }

    fn failed(
        &mut self,
        step: &str,
        rule: &str,
        line: u32,
        actual: &str,
        hint: Option<&str>,
    ) -> Stop {
        self.step(step, false, actual.to_owned());
        let mut broken = self.broken(rule, line, actual);
        broken.hint = hint.map(str::to_owned);
        Stop::Failed(broken)
    }

    fn broken(&mut self, rule: &str, line: u32, actual: &str) -> Broken {
        self.player.at_line(line);
        let mut broken = self.player.broken(None, actual);
        broken.rule = rule.to_owned();
        broken
    }

    /// Keeps the first thing that did not go well and does not end the run.
    fn leave(&mut self, rule: &str, line: u32, actual: &str) {
        let broken = self.broken(rule, line, actual);
        self.left.get_or_insert(broken);
    }

    async fn connect_to_heartbeat(&mut self) -> Result<(), Stop> {
        let link = match self.player.connect("a").await {
            Ok(link) => link,
            Err(Ended::Unreachable(broken)) => return Err(self.could_not("connect", broken.actual)),
            Err(other) => return Err(self.could_not("connect", other.in_words())),
        };
        self.step("connect", true, "the WebSocket is open".to_owned());
        self.hello(link).await?;
        self.authenticate(link).await
    }

    /// HELLO comes, with an interval that can be used.
    async fn hello(&mut self, link: usize) -> Result<(), Stop> {
        let until = self.until();
        let item = match self.player.next_item(link, until).await {
            Ok(item) => item,
            Err(ended) => return Err(self.could_not("hello", ended.in_words())),
        };
        let waited = self.player.settings.answer_within.as_millis();
        let Some(item) = item else {
            let why = format!(
                "the WebSocket opened, but no HELLO came within {waited} ms: is it a Common Protocol server?"
            );
            return Err(self.could_not("hello", why));
        };
        let Got::Packet { packet, .. } = &item.got else {
            let why = format!(
                "the WebSocket opened, but before any HELLO: {}",
                item.got.describe()
            );
            return Err(self.could_not("hello", why));
        };
        let text = item.got.describe();
        if packet.get("op").and_then(Json::as_u64) != Some(0) {
            if packet.get("op").is_none() {
                let why = format!("the first message is no packet: {}", item.got.describe());
                return Err(self.could_not("hello", why));
            }
            return Err(self.failed("hello", "hello.first", HELLO_LINE, &text, None));
        }
        let Some(interval) = oracle::interval(packet) else {
            let hint = "hb_interval is an integer above zero, in milliseconds";
            return Err(self.failed("hello", "hello.interval", HELLO_LINE, &text, Some(hint)));
        };
        self.interval = Some(interval);
        self.step(
            "hello",
            true,
            format!("hb_interval {} ms", interval.as_millis()),
        );
        Ok(())
    }

    /// HELLO_ACK and a HEARTBEAT: the first sign that the password was taken is the ACK.
    async fn authenticate(&mut self, link: usize) -> Result<(), Stop> {
        let sent = async {
            self.player
                .send_packet(link, r#"{"op": 1, "password": "${password}"}"#)
                .await?;
            self.player.send_packet(link, r#"{"op": 2}"#).await
        };
        if let Err(ended) = sent.await {
            return Err(self.could_not("auth", ended.in_words()));
        }
        let until = self.until();
        let ack = |packet: &Json| packet.get("op").and_then(Json::as_u64) == Some(3);
        match self.player.seek(link, until, ack).await {
            Ok(Some(Item {
                got: Got::Packet { .. },
                ..
            })) => {
                self.step("auth", true, "the password was taken".to_owned());
                self.step("heartbeat", true, "acknowledged".to_owned());
                Ok(())
            }
            // The password was taken; what is wrong is for the heartbeat scenarios to say.
            Ok(Some(Item {
                got:
                    Got::Close {
                        code: Some(close::HEARTBEAT_TIMEOUT),
                        ..
                    },
                ..
            })) => {
                self.no_ack("no HEARTBEAT_ACK ahead of a close with 4003".to_owned());
                Ok(())
            }
            Ok(Some(item)) => Err(self.refused(&item)),
            Ok(None) => {
                let waited = self.player.settings.answer_within.as_millis();
                self.no_ack(format!("no HEARTBEAT_ACK within {waited} ms"));
                Ok(())
            }
            Err(ended) => Err(self.could_not("auth", ended.in_words())),
        }
    }

    fn no_ack(&mut self, why: String) {
        self.leave("heartbeat.ack", ACK_LINE, &why);
        self.step("auth", true, "the connection stays open".to_owned());
        self.step("heartbeat", false, why);
    }

    fn refused(&mut self, item: &Item) -> Stop {
        let actual = item.got.describe();
        let hint = match &item.got {
            Got::Close {
                code: Some(close::AUTHENTICATION_FAILED),
                ..
            } => {
                "the target refuses the password: give the right one with --password, \
                 --password-file or LITESPEC_PASSWORD"
            }
            _ => {
                "the target ended the connection after HELLO_ACK with the right password and a HEARTBEAT"
            }
        };
        self.failed("auth", "auth.accept", ACK_LINE, &actual, Some(hint))
    }

    /// Tries every declared request, or the text's own example, each on a live connection.
    async fn requests(&mut self, options: &Options) {
        if options.without.contains(&Feature::Request) {
            return;
        }
        let example = [Declared {
            w: EXAMPLE.0.to_owned(),
            a: EXAMPLE.1.to_owned(),
        }];
        let declared = if options.requests.is_empty() {
            &example[..]
        } else {
            &options.requests
        };
        for (at, request) in declared.iter().enumerate() {
            let first = self.player.links.first();
            let conn = if at == 0 && first.is_some_and(|link| !link.over()) {
                "a".to_owned()
            } else {
                format!("r{}", at + 1)
            };
            let what = format!("{} {}", request.w, request.a);
            // Nobody says that the example is answered, so that nobody waits for it for ever.
            let within = if options.requests.is_empty() {
                options.answer_within
            } else {
                self.player.settings.answer_within
            };
            let detail = match self.request(&conn, at, request, within).await {
                Ok(()) => {
                    self.answered.push(true);
                    self.step("request", true, format!("`{what}` was answered"));
                    continue;
                }
                Err(why) => why,
            };
            self.answered.push(false);
            if !options.requests.is_empty() {
                let actual = format!("`{what}` was not answered: {detail}");
                self.leave("request.response", RESPONSE_LINE, &actual);
            }
            self.step(
                "request",
                false,
                format!("`{what}` was not answered: {detail}"),
            );
        }
    }

    async fn request(
        &mut self,
        conn: &str,
        at: usize,
        request: &Declared,
        within: Duration,
    ) -> Result<(), String> {
        if conn != "a" {
            self.player
                .handshake(conn)
                .await
                .map_err(|ended| ended.in_words())?;
        }
        let link = self
            .player
            .link(conn)
            .await
            .map_err(|ended| ended.in_words())?;
        if let Some(interval) = self.interval {
            self.player.beat_from_now(link, interval / 2);
        }
        let nonce = format!("preflight-{}", at + 1);
        let w = serde_json::Value::from(request.w.as_str());
        let packet = format!(
            r#"{{"op": 4, "w": {w}, "a": {}, "n": "{nonce}"}}"#,
            request.a
        );
        let sent = self.player.send_literal(link, &packet).await;
        sent.map_err(|ended| ended.in_words())?;
        let until = Instant::now() + within;
        let response = |packet: &Json| {
            packet.get("op").and_then(Json::as_u64) == Some(5)
                && packet.get("n").and_then(Json::as_str) == Some(nonce.as_str())
        };
        match self.player.seek(link, until, response).await {
            Ok(Some(Item {
                got: Got::Packet { .. },
                ..
            })) => Ok(()),
            Ok(Some(item)) => Err(item.got.describe()),
            Ok(None) => {
                let waited = within.as_millis();
                Err(format!("no RESPONSE within {waited} ms"))
            }
            Err(ended) => Err(ended.in_words()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preflights_own_text_parses_and_its_line_numbers_are_right() {
        let scenario = &*SCENARIO;
        assert!(scenario.source.line(HELLO_LINE).contains("hb_interval"));
        assert!(scenario.source.line(ACK_LINE).contains("\"op\": 3"));
        assert!(scenario.source.line(RESPONSE_LINE).contains("\"op\": 5"));
    }
}
