//! Everything that is decided before objects are built: names, sizes, addresses, settings.
//!
//! In comes a spec that was checked, out comes a [`Plan`] in which nothing is left open.

mod config;
mod external;
pub(crate) mod memory;
pub mod names;
mod users;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    EnvVar, PodSecurityContext, ResourceRequirements, SeccompProfile,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as KubeQuantity;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use config::Config;
pub(crate) use config::patched_files;
pub(crate) use external::PORTS_PER_SHARD;
pub use external::{ExternalPlan, ExternalPod};
use names::Names;
pub use users::UserSecrets;

use crate::{
    objects::patch,
    spec::{
        KubeVersion, Options,
        directives::Version,
        kube::decode,
        quantity::Quantity,
        types::{
            Alerts, Auth, AuthMode, Backup, Bootstrap, Certificate, Dashboard, Engine, EngineName,
            Exporter, GitOps, IpFamily, Layout, Lifecycle, Manifest, MaxmemoryPolicy, Monitor,
            Network, Patch, Pod, Probes, PullPolicy, RedisCluster, Restore, SecretKey, SpreadRule,
            Storage, Topology, password_key,
        },
    },
};

/// One cluster, wholly decided.
#[derive(Debug)]
pub struct Plan {
    /// The names of the objects.
    pub names: Names,
    /// The namespace of the objects, where they carry one.
    pub namespace: Option<String>,
    /// Labels of every object's own metadata.
    pub labels: BTreeMap<String, String>,
    /// Annotations of every object's own metadata.
    pub annotations: BTreeMap<String, String>,
    /// The oldest Kubernetes that the objects must work on.
    pub kube_version: KubeVersion,
    /// Which server runs; its programs are called `NAME-server` and `NAME-cli`.
    pub engine: EngineName,
    /// The image of all containers of ours.
    pub image: Image,
    /// The number of shards.
    pub shards: u32,
    /// Replicas of each shard, in addition to its master.
    pub replicas_per_shard: u32,
    /// The StatefulSets with their pods.
    pub stateful_sets: Vec<StatefulSetPlan>,
    /// How strictly pods are kept on different nodes.
    pub spread_nodes: Option<SpreadRule>,
    /// How strictly pods are kept in different zones.
    pub spread_zones: SpreadRule,
    /// The zones that pods may run in; empty for any.
    pub zones: Vec<String>,
    /// The port for clients.
    pub client_port: u16,
    /// The port of the cluster bus.
    pub bus_port: u16,
    /// The address family that nodes announce, where it was chosen.
    pub ip_family: Option<IpFamily>,
    /// Services, policy and hostnames.
    pub network: Network,
    /// How clients outside reach each pod, where they do.
    pub external: Option<ExternalPlan>,
    /// The volume of each pod.
    pub storage: Storage,
    /// The files of the ConfigMap.
    pub config: Config,
    /// The Secret with the password, where there is one.
    pub password: Option<SecretKey>,
    /// The Secrets with the passwords of users.
    pub users: UserSecrets,
    /// Encryption, where there is any.
    pub tls: Option<TlsPlan>,
    /// Timings of the probes.
    pub probes: Probes,
    /// How pods are stopped, replaced and evicted.
    pub lifecycle: Lifecycle,
    /// Processor time and memory of the server's container.
    pub resources: ResourceRequirements,
    /// The security context of all pods.
    pub pod_security: PodSecurityContext,
    /// Additions to the pods.
    pub pod: Pod,
    /// The bootstrap Job.
    pub bootstrap: Bootstrap,
    /// How backups are made, where they are.
    pub backup: Option<Backup>,
    /// The backup that the cluster is filled with, where there is one.
    pub restore: Option<Restore>,
    /// What tells the metrics, where there is something.
    pub exporter: Option<ExporterPlan>,
    /// How Prometheus finds it.
    pub monitor: Monitor,
    /// The alerts, where there are any.
    pub alerts: Option<Alerts>,
    /// The dashboard, where there is one.
    pub dashboard: Option<Dashboard>,
    /// The most that `maxmemory` may be with the memory limit that the pods have, as a directive's value.
    pub maxmemory_limit: Option<String>,
    /// What happens when the memory is full.
    pub maxmemory_policy: MaxmemoryPolicy,
    /// The GitOps tool that applies the objects.
    pub gitops: GitOps,
    /// Changes to the objects.
    pub patches: Vec<Patch>,
    /// Further objects.
    pub extra_manifests: Vec<Manifest>,
}

/// The exporter beside each server.
#[derive(Debug, Clone)]
pub struct ExporterPlan {
    /// Its image.
    pub image: Image,
    /// The port with the metrics.
    pub port: u16,
    /// Processor time and memory.
    pub resources: ResourceRequirements,
    /// The user's settings.
    pub env: Vec<EnvVar>,
    /// Whether they make it read the server's configuration.
    pub reads_config: bool,
}

/// An image and how nodes get it.
#[derive(Debug, Clone)]
pub struct Image {
    /// The image with its tag or digest.
    pub reference: String,
    /// When the kubelet pulls it.
    pub pull_policy: PullPolicy,
    /// Secrets with credentials for the registry.
    pub pull_secrets: Vec<String>,
}

/// Encryption.
#[derive(Debug, Clone)]
pub struct TlsPlan {
    /// The Secret with the certificate.
    pub secret_name: String,
    /// The Certificate that makes it, where cert-manager is to make it.
    pub certificate: Option<Certificate>,
    /// The port for clients without encryption, where there is one.
    pub plaintext_port: Option<u16>,
    /// Whether servers say in `INFO` when the certificate ends.
    pub end_is_told: bool,
}

/// One StatefulSet.
#[derive(Debug, Clone)]
pub struct StatefulSetPlan {
    /// Its name.
    pub name: String,
    /// The shard that its pods serve, where that is fixed.
    pub shard: Option<u32>,
    /// The number of its pods.
    pub pods: u32,
    /// How many of them, the last ones, are on their way out of the cluster.
    pub retiring: u32,
}

impl StatefulSetPlan {
    /// The names of its pods, in order.
    pub fn pod_names(&self) -> impl Iterator<Item = String> {
        (0..self.pods).map(|ordinal| format!("{}-{ordinal}", self.name))
    }
}

impl Plan {
    /// The ports at which servers listen for clients, the lowest and the highest: the same for all, but where each pod has one of its own.
    pub fn client_ports(&self) -> (u16, u16) {
        let own = self.external.as_ref().and_then(ExternalPlan::ports);
        own.unwrap_or((self.client_port, self.client_port))
    }

    /// Whether there is a StatefulSet for each shard.
    pub fn is_per_shard(&self) -> bool {
        self.stateful_sets.first().is_some_and(|set| set.shard.is_some())
    }

    /// How strictly pods are kept apart on nodes: those of a shard, or all of them, which are alike where one StatefulSet has them all. `Required` would
    /// ask for as many nodes as pods there.
    pub fn spread_nodes(&self, of_a_shard: bool) -> SpreadRule {
        let default = if of_a_shard { SpreadRule::Required } else { SpreadRule::Preferred };
        self.spread_nodes.unwrap_or(default)
    }

    /// Whether each pod has a client port of its own.
    pub fn has_own_ports(&self) -> bool {
        self.external.as_ref().is_some_and(|external| external.ports().is_some())
    }

    /// Decides everything that the spec leaves open.
    pub fn new(cluster: &RedisCluster, options: &Options) -> Plan {
        let RedisCluster { api_version: _, kind: _, metadata, spec } = cluster;
        let topology = &spec.topology;
        let names = Names { cluster: metadata.name.clone() };
        let namespace = options.namespace.clone().or_else(|| metadata.namespace.clone());
        let stateful_sets = stateful_sets(&names, topology);
        let client_port = port(spec.network.client_port);
        let bus_port = spec.network.bus_port.map_or_else(
            || derived_bus_port(namespace.as_deref().unwrap_or_default(), &names.cluster),
            port,
        );
        let pod_resources = &spec.pod.resources;
        let resources = resources(&pod_resources.requests, &pod_resources.limits, "100m");
        let observability = &spec.observability;
        let external = spec.network.external.as_ref();
        let external = external.map(|external| ExternalPlan::new(external, &stateful_sets));
        let config =
            Config::new(spec, &names, &stateful_sets, external.as_ref(), client_port, bus_port);
        Plan {
            namespace,
            labels: object_labels(&names, &spec.engine, &metadata.labels),
            annotations: metadata.annotations.clone(),
            kube_version: options.kube_version,
            engine: spec.engine.name,
            image: image(&spec.engine),
            shards: topology.shards,
            replicas_per_shard: topology.replicas_per_shard,
            spread_nodes: topology.spread.nodes,
            spread_zones: topology.spread.zones,
            zones: topology.zones.clone(),
            client_port,
            bus_port,
            ip_family: spec.network.ip_families.first().copied(),
            network: spec.network.clone(),
            external,
            storage: spec.storage.clone(),
            config,
            password: password(&spec.auth, &names),
            users: UserSecrets::new(&spec.auth, &names),
            tls: spec.tls.as_ref().map(|tls| TlsPlan {
                secret_name: tls.secret_name.clone().unwrap_or_else(|| names.tls_secret()),
                certificate: tls.certificate.clone(),
                plaintext_port: tls.plaintext_port.map(port),
                end_is_told: tells_end_of_certificate(&spec.engine),
            }),
            probes: spec.probes,
            lifecycle: spec.lifecycle.clone(),
            resources,
            pod_security: pod_security(&spec.pod),
            pod: spec.pod.clone(),
            bootstrap: spec.bootstrap.clone(),
            backup: spec.backup.clone(),
            restore: spec.restore.clone(),
            exporter: exporter(&observability.exporter, &spec.engine),
            monitor: observability.monitor.clone(),
            alerts: observability.alerts.enabled.then(|| observability.alerts.clone()),
            dashboard: observability.dashboard.enabled.then(|| observability.dashboard.clone()),
            maxmemory_limit: memory::maxmemory_limit(spec).map(memory::directive),
            maxmemory_policy: spec.memory.maxmemory_policy,
            gitops: spec.gitops,
            patches: spec.patches.clone(),
            extra_manifests: spec.extra_manifests.clone(),
            stateful_sets,
            names,
        }
    }
}

fn password(auth: &Auth, names: &Names) -> Option<SecretKey> {
    let default = || SecretKey { name: names.auth_secret(), key: password_key() };
    match auth.mode {
        AuthMode::Password => Some(auth.password_secret.clone().unwrap_or_else(default)),
        AuthMode::None => None,
    }
}

/// The StatefulSets that stay come first, and in each the pods that stay.
fn stateful_sets(names: &Names, topology: &Topology) -> Vec<StatefulSetPlan> {
    let mut sets = of_layout(names, topology, topology.layout);
    if let Some(layout) = topology.retiring.layout.filter(|layout| *layout != topology.layout) {
        let before = of_layout(names, topology, layout);
        sets.extend(before.into_iter().map(|set| StatefulSetPlan { retiring: set.pods, ..set }));
    }
    sets
}

fn of_layout(names: &Names, topology: &Topology, layout: Layout) -> Vec<StatefulSetPlan> {
    let pods = topology.rendered_pods_per_shard();
    match layout {
        Layout::StatefulSetPerShard => (0..topology.rendered_shards())
            .map(|shard| StatefulSetPlan {
                name: names.shard_stateful_set(shard),
                shard: Some(shard),
                pods,
                retiring: if shard < topology.shards {
                    topology.retiring.replicas_per_shard
                } else {
                    pods
                },
            })
            .collect(),
        Layout::SingleStatefulSet => {
            let pods = topology.rendered_shards().saturating_mul(pods);
            let staying = topology.shards.saturating_mul(topology.pods_per_shard());
            vec![StatefulSetPlan {
                name: names.cluster.clone(),
                shard: None,
                pods,
                retiring: pods.saturating_sub(staying),
            }]
        }
    }
}

/// Labels for an object's own metadata. They may change, so the version is among them; the user's come first and ours win.
fn object_labels(
    names: &Names,
    engine: &Engine,
    user: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut labels = user.clone();
    labels.extend(names::labels([
        ("app.kubernetes.io/instance", &names.cluster),
        ("app.kubernetes.io/managed-by", "redis-cluster-gen"),
        ("app.kubernetes.io/name", "redis-cluster"),
        ("app.kubernetes.io/version", &engine.version),
    ]));
    labels
}

fn image(engine: &Engine) -> Image {
    let reference = engine.image.clone().unwrap_or_else(|| {
        let registry = registry(engine);
        let repository = match engine.name {
            EngineName::Redis => "library/redis",
            EngineName::Valkey => "valkey/valkey",
        };
        format!("{registry}/{repository}:{}", engine.version)
    });
    Image { reference, pull_policy: engine.pull_policy, pull_secrets: engine.pull_secrets.clone() }
}

/// Valkey does from 9.1 on (valkey-io/valkey#2913), Redis does not.
fn tells_end_of_certificate(engine: &Engine) -> bool {
    engine.name == EngineName::Valkey
        && Version::parse(&engine.version).is_some_and(|version| version >= Version(9, 1))
}

fn registry(engine: &Engine) -> &str {
    engine.registry.as_deref().unwrap_or("docker.io").trim_end_matches('/')
}

/// The exporter whose flags and metrics are known: docs/observability.md lists what is used of them.
const EXPORTER_IMAGE: &str = "oliver006/redis_exporter:v1.91.1";

fn exporter(exporter: &Exporter, engine: &Engine) -> Option<ExporterPlan> {
    exporter.enabled.then(|| ExporterPlan {
        image: Image {
            reference: exporter
                .image
                .clone()
                .unwrap_or_else(|| format!("{}/{EXPORTER_IMAGE}", registry(engine))),
            pull_policy: exporter.pull_policy,
            pull_secrets: Vec::new(),
        },
        port: port(exporter.port),
        resources: resources(&exporter.resources.requests, &exporter.resources.limits, "10m"),
        env: exporter.env.iter().map(|variable| variable.typed.clone()).collect(),
        reads_config: users::reads_config(exporter),
    })
}

/// Rules have refused what is no port.
fn port(port: u32) -> u16 {
    u16::try_from(port).unwrap_or(u16::MAX)
}

/// A port from 20000 to 29999: above the well-known ones, below those that Kubernetes gives to node ports (30000) and Linux
/// to outgoing connections (32768).
pub(crate) fn derived_bus_port(namespace: &str, name: &str) -> u16 {
    let hash = Sha256::digest(format!("{namespace}/{name}"));
    20_000 + u16::from_be_bytes([hash[0], hash[1]]) % 10_000
}

/// Defaults, then what the spec says: a request for memory is as large as its limit, so that the node cannot run out of what the
/// limit promises.
fn resources(
    requested: &BTreeMap<String, Quantity>,
    limited: &BTreeMap<String, Quantity>,
    cpu: &str,
) -> ResourceRequirements {
    let kube = |quantities: &BTreeMap<String, Quantity>| -> BTreeMap<String, KubeQuantity> {
        quantities
            .iter()
            .map(|(name, quantity)| (name.clone(), KubeQuantity(quantity.canonical())))
            .collect()
    };
    let mut requests = BTreeMap::from([("cpu".to_owned(), KubeQuantity(cpu.to_owned()))]);
    if let Some(memory) = limited.get("memory") {
        requests.insert("memory".to_owned(), KubeQuantity(memory.canonical()));
    }
    requests.extend(kube(requested));
    let limits = kube(limited);
    ResourceRequirements {
        claims: None,
        limits: (!limits.is_empty()).then_some(limits),
        requests: Some(requests),
    }
}

/// The default satisfies the Pod Security Standard `restricted`; 999 is the user of the official images.
fn pod_security(pod: &Pod) -> PodSecurityContext {
    let default = PodSecurityContext {
        fs_group: Some(999),
        // Changing the owner of every file of a large volume at each start takes minutes.
        fs_group_change_policy: Some("OnRootMismatch".to_owned()),
        run_as_group: Some(999),
        run_as_non_root: Some(true),
        run_as_user: Some(999),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".to_owned(),
            ..SeccompProfile::default()
        }),
        ..PodSecurityContext::default()
    };
    let Some(changes) = &pod.security_context else { return default };
    let mut merged = serde_json::to_value(&default).unwrap_or(Value::Null);
    patch::merge(&mut merged, &changes.raw);
    decode(&merged).0
}

/// The first 10 digits of a SHA-256, as `sha256sum` prints it: enough to tell the states of one cluster apart.
pub fn short_hash<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        // A separator that cannot occur in the parts.
        hasher.update([0]);
    }
    hasher.finalize().iter().take(5).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::derived_bus_port;

    #[test]
    fn clusters_have_bus_ports_of_their_own() {
        let ports: Vec<_> = ["", "shop", "prod"]
            .iter()
            .flat_map(|namespace| ["a", "b"].map(|name| derived_bus_port(namespace, name)))
            .collect();
        assert!(ports.iter().all(|port| (20_000..30_000).contains(port)), "{ports:?}");
        let mut distinct = ports.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), ports.len(), "{ports:?}");
        // A namespace and a name that join to the same text are still two clusters.
        assert_ne!(derived_bus_port("a", "b-c"), derived_bus_port("a-b", "c"));
    }
}
