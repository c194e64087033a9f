//! Text in, a tree of [`Node`]s out; what is wrong with the text comes out as problems.
//!
//! YAML has more than one way to read many a text. What kubectl, a Python script and this program
//! would read differently is refused here, with what to write instead, so that a spec means the
//! same to all tools that touch it. `tests/yaml` holds this reader against the others.

use std::{borrow::Cow, collections::HashSet, ops::Range, sync::Arc};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span};
use serde_json::Number;

use super::{
    characters, code,
    node::{Entry, Kind, Node},
    offsets::Offsets,
    pieces, refusals,
    scalar::{self, Reading},
    syntax,
};
use crate::error::{Problem, Source};

/// How deep lists and maps may be nested.
const MAX_DEPTH: usize = 64;

/// How long a key may be, in bytes: more than any name in Kubernetes. It is part of the path of everything below it.
const MAX_KEY: usize = 8192;

/// How many problems of one text are told; the rest is only counted.
pub(super) const MAX_PROBLEMS: usize = 100;

/// How many `,`, `:` and brackets a text may have. A list or map in brackets is taken apart as a
/// whole before its first item can be looked at, so this is what bounds time and memory.
const MAX_MARKS: usize = 1 << 17;

/// A text that is refused.
#[derive(Debug)]
pub struct Refused {
    /// Why, in order of position; at least one.
    pub problems: Vec<Problem>,
    /// What the text means but for these places, where that is beyond doubt. A scalar that was refused is the text that it is written
    /// with; of a key that is there twice, the first is meant; what stands under any other refused key is left out.
    pub rest: Option<Node>,
}

/// Reads the one document of a spec file, or says everything that is wrong with it as YAML.
///
/// # Errors
/// When another reader would refuse the text, or read something else.
pub fn read(source: &Arc<Source>) -> Result<Node, Refused> {
    let mut reader = Reader::new(source);
    reader.characters();
    if reader.size() && reader.no_directive() {
        reader.events();
    }
    reader.finish()
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    text: &'a str,
    offsets: Offsets,
    problems: Vec<Problem>,
    /// Problems beyond [`MAX_PROBLEMS`].
    untold: usize,
    /// The lists and maps that are open.
    open: Vec<Open>,
    /// The end of what was read last.
    end: usize,
    /// How far tabs between the values were looked for.
    gaps: usize,
    /// Anchors by the number that the parser gives them, less one.
    anchors: Vec<Range<usize>>,
    root: Option<Node>,
}

/// A list or map that has not ended.
struct Open {
    start: usize,
    /// Whether it stands in brackets, its own or others.
    flow: bool,
    children: Children,
}

enum Children {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        /// The key that waits for its value.
        key: Option<Key>,
    },
}

struct Key {
    /// None for a key that was refused.
    name: Option<String>,
    span: Range<usize>,
    /// Whether it is the merge key.
    merge: bool,
}

/// Whether there is a point in reading on.
enum Flow {
    On,
    Stop,
}

impl<'a> Reader<'a> {
    fn new(source: &'a Arc<Source>) -> Reader<'a> {
        Reader {
            source,
            text: &source.text,
            offsets: Offsets::new(&source.text, bom(&source.text)),
            problems: Vec::new(),
            untold: 0,
            open: Vec::new(),
            end: 0,
            gaps: 0,
            anchors: Vec::new(),
            root: None,
        }
    }

    /// Takes a problem down, unless there are enough.
    fn report(&mut self, problem: impl FnOnce(&Arc<Source>) -> Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem(self.source));
        } else {
            self.untold += 1;
        }
    }

    fn finish(mut self) -> Result<Node, Refused> {
        // What a syntax error left open is still worth a look.
        while let Some(open) = self.open.pop() {
            if let Children::Map { mut entries, .. } = open.children {
                self.duplicates(&mut entries);
            }
        }
        match self.root {
            Some(root) if self.problems.is_empty() => return Ok(root),
            None if self.problems.is_empty() => self.problems.push(refusals::empty(self.source)),
            _ => {}
        }
        self.problems.sort_by_key(|problem| problem.place.span.start);
        let has_meaning = self.untold == 0
            && self.problems.iter().all(|problem| code::leaves_a_meaning(problem.code));
        if let (1.., Some(last)) = (self.untold, self.problems.last_mut()) {
            last.notes.push(format!("{} more problems of this file are not shown", self.untold));
        }
        Err(Refused { problems: self.problems, rest: self.root.filter(|_| has_meaning) })
    }

    /// Characters that YAML does not allow, or that end a line for some readers only.
    fn characters(&mut self) {
        for (at, character) in characters::forbidden(self.text) {
            self.report(|source| characters::problem(source, at, character));
        }
    }

    /// Whether the text can be taken apart in good time.
    fn size(&mut self) -> bool {
        let marks = |byte: &u8| matches!(byte, b',' | b':' | b'[' | b']' | b'{' | b'}');
        let fits = self.text.bytes().filter(marks).count() <= MAX_MARKS;
        if !fits {
            self.report(|source| refusals::too_many_marks(source, MAX_MARKS));
        }
        fits
    }

    /// Whether the document begins without a line like `%YAML 1.1`, which go-yaml reads for one
    /// version only.
    fn no_directive(&mut self) -> bool {
        let start = pieces::skip_blanks(self.text, bom(self.text));
        let directive = self.text[start..].starts_with('%')
            && (start == bom(self.text) || self.text[..start].ends_with(['\n', '\r']));
        if directive {
            let end = pieces::line_end(self.text, start);
            let line = start..start + self.text[start..end].trim_end().len();
            self.report(|source| refusals::directive(source, line));
        }
        !directive
    }

    fn events(&mut self) {
        let mut documents = 0;
        for event in Parser::new_from_str(&self.text[bom(self.text)..]) {
            let flow = match event {
                Ok((Event::DocumentStart(_), span)) if documents > 0 => {
                    let at = self.byte(span.start);
                    self.report(|source| refusals::second_document(source, at));
                    Flow::Stop
                }
                Ok((Event::DocumentStart(explicit), span)) => {
                    documents += 1;
                    self.end_markers(0..self.byte(span.start), 0);
                    if explicit {
                        self.end = self.byte(span.start) + 3;
                    }
                    Flow::On
                }
                Ok((event, span)) => self.event(event, span),
                Err(error) => {
                    self.syntax(&error);
                    Flow::Stop
                }
            };
            if let Flow::Stop = flow {
                return;
            }
        }
        self.end_markers(self.gaps..self.text.len(), 1);
        self.gap(self.text.len());
    }

    /// Refuses all but a number of `...` in a part of the text without values.
    fn end_markers(&mut self, part: Range<usize>, allowed: usize) {
        let text = self.text;
        let markers = text[part.clone()].match_indices("...").map(|(at, _)| part.start + at);
        let alone = |at: &usize| pieces::column(text, *at) == 0;
        if let Some(marker) = markers.filter(alone).nth(allowed) {
            self.report(|source| refusals::end_marker(source, marker));
        }
    }

    fn byte(&self, mark: Marker) -> usize {
        self.offsets.byte(self.text, mark.index())
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Flow {
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                let tag = tag.is_some();
                self.scalar(value, style, anchor > 0, tag, span);
            }
            Event::SequenceStart(anchor, tag) => {
                let start = self.properties(span, anchor > 0, tag.is_some());
                let start = self.first_dash(start);
                return self.begin(start, Children::List(Vec::new()));
            }
            Event::MappingStart(anchor, tag) => {
                let start = self.properties(span, anchor > 0, tag.is_some());
                return self.begin(start, Children::Map { entries: Vec::new(), key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => {}
        }
        Flow::On
    }

    // Tabs.

    /// Refuses tabs between what was read last and what begins here: blanks and indicators are all
    /// that stands there.
    fn gap(&mut self, end: usize) {
        let gap = self.gaps..end.max(self.gaps);
        self.gaps = gap.end;
        self.tabs(gap);
    }

    /// Refuses tabs in a part of the text; one for each line is told.
    fn tabs(&mut self, part: Range<usize>) {
        let text = &self.text[part.clone()];
        let mut from = 0;
        while let Some(tab) = text[from..].find('\t').map(|length| from + length) {
            if !pieces::in_comment(self.text, part.start, part.start + tab) {
                self.report(|source| refusals::tab(source, part.start + tab));
            }
            let Some(newline) = text[tab..].find('\n') else { break };
            from = tab + newline;
        }
    }

    // Anchors and tags.

    /// Refuses the anchor and the tag before a node; returns where the node itself begins.
    fn properties(&mut self, span: Span, anchor: bool, tag: bool) -> usize {
        let mut at = self.byte(span.start);
        let mut left = usize::from(anchor) + usize::from(tag);
        while left > 0 {
            let start = pieces::skip_blanks(self.text, at);
            let end = pieces::property_end(self.text, start);
            if end == start {
                break;
            }
            if self.text[start..].starts_with('&') {
                self.anchors.push(start..end);
                self.report(|source| refusals::anchor(source, start..end));
            } else {
                self.report(|source| refusals::tag(source, start..end));
            }
            (at, left) = (end, left - 1);
            self.end = end;
        }
        if anchor || tag { pieces::skip_blanks(self.text, at) } else { at }
    }

    fn alias(&mut self, anchor: usize, span: Span) {
        let span = self.byte(span.start)..self.byte(span.end);
        self.gap(span.start);
        self.end = span.end;
        // A merge key was refused already, with what it merges.
        let merged = matches!(
            self.open.last(),
            Some(Open { children: Children::Map { key: Some(Key { merge: true, .. }), .. }, .. })
        );
        if !merged {
            let anchor = anchor.checked_sub(1).and_then(|anchor| self.anchors.get(anchor)).cloned();
            self.report(|source| refusals::alias(source, span.clone(), anchor));
        }
        if self.waits_for_key() {
            self.key(None, span, false);
        } else {
            self.value(Node { kind: Kind::Null, span });
        }
    }

    // Scalars.

    fn scalar(
        &mut self,
        value: Cow<'_, str>,
        style: ScalarStyle,
        anchor: bool,
        tag: bool,
        span: Span,
    ) {
        let parsed_end = span.end;
        let plain = style == ScalarStyle::Plain;
        let nothing = plain && value.is_empty();
        let before = self.end;
        let mut start = self.properties(span, anchor, tag);
        let end = match style {
            _ if nothing => {
                start = self.nothing(if anchor || tag { self.end } else { before }, start);
                start
            }
            ScalarStyle::Plain => self.byte(span.end),
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                pieces::quoted_end(self.text, start)
            }
            ScalarStyle::Literal | ScalarStyle::Folded => {
                // The parser begins with the first line of the text; the indicator is before it.
                start = pieces::block_start(self.text, self.end.max(before)).unwrap_or(start);
                let end = self.byte(span.end).max(start + 1).min(self.text.len());
                start + self.text[start..end].trim_end().len()
            }
        };
        let span = start..end;
        self.gap(start);
        match style {
            ScalarStyle::Plain => self.tabs(start..end),
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => self.quoted_tabs(start..end),
            ScalarStyle::Literal | ScalarStyle::Folded => {
                self.tabs(start..pieces::line_end(self.text, start));
            }
        }
        self.gaps = match style {
            // Its last lines may be blanks and tabs, and belong to it.
            ScalarStyle::Literal | ScalarStyle::Folded => end.max(self.byte(parsed_end)),
            _ => end,
        };
        self.end = end;
        self.layout(style, &span);
        if self.waits_for_key() {
            self.scalar_key(value, plain && !tag, span);
        } else {
            let kind = if plain && !tag {
                self.plain(&value, &span)
            } else {
                Kind::String(value.into_owned())
            };
            self.value(Node { kind, span });
        }
    }

    /// The place of a value that was left out: right after the indicator that promises it.
    fn nothing(&self, before: usize, start: usize) -> usize {
        if self.waits_for_key() {
            return start;
        }
        let at = pieces::skip_blanks(self.text, before);
        let after_indicator = self.text[at..].starts_with([':', '-']) && at <= start;
        if after_indicator { at + 1 } else { before }
    }

    /// The value of a scalar without quotes, or the problem with it.
    fn plain(&mut self, text: &str, span: &Range<usize>) -> Kind {
        let readings = scalar::readings(text);
        let kind = match readings.agreed() {
            Some(Reading::Text) => return Kind::String(text.to_owned()),
            Some(Reading::Null) => return Kind::Null,
            Some(Reading::Bool(value)) => return Kind::Bool(value),
            Some(reading) => number(reading).map(Kind::Number),
            None => None,
        };
        if let Some(kind) = kind {
            return kind;
        }
        let span = span.clone();
        self.report(|source| match readings.core {
            // A number that fits nowhere is that before all else.
            Reading::Integer(_) | Reading::Float(_) if number(readings.core).is_none() => {
                refusals::not_representable(source, span, text, readings.core)
            }
            _ => refusals::ambiguous(source, span, text, &readings),
        });
        Kind::String(text.to_owned())
    }

    /// Refuses tabs that indent a line of a text in quotes; others are part of it.
    fn quoted_tabs(&mut self, span: Range<usize>) {
        let mut from = span.start;
        while let Some(newline) = self.text[from..span.end].find('\n') {
            let start = from + newline + 1;
            let rest = &self.text[start..span.end];
            let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
            self.tabs(start..start + blanks);
            from = start + blanks;
        }
    }

    /// Refuses what some readers take for something else because of where it stands.
    fn layout(&mut self, style: ScalarStyle, span: &Range<usize>) {
        let text = &self.text[span.clone()];
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let flow = self.in_flow();
        let plain = style == ScalarStyle::Plain;
        if flow {
            if plain && (text.starts_with(['|', '>', ':']) || text.contains('?')) {
                return self.report(|source| refusals::text_in_brackets(source, span.clone()));
            }
            let rest = &self.text[span.end..];
            let after = rest.strip_prefix(':').and_then(|after| after.chars().next());
            let tight = match after {
                Some(',' | ']' | '}') => true,
                Some('[' | '{') => plain,
                Some('#') => !plain,
                _ => false,
            };
            if tight {
                return self.report(|source| refusals::tight_colon(source, span.end));
            }
            let colon = pieces::skip_blanks(self.text, span.end);
            if self.waits_for_key()
                && self.text[colon..].starts_with(':')
                && self.text[span.end..colon].contains('\n')
            {
                return self.report(|source| refusals::split_key(source, span.start..colon));
            }
        }
        if style == ScalarStyle::DoubleQuoted
            && let Some(at) = pieces::break_before_empty_line(self.text, span.clone())
        {
            self.report(|source| refusals::escaped_break(source, at));
        }
        if self.waits_for_key() && text.contains('\n') {
            self.report(|source| refusals::split_key(source, span.clone()));
        } else if block {
            self.block_layout(span);
        } else if !flow {
            self.shallow_line(span);
        }
    }

    /// Refuses a block whose first lines some readers refuse.
    fn block_layout(&mut self, span: &Range<usize>) {
        let header = pieces::line_end(self.text, span.start).min(self.gaps);
        let text = &self.text[header..self.gaps];
        let first = header + text.len() - text.trim_start_matches([' ', '\t', '\r', '\n']).len();
        let line = pieces::line_start(self.text, first).max(header);
        let before = &self.text[header..line];
        if self.open.is_empty() && first < span.end && first == line {
            self.report(|source| refusals::shallow_line(source, first));
        } else if let Some(tab) = self.text[line..first].find('\t') {
            self.report(|source| refusals::tab(source, line + tab));
        } else if let Some(blank) = before.find(' ') {
            let line = header + blank..pieces::line_end(self.text, header + blank);
            self.report(|source| refusals::blanks_in_block(source, line));
        }
    }

    /// Refuses a value that goes on in a line which is indented no deeper than what it belongs to.
    fn shallow_line(&mut self, span: &Range<usize>) {
        let Some(parent) = self.open.last() else { return };
        if !self.text[span.clone()].contains('\n') {
            return;
        }
        let column = pieces::column(self.text, parent.start);
        if let Some(line) = pieces::shallow_line(self.text, span.clone(), column) {
            self.report(|source| refusals::shallow_line(source, line));
        }
    }

    // Keys.

    fn waits_for_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { children: Children::Map { key: None, .. }, .. }))
    }

    fn scalar_key(&mut self, text: Cow<'_, str>, plain: bool, span: Range<usize>) {
        if text.len() > MAX_KEY {
            self.report(|source| refusals::long_key(source, span.clone(), MAX_KEY));
            return self.key(None, span, false);
        }
        if !plain {
            return self.key(Some(text.into_owned()), span, false);
        }
        if text == "<<" {
            self.report(|source| refusals::merge_key(source, span.clone()));
            return self.key(None, span, true);
        }
        let readings = scalar::readings(&text);
        if readings.agreed() == Some(Reading::Text) {
            return self.key(Some(text.into_owned()), span, false);
        }
        self.report(|source| refusals::key_not_text(source, span.clone(), &text, &readings));
        self.key(None, span, false);
    }

    fn key(&mut self, name: Option<String>, span: Range<usize>, merge: bool) {
        if let Some(Open { children: Children::Map { key, .. }, .. }) = self.open.last_mut() {
            *key = Some(Key { name, span, merge });
        }
    }

    // Lists and maps.

    fn begin(&mut self, start: usize, children: Children) -> Flow {
        self.gap(start);
        self.end = start;
        if self.open.len() == MAX_DEPTH {
            self.report(|source| refusals::too_deep(source, start, MAX_DEPTH));
            return Flow::Stop;
        }
        let bracket = self.text[start..].starts_with(['[', '{']);
        if bracket {
            self.end += 1;
        }
        let flow = bracket || self.in_flow();
        self.open.push(Open { start, flow, children });
        Flow::On
    }

    /// Where a list begins. For one that is not indented under its key the parser has the place
    /// after its first `- `.
    fn first_dash(&self, start: usize) -> usize {
        let value = matches!(
            self.open.last(),
            Some(Open { flow: false, children: Children::Map { key: Some(_), .. }, .. })
        );
        if !value || self.text[start..].starts_with('[') {
            return start;
        }
        let at = pieces::skip_blanks(self.text, self.end);
        let colon = usize::from(self.text[at..].starts_with(':'));
        let at = pieces::skip_blanks(self.text, at + colon);
        if self.text[at..].starts_with('-') { at.min(start) } else { start }
    }

    fn in_flow(&self) -> bool {
        self.open.last().is_some_and(|open| open.flow)
    }

    fn close(&mut self, span: Span) {
        let Some(open) = self.open.pop() else { return };
        let at = self.byte(span.start);
        let bracket = |at: usize, brackets: [char; 2]| {
            self.text.get(at..).is_some_and(|rest| rest.starts_with(brackets))
        };
        if bracket(open.start, ['[', '{']) && at >= self.end && bracket(at, [']', '}']) {
            self.end = at + 1;
        }
        let span = open.start..self.end;
        if open.flow && !self.in_flow() {
            self.shallow_line(&span);
        }
        let kind = match open.children {
            Children::List(mut items) => {
                items.shrink_to_fit();
                Kind::List(items)
            }
            Children::Map { mut entries, .. } => {
                self.duplicates(&mut entries);
                entries.shrink_to_fit();
                Kind::Map(entries)
            }
        };
        if self.waits_for_key() {
            self.report(|source| refusals::collection_as_key(source, span.clone(), &kind));
            self.key(None, span, false);
        } else {
            self.value(Node { kind, span });
        }
    }

    /// Puts a finished value where it belongs.
    fn value(&mut self, node: Node) {
        match self.open.last_mut().map(|open| &mut open.children) {
            None => self.root_value(node),
            Some(Children::List(items)) => items.push(node),
            Some(Children::Map { entries, key }) => {
                if let Some(Key { name: Some(name), span, .. }) = key.take() {
                    entries.push(Entry { key: name, key_span: span, value: node });
                }
            }
        }
    }

    fn root_value(&mut self, node: Node) {
        // A document of nothing but comments is no document.
        if !node.span.is_empty() || !matches!(node.kind, Kind::Null) {
            self.root = Some(node);
        }
    }

    /// Refuses keys that are there twice, and keeps the first of each.
    fn duplicates(&mut self, entries: &mut Vec<Entry>) {
        /// More entries than this are sorted rather than compared in pairs.
        const FEW: usize = 8;
        let mut repeated = Vec::new();
        if entries.len() <= FEW {
            for (i, entry) in entries.iter().enumerate() {
                if let Some(first) = entries[..i].iter().position(|other| other.key == entry.key) {
                    repeated.push((first, i));
                }
            }
        } else {
            let mut order: Vec<usize> = (0..entries.len()).collect();
            order.sort_by_key(|&i| &entries[i].key);
            for same in order.chunk_by(|&a, &b| entries[a].key == entries[b].key) {
                repeated.extend(same[1..].iter().map(|&i| (same[0], i)));
            }
        }
        for &(first, second) in &repeated {
            let (first, second) = (&entries[first], &entries[second]);
            self.report(|source| refusals::duplicate(source, first, second));
        }
        if !repeated.is_empty() {
            let repeated: HashSet<usize> = repeated.into_iter().map(|(_, second)| second).collect();
            let mut index = 0;
            entries.retain(|_| {
                index += 1;
                !repeated.contains(&(index - 1))
            });
        }
    }

    // Syntax.

    fn syntax(&mut self, error: &ScanError) {
        let at = self.byte(*error.marker());
        if error.info() == "recursion limit exceeded" {
            return self.report(|source| refusals::too_deep(source, at, MAX_DEPTH));
        }
        if error.info().contains("unknown anchor") {
            let span = at..pieces::property_end(self.text, at);
            return self.report(|source| refusals::alias(source, span, None));
        }
        // A character that was refused is why the parser stops at it.
        if self.problems.iter().any(|problem| problem.place.span.start == at) {
            return;
        }
        let said = error.info();
        let tab = if said.contains("tab") || said.contains("whitespace") {
            pieces::tab_beside(self.text, at).or_else(|| pieces::indentation_tab(self.text, at))
        } else {
            None
        };
        if let Some(tab) = tab {
            return self.report(|source| refusals::tab(source, tab));
        }
        let brackets = |open: &&Open| self.text[open.start..].starts_with(['[', '{']);
        let bracket = self.open.last().filter(brackets).map(|open| open.start);
        let stop = syntax::Stop { text: self.text, at, said, read: self.end, bracket };
        let trouble = syntax::explain(stop);
        // What looks wrong after the mistake began is a part of it.
        let start = trouble.span.start;
        self.problems
            .retain(|problem| problem.code != code::NOT_YAML || problem.place.span.start < start);
        self.report(|source| refusals::trouble(source, trouble));
    }
}

/// The length of a byte order mark at the start of the text.
fn bom(text: &str) -> usize {
    if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
}

/// A number that JSON has; of what is not finite or too large there is none.
fn number(reading: Reading) -> Option<Number> {
    match reading {
        Reading::Integer(Some(value)) => i64::try_from(value)
            .map(Number::from)
            .or_else(|_| u64::try_from(value).map(Number::from))
            .ok(),
        Reading::Float(value) => Number::from_f64(value),
        _ => None,
    }
}
