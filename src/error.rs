//! What can go wrong: a [`Problem`] is a mistake in a spec, an [`Error`] is why a command stopped.
//!
//! Both are values; only `main.rs` and the commands print them.

use std::{fmt, io, ops::Range, path::PathBuf, sync::Arc};

/// A text that was read, with the name that messages use for it.
#[derive(Debug)]
pub struct Source {
    /// The path as the user wrote it, or `<stdin>`.
    pub name: String,
    /// The whole text. Where the file was not UTF-8, the valid part before the first bad byte.
    pub text: String,
}

impl Source {
    /// Line and column of a byte offset, both from 1; the column counts characters, but not a byte
    /// order mark.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let before = before.strip_prefix('\u{feff}').unwrap_or(before);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// A byte range in a [`Source`].
#[derive(Debug, Clone)]
pub struct Place {
    /// The text that the range is in.
    pub source: Arc<Source>,
    /// Bytes from the start of the text; empty for a point.
    pub span: Range<usize>,
}

impl Place {
    /// Line and column of the start, both from 1.
    pub fn line_column(&self) -> (usize, usize) {
        self.source.line_column(self.span.start)
    }
}

/// How bad a [`Problem`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The spec works, but probably not as meant.
    Warning,
    /// Nothing can be rendered from the spec.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// Bytes of a sentence in a report; longer ones are cut.
const LONGEST_SENTENCE: usize = 4096;

/// One mistake in a spec: where it is, what is wrong, and what to write instead.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The rule's code, such as `RCG201`; `explain` tells its story.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// One sentence that contains the offending value, without a final full stop.
    pub message: String,
    /// Where the mistake is.
    pub place: Place,
    /// A few words below the caret; may be empty.
    pub label: String,
    /// Other places that the message is about, each with a few words.
    pub related: Vec<(Place, String)>,
    /// Why it is so.
    pub notes: Vec<String>,
    /// What to write instead.
    pub help: Vec<String>,
}

impl Problem {
    /// An error; add to it with the methods below.
    pub fn error(code: &'static str, place: Place, message: impl Into<String>) -> Problem {
        Problem {
            code,
            severity: Severity::Error,
            message: message.into(),
            place,
            label: String::new(),
            related: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
        }
    }

    /// A warning; add to it with the methods below.
    pub fn warning(code: &'static str, place: Place, message: impl Into<String>) -> Problem {
        Problem { severity: Severity::Warning, ..Problem::error(code, place, message) }
    }

    /// Sets the words below the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Problem {
        self.label = label.into();
        self
    }

    /// Cuts sentences that quote a text of many thousand characters: nobody reads it there.
    pub(crate) fn shorten(&mut self) {
        let words = [&mut self.message, &mut self.label].into_iter();
        let words = words.chain(&mut self.notes).chain(&mut self.help);
        for words in words.chain(self.related.iter_mut().map(|(_, label)| label)) {
            if words.len() > LONGEST_SENTENCE {
                let end = (0..=LONGEST_SENTENCE).rev().find(|end| words.is_char_boundary(*end));
                words.truncate(end.unwrap_or_default());
                words.push_str("...");
            }
        }
    }

    /// Adds a second place, with a few words on what it has to do with this.
    #[must_use]
    pub fn related(mut self, place: Place, label: impl Into<String>) -> Problem {
        self.related.push((place, label.into()));
        self
    }

    /// Adds a reason.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Problem {
        self.notes.push(note.into());
        self
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Problem {
        self.help.push(help.into());
        self
    }
}

/// Why a command could not do its work. It exits with 2.
#[derive(Debug)]
pub enum Error {
    /// The words of the call, or what it names, do not fit.
    Usage(String),
    /// A file could not be read or written.
    Io {
        /// What was tried, such as `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The specs are wrong, so nothing was rendered; the problems were reported.
    Invalid,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(message) => f.write_str(message),
            Error::Io { action, path, source } => {
                write!(f, "cannot {action} {}: {source}", path.display())
            }
            Error::Invalid => f.write_str("nothing was rendered"),
        }
    }
}

impl std::error::Error for Error {}
