//! The lab's Kubernetes: the objects that were applied, the pods and volumes that follow from them, and
//! the controllers that keep them so. Faults are asked for here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    batch::v1::Job,
    core::v1::{
        KeyToPath, PodTemplateSpec, SecretVolumeSource, Service, ServiceSpec, Volume,
        VolumeProjection,
    },
};
use k8s_openapi::apimachinery::pkg::{apis::meta::v1::ObjectMeta, util::intstr::IntOrString};
use sha2::{Digest, Sha256};

use crate::{
    image::Image,
    lab::PASSWORD,
    names::{NameService, Names},
    net::{self, Address, Families, PodNet},
    objects::{Files, Objects, files_of_config_map, files_of_secret},
    outside::{self, Way},
    pod::{Log, Pod, Recipe, Timing},
    tools::{Result, TICK, bail, ensure, run, wait_for},
};

/// The folder of what containers write, in a case's folder.
pub const LOGS: &str = "logs";

/// A namespace and a name.
type Key = (String, String);

/// The running lab of one scenario.
pub struct World {
    /// Answers the pods' questions for names.
    names: Mutex<Option<Arc<NameService>>>,
    /// The engine of all pods whose image is none of the others.
    pub image: Image,
    /// Further engines.
    others: Mutex<Vec<Image>>,
    /// The scenario's folder, with the logs.
    pub folder: PathBuf,
    timing: Timing,
    families: Families,
    /// By how much limits of time are stretched.
    pub patience: u32,
    started: Instant,
    state: Mutex<State>,
    nets: AtomicUsize,
}

#[derive(Default)]
struct State {
    sets: BTreeMap<Key, Arc<SetRecord>>,
    jobs: BTreeMap<Key, JobRecord>,
    services: BTreeMap<Key, Service>,
    /// Where Services are found from outside: their load balancers, or the node.
    balancers: BTreeMap<Key, Ipv4Addr>,
    /// How connections from outside are led to pods, where there are clients outside.
    ways: Option<Vec<Way>>,
    config_maps: BTreeMap<Key, Files>,
    secrets: BTreeMap<Key, Files>,
    /// What must be seen nowhere.
    passwords: BTreeSet<String>,
    pods: BTreeMap<Key, PodRecord>,
    volumes: BTreeMap<Key, PathBuf>,
    /// What claims ask for since they were changed.
    grown: BTreeMap<String, String>,
    last_address: u16,
    /// Addresses that the next pods of these names get.
    pinned: BTreeMap<String, Address>,
    /// Pods that are not created until they are released.
    held: BTreeSet<String>,
    /// The first thing that went wrong in the lab itself.
    broken: Option<String>,
}

#[derive(Clone)]
struct PodRecord {
    pod: Arc<Pod>,
    owner: Owner,
}

#[derive(Clone, PartialEq, Eq)]
enum Owner {
    /// Nobody, after its StatefulSet was taken away; with the template that the pod was made from.
    Nobody(String),
    /// A StatefulSet, and the template that the pod was made from.
    Set(Key, String),
    Job(Key),
}

struct SetRecord {
    set: StatefulSet,
    /// Its template as a text, by which pods of an old one are known.
    revision: String,
}

struct JobRecord {
    job: Arc<Job>,
    created: Instant,
    /// Pods that were made for it.
    attempts: u32,
    /// Pods that failed.
    failures: u32,
    not_before: Instant,
    outcome: Option<std::result::Result<Duration, String>>,
}

/// The annotation by which external-dns knows a Service's name.
pub const OUTSIDE_HOST: &str = "external-dns.alpha.kubernetes.io/hostname";

/// The users of the pods themselves.
const OWN_USERS: [&str; 8] = [
    "_backup",
    "_bootstrap",
    "_exporter",
    "_handover",
    "_heal",
    "_probe",
    "_replication",
    "_restore",
];

/// The password of one of these users, where a cluster has a password.
pub fn derived(user: &str, cluster: &str, password: &str) -> String {
    let hash = Sha256::digest(format!("{user}:{cluster}:{password}"));
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The namespace of objects that name none.
pub const NAMESPACE: &str = "default";

impl World {
    /// An empty Kubernetes with a network, a name service and controllers.
    pub fn start(
        image: Image,
        folder: &Path,
        timing: Timing,
        families: Families,
        patience: u32,
    ) -> Result<Arc<World>> {
        net::build()?;
        fs::create_dir_all("/run/lab/volumes")?;
        fs::create_dir_all(folder.join(LOGS))?;
        let world = Arc::new(World {
            names: Mutex::default(),
            image,
            others: Mutex::default(),
            folder: folder.to_owned(),
            timing,
            families,
            patience,
            started: Instant::now(),
            state: Mutex::default(),
            nets: AtomicUsize::new(0),
        });
        let truth = Arc::clone(&world);
        let names = NameService::start(move || truth.true_names())?;
        *world.names.lock().unwrap_or_else(PoisonError::into_inner) = Some(names);
        let controllers = Arc::clone(&world);
        thread::spawn(move || {
            loop {
                if let Err(error) = controllers.reconcile() {
                    controllers.say(&format!("the lab's controllers failed: {error}"));
                    controllers.state().broken.get_or_insert(error.to_string());
                }
                thread::sleep(TICK);
            }
        });
        Ok(world)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a line with the time into the scenario's log.
    pub fn say(&self, what: &str) {
        let line = format!("{:8.2} {what}\n", self.started.elapsed().as_secs_f64());
        // Without a log there is nobody to tell.
        let _ = std::io::stdout().write_all(line.as_bytes());
    }

    fn log(self: &Arc<Self>) -> Log {
        let world = Arc::clone(self);
        Arc::new(move |what: &str| world.say(what))
    }

    /// The name service.
    pub fn names(&self) -> Result<Arc<NameService>> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.clone().ok_or_else(|| "no name service".into())
    }

    /// Fails if the lab itself does not work, so that no scenario blames the cluster for it.
    pub fn check(&self) -> Result<()> {
        let state = self.state();
        let broken = state.broken.clone();
        let broken = broken.or_else(|| state.pods.values().find_map(|record| record.pod.broken()));
        match broken {
            Some(reason) => bail!("the lab itself failed: {reason}"),
            None => Ok(()),
        }
    }

    /// Waits for a condition, as long as the lab itself works.
    pub fn wait<T>(
        &self,
        what: &str,
        limit: Duration,
        mut condition: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        let start = Instant::now();
        let mut broken = None;
        let value = wait_for(what, limit * self.patience, || match self.check() {
            Ok(()) => condition().map(Some),
            Err(error) => {
                broken = Some(error);
                Ok(None)
            }
        })?;
        if let Some(error) = broken {
            return Err(error);
        }
        self.say(&format!("{what}: after {:.2} s", start.elapsed().as_secs_f64()));
        value.ok_or_else(|| "no value".into())
    }

    /// Applies objects as `kubectl apply` does: what is there is changed, what is not is created.
    pub fn apply(&self, objects: &Objects) -> Result<()> {
        let mut state = self.state();
        for service in &objects.services {
            let key = key(&service.metadata)?;
            let spec = service.spec.as_ref();
            let headless = |service: &Service| {
                service.spec.as_ref().is_some_and(|spec| spec.cluster_ip.as_deref() == Some("None"))
            };
            if let Some(old) = state.services.get(&key) {
                ensure!(
                    headless(old) || !headless(service),
                    "the API server refuses to take the address of Service {} away",
                    key.1
                );
            }
            let kind = spec.and_then(|spec| spec.type_.as_deref());
            if matches!(kind, Some("LoadBalancer" | "NodePort")) {
                if state.ways.is_none() {
                    outside::build()?;
                    self.names()?.answer_at(outside::EDGE.into())?;
                    state.ways = Some(Vec::new());
                }
                let next = u8::try_from(state.balancers.len() + 1)?;
                let address = match kind {
                    Some("NodePort") => outside::NODE,
                    _ => outside::balancer(next),
                };
                state.balancers.entry(key.clone()).or_insert(address);
            }
            state.services.insert(key, service.clone());
        }
        for map in &objects.config_maps {
            state.config_maps.insert(key(&map.metadata)?, files_of_config_map(map));
        }
        for secret in &objects.secrets {
            state.secrets.insert(key(&secret.metadata)?, files_of_secret(secret));
        }
        for set in &objects.stateful_sets {
            if let Some(old) = state.sets.get(&key(&set.metadata)?) {
                let fixed = |set: &StatefulSet| {
                    set.spec.as_ref().map(|spec| {
                        let policy = spec.pod_management_policy.clone();
                        (
                            spec.selector.clone(),
                            spec.service_name.clone(),
                            policy.unwrap_or_else(|| "OrderedReady".to_owned()),
                            spec.volume_claim_templates.clone(),
                        )
                    })
                };
                ensure!(
                    fixed(&old.set) == fixed(set),
                    "the API server refuses to change StatefulSet {:?} so",
                    set.metadata.name
                );
            }
            let template = set.spec.as_ref().map(|spec| &spec.template);
            let revision = serde_json::to_string(&template)?;
            let record = SetRecord { set: set.clone(), revision };
            state.sets.insert(key(&set.metadata)?, Arc::new(record));
        }
        for job in &objects.jobs {
            let key = key(&job.metadata)?;
            if let Some(old) = state.jobs.get(&key) {
                let template = |job: &Job| job.spec.as_ref().map(|spec| spec.template.clone());
                ensure!(
                    template(&old.job) == template(job),
                    "the API server refuses to change the template of Job {}",
                    key.1
                );
                continue;
            }
            let now = Instant::now();
            state.jobs.insert(
                key,
                JobRecord {
                    job: Arc::new(job.clone()),
                    created: now,
                    attempts: 0,
                    failures: 0,
                    not_before: now,
                    outcome: None,
                },
            );
        }
        World::update_pods(&state)
    }

    /// Adds an engine, for pods whose image is of it.
    pub fn add_engine(&self, image: Image) {
        self.others.lock().unwrap_or_else(PoisonError::into_inner).push(image);
    }

    /// The engine of a template's first container.
    fn image_of(&self, template: &PodTemplateSpec) -> Image {
        let containers =
            template.spec.as_ref().map(|spec| &spec.containers[..]).unwrap_or_default();
        let reference = containers.first().and_then(|container| container.image.clone());
        let reference = reference.unwrap_or_default();
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let is =
            |image: &&Image| reference.ends_with(&format!("/{}:{}", image.family, image.version));
        let found = [&self.image].into_iter().chain(others.iter()).find(is);
        found.unwrap_or(&self.image).clone()
    }

    /// Deletes a StatefulSet, with its pods or without them.
    pub fn delete_set(&self, name: &str, orphan: bool) -> Result<()> {
        let key = (NAMESPACE.to_owned(), name.to_owned());
        let mut state = self.state();
        ensure!(state.sets.remove(&key).is_some(), "there is no StatefulSet {name}");
        for record in state.pods.values_mut() {
            match &record.owner {
                Owner::Set(owner, revision) if *owner == key => {
                    if orphan {
                        record.owner = Owner::Nobody(revision.clone());
                    } else {
                        record.pod.delete(None);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Deletes a Service; nothing that runs notices.
    pub fn delete_service(&self, name: &str) -> Result<()> {
        let key = (NAMESPACE.to_owned(), name.to_owned());
        ensure!(self.state().services.remove(&key).is_some(), "there is no Service {name}");
        Ok(())
    }

    /// A field of each StatefulSet with labels, as text.
    pub fn fields_of_sets(&self, selector: &str, pointer: &str) -> Result<Vec<String>> {
        let state = self.state();
        let sets = state.sets.values().filter(|set| matches(&set.set.metadata, selector));
        sets.map(|set| {
            let set = serde_json::to_value(&set.set)?;
            Ok(set.pointer(pointer).and_then(|field| field.as_str()).unwrap_or_default().to_owned())
        })
        .collect()
    }

    /// The names of the Jobs that have labels.
    pub fn jobs_with(&self, selector: &str) -> Vec<String> {
        let state = self.state();
        let jobs = state.jobs.iter().filter(|(_, job)| matches(&job.job.metadata, selector));
        jobs.map(|(key, _)| key.1.clone()).collect()
    }

    /// The pods that have labels, written `a=b,c=d`.
    pub fn pods_with(&self, selector: &str) -> Vec<Arc<Pod>> {
        let state = self.state();
        let has = |pod: &Arc<Pod>| !pod.gone() && has_labels(&pod.recipe.labels, selector);
        state.pods.values().map(|record| Arc::clone(&record.pod)).filter(has).collect()
    }

    /// Fails unless all pods of all StatefulSets are there, of the present template, and ready.
    pub fn rolled_out(&self) -> Result<()> {
        let state = self.state();
        for (key, record) in &state.sets {
            let replicas = record.set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
            for ordinal in 0..replicas {
                let name = (key.0.clone(), format!("{}-{ordinal}", key.1));
                let pod = state.pods.get(&name).ok_or_else(|| format!("no pod {}", name.1))?;
                let is_new = matches!(&pod.owner, Owner::Set(_, old) if *old == record.revision);
                ensure!(is_new, "{} is of an old template", name.1);
                ensure!(pod.pod.ready(), "{} is not ready", name.1);
            }
        }
        Ok(())
    }

    /// Lets a claim ask for more, and its volume grow at once. Here a claim can have no size that is smaller.
    pub fn grow_claim(&self, claim: &str, size: &str) -> Result<()> {
        let gib: u64 = size.strip_suffix("Gi").ok_or("the lab knows only Gi")?.parse()?;
        self.resize_volume(claim, gib << 20)?;
        self.state().grown.insert(claim.to_owned(), size.to_owned());
        Ok(())
    }

    /// What a claim asks for, if that was changed.
    pub fn claim_size(&self, claim: &str) -> Option<String> {
        self.state().grown.get(claim).cloned()
    }

    /// Deletes the StatefulSets and Jobs that are not among the objects, as tools do that prune, and waits until all
    /// pods that nobody wants any more are gone.
    pub fn prune(&self, objects: &Objects) -> Result<()> {
        let jobs: BTreeSet<_> =
            objects.jobs.iter().map(|job| key(&job.metadata)).collect::<Result<_>>()?;
        let mut wanted = BTreeMap::new();
        for set in &objects.stateful_sets {
            let replicas = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
            wanted.insert(key(&set.metadata)?, replicas);
        }
        let (old, pods) = {
            let mut state = self.state();
            state.sets.retain(|key, _| wanted.contains_key(key));
            let old: Vec<_> =
                state.jobs.keys().filter(|key| !jobs.contains(*key)).cloned().collect();
            let is_surplus = |(name, record): &(&Key, &PodRecord)| match &record.owner {
                Owner::Set(set, _) => {
                    let replicas = wanted.get(set).copied().unwrap_or(0);
                    !(0..replicas).any(|ordinal| name.1 == format!("{}-{ordinal}", set.1))
                }
                _ => false,
            };
            let pods: Vec<_> = state
                .pods
                .iter()
                .filter(is_surplus)
                .map(|(_, record)| Arc::clone(&record.pod))
                .collect();
            (old, pods)
        };
        for (_, job) in &old {
            self.delete_job(job)?;
        }
        for pod in pods.iter().filter(|pod| !pod.gone() && !pod.terminating()) {
            pod.delete(None);
        }
        self.wait("the pods that nobody wants are gone", Duration::from_secs(60), || {
            ensure!(pods.iter().all(|pod| pod.gone()), "some still run");
            Ok(())
        })?;
        Ok(())
    }

    /// Makes or changes a Secret, as its owner does.
    pub fn put_secret(&self, name: &str, files: &Files) -> Result<()> {
        let mut state = self.state();
        state.secrets.insert((NAMESPACE.to_owned(), name.to_owned()), files.clone());
        World::update_pods(&state)
    }

    /// Every password that any Secret has had, and the passwords that pods derive from them, for every cluster that there has been.
    pub fn passwords(&self) -> BTreeSet<String> {
        let mut state = self.state();
        let lines: BTreeSet<_> = state
            .secrets
            .values()
            .flat_map(|files| files.iter())
            // A certificate is no password; that its key stays where it is, is not looked at here.
            .filter(|(name, _)| !name.ends_with(".crt") && !name.ends_with(".key"))
            .flat_map(|(_, bytes)| {
                String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .filter(|line| !line.is_empty())
            .chain([PASSWORD.to_owned()])
            .collect();
        let clusters: Vec<_> = state.config_maps.keys().map(|key| key.1.clone()).collect();
        for cluster in clusters {
            for line in &lines {
                let derived = OWN_USERS.map(|user| derived(user, &cluster, line));
                state.passwords.extend(derived);
            }
        }
        state.passwords.extend(lines);
        state.passwords.clone()
    }

    /// What a Secret holds.
    pub fn secret(&self, name: &str) -> Option<Files> {
        self.state().secrets.get(&(NAMESPACE.to_owned(), name.to_owned())).cloned()
    }

    /// A kubelet follows a changed ConfigMap or Secret within about a minute; here at once.
    fn update_pods(state: &State) -> Result<()> {
        let pods: Vec<_> = state.pods.values().map(|record| Arc::clone(&record.pod)).collect();
        for pod in pods.iter().filter(|pod| !pod.gone()) {
            for volume in pod.recipe.spec.volumes.iter().flatten() {
                if let Some(files) = files_of_volume(state, &pod.recipe.namespace, volume)
                    && pod.recipe.files.contains_key(&volume.name)
                {
                    pod.update_files(&volume.name, &files)?;
                }
            }
        }
        Ok(())
    }

    /// Deletes a Job with its pods, as `kubectl delete job` does, and waits until they are gone.
    pub fn delete_job(&self, name: &str) -> Result<()> {
        self.state().jobs.retain(|key, _| key.1 != name);
        let pods = self.pods_of_job(name);
        for pod in pods.iter().filter(|pod| !pod.gone()) {
            pod.delete(Some(Duration::ZERO));
        }
        self.wait("the Job's pods are gone", Duration::from_secs(10), || {
            ensure!(pods.iter().all(|pod| pod.gone()), "some still run");
            Ok(())
        })?;
        let of_job = |owner: &Owner| matches!(owner, Owner::Job(key) if key.1 == name);
        self.state().pods.retain(|_, record| !of_job(&record.owner));
        Ok(())
    }

    /// Deletes everything, volumes too.
    pub fn clear(&self) -> Result<()> {
        let pods: Vec<_> = {
            let mut state = self.state();
            state.sets.clear();
            state.jobs.clear();
            state.pods.values().map(|record| Arc::clone(&record.pod)).collect()
        };
        for pod in pods.iter().filter(|pod| !pod.gone()) {
            pod.delete(Some(Duration::ZERO));
        }
        self.wait("all pods are gone", Duration::from_secs(20), || {
            ensure!(pods.iter().all(|pod| pod.gone()), "some still run");
            Ok(())
        })?;
        let mut state = self.state();
        state.pods.clear();
        for folder in std::mem::take(&mut state.volumes).values() {
            run(&format!("umount {}", folder.display()))?;
        }
        state.services.clear();
        state.config_maps.clear();
        Ok(())
    }

    /// Deletes pods with all their processes at the same moment, without hooks, and keeps them from coming
    /// back until they are released. Returns when nothing of them is left.
    pub fn destroy(&self, names: &[String]) -> Result<()> {
        let pods = names.iter().map(|name| self.pod(name)).collect::<Result<Vec<_>>>()?;
        for name in names {
            self.hold(name);
        }
        for pod in &pods {
            if let Ok(container) = pod.container() {
                container.signal(rustix::process::Signal::KILL);
            }
            pod.delete(Some(Duration::ZERO));
        }
        self.wait("they are gone", Duration::from_secs(10), || {
            ensure!(pods.iter().all(|pod| pod.gone()), "some still run");
            Ok(())
        })
    }

    /// A pod that runs, or is about to.
    pub fn pod(&self, name: &str) -> Result<Arc<Pod>> {
        let state = self.state();
        let found = state.pods.iter().find(|(key, record)| key.1 == name && !record.pod.gone());
        let found = found.map(|(_, record)| Arc::clone(&record.pod));
        found.ok_or_else(|| format!("there is no pod {name}").into())
    }

    /// All pods of a Job, ended ones too, the oldest first.
    pub fn pods_of_job(&self, name: &str) -> Vec<Arc<Pod>> {
        let state = self.state();
        let mut pods: Vec<_> = state
            .pods
            .values()
            .filter(|record| matches!(&record.owner, Owner::Job(key) if key.1 == name))
            .map(|record| Arc::clone(&record.pod))
            .collect();
        pods.sort_by_key(|pod| pod.number);
        pods
    }

    /// How long the Job took, once it is complete.
    pub fn job_done(&self, name: &str) -> Result<Duration> {
        let state = self.state();
        let job = state.jobs.iter().find(|(key, _)| key.1 == name);
        match &job.ok_or_else(|| format!("there is no Job {name}"))?.1.outcome {
            Some(Ok(took)) => Ok(*took),
            Some(Err(reason)) => bail!("the Job failed: {reason}"),
            None => bail!("the Job still runs"),
        }
    }

    /// Why the Job has failed for good.
    pub fn job_failed(&self, name: &str) -> Result<String> {
        let state = self.state();
        let job = state.jobs.iter().find(|(key, _)| key.1 == name);
        match &job.ok_or_else(|| format!("there is no Job {name}"))?.1.outcome {
            Some(Err(reason)) => Ok(reason.clone()),
            Some(Ok(_)) => bail!("the Job is complete"),
            None => bail!("the Job still runs"),
        }
    }

    /// Keeps a pod from being created anew after it is deleted.
    pub fn hold(&self, name: &str) {
        self.state().held.insert(name.to_owned());
    }

    /// Lets pods be created again.
    pub fn release<'a>(&self, names: impl IntoIterator<Item = &'a String>) {
        let mut state = self.state();
        for name in names {
            state.held.remove(name);
        }
    }

    /// The next pod of this name gets this address.
    pub fn pin(&self, name: &str, address: Address) {
        self.state().pinned.insert(name.to_owned(), address);
    }

    /// The folder of a claim.
    pub fn volume(&self, claim: &str) -> Result<PathBuf> {
        let state = self.state();
        let volume = state.volumes.get(&(NAMESPACE.to_owned(), claim.to_owned()));
        volume.cloned().ok_or_else(|| format!("there is no volume {claim}").into())
    }

    /// The folder of a claim's volume, which is made if there is none yet.
    pub fn make_volume(&self, claim: &str) -> Result<PathBuf> {
        self.claim((NAMESPACE.to_owned(), claim.to_owned()))
    }

    /// Changes how much a volume can hold, in KiB.
    pub fn resize_volume(&self, claim: &str, kib: u64) -> Result<()> {
        let folder = self.volume(claim)?;
        run(&format!("mount -o remount,size={kib}k {}", folder.display()))?;
        Ok(())
    }

    /// Every name of every Service, as a right name service would answer now.
    fn true_names(&self) -> Names {
        let state = self.state();
        let mut names = Names::new();
        for ((namespace, name), service) in &state.services {
            let Some(spec) = &service.spec else { continue };
            let domain = format!("{name}.{namespace}.svc.cluster.local");
            let all = names.entry(domain.clone()).or_default();
            let mut hosts = Vec::new();
            for record in state.pods.values() {
                let pod = &record.pod;
                let recipe = &pod.recipe;
                if recipe.namespace != *namespace || !is_behind(spec, pod) {
                    continue;
                }
                all.extend(pod.addresses());
                if recipe.spec.subdomain.as_deref() == Some(name) {
                    hosts.push((format!("{}.{domain}", recipe.name), pod.addresses()));
                }
            }
            names.extend(hosts);
            // As external-dns has it.
            let outside =
                service.metadata.annotations.as_ref().and_then(|all| all.get(OUTSIDE_HOST));
            let balancer = state.balancers.get(&(namespace.clone(), name.clone()));
            if let (Some(host), Some(address)) = (outside, balancer) {
                names.insert(host.clone(), vec![IpAddr::V4(*address)]);
            }
        }
        names
    }

    /// How connections from outside have to be led to pods now.
    fn wanted_ways(state: &State) -> Vec<Way> {
        let mut ways = Vec::new();
        for (key, address) in &state.balancers {
            let Some(service) = state.services.get(key) else { continue };
            let Some(spec) = &service.spec else { continue };
            for record in state.pods.values() {
                let pod = &record.pod;
                if pod.recipe.namespace != key.0 || !is_behind(spec, pod) {
                    continue;
                }
                for port in spec.ports.iter().flatten() {
                    let target = port.target_port.as_ref();
                    let pod_port = match target {
                        Some(IntOrString::Int(number)) => Some(*number),
                        Some(IntOrString::String(name)) => pod.port(name),
                        None => Some(port.port),
                    };
                    let (Some(pod_port), IpAddr::V4(pod)) = (pod_port, pod.addresses()[0]) else {
                        continue;
                    };
                    let number = |port: i32| u16::try_from(port).unwrap_or_default();
                    let is_node = spec.type_.as_deref() == Some("NodePort");
                    let port = port.node_port.filter(|_| is_node).unwrap_or(port.port);
                    let (port, pod_port) = (number(port), number(pod_port));
                    ways.push(Way { address: *address, port, pod, pod_port });
                }
            }
        }
        ways
    }

    /// The load balancers follow the pods.
    fn reconcile_ways(&self) -> Result<()> {
        let mut state = self.state();
        let Some(ways) = &state.ways else { return Ok(()) };
        let wanted = World::wanted_ways(&state);
        if *ways != wanted {
            outside::lead(&wanted)?;
            state.ways = Some(wanted);
        }
        Ok(())
    }

    /// The addresses behind a Service.
    pub fn endpoints(&self, service: &str) -> Vec<IpAddr> {
        let domain = format!("{service}.{NAMESPACE}.svc.cluster.local");
        self.true_names().remove(&domain).unwrap_or_default()
    }

    fn reconcile(self: &Arc<Self>) -> Result<()> {
        let sets: Vec<_> =
            self.state().sets.iter().map(|(k, s)| (k.clone(), Arc::clone(s))).collect();
        for (key, set) in sets {
            self.reconcile_set(&key, &set)?;
        }
        let jobs: Vec<_> = self.state().jobs.keys().cloned().collect();
        for key in jobs {
            self.reconcile_job(&key)?;
        }
        self.reconcile_ways()
    }

    /// The order of a real controller: missing pods first, then surplus ones, then outdated ones.
    fn reconcile_set(self: &Arc<Self>, key: &Key, record: &SetRecord) -> Result<()> {
        let SetRecord { set, revision } = record;
        let spec = set.spec.as_ref().ok_or("a StatefulSet without a spec")?;
        let parallel = spec.pod_management_policy.as_deref() == Some("Parallel");
        let replicas = spec.replicas.unwrap_or(1);
        let min_ready = Duration::from_secs(spec.min_ready_seconds.unwrap_or(0).max(0) as u64);
        let name_of = |ordinal: i32| (key.0.clone(), format!("{}-{ordinal}", key.1));

        // Pods that have ended free their names, and those without an owner are adopted where the selector finds them.
        let selected = spec.selector.match_labels.clone().unwrap_or_default();
        let mut state = self.state();
        state.pods.retain(|_, record| matches!(&record.owner, Owner::Job(_)) || !record.pod.gone());
        for (name, record) in &mut state.pods {
            let is_ours = name.0 == key.0
                && name.1.strip_prefix(&key.1).is_some_and(|rest| {
                    rest.strip_prefix('-').is_some_and(|ordinal| ordinal.parse::<u32>().is_ok())
                })
                && selected.iter().all(|(name, value)| {
                    record.pod.recipe.labels.get(name).is_some_and(|found| found == value)
                });
            if let Owner::Nobody(revision) = &record.owner
                && is_ours
            {
                record.owner = Owner::Set(key.clone(), revision.clone());
            }
        }
        drop(state);
        let pods: BTreeMap<_, _> = {
            let state = self.state();
            let own = |record: &PodRecord| matches!(&record.owner, Owner::Set(k, _) if k == key);
            state.pods.iter().filter(|(_, r)| own(r)).map(|(k, r)| (k.clone(), r.clone())).collect()
        };
        for ordinal in 0..replicas {
            let name = name_of(ordinal);
            match pods.get(&name) {
                Some(record) if parallel || record.pod.ready_for(min_ready) => {}
                Some(_) => return Ok(()),
                None if self.state().held.contains(&name.1) => {}
                // Somebody else's pod has the name.
                None if self.state().pods.contains_key(&name) => {}
                None => {
                    self.create_set_pod(key, set, &name, revision)?;
                    if !parallel {
                        return Ok(());
                    }
                }
            }
        }
        let wanted: BTreeSet<_> = (0..replicas).map(name_of).collect();
        for (name, record) in &pods {
            if !wanted.contains(name) && !record.pod.terminating() {
                record.pod.delete(None);
            }
        }
        let strategy = spec.update_strategy.as_ref().and_then(|strategy| strategy.type_.as_deref());
        if strategy == Some("OnDelete") {
            return Ok(());
        }
        for ordinal in (0..replicas).rev() {
            let Some(record) = pods.get(&name_of(ordinal)) else { return Ok(()) };
            let outdated = !matches!(&record.owner, Owner::Set(_, old) if old == revision);
            if outdated && !record.pod.terminating() {
                record.pod.say("of an old template");
                record.pod.delete(None);
                return Ok(());
            }
            if !record.pod.ready_for(min_ready) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn create_set_pod(
        self: &Arc<Self>,
        key: &Key,
        set: &StatefulSet,
        name: &Key,
        revision: &str,
    ) -> Result<()> {
        let spec = set.spec.as_ref().ok_or("a StatefulSet without a spec")?;
        let mut claims = BTreeMap::new();
        for claim in spec.volume_claim_templates.iter().flatten() {
            let volume = claim.metadata.name.clone().ok_or("a claim without a name")?;
            let claim = (key.0.clone(), format!("{volume}-{}", name.1));
            claims.insert(volume, self.claim(claim)?);
        }
        let mut template = spec.template.clone();
        // As Kubernetes does.
        let metadata = template.metadata.get_or_insert_default();
        let labels = metadata.labels.get_or_insert_default();
        labels.insert("statefulset.kubernetes.io/pod-name".to_owned(), name.1.clone());
        let pod_spec = template.spec.as_mut().ok_or("a template without a spec")?;
        pod_spec.subdomain = spec.service_name.clone();
        self.create_pod(name, &template, claims, Owner::Set(key.clone(), revision.to_owned()))
    }

    /// The folder of a claim, which is made when it is first needed and then lives on.
    fn claim(&self, claim: Key) -> Result<PathBuf> {
        if let Some(folder) = self.state().volumes.get(&claim) {
            return Ok(folder.clone());
        }
        let folder = Path::new("/run/lab/volumes").join(&claim.0).join(&claim.1);
        fs::create_dir_all(&folder)?;
        // In memory: what a power failure does is not tried here, and disks of test machines are slow.
        run(&format!("mount -t tmpfs -o size=256m,mode=770 tmpfs {}", folder.display()))?;
        self.state().volumes.insert(claim, folder.clone());
        Ok(folder)
    }

    fn create_pod(
        self: &Arc<Self>,
        name: &Key,
        template: &PodTemplateSpec,
        claims: BTreeMap<String, PathBuf>,
        owner: Owner,
    ) -> Result<()> {
        let metadata = template.metadata.clone().unwrap_or_default();
        let spec = template.spec.clone().ok_or("a template without a spec")?;
        let address = {
            let mut state = self.state();
            match state.pinned.remove(&name.1) {
                Some(address) => address,
                None => {
                    state.last_address += 1;
                    Address(state.last_address)
                }
            }
        };
        let mut claims = claims;
        for volume in spec.volumes.iter().flatten() {
            if let Some(claim) = &volume.persistent_volume_claim {
                let folder = self.claim((name.0.clone(), claim.claim_name.clone()))?;
                claims.insert(volume.name.clone(), folder);
            }
        }
        let number = self.nets.fetch_add(1, Ordering::Relaxed);
        let net = PodNet::create(number, address, self.families)?;
        let mut state = self.state();
        let mut files = BTreeMap::new();
        for volume in spec.volumes.iter().flatten() {
            if let Some(contents) = files_of_volume(&state, &name.0, volume) {
                files.insert(volume.name.clone(), contents);
            }
        }
        let mut references = BTreeMap::new();
        for ((namespace, object), contents) in state.config_maps.iter().chain(&state.secrets) {
            for (key, bytes) in contents.iter().filter(|_| *namespace == name.0) {
                let text = String::from_utf8_lossy(bytes).into_owned();
                references.insert((object.clone(), key.clone()), text);
            }
        }
        let pod = Pod::create(
            Recipe {
                namespace: name.0.clone(),
                name: name.1.clone(),
                labels: metadata.labels.unwrap_or_default(),
                annotations: metadata.annotations.unwrap_or_default(),
                service_links: service_links(&state, &name.0),
                spec,
                claims,
                files,
                references,
                net,
                image: self.image_of(template),
                folder: Path::new("/run/lab/pods").join(number.to_string()),
                logs: self.folder.join(LOGS),
                timing: self.timing,
            },
            self.log(),
        );
        pod.say(&format!("created at {:?}", pod.addresses()));
        state.pods.insert(name.clone(), PodRecord { pod, owner });
        Ok(())
    }

    fn reconcile_job(self: &Arc<Self>, key: &Key) -> Result<()> {
        let (job, created, failures, not_before) = {
            let state = self.state();
            let Some(record) = state.jobs.get(key).filter(|record| record.outcome.is_none()) else {
                return Ok(());
            };
            (Arc::clone(&record.job), record.created, record.failures, record.not_before)
        };
        let spec = job.spec.as_ref().ok_or("a Job without a spec")?;
        let limit = u32::try_from(spec.backoff_limit.unwrap_or(6))?;
        let pods = self.pods_of_job(&key.1);
        let running: Vec<_> = pods.iter().filter(|pod| !pod.gone()).collect();
        let finish = |outcome: std::result::Result<Duration, String>| {
            self.say(&format!("Job {}: {outcome:?}", key.1));
            for pod in &running {
                pod.delete(None);
            }
            if let Some(record) = self.state().jobs.get_mut(key) {
                record.outcome = Some(outcome);
            }
        };
        if pods.iter().any(|pod| pod.finished() == Some(true)) {
            finish(Ok(created.elapsed()));
            return Ok(());
        }
        let deadline = spec.active_deadline_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        if deadline.is_some_and(|seconds| created.elapsed() >= Duration::from_secs(seconds)) {
            finish(Err("DeadlineExceeded".to_owned()));
            return Ok(());
        }
        // A pod that was deleted counts as failed, too.
        let failed = u32::try_from(pods.iter().filter(|pod| pod.gone()).count())?;
        let restarts: u32 = running.iter().map(|pod| pod.restarts()).sum();
        if failed + restarts > limit {
            finish(Err("BackoffLimitExceeded".to_owned()));
            return Ok(());
        }
        if failed > failures {
            let mut state = self.state();
            let record = state.jobs.get_mut(key).ok_or("the Job is gone")?;
            record.failures = failed;
            // 10 s, 20 s, ... in a real controller, scaled like the kubelet's.
            let back_off = self.timing.back_off * 2u32.saturating_pow(failed - 1);
            record.not_before = Instant::now() + back_off;
            return Ok(());
        }
        if running.is_empty() && Instant::now() >= not_before {
            let attempt = {
                let mut state = self.state();
                let record = state.jobs.get_mut(key).ok_or("the Job is gone")?;
                record.attempts += 1;
                record.attempts
            };
            let name = (key.0.clone(), format!("{}-{attempt}", key.1));
            self.create_pod(&name, &spec.template, BTreeMap::new(), Owner::Job(key.clone()))?;
        }
        Ok(())
    }
}

fn key(metadata: &ObjectMeta) -> Result<Key> {
    let name = metadata.name.clone().ok_or("an object without a name")?;
    Ok((metadata.namespace.clone().unwrap_or_else(|| NAMESPACE.to_owned()), name))
}

/// Whether a pod of its namespace stands behind a Service.
fn is_behind(service: &ServiceSpec, pod: &Pod) -> bool {
    let labels = &pod.recipe.labels;
    let published = pod.ready() || service.publish_not_ready_addresses == Some(true);
    let mut selector = service.selector.iter().flatten();
    published && !pod.gone() && selector.all(|(key, value)| labels.get(key) == Some(value))
}

/// What a volume of Secrets in one folder holds; none where one of them is missing.
fn projected(state: &State, namespace: &str, sources: &[VolumeProjection]) -> Option<Files> {
    let mut files = Files::new();
    for source in sources {
        let secret = source.secret.as_ref()?;
        let volume = Volume {
            secret: Some(SecretVolumeSource {
                items: secret.items.clone(),
                secret_name: Some(secret.name.clone()),
                ..SecretVolumeSource::default()
            }),
            ..Volume::default()
        };
        files.extend(files_of_volume(state, namespace, &volume)?);
    }
    Some(files)
}

/// What a ConfigMap or Secret volume holds; none for other volumes.
fn files_of_volume(state: &State, namespace: &str, volume: &Volume) -> Option<Files> {
    if let Some(volume) = &volume.projected {
        return projected(state, namespace, volume.sources.as_deref().unwrap_or_default());
    }
    let map =
        volume.config_map.as_ref().map(|map| (&state.config_maps, map.name.clone(), &map.items));
    let secret = volume
        .secret
        .as_ref()
        .and_then(|secret| Some((&state.secrets, secret.secret_name.clone()?, &secret.items)));
    let (objects, name, items) = map.or(secret)?;
    let files = match objects.get(&(namespace.to_owned(), name)) {
        Some(files) => files.clone(),
        // A spec only refers to Secrets: the lab makes them, as users do.
        None if volume.secret.is_some() && items.is_some() => {
            let password = |item: &KeyToPath| (item.key.clone(), PASSWORD.into());
            items.iter().flatten().map(password).collect()
        }
        None => return None,
    };
    let Some(items) = items else { return Some(files.clone()) };
    let chosen =
        items.iter().filter_map(|item| Some((item.path.clone(), files.get(&item.key)?.clone())));
    Some(chosen.collect())
}

/// The variables that a kubelet adds for each Service with an address of its own.
fn service_links(state: &State, namespace: &str) -> BTreeMap<String, String> {
    let mut links = BTreeMap::new();
    for ((of, name), service) in &state.services {
        let Some(spec) = service.spec.as_ref().filter(|_| of == namespace) else { continue };
        if spec.cluster_ip.as_deref() == Some("None") {
            continue;
        }
        let prefix = name.to_uppercase().replace('-', "_");
        let host = "10.7.255.1";
        links.insert(format!("{prefix}_SERVICE_HOST"), host.to_owned());
        for port in spec.ports.iter().flatten().take(1) {
            links.insert(format!("{prefix}_SERVICE_PORT"), port.port.to_string());
            links.insert(format!("{prefix}_PORT"), format!("tcp://{host}:{}", port.port));
        }
    }
    links
}

/// Whether labels are those of a selector, written `a=b,c=d`.
fn has_labels(labels: &BTreeMap<String, String>, selector: &str) -> bool {
    let mut wanted = selector.split(',').filter_map(|pair| pair.split_once('='));
    wanted.all(|(name, value)| labels.get(name).is_some_and(|found| found == value))
}

fn matches(metadata: &ObjectMeta, selector: &str) -> bool {
    has_labels(metadata.labels.as_ref().unwrap_or(&BTreeMap::new()), selector)
}
