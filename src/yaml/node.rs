//! What was read: the JSON data model, with the bytes that each key and value was written with.

use std::ops::Range;

use serde_json::{Number, Value};

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// The bytes of the source that it was written with; empty for a value that was left out.
    pub span: Range<usize>,
}

/// The JSON data model, with positions.
#[derive(Debug, Clone)]
pub enum Kind {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer or a decimal.
    Number(Number),
    /// Text.
    String(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the text; keys are distinct.
    Map(Vec<Entry>),
}

/// A key, where it stands, and its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The bytes of the source that the key was written with.
    pub key_span: Range<usize>,
    /// The value.
    pub value: Node,
}

/// What a JSON pointer leads to.
#[derive(Debug, Clone)]
pub struct Found<'a> {
    /// The node, or the deepest one on the way that exists.
    pub node: &'a Node,
    /// The key it stands under; none for the root and for items of lists.
    pub key_span: Option<Range<usize>>,
    /// What of the pointer leads to nothing; empty when all of it was found.
    pub rest: String,
}

impl Found<'_> {
    /// Whether the whole pointer was found.
    pub fn is_complete(&self) -> bool {
        self.rest.is_empty()
    }
}

impl Node {
    /// The same value without positions.
    pub fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(bool) => Value::Bool(*bool),
            Kind::Number(number) => Value::Number(number.clone()),
            Kind::String(string) => Value::String(string.clone()),
            Kind::List(items) => Value::Array(items.iter().map(Node::to_json).collect()),
            Kind::Map(entries) => Value::Object(
                entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect(),
            ),
        }
    }

    /// The entry of a map by its key.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// Follows a JSON pointer (RFC 6901) as far as it leads.
    pub fn find(&self, pointer: &str) -> Found<'_> {
        let mut found = Found { node: self, key_span: None, rest: pointer.to_owned() };
        let mut rest = pointer;
        while let Some(path) = rest.strip_prefix('/') {
            let end = path.find('/').unwrap_or(path.len());
            let token = path[..end].replace("~1", "/").replace("~0", "~");
            match &found.node.kind {
                Kind::List(items) => {
                    let Some(item) = index(&token).and_then(|index| items.get(index)) else {
                        break;
                    };
                    (found.node, found.key_span) = (item, None);
                }
                _ => {
                    let Some(entry) = found.node.get(&token) else { break };
                    (found.node, found.key_span) = (&entry.value, Some(entry.key_span.clone()));
                }
            }
            rest = &path[end..];
        }
        found.rest = rest.to_owned();
        found
    }
}

/// An array index as RFC 6901 writes it.
fn index(token: &str) -> Option<usize> {
    let digits = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = digits && (token == "0" || !token.starts_with('0'));
    if canonical { token.parse().ok() } else { None }
}
