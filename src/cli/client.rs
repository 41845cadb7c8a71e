//! `litespec client`: the reference client, driven by lines of JSON on standard input.

use std::io::{BufRead, Read};
use std::task::{Context, Poll};
use std::time::Duration;

use clap::Args;
use tokio::sync::mpsc;

use super::dialect::ClientDialectArgs;
use super::exit::{Exit, Stop};
use super::peers::{PasswordArgs, block_on, complain, interrupted, say, time};
use super::zoo::ClientZooArgs;
use crate::reference::client::{Address, Client, ClientConfig};
use crate::reference::driver::{Line, drive};
use crate::wire::{Target, TcpDial};
use crate::zoo::client::{Keeper, Member};

/// The longest line that is read, in bytes.
const LONGEST_LINE: u64 = 4 << 20;

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
  litespec check-client -- litespec client '{url}' --defect beats-never

Exit codes: 0 standard input has ended, 1 ended by its defect, 2 usage, 130 interrupted.")]
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
    #[command(flatten)]
    zoo: ClientZooArgs,
}

/// Runs until standard input ends.
pub(crate) fn run(args: ClientArgs) -> Result<Exit, Stop> {
    let config = ClientConfig {
        password: args.password.read().map_err(Stop::usage)?,
        answers: args.dialect.answers()?,
        request_timeout: args.timeout,
        seed: args.seed,
        ..ClientConfig::default()
    };
    let Some(member) = args.zoo.member()? else {
        return Ok(block_on(obey(args.url, config)));
    };
    let target = Target::parse(&args.url.to_string()).map_err(|e| Stop::usage(e.to_string()))?;
    let dial = TcpDial::new(&target);
    Ok(block_on(obey_bent(member, dial, args.url, config)))
}

async fn obey(url: Address, config: ClientConfig) -> Exit {
    let mut lines = lines();
    let client = Client::start(url, config);
    tokio::select! {
        biased;
        () = interrupted() => {
            // The reason is the signal, whatever the server says to the close.
            let _ = client.close().await;
            Exit::Interrupted
        }
        () = drive(&client, |cx| lines.poll_recv(cx), say) => {
            let _ = client.close().await;
            Exit::Success
        }
    }
}

async fn obey_bent(
    member: &'static Member,
    dial: TcpDial,
    url: Address,
    config: ClientConfig,
) -> Exit {
    tracing::warn!("{}: {}", member.name, member.sentence);
    let mut lines = lines();
    let next = |cx: &mut Context<'_>| -> Poll<Option<Line>> { lines.poll_recv(cx) };
    tokio::select! {
        biased;
        () = interrupted() => Exit::Interrupted,
        died = Keeper::new(member, config).run(dial, url, next, say) => match died {
            Some(words) => {
                complain(&format!("the planted defect has ended the client: {words}"));
                Exit::Failure
            }
            None => Exit::Success,
        }
    }
}

/// The lines of standard input, read by a thread of their own, because nothing else can be waited for
/// while it is read.
fn lines() -> mpsc::Receiver<Line> {
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
            let line = match whole {
                true => Line::Text(line),
                false => Line::TooLong,
            };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
