//! Arguments in, exit code out.

mod cli;
mod commands;
mod input;
mod manifests;
mod messages;
mod output;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use commands::Answer;
use messages::Messages;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help that nobody reads to its end is no failure.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    let messages = Messages::new(&cli.messages);
    let answer = match &cli.command {
        Command::Init(args) => commands::init::run(args, messages),
        Command::Validate(args) => commands::validate::run(args, messages),
        Command::Render(args) => commands::render::run(args, messages),
        Command::Diff(args) => commands::diff::run(args, messages),
        Command::Plan(args) => commands::plan::run(args, messages),
        Command::Check(args) => commands::check::run(args, messages),
        Command::Explain(args) => commands::explain::run(args),
        Command::Schema(_) => commands::schema::run(),
        Command::Completion(args) => commands::completion::run(args),
        Command::Man(args) => commands::man::run(args, messages),
        Command::Version(args) => commands::version::run(args),
    };
    match answer {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Ok(Answer::Reached) => ExitCode::from(3),
        Err(error) => {
            messages.error(error);
            ExitCode::from(2)
        }
    }
}
