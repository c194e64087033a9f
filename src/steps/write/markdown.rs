//! A page, or a comment for a pull request.

use std::io::{self, Write};

use super::super::{Action, Stage, Steps};

pub(super) fn write(all: &[Steps], out: &mut dyn Write) -> io::Result<()> {
    for (index, steps) in all.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        writeln!(out, "## {}: {}", steps.spec, steps.summary())?;
        for refusal in &steps.refusals {
            let code = refusal.code.map(|code| format!("{code} ")).unwrap_or_default();
            writeln!(out, "\n**{code}{}**\n", escaped(&refusal.reason))?;
            for (number, step) in refusal.instead.iter().enumerate() {
                writeln!(out, "{}. {}", number + 1, escaped(step))?;
            }
        }
        if !steps.stages.is_empty() {
            writeln!(out, "\n| | stage | what | writes |\n|---|---|---|---|")?;
        }
        for (number, stage) in (1..).zip(&steps.stages) {
            let (name, title) = (stage.name, escaped(&stage.title));
            writeln!(out, "| {number} | {name} | {title} | {} |", stage.writes.summary())?;
        }
        for (number, stage) in (1..).zip(&steps.stages) {
            one(steps, number, stage, out)?;
        }
    }
    Ok(())
}

fn one(steps: &Steps, number: usize, stage: &Stage, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n### {number}. {}: {}", stage.name, escaped(&stage.title))?;
    writeln!(out, "\n{}", escaped(&stage.lines_intro(number, &steps.spec)))?;
    if !stage.lines.is_empty() {
        let lines = stage.lines.iter().map(|line| format!("{} {}\n", line.kind.sign(), line.text));
        writeln!(out, "\n```diff\n{}```", lines.collect::<String>())?;
    }
    actions("Before", &stage.before, out)?;
    actions("Apply", &stage.apply, out)?;
    writeln!(out, "\n#### What happens\n")?;
    for sentence in &stage.happens {
        writeln!(out, "* {}", escaped(sentence))?;
    }
    writeln!(out, "* {}", escaped(stage.writes.meaning()))?;
    actions("Wait for", &stage.wait, out)?;
    writeln!(out, "\n#### If it fails\n")?;
    for sentence in &stage.trouble {
        writeln!(out, "* {}", escaped(sentence))?;
    }
    writeln!(out, "\n#### The way back\n\n{}", escaped(&stage.back))
}

fn actions(title: &str, actions: &[Action], out: &mut dyn Write) -> io::Result<()> {
    if !actions.is_empty() {
        writeln!(out, "\n#### {title}")?;
    }
    for action in actions {
        if !action.what.is_empty() {
            writeln!(out, "\n{}", escaped(&action.what))?;
        }
        if let Some(command) = &action.command {
            writeln!(out, "\n```sh\n{command}\n```")?;
        }
    }
    Ok(())
}

/// Text in which nothing but what stands in backticks has a style.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    let mut quoted = false;
    for char in text.chars() {
        quoted ^= char == '`';
        match char {
            '<' if !quoted => escaped.push_str("&lt;"),
            '*' | '_' | '[' | ']' if !quoted => escaped.extend(['\\', char]),
            '|' => escaped.push_str("\\|"),
            _ => escaped.push(char),
        }
    }
    escaped
}
