//! For people, in rustc's form: message, place, the lines of the spec with carets, notes and help.
//!
//! annotate-snippets lays out the lines. It gets no more than an excerpt, because it reads all of what
//! it gets for each problem, and a spec can be one line of a megabyte.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    ops::Range,
};

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Finding, Report, one_line, path, position::Region, short, visible, visible_char};
use crate::error::Severity;

pub(super) fn write(report: &Report<'_>, color: bool, out: &mut dyn Write) -> io::Result<()> {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    for (_, finding) in report.findings() {
        writeln!(out, "{}\n", render(renderer.clone(), finding))?;
    }
    if let Some(summary) = summary(report) {
        writeln!(out, "{summary}")?;
    }
    Ok(())
}

/// One problem, without colours.
pub(super) fn problem(finding: &Finding<'_>) -> String {
    render(Renderer::plain(), finding)
}

fn render(renderer: Renderer, finding: &Finding<'_>) -> String {
    // Excerpts are cut to size already.
    without_marked(&renderer.term_width(1 << 16).render(&[group(finding)]))
}

/// `2 errors, 1 warning in redis-cluster.yaml`
fn summary(report: &Report<'_>) -> Option<String> {
    let count = |severity: Severity| match report.count(severity) {
        0 => None,
        1 => Some(format!("1 {severity}")),
        n => Some(format!("{n} {severity}s")),
    };
    let totals = [count(Severity::Error), count(Severity::Warning)];
    let totals: Vec<_> = totals.into_iter().flatten().collect();
    let mut files = report.files.iter().filter(|file| !file.findings.is_empty());
    let files = match (files.next()?, files.count()) {
        (only, 0) => one_line(&only.path),
        (_, others) => format!("{} files", others + 1),
    };
    Some(format!("{} in {files}", totals.join(", ")))
}

fn group<'a>(finding: &'a Finding<'_>) -> Group<'a> {
    let problem = finding.problem;
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let message = |level: Level<'a>, text: &str| level.message(visible(&short(text)));
    level
        .primary_title(one_line(&short(&problem.message)))
        .id(problem.code)
        .elements(frames(finding).iter().map(|marks| snippet(marks)))
        .elements(problem.notes.iter().map(|note| message(Level::NOTE, note)))
        .elements(problem.help.iter().map(|help| message(Level::HELP, help)))
}

/// A region, what to write below it, and whether it is where the mistake is.
struct Mark<'a> {
    region: &'a Region<'a>,
    label: &'a str,
    primary: bool,
}

/// Bytes between two places that still share a frame.
const NEAR: usize = 2048;

/// The places of a problem, those near its own in the same frame.
fn frames<'a>(finding: &'a Finding<'_>) -> Vec<Vec<Mark<'a>>> {
    let own = Mark { region: &finding.at, label: &finding.problem.label, primary: true };
    let mut frames = vec![vec![own]];
    for (region, label) in &finding.related {
        let near = std::ptr::eq(region.source, finding.at.source)
            && region.bytes.start.abs_diff(finding.at.bytes.start) <= NEAR;
        let mark = Mark { region, label, primary: false };
        if near { frames[0].push(mark) } else { frames.push(vec![mark]) }
    }
    frames
}

fn snippet<'a>(marks: &[Mark<'a>]) -> Snippet<'a, Annotation<'a>> {
    let first_line = marks.iter().map(|mark| mark.region.start.line).min().unwrap_or(1);
    let (excerpt, spans) = excerpt(marks, first_line);
    let annotations = marks.iter().zip(spans).map(|(mark, span)| {
        let kind = if mark.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
        let label = (!mark.label.is_empty()).then(|| one_line(&short(mark.label)));
        kind.span(span).label(label)
    });
    let region = marks[0].region;
    let position = format!("{}:{}", region.start.line, region.start.column);
    Snippet::source(excerpt)
        .line_start(first_line)
        .path(format!("{}:{position}{MARK}", one_line(&path(&region.source.name))))
        .annotations(annotations)
}

/// annotate-snippets adds its own line and column to a path, but it counts columns in the excerpt. The
/// right ones stand in the path, and what follows this character, which [`one_line`] lets through
/// nowhere, is taken away.
const MARK: char = '\u{e000}';

fn without_marked(rendered: &str) -> String {
    let mut parts = rendered.split(MARK);
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(part.trim_start_matches(|char: char| char == ':' || char.is_ascii_digit()));
    }
    kept
}

/// Characters shown of a long line before its first and after its last mark.
const BEFORE: usize = 60;
const AFTER: usize = 80;

/// The lines of the marks, and the marks' spans in them. Lines between stay as empty as nobody sees them.
fn excerpt(marks: &[Mark<'_>], first_line: usize) -> (String, Vec<Range<usize>>) {
    let text = marks[0].region.source.text.as_str();
    let (text, hidden) = match text.strip_prefix('\u{feff}') {
        Some(rest) => (rest, text.len() - rest.len()),
        None => (text, 0),
    };
    let span = |mark: &Mark<'_>| {
        let bytes = &mark.region.bytes;
        bytes.start.saturating_sub(hidden)..bytes.end.saturating_sub(hidden)
    };
    let mut lines: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, mark) in marks.iter().enumerate() {
        lines.entry(mark.region.start.line).or_default().push(index);
    }

    let mut excerpt = String::new();
    let mut spans = vec![0..0; marks.len()];
    let mut line = first_line;
    let mut end = 0;
    for (marked_line, indexes) in lines {
        if marked_line == line + 1 {
            // annotate-snippets shows a single line between two marked ones.
            let start = text[end..].find('\n').map_or(text.len(), |newline| end + newline + 1);
            excerpt.push_str(&show(text, window(text, start, start)));
        }
        excerpt.extend(std::iter::repeat_n('\n', marked_line - line));
        let starts = indexes.iter().map(|&index| span(&marks[index]).start);
        let first = starts.clone().min().unwrap_or(0);
        let last = starts.max().unwrap_or(0);
        let shown = window(text, first, last);
        let base = excerpt.len() + cut_before(text, shown.start).len();
        for index in indexes {
            let at = |offset: usize| {
                let offset = offset.clamp(shown.start, shown.end);
                base + visible_line(&text[shown.start..offset]).len()
            };
            let span = span(&marks[index]);
            spans[index] = at(span.start)..at(span.end);
        }
        excerpt.push_str(&show(text, shown.clone()));
        excerpt.push('\n');
        line = marked_line + 1;
        end = shown.end;
    }
    (excerpt, spans)
}

/// The part of the line around `first..=last` that is shown, without its line break.
fn window(text: &str, first: usize, last: usize) -> Range<usize> {
    let before = text[..first].char_indices().rev().take(BEFORE);
    let line = before.take_while(|(_, char)| *char != '\n');
    let start = line.last().map_or(first, |(index, _)| index);
    let mut after = text[last..].char_indices().take(AFTER + 1);
    let end = match after.find(|(_, char)| *char == '\n') {
        Some((newline, _)) => newline - usize::from(text[last..last + newline].ends_with('\r')),
        None => {
            text[last..].char_indices().nth(AFTER).map_or(text.len() - last, |(index, _)| index)
        }
    };
    start..last + end
}

/// What stands for the cut part of a line before the offset.
fn cut_before(text: &str, offset: usize) -> &'static str {
    match text[..offset].chars().next_back() {
        None | Some('\n') => "",
        Some(_) => "…",
    }
}

fn show(text: &str, window: Range<usize>) -> String {
    let rest = &text[window.end..];
    let whole = rest.is_empty() || rest.starts_with('\n') || rest.starts_with("\r\n");
    let after = if whole { "" } else { "…" };
    format!("{}{}{after}", cut_before(text, window.start), visible_line(&text[window]))
}

/// Control characters made visible; annotate-snippets gives tabs their width.
fn visible_line(text: &str) -> String {
    text.chars().map(|char| if char == '\t' { char } else { visible_char(char) }).collect()
}
