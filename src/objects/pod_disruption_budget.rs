//! The PodDisruptionBudget: how many of the cluster's pods a drain may take at a time.

use k8s_openapi::{
    api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::{metadata, pods_of};
use crate::plan::{Plan, names};

pub(super) fn pod_disruption_budget(plan: &Plan) -> Option<PodDisruptionBudget> {
    let budget = plan.lifecycle.pod_disruption_budget;
    if !budget.enabled {
        return None;
    }
    Some(PodDisruptionBudget {
        metadata: metadata(plan, &plan.names.cluster),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(
                i32::try_from(budget.max_unavailable).unwrap_or(i32::MAX),
            )),
            selector: Some(pods_of(plan, names::NODE)),
            // A pod that is not ready anyway must not keep its node from being drained.
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    })
}
