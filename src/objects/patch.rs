//! Patches: the user's changes to rendered objects, merged as Kubernetes merges, and checked against Kubernetes' types.

use std::collections::{HashMap, hash_map::Entry::Occupied};

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    batch::v1::{CronJob, Job},
    core::v1::{ConfigMap, PersistentVolumeClaim, Service, ServiceAccount},
    networking::v1::NetworkPolicy,
    policy::v1::PodDisruptionBudget,
};
use serde_json::{Map, Value};

use super::Identity;
use crate::{
    document::Document,
    spec::{
        kube::{self, Mistake},
        types::{Patch, PatchTarget},
    },
};

/// Merges the patches, in order.
pub(super) fn apply(patches: &[Patch], documents: &mut [Document]) {
    for document in documents {
        let of = Identity::of(document);
        let mut patches = patches.iter().filter(|patch| is_for(&patch.target, &of)).peekable();
        if patches.peek().is_some() {
            patches.for_each(|patch| merge_fields(&mut document.value, &patch.merge));
            document.sort_keys();
        }
    }
}

/// Whether a patch with this target changes an object. The end of the Job's own name changes with the patch, so it does not count.
pub(crate) fn is_for(target: &PatchTarget, object: &Identity) -> bool {
    target.kind == object.kind
        && target.name.as_deref().is_none_or(|name| name == target_name(object))
}

/// The name by which a patch finds an object.
pub(crate) fn target_name(object: &Identity) -> &str {
    match object.name.rsplit_once('-') {
        Some((name, _)) if object.kind == "Job" => name,
        _ => &object.name,
    }
}

/// What a patch says by itself, without what it removes.
///
/// To Kubernetes' types here no field is missing, so what can be read by itself can be read wherever it is merged. It need not be merged
/// into hundreds of objects to see that.
pub(crate) fn alone(merge: &Map<String, Value>) -> Value {
    let mut value = Value::Object(merge.clone());
    without_nulls(&mut value);
    value
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
        CronJob => "CronJob",
        Job => "Job",
        NetworkPolicy => "NetworkPolicy",
        PersistentVolumeClaim => "PersistentVolumeClaim",
        PodDisruptionBudget => "PodDisruptionBudget",
        Service => "Service",
        ServiceAccount => "ServiceAccount",
        StatefulSet => "StatefulSet",
    )
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
    if change.is_null() {
        fields.shift_remove(key);
        return;
    }
    if !fields.contains_key(key) {
        fields.insert(key.to_owned(), Value::Null);
    }
    let Some(field) = fields.get_mut(key) else { return };
    match (change, merge_keys(key)) {
        (Value::Array(_), []) => *field = added(change),
        (Value::Array(changes), keys) => merge_list(field, changes, keys),
        _ => merge(field, change),
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
    let identity = |item: &Value| -> Vec<Option<Value>> {
        let default = |key: &str| (key == "/protocol").then(|| Value::from("TCP"));
        keys.iter().map(|key| item.pointer(key).cloned().or_else(|| default(key))).collect()
    };
    let mut known = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        known.entry(identity(item)).or_insert(index);
    }
    for change in changes {
        match known.entry(identity(change)) {
            Occupied(place) if change.is_object() => merge(&mut items[*place.get()], change),
            place => {
                place.or_insert(items.len());
                items.push(added(change));
            }
        }
    }
}

/// A value where there was none: there is nothing that it could remove.
fn added(change: &Value) -> Value {
    let mut value = change.clone();
    without_nulls(&mut value);
    value
}
