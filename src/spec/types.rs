//! The types of a spec file with their defaults. The JSON Schema and `explain` are made from them.
//!
//! Doc comments here are the documentation of the fields: meaning, unit, default and reason.

use std::collections::BTreeMap;

use k8s_openapi::api::{
    core::v1::{
        Affinity, Container, EnvFromSource, EnvVar, PodSecurityContext, Toleration, Volume,
        VolumeMount,
    },
    networking::v1::{NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{kube::Kube, quantity::Quantity};

/// A Redis or Valkey Cluster: what should run, not how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RedisCluster {
    /// The version of this format.
    pub api_version: ApiVersion,
    /// Always `RedisCluster`.
    pub kind: Kind,
    /// The cluster's name and what is attached to all of its objects.
    pub metadata: Metadata,
    /// What should run.
    pub spec: Spec,
}

/// The version of the spec format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The first version of the format.
    #[serde(rename = "redis-cluster-gen.dev/v1alpha1")]
    V1Alpha1,
}

/// The kind of the spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Kind {
    /// One cluster.
    RedisCluster,
}

/// The cluster's name and what is attached to all of its objects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Metadata {
    /// The name of the cluster. Every object's name begins with it, and it can never be changed: pods and
    /// volumes are found by it. A DNS label of at most 40 characters.
    #[schemars(length(min = 1, max = 40), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// The namespace of every object. Left out, objects carry none and the applying tool decides; `--namespace` overrides it.
    /// It is part of what the bus port is derived from.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub namespace: Option<String>,
    /// Labels for every object, but never for selectors, pod templates or volume claims, so that they can be changed at any time.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Annotations for every object.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// What should run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Spec {
    /// Redis or Valkey, its version and its image.
    pub engine: Engine,
    /// How many shards and replicas, and where their pods may run.
    #[serde(default)]
    pub topology: Topology,
    /// The volume of each pod.
    pub storage: Storage,
    /// What is written to the volume, and when.
    #[serde(default)]
    pub persistence: Persistence,
    /// How much of a pod's memory is for data, and what happens when it is full.
    #[serde(default)]
    pub memory: Memory,
    /// Configuration directives of the engine, by name. A value is text, a number, `true` or `false` (written as `yes` and
    /// `no`), or a list where a directive may be given several times. A directive that is not known to the engine's version is
    /// an error, because the server would not start; so is one that another field of the spec decides.
    #[serde(default)]
    pub config: BTreeMap<String, DirectiveValue>,
    /// Ports, addresses, Services and who may connect.
    #[serde(default)]
    pub network: Network,
    /// Who may log in.
    #[serde(default)]
    pub auth: Auth,
    /// Encryption of everything that servers hear and say: clients, replication, the bus, probes and the bootstrap Job. Default: none.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// Timings of the probes. What they ask is fixed: it was tested against every state that a server can be in.
    #[serde(default)]
    pub probes: Probes,
    /// How pods are stopped, replaced and evicted.
    #[serde(default)]
    pub lifecycle: Lifecycle,
    /// Resources, scheduling, security and additions to the pods.
    #[serde(default)]
    pub pod: Pod,
    /// The Job that creates the cluster, lets new pods join it, moves slots, and takes retiring pods out of it.
    #[serde(default)]
    pub bootstrap: Bootstrap,
    /// Metrics, alerts and a dashboard, for Prometheus and Grafana.
    #[serde(default)]
    pub observability: Observability,
    /// Copies of the data, made regularly by a CronJob. Default: none.
    #[serde(default)]
    pub backup: Option<Backup>,
    /// A backup to fill the cluster with, by a Job that runs once. Keys that are there already stay as they are. Remove the field when the Job has finished.
    #[serde(default)]
    pub restore: Option<Restore>,
    /// The GitOps tool that applies the output. It adds harmless annotations only; the output works without.
    #[serde(default)]
    pub gitops: GitOps,
    /// Changes to rendered objects, for what the spec has no field for. Each is merged into the objects that its target names.
    #[serde(default)]
    pub patches: Vec<Patch>,
    /// Whole Kubernetes objects that are rendered along with the cluster's own.
    #[serde(default)]
    pub extra_manifests: Vec<Manifest>,
}

/// Redis or Valkey, its version and its image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Engine {
    /// Which server runs.
    #[serde(default)]
    pub name: EngineName,
    /// The version of the server, such as `8.0.6`, quoted. Redis 7.0 and up, Valkey 7.2 and up. The directives that are allowed depend
    /// on it, also when `image` is given.
    #[schemars(
        length(max = 63),
        regex(pattern = r"^[0-9]+\.[0-9]+(\.[0-9]+)?([-.][0-9A-Za-z.-]*[0-9A-Za-z])?$")
    )]
    pub version: String,
    /// The image, with a tag or digest. Default: the official image of the version, `redis:VERSION` or `valkey/valkey:VERSION`.
    /// It needs the server and its command line client on the PATH, and a POSIX shell with awk, sed and getent, as the
    /// official images have, Alpine ones too.
    pub image: Option<String>,
    /// A registry to use in place of `docker.io` for the default image, for sites that mirror it, such as `registry.example.com/mirror`.
    pub registry: Option<String>,
    /// When the kubelet pulls the image.
    #[serde(default)]
    pub pull_policy: PullPolicy,
    /// Names of Secrets with credentials for the registry.
    #[serde(default)]
    pub pull_secrets: Vec<String>,
}

/// The server that runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum EngineName {
    /// Redis.
    #[default]
    Redis,
    /// Valkey.
    Valkey,
}

impl EngineName {
    /// The name of the engine, of its programs and of its official image.
    pub fn name(self) -> &'static str {
        match self {
            EngineName::Redis => "redis",
            EngineName::Valkey => "valkey",
        }
    }

    /// The name of the engine in a sentence.
    pub fn title(self) -> &'static str {
        match self {
            EngineName::Redis => "Redis",
            EngineName::Valkey => "Valkey",
        }
    }
}

/// When the kubelet pulls an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PullPolicy {
    /// At every start of a container.
    Always,
    /// When the node does not have it.
    #[default]
    IfNotPresent,
    /// Never; the node must have it.
    Never,
}

/// How many shards and replicas, and where their pods may run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Topology {
    /// The number of shards. Each has one master and serves its part of the 16384 slots. At least 3: a majority of the masters must agree
    /// before a replica takes over.
    #[schemars(range(min = 3, max = 500))]
    pub shards: u32,
    /// Replicas of each shard, in addition to its master. With 0, losing a pod means losing its part of the data until it is back.
    #[schemars(range(max = 10))]
    pub replicas_per_shard: u32,
    /// Pods that are on their way out: still rendered, while the bootstrap Job empties them and takes them out of the cluster. To make a cluster
    /// smaller, lower `shards` or `replicasPerShard`, write the difference here, and delete this block when the Job has finished. To give it
    /// the other layout, write the one that it has here. Default: none.
    pub retiring: Retiring,
    /// One StatefulSet for each shard, or one for all pods. A running cluster changes it in two steps: see `retiring`.
    pub layout: Layout,
    /// How strictly the pods of a shard are kept apart.
    pub spread: Spread,
    /// The zones that pods may run in (values of the node label `topology.kubernetes.io/zone`). Default: any.
    /// A volume often cannot leave its zone, so a pod stays in the zone where it first ran.
    pub zones: Vec<String>,
}

impl Default for Topology {
    fn default() -> Self {
        Topology {
            shards: 3,
            replicas_per_shard: 1,
            retiring: Retiring::default(),
            layout: Layout::default(),
            spread: Spread::default(),
            zones: Vec::new(),
        }
    }
}

impl Topology {
    /// All pods of a shard that stay: its master and its replicas.
    pub fn pods_per_shard(&self) -> u32 {
        self.replicas_per_shard.saturating_add(1)
    }

    /// All shards that are rendered, those that are on their way out included.
    pub fn rendered_shards(&self) -> u32 {
        self.shards.saturating_add(self.retiring.shards)
    }

    /// All pods of a shard that are rendered, those that are on their way out included.
    pub fn rendered_pods_per_shard(&self) -> u32 {
        self.pods_per_shard().saturating_add(self.retiring.replicas_per_shard)
    }
}

/// Pods that are emptied and taken out of the cluster, in addition to those that stay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Retiring {
    /// Shards after the last one that stays. Their slots are moved to the others, then their nodes are removed from the cluster.
    #[schemars(range(max = 497))]
    pub shards: u32,
    /// Replicas of each shard, in addition to those that stay. A master among them hands its shard over first.
    #[schemars(range(max = 10))]
    pub replicas_per_shard: u32,
    /// The layout that the cluster has had: the pods of its StatefulSets retire, all of them, and those of `layout` take their places. Default: none.
    pub layout: Option<Layout>,
}

impl Retiring {
    /// Whether any pod is on its way out.
    pub fn is_any(self) -> bool {
        self != Retiring::default()
    }
}

/// Which StatefulSets there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Layout {
    /// One StatefulSet for each shard. Only this layout can keep a master and its replica on different nodes, and it restarts the shards
    /// at the same time.
    #[default]
    StatefulSetPerShard,
    /// One StatefulSet for all pods: the pods restart one by one, and which pod serves which shard is left to the cluster.
    SingleStatefulSet,
}

impl Layout {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Layout::StatefulSetPerShard => "StatefulSetPerShard",
            Layout::SingleStatefulSet => "SingleStatefulSet",
        }
    }
}

/// How strictly the pods of a shard are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Spread {
    /// Different nodes for the pods of a shard. With `Required` a pod stays pending when no other node is left; use `None` on a cluster
    /// with one node. With the layout `SingleStatefulSet` it holds for all pods of the cluster, and the default is `Preferred`.
    pub nodes: Option<SpreadRule>,
    /// Different zones for the pods of a shard. Default: `Preferred`.
    pub zones: SpreadRule,
}

impl Default for Spread {
    fn default() -> Self {
        Spread { nodes: None, zones: SpreadRule::Preferred }
    }
}

/// How strictly pods are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SpreadRule {
    /// A pod that would break the rule is not scheduled.
    Required,
    /// The scheduler tries.
    Preferred,
    /// The rule is not rendered.
    None,
}

/// The volume of each pod.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Storage {
    /// The size of each pod's volume, such as `10Gi`. Required unless `ephemeral` is given. It cannot be changed in place later. An append-only
    /// file can grow to more than twice the memory while it is rewritten.
    pub size: Option<Quantity>,
    /// The StorageClass of the volumes. Default: the Kubernetes cluster's default class.
    pub class_name: Option<String>,
    /// How the volumes are mounted.
    #[schemars(length(min = 1))]
    pub access_modes: AccessModes,
    /// What becomes of the volumes.
    pub retention: Retention,
    /// Labels of the volume claims. They cannot be changed later.
    pub labels: BTreeMap<String, String>,
    /// Annotations of the volume claims. They cannot be changed later.
    pub annotations: BTreeMap<String, String>,
    /// No volumes: data lives as long as its pod. For caches, with `persistence.mode: None`.
    pub ephemeral: Option<Ephemeral>,
}

/// How volumes are mounted; by default `ReadWriteOnce`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct AccessModes(pub Vec<AccessMode>);

impl Default for AccessModes {
    fn default() -> Self {
        AccessModes(vec![AccessMode::ReadWriteOnce])
    }
}

/// How a volume is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AccessMode {
    /// By the pods of one node.
    ReadWriteOnce,
    /// By one pod.
    ReadWriteOncePod,
    /// By pods of many nodes.
    ReadWriteMany,
}

impl AccessMode {
    /// The name that Kubernetes uses.
    pub fn name(self) -> &'static str {
        match self {
            AccessMode::ReadWriteOnce => "ReadWriteOnce",
            AccessMode::ReadWriteOncePod => "ReadWriteOncePod",
            AccessMode::ReadWriteMany => "ReadWriteMany",
        }
    }
}

/// What becomes of the volumes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Retention {
    /// When a StatefulSet is deleted.
    pub when_deleted: RetentionPolicy,
    /// When a StatefulSet has fewer pods than before.
    pub when_scaled: RetentionPolicy,
}

/// Whether volumes outlive their pods.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RetentionPolicy {
    /// Volumes are kept.
    #[default]
    Retain,
    /// Volumes are deleted, with all data on them.
    Delete,
}

/// Data that lives as long as its pod.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Ephemeral {
    /// The most that a pod may write before it is evicted. Default: no limit but the node's.
    pub size_limit: Option<Quantity>,
    /// The node's disk or its memory. Memory counts against the container's memory limit.
    pub medium: Medium,
}

/// Where ephemeral data lives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Medium {
    /// The node's disk.
    #[default]
    Disk,
    /// The node's memory.
    Memory,
}

/// What is written to the volume, and when.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Persistence {
    /// The append-only file, snapshots, both, or nothing.
    pub mode: PersistenceMode,
    /// When the append-only file is flushed to the disk. With `everysec`, killing all pods at once can lose about 2 seconds of writes.
    pub appendfsync: AppendFsync,
    /// When snapshots are taken, in the modes `RDB` and `AOFAndRDB`. Default: after an hour with 1 change, 5 minutes with 100, or a minute with 10000.
    pub snapshots: Vec<Snapshot>,
}

/// What is written to the volume.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PersistenceMode {
    /// The append-only file: at most the last seconds are lost in a crash.
    #[default]
    AOF,
    /// Snapshots: everything since the last one is lost when all pods of a shard crash.
    RDB,
    /// Both.
    AOFAndRDB,
    /// Nothing: a cache. The data of a shard is gone when all of its pods restart.
    None,
}

impl PersistenceMode {
    /// Whether there is an append-only file.
    pub fn appends(self) -> bool {
        matches!(self, PersistenceMode::AOF | PersistenceMode::AOFAndRDB)
    }

    /// Whether snapshots are taken.
    pub fn snapshots(self) -> bool {
        matches!(self, PersistenceMode::RDB | PersistenceMode::AOFAndRDB)
    }
}

/// When the append-only file is flushed to the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AppendFsync {
    /// Every second.
    #[default]
    Everysec,
    /// Before each answer; slow.
    Always,
    /// When the kernel likes to.
    No,
}

impl AppendFsync {
    /// The directive's value.
    pub fn name(self) -> &'static str {
        match self {
            AppendFsync::Everysec => "everysec",
            AppendFsync::Always => "always",
            AppendFsync::No => "no",
        }
    }
}

/// When a snapshot is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Snapshot {
    /// Seconds since the last snapshot.
    #[schemars(range(min = 1))]
    pub seconds: u32,
    /// Changes since the last snapshot.
    #[schemars(range(min = 1))]
    pub changes: u32,
}

/// How much of a pod's memory is for data, and what happens when it is full.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Memory {
    /// The most memory that data may take, such as `2Gi`. Default: the memory limit of the container less `headroomPercent`.
    pub maxmemory: Option<Quantity>,
    /// The part of the memory limit that is kept free for what is not data: pages copied while a child process writes to the
    /// disk, buffers of clients and replicas, fragmentation. Default: 40, or 25 with `persistence.mode: None`.
    #[schemars(range(min = 10, max = 90))]
    pub headroom_percent: Option<u32>,
    /// What happens when the memory is full.
    pub maxmemory_policy: MaxmemoryPolicy,
}

/// What happens when the memory is full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MaxmemoryPolicy {
    /// Writes are refused.
    #[default]
    Noeviction,
    /// The least recently used keys go.
    AllkeysLru,
    /// The least frequently used keys go.
    AllkeysLfu,
    /// Any keys go.
    AllkeysRandom,
    /// The least recently used keys with an expiry go.
    VolatileLru,
    /// The least frequently used keys with an expiry go.
    VolatileLfu,
    /// Any keys with an expiry go.
    VolatileRandom,
    /// The keys that expire soonest go.
    VolatileTtl,
}

impl MaxmemoryPolicy {
    /// The directive's value.
    pub fn name(self) -> &'static str {
        match self {
            MaxmemoryPolicy::Noeviction => "noeviction",
            MaxmemoryPolicy::AllkeysLru => "allkeys-lru",
            MaxmemoryPolicy::AllkeysLfu => "allkeys-lfu",
            MaxmemoryPolicy::AllkeysRandom => "allkeys-random",
            MaxmemoryPolicy::VolatileLru => "volatile-lru",
            MaxmemoryPolicy::VolatileLfu => "volatile-lfu",
            MaxmemoryPolicy::VolatileRandom => "volatile-random",
            MaxmemoryPolicy::VolatileTtl => "volatile-ttl",
        }
    }
}

/// The value of a configuration directive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum DirectiveValue {
    /// Written as `yes` or `no`.
    Bool(bool),
    /// Written as it is.
    Integer(i64),
    /// Written as it is.
    Decimal(f64),
    /// Written as it is, after the directive's name.
    Text(String),
    /// One line for each.
    List(Vec<String>),
}

impl DirectiveValue {
    /// What follows the directive's name, one item for each line.
    pub fn lines(&self) -> Vec<String> {
        match self {
            DirectiveValue::Bool(true) => vec!["yes".to_owned()],
            DirectiveValue::Bool(false) => vec!["no".to_owned()],
            DirectiveValue::Integer(integer) => vec![integer.to_string()],
            DirectiveValue::Decimal(decimal) => vec![decimal.to_string()],
            DirectiveValue::Text(text) => vec![text.clone()],
            DirectiveValue::List(items) => items.clone(),
        }
    }
}

/// Ports, addresses, Services and who may connect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Network {
    /// The port that clients connect to.
    #[schemars(range(min = 1, max = 65535))]
    pub client_port: u32,
    /// The port of the cluster bus. Default: a port from 20000 to 29999 that is derived from the namespace and the name, so that clusters
    /// differ. Nothing but this port keeps a pod that inherits an address of another cluster from being taken for a member of it.
    #[schemars(range(min = 1, max = 65535))]
    pub bus_port: Option<u32>,
    /// The IP families of the Services, in order of preference; the first one is what nodes announce. Default: the Kubernetes cluster's.
    #[schemars(length(max = 2))]
    pub ip_families: Vec<IpFamily>,
    /// Whether the Services have one family or both. Default: the Kubernetes cluster's choice.
    pub ip_family_policy: Option<IpFamilyPolicy>,
    /// The DNS domain of the Kubernetes cluster. Used in announced hostnames only.
    pub cluster_domain: String,
    /// Whether nodes announce their pod's DNS name to clients. Clients then see names that stay when addresses change. With `external` they announce the
    /// outside hosts instead.
    pub announce_hostnames: bool,
    /// What clients are told to connect to: addresses, or the announced hostnames. With `external` they are told the outside hosts.
    pub preferred_endpoint_type: EndpointType,
    /// The Service that clients find the cluster by.
    pub client_service: ClientService,
    /// How clients outside of the Kubernetes cluster reach each pod. All clients are then told the outside hosts. Default: they do not.
    pub external: Option<External>,
    /// Who may connect to the pods.
    pub network_policy: NetworkPolicy,
}

impl Default for Network {
    fn default() -> Self {
        Network {
            client_port: 6379,
            bus_port: None,
            ip_families: Vec::new(),
            ip_family_policy: None,
            cluster_domain: "cluster.local".to_owned(),
            announce_hostnames: false,
            preferred_endpoint_type: EndpointType::default(),
            client_service: ClientService::default(),
            external: None,
            network_policy: NetworkPolicy::default(),
        }
    }
}

/// A family of IP addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IpFamily {
    /// Such as 10.0.0.1.
    IPv4,
    /// Such as fd00::1.
    IPv6,
}

impl IpFamily {
    /// The name that Kubernetes uses.
    pub fn name(self) -> &'static str {
        match self {
            IpFamily::IPv4 => "IPv4",
            IpFamily::IPv6 => "IPv6",
        }
    }
}

/// Whether Services have one IP family or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IpFamilyPolicy {
    /// One family.
    SingleStack,
    /// Both where the Kubernetes cluster has both.
    PreferDualStack,
    /// Both.
    RequireDualStack,
}

impl IpFamilyPolicy {
    /// The name that Kubernetes uses.
    pub fn name(self) -> &'static str {
        match self {
            IpFamilyPolicy::SingleStack => "SingleStack",
            IpFamilyPolicy::PreferDualStack => "PreferDualStack",
            IpFamilyPolicy::RequireDualStack => "RequireDualStack",
        }
    }
}

/// What clients are told to connect to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EndpointType {
    /// The pod's address.
    #[default]
    Ip,
    /// The pod's DNS name; needs `announceHostnames`.
    Hostname,
}

/// The Service that clients find the cluster by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct ClientService {
    /// Whether there is one. The headless Service always exists.
    pub enabled: bool,
    /// Annotations of the Service.
    pub annotations: BTreeMap<String, String>,
}

impl Default for ClientService {
    fn default() -> Self {
        ClientService { enabled: true, annotations: BTreeMap::new() }
    }
}

/// How clients outside of the Kubernetes cluster reach each pod: by a Service and a host of its own. Nodes go on meeting and replicating at the
/// pods' addresses; only clients are told the hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct External {
    /// The type of the Services.
    #[serde(rename = "type")]
    pub service_type: ExternalType,
    /// The host of every pod, in which the word `POD` stands for the pod's name, such as `POD.redis.example.com`: a DNS name.
    #[serde(default)]
    pub host: Option<String>,
    /// In place of `host`, the host of each pod, in the order of the pods: DNS names or IPv4 addresses. With a StatefulSet for each shard that is
    /// shard 0's pods, then shard 1's.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// With `NodePort`, the port of the first pod, from 30000 to 32767. Each pod has a port of its own, at which its server listens as well, in place of
    /// `clientPort`. With a StatefulSet for each shard, pod ORDINAL of shard SHARD has `firstNodePort` + 10 * SHARD + ORDINAL, so that ports stay when shards or
    /// replicas are added; with a single one, pod ORDINAL has `firstNodePort` + ORDINAL.
    #[serde(default)]
    #[schemars(range(min = 30000, max = 32767))]
    pub first_node_port: Option<u32>,
    /// Annotations of the Services, such as those of external-dns or of the cloud's load balancers. In their values the word `POD` stands for the pod's name
    /// and `HOST` for its host.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// The implementation of load balancers that serves the Services. Default: the Kubernetes cluster's.
    #[serde(default)]
    pub load_balancer_class: Option<String>,
    /// Blocks of addresses, such as `203.0.113.0/24`, from which the load balancers take connections. Where `networkPolicy.clients` lists who may connect,
    /// these are let in too, and with them pods whose addresses lie in a block. Default: from everywhere.
    #[serde(default)]
    pub load_balancer_source_ranges: Vec<String>,
    /// Whether connections reach pods through any node, or only through the pod's own. Default: Kubernetes' own, `Cluster`.
    #[serde(default)]
    pub external_traffic_policy: Option<TrafficPolicy>,
}

/// The type of the Services for clients outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ExternalType {
    /// A load balancer for each pod, which listens on `network.clientPort`.
    LoadBalancer,
    /// A port of all nodes of the Kubernetes cluster for each pod. Hosts are nodes' names or addresses, and may be the same for all pods.
    NodePort,
}

impl ExternalType {
    /// The name that Kubernetes uses.
    pub fn name(self) -> &'static str {
        match self {
            ExternalType::LoadBalancer => "LoadBalancer",
            ExternalType::NodePort => "NodePort",
        }
    }
}

/// Through which nodes connections from outside reach a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TrafficPolicy {
    /// Through any; the pod then sees the node's address in place of the client's.
    Cluster,
    /// Only through the node that the pod runs on; the pod, and the NetworkPolicy, see the client's address.
    Local,
}

impl TrafficPolicy {
    /// The name that Kubernetes uses.
    pub fn name(self) -> &'static str {
        match self {
            TrafficPolicy::Cluster => "Cluster",
            TrafficPolicy::Local => "Local",
        }
    }
}

/// Who may connect to the pods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct NetworkPolicy {
    /// Whether a NetworkPolicy is rendered. It lets only the cluster's own pods reach the bus port, and the pods reach nothing but each other and the
    /// name service.
    pub enabled: bool,
    /// Who may reach the client port, as NetworkPolicy peers (`podSelector`, `namespaceSelector`, `ipBlock`). Default: everyone.
    pub clients: Vec<Kube<NetworkPolicyPeer>>,
    /// Who may reach the port with the metrics, as NetworkPolicy peers, for example the namespace of Prometheus. Default: everyone.
    pub metrics: Vec<Kube<NetworkPolicyPeer>>,
    /// Further rules for what may reach the pods, as NetworkPolicy ingress rules, for example for a sidecar's port.
    pub ingress: Vec<Kube<NetworkPolicyIngressRule>>,
    /// Whether the pods may only reach each other and the name service. With a service mesh, or sidecars that talk to others, allow those by `egress`, or
    /// write `false`.
    pub restrict_egress: bool,
    /// Further rules for what the pods may reach, as NetworkPolicy egress rules.
    pub egress: Vec<Kube<NetworkPolicyEgressRule>>,
}

impl Default for NetworkPolicy {
    fn default() -> Self {
        NetworkPolicy {
            enabled: true,
            clients: Vec::new(),
            metrics: Vec::new(),
            ingress: Vec::new(),
            restrict_egress: true,
            egress: Vec::new(),
        }
    }
}

/// Who may log in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Auth {
    /// Whether clients, replicas, probes and the bootstrap Job log in.
    pub mode: AuthMode,
    /// The Secret with the cluster's password. You make it, by whatever means you make Secrets; it is mounted as a file, and the password
    /// is in no document, command line or variable of a container. Each line of it is accepted. Clients that name no user log in with it, as `default`; what the pods themselves
    /// do, they do as users of their own with few rights, whose passwords are derived from the first line. Default: the key `password` of the Secret `NAME-auth`.
    pub password_secret: Option<SecretKey>,
    /// Whether clients may log in as `default`, without a user's name. Changed while the servers run.
    pub default_user: DefaultUser,
    /// Users for clients. Adding, changing and removing them takes effect while the servers run; only where a Secret has to be mounted that was not before, pods restart.
    pub users: Vec<User>,
}

/// Whether clients may log in without a user's name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DefaultUser {
    /// With the cluster's password, and they may do anything.
    #[default]
    Enabled,
    /// No: each client has to be one of `users`.
    Disabled,
}

/// A user for clients, who may do what is listed and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct User {
    /// Its name: letters, digits, `-`, `_` and `.`, beginning with a letter or digit.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[A-Za-z0-9][-A-Za-z0-9_.]*$"))]
    pub name: String,
    /// Whether anybody can log in as it. Connections that are open stay; removing the user closes them.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The Secret with its password; each line of it is accepted. Default: the key that is called as the user, of the Secret `NAME-users`, which is mounted as a whole.
    #[serde(default)]
    pub password_secret: Option<SecretKey>,
    /// What it may run, from left to right: `+@read` or `-@dangerous` for a category, `+get` or `-keys` for a command, `+config|get` for a subcommand. Default: nothing.
    #[serde(default)]
    pub commands: Vec<String>,
    /// Patterns of keys that it may read and write, such as `orders:*`.
    #[serde(default)]
    pub keys: Vec<String>,
    /// Patterns of keys that it may only read.
    #[serde(default)]
    pub read_only_keys: Vec<String>,
    /// Patterns of keys that it may only write.
    #[serde(default)]
    pub write_only_keys: Vec<String>,
    /// Patterns of channels that it may publish to and subscribe to.
    #[serde(default)]
    pub channels: Vec<String>,
}

fn yes() -> bool {
    true
}

/// Whether clients log in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AuthMode {
    /// With a password.
    #[default]
    Password,
    /// No: whoever reaches the client port may do anything.
    None,
}

/// Encryption: `network.clientPort` and the bus speak TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Tls {
    /// The Secret with the certificate of all pods: `tls.crt`, its key `tls.key`, and `ca.crt`, by which pods know each other and their clients.
    /// Servers take over a renewed certificate while they run. Default: `NAME-tls`, where a `certificate` is written.
    pub secret_name: Option<String>,
    /// A Certificate of cert-manager that makes the Secret, for every name that the pods have. Default: none; you make the Secret.
    pub certificate: Option<Certificate>,
    /// Whether clients have to show a certificate of their own. Peers always do.
    pub client_certificates: ClientCertificates,
    /// A second port for clients, without encryption. Default: none.
    #[schemars(range(min = 1, max = 65535))]
    pub plaintext_port: Option<u32>,
}

/// A Certificate of cert-manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Certificate {
    /// Who signs it.
    pub issuer_ref: IssuerRef,
    /// For how long it is valid, such as `2160h`. Default: cert-manager's, 90 days.
    #[serde(default)]
    #[schemars(regex(pattern = r"^([0-9]+(h|m|s))+$"))]
    pub duration: Option<String>,
    /// How long before its end it is renewed, such as `360h`. Default: cert-manager's, a third of its duration.
    #[serde(default)]
    #[schemars(regex(pattern = r"^([0-9]+(h|m|s))+$"))]
    pub renew_before: Option<String>,
    /// Further DNS names that clients use.
    #[serde(default)]
    pub dns_names: Vec<String>,
}

/// Who signs a Certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct IssuerRef {
    /// Its name.
    pub name: String,
    /// Its kind: `Issuer`, `ClusterIssuer`, or that of an external issuer.
    #[serde(default = "issuer")]
    pub kind: String,
    /// Its API group.
    #[serde(default = "cert_manager")]
    pub group: String,
}

fn issuer() -> String {
    "Issuer".to_owned()
}

fn cert_manager() -> String {
    "cert-manager.io".to_owned()
}

/// Whether clients have to show a certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ClientCertificates {
    /// Only who has one that `ca.crt` signed may connect.
    #[default]
    Required,
    /// One that is shown has to be right.
    Optional,
    /// None is asked for.
    None,
}

impl ClientCertificates {
    /// The value of the directive `tls-auth-clients`.
    pub fn directive(self) -> &'static str {
        match self {
            ClientCertificates::Required => "yes",
            ClientCertificates::Optional => "optional",
            ClientCertificates::None => "no",
        }
    }
}

/// A key of a Secret in the namespace of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecretKey {
    /// The name of the Secret.
    pub name: String,
    /// The key. Its first line is the password that everybody logs in with; servers accept those in further lines as well, which is how a password is
    /// changed without an interruption.
    #[serde(default = "password_key")]
    pub key: String,
}

/// The key of a Secret with a password, where a spec names no other.
pub fn password_key() -> String {
    "password".to_owned()
}

/// Timings of the probes. What is left out has the probe's default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Probes {
    /// Passes when the server has loaded its data. Default: every 5 seconds, 5 seconds each, 120 times: 10 minutes. The budget
    /// `periodSeconds` x `failureThreshold` must be longer than loading takes.
    pub startup: Probe,
    /// Passes when the pod can serve clients. Default: every 5 seconds, 5 seconds each, 3 times.
    pub readiness: Probe,
    /// Fails only when the server does not answer at all. Default: every 10 seconds, 5 seconds each, 6 times. `periodSeconds` x `failureThreshold`
    /// must be more than 10: a script may keep a healthy server mute for 5 seconds.
    pub liveness: Probe,
}

/// The timing of one probe.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Probe {
    /// Seconds between two checks.
    #[schemars(range(min = 1))]
    pub period_seconds: Option<u32>,
    /// Seconds until a check that has no answer counts as failed.
    #[schemars(range(min = 1))]
    pub timeout_seconds: Option<u32>,
    /// Failed checks in a row until the probe counts as failed.
    #[schemars(range(min = 1))]
    pub failure_threshold: Option<u32>,
}

/// A probe's timing with nothing left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Seconds between two checks.
    pub period_seconds: u32,
    /// Seconds until a check that has no answer counts as failed.
    pub timeout_seconds: u32,
    /// Failed checks in a row until the probe counts as failed.
    pub failure_threshold: u32,
}

impl Timing {
    /// Seconds until the probe counts as failed.
    pub fn budget_seconds(self) -> u64 {
        u64::from(self.period_seconds) * u64::from(self.failure_threshold)
    }
}

impl Probe {
    fn over(self, default: Timing) -> Timing {
        Timing {
            period_seconds: self.period_seconds.unwrap_or(default.period_seconds),
            timeout_seconds: self.timeout_seconds.unwrap_or(default.timeout_seconds),
            failure_threshold: self.failure_threshold.unwrap_or(default.failure_threshold),
        }
    }
}

impl Probes {
    /// The startup probe's timing: 10 minutes to load data.
    pub fn startup(&self) -> Timing {
        self.startup.over(Timing { period_seconds: 5, timeout_seconds: 5, failure_threshold: 120 })
    }

    /// The readiness probe's timing.
    pub fn readiness(&self) -> Timing {
        self.readiness.over(Timing { period_seconds: 5, timeout_seconds: 5, failure_threshold: 3 })
    }

    /// The liveness probe's timing: a minute of silence.
    pub fn liveness(&self) -> Timing {
        self.liveness.over(Timing { period_seconds: 10, timeout_seconds: 5, failure_threshold: 6 })
    }
}

/// How pods are stopped, replaced and evicted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Lifecycle {
    /// Seconds that a master which is being stopped may take to hand its shard over to a replica. It usually takes a few: shards take turns. A second
    /// try is possible four node timeouts after one that failed.
    #[schemars(range(min = 1, max = 600))]
    pub handover_seconds: u32,
    /// Seconds from the wish to stop a pod until it is killed. At least `handoverSeconds` plus 20: the server may take 10 to let its
    /// replicas catch up, and needs time to flush its files.
    #[schemars(range(min = 1))]
    pub termination_grace_period_seconds: u32,
    /// Seconds that a new pod must be ready before the next one is replaced. Longer than the 5 seconds between two looks that pods take at their peers.
    pub min_ready_seconds: u32,
    /// Whether changed pods are replaced at once, or when somebody deletes them.
    pub update_strategy: UpdateStrategy,
    /// How many pods of the cluster may be evicted at a time, for example when nodes are drained.
    pub pod_disruption_budget: PodDisruptionBudget,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Lifecycle {
            handover_seconds: 40,
            termination_grace_period_seconds: 60,
            min_ready_seconds: 10,
            update_strategy: UpdateStrategy::default(),
            pod_disruption_budget: PodDisruptionBudget::default(),
        }
    }
}

/// When changed pods are replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UpdateStrategy {
    /// At once, one pod of each StatefulSet at a time.
    #[default]
    RollingUpdate,
    /// When somebody deletes them.
    OnDelete,
}

/// How many pods of the cluster may be evicted at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct PodDisruptionBudget {
    /// Whether there is a PodDisruptionBudget.
    pub enabled: bool,
    /// Pods of the whole cluster that may be gone by eviction at a time. One for the whole cluster rather than for each shard:
    /// masters of several shards that go at once can take the majority with them.
    pub max_unavailable: u32,
}

impl Default for PodDisruptionBudget {
    fn default() -> Self {
        PodDisruptionBudget { enabled: true, max_unavailable: 1 }
    }
}

/// Resources, scheduling, security and additions to the pods.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Pod {
    /// Processor time and memory of the server's container.
    pub resources: Resources,
    /// Labels of the pods. Changing them restarts the pods.
    pub labels: BTreeMap<String, String>,
    /// Annotations of the pods. Changing them restarts the pods.
    pub annotations: BTreeMap<String, String>,
    /// Changes to the pods' security context, merged over the default: user and group 999, not root, the runtime's seccomp profile. `null`
    /// removes a value, for example `runAsUser`, `runAsGroup` and `fsGroup` on OpenShift.
    pub security_context: Option<Kube<PodSecurityContext>>,
    /// Labels of the nodes that pods may run on.
    pub node_selector: BTreeMap<String, String>,
    /// Taints that the pods tolerate.
    pub tolerations: Vec<Kube<Toleration>>,
    /// Affinity rules, in addition to those of `topology.spread` and `topology.zones`.
    pub affinity: Option<Kube<Affinity>>,
    /// The PriorityClass of the pods.
    pub priority_class_name: Option<String>,
    /// The RuntimeClass of the pods.
    pub runtime_class_name: Option<String>,
    /// The scheduler of the pods.
    pub scheduler_name: Option<String>,
    /// A ServiceAccount to use instead of rendering one. Pods get no token either way.
    pub service_account_name: Option<String>,
    /// Environment variables of the server's container, after our own.
    pub env: Vec<Kube<EnvVar>>,
    /// Sources of environment variables of the server's container.
    pub env_from: Vec<Kube<EnvFromSource>>,
    /// Volumes of the pods.
    pub volumes: Vec<Kube<Volume>>,
    /// Volume mounts of the server's container.
    pub volume_mounts: Vec<Kube<VolumeMount>>,
    /// Containers that run beside the server.
    pub sidecars: Vec<Kube<Container>>,
    /// Containers that run before the server.
    pub init_containers: Vec<Kube<Container>>,
}

/// Processor time and memory of a container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Resources {
    /// What is reserved for the container, by resource name. Default: 100m of `cpu`, and as much `memory` as the limit.
    pub requests: BTreeMap<String, Quantity>,
    /// What the container may use at most, by resource name. Default: 512Mi of `memory`; no limit of `cpu`, because a throttled server misses its
    /// peers' heartbeats.
    pub limits: BTreeMap<String, Quantity>,
}

impl Default for Resources {
    fn default() -> Self {
        Resources {
            requests: BTreeMap::new(),
            limits: BTreeMap::from([("memory".to_owned(), Quantity::new("512Mi"))]),
        }
    }
}

/// The Job that creates the cluster, lets new pods join it, moves slots, and takes retiring pods out of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Bootstrap {
    /// Whether the Job is rendered.
    pub enabled: bool,
    /// Seconds that one try of the Job may be without progress, waiting for all pods included. Each step that is done for the first time is progress, and each slot that moves.
    #[schemars(range(min = 30))]
    pub timeout_seconds: u32,
    /// How often the Job is tried again after a failure.
    pub backoff_limit: u32,
    /// Annotations of the Job's pod, and of the pods of backups and restores, for example to keep a service mesh's sidecar out of them: they would never end.
    pub annotations: BTreeMap<String, String>,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Bootstrap {
            enabled: true,
            timeout_seconds: 600,
            backoff_limit: 6,
            annotations: BTreeMap::new(),
        }
    }
}

/// Copies of the data, made regularly. Each is a folder `CLUSTER/TIME` with a snapshot of every shard and an index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Backup {
    /// When backups are made, as in a crontab: `30 3 * * *` is at half past three each night. Or `@hourly`, `@daily`, `@weekly`, `@monthly`.
    pub schedule: String,
    /// The time zone of the schedule, by its name in the tz database, such as `Europe/Amsterdam`.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// How many backups are kept in the volume; older ones are removed after a new one is complete.
    #[serde(default = "kept_backups")]
    #[schemars(range(min = 1))]
    pub keep: u32,
    /// The volume that backups are kept in. Without one they are written to a volume that ends with the pod, for `upload` to take away.
    pub volume: Option<BackupVolume>,
    /// A container that runs after each backup, for example to copy it into an object store. It sees the volume at `/backup`; its image, command and
    /// credentials are up to you.
    pub upload: Option<Kube<Container>>,
    /// Seconds that one backup may take, `upload` included.
    #[serde(default = "an_hour")]
    #[schemars(range(min = 60))]
    pub timeout_seconds: u32,
}

fn utc() -> String {
    "Etc/UTC".to_owned()
}

fn kept_backups() -> u32 {
    7
}

fn an_hour() -> u32 {
    3600
}

/// The volume that backups are kept in: one that is there, or one that is rendered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BackupVolume {
    /// A PersistentVolumeClaim that is there already. Several clusters can share one that pods of several nodes can mount: each has a folder of its own.
    pub claim_name: Option<String>,
    /// The size of a volume that is rendered, such as `50Gi`. It has to hold one backup more than `keep`.
    pub size: Option<Quantity>,
    /// The StorageClass of the volume that is rendered. Default: the Kubernetes cluster's default class.
    pub class_name: Option<String>,
}

/// A backup to fill the cluster with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Restore {
    /// The backup's folder in the volume, such as `orders/20261125T033000Z`: the cluster that it is of, and its time. It may be of a cluster with more or fewer
    /// shards, and of another name.
    pub backup: String,
    /// The PersistentVolumeClaim with the backup. Default: that of `backup.volume`, unless there is a `download`.
    pub claim_name: Option<String>,
    /// A container that runs before, for example to fetch the backup from an object store. It sees a volume at `/backup`.
    pub download: Option<Kube<Container>>,
    /// Seconds that one try of the Job may take, waiting for the cluster included.
    #[serde(default = "an_hour")]
    #[schemars(range(min = 60))]
    pub timeout_seconds: u32,
}

/// Metrics, alerts and a dashboard, for Prometheus and Grafana.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Observability {
    /// redis_exporter beside each server.
    pub exporter: Exporter,
    /// How Prometheus finds the exporters: an object for the Prometheus Operator.
    pub monitor: Monitor,
    /// Alerts, as a PrometheusRule for the Prometheus Operator.
    pub alerts: Alerts,
    /// A dashboard for Grafana, as a ConfigMap for its sidecar.
    pub dashboard: Dashboard,
}

/// redis_exporter beside each server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Exporter {
    /// Whether the pods have an exporter. Switching it on or off restarts them.
    pub enabled: bool,
    /// Its image with a tag or digest. Default: `oliver006/redis_exporter:v1.91.1` of `engine.registry`, or of docker.io.
    pub image: Option<String>,
    /// When the kubelet pulls the image.
    pub pull_policy: PullPolicy,
    /// The port with the metrics.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u32,
    /// Processor time and memory of the exporter's container.
    pub resources: ExporterResources,
    /// Environment variables of the exporter's container, which are its settings: `REDIS_EXPORTER_CHECK_KEYS` and others.
    pub env: Vec<Kube<EnvVar>>,
}

impl Default for Exporter {
    fn default() -> Self {
        Exporter {
            enabled: false,
            image: None,
            pull_policy: PullPolicy::default(),
            port: 9121,
            resources: ExporterResources::default(),
            env: Vec::new(),
        }
    }
}

/// Processor time and memory of the exporter's container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct ExporterResources {
    /// What is reserved for the container, by resource name. Default: 10m of `cpu`, and as much `memory` as the limit.
    pub requests: BTreeMap<String, Quantity>,
    /// What the container may use at most, by resource name. Default: 64Mi of `memory`; no limit of `cpu`.
    pub limits: BTreeMap<String, Quantity>,
}

impl Default for ExporterResources {
    fn default() -> Self {
        ExporterResources {
            requests: BTreeMap::new(),
            limits: BTreeMap::from([("memory".to_owned(), Quantity::new("64Mi"))]),
        }
    }
}

/// How Prometheus finds the exporters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Monitor {
    /// The kind of the object. The Prometheus Operator has to be installed for any but `None`.
    pub kind: MonitorKind,
    /// Labels of the object, by which a Prometheus chooses what it watches.
    pub labels: BTreeMap<String, String>,
    /// The time between two scrapes, such as `30s` or `1m`.
    pub interval: String,
}

impl Default for Monitor {
    fn default() -> Self {
        Monitor {
            kind: MonitorKind::default(),
            labels: BTreeMap::new(),
            interval: "30s".to_owned(),
        }
    }
}

/// The kind of object by which Prometheus finds the exporters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MonitorKind {
    /// None: you tell Prometheus yourself.
    #[default]
    None,
    /// A PodMonitor, which finds the pods.
    PodMonitor,
    /// A ServiceMonitor, which finds them by the headless Service.
    ServiceMonitor,
}

/// Alerts, as a PrometheusRule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Alerts {
    /// Whether there is a PrometheusRule.
    pub enabled: bool,
    /// Labels of the PrometheusRule, by which a Prometheus chooses its rules.
    pub labels: BTreeMap<String, String>,
    /// Where `docs/runbooks.md` can be read: each alert has a link to its section there. Default: no links.
    pub runbook_url: Option<String>,
    /// How full memory may be, in percent of `maxmemory`. Without effect where all keys may be evicted: there it is always full.
    #[schemars(range(min = 1, max = 99))]
    pub memory_percent: u32,
    /// How full a volume may be, in percent.
    #[schemars(range(min = 1, max = 99))]
    pub disk_percent: u32,
    /// For how many seconds a master may hear nothing from a replica.
    #[schemars(range(min = 2, max = 600))]
    pub replication_lag_seconds: u32,
    /// How many days before its end a certificate has to have been renewed that comes from `tls.secretName`. Without effect with servers before Valkey 9.1, which do not tell
    /// how long it is good, and with a `tls.certificate`, of which cert-manager tells.
    #[schemars(range(min = 1, max = 365))]
    pub certificate_days: u32,
}

impl Default for Alerts {
    fn default() -> Self {
        Alerts {
            enabled: false,
            labels: BTreeMap::new(),
            runbook_url: None,
            memory_percent: 90,
            disk_percent: 80,
            replication_lag_seconds: 10,
            certificate_days: 14,
        }
    }
}

/// A dashboard for Grafana, as a ConfigMap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Dashboard {
    /// Whether there is a ConfigMap with a dashboard.
    pub enabled: bool,
    /// Labels of the ConfigMap, by which Grafana's sidecar finds it. Default: `grafana_dashboard: "1"`, as in Grafana's chart.
    pub labels: BTreeMap<String, String>,
    /// Annotations of the ConfigMap, for example for the folder of the dashboard.
    pub annotations: BTreeMap<String, String>,
}

impl Default for Dashboard {
    fn default() -> Self {
        Dashboard {
            enabled: false,
            labels: BTreeMap::from([("grafana_dashboard".to_owned(), "1".to_owned())]),
            annotations: BTreeMap::new(),
        }
    }
}

/// The GitOps tool that applies the output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GitOps {
    /// None, or any: kubectl, a pipeline.
    #[default]
    None,
    /// Argo CD: it asks before it prunes or deletes a StatefulSet.
    ArgoCD,
    /// Flux: variable substitution is switched off for the ConfigMap, so that it cannot touch what users add to it.
    Flux,
}

/// A change to rendered objects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Patch {
    /// Which objects are changed. At least one must match.
    pub target: PatchTarget,
    /// What is merged into them: mappings key by key, lists of named items by their name (containers by `name`, ports by
    /// `containerPort` and `protocol`, volume mounts by `mountPath`), other lists as a whole. `null` removes a value. A field that Kubernetes does not know
    /// is an error.
    pub merge: serde_json::Map<String, serde_json::Value>,
}

/// Which objects a patch changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PatchTarget {
    /// The kind, such as `StatefulSet`.
    pub kind: String,
    /// The name; that of the bootstrap Job without the hash at its end. Default: all objects of the kind.
    pub name: Option<String>,
}

/// A whole Kubernetes object: a mapping with `apiVersion`, `kind` and `metadata.name`.
pub type Manifest = serde_json::Map<String, serde_json::Value>;
