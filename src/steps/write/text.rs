//! For people at a terminal.

use std::io::{self, Write};

use super::super::{Action, LineKind, Stage, Steps, Writes};

/// Lines of prose are broken here; commands never are.
const WIDTH: usize = 100;

/// Where a reader who never saw a Redis Cluster finds what is meant.
const WORDS: &str = "`redis-cluster-gen explain CODE` says more of a rule. What a slot, a shard, a handover and the other words mean: docs/plan.md.";

/// How many rules of a stage are named; the others have their code alone.
const NAMED_RULES: usize = 6;

pub(super) fn write(all: &[Steps], color: bool, out: &mut dyn Write) -> io::Result<()> {
    for (index, steps) in all.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{}: {}.", steps.spec, steps.summary())?;
        for refusal in &steps.refusals {
            let code = refusal.code.map(|code| format!("{code} ")).unwrap_or_default();
            writeln!(out)?;
            prose(&format!("{code}{}", refusal.reason), "  ", out)?;
            for (number, step) in refusal.instead.iter().enumerate() {
                item(&format!("{}. ", number + 1), step, "    ", out)?;
            }
        }
        let overview = steps.stages.len() > 1;
        for (number, stage) in (1..).zip(steps.stages.iter().filter(|_| overview)) {
            writeln!(out, "  {number}. {}: {}", stage.title, stage.writes.summary())?;
        }
        for (number, stage) in (1..).zip(&steps.stages) {
            writeln!(out)?;
            one(steps, number, stage, Paint { color }, out)?;
        }
        if !steps.stages.is_empty() {
            writeln!(out)?;
            prose(WORDS, "", out)?;
        }
    }
    Ok(())
}

fn one(
    steps: &Steps,
    number: usize,
    stage: &Stage,
    paint: Paint,
    out: &mut dyn Write,
) -> io::Result<()> {
    let title =
        format!("Stage {number} of {}, {}: {}", steps.stages.len(), stage.name, stage.title);
    writeln!(out, "{}", paint.bold(&title))?;
    heading("The spec", paint, out)?;
    prose(&stage.lines_intro(number, &steps.spec), "    ", out)?;
    for line in &stage.lines {
        let color = match line.kind {
            LineKind::Stays => "",
            LineKind::Comes => "\x1b[32m",
            LineKind::Goes => "\x1b[31m",
        };
        writeln!(
            out,
            "      {}",
            paint.with(color, &format!("{} {}", line.kind.sign(), line.text))
        )?;
    }
    actions("Before", &stage.before, paint, out)?;
    actions("Apply", &stage.apply, paint, out)?;
    heading("What happens", paint, out)?;
    for sentence in &stage.happens {
        prose(sentence, "    ", out)?;
    }
    if !stage.rules.is_empty() {
        let rules: Vec<_> = (0..)
            .zip(&stage.rules)
            .map(|(index, rule)| match index {
                0..NAMED_RULES => format!("{} {}", rule.code, rule.name),
                _ => rule.code.to_owned(),
            })
            .collect();
        prose(&format!("Rules: {}.", rules.join(", ")), "    ", out)?;
    }
    heading("Writes", paint, out)?;
    let color = if stage.writes == Writes::Outage { "\x1b[1;31m" } else { "" };
    let mut text = Vec::new();
    prose(stage.writes.meaning(), "    ", &mut text)?;
    write!(out, "{}", paint.with(color, &String::from_utf8_lossy(&text)))?;
    actions("Wait for", &stage.wait, paint, out)?;
    heading("If it fails", paint, out)?;
    for sentence in &stage.trouble {
        prose(sentence, "    ", out)?;
    }
    heading("The way back", paint, out)?;
    prose(&stage.back, "    ", out)
}

fn heading(text: &str, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "  {}", paint.bold(text))
}

fn actions(title: &str, actions: &[Action], paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    if actions.is_empty() {
        return Ok(());
    }
    heading(title, paint, out)?;
    for action in actions {
        if !action.what.is_empty() {
            item("* ", &action.what, "    ", out)?;
        }
        if let Some(command) = &action.command {
            writeln!(out, "      $ {}", paint.with("\x1b[36m", command))?;
        }
    }
    Ok(())
}

/// Prose behind a bullet.
fn item(bullet: &str, text: &str, indent: &str, out: &mut dyn Write) -> io::Result<()> {
    let hanging = format!("{indent}{}", " ".repeat(bullet.len()));
    let mut lines = broken(text, WIDTH - hanging.len()).into_iter();
    if let Some(first) = lines.next() {
        writeln!(out, "{indent}{bullet}{first}")?;
    }
    for line in lines {
        writeln!(out, "{hanging}{line}")?;
    }
    Ok(())
}

fn prose(text: &str, indent: &str, out: &mut dyn Write) -> io::Result<()> {
    for line in broken(text, WIDTH - indent.len()) {
        writeln!(out, "{indent}{line}")?;
    }
    Ok(())
}

/// Lines no longer than a width, broken at blanks; what stands in backticks stays on one line.
fn broken(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut word = String::new();
    let mut quoted = false;
    for char in text.chars().chain([' ']) {
        quoted ^= char == '`';
        if char != ' ' || quoted {
            word.push(char);
            continue;
        }
        let Some(line) = lines.last_mut() else { break };
        let longer = line.chars().count() + 1 + word.chars().count();
        if line.is_empty() {
            line.push_str(&word);
        } else if longer <= width {
            line.push(' ');
            line.push_str(&word);
        } else {
            lines.push(word.clone());
        }
        word.clear();
    }
    lines
}

/// Colours, or none.
#[derive(Clone, Copy)]
struct Paint {
    color: bool,
}

impl Paint {
    fn bold(self, text: &str) -> String {
        self.with("\x1b[1m", text)
    }

    fn with(self, color: &str, text: &str) -> String {
        if self.color && !color.is_empty() {
            format!("{color}{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::broken;

    #[test]
    fn commands_in_a_sentence_stay_whole() {
        let text = "look at `kubectl get pods -o wide` and wait";
        assert_eq!(broken(text, 12), ["look at", "`kubectl get pods -o wide`", "and wait"]);
    }
}
