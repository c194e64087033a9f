//! The PodMonitor or ServiceMonitor by which Prometheus finds the exporters, as the Prometheus Operator (`monitoring.coreos.com/v1`) defines them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::Serialize;

use super::{metadata, pods_of};
use crate::{
    document::Document,
    plan::{
        Plan,
        names::{self, CLUSTER_METRIC_LABEL, SHARD_LABEL},
    },
    spec::types::MonitorKind,
};

/// An object of the Prometheus Operator: Kubernetes' own types do not have them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Object<S> {
    pub(super) api_version: &'static str,
    pub(super) kind: &'static str,
    pub(super) metadata: ObjectMeta,
    pub(super) spec: S,
}

/// The group and version of such objects.
pub(super) const API_VERSION: &str = "monitoring.coreos.com/v1";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PodMonitorSpec {
    pod_metrics_endpoints: [Endpoint; 1],
    selector: LabelSelector,
}

#[derive(Serialize)]
struct ServiceMonitorSpec {
    endpoints: [Endpoint; 1],
    selector: LabelSelector,
}

#[derive(Serialize)]
struct Endpoint {
    interval: String,
    port: &'static str,
    relabelings: Vec<Relabeling>,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Relabeling {
    /// Written, or what is in the cluster would differ from it by the default.
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    replacement: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    source_labels: Vec<String>,
    target_label: &'static str,
}

pub(super) fn monitor(plan: &Plan) -> Option<Document> {
    let metadata = metadata_with(plan, &plan.names.cluster, &plan.monitor.labels);
    let endpoint = Endpoint {
        interval: plan.monitor.interval.clone(),
        port: names::METRICS_PORT,
        relabelings: relabelings(plan),
    };
    plan.exporter.as_ref()?;
    match plan.monitor.kind {
        MonitorKind::None => None,
        MonitorKind::PodMonitor => Some(super::document(Object {
            api_version: API_VERSION,
            kind: "PodMonitor",
            metadata,
            spec: PodMonitorSpec {
                pod_metrics_endpoints: [endpoint],
                selector: pods_of(plan, names::NODE),
            },
        })),
        MonitorKind::ServiceMonitor => Some(super::document(Object {
            api_version: API_VERSION,
            kind: "ServiceMonitor",
            metadata,
            spec: ServiceMonitorSpec {
                endpoints: [endpoint],
                // Services have no component. Of those of the cluster only the headless one has the port.
                selector: LabelSelector {
                    match_labels: Some(names::labels([
                        ("app.kubernetes.io/instance", &plan.names.cluster),
                        ("app.kubernetes.io/name", "redis-cluster"),
                    ])),
                    ..LabelSelector::default()
                },
            },
        })),
    }
}

/// The labels that alerts and dashboard tell clusters, shards and nodes apart by. Namespace and pod the operator adds itself.
fn relabelings(plan: &Plan) -> Vec<Relabeling> {
    let copy = |from: &str, target_label| Relabeling {
        action: "replace",
        source_labels: vec![format!("__meta_kubernetes_{from}")],
        target_label,
        ..Relabeling::default()
    };
    let mut relabelings = vec![
        Relabeling {
            action: "replace",
            replacement: Some(plan.names.cluster.clone()),
            target_label: CLUSTER_METRIC_LABEL,
            ..Relabeling::default()
        },
        copy("pod_node_name", "node"),
    ];
    if plan.is_per_shard() {
        let label = SHARD_LABEL.replace(['.', '-', '/'], "_");
        relabelings.push(copy(&format!("pod_label_{label}"), "shard"));
    }
    relabelings
}

/// The metadata of an object with labels of its own, which do not replace ours.
pub(super) fn metadata_with(
    plan: &Plan,
    name: impl Into<String>,
    labels: &std::collections::BTreeMap<String, String>,
) -> ObjectMeta {
    let mut metadata = metadata(plan, name);
    let own = metadata.labels.get_or_insert_default();
    for (key, value) in labels {
        own.entry(key.clone()).or_insert_with(|| value.clone());
    }
    metadata
}
