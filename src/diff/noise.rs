//! What servers and tools add to objects and nobody wrote.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

/// Fields of the metadata that only a server sets.
const METADATA: [&str; 8] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Annotations and labels that controllers and tools keep their books with.
const BOOKKEEPING: [&str; 22] = [
    "apps.kubernetes.io/pod-index",
    "argocd.argoproj.io/instance",
    "argocd.argoproj.io/tracking-id",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
    "batch.kubernetes.io/job-tracking",
    "config.kubernetes.io/index",
    "config.kubernetes.io/path",
    "config.kubernetes.io/origin",
    "controller-revision-hash",
    "controller-uid",
    "deployment.kubernetes.io/revision",
    "internal.config.kubernetes.io/index",
    "internal.config.kubernetes.io/path",
    "job-name",
    "kubectl.kubernetes.io/last-applied-configuration",
    "kustomize.toolkit.fluxcd.io/checksum",
    "kustomize.toolkit.fluxcd.io/name",
    "kustomize.toolkit.fluxcd.io/namespace",
    "pod-template-hash",
    "pv.kubernetes.io/bind-completed",
    "statefulset.kubernetes.io/pod-name",
];

/// Removes the noise, and says whether there was any that only a server makes.
pub(super) fn remove(object: &mut Value) -> bool {
    let live = ["/metadata/uid", "/metadata/resourceVersion", "/metadata/managedFields"]
        .iter()
        .any(|pointer| object.pointer(pointer).is_some());
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Value::Object(fields) = object {
        fields.shift_remove("status");
    }
    metadata(object.get_mut("metadata"));
    for pointer in [
        "/spec/template/metadata",
        "/spec/jobTemplate/metadata",
        "/spec/jobTemplate/spec/template/metadata",
    ] {
        metadata(object.pointer_mut(pointer));
    }
    if live
        && let Some(Value::Object(annotations)) =
            object.pointer_mut("/spec/template/metadata/annotations")
    {
        // What `kubectl rollout restart` leaves stays when manifests without it are applied.
        annotations.shift_remove("kubectl.kubernetes.io/restartedAt");
    }
    if let Some(Value::Array(claims)) = object.pointer_mut("/spec/volumeClaimTemplates") {
        for claim in claims {
            if let Value::Object(claim) = claim {
                claim.shift_remove("status");
                metadata(claim.get_mut("metadata"));
            }
        }
    }
    match kind.as_str() {
        "Job" => job(object),
        "Secret" => secret(object),
        "ServiceAccount" => {
            // Tokens that old controllers made.
            if live && let Value::Object(fields) = object {
                fields.shift_remove("secrets");
            }
        }
        _ => {}
    }
    live
}

fn metadata(metadata: Option<&mut Value>) {
    let Some(Value::Object(metadata)) = metadata else { return };
    for field in METADATA {
        metadata.shift_remove(field);
    }
    for map in ["annotations", "labels"] {
        if let Some(Value::Object(map)) = metadata.get_mut(map) {
            for key in BOOKKEEPING {
                map.shift_remove(key);
            }
        }
    }
}

/// The selector of a Job is made by the server, unless it says otherwise.
fn job(object: &mut Value) {
    let manual = object.pointer("/spec/manualSelector").and_then(Value::as_bool);
    if manual != Some(true)
        && let Some(Value::Object(spec)) = object.get_mut("spec")
    {
        spec.shift_remove("selector");
    }
}

/// `stringData` is how `data` may be written; the server keeps `data` alone.
fn secret(object: &mut Value) {
    let Value::Object(fields) = object else { return };
    let Some(Value::Object(texts)) = fields.shift_remove("stringData") else { return };
    let data = fields.entry("data").or_insert_with(|| Value::Object(Map::new()));
    if !data.is_object() {
        *data = Value::Object(Map::new());
    }
    for (key, text) in texts {
        let text = text.as_str().map_or_else(|| text.to_string(), str::to_owned);
        data[key] = Value::String(BASE64_STANDARD.encode(text));
    }
}
