//! What the exporters say in each state that an alert is about, as Prometheus would keep it: the tests of the alerts replay it.
//!
//! A line for each series, in the notation of `promtool test rules`, with a sample every [`STEP`]; a missing one is `_`. Only metrics that what was rendered
//! asks for.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    io::{Read, Write as _},
    net::{IpAddr, SocketAddr, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::json;

use crate::{
    clients::{self, Load},
    cluster::{Cluster, Shard},
    lab::{Lab, Spec},
    net::Cut,
    tools::{Result, ensure},
};

/// What a case writes, in its folder.
pub const SCRAPED: &str = "scraped.txt";

/// The time between two scrapes.
const STEP: Duration = Duration::from_secs(5);
/// How long Prometheus waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
const PORT: u16 = 9121;

/// A cluster with everything that watches it.
fn spec(lab: &Lab) -> Spec {
    lab.spec("blue").set(
        "spec.observability",
        json!({
            "exporter": { "enabled": true },
            "monitor": { "kind": "PodMonitor" },
            "alerts": { "enabled": true },
            "dashboard": { "enabled": true },
        }),
    )
}

/// Scrapes a cluster until it is told to stop.
struct Prometheus {
    stop: Arc<AtomicBool>,
    scrapes: Arc<Mutex<Vec<BTreeMap<String, String>>>>,
    worker: thread::JoinHandle<()>,
}

impl Prometheus {
    fn start(cluster: &Cluster) -> Prometheus {
        let stop = Arc::new(AtomicBool::new(false));
        let scrapes = Arc::new(Mutex::new(Vec::new()));
        let worker = {
            let (stop, scrapes, cluster) =
                (Arc::clone(&stop), Arc::clone(&scrapes), cluster.clone());
            thread::spawn(move || {
                let start = Instant::now();
                for number in 0_u32.. {
                    let next = start + STEP * number;
                    while Instant::now() < next && !stop.load(Ordering::Relaxed) {
                        thread::sleep(Duration::from_millis(50));
                    }
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let scrape = scrape(&cluster);
                    scrapes.lock().unwrap_or_else(PoisonError::into_inner).push(scrape);
                }
            })
        };
        Prometheus { stop, scrapes, worker }
    }

    /// Waits for so many more scrapes.
    fn watch(&self, scrapes: usize) -> Result<()> {
        let count = || self.scrapes.lock().unwrap_or_else(PoisonError::into_inner).len();
        // The one that runs may have begun before.
        let until = count() + scrapes + 1;
        while count() < until {
            ensure!(!self.worker.is_finished(), "the scrapes have ended");
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Ends, and writes down what was asked for.
    fn write(self, lab: &Lab) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        self.worker.join().map_err(|_| "the scrapes' thread panicked")?;
        let scrapes = self.scrapes.lock().unwrap_or_else(PoisonError::into_inner);
        let rendered = fs::read_to_string(lab.case.folder.join("blue-manifests.yaml"))?;
        let asked: BTreeSet<&str> =
            rendered.split(|char: char| !(char.is_ascii_alphanumeric() || char == '_')).collect();
        let series: BTreeSet<&String> = scrapes.iter().flat_map(BTreeMap::keys).collect();
        let mut text = format!(
            "# {} of {}, {} layout; a sample every {} seconds. Written by `make scrapes`.\n",
            lab.case.scenario,
            lab.case.image.engine,
            lab.case.layout.name(),
            STEP.as_secs()
        );
        for series in series {
            let name = series.split('{').next().unwrap_or_default();
            if name == "up" || asked.contains(name) {
                let values = scrapes.iter().map(|scrape| scrape.get(series).map_or("_", |v| v));
                writeln!(text, "{series} {}", shortened(values))?;
            }
        }
        fs::write(lab.case.folder.join(SCRAPED), text)?;
        Ok(())
    }
}

/// Values in promtool's notation, equal ones as one.
fn shortened<'a>(values: impl Iterator<Item = &'a str>) -> String {
    let mut runs: Vec<(&str, usize)> = Vec::new();
    for value in values {
        match runs.last_mut() {
            Some((last, count)) if *last == value => *count += 1,
            _ => runs.push((value, 1)),
        }
    }
    let shown = runs.into_iter().map(|run| match run {
        ("_", count) => format!("_x{count}"),
        (value, 1) => value.to_owned(),
        (value, count) => format!("{value}+0x{}", count - 1),
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// One sample of all series of the cluster's pods, all asked at the same time.
fn scrape(cluster: &Cluster) -> BTreeMap<String, String> {
    let pods = cluster.members.iter().enumerate().filter_map(|(index, member)| {
        let pod = cluster.world.pod(&member.pod).ok()?;
        let address = *pod.addresses().first()?;
        // The labels that Prometheus gives a target of the rendered PodMonitor; each pod has a node of its own here.
        let mut labels = vec![
            ("container", "exporter".to_owned()),
            ("instance", SocketAddr::new(address, PORT).to_string()),
            ("job", "lab/blue".to_owned()),
            ("namespace", "lab".to_owned()),
            ("node", format!("node-{index}")),
            ("pod", member.pod.clone()),
            ("redis_cluster", cluster.name.clone()),
        ];
        labels.extend(member.shard.map(|shard| ("shard", shard.to_string())));
        let labels: Vec<_> =
            labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        let labels = labels.join(",");
        Some(thread::spawn(move || {
            let answer = get(address);
            let mut series = BTreeMap::from([(
                format!("up{{{labels}}}"),
                i32::from(answer.is_ok()).to_string(),
            )]);
            for line in answer.iter().flat_map(|text| text.lines()) {
                if let Some((name, value)) = read(line, &labels) {
                    series.insert(name, value);
                }
            }
            series
        }))
    });
    let pods: Vec<_> = pods.collect();
    pods.into_iter().flat_map(|pod| pod.join().unwrap_or_default()).collect()
}

/// A line of the exporter as a series of Prometheus, and its value.
fn read(line: &str, labels: &str) -> Option<(String, String)> {
    let (series, value) = line.rsplit_once(' ').filter(|_| !line.starts_with('#'))?;
    let (name, own) =
        series.strip_suffix('}').and_then(|s| s.split_once('{')).unwrap_or((series, ""));
    // Of what the server is, only its role is asked for.
    let own: Vec<_> = own
        .split(',')
        .filter(|label| !label.is_empty())
        .filter(|label| name != "redis_instance_info" || label.starts_with("role="))
        .collect();
    let all: Vec<_> = own.into_iter().chain([labels]).collect();
    Some((format!("{name}{{{}}}", all.join(",")), value.to_owned()))
}

/// What the exporter at an address says.
pub(super) fn get(address: IpAddr) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::new(address, PORT), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    ensure!(head.contains(" 200 "), "{head}");
    Ok(body.to_owned())
}

/// A whole cluster that is watched, a few samples long.
fn watched(lab: &Lab, spec: &Spec) -> Result<(Cluster, Vec<Shard>, Prometheus)> {
    let (cluster, shards) = lab.deploy(spec)?;
    let prometheus = Prometheus::start(&cluster);
    prometheus.watch(1)?;
    Ok((cluster, shards, prometheus))
}

fn replica(shard: &Shard) -> Result<String> {
    Ok(shard.replicas.first().ok_or("no replica")?.clone())
}

pub fn healthy(lab: &mut Lab) -> Result<()> {
    let spec = spec(lab);
    let (cluster, shards, prometheus) = watched(lab, &spec)?;
    let load = Load::start(&cluster, &shards, 100);
    prometheus.watch(6)?;
    load.stop()?;
    prometheus.write(lab)
}

pub fn bootstrap(lab: &mut Lab) -> Result<()> {
    let spec = spec(lab);
    let objects = lab.render(&spec)?;
    let cluster = lab.apply(&spec, &objects)?;
    let prometheus = Prometheus::start(&cluster);
    lab.world.wait("the Job is complete", Duration::from_secs(120), || {
        lab.world.job_done(&cluster.job)
    })?;
    cluster.wait_whole(Duration::from_secs(30))?;
    prometheus.watch(3)?;
    prometheus.write(lab)
}

pub fn rolling_restart(lab: &mut Lab) -> Result<()> {
    let spec = spec(lab);
    let (cluster, shards, prometheus) = watched(lab, &spec)?;
    let load = Load::start(&cluster, &shards, 100);
    lab.deploy(&spec.set("spec.pod.annotations", json!({ "again": "yes" })))?;
    lab.world.wait("all pods are replaced", Duration::from_secs(300), || {
        for pod in cluster.pods()? {
            let again = pod.recipe.annotations.contains_key("again");
            ensure!(again && pod.ready(), "{} is an old one", pod.name());
        }
        Ok(())
    })?;
    cluster.wait_whole(Duration::from_secs(30))?;
    load.stop()?;
    prometheus.watch(3)?;
    prometheus.write(lab)
}

pub fn not_formed(lab: &mut Lab) -> Result<()> {
    let spec = spec(lab);
    let mut objects = lab.render(&spec)?;
    let jobs = std::mem::take(&mut objects.jobs);
    lab.world.apply(&objects)?;
    objects.jobs = jobs;
    let cluster = Cluster::from_objects(&lab.world, &spec.name(), &objects)?;
    let prometheus = Prometheus::start(&cluster);
    prometheus.watch(5)?;
    prometheus.write(lab)
}

pub fn slots_not_served(lab: &mut Lab) -> Result<()> {
    let spec = spec(lab);
    let (cluster, shards, prometheus) = watched(lab, &spec)?;
    let pods: Vec<_> = shards[0].pods().into_iter().collect();
    lab.world.destroy(&pods)?;
    lab.world.wait("the others notice", Duration::from_secs(60), || {
        let views = cluster.views_of_answering();
        let notice = |view: &crate::cluster::View| {
            view.info.get("cluster_slots_fail").is_some_and(|slots| slots != "0")
        };
        ensure!(views.iter().all(notice), "not all of them");
        Ok(())
    })?;
    prometheus.watch(2)?;
    prometheus.write(lab)
}

pub fn nodes_disagree(lab: &mut Lab) -> Result<()> {
    let spec = spec(lab);
    let (_, shards, prometheus) = watched(lab, &spec)?;
    let pod = lab.world.pod(&replica(&shards[0])?)?;
    pod.recipe.net.cut(&[Cut::Peers])?;
    thread::sleep(Duration::from_secs(25));
    prometheus.watch(2)?;
    prometheus.write(lab)
}

pub fn shard_without_replica(lab: &mut Lab) -> Result<()> {
    let spec = spec(lab);
    let (_, shards, prometheus) = watched(lab, &spec)?;
    lab.world.destroy(&[replica(&shards[1])?])?;
    thread::sleep(Duration::from_secs(15));
    prometheus.watch(2)?;
    prometheus.write(lab)
}

/// A password that its master does not take keeps a replica's link down, and nothing else.
pub fn link_down(lab: &mut Lab) -> Result<()> {
    let spec = spec(lab);
    let (cluster, shards, prometheus) = watched(lab, &spec)?;
    let replica = replica(&shards[2])?;
    let (of_replica, of_master) = (lab.world.pod(&replica)?, lab.world.pod(&shards[2].master)?);
    let _: () = cluster.ask(&replica, &["CONFIG", "SET", "masterauth", "another"])?;
    let _: i64 = cluster.ask(&shards[2].master, &["CLIENT", "KILL", "TYPE", "replica"])?;
    // What starts the server anew would put it right.
    of_replica.held.store(true, Ordering::Relaxed);
    of_master.held.store(true, Ordering::Relaxed);
    thread::sleep(Duration::from_secs(10));
    prometheus.watch(2)?;
    prometheus.write(lab)
}

/// A replica that stands still is behind its master until the link is given up.
pub fn lag(lab: &mut Lab) -> Result<()> {
    let spec = spec(lab).set("spec.config", json!({ "cluster-node-timeout": 60000 }));
    let (cluster, shards, prometheus) = watched(lab, &spec)?;
    let load = Load::start(&cluster, &shards, 100);
    let server = lab.world.pod(&replica(&shards[0])?)?.container()?;
    server.signal_all(Signal::STOP)?;
    thread::sleep(Duration::from_secs(20));
    prometheus.watch(2)?;
    let written = prometheus.write(lab);
    server.signal_all(Signal::CONT)?;
    load.stop()?;
    written
}

pub fn memory_full(lab: &mut Lab) -> Result<()> {
    let spec = spec(lab).set("spec.memory.maxmemory", "8Mi");
    let (cluster, shards, prometheus) = watched(lab, &spec)?;
    // Until the server refuses more.
    for shard in &shards {
        let keys = (0..20_000).map(|number| number.to_string());
        let filled: Result<()> = keys
            .filter(|key| shard.serves(clients::slot(key)))
            .try_for_each(|key| cluster.ask(&shard.master, &["SET", &key, &"x".repeat(20_000)]));
        ensure!(filled.is_err_and(|error| error.to_string().contains("OOM")), "never full");
    }
    prometheus.watch(2)?;
    prometheus.write(lab)
}

pub fn rejected(lab: &mut Lab) -> Result<()> {
    let spec = spec(lab).set("spec.config", json!({ "maxclients": 40 }));
    let (cluster, shards, prometheus) = watched(lab, &spec)?;
    let pod = lab.world.pod(&shards[0].master)?;
    let address = pod.addresses().first().copied().ok_or("no address")?;
    let place = SocketAddr::new(address, cluster.client_port);
    let idle: Vec<_> = (0..60).filter_map(|_| TcpStream::connect(place).ok()).collect();
    thread::sleep(Duration::from_secs(2));
    drop(idle);
    prometheus.watch(2)?;
    prometheus.write(lab)
}

/// A replica, so that nothing but its own alert is about it: nobody takes over from it.
pub fn node_down(lab: &mut Lab) -> Result<()> {
    let spec = spec(lab);
    let (_, shards, prometheus) = watched(lab, &spec)?;
    let pod = lab.world.pod(&replica(&shards[1])?)?;
    pod.held.store(true, Ordering::Relaxed);
    pod.kill()?;
    thread::sleep(Duration::from_secs(20));
    prometheus.watch(2)?;
    prometheus.write(lab)
}

pub fn exporter_down(lab: &mut Lab) -> Result<()> {
    let spec = spec(lab);
    let (_, shards, prometheus) = watched(lab, &spec)?;
    let pod = lab.world.pod(&shards[1].master)?;
    pod.held.store(true, Ordering::Relaxed);
    pod.container_called("exporter")?.signal(Signal::KILL);
    thread::sleep(Duration::from_secs(5));
    prometheus.watch(2)?;
    prometheus.write(lab)
}
