//! Random changes to the examples' specs: what the schema refuses is refused, and whatever happens is said properly.

use std::{fs, sync::LazyLock};

use proptest::{prelude::*, sample::Index};
use redis_cluster_gen::{
    error::{Severity, Source},
    spec::{self, Options, rules, schema},
    yaml,
};
use serde_json::{Map, Value, json};

const EXAMPLES: [&str; 8] =
    ["cache", "external", "local", "minimal", "production", "seed", "tls", "valkey"];

static SPECS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    EXAMPLES
        .iter()
        .map(|name| {
            let path = format!("examples/{name}/redis-cluster.yaml");
            let text = fs::read_to_string(&path).expect("the example");
            yaml::read(&Source { name: path, text }.into()).expect("YAML").to_json()
        })
        .collect()
});

static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema: Value = serde_json::from_str(schema::TEXT).expect("JSON");
    jsonschema::validator_for(&schema).expect("a schema")
});

/// The pointers of a value and of all below it.
fn pointers(value: &Value, pointer: &str, all: &mut Vec<String>) {
    all.push(pointer.to_owned());
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let key = key.replace('~', "~0").replace('/', "~1");
                pointers(value, &format!("{pointer}/{key}"), all);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointers(item, &format!("{pointer}/{index}"), all);
            }
        }
        _ => {}
    }
}

/// Names of all fields of the format.
static FIELDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    fn collect(schema: &Value, names: &mut Vec<String>) {
        if let Some(fields) = schema.get("properties").and_then(Value::as_object) {
            names.extend(fields.keys().cloned());
        }
        match schema {
            Value::Object(fields) => fields.values().for_each(|value| collect(value, names)),
            Value::Array(items) => items.iter().for_each(|value| collect(value, names)),
            _ => {}
        }
    }
    let mut names = Vec::new();
    collect(&serde_json::from_str(schema::TEXT).expect("JSON"), &mut names);
    names
});

fn values() -> impl Strategy<Value = Value> {
    let scalars = vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1),
        json!(2),
        json!(3),
        json!(3.0),
        json!(2.5),
        json!(9),
        json!(11),
        json!(29),
        json!(91),
        json!(501),
        json!(601),
        json!(1023),
        json!(65_536),
        json!(4_294_967_295_u64),
        json!(4_294_967_296_u64),
        json!(1e300),
        json!(""),
        json!("x"),
        json!("X Y"),
        json!("Required"),
        json!("none"),
        json!("None"),
        json!("512MB"),
        json!("10Gi"),
        json!("-1"),
        json!("8.0"),
        json!("7.2.4-alpine"),
        json!("8.0-"),
        json!("${X}"),
        json!("a\nb \n"),
        json!([]),
        json!({}),
        json!([1]),
        json!(["a", "a"]),
        json!([{}]),
        json!({"a": 1}),
        json!({"name": "redis", "image": "x"}),
        json!([{"name": "data", "mountPath": "/data"}]),
        json!([{"kind": "StatefulSet"}, {"target": {"kind": "Service"}, "merge": {"spec": {"selector": {}}}}]),
    ];
    prop_oneof![
        4 => proptest::sample::select(scalars),
        1 => "[ -~]{0,8}".prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
    ]
}

#[derive(Debug, Clone)]
enum Change {
    Remove(Index),
    Replace(Index, Value),
    Rename(Index, usize),
    Add(Index, Index, Value),
    Repeat(Index),
}

fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![
        any::<Index>().prop_map(Change::Remove),
        (any::<Index>(), values()).prop_map(|(at, value)| Change::Replace(at, value)),
        (any::<Index>(), 0..4_usize).prop_map(|(at, how)| Change::Rename(at, how)),
        (any::<Index>(), any::<Index>(), values())
            .prop_map(|(at, field, value)| Change::Add(at, field, value)),
        any::<Index>().prop_map(Change::Repeat),
    ]
}

fn apply(spec: &mut Value, change: &Change) {
    let mut all = Vec::new();
    pointers(spec, "", &mut all);
    let (Change::Remove(at)
    | Change::Replace(at, _)
    | Change::Rename(at, _)
    | Change::Add(at, ..)
    | Change::Repeat(at)) = change;
    let pointer = at.get(&all).clone();
    if let Change::Replace(_, value) = change {
        *spec.pointer_mut(&pointer).expect("it is there") = value.clone();
        return;
    }
    if let Change::Add(_, field, value) = change {
        if let Some(Value::Object(fields)) = spec.pointer_mut(&pointer) {
            fields.insert(field.get(&FIELDS).clone(), value.clone());
        }
        return;
    }
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    let key = key.replace("~1", "/").replace("~0", "~");
    match (spec.pointer_mut(parent), change) {
        (Some(Value::Object(fields)), Change::Remove(_)) => {
            fields.shift_remove(&key);
        }
        (Some(Value::Object(fields)), Change::Rename(_, how)) => {
            let renamed = |name: &str| match how {
                0 => format!("{name}s"),
                1 => name.to_lowercase(),
                2 => name.chars().skip(1).collect(),
                _ => format!("{name}-{name}"),
            };
            *fields = std::mem::take(fields)
                .into_iter()
                .map(|(name, value)| (if name == key { renamed(&name) } else { name }, value))
                .collect::<Map<_, _>>();
        }
        (Some(Value::Array(items)), Change::Remove(_)) => {
            items.remove(key.parse().expect("an index"));
        }
        (Some(Value::Array(items)), Change::Repeat(_)) => {
            let item = items[key.parse::<usize>().expect("an index")].clone();
            items.push(item);
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_schema_refuses_is_refused(
        example in any::<Index>(),
        changes in proptest::collection::vec(changes(), 1..4),
    ) {
        let mut spec = example.get(&SPECS).clone();
        for change in &changes {
            apply(&mut spec, change);
        }
        let mut text = String::new();
        yaml::write(&spec, &mut text);
        let source = Source { name: "spec.yaml".to_owned(), text: text.clone() }.into();
        let loaded = spec::load(&source, &Options::default());

        let errors = loaded.problems.iter().filter(|problem| problem.severity == Severity::Error).count();
        prop_assert_eq!(loaded.plan.is_some(), errors == 0);
        if let Err(refused) = SCHEMA.validate(&spec) {
            prop_assert!(errors > 0, "accepted, but the schema says {}\n{}", refused, text);
        }
        let mut last = 0;
        for problem in &loaded.problems {
            prop_assert!(rules::find(problem.code).is_some(), "{}", problem.code);
            prop_assert!(problem.place.span.start >= last, "{} is out of order", problem.message);
            prop_assert!(problem.place.span.end <= text.len());
            prop_assert!(!problem.message.is_empty() && !problem.message.ends_with('.'), "{}", problem.message);
            prop_assert!(!problem.help.is_empty(), "no help: {}", problem.message);
            last = problem.place.span.start;
        }
        // Nothing is said twice.
        for (index, problem) in loaded.problems.iter().enumerate() {
            for other in &loaded.problems[..index] {
                let same = (problem.code, &problem.message, problem.place.span.start) == (other.code, &other.message, other.place.span.start);
                prop_assert!(!same, "twice: {}", problem.message);
            }
        }
    }
}
