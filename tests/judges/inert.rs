//! What is rendered goes unchanged through Flux, the kubelet, Helm, kustomize and a review: nothing looks like a
//! variable or a template, and scripts are readable `|` blocks.

use serde_json::{Value, json};

use crate::{assert_none, common::rendered};

/// Flux replaces the first and halves the second, as the kubelet does in commands; Helm and Go templates read the third.
const ACTIVE: [&str; 3] = ["${", "$$", "{{"];

#[test]
fn nothing_is_replaced_on_the_way() {
    let mut wrong = Vec::new();
    for rendered in rendered::all() {
        for (number, line) in rendered.yaml.lines().enumerate() {
            for mark in ACTIVE.iter().filter(|mark| line.contains(**mark)) {
                wrong.push(format!("{}:{}: {mark} in {line}", rendered.name, number + 1));
            }
        }
        for object in &rendered.objects {
            active_strings(object, &mut |text| {
                wrong.push(format!("{}: {text:?}", rendered.title(object)));
            });
        }
    }
    assert_none(&wrong);
}

/// Every key and string that holds one of the marks: what is written in two lines or escaped is seen here only.
fn active_strings(value: &Value, found: &mut dyn FnMut(&str)) {
    let mut look = |text: &str| {
        if ACTIVE.iter().any(|mark| text.contains(mark)) {
            found(text);
        }
    };
    match value {
        Value::String(text) => look(text),
        Value::Array(items) => items.iter().for_each(|item| active_strings(item, found)),
        Value::Object(fields) => {
            fields.keys().for_each(|key| look(key));
            fields.values().for_each(|value| active_strings(value, found));
        }
        _ => {}
    }
}

#[test]
fn config_maps_are_readable_blocks() {
    let (mut wrong, mut blocks) = (Vec::new(), 0);
    for rendered in rendered::all() {
        let documents = rendered.documents();
        assert_eq!(documents.len(), rendered.objects.len(), "{}", rendered.name);
        for (text, object) in documents.into_iter().zip(&rendered.objects) {
            if object["kind"] == "ConfigMap" {
                blocks += block_mistakes(text, object, &mut |mistake| {
                    wrong.push(format!("{}: {mistake}", rendered.title(object)));
                });
            }
        }
    }
    assert_none(&wrong);
    // The scripts and the configuration of each spec.
    assert!(blocks > 500 * 5, "only {blocks} blocks");
}

/// What would make a value of a ConfigMap unreadable, here or after kustomize. Gives the number of blocks.
fn block_mistakes(text: &str, object: &Value, found: &mut dyn FnMut(String)) -> usize {
    let mut blocks = 0;
    for (key, value) in object["data"].as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        for (number, line) in value.split('\n').enumerate() {
            let number = number + 1;
            if line.ends_with([' ', '\t', '\u{a0}']) {
                found(format!("{key}:{number}: a blank at the end of the line"));
            }
            if line.contains(['\t', '\r']) {
                found(format!("{key}:{number}: a tab or a carriage return"));
            }
            if line.contains(|c: char| c > '\u{ffff}' || (c.is_control() && c != '\t' && c != '\r'))
            {
                found(format!("{key}:{number}: a character that kustomize escapes"));
            }
        }
        if value.contains('\n') {
            if !value.ends_with('\n') {
                found(format!("{key}: no newline at the end"));
            }
            blocks += 1;
            if !text.lines().any(|line| line.strip_prefix("  ") == Some(&format!("{key}: |"))) {
                found(format!("{key} is no `|` block"));
            }
        }
    }
    blocks
}

#[test]
fn mistakes_are_found() {
    for (value, expected) in [
        (json!({"a": "x ${Y}"}), 1),
        (json!({"a": ["$$", {"b{{": 1}]}), 2),
        (json!({"a": "$X $(x) $((1)) $1 $@ } }} { {"}), 0),
    ] {
        let mut found = 0;
        active_strings(&value, &mut |_| found += 1);
        assert_eq!(found, expected, "{value}");
    }
    let good = "#!/bin/sh\necho\n";
    for (script, yaml, expected) in [
        (good, "data:\n  a.sh: |\n", 0),
        (good, "data:\n  a.sh: |-\n", 1),
        (good, "data:\n  a.sh: \"#!/bin/sh\\necho\\n\"\n", 1),
        ("#!/bin/sh\necho ", "data:\n  a.sh: |\n", 2),
        ("#!/bin/sh\n\techo\n", "data:\n  a.sh: |\n", 1),
        ("#!/bin/sh\necho\r\n", "data:\n  a.sh: |\n", 1),
        ("#!/bin/sh\necho 🦀\n", "data:\n  a.sh: |\n", 1),
    ] {
        let mut found = Vec::new();
        block_mistakes(yaml, &json!({"data": {"a.sh": script}}), &mut |mistake| {
            found.push(mistake);
        });
        assert_eq!(found.len(), expected, "{script:?}: {found:?}");
    }
}
