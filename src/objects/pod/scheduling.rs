//! Where pods may run: a shard's pods on different nodes and in different zones, and the user's own rules besides.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{
        Affinity, NodeSelectorRequirement, NodeSelectorTerm, PodAffinityTerm,
        TopologySpreadConstraint, WeightedPodAffinityTerm,
    },
    apimachinery::pkg::apis::meta::v1::LabelSelector,
};

use crate::{
    plan::{
        Plan,
        names::{self, SHARD_LABEL, ZONE_LABEL},
    },
    spec::types::SpreadRule,
};

const NODE: &str = "kubernetes.io/hostname";
/// The label that a StatefulSet's controller gives each pod: its number.
const POD_INDEX: &str = "apps.kubernetes.io/pod-index";

/// The user's affinity rules with ours added. `selector` finds the pods that are kept apart.
pub(super) fn affinity(plan: &Plan, selector: &BTreeMap<String, String>) -> Option<Affinity> {
    let mut affinity =
        plan.pod.affinity.as_ref().map(|affinity| affinity.typed.clone()).unwrap_or_default();
    let of_a_shard = selector.contains_key(SHARD_LABEL);
    spread_nodes(plan.spread_nodes(of_a_shard), selector, &mut affinity);
    if !plan.zones.is_empty() {
        restrict_zones(&plan.zones, &mut affinity);
    }
    (affinity != Affinity::default()).then_some(affinity)
}

fn spread_nodes(rule: SpreadRule, selector: &BTreeMap<String, String>, affinity: &mut Affinity) {
    let term = PodAffinityTerm {
        label_selector: Some(LabelSelector {
            match_labels: Some(selector.clone()),
            ..LabelSelector::default()
        }),
        topology_key: NODE.to_owned(),
        ..PodAffinityTerm::default()
    };
    match rule {
        SpreadRule::Required => affinity
            .pod_anti_affinity
            .get_or_insert_default()
            .required_during_scheduling_ignored_during_execution
            .get_or_insert_default()
            .push(term),
        SpreadRule::Preferred => affinity
            .pod_anti_affinity
            .get_or_insert_default()
            .preferred_during_scheduling_ignored_during_execution
            .get_or_insert_default()
            .push(WeightedPodAffinityTerm { pod_affinity_term: term, weight: 100 }),
        SpreadRule::None => {}
    }
}

/// A pod fits when it fits any of the terms, so the zones are added to each of them.
fn restrict_zones(zones: &[String], affinity: &mut Affinity) {
    let required = affinity
        .node_affinity
        .get_or_insert_default()
        .required_during_scheduling_ignored_during_execution
        .get_or_insert_default();
    if required.node_selector_terms.is_empty() {
        required.node_selector_terms.push(NodeSelectorTerm::default());
    }
    for term in &mut required.node_selector_terms {
        term.match_expressions.get_or_insert_default().push(NodeSelectorRequirement {
            key: ZONE_LABEL.to_owned(),
            operator: "In".to_owned(),
            values: Some(zones.to_vec()),
        });
    }
}

/// The pods of a shard over zones; of the cluster, where any pod may serve any shard. And, where it is possible, the pods of equal index
/// over zones and nodes: they are the masters after a start or a rolling restart, and nobody is promoted when most masters go at once.
pub(super) fn spread(
    plan: &Plan,
    selector: BTreeMap<String, String>,
) -> Option<Vec<TopologySpreadConstraint>> {
    let mut constraints = Vec::new();
    let of_a_shard = selector.contains_key(SHARD_LABEL);
    match plan.spread_zones {
        SpreadRule::Required => constraints.push(constraint(ZONE_LABEL, selector, "DoNotSchedule")),
        SpreadRule::Preferred => {
            constraints.push(constraint(ZONE_LABEL, selector, "ScheduleAnyway"));
        }
        SpreadRule::None => {}
    }
    if of_a_shard {
        for (key, rule) in [(ZONE_LABEL, plan.spread_zones), (NODE, plan.spread_nodes(of_a_shard))]
        {
            if rule != SpreadRule::None {
                constraints.push(TopologySpreadConstraint {
                    match_label_keys: Some(vec![POD_INDEX.to_owned()]),
                    ..constraint(key, plan.names.selector(names::NODE), "ScheduleAnyway")
                });
            }
        }
    }
    (!constraints.is_empty()).then_some(constraints)
}

fn constraint(
    key: &str,
    selector: BTreeMap<String, String>,
    when_unsatisfiable: &str,
) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        label_selector: Some(LabelSelector {
            match_labels: Some(selector),
            ..LabelSelector::default()
        }),
        max_skew: 1,
        topology_key: key.to_owned(),
        when_unsatisfiable: when_unsatisfiable.to_owned(),
        ..TopologySpreadConstraint::default()
    }
}
