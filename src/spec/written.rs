//! The spec as it was written: where its keys and values stand.
//!
//! Places are named by JSON pointers, such as `/spec/topology/shards`. What is not written has a place too: the nearest key above it.

use std::{fmt, ops::Range, sync::Arc};

use crate::{
    error::{Place, Source},
    yaml::{Kind, Node},
};

/// The spec as it was written.
pub(super) struct Written<'a> {
    source: &'a Arc<Source>,
    root: &'a Node,
}

/// A key with its value; a list's items have no key.
struct Spot<'a> {
    key: Option<Range<usize>>,
    node: &'a Node,
}

impl<'a> Written<'a> {
    pub(super) fn new(source: &'a Arc<Source>, root: &'a Node) -> Written<'a> {
        Written { source, root }
    }

    /// The whole spec.
    pub(super) fn root(&self) -> &'a Node {
        self.root
    }

    /// The whole text.
    pub(super) fn source(&self) -> &'a str {
        &self.source.text
    }

    /// The value of a pointer.
    pub(super) fn find(&self, pointer: &str) -> Option<&'a Node> {
        Some(self.spot(pointer)?.node)
    }

    /// Whether something is written at a pointer.
    pub(super) fn has(&self, pointer: &str) -> bool {
        self.spot(pointer).is_some()
    }

    /// The text that a value was written with.
    pub(super) fn text(&self, pointer: &str) -> &'a str {
        let span = self.spot(pointer).map_or(0..0, |spot| spot.node.span.clone());
        self.source.text.get(span).unwrap_or_default()
    }

    /// Where a value stands; one of several lines is shown by its key.
    pub(super) fn value(&self, pointer: &str) -> Place {
        let Some(spot) = self.spot(pointer) else { return self.above(pointer) };
        let text = self.source.text.get(spot.node.span.clone()).unwrap_or_default();
        let span = match spot.key {
            Some(key) if text.is_empty() || text.contains('\n') => key,
            _ => spot.node.span.start..spot.node.span.start + first_line(text),
        };
        self.place(span)
    }

    /// Where a part of a value stands, if it is written as it is.
    pub(super) fn part(&self, pointer: &str, part: &str) -> Option<Place> {
        let span = self.spot(pointer)?.node.span.clone();
        let start = span.start + self.source.text.get(span)?.find(part)?;
        Some(self.place(start..start + part.len()))
    }

    /// Where a key stands.
    pub(super) fn key(&self, pointer: &str) -> Place {
        match self.spot(pointer) {
            Some(Spot { key: Some(key), .. }) => self.place(key),
            Some(_) => self.value(pointer),
            None => self.above(pointer),
        }
    }

    fn above(&self, pointer: &str) -> Place {
        match pointer.rsplit_once('/') {
            Some((parent, _)) => self.key(parent),
            None => self.place(0..0),
        }
    }

    /// A place in the source.
    pub(super) fn place(&self, span: Range<usize>) -> Place {
        Place { source: Arc::clone(self.source), span }
    }

    fn spot(&self, pointer: &str) -> Option<Spot<'a>> {
        let mut spot = Spot { key: None, node: self.root };
        for token in pointer.split('/').skip(1) {
            spot = match &spot.node.kind {
                Kind::Map(entries) => {
                    let token = unescape(token);
                    let entry = entries.iter().find(|entry| entry.key == token)?;
                    Spot { key: Some(entry.key_span.clone()), node: &entry.value }
                }
                Kind::List(items) => {
                    Spot { key: None, node: items.get(token.parse::<usize>().ok()?)? }
                }
                _ => return None,
            };
        }
        // The whole spec has no key; its first one stands for it.
        if pointer.is_empty()
            && let Kind::Map(entries) = &self.root.kind
        {
            spot.key = entries.first().map(|entry| entry.key_span.clone());
        }
        Some(spot)
    }
}

/// The length of a text's first line, without blanks at its end.
fn first_line(text: &str) -> usize {
    text.lines().next().map_or(0, |line| line.trim_end().len())
}

/// A pointer with a key or an index at its end.
pub(super) fn join(pointer: &str, token: impl fmt::Display) -> String {
    let mut joined = pointer.to_owned();
    append(&mut joined, token);
    joined
}

/// Adds a key or an index to a pointer.
pub(super) fn append(pointer: &mut String, token: impl fmt::Display) {
    let token = token.to_string();
    pointer.push('/');
    if token.contains(['~', '/']) {
        pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
    } else {
        pointer.push_str(&token);
    }
}

/// A pointer's last key or index.
pub(super) fn last(pointer: &str) -> String {
    unescape(pointer.rsplit('/').next().unwrap_or_default())
}

fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

/// A pointer as messages write it: `spec.pod.env[0].name`.
pub(super) fn path(pointer: &str) -> String {
    let mut path = String::new();
    for token in pointer.split('/').skip(1) {
        let token = unescape(token);
        if !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit()) {
            path.push_str(&format!("[{token}]"));
        } else if token.is_empty() || token.contains(['.', '/', ' ', '[', '"']) {
            path.push_str(&format!("[\"{token}\"]"));
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&token);
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::{join, last, path};

    #[test]
    fn pointers_and_paths() {
        let pointer = join(&join("/metadata/labels", "example.com/a~b"), 0);
        assert_eq!(pointer, "/metadata/labels/example.com~1a~0b/0");
        assert_eq!(path(&pointer), "metadata.labels[\"example.com/a~b\"][0]");
        assert_eq!(path("/spec/pod/env/12/name"), "spec.pod.env[12].name");
        assert_eq!(last("/metadata/labels/example.com~1a"), "example.com/a");
    }
}
