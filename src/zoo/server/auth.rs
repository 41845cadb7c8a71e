//! Defects of the password check.

use std::time::Duration;

use super::super::bend::{Bend, Ctx, Heard};
use super::super::world::Act;
use super::{Member, defect};
use crate::protocol::json::Json;
use crate::protocol::opcode::Op;
use crate::protocol::packet::Packet;
use crate::reference::layer::Closing;

const REJECT: &str = "auth.reject";
const TYPE: &str = "auth.password-type";
const ACCEPT: &str = "auth.accept";

/// Takes a string for the password that is not.
struct Takes(fn(given: &str, right: &str) -> bool);

impl Bend for Takes {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        let Some(Packet::HelloAck { password }) = heard.packet else {
            return ctx.hear(heard.text);
        };
        let taken = password
            .decode()
            .is_ok_and(|given| (self.0)(&given, &ctx.facts.world.password));
        match taken {
            true => ctx.let_in(),
            false => ctx.hear(heard.text),
        }
    }
}

/// Takes what is no string for the password.
struct TakesType(fn(given: Option<&Json>, right: &str) -> bool);

impl Bend for TakesType {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        let untyped = heard.packet.is_none() && heard.meant() == Some(Op::HelloAck);
        let taken = untyped
            && heard
                .json()
                .is_some_and(|ack| (self.0)(ack.get("password"), &ctx.facts.world.password));
        match taken {
            true => ctx.let_in(),
            false => ctx.hear(heard.text),
        }
    }
}

/// Does not take HELLO_ACK without a string for one.
struct TypeIgnored;

impl Bend for TypeIgnored {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        let untyped = heard.packet.is_none() && heard.meant() == Some(Op::HelloAck);
        if !untyped {
            ctx.hear(heard.text);
        }
    }
}

/// Refuses passwords, or passwords of wrong types, otherwise.
struct Refuses {
    /// What is no string, instead of a wrong string.
    types: bool,
    how: fn(&mut Ctx<'_, '_>),
    of_type: bool,
}

impl Refuses {
    fn strings(how: fn(&mut Ctx<'_, '_>)) -> Box<dyn Bend> {
        Box::new(Refuses {
            types: false,
            how,
            of_type: false,
        })
    }

    fn types(how: fn(&mut Ctx<'_, '_>)) -> Box<dyn Bend> {
        Box::new(Refuses {
            types: true,
            how,
            of_type: false,
        })
    }
}

impl Bend for Refuses {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        self.of_type = heard.packet.is_none();
        ctx.hear(heard.text);
    }

    fn closes(&mut self, closing: Closing, ctx: &mut Ctx<'_, '_>) {
        match closing.code == 4001 && self.of_type == self.types {
            true => (self.how)(ctx),
            false => ctx.close_saying(closing.code, closing.reason),
        }
    }
}

/// Goes on with what came in one segment after it has refused.
struct ReadsOn {
    /// Lets the client in after all if the right password follows.
    changes_its_mind: bool,
    refused: bool,
}

impl Bend for ReadsOn {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        if let Some(Packet::HelloAck { password }) = heard.packet {
            let right = password
                .decode()
                .is_ok_and(|given| given == *ctx.facts.world.password);
            if !right {
                self.refused = true;
                return;
            }
            self.refused &= !self.changes_its_mind;
        }
        match (self.refused, heard.nonce()) {
            (true, Some(nonce)) => ctx.respond(nonce, "null"),
            (true, None) => {}
            (false, _) => ctx.hear(heard.text),
        }
    }

    fn batch(&mut self, ctx: &mut Ctx<'_, '_>) {
        if self.refused {
            ctx.close(4001);
        }
    }
}

/// Finds HELLO_ACK by its text.
struct ByText;

impl Bend for ByText {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        let begins = heard.text.replace(' ', "").starts_with(r#"{"op":1,"#);
        let spaced = heard.text.contains("  ");
        if !heard.is(Op::HelloAck) || (begins && !spaced) {
            ctx.hear(heard.text);
        }
    }
}

/// What becomes of packets that come in one segment with HELLO_ACK.
struct Aside {
    lost: bool,
    checking: bool,
    held: Option<String>,
}

impl Bend for Aside {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        if heard.is(Op::HelloAck) && !ctx.is_in() && ctx.facts.id > 0 {
            self.checking = true;
            match self.lost {
                true => ctx.hear(heard.text),
                false => self.held = Some(heard.text.to_owned()),
            }
        } else if !(self.checking && self.lost) {
            ctx.hear(heard.text);
        }
    }

    fn batch(&mut self, ctx: &mut Ctx<'_, '_>) {
        self.checking = false;
        if let Some(ack) = self.held.take() {
            ctx.hear(&ack);
        }
    }
}

/// Lets its first client in and no other.
struct Spent;

impl Bend for Spent {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        match heard.is(Op::HelloAck) && ctx.facts.id > 0 {
            true => ctx.close(4001),
            false => ctx.hear(heard.text),
        }
    }
}

/// Closes soon behind the handshake.
struct ClosesSoon(bool);

impl Bend for ClosesSoon {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        ctx.hear(heard.text);
        if ctx.is_in() && !std::mem::replace(&mut self.0, true) {
            ctx.later(Duration::from_millis(400), Act::Close(1000));
        }
    }
}

/// Serves only the op that came first behind the handshake.
struct OneOp(Option<Op>);

impl Bend for OneOp {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        if !ctx.is_in() {
            return ctx.hear(heard.text);
        }
        self.0 = self.0.or(heard.op());
        if heard.op() == self.0 {
            ctx.hear(heard.text);
        }
    }
}

pub(super) const DEFECTS: &[Member] = &[
    defect("any-password", REJECT, "Every string is the password.")
        .bend(|_, _| Box::new(Takes(|_, _| true))),
    defect(
        "password-prefix",
        REJECT,
        "The beginning of the password is enough.",
    )
    .bend(|_, _| {
        Box::new(Takes(|given, right| {
            !given.is_empty() && right.starts_with(given)
        }))
    }),
    defect(
        "password-extension",
        REJECT,
        "Whatever begins with the password is the password.",
    )
    .bend(|_, _| Box::new(Takes(|given, right| given.starts_with(right)))),
    defect(
        "password-ending",
        REJECT,
        "Whatever ends with the password is the password.",
    )
    .bend(|_, _| Box::new(Takes(|given, right| given.ends_with(right)))),
    defect(
        "password-case",
        REJECT,
        "Upper and lower case are the same in passwords.",
    )
    .bend(|_, _| {
        Box::new(Takes(|given, right| {
            given.to_lowercase() == right.to_lowercase()
        }))
    }),
    defect(
        "password-trimmed",
        REJECT,
        "Blanks around a password do not count.",
    )
    .bend(|_, _| Box::new(Takes(|given, right| given.trim() == right.trim()))),
    defect(
        "password-cut-at-nul",
        REJECT,
        "A password ends at its first NUL.",
    )
    .bend(|_, _| {
        Box::new(Takes(|given, right| {
            given.split('\0').next() == Some(right)
        }))
    }),
    defect(
        "password-eight-bytes",
        REJECT,
        "Only the first eight bytes of a password are compared.",
    )
    .bend(|_, _| {
        Box::new(Takes(|given, right| {
            given.as_bytes().get(..8) == right.as_bytes().get(..8)
        }))
    }),
    defect(
        "password-length-only",
        REJECT,
        "A string as long as the password is the password.",
    )
    .bend(|_, _| {
        Box::new(Takes(|given, right| {
            given.chars().count() == right.chars().count()
        }))
    }),
    defect(
        "password-empty",
        REJECT,
        "An empty password means that none is needed.",
    )
    .bend(|_, _| Box::new(Takes(|given, _| given.is_empty()))),
    defect(
        "password-not-compared-if-long",
        REJECT,
        "A password longer than the right one overruns the comparison.",
    )
    .bend(|_, _| Box::new(Takes(|given, right| given.len() > right.len() * 2))),
    defect("reject-1008", REJECT, "A wrong password closes with 1008.")
        .bend(|_, _| Refuses::strings(|ctx| ctx.close(1008))),
    defect("reject-4002", REJECT, "A wrong password closes with 4002.")
        .bend(|_, _| Refuses::strings(|ctx| ctx.close(4002))),
    defect(
        "reject-crashes",
        REJECT,
        "A wrong password ends in an exception: 1011.",
    )
    .bend(|_, _| Refuses::strings(|ctx| ctx.close(1011))),
    defect(
        "reject-never",
        REJECT,
        "A wrong password is ignored and the client waits.",
    )
    .bend(|_, _| Refuses::strings(|_| ())),
    defect(
        "reject-late",
        REJECT,
        "A wrong password closes with 4001, eight seconds later.",
    )
    .bend(|_, _| Refuses::strings(|ctx| ctx.later(Duration::from_secs(8), Act::Close(4001)))),
    defect(
        "reject-forgotten",
        REJECT,
        "A right password in the same segment makes a wrong one good.",
    )
    .bend(|_, _| {
        Box::new(ReadsOn {
            changes_its_mind: true,
            refused: false,
        })
    }),
    defect(
        "reject-after-answers",
        REJECT,
        "A request in the segment of a wrong password is answered before 4001.",
    )
    .bend(|_, _| {
        Box::new(ReadsOn {
            changes_its_mind: false,
            refused: false,
        })
    }),
    defect("password-null", TYPE, "A null password skips the check.")
        .bend(|_, _| Box::new(TakesType(|given, _| given.is_some_and(Json::is_null)))),
    defect(
        "password-true",
        TYPE,
        "The password true equals every string.",
    )
    .bend(|_, _| {
        Box::new(TakesType(|given, _| {
            given.and_then(Json::as_bool) == Some(true)
        }))
    }),
    defect("password-zero", TYPE, "The password 0 equals every string.").bend(|_, _| {
        Box::new(TakesType(|given, _| {
            given.and_then(Json::as_u64) == Some(0)
        }))
    }),
    defect(
        "password-missing",
        TYPE,
        "Without a password there is nothing to compare, and the client is in.",
    )
    .bend(|_, _| Box::new(TakesType(|given, _| given.is_none()))),
    defect(
        "password-in-a-list",
        TYPE,
        "A list that has the password in it is the password.",
    )
    .bend(|_, _| {
        Box::new(TakesType(|given, right| {
            given
                .and_then(Json::as_array)
                .is_some_and(|list| list.iter().any(|item| item.as_str() == Some(right)))
        }))
    }),
    defect(
        "password-in-an-object",
        TYPE,
        "An object that has the password in it is the password.",
    )
    .bend(|_, _| {
        Box::new(TakesType(|given, right| {
            given.and_then(Json::as_object).is_some_and(|members| {
                members
                    .iter()
                    .any(|(_, value)| value.as_str() == Some(right))
            })
        }))
    }),
    defect(
        "password-type-crashes",
        "auth.password-type-code",
        "A password that is no string ends in an exception: 1011.",
    )
    .bend(|_, _| Refuses::types(|ctx| ctx.close(1011))),
    defect(
        "password-type-ignored",
        "auth.password-type-code",
        "A HELLO_ACK whose password is no string is ignored and the client waits.",
    )
    .bend(|_, _| Box::new(TypeIgnored)),
    defect(
        "hello-ack-by-text",
        ACCEPT,
        "HELLO_ACK is found by how its text begins.",
    )
    .bend(|_, _| Box::new(ByText)),
    defect(
        "rest-of-segment-lost",
        ACCEPT,
        "From the second connection on, what comes in one segment with HELLO_ACK is lost.",
    )
    .bend(|_, _| {
        Box::new(Aside {
            lost: true,
            checking: false,
            held: None,
        })
    }),
    defect(
        "password-checked-aside",
        ACCEPT,
        "While a password is checked, the next packet finds the gate closed, but for one client.",
    )
    .bend(|_, _| {
        Box::new(Aside {
            lost: false,
            checking: false,
            held: None,
        })
    }),
    defect(
        "password-accepted-once",
        ACCEPT,
        "The password is spent when one client has used it.",
    )
    .bend(|_, _| Box::new(Spent)),
    defect(
        "closes-soon",
        ACCEPT,
        "The client is let in and the connection closed a moment later.",
    )
    .bend(|_, _| Box::new(ClosesSoon(false))),
    defect(
        "one-op-only",
        ACCEPT,
        "Only the op that came first behind the handshake is served.",
    )
    .bend(|_, _| Box::new(OneOp(None))),
];
