//! One pod as a kubelet runs it: volumes, containers with their restarts, probes, hooks, termination.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use k8s_openapi::{
    api::core::v1::{
        Container as ContainerSpec, EnvVar, ExecAction, PodSpec, Probe, SecurityContext, Volume,
    },
    apimachinery::pkg::util::intstr::IntOrString,
};
use rustix::process::Signal;

use crate::{
    container::{Bind, Container, Executed, Start},
    image::Image,
    net::PodNet,
    objects::Files,
    tools::{Result, TICK, bail, ensure},
};

/// How the lab's kubelet differs from a real one in time.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Probe periods, delays and timeouts are multiplied by this.
    pub probes: f64,
    /// The wait before the second restart of a container; it doubles with each further one. Ten
    /// seconds in a real kubelet.
    pub back_off: Duration,
    /// From a pod's creation until its containers start: scheduling, volumes, network.
    pub pod_start: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            probes: 1.0,
            back_off: Duration::from_secs(2),
            pod_start: Duration::from_millis(700),
        }
    }
}

impl Timing {
    fn probe(&self, seconds: Option<i32>, default: i32) -> Duration {
        Duration::from_secs(seconds.unwrap_or(default).max(0) as u64).mul_f64(self.probes)
    }
}

/// The program in the exporter's image.
const EXPORTER: &str = "/redis_exporter";

/// Writes a line with the time into the scenario's log.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// What a pod is made from.
pub struct Recipe {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Its template's spec.
    pub spec: PodSpec,
    /// The folders of its claims, by the name of the volume.
    pub claims: BTreeMap<String, PathBuf>,
    /// What its ConfigMap and Secret volumes hold, by the name of the volume.
    pub files: BTreeMap<String, Files>,
    /// Variables that the kubelet adds for the Services of the namespace.
    pub service_links: BTreeMap<String, String>,
    /// Contents of ConfigMaps and Secrets that variables refer to.
    pub references: BTreeMap<(String, String), String>,
    /// Its network.
    pub net: PodNet,
    /// Its file system and programs.
    pub image: Image,
    /// A folder of its own for everything that dies with it.
    pub folder: PathBuf,
    /// Where logs are kept.
    pub logs: PathBuf,
    /// How time differs.
    pub timing: Timing,
}

/// A pod.
pub struct Pod {
    /// What it was made from.
    pub recipe: Recipe,
    /// Unlike any other pod's, as the name returns and the pod does not.
    pub number: u64,
    log: Log,
    state: Mutex<State>,
    /// Set while the kubelet is asked to keep its hands off: no restarts.
    pub held: AtomicBool,
}

#[derive(Default)]
struct State {
    containers: BTreeMap<String, ContainerState>,
    deletion: Option<Deletion>,
    gone: bool,
    finished: Option<bool>,
    hook: Option<Hook>,
    broken: Option<String>,
}

#[derive(Default, Clone)]
struct ContainerState {
    running: Option<Arc<Container>>,
    /// The startup probe has passed.
    started: bool,
    ready: bool,
    ready_since: Option<Instant>,
    restarts: u32,
    last_exit: Option<i32>,
    /// Why the kubelet is to end it.
    kill: Option<String>,
}

#[derive(Clone, Copy)]
struct Deletion {
    since: Instant,
    grace: Duration,
}

/// How a preStop hook went.
#[derive(Debug, Clone, Copy)]
pub struct Hook {
    /// Its exit code; none when the grace was over.
    pub code: Option<i32>,
    /// How long it took.
    pub took: Duration,
}

/// A finding of the probes that scenarios ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The startup probe.
    Startup,
    /// The readiness probe.
    Readiness,
    /// The liveness probe.
    Liveness,
}

static NUMBERS: AtomicU64 = AtomicU64::new(1);

impl Pod {
    /// Creates the pod and lets it run by itself.
    pub fn create(recipe: Recipe, log: Log) -> Arc<Pod> {
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let state = Mutex::new(State::default());
        let pod = Arc::new(Pod { recipe, number, log, state, held: AtomicBool::new(false) });
        let worker = Arc::clone(&pod);
        thread::spawn(move || {
            if let Err(error) = worker.run() {
                worker.say(&format!("the lab could not run it: {error}"));
                worker.state().broken = Some(error.to_string());
            }
            worker.finish();
        });
        pod
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pod's name.
    pub fn name(&self) -> &str {
        &self.recipe.name
    }

    /// Writes a line about the pod into the scenario's log.
    pub fn say(&self, what: &str) {
        (self.log)(&format!("{}: {what}", self.recipe.name));
    }

    /// Its addresses, the preferred family first.
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.recipe.net.addresses()
    }

    /// The number of the port that a container calls by a name.
    pub fn port(&self, name: &str) -> Option<i32> {
        let containers = self.recipe.spec.containers.iter();
        let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
        let port = ports.find(|port| port.name.as_deref() == Some(name));
        port.map(|port| port.container_port)
    }

    /// Whether all containers are ready and the pod is not being deleted.
    pub fn ready(&self) -> bool {
        self.ready_for(Duration::ZERO)
    }

    /// Whether it has been ready for so long.
    pub fn ready_for(&self, time: Duration) -> bool {
        let state = self.state();
        state.deletion.is_none()
            && !state.containers.is_empty()
            && state.containers.values().all(|container| {
                container.ready
                    && container.ready_since.is_some_and(|since| since.elapsed() >= time)
            })
    }

    /// Whether it is being deleted.
    pub fn terminating(&self) -> bool {
        self.state().deletion.is_some()
    }

    /// Whether nothing of it runs any more, for good.
    pub fn gone(&self) -> bool {
        self.state().gone
    }

    /// Whether it has ended by itself, and well; only pods of Jobs do.
    pub fn finished(&self) -> Option<bool> {
        self.state().finished
    }

    /// Why the lab itself could not run it.
    pub fn broken(&self) -> Option<String> {
        self.state().broken.clone()
    }

    /// How often its containers were restarted.
    pub fn restarts(&self) -> u32 {
        self.state().containers.values().map(|container| container.restarts).sum()
    }

    /// The exit code of the last run of a container.
    pub fn last_exit(&self) -> Option<i32> {
        self.state().containers.values().find_map(|container| container.last_exit)
    }

    /// What the first container has written so far, in all its runs.
    pub fn output(&self) -> Result<String> {
        let spec = self.recipe.spec.containers.first().ok_or("a pod without containers")?;
        Ok(fs::read_to_string(self.log_file(spec))?)
    }

    fn log_file(&self, spec: &ContainerSpec) -> PathBuf {
        self.recipe.logs.join(format!("{}-{}-{}.log", self.recipe.name, self.number, spec.name))
    }

    /// The running container of the first name in the template.
    pub fn container(&self) -> Result<Arc<Container>> {
        let state = self.state();
        let name = &self.recipe.spec.containers.first().ok_or("a pod without containers")?.name;
        let running = state.containers.get(name).and_then(|container| container.running.clone());
        running.ok_or_else(|| format!("{} is not running", self.recipe.name).into())
    }

    /// The running container of a name.
    pub fn container_called(&self, name: &str) -> Result<Arc<Container>> {
        let state = self.state();
        let running = state.containers.get(name).and_then(|container| container.running.clone());
        running.ok_or_else(|| format!("{name} of {} is not running", self.recipe.name).into())
    }

    /// Asks for deletion; a second request can only shorten the grace.
    pub fn delete(&self, grace: Option<Duration>) {
        let default = self.recipe.spec.termination_grace_period_seconds.unwrap_or(30);
        let grace = grace.unwrap_or(Duration::from_secs(default.max(0) as u64));
        let mut state = self.state();
        match &mut state.deletion {
            Some(deletion) => deletion.grace = deletion.grace.min(grace),
            None => {
                state.deletion = Some(Deletion { since: Instant::now(), grace });
                drop(state);
                self.say(&format!("to be deleted within {:.1} s", grace.as_secs_f64()));
            }
        }
    }

    /// Kills everything that runs in it; the kubelet then restarts the containers.
    pub fn kill(&self) -> Result<()> {
        self.say("killed");
        self.container()?.signal(Signal::KILL);
        Ok(())
    }

    /// Runs a script's words inside, as `kubectl exec` does.
    pub fn exec(&self, arguments: &[&str], limit: Duration) -> Result<Executed> {
        let arguments: Vec<_> = arguments.iter().map(|&word| word.to_owned()).collect();
        self.container()?.exec(&arguments, limit)
    }

    /// Runs one of its probes once, whatever the kubelet does.
    pub fn probe(&self, check: Check) -> Result<Executed> {
        let spec = self.recipe.spec.containers.first().ok_or("a pod without containers")?;
        let probe = match check {
            Check::Startup => &spec.startup_probe,
            Check::Readiness => &spec.readiness_probe,
            Check::Liveness => &spec.liveness_probe,
        };
        let probe = probe.as_ref().ok_or("no such probe")?;
        let limit = self.recipe.timing.probe(probe.timeout_seconds, 1);
        self.container()?.exec(words(&probe.exec)?, limit)
    }

    /// How its preStop hook went.
    pub fn hook(&self) -> Option<Hook> {
        self.state().hook
    }

    /// Runs its preStop hook, and does not stop it.
    pub fn pre_stop(&self) -> Result<Executed> {
        let spec = self.recipe.spec.containers.first().ok_or("a pod without containers")?;
        let hook = spec.lifecycle.as_ref().and_then(|lifecycle| lifecycle.pre_stop.as_ref());
        let hook = hook.ok_or("no preStop hook")?;
        self.container()?.exec(words(&hook.exec)?, Duration::from_secs(60))
    }

    /// Replaces the files of a ConfigMap or Secret volume while the pod runs.
    pub fn update_files(&self, volume: &str, files: &Files) -> Result<()> {
        write_files(&self.recipe.folder.join("volumes").join(volume), files, 0o644)
    }

    fn run(self: &Arc<Self>) -> Result<()> {
        let binds = self.prepare_volumes()?;
        self.wait(self.recipe.timing.pod_start);
        for spec in self.recipe.spec.init_containers.iter().flatten() {
            let mut attempt = 0;
            while !self.terminating() && self.run_once(spec, &binds, attempt)? != 0 {
                self.wait(self.recipe.timing.back_off);
                attempt += 1;
            }
            self.state().containers.remove(&spec.name);
        }
        let workers: Vec<_> = self
            .recipe
            .spec
            .containers
            .iter()
            .map(|spec| {
                self.state().containers.insert(spec.name.clone(), ContainerState::default());
                let pod = Arc::clone(self);
                let binds = binds.clone();
                let spec = spec.clone();
                thread::spawn(move || pod.run_container(&spec, &binds))
            })
            .collect();
        for worker in workers {
            worker.join().map_err(|_| "a container's thread panicked")??;
        }
        Ok(())
    }

    /// After the last container: off the network, unless the pod's record is to stay.
    fn finish(&self) {
        if let Err(error) = self.recipe.net.remove() {
            self.say(&format!("its network remains: {error}"));
        }
        let mut state = self.state();
        if state.deletion.is_none() && state.broken.is_none() {
            state.finished = Some(state.containers.values().all(|c| c.last_exit == Some(0)));
        }
        state.gone = true;
        drop(state);
        self.say("gone");
    }

    /// Sleeps unless the pod is to be deleted.
    fn wait(&self, time: Duration) {
        let start = Instant::now();
        while start.elapsed() < time && !self.terminating() {
            thread::sleep(TICK.min(time.saturating_sub(start.elapsed())));
        }
    }

    fn run_container(
        self: &Arc<Self>,
        spec: &ContainerSpec,
        binds: &BTreeMap<String, Bind>,
    ) -> Result<()> {
        let policy = self.recipe.spec.restart_policy.as_deref().unwrap_or("Always");
        let mut back_off = Duration::ZERO;
        for attempt in 0.. {
            if self.terminating() {
                break;
            }
            let code = self.run_once(spec, binds, attempt)?;
            let again = match policy {
                "Always" => true,
                "OnFailure" => code != 0,
                _ => false,
            };
            if !again || self.terminating() {
                break;
            }
            self.wait(back_off);
            back_off = (back_off * 2).clamp(self.recipe.timing.back_off, Duration::from_secs(300));
            while self.held.load(Ordering::Relaxed) && !self.terminating() {
                thread::sleep(TICK);
            }
            if !self.terminating() {
                self.with_container(spec, |container| container.restarts += 1);
            }
        }
        Ok(())
    }

    fn with_container<T>(
        &self,
        spec: &ContainerSpec,
        act: impl FnOnce(&mut ContainerState) -> T,
    ) -> T {
        act(self.state().containers.entry(spec.name.clone()).or_default())
    }

    /// Starts the container, lets it run to its end, whoever brings that about, and returns its exit code.
    fn run_once(
        self: &Arc<Self>,
        spec: &ContainerSpec,
        binds: &BTreeMap<String, Bind>,
        attempt: u32,
    ) -> Result<i32> {
        let container = Arc::new(self.start(spec, binds, attempt)?);
        self.say(&format!("{} runs", spec.name));
        self.with_container(spec, |state| {
            *state = ContainerState {
                running: Some(Arc::clone(&container)),
                restarts: state.restarts,
                last_exit: state.last_exit,
                ..ContainerState::default()
            };
        });
        let over = Arc::new(AtomicBool::new(false));
        let probes = self.start_probes(spec, &container, &over);
        let code = loop {
            if let Some(code) = container.exit_code()? {
                break code;
            }
            let kill = self.with_container(spec, |state| state.kill.clone());
            if let Some(deletion) = self.deletion() {
                break self.stop(spec, &container, deletion)?;
            }
            if let Some(reason) = kill {
                self.say(&format!("{}: {reason}", spec.name));
                let grace = self.recipe.spec.termination_grace_period_seconds.unwrap_or(30);
                let grace = Duration::from_secs(grace.max(0) as u64);
                break self.stop(spec, &container, Deletion { since: Instant::now(), grace })?;
            }
            thread::sleep(TICK);
        };
        over.store(true, Ordering::Relaxed);
        self.with_container(spec, |state| {
            state.running = None;
            state.ready = false;
            state.ready_since = None;
            state.started = false;
            state.last_exit = Some(code);
        });
        self.say(&format!("{} ended with {code}", spec.name));
        for probe in probes {
            probe.join().map_err(|_| "a probe's thread panicked")?;
        }
        Ok(code)
    }

    fn deletion(&self) -> Option<Deletion> {
        self.state().deletion
    }

    /// The kubelet's way to end a container: hook, TERM, and KILL when the grace is over.
    fn stop(&self, spec: &ContainerSpec, container: &Container, deletion: Deletion) -> Result<i32> {
        // A forced deletion shortens the grace while this runs.
        let grace = || self.deletion().map_or(deletion.grace, |deletion| deletion.grace);
        let hook = spec.lifecycle.as_ref().and_then(|lifecycle| lifecycle.pre_stop.as_ref());
        if let Some(hook) = hook.filter(|_| !grace().is_zero()) {
            let start = Instant::now();
            let done = container.exec(words(&hook.exec)?, grace())?;
            self.state().hook = Some(Hook { code: done.code, took: start.elapsed() });
            self.say(&format!(
                "preStop ended with {:?} after {:.2} s{}{}",
                done.code,
                start.elapsed().as_secs_f64(),
                if done.output.is_empty() { "" } else { ": " },
                done.output
            ));
        }
        if !grace().is_zero() {
            container.signal(Signal::TERM);
            // A hook that used the whole grace leaves two seconds.
            let least = Instant::now() + Duration::from_secs(2);
            while Instant::now() < least.max(deletion.since + grace()) && !grace().is_zero() {
                if let Some(code) = container.exit_code()? {
                    return Ok(code);
                }
                thread::sleep(TICK / 5);
            }
            self.say("did not end by itself, killed");
        }
        container.signal(Signal::KILL);
        loop {
            if let Some(code) = container.exit_code()? {
                return Ok(code);
            }
            thread::sleep(TICK / 5);
        }
    }

    fn start_probes(
        self: &Arc<Self>,
        spec: &ContainerSpec,
        container: &Arc<Container>,
        over: &Arc<AtomicBool>,
    ) -> Vec<thread::JoinHandle<()>> {
        let mut threads = Vec::new();
        let mut start = |check: Check, probe: &Option<Probe>| {
            let runner = ProbeRunner {
                pod: Arc::clone(self),
                spec: spec.clone(),
                container: Arc::clone(container),
                over: Arc::clone(over),
                check,
            };
            match probe.clone() {
                Some(probe) => threads.push(thread::spawn(move || runner.run(&probe))),
                None if check == Check::Startup => runner.set(true),
                None if check == Check::Readiness => threads.push(thread::spawn(move || {
                    runner.wait_for_start();
                    runner.set(true);
                })),
                None => {}
            }
        };
        start(Check::Startup, &spec.startup_probe);
        start(Check::Readiness, &spec.readiness_probe);
        start(Check::Liveness, &spec.liveness_probe);
        threads
    }

    fn start(
        &self,
        spec: &ContainerSpec,
        binds: &BTreeMap<String, Bind>,
        attempt: u32,
    ) -> Result<Container> {
        let security = spec.security_context.clone().unwrap_or_default();
        let environment = self.environment(spec)?;
        let words = spec.command.iter().flatten().chain(spec.args.iter().flatten());
        let mut arguments: Vec<_> = words.map(|word| expand(word, &environment)).collect();
        let mut mounts: Vec<_> = self.own_files()?;
        if spec.image.as_ref().is_some_and(|image| image.contains("/redis_exporter:")) {
            // The program of an image of its own, whose entry point it is.
            let source = crate::tools::exporter()?;
            mounts.push(Bind { source, target: EXPORTER.to_owned(), read_only: true });
            arguments.insert(0, EXPORTER.to_owned());
        }
        ensure!(!arguments.is_empty(), "container {} has no command of its own", spec.name);
        let user = self.user(&security)?;
        for mount in spec.volume_mounts.iter().flatten() {
            let bind = binds.get(&mount.name);
            let bind = bind
                .ok_or_else(|| format!("no volume {} for container {}", mount.name, spec.name))?;
            let sub_path = mount.sub_path.as_deref().unwrap_or_default();
            mounts.push(Bind {
                source: bind.source.join(sub_path),
                target: mount.mount_path.clone(),
                read_only: bind.read_only || mount.read_only == Some(true),
            });
        }
        // A parent folder has to be mounted before what lies in it.
        mounts.sort_by_key(|bind| bind.target.matches('/').count());
        let notes = self.recipe.folder.join(format!("{}-{attempt}", spec.name));
        fs::create_dir_all(&notes)?;
        Container::start(Start {
            image: &self.recipe.image,
            net: &self.recipe.net.name,
            host_name: &self.recipe.name,
            user,
            group: self.group(&security),
            read_only_root: security.read_only_root_filesystem == Some(true),
            binds: mounts,
            environment,
            arguments,
            log: &self.log_file(spec),
            notes: &notes,
        })
    }

    /// The user of the manifest, which must not be root: everything rendered is restricted.
    fn user(&self, security: &SecurityContext) -> Result<u32> {
        let of_pod = self.recipe.spec.security_context.as_ref();
        let user = security.run_as_user.or(of_pod.and_then(|context| context.run_as_user));
        // The official images' entrypoint changes to the user 999 by itself.
        let user = u32::try_from(user.unwrap_or(999))?;
        let not_root =
            security.run_as_non_root.or(of_pod.and_then(|context| context.run_as_non_root));
        ensure!(user != 0 || not_root != Some(true), "runAsNonRoot with user 0");
        Ok(user)
    }

    fn group(&self, security: &SecurityContext) -> u32 {
        let of_pod = self.recipe.spec.security_context.as_ref();
        let group = security.run_as_group.or(of_pod.and_then(|context| context.run_as_group));
        group.and_then(|group| u32::try_from(group).ok()).unwrap_or(999)
    }

    /// What the kubelet and the image put under /etc.
    fn own_files(&self) -> Result<Vec<Bind>> {
        let Recipe { name, namespace, folder, spec, .. } = &self.recipe;
        let etc = folder.join("etc");
        fs::create_dir_all(&etc)?;
        let mut hosts =
            "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n".to_owned();
        let whole = spec
            .subdomain
            .as_ref()
            .map(|subdomain| format!("{name}.{subdomain}.{namespace}.svc.cluster.local\t"));
        for address in self.addresses() {
            hosts += &format!("{address}\t{}{name}\n", whole.as_deref().unwrap_or_default());
        }
        let name_service = match self.addresses().first() {
            Some(IpAddr::V6(_)) => IpAddr::V6(crate::net::NAME_SERVICE_6),
            _ => IpAddr::V4(crate::net::NAME_SERVICE),
        };
        let resolv = format!(
            "nameserver {name_service}\nsearch {namespace}.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"
        );
        let files = [
            ("hosts", hosts),
            ("hostname", format!("{name}\n")),
            ("resolv.conf", resolv),
            ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n".to_owned()),
            (
                "passwd",
                "root:x:0:0:root:/root:/bin/sh\nredis:x:999:999::/data:/bin/sh\n".to_owned(),
            ),
            ("group", "root:x:0:\nredis:x:999:\n".to_owned()),
        ];
        files
            .into_iter()
            .map(|(file, text)| {
                let source = etc.join(file);
                fs::write(&source, text)?;
                Ok(Bind { source, target: format!("/etc/{file}"), read_only: true })
            })
            .collect()
    }

    fn prepare_volumes(&self) -> Result<BTreeMap<String, Bind>> {
        let Recipe { spec, claims, files, folder, .. } = &self.recipe;
        let mut binds = BTreeMap::new();
        for (name, source) in claims {
            let context = spec.security_context.clone().unwrap_or_default();
            let writable = context.fs_group.is_some() || context.run_as_user.is_none();
            ensure!(writable, "without fsGroup the user could not write to volume {name}");
            let bind = Bind { source: source.clone(), target: String::new(), read_only: false };
            binds.insert(name.clone(), bind);
        }
        let of_claim = |volume: &&Volume| claims.contains_key(&volume.name);
        for volume in spec.volumes.iter().flatten().filter(|volume| !of_claim(volume)) {
            let source = folder.join("volumes").join(&volume.name);
            fs::create_dir_all(&source)?;
            let read_only = match volume {
                _ if volume.empty_dir.is_some() => {
                    fs::set_permissions(&source, fs::Permissions::from_mode(0o777))?;
                    false
                }
                _ if volume.config_map.is_some()
                    || volume.secret.is_some()
                    || volume.projected.is_some() =>
                {
                    let map = volume.config_map.as_ref().and_then(|map| map.default_mode);
                    let secret = volume.secret.as_ref().and_then(|secret| secret.default_mode);
                    let projected = volume.projected.as_ref().and_then(|all| all.default_mode);
                    let mode = map.or(secret).or(projected).unwrap_or(0o644);
                    write_files(&source, files.get(&volume.name).unwrap_or(&Files::new()), mode)?;
                    true
                }
                _ => bail!("the lab does not imitate the kind of volume {}", volume.name),
            };
            binds.insert(volume.name.clone(), Bind { source, target: String::new(), read_only });
        }
        Ok(binds)
    }

    /// The container's variables, in the order of precedence of a kubelet: image, Services, spec.
    fn environment(&self, spec: &ContainerSpec) -> Result<BTreeMap<String, String>> {
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let mut environment = BTreeMap::from([
            ("PATH".to_owned(), path.to_owned()),
            ("HOME".to_owned(), "/data".to_owned()),
            ("HOSTNAME".to_owned(), self.recipe.name.clone()),
        ]);
        if self.recipe.spec.enable_service_links != Some(false) {
            environment.extend(self.recipe.service_links.clone());
        }
        for variable in spec.env.iter().flatten() {
            let value = self.value(variable, &environment)?;
            environment.insert(variable.name.clone(), value);
        }
        Ok(environment)
    }

    fn value(&self, variable: &EnvVar, known: &BTreeMap<String, String>) -> Result<String> {
        let name = &variable.name;
        let Some(source) = &variable.value_from else {
            return Ok(expand(variable.value.as_deref().unwrap_or_default(), known));
        };
        if let Some(field) = &source.field_ref {
            return self.field(&field.field_path);
        }
        let key = source.config_map_key_ref.as_ref().map(|key| (key.name.clone(), key.key.clone()));
        let secret = source.secret_key_ref.as_ref().map(|key| (key.name.clone(), key.key.clone()));
        let key = key.or(secret);
        let found = key.as_ref().and_then(|key| self.recipe.references.get(key));
        found.cloned().ok_or_else(|| format!("no value for the variable {name}").into())
    }

    /// The downward API.
    fn field(&self, path: &str) -> Result<String> {
        let Recipe { name, namespace, labels, annotations, spec, .. } = &self.recipe;
        let addresses = self.addresses();
        let of = |map: &BTreeMap<String, String>, key: &str| {
            map.get(key.trim_end_matches("']")).cloned().unwrap_or_default()
        };
        Ok(match path {
            "metadata.name" => name.clone(),
            "metadata.namespace" => namespace.clone(),
            "metadata.uid" => format!("00000000-0000-4000-8000-{:012}", self.number),
            "spec.nodeName" => "lab".to_owned(),
            "spec.serviceAccountName" => spec.service_account_name.clone().unwrap_or_default(),
            "status.podIP" => addresses.first().ok_or("no address")?.to_string(),
            "status.podIPs" => {
                addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
            }
            "status.hostIP" => crate::net::CLIENT.to_string(),
            _ if path.starts_with("metadata.labels['") => {
                of(labels, &path["metadata.labels['".len()..])
            }
            _ if path.starts_with("metadata.annotations['") => {
                of(annotations, &path["metadata.annotations['".len()..])
            }
            _ => bail!("the lab does not know the field {path}"),
        })
    }
}

/// One probe of one run of a container.
struct ProbeRunner {
    pod: Arc<Pod>,
    spec: ContainerSpec,
    container: Arc<Container>,
    over: Arc<AtomicBool>,
    check: Check,
}

impl ProbeRunner {
    fn over(&self) -> bool {
        // A pod that is being deleted is only asked whether it is ready.
        self.over.load(Ordering::Relaxed)
            || (self.check != Check::Readiness && self.pod.terminating())
    }

    fn sleep(&self, time: Duration) {
        let start = Instant::now();
        while start.elapsed() < time && !self.over() {
            thread::sleep(TICK.min(time.saturating_sub(start.elapsed())));
        }
    }

    /// Only the startup probe runs until it has passed.
    fn wait_for_start(&self) {
        while !self.over() && !self.pod.with_container(&self.spec, |state| state.started) {
            thread::sleep(TICK);
        }
    }

    fn run(&self, probe: &Probe) {
        let timing = self.pod.recipe.timing;
        let period = timing.probe(probe.period_seconds, 10);
        let limit = timing.probe(probe.timeout_seconds, 1);
        let passes_needed = probe.success_threshold.unwrap_or(1).max(1);
        let failures_needed = probe.failure_threshold.unwrap_or(3).max(1);
        self.sleep(timing.probe(probe.initial_delay_seconds, 0));
        if self.check != Check::Startup {
            self.wait_for_start();
        }
        let (mut passes, mut failures) = (0, 0);
        while !self.over() {
            let start = Instant::now();
            let (passed, output) = match self.ask(probe, limit) {
                Ok(answer) => answer,
                Err(error) => (false, error.to_string()),
            };
            if self.over() {
                break;
            }
            if passed {
                (passes, failures) = (passes + 1, 0);
            } else {
                (passes, failures) = (0, failures + 1);
                self.pod.say(&format!("{:?} probe failed ({failures}): {output}", self.check));
            }
            if passes >= passes_needed {
                self.set(true);
                if self.check == Check::Startup {
                    break;
                }
            }
            if failures >= failures_needed {
                self.set(false);
                if self.check != Check::Readiness {
                    break;
                }
            }
            self.sleep(period.saturating_sub(start.elapsed()));
        }
    }

    /// One try: whether it passed, and what came.
    fn ask(&self, probe: &Probe, limit: Duration) -> Result<(bool, String)> {
        let Some(get) = &probe.http_get else {
            let done = self.container.exec(words(&probe.exec)?, limit)?;
            return Ok((done.code == Some(0), format!("{:?} {}", done.code, done.output)));
        };
        let mut ports = self.spec.ports.iter().flatten();
        let port = match &get.port {
            IntOrString::Int(number) => *number,
            IntOrString::String(name) => {
                let named = ports.find(|port| port.name.as_ref() == Some(name));
                named.ok_or("a probe of a port that is not there")?.container_port
            }
        };
        let address = self.pod.addresses().first().copied().ok_or("no address")?;
        let place = SocketAddr::new(address, u16::try_from(port)?);
        let mut stream = TcpStream::connect_timeout(&place, limit)?;
        stream.set_read_timeout(Some(limit))?;
        stream.set_write_timeout(Some(limit))?;
        let path = get.path.as_deref().unwrap_or("/");
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        Ok((status.starts_with('2') || status.starts_with('3'), answer))
    }

    /// The consequence of a probe.
    fn set(&self, passed: bool) {
        if self.over() {
            return;
        }
        let check = self.check;
        let news = self.pod.with_container(&self.spec, |state| match (check, passed) {
            (Check::Startup, true) => {
                state.started = true;
                Some("started")
            }
            (Check::Readiness, ready) if state.ready != ready => {
                state.ready = ready;
                state.ready_since = ready.then(Instant::now);
                Some(if ready { "ready" } else { "not ready" })
            }
            (Check::Startup | Check::Liveness, false) => {
                state.kill = Some(format!("{check:?} probe failed, to be restarted"));
                None
            }
            _ => None,
        });
        if let Some(news) = news {
            self.pod.say(news);
        }
    }
}

fn words(action: &Option<ExecAction>) -> Result<&[String]> {
    let words = action.as_ref().and_then(|action| action.command.as_deref());
    words.ok_or_else(|| "no command to execute".into())
}

/// Replaces `$(NAME)` by the variable's value and `$$` by `$`, as Kubernetes does for variables, commands
/// and arguments; what is not known stays.
fn expand(text: &str, known: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out += &rest[..at];
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("$$") {
            out.push('$');
            rest = after;
            continue;
        }
        let name = rest.strip_prefix("$(").and_then(|inner| inner.split_once(')'));
        match name.and_then(|(name, after)| Some((known.get(name)?, after))) {
            Some((value, after)) => {
                out += value;
                rest = after;
            }
            None => {
                out.push('$');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}

/// Writes files as the kubelet does: into a folder of their own, which a link then points to, so that a
/// reader sees all old files or all new ones.
fn write_files(volume: &Path, files: &Files, mode: i32) -> Result<()> {
    let mode = u32::try_from(mode)?;
    let data = volume.join("..data");
    let old = fs::read_link(&data).ok();
    let version = format!("..{}", NUMBERS.fetch_add(1, Ordering::Relaxed));
    fs::create_dir_all(volume.join(&version))?;
    for (name, bytes) in files {
        let file = volume.join(&version).join(name);
        fs::write(&file, bytes)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(mode))?;
    }
    symlink(&version, volume.join("..data_tmp"))?;
    fs::rename(volume.join("..data_tmp"), &data)?;
    let wanted: BTreeSet<_> = files.keys().cloned().collect();
    for entry in fs::read_dir(volume)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with("..") && !wanted.contains(&name) {
            fs::remove_file(entry.path())?;
        }
    }
    for name in wanted {
        let link = volume.join(&name);
        if !link.is_symlink() {
            symlink(Path::new("..data").join(&name), link)?;
        }
    }
    if let Some(old) = old {
        fs::remove_dir_all(volume.join(old))?;
    }
    Ok(())
}
