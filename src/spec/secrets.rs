//! What a report on a spec must not show: reports end in logs.

use std::{ops::Range, sync::Arc};

use crate::{
    diff::{is_secret_directive, is_secret_name, secret_shapes},
    error::{Problem, Source},
    yaml::{Kind, Node},
};

/// Bytes between a problem's place and what its words can quote.
const NEAR: usize = 2048;

/// Takes the secrets out of problems and of the text that they show. Places stay: what hides a character takes as many bytes.
pub(super) fn hide(source: &Arc<Source>, root: Option<&Node>, problems: &mut [Problem]) {
    if problems.is_empty() {
        return;
    }
    let mut spans = secret_shapes(&source.text);
    match root {
        Some(root) => collect(root, "", false, &mut spans),
        None => spans.extend(secret_lines(&source.text)),
    }
    if spans.is_empty() {
        return;
    }
    let shown =
        Arc::new(Source { name: source.name.clone(), text: without(&source.text, &mut spans) });
    for problem in problems {
        // What a message quotes stands where it points to.
        let at = problem.place.span.start;
        let near = spans.partition_point(|span| span.start + NEAR < at)
            ..spans.partition_point(|span| span.start < at + NEAR);
        // Short ones are words that stand anywhere.
        let texts: Vec<&str> = spans[near]
            .iter()
            .filter_map(|span| source.text.get(span.clone()))
            .map(|text| text.trim_matches(['"', '\'']))
            .filter(|text| text.len() >= 4)
            .collect();
        let words = [&mut problem.message, &mut problem.label].into_iter();
        let words = words.chain(&mut problem.notes).chain(&mut problem.help);
        for words in words.chain(problem.related.iter_mut().map(|(_, label)| label)) {
            for text in &texts {
                if words.contains(text) {
                    *words = words.replace(text, "****");
                }
            }
        }
        let related = problem.related.iter_mut().map(|(place, _)| place);
        for place in related.chain([&mut problem.place]) {
            if Arc::ptr_eq(&place.source, source) {
                place.source = Arc::clone(&shown);
            }
        }
    }
}

/// The text with all characters of the spans hidden but line breaks.
fn without(text: &str, spans: &mut [Range<usize>]) -> String {
    spans.sort_by_key(|span| span.start);
    let mut shown = String::with_capacity(text.len());
    let mut end = 0;
    for span in spans.iter().filter(|span| !span.is_empty()) {
        let start = span.start.max(end);
        if start >= span.end {
            continue;
        }
        shown.push_str(&text[end..start]);
        for char in text[start..span.end].chars() {
            shown.push_str(match (char, char.len_utf8()) {
                ('\n', _) => "\n",
                ('\r', _) => "\r",
                (_, 1) => "*",
                (_, 2) => "\u{b7}",
                (_, 3) => "\u{2022}",
                _ => "\u{1f512}",
            });
        }
        end = span.end;
    }
    shown.push_str(&text[end..]);
    shown
}

/// Values that are secret because of the name that they stand under.
fn collect(node: &Node, name: &str, within_secret: bool, spans: &mut Vec<Range<usize>>) {
    match &node.kind {
        Kind::Map(entries) => {
            let text = |key: &str| {
                let entry = entries.iter().find(|entry| entry.key == key)?;
                if let Kind::String(text) = &entry.value.kind { Some(text.as_str()) } else { None }
            };
            let is_secret = text("kind") == Some("Secret");
            let variable = text("name").is_some_and(is_secret_name);
            for entry in entries {
                let key = entry.key.as_str();
                let contents = is_secret && matches!(key, "data" | "stringData" | "binaryData");
                let name = if variable && key == "value" { "password" } else { key };
                collect(&entry.value, name, within_secret || contents, spans);
            }
        }
        Kind::List(items) => {
            for item in items {
                collect(item, name, within_secret, spans);
            }
        }
        // A user's password among the rules of an ACL, where no password belongs.
        Kind::String(text) if name == "commands" && text.starts_with(['>', '<', '#', '!']) => {
            spans.push(node.span.clone());
        }
        Kind::String(_) | Kind::Number(_) => {
            if within_secret || is_secret_directive(name) || is_secret_value_name(name) {
                spans.push(node.span.clone());
            }
        }
        Kind::Null | Kind::Bool(_) => {}
    }
}

/// Whether what stands under a name is a secret, and not the name of a Secret.
fn is_secret_value_name(name: &str) -> bool {
    let refers = ["secret", "secretname", "secretref", "secretkey", "key", "auth"];
    let lower = name.to_ascii_lowercase();
    is_secret_name(name)
        && !refers.iter().any(|end| lower == *end || lower.ends_with("secret"))
        && !["secretname", "secretref", "secretkey", "secrets"]
            .iter()
            .any(|end| lower.ends_with(end))
        && !["_FILE", "_PATH", "_DIR", "_NAME", "_URL"].iter().any(|end| name.ends_with(end))
}

/// The same for a text that cannot be read: what follows a name's colon on its line.
fn secret_lines(text: &str) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if let Some((key, value)) = line.split_once(':') {
            let name = key.trim_matches(|char: char| !char.is_ascii_alphanumeric());
            if is_secret_directive(name) || is_secret_value_name(name) {
                let value = value.trim_start();
                let at = start + line.len() - value.len();
                spans.push(at..at + value.trim_end().len());
            }
        }
        start += line.len();
    }
    spans
}
