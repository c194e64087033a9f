//! `init`: a spec to begin with, into a new file.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
};

use redis_cluster_gen::error::Error;

use super::Answer;
use crate::{
    cli::{Example, Init},
    input::DEFAULT_NAMES,
    messages::Messages,
    output,
};

pub(crate) fn run(args: &Init, messages: Messages) -> Result<Answer, Error> {
    let spec = for_anywhere(text(args.example));
    if args.path == Path::new("-") {
        output::print(spec)?;
        return Ok(Answer::Yes);
    }
    let is_folder = args.path.is_dir();
    let path = if is_folder { args.path.join(DEFAULT_NAMES[0]) } else { args.path.clone() };
    let folder = path.parent().unwrap_or(Path::new(""));
    // Two specs of a default name in one folder: one of them would be overlooked.
    for name in DEFAULT_NAMES {
        let other = folder.join(name);
        let is_default_name =
            path.file_name().is_some_and(|own| DEFAULT_NAMES.iter().any(|d| own == *d));
        if is_default_name && other.symlink_metadata().is_ok() {
            return Err(is_there(&other));
        }
    }
    fs::create_dir_all(folder).map_err(|error| failed("create", folder, error))?;
    match OpenOptions::new().write(true).create_new(true).open(&path) {
        Ok(mut file) => {
            file.write_all(spec.as_bytes()).map_err(|error| failed("write", &path, error))?;
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(is_there(&path)),
        Err(error) => return Err(failed("write", &path, error)),
    }
    messages.note(format_args!("wrote {}", path.display()));
    Ok(Answer::Yes)
}

fn text(example: Example) -> &'static str {
    match example {
        Example::Cache => include_str!("../../examples/cache/redis-cluster.yaml"),
        Example::External => include_str!("../../examples/external/redis-cluster.yaml"),
        Example::Local => include_str!("../../examples/local/redis-cluster.yaml"),
        Example::Minimal => include_str!("../../examples/minimal/redis-cluster.yaml"),
        Example::Production => include_str!("../../examples/production/redis-cluster.yaml"),
        Example::Seed => include_str!("../../examples/seed/redis-cluster.yaml"),
        Example::Tls => include_str!("../../examples/tls/redis-cluster.yaml"),
        Example::Valkey => include_str!("../../examples/valkey/redis-cluster.yaml"),
    }
}

/// Without the line that tells editors where the schema is: it holds in our repository only.
fn for_anywhere(text: &str) -> &str {
    match text.split_once('\n') {
        Some((first, rest)) if first.starts_with("# yaml-language-server:") => {
            rest.strip_prefix("#\n").unwrap_or(rest)
        }
        _ => text,
    }
}

fn is_there(path: &Path) -> Error {
    Error::Usage(format!("{} is there already, and is left as it is", path.display()))
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Io { action, path: path.to_owned(), source }
}
