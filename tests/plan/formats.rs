//! The formats of `plan`, its exit codes, and where it finds what is committed.

use std::{fs, path::Path};

use redis_cluster_gen::steps::write;
use serde_json::Value;

use crate::{
    cases::{self, plan},
    sandbox::{Sandbox, spec, spec_with},
};

fn case(name: &str) -> &'static Path {
    let folder = format!("tests/plan/cases/{name}");
    Path::new(Box::leak(folder.into_boxed_str()))
}

#[test]
fn json_has_its_schema() {
    let path = Path::new("schemas/plan.v1.schema.json");
    let schema = write::schema();
    let text = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
    if std::env::var_os("BLESS").is_some() {
        fs::write(path, &text).expect("the schema can be written");
    }
    assert!(fs::read_to_string(path).is_ok_and(|old| old == text), "run `make bless`");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for case in cases::all() {
        let told: Value = serde_json::from_str(&plan(&case, &["-o", "json"]).stdout).expect("JSON");
        assert!(validator.is_valid(&told), "{told:#}");
    }
}

#[test]
fn a_page_of_markdown() {
    let told = plan(case("many-at-once"), &["-o", "markdown"]).stdout;
    let path = Path::new("tests/plan/many-at-once.md");
    let hash = regex::Regex::new(r"\b[0-9a-f]{10}\b").expect("a pattern");
    let told = hash.replace_all(&told, "HASH");
    if std::env::var_os("BLESS").is_some() {
        fs::write(path, told.as_bytes()).expect("the page can be written");
    }
    assert_eq!(fs::read_to_string(path).unwrap_or_default(), told, "run `make bless`");
}

#[test]
fn a_picture_of_the_pods() {
    // The second has one StatefulSet, and zones.
    for name in ["shards-fewer", "single-more"] {
        let told = plan(case(name), &["-o", "graph"]).stdout;
        let path = format!("tests/plan/{name}.mmd");
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, &told).expect("the picture can be written");
        }
        assert_eq!(fs::read_to_string(path).unwrap_or_default(), told, "run `make bless`");
    }
    // Every box that is opened is closed.
    for case in cases::all() {
        let told = plan(&case, &["-o", "graph"]).stdout;
        let count = |word: &str| told.lines().filter(|line| line.trim().starts_with(word)).count();
        assert_eq!(count("subgraph "), count("end"), "{told}");
    }
}

/// By name, shard 10 would come before shard 2, and others would be marked.
#[test]
fn shards_are_in_the_order_of_their_numbers() {
    let told = plan(case("shards-fewer-of-many"), &["-o", "graph"]).stdout;
    let mut retiring: Vec<_> =
        told.lines().filter(|line| line.contains("retiring")).map(str::trim).collect();
    retiring.retain(|line| line.contains("orders-shard-"));
    assert!(retiring.len() >= 4, "{told}");
    for line in retiring {
        assert!(line.contains("shard-10-") || line.contains("shard-11-"), "{line}");
    }
}

/// The first is shown in `docs/plan.md`.
#[test]
fn a_picture_for_browsers() {
    for (name, path) in
        [("shards-fewer", "docs/plan.svg"), ("replicas-more", "tests/plan/replicas-more.svg")]
    {
        let told = plan(case(name), &["-o", "svg"]).stdout;
        if std::env::var_os("BLESS").is_some() {
            fs::write(path, &told).expect("the picture can be written");
        }
        assert_eq!(fs::read_to_string(path).unwrap_or_default(), told, "run `make bless`");
    }
    for case in cases::all() {
        let told = plan(&case, &["-o", "svg"]).stdout;
        let document = roxmltree::Document::parse(&told);
        let document = document.unwrap_or_else(|error| panic!("{}: {error}", case.display()));
        let json: Value = serde_json::from_str(&plan(&case, &["-o", "json"]).stdout).expect("JSON");
        let stages = json["plans"][0]["stages"].as_array().expect("a list").len();
        let texts = document.descendants().filter(|node| node.tag_name().name() == "text");
        let texts = texts.filter_map(|node| node.text());
        let titles = texts.filter(|text| text.contains(": after stage ")).count();
        assert_eq!(titles, stages, "{}", case.display());
        assert_eq!(told, plan(&case, &["-o", "svg"]).stdout);
    }
}

/// The name of a spec's file is the only text that anybody may choose freely.
#[cfg(unix)]
#[test]
fn names_of_files_stay_text_in_pictures() {
    let name = "a<b>&\"c'\u{1}\nd.yaml";
    let before = fs::read_to_string(case("volumes-class").join("before.yaml")).expect("a case");
    let after = fs::read_to_string(case("volumes-class").join("after.yaml")).expect("a case");
    let sandbox = Sandbox::with(&[("before.yaml", &before), (name, &after)]);
    let told = sandbox.run(&["plan", name, "--against", "before.yaml", "-o", "svg"]);
    assert_eq!(told.code, Some(3), "{told:?}");
    let document = roxmltree::Document::parse(&told.stdout).expect("XML");
    let texts = document.descendants().filter(|node| node.tag_name().name() == "text");
    let texts: Vec<_> = texts.filter_map(|node| node.text()).collect();
    assert!(texts.iter().any(|text| text.starts_with("a<b>&\"c'")), "{texts:?}");
    let told = sandbox.run(&["plan", name, "--against", "before.yaml", "-o", "graph"]).stdout;
    assert!(told.lines().skip(1).all(|line| line.starts_with("  ")), "{told}");
}

#[test]
fn exit_codes() {
    for (name, code) in [("nothing", 0), ("upgrade-patch", 1), ("volumes-class", 3)] {
        for format in ["text", "markdown", "json", "graph", "svg"] {
            assert_eq!(plan(case(name), &["-o", format]).code, Some(code), "{name} {format}");
        }
    }
    let sandbox = Sandbox::with(&[("redis-cluster.yaml", "a: [\n")]);
    assert_eq!(sandbox.run(&["plan"]).code, Some(2));
    sandbox.write("redis-cluster.yaml", spec("stock"));
    assert_eq!(sandbox.run(&["plan", "-o", "xml"]).code, Some(2));
}

#[test]
fn what_is_committed_is_found_as_diff_finds_it() {
    let sandbox = Sandbox::with(&[("redis-cluster.yaml", &spec("stock"))]);
    // Where there is nothing yet, the first stage is the first start.
    let ran = sandbox.run(&["plan"]);
    assert!(ran.stdout.contains("1, install: start the cluster"), "{ran:?}");
    sandbox.run(&["render", "--output-dir", "k8s"]).told();
    let old = sandbox.run(&["render"]).ok();
    sandbox.write("redis-cluster.yaml", spec("stock").replace("8.0.6", "8.0.7"));
    let by_default = sandbox.run(&["plan"]);
    assert!(by_default.stdout.contains("--output-dir k8s"), "{by_default:?}");
    assert_eq!(by_default.code, Some(1));
    sandbox.write("old.yaml", spec("stock"));
    for arguments in [
        &["plan", "--against", "k8s"][..],
        &["plan", "--from", "old.yaml"],
        &["plan", "-f", "redis-cluster.yaml"],
    ] {
        assert_eq!(sandbox.run(arguments).stdout, by_default.stdout, "{arguments:?}");
    }
    assert_eq!(sandbox.run_with_stdin(&old, &["plan", "--against", "-"]).stdout, by_default.stdout);
}

#[test]
fn several_specs_each_have_their_plan() {
    let sandbox = Sandbox::with(&[
        ("a/redis-cluster.yaml", &spec("stock")),
        ("b/redis-cluster.yaml", &spec("sales")),
    ]);
    sandbox.run(&["render", "a", "--output-dir", "a/manifests"]).told();
    sandbox.run(&["render", "b", "--output-dir", "b/manifests"]).told();
    sandbox.write("b/redis-cluster.yaml", spec("sales").replace("8.0.6", "8.0.7"));
    let ran = sandbox.run(&["plan", "a", "b"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stdout
            .starts_with("a/redis-cluster.yaml: nothing to do.\n\nb/redis-cluster.yaml: 1 stage"),
        "{ran:?}"
    );
    let told = sandbox.run(&["plan", "a", "b", "--output-dir", "way"]).refused();
    assert!(told.contains("plan one spec at a time"), "{told}");
}

#[test]
fn the_password_is_changed_in_three_stages() {
    let sandbox = Sandbox::with(&[("redis-cluster.yaml", &spec("stock"))]);
    sandbox.run(&["render", "--output-dir", "k8s"]).told();
    let told = sandbox.run(&["plan", "--rotate-password", "-o", "json"]).stdout;
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let names: Vec<_> = told["plans"][0]["stages"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|stage| stage["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, ["old-and-new", "new-and-old", "new-alone"]);
    sandbox.write("redis-cluster.yaml", spec_with("stock", "auth: {mode: None}\n"));
    sandbox.run(&["render", "--output-dir", "k8s"]).told();
    let ran = sandbox.run(&["plan", "--rotate-password"]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.stdout.contains("has no password"), "{ran:?}");
}
