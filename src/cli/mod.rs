//! The command line: arguments, one file per subcommand, exit codes.

use clap::{Parser, Subcommand};

mod client;
mod peers;
mod request;
mod serve;

#[derive(Parser)]
#[command(name = "litespec", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::ServeArgs),
    Client(client::ClientArgs),
    Request(request::RequestArgs),
}

/// Runs the program with the process's own arguments.
pub fn main() -> std::process::ExitCode {
    let code = match Cli::parse().command {
        Command::Serve(args) => serve::run(args),
        Command::Client(args) => client::run(args),
        Command::Request(args) => request::run(args),
    };
    code.into()
}
