//! For people, in the form of `terraform plan`: what stays is left out, what a change does stands beside it.

use std::io::{self, Write};

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::{Action, Class, Group, Line, Report, classes, inline, next_steps, plural};
use crate::yaml;

const RESET: &str = "\x1b[0m";

/// How many lines of a text of several lines are shown.
const MOST_LINES: usize = 12;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let groups = report.groups();
    if groups.is_empty() {
        return Ok(());
    }
    let paint = Paint { color: report.color };
    body(&groups, paint, out)?;
    writeln!(out, "Plan: {}.", report.plan())?;
    for (class, count, rules, pods) in classes(&groups) {
        let names: Vec<_> =
            rules.iter().map(|rule| format!("{} ({})", rule.name, rule.code)).collect();
        let pods = if pods == 0 { String::new() } else { format!(", {}", plural(pods, "pod")) };
        writeln!(
            out,
            "  {}  {}{pods}: {}",
            paint.class(class, &format!("{class:<9}")),
            plural(count, "change"),
            names.join(", ")
        )?;
    }
    let steps = next_steps(&groups);
    if !steps.is_empty() {
        writeln!(out, "\nNext:")?;
    }
    for (rule, step) in &steps {
        writeln!(out, "  {} {step}", rule.code)?;
    }
    if let Some((rule, _)) = steps.first() {
        writeln!(out, "  `redis-cluster-gen explain {}` tells more.", rule.code)?;
    }
    Ok(())
}

/// The changes, a paragraph for each group.
pub(super) fn body(groups: &[Group<'_>], paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    for group in groups {
        let symbol = paint.symbol(group.action());
        let whole = group.lines.iter().find(|line| line.change.path.is_root());
        let effect = whole.map(|line| format!("  {}", effect(line, paint))).unwrap_or_default();
        writeln!(out, "{symbol} {}{effect}", group.title())?;
        for line in group.lines.iter().filter(|line| !line.change.path.is_root()) {
            change(line, paint, out)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn effect(line: &Line<'_>, paint: Paint) -> String {
    let class = line.change.class();
    let spec = line.spec().map(|spec| format!(" [{spec}]")).unwrap_or_default();
    let text = format!("# {class} {}: {}{spec}", line.change.rule.code, line.change.effect);
    paint.class(class, &text)
}

fn change(line: &Line<'_>, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let symbol = paint.symbol(line.action());
    let (path, effect) = (&line.path, effect(line, paint));
    match (&line.old, &line.new) {
        (Some(Value::String(old)), Some(Value::String(new)))
            if old.contains('\n') || new.contains('\n') =>
        {
            writeln!(out, "    {symbol} {path}:  {effect}")?;
            lines(old, new, paint, out)
        }
        (Some(old), Some(new)) => match (inline(old), inline(new)) {
            (Some(old), Some(new)) if old != new => {
                writeln!(out, "    {symbol} {path}: {old} -> {new}  {effect}")
            }
            _ => {
                writeln!(out, "    {symbol} {path}:  {effect}")?;
                lines(&block(old), &block(new), paint, out)
            }
        },
        (None, Some(value)) | (Some(value), None) => match inline(value) {
            Some(text) if !value.is_object() && !value.is_array() => {
                writeln!(out, "    {symbol} {path}: {text}  {effect}")
            }
            _ => {
                writeln!(out, "    {symbol} {path}:  {effect}")?;
                let text = block(value);
                match line.new {
                    Some(_) => lines("", &text, paint, out),
                    None => lines(&text, "", paint, out),
                }
            }
        },
        (None, None) => writeln!(out, "    {symbol} {path}  {effect}"),
    }
}

/// A value as YAML; a text as it is.
fn block(value: &Value) -> String {
    if let Value::String(text) = value {
        return text.clone();
    }
    let mut text = String::new();
    yaml::write(value, &mut text);
    text
}

/// The lines that come and go, up to a number of them.
fn lines(old: &str, new: &str, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let diff = TextDiff::from_lines(old, new);
    let changed: Vec<_> =
        diff.iter_all_changes().filter(|change| change.tag() != ChangeTag::Equal).collect();
    for change in changed.iter().take(MOST_LINES) {
        let action = if change.tag() == ChangeTag::Insert { Action::Add } else { Action::Remove };
        let symbol = paint.symbol(action);
        writeln!(
            out,
            "        {symbol} {}",
            visible(change.value().trim_end_matches(['\n', '\r']))
        )?;
    }
    if let more @ 1.. = changed.len().saturating_sub(MOST_LINES) {
        writeln!(out, "          … {}; `-o unified` shows all", plural(more, "more line"))?;
    }
    Ok(())
}

/// Control characters, which a terminal would obey, as pictures.
fn visible(text: &str) -> String {
    let picture = |char: char| match char {
        '\t' => '\t',
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(char)).unwrap_or('\u{fffd}'),
        '\u{7f}'..='\u{9f}' => '\u{fffd}',
        _ => char,
    };
    text.chars().map(picture).collect()
}

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    pub(super) color: bool,
}

impl Paint {
    fn symbol(self, action: Action) -> String {
        let (symbol, color) = match action {
            Action::Add => ("+", "\x1b[32m"),
            Action::Change => ("~", "\x1b[33m"),
            Action::Remove => ("-", "\x1b[31m"),
        };
        self.with(color, symbol)
    }

    fn class(self, class: Class, text: &str) -> String {
        self.with(
            match class {
                Class::DataRisk | Class::Rejected => "\x1b[1;31m",
                Class::Manual => "\x1b[1;33m",
                Class::Restart | Class::Pending => "\x1b[33m",
                Class::Live | Class::None => "\x1b[2m",
            },
            text,
        )
    }

    fn with(self, color: &str, text: &str) -> String {
        if self.color { format!("{color}{text}{RESET}") } else { text.to_owned() }
    }
}
