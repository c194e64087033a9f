//! Another server: what reads whose files.

use super::{BASE, Facts, Pods, Rule};
use crate::diff::{
    class::Class,
    workload::{self, Server},
};

/// The server before and after, where the image of the server's container changes and both tell what they are.
fn servers(facts: &Facts<'_>) -> Option<(Server, Server)> {
    let (old, new) = facts.both()?;
    let name = workload::server(new)?.get("name")?.as_str()?;
    let is_image = facts.is_change()
        && facts.is_kind("StatefulSet")
        && facts.path().is("spec template spec containers [] image")
        && facts.path().item_of("containers") == Some(name);
    if !is_image {
        return None;
    }
    Some((workload::runs(old)?, workload::runs(new)?))
}

fn order(server: Server) -> (u32, u32, u32) {
    (server.version.0, server.version.1, server.patch)
}

fn restarts(facts: &Facts<'_>) -> Option<String> {
    let waits = facts.new.is_some_and(workload::waits);
    (!waits).then(|| facts.restart())
}

pub(super) const PATCHED: Rule = Rule {
    code: "RCG642",
    name: "engine-patched",
    class: Class::Restart,
    title: "the server moves to another release of the same minor version, or to another image of it",
    story: "Releases of one minor version read each other's files and speak the same protocol. Each master hands its shard over before it stops.",
    source: "https://redis.io/docs/latest/operate/oss_and_stack/install/upgrade/",
    pods: Pods::All,
    check: |facts| {
        let (old, new) = servers(facts)?;
        let same =
            old.engine == new.engine && old.version == new.version && order(new) >= order(old);
        restarts(facts).filter(|_| same)
    },
    ..BASE
};

pub(super) const UPGRADED: Rule = Rule {
    code: "RCG643",
    name: "engine-upgraded",
    class: Class::Restart,
    title: "the server moves to a newer version",
    story: "A newer server reads the files of an older one, and a newer replica copies from an older master. Not the other way round: once a pod has written its files with the new version, going back may need a backup (RCG706 says when). While the pods restart, an older pod cannot copy \
from a newer master, so each shard has one copy less until its last pod is new.",
    next: "take a backup before: the way back may be closed",
    source: "RDB_VERSION in rdb.h of each release",
    pods: Pods::All,
    check: |facts| {
        let (old, new) = servers(facts)?;
        let newer = old.engine == new.engine && new.version > old.version;
        restarts(facts)
            .filter(|_| newer)
            .map(|restarts| format!("{restarts}; no way back once files are written"))
    },
    ..BASE
};

pub(super) const DOWNGRADED: Rule = Rule {
    code: "RCG657",
    name: "engine-downgraded",
    class: Class::Manual,
    title: "the server moves to an older version that reads the same files",
    story: "The number of the file format did not change between the two, but nobody promises the way back, and a directive or a type of value that only the newer version knows stops the older one.",
    next: "take a backup, and try one pod first: lifecycle.updateStrategy: OnDelete",
    source: "RDB_VERSION in rdb.h of each release",
    pods: Pods::All,
    check: |facts| {
        let (old, new) = servers(facts)?;
        (old.engine == new.engine && order(new) < order(old))
            .then(|| format!("{}, and go back in version", facts.restart()))
    },
    ..BASE
};

pub(super) const REPLACED: Rule = Rule {
    code: "RCG658",
    name: "engine-replaced",
    class: Class::Manual,
    title: "the other engine takes over the files",
    story: "Valkey is a fork of Redis 7.2 and reads what Redis up to 7.2 wrote; the files go on where they parted. Nodes of both can be in one cluster while the pods restart, but nobody tests that for long. Modules, ACL rules and new directives need a look.",
    next: "take a backup, and try one pod first: lifecycle.updateStrategy: OnDelete",
    source: "https://valkey.io/topics/migration/",
    pods: Pods::All,
    check: |facts| {
        let (old, new) = servers(facts)?;
        (old.engine != new.engine).then(|| format!("{} as {}", facts.restart(), new.engine.name()))
    },
    ..BASE
};

pub(super) const FILES_UNREADABLE: Rule = Rule {
    code: "RCG706",
    name: "files-unreadable",
    class: Class::DataRisk,
    title: "the new server cannot read the files of the old one",
    story: "Dump files carry a version: 10 in Redis 7.0, 11 in 7.2 and in Valkey up to 8.1, 12 in Redis 7.4 and 8, 80 in Valkey 9. A server reads up to its own number; Valkey reads none of the numbers that Redis has given since they parted, and Redis none of Valkey's. The pod that restarts first either does not start, \
or, when its files are taken away, copies from a master whose dump it cannot read either.\n\n\
The list of nodes is a file as well: Valkey from 8.1 on takes for an address what Redis from 8.0 on says of itself on the bus, and writes it down; that Redis calls the list corrupted then, and does not start.\n\n\
Start a second cluster with the other server, and copy the data with a tool that reads keys, such as RIOT or RedisShake.",
    next: "keep the server; copy the data into a second cluster with the other one",
    source: "RDB_VERSION and rdbLoadRioWithLoadingCtx in rdb.c of each release",
    pods: Pods::All,
    check: |facts| {
        let (old, new) = servers(facts)?;
        (!workload::reads(new, old)).then(|| "the pods cannot read their files".to_owned())
    },
    ..BASE
};
