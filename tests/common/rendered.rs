//! What the real binary makes of specs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
};

use serde_json::Value;

use super::specs;

/// How many random specs there are.
pub(crate) const RANDOM_SPECS: u64 = 500;

/// The examples that the project promises; there may be more.
const EXAMPLES: [&str; 8] =
    ["cache", "external", "local", "minimal", "production", "seed", "tls", "valkey"];

/// A spec file and what was rendered from it; or from all random specs in one run.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// The name of the example, or `random`.
    pub(crate) name: String,
    /// The spec file, or the folder of the random specs.
    pub(crate) spec: PathBuf,
    /// What `render` printed.
    pub(crate) yaml: String,
    /// What `render -o json` printed: the items of the list.
    pub(crate) objects: Vec<Value>,
}

impl Rendered {
    fn new(name: &str, spec: PathBuf) -> Rendered {
        let yaml = stdout(binary().arg("render").arg(&spec));
        let objects = objects(&spec);
        assert!(!objects.is_empty(), "{name}: nothing was rendered");
        Rendered { name: name.to_owned(), spec, yaml, objects }
    }

    /// The text of each document, without the `---` lines.
    pub(crate) fn documents(&self) -> Vec<&str> {
        documents(&self.yaml)
    }

    /// A name for messages.
    pub(crate) fn title(&self, object: &Value) -> String {
        let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        format!("{}: {} {}", self.name, text("/kind"), text("/metadata/name"))
    }
}

/// Splits a stream of documents at its `---` lines, and leaves out what is before the first one if it is no document.
pub(crate) fn documents(yaml: &str) -> Vec<&str> {
    let mut documents = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in yaml.split_inclusive('\n') {
        if line == "---\n" {
            documents.push(&yaml[start..at]);
            start = at + line.len();
        }
        at += line.len();
    }
    documents.push(&yaml[start..]);
    let is_nothing = |text: &str| text.lines().all(|line| line.is_empty() || line.starts_with('#'));
    if is_nothing(documents[0]) {
        documents.remove(0);
    }
    documents
}

/// All examples, from the files that users see.
pub(crate) fn examples() -> &'static [Rendered] {
    static EXAMPLES_RENDERED: OnceLock<Vec<Rendered>> = OnceLock::new();
    EXAMPLES_RENDERED.get_or_init(|| {
        let found: Vec<_> =
            example_specs().into_iter().map(|(name, spec)| Rendered::new(&name, spec)).collect();
        for name in EXAMPLES {
            assert!(found.iter().any(|example| example.name == name), "examples/{name} is missing");
        }
        found
    })
}

/// The name and the spec file of each example.
pub(crate) fn example_specs() -> Vec<(String, PathBuf)> {
    let folder = root().join("examples");
    let mut specs: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("the folder can be read"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| {
            let spec = entry.path().join("redis-cluster.yaml");
            assert!(spec.is_file(), "{} is missing", spec.display());
            (entry.file_name().into_string().expect("names are UTF-8"), spec)
        })
        .collect();
    specs.sort();
    specs
}

/// The name and the spec file of each folder of `tests/render/`.
pub(crate) fn case_specs() -> Vec<(String, PathBuf)> {
    let folder = root().join("tests/render");
    let mut specs: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("the folder can be read"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| {
            let name = entry.file_name().into_string().expect("names are UTF-8");
            (name, entry.path().join("redis-cluster.yaml"))
        })
        .collect();
    specs.sort();
    specs
}

/// What is rendered from a spec file.
pub(crate) fn objects(spec: &Path) -> Vec<Value> {
    let json = stdout(binary().args(["render", "-o", "json"]).arg(spec));
    let mut list: Value = serde_json::from_str(&json).expect("`-o json` is JSON");
    assert_eq!(list["kind"], "List", "{}", spec.display());
    match list["items"].take() {
        Value::Array(objects) => objects,
        other => panic!("{}: the items of the list are {other}", spec.display()),
    }
}

/// 500 random specs, rendered in one run.
pub(crate) fn random() -> &'static Rendered {
    static RANDOM_RENDERED: OnceLock<Rendered> = OnceLock::new();
    RANDOM_RENDERED.get_or_init(|| {
        let folder = temporary("random-specs");
        for seed in 0..RANDOM_SPECS {
            let file = folder.join(format!("{seed:03}.redis-cluster.yaml"));
            fs::write(file, specs::text(seed)).expect("the spec can be written");
        }
        Rendered::new("random", folder)
    })
}

/// Every example, and the random specs.
pub(crate) fn all() -> impl Iterator<Item = &'static Rendered> {
    examples().iter().chain([random()])
}

/// The top folder of the project.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A new, empty folder below cargo's own for tests. It stays, so that what failed can be looked at.
pub(crate) fn temporary(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(env!("CARGO_CRATE_NAME")).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("an old folder can be removed");
    }
    fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}

/// A call of the program.
pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redis-cluster-gen"));
    command.stdin(Stdio::null());
    command
}

/// Runs a program that must succeed, and gives what it prints.
pub(crate) fn stdout(command: &mut Command) -> String {
    let output = run(command);
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    String::from_utf8(output.stdout).expect("the output is UTF-8")
}

/// Runs a program.
pub(crate) fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}
