//! Two clusters side by side: addresses and names of one lead to the other, and they must never merge.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use crate::{
    clients::{fill, unreadable},
    cluster::{Cluster, Shard},
    lab::Lab,
    names::Lie,
    tools::{Result, ensure},
    world::NAMESPACE,
};

/// Two clusters with their keys.
struct Two {
    blue: Cluster,
    blue_shards: Vec<Shard>,
    green: Cluster,
    keys: [std::collections::BTreeSet<String>; 2],
    ids: [std::collections::BTreeSet<String>; 2],
}

impl Two {
    fn deploy(lab: &Lab) -> Result<Two> {
        let (blue, blue_shards) = lab.deploy(&lab.spec("blue"))?;
        let (green, _) = lab.deploy(&lab.spec("green"))?;
        ensure!(blue.bus_port != green.bus_port, "both clusters have bus port {}", blue.bus_port);
        let keys = [fill(&blue, 100, "kept")?, fill(&green, 100, "kept")?];
        let ids = |cluster: &Cluster| {
            Ok::<_, crate::tools::Failure>(cluster.ids()?.into_values().collect())
        };
        let ids = [ids(&blue)?, ids(&green)?];
        // Everything acknowledged is on the replicas and on the disks.
        thread::sleep(Duration::from_secs(2));
        Ok(Two { blue, blue_shards, green, keys, ids })
    }

    /// No node may ever know a node of the other cluster.
    fn apart(&self) -> Result<()> {
        for (cluster, own) in [(&self.blue, &self.ids[0]), (&self.green, &self.ids[1])] {
            for view in cluster.views_of_answering() {
                // Until the handshake of a MEET is over, the node has an id that is made up, its own friends included.
                let met = view.nodes.values().filter(|node| !node.flags.contains("handshake"));
                let stranger = met.map(|node| &node.id).find(|id| !own.contains(*id));
                ensure!(stranger.is_none(), "{} knows {stranger:?}", view.pod);
            }
        }
        Ok(())
    }

    /// Looks all the time.
    fn stay_apart(&self, time: Duration) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < time {
            self.apart()?;
            thread::sleep(Duration::from_millis(500));
        }
        Ok(())
    }

    /// Each has its keys, all of them, and none of the other's, replicas included.
    fn intact(&self) -> Result<()> {
        self.apart()?;
        for (cluster, keys) in [(&self.blue, &self.keys[0]), (&self.green, &self.keys[1])] {
            let shards = cluster.whole()?;
            ensure!(cluster.keys()? == *keys, "{} has other keys than before", cluster.name);
            for shard in shards {
                let of_master = cluster.keys_on(&shard.master)?;
                for replica in &shard.replicas {
                    ensure!(cluster.keys_on(replica)? == of_master, "{replica} is no copy");
                }
            }
            let broken = unreadable(cluster, keys)?;
            ensure!(broken.is_empty(), "{} keys are not readable: {broken:?}", broken.len());
        }
        Ok(())
    }

    fn wait_intact(&self, lab: &Lab, limit: Duration) -> Result<()> {
        self.blue.wait_whole(limit)?;
        self.green.wait_whole(limit)?;
        lab.world.wait("both have their own keys", Duration::from_secs(5), || self.intact())
    }
}

/// F8: the replica takes over although somebody answers at the master's address.
pub fn dead_master(lab: &mut Lab) -> Result<()> {
    let two = Two::deploy(lab)?;
    let world = lab.world.clone();
    let shard = &two.blue_shards[0];
    let master = &shard.master;
    let thief = two.green.whole()?[0].master.clone();
    let address = world.pod(master)?.recipe.net.address;
    world.destroy(std::slice::from_ref(master))?;
    world.destroy(std::slice::from_ref(&thief))?;
    world.pin(&thief, address);
    world.release([&thief]);
    let died = Instant::now();
    world.wait("the replica takes over", Duration::from_secs(15), || {
        two.apart()?;
        two.blue.master_of(&shard.replicas).map(|_| ())
    })?;
    lab.note(format!("failover after {:.1} s", died.elapsed().as_secs_f64()));
    two.stay_apart(Duration::from_secs(5))?;
    for replica in &shard.replicas {
        let foreign = two.blue.keys_on(replica)?.into_iter().find(|key| !key.starts_with("blue"));
        ensure!(foreign.is_none(), "{replica} has {foreign:?}");
    }
    let back = Instant::now();
    world.release([master]);
    two.wait_intact(lab, Duration::from_secs(30))?;
    lab.healed(back);
    two.stay_apart(Duration::from_secs(5))?;
    two.intact()
}

pub fn dead_replica(lab: &mut Lab) -> Result<()> {
    let two = Two::deploy(lab)?;
    let world = lab.world.clone();
    let replica = two.blue_shards[0].replicas.first().cloned().ok_or("no replica")?;
    let thief = two.green.whole()?[0].master.clone();
    let address = world.pod(&replica)?.recipe.net.address;
    world.destroy(std::slice::from_ref(&replica))?;
    world.destroy(std::slice::from_ref(&thief))?;
    world.pin(&thief, address);
    world.release([&thief]);
    two.stay_apart(Duration::from_secs(15))?;
    let back = Instant::now();
    world.release([&replica]);
    two.wait_intact(lab, Duration::from_secs(30))?;
    lab.healed(back);
    two.stay_apart(Duration::from_secs(5))?;
    two.intact()
}

/// Both clusters are killed and come back, each at the other's addresses.
fn swap(lab: &mut Lab, lie_for: Duration) -> Result<()> {
    let two = Two::deploy(lab)?;
    let world = lab.world.clone();
    let names = |cluster: &Cluster| -> Vec<String> {
        cluster.members.iter().map(|member| member.pod.clone()).collect()
    };
    let (blue, green) = (names(&two.blue), names(&two.green));
    let all: Vec<_> = blue.iter().chain(&green).cloned().collect();
    let mut wrong = BTreeMap::new();
    for (one, other) in blue.iter().zip(&green) {
        let addresses = [one, other].map(|pod| world.pod(pod).map(|pod| pod.recipe.net.address));
        let [Ok(of_one), Ok(of_other)] = addresses else { return Err("a pod is gone".into()) };
        world.pin(one, of_other);
        world.pin(other, of_one);
        let host =
            |pod: &str, cluster: &str| format!("{pod}.{cluster}.{NAMESPACE}.svc.cluster.local");
        wrong.insert(host(one, "blue"), host(other, "green"));
        wrong.insert(host(other, "green"), host(one, "blue"));
    }
    world.destroy(&all)?;
    if !lie_for.is_zero() {
        world.names()?.tell(Lie::Wrong(wrong));
    }
    world.release(&all);
    world.wait("all pods answer", Duration::from_secs(30), || {
        two.blue.views()?;
        two.green.views().map(|_| ())
    })?;
    two.stay_apart(lie_for)?;
    world.names()?.tell(Lie::Truth);
    let truth = Instant::now();
    two.wait_intact(lab, Duration::from_secs(40))?;
    lab.healed(truth);
    two.stay_apart(Duration::from_secs(10))?;
    two.intact()?;

    // Each can still fail over.
    let master = two.blue.whole()?[1].clone();
    world.destroy(std::slice::from_ref(&master.master))?;
    world.wait("a replica takes over", Duration::from_secs(15), || {
        two.blue.master_of(&master.replicas).map(|_| ())
    })?;
    world.release([&master.master]);
    two.wait_intact(lab, Duration::from_secs(30))
}

pub fn swapped(lab: &mut Lab) -> Result<()> {
    swap(lab, Duration::ZERO)
}

pub fn swapped_wrong_names(lab: &mut Lab) -> Result<()> {
    swap(lab, Duration::from_secs(12))
}

/// F9: with the same bus port, so that only the ids keep the two apart; the peer is away and its name leads
/// to the stranger, so the heal loop looks all the time.
pub fn foreign_name(lab: &mut Lab) -> Result<()> {
    let spec = |lab: &Lab, name: &str| lab.spec(name).set("spec.network.busPort", 21000);
    let (blue, shards) = lab.deploy(&spec(lab, "blue"))?;
    let (green, _) = lab.deploy(&spec(lab, "green"))?;
    let world = lab.world.clone();
    let ids = [blue.ids()?, green.ids()?];
    let away = shards[2].replicas.first().cloned().ok_or("no replica")?;
    let host = |pod: &str, cluster: &str| format!("{pod}.{cluster}.{NAMESPACE}.svc.cluster.local");
    let stranger = &green.members[0].pod;
    world
        .names()?
        .tell(Lie::Wrong(BTreeMap::from([(host(&away, "blue"), host(stranger, "green"))])));
    world.destroy(std::slice::from_ref(&away))?;
    let start = Instant::now();
    let mut seen = false;
    while start.elapsed() < Duration::from_secs(30) {
        for (cluster, ids) in [(&blue, &ids[0]), (&green, &ids[1])] {
            for view in cluster.views_of_answering() {
                let known: Vec<_> = view.nodes.keys().collect();
                ensure!(known.len() == ids.len(), "{} knows {} nodes", view.pod, known.len());
                let stranger = known.iter().find(|id| !ids.values().any(|own| own == **id));
                ensure!(stranger.is_none(), "{} knows {stranger:?}", view.pod);
            }
        }
        for pod in blue.members.iter().filter(|member| member.pod != away) {
            seen |=
                world.pod(&pod.pod)?.output()?.contains("which this node does not know: not met");
        }
        thread::sleep(Duration::from_millis(500));
    }
    ensure!(seen, "no heal loop came upon the stranger, so this proves nothing");
    world.names()?.tell(Lie::Truth);
    world.release([&away]);
    let back = Instant::now();
    blue.wait_whole(Duration::from_secs(30))?;
    lab.healed(back);
    green.whole().map(|_| ())
}
