//! Texts that other tools change on their way to the cluster.

use super::{super::written::append, Facts, Finding, Findings, Rule};
use crate::{
    error::Severity,
    yaml::{Kind, Node},
};

pub(super) const SUBSTITUTED_TEXT: Rule = Rule {
    code: "RCG351",
    name: "substituted-text",
    severity: Severity::Warning,
    title: "a text contains what other tools take for a variable",
    story: "\
Nothing that is rendered by itself contains `${`, `$$` or `{{`, so that it reaches the cluster as it is. In a text of yours, Flux replaces `${NAME}` by a variable of its own, or by nothing, and `$$` by `$`; the kubelet makes `$` of `$$` in commands, arguments and the \
values of environment variables; Helm takes `{{` for a template when the output is put into a chart. In shell scripts `$NAME` without braces is safe. Where such a tool is meant, or none is used, the warning can be ignored.",
    check: Some(substituted_text),
};

fn substituted_text(facts: &Facts<'_>, found: &mut Findings) {
    // Most specs have none of it, which is quick to see.
    if !facts.written.source().contains(['$', '\\']) && !facts.written.source().contains("{{") {
        return;
    }
    walk(facts.written.root(), &mut String::new(), &mut |pointer, text, is_key| {
        let Some(mark) = ["${", "$$", "{{"].into_iter().find(|mark| text.contains(mark)) else {
            return;
        };
        let (who, help) = match mark {
            "${" => (
                "Flux replaces it by a variable of its own",
                "write `$NAME` without braces where a shell reads it",
            ),
            "$$" => ("Flux and the kubelet make `$` of it", "write the text without `$$`"),
            _ => ("Helm takes it for a template", "write the text without `{{`"),
        };
        let what = if is_key { "the key" } else { "the text" };
        found.push(|| {
            let message = format!("{what} contains `{mark}`: {who}");
            let finding = if is_key {
                Finding::at_key(pointer, message)
            } else {
                Finding::at(pointer, message).mark(mark)
            };
            finding.label("not safe from other tools").help(help)
        });
    });
}

pub(super) const TRAILING_BLANKS: Rule = Rule {
    code: "RCG352",
    name: "trailing-blanks",
    severity: Severity::Warning,
    title: "lines of a text end in blanks",
    story: "\
A text of several lines with a blank or tab at the end of one is written by many tools as one long line in double quotes, with `\\n` for each line break: kustomize and `kubectl get -o yaml` do so, and no review of it is possible any more. Nobody sees the blanks, so they are \
hardly ever meant.",
    check: Some(trailing_blanks),
};

fn trailing_blanks(facts: &Facts<'_>, found: &mut Findings) {
    if ![" \n", "\t\n", "\r", "\\"].iter().any(|end| facts.written.source().contains(end)) {
        return;
    }
    walk(facts.written.root(), &mut String::new(), &mut |pointer, text, is_key| {
        if is_key || !text.trim_end_matches('\n').contains('\n') {
            return;
        }
        let blank = |line: &&str| line.ends_with([' ', '\t', '\r']);
        let count = text.lines().filter(blank).count();
        if count > 0 {
            let first = text.lines().find(blank).unwrap_or_default();
            found.push(|| {
                Finding::at(
                    pointer,
                    match count {
                        1 => "1 line of the text ends in a blank".to_owned(),
                        _ => format!("{count} lines of the text end in blanks"),
                    },
                )
                .mark(first)
                .label("a blank at the end")
                .help("remove the blanks at the ends of lines")
            });
        }
    });
}

/// Calls `see` with every text and every key.
fn walk(node: &Node, pointer: &mut String, see: &mut impl FnMut(&str, &str, bool)) {
    let length = pointer.len();
    match &node.kind {
        Kind::String(text) => see(pointer, text, false),
        Kind::List(items) => {
            for (index, item) in items.iter().enumerate() {
                append(pointer, index);
                walk(item, pointer, see);
                pointer.truncate(length);
            }
        }
        Kind::Map(entries) => {
            for entry in entries {
                append(pointer, &entry.key);
                see(pointer, &entry.key, true);
                walk(&entry.value, pointer, see);
                pointer.truncate(length);
            }
        }
        Kind::Null | Kind::Bool(_) | Kind::Number(_) => {}
    }
}
