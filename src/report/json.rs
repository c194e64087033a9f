//! One JSON object for programs. `schemas/report.v1.schema.json` is made from the types here.
//!
//! A later version 1 may add fields; what a field means does not change without a new version.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::{Report, path, position::Region};
use crate::error::Severity;

/// What was found in a run of redis-cluster-gen over one or more spec files.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    /// The version of this format.
    #[schemars(extend("const" = 1))]
    version: u8,
    /// Totals.
    summary: Summary,
    /// In the order in which the files were given, then of position.
    problems: Vec<Entry<'a>>,
}

/// Totals.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Summary {
    /// Files that were checked.
    files: usize,
    /// Problems that keep a spec from being rendered.
    errors: usize,
    /// Problems that do not.
    warnings: usize,
}

/// One mistake.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    /// The rule, such as `RCG201`.
    code: &'a str,
    /// How bad it is.
    severity: Level,
    /// One sentence that says what is wrong.
    message: &'a str,
    /// Where.
    #[serde(flatten)]
    location: Location,
    /// A few words on the place; may be empty.
    label: &'a str,
    /// Other places that the message is about.
    related: Vec<Related<'a>>,
    /// Why it is so.
    notes: &'a [String],
    /// What to write instead.
    help: &'a [String],
}

/// How bad a problem is.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Level {
    /// Nothing can be rendered from the spec.
    Error,
    /// The spec works, but probably not as meant.
    Warning,
}

/// Another place that a message is about.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Related<'a> {
    /// What it has to do with the problem.
    label: &'a str,
    /// Where.
    #[serde(flatten)]
    location: Location,
}

/// A range in a file; ends are exclusive, and a point has its end where it begins.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Location {
    /// The path as it was given, with forward slashes, or `<stdin>`.
    file: String,
    /// From 1.
    #[schemars(range(min = 1))]
    line: usize,
    /// In characters, from 1; a byte order mark does not count.
    #[schemars(range(min = 1))]
    column: usize,
    /// The line of the end.
    #[schemars(range(min = 1))]
    end_line: usize,
    /// The column of the end.
    #[schemars(range(min = 1))]
    end_column: usize,
    /// Bytes from the start of the file, from 0.
    byte_start: usize,
    /// Bytes from the start of the file to the end of the range.
    byte_end: usize,
}

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &document(report))?;
    writeln!(out)
}

/// The JSON Schema of this format.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Document<'static>);
    schema.insert("title".into(), "Report of redis-cluster-gen".into());
    schema.to_value()
}

fn document<'a>(report: &'a Report<'_>) -> Document<'a> {
    Document {
        version: 1,
        summary: Summary {
            files: report.files.len(),
            errors: report.count(Severity::Error),
            warnings: report.count(Severity::Warning),
        },
        problems: report
            .findings()
            .map(|(_, finding)| Entry {
                code: finding.problem.code,
                severity: match finding.problem.severity {
                    Severity::Error => Level::Error,
                    Severity::Warning => Level::Warning,
                },
                message: &finding.problem.message,
                location: location(&finding.at),
                label: &finding.problem.label,
                related: finding
                    .related
                    .iter()
                    .map(|(region, label)| Related { label, location: location(region) })
                    .collect(),
                notes: &finding.problem.notes,
                help: &finding.problem.help,
            })
            .collect(),
    }
}

fn location(region: &Region<'_>) -> Location {
    Location {
        file: path(&region.source.name),
        line: region.start.line,
        column: region.start.column,
        end_line: region.end.line,
        end_column: region.end.column,
        byte_start: region.bytes.start,
        byte_end: region.bytes.end,
    }
}
