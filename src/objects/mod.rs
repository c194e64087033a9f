//! The Kubernetes objects of a cluster, one file for each kind.

use crate::{document::Document, plan::Plan};

/// Everything that is rendered for a cluster, in the order in which Helm installs kinds, then by namespace and name.
pub fn build(plan: &Plan) -> Vec<Document> {
    let _ = plan;
    Vec::new()
}
