//! The readers that users have: one process for each outside reader, all texts in one go.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    thread,
};

use redis_cluster_gen::{error::Source, yaml};
use serde::{Deserialize as _, de::DeserializeOwned};
use serde_json::Value;

/// What a reader makes of a text.
pub(crate) type Outcome = Result<Value, String>;

/// A reader's answers.
pub(crate) struct Answers {
    pub(crate) reader: &'static str,
    /// For each text by itself.
    pub(crate) documents: Vec<Outcome>,
    /// For each document of the stream; none from ours, which reads one document.
    pub(crate) stream: Vec<Outcome>,
}

/// Every reader's answers on texts by themselves, and on others as one stream of documents.
pub(crate) fn ask_all(texts: &[String], stream_texts: &[String]) -> Vec<Answers> {
    ask(&["pyyaml", "pyyaml-c", "ruamel", "js-yaml", "yaml", "yaml-1.1", "go"], texts, stream_texts)
}

/// The answers of serde_yaml, of our own reader, and of some outside readers.
pub(crate) fn ask(
    readers: &[&'static str],
    texts: &[String],
    stream_texts: &[String],
) -> Vec<Answers> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let documents = folder.path().join("documents.json");
    fs::write(&documents, serde_json::to_string(texts).expect("texts are JSON")).expect("written");
    let stream = folder.path().join("stream.yaml");
    let stream_text = stream_texts.join("---\n");
    fs::write(&stream, &stream_text).expect("written");

    let outside = commands(readers, &documents, &stream);
    thread::scope(|scope| {
        let running: Vec<_> = outside
            .into_iter()
            .map(|(reader, command)| scope.spawn(move || run(reader, command)))
            .collect();
        let mut all = vec![serde_yaml(texts, &stream_text), ours(texts)];
        all.extend(
            running.into_iter().map(|reader| reader.join().expect("the reader's thread ends")),
        );
        all
    })
}

fn commands(
    readers: &[&'static str],
    documents: &Path,
    stream: &Path,
) -> Vec<(&'static str, Command)> {
    let tools = tools();
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/yaml/readers");
    let command = |&reader: &&'static str| {
        let mut command = match reader {
            "go" => Command::new(tools.join("go-reader")),
            "js-yaml" | "yaml" | "yaml-1.1" => {
                let mut command = Command::new("node");
                command.arg(scripts.join("javascript.mjs"));
                command.arg(tools.join("javascript")).arg(reader);
                command
            }
            _ => {
                let mut command = Command::new(tools.join("python/bin/python"));
                command.arg(scripts.join("python.py")).arg(reader);
                command
            }
        };
        command.arg(documents).arg(stream);
        (reader, command)
    };
    readers.iter().map(command).collect()
}

fn tools() -> PathBuf {
    let tools = env::var_os("REDIS_CLUSTER_GEN_TOOLS").map(PathBuf::from).unwrap_or_else(|| {
        let home = env::var_os("HOME").expect("HOME or REDIS_CLUSTER_GEN_TOOLS is set");
        Path::new(&home).join(".cache/redis-cluster-gen/tools")
    });
    tools.join("yaml")
}

fn run(reader: &'static str, mut command: Command) -> Answers {
    #[derive(serde::Deserialize)]
    struct Output {
        documents: Vec<Item>,
        stream: Vec<Item>,
    }
    /// Exactly one of them is there; `ok` may be null.
    #[derive(serde::Deserialize)]
    struct Item {
        error: Option<String>,
        #[serde(default)]
        ok: Value,
    }
    let outcomes = |items: Vec<Item>| {
        items.into_iter().map(|item| item.error.map_or(Ok(item.ok), Err)).collect()
    };
    let output = command.output().unwrap_or_else(|error| {
        panic!("the YAML reader {reader} is not there ({error}): run make tools")
    });
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "the YAML reader {reader} failed; run make tools if a part is missing\n{errors}"
    );
    let answers: Output = serde_json::from_slice(&output.stdout).expect("the reader prints JSON");
    Answers { reader, documents: outcomes(answers.documents), stream: outcomes(answers.stream) }
}

/// The heir of `serde_yaml`, which is an independent reader of Rust programs.
fn serde_yaml(texts: &[String], stream: &str) -> Answers {
    fn one<T: DeserializeOwned>(text: &str) -> Result<T, String> {
        serde_yaml::from_str(text).map_err(|error| error.to_string())
    }
    Answers {
        reader: "serde_yaml",
        documents: texts.iter().map(|text| one(text)).collect(),
        stream: serde_yaml::Deserializer::from_str(stream)
            .map(|document| Value::deserialize(document).map_err(|error| error.to_string()))
            .collect(),
    }
}

fn ours(texts: &[String]) -> Answers {
    Answers {
        reader: "ours",
        documents: texts.iter().map(|text| read(text)).collect(),
        stream: Vec::new(),
    }
}

/// Our own reader's answer.
pub(crate) fn read(text: &str) -> Outcome {
    let source = Arc::new(Source { name: "test.yaml".to_owned(), text: text.to_owned() });
    match yaml::read(&source) {
        Ok(node) => Ok(node.to_json()),
        Err(refused) => {
            Err(refused.problems.iter().map(|problem| problem.message.clone() + "\n").collect())
        }
    }
}

/// Whether two outcomes are the same; JavaScript and Go print 1.0 as 1.
pub(crate) fn same(a: &Outcome, b: &Outcome) -> bool {
    fn numbers(value: &Value) -> Value {
        match value {
            Value::Number(number) => Value::from(number.as_f64()),
            Value::Array(items) => items.iter().map(numbers).collect(),
            Value::Object(map) => {
                map.iter().map(|(key, value)| (key.clone(), numbers(value))).collect()
            }
            other => other.clone(),
        }
    }
    match (a, b) {
        (Ok(a), Ok(b)) => numbers(a) == numbers(b),
        _ => false,
    }
}
