//! A client that asks again what was in flight when its connection ended.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use crate::protocol::json::Json;
use crate::reference::client::{Client, RequestError};
use crate::reference::driver::{Line, drive};

/// The orders it keeps.
#[derive(Default)]
pub(super) struct Resend {
    orders: Mutex<Orders>,
}

#[derive(Default)]
struct Orders {
    /// The requests in flight by the text of their id.
    given: BTreeMap<String, Vec<u8>>,
    /// Those to be carried out again.
    again: VecDeque<Vec<u8>>,
}

impl Resend {
    /// As [`drive`]; but a request that lost its connection is carried out on the next one.
    pub(super) async fn drive(
        &self,
        client: &Client,
        mut next: impl FnMut(&mut Context<'_>) -> Poll<Option<Line>>,
        mut say: impl FnMut(&str) -> bool,
    ) {
        let next = |cx: &mut Context<'_>| {
            if let Some(line) = self.orders().again.pop_front() {
                return Poll::Ready(Some(Line::Text(line)));
            }
            let next = next(cx);
            if let Poll::Ready(Some(Line::Text(line))) = &next {
                self.note(line);
            }
            next
        };
        // Whoever has been told looks for the next line at once.
        let say = |line: &str| self.takes_back(line) || say(line);
        drive(client, next, say).await;
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        // Nothing that panics holds it.
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, line: &[u8]) {
        let order = Json::parse(line).ok();
        if let Some(id) = order.as_ref().and_then(|order| order.get("id")) {
            let mut orders = self.orders();
            orders.given.insert(id.to_string(), line.to_vec());
        }
    }

    /// Whether an answer says that the request has to be sent again, which it then will be.
    fn takes_back(&self, line: &str) -> bool {
        let Ok(answer) = Json::parse(line.as_bytes()) else {
            return false;
        };
        let Some(id) = answer.get("id").map(Json::to_string) else {
            return false;
        };
        let lost = RequestError::Disconnected.to_string();
        let mut orders = self.orders();
        let given = orders.given.remove(&id);
        match (given, answer.get("error").and_then(Json::as_str)) {
            (Some(line), Some(error)) if error == lost => {
                orders.given.insert(id, line.clone());
                orders.again.push_back(line);
                true
            }
            _ => false,
        }
    }
}
