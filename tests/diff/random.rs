//! Pairs of random specs: every change has a class, both directions name the same objects, and what others rewrite stays the same.

use std::{collections::BTreeSet, sync::Arc};

use redis_cluster_gen::{
    diff::{self, Comparison, Id, Judge, Object, Side, rules},
    document::Document,
    error::Source,
    objects,
    spec::{self, KubeVersion, Options},
    yaml,
};
use serde::Deserialize;
use serde_json::Value;

use crate::common::{random::Random, specs};

const PAIRS: u64 = 300;

fn documents(seed: u64) -> Vec<Document> {
    let mut spec = specs::spec(seed);
    // Every other pair is one cluster, before and after.
    if seed.is_multiple_of(2) {
        spec["metadata"]["name"] = "orders".into();
        spec["metadata"]["namespace"] = "shop".into();
        if let Some(Value::Array(patches)) = spec["spec"].get_mut("patches") {
            patches.retain(|patch| patch["target"].get("name").is_none());
        }
    }
    let text = spec.to_string();
    let source = Arc::new(Source { name: "spec.yaml".to_owned(), text });
    let loaded = spec::load(&source, &Options::default());
    objects::build(&loaded.plan.unwrap_or_else(|| panic!("{seed}: {:?}", loaded.problems)))
}

fn side(documents: &[Document]) -> Side {
    let objects = documents.iter().filter_map(|document| Object::new(document.value.clone(), None));
    Side { objects: objects.collect() }
}

fn compare(before: &[Document], after: &[Document]) -> Comparison {
    diff::compare(side(before), side(after), &[], &Judge::new(KubeVersion::OLDEST))
}

fn ids(comparison: &Comparison) -> BTreeSet<Id> {
    comparison.objects.iter().map(|object| object.id.clone()).collect()
}

#[test]
fn pairs_of_random_specs() {
    for pair in 0..PAIRS {
        let (a, b) = (documents(pair), documents(pair + 2 + pair % 7 * 2));
        let there = compare(&a, &b);
        let back = compare(&b, &a);
        assert_eq!(ids(&there), ids(&back), "{pair}");
        for (object, change) in there.changes().chain(back.changes()) {
            let place = format!("{pair}: {} {}", object.id, change.path);
            assert!(rules::find(change.rule.code).is_some(), "{place}");
            assert!(!change.effect.is_empty(), "{place}");
            // Nothing that we render is unknown to the rules.
            assert_ne!(change.rule.name, "other-change", "{place}");
        }
        assert!(compare(&a, &a).objects.is_empty(), "{pair}");
        // What differs at all is told: without the objects that are named, both sides are the same.
        let named = ids(&there);
        let rest = |documents: &[Document]| -> BTreeSet<String> {
            let rest = documents
                .iter()
                .filter(|document| Id::of(&document.value).is_some_and(|id| !named.contains(&id)));
            rest.map(|document| document.value.to_string()).collect()
        };
        assert_eq!(rest(&a), rest(&b), "{pair}");
    }
}

/// The writers of others, with keys and lists in another order. That of serde_yaml writes texts such as `yes` without quotes, which kubectl takes for
/// something else, so its own reader reads it.
#[test]
fn what_is_written_in_another_way_is_the_same() {
    for seed in 0..PAIRS {
        let before = documents(seed);
        let (mut text, mut json) = (String::new(), String::new());
        let random = &mut Random::new(seed);
        for document in &before {
            let mut value = document.value.clone();
            shuffle(&mut value, random);
            text += "---\n";
            text += &serde_yaml::to_string(&value).expect("YAML");
            json += &serde_json::to_string_pretty(&value).expect("JSON");
            json += "\n---\n";
        }
        let read: Vec<Document> = serde_yaml::Deserializer::from_str(&text)
            .map(|document| Document { value: Value::deserialize(document).expect("a value") })
            .collect();
        let mut rewritten = Side::default();
        let source = Arc::new(Source { name: "rewritten.json".to_owned(), text: json });
        rewritten.read(&source).unwrap_or_else(|_| panic!("{seed}"));
        for after in [rewritten, side(&read)] {
            let judge = Judge::new(KubeVersion::OLDEST);
            let comparison = diff::compare(side(&before), after, &[], &judge);
            let told: Vec<_> = comparison
                .changes()
                .map(|(object, change)| format!("{} {}", object.id, change.path))
                .collect();
            assert!(told.is_empty(), "{seed}: {told:#?}");
        }
        let mut ours = String::new();
        for document in &before {
            ours += "---\n";
            yaml::write(&document.value, &mut ours);
        }
        let mut again = Side::default();
        let source = Arc::new(Source { name: "ours.yaml".to_owned(), text: ours });
        again.read(&source).unwrap_or_else(|_| panic!("{seed}"));
        let judge = Judge::new(KubeVersion::OLDEST);
        assert!(diff::compare(side(&before), again, &[], &judge).objects.is_empty(), "{seed}");
    }
}

/// Puts keys, and items of lists that have keys, in another order.
fn shuffle(value: &mut Value, random: &mut Random) {
    match value {
        Value::Object(fields) => {
            let mut entries: Vec<_> = std::mem::take(fields).into_iter().collect();
            random.shuffle(&mut entries);
            for (key, mut value) in entries {
                if ["containers", "volumes", "volumeMounts", "ports", "tolerations"]
                    .contains(&key.as_str())
                    && let Value::Array(items) = &mut value
                {
                    random.shuffle(items);
                }
                shuffle(&mut value, random);
                fields.insert(key, value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| shuffle(item, random)),
        _ => {}
    }
}
