//! What the published schema forbids, the program refuses too: an editor and `validate` must not differ. The schema is walked, so that a new field is
//! looked at as well.

use redis_cluster_gen::{
    error::{Severity, Source},
    spec::{self, Options, schema},
};
use serde_json::{Map, Value, json};

/// Everything optional that has required fields of its own.
fn base() -> Value {
    json!({
        "apiVersion": "redis-cluster-gen.dev/v1alpha1",
        "kind": "RedisCluster",
        "metadata": {"name": "orders", "namespace": "shop"},
        "spec": {
            "engine": {"version": "8.0.6"},
            "storage": {"size": "2Gi"},
            // Retiring replicas and those that stay have one bound together.
            "topology": {"replicasPerShard": 0},
            "persistence": {"snapshots": [{"seconds": 60, "changes": 1}]},
            "auth": {"users": [{"name": "checkout"}]},
            "network": {"external": {"type": "NodePort", "host": "nodes.example.com"}},
            "tls": {"certificate": {"issuerRef": {"name": "internal"}}},
            "backup": {"schedule": "30 3 * * *", "volume": {"size": "9Gi"}},
            "restore": {"backup": "orders/20261125T033000Z"},
        },
    })
}

/// The key of the schema's mappings of any keys.
const ANY_KEY: &str = "memory";

/// A field with everything that the schema says of its value.
pub(crate) struct Field {
    pub(crate) pointer: String,
    pub(crate) says: Map<String, Value>,
}

impl Field {
    fn number(&self, bound: &str) -> Option<i64> {
        self.says.get(bound)?.as_i64()
    }
}

/// The fields at and below a schema, in order.
pub(crate) fn fields(root: &Value, schema: &Value, pointer: &str, found: &mut Vec<Field>) {
    let mut says = schema.as_object().cloned().unwrap_or_default();
    if let Some(Value::String(reference)) = says.remove("$ref") {
        let definition = root.pointer(reference.trim_start_matches('#')).expect("a definition");
        let mut all = definition.as_object().expect("a mapping").clone();
        all.extend(says);
        return fields(root, &Value::Object(all), pointer, found);
    }
    // An optional value.
    if let Some(Value::Array(choices)) = says.remove("anyOf") {
        for choice in choices {
            let mut all = says.clone();
            all.extend(choice.as_object().expect("a mapping").clone());
            fields(root, &Value::Object(all), pointer, found);
        }
        return;
    }
    let below = |key: &str| says.get(key).filter(|schema| schema.is_object()).cloned();
    let (properties, items, any) =
        (below("properties"), below("items"), below("additionalProperties"));
    found.push(Field { pointer: pointer.to_owned(), says });
    for (name, schema) in properties.iter().filter_map(Value::as_object).flatten() {
        fields(root, schema, &format!("{pointer}/{name}"), found);
    }
    if let Some(items) = items {
        fields(root, &items, &format!("{pointer}/0"), found);
    }
    if let Some(any) = any {
        fields(root, &any, &format!("{pointer}/{ANY_KEY}"), found);
    }
}

/// A spec with a value at a pointer.
fn spec_with(pointer: &str, value: Value) -> String {
    let mut spec = base();
    let mut at = &mut spec;
    for token in pointer.split('/').skip(1) {
        at = match token.parse::<usize>() {
            Ok(index) => {
                if at.is_null() {
                    *at = json!([null]);
                }
                &mut at[index]
            }
            Err(_) => &mut at[token],
        };
    }
    *at = value;
    serde_json::to_string_pretty(&spec).expect("JSON")
}

/// The codes of the errors at a value.
fn errors(pointer: &str, value: &Value) -> Vec<&'static str> {
    const HERE: &str = "here it is";
    let marked = spec_with(pointer, json!(HERE));
    let first = 1 + marked.lines().position(|line| line.contains(HERE)).expect("a line");
    let lines = serde_json::to_string_pretty(value).expect("JSON").lines().count();
    let text = spec_with(pointer, value.clone());
    let source = Source { name: "redis-cluster.yaml".to_owned(), text }.into();
    let problems = spec::load(&source, &Options::default()).problems.into_iter();
    let of_value = problems.filter(|problem| {
        let (line, _) = problem.place.line_column();
        problem.severity == Severity::Error && (first..first + lines).contains(&line)
    });
    of_value.map(|problem| problem.code).collect()
}

fn published() -> Value {
    serde_json::from_str(schema::TEXT).expect("JSON")
}

/// Every field that a spec can have.
fn all_fields(schema: &Value) -> Vec<Field> {
    let mut all = Vec::new();
    fields(schema, schema, "", &mut all);
    all
}

/// Just outside of each bound a number is refused for a reason that it is not refused for at the bound.
#[test]
fn numbers_are_refused_where_the_schema_ends() {
    let schema = published();
    let all = all_fields(&schema);
    let mut seen = 0;
    let mut wrong = Vec::new();
    for field in &all {
        for (bound, step) in [("minimum", -1), ("maximum", 1)] {
            let Some(bound) = field.number(bound) else { continue };
            let pointer = field.pointer.as_str();
            seen += 1;
            let within = match (pointer, step) {
                // The last of six pods has a port that is 20 above.
                ("/spec/network/external/firstNodePort", 1) => bound - 20,
                // The handover and the end of the server have to fit.
                ("/spec/lifecycle/terminationGracePeriodSeconds", -1) => 60,
                _ => bound,
            };
            let outside = errors(pointer, &json!(bound + step));
            let inside = errors(pointer, &json!(within));
            if outside.iter().all(|code| inside.contains(code)) {
                wrong.push(format!("{pointer}: {} {outside:?}, {within} {inside:?}", bound + step));
            }
        }
    }
    assert!(seen > 60, "only {seen} bounds were found: is the search broken?");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Texts and lists that the schema forbids are refused.
#[test]
fn texts_are_refused_as_by_the_schema() {
    let schema = published();
    let all = all_fields(&schema);
    let mut seen = 0;
    let mut wrong = Vec::new();
    for field in &all {
        let length = |bound| Some(usize::try_from(field.number(bound)?).expect("a length"));
        let words = ["enum", "const", "oneOf"].iter().find_map(|word| field.says.get(*word));
        let forbidden = [
            field.says.get("pattern").map(|_| json!("!!")),
            words.map(|_| json!("!!")),
            length("minLength").map(|least| json!("a".repeat(least - 1))),
            length("maxLength").map(|most| json!("a".repeat(most + 1))),
            length("minItems").map(|least| json!(vec!["IPv4"; least - 1])),
            length("maxItems").map(|most| json!(vec!["IPv4"; most + 1])),
        ];
        for value in forbidden.into_iter().flatten() {
            seen += 1;
            if errors(&field.pointer, &value).is_empty() {
                wrong.push(format!("{}: {value}", field.pointer));
            }
        }
    }
    assert!(seen > 40, "only {seen} texts were found: is the search broken?");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
