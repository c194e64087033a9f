//! Values in, YAML text out that every reader of YAML 1.1 and 1.2 reads alike.
//!
//! Readers differ in what they take for a boolean, a number or a date, in which characters end a
//! line, and in the styles that they read correctly. What is written here keeps to what all of
//! them agree on; `tests/yaml` has the proof. The layout is the one of kubectl and kustomize: two
//! blanks for each level, sequences not indented under their key, nothing folded, text of several
//! lines as a `|` block.

use std::fmt::Write as _;

use serde_json::{Map, Number, Value};

use super::scalar;

/// Appends a value as one YAML document body, without `---`, ending in a newline.
pub fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => entries(map, 0, out),
        Value::Array(list) if !list.is_empty() => items(list, 0, out),
        _ => leaf(value, 2, out),
    }
}

/// The entries of a map whose first line is already indented.
fn entries(map: &Map<String, Value>, indent: usize, out: &mut String) {
    for (i, (name, value)) in map.iter().enumerate() {
        if i > 0 {
            pad(indent, out);
        }
        let explicit = key(name, out);
        match value {
            // After `? key` a value may begin on the line of its colon, but only there can it not
            // be mistaken for the next key.
            Value::Object(map) if !map.is_empty() => {
                out.push('\n');
                pad(indent + 2, out);
                entries(map, indent + 2, out);
            }
            Value::Array(list) if !list.is_empty() => {
                out.push('\n');
                let indent = if explicit { indent + 2 } else { indent };
                pad(indent, out);
                items(list, indent, out);
            }
            _ => {
                out.push(' ');
                leaf(value, indent + 2, out);
            }
        }
    }
}

/// The items of a list whose first line is already indented.
fn items(list: &[Value], indent: usize, out: &mut String) {
    for (i, value) in list.iter().enumerate() {
        if i > 0 {
            pad(indent, out);
        }
        out.push_str("- ");
        match value {
            Value::Object(map) if !map.is_empty() => entries(map, indent + 2, out),
            Value::Array(list) if !list.is_empty() => items(list, indent + 2, out),
            _ => leaf(value, indent + 2, out),
        }
    }
}

/// A value without children, to the end of its last line; `indent` is for the lines of a block.
fn leaf(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(value) => number(value, out),
        Value::String(text) => match Style::of(text) {
            Style::Block => return block(text, indent, out),
            style => inline(text, style, out),
        },
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
    }
    out.push('\n');
}

/// A key and its colon; whether it took the explicit form.
fn key(name: &str, out: &mut String) -> bool {
    /// A key that is not marked with `?` may have 1,024 characters, its quotes included.
    const LONGEST: usize = 1000;
    let start = out.len();
    let style = match Style::of(name) {
        Style::Block => Style::Double,
        style => style,
    };
    inline(name, style, out);
    let explicit = out.len() - start > LONGEST;
    if explicit {
        let column = out[..start].rfind('\n').map_or(start, |newline| start - newline - 1);
        out.insert_str(start, "? ");
        out.push('\n');
        pad(column, out);
    }
    out.push(':');
    explicit
}

fn pad(mut indent: usize, out: &mut String) {
    const BLANKS: &str = "                                ";
    while indent > BLANKS.len() {
        out.push_str(BLANKS);
        indent -= BLANKS.len();
    }
    out.push_str(&BLANKS[..indent]);
}

fn number(value: &Number, out: &mut String) {
    match (value.as_u64(), value.as_i64(), value.as_f64()) {
        (Some(integer), ..) => write_display(integer, out),
        (_, Some(integer), _) => write_display(integer, out),
        (.., float) => decimal(float.unwrap_or_default(), out),
    }
}

/// A decimal as all readers know it: with a dot, and with a sign in the exponent.
pub(super) fn decimal(float: f64, out: &mut String) {
    let start = out.len();
    // Rust's debug form has the fewest digits that still give the same number.
    let _ = write!(out, "{float:?}");
    let Some(exponent) = out[start..].find('e').map(|at| start + at) else { return };
    if !out[exponent + 1..].starts_with('-') {
        out.insert(exponent + 1, '+');
    }
    if !out[start..exponent].contains('.') {
        out.insert_str(exponent, ".0");
    }
}

fn write_display(value: impl std::fmt::Display, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{value}");
}

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Block,
}

/// What a byte means for the style: a bit for each question.
const NEWLINE: u8 = 1;
/// Only double quotes can hold it.
const ESCAPE: u8 = 2;
/// A tab, which a block can hold too.
const TAB: u8 = 4;
/// A single quote.
const QUOTE: u8 = 8;
/// A `:` or `#`, which ends a plain text beside a blank.
const MARK: u8 = 16;
/// The first byte of a character beyond ASCII that has to be looked at.
const WIDE: u8 = 32;

const BYTES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'\n' => NEWLINE,
            b'\t' => TAB,
            0..=0x1f | 0x7f => ESCAPE,
            b'\'' => QUOTE,
            b':' | b'#' => MARK,
            // The first bytes of U+0080 to U+00BF, U+1000 to U+3FFF, and U+F000 and up. What needs
            // an escape or is a blank lies there.
            0xc2 | 0xe1..=0xe3 | 0xef..=0xff => WIDE,
            _ => 0,
        };
        byte += 1;
    }
    table
};

impl Style {
    fn of(text: &str) -> Style {
        let bytes = text.as_bytes();
        let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else {
            return Style::Double;
        };
        let mut seen = bytes.iter().fold(0, |seen, &byte| seen | BYTES[usize::from(byte)]);
        let mut blank = false;
        if seen & WIDE != 0 {
            for character in text.chars().filter(|character| *character >= '\u{80}') {
                if needs_escape(character) {
                    seen |= ESCAPE;
                }
                blank |= character.is_whitespace();
            }
        }
        if seen & ESCAPE != 0 {
            return Style::Double;
        }
        if seen & NEWLINE != 0 {
            // A first line that begins with a blank would need an indentation indicator, and one
            // that begins with a tab or is empty is not read alike.
            let block = !matches!(first, b' ' | b'\t' | b'\n');
            return if block { Style::Block } else { Style::Double };
        }
        if seen & TAB != 0 {
            return Style::Double;
        }
        if !blank
            && plain_start(text, first)
            && !matches!(last, b' ' | b':')
            && (seen & MARK == 0 || !(text.contains(": ") || text.contains(" #")))
        {
            Style::Plain
        } else if seen & QUOTE == 0 {
            Style::Single
        } else {
            Style::Double
        }
    }
}

/// Whether all readers take the text for text when it stands without quotes, by how it begins.
fn plain_start(text: &str, first: u8) -> bool {
    match first {
        b'a'..=b'z' | b'A'..=b'Z' => !is_word(text),
        b'/' | b'_' | b'$' | b'(' => true,
        b'0'..=b'9' => starts_like_a_name(text),
        // An option of a command.
        b'-' => {
            let name = text[1..].strip_prefix('-').unwrap_or(&text[1..]);
            name.starts_with(|first: char| first.is_ascii_alphabetic()) && !is_word(name)
        }
        _ => text.starts_with(|first: char| !first.is_ascii() && first.is_alphabetic()),
    }
}

/// Words that some reader, of any language, takes for something else than text.
fn is_word(text: &str) -> bool {
    const WORDS: [&str; 16] = [
        "y", "n", "t", "f", "no", "on", "yes", "off", "nan", "inf", "nil", "true", "null", "none",
        "false", "infinity",
    ];
    scalar::is_exponent(text)
        || text.len() <= 8 && WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether a text that begins with a digit has a letter that no number, date or time has, as a
/// quantity like `8Gi` and a duration like `30s` do.
fn starts_like_a_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    if matches!(bytes.get(1), Some(b'x' | b'X')) || bytes.contains(&b':') {
        return false;
    }
    bytes.iter().any(|byte| {
        byte.is_ascii_alphabetic()
            && !matches!(byte.to_ascii_lowercase(), b'e' | b'b' | b'o' | b't' | b'x' | b'z')
    }) && scalar::is_text(text)
}

/// Whether readers differ on a character beyond ASCII, or show the line as what it is not.
fn needs_escape(character: char) -> bool {
    matches!(character,
        // C1 controls with NEL; LS and PS.
        '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}'
        // What turns the direction of text: a reviewer would see something else than what is there.
        | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        // The byte order mark, and what is no character.
        | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Appends a text in the quotes that suit it.
pub(super) fn quoted(text: &str, out: &mut String) {
    let style = match Style::of(text) {
        Style::Plain => Style::Single,
        style => style,
    };
    inline(text, style, out);
}

/// A text on the line where it begins.
fn inline(text: &str, style: Style, out: &mut String) {
    match style {
        Style::Plain => out.push_str(text),
        Style::Single => {
            out.push('\'');
            out.push_str(text);
            out.push('\'');
        }
        Style::Double | Style::Block => double(text, out),
    }
}

fn double(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = 0;
    for (at, character) in text.char_indices() {
        let escape = match character {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\n' => "\\n",
            '\t' => "\\t",
            '\r' => "\\r",
            '\0'..='\u{1f}' | '\u{7f}' => "",
            ..='\u{7e}' => continue,
            _ if needs_escape(character) => "",
            _ => continue,
        };
        out.push_str(&text[rest..at]);
        rest = at + character.len_utf8();
        if escape.is_empty() {
            let code = u32::from(character);
            // Writing to a string cannot fail.
            let _ = if code < 0x100 {
                write!(out, "\\x{code:02X}")
            } else {
                write!(out, "\\u{code:04X}")
            };
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(&text[rest..]);
    out.push('"');
}

/// A text of several lines as a `|` block, from its indicator to its last newline.
fn block(text: &str, indent: usize, out: &mut String) {
    let body = text.strip_suffix('\n');
    out.push_str(match body {
        None => "|-\n",
        Some(body) if body.ends_with('\n') => "|+\n",
        Some(_) => "|\n",
    });
    for line in body.unwrap_or(text).split('\n') {
        if !line.is_empty() {
            pad(indent, out);
            out.push_str(line);
        }
        out.push('\n');
    }
}
