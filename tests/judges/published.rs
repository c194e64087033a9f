//! Objects of kinds that are not Kubernetes' own are of the types that their makers publish: names of fields, their types, and the texts of enumerations.
//! The TypeScript compiler says so.

use std::{collections::BTreeMap, fs, process::Command};

use serde_json::{Value, json};

use crate::{
    assert_none,
    common::{
        rendered::{self, root, run},
        tools,
    },
};

/// The versions of such kinds; `kubernetes.rs` leaves them to this judge.
pub(crate) const VERSIONS: [&str; 2] = ["cert-manager.io/v1", "monitoring.coreos.com/v1"];

/// The type of a kind in `published.ts`.
fn published_type(kind: &str) -> Option<&'static str> {
    match kind {
        "Certificate" => Some("ICertificate"),
        "PodMonitor" => Some("IPodMonitor"),
        "PrometheusRule" => Some("IPrometheusRule"),
        "ServiceMonitor" => Some("IServiceMonitor"),
        _ => None,
    }
}

/// What the compiler says about values of the published types.
pub(crate) fn type_mistakes(name: &str, values: &[(&str, Value)]) -> String {
    let folder = tools::folder().join("monitoring");
    let mut text = fs::read_to_string(root().join("tests/judges/published.ts")).expect("the types");
    for (index, (kind, value)) in values.iter().enumerate() {
        text += &format!("export const value{index}: {kind} = {value};\n");
    }
    // Beside the packages, where the compiler looks for them.
    let file = folder.join(format!("{name}.ts"));
    fs::write(&file, text).expect("the values can be written");
    let options =
        ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022"];
    let output =
        run(Command::new(tools::program("bin/tsc")).current_dir(folder).args(options).arg(&file));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// All of them: from the examples, `tests/render/` and the random specs, each once.
fn values() -> Vec<(&'static str, Value)> {
    let cases = rendered::case_specs().into_iter().flat_map(|(_, spec)| rendered::objects(&spec));
    let all = rendered::all().flat_map(|rendered| rendered.objects.iter().cloned());
    let custom = cases
        .chain(all)
        .filter(|object| VERSIONS.iter().any(|version| object["apiVersion"] == *version));
    let mut values = BTreeMap::new();
    for object in custom {
        let kind = object["kind"].as_str().expect("a kind");
        let of = published_type(kind).unwrap_or_else(|| panic!("nothing judges a {kind}"));
        values.insert(object.to_string(), (of, object));
    }
    values.into_values().collect()
}

#[test]
fn objects_are_of_the_published_types() {
    let values = values();
    for kind in ["Certificate", "PodMonitor", "PrometheusRule", "ServiceMonitor"] {
        let of = published_type(kind);
        let count = values.iter().filter(|(name, _)| Some(*name) == of).count();
        assert!(count > 20, "only {count} of {kind}");
    }
    let said = type_mistakes("custom", &values);
    assert_none(&said.lines().map(str::to_owned).collect::<Vec<_>>());
}

#[test]
fn mistakes_are_found() {
    let values = values();
    let mistakes = [
        ("ICertificate", "/spec/dnsName", json!(["a"])),
        ("ICertificate", "/spec/dnsNames", json!("a")),
        ("ICertificate", "/spec/issuerRef/nmae", json!("a")),
        ("ICertificate", "/spec/privateKey/algorithm", json!("EC")),
        ("ICertificate", "/spec/privateKey/rotationPolicy", json!("Sometimes")),
        ("ICertificate", "/spec/privateKey/size", json!("256")),
        ("ICertificate", "/spec/secretName", Value::Null),
        ("ICertificate", "/spec/usages/0", json!("client")),
        ("IPodMonitor", "/spec/podMetricsEndpoints/0/ports", json!("metrics")),
        ("IPodMonitor", "/spec/podMetricsEndpoints/0/relabelings/0/action", json!("copy")),
        ("IPodMonitor", "/spec/selector", Value::Null),
        ("IServiceMonitor", "/spec/endpoint", json!([])),
        ("IServiceMonitor", "/spec/endpoints/0/interval", json!(30)),
        ("IPrometheusRule", "/spec/groups/0/name", Value::Null),
        ("IPrometheusRule", "/spec/groups/0/rules/0/exp", json!("up")),
        ("IPrometheusRule", "/spec/groups/0/rules/0/for", json!(5)),
    ];
    let wrong: Vec<_> = mistakes
        .iter()
        .map(|(kind, pointer, value)| {
            let (_, right) = values.iter().find(|(name, _)| name == kind).expect("one");
            let mut wrong = right.clone();
            let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
            let parent =
                wrong.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer} is nowhere"));
            match field.parse::<usize>() {
                Ok(index) => parent[index] = value.clone(),
                Err(_) => parent[field] = value.clone(),
            }
            (*kind, wrong)
        })
        .collect();
    let said = type_mistakes("custom-mistakes", &wrong);
    // Each value has a line, after those of the types.
    let types = fs::read_to_string(root().join("tests/judges/published.ts")).expect("the types");
    let first = types.lines().count() + 1;
    let unnoticed: Vec<_> = mistakes
        .iter()
        .enumerate()
        .filter(|(index, _)| !said.contains(&format!("custom-mistakes.ts({},", first + index)))
        .map(|(_, (kind, pointer, value))| format!("{kind}: {pointer}: {value}"))
        .collect();
    assert_none(&unnoticed);
}
