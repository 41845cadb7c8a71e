//! What a text message means by the protocol, read from the judging side's tree: a second opinion on
//! what the codec makes of it.

use litespec::oracle::Finding;
use litespec::protocol::json::Json;
use litespec::protocol::opcode::Op;

/// A text message.
pub struct Heard {
    /// Its tree; none if it is not JSON.
    pub json: Option<Json>,
    /// Its op: that of an object with one `op` that is an integer of the table by value.
    pub op: Option<Op>,
    /// Whether it has the members that its op needs, of the right types.
    pub whole: bool,
}

impl Heard {
    /// Reads a message.
    pub fn of(text: &str) -> Heard {
        let json = Json::parse(text.as_bytes()).ok();
        let op = json.as_ref().and_then(op);
        let whole = op
            .zip(json.as_ref())
            .is_some_and(|(op, json)| whole(op, json));
        Heard { json, op, whole }
    }

    /// The op, if all its members are there.
    pub fn packet(&self) -> Option<Op> {
        self.op.filter(|_| self.whole)
    }

    /// A member, of repeated ones the last; null if there is none.
    pub fn member(&self, name: &str) -> &Json {
        self.json
            .as_ref()
            .and_then(|json| json.get(name))
            .unwrap_or(&Json::Null)
    }
}

fn op(json: &Json) -> Option<Op> {
    let ops = json.as_object()?.iter().filter(|(name, _)| *name == *"op");
    let [(_, Json::Number(number))] = ops.collect::<Vec<_>>()[..] else {
        return None;
    };
    number.to_u64().and_then(Op::from_number)
}

fn whole(op: Op, json: &Json) -> bool {
    let has = |name: &str| json.get(name).is_some();
    let string = |name: &str| matches!(json.get(name), Some(Json::String(_)));
    let calls = || string("w") && matches!(json.get("a"), Some(Json::Array(_)));
    match op {
        Op::Hello => litespec::oracle::interval(json).is_some(),
        Op::HelloAck => string("password"),
        Op::Heartbeat | Op::HeartbeatAck => true,
        Op::Request => calls() && has("n"),
        Op::Response => has("n") && has("r"),
        Op::Dispatch => calls(),
    }
}

/// Whether a text is the spelling of this very tree.
pub fn same(text: &str, json: &Json) -> bool {
    Json::parse(text.as_bytes()).is_ok_and(|read| read == *json)
}

/// The oracle has nothing to say against a session.
pub fn no_breach(found: &[Finding]) {
    if let Some(Finding { breach, .. }) = found.first() {
        panic!(
            "the oracle blames the session: {}: {}",
            breach.rule(),
            breach.actual()
        );
    }
}
