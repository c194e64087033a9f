//! Where a spec's output is committed: a folder or a file beside the spec, found by what the files say about themselves.

use std::{
    collections::{BTreeSet, HashMap},
    fmt, fs,
    path::{Path, PathBuf},
};

use redis_cluster_gen::error::Error;

use super::{
    marker,
    origin::{self, Origin},
    paths,
};
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

/// Folders and single files, each with the names of the specs that its text comes from; at least one.
type Known = Vec<(Home, BTreeSet<String>)>;

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
        let (folders, files) = self.found(spec)?;
        let found = if folders.is_empty() { files } else { folders };
        match found.as_slice() {
            [] => Ok(Home::Folder(path.parent().unwrap_or(Path::new("")).join(DEFAULT))),
            [only] => Ok(only.clone()),
            [one, other, ..] => Err(Error::Usage(format!(
                "both {one} and {other} have output of {}: remove one, or name the right one with --output-dir",
                path.display()
            ))),
        }
    }

    /// The files that have output of a spec beside the folder that is its home.
    pub(crate) fn passed_over(&mut self, spec: &Input) -> Result<Vec<Home>, Error> {
        let (folders, files) = self.found(spec)?;
        Ok(if folders.is_empty() { Vec::new() } else { files })
    }

    /// The folders and the files that have output of a spec.
    fn found(&mut self, spec: &Input) -> Result<(Vec<Home>, Vec<Home>), Error> {
        let From::File(path) = &spec.from else { return Ok((Vec::new(), Vec::new())) };
        let beside = path.parent().unwrap_or(Path::new("")).to_owned();
        let known = self.known.entry(beside.clone()).or_insert_with(|| known(&beside));
        let specs = origin::Specs::of([spec])?;
        let (mut folders, mut files) = (Vec::new(), Vec::new());
        for (home, names) in known {
            match home {
                Home::Folder(folder) => {
                    let name = paths::relative_to(folder, std::slice::from_ref(spec))?;
                    if name.iter().any(|name| names.contains(name)) {
                        folders.push(home.clone());
                    }
                }
                Home::File(file) => {
                    let names: Vec<_> = names.iter().map(String::as_str).collect();
                    if is_in(&origin::of(file, &names, &specs, false)?) {
                        files.push(home.clone());
                    }
                }
            }
        }
        Ok((folders, files))
    }
}

/// Whether a file that somebody names has output of a spec.
pub(crate) fn has_output(file: &Path, spec: &Input) -> Result<bool, Error> {
    let names = names_in_file(file);
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    Ok(is_in(&origin::of(file, &names, &origin::Specs::of([spec])?, true)?))
}

fn is_in(origins: &[Origin]) -> bool {
    origins.iter().any(|origin| matches!(origin, Origin::Spec(_)))
}

/// The folder as messages and commands name it.
pub(crate) fn shown(folder: &Path) -> String {
    if folder.as_os_str().is_empty() { ".".to_owned() } else { folder.display().to_string() }
}

fn known(beside: &Path) -> Known {
    let mut folders = vec![beside.to_owned()];
    for entry in entries(beside) {
        let name = entry.file_name();
        if entry.file_type().is_ok_and(|kind| kind.is_dir())
            && !name.to_string_lossy().starts_with('.')
        {
            folders.push(beside.join(name));
        }
    }
    let mut known: Known = folders.iter().flat_map(|folder| homes_in(folder)).collect();
    known.retain(|(_, names)| !names.is_empty());
    known.sort();
    known
}

fn homes_in(folder: &Path) -> Known {
    let (mut objects, mut homes) = (BTreeSet::new(), Vec::new());
    for entry in entries(folder) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let file = folder.join(&name);
        if origin::is_of_object(&name) {
            objects.extend(marker::in_file(&file).ok().flatten());
        } else if is_manifest_name(&name) {
            let names = names_in_file(&file);
            homes.push((Home::File(file), names));
        }
    }
    homes.push((Home::Folder(folder.to_owned()), objects));
    homes
}

/// The names of specs in a file; none if its first line is not ours.
fn names_in_file(file: &Path) -> BTreeSet<String> {
    let is_ours = marker::in_file(file).is_ok_and(|name| name.is_some());
    let text = if is_ours { fs::read_to_string(file).unwrap_or_default() } else { String::new() };
    marker::parts(&text).into_iter().map(|(name, _)| name.to_owned()).collect()
}

fn entries(folder: &Path) -> impl Iterator<Item = fs::DirEntry> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    fs::read_dir(folder).into_iter().flatten().flatten()
}
