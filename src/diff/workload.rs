//! What the rules ask about StatefulSets: their pods, their server, its engine, what they mount.

use serde_json::Value;

use super::object::{Object, Side};
use crate::spec::{directives::Version, types::EngineName};

const TEMPLATE: &str = "/spec/template/spec";

/// The names of a StatefulSet's pods, in order.
pub(crate) fn pods(object: &Object) -> Vec<String> {
    let start = object.get("/spec/ordinals/start").and_then(Value::as_u64).unwrap_or(0);
    (start..start + replicas(object))
        .map(|ordinal| format!("{}-{ordinal}", object.id.name))
        .collect()
}

/// How many pods a StatefulSet has; 1 where it does not say. No more than a cluster can have.
pub(crate) fn replicas(object: &Object) -> u64 {
    object.get("/spec/replicas").and_then(Value::as_u64).unwrap_or(1).min(10_000)
}

/// The containers of a pod template.
pub(crate) fn containers(object: &Object) -> impl Iterator<Item = &Value> {
    let list = object.get(&format!("{TEMPLATE}/containers")).and_then(Value::as_array);
    list.into_iter().flatten()
}

/// The container that runs the server: by its name, or else by its image.
pub(crate) fn server(object: &Object) -> Option<&Value> {
    let text = |container: &Value, key: &str| {
        container.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let by_name = containers(object)
        .find(|container| matches!(text(container, "name").as_str(), "redis" | "valkey"));
    by_name.or_else(|| {
        containers(object).find(|container| engine_of(&text(container, "image")).is_some())
    })
}

/// Whether a StatefulSet runs a Redis or Valkey server.
pub(crate) fn is_cluster(object: &Object) -> bool {
    object.id.kind == "StatefulSet" && server(object).is_some()
}

/// The cluster that an object belongs to: its instance label, or else the Service of its pods.
pub(crate) fn cluster(object: &Object) -> &str {
    match object.text("/spec/selector/matchLabels/app.kubernetes.io~1instance") {
        "" => match object.text("/metadata/labels/app.kubernetes.io~1instance") {
            "" => object.text("/spec/serviceName"),
            instance => instance,
        },
        instance => instance,
    }
}

/// The names of the pods that a side's lists of pods mark as on their way out of the cluster.
pub(crate) fn retiring<'a>(side: &'a Side, namespace: &'a str) -> impl Iterator<Item = &'a str> {
    side.of_kind("ConfigMap")
        .filter(move |object| object.id.namespace == namespace)
        .flat_map(|object| object.text("/data/topology").lines())
        .filter_map(|line| {
            let mut words = line.split(' ');
            let host = words.next()?;
            words.nth(1).into_iter().chain(words).find(|word| *word == "retiring")?;
            host.split('.').next()
        })
}

/// The Job that works on the same cluster as an object.
pub(super) fn job<'a>(side: &'a Side, of: &'a Object) -> Option<&'a Object> {
    side.of_kind("Job").find(|job| {
        job.id.namespace == of.id.namespace
            && job.text("/metadata/labels/app.kubernetes.io~1instance") == cluster(of)
    })
}

/// Whether the StatefulSet holds one shard of several, rather than the pods of all.
pub(crate) fn is_shard(object: &Object) -> bool {
    object.get("/spec/selector/matchLabels/redis-cluster-gen.dev~1shard").is_some()
}

/// An engine and its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) engine: EngineName,
    pub(crate) version: Version,
    pub(crate) patch: u32,
}

/// The server that an image runs, where its name and tag tell.
pub(crate) fn server_of(image: &str) -> Option<Server> {
    let engine = engine_of(image)?;
    let tag = image.split('@').next()?.rsplit('/').next()?.split_once(':')?.1;
    let version = Version::parse(tag.split('-').next()?)?;
    let patch = tag.split(['.', '-']).nth(2).and_then(|patch| patch.parse().ok()).unwrap_or(0);
    Some(Server { engine, version, patch })
}

fn engine_of(image: &str) -> Option<EngineName> {
    let name = image.split('@').next()?.rsplit('/').next()?.split(':').next()?;
    if name.contains("exporter") {
        None
    } else if name.contains("valkey") {
        Some(EngineName::Valkey)
    } else if name.contains("redis") {
        Some(EngineName::Redis)
    } else {
        None
    }
}

/// The server that a StatefulSet runs.
///
/// The image's name and tag tell it, or, where it has a name of its own or a digest, what we have written beside it.
pub(crate) fn runs(object: &Object) -> Option<Server> {
    let server = server(object)?;
    server_of(server.get("image")?.as_str()?).or_else(|| {
        let variables = server.get("env")?.as_array()?;
        let engine =
            variables.iter().find(|one| one["name"] == "ENGINE")?.get("value")?.as_str()?;
        let version = object.text("/metadata/labels/app.kubernetes.io~1version");
        server_of(&format!("{engine}:{version}"))
    })
}

/// The memory limit of the server in bytes.
pub(super) fn memory_limit(object: &Object) -> Option<u128> {
    let limit = server(object)?.pointer("/resources/limits/memory")?;
    let text = limit.as_str().map_or_else(|| limit.to_string(), str::to_owned);
    let quantity = crate::spec::quantity::Quantity::new(&text);
    quantity.is_valid().then(|| u128::from(quantity.whole()))
}

/// Whether changed pods wait for somebody to delete them.
pub(crate) fn waits(object: &Object) -> bool {
    let partition = object.get("/spec/updateStrategy/rollingUpdate/partition");
    object.text("/spec/updateStrategy/type") == "OnDelete"
        || partition.and_then(Value::as_u64).is_some_and(|partition| partition >= replicas(object))
}

/// How a pod template uses a ConfigMap or a Secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// As files that follow the object.
    Mount,
    /// In the environment, or as single files, which stay as they were when the pod started.
    Start,
}

/// How an object uses a ConfigMap or a Secret, if it does.
pub(super) fn uses(object: &Object, kind: &str, name: &str) -> Option<Use> {
    let spec = object.get(TEMPLATE)?;
    let (volume, volume_name, env, env_from) = match kind {
        "ConfigMap" => ("configMap", "name", "configMapKeyRef", "configMapRef"),
        "Secret" => ("secret", "secretName", "secretKeyRef", "secretRef"),
        _ => return None,
    };
    let list = |value: &Value, key: &str| -> Vec<Value> {
        value.get(key).and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let is = |value: Option<&Value>| value.and_then(Value::as_str) == Some(name);
    let mounts = |item: &Value| {
        is(item.get(volume).and_then(|source| source.get(volume_name)))
            || item.get("projected").is_some_and(|projected| {
                list(projected, "sources")
                    .iter()
                    .any(|source| is(source.get(volume).and_then(|source| source.get("name"))))
            })
    };
    let volumes: Vec<String> = list(spec, "volumes")
        .iter()
        .filter(|item| mounts(item))
        .filter_map(|item| item.get("name").and_then(Value::as_str).map(str::to_owned))
        .collect();
    let mut found = None;
    for container in list(spec, "containers").iter().chain(&list(spec, "initContainers")) {
        let in_environment = list(container, "env")
            .iter()
            .any(|variable| is(variable.pointer(&format!("/valueFrom/{env}/name"))))
            || list(container, "envFrom")
                .iter()
                .any(|source| is(source.pointer(&format!("/{env_from}/name"))));
        if in_environment {
            return Some(Use::Start);
        }
        for mount in list(container, "volumeMounts") {
            let mounted = mount.get("name").and_then(Value::as_str).unwrap_or_default();
            if volumes.iter().any(|volume| volume == mounted) {
                if mount.get("subPath").is_some() {
                    return Some(Use::Start);
                }
                found = Some(Use::Mount);
            }
        }
    }
    found
}

/// The StatefulSets of a side that use a ConfigMap or a Secret.
pub(super) fn users<'a>(side: &'a Side, of: &'a Object) -> impl Iterator<Item = (&'a Object, Use)> {
    side.of_kind("StatefulSet").filter_map(|object| {
        let same = object.id.namespace == of.id.namespace;
        let used = uses(object, &of.id.kind, &of.id.name).filter(|_| same)?;
        Some((object, used))
    })
}

/// The newest version of its dump file that a server reads, or the one it writes: `RDB_VERSION` in `rdb.h` of each release. Valkey 9 writes 80, and up
/// to then neither engine reads what the other numbered after they parted.
fn dump_version(server: Server) -> u32 {
    match (server.engine, server.version) {
        (EngineName::Redis, version) if version < Version(7, 2) => 10,
        (EngineName::Redis, version) if version < Version(7, 4) => 11,
        (EngineName::Redis, _) => 12,
        (EngineName::Valkey, version) if version < Version(9, 0) => 11,
        (EngineName::Valkey, _) => 80,
    }
}

/// Whether a server reads the files that another one wrote, its list of nodes among them.
pub(crate) fn reads(server: Server, files_of: Server) -> bool {
    let (reads, written) = (dump_version(server), dump_version(files_of));
    // What Redis 8 says of itself on the bus, Valkey from 8.1 on takes for an address, and writes it into its list of nodes, which Redis then calls
    // corrupted: seen with Valkey 8.1.1 and Redis 8.0.2.
    let takes_it_for_an_address = |server: Server, other: Server| {
        server.engine == EngineName::Valkey
            && server.version >= Version(8, 1)
            && other.engine == EngineName::Redis
            && other.version >= Version(8, 0)
    };
    if takes_it_for_an_address(files_of, server) {
        return false;
    }
    match server.engine {
        EngineName::Redis => written <= reads,
        EngineName::Valkey => written <= 11 || (written == 80 && reads == 80),
    }
}

#[cfg(test)]
mod tests {
    use super::{reads, server_of};
    use crate::spec::{directives::Version, types::EngineName};

    #[test]
    fn images_tell_their_server() {
        let server =
            server_of("registry.example.com:5000/a/redis:7.4.1-alpine@sha256:0").expect("one");
        assert_eq!(
            (server.engine, server.version, server.patch),
            (EngineName::Redis, Version(7, 4), 1)
        );
        assert_eq!(server_of("valkey/valkey:9.0.0").expect("one").engine, EngineName::Valkey);
        for other in ["redis", "redis:latest", "nginx:1.2", "oliver006/redis_exporter:v1.70.0"] {
            assert_eq!(server_of(other), None, "{other}");
        }
    }

    #[test]
    fn who_reads_whose_files() {
        let server = |image: &str| server_of(image).expect("a server");
        for (new, old, expected) in [
            ("redis:8.0.6", "redis:7.0.15", true),
            ("redis:7.0.15", "redis:7.2.5", false),
            ("redis:7.4.1", "redis:8.0.6", true),
            ("valkey:8.0.1", "redis:7.2.5", true),
            ("valkey:8.0.1", "redis:7.4.1", false),
            ("valkey:9.0.0", "valkey:8.1.1", true),
            ("valkey:8.1.1", "valkey:9.0.0", false),
            ("valkey:9.0.0", "redis:8.0.6", false),
            ("redis:8.0.6", "valkey:9.0.0", false),
            ("redis:7.2.5", "valkey:8.0.1", true),
            ("redis:8.0.6", "valkey:8.0.1", true),
            ("redis:8.0.6", "valkey:8.1.1", false),
            ("redis:7.2.5", "valkey:8.1.1", true),
        ] {
            assert_eq!(reads(server(new), server(old)), expected, "{new} after {old}");
        }
    }
}
