//! One line for each problem, in the form that editors know from compilers:
//! `file:line:col: error[RCG012]: message; what to write instead`.

use std::io::{self, Write};

use super::{Report, one_line, short};

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for (file, finding) in report.findings() {
        let problem = finding.problem;
        let start = finding.at.start;
        let path = one_line(&file.path);
        write!(out, "{path}:{}:{}: ", start.line, start.column)?;
        write!(out, "{}[{}]: ", problem.severity, problem.code)?;
        write!(out, "{}", one_line(&short(&problem.message)))?;
        for help in &problem.help {
            write!(out, "; {}", one_line(&short(help)))?;
        }
        writeln!(out)?;
    }
    Ok(())
}
