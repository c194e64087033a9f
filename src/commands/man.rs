//! `man`: manual pages, to stdout or into a folder.

use std::{fs, io, path::Path};

use redis_cluster_gen::error::Error;

use super::Answer;
use crate::{
    cli::{self, Man},
    messages::Messages,
    output,
};

pub(crate) fn run(args: &Man, messages: Messages) -> Result<Answer, Error> {
    // What `help` prints is on the commands' own pages.
    let mut command = cli::command().disable_help_subcommand(true);
    let Some(folder) = &args.output_dir else {
        let page = page(command).map_err(|source| failed("write", Path::new("stdout"), source))?;
        output::print(page)?;
        return Ok(Answer::Yes);
    };
    // Gives subcommands their full names.
    command.build();
    fs::create_dir_all(folder).map_err(|source| failed("create", folder, source))?;
    write(command, folder, messages)?;
    Ok(Answer::Yes)
}

/// Writes the page of a command and those of its subcommands.
fn write(command: clap::Command, folder: &Path, messages: Messages) -> Result<(), Error> {
    for subcommand in command.get_subcommands().cloned() {
        write(subcommand, folder, messages)?;
    }
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let path = folder.join(format!("{name}.1"));
    let page = page(command).map_err(|source| failed("write", &path, source))?;
    fs::write(&path, page).map_err(|source| failed("write", &path, source))?;
    messages.note(format_args!("wrote {}", path.display()));
    Ok(())
}

fn page(command: clap::Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(page)
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Io { action, path: path.to_owned(), source }
}
