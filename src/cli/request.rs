//! `litespec request`: one request to a server, its answer on standard output.

use std::time::Duration;

use clap::Args;
use tokio::sync::broadcast::Receiver;
use tokio::time::timeout;

use super::exit::Exit;
use super::peers::{PasswordArgs, block_on, complain, interrupted, say, time};
use crate::protocol::codec;
use crate::protocol::error::JsonType;
use crate::protocol::packet::Raw;
use crate::reference::client::{
    Address, Client, ClientConfig, Down, Event, Limits, Request, RequestError,
};
use crate::reference::driver::json_line;

/// Sends one request and prints its answer.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  litespec request ws://127.0.0.1:10101/ ECHO '[1, \"two\"]'
  litespec request ws://127.0.0.1:10101/ LATE '[500]' --timeout 2s
  litespec request ws://127.0.0.1:10101/ NULL --nonce '{\"any\": [\"JSON\"]}'
  litespec request ws://127.0.0.1:10101/ REFRESH --dispatch

Exit codes: 0 answered (or dispatched), 1 the server refused us or did not answer in time, 2 usage,
4 no server, or none that says HELLO in time, 130 interrupted.")]
pub(crate) struct RequestArgs {
    /// The server, for example ws://127.0.0.1:10101/
    #[arg(value_name = "URL", value_parser = Address::parse)]
    url: Address,
    /// What to request
    #[arg(value_name = "W")]
    w: String,
    /// The arguments, a JSON list
    #[arg(value_name = "ARGS-JSON", default_value = "[]", value_parser = list)]
    a: String,
    /// Sends a DISPATCH, which is never answered
    #[arg(long, conflicts_with = "nonce")]
    dispatch: bool,
    /// Stays connected afterwards and tells on standard error what happens, until interrupted
    #[arg(long)]
    watch: bool,
    /// The nonce, any JSON value [default: a number]
    #[arg(long, value_name = "JSON", value_parser = json, allow_hyphen_values = true)]
    nonce: Option<String>,
    /// How long everything may take, from connecting to the answer
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    timeout: Duration,
    #[command(flatten)]
    password: PasswordArgs,
}

fn list(text: &str) -> Result<String, String> {
    match Raw::parse(text) {
        Ok(raw) if raw.json_type() == JsonType::List => Ok(text.to_owned()),
        Ok(raw) => Err(format!(
            "expected a JSON list such as [1], found {}",
            raw.json_type()
        )),
        Err(error) => Err(format!("expected a JSON list such as [1]: {error}")),
    }
}

fn json(text: &str) -> Result<String, String> {
    codec::validate(text.as_bytes()).map_err(|error| error.to_string())?;
    Ok(text.to_owned())
}

/// Sends the request and prints the answer.
pub(crate) fn run(args: RequestArgs) -> Exit {
    let password = match args.password.read() {
        Ok(password) => password,
        Err(why) => {
            complain(&why);
            return Exit::Usage;
        }
    };
    let config = ClientConfig {
        password,
        request_timeout: args.timeout,
        reconnect: None,
        limits: Limits {
            open: args.timeout,
            hello: args.timeout,
            ..Limits::default()
        },
        ..ClientConfig::default()
    };
    block_on(async {
        tokio::select! {
            biased;
            () = interrupted() => Exit::Interrupted,
            code = talk(&args, config) => code,
        }
    })
}

async fn talk(args: &RequestArgs, config: ClientConfig) -> Exit {
    let start = tokio::time::Instant::now();
    let connecting = Client::connect(args.url.clone(), config);
    let client = match timeout(args.timeout, connecting).await {
        Ok(Ok(client)) => client,
        Ok(Err(why)) => {
            complain(&why.to_string());
            return Exit::CouldNotRun;
        }
        Err(_) => {
            complain(&format!("no HELLO within {:?}", args.timeout));
            return Exit::CouldNotRun;
        }
    };
    let mut events = client.events();
    let left = args.timeout.saturating_sub(start.elapsed());
    let asked = timeout(left, ask(args, &client))
        .await
        .unwrap_or(Err(RequestError::TimedOut));
    let code = match asked {
        Ok(Some(answer)) => {
            if say(&json_line(&answer)) {
                Exit::Success
            } else {
                Exit::Failure
            }
        }
        Ok(None) => Exit::Success,
        Err(RequestError::TimedOut) => {
            complain(&format!("no answer within {:?}", args.timeout));
            Exit::Failure
        }
        Err(RequestError::Disconnected) => {
            // The reason comes as an event.
            complain(&last_words(&mut events).await);
            return Exit::Failure;
        }
        Err(why) => {
            complain(&why.to_string());
            return Exit::Failure;
        }
    };
    if args.watch {
        return watch(&mut events).await;
    }
    match client.close().await {
        // An answer is an answer, whatever the server says afterwards; a dispatch has only this.
        Err(why @ Down::Closed { .. }) if args.dispatch => {
            complain(&why.to_string());
            Exit::Failure
        }
        Ok(()) | Err(_) => code,
    }
}

async fn ask(args: &RequestArgs, client: &Client) -> Result<Option<String>, RequestError> {
    if args.dispatch {
        client.dispatch(&args.w, &args.a).await?;
        return Ok(None);
    }
    let request = Request {
        w: &args.w,
        a: &args.a,
        nonce: args.nonce.as_deref(),
        timeout: None,
    };
    client.request_with(&request).await.map(Some)
}

async fn last_words(events: &mut Receiver<Event>) -> String {
    while let Ok(Ok(event)) = timeout(Duration::from_secs(2), events.recv()).await {
        if let Event::Down(why) = event {
            return why.to_string();
        }
    }
    RequestError::Disconnected.to_string()
}

/// Tells what happens until the connection ends.
async fn watch(events: &mut Receiver<Event>) -> Exit {
    loop {
        match events.recv().await {
            Ok(Event::Down(why)) => {
                complain(&why.to_string());
                return Exit::Failure;
            }
            Ok(event) => tell(&event),
            Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
            Err(tokio::sync::broadcast::error::RecvError::Closed) => return Exit::Failure,
        }
    }
}

fn tell(event: &Event) {
    let line = match event {
        Event::Greeted { hb_interval } => format!("HELLO, heartbeat every {hb_interval:?}"),
        Event::HeartbeatAck => "HEARTBEAT_ACK".to_owned(),
        Event::Stranger { nonce } => format!("RESPONSE that nobody asked for, nonce {nonce:?}"),
        Event::Asked { w, .. } => format!("REQUEST {w:?}"),
        Event::Told { w, .. } => format!("DISPATCH {w:?}"),
        Event::Ignored(what) => format!("passed over: {what:?}"),
        Event::Down(why) => format!("down: {why}"),
        Event::Waiting(wait) => format!("connecting again in {wait:.1?}"),
    };
    use std::io::Write;
    // Without stderr there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{line}");
}
