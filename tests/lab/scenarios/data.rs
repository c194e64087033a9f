//! Data and node lists are lost, broken, or have no room.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::{
    clients::{fill, unreadable},
    cluster::{Cluster, Shard},
    lab::{Lab, Spec},
    tools::{Result, bail, ensure},
};

/// The files of the volume that are not the server's node list.
fn is_data(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    !name.starts_with("nodes.conf")
}

/// Does something to a master's volume while no process of it runs, and lets it start again at once, in the
/// same pod. All keys have to be readable in the end, the node must keep its id, and a replica has to be
/// promoted where the master has nothing to offer any more.
fn damaged(
    lab: &mut Lab,
    spec: &Spec,
    damage: impl Fn(&Path) -> Result<()>,
    promoted: Option<bool>,
) -> Result<()> {
    let (cluster, shards) = lab.deploy(spec)?;
    let world = lab.world.clone();
    let keys = fill(&cluster, 300, "kept")?;
    let ids = cluster.ids()?;
    thread::sleep(Duration::from_secs(6));
    let Shard { master, replicas, .. } = shards[0].clone();
    let pod = world.pod(&master)?;
    let volume = match spec.0["spec"]["storage"]["ephemeral"].is_null() {
        true => world.volume(&format!("data-{master}"))?,
        false => pod.recipe.folder.join("volumes/data"),
    };
    // The kubelet would be quicker than we are.
    pod.held.store(true, std::sync::atomic::Ordering::Relaxed);
    let container = pod.container()?;
    container.signal(Signal::KILL);
    world.wait("it has ended", Duration::from_secs(5), || {
        ensure!(container.exit_code()?.is_some(), "still running");
        Ok(())
    })?;
    damage(&volume)?;
    pod.held.store(false, std::sync::atomic::Ordering::Relaxed);
    let start = Instant::now();
    // Nothing may be missing at any time: an empty master copied by its replica shows here.
    let start_of_wait = Instant::now();
    let mut whole = cluster.whole();
    while whole.is_err() && start_of_wait.elapsed() < Duration::from_secs(45) {
        for replica in &replicas {
            if let Ok(left) = cluster.keys_on(replica) {
                let of_shard = keys.iter().filter(|key| left.contains(*key)).count();
                ensure!(of_shard > 50, "the replica {replica} has only {of_shard} keys left");
            }
        }
        thread::sleep(Duration::from_millis(250));
        whole = cluster.whole();
    }
    let after = whole.map_err(|error| format!("not whole after 45 s: {error}"))?;
    lab.healed(start);
    let broken = unreadable(&cluster, &keys)?;
    ensure!(
        broken.is_empty(),
        "{} of {} keys are gone, such as {:?}",
        broken.len(),
        keys.len(),
        broken.iter().next()
    );
    ensure!(cluster.ids()? == ids, "a node id changed");
    let shard = cluster.shard_of(&after, &master)?;
    if let Some(promoted) = promoted {
        ensure!((shard.master != master) == promoted, "{} is the master", shard.master);
    }
    cluster.stays_whole(Duration::from_secs(6)).map(|_| ())
}

/// F10.
pub fn lost_data(lab: &mut Lab) -> Result<()> {
    let lose = |volume: &Path| {
        for entry in fs::read_dir(volume)? {
            let path = entry?.path();
            if is_data(&path) {
                if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
            }
        }
        Ok(())
    };
    damaged(lab, &lab.spec("blue"), lose, Some(true))
}

/// F10.
pub fn cache(lab: &mut Lab) -> Result<()> {
    let spec = lab.spec("blue").set("spec.persistence.mode", "None");
    damaged(lab, &spec, |_| Ok(()), Some(true))
}

fn nodes_file(volume: &Path) -> std::path::PathBuf {
    volume.join("nodes.conf")
}

/// F11.
pub fn emptied(lab: &mut Lab) -> Result<()> {
    damaged(lab, &lab.spec("blue"), |volume| Ok(fs::write(nodes_file(volume), "")?), None)
}

/// F11.
pub fn zeros(lab: &mut Lab) -> Result<()> {
    let zero = |volume: &Path| Ok(fs::write(nodes_file(volume), [0; 1024])?);
    damaged(lab, &lab.spec("blue"), zero, None)
}

/// F11.
pub fn cut(lab: &mut Lab) -> Result<()> {
    let cut = |volume: &Path| {
        let bytes = fs::read(nodes_file(volume))?;
        Ok(fs::write(nodes_file(volume), &bytes[..bytes.len() / 2])?)
    };
    damaged(lab, &lab.spec("blue"), cut, None)
}

/// F11.
pub fn deleted(lab: &mut Lab) -> Result<()> {
    damaged(lab, &lab.spec("blue"), |volume| Ok(fs::remove_file(nodes_file(volume))?), None)
}

/// A node list as a server leaves it that ends between learning who is whose replica and learning shard ids: the
/// replicas have other shard ids than their masters. Servers of Redis 7.0 know none.
pub fn shard_ids(lab: &mut Lab) -> Result<()> {
    let differ = |volume: &Path| {
        let text = fs::read_to_string(nodes_file(volume))?;
        let lines = text.lines().map(|line| match line.split_once("shard-id=") {
            Some((before, after)) if line.contains("slave") => {
                format!("{before}shard-id={}{}\n", "0123456789".repeat(4), &after[40..])
            }
            _ => format!("{line}\n"),
        });
        Ok(fs::write(nodes_file(volume), lines.collect::<String>())?)
    };
    damaged(lab, &lab.spec("blue"), differ, None)
}

/// F11: without a copy the pod refuses to start, its replica takes over, and everything is readable.
pub fn no_copy(lab: &mut Lab) -> Result<()> {
    let (cluster, shards) = lab.deploy(&lab.spec("blue"))?;
    let world = lab.world.clone();
    let keys = fill(&cluster, 300, "kept")?;
    thread::sleep(Duration::from_secs(6));
    let Shard { master, replicas, .. } = shards[0].clone();
    let pod = world.pod(&master)?;
    pod.held.store(true, std::sync::atomic::Ordering::Relaxed);
    let container = pod.container()?;
    container.signal(Signal::KILL);
    world.wait("it has ended", Duration::from_secs(5), || {
        ensure!(container.exit_code()?.is_some(), "still running");
        Ok(())
    })?;
    for entry in fs::read_dir(world.volume(&format!("data-{master}"))?)? {
        let path = entry?.path();
        if !is_data(&path) {
            fs::remove_file(path)?;
        }
    }
    pod.held.store(false, std::sync::atomic::Ordering::Relaxed);
    let start = Instant::now();
    world.wait("the replica takes over", Duration::from_secs(20), || {
        cluster.master_of(&replicas).map(|_| ())
    })?;
    lab.healed(start);
    world.wait("the pod says why it refuses", Duration::from_secs(10), || {
        ensure!(pod.output()?.contains("not started: nodes.conf"), "it says nothing of nodes.conf");
        Ok(())
    })?;
    world.wait("all keys are readable", Duration::from_secs(10), || {
        let broken = unreadable(&cluster, &keys)?;
        ensure!(broken.is_empty(), "{} are not", broken.len());
        Ok(())
    })?;
    ensure!(cluster.view(&master).is_err(), "it started although its node list is gone");
    Ok(())
}

/// Writes to a master until it refuses because it cannot write its file.
pub fn wait_refused(cluster: &Cluster, master: &str) -> Result<()> {
    let text = "x".repeat(16 << 10);
    let mut keys = (0..).map(|number| format!("full:{number}"));
    cluster.world.wait("it refuses writes", Duration::from_secs(20), || {
        // Keys of other shards are refused as well, for another reason.
        for key in keys.by_ref().take(20) {
            let reply = cluster.ask::<String>(master, &["SET", &key, &text]);
            if reply.is_err_and(|error| error.to_string().contains("MISCONF")) {
                return Ok(());
            }
        }
        bail!("all is written")
    })
}

/// A full volume: writes to it are refused, reads are not, no probe kills it, and room heals it.
pub fn disk_full(lab: &mut Lab) -> Result<()> {
    let (cluster, shards) = lab.deploy(&lab.spec("blue"))?;
    let world = lab.world.clone();
    let keys = fill(&cluster, 100, "kept")?;
    thread::sleep(Duration::from_secs(2));
    let master = shards[0].master.clone();
    let claim = format!("data-{master}");
    let volume = world.volume(&claim)?;
    fs::write(volume.join("ballast"), [1; 8192])?;
    let used = |path: &Path| -> Result<u64> {
        let stat = crate::tools::run(&format!("df --output=used {}", path.display()))?;
        Ok(stat.lines().last().unwrap_or_default().trim().parse()?)
    };
    world.resize_volume(&claim, used(&volume)? + 64)?;
    wait_refused(&cluster, &master)?;
    // Long enough for a wrong liveness probe to kill it: six times every ten seconds, and the hook's time.
    thread::sleep(Duration::from_secs(75));
    let pod = world.pod(&master)?;
    ensure!(pod.restarts() == 0, "a full disk restarted the pod");
    ensure!(!pod.ready(), "ready with a full disk");
    // Directly: clients that try a new connection with PING take the answer MISCONF for a dead server.
    let here = cluster.keys_on(&master)?;
    ensure!(keys.intersection(&here).next().is_some(), "none of the keys are on {master}");
    for key in keys.intersection(&here) {
        let value: String = cluster.ask(&master, &["GET", key])?;
        ensure!(value == *key, "{key} = {value}");
    }
    world.resize_volume(&claim, 256 * 1024)?;
    let room = Instant::now();
    world.wait("ready again", Duration::from_secs(20), || {
        ensure!(pod.ready(), "not ready");
        Ok(())
    })?;
    lab.healed(room);
    cluster.wait_whole(Duration::from_secs(10)).map(|_| ())
}

/// Empties a pod's volume.
fn wipe(lab: &Lab, pod: &str) -> Result<()> {
    for entry in fs::read_dir(lab.world.volume(&format!("data-{pod}"))?)? {
        let path = entry?.path();
        if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
    }
    Ok(())
}

/// The Job runs once more and lets a pod join that has a new id.
fn let_in(lab: &Lab, spec: &Spec, cluster: &Cluster, old_id: &str) -> Result<()> {
    let world = &lab.world;
    world.delete_job(&cluster.job)?;
    world.apply(&lab.render(spec)?)?;
    world.wait("the Job is complete", Duration::from_secs(60), || world.job_done(&cluster.job))?;
    // The old id stays in the list until somebody forgets it; the docs say how.
    for member in &cluster.members {
        let _ = cluster.ask::<String>(&member.pod, &["CLUSTER", "FORGET", old_id]);
    }
    cluster.wait_whole(Duration::from_secs(15)).map(|_| ())
}

/// A replica's volume is lost: its pod comes back as a new node and the Job lets it join.
pub fn volume_lost(lab: &mut Lab) -> Result<()> {
    let spec = lab.spec("blue");
    let (cluster, shards) = lab.deploy(&spec)?;
    let world = lab.world.clone();
    let keys = fill(&cluster, 100, "kept")?;
    let old = cluster.ids()?;
    let replica = shards[0].replicas.first().cloned().ok_or("no replica")?;
    world.destroy(std::slice::from_ref(&replica))?;
    wipe(lab, &replica)?;
    world.release([&replica]);
    world.wait("it answers", Duration::from_secs(20), || cluster.view(&replica).map(|_| ()))?;
    let start = Instant::now();
    let_in(lab, &spec, &cluster, &old[&replica])?;
    lab.healed(start);
    let broken = unreadable(&cluster, &keys)?;
    ensure!(broken.is_empty(), "{} keys are not readable", broken.len());
    Ok(())
}

/// R34: a master's volume is lost and its pod comes back at the same address, at once. Nobody can tell the
/// new server from the old one by its address, so it has to wait until the replica has taken over.
pub fn master_volume_lost(lab: &mut Lab) -> Result<()> {
    let spec = lab.spec("blue");
    let (cluster, shards) = lab.deploy(&spec)?;
    let world = lab.world.clone();
    let keys = fill(&cluster, 300, "kept")?;
    let old = cluster.ids()?;
    let Shard { master, replicas, .. } = shards[0].clone();
    thread::sleep(Duration::from_secs(2));
    world.pin(&master, world.pod(&master)?.recipe.net.address);
    world.destroy(std::slice::from_ref(&master))?;
    wipe(lab, &master)?;
    world.release([&master]);
    let start = Instant::now();
    world.wait("the replica takes over", Duration::from_secs(20), || {
        ensure!(cluster.master_of(&shards[0].pods())? != master, "not yet");
        Ok(())
    })?;
    lab.healed(start);
    world.wait("it answers", Duration::from_secs(20), || cluster.view(&master).map(|_| ()))?;
    let_in(lab, &spec, &cluster, &old[&master])?;
    let broken = unreadable(&cluster, &keys)?;
    ensure!(broken.is_empty(), "{} keys are gone", broken.len());
    let after = cluster.whole()?;
    ensure!(replicas.contains(&after[0].master), "{} is the master", after[0].master);
    Ok(())
}
