//! Users with few rights: those of the pods themselves, and those of the spec.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{OPERATIONS_PER_SECOND, restart, rolling, scrapes};
use crate::{
    clients::{self, Load},
    cluster::{Cluster, Shard},
    lab::{self, ADMIN_PASSWORD, Case, Lab, PASSWORD, Spec},
    net::Families,
    objects::{Files, Objects},
    pod::Timing,
    tools::{Result, ensure},
    world::derived,
};

const APP_PASSWORD: &str = "app's # \"password\" of \\ 4711";
const REPORT_PASSWORD: &str = "report: 4712 lines";

/// Users as a spec has them.
fn users() -> Value {
    json!([
        { "name": "admin", "commands": ["+@all"], "keys": ["*"], "channels": ["*"] },
        {
            "name": "app",
            "commands": ["+@read", "+@write", "+@connection", "+@pubsub", "+cluster|slots", "-@dangerous"],
            "keys": ["blue:*"],
            "channels": ["news.*"],
        },
        {
            "name": "report",
            "commands": ["+@read", "+@write", "+@connection", "-@dangerous"],
            "readOnlyKeys": ["blue:*"],
            "writeOnlyKeys": ["reports:*"],
            "passwordSecret": { "name": "reporting", "key": "redis" },
        },
        { "name": "former", "enabled": false, "commands": ["+@all"], "keys": ["*"] },
    ])
}

fn put(lab: &Lab, secret: &str, keys: &[(&str, &str)]) -> Result<()> {
    let files: Files = keys.iter().map(|(key, text)| ((*key).to_owned(), (*text).into())).collect();
    lab.world.put_secret(secret, &files)
}

fn put_all(lab: &Lab, app: &str) -> Result<()> {
    let users = [("admin", ADMIN_PASSWORD), ("app", app), ("former", APP_PASSWORD)];
    put(lab, "blue-users", &users)?;
    put(lab, "reporting", &[("redis", REPORT_PASSWORD)])
}

/// Clients have users, and may not be the default user.
pub fn alone(case: Case) -> Result<Lab> {
    let mut lab = Lab::new(case)?;
    lab.users = Some(json!({ "defaultUser": "Disabled", "users": users() }));
    put_all(&lab, APP_PASSWORD)?;
    Ok(lab)
}

/// Clients have users, or are the default user.
pub fn beside_default(case: Case) -> Result<Lab> {
    let mut lab = Lab::new(case)?;
    lab.users = Some(json!({ "users": users() }));
    put_all(&lab, APP_PASSWORD)?;
    Ok(lab)
}

/// F18: what a password has to stand, with users only; and each may do what it may, and nothing else.
pub fn enforced(lab: &mut Lab) -> Result<()> {
    let (cluster, shards) = lab.deploy(&lab.spec("blue"))?;
    lab.ensure_nothing_refused()?;
    of_clients(&cluster)?;
    of_ours(lab, &cluster, &shards)?;
    known_commands(lab, &cluster)?;
    lab.world.clear()?;
    restart::all_new(lab)?;
    lab.world.clear()?;
    rolling::restart_in_company(lab)
}

/// What a client hears: `ok`, or the first word of the error.
fn says(cluster: &Cluster, pod: &str, words: &[&str]) -> Result<String> {
    let mut connection = match cluster.connect(&*cluster.world.pod(pod)?) {
        Ok(connection) => connection,
        Err(error) if error.to_string().contains("WRONGPASS") => return Ok("WRONGPASS".to_owned()),
        Err(error) if error.to_string().contains("AuthenticationFailed") => {
            return Ok("WRONGPASS".to_owned());
        }
        Err(error) => return Err(error),
    };
    let (command, arguments) = words.split_first().ok_or("no command")?;
    let reply: redis::RedisResult<redis::Value> =
        redis::cmd(command).arg(arguments).query(&mut connection);
    Ok(match reply {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.code().unwrap_or("?").to_owned(),
    })
}

/// Fails unless all of these are answered so: `ok`, or an error. A key of another shard counts as allowed.
fn expect(cluster: &Cluster, expected: &str, commands: &[&[&str]]) -> Result<()> {
    let pod = &cluster.members[0].pod;
    for words in commands {
        let said = says(cluster, pod, words)?;
        let said = if said == "MOVED" { "ok" } else { said.as_str() };
        ensure!(said == expected, "{:?}: {words:?} is answered with {said}", cluster.user);
    }
    Ok(())
}

fn of_clients(cluster: &Cluster) -> Result<()> {
    let app = cluster.seen_by(Some("app"), APP_PASSWORD);
    let keys = clients::fill(&app, 50, "enforced")?;
    let unreadable = clients::unreadable(&app, &keys)?;
    ensure!(unreadable.is_empty(), "app cannot read {unreadable:?}");
    expect(&app, "ok", &[&["DEL", "blue:1"], &["PUBLISH", "news.x", "text"]])?;
    expect(
        &app,
        "NOPERM",
        &[
            &["GET", "green:1"],
            &["SET", "green:1", "x"],
            &["PUBLISH", "other", "text"],
            &["KEYS", "*"],
            &["FLUSHALL"],
            &["CONFIG", "GET", "masterauth"],
            &["ACL", "LIST"],
            &["CLUSTER", "NODES"],
            &["CLUSTER", "RESET"],
        ],
    )?;
    let report = cluster.seen_by(Some("report"), REPORT_PASSWORD);
    expect(&report, "ok", &[&["GET", "blue:1"], &["SET", "reports:1", "x"]])?;
    expect(&report, "NOPERM", &[&["SET", "blue:1", "x"], &["GET", "reports:1"], &["FLUSHALL"]])?;
    for (user, password) in
        [(None, PASSWORD), (Some("former"), APP_PASSWORD), (Some("app"), PASSWORD)]
    {
        expect(&cluster.seen_by(user, password), "WRONGPASS", &[&["PING"]])?;
    }
    Ok(())
}

/// Our own users: none reads a key, and each does only what it is for.
fn of_ours(lab: &Lab, cluster: &Cluster, shards: &[Shard]) -> Result<()> {
    let roles: [(&'static str, &[&[&str]]); 5] = [
        ("_bootstrap", &[&["CLUSTER", "NODES"], &["INFO"]]),
        ("_handover", &[&["ROLE"], &["CLUSTER", "NODES"]]),
        ("_heal", &[&["CLUSTER", "INFO"], &["CONFIG", "GET", "maxmemory"]]),
        ("_probe", &[&["PING"], &["INFO"], &["CLUSTER", "INFO"]]),
        ("_replication", &[&["PING"]]),
    ];
    for (user, allowed) in roles {
        // The test lives shorter than these few bytes would be worth freeing.
        let password: &'static str = derived(user, "blue", PASSWORD).leak();
        let own = cluster.seen_by(Some(user), password);
        expect(&own, "ok", allowed)?;
        expect(
            &own,
            "NOPERM",
            &[
                &["GET", "blue:1"],
                &["KEYS", "*"],
                &["FLUSHALL"],
                &["CLUSTER", "FLUSHSLOTS"],
                &["ACL", "LIST"],
                &["SHUTDOWN", "NOSAVE"],
            ],
        )?;
        // Valkey's masters send each other the keys of slots that move in writes of this user.
        if user != "_replication" || cluster.world.image.engine != "valkey-9" {
            expect(&own, "NOPERM", &[&["SET", "blue:1", "x"]])?;
        }
    }
    for user in roles_of_jobs(lab, cluster)? {
        let own = cluster.seen_by(Some(user), APP_PASSWORD);
        expect(&own, "ok", &[&["INFO"], &["CLUSTER", "INFO"]])?;
        expect(
            &own,
            "NOPERM",
            &[
                &["GET", "blue:1"],
                &["SET", "blue:1", "x"],
                &["KEYS", "*"],
                &["FLUSHALL"],
                &["CONFIG", "GET", "masterauth"],
                &["ACL", "LIST"],
                &["CLUSTER", "RESET"],
                &["SHUTDOWN", "NOSAVE"],
            ],
        )?;
    }
    for user in ["_probe", "_replication"] {
        let own = cluster.seen_by(Some(user), derived(user, "blue", PASSWORD).leak());
        expect(&own, "NOPERM", &[&["CONFIG", "GET", "masterauth"], &["CLUSTER", "NODES"]])?;
    }
    for shard in shards {
        replicate_as(cluster, &shard.replicas, "_replication")?;
    }
    Ok(())
}

/// Users with the rules of those that backups, restores and metrics have, on the first pod; they log in with the password of `app`.
fn roles_of_jobs(lab: &Lab, cluster: &Cluster) -> Result<[&'static str; 3]> {
    let roles = ["_backup", "_exporter", "_restore"];
    let objects = lab.render(&lab::with_all_roles(&lab.spec("blue")))?;
    let users = objects
        .config_maps
        .iter()
        .find_map(|map| map.data.as_ref()?.get("users"))
        .ok_or("no users were rendered")?;
    for role in roles {
        let mut lines = users.lines().filter_map(|line| line.strip_prefix(&format!("{role} ")));
        let (_, rules) = lines.next().and_then(|line| line.split_once(' ')).ok_or(role)?;
        let password = format!(">{APP_PASSWORD}");
        let mut words = vec!["ACL", "SETUSER", role, "reset", &password];
        words.extend(rules.split(' '));
        cluster.ask::<String>(&cluster.members[0].pod, &words)?;
    }
    Ok(roles)
}

/// The table of commands is right about this engine: with what it has a user can be made, and with what it has not, none.
fn known_commands(lab: &Lab, cluster: &Cluster) -> Result<()> {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/spec/commands.csv");
    let numbers = |version: &str| -> Vec<u32> {
        version.split('.').take(2).filter_map(|number| number.parse().ok()).collect()
    };
    let column = if lab.case.image.family == "redis" { 1 } else { 2 };
    let own = numbers(&lab.case.image.version);
    let pod = &cluster.members[0].pod;
    let mut known = vec!["ACL".to_owned(), "SETUSER".to_owned(), "known".to_owned()];
    for line in fs::read_to_string(table)?.lines().skip(1) {
        let cells: Vec<_> = line.split(',').collect();
        if !cells[column].is_empty() && numbers(cells[column]) <= own {
            known.push(format!("+{}", cells[0]));
        } else {
            let said =
                says(cluster, pod, &["ACL", "SETUSER", "unknown", &format!("+{}", cells[0])])?;
            ensure!(said != "ok", "{} is known", cells[0]);
        }
    }
    ensure!(known.len() > 300, "the table has only {} commands", known.len());
    let known: Vec<_> = known.iter().map(String::as_str).collect();
    let reply: String = cluster.ask(pod, &known)?;
    ensure!(reply == "OK", "{reply}");
    Ok(())
}

fn setting(cluster: &Cluster, pod: &str, name: &str) -> Result<String> {
    let reply: Vec<String> = cluster.ask(pod, &["CONFIG", "GET", name])?;
    Ok(reply.last().cloned().unwrap_or_default())
}

fn replicate_as(cluster: &Cluster, pods: &BTreeSet<String>, user: &str) -> Result<()> {
    for pod in pods {
        let now = setting(cluster, pod, "masteruser")?;
        ensure!(now == user, "{pod} logs in to its master as {now:?}");
    }
    Ok(())
}

/// Users come, change, and go, and passwords are changed, while clients write. Nothing fails that may not, and no pod restarts.
pub fn live(lab: &mut Lab) -> Result<()> {
    let (cluster, shards) = lab.deploy(&lab.spec("blue"))?;
    let world = lab.world.clone();
    let pods = cluster.pods()?;
    let everywhere = |cluster: &Cluster, words: &[&str], expected: &str| {
        world.wait(&format!("{:?} hears {expected}", cluster.user), Duration::from_secs(25), || {
            for pod in &pods {
                let said = says(cluster, pod.name(), words)?;
                let said = if said == "MOVED" { "ok" } else { said.as_str() };
                ensure!(said == expected, "{}: {words:?} is answered with {said}", pod.name());
            }
            Ok(())
        })
    };
    let app = cluster.seen_by(Some("app"), APP_PASSWORD);
    let load = Load::without_retries(&app, &shards, OPERATIONS_PER_SECOND);
    thread::sleep(Duration::from_secs(2));

    // A new user, whose password is there before.
    let changed = |users: Value, more: Value| -> Result<()> {
        let mut auth = json!({ "users": users });
        if let (Some(auth), Some(more)) = (auth.as_object_mut(), more.as_object()) {
            auth.extend(more.clone());
        }
        world.apply(&lab.render(&lab.spec_with_auth("blue", &auth))?)
    };
    let put_users = |app: &str| {
        let users = [
            ("admin", ADMIN_PASSWORD),
            ("app", app),
            ("former", APP_PASSWORD),
            ("guest", REPORT_PASSWORD),
        ];
        put(lab, "blue-users", &users)
    };
    put_users(APP_PASSWORD)?;
    let mut more = users().as_array().cloned().unwrap_or_default();
    more.push(json!({ "name": "guest", "commands": ["+@read"], "keys": ["public:*"] }));
    changed(Value::Array(more.clone()), json!({}))?;
    let guest = cluster.seen_by(Some("guest"), REPORT_PASSWORD);
    everywhere(&guest, &["GET", "public:1"], "ok")?;
    everywhere(&guest, &["GET", "blue:1"], "NOPERM")?;

    // Other rules, for a connection that is open.
    let mut open = guest.connect(&*world.pod(&shards[0].master)?)?;
    more[4]["keys"] = json!(["blue:*"]);
    changed(Value::Array(more.clone()), json!({}))?;
    everywhere(&guest, &["GET", "blue:1"], "ok")?;
    let reply: redis::RedisResult<redis::Value> =
        redis::cmd("GET").arg("public:1").query(&mut open);
    ensure!(
        reply.is_err_and(|error| error.code() == Some("NOPERM")),
        "an open connection goes by the old rules"
    );

    // A user that is gone: nobody can log in, and its connections are closed.
    changed(users(), json!({}))?;
    everywhere(&guest, &["PING"], "WRONGPASS")?;
    let reply: redis::RedisResult<redis::Value> = redis::cmd("PING").query(&mut open);
    ensure!(reply.is_err(), "a connection of a user that is gone is open");

    // Its password, in three steps.
    let fresh = "a newer one: \"4713\"";
    put_users(&format!("{APP_PASSWORD}\n{fresh}"))?;
    let renewed = cluster.seen_by(Some("app"), fresh);
    everywhere(&renewed, &["PING"], "ok")?;
    let second = Load::without_retries(&renewed, &shards, OPERATIONS_PER_SECOND);
    let first = load.stop()?;
    put_users(fresh)?;
    everywhere(&app, &["PING"], "WRONGPASS")?;

    // The cluster's own, in three steps, while replicas, probes and loops go by what is derived from it.
    let another = "the cluster's: 4714";
    let cluster_password = |lines: &str| put(lab, "blue", &[("redis", lines)]);
    let default = cluster.seen_by(None, another);
    cluster_password(&format!("{PASSWORD}\n{another}"))?;
    everywhere(&default, &["PING"], "ok")?;
    cluster_password(&format!("{another}\n{PASSWORD}"))?;
    let replication = derived("_replication", "blue", another);
    world.wait("replicas log in with the new one", Duration::from_secs(25), || {
        for pod in &pods {
            let now = setting(&default, pod.name(), "masterauth")?;
            ensure!(now == replication, "{}", pod.name());
        }
        Ok(())
    })?;
    cluster_password(another)?;
    everywhere(&cluster, &["PING"], "WRONGPASS")?;

    // The default user goes, and comes back.
    let admin = cluster.seen_by(Some("admin"), ADMIN_PASSWORD);
    changed(users(), json!({ "defaultUser": "Disabled" }))?;
    everywhere(&default, &["PING"], "WRONGPASS")?;
    // A replica that starts now finds its master as before.
    let replica = shards[0].replicas.first().ok_or("no replica")?;
    world.destroy(std::slice::from_ref(replica))?;
    world.release([replica]);
    admin.wait_whole(Duration::from_secs(30))?;
    admin.wait_ready(Duration::from_secs(30))?;
    changed(users(), json!({}))?;
    let pods: Vec<_> = pods.iter().filter(|pod| pod.name() != replica).collect();
    world.wait("the default user is back", Duration::from_secs(25), || {
        for pod in &pods {
            ensure!(says(&default, pod.name(), &["PING"])? == "ok", "{}", pod.name());
        }
        Ok(())
    })?;
    let second = second.stop()?;
    for pod in pods {
        ensure!(pod.restarts() == 0 && !pod.gone(), "{} was restarted", pod.name());
    }
    for tally in [&first, &second] {
        lab.judge_faultless(&admin, tally, OPERATIONS_PER_SECOND)?;
    }
    Ok(())
}

/// The scripts of the version before there were users, which know none but the default user.
fn older(mut objects: Objects) -> Result<Objects> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/before-users");
    for map in &mut objects.config_maps {
        let data = map.data.as_mut().ok_or("a ConfigMap without data")?;
        data.remove("users").ok_or("there are no users to leave out")?;
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            ensure!(data.contains_key(&name), "the ConfigMap has no {name} any more");
            data.insert(name, fs::read_to_string(&path)?);
        }
    }
    for set in &mut objects.stateful_sets {
        let template = set.spec.as_mut().map(|spec| &mut spec.template.metadata);
        let metadata = template.and_then(Option::as_mut).ok_or("a template without metadata")?;
        metadata.annotations.get_or_insert_default().insert("older".to_owned(), "yes".to_owned());
    }
    Ok(objects)
}

/// Rolls all pods from the older scripts to ours under load, and back: replicas of either find masters of the other.
pub fn upgrade(lab: &mut Lab) -> Result<()> {
    lab.older_scripts = true;
    let spec = lab.spec("blue");
    let new = lab.render(&spec)?;
    let old = older(new.clone())?;
    let cluster = lab.apply(&spec, &old)?;
    let world = lab.world.clone();
    let limit = Duration::from_secs(60);
    world.wait("the Job is complete", limit, || world.job_done(&cluster.job))?;
    cluster.wait_whole(Duration::from_secs(5))?;
    cluster.wait_ready(Duration::from_secs(30))?;
    let roll = |lab: &mut Lab, objects: &Objects, what: &str| -> Result<()> {
        let shards = cluster.whole()?;
        let before: Vec<_> = cluster.pods()?.iter().map(|pod| pod.number).collect();
        let load = Load::start(&cluster, &shards, 250);
        thread::sleep(Duration::from_secs(1));
        let start = Instant::now();
        world.apply(objects)?;
        let sets = objects.stateful_sets.len() as u32;
        let limit = Duration::from_secs(40) * (cluster.members.len() as u32 / sets);
        world.wait(&format!("all pods are {what}"), limit, || {
            for (pod, before) in cluster.pods()?.iter().zip(&before) {
                ensure!(pod.number != *before, "{} is as it was", pod.name());
                ensure!(pod.ready(), "{} is not ready", pod.name());
            }
            Ok(())
        })?;
        lab.note(format!("{what} after {:.0} s", start.elapsed().as_secs_f64()));
        cluster.wait_whole(Duration::from_secs(15))?;
        let tally = load.stop()?;
        let restarts = cluster.pods()?.iter().any(|pod| pod.restarts() > 0);
        ensure!(!restarts, "a pod was restarted");
        lab.judge(&cluster, &tally, Duration::from_secs(2), None)
    };
    roll(lab, &new, "new")?;
    let replicas = |shards: Vec<Shard>| -> BTreeSet<String> {
        shards.into_iter().flat_map(|shard| shard.replicas).collect()
    };
    world.wait("replicas log in as their own user", Duration::from_secs(20), || {
        replicate_as(&cluster, &replicas(cluster.whole()?), "_replication")
    })?;
    roll(lab, &old, "old again")?;
    cluster.stays_whole(Duration::from_secs(6)).map(|_| ())
}

/// Probes are quick, the exporter's too.
pub fn with_exporter(case: Case) -> Result<Lab> {
    let timing = Timing { probes: 0.1, ..Timing::default() };
    Lab::with(case, timing, Families::default())
}

/// The exporter goes on when the cluster's password is changed, and nobody restarts it.
pub fn exporter(lab: &mut Lab) -> Result<()> {
    let spec: Spec = lab.spec("blue").set("spec.observability.exporter.enabled", true);
    // Its probe is the quick one here, not those of the servers.
    let spec = spec
        .set("spec.probes.startup.periodSeconds", 50)
        .set("spec.probes.readiness", json!({ "periodSeconds": 50, "timeoutSeconds": 50 }))
        .set("spec.probes.liveness", json!({ "periodSeconds": 100, "timeoutSeconds": 50 }));
    put(lab, "blue", &[("redis", PASSWORD)])?;
    let (cluster, _) = lab.deploy(&spec)?;
    let world = lab.world.clone();
    let pods = cluster.pods()?;
    let up = |value: &str| -> Result<()> {
        for pod in &pods {
            let address = *pod.addresses().first().ok_or("no address")?;
            let text = scrapes::get(address)?;
            ensure!(
                text.lines().any(|line| line == format!("redis_up {value}")),
                "the exporter of {} does not say so",
                pod.name()
            );
        }
        Ok(())
    };
    world.wait("all exporters log in", Duration::from_secs(10), || up("1"))?;
    let fresh = "a newer one: 4715";
    for lines in [format!("{PASSWORD}\n{fresh}"), format!("{fresh}\n{PASSWORD}"), fresh.to_owned()]
    {
        put(lab, "blue", &[("redis", lines.as_str())])?;
        let wanted = format!("passwords of the changed Secret: {}", lines.lines().count());
        let told = |log: &str| {
            log.lines()
                .rev()
                .find(|line| line.contains("changed Secret"))
                .is_some_and(|line| line.ends_with(&wanted))
        };
        world.wait("all servers have it", Duration::from_secs(25), || {
            for pod in &pods {
                ensure!(told(&pod.output()?), "{}", pod.name());
            }
            Ok(())
        })?;
        // As long as the docs say: two periods of the probe.
        thread::sleep(Duration::from_secs(12));
        up("1")?;
    }
    for pod in &pods {
        ensure!(pod.restarts() == 0, "{} was restarted", pod.name());
    }
    Ok(())
}
