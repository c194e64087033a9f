//! Text in, a tree of [`Node`]s with positions out; what is wrong with the text comes out as problems.
//!
//! YAML has more than one way to read many a text. What kubectl, a Python script and this program
//! would read differently is refused here, with what to write instead, so that a spec means the
//! same to all tools that touch it.

use std::{borrow::Cow, ops::Range, sync::Arc};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span};
use serde_json::Number;

use super::{
    characters, code,
    offsets::Offsets,
    scalar::{self, Reading, Readings},
    syntax,
};
use crate::error::{Place, Problem, Source};

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
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
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

/// How deep lists and maps may be nested.
const MAX_DEPTH: usize = 64;

/// How many problems of one text are told; the rest is only counted.
const MAX_PROBLEMS: usize = 100;

/// How many `,`, `:` and brackets a text may have. A list or map in brackets is taken apart as a
/// whole before its first item can be looked at, so this is what bounds time and memory.
const MAX_MARKS: usize = 1 << 17;

/// Reads the one document of a spec file, or says everything that is wrong with it as YAML.
///
/// # Errors
/// The problems, in order of position; at least one.
pub fn read(source: &Arc<Source>) -> Result<Node, Vec<Problem>> {
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

    fn place(&self, span: Range<usize>) -> Place {
        Place { source: Arc::clone(self.source), span }
    }

    /// Takes a problem down, unless there are enough.
    fn report(&mut self, problem: impl FnOnce(&Self) -> Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            let problem = problem(self);
            self.problems.push(problem);
        } else {
            self.untold += 1;
        }
    }

    fn finish(mut self) -> Result<Node, Vec<Problem>> {
        // What a syntax error left open is still worth a look.
        while let Some(open) = self.open.pop() {
            if let Children::Map { entries, .. } = open.children {
                self.duplicates(&entries);
            }
        }
        match self.root {
            Some(root) if self.problems.is_empty() => return Ok(root),
            None if self.problems.is_empty() => {
                let place = self.place(self.text.len()..self.text.len());
                self.problems.push(empty(place, self.text));
            }
            _ => {}
        }
        self.problems.sort_by_key(|problem| problem.place.span.start);
        if let (1.., Some(last)) = (self.untold, self.problems.last_mut()) {
            last.notes.push(format!("{} more problems of this file are not shown", self.untold));
        }
        Err(self.problems)
    }

    /// Characters that YAML does not allow, or that end a line for some readers only.
    fn characters(&mut self) {
        for (at, character) in characters::forbidden(self.text) {
            self.report(|reader| {
                characters::problem(reader.place(at..at + character.len_utf8()), character)
            });
        }
    }

    /// Whether the text can be taken apart in good time.
    fn size(&mut self) -> bool {
        let marks = |byte: &u8| matches!(byte, b',' | b':' | b'[' | b']' | b'{' | b'}');
        let fits = self.text.bytes().filter(marks).count() <= MAX_MARKS;
        if !fits {
            self.report(|reader| {
                let message =
                    format!("the file has more than {MAX_MARKS} commas, colons and brackets");
                Problem::error(code::TOO_LARGE, reader.place(0..0), message)
                    .help("split what is in it over several files")
            });
        }
        fits
    }

    /// Whether the document begins without a line like `%YAML 1.1`, which go-yaml reads for one
    /// version only.
    fn no_directive(&mut self) -> bool {
        let start = syntax::skip_blanks(self.text, bom(self.text));
        let directive = self.text[start..].starts_with('%')
            && (start == bom(self.text) || self.text[..start].ends_with(['\n', '\r']));
        if directive {
            let end = syntax::line_end(self.text, start);
            self.report(|reader| {
                let line = reader.text[start..end].trim_end();
                Problem::error(
                    code::NOT_YAML,
                    reader.place(start..start + line.len()),
                    format!("`{}` is a directive, and YAML readers disagree on them", clip(line)),
                )
                .label("a line that begins with `%`")
                .help("leave the line out: every reader takes the right version by itself")
            });
        }
        !directive
    }

    fn events(&mut self) {
        let mut documents = 0;
        for event in Parser::new_from_str(&self.text[bom(self.text)..]) {
            let flow = match event {
                Ok((Event::DocumentStart(_), span)) if documents > 0 => {
                    self.second_document(span);
                    Flow::Stop
                }
                Ok((Event::DocumentStart(explicit), span)) => {
                    documents += 1;
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
        self.gap(self.text.len());
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

    fn second_document(&mut self, span: Span) {
        let start = self.byte(span.start);
        let empty = syntax::skip_blanks(self.text, start + 3) == self.text.len();
        self.report(|reader| {
            Problem::error(
                code::SEVERAL_DOCUMENTS,
                reader.place(start..reader.text.len().min(start + 3)),
                "the file has a second document, and a spec is one document",
            )
            .label("the second document begins here")
            .help(if empty {
                "leave out this `---`: nothing follows it"
            } else {
                "write each spec into a file of its own"
            })
        });
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
        let mut from = part.start;
        while let Some(tab) = self.text[from..part.end].find('\t').map(|length| from + length) {
            let end = syntax::line_end(self.text, tab);
            if !syntax::in_comment(self.text, part.start, tab) {
                self.report(|reader| tab_problem(reader, tab));
            }
            from = end.min(part.end);
        }
    }

    // Anchors and tags.

    /// Refuses the anchor and the tag before a node; returns where the node itself begins.
    fn properties(&mut self, span: Span, anchor: bool, tag: bool) -> usize {
        let mut at = self.byte(span.start);
        let mut left = usize::from(anchor) + usize::from(tag);
        while left > 0 {
            let start = syntax::skip_blanks(self.text, at);
            let end = syntax::property_end(self.text, start);
            if end == start {
                break;
            }
            if self.text[start..].starts_with('&') {
                self.anchors.push(start..end);
                self.report(|reader| anchor_problem(reader, start..end));
            } else {
                self.report(|reader| tag_problem(reader, start..end));
            }
            (at, left) = (end, left - 1);
            self.end = end;
        }
        if anchor || tag { syntax::skip_blanks(self.text, at) } else { at }
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
            self.report(|reader| {
                let problem = alias_problem(reader, span.clone());
                match anchor.checked_sub(1).and_then(|anchor| reader.anchors.get(anchor)) {
                    Some(anchor) => {
                        problem.related(reader.place(anchor.clone()), "what it stands for")
                    }
                    None => problem,
                }
            });
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
                syntax::quoted_end(self.text, start)
            }
            ScalarStyle::Literal | ScalarStyle::Folded => {
                // The parser begins with the first line of the text; the indicator is before it.
                start = syntax::block_start(self.text, self.end.max(before)).unwrap_or(start);
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
                self.tabs(start..syntax::line_end(self.text, start));
            }
        }
        self.layout(style, &span);
        self.gaps = match style {
            // Its last lines may be blanks and tabs, and belong to it.
            ScalarStyle::Literal | ScalarStyle::Folded => end.max(self.byte(parsed_end)),
            _ => end,
        };
        self.end = end;
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
        let at = syntax::skip_blanks(self.text, before);
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
        self.report(|reader| {
            let place = reader.place(span.clone());
            // A number that fits nowhere is that before all else.
            match readings.core {
                Reading::Integer(_) | Reading::Float(_) if number(readings.core).is_none() => {
                    unrepresentable(place, text, readings.core)
                }
                _ => ambiguous(place, text, &readings),
            }
        });
        Kind::Null
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
        if flow && style == ScalarStyle::Plain {
            if text.starts_with(['|', '>', ':']) || text.contains('?') {
                return self.report(|reader| flow_text(reader, span.clone()));
            }
            let mut after = self.text[span.end..].chars();
            if after.next() == Some(':')
                && matches!(after.next(), Some(',' | '[' | ']' | '{' | '}'))
            {
                let colon = span.end..span.end + 1;
                return self.report(|reader| tight_colon(reader, colon));
            }
        }
        if self.waits_for_key() && text.contains('\n') {
            self.report(|reader| long_key(reader, span.clone()));
        } else if block && self.open.is_empty() {
            let first = syntax::first_line(self.text, span.clone());
            if first.is_some_and(|first| !self.text[..first].ends_with(' ')) {
                self.report(|reader| shallow(reader, first.unwrap_or(span.start)));
            }
        } else if !block && !flow {
            self.shallow_line(span);
        }
    }

    /// Refuses a value that goes on in a line which is indented no deeper than what it belongs to.
    fn shallow_line(&mut self, span: &Range<usize>) {
        let Some(parent) = self.open.last() else { return };
        let column = syntax::column(self.text, parent.start);
        if let Some(line) = syntax::shallow_line(self.text, span.clone(), column) {
            self.report(|reader| shallow(reader, line));
        }
    }

    // Keys.

    fn waits_for_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { children: Children::Map { key: None, .. }, .. }))
    }

    fn scalar_key(&mut self, text: Cow<'_, str>, plain: bool, span: Range<usize>) {
        if !plain {
            return self.key(Some(text.into_owned()), span, false);
        }
        if text == "<<" {
            self.report(|reader| merge_problem(reader.place(span.clone())));
            return self.key(None, span, true);
        }
        let readings = scalar::readings(&text);
        if readings.agreed() == Some(Reading::Text) {
            return self.key(Some(text.into_owned()), span, false);
        }
        self.report(|reader| key_problem(reader.place(span.clone()), &text, &readings));
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
            self.report(|reader| too_deep(reader.place(start..start)));
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
                self.duplicates(&entries);
                entries.shrink_to_fit();
                Kind::Map(entries)
            }
        };
        if self.waits_for_key() {
            self.report(|reader| collection_key(reader, span.clone(), &kind));
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

    fn duplicates(&mut self, entries: &[Entry]) {
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
        for (first, second) in repeated {
            let (first, second) = (&entries[first], &entries[second]);
            self.report(|reader| {
                let key = clip(&second.key);
                Problem::error(
                    code::DUPLICATE_KEY,
                    reader.place(second.key_span.clone()),
                    format!("the key `{key}` is there twice in one map"),
                )
                .label("again here")
                .related(reader.place(first.key_span.clone()), "first here")
                .note("some readers take the first, some the last, some neither")
                .help(format!("keep one `{key}`, with all that belongs under it"))
            });
        }
    }

    // Syntax.

    fn syntax(&mut self, error: &ScanError) {
        let at = self.byte(*error.marker());
        if error.info() == "recursion limit exceeded" {
            return self.report(|reader| too_deep(reader.place(at..at)));
        }
        if error.info().contains("unknown anchor") {
            let span = at..syntax::property_end(self.text, at);
            return self.report(|reader| alias_problem(reader, span));
        }
        // A character that was refused is why the parser stops at it.
        if self.problems.iter().any(|problem| problem.place.span.start == at) {
            return;
        }
        let said = error.info();
        if let Some(tab) = syntax::tab_before(self.text, at).filter(|_| said.contains("whitespace"))
        {
            return self.report(|reader| tab_problem(reader, tab));
        }
        let brackets = |open: &&Open| self.text[open.start..].starts_with(['[', '{']);
        let bracket = self.open.last().filter(brackets).map(|open| open.start);
        let stop = syntax::Stop { text: self.text, at, said, read: self.end, bracket };
        self.report(|reader| trouble(reader, syntax::explain(stop)));
    }
}

/// A problem from what the syntax says.
fn trouble(reader: &Reader<'_>, trouble: syntax::Trouble) -> Problem {
    let problem = Problem::error(trouble.code, reader.place(trouble.span), trouble.message)
        .label(trouble.label);
    let problem = match trouble.related {
        Some((span, label)) => problem.related(reader.place(span), label),
        None => problem,
    };
    match trouble.help {
        Some(help) => problem.help(help),
        None => problem,
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
    super::write::quoted(text, &mut out);
    out
}

// The words of each refusal.

fn empty(place: Place, text: &str) -> Problem {
    let message = if text.trim().is_empty() {
        "the file is empty"
    } else {
        "the file has no value, only comments or an empty document"
    };
    Problem::error(code::EMPTY, place, message)
        .help("`redis-cluster-gen init` writes a spec to begin with")
}

fn too_deep(place: Place) -> Problem {
    Problem::error(
        code::TOO_DEEP,
        place,
        format!("lists and maps are nested more than {MAX_DEPTH} deep here"),
    )
    .help("no field of a spec is that deep; look for brackets that are not closed")
}

fn tab_problem(reader: &Reader<'_>, tab: usize) -> Problem {
    if syntax::indents(reader.text, tab) {
        return trouble(reader, syntax::tab(tab));
    }
    let problem = Problem::error(
        code::CHARACTER,
        reader.place(tab..tab + 1),
        "a tab stands outside of quotes, where PyYAML and others refuse it",
    );
    problem.label("a tab").help("write a blank instead, or nothing at the end of a line")
}

fn flow_text(reader: &Reader<'_>, span: Range<usize>) -> Problem {
    let text = clip(&reader.text[span.clone()]).into_owned();
    let problem = Problem::error(
        code::AMBIGUOUS,
        reader.place(span),
        format!("`{text}` stands in brackets, where readers of YAML disagree on it"),
    );
    problem.help(format!("write {}", quoted(&text)))
}

fn tight_colon(reader: &Reader<'_>, colon: Range<usize>) -> Problem {
    Problem::error(
        code::AMBIGUOUS,
        reader.place(colon),
        "a `:` with no blank after it stands in brackets, where readers of YAML disagree on it",
    )
    .help("write a blank after the `:`, or the text in quotes")
}

fn long_key(reader: &Reader<'_>, span: Range<usize>) -> Problem {
    Problem::error(code::NOT_YAML, reader.place(span), "the key goes over more than one line")
        .help("write it on one line")
}

fn shallow(reader: &Reader<'_>, line: usize) -> Problem {
    let message =
        "this line goes on with the value before, but is not indented deeper than its key";
    Problem::error(code::NOT_YAML, reader.place(line..line), message)
        .note("some readers refuse it, and some take it for something else")
        .help("indent the line by two more blanks")
}

fn anchor_problem(reader: &Reader<'_>, span: Range<usize>) -> Problem {
    let anchor = clip(&reader.text[span.clone()]).into_owned();
    Problem::error(
        code::ANCHOR,
        reader.place(span),
        format!("`{anchor}` is an anchor, and a spec has neither anchors nor aliases"),
    )
    .label("names the value after it")
    .help(format!(
        "write the value out at each place; for a text that begins with `&` write {}",
        quoted(&anchor)
    ))
}

fn alias_problem(reader: &Reader<'_>, span: Range<usize>) -> Problem {
    let alias = clip(&reader.text[span.clone()]).into_owned();
    Problem::error(
        code::ANCHOR,
        reader.place(span),
        format!("`{alias}` is an alias, and a spec has neither anchors nor aliases"),
    )
    .label("stands for another value")
    .help(format!("write the value out; for a text that begins with `*` write {}", quoted(&alias)))
}

fn tag_problem(reader: &Reader<'_>, span: Range<usize>) -> Problem {
    let tag = clip(&reader.text[span.clone()]).into_owned();
    let problem = Problem::error(
        code::TAG,
        reader.place(span),
        format!("`{tag}` is a tag, and a spec has none"),
    )
    .label("says how to read the value after it");
    if tag == "!!str" {
        problem.help("leave it out and put the value in quotes")
    } else {
        problem
            .help(format!("leave it out; for a text that begins with `!` write {}", quoted(&tag)))
    }
}

fn merge_problem(place: Place) -> Problem {
    Problem::error(
        code::MERGE_KEY,
        place,
        "`<<` merges another map into this one, and a spec does not merge",
    )
    .note("it is part of YAML 1.1 only, and readers differ on which value wins")
    .help("write the keys out")
}

fn key_problem(place: Place, text: &str, readings: &Readings) -> Problem {
    let message = match readings.agreed() {
        _ if text.is_empty() => "a key is missing before this `:`".to_owned(),
        Some(Reading::Null) => format!("the key `{text}` is null, and keys are text"),
        Some(Reading::Bool(_)) => format!("the key `{text}` is a truth value, and keys are text"),
        Some(_) => format!("the key `{}` is a number, and keys are text", clip(text)),
        None => format!("the key `{}` is {}", clip(text), differences(readings)),
    };
    let problem = Problem::error(code::KEY_NOT_TEXT, place, message);
    if text.is_empty() {
        problem.help("write the key before the colon")
    } else {
        problem.help(format!("write {}", quoted(&clip(text))))
    }
}

fn collection_key(reader: &Reader<'_>, span: Range<usize>, kind: &Kind) -> Problem {
    let what = if matches!(kind, Kind::List(_)) { "a list" } else { "a map" };
    let problem = Problem::error(
        code::KEY_NOT_TEXT,
        reader.place(span.clone()),
        format!("{what} stands where a key belongs, and keys are text"),
    );
    let before = reader.text[..span.start].trim_end();
    if before.ends_with('{') || reader.text[span].starts_with("{{") {
        problem.help("`{{ }}` of a template has to be filled in before; put it in quotes if it is meant as it stands")
    } else {
        problem.help("write the key as text, in quotes if it has brackets")
    }
}

fn unrepresentable(place: Place, text: &str, reading: Reading) -> Problem {
    let text = clip(text);
    let message = match reading {
        Reading::Integer(_) => format!("`{text}` is too large for a number of 64 bits"),
        Reading::Float(value) if value.is_nan() => format!("`{text}` is no number"),
        _ => format!("`{text}` is an infinite number"),
    };
    Problem::error(code::NOT_REPRESENTABLE, place, message)
        .note("JSON, which Kubernetes keeps all objects in, has no such value")
        .help(format!("write {} if it is meant as text", quoted(&text)))
}

fn ambiguous(place: Place, text: &str, readings: &Readings) -> Problem {
    let mut problem = Problem::error(
        code::AMBIGUOUS,
        place,
        format!("`{}` is {}", clip(text), differences(readings)),
    )
    .label("readers of YAML disagree here")
    .help(format!("write {} for the text", quoted(&clip(text))));
    let mut others: Vec<String> = Vec::new();
    for reading in [readings.python, readings.go, readings.core] {
        let value = match reading {
            Reading::Bool(_) | Reading::Integer(Some(_)) => reading.to_string(),
            Reading::Float(value) if value.is_finite() => reading.to_string(),
            _ => continue,
        };
        if !others.contains(&value) {
            others.push(value);
        }
    }
    // No one means the number of seconds by a time of day.
    if !others.is_empty() && !text.contains(':') {
        let what = if matches!(readings.go, Reading::Bool(_)) { "truth value" } else { "number" };
        problem = problem.help(format!("write `{}` for the {what}", others.join("` or `")));
    }
    problem
}

/// What each reader makes of a scalar, in words.
fn differences(readings: &Readings) -> String {
    let Readings { core, python, go, .. } = *readings;
    if core == python && core == go {
        return format!("{core} to most readers, and a number to some of YAML 1.1");
    }
    // An integer and a decimal of the same value are told apart by no one.
    let [core, python, go] = [core, python, go].map(|reading| reading.to_string());
    let old = "YAML 1.1 readers such as PyYAML";
    let new = "YAML 1.2 readers";
    if python == go {
        format!("{go} to kubectl and other readers of YAML 1.1, and {core} to {new}")
    } else if core == go {
        format!("{python} to {old}, and {go} to kubectl and {new}")
    } else if core == python {
        format!("{go} to kubectl, and {core} to other readers")
    } else {
        format!("{python} to {old}, {go} to kubectl, and {core} to {new}")
    }
}
