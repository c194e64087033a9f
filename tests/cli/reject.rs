//! What is wrong with a spec, and how it is said: each `tests/reject/NAME.yaml` with what `validate` prints about it in `NAME.txt`.
//!
//! A fixture is named after the rule that it breaks; more of them for one rule have `-` and more words behind its name. `BLESS=1` (`make bless`) writes the expected
//! texts anew; read the diff before it is committed: each message names the value, the reason, and what to write instead.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use redis_cluster_gen::{
    error::{Severity, Source},
    spec::{
        self, Options,
        rules::{RULES, Rule},
    },
};
use similar::TextDiff;

use crate::sandbox::Sandbox;

/// Fixtures that are not about one rule.
const OTHERS: [&str; 2] = ["readme", "ten-mistakes"];

fn bless() -> bool {
    env::var_os("BLESS").is_some()
}

/// The names of the files with an ending, sorted.
fn names(ending: &str) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir("tests/reject")
        .expect("tests/reject is a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .filter_map(|name| name.strip_suffix(ending).map(str::to_owned))
        .collect();
    names.sort();
    names
}

fn path(name: &str, ending: &str) -> PathBuf {
    Path::new("tests/reject").join(format!("{name}{ending}"))
}

/// What `validate` prints, first to stdout, and its exit code.
fn validate(name: &str) -> (String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_redis-cluster-gen"))
        .env_clear()
        .arg("validate")
        .arg(path(name, ".yaml"))
        .output()
        .expect("the binary runs");
    let printed = [output.stdout, output.stderr].concat();
    (String::from_utf8(printed).expect("UTF-8"), output.status.code())
}

#[test]
fn each_spec_is_refused_with_the_expected_words() {
    let specs = names(".yaml");
    assert!(specs.len() >= 80, "only {} specs", specs.len());
    let mut stale = Vec::new();
    for name in &specs {
        let (actual, code) = validate(name);
        // 0: warnings only, 1: it is wrong, 2: it cannot even be read.
        let begins = |start| actual.lines().any(|line| line.starts_with(start));
        let expected = if begins("error: ") { 2 } else { i32::from(begins("error[")) };
        assert_eq!(code, Some(expected), "{name}: exit code");
        assert!(actual.contains("[RCG"), "{name}: nothing is wrong with it");
        let expected_path = path(name, ".txt");
        if bless() {
            fs::write(&expected_path, &actual).expect("the expected text can be written");
        }
        let expected = fs::read_to_string(&expected_path).unwrap_or_default();
        if expected != actual {
            let header = expected_path.display().to_string();
            let diff = TextDiff::from_lines(&expected, &actual);
            stale.push(diff.unified_diff().context_radius(3).header(&header, &header).to_string());
        }
    }
    for name in names(".txt") {
        assert!(specs.contains(&name), "tests/reject/{name}.txt has no spec");
    }
    assert!(stale.is_empty(), "{}\nrun `make bless`", stale.join("\n"));
}

/// The rule that a fixture is named after: the longest name that it begins with.
fn rule_of(fixture: &str) -> Option<&'static Rule> {
    let is_named = |rule: &&Rule| {
        fixture.strip_prefix(rule.name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    RULES.iter().filter(is_named).max_by_key(|rule| rule.name.len())
}

#[test]
fn each_rule_has_a_spec_that_breaks_it() {
    let specs = names(".yaml");
    let missing: Vec<_> = RULES
        .iter()
        .map(|rule| rule.name)
        .filter(|name| *name != "too-large" && !specs.iter().any(|spec| spec == name))
        .collect();
    assert!(missing.is_empty(), "tests/reject has no {}.yaml", missing.join(".yaml, "));
    for name in specs.iter().filter(|name| !OTHERS.contains(&name.as_str())) {
        let rule = rule_of(name)
            .unwrap_or_else(|| panic!("tests/reject/{name}.yaml is named after no rule"));
        let (output, _) = validate(name);
        let heading = format!("{}[{}]: ", rule.severity, rule.code);
        assert!(
            output.contains(&heading),
            "tests/reject/{name}.yaml does not break {}:\n{output}",
            rule.name
        );
    }
}

#[test]
fn codes_and_names_are_given_once_and_in_order() {
    let mut names = BTreeSet::new();
    for pair in RULES.windows(2) {
        assert!(pair[0].code < pair[1].code, "{} and {}", pair[0].code, pair[1].code);
    }
    for rule in RULES {
        assert!(names.insert(rule.name), "{} is there twice", rule.name);
        assert!(rule.code.len() == 6 && rule.code.starts_with("RCG"), "{}", rule.code);
        assert!(
            rule.name
                .chars()
                .all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-'),
            "{}",
            rule.name
        );
        assert!(!rule.title.ends_with('.') && !rule.title.contains('\n'), "{}", rule.name);
        assert!(rule.story.trim_end().ends_with('.'), "{}", rule.name);
        let found = spec::rules::find(rule.code).expect("found by its code");
        assert_eq!(found.name, rule.name);
    }
    assert!(RULES.iter().filter(|rule| rule.code >= "RCG200").count() >= 40);
}

/// Ten mistakes of ten kinds in one spec: one run names all of them, each at its line and column.
#[test]
fn ten_mistakes_are_found_in_one_run() {
    let text = fs::read_to_string("tests/reject/ten-mistakes.yaml").expect("the spec");
    let source = Source { name: "ten-mistakes.yaml".to_owned(), text }.into();
    let loaded = spec::load(&source, &Options::default());
    assert!(loaded.plan.is_none());
    let found: Vec<_> = loaded
        .problems
        .iter()
        .map(|problem| {
            let rule = spec::rules::find(problem.code).expect("a code of the table");
            let (line, column) = problem.place.line_column();
            (line, column, rule.name)
        })
        .collect();
    let expected = [
        (5, 9, "cluster-name"),
        (9, 14, "wrong-type"),
        (11, 13, "too-few-shards"),
        (12, 5, "unknown-field"),
        (14, 14, "not-one-of"),
        (16, 11, "quantity-syntax"),
        (18, 5, "owned-directive"),
        (19, 5, "unknown-directive"),
        (22, 36, "grace-period-too-short"),
        (30, 7, "kubernetes-field"),
    ];
    assert_eq!(found, expected);
    assert!(loaded.problems.iter().all(|problem| problem.severity == Severity::Error));
}

/// `docs/rules.md`, from the table.
#[test]
fn the_documentation_of_the_rules_is_current() {
    let mut docs = String::from(
        "# Rules\n\n\
         <!-- Made from the table in src/spec/rules.rs: edit it there and run `make bless`. -->\n\n\
         What `validate` and every other command can find wrong with a spec. `redis-cluster-gen explain CODE` shows the same text. \
         Errors keep a spec from being rendered; warnings do not, except with `--strict`. \
         For each rule `tests/reject/` has a spec that breaks it and what is printed then.\n\n\
         | code | name | | what is wrong |\n|---|---|---|---|\n",
    );
    for Rule { code, name, severity, title, .. } in RULES {
        docs += &format!("| [{code}](#{name}) | `{name}` | {severity} | {title} |\n");
    }
    for Rule { code, name, severity, title, story, .. } in RULES {
        docs += &format!("\n## {name}\n\n{code}, {severity}: {title}.\n\n{story}\n");
    }
    let path = Path::new("docs/rules.md");
    if bless() {
        fs::write(path, &docs).expect("the documentation can be written");
    }
    let written = fs::read_to_string(path).unwrap_or_default();
    assert!(written == docs, "docs/rules.md is not current; run `make bless`");
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let sandbox = Sandbox::new();
    let text = format!("spec: [{}]\n", "0,".repeat(1 << 19));
    sandbox.write("spec.yaml", &text);
    let ran = sandbox.run(&["validate", "spec.yaml"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stdout.contains("error[RCG003]: "), "{}", ran.stdout);
    assert!(ran.stdout.contains("help: "), "{}", ran.stdout);
}
