//! The command `courant`: hands its arguments to `cli` and turns the outcome into an exit code.
//!
//! 0: done. 1: it failed. 2: it was asked for something that cannot be, and one line on standard error
//! says what to change.

mod admin;
mod answer;
mod app;
mod atomic;
mod audit;
mod batch;
mod bypass;
mod changes;
mod check;
mod cli;
mod clock;
mod config;
mod consistency;
mod control;
mod demo;
mod doctor;
mod embedded;
mod ended;
mod explain;
mod failure;
mod flight;
mod guard;
mod identity;
mod init;
mod lifetime;
mod listen;
mod log;
mod loops;
mod marks;
mod named;
mod node;
mod packed;
mod preamble;
mod progress;
mod proxy;
mod queue;
mod recall;
mod reload;
mod request;
mod response;
mod row;
mod schema;
mod settled;
mod sighted;
mod telemetry;
mod timing;
mod validator;
mod variants;
mod webhook;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line, whatever was said below: logs and supervisors show the last line of a failed start.
            eprintln!("courant: {}", cli::one_line(&error));
            ExitCode::from(cli::exit_code(&error))
        }
    }
}
