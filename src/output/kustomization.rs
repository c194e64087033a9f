//! The kustomization.yaml of a folder, which lists the generated files in it.

use redis_cluster_gen::{document, yaml};
use serde_json::json;

use super::marker;

pub(crate) const NAME: &str = "kustomization.yaml";

/// The other names that kustomize looks for; it refuses a folder with two of them.
pub(super) const OTHER_NAMES: [&str; 2] = ["kustomization.yml", "Kustomization"];

/// What its first line says it comes from.
pub(in crate::output) const ORIGIN: &str = "the manifests in this folder";

/// The text that lists files, given with the spec that each comes from.
pub(super) fn text<'a>(files: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let mut text = marker::line(ORIGIN) + "---\n";
    let value = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": in_order(files),
    });
    yaml::write(&value, &mut text);
    text
}

/// File names by spec, then as Helm and Argo CD apply.
fn in_order<'a>(files: impl Iterator<Item = (&'a String, &'a String)>) -> Vec<&'a String> {
    let mut files: Vec<_> = files.collect();
    files.sort_by_key(|(origin, name)| (*origin, order(name)));
    files.into_iter().map(|(_, name)| name).collect()
}

/// The order of output, as far as the name `[namespace_]group_version_kind_name.yaml` tells.
fn order(name: &str) -> (usize, &str, &str) {
    let kind = name.split('_').skip_while(|part| !is_version(part)).nth(1).unwrap_or_default();
    (document::install_rank(kind), kind, name)
}

/// `v1`, `v2beta1`
fn is_version(part: &str) -> bool {
    part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_listed_by_spec_and_then_as_helm_installs_them() {
        let files = [
            ("b.yaml", "apps_v1_statefulset_b.yaml"),
            ("b.yaml", "v1_service_b.yaml"),
            ("a.yaml", "shop_batch_v1_job_a.yaml"),
            ("a.yaml", "shop_monitoring.coreos.com_v1_podmonitor_a.yaml"),
            ("a.yaml", "shop_v1_configmap_a.yaml"),
            ("a.yaml", "shop_apps_v1_statefulset_a.yaml"),
            ("a.yaml", "shop_autoscaling_v2beta1_horizontalpodautoscaler_a_b.yaml"),
        ]
        .map(|(origin, name)| (origin.to_owned(), name.to_owned()));
        assert_eq!(
            in_order(files.iter().map(|(origin, name)| (origin, name))),
            [
                "shop_v1_configmap_a.yaml",
                "shop_autoscaling_v2beta1_horizontalpodautoscaler_a_b.yaml",
                "shop_apps_v1_statefulset_a.yaml",
                "shop_batch_v1_job_a.yaml",
                "shop_monitoring.coreos.com_v1_podmonitor_a.yaml",
                "v1_service_b.yaml",
                "apps_v1_statefulset_b.yaml",
            ]
        );
    }
}
