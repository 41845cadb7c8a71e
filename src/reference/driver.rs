//! The driver protocol: a client that does what lines of JSON say, and answers each with a line.

use std::future::{Future, poll_fn};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::json;
use tokio::time::timeout;

use super::client::Client;
use crate::protocol::json::Json;

/// What a driven client says first.
pub const GREETING: &str = r#"{"driver":1}"#;

/// How long what is still in flight may take when no more lines come.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// A line that says what to do, without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Its bytes.
    Text(Vec<u8>),
    /// It was longer than whoever read it would keep.
    TooLong,
}

/// Lets a client do what lines say, until there are no more of them and what is in flight has been
/// answered, which is waited for a second at most. Gives up as soon as `say` is false: nobody listens.
///
/// - `next` polls for the next line; none: there will be no more.
/// - `say` is given [`GREETING`], then a line for each that came, as its answer comes.
pub async fn drive(
    client: &Client,
    mut next: impl FnMut(&mut Context<'_>) -> Poll<Option<Line>>,
    mut say: impl FnMut(&str) -> bool,
) {
    if !say(GREETING) {
        return;
    }
    let mut asked = FuturesUnordered::new();
    loop {
        tokio::select! {
            line = poll_fn(&mut next) => match line {
                Some(line) => {
                    let mut asking = Box::pin(obey(client, line));
                    // Polled once here, so that what comes in order is sent in order.
                    match poll_fn(|cx| Poll::Ready(asking.as_mut().poll(cx))).await {
                        Poll::Ready(answer) => {
                            if !say(&answer) {
                                return;
                            }
                        }
                        Poll::Pending => asked.push(asking),
                    }
                }
                None => break,
            },
            Some(answer) = asked.next() => {
                if !say(&answer) {
                    return;
                }
            }
        }
    }
    // What stays unanswered is given up with the client.
    let rest = async {
        while let Some(answer) = asked.next().await {
            if !say(&answer) {
                return;
            }
        }
    };
    let _ = timeout(LAST_ANSWERS, rest).await;
}

/// A JSON text as one line that a terminal shows and does not obey: compact, numbers as spelled, and
/// characters beyond ASCII that control or reorder a line as escapes. The value stays equal.
pub fn json_line(text: &str) -> String {
    let compact = Json::parse(text.as_bytes()).map(|json| json.to_string());
    let mut line = String::with_capacity(text.len());
    for c in compact.as_deref().unwrap_or("null").chars() {
        if c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            line.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            line.push(c);
        }
    }
    line
}

/// What a line is answered.
async fn obey(client: &Client, line: Line) -> String {
    let Line::Text(line) = line else {
        return failed(&Json::Null, "the line is too long");
    };
    let order = match Json::parse(&line) {
        Ok(order) => order,
        Err(error) => return failed(&Json::Null, &error.to_string()),
    };
    let Some(id) = order.get("id") else {
        return failed(&Json::Null, "expected an object with `id`");
    };
    let (Some(w), Some(a)) = (order.get("w").and_then(Json::as_str), order.get("a")) else {
        return failed(id, "expected `w`, a string, and `a`, a list");
    };
    let a = a.to_string();
    match order.get("do").and_then(Json::as_str) {
        Some("request") => match client.request(w, &a).await {
            Ok(r) => format!(r#"{{"id":{id},"r":{}}}"#, json_line(&r)),
            Err(why) => failed(id, &why.to_string()),
        },
        Some("dispatch") => match client.dispatch(w, &a).await {
            Ok(()) => format!(r#"{{"id":{id}}}"#),
            Err(why) => failed(id, &why.to_string()),
        },
        _ => failed(id, "expected `do`, which is `request` or `dispatch`"),
    }
}

fn failed(id: &Json, why: &str) -> String {
    format!(r#"{{"id":{id},"error":{}}}"#, json!(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_harmless_line_of_the_same_value() {
        let text = "{ \"a\" :\n[1.0, 1e400, \"\u{9b}2J\u{202e}é\u{7f}\"] }";
        let line = json_line(text);
        assert_eq!(line, r#"{"a":[1.0,1e400,"\u009b2J\u202eé\u007f"]}"#);
        let same = |text: &str| Json::parse(text.as_bytes()).unwrap();
        assert!(same(text).same_as(&same(&line)));
    }
}
