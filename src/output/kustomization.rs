//! The kustomization.yaml of a folder, which lists the generated files in it.

use redis_cluster_gen::yaml;
use serde_json::json;

use super::marker;

pub(super) const NAME: &str = "kustomization.yaml";

/// The other names that kustomize looks for; it refuses a folder with two of them.
pub(super) const OTHER_NAMES: [&str; 2] = ["kustomization.yml", "Kustomization"];

/// What its first line says it comes from.
pub(super) const ORIGIN: &str = "the manifests in this folder";

/// The text that lists files, given with the spec that each comes from.
pub(super) fn text<'a>(files: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let mut files: Vec<_> = files.collect();
    files.sort();
    let resources: Vec<_> = files.into_iter().map(|(_, name)| name).collect();
    let mut text = marker::line(ORIGIN) + "---\n";
    let value = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": resources,
    });
    yaml::write(&value, &mut text);
    text
}
