//! Whether an arrival is what a line asks for, and which arrival a line is compared with.

use super::ended::Ended;
use super::item::{Beside, Got, Item};
use super::link::{Inbox, Link};
use crate::scenario::fill;
use crate::scenario::matching::{Mismatch, matches};
use crate::scenario::syntax::{Expect, Pattern, Payload};
use crate::scenario::values::Env;

/// Whether an arrival is what a line asks for.
pub(crate) enum Fit {
    Yes,
    No(Option<Mismatch>),
}

/// Whether an arrival is what a line asks for; binds what it binds only if it is.
pub(crate) fn fit(
    close_taken: bool,
    what: &Expect,
    item: &Item,
    env: &mut Env,
) -> Result<Fit, Ended> {
    let got = &item.got;
    if item.beside.is_some_and(Beside::named_only) && !names_op(what) {
        return Ok(Fit::No(None));
    }
    let same = |payload: &Payload, bytes: &[u8], env: &Env| {
        fill::payload(payload, env)
            .map(|filled| filled.bytes == bytes)
            .map_err(super::send::cannot_fill)
    };
    let optional = |payload: &Option<Payload>, bytes: &[u8], env: &Env| match payload {
        Some(payload) => same(payload, bytes, env),
        None => Ok(true),
    };
    let yes = match (what, got) {
        (Expect::Packet(pattern), Got::Packet { packet, .. }) => {
            return Ok(match matches(pattern, packet, env) {
                Ok(()) => Fit::Yes,
                Err(mismatch) => Fit::No(Some(mismatch)),
            });
        }
        (Expect::Text(payload), got) => match got.message() {
            Some((bytes, false)) => same(payload, bytes, env)?,
            _ => false,
        },
        (Expect::Binary(payload), got) => match got.message() {
            Some((bytes, true)) => same(payload, bytes, env)?,
            _ => false,
        },
        (Expect::Ping(payload), Got::Ping(bytes)) | (Expect::Pong(payload), Got::Pong(bytes)) => {
            optional(payload, bytes, env)?
        }
        (Expect::Close(None), Got::Close { .. }) => true,
        (
            Expect::Close(code),
            Got::Close {
                code: got, fault, ..
            },
        ) => fault.is_none() && code == got,
        (Expect::Closed, got) if close_taken => {
            matches!(got, Got::Eof | Got::Reset(_))
        }
        (Expect::Closed, got) => got.ends(),
        _ => false,
    };
    Ok(if yes { Fit::Yes } else { Fit::No(None) })
}

/// Whether a line is about packets of one op, or about these very bytes.
fn names_op(what: &Expect) -> bool {
    match what {
        Expect::Packet(Pattern::Members { members, .. }) => members
            .iter()
            .any(|(name, pattern)| name == "op" && matches!(pattern, Pattern::Literal(_))),
        Expect::Packet(Pattern::Literal(_)) | Expect::Text(_) | Expect::Binary(_) => true,
        _ => false,
    }
}

/// Takes the arrival that a line is to be compared with.
pub(crate) fn pick(link: &mut Link, what: &Expect) -> Option<Item> {
    let end = |got: &Got| matches!(got, Got::Eof | Got::Reset(_));
    let inbox = &mut link.inbox;
    match what {
        Expect::Ping(_) => inbox
            .take_control(|got| matches!(got, Got::Ping(_)))
            .or_else(|| end_of(inbox)),
        Expect::Pong(_) => inbox
            .take_control(|got| matches!(got, Got::Pong(_)))
            .or_else(|| end_of(inbox)),
        // Behind its close frame a target may still have sent what was under way.
        Expect::Closed if link.close_taken => inbox.skip_to(end),
        _ => inbox.pop(),
    }
}

/// Everything up to the end of the connection, where there is one.
fn end_of(inbox: &mut Inbox) -> Option<Item> {
    inbox.end()?;
    inbox.skip_to(Got::ends)
}
