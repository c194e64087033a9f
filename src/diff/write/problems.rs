//! Changes in the formats that problems of a spec have, at the line of the spec that they come from.

use std::{
    io::{self, Write},
    sync::Arc,
};

use super::{Action, Class, Group, Line, Report, inline};
use crate::{
    diff::rules,
    error::{Place, Problem, Severity, Source},
    report,
};

pub(super) fn write(
    report: &Report<'_>,
    format: report::Format,
    out: &mut dyn Write,
) -> io::Result<()> {
    let groups = report.groups();
    let problems: Vec<_> = groups
        .iter()
        .flat_map(|group| group.lines.iter().map(|line| problem(report, group, line)))
        .collect();
    let problems = report::Report::new(report.specs, &problems).titles(rules::title);
    if format != report::Format::Junit {
        return problems.write(format, false, out);
    }
    // This one shows the lines of the spec, which may hold anything.
    let mut text = Vec::new();
    problems.write(format, false, &mut text)?;
    out.write_all(report.comparison.secrets().hide(&String::from_utf8_lossy(&text)).as_bytes())
}

fn problem(report: &Report<'_>, group: &Group<'_>, line: &Line<'_>) -> Problem {
    let rule = line.change.rule;
    let severity = match rule.class {
        Class::DataRisk | Class::Rejected => Severity::Error,
        _ => Severity::Warning,
    };
    let message =
        format!("{}: {}{}: {}", rule.class, group.title(), what(group, line), line.change.effect);
    let mut problem = Problem::error(rule.code, place(report, group, line), message);
    problem.severity = severity;
    problem.notes.push(rule.title.to_owned());
    if !rule.next.is_empty() {
        problem.help.push(group.next(rule));
    }
    problem
}

/// ` spec.replicas 3 -> 2`
fn what(group: &Group<'_>, line: &Line<'_>) -> String {
    if line.change.path.is_root() {
        let verb = if group.action() == Action::Add { "added" } else { "removed" };
        return format!(" {verb}");
    }
    let value = |value: &Option<serde_json::Value>| value.as_ref().and_then(inline);
    match (value(&line.old), value(&line.new)) {
        (Some(old), Some(new)) => format!(" {} {old} -> {new}", line.path),
        (None, Some(new)) if line.old.is_none() => format!(" {} {new} added", line.path),
        (Some(old), None) if line.new.is_none() => format!(" {} {old} removed", line.path),
        _ => format!(" {}", line.path),
    }
}

/// The line of the spec, else where the object stood, else the spec.
fn place(report: &Report<'_>, group: &Group<'_>, line: &Line<'_>) -> Place {
    let object = group.objects[0];
    let of = |object: &Option<crate::diff::Object>| {
        object.as_ref().and_then(|object| object.place.clone())
    };
    line.change.spec.clone().or_else(|| of(&object.new)).or_else(|| of(&object.old)).unwrap_or_else(
        || {
            let source = report.specs.first().cloned().unwrap_or_else(|| {
                Arc::new(Source { name: "<stdin>".to_owned(), text: String::new() })
            });
            Place { source, span: 0..0 }
        },
    )
}
