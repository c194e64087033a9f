//! The network between pods is cut or slow, or a process stands still.

use std::{
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::{
    clients::Load,
    lab::Lab,
    net::{Address, Cut},
    tools::{Result, ensure},
};

/// Two node timeouts, the election, and what the client needs to learn of it.
const FAILOVER: Duration = Duration::from_secs(15);

/// Nobody can reach the master's bus: its replica takes over, and it comes back as a replica.
pub fn bus_cut(lab: &mut Lab) -> Result<()> {
    let (cluster, shards) = lab.deploy(&lab.spec("blue"))?;
    let world = lab.world.clone();
    let shard = &shards[0];
    let pod = world.pod(&shard.master)?;
    pod.recipe.net.cut(&[Cut::Bus(cluster.bus_port)])?;
    world.wait("the replica takes over", FAILOVER, || {
        cluster.master_of(&shard.replicas).map(|_| ())
    })?;
    // The fault lasts on: two node timeouts in which the old master may not come back into its role.
    thread::sleep(Duration::from_secs(10));
    pod.recipe.net.cut(&[])?;
    let open = Instant::now();
    let after = cluster.wait_whole(Duration::from_secs(30))?;
    lab.healed(open);
    ensure!(after[0].pods() == shard.pods(), "the pods of the shard changed");
    ensure!(pod.restarts() == 0, "the pod was restarted");
    Ok(())
}

/// The known hole of asynchronous replication: a master that is cut off from its peers but not from its
/// clients takes writes until it notices, and those are lost. How many is told; nothing else may break.
pub fn isolated(lab: &mut Lab) -> Result<()> {
    let (cluster, shards) = lab.deploy(&lab.spec("blue"))?;
    let world = lab.world.clone();
    let shard = &shards[0];
    let load = Load::start(&cluster, &shards, 300);
    thread::sleep(Duration::from_secs(4));
    let cut = Instant::now();
    let pod = world.pod(&shard.master)?;
    pod.recipe.net.cut(&[Cut::Peers])?;
    world.wait("the replica takes over", FAILOVER, || {
        cluster.master_of(&shard.replicas).map(|_| ())
    })?;
    thread::sleep(Duration::from_secs(5));
    pod.recipe.net.cut(&[])?;
    let open = Instant::now();
    let after = cluster.wait_whole(Duration::from_secs(30))?;
    lab.healed(open);
    let tally = load.stop()?;
    ensure!(after[0].pods() == shard.pods(), "the pods of the shard changed");
    let settled = tally.lost(&cluster, Some(cut - Duration::from_millis(500)))?;
    let all = tally.lost(&cluster, None)?;
    lab.note(format!("{} writes lost that the cut off master had taken", all.len()));
    ensure!(settled.is_empty(), "{} writes from before the cut are lost", settled.len());
    Ok(())
}

/// Off the network altogether, as when its Kubernetes node is.
pub fn unplugged(lab: &mut Lab) -> Result<()> {
    let (cluster, shards) = lab.deploy(&lab.spec("blue"))?;
    let world = lab.world.clone();
    let shard = &shards[0];
    let load = Load::start(&cluster, &shards, 300);
    thread::sleep(Duration::from_secs(4));
    // What was acknowledged in the last moment may not have been sent to the replica.
    let before = Instant::now() - Duration::from_millis(500);
    let pod = world.pod(&shard.master)?;
    pod.recipe.net.cut(&[Cut::All])?;
    world.wait("the replica takes over", FAILOVER, || {
        cluster.master_of(&shard.replicas).map(|_| ())
    })?;
    // The fault lasts on: two node timeouts in which the old master may not come back into its role.
    thread::sleep(Duration::from_secs(10));
    pod.recipe.net.cut(&[])?;
    let open = Instant::now();
    let after = cluster.wait_whole(Duration::from_secs(30))?;
    lab.healed(open);
    ensure!(after[0].pods() == shard.pods(), "the pods of the shard changed");
    ensure!(pod.restarts() == 0, "the pod was restarted: its own probes do not need the network");
    let tally = load.stop()?;
    lab.judge(&cluster, &tally, FAILOVER, Some(before))
}

/// Clients cannot reach a master, its peers can: that is no reason for a failover.
pub fn clients_cut(lab: &mut Lab) -> Result<()> {
    let (cluster, shards) = lab.deploy(&lab.spec("blue"))?;
    let pod = lab.world.pod(&shards[0].master)?;
    pod.recipe.net.cut(&[Cut::Clients])?;
    // Longer than a failover takes: nothing may happen in that time, so there is nothing to wait for.
    thread::sleep(Duration::from_secs(15));
    ensure!(pod.ready(), "not ready, although only clients are cut off");
    pod.recipe.net.cut(&[])?;
    let after = cluster.stays_whole(Duration::from_secs(6))?;
    ensure!(after == shards, "roles changed");
    Ok(())
}

/// Slow, not dead.
pub fn slow(lab: &mut Lab) -> Result<()> {
    let (cluster, shards) = lab.deploy(&lab.spec("blue"))?;
    let world = lab.world.clone();
    let pod = world.pod(&shards[0].master)?;
    let load = Load::start(&cluster, &shards, 200);
    thread::sleep(Duration::from_secs(2));
    pod.recipe.net.slow(Some(256))?;
    // The fault itself, under load: four node timeouts.
    thread::sleep(Duration::from_secs(20));
    pod.recipe.net.slow(None)?;
    let open = Instant::now();
    cluster.wait_whole(Duration::from_secs(30))?;
    lab.healed(open);
    ensure!(pod.restarts() == 0, "the pod was restarted");
    lab.judge(&cluster, &load.stop()?, FAILOVER, None)
}

/// A whole node of Kubernetes can hang like this, and come back as if nothing had happened.
pub fn stopped(lab: &mut Lab) -> Result<()> {
    let (cluster, shards) = lab.deploy(&lab.spec("blue"))?;
    let world = lab.world.clone();
    let shard = &shards[0];
    let load = Load::start(&cluster, &shards, 300);
    thread::sleep(Duration::from_secs(4));
    let container = world.pod(&shard.master)?.container()?;
    // What was acknowledged in the last moment may not have been sent to the replica.
    let before = Instant::now() - Duration::from_millis(500);
    container.signal_all(Signal::STOP)?;
    world.wait("the replica takes over", FAILOVER, || {
        cluster.master_of(&shard.replicas).map(|_| ())
    })?;
    thread::sleep(Duration::from_secs(5));
    container.signal_all(Signal::CONT)?;
    let awake = Instant::now();
    let after = cluster.wait_whole(Duration::from_secs(30))?;
    lab.healed(awake);
    ensure!(after[0].pods() == shard.pods(), "the pods of the shard changed");
    let tally = load.stop()?;
    lab.judge(&cluster, &tally, FAILOVER, Some(before))
}

/// R37: a master comes back at a new address, and one replica hears of it only from others. The server then
/// shows the new address and goes on dialling the old one, for ever where nobody mends it.
pub fn stale_link(lab: &mut Lab) -> Result<()> {
    let (cluster, shards) = lab.deploy(&lab.spec("blue"))?;
    let world = lab.world.clone();
    let shard = &shards[1];
    let replica = world.pod(shard.replicas.first().ok_or("no replica")?)?;
    let id = cluster.view(&shard.master)?.own.id;
    let moved = Address(900);
    replica.recipe.net.cut(&[Cut::BusWith(cluster.bus_port, moved)])?;
    world.pin(&shard.master, moved);
    world.destroy(std::slice::from_ref(&shard.master))?;
    world.release([&shard.master]);
    world.wait("others tell the replica", Duration::from_secs(30), || {
        let view = cluster.view(replica.name())?;
        let node = view.nodes.get(&id).ok_or("unknown")?;
        let address = world.pod(&shard.master)?.addresses()[0].to_string();
        ensure!(node.address == address, "it has {}", node.address);
        Ok(())
    })?;
    let dialled = cluster.view(replica.name())?.replication.remove("master_host");
    replica.recipe.net.cut(&[])?;
    let open = Instant::now();
    let after = cluster.wait_whole(Duration::from_secs(30))?;
    lab.healed(open);
    ensure!(after == shards, "roles changed");
    let mended = replica.output()?.contains("REPLICATE it again");
    lab.note(format!(
        "the replica dialled {}; {}",
        dialled.unwrap_or_default(),
        if mended { "the heal loop mended it" } else { "the server mended it" }
    ));
    Ok(())
}
