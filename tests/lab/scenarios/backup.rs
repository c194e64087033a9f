//! Copies of the data, and a new cluster from them.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    clients::{Load, fill, slot, unreadable},
    cluster::{Cluster, Shard},
    lab::Lab,
    tools::{Result, bail, ensure},
};

/// A key of each type, with the commands that make it, and the one that reads it.
const TYPES: &[(&str, &[&str], &[&str])] = &[
    ("two words \"quoted\" \n and ümläut \u{1}", &["SET", "K", "a\r\nb\0c"], &["GET", "K"]),
    ("'", &["SET", "K", ""], &["GET", "K"]),
    ("hash", &["HSET", "K", "field", "value"], &["HGETALL", "K"]),
    ("list", &["RPUSH", "K", "1", "2", "3"], &["LRANGE", "K", "0", "-1"]),
    ("set", &["SADD", "K", "only"], &["SMEMBERS", "K"]),
    ("sorted", &["ZADD", "K", "1.5", "one"], &["ZRANGE", "K", "0", "-1", "WITHSCORES"]),
    ("stream", &["XADD", "K", "1-1", "field", "value"], &["XRANGE", "K", "-", "+"]),
    ("bits", &["SETBIT", "K", "100000", "1"], &["BITCOUNT", "K"]),
];

/// Sends a command, in which `K` is the key, to the master of the key.
fn ask(cluster: &Cluster, shards: &[Shard], key: &str, words: &[&str]) -> Result<redis::Value> {
    let shard = shards.iter().find(|shard| shard.serves(slot(key)));
    let words: Vec<_> = words.iter().map(|word| if *word == "K" { key } else { *word }).collect();
    cluster.ask(&shard.ok_or("a slot without a master")?.master, &words)
}

/// The folders of one cluster's backups.
fn backups(volume: &Path) -> Result<BTreeSet<String>> {
    let entries = fs::read_dir(volume)?.collect::<std::io::Result<Vec<_>>>()?;
    Ok(entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}

/// A container of the user's that copies one folder of the volume over another, as others copy it to an object store and back.
fn copying(lab: &Lab, name: &str, from: &str, to: &str) -> serde_json::Value {
    let copy = format!("rm -rf /backup/{to} && cp -r /backup/{from} /backup/{to}");
    json!({
        "name": name,
        "image": format!("{}:{}", lab.case.image.family, lab.case.image.version),
        "command": ["/bin/sh", "-c", copy],
        "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
    })
}

/// A backup is made under load, twice, of which one is kept. It is restored into a cluster with one shard more, whose own keys stay, while the
/// restoring pod is killed on its way.
pub fn restored(lab: &mut Lab) -> Result<()> {
    let spec = lab.spec("blue").set(
        "spec.backup",
        json!({
            "schedule": "@daily",
            "keep": 1,
            "volume": { "size": "1Gi" },
            "upload": copying(lab, "upload", "blue", "elsewhere"),
        }),
    );
    let objects = lab.render(&spec)?;
    let (cluster, shards) = lab.deploy(&spec)?;
    let world = lab.world.clone();
    let keys = fill(&cluster, 3000, "kept")?;
    for (key, make, _) in TYPES {
        ask(&cluster, &shards, key, make)?;
    }
    ask(&cluster, &shards, "short-lived", &["SET", "K", "v", "PX", "600000"])?;
    let library = "#!lua name=mine\nredis.register_function('seven', function() return 7 end)";
    for shard in &shards {
        cluster.ask::<String>(&shard.master, &["FUNCTION", "LOAD", library])?;
    }
    let load = Load::start(&cluster, &shards, 200);
    thread::sleep(Duration::from_secs(2));
    let begun = Instant::now();
    let limit = Duration::from_secs(60);
    let mut folders = BTreeSet::new();
    for name in ["first", "second"] {
        world.apply(&objects.run_now(name)?)?;
        world.wait("the backup is complete", limit, || world.job_done(name))?;
        folders = backups(&world.volume("blue-backup")?.join("blue"))?;
        world.say(&format!("{name}: {folders:?}"));
        ensure!(folders.len() == 1, "one backup is to be kept: {folders:?}");
    }
    let tally = load.stop()?;
    // Encrypted clients take a while to begin with.
    lab.judge(&cluster, &tally, Duration::from_secs(2), None)?;
    let acknowledged: BTreeSet<_> = tally
        .acknowledged
        .iter()
        .filter(|write| write.at < begun)
        .map(|write| write.key.clone())
        .collect();
    ensure!(acknowledged.len() > 100, "only {} writes before", acknowledged.len());
    let folder = folders.first().ok_or("no backup")?;
    ensure!(folder.ends_with('Z'), "{folder}");

    let green = lab.spec("green").set("spec.topology.shards", 4);
    let (new, _) = lab.deploy(&green)?;
    let own = keys.first().ok_or("no key")?;
    ask(&new, &new.whole()?, own, &["SET", "K", "newer"])?;
    let green = green.set(
        "spec.restore",
        json!({
            "backup": format!("back/{folder}"),
            "claimName": "blue-backup",
            "download": copying(lab, "download", "elsewhere", "back"),
        }),
    );
    let objects = lab.render(&green)?;
    let mut jobs = objects.jobs.iter().filter_map(|job| job.metadata.name.clone());
    let job = jobs.find(|name| name.contains("-restore-")).ok_or("no Job")?;
    let start = Instant::now();
    world.apply(&objects)?;
    world.wait("some keys have arrived", limit, || {
        let arrived = new.keys()?.len();
        ensure!(arrived > 1, "{arrived} keys");
        Ok(())
    })?;
    for pod in world.pods_of_job(&job) {
        pod.kill()?;
    }
    world.wait("the restore is complete", limit * 2, || world.job_done(&job))?;
    lab.note(format!("restored in {:.1} s, killed once", start.elapsed().as_secs_f64()));

    let there = new.whole()?;
    ensure!(there.len() == 4, "{} shards", there.len());
    let (old_ids, new_ids) = (cluster.ids()?, new.ids()?);
    let taken_over = new_ids.values().find(|id| old_ids.values().any(|old| old == *id));
    ensure!(taken_over.is_none(), "the old id {taken_over:?} is in the new cluster");
    let mut wrong = unreadable(&new, &keys)?;
    ensure!(wrong.remove(own).is_some_and(|why| why.contains("newer")), "{own} was overwritten");
    ensure!(
        wrong.is_empty(),
        "{} keys are not as they were: {:?}",
        wrong.len(),
        wrong.first_key_value()
    );
    new.keys_are_at_home()?;
    let all = new.keys()?;
    let missing: Vec<_> = acknowledged.difference(&all).collect();
    ensure!(
        missing.is_empty(),
        "{} writes before the backup are missing: {:?}",
        missing.len(),
        missing[0]
    );
    for (key, _, read) in TYPES {
        let (old, new) = (ask(&cluster, &shards, key, read)?, ask(&new, &there, key, read)?);
        ensure!(old == new, "{key:?} was {old:?} and is {new:?}");
    }
    let redis::Value::Int(left) = ask(&new, &there, "short-lived", &["PTTL", "K"])? else {
        bail!("no PTTL")
    };
    ensure!((1..600_000).contains(&left), "short-lived has {left} ms left");
    for shard in &there {
        let seven: i64 = new.ask(&shard.master, &["FCALL", "seven", "0"])?;
        ensure!(seven == 7, "the function says {seven}");
    }
    new.addresses_for_clients()
}
