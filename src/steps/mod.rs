//! The way from what is committed to what a spec says: stages, each with what to write, to apply, to wait for, and the way back.
//!
//! In come the text of a spec and the objects that were rendered before; out come [`Steps`]. What a change does is not judged here but in
//! [`crate::diff`]: each stage is a spec that is rendered and compared with the stage before it, and what is told follows from the rules that it meets.

mod edit;
mod facts;
mod stages;
mod words;
pub mod write;

use crate::{diff::Rule, document::Document};

pub use stages::{Output, Request, steps};
pub use words::quoted;

/// The way to a spec.
pub struct Steps {
    /// The spec's file.
    pub spec: String,
    /// The cluster's name.
    pub cluster: String,
    /// The pods before the first stage; none where there are none yet.
    pub before: Option<Shape>,
    /// The stages in their order; empty where nothing differs.
    pub stages: Vec<Stage>,
    /// Why there is no way; then there are no stages.
    pub refusals: Vec<Refusal>,
    /// Whether the spec has pods that are on their way out, which a later spec takes away.
    pub retires: bool,
}

/// One commit, and what belongs to it.
#[derive(Clone)]
pub struct Stage {
    /// A word for folders and tables, such as `retire`.
    pub name: &'static str,
    /// What is done, in a few words.
    pub title: String,
    /// The spec's text in this stage.
    pub spec: String,
    /// The lines that change against the stage before; in the first stage against the spec as it lies there.
    pub lines: Vec<Line>,
    /// What to do before anything is applied.
    pub before: Vec<Action>,
    /// How to apply it.
    pub apply: Vec<Action>,
    /// What happens in the cluster, a sentence or two each.
    pub happens: Vec<String>,
    /// Whether clients can write meanwhile.
    pub writes: Writes,
    /// How to see that the stage is done.
    pub wait: Vec<Action>,
    /// What to do when that does not come about.
    pub trouble: Vec<String>,
    /// The way back.
    pub back: String,
    /// The rules about changes that the stage meets, the worst first.
    pub rules: Vec<&'static Rule>,
    /// What the stage's spec renders to.
    pub documents: Vec<Document>,
    /// The pods when the stage is done.
    pub after: Shape,
}

/// The pods of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// What holds for all pods.
    pub lines: Vec<String>,
    /// One for each StatefulSet.
    pub groups: Vec<Group>,
}

/// The pods of a StatefulSet: a shard, or all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The StatefulSet's name.
    pub name: String,
    /// How many slots they serve when all is done, an even share.
    pub slots: u64,
    /// The pods, and whether each is on its way out.
    pub pods: Vec<(String, bool)>,
}

/// What becomes of a line of a spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// It is there before and after, and says where the next lines are.
    Stays,
    /// It is new.
    Comes,
    /// It is there before alone.
    Goes,
}

impl LineKind {
    fn sign(self) -> char {
        match self {
            LineKind::Stays => ' ',
            LineKind::Comes => '+',
            LineKind::Goes => '-',
        }
    }
}

/// A line of a spec that comes or goes, or is above one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What becomes of it.
    pub kind: LineKind,
    /// The line without its end.
    pub text: String,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What it is for.
    pub what: String,
    /// What to paste into a shell; none where people have to act.
    pub command: Option<String>,
}

impl Action {
    fn run(what: impl Into<String>, command: impl Into<String>) -> Action {
        Action { what: what.into(), command: Some(command.into()) }
    }

    fn by_hand(what: impl Into<String>) -> Action {
        Action { what: what.into(), command: None }
    }
}

/// Whether clients can write during a stage, from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Writes {
    /// All the time.
    Continue,
    /// They wait while a master hands its shard over, shard by shard.
    Handover,
    /// They wait until the only pod of a shard is back, one shard after the other.
    Restart,
    /// The whole cluster is away.
    Outage,
}

impl Writes {
    /// For a heading.
    pub fn summary(self) -> &'static str {
        match self {
            Writes::Continue => "no outage",
            Writes::Handover => "up to 0.5 s for each shard",
            Writes::Restart => "each shard is away while its only pod restarts",
            Writes::Outage => "an outage of about a minute",
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Writes::Continue => "No outage: clients can write all the time.",
            Writes::Handover => {
                "No outage. Writes to a shard wait while its master hands over to a replica: up to 0.5 s on a quiet machine, at least once for each shard, and at most once for each of its pods: the replica that takes over may be the next to go. Clients have to repeat a command that fails in that moment."
            }
            Writes::Restart => {
                "Each shard is away while its only pod restarts, one after the other: there is no replica that could serve meanwhile. It takes as long as the data takes to load."
            }
            Writes::Outage => {
                "An outage: nothing is served from the moment the pods are deleted until all of them are back, about a minute where images are on the nodes and the data loads quickly; the time to load comes on top of that."
            }
        }
    }
}

/// A change that cannot be made to a running cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The rule about changes that says so, if it is one.
    pub code: Option<&'static str>,
    /// What cannot be done, and why.
    pub reason: String,
    /// What to do instead, one after the other.
    pub instead: Vec<String>,
}
