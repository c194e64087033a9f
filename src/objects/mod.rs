//! The Kubernetes objects of a cluster, one file for each kind.
//!
//! A builder takes the [`Plan`] and returns the object that it is named after, or `None` where the plan has none.

mod config_map;
mod job;
mod network_policy;
pub mod patch;
mod pod;
mod pod_disruption_budget;
mod service;
mod service_account;
mod stateful_set;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::Serialize;
use serde_json::Value;

use crate::{document::Document, plan::Plan};

/// Everything that is rendered for a cluster, in the order in which Helm and Argo CD apply kinds, then by namespace and name.
pub fn build(plan: &Plan) -> Vec<Document> {
    let mut documents = own(plan);
    patch::apply(&plan.patches, &mut documents);
    documents.extend(
        plan.extra_manifests
            .iter()
            .map(|manifest| Document { value: Value::Object(manifest.clone()) }),
    );
    documents.sort_by(|a, b| a.order().cmp(&b.order()));
    documents
}

/// The cluster's own objects, before patches.
fn own(plan: &Plan) -> Vec<Document> {
    let mut documents = vec![
        document(service_account::service_account(plan)),
        document(Some(config_map::config_map(plan))),
        document(pod_disruption_budget::pod_disruption_budget(plan)),
        document(network_policy::network_policy(plan)),
        document(Some(service::headless_service(plan))),
        document(service::client_service(plan)),
    ];
    documents.extend(
        stateful_set::stateful_sets(plan)
            .into_iter()
            .map(|stateful_set| document(Some(stateful_set))),
    );
    documents.push(document(job::bootstrap_job(plan)));
    documents.into_iter().flatten().collect()
}

fn document<T: Serialize>(object: Option<T>) -> Option<Document> {
    // Kubernetes' types always serialise: their keys are strings.
    let value = serde_json::to_value(object?).unwrap_or_default();
    Some(Document { value })
}

/// The metadata of an object of the cluster.
fn metadata(plan: &Plan, name: impl Into<String>) -> ObjectMeta {
    ObjectMeta {
        annotations: (!plan.annotations.is_empty()).then(|| plan.annotations.clone()),
        labels: Some(plan.labels.clone()),
        name: Some(name.into()),
        namespace: plan.namespace.clone(),
        ..ObjectMeta::default()
    }
}

/// A selector of the pods of a component.
fn pods_of(plan: &Plan, component: &str) -> LabelSelector {
    LabelSelector { match_labels: Some(plan.names.selector(component)), ..LabelSelector::default() }
}
