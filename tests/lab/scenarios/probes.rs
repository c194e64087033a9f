//! F16: what the probes say about every state that a server can be in, and what the kubelet makes of it.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::{
    cluster::Cluster,
    lab::{Case, Lab},
    net::{Cut, Families},
    objects::Objects,
    pod::{Check, Pod, Timing},
    tools::{Result, ensure},
};

/// Asks the probes, and fails unless they say what is expected.
fn expect(pod: &Pod, state: &str, expected: &[(Check, bool)]) -> Result<()> {
    for (check, passes) in expected {
        let done = pod.probe(*check)?;
        let passed = done.code == Some(0);
        pod.say(&format!("{state}: {check:?} {:?} {}", done.code, done.output));
        ensure!(passed == *passes, "{state}: the {check:?} probe {:?}: {}", done.code, done.output);
    }
    Ok(())
}

const ALIVE_READY: &[(Check, bool)] =
    &[(Check::Startup, true), (Check::Liveness, true), (Check::Readiness, true)];
const ALIVE_ONLY: &[(Check, bool)] = &[(Check::Liveness, true), (Check::Readiness, false)];

/// Waits until the server's reply to PING begins so.
fn wait_ping(cluster: &Cluster, pod: &str, begins: &str) -> Result<()> {
    cluster.world.wait(&format!("{pod} says {begins}"), Duration::from_secs(20), || {
        let reply = match cluster.ask::<String>(pod, &["PING"]) {
            Ok(reply) => reply,
            Err(error) => error.to_string(),
        };
        ensure!(reply.to_lowercase().contains(&begins.to_lowercase()), "{reply}");
        Ok(())
    })
}

pub fn states(lab: &mut Lab) -> Result<()> {
    let spec = lab.spec("blue");
    let objects = lab.render(&spec)?;
    let world = lab.world.clone();

    // Not yet clustered: ready, or the Job would wait for the pods and the pods for the Job.
    world.apply(&Objects { jobs: Vec::new(), ..objects.clone() })?;
    let cluster = Cluster::from_objects(&world, "blue", &objects)?;
    cluster.wait_ready(Duration::from_secs(40))?;
    for pod in cluster.pods()? {
        expect(&pod, "not clustered", ALIVE_READY)?;
    }
    world.apply(&objects)?;
    world.wait("the Job is complete", Duration::from_secs(60), || world.job_done(&cluster.job))?;
    let shards = cluster.wait_whole(Duration::from_secs(10))?;
    for pod in cluster.pods()? {
        expect(&pod, "healthy", ALIVE_READY)?;
    }
    let master = world.pod(&shards[0].master)?;
    let replica = world.pod(shards[0].replicas.first().ok_or("no replica")?)?;

    // NOAUTH: somebody took the probes' user away.
    cluster.ask::<String>(replica.name(), &["ACL", "SETUSER", "_probe", "off"])?;
    expect(&replica, "NOAUTH", ALIVE_ONLY)?;
    cluster.ask::<String>(replica.name(), &["ACL", "SETUSER", "_probe", "on"])?;
    cluster.ask::<String>(replica.name(), &["ACL", "LOG", "RESET"])?;

    // MASTERDOWN: the replica may not serve old data and has no link.
    cluster.ask::<String>(replica.name(), &["CONFIG", "SET", "replica-serve-stale-data", "no"])?;
    replica.recipe.net.cut(&[Cut::Peers])?;
    cluster.ask::<i64>(replica.name(), &["CLIENT", "KILL", "TYPE", "master"])?;
    wait_ping(&cluster, replica.name(), "MASTERDOWN")?;
    expect(&replica, "MASTERDOWN", ALIVE_ONLY)?;
    cluster.ask::<String>(replica.name(), &["CONFIG", "SET", "replica-serve-stale-data", "yes"])?;
    expect(&replica, "link down", ALIVE_ONLY)?;
    replica.recipe.net.cut(&[])?;
    cluster.wait_whole(Duration::from_secs(30))?;

    misconf(lab, &cluster, &master)?;
    cluster.wait_whole(Duration::from_secs(30))?;
    busy(lab, &cluster, &master)?;
    cluster.wait_whole(Duration::from_secs(30))?;
    let kills = loading(lab, &cluster, &replica)?;
    cluster.wait_whole(Duration::from_secs(90))?;

    for pod in cluster.pods()? {
        let killed = if pod.name() == replica.name() { kills } else { 0 };
        ensure!(pod.restarts() == killed, "{}: {} restarts", pod.name(), pod.restarts());
        // Its peers may know where a server is before its own heal loop, which looks once a second, has seen that.
        world.wait("all probes succeed", Duration::from_secs(5), || {
            expect(&pod, "healthy again", ALIVE_READY)
        })?;
    }
    Ok(())
}

/// MISCONF: the append-only file of a master cannot be written. A replica in this state ends itself
/// (`replica-ignore-disk-write-errors no`).
fn misconf(lab: &Lab, cluster: &Cluster, pod: &Pod) -> Result<()> {
    let world = &lab.world;
    let claim = format!("data-{}", pod.name());
    let ballast = world.volume(&claim)?.join("ballast");
    world.resize_volume(&claim, 4096)?;
    // As much as fits.
    let _ = fs::write(&ballast, vec![1; 8 << 20]);
    super::data::wait_refused(cluster, pod.name())?;
    expect(pod, "MISCONF", ALIVE_ONLY)?;
    fs::remove_file(&ballast)?;
    world.resize_volume(&claim, 256 * 1024)?;
    wait_ping(cluster, pod.name(), "PONG")
}

/// BUSY: a script that does not end; mute for five seconds, then it says so.
fn busy(lab: &Lab, cluster: &Cluster, pod: &Pod) -> Result<()> {
    let mut connection = cluster.connect(pod)?;
    let script = thread::spawn(move || {
        let reply: redis::RedisResult<String> =
            redis::cmd("EVAL").arg("while true do end").arg(0).query(&mut connection);
        reply
    });
    thread::sleep(Duration::from_millis(300));
    let mute = Instant::now();
    let said = pod.probe(Check::Liveness)?;
    pod.say(&format!("mute: Liveness {:?} {}", said.code, said.output));
    wait_ping(cluster, pod.name(), "BUSY")?;
    pod.say(&format!("it was mute for {:.1} s", mute.elapsed().as_secs_f64()));
    expect(pod, "BUSY", ALIVE_ONLY)?;
    // As long as the kubelet needs to see it, but not so long that the peers' votes matter.
    lab.world.wait("the script is killed", Duration::from_secs(5), || {
        cluster.ask::<String>(pod.name(), &["SCRIPT", "KILL"]).map(|_| ())
    })?;
    let _ = script.join().map_err(|_| "the script's thread panicked")?;
    wait_ping(cluster, pod.name(), "PONG")
}

/// LOADING: not started, but alive. Returns how often the server had to be killed until it was seen to load.
fn loading(lab: &Lab, cluster: &Cluster, pod: &Pod) -> Result<u32> {
    let shards = cluster.whole()?;
    let shard = cluster.shard_of(&shards, pod.name())?;
    // One key that takes a while to load.
    let tag = (0..)
        .map(|n| n.to_string())
        .find(|tag| shard.serves(crc16::State::<crc16::XMODEM>::calculate(tag.as_bytes()) % 16384));
    let script = "for i = 1, 10000 do redis.call('HSET', KEYS[1], ARGV[1] .. i, i) end return 'OK'";
    let mut master = cluster.connect(&*lab.world.pod(&shard.master)?)?;
    master.set_read_timeout(Some(Duration::from_secs(20)))?;
    // In small bites, so that the server is not mute for so long that it is taken for dead.
    for round in 0..120 {
        let key = format!("{{{}}}:{}", tag.clone().unwrap_or_default(), round % 12);
        redis::cmd("EVAL").arg(script).arg(1).arg(key).arg(round).query::<String>(&mut master)?;
    }
    cluster.wait_whole(Duration::from_secs(30))?;
    pod.kill()?;
    let mut kills = 1;
    let deadline = Instant::now() + Duration::from_secs(60);
    let is_loading = || match cluster.ask::<String>(pod.name(), &["PING"]) {
        Ok(_) => false,
        Err(error) => error.to_string().to_lowercase().contains("loading"),
    };
    loop {
        ensure!(Instant::now() < deadline, "never seen LOADING");
        let Ok(container) = pod.container() else { continue };
        if !is_loading() {
            thread::sleep(Duration::from_millis(5));
            continue;
        }
        // The probes need the server to run; each is a race with the end of loading.
        container.signal(Signal::STOP);
        thread::sleep(Duration::from_millis(20));
        container.signal(Signal::CONT);
        let startup = pod.probe(Check::Startup)?;
        let liveness = pod.probe(Check::Liveness)?;
        let still = is_loading();
        pod.say(&format!(
            "loading: startup {:?} {}, liveness {:?} {}",
            startup.code, startup.output, liveness.code, liveness.output
        ));
        ensure!(liveness.code == Some(0), "LOADING fails the liveness probe");
        if still || startup.output.contains("LOADING") {
            ensure!(startup.code != Some(0), "LOADING passes the startup probe");
            return Ok(kills);
        }
        // It had loaded before the startup probe asked, which says nothing.
        ensure!(kills < 5, "never asked in time: {}", startup.output);
        pod.kill()?;
        kills += 1;
    }
}

/// Probes five times as often as written, so that the kubelet's verdict does not take minutes.
pub fn hurried(case: Case) -> Result<Lab> {
    let timing = Timing { probes: 0.5, ..Timing::default() };
    Lab::with(case, timing, Families::default())
}

/// A script of eight seconds does not get its server killed; a process that stands still does.
pub fn stopped(lab: &mut Lab) -> Result<()> {
    let (cluster, shards) = lab.deploy(&lab.spec("blue"))?;
    let world = lab.world.clone();
    let pod = world.pod(&shards[0].master)?;
    let mut connection = cluster.connect(&pod)?;
    let script = thread::spawn(move || {
        let reply: redis::RedisResult<String> =
            redis::cmd("EVAL").arg("while true do end").arg(0).query(&mut connection);
        reply
    });
    thread::sleep(Duration::from_secs(8));
    world.wait("the script is killed", Duration::from_secs(10), || {
        cluster.ask::<String>(pod.name(), &["SCRIPT", "KILL"]).map(|_| ())
    })?;
    let _ = script.join().map_err(|_| "the script's thread panicked")?;
    ensure!(pod.restarts() == 0, "a busy server was restarted");
    cluster.wait_whole(Duration::from_secs(30))?;

    let pod = world.pod(&cluster.whole()?[1].master)?;
    pod.container()?.signal_all(Signal::STOP)?;
    let start = Instant::now();
    world.wait("the stopped server is restarted", Duration::from_secs(150), || {
        ensure!(pod.restarts() == 1, "not yet");
        Ok(())
    })?;
    lab.note(format!("restarted after {:.0} s (periods halved)", start.elapsed().as_secs_f64()));
    cluster.wait_whole(Duration::from_secs(40)).map(|_| ())
}
