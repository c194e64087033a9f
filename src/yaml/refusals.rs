//! The words of each refusal.

use std::{borrow::Cow, ops::Range, sync::Arc};

use super::{
    code,
    node::{Entry, Kind},
    pieces,
    scalar::{Reading, Readings},
    syntax::Trouble,
    write,
};
use crate::error::{Place, Problem, Source};

/// A text short enough for a message, on one line.
pub(super) fn clip(text: &str) -> Cow<'_, str> {
    const LONGEST: usize = 40;
    let end = text.char_indices().nth(LONGEST).map_or(text.len(), |(at, _)| at);
    let line = text[..end].find(['\n', '\r']).unwrap_or(end);
    if line == text.len() {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("{}...", text[..line].trim_end()))
    }
}

/// The text in the quotes that suit it.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::new();
    write::quoted(text, &mut out);
    out
}

fn place(source: &Arc<Source>, span: Range<usize>) -> Place {
    Place { source: Arc::clone(source), span }
}

fn error(
    code: &'static str,
    source: &Arc<Source>,
    span: Range<usize>,
    message: impl Into<String>,
) -> Problem {
    Problem::error(code, place(source, span), message)
}

// The file as a whole.

pub(super) fn empty(source: &Arc<Source>) -> Problem {
    let end = source.text.len();
    let message = if source.text.trim().is_empty() {
        "the file is empty"
    } else {
        "the file has no value, only comments or an empty document"
    };
    error(code::EMPTY, source, end..end, message)
        .help("`redis-cluster-gen init` writes a spec to begin with")
}

pub(super) fn too_many_marks(source: &Arc<Source>, most: usize) -> Problem {
    let message = format!("the file has more than {most} commas, colons and brackets");
    error(code::TOO_LARGE, source, 0..0, message).help("split what is in it over several files")
}

pub(super) fn too_deep(source: &Arc<Source>, at: usize, deepest: usize) -> Problem {
    let message = format!("lists and maps are nested more than {deepest} deep here");
    error(code::TOO_DEEP, source, at..at, message)
        .help("no field of a spec is that deep: look for brackets that are not closed")
}

pub(super) fn directive(source: &Arc<Source>, line: Range<usize>) -> Problem {
    let text = clip(&source.text[line.clone()]).into_owned();
    let message = format!("`{text}` is a directive, and YAML readers disagree on them");
    error(code::NOT_YAML, source, line, message)
        .label("a line that begins with `%`")
        .help("leave the line out: every reader takes the right version by itself")
}

pub(super) fn second_document(source: &Arc<Source>, at: usize) -> Problem {
    // After a `...` a document may begin without `---`.
    let end = pieces::word_end(&source.text, at);
    let message = "the file has a second document, and a spec is one document";
    let empty = pieces::skip_blanks(&source.text, end) == source.text.len();
    error(code::SEVERAL_DOCUMENTS, source, at..end, message)
        .label("the second document begins here")
        .help(if empty {
            "leave out this `---`: nothing follows it"
        } else {
            "write each spec into a file of its own"
        })
}

pub(super) fn end_marker(source: &Arc<Source>, at: usize) -> Problem {
    let message = "`...` ends a document, and some readers see a second one here";
    error(code::SEVERAL_DOCUMENTS, source, at..at + 3, message).help("leave out the `...`")
}

pub(super) fn trouble(source: &Arc<Source>, trouble: Trouble) -> Problem {
    let problem = error(trouble.code, source, trouble.span, trouble.message).label(trouble.label);
    let problem = match trouble.related {
        Some((span, label)) => problem.related(place(source, span), label),
        None => problem,
    };
    match trouble.help {
        Some(help) => problem.help(help),
        None => problem,
    }
}

// Layout.

pub(super) fn tab(source: &Arc<Source>, at: usize) -> Problem {
    let tab = at..at + 1;
    let problem = if pieces::indents(&source.text, at) {
        error(
            code::NOT_YAML,
            source,
            tab,
            "a tab indents this line, and YAML is indented with spaces",
        )
        .help("write two spaces for each level; most editors can be set to do so for YAML")
    } else {
        let message = "a tab stands outside of quotes, where PyYAML and others refuse it";
        error(code::CHARACTER, source, tab, message)
            .help("write a space instead, or nothing at the end of a line")
    };
    problem.label("a tab")
}

/// A value that goes on where it should not.
pub(super) fn shallow_line(source: &Arc<Source>, at: usize) -> Problem {
    let message =
        "this line goes on with the value before, but is not indented deeper than its key";
    let line = at..pieces::line_end(&source.text, at);
    error(code::NOT_YAML, source, line, message)
        .note("some readers refuse it, and some take it for something else")
        .help("indent the line by two more spaces")
}

pub(super) fn blanks_in_block(source: &Arc<Source>, line: Range<usize>) -> Problem {
    let message = "an empty line at the start of a block has spaces, which some readers refuse";
    error(code::NOT_YAML, source, line, message).help("remove the spaces")
}

pub(super) fn text_in_brackets(source: &Arc<Source>, span: Range<usize>) -> Problem {
    let text = clip(&source.text[span.clone()]).into_owned();
    let message = format!("`{text}` stands in brackets, where readers of YAML disagree on it");
    error(code::AMBIGUOUS, source, span, message).help(format!("write {}", quoted(&text)))
}

pub(super) fn tight_colon(source: &Arc<Source>, colon: usize) -> Problem {
    let message = "`:` has no space after it, and in brackets readers of YAML disagree on that";
    error(code::AMBIGUOUS, source, colon..colon + 1, message)
        .help("write a space after the `:`, or the text in quotes")
}

pub(super) fn escaped_break(source: &Arc<Source>, at: usize) -> Problem {
    let message = "an empty line follows this escaped line break, and readers disagree on both";
    error(code::AMBIGUOUS, source, at..at + 1, message).help("write `\\n` for a line break")
}

// Keys.

pub(super) fn split_key(source: &Arc<Source>, span: Range<usize>) -> Problem {
    error(code::NOT_YAML, source, span, "the key and its colon are not on one line")
        .help("write them on one line")
}

pub(super) fn long_key(source: &Arc<Source>, span: Range<usize>, longest: usize) -> Problem {
    let message = format!("a key of {} bytes is longer than a key can be", span.len());
    error(code::KEY_NOT_TEXT, source, span, message)
        .help(format!("write a name, of at most {longest} bytes"))
}

pub(super) fn duplicate(source: &Arc<Source>, first: &Entry, second: &Entry) -> Problem {
    let key = clip(&second.key);
    let message = format!("the key `{key}` is there twice in one map");
    error(code::DUPLICATE_KEY, source, second.key_span.clone(), message)
        .label("again here")
        .related(place(source, first.key_span.clone()), "first here")
        .note("some readers take the first, some the last, and some refuse the file")
        .help(format!("keep one `{key}`, with all that belongs under it"))
}

pub(super) fn merge_key(source: &Arc<Source>, span: Range<usize>) -> Problem {
    let message = "`<<` merges another map into this one, and a spec merges nothing";
    error(code::MERGE_KEY, source, span, message)
        .note("it is part of YAML 1.1 only, and readers differ on which value wins")
        .help("write the keys out")
}

pub(super) fn key_not_text(
    source: &Arc<Source>,
    span: Range<usize>,
    text: &str,
    readings: &Readings,
) -> Problem {
    if text.is_empty() {
        return error(code::KEY_NOT_TEXT, source, span, "the key before this `:` is missing")
            .help("write the key, or leave out the `:`");
    }
    let shown = clip(text);
    let message = match readings.agreed() {
        Some(Reading::Null) => format!("the key `{shown}` is null, and keys are text"),
        Some(Reading::Bool(_)) => format!("the key `{shown}` is a truth value, and keys are text"),
        Some(_) => format!("the key `{shown}` is a number, and keys are text"),
        None => format!("the key `{shown}` is {}", differences(readings)),
    };
    error(code::KEY_NOT_TEXT, source, span, message).help(format!("write {}", quoted(&shown)))
}

pub(super) fn collection_as_key(source: &Arc<Source>, span: Range<usize>, kind: &Kind) -> Problem {
    let what = if matches!(kind, Kind::List(_)) { "a list" } else { "a map" };
    let template = source.text[..span.start].ends_with('{');
    let message = format!("{what} stands where a key belongs, and keys are text");
    error(code::KEY_NOT_TEXT, source, span, message).help(if template {
        "fill in the `{{ }}` of a template before; put it in quotes if it is meant as it stands"
    } else {
        "write the key as text, in quotes if it has brackets"
    })
}

// What a spec does without.

pub(super) fn anchor(source: &Arc<Source>, span: Range<usize>) -> Problem {
    let anchor = clip(&source.text[span.clone()]).into_owned();
    let message = format!("`{anchor}` is an anchor, and a spec has neither anchors nor aliases");
    error(code::ANCHOR, source, span, message)
        .label("names the value after it")
        .help("write the value out at each place; put a text that begins with `&` in quotes")
}

/// An alias, and the anchor that it stands for where there is one.
pub(super) fn alias(
    source: &Arc<Source>,
    span: Range<usize>,
    anchor: Option<Range<usize>>,
) -> Problem {
    let alias = clip(&source.text[span.clone()]).into_owned();
    let message = format!("`{alias}` is an alias, and a spec has neither anchors nor aliases");
    let problem = error(code::ANCHOR, source, span, message);
    match anchor {
        Some(anchor) => problem
            .label("stands for another value")
            .related(place(source, anchor), "this one")
            .help("write the value out"),
        None => problem
            .label("no value has this name")
            .help(format!("write {} for a text that begins with `*`", quoted(&alias))),
    }
}

pub(super) fn tag(source: &Arc<Source>, span: Range<usize>) -> Problem {
    let tag = clip(&source.text[span.clone()]).into_owned();
    let problem = error(code::TAG, source, span, format!("`{tag}` is a tag, and a spec has none"))
        .label("says how to read the value after it");
    if tag == "!!str" {
        problem.help("leave it out and put the value in quotes")
    } else {
        problem.help("leave it out; put a text that begins with `!` in quotes")
    }
}

// Scalars without quotes.

pub(super) fn not_representable(
    source: &Arc<Source>,
    span: Range<usize>,
    text: &str,
    reading: Reading,
) -> Problem {
    let text = clip(text);
    let message = match reading {
        Reading::Integer(_) => format!("`{text}` is too large for a number of 64 bits"),
        Reading::Float(value) if value.is_nan() => format!("`{text}` is no number"),
        _ => format!("`{text}` is an infinite number"),
    };
    error(code::NOT_REPRESENTABLE, source, span, message)
        .note("Kubernetes keeps all objects as JSON, which has no such value")
        .help(format!("write {} if it is meant as text", quoted(&text)))
}

pub(super) fn ambiguous(
    source: &Arc<Source>,
    span: Range<usize>,
    text: &str,
    readings: &Readings,
) -> Problem {
    let message = format!("`{}` is {}", clip(text), differences(readings));
    let problem = error(code::AMBIGUOUS, source, span, message)
        .label("readers of YAML disagree")
        .help(format!("write {} for the text", quoted(&clip(text))));
    // No one means the number of seconds by a time of day.
    let others = if text.contains(':') { Vec::new() } else { other_values(readings) };
    if others.is_empty() {
        return problem;
    }
    let what = if matches!(readings.go, Reading::Bool(_)) { "truth value" } else { "number" };
    problem.help(format!("write `{}` for the {what}", others.join("` or `")))
}

/// What readers take a scalar for, other than text; each once.
fn other_values(readings: &Readings) -> Vec<String> {
    let mut values = Vec::new();
    for reading in [readings.python, readings.go, readings.core] {
        let shown = match reading {
            Reading::Bool(_) | Reading::Integer(Some(_)) => reading.to_string(),
            Reading::Float(value) if value.is_finite() => reading.to_string(),
            _ => continue,
        };
        if !values.contains(&shown) {
            values.push(shown);
        }
    }
    values
}

/// What each reader makes of a scalar, in words.
fn differences(readings: &Readings) -> String {
    // As they are shown: an integer and a decimal of the same value are the same to all.
    let [core, python, go] =
        [readings.core, readings.python, readings.go].map(|reading| reading.to_string());
    let (old, new) = ("YAML 1.1 readers such as PyYAML", "YAML 1.2 readers");
    if core == python && core == go {
        let other = if readings.core == Reading::Text { "a number or a date" } else { "text" };
        format!("{core} to most readers, and {other} to some")
    } else if python == go {
        format!("{go} to kubectl and other readers of YAML 1.1, and {core} to {new}")
    } else if core == go {
        format!("{python} to {old}, and {go} to kubectl and {new}")
    } else if core == python {
        format!("{go} to kubectl, and {core} to other readers")
    } else {
        format!("{python} to {old}, {go} to kubectl, and {core} to {new}")
    }
}
