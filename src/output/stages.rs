//! The stages of a plan into a folder: for each a folder with its spec, and the manifests of that in a folder beside it.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use redis_cluster_gen::{
    error::Error,
    steps::{Stage, Steps},
};
use tempfile::NamedTempFile;

use super::{Folder, Sink, folder, io_error};
use crate::messages::Messages;

/// The spec of a stage, and what it renders to.
const SPEC: &str = "redis-cluster.yaml";
const MANIFESTS: &str = "manifests";

/// By this a spec is known that an earlier run wrote.
const MARK: &str = "# Stage ";
const MARK_END: &str = " of a plan by redis-cluster-gen.";

/// Whether a file lies where a plan wrote it: in the folder of the stage that its first line names.
pub(crate) fn is_in_place(path: &Path, bytes: &[u8]) -> bool {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    let (Ok(line), Some((number, stage))) =
        (str::from_utf8(line), folder.and_then(|name| name.split_once('-')))
    else {
        return false;
    };
    is_mark(line) && line.starts_with(&format!("{MARK}{number}, {stage}, of "))
}

/// Writes all stages, each file whole or not at all.
///
/// # Errors
/// When a file is in the way that no plan wrote, or something cannot be written. The first is found out before anything is written.
pub(crate) fn write(folder: &Path, steps: &Steps, messages: Messages) -> Result<(), Error> {
    let folders: Vec<(PathBuf, &Stage)> = (1..)
        .zip(&steps.stages)
        .map(|(number, stage)| (folder.join(format!("{number}-{}", stage.name)), stage))
        .collect();
    check(folder, &folders)?;
    for (number, (folder, stage)) in (1..).zip(&folders) {
        fs::create_dir_all(folder).map_err(|error| io_error("create", folder.display(), error))?;
        let mark = format!("{MARK}{number}, {}, of {}{MARK_END}\n", stage.name, steps.cluster);
        let spec = folder.join(SPEC);
        let failed = |error| io_error("write", spec.display(), error);
        let mut file =
            NamedTempFile::with_prefix_in(".redis-cluster-gen-", folder).map_err(failed)?;
        file.write_all(mark.as_bytes())
            .and_then(|()| file.write_all(without_mark(&stage.spec).as_bytes()))
            .map_err(failed)?;
        make_readable(&file).map_err(failed)?;
        file.persist(&spec).map_err(|error| failed(error.error))?;
        let settings = folder::Settings { kustomization: false, prune: true };
        let origin = vec![format!("../{SPEC}")];
        let mut sink = Box::new(Folder::new(folder.join(MANIFESTS), settings, origin, messages));
        sink.add(0, &stage.documents)?;
        sink.commit()?;
    }
    Ok(())
}

/// Temporary files are their owner's alone.
#[cfg(unix)]
fn make_readable(file: &NamedTempFile) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_: &NamedTempFile) -> std::io::Result<()> {
    Ok(())
}

/// The text without the mark of the stage that it was taken from, as when a stage has been put in the place of the spec.
fn without_mark(text: &str) -> &str {
    match text.split_once('\n') {
        Some((first, rest)) if is_mark(first) => rest,
        _ => text,
    }
}

fn is_mark(line: &str) -> bool {
    let line = line.trim_end_matches('\r');
    line.starts_with(MARK) && line.ends_with(MARK_END)
}

/// Refuses to write over anything that no plan wrote, or beside the stages of another plan.
fn check(folder: &Path, folders: &[(PathBuf, &Stage)]) -> Result<(), Error> {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if !folders.iter().any(|(stage, _)| *stage == path) {
            return Err(Error::Usage(format!(
                "{} is in the folder, and is no stage of this plan: give a folder of its own, or remove it",
                path.display()
            )));
        }
    }
    for (folder, _) in folders {
        let spec = folder.join(SPEC);
        match fs::read_to_string(&spec) {
            Ok(text) if text.lines().next().is_some_and(is_mark) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_error("read", spec.display(), error)),
            Ok(_) => {
                return Err(Error::Usage(format!(
                    "{} was not written by a plan, so it stays: give another folder",
                    spec.display()
                )));
            }
        }
    }
    Ok(())
}
