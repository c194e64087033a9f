//! What the documentation shows is run, and the paths that it names exist.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use redis_cluster_gen::{
    error::{Severity, Source},
    spec::{self, Options, schema},
    yaml,
};
use serde_json::{Value, json};

use crate::bounds;

/// Blocks that begin with ```` ```console ```` hold commands after `$ `, each followed by what it prints, stderr included. A line `...` stands for any
/// lines. `BLESS=1` writes the output anew, but leaves blocks with a `...` to people.
#[test]
fn commands_print_what_the_docs_show() {
    let mut stale = Vec::new();
    for path in documents() {
        let text = fs::read_to_string(&path).expect("a document");
        let actual = run_blocks(&text);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, &actual).expect("the document can be written");
        } else if actual != text {
            let difference = similar::TextDiff::from_lines(&text, &actual);
            stale.push(format!(
                "{}:\n{}",
                path.display(),
                difference.unified_diff().context_radius(3)
            ));
        }
    }
    assert!(stale.is_empty(), "{}\nrun `make bless`", stale.join("\n"));
}

/// Links, and paths in backticks that look like the repository's own.
#[test]
fn paths_in_the_docs_exist() {
    let mut missing = Vec::new();
    let mut seen = 0;
    for path in documents() {
        let folder = path.parent().expect("a folder");
        let text = fs::read_to_string(&path).expect("a document");
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://") && !link.starts_with('#')) {
            seen += 1;
            if !folder.join(link.split('#').next().unwrap_or(link)).exists() {
                missing.push(format!("{}: {link}", path.display()));
            }
        }
        let quoted = text.split('`').skip(1).step_by(2);
        let own = ["src/", "tests/", "templates/", "examples/", "schemas/", "docs/", "benches/"];
        for quoted in quoted
            .filter(|quoted| own.iter().any(|own| quoted.starts_with(own)) && !quoted.contains('<'))
        {
            seen += 1;
            if glob::glob(quoted).expect("a path").next().is_none() {
                missing.push(format!("{}: {quoted}", path.display()));
            }
        }
    }
    assert!(seen > 40, "only {seen} paths were found: is the search broken?");
    assert!(missing.is_empty(), "{missing:#?}");
}

/// The blocks of YAML of a document, those in lists without their indentation.
fn yaml_blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(indentation) = line.strip_suffix("```yaml") else { continue };
        let block = lines.by_ref().take_while(|line| line.trim_start() != "```");
        blocks.push(
            block
                .map(|line| format!("{}\n", line.strip_prefix(indentation).unwrap_or(line)))
                .collect(),
        );
    }
    blocks
}

/// Blocks of YAML that are neither specs nor Kubernetes objects, by how they begin.
const OTHER_YAML: [&str; 2] = ["- job_name: redis-cluster", "repos:"];

/// Specs and parts of specs that the documentation shows are accepted, written into a small spec where they are parts.
#[test]
fn specs_in_the_docs_are_right() {
    let schema: Value = serde_json::from_str(schema::TEXT).expect("JSON");
    let mut fields = Vec::new();
    bounds::fields(&schema, &schema, "", &mut fields);
    // The outermost first.
    fields.sort_by_key(|field| field.pointer.matches('/').count());
    let (mut seen, mut wrong) = (0, Vec::new());
    for path in documents() {
        let text = fs::read_to_string(&path).expect("a document");
        for block in yaml_blocks(&text) {
            if OTHER_YAML.iter().any(|other| block.starts_with(other)) {
                continue;
            }
            let named = format!("{}:\n{block}", path.display());
            let source = Source { name: path.display().to_string(), text: block };
            let part = yaml::read(&source.into()).unwrap_or_else(|_| panic!("not YAML: {named}"));
            let part = part.to_json();
            if part.get("apiVersion").is_some() && part["kind"] != "RedisCluster" {
                continue;
            }
            let keys = part.as_object().unwrap_or_else(|| panic!("what is it? {named}"));
            let holder = fields.iter().find(|field| {
                let known = field.says.get("properties").and_then(Value::as_object);
                known.is_some_and(|known| keys.keys().all(|key| known.contains_key(key)))
            });
            let holder = holder.unwrap_or_else(|| panic!("no part of a spec: {named}"));
            let mut spec = json!({
                "apiVersion": "redis-cluster-gen.dev/v1alpha1",
                "kind": "RedisCluster",
                "metadata": {"name": "orders", "namespace": "shop"},
                "spec": {"engine": {"version": "8.0.6"}, "storage": {"size": "2Gi"}},
            });
            if holder.pointer == "/spec/backup" {
                spec["spec"]["backup"] = json!({"schedule": "@daily"});
            }
            merge(spec.pointer_mut(&holder.pointer).expect("a place"), &part);
            let source = Source { name: named, text: spec.to_string() }.into();
            let problems = spec::load(&source, &Options::default()).problems.into_iter();
            let errors = problems.filter(|problem| problem.severity == Severity::Error);
            wrong.extend(errors.map(|error| format!("{}: {}", source.name, error.message)));
            seen += 1;
        }
    }
    assert!(seen > 8, "only {seen} specs were found: is the search broken?");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Writes one mapping over another.
fn merge(below: &mut Value, over: &Value) {
    match (below, over) {
        (Value::Object(below), Value::Object(over)) => {
            for (key, value) in over {
                merge(below.entry(key).or_insert(Value::Null), value);
            }
        }
        (below, over) => *below = over.clone(),
    }
}

/// The users that the documentation shows are accepted without a warning, and each way to make their Secret makes the one that is mounted, with a password for each.
#[test]
fn users_in_the_docs_are_right() {
    let text = fs::read_to_string("docs/users.md").expect("a document");
    let blocks = yaml_blocks(&text);
    let (spec, secrets) = blocks.split_first().expect("a spec");
    let engine = "  engine: {version: \"8.0.6\"}\n  storage: {size: 2Gi}\n";
    let head = "apiVersion: redis-cluster-gen.dev/v1alpha1\nkind: RedisCluster\nmetadata: {name: orders}\n";
    let spec = format!("{head}{spec}{engine}");
    let value: Value = serde_yaml::from_str(&spec).expect("YAML");
    let users = value["spec"]["auth"]["users"].as_array().expect("users");
    let users: Vec<_> = users.iter().filter_map(|user| user["name"].as_str()).collect();
    assert!(users.len() > 1, "{users:?}");
    let source = Source { name: "users.yaml".to_owned(), text: spec }.into();
    let loaded = spec::load(&source, &Options::default());
    let said: Vec<_> = loaded.problems.iter().map(|problem| &problem.message).collect();
    assert!(said.is_empty(), "{said:?}");
    assert_eq!(secrets.len(), 4, "a plain Secret, and three tools");
    for block in secrets {
        let object: Value = serde_yaml::from_str(block).expect("YAML");
        let kind = object["kind"].as_str().expect("a kind");
        assert_eq!(object["metadata"]["name"], "orders-users", "{kind}");
        for user in &users {
            let known = block.contains(&format!("\n    {user}: "))
                || block.contains(&format!("\n  {user}: "))
                || block.contains(&format!("secretKey: {user}\n"));
            assert!(known, "{kind} has no password for {user}");
        }
    }
}

fn documents() -> Vec<PathBuf> {
    let mut documents: Vec<_> =
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(PathBuf::from).into();
    documents.extend(glob::glob("docs/*.md").expect("a pattern").map(|path| path.expect("a path")));
    documents
}

/// The same text, with what the commands print now.
fn run_blocks(text: &str) -> String {
    let mut result = String::new();
    let mut lines = text.lines().peekable();
    let mut console = false;
    while let Some(line) = lines.next() {
        result.push_str(line);
        result.push('\n');
        if line.starts_with("```") {
            console = line == "```console";
        }
        let Some(command) = line.strip_prefix("$ ").filter(|_| console) else { continue };
        let mut shown = Vec::new();
        while let Some(line) =
            lines.next_if(|line| !line.starts_with("```") && !line.starts_with("$ "))
        {
            shown.push(line);
        }
        let actual = run(command);
        let actual: Vec<_> = actual.lines().collect();
        // What is left out was somebody's choice: where such a block is stale, it is told and not rewritten.
        let for_people = std::env::var_os("BLESS").is_some() && shown.contains(&"...");
        let lines = if for_people || is_like(&shown, &actual) { shown } else { actual };
        result.extend(lines.into_iter().map(|line| format!("{line}\n")));
    }
    result
}

/// Whether lines are as they are shown, where `...` stands for any.
fn is_like(shown: &[&str], actual: &[&str]) -> bool {
    match shown.iter().position(|line| *line == "...") {
        None => shown == actual,
        Some(gap) => {
            let (before, after) = (&shown[..gap], &shown[gap + 1..]);
            actual.starts_with(before)
                && (0..=actual.len() - before.len())
                    .any(|skipped| is_like(after, &actual[before.len() + skipped..]))
        }
    }
}

fn run(command: &str) -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_redis-cluster-gen"));
    let command = command.replace("cargo run --release -- ", "redis-cluster-gen ");
    let path = format!(
        "{}:{}",
        binary.parent().expect("a folder").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let output = Command::new("sh")
        .args(["-c", &format!("{command} 2>&1")])
        .env("PATH", path)
        .env_remove("FORCE_COLOR")
        .output()
        .expect("a shell");
    String::from_utf8(output.stdout).expect("UTF-8")
}
