//! GitLab's Code Quality report.
//!
//! Form: <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>. GitLab takes
//! a finding for the same as before when its fingerprint is, so no line number goes into that.

use std::io::{self, Write};

use serde::Serialize;

use super::{Report, visible};
use crate::error::Severity;

#[derive(Serialize)]
struct Entry<'a> {
    description: String,
    check_name: &'a str,
    fingerprint: &'a str,
    severity: &'static str,
    location: Location<'a>,
}

#[derive(Serialize)]
struct Location<'a> {
    path: &'a str,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: usize,
    end: usize,
}

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let entries: Vec<_> = report
        .findings()
        .map(|(file, finding)| Entry {
            description: visible(&finding.message_with_advice()),
            check_name: finding.problem.code,
            fingerprint: &finding.fingerprint,
            severity: match finding.problem.severity {
                Severity::Error => "major",
                Severity::Warning => "minor",
            },
            location: Location {
                path: &file.path,
                lines: Lines { begin: finding.at.start.line, end: finding.at.end.line },
            },
        })
        .collect();
    serde_json::to_writer_pretty(&mut *out, &entries)?;
    writeln!(out)
}
