//! One JSON object for programs. `schemas/diff.v1.schema.json` is made from the types here.
//!
//! A later version 1 may add fields, classes' rules among them; what a field means does not change without a new version.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{Action, Class, Group, Line, Report, next_steps};
use crate::error::Place;

/// What changes between two sets of Kubernetes objects, and what that does to a running cluster.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Document {
    /// The version of this format.
    #[schemars(extend("const" = 1))]
    version: u8,
    /// The worst class of all changes.
    class: Class,
    /// Totals.
    summary: Summary,
    /// The objects that change, in the order in which Helm and Argo CD apply.
    objects: Vec<Object>,
    /// What to do, the worst first.
    next: Vec<Step>,
}

/// Totals.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Summary {
    /// Objects that are new.
    add: usize,
    /// Objects of which something changes.
    change: usize,
    /// Objects that are gone.
    remove: usize,
    /// How many changes there are of each class; classes without any are left out.
    classes: BTreeMap<&'static str, usize>,
}

/// An object that changes.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Object {
    /// The API group; empty for the core.
    group: String,
    /// The kind.
    kind: String,
    /// The namespace; empty where the object names none.
    namespace: String,
    /// The name.
    name: String,
    /// What happens to it.
    action: Verb,
    /// The worst class of its changes.
    class: Class,
    /// Where the object stood before, if it was read from a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<Location>,
    /// What changes, by path.
    changes: Vec<Entry>,
}

/// What happens to an object or to a value.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Verb {
    /// It is new.
    Add,
    /// It becomes another one.
    Change,
    /// It is gone.
    Remove,
}

/// A value that changes.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Entry {
    /// The path in the object; items of lists by their key. Empty when the whole object comes or goes.
    path: String,
    /// What happens to the value.
    action: Verb,
    /// How much it does.
    class: Class,
    /// The rule that says so, such as `RCG672`.
    code: &'static str,
    /// The rule's name.
    rule: &'static str,
    /// What it does, in a few words.
    effect: String,
    /// The value before; left out where there was none. Secrets read `(hidden)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<Value>,
    /// The value after; left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<Value>,
    /// The pods that it concerns, by name.
    pods: Vec<String>,
    /// The place in the spec that it comes from, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    spec: Option<Location>,
    /// What to do next; left out where there is nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A step to take.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Step {
    /// The rule that asks for it.
    code: &'static str,
    /// What to do.
    step: String,
}

/// A place in a file.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Location {
    /// The path.
    file: String,
    /// From 1.
    #[schemars(range(min = 1))]
    line: usize,
    /// In characters, from 1.
    #[schemars(range(min = 1))]
    column: usize,
}

/// The JSON Schema of this format.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Document);
    schema.insert("title".into(), "Comparison of redis-cluster-gen".into());
    schema.to_value()
}

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &document(report))?;
    writeln!(out)
}

fn document(report: &Report<'_>) -> Document {
    let mut classes = BTreeMap::new();
    let mut objects = Vec::new();
    for object in &report.comparison.objects {
        let alone = Group { objects: vec![object], lines: Vec::new() };
        let entries: Vec<_> = object
            .changes
            .iter()
            .filter(|change| report.is_told(change.class()))
            .map(|change| entry(Line::new(report.comparison, object, change), &alone))
            .collect();
        for entry in &entries {
            *classes.entry(entry.class.name()).or_default() += 1;
        }
        if entries.is_empty() {
            continue;
        }
        objects.push(Object {
            group: object.id.group.clone(),
            kind: object.id.kind.clone(),
            namespace: object.id.namespace.clone(),
            name: object.id.name.clone(),
            action: verb(object.action),
            class: object.class(),
            file: object.old.as_ref().and_then(|old| old.place.as_ref()).map(location),
            changes: entries,
        });
    }
    let groups = report.groups();
    Document {
        version: 1,
        class: report.comparison.class(),
        summary: Summary {
            add: report.count(Action::Add),
            change: report.count(Action::Change),
            remove: report.count(Action::Remove),
            classes,
        },
        objects,
        next: next_steps(&groups)
            .into_iter()
            .map(|(rule, step)| Step { code: rule.code, step })
            .collect(),
    }
}

fn entry(line: Line<'_>, object: &Group<'_>) -> Entry {
    let rule = line.change.rule;
    let whole = line.change.path.is_root();
    Entry {
        action: verb(if whole { object.action() } else { line.action() }),
        class: rule.class,
        code: rule.code,
        rule: rule.name,
        effect: line.change.effect.clone(),
        spec: line.change.spec.as_ref().map(location),
        next: (!rule.next.is_empty()).then(|| object.next(rule)),
        path: line.path,
        old: line.old,
        new: line.new,
        pods: line.pods,
    }
}

fn verb(action: Action) -> Verb {
    match action {
        Action::Add => Verb::Add,
        Action::Change => Verb::Change,
        Action::Remove => Verb::Remove,
    }
}

fn location(place: &Place) -> Location {
    let (line, column) = place.line_column();
    Location { file: place.source.name.clone(), line, column }
}
