//! What a scenario works with: its world, specs that are rendered by our binary, and what it measured.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    clients::Tally,
    cluster::{Cluster, Shard},
    image::Image,
    mutations,
    net::Families,
    objects::Objects,
    pod::Timing,
    tools::{Result, bail, ensure, seconds},
    world::{LOGS, World},
};

/// Which StatefulSets a cluster of the lab has.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
pub enum Layout {
    /// One for each shard.
    PerShard,
    /// One for all.
    Single,
}

impl Layout {
    /// As it is written in a spec.
    pub fn name(self) -> &'static str {
        match self {
            Layout::PerShard => "StatefulSetPerShard",
            Layout::Single => "SingleStatefulSet",
        }
    }
}

/// What every Secret holds that a spec refers to.
pub const PASSWORD: &str = r#"it's a "secret" of 4711 \ blanks"#;

/// What the user `admin` of scenarios with users logs in with.
pub const ADMIN_PASSWORD: &str = "the administrator's: 4710";

/// Our binary, as it was when the run began, in the run's folder.
pub const RENDERER: &str = "redis-cluster-gen";

/// One run of one scenario.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Case {
    /// The scenario's name.
    pub scenario: String,
    /// The engine.
    pub image: Image,
    /// The layout.
    pub layout: Layout,
    /// Which of several runs.
    pub run: u32,
    /// Where its logs and its result are written.
    pub folder: PathBuf,
    /// What is broken on purpose.
    pub mutation: Option<String>,
    /// By how much limits of time are stretched.
    pub patience: u32,
}

impl Case {
    /// Its name for people and for files.
    pub fn name(&self) -> String {
        let layout = match self.layout {
            Layout::PerShard => "per-shard",
            Layout::Single => "single",
        };
        let mutation = self.mutation.as_ref().map(|name| format!("+{name}")).unwrap_or_default();
        format!("{}{mutation}.{}.{layout}.{}", self.scenario, self.image.engine, self.run)
    }

    /// The program that renders: the run's own copy, so that a build beside the run changes nothing.
    pub fn renderer(&self) -> PathBuf {
        self.folder.with_file_name(RENDERER)
    }
}

/// What a scenario found out, for the report.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Measured {
    /// From the moment when healing became possible until the cluster was whole.
    pub heal: Option<f64>,
    /// The longest time without an acknowledged write on any shard.
    pub gap: Option<f64>,
    /// Acknowledged writes that were lost.
    pub lost: Option<usize>,
    /// Whether a Job has moved slots.
    pub moved: bool,
    /// Anything else worth telling.
    pub notes: Vec<String>,
}

/// What a Job says before it moves slots.
const MOVES: &str = " bootstrap: moving slots from ";

/// Whether a Job has moved slots, by the logs in a case's folder.
pub fn has_moved(folder: &Path) -> bool {
    let logs = fs::read_dir(folder.join(LOGS)).into_iter().flatten().flatten();
    logs.filter_map(|entry| fs::read(entry.path()).ok())
        .any(|text| String::from_utf8_lossy(&text).contains(MOVES))
}

/// How a case ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    /// Why it failed.
    pub failure: Option<String>,
    /// Seconds that it took.
    pub seconds: f64,
    /// What it measured.
    pub measured: Measured,
}

/// The lab of one case.
pub struct Lab {
    /// The case.
    pub case: Case,
    /// Its Kubernetes.
    pub world: Arc<World>,
    /// What was found out so far.
    pub measured: Measured,
    families: Families,
    /// Whether clusters have a password, as they have by default.
    pub password: bool,
    /// The fields of `spec.auth` beside the password, where clusters have users.
    pub users: Option<Value>,
    /// Whether scripts of an older version run in it.
    pub older_scripts: bool,
    /// Whether clusters are encrypted, and what clients have to show.
    pub tls: Option<&'static str>,
    /// What was applied last, by name.
    clusters: Mutex<BTreeMap<String, Cluster>>,
}

impl Lab {
    /// An empty lab.
    pub fn new(case: Case) -> Result<Lab> {
        Lab::with(case, Timing::default(), Families::default())
    }

    /// An empty lab with other timing or addresses.
    pub fn with(case: Case, timing: Timing, families: Families) -> Result<Lab> {
        let image = case.image.clone();
        let world = World::start(image, &case.folder, timing, families, case.patience)?;
        Ok(Lab {
            case,
            world,
            measured: Measured::default(),
            families,
            password: true,
            users: None,
            older_scripts: false,
            tls: None,
            clusters: Mutex::default(),
        })
    }

    /// A small spec: three shards with a replica each, in the layout of the case.
    pub fn spec(&self, name: &str) -> Spec {
        let spec = Spec::new(name, &self.case.image, self.case.layout);
        let spec = match self.families {
            Families::V4 => spec,
            Families::V6 => spec.set("spec.network.ipFamilies", json!(["IPv6"])),
        };
        let spec = match self.password {
            true => spec.set("spec.auth.passwordSecret", json!({ "name": name, "key": "redis" })),
            false => spec.set("spec.auth.mode", "None"),
        };
        let spec = match &self.users {
            Some(auth) => with_auth(spec, auth),
            None => spec,
        };
        match self.tls {
            Some(clients) => spec.set(
                "spec.tls",
                json!({ "secretName": format!("{name}-tls"), "clientCertificates": clients }),
            ),
            None => spec,
        }
    }

    /// The same with these fields of `spec.auth` beside the password.
    pub fn spec_with_auth(&self, name: &str, auth: &Value) -> Spec {
        let mut spec = self.spec(name);
        if let Some(fields) = spec.0["spec"]["auth"].as_object_mut() {
            fields.retain(|field, _| field == "passwordSecret");
        }
        with_auth(spec, auth)
    }

    /// Renders a spec with our binary and reads what it printed.
    pub fn render(&self, spec: &Spec) -> Result<Objects> {
        let mut objects = spec.render(&self.case.renderer(), &self.case.folder)?;
        if let Some(mutation) = &self.case.mutation {
            mutations::apply(mutation, &mut objects)?;
        }
        Ok(objects)
    }

    /// Applies rendered objects and finds the cluster in them.
    pub fn apply(&self, spec: &Spec, objects: &Objects) -> Result<Cluster> {
        self.world.apply(objects)?;
        let cluster = Cluster::from_objects(&self.world, &spec.name(), objects)?;
        let mut clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        clusters.insert(spec.name(), cluster.clone());
        Ok(cluster)
    }

    /// Fails if a server has refused a command to one of our own users: what scripts do, they may. Pods that do not
    /// answer, and clusters whose password was changed, are not asked.
    pub fn ensure_nothing_refused(&self) -> Result<()> {
        let clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = clusters.values().filter(|cluster| cluster.password.is_some());
        for (cluster, member) in asked.flat_map(|c| c.members.iter().map(move |member| (c, member)))
        {
            if let Ok(refused) = cluster.refused_to_ours(&member.pod) {
                ensure!(refused.is_empty(), "{} has refused: {}", member.pod, refused[0]);
                self.world.say(&format!("{} has refused nothing to our users", member.pod));
            }
        }
        Ok(())
    }

    /// Renders, applies, and waits until the Job is done and everything is as planned.
    pub fn deploy(&self, spec: &Spec) -> Result<(Cluster, Vec<Shard>)> {
        let objects = self.render(spec)?;
        let cluster = self.apply(spec, &objects)?;
        let limit = Duration::from_secs(60);
        self.world.wait("the Job is complete", limit, || self.world.job_done(&cluster.job))?;
        // The Job does not wait for probes.
        let shards = cluster.wait_whole(Duration::from_secs(5))?;
        cluster.wait_ready(Duration::from_secs(30))?;
        Ok((cluster, shards))
    }

    /// Notes something for the report.
    pub fn note(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.world.say(&what);
        self.measured.notes.push(what);
    }

    /// Remembers how long healing took.
    pub fn healed(&mut self, since: Instant) {
        self.healed_at(since, Instant::now());
    }

    /// The same where it lies in the past when healing was complete.
    pub fn healed_at(&mut self, since: Instant, at: Instant) {
        let took = at.saturating_duration_since(since).as_secs_f64();
        self.world.say(&format!("healed in {took:.2} s"));
        self.measured.heal = Some(self.measured.heal.unwrap_or(0.0).max(took));
    }

    /// Fails if the healing took longer than allowed.
    pub fn ensure_healed_within(&self, limit: Duration) -> Result<()> {
        let limit = limit * self.case.patience;
        let heal = self.measured.heal.ok_or("it was not measured how long healing took")?;
        ensure!(heal <= limit.as_secs_f64(), "healed only after {heal:.1} s");
        Ok(())
    }

    /// Judges clients without retries, of which nothing may have failed: neither a write nor a read. They have to have been as busy as they were told.
    pub fn judge_faultless(
        &mut self,
        cluster: &Cluster,
        tally: &Tally,
        writes_per_second: u32,
    ) -> Result<()> {
        let rate = tally.rate();
        self.note(format!("{rate:.0} writes a second, {} operations failed", tally.met.0.len()));
        self.judge(cluster, tally, Duration::from_millis(500), None)?;
        ensure!(tally.met.0.is_empty(), "operations failed: {:?}", tally.met);
        let wanted = 0.9 * f64::from(writes_per_second) / f64::from(self.case.patience);
        ensure!(rate >= wanted, "only {rate:.0} writes a second came about");
        Ok(())
    }

    /// Judges the clients: no acknowledged write lost, of those before a moment, no wrong read, and no gap
    /// longer than allowed.
    pub fn judge(
        &mut self,
        cluster: &Cluster,
        tally: &Tally,
        longest_gap: Duration,
        before: Option<Instant>,
    ) -> Result<()> {
        let longest_gap = longest_gap * self.case.patience;
        let gap = tally.longest_gap();
        let lost = tally.lost(cluster, before)?;
        self.measured.gap = Some(self.measured.gap.unwrap_or(0.0).max(gap.as_secs_f64()));
        self.measured.lost = Some(self.measured.lost.unwrap_or(0) + lost.len());
        self.world.say(&format!(
            "{} writes acknowledged, {} attempts failed, gaps {:?}, {} lost, {} wrong reads, machine stalled {}",
            tally.acknowledged.len(),
            tally.failures,
            tally.gaps,
            lost.len(),
            tally.wrong_reads.len(),
            seconds(tally.stall)
        ));
        for (shard, (start, error)) in tally.gap_starts.iter().zip(&tally.errors).enumerate() {
            let ago = start.elapsed().as_secs_f64();
            self.world
                .say(&format!("shard {shard}: gap began {ago:.2} s ago; last error: {error:?}"));
        }
        ensure!(!tally.acknowledged.is_empty(), "nothing was written");
        ensure!(lost.is_empty(), "{} acknowledged writes lost, such as {}", lost.len(), lost[0]);
        let wrong = tally.wrong_reads.first();
        if let Some((_, wrong)) = wrong.filter(|_| before.is_none()) {
            bail!("{} wrong reads, such as {wrong}", tally.wrong_reads.len());
        }
        ensure!(
            gap <= longest_gap,
            "no write for {} (allowed: {}; the test machine itself stalled for {})",
            seconds(gap),
            seconds(longest_gap),
            seconds(tally.stall)
        );
        Ok(())
    }
}

fn with_auth(spec: Spec, auth: &Value) -> Spec {
    let fields = auth.as_object().into_iter().flatten();
    fields.fold(spec, |spec, (field, value)| spec.set(&format!("spec.auth.{field}"), value.clone()))
}

/// A spec file in the making.
#[derive(Debug, Clone)]
pub struct Spec(pub Value);

impl Spec {
    fn new(name: &str, image: &Image, layout: Layout) -> Spec {
        Spec(json!({
            "apiVersion": "redis-cluster-gen.dev/v1alpha1",
            "kind": "RedisCluster",
            "metadata": { "name": name },
            "spec": {
                "engine": { "name": image.family, "version": image.version },
                "topology": { "shards": 3, "replicasPerShard": 1, "layout": layout.name() },
                "storage": { "size": "1Gi" },
            },
        }))
    }

    /// Renders it with our binary, reads what it printed, and leaves both in a folder.
    fn render(&self, renderer: &Path, folder: &Path) -> Result<Objects> {
        let name = self.name();
        let file = folder.join(format!("{name}.yaml"));
        fs::write(&file, serde_json::to_string_pretty(&self.0)?)?;
        let output = Command::new(renderer).arg("render").arg(&file).output()?;
        ensure!(
            output.status.success(),
            "render: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        let manifests = String::from_utf8(output.stdout)?;
        fs::write(folder.join(format!("{name}-manifests.yaml")), &manifests)?;
        Objects::read(&manifests)
    }

    /// The cluster's name.
    pub fn name(&self) -> String {
        self.0["metadata"]["name"].as_str().unwrap_or_default().to_owned()
    }

    /// The same with a field set; parts of the path are separated by dots and made where missing.
    pub fn set(mut self, path: &str, value: impl Into<Value>) -> Spec {
        let mut at = &mut self.0;
        for part in path.split('.') {
            at = &mut at[part];
        }
        *at = value.into();
        self
    }
}

/// Where a case keeps what it writes.
pub fn case_folder(run: &Path, case: &Case) -> PathBuf {
    run.join(case.name())
}

/// Everything that is rendered from one spec with all scripts.
fn with_all_scripts(renderer: &Path, image: &Image) -> Result<Objects> {
    let folder = tempfile::tempdir()?;
    with_all_roles(&Spec::new("blue", image, Layout::PerShard)).render(renderer, folder.path())
}

/// A spec with everything that has a user and scripts of its own.
pub fn with_all_roles(spec: &Spec) -> Spec {
    spec.clone()
        .set("spec.backup", json!({ "schedule": "@daily", "volume": { "claimName": "b" } }))
        .set("spec.restore", json!({ "backup": "blue" }))
        .set("spec.observability.exporter.enabled", true)
}

/// Fails if there is a mutation that does not change anything any more.
pub fn check_mutations(renderer: &Path, image: &Image) -> Result<()> {
    let objects = with_all_scripts(renderer, image)?;
    for mutation in mutations::MUTATIONS {
        let there = mutations::apply(mutation.name, &mut objects.clone())?;
        ensure!(there, "mutation {}: there is no {}", mutation.name, mutation.file);
    }
    Ok(())
}

/// Names of earlier scripts that differ in whom pods copy, and who may copy them, when they come back, and in what a Job
/// counts as progress.
const ALIKE: [&str; 3] = ["4f81b910", "a0135fce", "54b9653d"];

/// Scenarios in which no pod comes back or is cut off: their runs by those scripts count.
const NOBODY_COMES_BACK: [&str; 4] = ["f1-", "f2-", "f3-", "f17-"];

/// What two runs have in common that are about the same: the first digits of a SHA-256 of the scripts, without lines that
/// are comments.
pub struct Scripts {
    /// Of all.
    pub all: String,
    /// Of all but the one that moves slots and does nothing in a Job that moves none.
    pub but_moves: String,
}

impl Scripts {
    /// The scripts that a renderer renders.
    pub fn read(renderer: &Path, image: &Image) -> Result<Scripts> {
        let (mut all, mut but_moves) = (Sha256::new(), Sha256::new());
        for map in with_all_scripts(renderer, image)?.config_maps {
            let is_script = |name: &&String| name.ends_with(".sh") || name.ends_with(".awk");
            for (name, text) in map.data.iter().flatten().filter(|(name, _)| is_script(name)) {
                for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
                    all.update(line);
                    all.update("\n");
                    if name != "move.sh" {
                        but_moves.update(line);
                        but_moves.update("\n");
                    }
                }
            }
        }
        let digits = |hasher: Sha256| {
            hasher.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
        };
        Ok(Scripts { all: digits(all), but_moves: digits(but_moves) })
    }

    /// Those that runs are about.
    pub fn of(&self, moved: bool) -> &str {
        if moved { &self.all } else { &self.but_moves }
    }

    /// Whether a scenario's runs by scripts of this name say something about the scripts of today.
    pub fn has(&self, scenario: &str, name: &str) -> bool {
        let alike = ALIKE.contains(&name)
            && NOBODY_COMES_BACK.iter().any(|prefix| scenario.starts_with(prefix));
        alike || [&self.all, &self.but_moves].iter().any(|own| *own == name)
    }
}
