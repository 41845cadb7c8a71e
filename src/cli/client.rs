//! `litespec client`: the reference client, driven by lines of JSON on standard input.

use std::future::{Future, poll_fn};
use std::io::{BufRead, Read};
use std::task::Poll;
use std::time::Duration;

use clap::Args;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::dialect::ClientDialectArgs;
use super::exit::Exit;
use super::peers::{PasswordArgs, block_on, complain, interrupted, json_line, say, time};
use crate::protocol::json::Json;
use crate::reference::client::{Address, Client, ClientConfig};

/// The longest line that is read, in bytes.
const LONGEST_LINE: u64 = 4 << 20;

/// How long what is still in flight may take when standard input has ended.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Runs the reference client, which does what lines on standard input say.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
It prints {\"driver\":1}, then takes one JSON object a line and prints one for each:
  {\"do\":\"request\",\"id\":1,\"w\":\"ECHO\",\"a\":[1]}   {\"id\":1,\"r\":[1]} or {\"id\":1,\"error\":\"..\"}
  {\"do\":\"dispatch\",\"id\":2,\"w\":\"X\",\"a\":[]}      {\"id\":2} when it has gone out
A line that it cannot read gets {\"id\":null,\"error\":\"..\"}. It connects again whenever its connection
fails. The end of standard input ends it: what is in flight is waited for, a second at most.

Examples:
  echo '{\"do\":\"request\",\"id\":1,\"w\":\"ECHO\",\"a\":[1]}' | litespec client ws://127.0.0.1:10101/
  litespec client ws://127.0.0.1:10101/ --dialect bidirectional --answer 'STATUS {\"up\":true}'
  litespec check-client -- litespec client '{url}'

Exit codes: 0 standard input has ended, 2 usage, 130 interrupted.")]
pub(crate) struct ClientArgs {
    /// The server, for example ws://127.0.0.1:10101/
    #[arg(value_name = "URL", env = "LITESPEC_URL", hide_env_values = true, value_parser = Address::parse)]
    url: Address,
    /// How long a request waits for its answer
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    timeout: Duration,
    /// Seed of the waits between connections [default: other waits each time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    dialect: ClientDialectArgs,
    #[command(flatten)]
    password: PasswordArgs,
}

/// Runs until standard input ends.
pub(crate) fn run(args: ClientArgs) -> Exit {
    let password = match args.password.read() {
        Ok(password) => password,
        Err(why) => {
            complain(&why);
            return Exit::Usage;
        }
    };
    let answers = match args.dialect.answers() {
        Ok(answers) => answers,
        Err(stop) => {
            complain(&stop.message);
            return Exit::Usage;
        }
    };
    let config = ClientConfig {
        password,
        answers,
        request_timeout: args.timeout,
        seed: args.seed,
        ..ClientConfig::default()
    };
    block_on(async {
        let client = Client::start(args.url, config);
        tokio::select! {
            biased;
            () = interrupted() => {
                // The reason is the signal, whatever the server says to the close.
                let _ = client.close().await;
                Exit::Interrupted
            }
            () = drive(&client) => {
                let _ = client.close().await;
                Exit::Success
            }
        }
    })
}

async fn drive(client: &Client) {
    if !say(r#"{"driver":1}"#) {
        return;
    }
    let mut lines = lines();
    let mut asked = FuturesUnordered::new();
    loop {
        tokio::select! {
            line = lines.recv() => match line {
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

/// The lines of standard input, read by a thread of their own, because nothing else can be waited for
/// while it is read. A line that is too long comes as none.
fn lines() -> mpsc::Receiver<Option<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel(64);
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        loop {
            let mut line = Vec::new();
            match (&mut stdin).take(LONGEST_LINE).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let whole = line.ends_with(b"\n") || (line.len() as u64) < LONGEST_LINE;
            if !whole && stdin.skip_until(b'\n').is_err() {
                return;
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            if sender.blocking_send(whole.then_some(line)).is_err() {
                return;
            }
        }
    });
    receiver
}

/// What a line is answered.
async fn obey(client: &Client, line: Option<Vec<u8>>) -> String {
    let Some(line) = line else {
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
