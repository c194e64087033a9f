//! Pods come back at other addresses: one, or all at once, with names that lag behind.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use crate::{
    clients::{Load, fill, unreadable},
    cluster::{Cluster, Shard},
    lab::Lab,
    names::Lie,
    net::Address,
    tools::{Result, bail, ensure},
};

const NODE_TIMEOUT: &str = "cluster-node-timeout";

const RIGHT: Duration = Duration::from_secs(10);

/// A client's writes that are older than this when all pods are killed must not be lost.
const SETTLED: Duration = Duration::from_secs(3);

/// F6: everything is right within ten seconds after the pod answers again, its own answers to clients too.
fn comes_back(lab: &mut Lab, cluster: &Cluster, pod: &str) -> Result<Vec<Shard>> {
    let world = lab.world.clone();
    world.wait("it answers again", Duration::from_secs(20), || cluster.view(pod).map(|_| ()))?;
    let back = Instant::now();
    world.wait("all views are right", RIGHT, || {
        cluster.whole()?;
        cluster.addresses_for_clients()
    })?;
    let (whole, shards) = cluster.wait_lasting(RIGHT, Duration::from_secs(6))?;
    lab.healed_at(back, whole);
    lab.ensure_healed_within(RIGHT)?;
    Ok(shards)
}

pub fn replica_moves(lab: &mut Lab) -> Result<()> {
    let (cluster, shards) = lab.deploy(&lab.spec("blue"))?;
    let replica = shards[1].replicas.first().cloned().ok_or("no replica")?;
    let load = Load::start(&cluster, &shards, 200);
    lab.world.destroy(std::slice::from_ref(&replica))?;
    lab.world.release([&replica]);
    let after = comes_back(lab, &cluster, &replica)?;
    ensure!(after == shards, "roles changed");
    lab.judge(&cluster, &load.stop()?, Duration::from_secs(2), None)
}

pub fn master_moves(lab: &mut Lab) -> Result<()> {
    let (cluster, shards) = lab.deploy(&lab.spec("blue"))?;
    let master = shards[1].master.clone();
    let load = Load::start(&cluster, &shards, 200);
    thread::sleep(Duration::from_secs(2) + SETTLED);
    // What it had not yet written to its file when it was killed is lost if it comes back before its replica takes over.
    let before = Instant::now() - SETTLED;
    lab.world.destroy(std::slice::from_ref(&master))?;
    lab.world.release([&master]);
    comes_back(lab, &cluster, &master)?;
    // Either it was back in time, or its replica took over: two node timeouts at the most.
    lab.judge(&cluster, &load.stop()?, Duration::from_secs(15), Some(before))
}

pub fn master_late(lab: &mut Lab) -> Result<()> {
    let (cluster, shards) = lab.deploy(&lab.spec("blue"))?;
    let master = shards[1].master.clone();
    let load = Load::start(&cluster, &shards, 200);
    thread::sleep(Duration::from_secs(2) + SETTLED);
    // A master streams to a new replica only when that has acknowledged its copy, up to a second later.
    let before = Instant::now() - SETTLED;
    lab.world.destroy(std::slice::from_ref(&master))?;
    let died = Instant::now();
    lab.world.wait("the replica takes over", Duration::from_secs(15), || {
        ensure!(cluster.master_of(&shards[1].replicas)? != master, "not yet");
        Ok(())
    })?;
    lab.note(format!("failover after {:.1} s", died.elapsed().as_secs_f64()));
    lab.world.release([&master]);
    let after = comes_back(lab, &cluster, &master)?;
    ensure!(after[1].pods() == shards[1].pods(), "the shard has other pods");
    ensure!(after[1].master != master, "the late master is master again");
    lab.judge(&cluster, &load.stop()?, Duration::from_secs(15), Some(before))
}

/// How all pods come back.
struct Return<'a> {
    /// What names say at first.
    lie: Lie,
    /// For how long.
    lie_for: Duration,
    /// The address that each pod gets; new ones where none is given.
    addresses: &'a dyn Fn(&Cluster) -> Result<Vec<Option<Address>>>,
    /// The time between two starts.
    apart: Duration,
    /// A pod to which the name service never answers anything.
    deaf: Option<usize>,
}

/// F7: all pods are killed at one moment under load, and come back.
fn all_killed(lab: &mut Lab, how: &Return<'_>) -> Result<()> {
    let (cluster, shards) = lab.deploy(&lab.spec("blue"))?;
    let world = lab.world.clone();
    let ids = cluster.ids()?;
    let load = Load::start(&cluster, &shards, 300);
    thread::sleep(Duration::from_secs(2) + SETTLED);
    let before = Instant::now() - SETTLED;
    let pods: Vec<_> = cluster.members.iter().map(|member| member.pod.clone()).collect();
    let addresses = (how.addresses)(&cluster)?;
    world.say("killing all pods");
    world.destroy(&pods)?;
    let tally = load.stop()?;
    world.names()?.tell(how.lie.clone());
    if let Some(Some(address)) = how.deaf.and_then(|pod| addresses.get(pod)) {
        world.names()?.tell_only(address.v4().into(), Lie::Empty);
    }
    for (pod, address) in pods.iter().zip(addresses) {
        if let Some(address) = address {
            world.pin(pod, address);
        }
        world.release([pod]);
        thread::sleep(how.apart);
    }
    world.wait("all pods answer", Duration::from_secs(20), || cluster.views().map(|_| ()))?;
    let answering = Instant::now();
    thread::sleep(how.lie_for.saturating_sub(answering.elapsed()));
    world.names()?.tell(Lie::Truth);
    let truth = Instant::now();
    let (whole, after) = cluster.wait_lasting(Duration::from_secs(40), Duration::from_secs(10))?;
    lab.healed_at(truth, whole);
    cluster.addresses_for_clients()?;
    ensure!(cluster.ids()? == ids, "node ids changed");
    for (old, new) in shards.iter().zip(&after) {
        ensure!(old.pods() == new.pods(), "the pods of a shard changed");
    }
    let lost = tally.lost(&cluster, Some(before))?;
    let recent = tally.lost(&cluster, None)?.len() - lost.len();
    lab.measured.lost = Some(lost.len());
    ensure!(!tally.acknowledged.is_empty(), "nothing was written");
    ensure!(lost.is_empty(), "{} writes of more than 3 s before are lost", lost.len());
    if recent > 0 {
        lab.note(format!("{recent} writes of the last 3 s lost"));
    }
    // Clients can write again, everywhere.
    let load = Load::start(&cluster, &after, 200);
    thread::sleep(Duration::from_secs(2));
    let tally = load.stop()?;
    let longest = Duration::from_secs(2) * lab.case.patience;
    ensure!(tally.longest_gap() < longest, "some shard takes no writes");
    ensure!(tally.lost(&cluster, None)?.is_empty(), "writes after the healing are lost");
    lab.ensure_healed_within(HEALED)
}

fn new_addresses(cluster: &Cluster) -> Result<Vec<Option<Address>>> {
    Ok(vec![None; cluster.members.len()])
}

/// How long healing may take from when all pods answer and names are right.
const HEALED: Duration = Duration::from_secs(15);

const AT_ONCE: Return<'_> = Return {
    lie: Lie::Truth,
    lie_for: Duration::ZERO,
    addresses: &new_addresses,
    apart: Duration::ZERO,
    deaf: None,
};

const LIE: Duration = Duration::from_secs(10);

pub fn all_new(lab: &mut Lab) -> Result<()> {
    all_killed(lab, &AT_ONCE)
}

pub fn names_empty(lab: &mut Lab) -> Result<()> {
    all_killed(lab, &Return { lie: Lie::Empty, lie_for: LIE, ..AT_ONCE })
}

pub fn names_stale(lab: &mut Lab) -> Result<()> {
    // The pods of the scenario get the first addresses, so this is what names said before the kill.
    let stale = lab.render(&lab.spec("blue"))?;
    let mut names = crate::names::Names::new();
    let mut next = 0;
    for set in &stale.stateful_sets {
        let name = set.metadata.name.clone().unwrap_or_default();
        for ordinal in 0..set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1) {
            next += 1;
            let host = format!("{name}-{ordinal}.blue.default.svc.cluster.local");
            names.insert(host, vec![Address(next).v4().into()]);
        }
    }
    all_killed(lab, &Return { lie: Lie::Stale(names), lie_for: LIE, ..AT_ONCE })
}

pub fn names_silent(lab: &mut Lab) -> Result<()> {
    all_killed(lab, &Return { lie: Lie::Silence, lie_for: LIE, ..AT_ONCE })
}

pub fn names_broken(lab: &mut Lab) -> Result<()> {
    all_killed(lab, &Return { lie: Lie::Broken, lie_for: LIE, ..AT_ONCE })
}

/// Its peers find it, so it need not find them.
pub fn names_deaf(lab: &mut Lab) -> Result<()> {
    let far = |cluster: &Cluster| {
        Ok((1000..).take(cluster.members.len()).map(|number| Some(Address(number))).collect())
    };
    all_killed(lab, &Return { addresses: &far, deaf: Some(2), ..AT_ONCE })
}

pub fn names_late(lab: &mut Lab) -> Result<()> {
    let late = Lie::Late(Duration::from_millis(1500));
    all_killed(lab, &Return { lie: late, lie_for: LIE, ..AT_ONCE })
}

pub fn shuffled(lab: &mut Lab) -> Result<()> {
    let shift = |cluster: &Cluster| {
        let mut addresses: Vec<_> =
            cluster.pods()?.iter().map(|pod| Some(pod.recipe.net.address)).collect();
        addresses.rotate_left(1);
        Ok(addresses)
    };
    all_killed(lab, &Return { addresses: &shift, ..AT_ONCE })
}

pub fn one_by_one(lab: &mut Lab) -> Result<()> {
    all_killed(lab, &Return { apart: Duration::from_secs(3), ..AT_ONCE })
}

/// A shard's master, the last pod that was away, comes back, all is well in time, and nothing is lost.
fn is_back_at_last(
    lab: &mut Lab,
    cluster: &Cluster,
    shard: &Shard,
    keys: &BTreeSet<String>,
) -> Result<()> {
    let (world, pod) = (lab.world.clone(), &shard.master);
    world.release([pod]);
    world.wait("it answers again", Duration::from_secs(20), || cluster.view(pod).map(|_| ()))?;
    let back = Instant::now();
    let (whole, _) = cluster.wait_lasting(Duration::from_secs(40), Duration::from_secs(5))?;
    lab.healed_at(back, whole);
    let broken = unreadable(cluster, keys)?;
    ensure!(broken.is_empty(), "{} keys are not readable: {broken:?}", broken.len());
    lab.ensure_healed_within(HEALED)
}

/// A master is away, and another master of its cluster has its address. A replica that knows nothing of that would copy the
/// keys of another shard over its own and be elected with them, and its master would copy those in turn.
fn taken(lab: &mut Lab, replica_runs: bool) -> Result<()> {
    let (cluster, shards) = lab.deploy(&lab.spec("blue"))?;
    let world = lab.world.clone();
    let keys = fill(&cluster, 300, "kept")?;
    thread::sleep(SETTLED);
    let [shard, other, ..] = &shards[..] else { bail!("a cluster with too few shards") };
    let (away, thief) = (&shard.master, &other.master);
    let replica = shard.replicas.first().ok_or("a shard without a replica")?;
    let own = cluster.keys_on(replica)?;
    let address = world.pod(away)?.recipe.net.address;
    let answers = |pod: &str| cluster.keys_on(pod).map(|_| ());
    let mut killed = vec![away.clone(), thief.clone()];
    if !replica_runs {
        killed.push(replica.clone());
    }
    world.say(&format!("killing {killed:?}; {thief} gets the address of {away}"));
    world.destroy(&killed)?;
    world.pin(thief, address);
    world.release([thief]);
    world.wait("it answers there", Duration::from_secs(20), || answers(thief))?;
    if !replica_runs {
        // Long after the start of that pod, which others may copy by then.
        world.wait("others may copy it", Duration::from_secs(90), || {
            let users: Vec<String> = cluster.ask(thief, &["ACL", "LIST"])?;
            let replication = users.iter().find(|user| user.starts_with("user _replication "));
            ensure!(replication.is_some_and(|user| user.contains(" on ")), "{replication:?}");
            Ok(())
        })?;
        world.release([replica]);
        world.wait("the replica answers", Duration::from_secs(20), || answers(replica))?;
    }
    // Longer than others need to call a master failed and to elect another one.
    let answering = Instant::now();
    while answering.elapsed() < Duration::from_secs(15) {
        ensure!(cluster.keys_on(replica)? == own, "{replica} has other keys than before");
        thread::sleep(Duration::from_millis(200));
    }
    is_back_at_last(lab, &cluster, shard, &keys)
}

pub fn taken_address(lab: &mut Lab) -> Result<()> {
    taken(lab, false)
}

pub fn taken_at_once(lab: &mut Lab) -> Result<()> {
    taken(lab, true)
}

/// All pods are killed, and a master does not come back. Its replica knows nothing newer than what is on its disk and waits;
/// the other shards must not wait for it.
pub fn one_stays_away(lab: &mut Lab) -> Result<()> {
    let (cluster, shards) = lab.deploy(&lab.spec("blue"))?;
    let world = lab.world.clone();
    let keys = fill(&cluster, 300, "kept")?;
    thread::sleep(SETTLED);
    let away = &shards[0].master;
    let pods: Vec<_> = cluster.members.iter().map(|member| member.pod.clone()).collect();
    world.say(&format!("killing all pods; {away} stays away"));
    world.destroy(&pods)?;
    world.release(pods.iter().filter(|pod| *pod != away));
    world.wait("the other shards have copies", Duration::from_secs(90), || {
        for shard in &shards[1..] {
            for pod in shard.pods() {
                let info: String = cluster.ask(&pod, &["INFO", "replication"])?;
                let linked = info.contains("role:master") || info.contains("master_link_status:up");
                let copied = info.contains("role:slave") || info.contains("connected_slaves:1");
                ensure!(linked && copied, "{pod}: {info}");
            }
        }
        Ok(())
    })?;
    is_back_at_last(lab, &cluster, &shards[0], &keys)
}

/// A shard comes back when the others have just called its master failed. Nobody takes over, and a failed master that is
/// back stays so for two node timeouts, unless the servers hurry; and they hurry only as long as they have to.
pub fn late_shard(lab: &mut Lab) -> Result<()> {
    // So long that what the servers do by themselves takes twice as long as is allowed.
    let timeout = "15000";
    let spec = lab
        .spec("blue")
        .set("spec.config.cluster-node-timeout", 15_000)
        .set("spec.config.cluster-require-full-coverage", "yes");
    let (cluster, shards) = lab.deploy(&spec)?;
    let world = lab.world.clone();
    let ids = cluster.ids()?;
    let shard = shards.last().ok_or("a cluster without shards")?;
    let (late, master) = (shard.pods(), ids.get(&shard.master).ok_or("a master without id")?);
    let pods: Vec<_> = cluster.members.iter().map(|member| member.pod.clone()).collect();
    world.say(&format!("killing all pods; {late:?} come back later"));
    world.destroy(&pods)?;
    world.release(pods.iter().filter(|pod| !late.contains(*pod)));
    world.wait("the others call it failed", Duration::from_secs(60), || {
        let views = cluster.views_of_answering();
        ensure!(views.len() == pods.len() - late.len(), "{} pods answer", views.len());
        for view in views {
            let failed = view.nodes.get(master).is_some_and(|node| node.flags.contains("fail"));
            ensure!(failed, "{} does not", view.pod);
        }
        Ok(())
    })?;
    world.release(&late);
    world.wait("all pods answer", Duration::from_secs(20), || cluster.views().map(|_| ()))?;
    let answering = Instant::now();
    // What the loop has shortened it finds again when it was killed.
    let hurrying = world.wait("a pod hurries", HEALED, || {
        for pod in cluster.pods()? {
            let reply: Vec<String> = cluster.ask(pod.name(), &["CONFIG", "GET", NODE_TIMEOUT])?;
            if reply.last().is_some_and(|now| now != timeout) {
                return Ok(pod);
            }
        }
        bail!("none does")
    })?;
    let kill =
        hurrying.exec(&["sh", "-c", "kill -9 \"$(cat /tmp/heal.pid)\""], Duration::from_secs(5))?;
    ensure!(kill.code == Some(0), "{}: no heal loop: {}", hurrying.name(), kill.output);
    let (whole, _) = cluster.wait_lasting(Duration::from_secs(60), Duration::from_secs(10))?;
    lab.healed_at(answering, whole);
    for pod in cluster.pods()? {
        let reply: Vec<String> = cluster.ask(pod.name(), &["CONFIG", "GET", NODE_TIMEOUT])?;
        let now = reply.last().cloned().unwrap_or_default();
        ensure!(now == timeout, "{} still has a {NODE_TIMEOUT} of {now}", pod.name());
    }
    ensure!(cluster.ids()? == ids, "node ids changed");
    lab.ensure_healed_within(HEALED)
}
