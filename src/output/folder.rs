//! Documents into a folder, a file for each.
//!
//! First everything is compared and written under temporary names, then files are renamed into
//! place, and stale files are removed last. So each file is whole at any moment, and the folder
//! never lacks an object that both the old and the new output have.

mod current;

use std::{
    collections::{BTreeSet, HashMap},
    fs::{self, File},
    io::{self, Read, Write},
    ops::Range,
    path::{Path, PathBuf},
};

use redis_cluster_gen::{document::Document, error::Error, yaml};
use tempfile::TempPath;

use super::{
    Sink, Spool, kustomization,
    marker::{self, in_file},
    origin::{self, Origin},
    paths::{self, STDIN},
};
use crate::messages::Messages;

pub(crate) use current::{Finding, State};

/// Temporary files have a name that kubectl, kustomize, Flux and Argo CD do not take for a manifest.
const TEMPORARY: (&str, &str) = (".redis-cluster-gen-", ".tmp");

/// What to do beside writing the documents.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) kustomization: bool,
    pub(crate) prune: bool,
}

/// Documents on their way into a folder.
pub(crate) struct Folder {
    path: PathBuf,
    settings: Settings,
    messages: Messages,
    /// What the files call each spec: its path relative to the folder.
    origins: Vec<String>,
    files: Vec<Generated>,
    /// Which spec gives the file of a name.
    spec_of: HashMap<String, usize>,
    spool: Spool,
}

/// A file to be.
struct Generated {
    name: String,
    spec: usize,
    text: Range<u64>,
}

/// What there is to write.
struct Staged {
    /// Final names, and the files under their temporary names.
    new: Vec<(String, TempPath)>,
    /// The names of files that are there as they should be.
    unchanged: Vec<String>,
}

/// A file that is in the folder and comes from no spec of this run, or no longer.
struct Leftover {
    name: String,
    origin: String,
}

impl Folder {
    pub(crate) fn new(
        path: PathBuf,
        settings: Settings,
        origins: Vec<String>,
        messages: Messages,
    ) -> Folder {
        Folder {
            path,
            settings,
            messages,
            origins,
            files: Vec::new(),
            spec_of: HashMap::new(),
            spool: Spool::new(),
        }
    }
}

impl Sink for Folder {
    fn add(&mut self, spec: usize, documents: &[Document]) -> Result<(), Error> {
        for document in documents {
            let name = document.file_name();
            if let Some(other) = self.spec_of.insert(name.clone(), spec) {
                let (one, other) = (&self.origins[other], &self.origins[spec]);
                return Err(Error::Usage(format!(
                    "two objects would be written to the file {name}, from {one} and from {other}; \
                     rename one of them"
                )));
            }
            let origin = &self.origins[spec];
            let text = self.spool.push(|text| {
                text.push_str(&marker::line(origin));
                text.push_str("---\n");
                yaml::write(&document.value, text);
            })?;
            self.files.push(Generated { name, spec, text });
        }
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<(), Error> {
        fs::create_dir_all(&self.path).map_err(|error| self.failed("create", "", error))?;
        // Held to the end.
        let lock = lock(&self.path, self.messages);
        if lock.is_some() {
            self.remove_temporary()?;
        }
        let leftovers = self.leftovers()?;
        let mut staged = self.stage()?;
        let (stale, kept) = self.sort_leftovers(leftovers);
        if let Some(text) = self.kustomization(&kept)? {
            let name = kustomization::NAME.to_owned();
            let path = self.path.join(&name);
            if fs::read(&path).ok().as_deref() == Some(text.as_bytes()) {
                staged.unchanged.push(name);
            } else {
                staged.new.push((name, self.stage_file(kustomization::NAME, text.as_bytes())?));
            }
        }
        for name in staged.unchanged {
            self.messages.detail(format_args!("unchanged {}", self.path.join(name).display()));
        }
        for (name, temporary) in staged.new {
            let path = self.path.join(&name);
            temporary.persist(&path).map_err(|error| self.failed("write", &name, error.error))?;
            self.messages.note(format_args!("wrote {}", path.display()));
        }
        for name in stale {
            let path = self.path.join(&name);
            fs::remove_file(&path).map_err(|error| self.failed("remove", &name, error))?;
            self.messages.note(format_args!("removed {}", path.display()));
        }
        drop(lock);
        Ok(())
    }
}

impl Folder {
    /// Writes what is new or different under temporary names.
    fn stage(&mut self) -> Result<Staged, Error> {
        let mut staged = Staged { new: Vec::new(), unchanged: Vec::new() };
        let mut refused = Vec::new();
        let (mut text, mut old) = (Vec::new(), Vec::new());
        for file in std::mem::take(&mut self.files) {
            let path = self.path.join(&file.name);
            self.spool.read(&file.text, &mut text)?;
            match self.old_text(&path, text.len(), &mut old) {
                Ok(()) if old == text => {
                    staged.unchanged.push(file.name);
                    continue;
                }
                Ok(()) => match marker::in_first_line(&old) {
                    Some(origin) if self.may_replace(origin, &self.origins[file.spec]) => {}
                    Some(origin) => refused.push(format!(
                        "{} is generated from {origin}, not from {}",
                        path.display(),
                        self.origins[file.spec],
                    )),
                    None => refused.push(foreign(&path)),
                },
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(self.failed("read", &file.name, error)),
            }
            if refused.is_empty() {
                let temporary = self.stage_file(&file.name, &text)?;
                staged.new.push((file.name, temporary));
            }
        }
        if refused.is_empty() { Ok(staged) } else { Err(refusal(&refused)) }
    }

    /// Reads as much of a file as tells whether it is ours and whether it would change.
    fn old_text(&self, path: &Path, new_size: usize, old: &mut Vec<u8>) -> io::Result<()> {
        old.clear();
        if !fs::symlink_metadata(path)?.is_file() {
            // Not ours, whatever it is: a link, a folder.
            return Ok(());
        }
        let enough = marker::LONGEST.max(new_size as u64 + 1);
        File::open(path)?.take(enough).read_to_end(old).map(drop)
    }

    /// Whether a file that comes from `old` may be replaced by one from `new`: it is the same spec, or the old one is gone.
    fn may_replace(&self, old: &str, new: &str) -> bool {
        old == new || self.is_gone(old)
    }

    fn is_gone(&self, origin: &str) -> bool {
        origin == STDIN || fs::metadata(self.path.join(origin)).is_err()
    }

    /// Whether a file has what one of the specs gives, printed into one file.
    fn is_printed(&self, leftover: &Leftover) -> bool {
        let path = self.place().join(&leftover.name);
        let origins = origin::Specs::of([])
            .and_then(|none| origin::of(&path, &[&leftover.origin], &none, false));
        let (Ok([Origin::Other(spec)]), Ok(folder)) = (origins.as_deref(), paths::real(&self.path))
        else {
            return false;
        };
        let way = paths::real_file(spec).map(|spec| paths::relative(&spec, &folder));
        way.is_ok_and(|way| self.origins.contains(&way))
    }

    /// Whether the spec that gave a file is gone. Of what was printed into one file nobody knows where its spec was.
    fn is_left(&self, leftover: &Leftover) -> bool {
        leftover.origin != STDIN
            && origin::is_of_object(&leftover.name)
            && self.is_gone(&leftover.origin)
    }

    fn stage_file(&self, name: &str, text: &[u8]) -> Result<TempPath, Error> {
        self.try_stage_file(name, text).map_err(|error| self.failed("write", name, error))
    }

    fn try_stage_file(&self, name: &str, text: &[u8]) -> io::Result<TempPath> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(TEMPORARY.0).suffix(TEMPORARY.1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // A file that is there keeps its mode; a new one gets what the umask leaves.
            let mode = fs::metadata(self.path.join(name)).map(|old| old.permissions().mode());
            builder.permissions(fs::Permissions::from_mode(mode.unwrap_or(0o666) & 0o777));
        }
        #[cfg(not(unix))]
        let _ = name;
        let mut file = builder.tempfile_in(&self.path)?;
        file.write_all(text)?;
        // Or a power failure after the renaming could leave an empty file under the final name.
        file.as_file().sync_data()?;
        Ok(file.into_temp_path())
    }

    /// The files in the folder that are ours and that this run does not write.
    fn leftovers(&self) -> Result<Vec<Leftover>, Error> {
        let mut leftovers = Vec::new();
        for entry in self.entries()? {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            let is_ours = name != kustomization::NAME && !self.spec_of.contains_key(&name);
            if is_file && is_ours && name.ends_with(".yaml") {
                // One that cannot be read is nobody's.
                if let Ok(Some(origin)) = in_file(&entry.path()) {
                    leftovers.push(Leftover { name, origin });
                }
            }
        }
        leftovers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(leftovers)
    }

    /// Which leftovers to remove, and which to keep.
    fn sort_leftovers(&self, leftovers: Vec<Leftover>) -> (Vec<String>, Vec<Leftover>) {
        let origins: BTreeSet<&str> = self.origins.iter().map(String::as_str).collect();
        let (mut stale, mut kept) = (Vec::new(), Vec::new());
        for leftover in leftovers {
            let path = self.path.join(&leftover.name);
            let path = path.display();
            let origin = &leftover.origin;
            if !origins.contains(origin.as_str()) {
                if self.is_printed(&leftover) {
                    self.messages.warning(format_args!(
                        "{path} has the output of {origin}, too; remove it, or kubectl applies both"
                    ));
                } else if self.is_left(&leftover) {
                    self.messages.warning(format_args!(
                        "{path} is generated from {origin}, which is gone; remove it if it is not needed"
                    ));
                }
                kept.push(leftover);
            } else if origin == STDIN {
                // What came from stdin before may have been another spec.
                self.messages.warning(format_args!(
                    "{path} is generated from stdin, but not by this run; remove it if it is not needed"
                ));
                kept.push(leftover);
            } else if self.settings.prune {
                stale.push(leftover.name);
            } else {
                self.messages.detail(format_args!("kept {path}"));
                kept.push(leftover);
            }
        }
        (stale, kept)
    }

    /// The text of the folder's kustomization.yaml, if it should have one.
    fn kustomization(&self, kept: &[Leftover]) -> Result<Option<String>, Error> {
        let path = self.path.join(kustomization::NAME);
        let is_ours = |origin: io::Result<Option<String>>| {
            origin.is_ok_and(|origin| origin.as_deref() == Some(kustomization::ORIGIN))
        };
        let old =
            fs::symlink_metadata(&path).ok().map(|old| old.is_file() && is_ours(in_file(&path)));
        match old {
            // It is kept current, or it would name files that are gone.
            Some(true) => {}
            _ if !self.settings.kustomization => return Ok(None),
            Some(false) => return Err(refusal(&[foreign(&path)])),
            None => {}
        }
        for other in kustomization::OTHER_NAMES {
            let path = self.path.join(other);
            if fs::symlink_metadata(&path).is_ok() {
                return Err(Error::Usage(format!(
                    "{} is in the way: kustomize does not take a second file of its kind",
                    path.display()
                )));
            }
        }
        let new = self.spec_of.iter().map(|(name, spec)| (&self.origins[*spec], name));
        let kept = kept.iter().map(|file| (&file.origin, &file.name));
        Ok(Some(kustomization::text(new.chain(kept))))
    }

    /// Removes what a killed run has left.
    fn remove_temporary(&self) -> Result<(), Error> {
        for entry in self.entries()? {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(TEMPORARY.0) && name.ends_with(TEMPORARY.1) {
                fs::remove_file(entry.path())
                    .map_err(|error| self.failed("remove", &name, error))?;
            }
        }
        Ok(())
    }

    fn entries(&self) -> Result<Vec<fs::DirEntry>, Error> {
        fs::read_dir(self.place())
            .and_then(Iterator::collect)
            .map_err(|error| self.failed("read", "", error))
    }

    /// The folder for calls that do not take an empty path for the present one.
    fn place(&self) -> &Path {
        if self.path.as_os_str().is_empty() { Path::new(".") } else { &self.path }
    }

    fn failed(&self, action: &'static str, name: &str, source: io::Error) -> Error {
        let path = if name.is_empty() { self.path.clone() } else { self.path.join(name) };
        Error::Io { action, path, source }
    }
}

fn foreign(path: &Path) -> String {
    format!("{} is not generated by redis-cluster-gen", path.display())
}

/// That files are in the way.
fn refusal(reasons: &[String]) -> Error {
    Error::Usage(format!(
        "nothing was written, because files are in the way:\n  {}\nmove them away, or choose another folder",
        reasons.join("\n  ")
    ))
}

/// Waits until no other run writes to the folder. None where that cannot be known, as on some network file systems.
#[cfg(unix)]
fn lock(folder: &Path, messages: Messages) -> Option<File> {
    use rustix::{
        fs::{FlockOperation, flock},
        io::Errno,
    };
    let handle = File::open(folder).ok()?;
    match flock(&handle, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => {
            messages.note(format_args!("waiting for another run to finish {}", folder.display()));
            flock(&handle, FlockOperation::LockExclusive).ok()?;
        }
        result => result.ok()?,
    }
    Some(handle)
}

/// Waits until no other run writes to the folder. None where that cannot be known.
#[cfg(not(unix))]
fn lock(_: &Path, _: Messages) -> Option<File> {
    None
}
