//! What differs between two versions of an object, after Kubernetes' own meaning of it.

use std::{borrow::Cow, collections::BTreeSet};

use serde_json::Value;

use super::{conf, defaults, path::Path};
use crate::spec::quantity::Quantity;

/// A value that is not what it was.
#[derive(Debug, Clone)]
pub struct Difference {
    /// Where.
    pub path: Path,
    /// The value on the old side; none where there was none.
    pub old: Option<Value>,
    /// The value on the new side; none where there is none.
    pub new: Option<Value>,
    /// Whether both mean the same.
    pub same: bool,
    /// Whether it is about a directive in a text.
    pub directive: bool,
}

/// The differences between two versions of an object of a kind, in order of their paths.
pub(super) fn differences(kind: &str, old: &Value, new: &Value, live: bool) -> Vec<Difference> {
    let mut found = Comparison { kind, live, found: Vec::new() };
    found.values(&Path::default(), Some(old), Some(new), &Value::Null, &Value::Null);
    found.found
}

struct Comparison<'a> {
    kind: &'a str,
    /// Whether the old side was read from a server.
    live: bool,
    found: Vec<Difference>,
}

impl Comparison<'_> {
    fn push(&mut self, path: &Path, old: Option<&Value>, new: Option<&Value>, same: bool) {
        self.found.push(Difference {
            path: path.clone(),
            old: old.cloned(),
            new: new.cloned(),
            same,
            directive: false,
        });
    }

    /// Compares two values; the parents are the mappings that they stand in.
    fn values(
        &mut self,
        path: &Path,
        old: Option<&Value>,
        new: Option<&Value>,
        old_parent: &Value,
        new_parent: &Value,
    ) {
        let old = old.filter(|value| !value.is_null());
        let new = new.filter(|value| !value.is_null());
        match (old, new) {
            (None, None) => {}
            (Some(old), Some(new)) if old == new => {}
            (Some(old @ Value::Object(_)), Some(new @ Value::Object(_))) => {
                self.mappings(path, old, new);
            }
            (Some(Value::Array(a)), Some(Value::Array(b))) => self.lists(path, a, b),
            (Some(Value::String(a)), Some(Value::String(b))) if self.is_conf(path) => {
                self.confs(path, a, b);
            }
            (Some(a), Some(b)) => self.push(path, old, new, is_same(path, a, b)),
            (one, other) => {
                let (value, parent) = match one.or(other) {
                    Some(value) if one.is_some() => (value, old_parent),
                    Some(value) => (value, new_parent),
                    None => return,
                };
                if defaults::is_empty(path, value) {
                    return;
                }
                let allocated = defaults::is_allocated(self.kind, path, value);
                // What the server chose itself is no difference to manifests that leave it to it.
                if allocated && new.is_none() && self.live {
                    return;
                }
                if defaults::is_default(self.kind, path, value, parent) {
                    self.push(path, old, new, true);
                } else if let (Value::Object(_), true) = (value, is_open(path.last())) {
                    let nothing = Value::Object(serde_json::Map::new());
                    self.mappings(path, old.unwrap_or(&nothing), new.unwrap_or(&nothing));
                } else {
                    self.push(path, old, new, false);
                }
            }
        }
    }

    fn mappings(&mut self, path: &Path, old: &Value, new: &Value) {
        let keys = |value: &Value| {
            value.as_object().map(|fields| fields.keys().cloned().collect::<BTreeSet<_>>())
        };
        let keys: BTreeSet<_> = [keys(old), keys(new)].into_iter().flatten().flatten().collect();
        for key in keys {
            self.values(&path.field(&key), old.get(&key), new.get(&key), old, new);
        }
    }

    fn is_conf(&self, path: &Path) -> bool {
        self.kind == "ConfigMap" && path.parent() == "data" && conf::is_conf(path.last())
    }

    fn confs(&mut self, path: &Path, old: &str, new: &str) {
        let (old_directives, new_directives) = (conf::directives(old), conf::directives(new));
        let names: BTreeSet<_> = old_directives.keys().chain(new_directives.keys()).collect();
        let before = self.found.len();
        for name in names {
            let value = |directives: &conf::Directives| {
                directives.get(name).map(|values| conf::effective(name, values))
            };
            let (old, new) = (value(&old_directives), value(&new_directives));
            if old == new {
                continue;
            }
            let same = match (&old, &new) {
                (Some(old), Some(new)) => conf::is_same(old, new),
                _ => false,
            };
            self.found.push(Difference {
                path: path.directive(name),
                old: old.map(Value::String),
                new: new.map(Value::String),
                same,
                directive: true,
            });
        }
        if self.found.len() == before {
            // Comments, blanks, the order of lines.
            self.push(path, Some(&old.into()), Some(&new.into()), true);
        }
    }

    fn lists(&mut self, path: &Path, old: &[Value], new: &[Value]) {
        if is_set(path) {
            let (a, b): (BTreeSet<_>, BTreeSet<_>) = (texts(old), texts(new));
            let same = a == b;
            self.push(path, Some(&Value::from(old)), Some(&Value::from(new)), same);
        } else if let Some(key) = list_key(self.kind, path.last(), old, new) {
            self.keyed(path, old, new, key);
        } else if old.iter().chain(new).all(Value::is_object) {
            self.objects(path, old, new);
        } else {
            self.push(path, Some(&Value::from(old)), Some(&Value::from(new)), false);
        }
    }

    /// Lists whose items have keys: the order says nothing, with two exceptions.
    fn keyed(&mut self, path: &Path, old: &[Value], new: &[Value], key: Key) {
        let labels = |items: &[Value]| items.iter().map(key).collect::<Vec<_>>();
        let (old_labels, new_labels) = (labels(old), labels(new));
        let all: BTreeSet<_> = old_labels.iter().chain(&new_labels).flatten().cloned().collect();
        for label in all {
            let of = |labels: &[Option<String>]| {
                labels.iter().position(|other| other.as_deref() == Some(&label))
            };
            let (a, b) = (of(&old_labels), of(&new_labels));
            let path = path.item(label.clone());
            self.values(&path, a.map(|a| &old[a]), b.map(|b| &new[b]), &Value::Null, &Value::Null);
        }
        let common = |labels: &[Option<String>], others: &[Option<String>]| {
            labels.iter().filter(|label| others.contains(label)).cloned().collect::<Vec<_>>()
        };
        let moved = common(&old_labels, &new_labels) != common(&new_labels, &old_labels);
        // Init containers run in order; a variable may use those before it.
        let ordered = path.last() == "initContainers"
            || path.last() == "env" && old.iter().chain(new).any(uses_others);
        if moved && ordered {
            let order = |labels: Vec<Option<String>>| {
                Value::from(labels.into_iter().flatten().collect::<Vec<_>>())
            };
            self.push(
                &path.item("order"),
                Some(&order(old_labels)),
                Some(&order(new_labels)),
                false,
            );
        }
    }

    /// Lists of objects without keys, such as rules and tolerations: what both sides have is left out, the rest is paired in order.
    fn objects(&mut self, path: &Path, old: &[Value], new: &[Value]) {
        let mut rest: Vec<(usize, &Value)> = new.iter().enumerate().collect();
        let mut unmatched = Vec::new();
        for (index, item) in old.iter().enumerate() {
            let same = rest.iter().position(|(_, other)| {
                differences(self.kind, item, other, false).iter().all(|difference| difference.same)
            });
            match same {
                Some(same) => {
                    rest.remove(same);
                }
                None => unmatched.push((index, item)),
            }
        }
        let longest = unmatched.len().max(rest.len());
        for place in 0..longest {
            let (a, b) = (unmatched.get(place), rest.get(place));
            let index = a.or(b).map_or(0, |(index, _)| *index);
            let (a, b) = (a.map(|(_, item)| *item), b.map(|(_, item)| *item));
            self.values(&path.item(index.to_string()), a, b, &Value::Null, &Value::Null);
        }
    }
}

/// Mappings of which each entry is a setting of its own, also where all of them are new.
fn is_open(name: &str) -> bool {
    matches!(
        name,
        "annotations"
            | "binaryData"
            | "data"
            | "labels"
            | "limits"
            | "metadata"
            | "nodeSelector"
            | "ordinals"
            | "persistentVolumeClaimRetentionPolicy"
            | "requests"
            | "resources"
            | "rollingUpdate"
            | "spec"
            | "strategy"
            | "updateStrategy"
    )
}

/// Lists of words whose order says nothing.
fn is_set(path: &Path) -> bool {
    matches!(
        path.last(),
        "accessModes" | "policyTypes" | "finalizers" | "add" | "drop" | "verbs" | "resourceNames"
    )
}

fn texts(items: &[Value]) -> BTreeSet<Cow<'_, str>> {
    items
        .iter()
        .map(|item| match item {
            Value::String(text) => Cow::Borrowed(text.as_str()),
            other => Cow::Owned(other.to_string()),
        })
        .collect()
}

fn uses_others(variable: &Value) -> bool {
    variable.get("value").and_then(Value::as_str).is_some_and(|value| value.contains("$("))
}

type Key = fn(&Value) -> Option<String>;

/// How items of a list are told apart, as by `patchMergeKey` and `listMapKey` of the Kubernetes API; none where an item lacks its key or two have the same.
fn list_key(kind: &str, list: &str, old: &[Value], new: &[Value]) -> Option<Key> {
    fn text(item: &Value, key: &str) -> Option<String> {
        match item.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
    fn port(item: &Value, number: &str) -> Option<String> {
        let protocol = text(item, "protocol").unwrap_or_else(|| "TCP".to_owned());
        Some(format!("{}/{protocol}", text(item, number)?))
    }
    let key: Key = match (kind, list) {
        (
            _,
            "containers"
            | "initContainers"
            | "ephemeralContainers"
            | "env"
            | "volumes"
            | "imagePullSecrets"
            | "resourceClaims"
            | "secrets",
        ) => |item| text(item, "name"),
        (_, "volumeClaimTemplates") => |item| text(item.get("metadata")?, "name"),
        (_, "volumeMounts") => |item| text(item, "mountPath"),
        (_, "volumeDevices") => |item| text(item, "devicePath"),
        ("Service", "ports") => |item| port(item, "port"),
        ("NetworkPolicy", "ports") => return None,
        ("PrometheusRule", "groups") => |item| text(item, "name"),
        ("PrometheusRule", "rules") => |item| text(item, "alert"),
        (_, "ports") => |item| port(item, "containerPort"),
        (_, "hostAliases") => |item| text(item, "ip"),
        (_, "topologySpreadConstraints") => |item| {
            Some(format!("{}/{}", text(item, "topologyKey")?, text(item, "whenUnsatisfiable")?))
        },
        (_, "ownerReferences") => |item| text(item, "uid"),
        (_, "items" | "sources") => |item| text(item, "key").or_else(|| text(item, "path")),
        _ => return None,
    };
    let distinct = |items: &[Value]| {
        let labels: BTreeSet<_> = items.iter().filter_map(key).collect();
        labels.len() == items.len()
    };
    (distinct(old) && distinct(new)).then_some(key)
}

/// Whether two values mean the same to Kubernetes where they stand.
fn is_same(path: &Path, old: &Value, new: &Value) -> bool {
    if path.is("apiVersion") {
        // Another version of the same group: the server keeps one object under all of them.
        return true;
    }
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let (Some(old), Some(new)) = (text(old), text(new)) else { return false };
    if is_quantity(path) {
        let (old, new) = (Quantity::new(&old), Quantity::new(&new));
        return old.is_valid() && new.is_valid() && old.nano() == new.nano();
    }
    let is_int_or_string = matches!(
        path.last(),
        "port" | "targetPort" | "maxUnavailable" | "minAvailable" | "maxSurge"
    );
    is_int_or_string && old == new
}

fn is_quantity(path: &Path) -> bool {
    matches!(path.parent(), "limits" | "requests" | "capacity" | "hard" | "allocatedResources")
        || matches!(path.last(), "sizeLimit" | "divisor")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::differences;

    fn told(kind: &str, old: Value, new: Value) -> Vec<String> {
        differences(kind, &old, &new, false)
            .iter()
            .map(|found| format!("{}{}", found.path, if found.same { " same" } else { "" }))
            .collect()
    }

    #[test]
    fn lists_are_matched_by_their_keys() {
        let old = json!({"containers": [{"name": "a", "image": "x:1"}, {"name": "b"}]});
        let new = json!({"containers": [{"name": "b"}, {"name": "a", "image": "x:2"}]});
        assert_eq!(told("StatefulSet", old, new), ["containers[a].image"]);
        let old = json!({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)"}]});
        let new = json!({"env": [{"name": "B", "value": "$(A)"}, {"name": "A", "value": "1"}]});
        assert_eq!(told("StatefulSet", old, new), ["env[order]"]);
        let old = json!({"tolerations": [{"key": "a"}, {"key": "b"}]});
        let new = json!({"tolerations": [{"key": "b"}, {"key": "a"}]});
        assert!(told("StatefulSet", old, new).is_empty());
    }

    #[test]
    fn values_are_compared_by_their_meaning() {
        let old = json!({"limits": {"memory": "1024Mi", "cpu": 1}, "image": "x:1"});
        let new = json!({"limits": {"memory": "1Gi", "cpu": "1000m"}, "image": "x:1",
            "imagePullPolicy": "IfNotPresent", "env": []});
        assert_eq!(
            told("StatefulSet", old, new),
            ["imagePullPolicy same", "limits.cpu same", "limits.memory same"]
        );
        let ports = json!({"ports": [{"port": 80, "targetPort": 80, "protocol": "TCP"}]});
        assert_eq!(
            told("Service", json!({"ports": [{"port": 80}]}), ports),
            ["ports[80/TCP].protocol same", "ports[80/TCP].targetPort same"]
        );
        assert_eq!(told("StatefulSet", json!({"emptyDir": {}}), json!({})), ["emptyDir"]);
    }

    #[test]
    fn configuration_is_compared_by_directive() {
        let old = json!({"data": {"redis.conf": "# one\nmaxmemory 1gb\nport 6379\n"}});
        let new = json!({"data": {"redis.conf": "maxmemory 1024mb\nport 6380\ntimeout 1\n"}});
        assert_eq!(
            told("ConfigMap", old, new),
            [
                "data[\"redis.conf\"].maxmemory same",
                "data[\"redis.conf\"].port",
                "data[\"redis.conf\"].timeout"
            ]
        );
    }
}
