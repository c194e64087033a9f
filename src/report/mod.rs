//! Problems for people and machines: sorts and places the problems of a run once, and lets the module
//! of the asked [`Format`] write them.
//!
//! Every format names a place by line and column, both from 1. A column counts characters, whatever
//! their width; a byte order mark is not one of them. Ends are exclusive.

mod concise;
mod github;
mod gitlab;
pub mod json;
mod junit;
mod position;
mod sarif;
mod text;

use std::{
    collections::HashMap,
    io::{self, Write},
    sync::Arc,
};

use sha2::{Digest, Sha256};

use crate::error::{Problem, Severity, Source};
use position::{Positions, Region};

/// How problems are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// With the lines of the spec and carets, for people.
    Text,
    /// One line for each problem, for editors.
    Concise,
    /// One JSON object; `schemas/report.v1.schema.json` describes it.
    Json,
    /// Workflow commands that annotate a pull request on GitHub.
    Github,
    /// GitLab's Code Quality report.
    Gitlab,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// JUnit XML, for the test reports of CI systems.
    Junit,
}

/// From a rule's code to the few words on it.
pub type Title = fn(&str) -> Option<&'static str>;

/// All problems of a run, by file.
pub struct Report<'a> {
    files: Vec<File<'a>>,
    title: Title,
}

/// A file that was checked.
struct File<'a> {
    /// The name with forward slashes and without `./`.
    path: String,
    /// In order of position.
    findings: Vec<Finding<'a>>,
}

/// A problem whose places are known by line and column.
struct Finding<'a> {
    problem: &'a Problem,
    at: Region<'a>,
    related: Vec<(Region<'a>, &'a str)>,
    /// The same in the next run, even if lines were added above.
    fingerprint: String,
}

impl<'a> Report<'a> {
    /// A report on `checked`, in that order; files that only `problems` name come last.
    pub fn new(checked: &'a [Arc<Source>], problems: &'a [Problem]) -> Report<'a> {
        let mut files: Vec<File<'a>> = Vec::new();
        let mut known: HashMap<&str, usize> = HashMap::new();
        let mut file_of = |source: &'a Source, files: &mut Vec<File<'a>>| {
            *known.entry(&source.name).or_insert_with(|| {
                files.push(File { path: path(&source.name), findings: Vec::new() });
                files.len() - 1
            })
        };
        for source in checked {
            file_of(source, &mut files);
        }
        let mut positions = Positions::default();
        for problem in problems {
            let file = file_of(&problem.place.source, &mut files);
            files[file].findings.push(Finding::new(problem, &mut positions));
        }
        for file in &mut files {
            file.findings.sort_by_key(|finding| finding.at.start);
            file.set_fingerprints();
        }
        Report { files, title: |_| None }
    }

    /// Names the rules in formats that list them; without this they are listed by code alone.
    #[must_use]
    pub fn titles(self, title: Title) -> Report<'a> {
        Report { title, ..self }
    }

    /// Writes the report; colours are for text alone.
    ///
    /// # Errors
    /// When `out` does not take it.
    pub fn write(&self, format: Format, color: bool, out: &mut dyn Write) -> io::Result<()> {
        match format {
            Format::Text => text::write(self, color, out),
            Format::Concise => concise::write(self, out),
            Format::Json => json::write(self, out),
            Format::Github => github::write(self, out),
            Format::Gitlab => gitlab::write(self, out),
            Format::Sarif => sarif::write(self, out),
            Format::Junit => junit::write(self, out),
        }
    }

    fn findings(&self) -> impl Iterator<Item = (&File<'a>, &Finding<'a>)> {
        self.files.iter().flat_map(|file| file.findings.iter().map(move |finding| (file, finding)))
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings().filter(|(_, finding)| finding.problem.severity == severity).count()
    }
}

impl<'a> Finding<'a> {
    fn new(problem: &'a Problem, positions: &mut Positions) -> Finding<'a> {
        Finding {
            problem,
            at: positions.of(&problem.place),
            related: problem
                .related
                .iter()
                .map(|(place, label)| (positions.of(place), label.as_str()))
                .collect(),
            fingerprint: String::new(),
        }
    }

    fn is_error(&self) -> bool {
        self.problem.severity == Severity::Error
    }

    /// What there is to say, for readers that show one text.
    fn message_with_advice(&self) -> String {
        let Problem { message, notes, help, .. } = self.problem;
        let notes = notes.iter().map(|note| format!("\nnote: {note}"));
        let help = help.iter().map(|help| format!("\nhelp: {help}"));
        message.clone() + &notes.chain(help).collect::<String>()
    }
}

impl File<'_> {
    /// From what is wrong and, for the same twice in a file, which one it is.
    fn set_fingerprints(&mut self) {
        let mut earlier: HashMap<(&str, &str), usize> = HashMap::new();
        for finding in &mut self.findings {
            let (code, message) = (finding.problem.code, finding.problem.message.as_str());
            let number = earlier.entry((code, message)).or_default();
            let mut hash = Sha256::new();
            for part in [&self.path, code, message, &number.to_string()] {
                hash.update(part);
                hash.update([0]);
            }
            let bytes = hash.finalize();
            finding.fingerprint = bytes[..16].iter().map(|byte| format!("{byte:02x}")).collect();
            *number += 1;
        }
    }
}

/// The path as repositories write it.
fn path(name: &str) -> String {
    let name = if cfg!(windows) { name.replace('\\', "/") } else { name.to_owned() };
    let mut rest = name.as_str();
    while let Some(after) = rest.strip_prefix("./") {
        rest = after.trim_start_matches('/');
    }
    if rest.is_empty() { name } else { rest.to_owned() }
}

/// The text without what a terminal obeys or hides; only line breaks stay.
fn visible(text: &str) -> String {
    text.chars().map(|char| if char == '\n' { char } else { visible_char(char) }).collect()
}

/// The text on one line, without what a terminal obeys or hides.
fn one_line(text: &str) -> String {
    text.chars().map(visible_char).collect()
}

/// Control characters become their pictures. So that nothing is invisible or reorders what is around
/// it (<https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing>), other characters without
/// a shape become U+FFFD. The joiner in emoji stays.
fn visible_char(char: char) -> char {
    match char {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(char)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200c}'
        | '\u{200e}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{e000}'..='\u{f8ff}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{fffe}'..='\u{ffff}'
        | '\u{e0000}'..='\u{10ffff}' => '\u{fffd}',
        _ => char,
    }
}

/// The text, or its beginning when it is longer than a message needs to be.
fn short(text: &str) -> String {
    const LIMIT: usize = 2000;
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
