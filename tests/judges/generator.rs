//! The random specs are worth something: together they use every field, and all of them are valid.

use std::{collections::BTreeSet, sync::Arc};

use redis_cluster_gen::{
    error::{Severity, Source},
    spec::{self, Options, types::RedisCluster},
};
use serde_json::{Map, Value};

use crate::{
    assert_none,
    common::{rendered::RANDOM_SPECS, specs},
};

#[test]
fn all_are_valid() {
    let mut wrong = Vec::new();
    for seed in 0..RANDOM_SPECS {
        let source = Arc::new(Source { name: format!("{seed}"), text: specs::text(seed) });
        let loaded = spec::load(&source, &Options::default());
        for problem in loaded.problems {
            if problem.severity == Severity::Error {
                let (line, column) = problem.place.line_column();
                wrong
                    .push(format!("{seed}:{line}:{column}: {}: {}", problem.code, problem.message));
            }
        }
        if loaded.plan.is_none() {
            wrong.push(format!("{seed}: no plan"));
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_field_is_used() {
    let schema = schemars::schema_for!(RedisCluster).to_value();
    let mut fields = BTreeSet::new();
    schema_fields(&schema, &schema, "", &mut fields);
    assert!(fields.len() > 80, "the schema was not understood: {fields:?}");

    let mut used = BTreeSet::new();
    for seed in 0..RANDOM_SPECS {
        used_fields(&specs::spec(seed), "", &mut used);
    }
    let missing: Vec<_> = fields.difference(&used).collect();
    assert!(missing.is_empty(), "no random spec has {missing:?}");
}

/// The path of every property in the schema; an item of a list has no name.
fn schema_fields(node: &Value, root: &Value, path: &str, fields: &mut BTreeSet<String>) {
    if let Some(pointer) = node.get("$ref").and_then(Value::as_str) {
        let target = root.pointer(pointer.trim_start_matches('#'));
        schema_fields(target.expect("a reference leads somewhere"), root, path, fields);
    }
    for key in ["anyOf", "allOf", "oneOf"] {
        for choice in node.get(key).and_then(Value::as_array).into_iter().flatten() {
            schema_fields(choice, root, path, fields);
        }
    }
    if let Some(items) = node.get("items") {
        schema_fields(items, root, path, fields);
    }
    for (name, property) in node.get("properties").and_then(Value::as_object).into_iter().flatten()
    {
        let path = format!("{path}/{name}");
        schema_fields(property, root, &path, fields);
        fields.insert(path);
    }
}

fn used_fields(node: &Value, path: &str, used: &mut BTreeSet<String>) {
    match node {
        Value::Object(fields) => used_map(fields, path, used),
        Value::Array(items) => items.iter().for_each(|item| used_fields(item, path, used)),
        _ => {}
    }
}

fn used_map(map: &Map<String, Value>, path: &str, used: &mut BTreeSet<String>) {
    for (name, value) in map {
        let path = format!("{path}/{name}");
        used_fields(value, &path, used);
        used.insert(path);
    }
}
