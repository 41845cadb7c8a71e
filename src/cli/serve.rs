//! `litespec serve`: the reference server until it is interrupted.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::dialect::Dialect;
use super::exit::{Exit, Stop};
use super::local;
use super::peers::{PasswordArgs, block_on, complain, interrupted, say, time};
use super::zoo::ZooArgs;
use crate::protocol::packet::Interval;
use crate::reference::server::{Server, ServerConfig};
use crate::zoo::keeper::Keeper;
use crate::zoo::server::Member;

/// Runs the reference server.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
It answers requests for ECHO (its arguments), LATE (its arguments, so many milliseconds later as the
first one says) and NULL (null), and every other one with {\"error\":\"unknown request\"}.

With --dialect bidirectional it sends each client that has authenticated the dispatch WELCOME [],
and every half interval the request STATUS [N]. The answers are logged, and no more.

The first line on standard output says where it listens. SIGINT or SIGTERM closes every connection
with 1001 and ends it. Logs go to standard error; LITESPEC_LOG=litespec=debug shows more of them.

Examples:
  litespec serve
  litespec serve --listen 127.0.0.1:0 --format json
  litespec serve --hb-interval 400ms --password-file secret.txt
  litespec serve --defect timeout-never          a server to try your own tests on

Exit codes: 0 stopped by a signal, 1 ended by its defect, 2 usage, 4 cannot listen there.")]
pub(crate) struct ServeArgs {
    /// Address and port to listen on; port 0 lets the system choose
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:10101")]
    listen: SocketAddr,
    /// How often clients must send a heartbeat
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    hb_interval: Duration,
    /// In the bidirectional one it asks its clients too
    #[arg(long, value_enum, default_value = "text")]
    dialect: Dialect,
    #[command(flatten)]
    password: PasswordArgs,
    #[command(flatten)]
    zoo: ZooArgs,
    /// How the first line says where it listens
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// `ws://127.0.0.1:10101/`, in words
    Human,
    /// `{"ready":1,"url":"ws://127.0.0.1:10101/"}`
    Json,
}

/// Serves until a signal.
pub(crate) fn run(args: ServeArgs) -> Result<Exit, Stop> {
    let password = args.password.read().map_err(Stop::usage)?;
    let member = args.zoo.member()?;
    let millis = u64::try_from(args.hb_interval.as_millis()).ok();
    let Some(hb_interval) = millis.and_then(Interval::from_millis) else {
        return Err(Stop::usage("the heartbeat interval is out of range"));
    };
    let config = ServerConfig {
        listen: args.listen,
        hb_interval,
        password,
        talk: local::talk(args.dialect, args.hb_interval),
        ..ServerConfig::default()
    };
    Ok(block_on(serve(config, member, args.format)))
}

async fn serve(config: ServerConfig, member: Option<&'static Member>, format: Format) -> Exit {
    let (listen, hb_interval) = (config.listen, config.hb_interval.duration());
    let keeper = member.map(|member| Keeper::new(member, config.clone()));
    let bound = match &keeper {
        Some(keeper) => keeper.bind().await,
        None => Server::bind(config).await,
    };
    let server = match bound {
        Ok(server) => server,
        Err(error) => {
            complain(&format!("cannot listen on {listen}: {error}"));
            return Exit::CouldNotRun;
        }
    };
    let addr = server.local_addr();
    if !addr.ip().is_loopback() {
        tracing::warn!(
            "{addr} can be reached from other machines, and the password is sent in clear"
        );
    }
    let heard = match format {
        Format::Human => say(&format!(
            "listening on ws://{addr}/ (heartbeat every {hb_interval:?})"
        )),
        Format::Json => say(&format!(r#"{{"ready":1,"url":"ws://{addr}/"}}"#)),
    };
    if !heard {
        tracing::warn!("standard output is closed");
    }
    if let Some(member) = member {
        tracing::warn!("{}: {}", member.name, member.sentence);
    }
    let mut ended = false;
    server
        .run(async {
            tokio::select! {
                biased;
                () = interrupted() => {}
                () = Keeper::died_of(keeper.as_ref()) => ended = true,
            }
        })
        .await;
    match ended {
        true => {
            complain("the planted defect has ended the server");
            Exit::Failure
        }
        false => Exit::Success,
    }
}
