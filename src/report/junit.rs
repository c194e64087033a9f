//! JUnit XML, which most CI systems show as test results.
//!
//! There is no standard, so this keeps to what the XSD of Jenkins allows and others read: a suite for
//! each file, a test case for each problem. Errors are failures, warnings are passed cases with an
//! output, and a file without problems is one passed case. The whole problem stands in the text of a
//! failure, because GitLab shows nothing else of it.

use std::io::{self, Write};

use super::{File, Finding, Report, one_line, text, visible};
use crate::error::Severity;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let tests = report.files.iter().map(tests).sum::<usize>();
    let failures = report.count(Severity::Error);
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        out,
        r#"<testsuites name="redis-cluster-gen" tests="{tests}" failures="{failures}" errors="0">"#
    )?;
    for file in &report.files {
        suite(report, file, out)?;
    }
    writeln!(out, "</testsuites>")
}

fn tests(file: &File<'_>) -> usize {
    file.findings.len().max(1)
}

fn suite(report: &Report<'_>, file: &File<'_>, out: &mut dyn Write) -> io::Result<()> {
    let path = escape(&one_line(&file.path));
    let tests = tests(file);
    let errors = file.findings.iter().filter(|finding| finding.is_error());
    let failures = errors.count();
    writeln!(
        out,
        r#"  <testsuite name="{path}" tests="{tests}" failures="{failures}" errors="0" skipped="0">"#
    )?;
    if file.findings.is_empty() {
        writeln!(out, r#"    <testcase classname="{path}" name="no problems"/>"#)?;
    }
    for finding in &file.findings {
        let name = escape(&name(report, finding));
        writeln!(out, r#"    <testcase classname="{path}" name="{name}">"#)?;
        let problem = finding.problem;
        let body = escape(&visible(&text::problem(finding)));
        if finding.is_error() {
            let (code, message) = (escape(problem.code), escape(&one_line(&problem.message)));
            writeln!(out, r#"      <failure type="{code}" message="{message}">{body}</failure>"#)?;
        } else {
            writeln!(out, "      <system-out>{body}</system-out>")?;
        }
        writeln!(out, "    </testcase>")?;
    }
    writeln!(out, "  </testsuite>")
}

/// Such as `RCG201 too few shards at 6:11`: a name must be unique, and readers list nothing else.
fn name(report: &Report<'_>, finding: &Finding<'_>) -> String {
    let (code, start) = (finding.problem.code, finding.at.start);
    let title = (report.title)(code).map(|title| format!(" {title}")).unwrap_or_default();
    format!("{code}{title} at {}:{}", start.line, start.column)
}

/// For text and attributes. The text is visible already, so it has no character that XML forbids.
fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;")
}
