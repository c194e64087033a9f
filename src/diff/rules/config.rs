//! The files of the ConfigMap, directive by directive, and Secrets.

use serde_json::Value;

use super::{BASE, Facts, Pods, Rule};
use crate::{
    diff::{
        class::Class,
        conf,
        object::Object,
        secrets,
        workload::{self, Use},
    },
    plan::names,
    spec::directives::{Directive, Status},
    templates,
};

/// The file of directives that the server takes over while it runs.
const LIVE: &str = "live.conf";

/// The file of a ConfigMap that changes.
fn file<'a>(facts: &'a Facts<'_>) -> Option<&'a str> {
    let is_file = facts.is_kind("ConfigMap")
        && facts.path().is_below("data")
        && facts.both().is_some()
        && (facts.difference.directive || !facts.difference.same);
    if is_file { facts.path().names().get(1).copied() } else { None }
}

/// Files of ours that are read once, when a pod starts.
fn is_start_script(file: &str) -> bool {
    [templates::ENTRYPOINT, templates::HEAL, templates::LIB]
        .iter()
        .any(|script| script.name == file)
}

/// Whether pods that use the object are there, and none of their files is.
fn is_used(facts: &Facts<'_>) -> bool {
    facts.new.is_some_and(|new| workload::users(facts.after, new).next().is_some())
}

fn restarts(facts: &Facts<'_>) -> bool {
    let waits =
        |new: &Object| workload::users(facts.after, new).all(|(set, _)| workload::waits(set));
    facts.users_restart() && facts.new.is_some_and(|new| !waits(new))
}

/// Whether running servers take the change over: a directive of `live.conf` that stays, with another value, and that this engine can change.
fn is_live(facts: &Facts<'_>) -> bool {
    let stays = facts.difference.old.is_some() && facts.difference.new.is_some();
    let can = |name: &str| {
        facts.server().is_none_or(|server| {
            Directive::find(name)
                .is_some_and(|known| known.status(server.engine, server.version) == Status::Live)
        })
    };
    stays && file(facts) == Some(LIVE) && facts.directive().is_some_and(can)
}

/// `maxmemory` in bytes in the files of a ConfigMap.
pub(super) fn maxmemory(object: &Object) -> Option<u128> {
    conf::bytes(&Facts::directive_in(object, "maxmemory")?)
}

pub(super) const LIVE_DIRECTIVE: Rule = Rule {
    code: "RCG612",
    name: "live-directive",
    class: Class::Live,
    title: "a directive changes that running servers take over",
    story: "It stands in `live.conf`, and this version of the engine can change it while it runs. The pods notice the changed file within about a minute and a half, and set it with CONFIG SET.",
    source: "src/spec/directives.csv, made by asking real servers",
    check: |facts| is_live(facts).then(|| "running servers take it over".to_owned()),
    ..BASE
};

pub(super) const LIVE_FILE: Rule = Rule {
    code: "RCG613",
    name: "live-file",
    class: Class::Live,
    title: "a file changes that pods read anew each time",
    story: "Scripts of probes, of the bootstrap Job and of the stop of a pod are read when they run; so is the list of pods. The kubelet brings a changed file into running pods within about a minute.",
    source: "https://kubernetes.io/docs/concepts/configuration/configmap/#mounted-configmaps-are-updated-automatically",
    check: |facts| {
        let file = file(facts)?;
        (!facts.difference.directive && !is_start_script(file) && !conf::is_conf(file))
            .then(|| "read anew when it is needed".to_owned())
    },
    ..BASE
};

pub(super) const CONFIG_WAITS: Rule = Rule {
    code: "RCG632",
    name: "config-waits",
    class: Class::Pending,
    title: "a configuration changes that servers read at their start, and nothing restarts them",
    story: "The server reads its files once. Without a hash of them in the pod template, or with `OnDelete`, a change waits until each pod restarts for another reason, so pods of one cluster run with different settings until then.",
    next: "kubectl rollout restart statefulset, when it suits",
    source: "https://redis.io/docs/latest/operate/oss_and_stack/management/config/",
    pods: Pods::All,
    check: |facts| {
        let file = file(facts)?;
        let at_start = facts.directive().is_some() && !is_live(facts) || is_start_script(file);
        (at_start && is_used(facts) && !restarts(facts))
            .then(|| "waits until pods restart".to_owned())
    },
    ..BASE
};

pub(super) const ENVIRONMENT_WAITS: Rule = Rule {
    code: "RCG633",
    name: "environment-waits",
    class: Class::Pending,
    title: "a value changes that pods took over when they started",
    story: "Variables of the environment, and files mounted by `subPath`, stay as they were when the pod started.",
    next: "kubectl rollout restart statefulset, when it suits",
    source: "https://kubernetes.io/docs/tasks/configure-pod-container/configure-pod-configmap/",
    pods: Pods::All,
    check: |facts| {
        let (_, new) = facts.both()?;
        let data = facts.path().is_below("data") || facts.path().is_below("binaryData");
        let started = workload::users(facts.after, new).any(|(_, used)| used == Use::Start);
        (facts.is_change() && facts.is_kind("ConfigMap") && data && started && !restarts(facts))
            .then(|| "pods keep the old value until they restart".to_owned())
    },
    ..BASE
};

pub(super) const RESTART_DIRECTIVE: Rule = Rule {
    code: "RCG644",
    name: "restart-directive",
    class: Class::Restart,
    title: "a directive changes that takes effect when the server starts",
    story: "It cannot be changed while this version of the engine runs, or its line comes or goes: a server keeps the value of a line that is gone. The hash of the configuration in the pod template restarts the pods.",
    source: "src/spec/directives.csv, made by asking real servers",
    pods: Pods::All,
    check: |facts| {
        facts.directive()?;
        file(facts)?;
        (!is_live(facts) && restarts(facts)).then(|| facts.restart())
    },
    ..BASE
};

pub(super) const CONFIG_HASH: Rule = Rule {
    code: "RCG645",
    name: "config-hash-changed",
    class: Class::Restart,
    title: "the configuration that servers read at their start changes",
    story: "The pod template carries a hash of `redis.conf`, of the names of the directives in `live.conf`, of where the password is, and of the scripts that start the server. Another hash is another template.",
    source: "src/plan/config.rs",
    pods: Pods::All,
    check: |facts| {
        let (_, new) = facts.both()?;
        (facts.is_kind("StatefulSet")
            && facts.path().is_below("spec template metadata annotations")
            && facts.path().last() == names::CONFIG_HASH
            && !workload::waits(new))
        .then(|| facts.restart())
    },
    ..BASE
};

pub(super) const RESTART_FILE: Rule = Rule {
    code: "RCG647",
    name: "start-script-changed",
    class: Class::Restart,
    title: "a script changes that starts the server",
    story: "`entrypoint.sh`, `heal.sh` and `lib.sh` run as long as the pod does. The hash of the configuration in the pod template restarts the pods.",
    source: "src/plan/config.rs",
    pods: Pods::All,
    check: |facts| {
        let file = file(facts)?;
        (is_start_script(file) && restarts(facts)).then(|| facts.restart())
    },
    ..BASE
};

pub(super) const CLIENT_PORT: Rule = Rule {
    code: "RCG653",
    name: "client-port-changed",
    class: Class::Manual,
    title: "a running cluster listens on another port for clients",
    story: "While the pods restart, some serve on the old port and some on the new one. Nodes tell clients the right one, but a client that starts with the old one finds nobody in the end, and firewalls and policies have to know the new one first.",
    next: "tell clients, firewalls and policies what changes, and follow `redis-cluster-gen plan`: all pods restart at once",
    source: "https://redis.io/docs/latest/operate/oss_and_stack/management/scaling/#redis-cluster-tcp-ports",
    pods: Pods::All,
    check: |facts| {
        let is_said_only = match facts.directive()? {
            "port" => said(facts.old_text(), "6379") == said(facts.new_text(), "6379"),
            "tls-port" => said(facts.old_text(), "0") == said(facts.new_text(), "0"),
            _ => return None,
        };
        (!is_said_only && !is_beside_encryption(facts))
            .then(|| "clients find nobody on the old port".to_owned())
    },
    ..BASE
};

/// A value, or what the engine does where there is none.
fn said<'a>(text: &'a str, default: &'a str) -> &'a str {
    if text.is_empty() { default } else { text }
}

/// The bus port of servers with the directives of an object: 10000 above the client port where none is given.
fn bus_port(object: &Object) -> Option<u32> {
    let number = |name: &str, default: u32| match Facts::directive_in(object, name) {
        Some(text) => text.parse().ok(),
        None => Some(default),
    };
    match number("cluster-port", 0)? {
        0 => Some(number("port", 6379)? + 10_000),
        port => Some(port),
    }
}

/// Whether it is the port without encryption that changes, of servers that have one with it before and after.
fn is_beside_encryption(facts: &Facts<'_>) -> bool {
    let Some((old, new)) = facts.both() else { return false };
    let encrypts = |object| Facts::directive_in(object, "tls-port").is_some_and(|port| port != "0");
    facts.directive() == Some("port") && encrypts(old) && encrypts(new)
}

pub(super) const PLAINTEXT_PORT: Rule = Rule {
    code: "RCG733",
    name: "plaintext-port-gone",
    class: Class::Manual,
    title: "the port without encryption closes or moves",
    story: "Clients without encryption find nobody on the old port of pods that have restarted. Those that speak TLS do not notice, nor do the pods among themselves: they never use this port, so they restart one after the other. \
A port that opens can be used when the last pod has restarted: until then those that have it send clients to some that do not.",
    next: "move clients to the port with encryption before the pods restart",
    source: "https://redis.io/docs/latest/operate/oss_and_stack/management/security/encryption/",
    pods: Pods::All,
    check: |facts| {
        let was_open = facts.old_text() != "0";
        (is_beside_encryption(facts) && was_open)
            .then(|| "clients without encryption find nobody on the old port".to_owned())
    },
    ..BASE
};

pub(super) const ENCRYPTION: Rule = Rule {
    code: "RCG664",
    name: "encryption-switched",
    class: Class::DataRisk,
    title: "a running cluster's bus becomes encrypted, or is no longer",
    story: "A pod with encryption and one without cannot talk to each other, on the bus or as replicas. While the pods restart one after another, each of the two groups takes the other for dead: shards fail over, and writes may be lost. It takes an outage in which all pods restart together.",
    next: "follow `redis-cluster-gen plan`: the pods wait (`lifecycle.updateStrategy: OnDelete`), and all are deleted at once; clients need certificates",
    source: "https://redis.io/docs/latest/operate/oss_and_stack/management/security/encryption/",
    pods: Pods::All,
    check: |facts| {
        (facts.directive()? == "tls-cluster")
            .then(|| "pods of before and after cannot reach each other".to_owned())
    },
    ..BASE
};

pub(super) const ANNOUNCED: Rule = Rule {
    code: "RCG654",
    name: "announced-address-changed",
    class: Class::Manual,
    title: "nodes tell clients other addresses or names",
    story: "Clients are sent to what nodes announce. Names are stable where addresses change, but a client must be able to resolve them, which those outside of the Kubernetes cluster cannot; a client that checks TLS names needs certificates for them.",
    next: "see that every client can reach what the nodes will announce",
    source: "https://redis.io/docs/latest/commands/cluster-slots/",
    pods: Pods::All,
    check: |facts| {
        let told = || "clients are sent to other addresses".to_owned();
        if let Some(name) = facts.directive() {
            let announced =
                name.starts_with("cluster-announce-") && name != "cluster-announce-bus-port";
            return (announced || name == "cluster-preferred-endpoint-type").then(told);
        }
        // Without a family nodes announce the pod's first address, which mostly is of IPv4.
        let is_ipv6 = |value: &Option<Value>| {
            value.as_ref().is_some_and(|value| value.to_string().contains("IPv6"))
        };
        let is_variable = match facts.path().item_of("env") {
            Some("ANNOUNCE_HOSTNAME") => true,
            Some("IP_FAMILY") => is_ipv6(&facts.difference.old) || is_ipv6(&facts.difference.new),
            _ => false,
        };
        let is_template = facts.is_kind("StatefulSet") && facts.path().is_below("spec template");
        (facts.is_change() && is_template && is_variable).then(told)
    },
    ..BASE
};

pub(super) const PASSWORD: Rule = Rule {
    code: "RCG655",
    name: "password-changed",
    class: Class::Manual,
    title: "a secret value changes",
    story: "Which value it is, and which it was, is never shown. Where it is the cluster's password, servers, replicas and clients need the new one at different times: let both be valid first (two passwords for the user in an ACL), then change the clients, then take the old one away.",
    next: "let the old and the new value be valid until everyone has the new one",
    source: "https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/",
    pods: Pods::All,
    check: |facts| {
        let directive = facts.directive().is_some_and(secrets::is_secret_directive);
        let secret = facts.is_change()
            && facts.is_kind("Secret")
            && (facts.path().is_below("data") || facts.path().is_below("binaryData"));
        (directive || secret).then(|| "whoever uses it needs the new one".to_owned())
    },
    ..BASE
};

pub(super) const MAXMEMORY_LOWERED: Rule = Rule {
    code: "RCG661",
    name: "maxmemory-lowered",
    class: Class::Manual,
    title: "the server may hold less data, and evicts nothing",
    story: "With `noeviction` a server that has more data than the new `maxmemory` refuses every write, and goes on answering reads.",
    next: "look at used_memory of each master (INFO memory) before: it has to be below the new maxmemory",
    source: "https://redis.io/docs/latest/develop/reference/eviction/",
    pods: Pods::All,
    check: |facts| {
        (lowered(facts)? && !evicts(facts)).then(|| "writes are refused above it".to_owned())
    },
    ..BASE
};

/// Whether a directive of a ConfigMap lowers `maxmemory`; without a value, or with 0, there is no bound.
fn lowered(facts: &Facts<'_>) -> Option<bool> {
    if facts.directive()? != "maxmemory" {
        return None;
    }
    let bytes = |text: &str| conf::bytes(text).filter(|bytes| *bytes > 0).unwrap_or(u128::MAX);
    Some(bytes(facts.new_text()) < bytes(facts.old_text()))
}

fn evicts(facts: &Facts<'_>) -> bool {
    let policy = facts.new.and_then(|new| Facts::directive_in(new, "maxmemory-policy"));
    policy.is_some_and(|policy| policy != "noeviction")
}

pub(super) const BUS_PORT: Rule = Rule {
    code: "RCG698",
    name: "bus-port-changed",
    class: Class::DataRisk,
    title: "a running cluster gets another bus port",
    story: "Nodes find each other at the bus port that they know of each other. While the pods restart, those with the old port and those with the new one do not hear each other: each half takes the other for failed, replicas take over on one side, and what the other side accepted is lost. \
The port also keeps clusters apart, so no other cluster may have it. It is derived from namespace and name unless `network.busPort` is given.",
    next: "set network.busPort to the old port; or follow `redis-cluster-gen plan`: the pods wait (`lifecycle.updateStrategy: OnDelete`), and all are deleted at once",
    source: "https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#the-cluster-bus",
    pods: Pods::All,
    check: |facts| {
        let told = || "restarted and other pods do not hear each other".to_owned();
        if let Some(name) = facts.directive() {
            let is_said_only =
                facts.both().is_some_and(|(old, new)| bus_port(old) == bus_port(new));
            let is_other = match name {
                "cluster-port" => !is_said_only,
                name => name == "cluster-announce-bus-port",
            };
            return is_other.then(told);
        }
        let is_variable = facts.is_kind("StatefulSet")
            && facts.path().is_below("spec template")
            && facts.path().item_of("env") == Some("BUS_PORT");
        // Where it is new, the pods of before had another way to say it.
        (facts.is_change() && is_variable && facts.difference.old.is_some()).then(told)
    },
    ..BASE
};

/// The value of a directive on the new side, or what the engine does without it.
fn new_value(facts: &Facts<'_>, name: &str, default: &str) -> String {
    facts.new.and_then(|new| Facts::directive_in(new, name)).unwrap_or_else(|| default.to_owned())
}

fn is_off(snapshots: &str) -> bool {
    snapshots.trim_matches(['"', '\'']).is_empty()
}

pub(super) const PERSISTENCE_OFF: Rule = Rule {
    code: "RCG699",
    name: "persistence-off",
    class: Class::DataRisk,
    title: "nothing is written to the disk any more",
    story: "Without an append-only file and without snapshots, data lives as long as the servers do. A master that restarts at once comes back empty, and its replica copies that, unless the entrypoint holds it back; when all pods of a shard restart, its data is gone.",
    next: "keep persistence.mode, unless the data may be lost",
    source: "https://redis.io/docs/latest/operate/oss_and_stack/management/replication/#safety-of-replication-when-master-has-persistence-turned-off",
    pods: Pods::All,
    check: |facts| {
        let name = facts.directive()?;
        // The default of `save` takes snapshots.
        let nothing = new_value(facts, "appendonly", "no") != "yes"
            && is_off(&new_value(facts, "save", "3600 1"));
        let was = name == "appendonly" && facts.old_text() == "yes"
            || name == "save" && !is_off(facts.old_text());
        (nothing && was).then(|| "data lives as long as the servers".to_owned())
    },
    ..BASE
};

pub(super) const PERSISTENCE_SWITCHED: Rule = Rule {
    code: "RCG700",
    name: "persistence-switched",
    class: Class::DataRisk,
    title: "servers load another kind of file when they start",
    story: "With `appendonly yes` a server loads the append-only file alone, without it the snapshot alone. After the switch the restarted pod has none, or an old one: it starts empty, and copies what its shard's master has. To switch without that, let running servers write the other kind first: `CONFIG SET appendonly yes`, or `CONFIG SET save` and a BGSAVE while the append-only file stays on; and wait until the file is written.",
    next: "follow `redis-cluster-gen plan`: running servers write the other kind of file before they restart",
    source: "https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/#how-i-can-switch-to-aof-if-im-currently-using-dumprdb-snapshots",
    pods: Pods::All,
    check: |facts| {
        let nothing = new_value(facts, "appendonly", "no") != "yes"
            && is_off(&new_value(facts, "save", "3600 1"));
        let switched = facts.directive()? == "appendonly"
            && !nothing
            && (facts.old_text() == "yes") != (facts.new_text() == "yes");
        switched.then(|| "restarted servers load no file, or an old one".to_owned())
    },
    ..BASE
};

pub(super) const FILES_ELSEWHERE: Rule = Rule {
    code: "RCG701",
    name: "data-files-elsewhere",
    class: Class::DataRisk,
    title: "servers look for their files in another place",
    story: "A restarted server does not find its data, or its identity in `nodes.conf`, under the new name: it starts empty, or as a stranger to the cluster.",
    next: "take the change back, or move the files in every pod first",
    source: "https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/",
    pods: Pods::All,
    check: |facts| {
        let default = match facts.directive()? {
            // Where images of both engines start their servers.
            "dir" => names::DATA.1,
            "dbfilename" => "dump.rdb",
            "appendfilename" => "appendonly.aof",
            "appenddirname" => "appendonlydir",
            "cluster-config-file" => "nodes.conf",
            _ => return None,
        };
        let place = |text| match said(text, default) {
            "." | "./" => String::new(),
            place => place
                .strip_prefix(names::DATA.1)
                .map_or(place, |rest| rest.trim_matches('/'))
                .to_owned(),
        };
        (place(facts.old_text()) != place(facts.new_text()))
            .then(|| "restarted servers start empty".to_owned())
    },
    ..BASE
};

pub(super) const EVICTION: Rule = Rule {
    code: "RCG703",
    name: "eviction-turned-on",
    class: Class::DataRisk,
    title: "servers may delete keys to make room",
    story: "With any policy but `noeviction` a server whose memory is full deletes keys that nobody asked it to delete. That is right for a cache, and loses data otherwise.",
    next: "keep maxmemory-policy noeviction unless all keys may go",
    source: "https://redis.io/docs/latest/develop/reference/eviction/",
    pods: Pods::All,
    check: |facts| {
        let off = |text: &str| text.is_empty() || text == "noeviction";
        (facts.directive()? == "maxmemory-policy"
            && off(facts.old_text())
            && !off(facts.new_text()))
        .then(|| "servers that are full delete keys".to_owned())
    },
    ..BASE
};

pub(super) const MAXMEMORY_EVICTS: Rule = Rule {
    code: "RCG704",
    name: "maxmemory-evicts",
    class: Class::DataRisk,
    title: "the server may hold less data, and evicts the rest",
    story: "The server deletes keys by its `maxmemory-policy` until it is below the new `maxmemory`, as soon as the value arrives.",
    next: "look at used_memory of each master (INFO memory) before: what is above the new maxmemory is deleted",
    source: "https://redis.io/docs/latest/develop/reference/eviction/",
    pods: Pods::All,
    check: |facts| {
        (lowered(facts)? && evicts(facts)).then(|| "keys above it are deleted".to_owned())
    },
    ..BASE
};

pub(super) const DIRECTIVE_UNKNOWN: Rule = Rule {
    code: "RCG707",
    name: "directive-unknown",
    class: Class::DataRisk,
    title: "a directive is not known to the version of the server",
    story: "A server that meets a directive it does not know ends at once. The pod that restarts first does not come back, and the rollout stops there, with one copy less in each shard.",
    next: "take the directive out, or move to a version that knows it",
    source: "src/spec/directives.csv, made by asking real servers",
    pods: Pods::All,
    check: |facts| {
        let unknown = |server: workload::Server, name: &str| {
            Directive::find(name)
                .is_some_and(|known| known.status(server.engine, server.version) == Status::Unknown)
        };
        if let Some(name) = facts.directive() {
            return (facts.difference.new.is_some() && unknown(facts.server()?, name))
                .then(|| "servers do not start with it".to_owned());
        }
        // A server that does not know what the configuration has.
        let (old, new) = facts.both()?;
        let is_image =
            facts.is_change() && facts.path().is("spec template spec containers [] image");
        let (before, after) = (workload::runs(old)?, workload::runs(new)?);
        if !is_image || before == after || !workload::reads(after, before) {
            return None;
        }
        let maps = facts.after.of_kind("ConfigMap");
        let mut maps = maps.filter(|map| workload::uses(new, "ConfigMap", &map.id.name).is_some());
        maps.find_map(|map| {
            let files = map.get("/data")?.as_object()?;
            let texts = files.iter().filter(|(key, _)| conf::is_conf(key));
            texts.filter_map(|(_, text)| text.as_str()).find_map(|text| {
                let directives = conf::directives(text);
                let name = directives
                    .keys()
                    .find(|name| unknown(after, name) && !unknown(before, name))?;
                Some(format!("servers do not start with `{name}`"))
            })
        })
    },
    ..BASE
};

pub(super) const CLUSTER_MODE: Rule = Rule {
    code: "RCG708",
    name: "cluster-mode-changed",
    class: Class::DataRisk,
    title: "servers enter or leave cluster mode",
    story: "A server outside of cluster mode serves all keys by itself: the restarted pods no longer belong to the cluster, and clients that follow redirections fail. Into cluster mode a server comes without slots, and refuses every key.",
    next: "take the change back; copy the data into a cluster of the other kind",
    source: "https://redis.io/docs/latest/operate/oss_and_stack/management/scaling/",
    pods: Pods::All,
    check: |facts| {
        (facts.directive()? == "cluster-enabled")
            .then(|| "restarted servers leave the cluster".to_owned())
    },
    ..BASE
};
