//! A Kubernetes object on its way out: its value, and the names that files and messages use for it.

use serde_json::Value;

/// One Kubernetes object.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The whole object; a mapping with `apiVersion`, `kind` and `metadata.name`.
    pub value: Value,
}

impl Document {
    /// The object's `apiVersion`, such as `apps/v1`.
    pub fn api_version(&self) -> &str {
        self.text(&["apiVersion"])
    }

    /// The object's `kind`, such as `StatefulSet`.
    pub fn kind(&self) -> &str {
        self.text(&["kind"])
    }

    /// The object's `metadata.namespace`, or an empty string.
    pub fn namespace(&self) -> &str {
        self.text(&["metadata", "namespace"])
    }

    /// The object's `metadata.name`.
    pub fn name(&self) -> &str {
        self.text(&["metadata", "name"])
    }

    /// The name that kustomize gives the object's file: `[namespace_]group_version_kind_name.yaml`,
    /// in lower case, the group left out for the core API.
    pub fn file_name(&self) -> String {
        let api_version = self.api_version().replace('/', "_");
        let parts = [self.namespace(), &api_version, self.kind(), self.name()];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        // kustomize replaces what a file name cannot hold, such as the colon of an RBAC name.
        parts.join("_").to_lowercase().replace([':', '/'], "-") + ".yaml"
    }

    /// Puts keys in alphabetical order, `apiVersion` and `kind` first, as in the objects that are built from Kubernetes' types: the order in
    /// which a spec is written must not matter.
    pub(crate) fn sort_keys(&mut self) {
        self.value.sort_all_objects();
        if let Value::Object(fields) = &mut self.value {
            for (index, key) in ["apiVersion", "kind"].into_iter().enumerate() {
                if let Some(value) = fields.shift_remove(key) {
                    fields.shift_insert(index.min(fields.len()), key.to_owned(), value);
                }
            }
        }
    }

    /// Sorts as Helm and Argo CD apply: by kind, then namespace, then name.
    pub(crate) fn order(&self) -> (usize, &str, &str, &str) {
        (install_rank(self.kind()), self.kind(), self.namespace(), self.name())
    }

    fn text(&self, path: &[&str]) -> &str {
        let value = path.iter().try_fold(&self.value, |value, key| value.get(key));
        value.and_then(Value::as_str).unwrap_or_default()
    }
}

/// The place of a kind, in any case of letters, in the order in which Helm and Argo CD apply.
pub fn install_rank(kind: &str) -> usize {
    let known = INSTALL_ORDER.iter().position(|known| known.eq_ignore_ascii_case(kind));
    known.unwrap_or(INSTALL_ORDER.len())
}

/// The order in which Helm installs kinds, as `InstallOrder` in its `pkg/release/v1/util/kind_sorter.go`; unknown kinds come last.
const INSTALL_ORDER: [&str; 35] = [
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
];
