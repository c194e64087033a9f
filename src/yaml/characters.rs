//! Characters that YAML does not allow, or that its readers treat differently.

use std::{ops::Range, sync::Arc};

use super::{
    code,
    node::{Kind, Node},
    read::MAX_PROBLEMS,
    refusals::clip,
};
use crate::error::{Place, Problem, Source};

/// The characters of a text that no spec may have as they are, with where they stand.
pub(super) fn forbidden(text: &str) -> impl Iterator<Item = (usize, char)> {
    let harmless = |byte: u8| matches!(byte, b'\t' | b'\n' | b' '..=b'~');
    // Most texts have nothing but ASCII, which is quick to see.
    let suspicious = if text.bytes().all(harmless) { "" } else { text };
    suspicious.char_indices().filter(|&(at, character)| match character {
        '\u{feff}' => at > 0,
        '\t' | '\n' => false,
        '\r' => !text[at + 1..].starts_with('\n'),
        _ => is_control(character),
    })
}

/// Controls, what ends a line for some readers only, and what is no character.
fn is_control(character: char) -> bool {
    matches!(character,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}'
        | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn name(character: char) -> String {
    let code = u32::from(character);
    let name = match character {
        '\0' => "NUL",
        '\r' => "carriage return",
        '\u{1b}' => "escape",
        '\u{7f}' => "delete",
        '\u{85}' => "next line",
        '\u{2028}' => "line separator",
        '\u{2029}' => "paragraph separator",
        '\u{feff}' => "byte order mark",
        '\u{fffe}' | '\u{ffff}' => "not a character",
        _ => "control character",
    };
    format!("U+{code:04X} ({name})")
}

/// The problem with a character that stands in the file as it is.
pub(super) fn problem(source: &Arc<Source>, at: usize, character: char) -> Problem {
    let name = name(character);
    let message = match character {
        '\u{85}' | '\u{2028}' | '\u{2029}' => {
            format!("{name} ends the line to YAML 1.1 readers, and not to others")
        }
        '\r' => format!("{name} without a line feed ends the line to some readers only"),
        '\u{feff}' => format!("{name} stands inside the file, where YAML readers refuse it"),
        _ => format!("{name} may not stand in YAML as it is"),
    };
    let span = at..at + character.len_utf8();
    let place = Place { source: Arc::clone(source), span };
    let problem = Problem::error(code::CHARACTER, place, message);
    let escape = match u32::from(character) {
        0xd => "\\r".to_owned(),
        code @ ..0x100 => format!("\\x{code:02X}"),
        code => format!("\\u{code:04X}"),
    };
    problem.help(format!("remove it, or write the text in double quotes with `{escape}` for it"))
}

/// Warns of texts that are read alike by all but come out changed where kustomize or another tool
/// writes them again. For texts that go into the output as they are.
pub fn fragile_text(source: &Arc<Source>, node: &Node) -> Vec<Problem> {
    let (mut problems, mut untold) = (Vec::new(), 0);
    look(node, &mut |text, span| {
        let Some(what) = fragile(text) else { return };
        if problems.len() == MAX_PROBLEMS {
            untold += 1;
            return;
        }
        let place = Place { source: Arc::clone(source), span: span.clone() };
        let message = format!("the text `{}` {what}, which other tools change", shown(text));
        problems.push(
            Problem::warning(code::FRAGILE, place, message)
                .note("kustomize and Flux write each manifest again, and get such a text wrong"),
        );
    });
    if let (1.., Some(last)) = (untold, problems.last_mut()) {
        last.notes.push(format!("{untold} more of this kind are not shown"));
    }
    problems
}

/// Calls `see` with every text and every key.
fn look(node: &Node, see: &mut impl FnMut(&str, &Range<usize>)) {
    match &node.kind {
        Kind::String(text) => see(text, &node.span),
        Kind::List(items) => items.iter().for_each(|item| look(item, see)),
        Kind::Map(entries) => {
            for entry in entries {
                see(&entry.key, &entry.key_span);
            }
            entries.iter().for_each(|entry| look(&entry.value, see));
        }
        Kind::Null | Kind::Bool(_) | Kind::Number(_) => {}
    }
}

/// The start of a text, its control characters by their escapes.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for character in clip(text).chars() {
        if is_control(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// What is fragile about a text.
fn fragile(text: &str) -> Option<String> {
    let fragile = |character: &char| !matches!(character, '\t' | '\n') && is_control(*character);
    if let Some(control) = text.chars().find(fragile) {
        return Some(format!("has {}", name(control)));
    }
    let tab = text.starts_with('\t') && text.contains('\n');
    tab.then(|| "has several lines and begins with a tab".to_owned())
}
