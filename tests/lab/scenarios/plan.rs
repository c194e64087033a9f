//! What `plan` prints is done, stage by stage and command by command, while clients write.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::seed;
use crate::{
    certificates,
    clients::{Load, fill, unreadable},
    cluster::{Cluster, Shard},
    image::Image,
    kubectl::Shell,
    lab::{Lab, Layout, Spec},
    objects::Objects,
    tools::{Result, bail, ensure},
};

const WRITES_PER_SECOND: u32 = 500;
/// The longest time without an acknowledged write that a shard may have where the plan promises no outage.
const GAP: Duration = Duration::from_millis(500);
/// Longer than any outage here.
const OUTAGE: Duration = Duration::from_secs(300);
/// The spec's file in the shell's folder.
const SPEC: &str = "redis-cluster.yaml";

/// A shell in the case's folder.
fn shell(lab: &Lab) -> Result<Shell> {
    let renderer = lab.case.renderer();
    let programs = renderer.parent().ok_or("a program without a folder")?;
    Shell::start(&lab.world, &lab.case.folder.join("shell"), programs)
}

fn write_spec(shell: &Shell, spec: &Spec) -> Result<()> {
    Ok(fs::write(shell.folder.join(SPEC), serde_json::to_string_pretty(&spec.0)?)?)
}

/// What the last applied manifests are.
fn manifests(shell: &Shell) -> Result<Objects> {
    let rendered = shell.run(&format!("redis-cluster-gen render -q {SPEC}"))?;
    Objects::read(&rendered)
}

/// Follows the plan for the first start.
fn install(lab: &Lab, shell: &Shell, spec: &Spec) -> Result<Cluster> {
    write_spec(shell, spec)?;
    for stage in plan(shell, "")? {
        follow(shell, &stage)?;
    }
    let cluster = Cluster::from_objects(&lab.world, &spec.name(), &manifests(shell)?)?;
    cluster.wait_whole(Duration::from_secs(15))?;
    cluster.wait_ready(Duration::from_secs(30))?;
    Ok(cluster)
}

/// The stages of a plan, which also writes them into a folder.
fn plan(shell: &Shell, options: &str) -> Result<Vec<Value>> {
    let folder = shell.folder.join("stages");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let line = format!("redis-cluster-gen plan {SPEC} {options} --output-dir stages -o json -q");
    let (code, told) = shell.run_anyhow(&line)?;
    ensure!(code == Some(1), "plan: {code:?}\n{told}");
    let told: Value = serde_json::from_str(&told)?;
    Ok(told["plans"][0]["stages"].as_array().cloned().unwrap_or_default())
}

/// Runs the commands of a stage, all of them, in their order.
fn follow(shell: &Shell, stage: &Value) -> Result<()> {
    for part in ["before", "apply", "wait"] {
        for action in stage[part].as_array().into_iter().flatten() {
            if let Some(command) = action["command"].as_str() {
                let told = shell.run(command)?;
                let said = action["text"].as_str().unwrap_or_default();
                // What an answer has to be stands in the text, as in `cluster_size:3`.
                let wanted = said.split('`').skip(1).step_by(2);
                for line in wanted.filter(|code| code.starts_with("cluster_")) {
                    ensure!(
                        told.contains(&format!("{line}\r\n")),
                        "no {line} in {command}: {told}"
                    );
                }
            }
        }
    }
    Ok(())
}

/// What stands in the place of a stage's name.
fn name(stage: &Value) -> &str {
    stage["name"].as_str().unwrap_or_default()
}

/// Waits until all nodes agree; after slots have moved, whatever their order is.
fn settled(cluster: &Cluster, moved: bool) -> Result<Vec<Shard>> {
    let limit = Duration::from_secs(15);
    if !moved {
        return cluster.wait_whole(limit);
    }
    cluster.world.wait("all nodes agree", limit, || {
        let shards = cluster.agreed(&cluster.views()?)?;
        ensure!(shards.len() == cluster.shards, "{} masters with slots", shards.len());
        Ok(shards)
    })
}

/// Plans the way to a spec, goes it under load, and judges the clients.
fn change_under_load(
    lab: &mut Lab,
    shell: &Shell,
    cluster: &Cluster,
    spec: &Spec,
    expected: &[&str],
) -> Result<()> {
    write_spec(shell, spec)?;
    let stages = plan(shell, "")?;
    let names: Vec<_> = stages.iter().map(name).collect();
    ensure!(names == expected, "the stages are {names:?}");
    let moves = expected.iter().any(|name| ["grow", "retire"].contains(name));
    let shards = settled(cluster, moves)?;
    let load = Load::start(cluster, &shards, WRITES_PER_SECOND);
    thread::sleep(Duration::from_secs(2));
    let start = Instant::now();
    for stage in &stages {
        follow(shell, stage)?;
    }
    lab.note(format!("{} took {:.0} s", expected.join(", "), start.elapsed().as_secs_f64()));
    let after = Cluster::from_objects(&lab.world, &cluster.name, &manifests(shell)?)?;
    settled(&after, moves)?;
    thread::sleep(Duration::from_secs(1));
    let tally = load.stop()?;
    lab.judge(&after, &tally, GAP, None)
}

/// The engines that are tried after an engine: another one and whether the way is open.
fn successors(engine: &str) -> &'static [(&'static str, bool)] {
    match engine {
        "redis-7.0" => &[("redis-8", true)],
        "redis-8" => &[("redis-7.0", false), ("valkey-8", false), ("valkey-9", false)],
        "valkey-8" => &[("redis-7.0", false), ("valkey-9", true)],
        _ => &[("valkey-8", false), ("redis-8", false)],
    }
}

fn with_engine(spec: &Spec, image: &Image) -> Spec {
    spec.clone()
        .set("spec.engine.name", image.family.as_str())
        .set("spec.engine.version", image.version.as_str())
}

/// Another engine on the same volumes, or the refusal of one.
fn change_engine(lab: &mut Lab, to: &[(&str, bool)]) -> Result<()> {
    let shell = shell(lab)?;
    let spec = lab.spec("blue");
    let cluster = install(lab, &shell, &spec)?;
    let keys = fill(&cluster, 2000, "before")?;
    for (engine, open) in to {
        let images = Image::fetch(&[(*engine).to_owned()])?;
        let image = images.first().ok_or("no such engine")?;
        lab.world.add_engine(image.clone());
        let wanted = with_engine(&spec, image);
        if !open {
            write_spec(&shell, &wanted)?;
            let (code, told) = shell.run_anyhow(&format!("redis-cluster-gen plan {SPEC}"))?;
            ensure!(code == Some(3) && told.contains("RCG706"), "{engine}: {code:?} {told}");
            continue;
        }
        let stage = if image.family == lab.case.image.family { "upgrade" } else { "move-engine" };
        change_under_load(lab, &shell, &cluster, &wanted, &[stage])?;
        let program = format!("{}_version:{}", image.family, image.version);
        for pod in cluster.pods()? {
            let info: String = cluster.ask(pod.name(), &["INFO", "server"])?;
            ensure!(info.contains(&program), "{} does not run {program}", pod.name());
        }
    }
    let lost = unreadable(&cluster, &keys)?;
    ensure!(lost.is_empty(), "{} keys are lost, such as {:?}", lost.len(), lost.iter().next());
    Ok(())
}

pub fn upgrade(lab: &mut Lab) -> Result<()> {
    let to = successors(&lab.case.image.engine.clone());
    change_engine(lab, to)
}

pub fn move_engine(lab: &mut Lab) -> Result<()> {
    let to: &[(&str, bool)] = match lab.case.image.engine.as_str() {
        "redis-7.0" => &[("valkey-8", true)],
        "valkey-8" => &[("redis-8", false)],
        "redis-8" => &[("valkey-8", false)],
        _ => &[("redis-8", false)],
    };
    change_engine(lab, to)
}

/// Volumes grow, and no pod notices.
pub fn volumes(lab: &mut Lab) -> Result<()> {
    let shell = shell(lab)?;
    let spec = lab.spec("blue");
    let cluster = install(lab, &shell, &spec)?;
    let before: Vec<_> = cluster.pods()?.iter().map(|pod| pod.number).collect();
    let larger = spec.set("spec.storage.size", "2Gi");
    change_under_load(lab, &shell, &cluster, &larger, &["grow-volumes"])?;
    let after: Vec<_> = cluster.pods()?.iter().map(|pod| pod.number).collect();
    ensure!(before == after, "pods were replaced");
    // The new StatefulSets look after the pods again.
    let pod = cluster.members[0].pod.clone();
    lab.world.destroy(std::slice::from_ref(&pod))?;
    lab.world.release([&pod]);
    cluster.wait_whole(Duration::from_secs(60))?;
    Ok(())
}

/// A shard and a replica in each more, and less, with keys in all of them.
pub fn resize(lab: &mut Lab) -> Result<()> {
    let shell = shell(lab)?;
    let spec = lab.spec("blue");
    let cluster = install(lab, &shell, &spec)?;
    let keys = fill(&cluster, 2000, "before")?;
    let more = spec.clone().set("spec.topology.shards", 4).set("spec.topology.replicasPerShard", 2);
    change_under_load(lab, &shell, &cluster, &more, &["grow"])?;
    let cluster = Cluster::from_objects(&lab.world, "blue", &manifests(&shell)?)?;
    change_under_load(lab, &shell, &cluster, &spec, &["retire", "remove"])?;
    let cluster = Cluster::from_objects(&lab.world, "blue", &manifests(&shell)?)?;
    ensure!(cluster.members.len() == 6, "{} pods are left", cluster.members.len());
    let lost = unreadable(&cluster, &keys)?;
    ensure!(lost.is_empty(), "{} keys are lost, such as {:?}", lost.len(), lost.iter().next());
    Ok(())
}

/// The other layout: new pods take over from those that are there, and every key with them.
pub fn layout(lab: &mut Lab) -> Result<()> {
    let shell = shell(lab)?;
    let spec = lab.spec("blue");
    let cluster = install(lab, &shell, &spec)?;
    let keys = fill(&cluster, 2000, "before")?;
    let other = match lab.case.layout {
        Layout::PerShard => Layout::Single,
        Layout::Single => Layout::PerShard,
    };
    let moved = spec.set("spec.topology.layout", other.name());
    change_under_load(lab, &shell, &cluster, &moved, &["retire", "remove"])?;
    let after = Cluster::from_objects(&lab.world, "blue", &manifests(&shell)?)?;
    ensure!(after.members.len() == 6, "{} pods are left", after.members.len());
    let stay = after.members.iter().any(|new| cluster.members.iter().any(|old| old.pod == new.pod));
    ensure!(!stay, "pods of the old layout are left");
    after.keys_are_at_home()?;
    let lost = unreadable(&after, &keys)?;
    ensure!(lost.is_empty(), "{} keys are lost, such as {:?}", lost.len(), lost.iter().next());
    Ok(())
}

/// Another password, twice: what is printed leaves nothing behind that would be in its way.
pub fn rotation(lab: &mut Lab) -> Result<()> {
    let shell = shell(lab)?;
    let spec = lab.spec("blue");
    let old = install(lab, &shell, &spec)?;
    let mut clients = old.clone();
    for _ in 0..2 {
        let stages = plan(&shell, "--rotate-password")?;
        let names: Vec<_> = stages.iter().map(name).collect();
        ensure!(names == ["old-and-new", "new-and-old", "new-alone"], "the stages are {names:?}");
        let shards = settled(&clients, false)?;
        let load = Load::without_retries(&clients, &shards, WRITES_PER_SECOND);
        follow(&shell, &stages[0])?;
        follow(&shell, &stages[1])?;
        let fresh = fs::read_to_string(shell.folder.join("blue-password/new"))?;
        let fresh: &'static str = fresh.trim().to_owned().leak();
        ensure!(fresh.len() == 48, "the new password has {} characters", fresh.len());
        let former =
            std::mem::replace(&mut clients, Cluster { password: Some(fresh), ..old.clone() });
        let changed = Load::without_retries(&clients, &shards, WRITES_PER_SECOND);
        lab.judge_faultless(&clients, &load.stop()?, WRITES_PER_SECOND)?;
        follow(&shell, &stages[2])?;
        lab.judge_faultless(&clients, &changed.stop()?, WRITES_PER_SECOND)?;
        for pod in clients.pods()? {
            clients.ask::<String>(pod.name(), &["PING"])?;
            let refused = former.ask::<String>(pod.name(), &["PING"]);
            ensure!(refused.is_err(), "{} still takes the old password", pod.name());
        }
        // The way back, as it is printed, and forth again.
        let back = stages[2]["back"].as_str().unwrap_or_default();
        let back = back.split('`').nth(1).ok_or("no command for the way back")?;
        shell.run(back)?;
        lab.world.wait("the old password is accepted again", Duration::from_secs(20), || {
            former.ask::<String>(clients.members[0].pod.as_str(), &["PING"]).map(|_| ())
        })?;
        follow(&shell, &stages[2])?;
        shell.run("rm -r \"$HOME/blue-password\"")?;
    }
    Ok(())
}

/// What pods of before and after cannot agree on: all at once, and how long that takes.
fn switch(lab: &mut Lab, shell: &Shell, from: &Cluster, spec: &Spec) -> Result<Cluster> {
    let keys = fill(from, 1000, "kept")?;
    write_spec(shell, spec)?;
    let stages = plan(shell, "")?;
    let names: Vec<_> = stages.iter().map(name).collect();
    ensure!(names == ["switch-together", "resume"], "the stages are {names:?}");
    let load = Load::start(from, &settled(from, false)?, WRITES_PER_SECOND);
    let start = Instant::now();
    follow(shell, &stages[0])?;
    let outage = start.elapsed();
    let after = Cluster::from_objects(&lab.world, &from.name, &manifests(shell)?)?;
    lab.judge(&after, &load.stop()?, OUTAGE, None)?;
    let before: Vec<_> = after.pods()?.iter().map(|pod| pod.number).collect();
    follow(shell, &stages[1])?;
    after.wait_lasting(Duration::from_secs(30), Duration::from_secs(5))?;
    let now: Vec<_> = after.pods()?.iter().map(|pod| pod.number).collect();
    ensure!(before == now, "pods were replaced afterwards");
    let lost = unreadable(&after, &keys)?;
    ensure!(lost.is_empty(), "{} keys are lost, such as {:?}", lost.len(), lost.iter().next());
    lab.note(format!("an outage of {:.0} s", outage.as_secs_f64()));
    Ok(after)
}

/// A bus port, a password, and encryption, one after the other.
pub fn switches(lab: &mut Lab) -> Result<()> {
    lab.password = false;
    let shell = shell(lab)?;
    let spec = lab.spec("blue");
    let cluster = install(lab, &shell, &spec)?;
    let spec = spec.set("spec.network.busPort", 23000);
    let cluster = switch(lab, &shell, &cluster, &spec)?;
    let secret = json!({ "name": "blue", "key": "redis" });
    let spec = spec.set("spec.auth", json!({ "passwordSecret": secret }));
    let cluster = switch(lab, &shell, &cluster, &spec)?;
    certificates::issue(&shell.folder)?;
    let spec =
        spec.set("spec.tls", json!({ "secretName": "blue-tls", "clientCertificates": "None" }));
    switch(lab, &shell, &cluster, &spec)?;
    Ok(())
}

/// The cluster of the blog post, with keys in it, goes on with our manifests.
fn take_over(lab: &mut Lab, garbage: bool) -> Result<()> {
    let (cluster, _, _) = seed::deploy(lab)?;
    let keys = fill(&cluster, 2000, "of-the-post")?;
    let shell = shell(lab)?;
    if garbage {
        // As the post itself has it: in single quotes the shell leaves the name of the variable alone.
        for member in &cluster.members {
            let file = lab.world.volume(&format!("data-{}", member.pod))?.join("nodes.conf");
            let text = fs::read_to_string(&file)?;
            let lines = text.lines().map(|line| match line.split_once(' ') {
                Some((id, rest)) if line.contains("myself") => {
                    let rest = rest.split_once(':').map_or(rest, |(_, rest)| rest);
                    format!("{id} ${{POD_IP}}:{rest}\n")
                }
                _ => format!("{line}\n"),
            });
            fs::write(&file, lines.collect::<String>())?;
        }
    }
    let image = lab.case.image.clone();
    let spec = Spec(json!({
        "apiVersion": "redis-cluster-gen.dev/v1alpha1",
        "kind": "RedisCluster",
        "metadata": { "name": "redis-cluster" },
        "spec": {
            "engine": { "name": image.family, "version": image.version },
            "topology": { "layout": Layout::Single.name() },
            "storage": { "size": "100Mi" },
            "auth": { "mode": "None" },
            "memory": { "maxmemory": "40Mi" },
            "pod": { "resources": { "limits": { "memory": "128Mi" } } },
            "network": { "clientPort": 6379, "busPort": 16379 },
            "config": { "cluster-node-timeout": 15000 },
        },
    }));
    write_spec(&shell, &spec)?;
    let mut manifest = seed::manifest(lab);
    if garbage {
        // Many copies of it have a Service with an address.
        manifest = manifest.replace("clusterIP: None", "type: ClusterIP");
        lab.world.delete_service("redis-cluster")?;
        lab.world.apply(&Objects::read(&manifest)?)?;
    }
    fs::write(shell.folder.join("seed.yaml"), manifest)?;
    let stages = plan(&shell, "--from seed.yaml")?;
    let names: Vec<_> = stages.iter().map(name).collect();
    ensure!(names == ["take-over"], "the stages are {names:?}");
    let start = Instant::now();
    if let Err(error) = follow(&shell, &stages[0]) {
        bail!("{error}");
    }
    lab.note(format!("taking over took {:.0} s", start.elapsed().as_secs_f64()));
    let cluster = Cluster::from_objects(&lab.world, "redis-cluster", &manifests(&shell)?)?;
    cluster.wait_lasting(Duration::from_secs(30), Duration::from_secs(5))?;
    cluster.addresses_for_clients()?;
    let lost = unreadable(&cluster, &keys)?;
    ensure!(lost.is_empty(), "{} keys are lost, such as {:?}", lost.len(), lost.iter().next());
    // It is one of ours from now on: a rolling restart, planned and gone.
    let changed = spec.set("spec.pod.annotations.rolled", "yes");
    shell.run(&format!("redis-cluster-gen render {SPEC} --output-dir manifests"))?;
    change_under_load(lab, &shell, &cluster, &changed, &["restart"])
}

pub fn takeover_of_seed(lab: &mut Lab) -> Result<()> {
    take_over(lab, false)
}

pub fn takeover_of_garbage(lab: &mut Lab) -> Result<()> {
    take_over(lab, true)
}
