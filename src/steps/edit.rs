//! Changes of a spec's text that leave its comments and its order alone.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{
    error::Source,
    yaml::{self, Kind, Node},
};

/// A value for a place in a spec.
#[derive(Debug, Clone)]
pub(super) struct Edit {
    /// The place, as a JSON pointer through mappings.
    pub(super) pointer: &'static str,
    /// The value to write there.
    pub(super) value: Value,
}

impl Edit {
    pub(super) fn new(pointer: &'static str, value: impl Into<Value>) -> Edit {
        Edit { pointer, value: value.into() }
    }
}

/// The text with all edits; none where it cannot be read, or does not say then what the edits say.
pub(super) fn edited(text: &str, edits: &[Edit]) -> Option<String> {
    let mut text = text.to_owned();
    for edit in edits {
        let root = read(&text)?;
        text = set(&text, &root, edit.pointer, &edit.value)?;
        let root = read(&text)?;
        let found = root.find(edit.pointer);
        if !found.is_complete() || found.node.to_json() != edit.value {
            return None;
        }
    }
    Some(text)
}

/// What a spec's text says at a place.
pub(super) fn value_at(text: &str, pointer: &str) -> Option<Value> {
    let root = read(text)?;
    let found = root.find(pointer);
    found.is_complete().then(|| found.node.to_json())
}

fn read(text: &str) -> Option<Node> {
    let source = Source { name: String::new(), text: text.to_owned() };
    yaml::read(&Arc::new(source)).ok()
}

fn set(text: &str, root: &Node, pointer: &str, value: &Value) -> Option<String> {
    let found = root.find(pointer);
    let (at, value) = if found.is_complete() {
        (found.node, value.clone())
    } else {
        let mut names: Vec<&str> = found.rest.split('/').skip(1).collect();
        let mut value = value.clone();
        // What is missing on the way is written with it.
        while names.len() > 1 {
            value = Value::Object(Map::from_iter([(names.pop()?.to_owned(), value)]));
        }
        if let Kind::Map(entries) = &found.node.kind {
            let name = names.pop()?;
            return if is_flow(text, found.node) {
                let end = if entries.is_empty() { "" } else { ", " };
                Some(inserted(
                    text,
                    found.node.span.start + 1,
                    &format!("{name}: {}{end}", flow(&value)),
                ))
            } else {
                let first = entries.first()?;
                let start = line_start(text, first.key_span.start);
                let indent = &text[start..first.key_span.start];
                // Where the first key does not begin its line, there is no place for another before it.
                let block = indent.bytes().all(|byte| byte == b' ').then(|| {
                    let entry = Value::Object(Map::from_iter([(name.to_owned(), value)]));
                    block(&entry, indent, newline(text))
                })?;
                Some(inserted(text, start, &block))
            };
        }
        let value = Value::Object(Map::from_iter([(names.pop()?.to_owned(), value)]));
        matches!(found.node.kind, Kind::Null).then_some((found.node, value))?
    };
    let blank = if at.span.is_empty() { " " } else { "" };
    let mut result = text.to_owned();
    result.replace_range(at.span.clone(), &format!("{blank}{}", flow(&value)));
    Some(result)
}

fn inserted(text: &str, at: usize, what: &str) -> String {
    format!("{}{what}{}", &text[..at], &text[at..])
}

fn is_flow(text: &str, map: &Node) -> bool {
    text[map.span.clone()].starts_with('{')
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

fn newline(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// A value on lines of its own.
fn block(value: &Value, indent: &str, newline: &str) -> String {
    let mut text = String::new();
    yaml::write(value, &mut text);
    text.lines().map(|line| format!("{indent}{line}{newline}")).collect()
}

/// A value on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|(name, value)| format!("{name}: {}", flow(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", "))
        }
        scalar => {
            let mut text = String::new();
            yaml::write(scalar, &mut text);
            text.trim_end().to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Edit, edited};

    const SHARDS: &str = "/spec/topology/shards";
    const RETIRING: &str = "/spec/topology/retiring";

    #[test]
    fn comments_and_order_stay() {
        let retiring = || json!({ "shards": 2 });
        for (text, pointer, value, expected) in [
            (
                "spec:\n  topology:\n    shards: 3 # three\n    layout: X\n",
                SHARDS,
                json!(5),
                "spec:\n  topology:\n    shards: 5 # three\n    layout: X\n",
            ),
            (
                "spec:\n  topology: {shards: 3}\n",
                SHARDS,
                json!(5),
                "spec:\n  topology: {shards: 5}\n",
            ),
            (
                "spec:\n  # the form\n  topology:\n    # few\n    shards: 3\n",
                RETIRING,
                retiring(),
                "spec:\n  # the form\n  topology:\n    # few\n    retiring:\n      shards: 2\n    shards: 3\n",
            ),
            (
                "spec:\n  topology: {shards: 3}\n",
                RETIRING,
                retiring(),
                "spec:\n  topology: {retiring: {shards: 2}, shards: 3}\n",
            ),
            (
                "spec:\n  topology: {}\n",
                RETIRING,
                retiring(),
                "spec:\n  topology: {retiring: {shards: 2}}\n",
            ),
            (
                "spec:\n  topology:\n  engine: x\n",
                RETIRING,
                retiring(),
                "spec:\n  topology: {retiring: {shards: 2}}\n  engine: x\n",
            ),
            (
                "spec:\r\n  engine: x\r\n",
                SHARDS,
                json!(5),
                "spec:\r\n  topology:\r\n    shards: 5\r\n  engine: x\r\n",
            ),
            (
                "{\"spec\": {\"engine\": 1}}",
                SHARDS,
                json!(5),
                "{\"spec\": {topology: {shards: 5}, \"engine\": 1}}",
            ),
            (
                "spec:\n  engine:\n    version: 8.0.6\n",
                "/spec/engine/version",
                json!("7.2"),
                "spec:\n  engine:\n    version: '7.2'\n",
            ),
        ] {
            let told = edited(text, &[Edit::new(pointer, value)]);
            assert_eq!(told.as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_written_is_not() {
        for text in ["spec: [\n", "spec: 1\n", "spec:\n  topology: none\n"] {
            assert_eq!(edited(text, &[Edit::new(SHARDS, 5)]), None, "{text}");
        }
    }
}
