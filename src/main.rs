//! The `litespec` binary: hands its arguments to [`litespec::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    litespec::cli::main()
}
