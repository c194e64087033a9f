//! Patches: the user's changes to rendered objects, merged as Kubernetes merges, and checked against Kubernetes' types.

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    batch::v1::Job,
    core::v1::{ConfigMap, Service, ServiceAccount},
    networking::v1::NetworkPolicy,
    policy::v1::PodDisruptionBudget,
};
use serde_json::{Map, Value};

use crate::{
    document::Document,
    plan::Plan,
    spec::{
        kube::{self, Mistake},
        types::Patch,
    },
};

/// What is wrong with one patch.
#[derive(Debug)]
pub struct PatchMistake {
    /// Which of the patches.
    pub index: usize,
    /// What is wrong.
    pub kind: PatchMistakeKind,
}

/// What can be wrong with a patch.
#[derive(Debug)]
pub enum PatchMistakeKind {
    /// No object of the cluster has the target's kind and name.
    NoTarget {
        /// The objects that there are: kind and name.
        known: Vec<(String, String)>,
    },
    /// Kubernetes does not understand something in it; the pointer is below `merge`.
    NotUnderstood(Mistake),
}

/// Merges the patches, in order.
pub(super) fn apply(patches: &[Patch], documents: &mut [Document]) {
    for patch in patches {
        for document in documents.iter_mut().filter(|document| matches(patch, document)) {
            merge_fields(&mut document.value, &patch.merge);
            document.sort_keys();
        }
    }
}

/// What is wrong with the patches of a plan.
pub fn check(plan: &Plan) -> Vec<PatchMistake> {
    let mut mistakes = Vec::new();
    let mut documents = if plan.patches.is_empty() { Vec::new() } else { super::own(plan) };
    for (index, patch) in plan.patches.iter().enumerate() {
        let mut hit = false;
        for document in documents.iter_mut().filter(|document| matches(patch, document)) {
            hit = true;
            // Only what the patch itself says is compared: what it is merged into is ours and right.
            for mistake in misunderstood(document.kind(), &patch.merge) {
                mistakes
                    .push(PatchMistake { index, kind: PatchMistakeKind::NotUnderstood(mistake) });
            }
            merge_fields(&mut document.value, &patch.merge);
            if let Some(reason) = undecodable(document) {
                let mistake = Mistake { pointer: String::new(), reason: Some(reason) };
                mistakes
                    .push(PatchMistake { index, kind: PatchMistakeKind::NotUnderstood(mistake) });
            }
            // The same patch makes the same mistakes in each object of a kind.
            if mistakes.last().is_some_and(|mistake| mistake.index == index) {
                break;
            }
        }
        if !hit {
            let known = documents
                .iter()
                .map(|document| (document.kind().to_owned(), target_name(document).to_owned()));
            mistakes.push(PatchMistake {
                index,
                kind: PatchMistakeKind::NoTarget { known: known.collect() },
            });
        }
    }
    mistakes
}

fn matches(patch: &Patch, document: &Document) -> bool {
    patch.target.kind == document.kind()
        && patch.target.name.as_deref().is_none_or(|name| name == target_name(document))
}

/// The name by which a patch finds an object. The end of the Job's own name changes with the patch.
fn target_name(document: &Document) -> &str {
    match document.name().rsplit_once('-') {
        Some((name, _)) if document.kind() == "Job" => name,
        _ => document.name(),
    }
}

/// Decodes a value as one of the kinds that are rendered.
macro_rules! decode_as {
    ($kind:expr, $value:expr, $($type:ty => $name:literal),* $(,)?) => {
        match $kind {
            $($name => kube::decode::<$type>($value).1,)*
            _ => Vec::new(),
        }
    };
}

/// What Kubernetes does not understand in a value, or a part of one, of a kind that is rendered.
pub(crate) fn decode(kind: &str, value: &Value) -> Vec<Mistake> {
    decode_as!(
        kind, value,
        ConfigMap => "ConfigMap",
        Job => "Job",
        NetworkPolicy => "NetworkPolicy",
        PodDisruptionBudget => "PodDisruptionBudget",
        Service => "Service",
        ServiceAccount => "ServiceAccount",
        StatefulSet => "StatefulSet",
    )
}

/// Fields of a patch that the kind does not have. A patch that does not decode by itself, because it leaves out what is required, is judged
/// after it was merged.
fn misunderstood(kind: &str, merge: &Map<String, Value>) -> Vec<Mistake> {
    let mut value = Value::Object(merge.clone());
    without_nulls(&mut value);
    decode(kind, &value).into_iter().filter(|mistake| mistake.reason.is_none()).collect()
}

fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

/// Why a patched object cannot be decoded, or what of it would be dropped.
fn undecodable(document: &Document) -> Option<String> {
    let mistake = decode(document.kind(), &document.value).into_iter().next()?;
    Some(mistake.reason.unwrap_or_else(|| format!("unknown field `{}`", mistake.pointer)))
}

fn merge_fields(target: &mut Value, changes: &Map<String, Value>) {
    for (key, change) in changes {
        merge_field(target, key, change);
    }
}

/// Merges a value into another: mappings key by key, lists as Kubernetes' strategic merge does, `null` removes.
pub(crate) fn merge(target: &mut Value, change: &Value) {
    match change {
        Value::Object(changes) => {
            if !target.is_object() {
                *target = Value::Object(Map::new());
            }
            merge_fields(target, changes);
        }
        _ => *target = change.clone(),
    }
}

fn merge_field(target: &mut Value, key: &str, change: &Value) {
    let Value::Object(fields) = target else { return };
    match change {
        Value::Null => {
            fields.shift_remove(key);
        }
        Value::Array(changes) => {
            let target = fields.entry(key).or_insert_with(|| Value::Array(Vec::new()));
            match merge_keys(key) {
                [] => *target = change.clone(),
                keys => merge_list(target, changes, keys),
            }
        }
        _ => merge(fields.entry(key).or_insert(Value::Null), change),
    }
}

/// The keys by which items of a list are the same item; none for lists that are replaced as a whole.
/// As in the `patchMergeKey` and `listMapKey` of the Kubernetes API; a container's ports by number and protocol, since
/// by number alone a UDP port would replace the TCP port.
fn merge_keys(list: &str) -> &'static [&'static str] {
    match list {
        "containers" | "initContainers" | "env" | "volumes" | "imagePullSecrets"
        | "resourceClaims" => &["/name"],
        "volumeClaimTemplates" => &["/metadata/name"],
        "volumeMounts" => &["/mountPath"],
        "volumeDevices" => &["/devicePath"],
        "ports" => &["/containerPort", "/port", "/protocol"],
        "hostAliases" => &["/ip"],
        "topologySpreadConstraints" => &["/topologyKey", "/whenUnsatisfiable"],
        _ => &[],
    }
}

fn merge_list(target: &mut Value, changes: &[Value], keys: &[&str]) {
    if !target.is_array() {
        *target = Value::Array(Vec::new());
    }
    let Value::Array(items) = target else { return };
    for change in changes {
        let same = |item: &&mut Value| {
            change.is_object()
                && keys.iter().all(|key| {
                    let default = (*key == "/protocol").then(|| Value::from("TCP"));
                    change.pointer(key).or(default.as_ref())
                        == item.pointer(key).or(default.as_ref())
                })
        };
        match items.iter_mut().find(same) {
            Some(item) => merge(item, change),
            None => items.push(change.clone()),
        }
    }
}
