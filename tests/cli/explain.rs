//! `explain` and `schema`: the same source, told in two ways.

use serde_json::Value;

use crate::sandbox::Sandbox;

fn explain(topic: &str) -> String {
    Sandbox::new().run(&["explain", topic]).ok()
}

fn refused(topic: &str) -> String {
    Sandbox::new().run(&["explain", topic]).refused()
}

#[test]
fn a_field() {
    let text = explain("spec.topology.shards");
    let start = "KIND:     RedisCluster\nVERSION:  redis-cluster-gen.dev/v1alpha1\n\n\
                 FIELD: spec.topology.shards <integer>\n\nDESCRIPTION:\n    The number of shards.";
    assert!(text.starts_with(start), "{text}");
    assert!(text.ends_with("\nDEFAULT: 3\nMINIMUM: 3\nMAXIMUM: 500\n"), "{text}");
    assert!(text.lines().all(|line| line.len() <= 80), "{text}");
}

#[test]
fn ways_to_name_a_field() {
    let text = explain("spec.topology.shards");
    for path in [
        "topology.shards",
        "RedisCluster.spec.topology.shards",
        "rediscluster.topology.shards",
        ".topology.shards",
    ] {
        assert_eq!(explain(path), text, "{path}");
    }
    assert_eq!(explain("patches[].target"), explain("spec.patches.target"));
    assert_eq!(explain("patches[0].target"), explain("spec.patches.target"));
    assert!(explain("metadata.name").contains("\nFIELD: metadata.name <string> -required-\n"));
}

#[test]
fn a_directive() {
    let text = explain("spec.config.maxmemory-policy");
    assert!(text.starts_with("FIELD: spec.config.maxmemory-policy\n\nINSTEAD:\n"), "{text}");
    assert!(text.contains("    Redis  7.0  changed while the servers run\n"), "{text}");
    assert!(text.contains("\nTAKES:\n    one of "), "{text}");
    for path in ["config.maxmemory-policy", "maxmemory-policy"] {
        assert_eq!(explain(path), text, "{path}");
    }
    assert!(
        explain("config.io-threads")
            .contains("    Valkey 8.0  takes effect when a server starts\n")
    );
    assert!(explain("config.cluster-port").contains("\nINSTEAD:\n"));
    let text = refused("config.maxmemory-polizy");
    assert!(text.contains("`maxmemory-polizy`; did you mean `maxmemory-policy`?"), "{text}");
}

#[test]
fn an_object_has_its_fields() {
    let sandbox = Sandbox::new();
    let root = sandbox.run(&["explain"]).ok();
    assert!(
        root.contains(
            "\nFIELDS:\n  apiVersion <string> -required-\n    The version of this format.\n"
        ),
        "{root}"
    );
    let engine = explain("engine");
    assert!(engine.contains("\nFIELD: spec.engine <Object> -required-\n"), "{engine}");
    assert!(engine.contains("\n  version <string> -required-\n"), "{engine}");
    assert!(engine.contains("\n  pullSecrets <[]string>\n"), "{engine}");
    // A field that may be null, and one that is a map.
    assert!(explain("metadata.namespace").contains("\nFIELD: metadata.namespace <string>\n"));
    assert!(explain("metadata.labels").contains("\nFIELD: metadata.labels <map[string]string>\n"));
    assert!(explain("metadata.labels.any").contains("\nFIELD: metadata.labels.any <string>\n"));
}

#[test]
fn values_have_their_meaning() {
    let text = explain("topology.layout");
    assert!(
        text.contains("\nVALUES:\n  StatefulSetPerShard\n    One StatefulSet for each shard."),
        "{text}"
    );
    assert!(text.ends_with("\nDEFAULT: StatefulSetPerShard\n"), "{text}");
    let text = explain("config");
    assert!(text.contains("\nFIELD: spec.config <map[string]boolean or integer"), "{text}");
}

#[test]
fn all_fields_at_once() {
    let sandbox = Sandbox::new();
    let tree = sandbox.run(&["explain", "--recursive"]).ok();
    for line in [
        "  metadata <Object> -required-",
        "    name <string> -required-",
        "    topology <Object>",
        "      shards <integer>",
        "        nodes <string>",
    ] {
        assert!(tree.lines().any(|other| other == line), "{line} is not in {tree}");
    }
    // Every field of the tree can be explained.
    let (_, fields) = tree.split_once("\nFIELDS:\n").expect("fields");
    let mut path: Vec<&str> = Vec::new();
    let mut count = 0;
    for line in fields.lines() {
        let name = line.trim_start();
        path.truncate((line.len() - name.len()) / 2 - 1);
        path.push(name.split(' ').next().expect("a name"));
        let path = path.join(".");
        let text = explain(&path);
        assert!(text.contains(&format!("\nFIELD: {path} <")), "{text}");
        assert!(text.contains("\nDESCRIPTION:\n    "), "{path} has no description");
        count += 1;
    }
    assert!(count > 100, "{count} fields");
}

#[test]
fn unknown_fields_have_hints() {
    for (topic, message) in [
        ("topologie", "error: `spec` has no field `topologie`; did you mean `spec.topology`?\n"),
        (
            "spec.topology.shard",
            "error: `spec.topology` has no field `shard`; did you mean `spec.topology.shards`?\n",
        ),
        (
            "shards",
            "error: `spec` has no field `shards`; did you mean `spec.topology.shards` or `spec.topology.retiring.shards`?\n",
        ),
        (
            "spec.storage.Size",
            "error: `spec.storage` has no field `Size`; did you mean `spec.storage.size`?\n",
        ),
        ("metadata.name.x", "error: `metadata.name` has no field `x`, and no other\n"),
    ] {
        assert_eq!(refused(topic), message);
    }
    let other = refused("xyzzy");
    assert!(
        other.starts_with("error: `spec` has no field `xyzzy`; it has engine, topology, "),
        "{other}"
    );
}

#[test]
fn rules_are_known_by_code_and_name() {
    let text = explain("RCG102");
    let start = "RULE:      RCG102\nNAME:      unknown-field\nSEVERITY:  error\n\n";
    assert!(text.starts_with(start), "{text}");
    assert!(text.lines().count() > 6, "{text}");
    assert_eq!(explain("rcg102"), text);
    assert_eq!(explain("unknown-field"), text);
    // Every rule that a report can name.
    for rule in redis_cluster_gen::spec::rules::RULES {
        let text = explain(rule.code);
        assert!(text.contains(rule.name), "{text}");
        // Examples stay as they are written.
        let long = text.lines().find(|line| line.chars().count() > 80 && !line.starts_with("    "));
        assert_eq!(long, None, "{}", rule.code);
    }
}

#[test]
fn unknown_rules_have_hints() {
    assert_eq!(
        refused("unkown-field"),
        "error: there is no rule `unkown-field`; did you mean `unknown-field`?\n"
    );
    assert!(refused("RCG999").starts_with("error: there is no rule `RCG999`"));
    assert_eq!(refused("no-such-thing-at-all"), "error: there is no rule `no-such-thing-at-all`\n");
}

#[test]
fn the_schema_is_the_committed_one() {
    let schema = Sandbox::new().run(&["schema"]).ok();
    assert_eq!(schema, include_str!("../../schemas/redis-cluster.v1alpha1.schema.json"));
    let value: Value = serde_json::from_str(&schema).expect("JSON");
    assert_eq!(value["$schema"], "https://json-schema.org/draft/2020-12/schema");
    jsonschema::meta::validate(&value).expect("a valid schema");
}
