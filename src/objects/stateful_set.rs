//! The StatefulSets, which keep each pod's name and volume together.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        apps::v1::{
            StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetSpec,
            StatefulSetUpdateStrategy,
        },
        core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements},
    },
    apimachinery::pkg::{
        api::resource::Quantity,
        apis::meta::v1::{LabelSelector, ObjectMeta},
    },
};

use super::{keep_from_pruning, metadata, pod};
use crate::{
    plan::{Plan, StatefulSetPlan, names},
    spec::types::{RetentionPolicy, UpdateStrategy},
};

pub(super) fn stateful_sets(plan: &Plan) -> impl Iterator<Item = StatefulSet> {
    plan.stateful_sets.iter().map(|set| stateful_set(plan, set))
}

fn stateful_set(plan: &Plan, set: &StatefulSetPlan) -> StatefulSet {
    let selector = selector(plan, set);
    let mut metadata = metadata(plan, &set.name);
    metadata.labels.get_or_insert_default().extend(selector.clone());
    keep_from_pruning(plan, &mut metadata);
    let claims = volume_claims(plan, &selector);
    StatefulSet {
        metadata,
        spec: Some(StatefulSetSpec {
            min_ready_seconds: Some(
                i32::try_from(plan.lifecycle.min_ready_seconds).unwrap_or(i32::MAX),
            ),
            persistent_volume_claim_retention_policy: (!claims.is_empty()).then(|| retention(plan)),
            // All pods at once: a cluster is created from all of its pods, and no pod waits for another to be ready.
            pod_management_policy: Some("Parallel".to_owned()),
            replicas: Some(i32::try_from(set.pods).unwrap_or(i32::MAX)),
            selector: LabelSelector {
                match_labels: Some(selector.clone()),
                ..LabelSelector::default()
            },
            service_name: Some(plan.names.headless_service().to_owned()),
            template: pod::node_template(plan, selector),
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some(
                    match plan.lifecycle.update_strategy {
                        UpdateStrategy::RollingUpdate => "RollingUpdate",
                        UpdateStrategy::OnDelete => "OnDelete",
                    }
                    .to_owned(),
                ),
                ..StatefulSetUpdateStrategy::default()
            }),
            volume_claim_templates: (!claims.is_empty()).then_some(claims),
            ..StatefulSetSpec::default()
        }),
        ..StatefulSet::default()
    }
}

fn selector(plan: &Plan, set: &StatefulSetPlan) -> BTreeMap<String, String> {
    let mut selector = plan.names.selector(names::NODE);
    if let Some(shard) = set.shard {
        selector.insert(names::SHARD_LABEL.to_owned(), shard.to_string());
    }
    selector
}

fn retention(plan: &Plan) -> StatefulSetPersistentVolumeClaimRetentionPolicy {
    let name = |policy| {
        Some(
            match policy {
                RetentionPolicy::Retain => "Retain",
                RetentionPolicy::Delete => "Delete",
            }
            .to_owned(),
        )
    };
    StatefulSetPersistentVolumeClaimRetentionPolicy {
        when_deleted: name(plan.storage.retention.when_deleted),
        when_scaled: name(plan.storage.retention.when_scaled),
    }
}

/// Nothing in here can be changed later, so it holds nothing that may: no version, no user label but those meant for it. What the API server
/// would fill in is written out, because tools that compare would see a difference for ever.
fn volume_claims(plan: &Plan, selector: &BTreeMap<String, String>) -> Vec<PersistentVolumeClaim> {
    let storage = &plan.storage;
    let (None, Some(size)) = (&storage.ephemeral, &storage.size) else { return Vec::new() };
    let mut labels = storage.labels.clone();
    labels.extend(selector.clone());
    vec![PersistentVolumeClaim {
        metadata: ObjectMeta {
            annotations: (!storage.annotations.is_empty()).then(|| storage.annotations.clone()),
            labels: Some(labels),
            name: Some(names::DATA.0.to_owned()),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(
                storage.access_modes.0.iter().map(|mode| mode.name().to_owned()).collect(),
            ),
            resources: Some(VolumeResourceRequirements {
                requests: Some(BTreeMap::from([(
                    "storage".to_owned(),
                    Quantity(size.canonical()),
                )])),
                ..VolumeResourceRequirements::default()
            }),
            storage_class_name: storage.class_name.clone(),
            volume_mode: Some("Filesystem".to_owned()),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }]
}
