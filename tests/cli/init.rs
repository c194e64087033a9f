//! `init`: where the spec is written, and that nothing is overwritten.

use std::fs;

use crate::sandbox::{Sandbox, list};

#[test]
fn the_default_is_the_smallest_spec() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run(&["init"]).told(), "wrote redis-cluster.yaml\n");
    let text = sandbox.read("redis-cluster.yaml");
    assert_eq!(sandbox.run(&["init", "--example", "minimal", "-"]).ok(), text);
    assert_eq!(sandbox.list(""), ["redis-cluster.yaml"]);
}

#[test]
fn every_example_is_valid_without_warnings() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for example in list(&folder) {
        let sandbox = Sandbox::new();
        sandbox.run(&["init", "--example", &example, "spec.yaml"]).told();
        assert_eq!(
            sandbox.run(&["validate", "--strict", "spec.yaml"]).told(),
            "spec.yaml is valid\n"
        );
        // It is the example, but for the way to the schema.
        let original = fs::read_to_string(folder.join(&example).join("redis-cluster.yaml"));
        let text = sandbox.read("spec.yaml");
        assert!(original.expect("the example").ends_with(&text), "{example}");
        assert!(text.starts_with("# ") && !text.contains("$schema"), "{example}: {text}");
    }
}

#[test]
fn a_spec_that_is_there_is_left_alone() {
    let sandbox =
        Sandbox::with(&[("a/redis-cluster.yaml", "mine"), ("b/redis-cluster.yml", "mine")]);
    for (path, there) in [
        ("a/redis-cluster.yaml", "a/redis-cluster.yaml"),
        ("a", "a/redis-cluster.yaml"),
        ("b", "b/redis-cluster.yml"),
        ("b/redis-cluster.yml", "b/redis-cluster.yml"),
    ] {
        let stderr = sandbox.run(&["init", path]).refused();
        assert!(stderr.contains(&format!("{there} is there already")), "{stderr}");
        assert_eq!(sandbox.read(there), "mine");
    }
    assert_eq!(sandbox.list("b"), ["redis-cluster.yml"]);
    // Another name is another spec.
    sandbox.run(&["init", "a/other.redis-cluster.yaml"]).told();
}

#[test]
fn folders_are_made() {
    let sandbox = Sandbox::with(&[("file", "")]);
    sandbox.run(&["init", "clusters/orders/redis-cluster.yaml"]).told();
    assert_eq!(sandbox.list("clusters/orders"), ["redis-cluster.yaml"]);
    let stderr = sandbox.run(&["init", "file/redis-cluster.yaml"]).refused();
    assert!(stderr.contains("file"), "{stderr}");
    sandbox.run(&["init", "--example", "huge"]).refused();
}
