//! The spec file: its types with their defaults, and everything that can be wrong with it.

pub mod commands;
mod decode;
pub mod directives;
mod foreign;
pub mod kube;
mod load;
pub mod quantity;
pub mod rules;
pub mod schema;
mod secrets;
mod structure;
pub mod suggest;
pub mod types;
mod written;

pub use load::load;

use crate::{error::Problem, plan::Plan};

/// What the command line says about every spec.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Overrides `metadata.namespace`.
    pub namespace: Option<String>,
    /// The oldest Kubernetes that the output must work on.
    pub kube_version: KubeVersion,
}

/// A minor version of Kubernetes 1, such as 33 for 1.33.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KubeVersion(pub u32);

impl KubeVersion {
    /// The oldest that is supported.
    pub const OLDEST: KubeVersion = KubeVersion(33);
    /// The newest that was tried.
    pub const NEWEST: KubeVersion = KubeVersion(37);
}

impl Default for KubeVersion {
    fn default() -> Self {
        KubeVersion::OLDEST
    }
}

/// What came of a spec file.
#[derive(Debug)]
pub struct Loaded {
    /// What to render; absent when a problem is an error.
    pub plan: Option<Plan>,
    /// Everything wrong with the spec, in order of position.
    pub problems: Vec<Problem>,
}
