//! One JSON object for programs. `schemas/plan.v1.schema.json` is made from the types here.
//!
//! A later version 1 may add fields; what a field means does not change without a new version.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::super::{Action, LineKind, Refusal, Stage, Steps, Writes};
use crate::diff::Class;

/// The ways from committed manifests to specs.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    /// The version of this format.
    #[schemars(extend("const" = 1))]
    version: u8,
    /// The way to each spec.
    plans: Vec<Plan<'a>>,
}

/// The way to one spec.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Plan<'a> {
    /// The spec's file.
    spec: &'a str,
    /// The cluster's name.
    cluster: &'a str,
    /// The stages in their order; empty where nothing differs.
    stages: Vec<Step<'a>>,
    /// Why there is no way; then there are no stages.
    refusals: Vec<Obstacle<'a>>,
}

/// One commit, and what belongs to it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Step<'a> {
    /// A word for folders and tables.
    name: &'a str,
    /// What is done, in a few words.
    title: &'a str,
    /// The spec's text in this stage.
    spec: &'a str,
    /// The lines of the spec that change against the stage before; in the first stage against the spec as it lies there.
    lines: Vec<Line<'a>>,
    /// What to do before anything is applied.
    before: Vec<Task<'a>>,
    /// How to apply it.
    apply: Vec<Task<'a>>,
    /// What happens in the cluster.
    happens: &'a [String],
    /// Whether clients can write meanwhile.
    writes: Clients,
    /// How to see that the stage is done.
    wait: Vec<Task<'a>>,
    /// What to do when that does not come about.
    trouble: &'a [String],
    /// The way back.
    back: &'a str,
    /// The rules about changes that the stage meets, the worst first.
    rules: Vec<Met>,
}

/// A line of a spec.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    /// Whether it comes; else it goes.
    added: bool,
    /// The line without its end.
    text: &'a str,
}

/// Something to do.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Task<'a> {
    /// What it is for.
    what: &'a str,
    /// What to paste into a shell; left out where people have to act.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a str>,
}

/// Whether clients can write during a stage.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Clients {
    /// All the time.
    Continue,
    /// They wait while a master hands its shard over, shard by shard.
    Handover,
    /// They wait until the only pod of a shard is back, one shard after the other.
    Restart,
    /// The whole cluster is away.
    Outage,
}

/// A rule about changes, such as `diff` tells it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Met {
    /// The rule's code.
    code: &'static str,
    /// The rule's name.
    rule: &'static str,
    /// How much the change does.
    class: Class,
}

/// A change that cannot be made to a running cluster.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Obstacle<'a> {
    /// The rule about changes that says so, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// What cannot be done, and why.
    reason: &'a str,
    /// What to do instead, one after the other.
    instead: &'a [String],
}

/// The JSON Schema of this format.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Document<'_>);
    schema.insert("title".into(), "Plan of redis-cluster-gen".into());
    schema.to_value()
}

pub(super) fn write(all: &[Steps], out: &mut dyn Write) -> io::Result<()> {
    let document = Document { version: 1, plans: all.iter().map(plan).collect() };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn plan(steps: &Steps) -> Plan<'_> {
    Plan {
        spec: &steps.spec,
        cluster: &steps.cluster,
        stages: steps.stages.iter().map(step).collect(),
        refusals: steps.refusals.iter().map(obstacle).collect(),
    }
}

fn step(stage: &Stage) -> Step<'_> {
    Step {
        name: stage.name,
        title: &stage.title,
        spec: &stage.spec,
        lines: stage
            .lines
            .iter()
            .filter(|line| line.kind != LineKind::Stays)
            .map(|line| Line { added: line.kind == LineKind::Comes, text: &line.text })
            .collect(),
        before: tasks(&stage.before),
        apply: tasks(&stage.apply),
        happens: &stage.happens,
        writes: match stage.writes {
            Writes::Continue => Clients::Continue,
            Writes::Handover => Clients::Handover,
            Writes::Restart => Clients::Restart,
            Writes::Outage => Clients::Outage,
        },
        wait: tasks(&stage.wait),
        trouble: &stage.trouble,
        back: &stage.back,
        rules: stage
            .rules
            .iter()
            .map(|rule| Met { code: rule.code, rule: rule.name, class: rule.class })
            .collect(),
    }
}

fn tasks(actions: &[Action]) -> Vec<Task<'_>> {
    actions
        .iter()
        .map(|action| Task { what: &action.what, command: action.command.as_deref() })
        .collect()
}

fn obstacle(refusal: &Refusal) -> Obstacle<'_> {
    Obstacle { code: refusal.code, reason: &refusal.reason, instead: &refusal.instead }
}
