//! How much a change does to a running cluster.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// What a change does, from nothing to the worst.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Nothing: the same in other words.
    None,
    /// It takes effect in place; pods keep running.
    Live,
    /// It is stored, and takes effect when a pod restarts for another reason.
    Pending,
    /// Pods restart, one after the other.
    Restart,
    /// It needs a step that no manifest can express.
    Manual,
    /// The API server refuses it, so nothing of the object changes.
    Rejected,
    /// Applied as it is, it can lose data or split the cluster.
    DataRisk,
}

impl Class {
    /// All classes, the worst first.
    pub const WORST_FIRST: [Class; 7] = [
        Class::DataRisk,
        Class::Rejected,
        Class::Manual,
        Class::Restart,
        Class::Pending,
        Class::Live,
        Class::None,
    ];

    /// The name on the command line and in all formats.
    pub fn name(self) -> &'static str {
        match self {
            Class::None => "none",
            Class::Live => "live",
            Class::Pending => "pending",
            Class::Restart => "restart",
            Class::Manual => "manual",
            Class::Rejected => "rejected",
            Class::DataRisk => "data-risk",
        }
    }

    /// What it means, in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Class::None => "the same in other words",
            Class::Live => "takes effect in place; pods keep running",
            Class::Pending => "takes effect when a pod restarts for another reason",
            Class::Restart => "pods restart, one after the other",
            Class::Manual => "needs a step that no manifest can express",
            Class::Rejected => "the API server refuses it",
            Class::DataRisk => "can lose data or split the cluster",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
