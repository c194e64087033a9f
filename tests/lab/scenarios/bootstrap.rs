//! Making the cluster: the Job on fresh pods, again, twice at once, killed, and where it has to refuse.

use std::{
    collections::BTreeMap,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::random;
use crate::{
    clients::fill,
    cluster::{Cluster, Shard},
    lab::{Lab, Layout, Spec},
    names::Lie,
    net::{Cut, Families},
    objects::Objects,
    pod::{Pod, Timing},
    tools::{Result, bail, ensure},
    world::NAMESPACE,
};

const ANSWER: Duration = Duration::from_secs(30);
const COMPLETE: Duration = Duration::from_secs(60);

/// F1: from pods answering to a complete cluster in ten seconds; a second run changes nothing.
pub fn fresh(lab: &mut Lab) -> Result<()> {
    let spec = lab.spec("blue");
    let objects = lab.render(&spec)?;
    let cluster = lab.apply(&spec, &objects)?;
    let world = lab.world.clone();
    world.wait("all pods answer", ANSWER, || cluster.views().map(|_| ()))?;
    let answering = Instant::now();
    world.wait("the Job is complete", COMPLETE, || world.job_done(&cluster.job))?;
    lab.healed(answering);
    // Complete means complete: no node may still have to learn anything.
    let shards = cluster.whole()?;
    cluster.addresses_for_clients()?;
    cluster.wait_ready(ANSWER)?;
    lab.ensure_healed_within(Duration::from_secs(10))?;
    let ids = cluster.ids()?;

    world.delete_job(&cluster.job)?;
    world.apply(&objects)?;
    let again = world.wait("the Job is complete again", ANSWER, || world.job_done(&cluster.job))?;
    lab.note(format!("a second run took {:.1} s", again.as_secs_f64()));
    ensure!(
        cluster.stays_whole(Duration::from_secs(2))? == shards,
        "a second run changed something"
    );
    ensure!(cluster.ids()? == ids, "a second run changed node ids");
    ensure!(cluster.pods()?.iter().all(|pod| pod.restarts() == 0), "a pod was restarted");
    Ok(())
}

/// F1: two Jobs at the same time on fresh pods.
pub fn two_jobs(lab: &mut Lab) -> Result<()> {
    let spec = lab.spec("blue");
    let mut objects = lab.render(&spec)?;
    let mut twin = objects.jobs.first().cloned().ok_or("no Job")?;
    twin.metadata.name = Some("twin".to_owned());
    objects.jobs.push(twin);
    let cluster = lab.apply(&spec, &objects)?;
    let world = lab.world.clone();
    for job in [cluster.job.as_str(), "twin"] {
        world.wait(&format!("{job} is complete"), COMPLETE, || world.job_done(job))?;
    }
    cluster.stays_whole(Duration::from_secs(2))?;
    let failed = world.pods_of_job(&cluster.job).len() + world.pods_of_job("twin").len() - 2;
    ensure!(failed == 0, "{failed} tries of the Jobs failed");
    Ok(())
}

/// A lab whose Jobs are tried again at once.
pub fn impatient(case: crate::lab::Case) -> Result<Lab> {
    let timing = Timing { back_off: Duration::from_millis(50), ..Timing::default() };
    Lab::with(case, timing, Families::default())
}

/// F2: the Job's pod is killed at random moments, up to five times for each cluster, then left alone.
pub fn killed(lab: &mut Lab) -> Result<()> {
    let world = lab.world.clone();
    let (mut kills, mut clusters) = (0, 0);
    while kills < 25 {
        let spec = lab.spec(&format!("blue-{clusters}"));
        let objects = lab.render(&spec)?;
        let cluster = lab.apply(&spec, &objects)?;
        clusters += 1;
        let mut last = 0;
        for _ in 0..5 {
            // None when the last try had done it all.
            let pod = world.wait("a try of the Job runs", ANSWER, || {
                if world.job_done(&cluster.job).is_ok() {
                    return Ok(None);
                }
                let pods = world.pods_of_job(&cluster.job);
                let running = |pod: &Arc<Pod>| pod.number > last && pod.container().is_ok();
                Ok(Some(pods.into_iter().rfind(running).ok_or("none runs")?))
            })?;
            let Some(pod) = pod else { break };
            // A whole run takes about five seconds, a run that goes on from another one less.
            thread::sleep(Duration::from_millis(random(50..2500)));
            // It may have ended by itself in this moment.
            if pod.kill().is_ok() {
                kills += 1;
                last = pod.number;
                world.say(&format!("kill {kills}"));
            }
        }
        world.wait("the Job is complete", COMPLETE, || world.job_done(&cluster.job))?;
        cluster.whole()?;
        world.clear()?;
    }
    lab.note(format!("{kills} kills, {clusters} clusters"));
    Ok(())
}

/// The objects without the Job, and the Job.
fn without_job(objects: &Objects) -> (Objects, Objects) {
    let pods = Objects { jobs: Vec::new(), ..objects.clone() };
    let job = Objects { jobs: objects.jobs.clone(), ..Objects::default() };
    (pods, job)
}

/// Starts the pods only.
fn pods_only(lab: &Lab, spec: &Spec) -> Result<(Cluster, Objects)> {
    let objects = lab.render(spec)?;
    let (pods, job) = without_job(&objects);
    lab.world.apply(&pods)?;
    let cluster = Cluster::from_objects(&lab.world, &spec.name(), &objects)?;
    lab.world.wait("all pods answer", ANSWER, || cluster.views().map(|_| ()))?;
    Ok((cluster, job))
}

/// The pods that a new cluster makes masters: the first of each shard, or simply the first ones.
fn first_masters(cluster: &Cluster) -> Vec<String> {
    let mut masters = BTreeMap::new();
    for (index, member) in cluster.members.iter().enumerate() {
        masters.entry(member.shard.unwrap_or(index)).or_insert_with(|| member.pod.clone());
    }
    masters.into_values().take(cluster.shards).collect()
}

fn slots_of(shard: usize, shards: usize) -> (u16, u16) {
    // Where redis-cli --cluster create puts the borders.
    let border = |shard: usize| (shard as f64 * 16384.0 / shards as f64).round() as u16;
    (border(shard), border(shard + 1) - 1)
}

fn give_slots(cluster: &Cluster, masters: &[String]) -> Result<()> {
    for (shard, pod) in masters.iter().enumerate() {
        let (first, last) = slots_of(shard, cluster.shards);
        let words = ["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()];
        cluster.ask::<String>(pod, &words)?;
    }
    Ok(())
}

fn meet(cluster: &Cluster, one: &str, other: &str) -> Result<()> {
    let address = cluster.world.pod(other)?.addresses()[0].to_string();
    let (port, bus) = (cluster.client_port.to_string(), cluster.bus_port.to_string());
    cluster.ask::<String>(one, &["CLUSTER", "MEET", &address, &port, &bus])?;
    Ok(())
}

/// What a shell runs in a pod for `redis-cli --cluster create`.
fn create_words(lab: &Lab, cluster: &Cluster, pods: &[String], replicas: usize) -> Result<String> {
    // The password stays where the pod has it.
    let mut words = format!(
        "REDISCLI_AUTH=$(head -n 1 /tmp/passwords) exec {} --cluster create",
        lab.case.image.cli()
    );
    for pod in pods {
        let address = lab.world.pod(pod)?.addresses()[0];
        words += &format!(" {address}:{}", cluster.client_port);
    }
    Ok(words + &format!(" --cluster-replicas {replicas} --cluster-yes"))
}

/// F3: the Job on what a killed `--cluster create` leaves behind.
pub fn half_made(lab: &mut Lab) -> Result<()> {
    type Make = fn(&Lab, &Cluster) -> Result<()>;
    let states: [(&str, Make); 5] = [
        ("slots given out, nobody joined", |_, cluster| {
            give_slots(cluster, &first_masters(cluster))
        }),
        ("a third of the slots, two joined", |_, cluster| {
            let masters = first_masters(cluster);
            give_slots(cluster, &masters[..1])?;
            meet(cluster, &masters[0], &masters[1])
        }),
        ("all slots, all joined, no replicas", |_, cluster| {
            let masters = first_masters(cluster);
            give_slots(cluster, &masters)?;
            cluster.members[1..]
                .iter()
                .try_for_each(|member| meet(cluster, &cluster.members[0].pod, &member.pod))
        }),
        ("create with replicas, which puts them anywhere", |lab, cluster| {
            let pods: Vec<_> = cluster.members.iter().map(|member| member.pod.clone()).collect();
            // Masters are the first ones of the list.
            let (masters, mut rest) = (first_masters(cluster), pods);
            rest.retain(|pod| !masters.contains(pod));
            let all: Vec<_> = masters.into_iter().chain(rest).collect();
            let words = create_words(lab, cluster, &all, 1)?;
            let done = lab.world.pod(&all[0])?.exec(&["sh", "-c", &words], COMPLETE)?;
            ensure!(done.code == Some(0), "create: {}", done.output);
            Ok(())
        }),
        ("create of the masters, killed", |lab, cluster| {
            let masters = first_masters(cluster);
            let words = create_words(lab, cluster, &masters, 0)?;
            let limit = Duration::from_millis(random(50..1500));
            lab.world.pod(&masters[0])?.exec(&["sh", "-c", &words], limit)?;
            Ok(())
        }),
    ];
    for (round, (what, make)) in states.into_iter().enumerate() {
        let spec = lab.spec(&format!("blue-{round}"));
        let (cluster, job) = pods_only(lab, &spec)?;
        make(lab, &cluster)?;
        lab.world.say(&format!("left behind: {what}"));
        lab.world.apply(&job)?;
        lab.world.wait("the Job is complete", COMPLETE, || lab.world.job_done(&cluster.job))?;
        cluster.whole()?;
        let tries = lab.world.pods_of_job(&cluster.job).len();
        ensure!(tries == 1, "it took {tries} tries");
        lab.world.clear()?;
    }
    Ok(())
}

/// F4: a pod's bus port is blocked; then it is not; and the same where it stays blocked.
pub fn bus_blocked(lab: &mut Lab) -> Result<()> {
    let spec = lab.spec("blue").set("spec.bootstrap.timeoutSeconds", 60);
    let (cluster, job) = pods_only(lab, &spec)?;
    let world = lab.world.clone();
    let blocked = world.pod(&first_masters(&cluster)[1])?;
    blocked.recipe.net.cut(&[Cut::Bus(cluster.bus_port)])?;
    world.apply(&job)?;
    // Twice the node timeout and more: handshakes have expired.
    thread::sleep(Duration::from_secs(12));
    ensure!(world.job_done(&cluster.job).is_err(), "complete although a bus was blocked");
    blocked.recipe.net.cut(&[])?;
    let open = Instant::now();
    world.wait("the Job is complete", COMPLETE, || world.job_done(&cluster.job))?;
    lab.healed(open);
    cluster.whole()?;
    let tries = world.pods_of_job(&cluster.job).len();
    ensure!(tries == 1, "it took {tries} tries");
    world.clear()?;

    let spec = lab
        .spec("green")
        .set("spec.bootstrap.timeoutSeconds", 30)
        .set("spec.bootstrap.backoffLimit", 0);
    let (cluster, job) = pods_only(lab, &spec)?;
    world.pod(&first_masters(&cluster)[1])?.recipe.net.cut(&[Cut::Bus(cluster.bus_port)])?;
    world.apply(&job)?;
    let start = Instant::now();
    world.wait("the Job gives up", COMPLETE, || world.job_failed(&cluster.job))?;
    let took = start.elapsed().as_secs_f64();
    ensure!((28.0..45.0).contains(&took), "it gave up after {took:.1} s of 30");
    expect_refusal(lab, &cluster, 6, &[])
}

/// Fails unless the Job's last try ended with a code and a message that has these words.
fn expect_refusal(lab: &Lab, cluster: &Cluster, code: i32, words: &[&str]) -> Result<()> {
    let pods = lab.world.pods_of_job(&cluster.job);
    let pod = pods.last().ok_or("the Job made no pod")?;
    ensure!(pod.last_exit() == Some(code), "exit code {:?}, not {code}", pod.last_exit());
    let log = pod.output()?;
    let last = log.lines().last().unwrap_or_default();
    for word in words {
        ensure!(last.contains(word), "the last message does not name {word}: {last}");
    }
    Ok(())
}

/// What every node knows and has, but not the clock.
fn everything(cluster: &Cluster) -> Result<String> {
    let mut all = String::new();
    for view in cluster.views()? {
        for node in view.nodes.values() {
            all += &format!("{} {} {:?} {:?}\n", view.pod, node.id, node.master, node.slots);
        }
        all += &format!("{:?}\n", cluster.keys_on(&view.pod)?);
    }
    Ok(all)
}

/// Takes a shard's slots away, as if its master and its replicas were lost for good.
fn lose_slots(cluster: &Cluster, shard: &Shard) -> Result<()> {
    let (first, last) = shard.slots[0];
    let range = [first.to_string(), last.to_string()];
    let words = ["CLUSTER", "DELSLOTSRANGE", &range[0], &range[1]];
    cluster.ask::<String>(&shard.master, &words)?;
    cluster.world.wait("nobody has the slots", Duration::from_secs(10), || {
        for view in cluster.views()? {
            let owner = view.nodes.values().find(|node| node.slots.contains(&(first, last)));
            if let Some(owner) = owner {
                cluster.ask::<String>(&view.pod, &words)?;
                bail!("{} has it that {} serves them", view.pod, owner.id);
            }
        }
        Ok(())
    })
}

/// F5: what the Job must not touch.
pub fn refusals(lab: &mut Lab) -> Result<()> {
    let world = lab.world.clone();
    let small = |lab: &Lab, name: &str| {
        lab.spec(name)
            .set("spec.bootstrap.timeoutSeconds", 30)
            .set("spec.bootstrap.backoffLimit", 0)
            .set("spec.network.busPort", 21000)
    };
    let host = |cluster: &Cluster, index: usize| {
        format!("{}.{}.{NAMESPACE}.svc.cluster.local", cluster.members[index].pod, cluster.name)
    };
    let refuses = |lab: &Lab, cluster: &Cluster, job: &Objects, code: i32, words: &[&str]| {
        let before = everything(cluster)?;
        world.apply(job)?;
        world.wait("the Job gives up", COMPLETE, || world.job_failed(&cluster.job))?;
        expect_refusal(lab, cluster, code, words)?;
        ensure!(everything(cluster)? == before, "it changed something before it refused");
        Ok::<_, crate::tools::Failure>(())
    };

    let (blue, job) = pods_only(lab, &small(lab, "blue"))?;
    let wrong = BTreeMap::from([(host(&blue, 3), host(&blue, 1))]);
    world.names()?.tell(Lie::Wrong(wrong));
    refuses(lab, &blue, &job, 5, &[&blue.members[1].pod, &blue.members[3].pod])?;
    world.names()?.tell(Lie::Truth);

    // The same bus port, so that nothing but the ids keeps the two apart.
    let (green, _) = lab.deploy(&small(lab, "green"))?;
    let before = everything(&green)?;
    world.delete_job(&blue.job)?;
    let wrong = BTreeMap::from([(host(&blue, 3), host(&green, 1))]);
    world.names()?.tell(Lie::Wrong(wrong));
    refuses(lab, &blue, &job, 3, &[&blue.members[3].pod])?;
    world.names()?.tell(Lie::Truth);
    ensure!(everything(&green)? == before, "it changed the other cluster");

    fill(&green, 50, "kept")?;
    let shards = green.whole()?;
    lose_slots(&green, &shards[1])?;
    world.delete_job(&green.job)?;
    let job = Objects { jobs: lab.render(&small(lab, "green"))?.jobs, ..Objects::default() };
    refuses(lab, &green, &job, 4, &["nobody serves"])
}

/// A new cluster on a kernel that stops a pod's process for a while: slow, not dead.
pub fn slow_pod(lab: &mut Lab) -> Result<()> {
    let spec = lab.spec("blue");
    let (cluster, job) = pods_only(lab, &spec)?;
    let slow = lab.world.pod(&cluster.members[0].pod)?.container()?;
    lab.world.apply(&job)?;
    for _ in 0..30 {
        slow.signal_all(Signal::STOP)?;
        thread::sleep(Duration::from_millis(400));
        slow.signal_all(Signal::CONT)?;
        thread::sleep(Duration::from_millis(100));
    }
    lab.world.wait("the Job is complete", COMPLETE, || lab.world.job_done(&cluster.job))?;
    cluster.wait_whole(Duration::from_secs(10))?;
    ensure!(lab.case.layout == Layout::Single || cluster.members[0].shard.is_some(), "no shards");
    Ok(())
}
