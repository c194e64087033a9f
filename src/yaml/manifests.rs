//! Manifests of any origin in, trees of [`Node`]s out: several documents, anchors, merge keys and JSON are fine.
//!
//! [`read`](super::read) refuses what readers of a spec could disagree on. Manifests are written by others, so here every scalar means what it
//! means to kubectl, which reads with Go's yaml.v2.

use std::{borrow::Cow, ops::Range};

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::Number;

use super::{
    node::{Entry, Kind, Node},
    offsets::Offsets,
    scalar::{self, Reading},
};

/// How deep lists and maps may be nested; no object of Kubernetes comes near.
const MAX_DEPTH: usize = 128;

/// How many nodes the aliases of a text may stand for.
const MAX_COPIES: usize = 1 << 20;

/// Why a text cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    /// The bytes before the place.
    pub offset: usize,
    /// What is wrong there.
    pub reason: String,
}

/// Reads all documents of a text, in order; empty ones are left out.
///
/// # Errors
/// The first place that cannot be read.
pub fn documents(text: &str) -> Result<Vec<Node>, Unreadable> {
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut reader = Reader {
        text,
        offsets: Offsets::new(text, start),
        documents: Vec::new(),
        open: Vec::new(),
        anchors: Vec::new(),
        copies: 0,
    };
    for event in Parser::new_from_str(&text[start..]) {
        match event {
            Ok((event, span)) => reader.event(event, span)?,
            Err(error) => {
                let offset = reader.offsets.byte(text, error.marker().index());
                return Err(Unreadable { offset, reason: error.info().to_owned() });
            }
        }
    }
    Ok(reader.documents)
}

struct Reader<'a> {
    text: &'a str,
    offsets: Offsets,
    documents: Vec<Node>,
    open: Vec<Open>,
    /// What anchors stand for, by the number that the parser gives them.
    anchors: Vec<Option<Node>>,
    copies: usize,
}

/// A list or map that has not ended.
struct Open {
    start: usize,
    anchor: usize,
    children: Children,
}

enum Children {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, merged: Vec<Entry>, key: Option<(String, Range<usize>, bool)> },
}

impl Reader<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Unreadable> {
        let bytes = self.offsets.byte(self.text, span.start.index())
            ..self.offsets.byte(self.text, span.end.index());
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                let is_text = tag.is_some_and(|tag| tag.suffix == "str" || tag.suffix == "binary");
                let plain = style == ScalarStyle::Plain && !is_text;
                if let Some(Open { children: Children::Map { key: key @ None, .. }, .. }) =
                    self.open.last_mut()
                {
                    let merges = plain && value == "<<";
                    *key = Some((value.into_owned(), bytes, merges));
                    return Ok(());
                }
                let kind = if plain { kind(value) } else { Kind::String(value.into_owned()) };
                self.close(Node { kind, span: bytes }, anchor);
            }
            Event::SequenceStart(anchor, _) => {
                self.begin(bytes.start, anchor, Children::List(Vec::new()))?;
            }
            Event::MappingStart(anchor, _) => {
                let children = Children::Map { entries: Vec::new(), merged: Vec::new(), key: None };
                self.begin(bytes.start, anchor, children)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    let kind = match open.children {
                        Children::List(items) => Kind::List(items),
                        Children::Map { entries, merged, .. } => Kind::Map(merge(entries, merged)),
                    };
                    self.close(Node { kind, span: open.start..bytes.end }, open.anchor);
                }
            }
            Event::Alias(anchor) => {
                let target = self.anchors.get(anchor).cloned().flatten();
                let mut node = target.ok_or_else(|| Unreadable {
                    offset: bytes.start,
                    reason: "the alias stands for nothing, or for what it is in".to_owned(),
                })?;
                self.copies += size(&node);
                if self.copies > MAX_COPIES {
                    return Err(Unreadable {
                        offset: bytes.start,
                        reason: "the aliases stand for too much".to_owned(),
                    });
                }
                node.span = bytes;
                self.close(node, 0);
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, start: usize, anchor: usize, children: Children) -> Result<(), Unreadable> {
        let is_key = matches!(
            self.open.last(),
            Some(Open { children: Children::Map { key: None, .. }, .. })
        );
        if is_key {
            let reason = "a list or a mapping is used as a key".to_owned();
            return Err(Unreadable { offset: start, reason });
        }
        if self.open.len() == MAX_DEPTH {
            let reason = format!("lists and mappings are nested deeper than {MAX_DEPTH} levels");
            return Err(Unreadable { offset: start, reason });
        }
        self.open.push(Open { start, anchor, children });
        Ok(())
    }

    /// Puts a whole node where it belongs.
    fn close(&mut self, node: Node, anchor: usize) {
        if anchor > 0 {
            if self.anchors.len() <= anchor {
                self.anchors.resize(anchor + 1, None);
            }
            self.anchors[anchor] = Some(node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.children) {
            None => {
                if !matches!(node.kind, Kind::Null) {
                    self.documents.push(node);
                }
            }
            Some(Children::List(items)) => items.push(node),
            Some(Children::Map { entries, merged, key }) => match key.take() {
                Some((_, _, true)) => merged.extend(merge_source(node)),
                Some((key, key_span, false)) => {
                    // The last of two wins, as for kubectl.
                    entries.retain(|entry| entry.key != key);
                    entries.push(Entry { key, key_span, value: node });
                }
                // An alias as a key.
                None => {
                    let text = match &node.kind {
                        Kind::String(text) => text.clone(),
                        _ => String::new(),
                    };
                    *key = Some((text, node.span, false));
                }
            },
        }
    }
}

/// The entries of the mapping, or mappings, behind a merge key; those that come first win.
fn merge_source(node: Node) -> Vec<Entry> {
    match node.kind {
        Kind::Map(entries) => entries,
        Kind::List(items) => items.into_iter().flat_map(merge_source).collect(),
        _ => Vec::new(),
    }
}

fn merge(mut entries: Vec<Entry>, merged: Vec<Entry>) -> Vec<Entry> {
    for entry in merged {
        if !entries.iter().any(|known| known.key == entry.key) {
            entries.push(entry);
        }
    }
    entries
}

/// What kubectl takes a scalar without quotes for.
fn kind(text: Cow<'_, str>) -> Kind {
    match scalar::readings(&text).go {
        Reading::Null => Kind::Null,
        Reading::Bool(value) => Kind::Bool(value),
        Reading::Integer(Some(value)) => match Number::from_i128(value) {
            Some(number) => Kind::Number(number),
            None => Kind::String(text.into_owned()),
        },
        Reading::Float(value) => match Number::from_f64(value) {
            Some(number) => Kind::Number(number),
            None => Kind::String(text.into_owned()),
        },
        _ => Kind::String(text.into_owned()),
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.kind {
        Kind::List(items) => items.iter().map(size).sum(),
        Kind::Map(entries) => entries.iter().map(|entry| size(&entry.value)).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::documents;

    fn read(text: &str) -> Vec<Value> {
        documents(text).expect("YAML").iter().map(super::Node::to_json).collect()
    }

    #[test]
    fn what_others_write() {
        assert_eq!(
            read("---\n# nothing\n---\na: 1\n---\nb: [x, 'y']\n...\n"),
            [json!({"a": 1}), json!({"b": ["x", "y"]})]
        );
        assert_eq!(
            read("{\n\t\"a\": {\"b\": [1, 2.5, null]}\n}\n"),
            [json!({"a": {"b": [1, 2.5, null]}})]
        );
        assert_eq!(
            read("base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\nagain: *b\n"),
            [json!({"base": {"x": 1, "y": 2}, "use": {"y": 3, "x": 1}, "again": {"x": 1, "y": 2}})]
        );
        // As kubectl reads them.
        assert_eq!(
            read("a: yes\nb: 0755\nc: !!str 5\nd: \"no\"\ne: 1_000\n"),
            [json!({"a": true, "b": 493, "c": "5", "d": "no", "e": 1000})]
        );
        assert_eq!(read("a: 1\na: 2\n"), [json!({"a": 2})]);
    }

    #[test]
    fn what_cannot_be_read() {
        let laughs = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n\
                      c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n\
                      e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n\
                      g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n";
        for text in
            [laughs, &"[".repeat(200), "a: *b\n", "a: &a [*a]\n", "a: [1\n", "? {a: 1}\n: x\n"]
        {
            assert!(documents(text).is_err(), "{text}");
        }
    }
}
