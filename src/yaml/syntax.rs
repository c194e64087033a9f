//! A parser's error in plain words.

use std::ops::Range;

use super::{
    code,
    pieces::{line_end, line_start, property_end, quoted_end, word_end},
    refusals::{clip, quoted},
};

/// What a parser's error is about.
pub(super) struct Trouble {
    pub(super) code: &'static str,
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) label: &'static str,
    pub(super) related: Option<(Range<usize>, &'static str)>,
    pub(super) help: Option<String>,
}

impl Trouble {
    fn new(span: Range<usize>, message: impl Into<String>) -> Trouble {
        Trouble {
            code: code::NOT_YAML,
            span,
            message: message.into(),
            label: "",
            related: None,
            help: None,
        }
    }

    fn label(self, label: &'static str) -> Trouble {
        Trouble { label, ..self }
    }

    fn related(self, span: Range<usize>, label: &'static str) -> Trouble {
        Trouble { related: Some((span, label)), ..self }
    }

    fn help(self, help: impl Into<String>) -> Trouble {
        Trouble { help: Some(help.into()), ..self }
    }
}

/// What is known when the parser stops.
#[derive(Clone, Copy)]
pub(super) struct Stop<'a> {
    pub(super) text: &'a str,
    /// Where it stopped.
    pub(super) at: usize,
    /// What it said.
    pub(super) said: &'a str,
    /// The end of the last value that was read.
    pub(super) read: usize,
    /// The innermost bracket that is open there; a later one may not have been read yet.
    pub(super) bracket: Option<usize>,
}

/// Puts a parser's error into words.
pub(super) fn explain(stop: Stop<'_>) -> Trouble {
    let Stop { text, at, said, .. } = stop;
    // Each arm names what the parser says; what it does not name is said in its own words.
    match said {
        "mapping values are not allowed in this context" => colon(text, at),
        "simple key expect ':'" | "simple key expected" => no_colon(text, at),
        "while scanning a quoted scalar, found unexpected end of stream"
        | "while scanning a quoted scalar, found unexpected document indicator"
        | "invalid indentation in quoted scalar" => Trouble::new(
            character(text, at),
            "the quote that opens here is not closed where its text ends",
        )
        .label("opens here")
        .help("close the quote; lines that a text in quotes goes on in are indented"),
        "invalid trailing content after double-quoted scalar" => after_quote(text, at),
        "while parsing a quoted scalar, found unknown escape character"
        | "while parsing a quoted scalar, did not find expected hexadecimal number"
        | "while parsing a quoted scalar, found invalid Unicode character escape code" => {
            escape(text, at)
        }
        "misplaced bracket" => Trouble::new(
            character(text, at),
            format!("`{}` closes nothing", &text[character(text, at)]),
        )
        .help("remove it, or put the text in quotes"),
        "invalid indentation" | "invalid indentation in flow construct" => brackets(stop),
        "illegal placement of ':' indicator" => brackets(Stop { at: line_start(text, at), ..stop }),
        "while parsing a flow mapping, did not find expected ',' or '}'"
            if text[at..].starts_with(':') && stop.bracket.is_some() =>
        {
            let start = line_start(text, at);
            let first = start + text[start..at].len() - text[start..at].trim_start().len();
            Trouble::new(first..at, "`,` or `}` is expected before this")
        }
        _ if said.contains("while parsing a flow") => brackets(stop),
        "while parsing a node, did not find expected node content"
        | "unexpected end of plain scalar" => no_value(stop),
        "block sequence entries are not allowed in this context" => {
            let rest = clip(text[at..line_end(text, at)].trim_end());
            Trouble::new(character(text, at), "a list cannot begin on the line of its key")
                .help(format!("write `{rest}` on a line of its own, or the text in quotes"))
        }
        r#""-" is only valid inside a block"#
        | "plain scalar cannot start with '-' followed by ,[]{}" => {
            Trouble::new(character(text, at), "`-` begins no list item inside brackets")
                .help("leave the `-` out, or put it in quotes if it is meant as text")
        }
        "while parsing a block mapping, did not find expected key" => no_key(text, at),
        "while parsing a block collection, did not find expected '-' indicator" => {
            Trouble::new(character(text, at), "the next item of the list is expected here")
                .help("begin the item with `- `, or indent the line to fit what it belongs to")
        }
        "':' may not precede any of `[{` in flow mapping" => {
            Trouble::new(character(text, at), "a space is missing after this `:`")
                .help("write a space after the `:`, or put the text in quotes")
        }
        "expected whitespace" => {
            let start = text[..at].rfind('?').unwrap_or(at);
            Trouble::new(start..at, "`?` begins a key, and none follows")
                .help("put the text in quotes if it is meant as text")
        }
        "invalid indentation for anchor" => {
            Trouble::new(word(text, at), "a list cannot begin after this")
                .help("leave it out; a spec has neither anchors nor tags")
        }
        "mapping keys are not allowed in this context" => {
            Trouble::new(character(text, at), "a value cannot begin with `? `")
                .help("put the text in quotes")
        }
        "did not find expected <document start>" => {
            Trouble::new(word(text, at), "the document has ended before this line")
                .help("indent the line to fit what it belongs to, or remove what is before it")
        }
        "invalid content after document end marker" => {
            Trouble::new(word(text, at), "after `...` nothing may follow on the line")
        }
        "comment intercepting the multiline text" => {
            let line = at..line_end(text, at);
            Trouble::new(line, "a comment stands inside a text that goes on in the next line")
                .help("put the comment before the text, or the text in quotes")
        }
        "comments must be separated from other tokens by whitespace" => {
            Trouble::new(character(text, at), "a comment needs a space before its `#`")
                .help("write a space before `#`, or put the text in quotes")
        }
        "while scanning a block scalar, did not find expected comment or line break" => {
            let indicator = &text[character(text, at)];
            Trouble::new(word(text, at), format!("text follows `{indicator}` on the same line"))
                .help("begin the text on the next line, indented; or put it in quotes")
        }
        "while scanning a block scalar, found an indentation indicator equal to 0" => {
            Trouble::new(word(text, at), "the text of a block is indented by one space at least")
                .help("leave out the `0`")
        }
        "wrongly indented line in block scalar" => {
            Trouble::new(word(text, at), "this line is indented less than the block it begins")
                .help("indent the empty lines before it no deeper than this line")
        }
        "while scanning an anchor or alias, did not find expected alphabetic or numeric character" => {
            cannot_begin(text, at)
        }
        _ if said.starts_with("unexpected character") => cannot_begin(text, at),
        _ if said.contains("directive") || said.contains("TAG") => {
            cannot_begin(text, line_start(text, at))
        }
        _ if said.contains("tag") || said == "the handle wasn't declared" => Trouble {
            code: code::TAG,
            ..Trouble::new(at..property_end(text, at), {
                format!(
                    "`{}` is no tag, and a spec has none",
                    clip(&text[at..property_end(text, at)])
                )
            })
            .help("put the text in quotes")
        },
        _ => Trouble::new(character(text, at), format!("this is not YAML: {said}")),
    }
}

/// The character at a place, or nothing at the end of the text.
fn character(text: &str, at: usize) -> Range<usize> {
    at..text[at..].chars().next().map_or(at, |character| at + character.len_utf8())
}

/// What stands there up to the next blank.
fn word(text: &str, at: usize) -> Range<usize> {
    at..word_end(text, at)
}

/// The last line before this place that has more than a comment: from its first character to its
/// last.
fn line_before(text: &str, mut at: usize) -> Option<Range<usize>> {
    const NEAR: usize = 1000;
    for _ in 0..NEAR {
        let start = line_start(text, at);
        let line = &text[start..at];
        let content = line.trim_start();
        let first = start + line.len() - content.len();
        if !content.is_empty() && !content.starts_with('#') {
            return Some(first..first + content.trim_end().len());
        }
        at = start.checked_sub(1)?;
    }
    None
}

fn indentation(text: &str, at: usize) -> usize {
    let start = line_start(text, at);
    text[start..].len() - text[start..].trim_start_matches(' ').len()
}

fn blanks(count: usize) -> String {
    if count == 1 { "one space".to_owned() } else { format!("{count} spaces") }
}

/// `: ` where no key can be.
fn colon(text: &str, at: usize) -> Trouble {
    let start = line_start(text, at);
    let line = &text[start..at];
    let colon = character(text, at);
    if line.starts_with("---") {
        return Trouble::new(colon, "a map cannot begin on the line of `---`")
            .help("begin it on the next line");
    }
    if let Some(first) = line.find(": ") {
        let value = text[start + first + 2..line_end(text, at)].trim();
        let trouble = Trouble::new(colon, "a second `: ` stands in the value of this line")
            .label("the second one");
        return if value.starts_with(['"', '\'', '[', '{']) {
            trouble.help("put a comma or a line break before the next key")
        } else {
            trouble.help(format!("put the value in quotes: {}", quoted(&clip(value))))
        };
    }
    let first = start + line.len() - line.trim_start().len();
    let Some(before) = start.checked_sub(1).and_then(|end| line_before(text, end)) else {
        return Trouble::new(colon, "no key can stand here");
    };
    let (this, that) = (indentation(text, at), indentation(text, before.start));
    let previous = &text[before.clone()];
    if let Some(trouble) = too_far(text, first..at) {
        trouble
    } else if this == that || !previous.contains(':') {
        missing_colon(text, before)
    } else {
        Trouble::new(first..at, "this key fits no map by its indentation").help(format!(
            "the line before is indented by {}, this one by {}",
            blanks(that),
            blanks(this)
        ))
    }
}

/// A line that is indented as if it belonged to the one before, which has its value.
fn too_far(text: &str, this: Range<usize>) -> Option<Trouble> {
    let before = line_before(text, line_start(text, this.start).checked_sub(1)?)?;
    let previous = &text[before.clone()];
    let complete = previous.contains(": ") || previous.starts_with("- ");
    let deeper = indentation(text, this.start) > indentation(text, before.start);
    (complete && deeper).then(|| {
        Trouble::new(this, "this line is indented deeper than the one before, which has a value")
            .related(before, "this line is complete")
            .help("indent both lines alike, or begin the map on a line of its own")
    })
}

/// A line of a map without `: `.
fn no_colon(text: &str, at: usize) -> Trouble {
    // The parser has gone on to what follows the line, if anything does.
    let here = line_before(text, at);
    match here {
        Some(line) => missing_colon(text, line),
        None => Trouble::new(character(text, at), "a key is expected here"),
    }
}

fn missing_colon(text: &str, line: Range<usize>) -> Trouble {
    let content = &text[line.clone()];
    let shown = clip(content);
    let trouble = Trouble::new(line, format!("`{shown}` is no `key: value`"));
    let key = content.split_once(':');
    match key {
        Some((key, value)) if !value.starts_with(' ') && !value.is_empty() => {
            trouble.help(format!("write a space after the colon: `{}: {}`", clip(key), clip(value)))
        }
        _ if content.starts_with('-') && !content.starts_with("- ") => {
            trouble.help("write a space after the `-` of a list item")
        }
        _ => trouble.help("write a `: ` after the key; a value that goes on is indented deeper"),
    }
}

/// Something after a closing quote.
fn after_quote(text: &str, at: usize) -> Trouble {
    let line = &text[line_start(text, at)..at];
    let trouble = Trouble::new(word(text, at), "the quotes end before this");
    if line.trim_end().ends_with('\'') {
        trouble.help("write a single quote inside single quotes twice: `''`")
    } else {
        trouble.help("write a double quote inside double quotes as `\\\"`")
    }
}

/// The first escape in double quotes that is none.
fn escape(text: &str, quote: usize) -> Trouble {
    let bytes = text.as_bytes();
    let mut at = quote + 1;
    while let Some(&byte) = bytes.get(at) {
        if byte == b'"' {
            break;
        }
        if byte != b'\\' {
            at += 1;
            continue;
        }
        let digits = match bytes.get(at + 1) {
            Some(b'x') => 2,
            Some(b'u') => 4,
            Some(b'U') => 8,
            Some(
                b'0' | b'a' | b'b' | b't' | b'\t' | b'n' | b'v' | b'f' | b'r' | b'e' | b' ' | b'"'
                | b'/' | b'\\' | b'N' | b'_' | b'L' | b'P' | b'\n' | b'\r',
            ) => 0,
            _ => {
                let span = at..character(text, at + 1).end;
                let message = format!("`{}` is no escape that YAML knows", &text[span.clone()]);
                return Trouble::new(span, message)
                    .help("write `\\\\` for a backslash, or use single quotes");
            }
        };
        let code = text.get(at + 2..at + 2 + digits);
        let value = code.and_then(|code| u32::from_str_radix(code, 16).ok());
        if digits > 0 && value.and_then(char::from_u32).is_none() {
            let end = at
                + 2
                + text[at + 2..].bytes().take(digits).take_while(u8::is_ascii_hexdigit).count();
            let message = format!("`{}` stands for no character", &text[at..end]);
            let trouble = Trouble::new(at..end, message);
            return match value {
                // Half of a pair, as JSON writes characters beyond U+FFFF.
                Some(0xd800..=0xdfff) => {
                    trouble.help("write the character itself, or its number after `\\U`")
                }
                _ => trouble.help(format!(
                    "after `\\{}` come {digits} hexadecimal digits; for a backslash write `\\\\`",
                    char::from(bytes[at + 1])
                )),
            };
        }
        at += 2 + digits;
    }
    Trouble::new(character(text, quote), "an escape in these quotes is none that YAML knows")
}

/// Something that fits not into a list or map in brackets.
fn brackets(stop: Stop<'_>) -> Trouble {
    let Stop { text, at, read, bracket, .. } = stop;
    let at = text[at..].len() - text[at..].trim_start_matches([' ', '\t']).len() + at;
    let place = character(text, at);
    let Some(open) = open_bracket(text, read, at).or(bracket) else {
        return Trouble::new(place, "this line is indented less than what it belongs to")
            .help("indent it deeper than the key before");
    };
    let bracket = &text[open..=open];
    let close = if bracket == "[" { "]" } else { "}" };
    if at == text.len() {
        Trouble::new(open..open + 1, format!("`{bracket}` is not closed"))
            .label("opens here")
            .help(format!("write `{close}` where it ends"))
    } else if text[line_start(text, at)..at].trim().is_empty() {
        let message = format!("`{bracket}` is still open at a line that does not belong to it");
        Trouble::new(open..open + 1, message)
            .label("opens here")
            .related(word(text, at), "this line")
            .help(format!("write `{close}` where it ends, and indent what stands inside"))
    } else {
        Trouble::new(place, format!("`,` or `{close}` is expected here"))
            .related(open..open + 1, "opens here")
            .help("put a text with brackets, commas or colons in quotes")
    }
}

/// The innermost bracket that is open at a place.
fn open_bracket(text: &str, read: usize, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut open = Vec::new();
    // The first bracket may be read already, but no more of its line.
    let mut i = line_start(text, read.min(at));
    while i < at {
        let before = i.checked_sub(1).map_or(b' ', |before| bytes[before]);
        let begins = matches!(before, b' ' | b'\t' | b'\n' | b'\r' | b',' | b'[' | b'{' | b':');
        match bytes[i] {
            b'#' if before.is_ascii_whitespace() => i = line_end(text, i),
            b'"' | b'\'' if begins => i = quoted_end(text, i),
            byte => {
                match byte {
                    b'[' | b'{' => open.push(i),
                    b']' | b'}' => {
                        open.pop();
                    }
                    _ => {}
                }
                i += 1;
            }
        }
    }
    open.pop()
}

/// A value that is missing.
fn no_value(stop: Stop<'_>) -> Trouble {
    let Stop { text, at, .. } = stop;
    if at == text.len() || text[line_start(text, at)..at].trim().is_empty() {
        return brackets(stop);
    }
    let found = character(text, at);
    let message = format!("a value is missing before `{}`", &text[found.clone()]);
    Trouble::new(found, message).help("write the value, or put the text in quotes")
}

/// Something in a map that is no key.
fn no_key(text: &str, at: usize) -> Trouble {
    let start = line_start(text, at);
    let before = text[start..at].trim_start();
    if before.starts_with('-') || text[at..].starts_with("- ") {
        let dash = start + indentation(text, at);
        return Trouble::new(
            dash..line_end(text, at),
            "a list item stands where a key of the map is expected",
        )
        .help("indent it like the list it belongs to, or write a key");
    }
    if before.is_empty() {
        return too_far(text, word(text, at)).unwrap_or_else(|| {
            let message =
                format!("no line before is indented by {}", blanks(indentation(text, at)));
            Trouble::new(word(text, at), message).help("indent the line like what it belongs to")
        });
    }
    Trouble::new(word(text, at), "the value ends before this")
        .help("begin the next key on a line of its own, or put the value in quotes")
}

/// A character that no value without quotes begins with.
fn cannot_begin(text: &str, at: usize) -> Trouble {
    let found = character(text, at);
    let line = text[at..line_end(text, at)].trim_end();
    let name = match &text[found.clone()] {
        "`" => "a backtick".to_owned(),
        character => format!("`{character}`"),
    };
    Trouble::new(found, format!("a text without quotes cannot begin with {name}"))
        .help(format!("put it in quotes: {}", quoted(&clip(line))))
}
