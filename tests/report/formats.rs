//! What each format promises, whatever the problems say: its readers get back what was put in.

use std::{collections::HashSet, fs, path::Path};

use redis_cluster_gen::{
    error::{Problem, Severity},
    report::{Format, json},
};
use serde_json::Value;

use crate::{
    cases::{self, Case, find, source},
    golden::write,
};

fn parsed(case: &Case, format: Format) -> Value {
    serde_json::from_str(&write(case, format, false)).expect("the report is JSON")
}

fn assert_valid(schema: &Value, report: &Value, case: &str) {
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(schema)
        .expect("the schema is one");
    let errors: Vec<_> = validator
        .iter_errors(report)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{case}: {errors:#?}");
}

/// What the formats write of a text: the same, but for characters that a terminal obeys or hides.
fn same_words(written: &str, meant: &str) -> bool {
    let plain = |text: &str| -> String {
        text.chars().filter(|char| char.is_alphanumeric() || char.is_ascii_punctuation()).collect()
    };
    plain(written) == plain(meant)
}

#[test]
fn json_schema_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/report.v1.schema.json");
    let schema = serde_json::to_string_pretty(&json::schema()).expect("a schema is JSON") + "\n";
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, &schema).expect("the folder can be written");
    }
    let committed = fs::read_to_string(&file).expect("the schema is committed");
    assert!(committed == schema, "{} is old: run `make bless`", file.display());
}

#[test]
fn json_follows_its_schema_and_keeps_every_byte() {
    for case in cases::all() {
        let report = parsed(&case, Format::Json);
        assert_valid(&json::schema(), &report, case.name);
        let written: HashSet<_> = report["problems"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|problem| problem["message"].as_str().expect("a string"))
            .collect();
        let meant: HashSet<_> = case.problems.iter().map(|p| p.message.as_str()).collect();
        assert_eq!(written, meant, "{}", case.name);
    }
}

#[test]
fn sarif_follows_the_public_schema() {
    let schema: Value = serde_json::from_str(include_str!("sarif-schema-2.1.0.json"))
        .expect("the committed schema is JSON");
    for case in cases::all() {
        let log = parsed(&case, Format::Sarif);
        assert_valid(&schema, &log, case.name);

        let run = &log["runs"][0];
        let results = run["results"].as_array().expect("a list");
        assert_eq!(results.len(), case.problems.len(), "{}", case.name);
        for result in results {
            let index = result["ruleIndex"].as_u64().expect("a number");
            let rule = &run["tool"]["driver"]["rules"][usize::try_from(index).expect("small")];
            assert_eq!(rule["id"], result["ruleId"], "{}", case.name);
            let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
            let uri = uri.as_str().expect("a string");
            assert!(uri.bytes().all(|byte| byte.is_ascii_graphic()), "{}: {uri:?}", case.name);
            let message = result["message"]["text"].as_str().expect("a string");
            let found = case.problems.iter().any(|problem| {
                let mut words = problem.message.clone();
                words.extend(problem.notes.iter().map(|note| format!("note: {note}")));
                words.extend(problem.help.iter().map(|help| format!("help: {help}")));
                same_words(message, &words)
            });
            assert!(found, "{}: {message:?}", case.name);
        }
    }
}

#[test]
fn github_commands_cannot_be_forged() {
    let unescape = |text: &str| {
        let text = text.replace("%0A", "\n").replace("%0D", "\r").replace("%3A", ":");
        text.replace("%2C", ",").replace("%25", "%")
    };
    for case in cases::all() {
        let report = write(&case, Format::Github, false);
        assert_eq!(report.lines().count(), case.problems.len(), "{}", case.name);
        for line in report.lines() {
            let (command, message) =
                line.strip_prefix("::").and_then(|rest| rest.split_once("::")).expect("a command");
            let (severity, properties) = command.split_once(' ').expect("properties");
            assert!(["error", "warning"].contains(&severity), "{line}");
            let property = |name: &str| {
                let mut values = properties.split(',').filter_map(|property| {
                    property.split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value)
                });
                let value = values.next().map(unescape);
                assert!(values.next().is_none(), "{name} twice: {line}");
                value
            };
            let problem = case
                .problems
                .iter()
                .find(|problem| Some(problem.code.to_owned()) == property("title"))
                .expect("the title is a code");
            let name = problem.place.source.name.trim_start_matches("./");
            assert_eq!(property("file").as_deref(), Some(name));
            let message = unescape(message);
            let words = message.split('\n').next().expect("one line at least");
            let meant = problem.message.split('\n').next().expect("one line at least");
            assert!(same_words(words, meant), "{line}");
            let lines = (property("line"), property("endLine"));
            assert_eq!(property("col").is_some(), lines.0 == lines.1, "{line}");
            assert_eq!(property("endColumn").is_some(), lines.0 == lines.1, "{line}");
        }
    }
}

#[test]
fn gitlab_fingerprints_are_unique_and_survive_moves() {
    let fingerprints = |case: &Case| -> Vec<String> {
        let report = parsed(case, Format::Gitlab);
        let entries = report.as_array().expect("a list");
        let fingerprint = |entry: &Value| entry["fingerprint"].as_str().map(str::to_owned);
        entries.iter().map(|entry| fingerprint(entry).expect("a string")).collect()
    };
    let case = |text: &str, message: &str| {
        let file = source("orders.yaml", text);
        let problems =
            ["one", "two"].map(|word| Problem::error("RCG001", find(&file, word), message));
        Case { name: "", sources: vec![file], problems: problems.into() }
    };
    let before = fingerprints(&case("- one\n- two\n", "the same"));
    assert_ne!(before[0], before[1]);
    assert_eq!(before, fingerprints(&case("# new\n\n- one\n- new\n- two\n", "the same")));
    let other = fingerprints(&case("- one\n- two\n", "another"));
    assert!(other.iter().all(|fingerprint| !before.contains(fingerprint)));

    for case in cases::all() {
        let report = parsed(&case, Format::Gitlab);
        for entry in report.as_array().expect("a list") {
            for field in ["description", "check_name", "fingerprint", "severity"] {
                assert!(entry[field].as_str().is_some_and(|text| !text.is_empty()), "{entry}");
            }
            assert!(entry["location"]["lines"]["begin"].as_u64() >= Some(1), "{entry}");
            let path = entry["location"]["path"].as_str().expect("a string");
            assert!(!path.starts_with("./"), "{entry}");
        }
        let unique: HashSet<_> = fingerprints(&case).into_iter().collect();
        assert_eq!(unique.len(), case.problems.len(), "{}", case.name);
    }
}

#[test]
fn junit_is_xml_whose_numbers_add_up() {
    for case in cases::all() {
        let xml = write(&case, Format::Junit, false);
        let document = roxmltree::Document::parse(&xml)
            .unwrap_or_else(|error| panic!("{}: {error}\n{xml}", case.name));
        let suites = document.root_element();
        assert!(suites.has_tag_name("testsuites"));
        let number = |node: roxmltree::Node<'_, '_>, name: &str| -> usize {
            node.attribute(name).and_then(|text| text.parse().ok()).expect("a number")
        };
        let count = |node: roxmltree::Node<'_, '_>, tag: &str| {
            node.descendants().filter(|child| child.has_tag_name(tag)).count()
        };
        for node in suites
            .descendants()
            .filter(|node| node.has_tag_name("testsuites") || node.has_tag_name("testsuite"))
        {
            assert_eq!(number(node, "tests"), count(node, "testcase"), "{xml}");
            assert_eq!(number(node, "failures"), count(node, "failure"), "{xml}");
        }
        assert_eq!(count(suites, "testsuite"), case.sources.len(), "{xml}");

        let errors: Vec<_> =
            case.problems.iter().filter(|p| p.severity == Severity::Error).collect();
        assert_eq!(number(suites, "failures"), errors.len(), "{xml}");
        let mut names = HashSet::new();
        for test in suites.descendants().filter(|node| node.has_tag_name("testcase")) {
            let name = (test.attribute("classname"), test.attribute("name"));
            assert!(names.insert(name), "{name:?} twice: {xml}");
        }
        for failure in suites.descendants().filter(|node| node.has_tag_name("failure")) {
            let message = failure.attribute("message").expect("a message");
            assert!(errors.iter().any(|p| same_words(message, &p.message)), "{message}");
            assert!(failure.text().is_some_and(|text| text.contains("-->")), "{xml}");
        }
    }
}

/// Nothing that a terminal obeys comes out of what people read, and no megabytes.
#[test]
fn text_is_harmless_and_short() {
    let huge = source("orders.yaml", &format!("a: {}", "x".repeat(1 << 20)));
    let span = 3..huge.text.len();
    let text = "y".repeat(1 << 20);
    let problem = Problem::error("RCG001", cases::place(&huge, span), text.as_str())
        .label(text.as_str())
        .note(text.as_str())
        .help(text.as_str());
    let huge = Case { name: "huge", sources: vec![huge], problems: vec![problem] };
    for case in cases::all().iter().chain([&huge]) {
        for format in [Format::Text, Format::Concise] {
            let report = write(case, format, false);
            let bad = report.chars().find(|char| char.is_control() && *char != '\n');
            assert_eq!(bad, None, "{}", case.name);
            assert!(report.len() < 20_000, "{}: {} bytes", case.name, report.len());
        }
        assert_eq!(write(case, Format::Concise, false).lines().count(), case.problems.len());
    }
}

/// With colours, the words are the same.
#[test]
fn colours_add_nothing_else() {
    for case in cases::all() {
        let plain = write(&case, Format::Text, false);
        let colored = write(&case, Format::Text, true);
        assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain, "{}", case.name);
        assert_eq!(colored.contains('\u{1b}'), !case.problems.is_empty(), "{}", case.name);
    }
}
