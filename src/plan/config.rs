//! The files of the ConfigMap, and the hash that rolls the pods.

use std::collections::BTreeMap;

use super::{
    ExternalPlan, StatefulSetPlan, memory,
    names::{Names, TLS},
    password, short_hash, users,
};
use crate::{
    spec::{
        directives::{self, Version},
        types::{EndpointType, EngineName, Patch, Spec},
    },
    templates::{self, RedisConf, TlsConf},
};

/// The files of the ConfigMap that differ between clusters.
#[derive(Debug, Clone)]
pub struct Config {
    /// `redis.conf`: what takes effect when the server starts.
    pub redis_conf: String,
    /// `live.conf`: what can be changed while the server runs.
    pub live_conf: String,
    /// `topology`: every pod's host name, its shard or `-`, and `retiring` where it is on its way out.
    pub topology: String,
    /// `users`: every user, where its password comes from, and its rules; none where nobody logs in.
    pub users: Option<String>,
    /// Changes when a pod must restart to follow: with `redis.conf`, with the names (not the values) of the directives in `live.conf`, with where the password is, with
    /// the script that starts the server, and with patches of any file.
    pub hash: String,
}

impl Config {
    pub(super) fn new(
        spec: &Spec,
        names: &Names,
        stateful_sets: &[StatefulSetPlan],
        external: Option<&ExternalPlan>,
        client_port: u16,
        bus_port: u16,
    ) -> Config {
        let version = Version::parse(&spec.engine.version);
        let (live, fixed): (Vec<_>, Vec<_>) = directives(spec)
            .into_iter()
            .flat_map(|(directive, values)| {
                values.into_iter().map(move |value| (directive.clone(), value))
            })
            .partition(|(directive, value)| {
                version.is_some_and(|version| is_live(spec.engine.name, version, directive, value))
            });
        let redis_conf = templates::redis_conf(&RedisConf {
            title: &format!("The cluster {}.", names.cluster),
            client_port: client_port.into(),
            bus_port: bus_port.into(),
            tls: spec.tls.as_ref().map(|tls| TlsConf {
                directory: TLS.1,
                plaintext_port: tls.plaintext_port.unwrap_or(0),
                client_certificates: tls.client_certificates.directive(),
            }),
            hostname_endpoints: external.is_some()
                || spec.network.preferred_endpoint_type == EndpointType::Hostname,
            failover_on_sigterm: spec.engine.name == EngineName::Valkey
                && major(&spec.engine.version) >= 9,
            append_only: spec.persistence.mode.appends(),
            snapshots: &snapshots(spec),
            fixed: &fixed,
        });
        let live_conf = templates::live_conf(&live);
        let mut live_names: Vec<_> = live.iter().map(|(directive, _)| directive.as_str()).collect();
        live_names.dedup();
        let scripts = [templates::ENTRYPOINT, templates::HEAL, templates::LIB];
        let patches = patched_files(&spec.patches);
        // Not the ports themselves: those of pods that are added restart nobody.
        let ports = spec.network.external.as_ref().and_then(|external| external.first_node_port);
        let ports = ports.map(|first| first.to_string());
        let password = password(&spec.auth, names).map(|secret| [secret.name, secret.key]);
        let hash = short_hash(
            [redis_conf.as_str()]
                .into_iter()
                .chain(password.iter().flatten().map(String::as_str))
                .chain(ports.as_deref())
                .chain(scripts.map(|script| script.text))
                .chain(live_names)
                .chain(patches.iter().map(String::as_str)),
        );
        Config {
            redis_conf,
            live_conf,
            topology: topology(names, stateful_sets),
            users: users::file(spec),
            hash,
        }
    }
}

/// What the user's patches do to the files of the ConfigMap.
pub(crate) fn patched_files(patches: &[Patch]) -> Vec<String> {
    patches
        .iter()
        .filter(|patch| patch.target.kind == "ConfigMap")
        .filter_map(|patch| patch.merge.get("data"))
        .map(ToString::to_string)
        .collect()
}

/// Directives that are not tied to another part of the spec, sorted. Precedence, lowest first:
/// 1. our defaults, 2. the other fields of the spec, 3. `spec.config`, which may not name what 2 decides.
fn directives(spec: &Spec) -> BTreeMap<String, Vec<String>> {
    let mut directives = BTreeMap::new();
    let mut set =
        |directive: &str, value: String| directives.insert(directive.to_owned(), vec![value]);

    // Replicas stay with the shard whose nodes and zones they were spread over; a drained master stays a master.
    set("cluster-allow-replica-migration", "no".to_owned());
    // A crashed master is replaced after about 8 seconds; with the engine's 15000 it takes 21.
    set("cluster-node-timeout", "5000".to_owned());
    // Losing one shard leaves the others serving.
    set("cluster-require-full-coverage", "no".to_owned());
    // A new replica is in sync, and so able to take over, 5 seconds sooner than with the engine's default.
    set("repl-diskless-sync-delay", "0".to_owned());

    if let Some(maxmemory) = memory::maxmemory(spec) {
        set("maxmemory", memory::directive(maxmemory));
        set("repl-backlog-size", memory::directive(memory::backlog(maxmemory)));
    }
    set("maxmemory-policy", spec.memory.maxmemory_policy.name().to_owned());
    if spec.persistence.mode.appends() {
        set("appendfsync", spec.persistence.appendfsync.name().to_owned());
    }

    directives
        .extend(spec.config.iter().map(|(directive, value)| (directive.clone(), value.lines())));
    directives
}

/// Whether the entrypoint can hand a change of the directive to the running server. A quoted value would need the server's own parser.
fn is_live(engine: EngineName, version: Version, directive: &str, value: &str) -> bool {
    directives::is_live(engine, version, directive)
        && !value.is_empty()
        && !value.contains(['"', '\'', '\\'])
}

/// The value of `save`; empty for never.
fn snapshots(spec: &Spec) -> String {
    if !spec.persistence.mode.snapshots() {
        return String::new();
    }
    if spec.persistence.snapshots.is_empty() {
        return "3600 1 300 100 60 10000".to_owned();
    }
    let pairs: Vec<_> = spec
        .persistence
        .snapshots
        .iter()
        .map(|snapshot| format!("{} {}", snapshot.seconds, snapshot.changes))
        .collect();
    pairs.join(" ")
}

fn major(version: &str) -> u32 {
    version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0)
}

/// The pods read this file anew all the time, so that a scaled cluster needs no restart. After the shard come words that say more about a
/// pod; the scripts skip those that they do not know.
fn topology(names: &Names, stateful_sets: &[StatefulSetPlan]) -> String {
    let mut lines = String::from("# host shard\n");
    for stateful_set in stateful_sets {
        let shard = stateful_set.shard.map_or_else(|| "-".to_owned(), |shard| shard.to_string());
        let staying = stateful_set.pods.saturating_sub(stateful_set.retiring) as usize;
        for (ordinal, pod) in stateful_set.pod_names().enumerate() {
            let retiring = if ordinal < staying { "" } else { " retiring" };
            lines.push_str(&format!("{} {shard}{retiring}\n", names.host(&pod)));
        }
    }
    lines
}
