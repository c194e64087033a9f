//! Every name, label, port name and path that objects share, once.

use std::collections::BTreeMap;

/// The label that carries a pod's shard.
pub const SHARD_LABEL: &str = "redis-cluster-gen.dev/shard";
/// The label that Kubernetes itself gives each pod of a StatefulSet: its name.
pub const POD_NAME_LABEL: &str = "statefulset.kubernetes.io/pod-name";
/// The label of a Kubernetes node: the zone that it is in.
pub const ZONE_LABEL: &str = "topology.kubernetes.io/zone";
/// The annotation on pod templates that makes a changed configuration roll the pods.
pub const CONFIG_HASH: &str = "redis-cluster-gen.dev/config-hash";
/// The value of `app.kubernetes.io/component` of the cluster's pods.
pub const NODE: &str = "node";
/// The value of `app.kubernetes.io/component` of the bootstrap Job's pods, so that no Service, budget or policy for nodes selects them.
pub const BOOTSTRAP: &str = "bootstrap";
/// The value of `app.kubernetes.io/component` of the pods that make backups, and the name of their container.
pub const BACKUP: &str = "backup";
/// The value of `app.kubernetes.io/component` of the pods that restore a backup, and the name of their container.
pub const RESTORE: &str = "restore";

/// The container that runs the server, whichever engine it is.
pub const SERVER_CONTAINER: &str = "redis";
/// The container that tells the server's metrics.
pub const EXPORTER_CONTAINER: &str = "exporter";
/// The init container that writes the exporter's password.
pub const EXPORTER_INIT_CONTAINER: &str = "exporter-init";
/// The name of the client port in pods and Services.
pub const CLIENT_PORT: &str = "client";
/// The name of the bus port in pods and Services.
pub const BUS_PORT: &str = "bus";

/// The name of the port with the metrics in pods and Services.
pub const METRICS_PORT: &str = "metrics";
/// The label of all metrics that says which cluster they are of.
pub const CLUSTER_METRIC_LABEL: &str = "redis_cluster";

/// The volume with the configuration and the scripts, and where it is mounted.
pub const CONF: (&str, &str) = ("conf", "/conf");
/// The volume with the data, and where it is mounted.
pub const DATA: (&str, &str) = ("data", "/data");
/// The volume with the password, and where it is mounted.
pub const AUTH: (&str, &str) = ("auth", "/auth");
/// The file of the password in that volume.
pub const PASSWORD_FILE: &str = "password";
/// The volume with the passwords of users, each in a file of the user's name, and where it is mounted.
pub const USERS: (&str, &str) = ("users", "/users");
/// What the names of users of our own begin with.
pub const OWN_USER: char = '_';
/// The user that the exporter logs in as.
pub const EXPORTER_USER: &str = "_exporter";
/// The volume with the certificate, and where it is mounted.
pub const TLS: (&str, &str) = ("tls", "/tls");
/// The files in that volume, which are also the keys of the Secret.
pub const TLS_FILES: [&str; 3] = ["ca.crt", "tls.crt", "tls.key"];
/// The name of the port without encryption, beside an encrypted one, in pods and Services.
pub const PLAINTEXT_PORT: &str = "plaintext";
/// The volume with the exporter's password, and where it is mounted.
pub const EXPORTER: (&str, &str) = ("exporter", "/exporter");
/// The volume with the backups, and where it is mounted.
pub const BACKUPS: (&str, &str) = ("backup", "/backup");
/// The volume for short-lived files, and where it is mounted: everything else is read-only.
pub const TMP: (&str, &str) = ("tmp", "/tmp");

/// The parts into which every cluster divides its keys.
pub const SLOTS: u64 = 16384;

/// The names of a cluster's objects.
#[derive(Debug, Clone)]
pub struct Names {
    /// The cluster, and so its ConfigMap, ServiceAccount, budget, policy and headless Service.
    pub cluster: String,
}

impl Names {
    /// The headless Service, which gives each pod its DNS name.
    pub fn headless_service(&self) -> &str {
        &self.cluster
    }

    /// The Service that clients find the cluster by.
    pub fn client_service(&self) -> String {
        format!("{}-client", self.cluster)
    }

    /// The Secret with the password, unless another name is given.
    pub fn auth_secret(&self) -> String {
        format!("{}-auth", self.cluster)
    }

    /// The Secret with the passwords of users, unless another name is given.
    pub fn users_secret(&self) -> String {
        format!("{}-users", self.cluster)
    }

    /// The Secret that the Certificate makes, unless another name is given.
    pub fn tls_secret(&self) -> String {
        format!("{}-tls", self.cluster)
    }

    /// The StatefulSet of a shard.
    pub fn shard_stateful_set(&self, shard: u32) -> String {
        format!("{}-shard-{shard}", self.cluster)
    }

    /// The ConfigMap with the dashboard.
    pub fn dashboard(&self) -> String {
        format!("{}-dashboard", self.cluster)
    }

    /// The bootstrap Job; the hash stands for everything that must run it anew.
    pub fn bootstrap_job(&self, hash: &str) -> String {
        format!("{}-bootstrap-{hash}", self.cluster)
    }

    /// The CronJob that makes backups, and the claim that they are kept in.
    pub fn backup(&self) -> String {
        format!("{}-backup", self.cluster)
    }

    /// The Job that restores a backup; the hash stands for everything that must run it anew.
    pub fn restore_job(&self, hash: &str) -> String {
        format!("{}-restore-{hash}", self.cluster)
    }

    /// The name of a pod that resolves within its namespace, wherever that is.
    pub fn host(&self, pod: &str) -> String {
        format!("{pod}.{}", self.headless_service())
    }

    /// The labels that select pods of a component. They can never change: no version, and nothing from the user.
    pub fn selector(&self, component: &str) -> BTreeMap<String, String> {
        labels([
            ("app.kubernetes.io/component", component),
            ("app.kubernetes.io/instance", &self.cluster),
            ("app.kubernetes.io/name", "redis-cluster"),
        ])
    }
}

/// Owned labels.
pub fn labels<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
