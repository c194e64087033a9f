//! Shards, replicas, and where pods may run.

use std::collections::BTreeMap;

use super::{
    super::{
        types::{Layout, SpreadRule},
        written::join,
    },
    Facts, Finding, Findings, Rule, grammar, plural,
};
use crate::error::Severity;

const SHARDS: &str = "/spec/topology/shards";
const REPLICAS: &str = "/spec/topology/replicasPerShard";
const ZONES: &str = "/spec/topology/zones";

pub(super) const TOO_FEW_SHARDS: Rule = Rule {
    code: "RCG211",
    name: "too-few-shards",
    severity: Severity::Error,
    title: "with fewer than 3 shards no master is ever replaced",
    story: "\
A replica takes over when a majority of the masters agrees that its master is gone. Of 2 masters, the one that is left is no majority, so nothing is ever replaced; \
of 3, two are. `redis-cli --cluster create` of Redis refuses fewer than 3 masters for this reason.

Write `shards: 3` or more. For data that needs no sharding, one master with replicas and Sentinel is simpler than a cluster.",
    check: Some(too_few_shards),
};

fn too_few_shards(facts: &Facts<'_>, found: &mut Findings) {
    let shards = facts.spec.topology.shards;
    if shards < 3 {
        let why = match shards {
            0 => "without a shard there is no data",
            1 => {
                "a majority of the masters must agree before a replica takes over, and without its one master there is none left to agree"
            }
            _ => {
                "a majority of the masters must agree before a replica takes over, and of 2 masters one is no majority"
            }
        };
        found.push(|| {
            Finding::at(
                SHARDS,
                format!(
                    "{} too few for a Redis Cluster",
                    match shards {
                        1 => "1 shard is".to_owned(),
                        n => format!("{n} shards are"),
                    }
                ),
            )
            .label("at least 3")
            .note(why)
            .help("write `shards: 3` or more")
        });
    }
}

pub(super) const TOO_MANY_SHARDS: Rule = Rule {
    code: "RCG212",
    name: "too-many-shards",
    severity: Severity::Error,
    title: "more than 500 shards are more than a Redis Cluster is made for",
    story: "\
Every node talks to every other one over the bus, so its traffic grows with the square of their number; the documentation of Redis Cluster names 1000 nodes as the most it is \
made for. With a replica for each shard that is 500 shards. Larger data goes into several clusters.",
    check: Some(too_many_shards),
};

fn too_many_shards(facts: &Facts<'_>, found: &mut Findings) {
    let shards = facts.spec.topology.shards;
    if shards > 500 {
        found.push(|| {
            Finding::at(
                SHARDS,
                format!("{shards} shards are more than a Redis Cluster is made for"),
            )
            .label("at most 500")
            .note("every node talks to every other one; Redis Cluster is made for up to 1000 nodes")
            .help("write at most `shards: 500`, and use several clusters for more")
        });
    }
}

pub(super) const TOO_MANY_REPLICAS: Rule = Rule {
    code: "RCG213",
    name: "too-many-replicas",
    severity: Severity::Error,
    title: "more than 10 replicas for a shard",
    story: "\
Each replica costs its master a copy of every write, and a whole copy of the data whenever it has to start anew. One replica survives the loss of a pod, two the loss of a pod \
during maintenance; more than a few serve reads only. The number is of replicas for each shard, not of all pods.",
    check: Some(too_many_replicas),
};

fn too_many_replicas(facts: &Facts<'_>, found: &mut Findings) {
    let replicas = facts.spec.topology.replicas_per_shard;
    if replicas > 10 {
        found.push(|| {
            Finding::at(REPLICAS, format!("{replicas} replicas for each shard are too many"))
                .label("at most 10")
                .note("each replica costs its master a copy of every write")
                .help("write 1, or 2 where a second pod may fail during maintenance; it is counted for each shard, not for the cluster")
        });
    }
}

pub(super) const TOO_MANY_PODS: Rule = Rule {
    code: "RCG214",
    name: "too-many-pods",
    severity: Severity::Error,
    title: "more than 1000 pods in one cluster",
    story: "\
Every node keeps a connection to every other one, and each message on it tells about a tenth of the others. The documentation of Redis Cluster names 1000 nodes as the most it is \
made for. The number of pods is `shards` x (1 + `replicasPerShard`).",
    check: Some(too_many_pods),
};

fn too_many_pods(facts: &Facts<'_>, found: &mut Findings) {
    let topology = &facts.spec.topology;
    let pods = u64::from(topology.shards) * (u64::from(topology.replicas_per_shard) + 1);
    // More shards or replicas than there may be have a rule of their own.
    if pods > 1000 && topology.shards <= 500 && topology.replicas_per_shard <= 10 {
        found.push(|| {
            Finding::at(
                SHARDS,
                format!(
                    "{} shards with {} are {pods} pods, 1000 are allowed",
                    topology.shards,
                    plural(topology.replicas_per_shard, "replica")
                ),
            )
            .label(format!("{} x (1 + {}) = {pods}", topology.shards, topology.replicas_per_shard))
            .related(REPLICAS, "replicas of each of them")
            .note("every node talks to every other one; Redis Cluster is made for up to 1000 nodes")
            .help(format!(
                "write at most `shards: {}`, or fewer replicas",
                1000 / topology.pods_per_shard()
            ))
        });
    }
}

pub(super) const NO_REPLICAS: Rule = Rule {
    code: "RCG215",
    name: "no-replicas",
    severity: Severity::Warning,
    title: "without replicas every restart of a pod is an outage of its shard",
    story: "\
A shard without a replica is gone while its one pod restarts, moves to another node or waits for its volume; each drained node and each changed template does that. Its data is as \
safe as the volume. That is fine for tests and for data that can be recomputed.",
    check: Some(no_replicas),
};

fn no_replicas(facts: &Facts<'_>, found: &mut Findings) {
    if facts.spec.topology.replicas_per_shard == 0 {
        found.push(|| {
            Finding::at(REPLICAS, "0 replicas: every restart of a pod is an outage of its shard")
                .label("nobody takes over")
                .help("write `replicasPerShard: 1` unless the data is not missed")
        });
    }
}

pub(super) const ZONE_NAME: Rule = Rule {
    code: "RCG216",
    name: "zone-name",
    severity: Severity::Error,
    title: "a zone cannot be the value of a node's label",
    story: "\
Zones are values of the node label `topology.kubernetes.io/zone`: at most 63 letters, digits, `-`, `_` and `.`. `kubectl get nodes -L topology.kubernetes.io/zone` shows those that there are.",
    check: Some(zone_name),
};

fn zone_name(facts: &Facts<'_>, found: &mut Findings) {
    for (index, zone) in facts.spec.topology.zones.iter().enumerate() {
        let what = match grammar::label_value(zone) {
            _ if zone.is_empty() => Some("a zone has no name".to_owned()),
            why => why.map(|why| format!("the zone `{zone}` {why}")),
        };
        if let Some(what) = what {
            found.push(|| {
                Finding::at(join(ZONES, index), what)
                    .help("write a zone that nodes have: `kubectl get nodes -L topology.kubernetes.io/zone` shows them")
            });
        }
    }
}

pub(super) const DUPLICATE_ZONE: Rule = Rule {
    code: "RCG217",
    name: "duplicate-zone",
    severity: Severity::Error,
    title: "a zone is listed twice",
    story: "A zone that is listed twice is one zone. Probably another one was meant: then the pods would not run where they should.",
    check: Some(duplicate_zone),
};

fn duplicate_zone(facts: &Facts<'_>, found: &mut Findings) {
    let mut seen = BTreeMap::new();
    for (index, zone) in facts.spec.topology.zones.iter().enumerate() {
        let first = *seen.entry(zone).or_insert(index);
        if first < index {
            found.push(|| {
                Finding::at(join(ZONES, index), format!("the zone `{zone}` is listed twice"))
                    .label("again")
                    .related(join(ZONES, first), "first here")
                    .help("write another zone, or remove it")
            });
        }
    }
}

pub(super) const TOO_FEW_ZONES: Rule = Rule {
    code: "RCG218",
    name: "too-few-zones",
    severity: Severity::Error,
    title: "a shard has more pods than there are zones for them",
    story: "\
`spread.zones: Required` asks for different zones for the pods of a shard: its master and its replicas. With fewer zones than pods two of them share one, and losing that zone can lose the shard. \
List as many zones as a shard has pods, have fewer replicas, or write `Preferred`.",
    check: Some(too_few_zones),
};

fn too_few_zones(facts: &Facts<'_>, found: &mut Findings) {
    let topology = &facts.spec.topology;
    let (zones, pods) =
        (topology.zones.len() as u64, u64::from(topology.rendered_pods_per_shard()));
    let applies = topology.spread.zones == SpreadRule::Required
        && topology.layout == Layout::StatefulSetPerShard;
    if applies && zones > 0 && zones < pods {
        found.push(|| {
            Finding::at_key(
                ZONES,
                format!("{} cannot keep the {pods} pods of a shard apart", plural(zones, "zone")),
            )
            .label(plural(zones, "zone"))
            .related("/spec/topology/spread/zones", "asks for different zones")
            .related(
                REPLICAS,
                format!(
                    "1 master and {} make {pods} pods",
                    plural(topology.rendered_pods_per_shard() - 1, "replica")
                ),
            )
            .help(format!("list {pods} zones, or write `spread.zones: Preferred`"))
        });
    }
}

pub(super) const SPREAD_OF_ALL_PODS: Rule = Rule {
    code: "RCG219",
    name: "spread-of-all-pods",
    severity: Severity::Warning,
    title: "with one StatefulSet, `Required` asks for as many nodes as pods",
    story: "\
In the layout `SingleStatefulSet` all pods are alike, so a rule cannot tell the pods of one shard from those of another. `spread.nodes: Required` then keeps all pods of the cluster \
on different nodes: 6 pods need 6 nodes, and one more to replace one. Only the layout `StatefulSetPerShard` can keep just a master and its replicas apart.",
    check: Some(spread_of_all_pods),
};

fn spread_of_all_pods(facts: &Facts<'_>, found: &mut Findings) {
    let topology = &facts.spec.topology;
    if topology.layout == Layout::SingleStatefulSet
        && topology.spread.nodes == Some(SpreadRule::Required)
    {
        let pods =
            u64::from(topology.rendered_shards()) * u64::from(topology.rendered_pods_per_shard());
        found.push(|| {
            Finding::at("/spec/topology/spread/nodes", format!("`Required` asks for {pods} nodes, one for each pod of the cluster"))
                .label("holds for all pods")
                .related("/spec/topology/layout", "cannot tell the pods of one shard from another's")
                .help("write `Preferred`, or the layout `StatefulSetPerShard`, which keeps only a shard's pods apart")
        });
    }
}

const RETIRING: &str = "/spec/topology/retiring";

pub(super) const RETIRING_NOTHING: Rule = Rule {
    code: "RCG236",
    name: "retiring-nothing",
    severity: Severity::Warning,
    title: "`retiring` is written, and nothing retires",
    story: "\
`spec.topology.retiring` names shards and replicas that the bootstrap Job empties and takes out of the cluster. With 0 of both and no layout it does nothing, and whoever reads the spec wonders what is going on.

To make a cluster smaller, lower `shards` or `replicasPerShard` and write here by how much; when the Job has finished, delete the block.",
    check: Some(retiring_nothing),
};

fn retiring_nothing(facts: &Facts<'_>, found: &mut Findings) {
    if facts.has(RETIRING) && !facts.spec.topology.retiring.is_any() {
        found.push(|| {
            Finding::at_key(RETIRING, "`retiring` is written, and nothing retires")
                .label("0 shards and 0 replicas")
                .help("delete the block, or write by how much `shards` or `replicasPerShard` were lowered")
        });
    }
}

pub(super) const TOO_MANY_RETIRING: Rule = Rule {
    code: "RCG237",
    name: "too-many-retiring",
    severity: Severity::Error,
    title: "with what retires the cluster is larger than one may be",
    story: "\
Shards and replicas that retire are nodes of the cluster until they are taken out, so they count: at most 500 shards, 10 replicas for each and 1000 pods together, as `shards`, `replicasPerShard` and \
`retiring` add up. A number that is too large probably is the old total; what belongs here is the difference between the old number and the new one.",
    check: Some(too_many_retiring),
};

fn too_many_retiring(facts: &Facts<'_>, found: &mut Findings) {
    let topology = &facts.spec.topology;
    let retiring = topology.retiring;
    let (shards, pods) = (topology.rendered_shards(), topology.rendered_pods_per_shard());
    let mut say = |field: &str, what: String, most: u32, here: &'static str, now: u32| {
        found.push(|| {
            Finding::at(join(RETIRING, field), what)
                .label(format!("at most {most}"))
                .related(here, format!("{now} stay"))
                .note("what retires is part of the cluster until it is taken out")
                .help("write the difference between the old number and the new one")
        });
    };
    // What stays has rules of its own.
    if retiring.shards > 0 && topology.shards <= 500 && shards > 500 {
        say(
            "shards",
            format!(
                "{} and {} that retire are more than 500 shards",
                topology.shards, retiring.shards
            ),
            500 - topology.shards,
            SHARDS,
            topology.shards,
        );
    } else if retiring.replicas_per_shard > 0 && topology.replicas_per_shard <= 10 && pods > 11 {
        say(
            "replicasPerShard",
            format!(
                "{} and {} that retire are more than 10 replicas for each shard",
                topology.replicas_per_shard, retiring.replicas_per_shard
            ),
            10 - topology.replicas_per_shard,
            REPLICAS,
            topology.replicas_per_shard,
        );
    } else if let Some(layout) = retiring.layout
        && u64::from(shards) * u64::from(pods) > 500
    {
        let all = u64::from(shards) * u64::from(pods);
        found.push(|| {
            Finding::at(
                RETIRING_LAYOUT_AT,
                format!(
                    "with the {all} pods of {} there are {} pods, 1000 are allowed",
                    layout.name(),
                    2 * all
                ),
            )
            .label(format!("{all} pods more"))
            .note("what retires is part of the cluster until it is taken out")
            .help("make the cluster smaller first, or a second cluster with the other layout")
        });
    } else if retiring.is_any()
        && u64::from(shards) * u64::from(pods) > 1000
        && u64::from(topology.shards) * u64::from(topology.pods_per_shard()) <= 1000
    {
        let all = u64::from(shards) * u64::from(pods);
        found.push(|| {
            Finding::at_key(
                RETIRING,
                format!("with what retires there are {all} pods, 1000 are allowed"),
            )
            .label(format!(
                "({} + {}) x (1 + {} + {}) = {all}",
                topology.shards,
                retiring.shards,
                topology.replicas_per_shard,
                retiring.replicas_per_shard
            ))
            .note("what retires is part of the cluster until it is taken out")
            .help("write the difference between the old numbers and the new ones")
        });
    }
}

const RETIRING_LAYOUT_AT: &str = "/spec/topology/retiring/layout";

pub(super) const RETIRING_LAYOUT: Rule = Rule {
    code: "RCG239",
    name: "retiring-layout",
    severity: Severity::Error,
    title: "`retiring.layout` does not fit the rest",
    story: "\
A running cluster gets another layout in two steps. First `topology.layout` is the new one and `topology.retiring.layout` the one that it has: the pods of both are there, each layout with all shards and replicas, and \
the bootstrap Job moves the data over and takes the pods of before out of the cluster. Then the block is deleted, and they go.

So it has to be the other layout. Shards and replicas that retire would belong to both layouts: make that change before or after. And the pods of both cannot have the same ports or hosts outside: \
take `network.external` away for that time.",
    check: Some(retiring_layout),
};

fn retiring_layout(facts: &Facts<'_>, found: &mut Findings) {
    let topology = &facts.spec.topology;
    let retiring = topology.retiring;
    let Some(layout) = retiring.layout else { return };
    if layout == topology.layout {
        found.push(|| {
            Finding::at(RETIRING_LAYOUT_AT, "the layout that retires is the one that stays")
                .label("the same")
                .related("/spec/topology/layout", "the layout that stays")
                .help("write the layout that the cluster has now, or delete the line")
        });
    }
    if retiring.shards > 0 || retiring.replicas_per_shard > 0 {
        found.push(|| {
            Finding::at(RETIRING_LAYOUT_AT, "a layout retires, and shards or replicas with it")
                .label("all pods of a layout")
                .help("make two changes of it: one of the layout, one of the numbers")
        });
    }
    if facts.spec.network.external.is_some() {
        found.push(|| {
            Finding::at(
                RETIRING_LAYOUT_AT,
                "the pods of both layouts would be reached from outside in the same way",
            )
            .label("twice as many pods")
            .related("/spec/network/external", "a port or a host for each pod")
            .help("delete `external` until the pods of before are gone")
        });
    }
}

pub(super) const RETIRING_WITHOUT_JOB: Rule = Rule {
    code: "RCG238",
    name: "retiring-without-job",
    severity: Severity::Error,
    title: "pods retire, and no Job empties them",
    story: "\
The bootstrap Job moves the slots of retiring shards away and takes the nodes out of the cluster. With `bootstrap.enabled: false` nobody does, and deleting the block would delete pods that still hold data.

Enable the Job. Where it cannot run, empty the pods by hand before the numbers are lowered: `redis-cli --cluster rebalance` with a weight of 0, then `redis-cli --cluster del-node`.",
    check: Some(retiring_without_job),
};

fn retiring_without_job(facts: &Facts<'_>, found: &mut Findings) {
    if facts.spec.topology.retiring.is_any() && !facts.spec.bootstrap.enabled {
        found.push(|| {
            Finding::at_key(RETIRING, "pods retire, and no Job empties them")
                .label("left to nobody")
                .related("/spec/bootstrap/enabled", "without the Job")
                .help("remove `enabled: false` of `spec.bootstrap`")
        });
    }
}
