//! SARIF 2.1.0, for code scanning on GitHub and others.
//!
//! Form: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>. Only what has something
//! to say is written; an empty `snippet` alone makes GitLab refuse a file.

use std::io::{self, Write};

use serde::Serialize;

use super::{Report, path, position, visible};
use crate::error::Severity;

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    column_kind: &'static str,
    artifacts: Vec<Artifact>,
    results: Vec<Result<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule<'a> {
    id: &'a str,
    short_description: Text,
    help: Text,
}

#[derive(Serialize)]
struct Artifact {
    location: ArtifactLocation,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Result<'a> {
    rule_id: &'a str,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: [Location; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
    partial_fingerprints: Fingerprints<'a>,
}

#[derive(Serialize)]
struct Fingerprints<'a> {
    #[serde(rename = "problem/v1")]
    problem: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &log(report))?;
    writeln!(out)
}

fn log<'a>(report: &'a Report<'_>) -> Log<'a> {
    let mut codes: Vec<&str> = report.findings().map(|(_, finding)| finding.problem.code).collect();
    codes.sort_unstable();
    codes.dedup();
    Log {
        schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "redis-cluster-gen",
                    semantic_version: env!("CARGO_PKG_VERSION"),
                    rules: codes.iter().map(|code| rule(report, code)).collect(),
                },
            },
            column_kind: "unicodeCodePoints",
            artifacts: report
                .files
                .iter()
                .map(|file| Artifact { location: artifact(&file.path) })
                .collect(),
            results: results(report, &codes),
        }],
    }
}

fn rule<'a>(report: &Report<'_>, code: &'a str) -> Rule<'a> {
    Rule {
        id: code,
        short_description: text((report.title)(code).unwrap_or(code)),
        help: text(&format!("Run `redis-cluster-gen explain {code}`.")),
    }
}

fn results<'a>(report: &'a Report<'_>, codes: &[&str]) -> Vec<Result<'a>> {
    let result = |finding: &'a super::Finding<'_>| Result {
        rule_id: finding.problem.code,
        rule_index: codes.partition_point(|code| *code < finding.problem.code),
        level: match finding.problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        message: text(&finding.message_with_advice()),
        locations: [location(&finding.at, &finding.problem.label)],
        related_locations: finding
            .related
            .iter()
            .map(|(region, label)| location(region, label))
            .collect(),
        partial_fingerprints: Fingerprints { problem: &finding.fingerprint },
    };
    report.findings().map(|(_, finding)| result(finding)).collect()
}

fn location(region: &position::Region<'_>, label: &str) -> Location {
    Location {
        physical_location: PhysicalLocation {
            artifact_location: artifact(&path(&region.source.name)),
            region: Region {
                start_line: region.start.line,
                start_column: region.start.column,
                end_line: region.end.line,
                end_column: region.end.column,
            },
        },
        message: (!label.is_empty()).then(|| text(label)),
    }
}

fn text(text: &str) -> Text {
    Text { text: visible(text) }
}

/// The path as a URI reference (RFC 3986): relative paths stay so, for the reader's checkout.
fn artifact(path: &str) -> ArtifactLocation {
    let mut uri = String::new();
    if std::path::Path::new(path).is_absolute() {
        uri.push_str(if path.starts_with('/') { "file://" } else { "file:///" });
    }
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    ArtifactLocation { uri }
}
