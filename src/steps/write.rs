//! Steps for people and machines: each format is a module.

mod graph;
mod json;
mod markdown;
mod text;

use std::io::{self, Write};

use super::{Stage, Steps, Writes};
use crate::picture;

pub use json::schema;

/// How steps are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people at a terminal.
    #[default]
    Text,
    /// A page, or a comment for a pull request.
    Markdown,
    /// One JSON object; `schemas/plan.v1.schema.json` describes it.
    Json,
    /// The pods before and after each stage, as a Mermaid flowchart.
    Graph,
    /// The same as an SVG, for a browser.
    Svg,
}

/// Writes the steps of one spec, or of several.
///
/// # Errors
/// When `out` does not take it.
pub fn write(all: &[Steps], format: Format, color: bool, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => text::write(all, color, out),
        Format::Markdown => markdown::write(all, out),
        Format::Json => json::write(all, out),
        Format::Graph => graph::write(all, picture::Format::Mermaid, out),
        Format::Svg => graph::write(all, picture::Format::Svg, out),
    }
}

impl Steps {
    /// The worst that any stage does to writes.
    fn writes(&self) -> Writes {
        self.stages.iter().map(|stage| stage.writes).max().unwrap_or(Writes::Continue)
    }

    /// `orders: 2 stages, no outage`
    fn summary(&self) -> String {
        match (&self.refusals[..], &self.stages[..]) {
            ([_, ..], _) => "no way to change the cluster that runs".to_owned(),
            (_, []) => "nothing to do".to_owned(),
            (_, [_]) => format!("1 stage, {}", self.writes().summary()),
            (_, stages) => format!("{} stages, {}", stages.len(), self.writes().summary()),
        }
    }
}

impl Stage {
    /// What the lines of the spec are compared with.
    fn lines_intro(&self, number: usize, spec: &str) -> String {
        match (self.lines.is_empty(), number) {
            (true, 1) => format!("{spec} as it is."),
            (true, _) => "As in the stage before.".to_owned(),
            (false, 1) => format!("{spec} with these lines changed for now:"),
            (false, _) => "Against the stage before:".to_owned(),
        }
    }
}
