//! The cluster grows and shrinks by the Job, under load, and the Job is killed on the way.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    fs,
    ops::Range,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{OPERATIONS_PER_SECOND, random};
use crate::{
    clients::{Load, Pace, Sampler, fill, fill_many, unreadable},
    cluster::{Cluster, Node, Shard, View},
    lab::{Lab, Layout, PASSWORD, Spec},
    net::Cut,
    pod::Pod,
    tools::{Result, bail, ensure},
};

/// A step of the cluster's size takes no longer once the Job is left alone, with half of the slots to move beside other
/// scenarios.
const STEP: Duration = Duration::from_secs(420);
/// No step takes a master away that a client could miss for long.
const GAP: Duration = Duration::from_secs(3);
/// The replica of a master that is dead has taken over, at the second election if the first one failed.
const TAKEOVER: Duration = Duration::from_secs(20);
/// After that its pod is back, and the Job, killed meanwhile, has had its turn: slots that were half moved are served again.
const FINISH: Duration = Duration::from_secs(30);
/// After that a pod that is deleted has handed over and stopped.
const STOP: Duration = Duration::from_secs(60);
/// After that a master that took over from one that was giving slots away goes on with it.
const GOES_ON: Duration = Duration::from_secs(8);
/// Engines whose replicas know which slots their master is giving away, or whose slots are never half moved.
const TOLD: [&str; 3] = ["redis-8.6", "valkey-8", "valkey-9"];
/// Engines that move slots whole, so that none is ever half moved.
const WHOLE: [&str; 2] = ["redis-8.6", "valkey-9"];
/// A fourth shard grows, with few keys, after slots and keys that had come apart were brought together.
const BROUGHT_TOGETHER: Duration = Duration::from_secs(180);
/// A client finds each slot at one of the servers that it knows, and those serve it.
const SERVED: &[&str] =
    &["cluster_state:ok", "cluster_slots_assigned:16384", "cluster_slots_fail:0"];
/// A server may be dead, but each slot is somebody's.
const ASSIGNED: &[&str] = &["cluster_slots_assigned:16384"];
/// What redis-cli leaves alone, and so does the Job.
const THRESHOLD: f64 = 0.02;

/// Looks all the time whether pods know a server for each slot, and whether they answer for their own.
struct Watch {
    stop: Arc<AtomicBool>,
    wanted: Wanted,
    thread: JoinHandle<std::result::Result<u32, String>>,
}

/// Lines of `CLUSTER INFO`.
type Wanted = Arc<Mutex<&'static [&'static str]>>;

impl Watch {
    /// In pods that nothing happens to: each slot is served all the time.
    fn start(cluster: &Cluster, pods: Vec<String>) -> Watch {
        let stop = Arc::new(AtomicBool::new(false));
        let wanted: Wanted = Arc::new(Mutex::new(SERVED));
        let (cluster, stopped, wants) = (cluster.clone(), Arc::clone(&stop), Arc::clone(&wanted));
        let thread = thread::spawn(move || {
            let mut looks = 0;
            let mut connections = BTreeMap::new();
            while !stopped.load(Ordering::Relaxed) {
                for pod in &pods {
                    let connection = match connections.entry(pod) {
                        Entry::Occupied(known) => known.into_mut(),
                        Entry::Vacant(place) => {
                            let found =
                                cluster.world.pod(pod).and_then(|pod| cluster.connect(&pod));
                            let Ok(connection) = found else { continue };
                            place.insert(connection)
                        }
                    };
                    // A pod that does not answer says nothing about slots.
                    let Ok(info) = redis::cmd("CLUSTER").arg("INFO").query::<String>(connection)
                    else {
                        connections.remove(pod);
                        continue;
                    };
                    looks += 1;
                    let stands = |line: &&str| info.lines().any(|found| found == *line);
                    let wanted = *wants.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some(line) = wanted.iter().find(|line| !stands(line)) {
                        return Err(format!("{pod} does not say {line}: {info}"));
                    }
                }
                thread::sleep(Duration::from_millis(50));
            }
            Ok(looks)
        });
        Watch { stop, wanted, thread }
    }

    /// From now on only this has to stand there.
    fn want(&self, lines: &'static [&'static str]) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = lines;
    }

    fn stop(self) -> Result<u32> {
        self.stop.store(true, Ordering::Relaxed);
        Ok(self.thread.join().map_err(|_| "the watch panicked")??)
    }
}

/// A cluster that changes its size, and all that has to stay true meanwhile.
struct Growth {
    spec: Spec,
    cluster: Cluster,
    keys: BTreeSet<String>,
    load: Load,
    watch: Watch,
    /// A Job is killed so many milliseconds after it started. It waits six seconds for its turn; then things move.
    moments: Range<u64>,
    /// Whether a kill waits for slots that are half moved.
    half_moved: bool,
    kills: usize,
    /// Parts of the errors that clients may meet.
    expected: Vec<&'static str>,
    /// When they may meet them; at any time if it is not said.
    trouble: Option<(Instant, Instant)>,
    /// When keys may seem to be missing.
    unseen: Option<(Instant, Instant)>,
    /// From when until when pods that retire or have left are there.
    left: Vec<(Instant, Option<Instant>)>,
}

/// What a server says that knows of no other: to a client that has not asked for a slot since it moved, a pod that has left the cluster. Those that
/// stay are watched, and know who has each slot.
const FORGOTTEN: &str = "ClusterDown: Hash slot not served";

impl Growth {
    /// Makes a cluster that has some keys, and starts the load. So many of the first pods stay all the time.
    fn start(lab: &Lab, spec: Spec, stay: usize) -> Result<Growth> {
        let spec = spec.set("spec.bootstrap.backoffLimit", 20);
        let (cluster, shards) = lab.deploy(&spec)?;
        let keys = fill(&cluster, 3000, "kept")?;
        let rate = OPERATIONS_PER_SECOND / lab.case.patience;
        let pace = Pace { reads: rate, ..Pace::writes(rate) };
        let load = Load::paced(&cluster, &shards, pace);
        // The first of each shard, or the first of all.
        let mut pods: Vec<_> = cluster.members.iter().map(|member| member.pod.clone()).collect();
        pods.sort_by_key(|pod| {
            pod.rsplit('-').next().and_then(|ordinal| ordinal.parse::<u32>().ok())
        });
        pods.truncate(stay);
        let watch = Watch::start(&cluster, pods);
        Ok(Growth {
            spec,
            cluster,
            keys,
            load,
            watch,
            moments: 2000..14000,
            half_moved: !moves_whole(lab),
            kills: 0,
            expected: Vec::new(),
            trouble: None,
            unseen: None,
            left: Vec::new(),
        })
    }

    /// Applies the spec with other numbers, and kills the Job so many times at random moments.
    fn step(
        &mut self,
        lab: &Lab,
        (shards, replicas): (usize, usize),
        (retiring_shards, retiring_replicas): (usize, usize),
        kills: usize,
    ) -> Result<Vec<Shard>> {
        let world = lab.world.clone();
        let staying = self
            .spec
            .clone()
            .set("spec.topology.shards", shards)
            .set("spec.topology.replicasPerShard", replicas);
        let spec = match (retiring_shards, retiring_replicas) {
            (0, 0) => staying.clone(),
            _ => staying
                .clone()
                .set("spec.topology.retiring.shards", retiring_shards)
                .set("spec.topology.retiring.replicasPerShard", retiring_replicas),
        };
        world.say(&format!(
            "now {shards} shards with {replicas} replicas; {retiring_shards} shards and {retiring_replicas} replicas retire"
        ));
        let start = Instant::now();
        if (retiring_shards, retiring_replicas) != (0, 0) {
            self.left.push((start, None));
        }
        let objects = lab.render(&spec)?;
        let all = lab.apply(&spec, &objects)?;
        world.prune(&objects)?;
        self.kill(lab, &all.job, kills)?;
        world.wait("the Job is complete", STEP, || world.job_done(&all.job))?;
        world.say(&format!("it took {:.1} s", start.elapsed().as_secs_f64()));
        if shards + retiring_shards != self.cluster.shards || retiring_shards > 0 {
            is_told(lab, &all.job, shards)?;
        }
        // What stays is a cluster by itself.
        self.cluster = Cluster::from_objects(&world, &spec.name(), &lab.render(&staying)?)?;
        let shards = self.cluster.in_shape()?;
        is_even(&shards)?;
        self.cluster.keys_are_at_home()?;
        let stays: BTreeSet<_> = self.cluster.members.iter().map(|member| &member.pod).collect();
        for member in all.members.iter().filter(|member| !stays.contains(&member.pod)) {
            is_retired(&self.cluster, &member.pod)?;
        }
        if all.members.len() == stays.len() {
            let open = self.left.iter_mut().filter(|(_, to)| to.is_none());
            open.for_each(|(_, to)| *to = Some(Instant::now()));
        }
        Ok(shards)
    }

    /// Kills the pods that have left the cluster; what comes back is as empty and alone.
    fn restart_retired(&self, lab: &Lab, (shards, replicas): (usize, usize)) -> Result<()> {
        let spec = self
            .spec
            .clone()
            .set("spec.topology.shards", self.cluster.shards)
            .set("spec.topology.replicasPerShard", 1)
            .set("spec.topology.retiring.shards", shards)
            .set("spec.topology.retiring.replicasPerShard", replicas);
        let all = Cluster::from_objects(&lab.world, &spec.name(), &lab.render(&spec)?)?;
        let stays: BTreeSet<_> = self.cluster.members.iter().map(|member| &member.pod).collect();
        let retired: Vec<_> = all
            .members
            .iter()
            .map(|member| member.pod.clone())
            .filter(|pod| !stays.contains(pod))
            .collect();
        ensure!(!retired.is_empty(), "no pod has retired");
        lab.world.destroy(&retired)?;
        lab.world.release(&retired);
        for pod in &retired {
            lab.world.wait(&format!("{pod} answers"), Duration::from_secs(20), || {
                self.cluster.view(pod).map(|_| ())
            })?;
            is_retired(&self.cluster, pod)?;
        }
        Ok(())
    }

    fn kill(&mut self, lab: &Lab, job: &str, kills: usize) -> Result<()> {
        let world = lab.world.clone();
        let mut last = 0;
        for _ in 0..kills {
            // None when the last try had done it all.
            let pod = world.wait("a try of the Job runs", Duration::from_secs(60), || {
                if world.job_done(job).is_ok() {
                    return Ok(None);
                }
                let pods = world.pods_of_job(job);
                let running = |pod: &Arc<Pod>| pod.number > last && pod.container().is_ok();
                Ok(Some(pods.into_iter().rfind(running).ok_or("none runs")?))
            })?;
            let Some(pod) = pod else { break };
            thread::sleep(Duration::from_millis(random(self.moments.clone())));
            if self.half_moved {
                self.wait_half_moved();
            }
            if pod.kill().is_ok() && world.job_done(job).is_err() {
                self.kills += 1;
                last = pod.number;
                world.say(&format!("kill {}", self.kills));
            }
        }
        Ok(())
    }

    /// Waits for a moment in which slots are half moved, if one comes soon.
    fn wait_half_moved(&self) {
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            let views = self.cluster.views().unwrap_or_default();
            if views.iter().any(|view| !view.own.open_slots.is_empty()) {
                break;
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Ends the load and judges what clients saw.
    fn end(self, lab: &mut Lab, kills: usize, longest_gap: Duration) -> Result<()> {
        ensure!(self.kills >= kills, "only {} kills", self.kills);
        let looks = self.watch.stop()?;
        let mut tally = self.load.stop()?;
        if let Some((from, to)) = self.unseen {
            let all = tally.wrong_reads.len();
            tally.wrong_reads.retain(|(when, _)| *when < from || to < *when);
            lab.note(format!(
                "{} reads of keys that had gone found none",
                all - tally.wrong_reads.len()
            ));
        }
        let seconds = tally.lasted.as_secs_f64();
        let (writes, reads) = (tally.rate(), tally.reads as f64 / seconds);
        lab.note(format!(
            "{} kills; {writes:.0} writes and {reads:.0} reads a second for {seconds:.0} s; client errors: {:?}",
            self.kills, tally.met
        ));
        lab.world.say(&format!("{looks} looks at the slots"));
        ensure!(looks > 100, "only {looks} looks at the slots");
        let broken = unreadable(&self.cluster, &self.keys)?;
        ensure!(
            broken.is_empty(),
            "{} keys are gone, such as {:?}",
            broken.len(),
            broken.iter().next()
        );
        lab.judge(&self.cluster, &tally, longest_gap, None)?;
        let now = Instant::now();
        let left = |at: &Instant| {
            self.left.iter().any(|(from, to)| from <= at && *at <= to.unwrap_or(now))
        };
        for (kind, times) in &tally.met.0 {
            if self.expected.iter().any(|known| kind.contains(known)) {
                let within =
                    |at: &Instant| self.trouble.is_none_or(|(from, to)| from <= *at && *at <= to);
                ensure!(times.iter().all(within), "{kind} was met before or after the trouble");
            } else if !(kind.contains(FORGOTTEN) && times.iter().all(left)) {
                bail!("clients met an error that is not explained: {kind}");
            }
        }
        // Clients of a shard that has no master wait for one.
        let served = (tally.lasted - tally.longest_gap().min(longest_gap)).as_secs_f64();
        let wanted = f64::from(OPERATIONS_PER_SECOND) / f64::from(lab.case.patience);
        let least = 0.9 * wanted * served / seconds;
        ensure!(
            writes >= least && reads >= least,
            "only {writes:.0} writes and {reads:.0} reads a second came about, not {least:.0}"
        );
        Ok(())
    }
}

fn moves_whole(lab: &Lab) -> bool {
    WHOLE.contains(&lab.case.image.engine.as_str())
}

/// How often a Job is killed in each of two steps while slots move, and how often that must come about in all: where slots move whole it may be done before
/// the last time. Once a step in the quick set.
fn kills(lab: &Lab) -> (usize, usize) {
    match (lab.case.patience, moves_whole(lab)) {
        (1, true) => (4, 5),
        (1, false) => (3, 5),
        _ => (1, 1),
    }
}

/// What a client meets whose server is gone: of the connections that it has, and of new ones to there.
const GONE: &[&str] = &[
    "broken pipe",
    "Broken pipe",
    "unexpected end of file",
    "Connection refused",
    "Connection reset",
    "No route to host",
    "timed out",
    // What Linux says of a read that has waited for as long as it may.
    "Resource temporarily unavailable",
];

/// Fails unless the Job has told how far it is while slots moved, and tells the shards at its end. Where slots move whole,
/// it may be done before it knows a rate.
fn is_told(lab: &Lab, job: &str, shards: usize) -> Result<()> {
    let pods = lab.world.pods_of_job(job);
    let outputs = pods.iter().map(|pod| pod.output()).collect::<Result<Vec<_>>>()?;
    let is_told = |line: &str| line.contains(" to go, ") && line.contains(" slots/s, about ");
    ensure!(
        moves_whole(lab) || outputs.iter().flat_map(|output| output.lines()).any(is_told),
        "{job} tells no rate"
    );
    let last = outputs.last().ok_or("the Job made no pod")?;
    let rows = last
        .lines()
        .filter_map(|line| line.split_once(" bootstrap: "))
        .map(|(_, text)| text.split_whitespace().collect::<Vec<_>>())
        .skip_while(|words| *words != ["shard", "master", "slots", "keys", "replicas"])
        .skip(1)
        .take(shards);
    let slots: u32 = rows.filter_map(|words| words.get(2)?.parse::<u32>().ok()).sum();
    ensure!(slots == 16384, "{job} ends with a table of {slots} slots");
    Ok(())
}

/// Fails unless each shard has its part of the slots.
fn is_even(shards: &[Shard]) -> Result<()> {
    let part = 16384.0 / shards.len() as f64;
    for shard in shards {
        let slots: u32 = shard.slots.iter().map(|(first, last)| u32::from(last - first) + 1).sum();
        ensure!(
            (f64::from(slots) - part).abs() <= THRESHOLD * part + 1.0,
            "{} has {slots} slots, not about {part:.0}",
            shard.master
        );
    }
    Ok(())
}

/// Fails unless a pod is empty and alone.
fn is_retired(cluster: &Cluster, pod: &str) -> Result<()> {
    let view = cluster.view(pod)?;
    ensure!(view.nodes.len() == 1, "{pod} still knows {} nodes", view.nodes.len());
    ensure!(view.own.is_master() && view.own.slots.is_empty(), "{pod}: {:?}", view.own);
    let keys = cluster.keys_on(pod)?;
    ensure!(keys.is_empty(), "{pod} still has {} keys", keys.len());
    cluster.world.wait(&format!("{pod} is no longer ready"), Duration::from_secs(20), || {
        ensure!(!cluster.world.pod(pod)?.ready(), "ready");
        Ok(())
    })?;
    Ok(())
}

/// F14: one shard more, and one less.
pub fn one_shard(lab: &mut Lab) -> Result<()> {
    let (kills, in_all) = kills(lab);
    let mut growth = Growth::start(lab, lab.spec("blue"), 6)?;
    growth.step(lab, (4, 1), (0, 0), kills)?;
    growth.step(lab, (3, 1), (1, 0), kills)?;
    growth.step(lab, (3, 1), (0, 0), 0)?;
    growth.end(lab, in_all, GAP)
}

/// F14: twice as many shards, and half as many.
pub fn twice(lab: &mut Lab) -> Result<()> {
    let (kills, in_all) = kills(lab);
    let mut growth = Growth::start(lab, lab.spec("blue"), 6)?;
    growth.step(lab, (6, 1), (0, 0), kills)?;
    growth.step(lab, (3, 1), (3, 0), kills)?;
    growth.step(lab, (3, 1), (0, 0), 0)?;
    growth.end(lab, in_all, GAP)
}

/// F14: replicas come and go.
pub fn replicas(lab: &mut Lab) -> Result<()> {
    let spec = lab.spec("blue").set("spec.topology.replicasPerShard", 0);
    let mut growth = Growth::start(lab, spec, 3)?;
    // No slot moves, and new replicas wait for no turn.
    growth.half_moved = false;
    growth.moments = 200..3000;
    growth.step(lab, (3, 1), (0, 0), 2)?;
    growth.step(lab, (3, 2), (0, 0), 2)?;
    // The masters are the pods that retire.
    masters_last(&growth.cluster)?;
    growth.moments = 2000..14000;
    growth.step(lab, (3, 1), (0, 1), 5)?;
    growth.step(lab, (3, 1), (0, 0), 0)?;
    growth.end(lab, 5, GAP)
}

/// F14: a shard and replicas retire, start once more before they are taken away, and come back on the volumes that they left. Nothing of before may be on
/// those.
pub fn again(lab: &mut Lab) -> Result<()> {
    let spec = lab.spec("blue").set("spec.topology.shards", 4);
    let mut growth = Growth::start(lab, spec.set("spec.topology.replicasPerShard", 2), 3)?;
    growth.step(lab, (3, 1), (1, 1), 0)?;
    // Who has asked a pod for slots that is then killed.
    growth.expected.extend(GONE);
    growth.restart_retired(lab, (1, 1))?;
    growth.step(lab, (3, 1), (0, 0), 0)?;
    growth.step(lab, (4, 2), (0, 0), 0)?;
    growth.end(lab, 0, GAP)
}

/// F14: new pods find volumes of another time, with keys. The Job must see that, and nobody may be led to them.
pub fn old_volumes(lab: &mut Lab) -> Result<()> {
    let spec = lab.spec("blue").set("spec.bootstrap.backoffLimit", 0);
    let (cluster, shards) = lab.deploy(&spec)?;
    let world = lab.world.clone();
    let keys = fill(&cluster, 500, "kept")?;
    thread::sleep(Duration::from_secs(3));
    let more = spec.set("spec.topology.replicasPerShard", 2);
    let objects = lab.render(&more)?;
    let known: BTreeSet<_> = cluster.members.iter().map(|member| &member.pod).collect();
    let larger = Cluster::from_objects(&world, &more.name(), &objects)?;
    let new: Vec<_> = larger.members.iter().filter(|member| !known.contains(&member.pod)).collect();
    for (number, (member, shard)) in new.iter().zip(&shards).enumerate() {
        let from = world.volume(&format!("data-{}", shard.master))?;
        let to = world.make_volume(&format!("data-{}", member.pod))?;
        copy_data(&from, &to)?;
        // As after CLUSTER RESET: it knows itself alone.
        let alone = format!(
            "{number:040x} 10.7.9.{number}:6379@{} myself,master - 0 0 0 connected\nvars currentEpoch 0 lastVoteEpoch 0\n",
            cluster.bus_port
        );
        fs::write(to.join("nodes.conf"), alone)?;
    }
    lab.apply(&more, &objects)?;
    world.prune(&objects)?;
    // Longer than readiness takes, and until the Job has seen enough.
    let start = Instant::now();
    while world.job_failed(&larger.job).is_err() || start.elapsed() < Duration::from_secs(25) {
        for member in &new {
            let ready = world.pod(&member.pod).is_ok_and(|pod| pod.ready());
            ensure!(!ready, "{} is ready", member.pod);
        }
        ensure!(start.elapsed() < Duration::from_secs(120), "the Job does not give up");
        thread::sleep(Duration::from_millis(100));
    }
    let pods = world.pods_of_job(&larger.job);
    let code = pods.last().ok_or("the Job made no pod")?.last_exit();
    ensure!(code == Some(7), "exit code {code:?}");
    for member in &new {
        // They have what was on the volumes.
        let count: u64 = cluster.ask(&member.pod, &["DBSIZE"])?;
        ensure!(count > 0, "{} has found no keys", member.pod);
    }
    let broken = unreadable(&cluster, &keys)?;
    ensure!(broken.is_empty(), "{} keys are gone", broken.len());
    cluster.whole().map(|_| ())
}

/// Copies what a server has on its volume, but not what it knows of the cluster.
fn copy_data(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with("nodes.conf") {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy_data(&entry.path(), &to.join(name))?;
        } else {
            fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}

/// F14: a shard comes and goes while two Jobs work on it.
pub fn two_jobs(lab: &mut Lab) -> Result<()> {
    let spec = lab.spec("blue");
    let (cluster, _) = lab.deploy(&spec)?;
    let world = lab.world.clone();
    let keys = fill(&cluster, 3000, "kept")?;
    let grown = spec.clone().set("spec.topology.shards", 4);
    let shrunk = spec.clone().set("spec.topology.retiring.shards", 1);
    for spec in [grown.clone(), shrunk] {
        let mut objects = lab.render(&spec)?;
        let mut twin = objects.jobs.first().cloned().ok_or("no Job")?;
        twin.metadata.name = twin.metadata.name.map(|name| format!("{name}-twin"));
        objects.jobs.push(twin);
        let cluster = lab.apply(&spec, &objects)?;
        for job in objects.jobs.iter().filter_map(|job| job.metadata.name.as_deref()) {
            world.wait(&format!("{job} is complete"), STEP, || world.job_done(job))?;
            let tries = world.pods_of_job(job).len();
            ensure!(tries == 1, "{job} took {tries} tries");
        }
        let broken = unreadable(&cluster, &keys)?;
        ensure!(broken.is_empty(), "{} keys are gone", broken.len());
    }
    is_even(&cluster.in_shape()?)
}

/// F14: the first step is left out. Where a whole shard goes, the Job must see that slots are lost, and touch nothing.
/// Elsewhere each master hands its shard over before it stops, and what is left has all keys.
pub fn skipped(lab: &mut Lab) -> Result<()> {
    let spec = lab.spec("blue").set("spec.bootstrap.backoffLimit", 0);
    let loses = lab.case.layout == Layout::PerShard;
    skip(lab, &spec.clone().set("spec.topology.shards", 4), &spec, loses)
}

/// F14: the same with replicas.
pub fn skipped_replicas(lab: &mut Lab) -> Result<()> {
    let spec = lab.spec("blue").set("spec.bootstrap.backoffLimit", 0);
    skip(lab, &spec.clone().set("spec.topology.replicasPerShard", 2), &spec, false)
}

/// Makes a cluster whose masters are on the pods that the second spec has no more, and goes there without the stage between.
fn skip(lab: &mut Lab, large: &Spec, small: &Spec, loses: bool) -> Result<()> {
    let (cluster, _) = lab.deploy(large)?;
    let world = lab.world.clone();
    let keys = fill(&cluster, 500, "kept")?;
    let shards = masters_last(&cluster)?;
    // As old as writes have to be that outlive their server.
    thread::sleep(Duration::from_secs(3));
    let objects = lab.render(small)?;
    let fewer = lab.apply(small, &objects)?;
    world.prune(&objects)?;
    if loses {
        world.wait("the Job gives up", STEP, || world.job_failed(&fewer.job))?;
        let pods = world.pods_of_job(&fewer.job);
        let code = pods.last().ok_or("the Job made no pod")?.last_exit();
        ensure!(code == Some(3), "exit code {code:?}");
        for shard in &shards {
            if fewer.members.iter().any(|member| member.pod == shard.master) {
                let view = fewer.view(&shard.master)?;
                ensure!(view.own.slots == shard.slots, "{} has other slots now", shard.master);
            }
        }
    } else {
        world.wait("the Job is complete", STEP, || world.job_done(&fewer.job))?;
        let broken = unreadable(&fewer, &keys)?;
        ensure!(broken.is_empty(), "{} keys are gone", broken.len());
    }
    // What was taken away too early comes back with its data.
    let objects = lab.render(large)?;
    let cluster = lab.apply(large, &objects)?;
    world.prune(&objects)?;
    if cluster.shards > fewer.shards && !loses {
        // As replicas of others, which is for people to decide.
        world.wait("the Job gives up", STEP, || world.job_failed(&cluster.job))?;
        let pods = world.pods_of_job(&cluster.job);
        let code = pods.last().ok_or("the Job made no pod")?.last_exit();
        ensure!(code == Some(8), "exit code {code:?}");
    } else {
        world.wait("the Job is complete", STEP, || world.job_done(&cluster.job))?;
        let limit = Duration::from_secs(15);
        world.wait("all is as before", limit, || cluster.in_shape().map(|_| ()))?;
    }
    let broken = unreadable(&cluster, &keys)?;
    ensure!(broken.is_empty(), "{} keys are gone", broken.len());
    Ok(())
}

/// Lets the last pod of each shard be its master, as after failovers. One after the other: two at once may take each other's votes.
fn masters_last(cluster: &Cluster) -> Result<Vec<Shard>> {
    let shards = cluster.in_shape()?;
    for (index, shard) in shards.iter().enumerate() {
        let last = shard.replicas.iter().next_back().ok_or("no replica")?;
        cluster.ask::<String>(last, &["CLUSTER", "FAILOVER"])?;
        cluster.world.wait(&format!("{last} is master"), Duration::from_secs(20), || {
            let now = cluster.in_shape()?;
            ensure!(now.get(index).is_some_and(|now| now.master == *last), "not yet");
            Ok(())
        })?;
    }
    cluster.in_shape()
}

/// F15: slots move to a new shard, and its master dies. Its replica takes over and the Job finishes the move.
pub fn target_dies(lab: &mut Lab) -> Result<()> {
    goes_in_move(lab, Side::Target, true)
}

/// F15: the same with a master that gives slots.
pub fn source_dies(lab: &mut Lab) -> Result<()> {
    goes_in_move(lab, Side::Source, true)
}

/// F15: the same, and it hands over before it stops.
pub fn source_stops(lab: &mut Lab) -> Result<()> {
    goes_in_move(lab, Side::Source, false)
}

/// The end of a move whose master goes.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Source,
    Target,
}

fn goes_in_move(lab: &mut Lab, side: Side, dies: bool) -> Result<()> {
    let mut growth = Growth::start(lab, lab.spec("blue"), 6)?;
    let world = lab.world.clone();
    let spec = growth.spec.clone().set("spec.topology.shards", 4);
    let before: BTreeSet<_> =
        growth.cluster.members.iter().map(|member| member.pod.clone()).collect();
    let objects = lab.render(&spec)?;
    let cluster = lab.apply(&spec, &objects)?;
    world.prune(&objects)?;
    let (old, new): (Vec<_>, Vec<_>) = cluster
        .members
        .iter()
        .map(|member| member.pod.clone())
        .partition(|pod| before.contains(pod));
    let slots_of = |pod: &String| -> Result<u32> {
        let slots = cluster.view(pod)?.own.slots;
        Ok(slots.iter().map(|(first, last)| u32::from(last - first) + 1).sum())
    };
    let all_slots = |pods: &[String]| -> BTreeMap<String, u32> {
        pods.iter().filter_map(|pod| Some((pod.clone(), slots_of(pod).ok()?))).collect()
    };
    // Shortly after its turn has come at the latest: the master is to die while slots move.
    growth.moments = 500..7000;
    growth.kill(lab, &cluster.job, 4)?;
    let candidates = match side {
        Side::Source => old,
        Side::Target => new,
    };
    let earlier = all_slots(&candidates);
    let moves = |(pod, slots): (&String, &u32)| match side {
        Side::Source => earlier.get(pod).is_some_and(|had| slots < had),
        Side::Target => earlier.get(pod).is_some_and(|had| slots > had),
    };
    let going = world.wait("slots move", STEP, || {
        let found = all_slots(&candidates);
        Ok(found.iter().find(|found| moves(*found)).ok_or("not yet")?.0.clone())
    })?;
    thread::sleep(Duration::from_millis(random(0..1500)));
    if side == Side::Source && growth.half_moved {
        growth.wait_half_moved();
    }
    let slots = slots_of(&going)?;
    // Its shard.
    let shard: BTreeSet<_> = match side {
        Side::Target => candidates.into_iter().collect(),
        Side::Source => {
            let own = cluster.view(&going)?.own.id;
            let views = cluster.views()?;
            let follows =
                |view: &&View| view.own.id == own || view.own.master.as_ref() == Some(&own);
            views.iter().filter(follows).map(|view| view.pod.clone()).collect()
        }
    };
    growth.watch.want(ASSIGNED);
    let died = Instant::now();
    if dies {
        world.destroy(std::slice::from_ref(&going))?;
    } else {
        world.hold(&going);
        let pod = world.pod(&going)?;
        pod.delete(None);
        world.wait("it is gone", STOP, || {
            ensure!(pod.gone(), "it still runs");
            Ok(())
        })?;
    }
    world.say(&format!("{going} went with {slots} slots"));
    growth.expected.extend(GONE);
    // The replica that takes over expects no keys of slots that are half moved, until the Job tells it to.
    growth.expected.push("Ask: ");
    growth.moments = 500..3000;
    growth.kill(lab, &cluster.job, 1)?;
    let successor = world.wait("its replica takes over", TAKEOVER, || cluster.master_of(&shard))?;
    if side == Side::Source && !TOLD.contains(&lab.case.image.engine.as_str()) {
        goes_on_giving(&cluster, &successor, &going)?;
        growth.unseen = Some((died, Instant::now()));
    }
    world.release([&going]);
    world.wait("the Job is complete", STEP, || world.job_done(&cluster.job))?;
    lab.healed(died);
    is_even(&cluster.in_shape()?)?;
    growth.trouble = Some((died, Instant::now()));
    growth.watch.want(SERVED);
    cluster.keys_are_at_home()?;
    growth.cluster = cluster;
    // Clients go on for some time.
    thread::sleep(Duration::from_secs(2));
    lab.note(format!("the master went with {slots} slots"));
    growth.end(lab, 5, FINISH)
}

/// Waits until a master gives each slot that somebody expects from its shard.
fn goes_on_giving(cluster: &Cluster, master: &str, dead: &str) -> Result<()> {
    cluster.world.wait("it goes on giving slots", GOES_ON, || {
        let views = cluster.views_of_answering();
        let is = |view: &&View| view.pod == master;
        let own = &views.iter().find(is).ok_or("it does not answer")?.own;
        let given: BTreeSet<_> = own
            .open_slots
            .iter()
            .filter_map(|mark| mark.split_once("->-"))
            .map(|mark| mark.0)
            .collect();
        for view in &views {
            for (slot, _) in view.own.open_slots.iter().filter_map(|mark| mark.split_once("-<-")) {
                let number: u16 = slot.trim_start_matches('[').parse()?;
                let serves =
                    own.slots.iter().any(|(first, last)| (*first..=*last).contains(&number));
                ensure!(
                    !serves || given.contains(slot),
                    "{} waits for slot {number} of {dead}",
                    view.pod
                );
            }
        }
        Ok(())
    })
}

/// F15: the target dies when it has said of some slots that they are its own, and nobody has heard that. Its replica takes
/// over, with copies of their keys; it comes back, and each of the two serves a part of the shard.
pub fn half_heard(lab: &mut Lab) -> Result<()> {
    let spec = lab.spec("blue").set("spec.bootstrap.backoffLimit", 0);
    let (cluster, shards) = lab.deploy(&spec)?;
    let world = lab.world.clone();
    // Some for each slot.
    fill_many(&cluster, &shards, 50_000, 10)?;
    let before: BTreeSet<_> = cluster.members.iter().map(|member| member.pod.clone()).collect();
    let spec = spec.set("spec.topology.shards", 4);
    let objects = lab.render(&spec)?;
    let cluster = lab.apply(&spec, &objects)?;
    world.prune(&objects)?;
    let new = cluster.members.iter().map(|member| member.pod.clone());
    let new: Vec<_> = new.filter(|pod| !before.contains(pod)).collect();
    // The Job waits for its turn then.
    let (target, replica) = world.wait("the new pods have joined", STEP, || {
        let views = cluster.views()?;
        let knows_all = |view: &View| {
            let says =
                |name: &str, value: &str| view.info.get(name).is_some_and(|found| found == value);
            view.nodes.len() == cluster.members.len()
                && says("cluster_state", "ok")
                && says("cluster_slots_assigned", "16384")
        };
        ensure!(views.iter().all(knows_all), "somebody does not know all");
        let own = |pod: &String| views.iter().find(|view| view.pod == *pod).map(|view| &view.own);
        let is_master = |pod: &&String| own(pod).is_some_and(Node::is_master);
        let (masters, replicas): (Vec<_>, Vec<_>) = new.iter().partition(is_master);
        let (&[target], &[replica]) = (&masters[..], &replicas[..]) else {
            bail!("masters: {masters:?}")
        };
        Ok((target.clone(), replica.clone()))
    })?;
    for pod in world.pods_of_job(&cluster.job) {
        pod.kill()?;
    }
    world.wait("the Job has failed", STEP, || world.job_failed(&cluster.job))?;
    let source = shards[0].master.clone();
    let (from, to) = (cluster.view(&source)?.own, cluster.view(&target)?.own);
    let address = cluster.view(&target)?.address.to_string();
    let ask = |pod: &String, words: &[&str]| cluster.ask::<String>(pod, words);
    let keys_move = |slot: &str| -> Result<()> {
        ask(&target, &["CLUSTER", "SETSLOT", slot, "IMPORTING", &from.id])?;
        ask(&source, &["CLUSTER", "SETSLOT", slot, "MIGRATING", &to.id])?;
        let keys: Vec<String> =
            cluster.ask(&source, &["CLUSTER", "GETKEYSINSLOT", slot, "1000"])?;
        ensure!(!keys.is_empty(), "slot {slot} has no keys");
        let port = to.port.to_string();
        let words = ["MIGRATE", &address, &port, "", "0", "1000", "AUTH", PASSWORD, "KEYS"];
        let keys = keys.iter().map(String::as_str);
        ask(&source, &words.into_iter().chain(keys).collect::<Vec<_>>()).map(|_| ())
    };
    let first = from.slots.first().ok_or("the source has no slots")?.0;
    let serves = |node: &Node| node.slots.iter().any(|(from, to)| (*from..=*to).contains(&first));
    let [heard, unheard, again, open] = [0, 1, 2, 3].map(|more| (first + more).to_string());
    keys_move(&heard)?;
    for pod in [&target, &source] {
        ask(pod, &["CLUSTER", "SETSLOT", &heard, "NODE", &to.id])?;
    }
    world.wait("all have heard of the first slot", STEP, || {
        let knows = |view: &View| view.nodes.get(&to.id).is_some_and(&serves);
        ensure!(cluster.views()?.iter().all(knows), "not yet");
        Ok(())
    })?;
    for slot in [&unheard, &again, &open] {
        keys_move(slot)?;
    }
    world.wait("the replica has the keys", STEP, || {
        let count = |pod: &String| cluster.ask::<u64>(pod, &["DBSIZE"]);
        ensure!(count(&target)? == count(&replica)?, "not yet");
        Ok(())
    })?;
    world.pod(&target)?.recipe.net.cut(&[Cut::Bus(cluster.bus_port)])?;
    for slot in [&unheard, &again] {
        ask(&target, &["CLUSTER", "SETSLOT", slot, "NODE", &to.id])?;
    }
    world.destroy(std::slice::from_ref(&target))?;
    let died = Instant::now();
    world.wait("its replica takes over", TAKEOVER, || {
        let own = cluster.view(&replica)?.own;
        ensure!(own.is_master() && serves(&own), "not yet");
        Ok(())
    })?;
    world.release([&target]);
    world.wait("the target answers", TAKEOVER, || cluster.view(&target).map(|_| ()))?;
    world.delete_job(&cluster.job)?;
    let cluster = lab.apply(&spec, &objects)?;
    world.wait("the Job is complete", BROUGHT_TOGETHER, || world.job_done(&cluster.job))?;
    lab.healed(died);
    is_even(&cluster.in_shape()?)?;
    cluster.keys_are_at_home()?;
    let keys: u64 = cluster
        .in_shape()?
        .iter()
        .map(|shard| cluster.ask::<u64>(&shard.master, &["DBSIZE"]))
        .sum::<Result<u64>>()?;
    ensure!(keys == 50_000, "{keys} keys of 50000 are there");
    let pods = world.pods_of_job(&cluster.job);
    let output = pods.last().ok_or("the Job made no pod")?.output()?;
    let met = output.contains("bringing them together");
    lab.note(if met { "copies were found" } else { "no copies were found" });
    Ok(())
}

/// What a fourth shard costs with few keys and with many: how fast slots and keys move, and how long a client waits for
/// an answer meanwhile.
pub fn move_cost(lab: &mut Lab) -> Result<()> {
    const BYTES: usize = 100;
    for count in [10_000u32, 100_000, 1_000_000] {
        lab.world.clear()?;
        let spec = lab.spec("blue");
        let (cluster, shards) = lab.deploy(&spec)?;
        fill_many(&cluster, &shards, count, BYTES)?;
        let sampler = Sampler::start(&cluster, count);
        thread::sleep(Duration::from_secs(5));
        let spec = spec.set("spec.topology.shards", 4);
        let objects = lab.render(&spec)?;
        let begin = Instant::now();
        let cluster = lab.apply(&spec, &objects)?;
        lab.world.prune(&objects)?;
        // Either of the new pods may be its master.
        let new = [0, 1].map(|ordinal| format!("{}-shard-3-{ordinal}", cluster.name));
        let moved = || -> Result<u32> {
            let mut all = 0;
            for pod in &new {
                let slots = cluster.view(pod)?.own.slots;
                all += slots.iter().map(|(a, b)| u32::from(b - a) + 1).sum::<u32>();
            }
            Ok(all)
        };
        lab.world.wait("slots move", STEP, || {
            ensure!(moved()? > 0, "not yet");
            Ok(())
        })?;
        let start = Instant::now();
        // How many slots make an even share is the engine's business, within 2 %: the last one is known when the Job ends.
        let (mut end, mut slots) = (start, 0);
        lab.world.wait("the Job is complete", STEP * 2, || {
            let now = moved()?;
            if now != slots {
                (end, slots) = (Instant::now(), now);
            }
            lab.world.job_done(&cluster.job)
        })?;
        let keys: u64 = cluster.ask(&new[0], &["DBSIZE"])?;
        let samples = sampler.stop()?;
        let of = |from: Instant, to: Instant| {
            let mut times: Vec<_> = samples
                .iter()
                .filter(|(at, _)| (from..to).contains(at))
                .map(|(_, took)| took.as_secs_f64() * 1e3)
                .collect();
            times.sort_by(f64::total_cmp);
            let at = |part: f64| times.get((times.len() as f64 * part) as usize).copied();
            (times.len(), at(0.5).unwrap_or(f64::NAN), at(0.99).unwrap_or(f64::NAN))
        };
        let (before, median, slow) = of(begin - Duration::from_secs(4), begin);
        let (meanwhile, median_then, slow_then) = of(start, end);
        ensure!(before > 100 && meanwhile > 10, "{before} and {meanwhile} answers");
        let took = (end - start).as_secs_f64();
        lab.note(format!(
            "{count} keys: {slots} slots with {keys} keys in {took:.1} s, {:.0} slots/s, {:.0} keys/s; \
             answers took {median:.2} ms ({slow:.2} ms) before and {median_then:.2} ms ({slow_then:.2} ms) meanwhile",
            f64::from(slots) / took,
            keys as f64 / took
        ));
        is_even(&cluster.in_shape()?)?;
    }
    Ok(())
}
