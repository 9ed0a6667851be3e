//! Developer commands, run as `cargo xtask …`. Nothing here is shipped.

mod bench;
mod postgres;
mod reference;
mod simulate;
mod tidy;
mod torture;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Developer commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check the rules of the house that no compiler checks: sizes, names, headers, directions.
    Tidy,
    /// Start a private test cluster, print its URI, and remove it on Ctrl-C.
    Postgres {
        /// A server setting, as name=value; may be given more than once.
        #[arg(long = "set", value_name = "NAME=VALUE")]
        settings: Vec<String>,
    },
    /// Simulate schedules of the cache's core, or let one broken rule be found out.
    Simulate {
        /// How many schedules.
        #[arg(long, default_value_t = 1_000_000)]
        schedules: u64,
        /// What makes the run repeatable.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// The rule to switch off.
        #[arg(long)]
        mutant: Option<String>,
    },
    /// Measure Courant beside its peers.
    Bench {
        #[command(subcommand)]
        bench: bench::Bench,
    },
    /// Torture the binary in front of a real PostgreSQL, with faults, and look for a broken promise.
    Torture(torture::Torture),
    /// Generate the reference pages under docs/.
    Reference {
        /// Change nothing; fail if a page is not up to date.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Tidy => tidy::run(),
        Command::Postgres { settings } => postgres::run(&settings),
        Command::Simulate { schedules, seed, mutant } => simulate::run(schedules, seed, mutant.as_deref()),
        Command::Bench { bench } => bench::run(bench),
        Command::Torture(asked) => torture::run(asked),
        Command::Reference { check } => reference::run(check),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
