//! What a person or CI types in this workspace; `cargo xtask help` lists it.
//!
//! Every command first sets up what the machine lacks, says what it does on standard error, and leaves
//! standard output to its results. Whatever a command started, it stops when it ends.

mod bench;
mod cluster;
mod console;
mod deadline;
mod docker;
mod http;
mod images;
mod options;
mod process;
mod setup;
mod sweep;
mod tally;
mod test;
mod verify;
mod workspace;

use std::process::ExitCode;

use options::Command;
use workspace::Workspace;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => report(&error),
    }
}

fn run() -> anyhow::Result<ExitCode> {
    let command = options::parse(lexopt::Parser::from_env())?;
    if let Command::Help = command {
        println!("{}", options::HELP);
        return Ok(ExitCode::SUCCESS);
    }
    process::forward_signals()?;
    let workspace = Workspace::discover()?;
    match command {
        Command::Help => Ok(ExitCode::SUCCESS),
        Command::Setup(options) => setup::command(&workspace, &options),
        Command::Cluster(options) => cluster::command(&workspace, &options),
        Command::Test(options) => test::command(&workspace, &options),
        Command::Verify(options) => verify::command(&workspace, &options),
        Command::Bench(options) => bench::command(&workspace, &options),
    }
}

/// One clear error, never a backtrace. A command that was interrupted has nothing to explain.
fn report(error: &anyhow::Error) -> ExitCode {
    if let Some(signal) = process::interrupted() {
        return ExitCode::from(128u8.saturating_add(signal));
    }
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}
