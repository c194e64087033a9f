//! The folder where a spec's output is committed: beside the spec, found by what its files say about themselves.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
};

use redis_cluster_gen::error::Error;

use super::{marker, paths};
use crate::input::{From, Input};

/// The folder that is meant where no file says otherwise.
const DEFAULT: &str = "manifests";

/// The folders of specs, by the folders that the specs are in; each is looked through once.
#[derive(Default)]
pub(crate) struct Homes {
    known: HashMap<PathBuf, Vec<(PathBuf, BTreeSet<String>)>>,
}

impl Homes {
    /// The folder of a spec's output: the spec's own or one in it, whose files name the spec; `manifests` beside the spec where there is none.
    ///
    /// # Errors
    /// When more than one folder has files from the spec, or the spec comes from stdin.
    pub(crate) fn of(&mut self, spec: &Input) -> Result<PathBuf, Error> {
        let From::File(path) = &spec.from else {
            return Err(Error::Usage(
                "a spec from stdin has no folder beside it: name one with --output-dir".to_owned(),
            ));
        };
        let beside = path.parent().unwrap_or(Path::new("")).to_owned();
        let folders = self.known.entry(beside.clone()).or_insert_with(|| origins(&beside));
        let mut homes = Vec::new();
        for (folder, origins) in folders {
            let name = paths::relative_to(folder, std::slice::from_ref(spec))?;
            if name.iter().any(|name| origins.contains(name)) {
                homes.push(folder.clone());
            }
        }
        match homes.as_slice() {
            [] => Ok(beside.join(DEFAULT)),
            [only] => Ok(only.clone()),
            [one, other, ..] => Err(Error::Usage(format!(
                "both {} and {} have output of {}: remove one, or name the right one with --output-dir",
                shown(one),
                shown(other),
                path.display()
            ))),
        }
    }
}

/// The folder as messages and commands name it.
pub(crate) fn shown(folder: &Path) -> String {
    if folder.as_os_str().is_empty() { ".".to_owned() } else { folder.display().to_string() }
}

/// A folder and those in it, each with the specs that its files come from.
fn origins(beside: &Path) -> Vec<(PathBuf, BTreeSet<String>)> {
    let here = if beside.as_os_str().is_empty() { Path::new(".") } else { beside };
    let mut folders = vec![beside.to_owned()];
    for entry in fs::read_dir(here).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if entry.file_type().is_ok_and(|kind| kind.is_dir())
            && !name.to_string_lossy().starts_with('.')
        {
            folders.push(beside.join(name));
        }
    }
    folders.sort();
    let with_origins = |folder: PathBuf| {
        let origins = origins_in(if folder.as_os_str().is_empty() { here } else { &folder });
        (folder, origins)
    };
    folders.into_iter().map(with_origins).filter(|(_, origins)| !origins.is_empty()).collect()
}

fn origins_in(folder: &Path) -> BTreeSet<String> {
    let mut origins = BTreeSet::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_object_file(&name)
            && let Ok(Some(origin)) = marker::in_file(&entry.path())
        {
            origins.insert(origin);
        }
    }
    origins
}

/// Whether a file is named after an object, `[namespace_]group_version_kind_name.yaml`, and so is not the output of a whole spec in one file.
fn is_object_file(name: &str) -> bool {
    let is_version = |part: &str| {
        part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    name.ends_with(".yaml") && name.split('_').any(is_version)
}
