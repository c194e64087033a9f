//! The scenarios: what goes wrong, and what has to be true afterwards.

mod backup;
mod bootstrap;
mod data;
mod encryption;
mod external;
mod misc;
mod network;
mod plan;
mod probes;
mod restart;
mod rolling;
mod scaling;
mod scrapes;
mod seed;
mod strangers;
mod users;

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    ops::Range,
    time::Duration,
};

use crate::{
    lab::{Case, Lab, Layout},
    tools::Result,
};

/// One scenario.
pub struct Scenario {
    /// Its name: the number of the fault test, and words.
    pub name: &'static str,
    /// What happens, for the report.
    pub what: &'static str,
    /// It is killed after this.
    pub limit: Duration,
    /// The layouts that it makes sense in.
    pub layouts: &'static [Layout],
    /// Whether it belongs to the quick set, and with which engine and layout.
    pub quick: Option<(&'static str, Layout)>,
    /// Whether it measures short times, so that little else may run beside it.
    pub alone: bool,
    /// Whether the same is so for the figures of the report alone; the quick set, whose limits are wide, has it among the others.
    pub exact: bool,
    /// Makes its lab.
    pub setup: fn(Case) -> Result<Lab>,
    /// What it does.
    pub body: fn(&mut Lab) -> Result<()>,
}

pub use scrapes::SCRAPED;

use Layout::{PerShard, Single};

/// What clients do while secrets change.
const OPERATIONS_PER_SECOND: u32 = 500;

const BOTH: &[Layout] = &[PerShard, Single];

const fn scenario(
    name: &'static str,
    what: &'static str,
    body: fn(&mut Lab) -> Result<()>,
) -> Scenario {
    Scenario {
        name,
        what,
        limit: Duration::from_secs(300),
        layouts: BOTH,
        quick: None,
        alone: false,
        exact: false,
        setup: Lab::new,
        body,
    }
}

impl Scenario {
    /// Whether it is meant by a name or by a number, such as `f7`.
    pub fn is_called(&self, name: &str) -> bool {
        let rest = self.name.strip_prefix(&name.to_lowercase());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }

    const fn quick(mut self, engine: &'static str, layout: Layout) -> Scenario {
        self.quick = Some((engine, layout));
        self
    }

    const fn alone(mut self) -> Scenario {
        self.alone = true;
        self
    }

    const fn exact(mut self) -> Scenario {
        self.exact = true;
        self
    }

    const fn limit(mut self, seconds: u64) -> Scenario {
        self.limit = Duration::from_secs(seconds);
        self
    }

    const fn only(mut self, layouts: &'static [Layout]) -> Scenario {
        self.layouts = layouts;
        self
    }

    const fn setup(mut self, setup: fn(Case) -> Result<Lab>) -> Scenario {
        self.setup = setup;
        self
    }
}

/// What the metrics are in each state that an alert is about, and in those that none is about: `make scrapes`.
pub const SCRAPES: &[Scenario] = &[
    scenario("healthy", "nothing happens, under load", scrapes::healthy),
    scenario("tls", "nothing happens, and clients have to show a certificate", scrapes::healthy)
        .only(&[PerShard])
        .setup(encryption::with_mutual_tls),
    scenario("bootstrap", "fresh pods, and the Job", scrapes::bootstrap).only(&[PerShard]),
    scenario("rolling-restart", "each pod is replaced", scrapes::rolling_restart)
        .only(&[PerShard])
        .limit(600),
    scenario("not-formed", "there is no Job", scrapes::not_formed).only(&[PerShard]),
    scenario("slots-not-served", "both pods of a shard are gone", scrapes::slots_not_served)
        .only(&[PerShard]),
    scenario("nodes-disagree", "a pod is cut off from its peers", scrapes::nodes_disagree)
        .only(&[PerShard]),
    scenario("shard-without-replica", "a replica is gone", scrapes::shard_without_replica)
        .only(&[PerShard]),
    scenario("link-down", "a replica cannot reach its master's port", scrapes::link_down)
        .only(&[PerShard]),
    scenario("lag", "a replica stands still", scrapes::lag).only(&[PerShard]),
    scenario("memory-full", "keys up to maxmemory", scrapes::memory_full).only(&[PerShard]),
    scenario("rejected", "more clients than maxclients", scrapes::rejected).only(&[PerShard]),
    scenario("node-down", "a server stands still", scrapes::node_down).only(&[PerShard]),
    scenario("exporter-down", "an exporter stands still", scrapes::exporter_down).only(&[PerShard]),
];

/// All scenarios, in the order of the report.
pub const SCENARIOS: &[Scenario] = &[
    scenario("f1-bootstrap", "fresh pods; the Job again on the finished cluster", bootstrap::fresh)
        .quick("redis-7.0", PerShard),
    scenario("f1-two-jobs", "two Jobs at the same time on fresh pods", bootstrap::two_jobs),
    scenario(
        "f2-killed",
        "the Job killed at random moments, 25 times in all, each time run again",
        bootstrap::killed,
    )
    .limit(600)
    .setup(bootstrap::impatient)
    .quick("valkey-9", PerShard),
    scenario(
        "f3-half-made",
        "the Job on 5 states that a killed create leaves",
        bootstrap::half_made,
    )
    .quick("redis-8", PerShard),
    scenario(
        "f4-bus-blocked",
        "one bus port blocked while the cluster is made",
        bootstrap::bus_blocked,
    ),
    scenario(
        "f4-slow-pod",
        "one pod gets a fifth of its time while the cluster is made",
        bootstrap::slow_pod,
    ),
    scenario(
        "f5-refusals",
        "two names, one pod; a foreign pod; lost slots with keys",
        bootstrap::refusals,
    )
    .quick("redis-7.0", Single),
    scenario("f6-replica-moves", "a replica comes back at a new address", restart::replica_moves),
    scenario(
        "f6-master-moves",
        "a master comes back at a new address, at once",
        restart::master_moves,
    ),
    scenario(
        "f6-master-late",
        "a master comes back at a new address, after its replica took over",
        restart::master_late,
    )
    .quick("valkey-8", PerShard),
    scenario("f7-all-new", "all pods killed, all addresses new", restart::all_new)
        .quick("redis-7.0", PerShard),
    scenario("f7-names-empty", "the same, and no name resolves for 10 s", restart::names_empty),
    scenario(
        "f7-names-stale",
        "the same, and names lead to the old addresses for 10 s",
        restart::names_stale,
    )
    .quick("redis-8", Single),
    scenario(
        "f7-names-silent",
        "the same, and the name service is silent for 10 s",
        restart::names_silent,
    ),
    scenario(
        "f7-names-broken",
        "the same, and the name service fails for 10 s",
        restart::names_broken,
    ),
    scenario(
        "f7-names-deaf",
        "the same, and one pod never gets an answer from the name service",
        restart::names_deaf,
    ),
    scenario("f7-names-late", "the same, and each answer takes 1.5 s", restart::names_late),
    scenario(
        "f7-shuffled",
        "all pods killed, their addresses exchanged among them",
        restart::shuffled,
    )
    .quick("valkey-9", PerShard),
    scenario(
        "f7-taken-address",
        "a master is away, another has its address, and its replica comes back later",
        restart::taken_address,
    ),
    scenario(
        "f7-taken-at-once",
        "a master is away, another has its address, and its replica has run all the time",
        restart::taken_at_once,
    )
    .quick("redis-8", PerShard),
    scenario(
        "f7-one-stays-away",
        "all pods killed; one master does not come back for long",
        restart::one_stays_away,
    ),
    scenario(
        "f7-one-by-one",
        "all pods killed, started 3 s apart at new addresses",
        restart::one_by_one,
    ),
    scenario(
        "f7-late-shard",
        "all pods killed; one shard comes back when the others have called its master failed",
        restart::late_shard,
    )
    .quick("valkey-8", PerShard),
    scenario(
        "f8-dead-master",
        "a dead master's address goes to a pod of another cluster",
        strangers::dead_master,
    )
    .quick("redis-8", PerShard),
    scenario(
        "f8-dead-replica",
        "a dead replica's address goes to a pod of another cluster",
        strangers::dead_replica,
    ),
    scenario(
        "f8-swapped",
        "two clusters restart with their addresses exchanged",
        strangers::swapped,
    )
    .quick("redis-7.0", PerShard),
    scenario(
        "f8-swapped-wrong-names",
        "the same, and for 12 s names lead to the other cluster",
        strangers::swapped_wrong_names,
    ),
    scenario(
        "f9-foreign-name",
        "a peer's name leads to a server of another cluster",
        strangers::foreign_name,
    )
    .quick("valkey-8", Single),
    scenario(
        "f10-lost-data",
        "a master's data deleted, its node list kept, restarted at once",
        data::lost_data,
    )
    .quick("redis-7.0", PerShard),
    scenario("f10-cache", "without persistence: a master restarted at once", data::cache),
    scenario("f11-emptied", "a master's node list emptied", data::emptied),
    scenario("f11-zeros", "a master's node list full of zeros", data::zeros),
    scenario("f11-cut", "a master's node list cut in half", data::cut).quick("valkey-9", Single),
    scenario("f11-deleted", "a master's node list deleted", data::deleted),
    scenario(
        "f11-shard-ids",
        "a master's node list with other shard ids for replicas than for masters",
        data::shard_ids,
    )
    .quick("valkey-8", Single),
    scenario("f11-no-copy", "a master's node list and its copy deleted", data::no_copy),
    scenario(
        "f12-handover",
        "each master deleted under load; preStop where nothing can be handed over",
        rolling::handover,
    )
    .quick("redis-7.0", PerShard)
    .alone(),
    scenario("f12-drain", "every pod evicted, one after another, under load", rolling::drain)
        .alone(),
    scenario("f13-rolling", "a changed template rolls all pods under load", rolling::restart)
        .quick("redis-8", PerShard)
        .alone(),
    scenario("f13-five-shards", "the same with five shards", rolling::five_shards).alone(),
    scenario(
        "f13-two-replicas",
        "the same with two replicas for each shard",
        rolling::two_replicas,
    )
    .quick("valkey-8", PerShard)
    .alone(),
    scenario(
        "f14-one-shard",
        "3 to 4 to 3 shards under load, the Job killed at random moments",
        scaling::one_shard,
    )
    .limit(900)
    .setup(bootstrap::impatient)
    .quick("redis-7.0", PerShard),
    scenario("f14-twice", "the same, 3 to 6 to 3 shards", scaling::twice)
        .limit(1500)
        .setup(bootstrap::impatient),
    scenario(
        "f14-replicas",
        "0 to 1 to 2 to 1 replicas for each shard, likewise",
        scaling::replicas,
    )
    .limit(900)
    .setup(bootstrap::impatient)
    .quick("valkey-9", Single),
    scenario(
        "f14-mutual-tls",
        "3 to 4 to 3 shards, all of it encrypted",
        scaling::one_shard,
    )
    .limit(900)
    .setup(encryption::with_mutual_tls),
    scenario(
        "f14-again",
        "a shard and replicas retire, restart, and come back on the volumes that they left",
        scaling::again,
    )
    .limit(900),
    scenario(
        "f14-old-volumes",
        "new replicas find volumes of another time, with keys",
        scaling::old_volumes,
    ),
    scenario("f14-two-jobs", "two Jobs at the same time, 3 to 4 to 3 shards", scaling::two_jobs)
        .limit(600),
    scenario("f14-skipped", "a shard taken away without its having retired", scaling::skipped),
    scenario(
        "f14-skipped-replicas",
        "replicas taken away, masters among them, without their having retired",
        scaling::skipped_replicas,
    ),
    scenario(
        "f15-target-dies",
        "slots move to a new shard under load, the Job killed at random moments and the target master once",
        scaling::target_dies,
    )
    .limit(900)
    .setup(bootstrap::impatient)
    .alone(),
    scenario(
        "f15-source-dies",
        "the same, and a master that gives slots dies",
        scaling::source_dies,
    )
    .limit(900)
    .setup(bootstrap::impatient)
    .alone(),
    scenario(
        "f15-source-stops",
        "the same, and a master that gives slots is deleted, and hands over",
        scaling::source_stops,
    )
    .limit(900)
    .setup(bootstrap::impatient)
    .alone(),
    scenario(
        "f15-half-heard",
        "the target master dies when nobody has heard yet of some of its slots",
        scaling::half_heard,
    )
    .limit(600)
    .quick("redis-8", PerShard),
    scenario(
        "move-cost",
        "a fourth shard, with ten thousand keys, a hundred thousand, a million",
        scaling::move_cost,
    )
    .only(&[PerShard])
    .limit(1500)
    .alone(),
    scenario("f16-probes", "probes against every state of a server", probes::states)
        .quick("valkey-9", PerShard),
    scenario("f16-stopped", "a stopped server is restarted, a busy one is not", probes::stopped)
        .setup(probes::hurried)
        .quick("redis-7.0", PerShard),
    scenario("f17-examples", "the configuration of every example starts", misc::examples)
        .only(&[PerShard]),
    scenario(
        "f18-no-password",
        "making, all addresses new, and a rolling restart without a password; all others have one",
        misc::all_new_and_rolling,
    )
    .setup(misc::without_password),
    scenario("f18-users", "the same with users only, each held to its rules", users::enforced)
        .limit(480)
        .setup(users::alone)
        .quick("redis-8", PerShard),
    scenario(
        "f18-tls",
        "the same, all of it encrypted; clients without certificates",
        misc::all_new_and_rolling,
    )
    .setup(encryption::with_tls)
    .exact(),
    scenario("f18-mutual-tls", "the same, and clients have to show a certificate", misc::all_new_and_rolling)
        .setup(encryption::with_mutual_tls)
        .quick("redis-8", PerShard)
    .exact(),
    scenario("f18-ipv6", "the same on IPv6 only", misc::all_new_and_rolling).setup(misc::on_ipv6),
    scenario("f18-ipv6-tls", "the same, all of it encrypted", misc::all_new_and_rolling)
        .setup(encryption::with_tls_on_ipv6)
    .exact(),
    scenario("password-rotation", "a password is changed under load", misc::rotation)
        .quick("redis-8", Single)
    .exact(),
    scenario(
        "users-change",
        "users come, change and go, and passwords are changed, under load",
        users::live,
    )
    .setup(users::beside_default)
    .quick("valkey-9", PerShard)
    .exact(),
    scenario(
        "users-upgrade",
        "pods of a version without users roll to this one, and back, under load",
        users::upgrade,
    )
    .limit(600)
    .quick("valkey-8", PerShard),
    scenario(
        "exporter-rotation",
        "a password is changed in three steps, and the exporters follow",
        users::exporter,
    )
    .only(&[PerShard])
    .setup(users::with_exporter)
    .quick("redis-7.0", PerShard),
    scenario("tls-renewal", "a certificate is renewed under load", encryption::renewal)
        .setup(encryption::with_mutual_tls)
        .quick("redis-7.0", Single)
    .exact(),
    scenario("f19-replicas-die", "both replicas of a shard gone for long", misc::replicas_die),
    scenario(
        "f20-busybox",
        "making, all addresses new, and a handover with busybox",
        misc::all_new_and_rolling,
    )
    .setup(misc::with_busybox)
    .quick("redis-7.0", PerShard),
    scenario("f20-bash", "the same with bash as sh", misc::all_new_and_rolling).setup(misc::with_bash),
    scenario("network-bus-cut", "a master's bus cut for 20 s", network::bus_cut),
    scenario(
        "network-isolated",
        "a master cut off from its peers, not from clients",
        network::isolated,
    ),
    scenario(
        "network-unplugged",
        "a master off the network for 15 s under load",
        network::unplugged,
    ),
    scenario("network-clients-cut", "a master cut off from clients only", network::clients_cut),
    scenario("network-slow", "a master's network slowed to 256 kbit/s under load", network::slow),
    scenario(
        "network-stale-link",
        "a master moves, and its replica hears of it only from others (R37)",
        network::stale_link,
    )
    .quick("redis-7.0", Single),
    scenario("network-stopped", "a master stopped (SIGSTOP) for 15 s under load", network::stopped),
    scenario("disk-full", "a master's volume full, then not", data::disk_full)
        .quick("redis-8", PerShard),
    scenario("volume-lost", "a replica's volume lost", data::volume_lost),
    scenario(
        "volume-lost-master",
        "a master's volume lost, its pod back at the same address at once (R34)",
        data::master_volume_lost,
    )
    .quick("redis-8", PerShard),
    scenario(
        "live-settings",
        "settings changed while the servers run, also after the heal loop has died",
        misc::live_settings,
    )
    .quick("valkey-8", PerShard),
    scenario(
        "backup",
        "a loaded cluster is backed up, and restored into one with other shards",
        backup::restored,
    )
    .quick("valkey-9", PerShard),
    scenario(
        "backup-encrypted",
        "the same, and clients have to show a certificate",
        backup::restored,
    )
    .setup(encryption::with_mutual_tls),
    scenario("pubsub", "PUBLISH and SPUBLISH: which buses carry them", misc::publish)
        .quick("valkey-8", PerShard),
    scenario("idle-cost", "CPU time of the background work and the probes", misc::idle_cost)
        .only(&[PerShard])
        .alone(),
    scenario(
        "external-load-balancer",
        "clients outside, by a load balancer for each pod: every slot, a failover, all addresses new, changed hosts",
        external::load_balancer,
    )
    .limit(480),
    scenario(
        "external-node-port",
        "the same by a node port for each pod, at which its server listens, and a handover",
        external::node_port,
    )
    .limit(480),
    scenario(
        "external-tls",
        "clients outside insist on the hosts in certificates: every slot, a failover, all addresses new",
        encryption::outside_by_names,
    )
    .limit(480)
    .quick("redis-8", Single),
    scenario(
        "tls-names",
        "clients insist on the announced names in certificates, others come without encryption: a failover, all addresses new",
        encryption::by_names,
    ),
    scenario(
        "plan-upgrade",
        "the stages of a newer version under load, and the refusal of the way back",
        plan::upgrade,
    )
    .limit(600)
    .exact(),
    scenario(
        "plan-move-engine",
        "the stages to the other engine under load, or the refusal of them",
        plan::move_engine,
    )
    .limit(600)
    .exact(),
    scenario(
        "plan-rotation",
        "the stages of another password under load, twice, and their way back",
        plan::rotation,
    )
    .limit(600)
    .exact(),
    scenario("plan-volumes", "the stages of larger volumes under load", plan::volumes)
    .exact(),
    scenario("plan-layout", "the stages to the other layout, under load", plan::layout)
        .limit(600)
    .exact(),
    scenario("plan-resize", "the stages of a shard more and a shard less, under load", plan::resize)
        .limit(600)
    .exact(),
    scenario(
        "plan-switches",
        "another bus port, a password and encryption, each with all pods at once",
        plan::switches,
    )
    .limit(600),
    scenario(
        "takeover-of-seed",
        "the blog post's cluster goes on with our manifests, as planned",
        plan::takeover_of_seed,
    )
    .limit(600)
    .only(&[Single]),
    scenario(
        "takeover-of-seed-garbage",
        "the same where its script wrote the name of a variable in the place of addresses",
        plan::takeover_of_garbage,
    )
    .limit(600)
    .only(&[Single]),
    scenario(
        "seed-all-new",
        "the blog post's manifest: all pods killed, all addresses new",
        seed::all_new,
    )
    .limit(600)
    .only(&[Single]),
    scenario(
        "seed-rolling",
        "the blog post's manifest: a changed template under load",
        seed::rolling,
    )
    .limit(600)
    .only(&[Single]),
];

/// Not the same in two runs.
fn random(range: Range<u64>) -> u64 {
    // A new hasher has new random keys.
    range.start + RandomState::new().build_hasher().finish() % (range.end - range.start)
}
