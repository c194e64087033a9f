//! Pods are stopped on purpose, under load: handed over, drained, rolled.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use crate::{
    clients::Load,
    cluster::Cluster,
    lab::{Lab, Spec},
    objects::Objects,
    tools::{Result, ensure},
};

/// The longest time without an acknowledged write that a shard may have.
const GAP: Duration = Duration::from_millis(500);
const WRITES_PER_SECOND: u32 = 500;

/// Deletes a pod gracefully and waits until its successor is ready.
pub(super) fn replace(lab: &Lab, cluster: &Cluster, name: &str) -> Result<()> {
    let old = lab.world.pod(name)?;
    old.delete(None);
    lab.world.wait(&format!("{name} is replaced"), Duration::from_secs(60), || {
        let new = lab.world.pod(name)?;
        ensure!(new.number != old.number, "the old one still runs");
        ensure!(new.ready(), "the new one is not ready");
        Ok(())
    })?;
    let hook = old.hook().ok_or("no preStop hook ran")?;
    ensure!(hook.code == Some(0), "preStop ended with {:?}", hook.code);
    cluster.wait_ready(Duration::from_secs(30))
}

/// F12.
pub fn handover(lab: &mut Lab) -> Result<()> {
    let (cluster, shards) = lab.deploy(&lab.spec("blue"))?;
    let load = Load::start(&cluster, &shards, WRITES_PER_SECOND);
    thread::sleep(Duration::from_secs(2));
    let mut longest = Duration::ZERO;
    for shard in &shards {
        let old = lab.world.pod(&shard.master)?;
        replace(lab, &cluster, &shard.master)?;
        longest = longest.max(old.hook().map_or(longest, |hook| hook.took));
        cluster.wait_whole(Duration::from_secs(15))?;
    }
    let tally = load.stop()?;
    lab.note(format!("handing over took at most {:.1} s", longest.as_secs_f64()));
    lab.judge(&cluster, &tally, GAP, None)?;
    let after = cluster.whole()?;
    for (old, new) in shards.iter().zip(&after) {
        ensure!(old.master != new.master, "{} is master again", new.master);
        ensure!(old.pods() == new.pods(), "the pods of a shard changed");
    }

    // On a replica: nothing to do.
    let ends_well = |pod: &str, limit: Duration| {
        let start = Instant::now();
        let done = lab.world.pod(pod)?.pre_stop()?;
        ensure!(done.code == Some(0), "{pod}: preStop ended with {:?}: {}", done.code, done.output);
        let took = start.elapsed();
        ensure!(took <= limit, "{pod}: preStop took {:.1} s", took.as_secs_f64());
        Ok::<_, crate::tools::Failure>(())
    };
    let quick = Duration::from_secs(3);
    let shard = &after[0];
    for replica in &shard.replicas {
        ends_well(replica, quick)?;
    }
    ensure!(cluster.whole()? == after, "preStop on a replica changed roles");
    // On a master without any replica: it may look for one, but not for ever.
    let replicas: Vec<_> = shard.replicas.iter().cloned().collect();
    lab.world.destroy(&replicas)?;
    ends_well(&shard.master, Duration::from_secs(25))?;
    lab.world.release(&replicas);
    cluster.wait_whole(Duration::from_secs(30))?;

    // On a master without slots: a pod that waits for its cluster.
    let spec = lab.spec("green");
    let objects = lab.render(&spec)?;
    lab.world.apply(&Objects { jobs: Vec::new(), ..objects.clone() })?;
    let green = Cluster::from_objects(&lab.world, "green", &objects)?;
    lab.world.wait("green answers", Duration::from_secs(30), || green.views().map(|_| ()))?;
    ends_well(&green.members[0].pod, quick)
}

/// Every pod is evicted as `kubectl drain` does it under the disruption budget: the next one when all are
/// ready again.
pub fn drain(lab: &mut Lab) -> Result<()> {
    let (cluster, shards) = lab.deploy(&lab.spec("blue"))?;
    let load = Load::start(&cluster, &shards, WRITES_PER_SECOND);
    thread::sleep(Duration::from_secs(2));
    let start = Instant::now();
    for member in &cluster.members {
        replace(lab, &cluster, &member.pod)?;
    }
    lab.note(format!("draining took {:.0} s", start.elapsed().as_secs_f64()));
    cluster.wait_whole(Duration::from_secs(15))?;
    let tally = load.stop()?;
    lab.judge(&cluster, &tally, GAP, None)
}

/// F13: a changed template; every StatefulSet rolls at the same time.
fn roll(lab: &mut Lab, spec: &Spec, longest_gap: Duration) -> Result<()> {
    let (cluster, shards) = lab.deploy(spec)?;
    let world = lab.world.clone();
    let before: BTreeMap<_, _> =
        cluster.pods()?.iter().map(|pod| (pod.name().to_owned(), pod.clone())).collect();
    // A new pod may be replaced only when it has been ready for so long.
    let load = Load::start(&cluster, &shards, WRITES_PER_SECOND);
    thread::sleep(Duration::from_secs(2));
    let changed = lab.render(&spec.clone().set("spec.pod.annotations.rolled", "yes"))?;
    let start = Instant::now();
    world.apply(&changed)?;
    let per_set = cluster.members.len() as u32 / changed.stateful_sets.len() as u32;
    let limit = Duration::from_secs(30) * per_set;
    world.wait("all pods are replaced", limit, || {
        for pod in cluster.pods()? {
            ensure!(pod.number != before[pod.name()].number, "{} is an old one", pod.name());
            ensure!(pod.ready(), "{} is not ready", pod.name());
        }
        Ok(())
    })?;
    lab.note(format!("rolling took {:.0} s", start.elapsed().as_secs_f64()));
    cluster.wait_whole(Duration::from_secs(15))?;
    let tally = load.stop()?;
    for pod in before.values() {
        let hook = pod.hook().ok_or("a preStop hook did not run")?;
        ensure!(hook.code == Some(0), "{}: preStop ended with {:?}", pod.name(), hook.code);
    }
    let after = cluster.stays_whole(Duration::from_secs(6))?;
    for (old, new) in shards.iter().zip(&after) {
        ensure!(old.pods() == new.pods(), "the pods of a shard changed");
    }
    let mut logs = String::new();
    for pod in before.values().chain(&cluster.pods()?) {
        logs += &pod.output()?;
    }
    let votes = votes(&logs);
    let fewest = votes.values().min().copied().unwrap_or_default();
    lab.note(format!(
        "{} elections, each with {fewest} or more votes of {}",
        votes.len(),
        cluster.shards
    ));
    ensure!(cluster.pods()?.iter().all(|pod| pod.restarts() == 0), "a pod was restarted");
    lab.judge(&cluster, &tally, longest_gap, None)
}

/// Votes by epoch, as the voters' logs tell them: each voter says it once.
fn votes(logs: &str) -> BTreeMap<u64, usize> {
    let mut votes = BTreeMap::new();
    for line in logs.lines().filter(|line| line.contains("Failover auth granted to ")) {
        if let Some(epoch) = line.rsplit(' ').next().and_then(|epoch| epoch.parse().ok()) {
            *votes.entry(epoch).or_default() += 1;
        }
    }
    votes
}

pub fn restart(lab: &mut Lab) -> Result<()> {
    roll(lab, &lab.spec("blue"), GAP)
}

/// The same beside other scenarios, where short times cannot be measured: a master that goes without handing its
/// shard over costs eight seconds.
pub fn restart_in_company(lab: &mut Lab) -> Result<()> {
    roll(lab, &lab.spec("blue"), Duration::from_secs(2))
}

pub fn five_shards(lab: &mut Lab) -> Result<()> {
    roll(lab, &lab.spec("blue").set("spec.topology.shards", 5), GAP)
}

pub fn two_replicas(lab: &mut Lab) -> Result<()> {
    roll(lab, &lab.spec("blue").set("spec.topology.replicasPerShard", 2), GAP)
}
