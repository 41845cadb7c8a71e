//! Clients that choose nonces of their own: defects whose nonces are not different, and what right
//! variants need to have other ones.

use super::bend::{Bend, Ctx, Facts, Heard, equal};
use super::{Member, defect};
use crate::protocol::codec;
use crate::protocol::json::Json;
use crate::protocol::packet::{Packet, Raw, Str};

const RULE: &str = "client.nonce-unique";

/// What a nonce can be made of.
pub(super) struct Making<'m> {
    pub(super) facts: &'m Facts,
    /// How many nonces the connection had before.
    pub(super) count: u32,
    /// What is asked for.
    w: Str<'m>,
}

/// Puts nonces of its own, as texts of JSON values, in the place of the session's.
pub(super) struct Nonces {
    make: fn(&Making<'_>) -> String,
    count: u32,
    /// Requests in flight: our nonce and the session's.
    sent: Vec<(String, String)>,
}

impl Nonces {
    pub(super) fn boxed(make: fn(&Making<'_>) -> String) -> Box<dyn Bend> {
        Box::new(Nonces {
            make,
            count: 0,
            sent: Vec::new(),
        })
    }
}

impl Bend for Nonces {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        let Ok(Packet::Request { w, a, n }) = codec::decode(packet.as_bytes()) else {
            return ctx.say(packet);
        };
        let making = Making {
            facts: &*ctx.facts,
            count: self.count,
            w,
        };
        let own = (self.make)(&making);
        self.count = self.count.wrapping_add(1);
        // A table has one place for a nonce.
        self.sent.retain(|(other, _)| !equal(other, &own));
        let text = codec::encode(&Packet::Request {
            w,
            a,
            n: Raw::parse(&own).unwrap_or(n),
        });
        self.sent.push((own, n.as_str().to_owned()));
        ctx.say(text);
    }

    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        let Some((n, r)) = heard.answer() else {
            return ctx.hear(heard.text);
        };
        let asked = self.sent.iter().position(|(own, _)| equal(own, n.as_str()));
        match asked.map(|at| self.sent.swap_remove(at).1) {
            Some(session) => ctx.hear_answer(&session, r.as_str()),
            // The session's own are numbers.
            None => ctx.hear_answer(r#""nobody's""#, r.as_str()),
        }
    }
}

pub(super) const DEFECTS: &[Member] = &[
    defect("nonces-all-one", RULE, "Every nonce is 1.")
        .bend(|_, _| Nonces::boxed(|_| "1".to_owned())),
    defect("nonces-null", RULE, "Every nonce is null.")
        .bend(|_, _| Nonces::boxed(|_| "null".to_owned())),
    defect("nonces-of-ten", RULE, "Nonces begin anew after ten.")
        .bend(|_, _| Nonces::boxed(|making| (making.count % 10).to_string())),
    defect(
        "nonces-by-turns",
        RULE,
        "The nonce is true and false by turns.",
    )
    .bend(|_, _| Nonces::boxed(|making| (making.count % 2 == 0).to_string())),
    defect(
        "nonces-by-the-clock",
        RULE,
        "The nonce is the time in milliseconds.",
    )
    .bend(|_, _| {
        Nonces::boxed(|making| {
            let time = making.facts.now - making.facts.opened;
            (1_700_000_000_000 + time.as_millis()).to_string()
        })
    }),
    defect(
        "nonces-of-a-die",
        RULE,
        "The nonce is one of six, drawn at random.",
    )
    .bend(|_, _| {
        Nonces::boxed(|making| {
            let drawn = fastrand::Rng::with_seed(making.count.into()).u8(1..=6);
            format!(r#""die-{drawn}""#)
        })
    }),
    defect(
        "nonces-by-the-count",
        RULE,
        "The nonce is the number of requests in flight.",
    )
    .bend(|_, _| Nonces::boxed(|making| making.facts.pending.len().to_string())),
    defect(
        "nonces-by-what-is-asked",
        RULE,
        "The nonce is what is asked for.",
    )
    .bend(|_, _| Nonces::boxed(|making| Json::String(making.w.to_text()).to_string())),
];
