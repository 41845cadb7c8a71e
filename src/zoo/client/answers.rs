//! Defects of what a client makes of answers.

use std::time::Duration;

use tokio::time::Instant;

use super::bend::{Bend, Ctx, Heard};
use super::{Member, defect};
use crate::protocol::json::Json;
use crate::protocol::packet::Raw;

const RULE: &str = "client.correlates";

/// Does something else with a RESPONSE; the texts are those of its nonce and its answer.
struct Answers(fn(n: &str, r: &str, ctx: &mut Ctx<'_, '_>));

impl Bend for Answers {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        match heard.answer() {
            Some((n, r)) => (self.0)(n.as_str(), r.as_str(), ctx),
            None => ctx.hear(heard.text),
        }
    }
}

/// Loses some RESPONSEs.
struct Loses(fn(&Heard<'_>, &Json) -> bool);

impl Bend for Loses {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        let answer = heard.answer().map(|(_, r)| value(r));
        if !answer.is_some_and(|r| (self.0)(&heard, &r)) {
            ctx.hear(heard.text);
        }
    }
}

/// The value; null for one that is nested too deep to be looked into.
fn value(r: Raw<'_>) -> Json {
    Json::parse(r.as_bytes()).unwrap_or(Json::Null)
}

/// Gives an answer whose nonce it knew before to whoever has waited longest.
#[derive(Default)]
struct Doubled(Vec<String>);

impl Bend for Doubled {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        let Some((n, r)) = heard.answer() else {
            return ctx.hear(heard.text);
        };
        match self.0.iter().any(|known| known == n.as_str()) {
            true => to_oldest(n.as_str(), r.as_str(), ctx),
            false => {
                self.0.push(n.as_str().to_owned());
                ctx.hear(heard.text);
            }
        }
    }
}

/// Has room for eight requests in flight, and forgets the oldest for one more.
#[derive(Default)]
struct Room {
    forgotten: Vec<String>,
}

impl Bend for Room {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        while ctx.facts.pending.len() > 8 {
            self.forgotten.push(ctx.facts.pending.remove(0).n);
        }
        ctx.say(packet);
    }

    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        let answer = heard.answer().map(|(n, _)| n);
        if !answer.is_some_and(|n| self.forgotten.iter().any(|known| known == n.as_str())) {
            ctx.hear(heard.text);
        }
    }
}

/// Its reader and its writer change one table at once: of a request that goes out in the moment in
/// which an answer comes nothing stays there.
#[derive(Default)]
struct Race {
    forgotten: Vec<String>,
    answered: Option<Instant>,
}

impl Bend for Race {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        if self.answered == Some(ctx.facts.now) {
            let newest = ctx
                .facts
                .pending
                .last()
                .filter(|asked| asked.packet == packet);
            self.forgotten.extend(newest.map(|asked| asked.n.clone()));
        }
        ctx.say(packet);
    }

    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        let Some((n, _)) = heard.answer() else {
            return ctx.hear(heard.text);
        };
        let now = ctx.facts.now;
        self.answered = Some(now);
        let pending = ctx.facts.pending.iter();
        let just = pending.filter(|asked| asked.at == now && asked.n != n.as_str());
        self.forgotten.extend(just.map(|asked| asked.n.clone()));
        if !self.forgotten.iter().any(|known| known == n.as_str()) {
            ctx.hear(heard.text);
        }
    }
}

/// Forgets all other requests in flight when an answer comes.
#[derive(Default)]
struct Forgets(Vec<String>);

impl Bend for Forgets {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        let Some((n, _)) = heard.answer() else {
            return ctx.hear(heard.text);
        };
        if self.0.iter().any(|forgotten| forgotten == n.as_str()) {
            return;
        }
        let others = ctx
            .facts
            .pending
            .iter()
            .filter(|asked| asked.n != n.as_str());
        self.0.extend(others.map(|asked| asked.n.clone()));
        ctx.hear(heard.text);
    }
}

/// Hands on so many answers of a connection, and no more.
struct Tired(u32);

impl Bend for Tired {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        if heard.answer().is_none() {
            return ctx.hear(heard.text);
        }
        if self.0 > 0 {
            self.0 -= 1;
            ctx.hear(heard.text);
        }
    }
}

/// The answer goes to the request that has waited longest.
fn to_oldest(n: &str, r: &str, ctx: &mut Ctx<'_, '_>) {
    let oldest = ctx.facts.pending.first().map(|asked| asked.n.clone());
    ctx.hear_answer(oldest.as_deref().unwrap_or(n), r);
}

fn to_newest(n: &str, r: &str, ctx: &mut Ctx<'_, '_>) {
    let newest = ctx.facts.pending.last().map(|asked| asked.n.clone());
    ctx.hear_answer(newest.as_deref().unwrap_or(n), r);
}

/// The answer goes to the request whose nonce this is, if there is one.
fn to_alike(alike: Option<String>, n: &str, r: &str, ctx: &mut Ctx<'_, '_>) {
    let asked = alike.and_then(|alike| ctx.asker(&alike));
    let n = asked.map_or(n.to_owned(), |asked| asked.n);
    ctx.hear_answer(&n, r);
}

fn in_usual_order(text: &str) -> bool {
    let place = |name| text.find(name).unwrap_or(usize::MAX);
    place(r#""op""#) < place(r#""n""#) && place(r#""n""#) < place(r#""r""#)
}

/// Loses RESPONSEs with such answers.
macro_rules! loses {
    ($name:literal, $sentence:literal, $lost:expr) => {
        defect($name, RULE, $sentence).bend(|_, _| Box::new(Loses($lost)))
    };
}

/// Hands answers out in another way.
macro_rules! hands {
    ($name:literal, $sentence:literal, $hands:expr) => {
        defect($name, RULE, $sentence).bend(|_, _| Box::new(Answers($hands)))
    };
}

pub(super) const DEFECTS: &[Member] = &[
    hands!(
        "answers-to-the-oldest",
        "An answer goes to the request that has waited longest, whatever its nonce.",
        to_oldest
    ),
    hands!(
        "answers-to-the-newest",
        "An answer goes to the request that went out last, whatever its nonce.",
        to_newest
    ),
    hands!(
        "answers-to-all",
        "An answer goes to all requests in flight.",
        |n, r, ctx| match ctx.asker(n) {
            Some(_) => {
                let all: Vec<String> = ctx.facts.pending.iter().map(|a| a.n.clone()).collect();
                for n in all {
                    ctx.hear_answer(&n, r);
                }
            }
            None => ctx.hear_answer(n, r),
        }
    ),
    hands!(
        "strangers-to-the-oldest",
        "An answer with an unknown nonce goes to the request that has waited longest.",
        |n, r, ctx| match ctx.asker(n) {
            Some(_) => ctx.hear_answer(n, r),
            None => to_oldest(n, r, ctx),
        }
    ),
    hands!(
        "strangers-to-the-only-one",
        "An answer with an unknown nonce goes to the request in flight, where there is but one.",
        |n, r, ctx| match (ctx.asker(n), ctx.facts.pending.len()) {
            (None, 1) => to_oldest(n, r, ctx),
            _ => ctx.hear_answer(n, r),
        }
    ),
    defect(
        "doubles-to-the-oldest",
        RULE,
        "A second answer to a request goes to the one that has waited longest.",
    )
    .bend(|_, _| Box::new(Doubled::default())),
    hands!(
        "answers-by-text",
        "A nonce in quotes is taken for the number in them.",
        |n, r, ctx| to_alike(Some(n.trim_matches('"').to_owned()), n, r, ctx)
    ),
    hands!(
        "answers-by-leading-digits",
        "Of a nonce that is a string the digits at its front count.",
        |n, r, ctx| {
            let text = n.trim_matches('"').trim_start();
            let end = text
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(text.len());
            let digits = n.starts_with('"').then(|| text[..end].to_owned());
            to_alike(digits, n, r, ctx);
        }
    ),
    hands!(
        "answers-by-truth",
        "The nonce true is taken for 1.",
        |n, r, ctx| to_alike((n == "true").then(|| "1".to_owned()), n, r, ctx)
    ),
    hands!(
        "answers-by-the-first-of-a-list",
        "A nonce in a list is taken for the nonce.",
        |n, r, ctx| {
            let list = Json::parse(n.as_bytes()).ok();
            let first = list
                .as_ref()
                .and_then(Json::as_array)
                .and_then(<[Json]>::first);
            to_alike(first.map(Json::to_string), n, r, ctx);
        }
    ),
    loses!("answer-null-lost", "An answer of null is lost.", |_, r| r
        .is_null()),
    loses!(
        "answer-false-lost",
        "An answer of false is lost.",
        |_, r| { r.as_bool() == Some(false) }
    ),
    loses!("answer-zero-lost", "An answer of zero is lost.", |_, r| {
        r.as_number().is_some_and(|r| r.to_f64() == 0.0)
    }),
    loses!(
        "answer-empty-lost",
        "An answer that is an empty string is lost.",
        |_, r| r.as_str() == Some("")
    ),
    loses!(
        "answer-long-lost",
        "An answer of more than 16 KiB is lost.",
        |heard, _| heard.text.len() > 16 << 10
    ),
    loses!(
        "answer-in-another-order-lost",
        "A RESPONSE whose members do not come in the order of the example is lost.",
        |heard, _| !in_usual_order(heard.text)
    ),
    defect(
        "answer-late-lost",
        RULE,
        "A request is given up after two seconds, and its answer is lost.",
    )
    .config(|config| config.request_timeout = Duration::from_secs(2)),
    defect(
        "answer-beyond-eight-lost",
        RULE,
        "There is room for eight requests in flight; for one more the oldest is forgotten.",
    )
    .bend(|_, _| Box::new(Room::default())),
    defect(
        "answer-lost-in-a-race",
        RULE,
        "A request that goes out in the moment in which an answer to another comes is forgotten.",
    )
    .bend(|_, _| Box::new(Race::default())),
    defect(
        "answer-clears-the-others",
        RULE,
        "An answer that comes lets all other requests in flight be forgotten.",
    )
    .bend(|_, _| Box::<Forgets>::default()),
    defect(
        "answers-for-a-hundred",
        RULE,
        "After a hundred answers the next ones are lost.",
    )
    .bend(|_, _| Box::new(Tired(100))),
    hands!(
        "answer-unwrapped",
        "An answer that is a list of one is taken for what is in it.",
        |n, r, ctx| {
            let list = Json::parse(r.as_bytes()).ok();
            match list.as_ref().and_then(Json::as_array) {
                Some([one]) => ctx.hear_answer(n, &one.to_string()),
                _ => ctx.hear_answer(n, r),
            }
        }
    ),
    hands!(
        "answer-read-twice",
        "An answer that is a string of JSON is taken for the value in it.",
        |n, r, ctx| {
            let text = Json::parse(r.as_bytes()).ok();
            let inner = text.as_ref().and_then(Json::as_str);
            match inner.and_then(|inner| Json::parse(inner.as_bytes()).ok()) {
                Some(inner) => ctx.hear_answer(n, &inner.to_string()),
                None => ctx.hear_answer(n, r),
            }
        }
    ),
    hands!(
        "answer-in-ascii",
        "Letters beyond ASCII become question marks in answers.",
        |n, r, ctx| {
            let ascii = |c: char| if c.is_ascii() { c } else { '?' };
            let r: String = r.chars().map(ascii).collect();
            ctx.hear_answer(n, &r);
        }
    ),
    hands!(
        "dies-of-null",
        "An answer of null ends the client.",
        |n, r, ctx| match r {
            "null" => ctx
                .facts
                .world
                .fate
                .die("TypeError: cannot read properties of null"),
            _ => ctx.hear_answer(n, r),
        }
    ),
    hands!(
        "hangs-at-false",
        "An answer of false makes the client hang.",
        |n, r, ctx| match r {
            "false" => ctx.hang(),
            _ => ctx.hear_answer(n, r),
        }
    ),
];
