//! Comparisons for people and machines: each format is a module, and none sees a secret.

mod json;
mod markdown;
mod problems;
mod text;
mod unified;

use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::Arc,
};

use serde_json::Value;

use super::{
    Action, Change, Class, Comparison, ObjectChange, Rule,
    rules::{ONE_BY_ONE, TOGETHER},
    secrets::HIDDEN,
};
use crate::{error::Source, yaml};

pub use json::schema;

/// How a comparison is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people: what changes, what that does, and what to do next.
    #[default]
    Text,
    /// The manifests in the form of `diff -u`.
    Unified,
    /// One JSON object; `schemas/diff.v1.schema.json` describes it.
    Json,
    /// A comment for a pull request.
    Markdown,
    /// Workflow commands that annotate a pull request on GitHub.
    Github,
    /// GitLab's Code Quality report.
    Gitlab,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// JUnit XML, for the test reports of CI systems.
    Junit,
}

/// What there is to write, and how.
pub struct Report<'a> {
    /// What changes.
    pub comparison: &'a Comparison,
    /// The specs that were compared, for formats that list what was looked at.
    pub specs: &'a [Arc<Source>],
    /// Whether changes of the class `none` are told, too.
    pub verbose: bool,
    /// Whether text has colours.
    pub color: bool,
}

impl Report<'_> {
    /// Writes the comparison.
    ///
    /// # Errors
    /// When `out` does not take it.
    pub fn write(&self, format: Format, out: &mut dyn Write) -> io::Result<()> {
        match format {
            Format::Text => text::write(self, out),
            Format::Unified => unified::write(self, out),
            Format::Json => json::write(self, out),
            Format::Markdown => markdown::write(self, out),
            Format::Github => problems::write(self, crate::report::Format::Github, out),
            Format::Gitlab => problems::write(self, crate::report::Format::Gitlab, out),
            Format::Sarif => problems::write(self, crate::report::Format::Sarif, out),
            Format::Junit => problems::write(self, crate::report::Format::Junit, out),
        }
    }

    /// Whether a change is told.
    fn is_told(&self, class: Class) -> bool {
        self.verbose || class > Class::None
    }

    /// The objects with changes to tell; those to which the same happens stand together.
    fn groups(&self) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for object in &self.comparison.objects {
            let lines: Vec<_> = object
                .changes
                .iter()
                .filter(|change| self.is_told(change.class()))
                .map(|change| Line::new(self.comparison, object, change))
                .collect();
            if lines.is_empty() {
                continue;
            }
            let same = groups.iter_mut().find(|group| {
                let first = group.objects[0];
                first.action == object.action
                    && (&first.id.kind, &first.id.namespace)
                        == (&object.id.kind, &object.id.namespace)
                    && group.lines == lines
            });
            match same {
                Some(group) => {
                    for (line, more) in group.lines.iter_mut().zip(lines) {
                        line.pods.extend(more.pods);
                    }
                    group.objects.push(object);
                }
                None => groups.push(Group { objects: vec![object], lines }),
            }
        }
        groups
    }

    fn count(&self, action: Action) -> usize {
        let told = |object: &&ObjectChange| object.action == action && self.is_told(object.class());
        self.comparison.objects.iter().filter(told).count()
    }

    /// `1 to add, 3 to change, 0 to remove`
    fn plan(&self) -> String {
        format!(
            "{} to add, {} to change, {} to remove",
            self.count(Action::Add),
            self.count(Action::Change),
            self.count(Action::Remove)
        )
    }
}

/// Objects of one kind to which the same happens.
struct Group<'a> {
    objects: Vec<&'a ObjectChange>,
    lines: Vec<Line<'a>>,
}

/// A change of all objects of a group, without secrets.
struct Line<'a> {
    change: &'a Change,
    path: String,
    old: Option<Value>,
    new: Option<Value>,
    pods: Vec<String>,
}

impl PartialEq for Line<'_> {
    fn eq(&self, other: &Line<'_>) -> bool {
        // What differs only in secrets is not the same.
        (&self.path, &self.change.old, &self.change.new)
            == (&other.path, &other.change.old, &other.change.new)
            && self.change.rule.code == other.change.rule.code
            && self.change.effect == other.change.effect
    }
}

impl<'a> Line<'a> {
    fn new(comparison: &Comparison, object: &ObjectChange, change: &'a Change) -> Line<'a> {
        let shown = |value: &Option<Value>| {
            value.as_ref().map(|value| comparison.shown(object, change, value))
        };
        let (old, mut new) = (shown(&change.old), shown(&change.new));
        if old.is_some() && old == new && change.class() > Class::None {
            new = Some(Value::from(format!("{HIDDEN}, changed")));
        }
        let path = comparison.secrets().hide(&change.path.to_string());
        Line { change, path, old, new, pods: change.pods.clone() }
    }

    fn action(&self) -> Action {
        match (&self.old, &self.new) {
            (None, Some(_)) => Action::Add,
            (Some(_), None) => Action::Remove,
            _ => Action::Change,
        }
    }

    /// `redis-cluster.yaml:12`
    fn spec(&self) -> Option<String> {
        let place = self.change.spec.as_ref()?;
        Some(format!("{}:{}", place.source.name, place.line_column().0))
    }
}

impl Group<'_> {
    fn action(&self) -> Action {
        self.objects[0].action
    }

    /// `StatefulSet shop/orders-shard-0, orders-shard-1`
    fn title(&self) -> String {
        let first = self.objects[0];
        let others: String =
            self.objects[1..].iter().map(|object| format!(", {}", object.id.name)).collect();
        format!("{}{others}", first.id)
    }

    /// What to do next about a rule, with the objects' names in it.
    fn next(&self, rule: &Rule) -> String {
        let first = &self.objects[0].id;
        let names: Vec<_> = self.objects.iter().map(|object| object.id.name.as_str()).collect();
        rule.next_for(first, &names)
    }
}

/// What to do next, each step once, the worst first. Where all pods have to restart at once, nothing says to restart one after the other.
fn next_steps(groups: &[Group<'_>]) -> Vec<(&'static Rule, String)> {
    let mut steps: Vec<(&'static Rule, String)> = Vec::new();
    for group in groups {
        for rule in group.lines.iter().map(|line| line.change.rule) {
            let step = group.next(rule);
            let known = |(_, other): &(&Rule, String)| *other == step;
            if !step.is_empty() && !steps.iter().any(known) {
                steps.push((rule, step));
            }
        }
    }
    if steps.iter().any(|(rule, _)| TOGETHER.contains(&rule.code)) {
        steps.retain(|(rule, _)| !ONE_BY_ONE.contains(&rule.code));
    }
    steps.sort_by_key(|(rule, _)| (std::cmp::Reverse(rule.class), rule.code));
    steps
}

/// How many changes there are of each class, which rules they meet, and how many pods they concern; the worst class first.
fn classes(groups: &[Group<'_>]) -> Vec<(Class, usize, Vec<&'static Rule>, usize)> {
    Class::WORST_FIRST
        .into_iter()
        .filter_map(|class| {
            let mut rules: BTreeMap<&str, &'static Rule> = BTreeMap::new();
            let mut pods = std::collections::BTreeSet::new();
            let mut count = 0;
            for group in groups {
                for line in group.lines.iter().filter(|line| line.change.class() == class) {
                    count += group.objects.len();
                    rules.insert(line.change.rule.code, line.change.rule);
                    let namespace = &group.objects[0].id.namespace;
                    pods.extend(line.pods.iter().map(|pod| (namespace, pod)));
                }
            }
            (count > 0).then(|| (class, count, rules.into_values().collect(), pods.len()))
        })
        .collect()
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// A value without children on one line, as YAML writes it, cut where it is long.
fn inline(value: &Value) -> Option<String> {
    const LONGEST: usize = 100;
    let text = match value {
        Value::Object(_) | Value::Array(_) => value.to_string(),
        Value::String(text) if text.contains('\n') => return None,
        _ => {
            let mut text = String::new();
            yaml::write(value, &mut text);
            text.trim_end().to_owned()
        }
    };
    if text.contains('\n') {
        return None;
    }
    Some(match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    })
}
