//! Clients outside of the Kubernetes cluster, which can reach the pods' load balancers and nothing else.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    clients::{self, Load},
    cluster::{Cluster, Shard},
    lab::{Lab, Spec},
    tools::{Result, ensure},
    world::OUTSIDE_HOST,
};

/// Two node timeouts, the election, and what the client needs to learn of it.
pub(super) const FAILOVER: Duration = Duration::from_secs(15);
/// How soon a client is told a changed host.
pub(super) const TOLD: Duration = Duration::from_secs(15);

pub(super) fn with_load_balancers(lab: &Lab, host: &str) -> Spec {
    lab.spec("blue").set(
        "spec.network.external",
        json!({ "type": "LoadBalancer", "host": host, "annotations": { OUTSIDE_HOST: "HOST" } }),
    )
}

/// Clients outside read and write every slot, follow the cluster through a failover and to new addresses of all pods, and are told changed hosts
/// while the servers run.
pub fn load_balancer(lab: &mut Lab) -> Result<()> {
    let spec = with_load_balancers(lab, "POD.redis.example.com");
    let (cluster, shards) = lab.deploy(&spec)?;
    serve_outside(lab, &cluster, &shards)?;

    let changed = with_load_balancers(lab, "redis-POD.example.org");
    let pods = cluster.pods()?;
    let objects = lab.render(&changed)?;
    let cluster = lab.apply(&changed, &objects)?;
    lab.world.wait("clients are told the changed hosts", TOLD, || {
        told(&cluster.outside()).map(|_| ())
    })?;
    let keys = clients::key_for_each_slot("changed");
    clients::write_once(&cluster.outside(), &keys)?;
    for pod in pods {
        ensure!(!pod.terminating() && pod.restarts() == 0, "{} was restarted", pod.name());
    }
    cluster.stays_whole(Duration::from_secs(6)).map(|_| ())
}

/// The same by a port of every node for each pod, which pods at all addresses keep.
pub fn node_port(lab: &mut Lab) -> Result<()> {
    let spec = lab.spec("blue").set(
        "spec.network.external",
        json!({
            "type": "NodePort",
            "host": "nodes.example.com",
            "firstNodePort": 30100,
            "annotations": { OUTSIDE_HOST: "HOST" },
        }),
    );
    let (cluster, shards) = lab.deploy(&spec)?;
    serve_outside(lab, &cluster, &shards)?;
    // A handover finds the replica at its own port.
    let master = cluster.wait_whole(Duration::from_secs(10))?[0].master.clone();
    let hook = lab.world.pod(&master)?.pre_stop()?;
    ensure!(hook.code == Some(0), "preStop ended with {:?}", hook.code);
    cluster.wait_lasting(Duration::from_secs(20), Duration::from_secs(3))?;
    let after = cluster.whole()?;
    ensure!(after[0].master != master, "preStop handed nothing over");
    Ok(())
}

pub(super) fn serve_outside(lab: &mut Lab, cluster: &Cluster, shards: &[Shard]) -> Result<()> {
    let world = lab.world.clone();
    let outside = cluster.outside();
    ensure!(cluster.hosts.len() == cluster.members.len(), "not every pod has a host");
    only_load_balancers(cluster)?;
    // A name that was announced has to have reached all peers.
    world.wait("every node knows every host", TOLD, || told(&outside).map(|_| ()))?;
    lab.note(format!("MOVED: {}", told(&outside)?));

    let keys = clients::key_for_each_slot("every");
    clients::write_once(&outside, &keys)?;
    readable(&outside, &keys)?;
    // Inside, clients are told the same and have to reach it.
    readable(cluster, &keys)?;

    let load = Load::start(&outside, shards, 200);
    thread::sleep(Duration::from_secs(2));
    lose_master(cluster, &shards[0])?;
    lab.judge(cluster, &load.stop()?, FAILOVER, None)?;

    // What was written is on the disk after that.
    thread::sleep(Duration::from_secs(3));
    let pods: Vec<_> = cluster.members.iter().map(|member| member.pod.clone()).collect();
    world.destroy(&pods)?;
    world.release(&pods);
    let back = Instant::now();
    let (whole, after) = cluster.wait_lasting(Duration::from_secs(60), Duration::from_secs(10))?;
    lab.healed_at(back, whole);
    told(&outside)?;
    readable(&outside, &keys)?;
    let load = Load::start(&outside, &after, 200);
    thread::sleep(Duration::from_secs(2));
    let tally = load.stop()?;
    ensure!(tally.longest_gap() < Duration::from_secs(2) * lab.case.patience, "no writes");
    ensure!(tally.lost(cluster, None)?.is_empty(), "writes after the healing are lost");
    only_load_balancers(cluster)
}

/// The master of a shard dies, its replica takes over, and it comes back.
pub(super) fn lose_master(cluster: &Cluster, shard: &Shard) -> Result<()> {
    let world = &cluster.world;
    world.destroy(std::slice::from_ref(&shard.master))?;
    world.wait("the replica takes over", FAILOVER, || {
        ensure!(cluster.master_of(&shard.pods())? != shard.master, "not yet");
        Ok(())
    })?;
    world.release([&shard.master]);
    cluster.wait_lasting(Duration::from_secs(30), Duration::from_secs(6)).map(|_| ())
}

pub(super) fn readable(cluster: &Cluster, keys: &BTreeSet<String>) -> Result<()> {
    let unreadable = clients::unreadable(cluster, keys)?;
    let first = unreadable.first_key_value();
    ensure!(first.is_none(), "{} keys cannot be read, such as {first:?}", unreadable.len());
    Ok(())
}

/// Fails unless every node sends clients for every slot that it does not serve to the host and port by which they know a pod; returns one of the answers.
/// Clients by the pods' own addresses are told the same.
pub(super) fn told(cluster: &Cluster) -> Result<String> {
    let keys: Vec<_> = clients::key_for_each_slot("told").into_iter().step_by(500).collect();
    let hosts: BTreeSet<_> =
        cluster.hosts.values().map(|(host, port)| format!("{host}:{port}")).collect();
    let mut example = String::new();
    for member in &cluster.members {
        let (host, port) = cluster.hosts.get(&member.pod).cloned().ok_or("no host")?;
        let pod = cluster.world.pod(&member.pod)?;
        let from_there = cluster.there(|| {
            let mut connection = cluster.connect_at(cluster.place_at(host, port))?;
            keys.iter().map(|key| moved(&mut connection, key)).collect::<Result<Vec<_>>>()
        })??;
        let mut connection = cluster.connect(&pod)?;
        for (key, sent) in keys.iter().zip(from_there) {
            let inside = moved(&mut connection, key)?;
            ensure!(inside == sent, "{}: {inside:?} inside, {sent:?} there", member.pod);
            if let Some(sent) = sent {
                ensure!(hosts.contains(&sent), "{} sends clients to {sent:?}", member.pod);
                example = sent;
            }
        }
    }
    Ok(example)
}

/// Where a node sends a client for a key; nothing if it serves it.
fn moved(connection: &mut redis::Connection, key: &str) -> Result<Option<String>> {
    match redis::cmd("GET").arg(key).query::<Option<String>>(connection) {
        Ok(_) => Ok(None),
        Err(error) => match error.redirect_node() {
            Some((place, _)) => Ok(Some(place.to_owned())),
            None => Err(error.into()),
        },
    }
}

/// Fails if a client outside can connect to a pod's own address, or to the bus.
fn only_load_balancers(cluster: &Cluster) -> Result<()> {
    let outside = cluster.outside();
    for member in &cluster.members {
        let pod = cluster.world.pod(&member.pod)?;
        let (host, _) = cluster.hosts.get(&member.pod).cloned().ok_or("no host")?;
        let own = pod.addresses().first().ok_or("no address")?.to_string();
        let port = cluster.port_of(&member.pod).ok_or("no port")?;
        for (host, port) in [(own.clone(), port), (own, cluster.bus_port), (host, cluster.bus_port)]
        {
            let limit = Duration::from_secs(1);
            let connected = outside.there(|| {
                use std::net::{TcpStream, ToSocketAddrs};
                let mut places = (host.as_str(), port).to_socket_addrs().into_iter().flatten();
                places.any(|place| TcpStream::connect_timeout(&place, limit).is_ok())
            })?;
            ensure!(!connected, "a client outside reaches {host}:{port}");
        }
    }
    Ok(())
}
