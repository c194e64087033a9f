//! The formats of `diff`, its exit codes, and what it can be asked to compare.

use std::{fs, path::Path};

use redis_cluster_gen::diff::write;
use serde_json::Value;

use crate::sandbox::{Sandbox, spec, spec_with};

/// A spec, its output, and a change of the spec that does a bit of everything.
fn changed() -> Sandbox {
    let sandbox = Sandbox::with(&[(
        "redis-cluster.yaml",
        &spec_with("stock", "config: {maxclients: 100}\n"),
    )]);
    sandbox.run(&["render", "--output-dir", "k8s"]).told();
    let text = spec_with("stock", "config: {maxclients: 200}\n")
        .replace("8.0.6", "8.0.7")
        .replace("1Gi", "2Gi");
    sandbox.write("redis-cluster.yaml", text);
    sandbox
}

fn out(sandbox: &Sandbox, format: &str) -> String {
    let ran = sandbox.run(&["diff", "-o", format]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    ran.stdout
}

#[test]
fn json_has_its_schema() {
    let path = Path::new("schemas/diff.v1.schema.json");
    let schema = write::schema();
    let text = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
    if std::env::var_os("BLESS").is_some() {
        fs::write(path, &text).expect("the schema can be written");
    }
    assert!(fs::read_to_string(path).is_ok_and(|old| old == text), "run `make bless`");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let sandbox = changed();
    let told: Value = serde_json::from_str(&out(&sandbox, "json")).expect("JSON");
    assert!(validator.is_valid(&told), "{told:#}");
    assert_eq!(told["class"], "rejected");
    let sets: Vec<_> = told["objects"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|object| object["kind"] == "StatefulSet")
        .collect();
    assert_eq!(sets.len(), 3);
    let image = sets[0]["changes"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|change| change["path"] == "spec.template.spec.containers[redis].image");
    let image = image.expect("the image");
    assert_eq!(image["code"], "RCG642");
    assert_eq!(image["pods"], serde_json::json!(["stock-shard-0-0", "stock-shard-0-1"]));
    assert_eq!(
        image["spec"],
        serde_json::json!({"file": "redis-cluster.yaml", "line": 7, "column": 5})
    );
    assert_eq!(image["new"], "docker.io/library/redis:8.0.7");
    assert_eq!(sets[0]["file"]["file"], "k8s/apps_v1_statefulset_stock-shard-0.yaml");
    let same = Sandbox::with(&[("redis-cluster.yaml", &spec("stock"))]);
    same.run(&["render", "--output-dir", "k8s"]).told();
    let told: Value = serde_json::from_str(&same.run(&["diff", "-o", "json"]).ok()).expect("JSON");
    assert!(validator.is_valid(&told), "{told:#}");
    assert_eq!(told["objects"], serde_json::json!([]));
}

#[test]
fn a_patch_of_the_manifests() {
    let told = out(&changed(), "unified");
    assert!(told.contains("--- a/apps_v1_statefulset_stock-shard-0.yaml\n+++ b/apps_v1_statefulset_stock-shard-0.yaml\n@@"), "{told}");
    assert!(told.contains("-        image: docker.io/library/redis:8.0.6\n+        image: docker.io/library/redis:8.0.7\n"), "{told}");
    assert!(told.contains("--- /dev/null\n+++ b/batch_v1_job_stock-bootstrap-"), "{told}");
}

#[test]
fn a_comment_for_a_pull_request() {
    let told = out(&changed(), "markdown");
    assert!(
        told.starts_with("<!-- redis-cluster-gen diff -->\n### redis-cluster-gen: 🔴 `rejected`\n"),
        "{told}"
    );
    assert!(
        told.contains("| 🟡 `restart` |")
            && told.contains("**Next**")
            && told.ends_with("</details>\n"),
        "{told}"
    );
    // No longer than GitHub takes, and whole.
    let sandbox = Sandbox::new();
    let many = |value: &str| -> String {
        (0..800)
            .map(|n| format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: map-{n}}}\ndata: {{a{n}: '{value}'}}\n"))
            .collect()
    };
    sandbox.write("a.yaml", many("one"));
    sandbox.write("b.yaml", many("two ```` fence"));
    let told = sandbox.run(&["diff", "a.yaml", "b.yaml", "-o", "markdown"]).stdout;
    assert!(told.len() < 65_536 && told.contains("Too long for a comment"), "{}", told.len());
    assert!(told.contains("\n`````text\n") && told.ends_with("</details>\n"));
}

#[test]
fn annotations_stand_at_the_line_of_the_spec() {
    let sandbox = changed();
    let told = out(&sandbox, "github");
    assert!(
        told.contains("::error file=redis-cluster.yaml,line=9,endLine=9,col=5,endColumn=9,title=RCG672::rejected: StatefulSet stock-shard-0, stock-shard-1, stock-shard-2 spec.volumeClaimTemplates[data]"),
        "{told}"
    );
    assert!(told.contains("::warning file=redis-cluster.yaml,line=7,"), "{told}");
    let gitlab: Value = serde_json::from_str(&out(&sandbox, "gitlab")).expect("JSON");
    assert!(
        gitlab.as_array().expect("a list").iter().any(
            |entry| entry["check_name"] == "RCG672" && entry["location"]["lines"]["begin"] == 9
        )
    );
    let sarif: Value = serde_json::from_str(&out(&sandbox, "sarif")).expect("JSON");
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().expect("rules");
    assert!(rules.iter().any(|rule| rule["id"] == "RCG672"
        && rule["shortDescription"]["text"]
            == "the claim template of a StatefulSet asks for more"));
    let junit = out(&sandbox, "junit");
    let junit = roxmltree::Document::parse(&junit).expect("XML");
    assert!(
        junit
            .descendants()
            .any(|node| node.has_tag_name("failure") && node.attribute("type") == Some("RCG672"))
    );
}

#[test]
fn colours_only_where_they_are_asked_for() {
    let sandbox = changed();
    assert!(!out(&sandbox, "text").contains('\x1b'));
    let ran = sandbox.run(&["diff", "--color", "always"]);
    assert!(ran.stdout.contains("\x1b[1;31m"), "{ran:?}");
}

#[test]
fn exit_codes() {
    let sandbox = changed();
    for (flags, code) in [
        (&[][..], 1),
        (&["--exit-zero"], 0),
        (&["--fail-on", "data-risk"], 1),
        (&["--fail-on", "rejected"], 3),
        (&["--fail-on", "restart"], 3),
        (&["--fail-on", "none"], 3),
        (&["-o", "sarif", "--fail-on", "rejected"], 3),
    ] {
        let ran = sandbox.run(&[&["diff"], flags].concat());
        assert_eq!(ran.code, Some(code), "{flags:?}: {ran:?}");
    }
    sandbox.run(&["render", "--output-dir", "k8s"]);
    for flags in [&[][..], &["--fail-on", "none"], &["--exit-zero"]] {
        let ran = sandbox.run(&[&["diff"], flags].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""), "{flags:?}: {ran:?}");
    }
    sandbox.write("redis-cluster.yaml", "a: [\n");
    sandbox.run(&["diff"]).stderr.find("RCG001").expect("the reason");
    assert_eq!(sandbox.run(&["diff"]).code, Some(2));
    assert_eq!(sandbox.run(&["diff", "--fail-on", "worst"]).code, Some(2));
}

#[test]
fn what_can_be_compared_with() {
    let sandbox = changed();
    let by_default = out(&sandbox, "text");
    assert_eq!(sandbox.run(&["diff", "--against", "k8s"]).stdout, by_default);
    assert_eq!(sandbox.run(&["diff", "--output-dir", "k8s"]).stdout, by_default);
    sandbox.write("old.yaml", spec_with("stock", "config: {maxclients: 100}\n"));
    assert_eq!(sandbox.run(&["diff", "--against", "old.yaml"]).stdout, by_default);
    let one = sandbox.run(&["render", "old.yaml"]).ok();
    sandbox.write("one.yaml", &one);
    assert_eq!(sandbox.run(&["diff", "--against", "one.yaml"]).stdout, by_default);
    assert_eq!(sandbox.run_with_stdin(&one, &["diff", "--against", "-"]).stdout, by_default);
    let list = sandbox.run(&["render", "old.yaml", "-o", "json"]).ok();
    assert_eq!(sandbox.run_with_stdin(&list, &["diff", "--against", "-"]).stdout, by_default);
    // A whole spec printed into a folder, as `render > k8s/redis.yaml` does.
    sandbox.write("single/redis.yaml", one.replace("from old.yaml", "from redis-cluster.yaml"));
    assert_eq!(sandbox.run(&["diff", "--against", "single"]).stdout, by_default);
}

#[test]
fn foreign_files_of_a_folder_are_no_part_of_it() {
    let sandbox = changed();
    let before = out(&sandbox, "text");
    sandbox.write("k8s/secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: other}\n");
    sandbox.write("k8s/notes.yaml", "not: [an object\n");
    sandbox.write("b.redis-cluster.yaml", spec("b"));
    sandbox.run(&["render", "b.redis-cluster.yaml", "--output-dir", "k8s"]).told();
    assert_eq!(sandbox.run(&["diff", "redis-cluster.yaml"]).stdout, before);
    // But what the spec gave and gives no more is gone.
    let set =
        sandbox.read("k8s/apps_v1_statefulset_stock-shard-2.yaml").replace("shard-2", "shard-3");
    sandbox.write("k8s/apps_v1_statefulset_stock-shard-3.yaml", set);
    let told = sandbox.run(&["diff", "redis-cluster.yaml"]).stdout;
    assert!(told.contains("- StatefulSet stock-shard-3  # data-risk RCG691"), "{told}");
}

#[test]
fn folders_files_and_what_is_neither() {
    let sandbox = Sandbox::with(&[
        ("a/x.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {k: a}\n"),
        (
            "b/below/x.json",
            r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"k": "b"}}"#,
        ),
        ("b/.hidden/y.yaml", "broken: ["),
        ("b/README.md", "no manifest"),
    ]);
    let told = sandbox.run(&["diff", "a", "b"]);
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.stdout.contains("~ data.k: a -> b"), "{told:?}");
    for arguments in [&["diff", "a", "b/below/x.json"][..], &["diff", "a", "nowhere"]] {
        assert!(sandbox.run(arguments).refused().contains("cannot be compared"), "{arguments:?}");
    }
    sandbox.write("c/x.yaml", "a: b\n---\nc: [\n");
    assert!(sandbox.run(&["diff", "a", "c"]).refused().starts_with("error: c/x.yaml:"), "no place");
    sandbox.write("c/x.yaml", "---\na: b\n");
    assert_eq!(
        sandbox.run(&["diff", "a", "c"]).refused(),
        "error: c/x.yaml:2:1: is no Kubernetes object: it needs apiVersion, kind and metadata.name\n"
    );
}

#[test]
fn the_next_step_and_the_story_of_a_rule() {
    let sandbox = changed();
    let told = out(&sandbox, "text");
    assert!(told.contains("\nNext:\n  RCG672 patch the claim of each pod"), "{told}");
    let story = sandbox.run(&["explain", "RCG672"]).ok();
    assert!(story.starts_with("RULE:       RCG672\nNAME:       claim-template-grown\nCLASS:      rejected (the API server refuses it)\n"), "{story}");
    assert!(story.contains("\nNEXT:\n") && story.contains("\nSOURCE:\n"), "{story}");
    let versions = sandbox.run(&["explain", "max-unavailable-many"]).ok();
    assert!(versions.contains("KUBERNETES: 1.35, 1.37\n"), "{versions}");
}
