//! Which spec files are meant: paths, folders and patterns in, files out, each once and in order.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use redis_cluster_gen::{
    error::{Error, Problem, Source},
    yaml,
};

use crate::output::{marker, stages};

/// The names of the spec that is meant when none is named, the first that exists.
pub(crate) const DEFAULT_NAMES: [&str; 2] = ["redis-cluster.yaml", "redis-cluster.yml"];

/// A spec to read.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) from: From,
    met: Met,
}

/// How a file was met: what nobody named may turn out not to be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    Named,
    InNamedFolder,
    ByTheWay,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum From {
    Stdin,
    File(PathBuf),
}

/// What is in an input.
#[derive(Debug)]
pub(crate) enum Content {
    Text(Arc<Source>),
    /// Why the bytes are no text.
    NoText(Box<Problem>),
    /// It was met by the way, and is not a spec but our own output: manifests, or the stage of a plan where the plan wrote it.
    Output,
}

impl Input {
    /// A file.
    pub(crate) fn file(path: PathBuf) -> Input {
        Input { from: From::File(path), met: Met::Named }
    }

    /// The name that messages use.
    pub(crate) fn name(&self) -> String {
        match &self.from {
            From::Stdin => "<stdin>".to_owned(),
            From::File(path) => path.display().to_string(),
        }
    }

    /// Whether it is our own output, which nobody named.
    pub(crate) fn is_output(&self) -> bool {
        self.met != Met::Named && matches!(self.read(), Ok(Content::Output))
    }

    pub(crate) fn read(&self) -> Result<Content, Error> {
        let bytes = match &self.from {
            From::Stdin => read_limited(io::stdin().lock(), 0),
            From::File(path) => File::open(path).and_then(|file| {
                let metadata = file.metadata()?;
                if metadata.is_dir() {
                    return Err(io::ErrorKind::IsADirectory.into());
                }
                read_limited(file, metadata.len())
            }),
        };
        let bytes = bytes.map_err(|source| Error::Io {
            action: "read",
            path: self.name().into(),
            source,
        })?;
        if let From::File(path) = &self.from
            && self.met == Met::ByTheWay
            && stages::is_in_place(path, &bytes)
        {
            return Ok(Content::Output);
        }
        if marker::in_first_line(&bytes).is_some() {
            if self.met != Met::Named {
                return Ok(Content::Output);
            }
            let name = self.name();
            return Err(Error::Usage(format!("{name} is output of redis-cluster-gen, not a spec")));
        }
        Ok(match yaml::source_from_bytes(self.name(), bytes) {
            Ok(source) => Content::Text(source),
            Err(problem) => Content::NoText(problem),
        })
    }
}

/// The specs that the arguments name, without our own output; never empty.
pub(crate) fn find_specs<'a>(
    arguments: impl ExactSizeIterator<Item = &'a PathBuf>,
) -> Result<Vec<Input>, Error> {
    let mut inputs = find(arguments)?;
    inputs.retain(|input| !input.is_output());
    if inputs.is_empty() { Err(nothing_but_output()) } else { Ok(inputs) }
}

/// The specs that the arguments name, and our own output beside them; never empty.
pub(crate) fn find<'a>(
    arguments: impl ExactSizeIterator<Item = &'a PathBuf>,
) -> Result<Vec<Input>, Error> {
    if arguments.len() == 0 {
        let names = DEFAULT_NAMES.map(PathBuf::from).into_iter();
        let Some(path) = names.into_iter().find(|path| path.symlink_metadata().is_ok()) else {
            let [first, second] = DEFAULT_NAMES;
            return Err(Error::Usage(format!(
                "there is neither {first} nor {second} in the working directory; \
                 name a spec, or write one with `redis-cluster-gen init`"
            )));
        };
        return Ok(vec![Input::file(path)]);
    }
    let mut inputs = Inputs::default();
    for argument in arguments {
        inputs.add_argument(argument)?;
    }
    Ok(inputs.list)
}

/// That all files that were met turned out to be our own output.
pub(crate) fn nothing_but_output() -> Error {
    Error::Usage("the files that were found are output of redis-cluster-gen, not specs".to_owned())
}

#[derive(Default)]
struct Inputs {
    list: Vec<Input>,
    stdin: bool,
    known: HashSet<FileId>,
}

impl Inputs {
    fn add_argument(&mut self, argument: &Path) -> Result<(), Error> {
        if argument == Path::new("-") {
            if !self.stdin {
                self.list.push(Input { from: From::Stdin, met: Met::Named });
            }
            self.stdin = true;
            return Ok(());
        }
        match fs::metadata(argument) {
            Ok(metadata) if metadata.is_dir() => {
                if !self.add_folder(argument, Met::InNamedFolder)? {
                    return Err(Error::Usage(format!(
                        "no file in {} is named {} or *.{}",
                        argument.display(),
                        DEFAULT_NAMES[0],
                        DEFAULT_NAMES[0],
                    )));
                }
                Ok(())
            }
            Ok(metadata) => {
                self.add_file(argument, &metadata, Met::Named);
                Ok(())
            }
            // What is no file may be a pattern.
            Err(error) => match argument.to_str().filter(|text| text.contains(['*', '?', '['])) {
                Some(pattern) => self.add_pattern(pattern),
                None => Err(Error::Io { action: "read", path: argument.to_owned(), source: error }),
            },
        }
    }

    fn add_pattern(&mut self, pattern: &str) -> Result<(), Error> {
        // As in a shell: a wildcard does not match a leading dot.
        let options =
            glob::MatchOptions { require_literal_leading_dot: true, ..Default::default() };
        let paths = glob::glob_with(pattern, options)
            .map_err(|error| Error::Usage(format!("{pattern} is not a pattern: {error}")))?;
        let mut any = false;
        for path in paths {
            let path = path.map_err(|error| {
                let path = error.path().to_owned();
                Error::Io { action: "read", path, source: error.into() }
            })?;
            let metadata = metadata(&path)?;
            if metadata.is_dir() {
                any |= self.add_folder(&path, Met::InNamedFolder)?;
            } else {
                self.add_file(&path, &metadata, Met::ByTheWay);
                any = true;
            }
        }
        if any { Ok(()) } else { Err(Error::Usage(format!("no spec matches {pattern}"))) }
    }

    /// Adds the specs in a folder and below it, and says whether there are any.
    fn add_folder(&mut self, folder: &Path, met: Met) -> Result<bool, Error> {
        let unreadable = |source| Error::Io { action: "read", path: folder.to_owned(), source };
        let mut entries = fs::read_dir(folder)
            .and_then(Iterator::collect::<io::Result<Vec<_>>>)
            .map_err(unreadable)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        let mut any = false;
        for entry in entries {
            let path = if folder == Path::new(".") {
                PathBuf::from(entry.file_name())
            } else {
                entry.path()
            };
            let kind = entry.file_type().map_err(unreadable)?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if kind.is_dir() {
                // Links to folders are not followed: they can lead in a circle.
                if !name.starts_with('.') {
                    any |= self.add_folder(&path, Met::ByTheWay)?;
                }
            } else if is_spec_name(&name) {
                let metadata = metadata(&path)?;
                if !metadata.is_dir() {
                    self.add_file(&path, &metadata, met);
                    any = true;
                }
            }
        }
        Ok(any)
    }

    fn add_file(&mut self, path: &Path, metadata: &fs::Metadata, met: Met) {
        if self.known.insert(file_id(path, metadata)) {
            self.list.push(Input { from: From::File(path.to_owned()), met });
        }
    }
}

/// `redis-cluster.yaml`, `orders.redis-cluster.yml` and the like, not hidden.
fn is_spec_name(name: &str) -> bool {
    !name.starts_with('.')
        && DEFAULT_NAMES.iter().any(|spec| {
            name.strip_suffix(spec).is_some_and(|stem| stem.is_empty() || stem.ends_with('.'))
        })
}

fn metadata(path: &Path) -> Result<fs::Metadata, Error> {
    fs::metadata(path).map_err(|source| Error::Io { action: "read", path: path.to_owned(), source })
}

/// What two paths to the same file have in common.
#[cfg(unix)]
type FileId = (u64, u64);
#[cfg(unix)]
fn file_id(_: &Path, metadata: &fs::Metadata) -> FileId {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// What two paths to the same file have in common.
#[cfg(not(unix))]
type FileId = PathBuf;
#[cfg(not(unix))]
fn file_id(path: &Path, _: &fs::Metadata) -> FileId {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// Reads one byte more than a spec may have, so that a file of any size costs no more than that.
fn read_limited(from: impl Read, size: u64) -> io::Result<Vec<u8>> {
    let limit = yaml::MAX_BYTES as u64 + 1;
    let mut bytes = Vec::with_capacity(usize::try_from(size.min(limit) + 1).unwrap_or_default());
    from.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}
