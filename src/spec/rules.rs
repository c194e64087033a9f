//! Everything that can be wrong with a spec: a table of rules, each with its code, its name, its story and its check.
//!
//! A rule's name is also the name of its fixture `tests/reject/NAME.yaml` and of its part of `docs/rules.md`. Codes are never given
//! twice: what leaves the table leaves a gap.

mod lifecycle;
mod structure;
mod topology;

use super::{
    Options,
    directives::Version,
    types::{RedisCluster, Spec},
    written::Written,
};
use crate::error::{Problem, Severity};

pub(super) use structure::{
    ANOTHER_FORMAT, MISSING_FIELD, NOT_ONE_OF, OUT_OF_BOUNDS, UNKNOWN_FIELD, WRONG_TYPE,
};

/// What can be wrong with a spec.
pub struct Rule {
    /// What reports show, such as `RCG211`.
    pub code: &'static str,
    /// What people call it, such as `shards-below-three`.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one sentence without a final full stop.
    pub title: &'static str,
    /// Why it is so, and what to write instead: paragraphs of Markdown.
    pub story: &'static str,
    /// What finds it; `None` for what the reader of YAML or the schema finds.
    check: Option<Check>,
}

type Check = fn(&Facts<'_>, &mut Vec<Finding>);

/// All rules, in the order of their codes.
pub const RULES: &[Rule] = &[
    structure::ANOTHER_FORMAT,
    structure::UNKNOWN_FIELD,
    structure::MISSING_FIELD,
    structure::WRONG_TYPE,
    structure::NOT_ONE_OF,
    structure::OUT_OF_BOUNDS,
    topology::TOO_FEW_SHARDS,
    lifecycle::TIMING_OUT_OF_BOUNDS,
    lifecycle::LIVENESS_TOO_STRICT,
    lifecycle::PROBE_TIMEOUT_BEYOND_PERIOD,
    lifecycle::STARTUP_TOO_SHORT,
    lifecycle::GRACE_PERIOD_TOO_SHORT,
    lifecycle::MIN_READY_TOO_SHORT,
    lifecycle::BUDGET_BLOCKS_DRAINS,
    lifecycle::BUDGET_TAKES_MAJORITY,
    lifecycle::BUDGET_TAKES_SHARD,
    lifecycle::SAFEGUARD_OFF,
];

/// The rule with a code or a name.
pub fn find(code: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.code.eq_ignore_ascii_case(code) || rule.name == code)
}

/// What a code stands for.
pub fn title(code: &str) -> Option<&'static str> {
    find(code).map(|rule| rule.title)
}

/// What rules judge.
pub(super) struct Facts<'a> {
    /// The spec as it was understood.
    cluster: &'a RedisCluster,
    /// `cluster.spec`.
    spec: &'a Spec,
    /// What the command line says.
    options: &'a Options,
    /// The engine's version, where it can be read.
    version: Option<Version>,
    /// The spec as it was written.
    written: &'a Written<'a>,
    /// What is not as it was written.
    repaired: &'a [String],
}

impl<'a> Facts<'a> {
    pub(super) fn new(
        cluster: &'a RedisCluster,
        options: &'a Options,
        written: &'a Written<'a>,
        repaired: &'a [String],
    ) -> Facts<'a> {
        let spec = &cluster.spec;
        Facts {
            cluster,
            spec,
            options,
            version: Version::parse(&spec.engine.version),
            written,
            repaired,
        }
    }

    /// Whether something is written at a pointer.
    fn has(&self, pointer: &str) -> bool {
        self.written.has(pointer)
    }

    /// Whether a value, or part of it, is not as it was written.
    fn is_repaired(&self, pointer: &str) -> bool {
        let within = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.repaired.iter().any(|repaired| within(repaired, pointer) || within(pointer, repaired))
    }
}

/// What a rule found.
pub(super) struct Finding {
    pointer: String,
    at_key: bool,
    message: String,
    label: String,
    related: Vec<(String, String)>,
    needs: Vec<String>,
    notes: Vec<String>,
    help: Vec<String>,
}

impl Finding {
    /// Something wrong with the value at a pointer. The message is one sentence that contains the value, without a final full stop.
    fn at(pointer: impl Into<String>, message: impl Into<String>) -> Finding {
        Finding {
            pointer: pointer.into(),
            at_key: false,
            message: message.into(),
            label: String::new(),
            related: Vec::new(),
            needs: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
        }
    }

    /// Something wrong with the key at a pointer.
    fn at_key(pointer: impl Into<String>, message: impl Into<String>) -> Finding {
        Finding { at_key: true, ..Finding::at(pointer, message) }
    }

    /// A few words below the caret.
    fn label(mut self, label: impl Into<String>) -> Finding {
        self.label = label.into();
        self
    }

    /// A second place that the message is about; shown when it is written.
    fn related(mut self, pointer: impl Into<String>, label: impl Into<String>) -> Finding {
        self.related.push((pointer.into(), label.into()));
        self
    }

    /// Another value that the finding rests on: it is not reported when that one could not be understood.
    fn needs(mut self, pointer: impl Into<String>) -> Finding {
        self.needs.push(pointer.into());
        self
    }

    /// Why it is so.
    fn note(mut self, note: impl Into<String>) -> Finding {
        self.notes.push(note.into());
        self
    }

    /// What to write instead.
    fn help(mut self, help: impl Into<String>) -> Finding {
        self.help.push(help.into());
        self
    }

    fn into_problem(self, rule: &Rule, facts: &Facts<'_>) -> Option<Problem> {
        let Finding { pointer, at_key, message, label, related, needs, notes, help } = self;
        let rests_on = related.iter().map(|(pointer, _)| pointer).chain(&needs);
        if rests_on.chain([&pointer]).any(|pointer| facts.is_repaired(pointer)) {
            return None;
        }
        let written = facts.written;
        let place = if at_key { written.key(&pointer) } else { written.value(&pointer) };
        let related = related
            .into_iter()
            .filter(|(pointer, _)| written.has(pointer))
            .map(|(pointer, label)| (written.value(&pointer), label))
            .collect();
        let Rule { code, severity, .. } = *rule;
        Some(Problem { code, severity, message, place, label, related, notes, help })
    }
}

/// Everything that the rules have to say about a spec.
pub(super) fn check(facts: &Facts<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut findings = Vec::new();
    for rule in RULES {
        let Some(check) = rule.check else { continue };
        check(facts, &mut findings);
        problems.extend(findings.drain(..).filter_map(|finding| finding.into_problem(rule, facts)));
    }
    problems
}
