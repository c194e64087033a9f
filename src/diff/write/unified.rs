//! The manifests in the form of `diff -u`, a part for each object. Keys are sorted on both sides, so only values differ.

use std::io::{self, Write};

use serde_json::Value;
use similar::TextDiff;

use super::{Line, Report};
use crate::{
    diff::{ObjectChange, Path, object::Object, secrets::HIDDEN},
    document::Document,
    yaml,
};

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for object in &report.comparison.objects {
        if !report.is_told(object.class()) {
            continue;
        }
        let old = text(report, object.old.as_ref(), &object.id.kind);
        let mut new = text(report, object.new.as_ref(), &object.id.kind);
        for note in hidden(report, object) {
            new.push_str(&note);
        }
        let name = name(object);
        let (from, to) = (format!("a/{name}"), format!("b/{name}"));
        let from = if object.old.is_some() { from.as_str() } else { "/dev/null" };
        let to = if object.new.is_some() { to.as_str() } else { "/dev/null" };
        let diff = TextDiff::from_lines(&old, &new);
        write!(out, "{}", diff.unified_diff().context_radius(3).header(from, to))?;
    }
    Ok(())
}

/// The name that the object's file would have.
fn name(object: &ObjectChange) -> String {
    let value = object.new.as_ref().or(object.old.as_ref()).map(|object| object.value.clone());
    Document { value: value.unwrap_or_default() }.file_name()
}

fn text(report: &Report<'_>, object: Option<&Object>, kind: &str) -> String {
    let Some(object) = object else { return String::new() };
    let value = report.comparison.secrets().hide_value(kind, &Path::default(), &object.value);
    let mut document = Document { value };
    document.sort_keys();
    let mut text = String::new();
    yaml::write(&document.value, &mut text);
    text
}

/// A comment for each value whose change cannot be seen because it is hidden.
fn hidden(report: &Report<'_>, object: &ObjectChange) -> Vec<String> {
    object
        .changes
        .iter()
        .map(|change| Line::new(report.comparison, object, change))
        .filter(|line| {
            let text =
                |value: &Option<Value>| value.as_ref().map(Value::to_string).unwrap_or_default();
            line.old.is_some() && text(&line.new).contains(&format!("{HIDDEN}, changed"))
        })
        .map(|line| format!("# {}: {HIDDEN}, changed\n", line.path))
        .collect()
}
