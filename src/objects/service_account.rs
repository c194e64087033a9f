//! The ServiceAccount of the pods: an identity without a token, since nothing in them talks to the API server.

use k8s_openapi::api::core::v1::ServiceAccount;

use super::metadata;
use crate::plan::Plan;

pub(super) fn service_account(plan: &Plan) -> Option<ServiceAccount> {
    if plan.pod.service_account_name.is_some() {
        return None;
    }
    Some(ServiceAccount {
        automount_service_account_token: Some(false),
        metadata: metadata(plan, &plan.names.cluster),
        ..ServiceAccount::default()
    })
}
