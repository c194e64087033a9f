//! Where a spec's output is committed: a folder or a file beside the spec, found by what the files say about themselves.

use std::{
    collections::{BTreeSet, HashMap},
    fmt, fs,
    path::{Path, PathBuf},
};

use redis_cluster_gen::error::Error;

use super::{marker, paths};
use crate::{
    input::{From, Input},
    manifests::is_manifest_name,
};

/// The folder that is meant where no file says otherwise.
const DEFAULT: &str = "manifests";

/// Where a spec's output is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Home {
    /// A file for each object, as `render --output-dir` writes them.
    Folder(PathBuf),
    /// One file, as `render >FILE` writes it.
    File(PathBuf),
}

impl Home {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Home::Folder(path) | Home::File(path) => path,
        }
    }

    /// A file of a folder, or the file itself.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        match self {
            Home::Folder(folder) => folder.join(name),
            Home::File(file) => file.clone(),
        }
    }
}

/// As messages and commands name it.
impl fmt::Display for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(self.path()))
    }
}

/// The homes of specs, by the folders that the specs are in; each is looked through once.
#[derive(Default)]
pub(crate) struct Homes {
    known: HashMap<PathBuf, Vec<(Home, BTreeSet<String>)>>,
}

impl Homes {
    /// The home of a spec's output, in the spec's own folder or one in it: the folder whose files name the spec, or else the one file that names it;
    /// the folder `manifests` beside the spec where there is neither.
    ///
    /// # Errors
    /// When more than one folder, or more than one file, has output of the spec, or the spec comes from stdin.
    pub(crate) fn of(&mut self, spec: &Input) -> Result<Home, Error> {
        let From::File(path) = &spec.from else {
            return Err(Error::Usage(
                "a spec from stdin has no folder beside it: name one with --output-dir".to_owned(),
            ));
        };
        let beside = path.parent().unwrap_or(Path::new("")).to_owned();
        let known = self.known.entry(beside.clone()).or_insert_with(|| origins(&beside));
        let (mut folders, mut files) = (Vec::new(), Vec::new());
        for (home, origins) in known {
            match home {
                Home::Folder(folder) => {
                    let name = paths::relative_to(folder, std::slice::from_ref(spec))?;
                    if name.iter().any(|name| origins.contains(name)) {
                        folders.push(home.clone());
                    }
                }
                Home::File(file) => {
                    if is_in_file(file, origins, spec)? {
                        files.push(home.clone());
                    }
                }
            }
        }
        let (found, remedy) = if folders.is_empty() {
            (files, "remove one")
        } else {
            (folders, "remove one, or name the right one with --output-dir")
        };
        match found.as_slice() {
            [] => Ok(Home::Folder(beside.join(DEFAULT))),
            [only] => Ok(only.clone()),
            [one, other, ..] => Err(Error::Usage(format!(
                "both {one} and {other} have output of {}: {remedy}",
                path.display()
            ))),
        }
    }
}

/// Whether a file, anywhere, has output of a spec.
pub(crate) fn has_output(file: &Path, spec: &Input) -> Result<bool, Error> {
    is_in_file(file, &origins_in_file(file), spec)
}

fn is_in_file(file: &Path, origins: &BTreeSet<String>, spec: &Input) -> Result<bool, Error> {
    let folder = file.parent().unwrap_or(Path::new(""));
    for origin in origins {
        if paths::is_from(folder, origin, spec)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The folder as messages and commands name it.
pub(crate) fn shown(folder: &Path) -> String {
    if folder.as_os_str().is_empty() { ".".to_owned() } else { folder.display().to_string() }
}

/// A folder and those in it, and single files in them, each with the specs that its text comes from.
fn origins(beside: &Path) -> Vec<(Home, BTreeSet<String>)> {
    let mut folders = vec![beside.to_owned()];
    for entry in entries(beside) {
        let name = entry.file_name();
        if entry.file_type().is_ok_and(|kind| kind.is_dir())
            && !name.to_string_lossy().starts_with('.')
        {
            folders.push(beside.join(name));
        }
    }
    folders.sort();
    let mut homes: Vec<_> = folders.into_iter().flat_map(|folder| origins_in(&folder)).collect();
    homes.retain(|(_, origins)| !origins.is_empty());
    homes
}

fn origins_in(folder: &Path) -> Vec<(Home, BTreeSet<String>)> {
    let (mut objects, mut homes) = (BTreeSet::new(), Vec::new());
    for entry in entries(folder) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_object_file(&name) {
            objects.extend(marker::in_file(&entry.path()).ok().flatten());
        } else if is_manifest_name(&name) {
            let file = folder.join(&name);
            homes.push((Home::File(file.clone()), origins_in_file(&file)));
        }
    }
    homes.sort();
    homes.push((Home::Folder(folder.to_owned()), objects));
    homes
}

/// The specs that the parts of a file name; none if its first line is not ours.
fn origins_in_file(file: &Path) -> BTreeSet<String> {
    let is_ours = marker::in_file(file).is_ok_and(|origin| origin.is_some());
    let text = if is_ours { fs::read_to_string(file).unwrap_or_default() } else { String::new() };
    marker::parts(&text).into_iter().map(|(origin, _)| origin.to_owned()).collect()
}

fn entries(folder: &Path) -> impl Iterator<Item = fs::DirEntry> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    fs::read_dir(folder).into_iter().flatten().flatten()
}

/// Whether a file is named after an object, `[namespace_]group_version_kind_name.yaml`, and so is not the output of a whole spec in one file.
fn is_object_file(name: &str) -> bool {
    let is_version = |part: &str| {
        part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    name.ends_with(".yaml") && name.split('_').any(is_version)
}
