//! A folder of its own for a test, and the binary run in it with nothing from the outside.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_redis-cluster-gen");

pub(crate) struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    /// An empty folder.
    pub(crate) fn new() -> Sandbox {
        Sandbox { folder: TempDir::with_prefix("rcg-").expect("a scratch folder") }
    }

    /// An empty folder in memory, where the system has such: waiting for a disk takes most of a short run.
    pub(crate) fn in_memory() -> Sandbox {
        match TempDir::with_prefix_in("rcg-", "/dev/shm") {
            Ok(folder) => Sandbox { folder },
            Err(_) => Sandbox::new(),
        }
    }

    /// A folder with files.
    pub(crate) fn with(files: &[(&str, &str)]) -> Sandbox {
        let sandbox = Sandbox::new();
        for (path, text) in files {
            sandbox.write(path, text);
        }
        sandbox
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes a file, and the folders that it is in.
    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders can be made");
        fs::write(path, text).expect("files can be written");
    }

    pub(crate) fn read(&self, path: &str) -> String {
        let path = self.path(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The names in a folder, sorted; none if there is no folder.
    pub(crate) fn list(&self, folder: &str) -> Vec<String> {
        list(&self.path(folder))
    }

    /// The binary, to be run in the folder.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(BINARY);
        command.current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::new(&mut self.command(), arguments)
    }

    pub(crate) fn run_with_stdin(&self, stdin: &str, arguments: &[&str]) -> Ran {
        self.write(".stdin", stdin);
        let file = fs::File::open(self.path(".stdin")).expect("a file");
        Ran::new(self.command().stdin(file), arguments)
    }
}

/// The binary, to be run by a user who may not do everything, as root may.
#[cfg(unix)]
pub(crate) fn unprivileged(sandbox: &Sandbox) -> Command {
    use std::os::unix::{fs::MetadataExt, process::CommandExt};
    let mut command = sandbox.command();
    if fs::metadata(sandbox.path("")).expect("the folder").uid() == 0 {
        // nobody
        command.uid(65534).gid(65534);
    }
    command
}

/// What a run of the binary came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn new(command: &mut Command, arguments: &[&str]) -> Ran {
        let Output { status, stdout, stderr } =
            command.args(arguments).output().expect("the binary runs");
        Ran {
            code: status.code(),
            stdout: String::from_utf8(stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(stderr).expect("stderr is UTF-8"),
        }
    }

    /// Exit code 0; gives stdout.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// Exit code 0, nothing on stdout; gives stderr.
    #[track_caller]
    pub(crate) fn told(self) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (Some(0), ""), "{self:?}");
        self.stderr
    }

    /// Exit code 2, nothing on stdout; gives stderr, which has one line that begins with `error`.
    #[track_caller]
    pub(crate) fn refused(self) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (Some(2), ""), "{self:?}");
        let errors = self.stderr.lines().filter(|line| line.starts_with("error: ")).count();
        assert_eq!(errors, 1, "{self:?}");
        self.stderr
    }
}

pub(crate) fn list(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

/// A small valid spec.
pub(crate) fn spec(name: &str) -> String {
    spec_with(name, "")
}

/// A valid spec with more lines below `spec:`.
pub(crate) fn spec_with(name: &str, more: &str) -> String {
    let mut text = format!(
        "apiVersion: redis-cluster-gen.dev/v1alpha1\n\
         kind: RedisCluster\n\
         metadata:\n  name: {name}\n\
         spec:\n  engine:\n    version: \"8.0.6\"\n  storage:\n    size: 1Gi\n"
    );
    for line in more.lines() {
        writeln!(text, "  {line}").expect("a String takes everything");
    }
    text
}

/// A spec with a mistake.
pub(crate) fn wrong_spec(name: &str) -> String {
    spec_with(name, "topologie: 1\n")
}
