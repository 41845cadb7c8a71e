//! The command line: arguments, one file per subcommand, exit codes.

/// Runs the program with the process's own arguments.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(2)
}
