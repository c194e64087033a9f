//! The pods: those of the cluster, and that of the bootstrap Job.

pub(super) mod container;
mod probes;
mod scheduling;
mod volumes;

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Container, LocalObjectReference, PodSpec, PodTemplateSpec, Volume},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use crate::plan::{Plan, names};

/// The template of a StatefulSet's pods. Every byte of it counts: a change restarts them.
pub(super) fn node_template(plan: &Plan, selector: BTreeMap<String, String>) -> PodTemplateSpec {
    let mut labels = plan.pod.labels.clone();
    labels.extend(selector.clone());
    let mut annotations = plan.pod.annotations.clone();
    annotations.insert(names::CONFIG_HASH.to_owned(), plan.config.hash.clone());
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            annotations: Some(annotations),
            labels: Some(labels),
            ..ObjectMeta::default()
        }),
        spec: Some(node_spec(plan, selector)),
    }
}

fn node_spec(plan: &Plan, selector: BTreeMap<String, String>) -> PodSpec {
    let pod = &plan.pod;
    let exporter = plan.exporter.as_ref();
    let mut containers = vec![container::server(plan)];
    containers.extend(exporter.map(|exporter| container::exporter(plan, exporter)));
    containers.extend(pod.sidecars.iter().map(|sidecar| sidecar.typed.clone()));
    let mut init_containers: Vec<_> = exporter
        .and_then(|exporter| container::exporter_init(plan, exporter))
        .into_iter()
        .collect();
    init_containers.extend(pod.init_containers.iter().map(|container| container.typed.clone()));
    PodSpec {
        affinity: scheduling::affinity(plan, &selector),
        containers,
        init_containers: (!init_containers.is_empty()).then_some(init_containers),
        termination_grace_period_seconds: Some(
            plan.lifecycle.termination_grace_period_seconds.into(),
        ),
        topology_spread_constraints: scheduling::spread(plan, selector),
        volumes: Some(volumes::node_volumes(plan)),
        ..common(plan)
    }
}

/// The pod of the bootstrap Job.
pub(super) fn bootstrap_spec(plan: &Plan, container: Container) -> PodSpec {
    PodSpec {
        containers: vec![container],
        // A failed try is kept with its log, and the Job makes another pod.
        restart_policy: Some("Never".to_owned()),
        volumes: Some(volumes::bootstrap_volumes(plan)),
        ..common(plan)
    }
}

/// The pod of another Job: containers that run one after the other, the last one by itself, and volumes in addition to those of all pods.
pub(super) fn task_spec(
    plan: &Plan,
    first: Vec<Container>,
    last: Container,
    further: Vec<Volume>,
) -> PodSpec {
    let mut spec = bootstrap_spec(plan, last);
    spec.init_containers = (!first.is_empty()).then_some(first);
    spec.volumes.get_or_insert_default().extend(further);
    spec
}

/// The metadata of the pods of a Job: the labels of a component, and what keeps a service mesh out.
pub(super) fn task_metadata(plan: &Plan, component: &str) -> ObjectMeta {
    let annotations = &plan.bootstrap.annotations;
    ObjectMeta {
        annotations: (!annotations.is_empty()).then(|| annotations.clone()),
        labels: Some(plan.names.selector(component)),
        ..ObjectMeta::default()
    }
}

/// The volume with the backups: that of a claim, or one that ends with the pod.
pub(super) fn backup_volume(claim: Option<String>, read_only: bool) -> Volume {
    volumes::backups(claim, read_only)
}

/// A container of the user's that sees the backups, if it does not say where itself.
pub(super) fn with_backups(container: &Container) -> Container {
    let mut container = container.clone();
    let mounts = container.volume_mounts.get_or_insert_default();
    if mounts.iter().all(|mount| mount.name != names::BACKUPS.0) {
        mounts.push(container::mount(names::BACKUPS, false));
    }
    container
}

/// What all pods have in common.
fn common(plan: &Plan) -> PodSpec {
    let pod = &plan.pod;
    let pull_secrets: Vec<_> = plan
        .image
        .pull_secrets
        .iter()
        .map(|name| LocalObjectReference { name: name.clone() })
        .collect();
    let tolerations: Vec<_> =
        pod.tolerations.iter().map(|toleration| toleration.typed.clone()).collect();
    PodSpec {
        // Nothing in the pods talks to the API server.
        automount_service_account_token: Some(false),
        // Else every Service of the namespace adds variables to the environment.
        enable_service_links: Some(false),
        image_pull_secrets: (!pull_secrets.is_empty()).then_some(pull_secrets),
        node_selector: (!pod.node_selector.is_empty()).then(|| pod.node_selector.clone()),
        priority_class_name: pod.priority_class_name.clone(),
        runtime_class_name: pod.runtime_class_name.clone(),
        scheduler_name: pod.scheduler_name.clone(),
        security_context: Some(plan.pod_security.clone()),
        service_account_name: Some(
            pod.service_account_name.clone().unwrap_or_else(|| plan.names.cluster.clone()),
        ),
        tolerations: (!tolerations.is_empty()).then_some(tolerations),
        ..PodSpec::default()
    }
}
