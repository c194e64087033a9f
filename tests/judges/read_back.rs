//! A second, independent YAML reader finds in the YAML what `-o json` has: the kept fork of serde_yaml.

use serde::Deserialize;
use serde_json::Value;

use crate::{assert_none, common::rendered};

#[test]
fn yaml_says_what_json_says() {
    let mut wrong = Vec::new();
    for rendered in rendered::all() {
        let read: Vec<Value> = serde_yaml::Deserializer::from_str(&rendered.yaml)
            .map(|document| Value::deserialize(document).expect("the document can be read"))
            .collect();
        assert_eq!(read.len(), rendered.objects.len(), "{}", rendered.name);
        for (read, object) in read.iter().zip(&rendered.objects) {
            differences(read, object, &rendered.title(object), &mut wrong);
        }
    }
    assert_none(&wrong);
}

/// The paths at which two values differ; the order of keys counts.
fn differences(read: &Value, meant: &Value, path: &str, wrong: &mut Vec<String>) {
    match (read, meant) {
        (Value::Object(read), Value::Object(meant)) => {
            if !read.keys().eq(meant.keys()) {
                wrong.push(format!("{path}: keys {:?} for {:?}", read.keys(), meant.keys()));
            }
            for (key, meant) in meant {
                let read = read.get(key).unwrap_or(&Value::Null);
                differences(read, meant, &format!("{path}/{key}"), wrong);
            }
        }
        (Value::Array(read), Value::Array(meant)) if read.len() == meant.len() => {
            for (index, (read, meant)) in read.iter().zip(meant).enumerate() {
                differences(read, meant, &format!("{path}/{index}"), wrong);
            }
        }
        _ if read == meant => {}
        _ => wrong.push(format!("{path}: read {read}, meant {meant}")),
    }
}
