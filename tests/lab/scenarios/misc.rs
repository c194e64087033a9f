//! What fits nowhere else: moving slots, examples, other tools, publish and subscribe, and what idling costs.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{OPERATIONS_PER_SECOND, restart, rolling};
use crate::{
    certificates,
    clients::Load,
    cluster::Cluster,
    container::cpu_of_children,
    lab::{Case, Lab, PASSWORD, Spec},
    net::Families,
    objects::Objects,
    pod::Timing,
    tools::{Result, bail, ensure},
    world::derived,
};

/// How much data a server may hold.
const MAXMEMORY: &str = "maxmemory";

/// Settings that the engine can change reach running servers, also after the loop that brings them has died; a larger
/// `maxmemory` waits for the larger memory limit.
pub fn live_settings(lab: &mut Lab) -> Result<()> {
    let name = "slowlog-max-len";
    let spec = lab.spec("blue").set(&format!("spec.config.{name}"), 76);
    let (cluster, _) = lab.deploy(&spec)?;
    let world = lab.world.clone();
    let pods = cluster.pods()?;
    let setting = |pod: &str, name: &str| -> Result<String> {
        let reply: Vec<String> = cluster.ask(pod, &["CONFIG", "GET", name])?;
        Ok(reply.last().cloned().unwrap_or_default())
    };
    let reaches = |spec: &Spec, value: u32| -> Result<()> {
        let spec = spec.clone().set(&format!("spec.config.{name}"), value);
        world.apply(&lab.render(&spec)?)?;
        world.wait("the setting is everywhere", Duration::from_secs(20), || {
            for pod in &pods {
                let now = setting(pod.name(), name)?;
                ensure!(now == value.to_string(), "{}: {now}", pod.name());
            }
            Ok(())
        })
    };
    reaches(&spec, 77)?;
    for pod in &pods {
        let kill =
            pod.exec(&["sh", "-c", "kill -9 \"$(cat /tmp/heal.pid)\""], Duration::from_secs(5))?;
        ensure!(kill.code == Some(0), "{}: no heal loop: {}", pod.name(), kill.output);
    }
    reaches(&spec, 78)?;
    // A larger maxmemory comes with the memory for it, and that with a pod's restart.
    let spec = spec
        .set("spec.lifecycle.updateStrategy", "OnDelete")
        .set("spec.pod.resources.limits.memory", "4Gi");
    let small = setting(pods[0].name(), MAXMEMORY)?;
    reaches(&spec, 79)?;
    for (pod, now) in pods.iter().zip(cluster.pods()?) {
        ensure!(now.number == pod.number && pod.restarts() == 0, "{} was restarted", pod.name());
        let now = setting(pod.name(), MAXMEMORY)?;
        ensure!(now == small, "{}: maxmemory went from {small} to {now}", pod.name());
    }
    // A container that starts again for another reason has the old memory, too.
    let killed = &pods[0];
    killed.kill()?;
    world.wait("the server is back", Duration::from_secs(60), || {
        ensure!(killed.restarts() > 0 && killed.ready(), "{} is not back", killed.name());
        let now = setting(killed.name(), MAXMEMORY)?;
        ensure!(now == small, "{}: maxmemory went from {small} to {now}", killed.name());
        Ok(())
    })?;
    let last = pods.last().ok_or("no pods")?;
    rolling::replace(lab, &cluster, last.name())?;
    let now = setting(last.name(), MAXMEMORY)?;
    ensure!(
        now.parse::<u64>()? > small.parse::<u64>()?,
        "{}: maxmemory is still {now}",
        last.name()
    );
    Ok(())
}

/// The Secrets that pods mount, and the keys of each that they ask for.
fn secrets(objects: &Objects) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let specs =
        objects.stateful_sets.iter().filter_map(|set| set.spec.as_ref()?.template.spec.as_ref());
    for volume in specs.flat_map(|spec| spec.volumes.iter().flatten()) {
        let sources = volume.projected.iter().flat_map(|all| all.sources.iter().flatten());
        let projected = sources.filter_map(|source| {
            let secret = source.secret.as_ref()?;
            Some((secret.name.clone(), secret.items.clone()))
        });
        let whole = volume
            .secret
            .iter()
            .filter_map(|secret| Some((secret.secret_name.clone()?, secret.items.clone())));
        for (name, items) in projected.chain(whole) {
            let keys = items.into_iter().flatten().map(|item| item.key);
            all.entry(name).or_default().extend(keys);
        }
    }
    all
}

/// F17: one pod of each example with the case's engine runs for two seconds and answers.
pub fn examples(lab: &mut Lab) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut tried = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let Some(file) = ["cluster.yaml", "redis-cluster.yaml"]
            .iter()
            .map(|name| path.join(name))
            .find(|f| f.exists())
        else {
            continue;
        };
        let mut spec = Spec(serde_yaml::from_str::<Value>(&fs::read_to_string(&file)?)?);
        let family = spec.0["spec"]["engine"]["name"].as_str().unwrap_or("redis").to_owned();
        if family != lab.case.image.family {
            continue;
        }
        // Another version of the engine, whatever image the example has.
        if let Some(engine) = spec.0["spec"]["engine"].as_object_mut() {
            engine.remove("image");
            engine.insert("version".to_owned(), lab.case.image.version.clone().into());
        }
        if let Some(metadata) = spec.0["metadata"].as_object_mut() {
            metadata.remove("namespace");
        }
        let objects = lab.render(&spec)?;
        let cluster = Cluster::from_objects(&lab.world, &spec.name(), &objects)?;
        let (first, others) = cluster.members.split_first().ok_or("no pods")?;
        for other in others {
            lab.world.hold(&other.pod);
        }
        for (secret, keys) in secrets(&objects) {
            if lab.world.secret(&secret).is_none() {
                let files = match cluster.tls_secret.as_ref() == Some(&secret) {
                    true => certificates::issue(&lab.case.folder.join(&secret))?,
                    false => keys.into_iter().map(|key| (key, PASSWORD.into())).collect(),
                };
                lab.world.put_secret(&secret, &files)?;
            }
        }
        lab.world.apply(&Objects { jobs: Vec::new(), ..objects })?;
        lab.world.wait("it answers", Duration::from_secs(20), || {
            cluster.ask::<String>(&first.pod, &["PING"])
        })?;
        thread::sleep(Duration::from_secs(2));
        let pod = lab.world.pod(&first.pod)?;
        ensure!(pod.restarts() == 0, "{} was restarted", first.pod);
        cluster.ask::<String>(&first.pod, &["PING"])?;
        lab.world.clear()?;
        tried.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
    }
    tried.sort();
    ensure!(!tried.is_empty(), "no example has the engine {}", lab.case.image.family);
    lab.note(tried.join(", "));
    Ok(())
}

/// F19: no other shard's replica moves over.
pub fn replicas_die(lab: &mut Lab) -> Result<()> {
    let spec = lab.spec("blue").set("spec.topology.replicasPerShard", 2);
    let (cluster, shards) = lab.deploy(&spec)?;
    let dead: Vec<_> = shards[1].replicas.iter().cloned().collect();
    lab.world.destroy(&dead)?;
    let start = Instant::now();
    // An engine that may move replicas does so within about twelve seconds.
    while start.elapsed() < Duration::from_secs(25) {
        for view in cluster.views_of_answering() {
            let shard = cluster.shard_of(&shards, &view.pod)?;
            let master = view.own.master.clone();
            let expected = shard.replicas.contains(&view.pod);
            ensure!(master.is_some() == expected, "{} changed its role", view.pod);
            if let Some(master) = master {
                let id = cluster.view(&shard.master)?.own.id;
                ensure!(master == id, "{} has moved to another shard", view.pod);
            }
        }
        thread::sleep(Duration::from_millis(500));
    }
    let back = Instant::now();
    lab.world.release(&dead);
    let after = cluster.wait_whole(Duration::from_secs(30))?;
    lab.healed(back);
    ensure!(after == shards, "roles changed");
    Ok(())
}

pub fn with_busybox(mut case: Case) -> Result<Lab> {
    case.image = case.image.with_busybox(&case.folder.join("busybox"))?;
    Lab::new(case)
}

pub fn with_bash(mut case: Case) -> Result<Lab> {
    case.image = case.image.with_bash()?;
    Lab::new(case)
}

pub fn on_ipv6(case: Case) -> Result<Lab> {
    Lab::with(case, Timing::default(), Families::V6)
}

pub fn without_password(case: Case) -> Result<Lab> {
    let mut lab = Lab::new(case)?;
    lab.password = false;
    Ok(lab)
}

/// F18 and F20: making the cluster, a master at a new address, all pods at new addresses, and a rolling restart, so every script once.
pub fn all_new_and_rolling(lab: &mut Lab) -> Result<()> {
    restart::master_moves(lab)?;
    // How long a crash is noticed is no figure of a restart.
    lab.measured.gap = None;
    lab.world.clear()?;
    restart::all_new(lab)?;
    lab.world.clear()?;
    rolling::restart_in_company(lab)
}

/// A password is changed in three steps, each an edit of the Secret: both are accepted, everybody changes, the old
/// one goes. No operation fails, no server restarts.
pub fn rotation(lab: &mut Lab) -> Result<()> {
    let world = lab.world.clone();
    let put = |lines: &str| {
        world.put_secret("blue", &[("redis".to_owned(), lines.into())].into_iter().collect())
    };
    put(PASSWORD)?;
    let (old, shards) = lab.deploy(&lab.spec("blue"))?;
    let new = Cluster { password: Some("another \"one\" \\ with it's quotes"), ..old.clone() };
    let fresh = new.password.unwrap_or_default();
    let pods = old.pods()?;
    let accepted = |cluster: &Cluster, wanted: bool| {
        world.wait("every server has the passwords", Duration::from_secs(20), || {
            for pod in &pods {
                let pong = cluster.ask::<String>(pod.name(), &["PING"]).is_ok();
                ensure!(pong == wanted, "{}: {pong}", pod.name());
            }
            Ok(())
        })
    };
    let load = Load::without_retries(&old, &shards, OPERATIONS_PER_SECOND);
    thread::sleep(Duration::from_secs(2));
    put(&format!("{PASSWORD}\n{fresh}\n"))?;
    accepted(&new, true)?;
    put(&format!("{fresh}\n{PASSWORD}"))?;
    let changed = Load::without_retries(&new, &shards, OPERATIONS_PER_SECOND);
    let derived = derived("_replication", "blue", fresh);
    world.wait("replicas log in with the new one", Duration::from_secs(20), || {
        for pod in &pods {
            let reply: Vec<String> = old.ask(pod.name(), &["CONFIG", "GET", "masterauth"])?;
            ensure!(reply.last() == Some(&derived), "{}", pod.name());
        }
        Ok(())
    })?;
    let first = load.stop()?;
    put(fresh)?;
    accepted(&old, false)?;
    // A replica that starts now has to find its master with the new one alone.
    let replica = shards[0].replicas.first().ok_or("no replica")?;
    world.destroy(std::slice::from_ref(replica))?;
    world.release([replica]);
    new.wait_whole(Duration::from_secs(30))?;
    new.wait_ready(Duration::from_secs(30))?;
    let second = changed.stop()?;
    for pod in pods.iter().filter(|pod| pod.name() != replica) {
        ensure!(pod.restarts() == 0 && !pod.gone(), "{} was restarted", pod.name());
    }
    for tally in [&first, &second] {
        lab.judge_faultless(&new, tally, OPERATIONS_PER_SECOND)?;
    }
    Ok(())
}

/// Messages of the bus that each pod has received, by kind.
fn received(cluster: &Cluster, kind: &str) -> Result<BTreeMap<String, i64>> {
    let key = format!("cluster_stats_messages_{kind}_received");
    let views = cluster.views()?;
    let count =
        |info: &BTreeMap<String, String>| info.get(&key).and_then(|n| n.parse().ok()).unwrap_or(0);
    Ok(views.into_iter().map(|view| (view.pod, count(&view.info))).collect())
}

/// PUBLISH costs every pod; SPUBLISH only the pods of the channel's shard.
pub fn publish(lab: &mut Lab) -> Result<()> {
    let (cluster, shards) = lab.deploy(&lab.spec("blue"))?;
    let channel = "news";
    let slot = crc16::State::<crc16::XMODEM>::calculate(channel.as_bytes()) % 16384;
    let shard = shards.iter().find(|shard| shard.serves(slot)).ok_or("no shard has the channel")?;
    let elsewhere = shards.iter().find(|other| *other != shard).ok_or("only one shard")?;
    let sent = 100;
    let rises = |kind: &str, command: &str, at: &str| -> Result<BTreeMap<String, i64>> {
        let before = received(&cluster, kind)?;
        for _ in 0..sent {
            cluster.ask::<i64>(at, &[command, channel, "text"])?;
        }
        let mut after = received(&cluster, kind)?;
        // Until nothing comes any more.
        loop {
            thread::sleep(Duration::from_secs(1));
            let now = received(&cluster, kind)?;
            if now == after {
                break;
            }
            after = now;
        }
        Ok(after.into_iter().map(|(pod, n)| (pod.clone(), n - before[&pod])).collect())
    };

    // A subscriber anywhere gets what is published anywhere.
    let far = lab.world.pod(&elsewhere.master)?;
    let mut connection = cluster.connect(&far)?;
    let mut subscriber = connection.as_pubsub();
    subscriber.subscribe(channel)?;
    for (pod, rise) in rises("publish", "PUBLISH", &shard.master)? {
        let expected = if pod == shard.master { 0 } else { sent };
        ensure!(rise == expected, "PUBLISH: {pod} received {rise} messages on its bus");
    }
    let text: String = subscriber.get_message()?.get_payload()?;
    ensure!(text == "text", "the subscriber got {text:?}");

    for (pod, rise) in rises("publishshard", "SPUBLISH", &shard.master)? {
        let expected = if shard.replicas.contains(&pod) { sent } else { 0 };
        ensure!(rise == expected, "SPUBLISH: {pod} received {rise} messages on its bus");
    }
    let refused = cluster.ask::<i64>(&elsewhere.master, &["SPUBLISH", channel, "text"]);
    let Err(refused) = refused else { bail!("a foreign shard took an SPUBLISH") };
    ensure!(refused.to_string().to_lowercase().contains("moved"), "{refused}");
    lab.note(format!("{sent} PUBLISH: {sent} bus messages to each other pod; {sent} SPUBLISH: to the shard's replica only"));
    Ok(())
}

/// The entrypoint's background work and the probes, without the container runtime's own cost.
pub fn idle_cost(lab: &mut Lab) -> Result<()> {
    let (cluster, _) = lab.deploy(&lab.spec("blue"))?;
    let pods = cluster.pods()?;
    // The heal loop is quicker in its first twenty passes.
    thread::sleep(Duration::from_secs(30));
    let server = format!("{}-server", lab.case.image.family);
    let background = || -> Result<Duration> {
        let mut sum = Duration::ZERO;
        for pod in &pods {
            let processes = pod.container()?.cpu()?;
            // The heal loop's shell; what it starts is counted when it has ended.
            sum += processes
                .iter()
                .filter(|(name, _)| !server.starts_with(name.as_str()))
                .map(|(_, time)| *time)
                .sum();
        }
        Ok(sum)
    };
    let before = background()?;
    let watched = Duration::from_secs(60);
    thread::sleep(watched);
    let loop_cost =
        (background()? - before).as_secs_f64() / watched.as_secs_f64() / pods.len() as f64;

    let mut probe_cost = 0.0;
    let pod = &pods[0];
    let spec = &pod.recipe.spec.containers[0];
    for probe in [&spec.readiness_probe, &spec.liveness_probe].into_iter().flatten() {
        let words = probe.exec.as_ref().and_then(|exec| exec.command.clone()).unwrap_or_default();
        let runs = 40;
        let script = format!(
            "i=0; while [ $i -lt {runs} ]; do {} >/dev/null 2>&1; i=$((i + 1)); done; cat /proc/$$/stat",
            words.join(" ")
        );
        let done = pod.exec(&["sh", "-c", &script], Duration::from_secs(60))?;
        let each = cpu_of_children(&done.output)?.as_secs_f64() / f64::from(runs);
        probe_cost += each / f64::from(probe.period_seconds.unwrap_or(10));
    }
    let all = loop_cost + probe_cost;
    lab.note(format!(
        "CPU of one pod and hour: background {:.1} s, probes {:.1} s, {:.2} % of a core",
        loop_cost * 3600.0,
        probe_cost * 3600.0,
        all * 100.0
    ));
    ensure!(loop_cost > 0.0 && probe_cost > 0.0, "nothing was measured");
    ensure!(all <= 0.01, "idling costs {:.2} % of a core", all * 100.0);
    Ok(())
}
