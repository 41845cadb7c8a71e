//! Bends that many members are made of.

use super::bend::{Bend, Ctx, Heard, read};
use crate::protocol::opcode::Op;

/// Does something as soon as a WebSocket is open.
pub(super) struct Opens(pub(super) fn(&mut Ctx<'_, '_>));

impl Bend for Opens {
    fn opens(&mut self, ctx: &mut Ctx<'_, '_>) {
        (self.0)(ctx);
    }
}

/// Does something else with some texts.
pub(super) struct Hears(pub(super) fn(&Heard<'_>, &mut Ctx<'_, '_>));

impl Bend for Hears {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        (self.0)(&heard, ctx);
    }
}

/// Says something else for packets of one op.
pub(super) struct Says(
    pub(super) Op,
    pub(super) fn(packet: String, ctx: &mut Ctx<'_, '_>),
);

impl Bend for Says {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        match read(&packet).0 == Some(self.0) {
            true => (self.1)(packet, ctx),
            false => ctx.say(packet),
        }
    }
}

/// HELLO_ACK with this password.
pub(super) fn hello_ack(password: &str) -> String {
    format!(
        r#"{{"op":1,"password":{}}}"#,
        crate::protocol::json::Json::from(password)
    )
}
