//! Workflow commands, which GitHub Actions turns into annotations of a pull request.
//!
//! Form and escapes: <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>
//! and `packages/core/src/command.ts` of actions/toolkit.

use std::io::{self, Write};

use super::{Report, visible};

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for (file, finding) in report.findings() {
        let (start, end) = (finding.at.start, finding.at.end);
        let problem = finding.problem;
        write!(out, "::{} file={}", problem.severity, property(&file.path))?;
        write!(out, ",line={},endLine={}", start.line, end.line)?;
        if start.line == end.line {
            // GitHub refuses columns of a range over several lines.
            write!(out, ",col={},endColumn={}", start.column, end.column)?;
        }
        let message = data(&visible(&finding.message_with_advice()));
        writeln!(out, ",title={}::{message}", property(problem.code))?;
    }
    Ok(())
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
