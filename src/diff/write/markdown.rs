//! A comment for a pull request: the verdict first, the details folded away, and never longer than GitHub takes.

use std::io::{self, Write};

use super::{Class, Report, classes, next_steps, plural, text};

/// GitHub takes 65536 characters; the rest is for what workflows put around it.
const LONGEST: usize = 60_000;

/// By which a workflow finds its comment again.
const MARK: &str = "<!-- redis-cluster-gen diff -->";

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let groups = report.groups();
    let class = report.comparison.class();
    writeln!(out, "{MARK}")?;
    if groups.is_empty() {
        return writeln!(out, "### redis-cluster-gen: no changes");
    }
    writeln!(out, "### redis-cluster-gen: {} `{class}`\n", sign(class))?;
    writeln!(out, "{}: {}.\n", report.plan(), class.meaning())?;
    writeln!(out, "| | changes | pods | rules |\n|---|---|---|---|")?;
    for (class, count, rules, pods) in classes(&groups) {
        let rules: Vec<_> =
            rules.iter().map(|rule| format!("{} {}", rule.code, rule.title)).collect();
        let pods = if pods == 0 { String::new() } else { pods.to_string() };
        writeln!(
            out,
            "| {} `{class}` | {count} | {pods} | {} |",
            sign(class),
            cell(&rules.join("; "))
        )?;
    }
    let steps = next_steps(&groups);
    if !steps.is_empty() {
        writeln!(out, "\n**Next**\n")?;
    }
    for (rule, step) in &steps {
        writeln!(out, "* {}: {}", rule.code, escaped(step))?;
    }
    let mut body = Vec::new();
    text::body(&groups, text::Paint { color: false }, &mut body)?;
    let body = String::from_utf8_lossy(&body);
    let (body, cut) = cut(body.trim_end());
    let fence = "`".repeat(longest_run(body, '`').max(2) + 1);
    let all =
        plural(groups.iter().map(|group| group.lines.len() * group.objects.len()).sum(), "change");
    writeln!(out, "\n<details><summary>{all}</summary>\n\n{fence}text\n{body}\n{fence}\n")?;
    if cut {
        writeln!(out, "Too long for a comment: run `redis-cluster-gen diff` to see the rest.\n")?;
    }
    writeln!(out, "</details>")
}

fn sign(class: Class) -> &'static str {
    match class {
        Class::DataRisk | Class::Rejected => "🔴",
        Class::Manual => "🟠",
        Class::Restart | Class::Pending => "🟡",
        Class::Live | Class::None => "🟢",
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// Text in which nothing is a tag, a mention or a style.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for char in text.chars() {
        match char {
            '<' => escaped.push_str("&lt;"),
            '*' | '_' | '[' | ']' => escaped.extend(['\\', char]),
            _ => escaped.push(char),
        }
    }
    escaped
}

/// As many whole lines as fit.
fn cut(text: &str) -> (&str, bool) {
    if text.len() <= LONGEST {
        return (text, false);
    }
    let end = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= LONGEST).last();
    let start = &text[..end.unwrap_or(0)];
    (start.rfind('\n').map_or(start, |newline| &start[..newline]), true)
}

fn longest_run(text: &str, char: char) -> usize {
    text.split(|other| other != char).map(str::len).max().unwrap_or(0)
}
