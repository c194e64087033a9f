//! `completion`: a completion script, to stdout.

use redis_cluster_gen::error::Error;

use super::Answer;
use crate::{
    cli::{self, Completion},
    output,
};

pub(crate) fn run(args: &Completion) -> Result<Answer, Error> {
    let mut command = cli::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, &name, &mut script);
    let script = String::from_utf8_lossy(&script);
    let script = repaired(&script, &name);
    output::print(script)?;
    Ok(Answer::Yes)
}

/// Gives the name of the program one spelling in the labels of the script for bash. As generated it has two, so that
/// nothing is completed after a subcommand: <https://github.com/clap-rs/clap/issues/6421>.
fn repaired(script: &str, name: &str) -> String {
    let (label, label_of_subcommands) = (name.replace('-', "__"), name.replace('-', "__subcmd__"));
    script.replace(&label_of_subcommands, &label)
}
