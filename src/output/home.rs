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
    /// What a user names: a file that is there, or else a folder.
    pub(crate) fn at(path: &Path) -> Home {
        if path.is_file() { Home::File(path.to_owned()) } else { Home::Folder(path.to_owned()) }
    }

    pub(crate) fn path(&self) -> &Path {
        match self {
            Home::Folder(path) | Home::File(path) => path,
        }
    }

    pub(crate) fn exists(&self) -> bool {
        // The present folder has no name.
        self.path().as_os_str().is_empty() || self.path().exists()
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
    known: HashMap<PathBuf, Known>,
}

/// What is in a folder and in those in it.
struct Known {
    /// Folders and single files, each with the specs that its text comes from; at least one.
    homes: Vec<(Home, BTreeSet<String>)>,
    /// Files with nothing in them.
    empty: Vec<PathBuf>,
}

impl Homes {
    /// The home of a spec's output, in the spec's own folder or one in it: the folder whose files name the spec, or the one file that names it. Where
    /// there is neither, the one file that is empty, as a failed `render >FILE` leaves it; or else the folder `manifests` beside the spec.
    ///
    /// # Errors
    /// When more than one place has output of the spec, or the spec comes from stdin.
    pub(crate) fn of(&mut self, spec: &Input) -> Result<Home, Error> {
        let From::File(path) = &spec.from else {
            return Err(Error::Usage(
                "a spec from stdin has no folder beside it: name one with --output-dir".to_owned(),
            ));
        };
        let beside = path.parent().unwrap_or(Path::new("")).to_owned();
        let known = self.known.entry(beside.clone()).or_insert_with(|| Known::beside(&beside));
        let mut homes = Vec::new();
        for (home, origins) in &known.homes {
            let is_home = match home {
                Home::Folder(folder) => {
                    let name = paths::relative_to(folder, std::slice::from_ref(spec))?;
                    name.iter().any(|name| origins.contains(name))
                }
                Home::File(file) => is_in_file(file, origins, spec)?,
            };
            if is_home {
                homes.push(home);
            }
        }
        match (homes.as_slice(), known.empty.as_slice()) {
            ([], [only]) => Ok(Home::File(only.clone())),
            ([], _) => Ok(Home::Folder(beside.join(DEFAULT))),
            ([only], _) => Ok((*only).clone()),
            ([one, other, ..], _) => Err(Error::Usage(format!(
                "both {one} and {other} have output of {}: remove one, or name the right one with --output-dir",
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

impl Known {
    fn beside(beside: &Path) -> Known {
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
        let mut known = Known { homes: Vec::new(), empty: Vec::new() };
        for folder in folders {
            known.add(&folder);
        }
        known.homes.retain(|(_, origins)| !origins.is_empty());
        known.homes.sort();
        known
    }

    fn add(&mut self, folder: &Path) {
        let mut objects = BTreeSet::new();
        for entry in entries(folder) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let file = folder.join(&name);
            if is_object_file(&name) {
                objects.extend(marker::in_file(&entry.path()).ok().flatten());
            } else if is_manifest_name(&name) {
                if entry.metadata().is_ok_and(|data| data.is_file() && data.len() == 0) {
                    self.empty.push(file);
                } else {
                    let origins = origins_in_file(&file);
                    self.homes.push((Home::File(file), origins));
                }
            }
        }
        self.homes.push((Home::Folder(folder.to_owned()), objects));
    }
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
