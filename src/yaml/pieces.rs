//! Where the pieces of YAML begin and end in the text.

use std::ops::Range;

/// Skips blanks, line breaks and comments.
pub(super) fn skip_blanks(text: &str, mut at: usize) -> usize {
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => at += 1,
            b'#' if at == 0 || bytes[at - 1].is_ascii_whitespace() => at = line_end(text, at),
            _ => break,
        }
    }
    at
}

/// The end of the line, before its line break.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    text[at..].find(['\n', '\r']).map_or(text.len(), |length| at + length)
}

/// The end of what stands there without a blank.
pub(super) fn word_end(text: &str, at: usize) -> usize {
    text[at..].find(|c: char| c.is_ascii_whitespace()).map_or(text.len(), |length| at + length)
}

/// The start of the line.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind(['\n', '\r']).map_or(0, |newline| newline + 1)
}

/// Whether nothing but blanks and tabs stands before it on its line.
pub(super) fn indents(text: &str, at: usize) -> bool {
    text[line_start(text, at)..at].trim_matches([' ', '\t']).is_empty()
}

/// How far a place is from the start of its line.
pub(super) fn column(text: &str, at: usize) -> usize {
    at - line_start(text, at)
}

/// The first line of a value, after the one it begins in, that is not indented deeper than a
/// column. A bracket that closes there is fine.
pub(super) fn shallow_line(text: &str, span: Range<usize>, column: usize) -> Option<usize> {
    let mut from = span.start;
    while let Some(newline) = text[from..span.end].find('\n') {
        let start = from + newline + 1;
        let rest = &text[start..span.end];
        let content = rest.trim_start_matches(' ');
        let blanks = rest.len() - content.len();
        if blanks <= column && !content.starts_with(['\r', '\n', ']', '}']) {
            return Some(start + blanks);
        }
        from = start + blanks;
    }
    None
}

/// A tab among the blanks on both sides of a place on its line.
pub(super) fn tab_beside(text: &str, at: usize) -> Option<usize> {
    let start = line_start(text, at);
    let before = text[start..at].trim_end_matches([' ', '\t']).len();
    let after = text[at..].len() - text[at..].trim_start_matches([' ', '\t']).len();
    text[start + before..at + after].find('\t').map(|tab| start + before + tab)
}

/// The first tab in the indentation of this line or one of the next.
pub(super) fn indentation_tab(text: &str, at: usize) -> Option<usize> {
    const NEAR: usize = 100;
    let mut start = line_start(text, at);
    for _ in 0..NEAR {
        let line = &text[start..line_end(text, start)];
        let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line[..blanks].find('\t') {
            return Some(start + tab);
        }
        start += line.len() + 1;
        if start >= text.len() || !text.is_char_boundary(start) {
            break;
        }
    }
    None
}

/// Whether a place is inside a comment, in a part of the text that has no values.
pub(super) fn in_comment(text: &str, part: usize, at: usize) -> bool {
    let start = text[part..at].rfind('\n').map_or(part, |newline| part + newline);
    let mut before = text[..start].chars().next_back().unwrap_or('\n');
    text[start..at].chars().any(|character| {
        let comment = character == '#' && before.is_ascii_whitespace();
        before = character;
        comment
    })
}

/// The end of an anchor, alias or tag that begins here.
pub(super) fn property_end(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let length = if rest.starts_with("!<") {
        rest.find('>').map(|length| length + 1)
    } else {
        rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, ',' | '[' | ']' | '{' | '}'))
    };
    at + length.unwrap_or(rest.len())
}

/// The end of a scalar in quotes that begins here.
pub(super) fn quoted_end(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let Some(&quote) = bytes.get(at) else { return text.len() };
    let mut end = at + 1;
    while let Some(&byte) = bytes.get(end) {
        end += match byte {
            b'\\' if quote == b'"' => 2,
            b'\'' if quote == b'\'' && bytes.get(end + 1) == Some(&b'\'') => 2,
            _ if byte == quote => return end + 1,
            _ => 1,
        };
    }
    text.len()
}

/// The first escaped line break in double quotes that an empty line follows.
pub(super) fn break_before_empty_line(text: &str, span: Range<usize>) -> Option<usize> {
    let bytes = &text.as_bytes()[span.clone()];
    let mut at = 0;
    while let Some(length) = bytes[at..].iter().position(|&byte| byte == b'\\') {
        at += length;
        let next = at + 1 + usize::from(bytes[at + 1..].starts_with(b"\r"));
        if bytes.get(next) == Some(&b'\n') {
            let line = &text[span.start + next + 1..span.end];
            if line.trim_start_matches([' ', '\t', '\r']).starts_with('\n') {
                return Some(span.start + at);
            }
        }
        // What is escaped is no escape itself.
        at = bytes.len().min(at + 2);
    }
    None
}

/// Where the indicator of a block scalar stands, after what was read last.
pub(super) fn block_start(text: &str, mut at: usize) -> Option<usize> {
    loop {
        at = skip_blanks(text, at);
        match text.as_bytes().get(at)? {
            b'|' | b'>' => return Some(at),
            b':' | b'-' | b'?' => at += 1,
            _ => return None,
        }
    }
}
