//! The blog post's own manifest in the same lab, for comparison. It is expected to fare badly: what is
//! told is how badly, and a run fails only if the comparison itself does not come about.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use crate::{
    clients::Load,
    cluster::{Cluster, Member, Shard},
    lab::Lab,
    objects::Objects,
    tools::{Result, ensure},
};

const MANIFEST: &str = include_str!("../seed.yaml");

/// The post's manifest, with the programs of the case's engine.
pub(super) fn manifest(lab: &Lab) -> String {
    let image = &lab.case.image;
    // Our reader knows octal numbers only with their new spelling.
    let text = MANIFEST.replace("0755", "0o755").replace("ENGINE", &image.family);
    match image.family.as_str() {
        "valkey" => text.replace("redis:5.0", &format!("valkey/valkey:{}", image.version)),
        _ => text,
    }
}

/// The post's pods one after another, and its command to create the cluster.
pub(super) fn deploy(lab: &Lab) -> Result<(Cluster, Vec<Shard>, Objects)> {
    let objects = Objects::read(&manifest(lab))?;
    lab.world.apply(&objects)?;
    let members: Vec<_> = (0..6)
        .map(|ordinal| Member { pod: format!("redis-cluster-{ordinal}"), shard: None })
        .collect();
    let cluster = Cluster {
        world: lab.world.clone(),
        name: "redis-cluster".to_owned(),
        members,
        client_port: 6379,
        bus_port: 16379,
        shards: 3,
        job: String::new(),
        client_service: "redis-cluster".to_owned(),
        user: None,
        password: None,
        tls_secret: None,
        is_strict: false,
        hosts: BTreeMap::new(),
        is_outside: false,
    };
    // Fifteen seconds for each pod to become ready.
    cluster.wait_ready(Duration::from_secs(150))?;
    let mut words = format!("{}-cli --cluster create", lab.case.image.family);
    for pod in cluster.pods()? {
        words += &format!(" {}:6379", pod.addresses()[0]);
    }
    words += " --cluster-replicas 1 --cluster-yes";
    let pod = lab.world.pod("redis-cluster-0")?;
    let done = pod.exec(&["sh", "-c", &words], Duration::from_secs(60))?;
    ensure!(done.code == Some(0), "create: {}", done.output);
    let shards = cluster.wait_whole(Duration::from_secs(60))?;
    Ok((cluster, shards, objects))
}

/// All pods gone, all addresses new.
pub fn all_new(lab: &mut Lab) -> Result<()> {
    let (cluster, _, _) = deploy(lab)?;
    let pods: Vec<_> = cluster.members.iter().map(|member| member.pod.clone()).collect();
    lab.world.destroy(&pods)?;
    lab.world.release(&pods);
    lab.world.wait("all pods answer", Duration::from_secs(150), || cluster.views().map(|_| ()))?;
    let answering = Instant::now();
    match cluster.wait_whole(Duration::from_secs(90)) {
        Ok(_) => lab.healed(answering),
        Err(error) => lab.note(format!("not healed 90 s after all pods answered ({error})")),
    }
    Ok(())
}

/// A changed template, under load.
pub fn rolling(lab: &mut Lab) -> Result<()> {
    let (cluster, shards, mut objects) = deploy(lab)?;
    let load = Load::start(&cluster, &shards, 500);
    thread::sleep(Duration::from_secs(2));
    for set in &mut objects.stateful_sets {
        let metadata = set.spec.as_mut().and_then(|spec| spec.template.metadata.as_mut());
        let labels = metadata.ok_or("no template metadata")?;
        labels.annotations.get_or_insert_default().insert("rolled".to_owned(), "yes".to_owned());
    }
    let before: Vec<_> = cluster.pods()?.iter().map(|pod| pod.number).collect();
    lab.world.apply(&objects)?;
    lab.world.wait("all pods are replaced", Duration::from_secs(240), || {
        for (pod, number) in cluster.pods()?.iter().zip(&before) {
            ensure!(pod.number != *number && pod.ready(), "{} is not yet new", pod.name());
        }
        Ok(())
    })?;
    thread::sleep(Duration::from_secs(5));
    let tally = load.stop()?;
    lab.measured.gap = Some(tally.longest_gap().as_secs_f64());
    lab.measured.lost = tally.lost(&cluster, None).ok().map(|lost| lost.len());
    Ok(())
}
