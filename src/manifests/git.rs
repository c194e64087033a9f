//! Manifests in a commit, read with the `git` program. Nothing is checked out, fetched or written.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use redis_cluster_gen::{diff, error::Error};

use super::{Manifests, folder::is_manifest_name, source};
use crate::output::{marker, paths::normal};

/// A commit of a repository.
pub(crate) struct Commit {
    /// What the user calls it.
    reference: String,
    /// Its hash.
    hash: String,
    /// The top folder of the working tree, without links.
    top: PathBuf,
    /// The last commit that both this one and the present one come from; none where the clone does not have it.
    common: Option<String>,
}

/// A file in a commit.
struct Entry {
    mode: String,
    hash: String,
    path: String,
}

const SUBMODULE: &str = "160000";

impl Commit {
    /// Finds a commit in the repository that a folder, which need not exist, lies in.
    pub(crate) fn find(folder: &Path, reference: &str) -> Result<Commit, Error> {
        let (folder, _) = existing(folder)?;
        let top = git(&folder, &["rev-parse", "--show-toplevel"]).map_err(|reason| {
            Error::Usage(format!("{} is in no Git working tree: {reason}", folder.display()))
        })?;
        let top = PathBuf::from(text(top).trim_end_matches('\n'));
        let top = top.canonicalize().unwrap_or(top);
        let commit = format!("{reference}^{{commit}}");
        let found = git(&top, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]);
        match found {
            Ok(hash) => {
                let hash = text(hash).trim().to_owned();
                let common = git(&top, &["merge-base", "HEAD", &hash]);
                let common = common.ok().map(|common| text(common).trim().to_owned());
                Ok(Commit { reference: reference.to_owned(), hash, top, common })
            }
            Err(_) => Err(unknown(&top, reference)),
        }
    }

    /// The path of a folder from the top of the repository.
    pub(crate) fn path_of(&self, folder: &Path) -> Result<String, Error> {
        let (existing, rest) = existing(folder)?;
        match normal(&existing.join(rest)).strip_prefix(&self.top) {
            Ok(path) => Ok(path.to_string_lossy().replace('\\', "/")),
            Err(_) => Err(Error::Usage(format!(
                "{} is outside of the repository {}",
                folder.display(),
                self.top.display()
            ))),
        }
    }

    /// The manifests at a path, a folder or a file. Empty when the commit has nothing there.
    pub(crate) fn read(&self, path: &str) -> Result<Vec<Manifests>, Error> {
        let path = normal(Path::new(path)).to_string_lossy().replace('\\', "/");
        let entries = self.list(&path)?;
        if entries.is_empty() {
            self.refuse_submodule(&path)?;
        }
        if let Some(module) = entries.iter().find(|entry| entry.mode == SUBMODULE) {
            return Err(self.submodule(&module.path));
        }
        let entries: Vec<_> = entries
            .into_iter()
            .filter(|entry| entry.mode.starts_with("100"))
            .filter(|entry| {
                let name = entry.path.rsplit('/').next().unwrap_or_default();
                entry.path == path || is_manifest_name(name)
            })
            .collect();
        self.contents(entries)
    }

    /// Whether the present commit has lost a file that was there when the two parted.
    pub(crate) fn has_lost(&self, file: &Path) -> bool {
        let Some(common) = &self.common else { return false };
        let Ok(path) = self.path_of(file) else { return false };
        git(&self.top, &["cat-file", "-e", &format!("{common}:{path}")]).is_ok()
    }

    /// All output in the folders of the commit that have some of a spec; or, when the spec had another name then, in the one folder that has files of
    /// these names.
    pub(crate) fn generated(
        &self,
        is_from: impl Fn(&Manifests) -> Result<bool, Error>,
        names: &[String],
    ) -> Result<Vec<Manifests>, Error> {
        let pattern = marker::BEFORE;
        let found =
            git(&self.top, &["grep", "-l", "-z", "-F", "--full-name", "-e", pattern, &self.hash]);
        // 1 is nothing found.
        let Ok(found) = found else { return Ok(Vec::new()) };
        let prefix = format!("{}:", self.hash);
        let found = text(found);
        let paths = found.split('\0').filter_map(|line| line.strip_prefix(&prefix));
        let mut entries = Vec::new();
        for path in paths.filter(|path| path.ends_with(".yaml")) {
            entries.extend(self.list(path)?.into_iter().filter(|entry| entry.path == path));
        }
        let all = self.contents(entries)?;
        let mut from_spec = Vec::new();
        for manifests in &all {
            from_spec.push(is_from(manifests)?);
        }
        let both = all.iter().zip(&from_spec).filter(|(_, is)| **is);
        let folders: Vec<_> =
            both.filter_map(|(manifests, _)| Some(manifests.folder()?.to_owned())).collect();
        if !folders.is_empty() {
            let is_there =
                |text: &Manifests| folders.iter().any(|folder| text.folder() == Some(folder));
            return Ok(all.into_iter().filter(is_there).collect());
        }
        let path_of = |manifests: &Manifests| {
            let folder = manifests.folder().unwrap_or(Path::new(""));
            folder.strip_prefix(&self.top).map(Path::to_owned).unwrap_or_default()
        };
        let named = |manifests: &Manifests| {
            let name = manifests.source.name.rsplit('/').next().unwrap_or_default();
            names.iter().any(|other| other == name)
        };
        let mut folders: Vec<_> =
            all.iter().filter(|manifests| named(manifests)).map(path_of).collect();
        folders.sort();
        folders.dedup();
        match folders.as_slice() {
            [] => Ok(Vec::new()),
            [only] => Ok(all.into_iter().filter(|manifests| path_of(manifests) == *only).collect()),
            several => {
                let several: Vec<_> =
                    several.iter().map(|folder| folder.display().to_string()).collect();
                Err(Error::Usage(format!(
                    "{} has the objects in several folders: {}; name one: git:{}:PATH",
                    self.reference,
                    several.join(", "),
                    self.reference
                )))
            }
        }
    }

    /// The files at or below a path.
    fn list(&self, path: &str) -> Result<Vec<Entry>, Error> {
        let mut arguments = vec!["ls-tree", "-r", "-z", "--full-tree", self.hash.as_str()];
        if !path.is_empty() {
            arguments.extend(["--", path]);
        }
        let listed = git(&self.top, &arguments).map_err(|reason| {
            Error::Usage(format!("git cannot list {}: {reason}", self.reference))
        })?;
        Ok(text(listed)
            .split('\0')
            .filter_map(|line| {
                let (about, path) = line.split_once('\t')?;
                let mut about = about.split(' ');
                let (mode, _, hash) = (about.next()?, about.next()?, about.next()?);
                Some(Entry { mode: mode.to_owned(), hash: hash.to_owned(), path: path.to_owned() })
            })
            .collect())
    }

    /// What is in files, all asked from one process.
    fn contents(&self, entries: Vec<Entry>) -> Result<Vec<Manifests>, Error> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let hashes: String = entries.iter().map(|entry| format!("{}\n", entry.hash)).collect();
        let answer =
            git_with_input(&self.top, &["cat-file", "--batch"], hashes).map_err(|reason| {
                Error::Usage(format!("git cannot read {}: {reason}", self.reference))
            })?;
        let mut rest = answer.as_slice();
        let mut found = Vec::new();
        for entry in entries {
            let missing = || {
                Error::Usage(format!(
                    "{}:{} is not in this clone; fetch it first",
                    self.reference, entry.path
                ))
            };
            let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(missing)?;
            let heading = String::from_utf8_lossy(&rest[..end]).into_owned();
            rest = &rest[end + 1..];
            let size: usize = heading
                .strip_prefix(&format!("{} blob ", entry.hash))
                .and_then(|size| size.parse().ok())
                .filter(|size| *size < rest.len())
                .ok_or_else(missing)?;
            let bytes = rest[..size].to_vec();
            rest = &rest[size + 1..];
            let source = source(format!("{}:{}", self.reference, entry.path), bytes)?;
            found.push(Manifests { source, file: Some(self.top.join(&entry.path)) });
        }
        Ok(found)
    }

    /// Refuses a path that lies in a submodule, whose files the commit does not have.
    fn refuse_submodule(&self, path: &str) -> Result<(), Error> {
        let ends = path.match_indices('/').map(|(end, _)| &path[..end]).chain([path]);
        for above in ends.filter(|above| !above.is_empty()) {
            let arguments = ["ls-tree", "-z", "--full-tree", &self.hash, "--", above];
            if git(&self.top, &arguments).is_ok_and(|listed| text(listed).starts_with(SUBMODULE)) {
                return Err(self.submodule(above));
            }
        }
        Ok(())
    }

    fn submodule(&self, path: &str) -> Error {
        Error::Usage(format!(
            "{path} is a submodule, and {} has only its commit; run in the submodule instead",
            self.reference
        ))
    }
}

/// Why there is no such commit, and what to do.
fn unknown(top: &Path, reference: &str) -> Error {
    let yes = |arguments: &[&str]| git(top, arguments).map(text).unwrap_or_default();
    let remote = format!("refs/remotes/origin/{reference}");
    let hint = if !yes(&["rev-parse", "--verify", "--quiet", "--end-of-options", &remote])
        .is_empty()
    {
        format!("; did you mean git:origin/{reference}?")
    } else if yes(&["rev-parse", "--is-shallow-repository"]).trim() == "true" {
        format!(
            "; this clone is shallow: git fetch --depth=1 origin {reference}, then git:FETCH_HEAD"
        )
    } else {
        "; fetch it first, if it is on a remote".to_owned()
    };
    Error::Usage(format!("there is no commit `{reference}` in {}{hint}", top.display()))
}

/// The nearest folder on the way to a path that exists, without links, and the rest of the way.
fn existing(path: &Path) -> Result<(PathBuf, PathBuf), Error> {
    let failed = |source| Error::Io { action: "read", path: path.to_owned(), source };
    let whole = normal(&std::env::current_dir().map_err(failed)?.join(path));
    let folder = whole.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
    let rest = whole.strip_prefix(folder).unwrap_or(Path::new("")).to_owned();
    Ok((folder.canonicalize().map_err(failed)?, rest))
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

fn git(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>, String> {
    git_with_input(folder, arguments, String::new())
}

/// Runs git, and gives what it prints, or why it failed.
fn git_with_input(folder: &Path, arguments: &[&str], input: String) -> Result<Vec<u8>, String> {
    let mut command = Command::new("git");
    command
        .args(["--no-pager", "--literal-pathspecs"])
        .args(arguments)
        .current_dir(folder)
        // Nothing is written, fetched or asked for.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("git cannot be run: {error}"))?;
    let writer = child.stdin.take().map(|mut stdin| {
        // Git answers while it is asked, so both have to go on at the same time.
        thread::spawn(move || drop(stdin.write_all(input.as_bytes())))
    });
    let output = child.wait_with_output().map_err(|error| format!("git failed: {error}"))?;
    if let Some(writer) = writer {
        let _ = writer.join();
    }
    if output.status.success() {
        return Ok(output.stdout);
    }
    let reason = text(output.stderr);
    let line = reason.lines().next().unwrap_or("git failed").trim_start_matches("fatal: ");
    Err(diff::hide_shapes(line))
}
