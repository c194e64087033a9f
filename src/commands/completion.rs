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
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    output::stdout(|out| out.write_all(&script))?;
    Ok(Answer::Yes)
}
