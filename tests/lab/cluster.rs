//! A cluster of the lab as its clients and its own nodes see it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use k8s_openapi::api::core::v1::Service;
use redis::{
    Connection, ConnectionAddr, ConnectionInfo, FromRedisValue, IntoConnectionInfo, TlsCertificates,
};

use crate::{
    certificates,
    lab::{ADMIN_PASSWORD, PASSWORD},
    objects::Objects,
    outside,
    pod::Pod,
    tools::{Result, TICK, bail, ensure},
    world::{OUTSIDE_HOST, World},
};

/// Slots of a cluster.
const SLOTS: u16 = 16384;

/// One rendered cluster.
#[derive(Clone)]
pub struct Cluster {
    /// Where it runs.
    pub world: Arc<World>,
    /// Its name.
    pub name: String,
    /// Its pods in the order of the documents, and the shard that each belongs to if that is planned.
    pub members: Vec<Member>,
    /// Where its clients connect.
    pub client_port: u16,
    /// Where its nodes meet.
    pub bus_port: u16,
    /// How many shards are planned.
    pub shards: usize,
    /// The bootstrap Job.
    pub job: String,
    /// The Service for clients.
    pub client_service: String,
    /// Who clients log in as; none for the default user.
    pub user: Option<&'static str>,
    /// What clients log in with, where the cluster has a password.
    pub password: Option<&'static str>,
    /// The Secret with the certificate, where the cluster is encrypted.
    pub tls_secret: Option<String>,
    /// Whether clients insist on the names in certificates. They know the pods by name then, and show no certificate.
    pub is_strict: bool,
    /// The host and port by which clients outside reach each pod, or strict ones; none where they do not.
    pub hosts: BTreeMap<String, (String, u16)>,
    /// Whether its clients are outside of the Kubernetes cluster.
    pub is_outside: bool,
}

/// A planned pod.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name.
    pub pod: String,
    /// Its shard; none where the cluster decides.
    pub shard: Option<usize>,
}

/// What one node says about the cluster and itself.
#[derive(Debug, Clone)]
pub struct View {
    /// The pod.
    pub pod: String,
    /// Its address.
    pub address: IpAddr,
    /// The node's own line.
    pub own: Node,
    /// All nodes that it knows, itself included, by id.
    pub nodes: BTreeMap<String, Node>,
    /// `CLUSTER INFO`.
    pub info: BTreeMap<String, String>,
    /// `INFO replication`.
    pub replication: BTreeMap<String, String>,
}

/// A line of `CLUSTER NODES`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its id.
    pub id: String,
    /// Its address; empty when it is not known.
    pub address: String,
    /// Its client port.
    pub port: u16,
    /// Its bus port.
    pub bus_port: u16,
    /// Such as `master`, `slave`, `fail`.
    pub flags: BTreeSet<String>,
    /// The id of its master, if it is a replica.
    pub master: Option<String>,
    /// Whether the bus link to it is up.
    pub connected: bool,
    /// The slot ranges that it serves.
    pub slots: Vec<(u16, u16)>,
    /// Slots that are half moved.
    pub open_slots: Vec<String>,
}

impl Node {
    /// Reads `<id> <ip:port@bus[,hostname]> <flags> <master> <ping> <pong> <epoch> <link> <slot>...`.
    fn parse(line: &str) -> Result<Node> {
        let fields: Vec<_> = line.split_whitespace().collect();
        ensure!(fields.len() >= 8, "not a line of CLUSTER NODES: {line:?}");
        let place = fields[1].split(',').next().unwrap_or_default();
        let (client, bus) = place.rsplit_once('@').ok_or("no bus port in CLUSTER NODES")?;
        let (address, port) = client.rsplit_once(':').ok_or("no port in CLUSTER NODES")?;
        let (open, slots): (Vec<&str>, Vec<&str>) =
            fields[8..].iter().partition(|field| field.starts_with('['));
        let slots = slots.into_iter().map(|range: &str| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            Ok((first.parse()?, last.parse()?))
        });
        Ok(Node {
            id: fields[0].to_owned(),
            address: address.to_owned(),
            port: port.parse()?,
            bus_port: bus.parse()?,
            flags: fields[2].split(',').map(str::to_owned).collect(),
            master: (fields[3] != "-").then(|| fields[3].to_owned()),
            connected: fields[7] == "connected",
            slots: slots.collect::<Result<_>>()?,
            open_slots: open.into_iter().map(|slot| (*slot).to_owned()).collect(),
        })
    }

    /// Whether it is a master, with or without slots.
    pub fn is_master(&self) -> bool {
        self.flags.contains("master")
    }
}

/// The shard as the cluster has it: its master's slots and its pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// The slot ranges.
    pub slots: Vec<(u16, u16)>,
    /// The master's pod.
    pub master: String,
    /// The replicas' pods.
    pub replicas: BTreeSet<String>,
}

impl Shard {
    /// Whether a slot is one of the shard's.
    pub fn serves(&self, slot: u16) -> bool {
        self.slots.iter().any(|(first, last)| (*first..=*last).contains(&slot))
    }

    /// All its pods.
    pub fn pods(&self) -> BTreeSet<String> {
        self.replicas.iter().cloned().chain([self.master.clone()]).collect()
    }
}

impl Cluster {
    /// Finds the cluster's parts among rendered objects.
    pub fn from_objects(world: &Arc<World>, name: &str, objects: &Objects) -> Result<Cluster> {
        let pinned = objects.stateful_sets.len() > 1;
        let mut members = Vec::new();
        let mut ports = BTreeMap::new();
        for (shard, set) in objects.stateful_sets.iter().enumerate() {
            let set_name = set.metadata.name.clone().unwrap_or_default();
            let spec = set.spec.as_ref().ok_or("a StatefulSet without a spec")?;
            for ordinal in 0..spec.replicas.unwrap_or(1) {
                let pod = format!("{set_name}-{ordinal}");
                members.push(Member { pod, shard: pinned.then_some(shard) });
            }
            let containers = spec.template.spec.iter().flat_map(|spec| &spec.containers);
            for port in containers.flat_map(|container| container.ports.iter().flatten()) {
                let name = port.name.clone().unwrap_or_default();
                ports.insert(name, u16::try_from(port.container_port)?);
            }
        }
        let port = |name: &str| ports.get(name).copied().ok_or(format!("no port named {name}"));
        let pod_of = |service: &Service| -> Option<String> {
            let selector = service.spec.as_ref()?.selector.as_ref()?;
            selector.get("statefulset.kubernetes.io/pod-name").cloned()
        };
        let client_service = objects.services.iter().find_map(|service| {
            let headless = service.spec.as_ref()?.cluster_ip.as_deref() == Some("None");
            (!headless && pod_of(service).is_none()).then(|| service.metadata.name.clone())?
        });
        let outside = objects.services.iter().filter_map(|service| {
            let host = service.metadata.annotations.as_ref()?.get(OUTSIDE_HOST)?;
            let port = service.spec.as_ref()?.ports.as_ref()?.first()?;
            Some((pod_of(service)?, (host.clone(), u16::try_from(port.port).ok()?)))
        });
        let containers = objects
            .stateful_sets
            .iter()
            .filter_map(|set| set.spec.as_ref()?.template.spec.as_ref())
            .flat_map(|spec| &spec.containers);
        let password = containers
            .flat_map(|container| container.env.iter().flatten())
            .any(|variable| variable.name == "PASSWORD_FILE");
        // Scenarios that switch the default user off have one called admin.
        let users_only = objects
            .config_maps
            .iter()
            .filter_map(|map| map.data.as_ref()?.get("users"))
            .any(|users| users.contains("\ndefault none off\n"));
        let volumes = objects
            .stateful_sets
            .iter()
            .filter_map(|set| set.spec.as_ref()?.template.spec.as_ref())
            .flat_map(|spec| spec.volumes.iter().flatten());
        let tls_secret = volumes
            .filter(|volume| volume.name == "tls")
            .find_map(|volume| volume.secret.as_ref()?.secret_name.clone());
        let variable = |name: &str| -> Option<usize> {
            let spec = objects.jobs.first()?.spec.as_ref()?.template.spec.as_ref()?;
            let env = spec.containers.first()?.env.as_ref()?;
            env.iter().find(|variable| variable.name == name)?.value.as_ref()?.parse().ok()
        };
        Ok(Cluster {
            world: Arc::clone(world),
            name: name.to_owned(),
            members,
            // Not where each pod has its own.
            client_port: port("client").unwrap_or_default(),
            bus_port: port("bus")?,
            shards: variable("SHARDS").ok_or("the Job does not say how many shards there are")?,
            job: objects.jobs.first().and_then(|job| job.metadata.name.clone()).unwrap_or_default(),
            client_service: client_service.unwrap_or_default(),
            user: users_only.then_some("admin"),
            password: password.then_some(if users_only { ADMIN_PASSWORD } else { PASSWORD }),
            tls_secret,
            is_strict: false,
            hosts: outside.collect(),
            is_outside: false,
        })
    }

    /// The same cluster, with clients that insist on the names in certificates.
    pub fn strict(&self) -> Cluster {
        Cluster { is_strict: true, ..self.clone() }
    }

    /// The same cluster, with clients outside.
    pub fn outside(&self) -> Cluster {
        Cluster { is_outside: true, ..self.clone() }
    }

    /// Moves the calling thread to where the clients are, for good.
    pub fn go_there(&self) {
        if self.is_outside
            && let Err(error) = outside::enter()
        {
            self.world.say(&format!("the lab cannot get outside: {error}"));
        }
    }

    /// Does something where the clients are.
    pub fn there<T: Send>(&self, what: impl FnOnce() -> T + Send) -> Result<T> {
        if !self.is_outside {
            return Ok(what());
        }
        let outside = || outside::enter().map(|()| what());
        thread::scope(|scope| scope.spawn(outside).join()).map_err(|_| "a client panicked")?
    }

    /// Its pods that run, or are about to.
    pub fn pods(&self) -> Result<Vec<Arc<Pod>>> {
        self.members.iter().map(|member| self.world.pod(&member.pod)).collect()
    }

    /// A connection to one pod.
    pub fn connect(&self, pod: &Pod) -> Result<Connection> {
        let address = pod.addresses().first().copied().ok_or("a pod without an address")?;
        self.connect_to(address)
    }

    /// A connection to an address.
    pub fn connect_to(&self, address: IpAddr) -> Result<Connection> {
        self.connect_at(self.place(address))
    }

    /// A connection to a place.
    pub fn connect_at(&self, place: ConnectionAddr) -> Result<Connection> {
        let address = place.to_string();
        let place = self.log_in(place.into_connection_info()?);
        let limit = Duration::from_secs(1) * self.world.patience;
        let client = match self.certificates() {
            Some(certificates) => redis::Client::build_with_tls(place, certificates)?,
            None => redis::Client::open(place)?,
        };
        let connection = client
            .get_connection_with_timeout(limit)
            .map_err(|error| format!("{address}: {error}"))?;
        connection.set_read_timeout(Some(limit))?;
        connection.set_write_timeout(Some(limit))?;
        Ok(connection)
    }

    /// Where clients connect at an address.
    pub fn place(&self, address: IpAddr) -> ConnectionAddr {
        let at_address = |member: &&Member| {
            let pod = self.world.pod(&member.pod);
            pod.is_ok_and(|pod| pod.addresses().contains(&address))
        };
        let port = match self.client_port {
            0 => self.members.iter().find(at_address).and_then(|member| self.port_of(&member.pod)),
            port => Some(port),
        };
        // No certificate can know the addresses of pods.
        Cluster { is_strict: false, ..self.clone() }
            .place_at(address.to_string(), port.unwrap_or_default())
    }

    /// The port at which a pod's server listens for clients.
    pub fn port_of(&self, pod: &str) -> Option<u16> {
        let own = || self.hosts.get(pod).map(|(_, port)| *port);
        if self.client_port == 0 { own() } else { Some(self.client_port) }
    }

    /// Where clients connect at a host and port.
    pub fn place_at(&self, host: String, port: u16) -> ConnectionAddr {
        match &self.tls_secret {
            Some(_) => {
                let insecure = !self.is_strict;
                ConnectionAddr::TcpTls { host, port, insecure, tls_params: None }
            }
            None => ConnectionAddr::Tcp(host, port),
        }
    }

    /// What clients show and trust, where the cluster is encrypted.
    pub fn certificates(&self) -> Option<TlsCertificates> {
        let files = self.world.secret(self.tls_secret.as_ref()?)?;
        let mut all = certificates::for_client(&files);
        if self.is_strict {
            all.client_tls = None;
        }
        Some(all)
    }

    /// The same place, with the cluster's password.
    pub fn log_in(&self, place: ConnectionInfo) -> ConnectionInfo {
        let Some(password) = self.password else { return place };
        let mut settings = place.redis_settings().clone().set_password(password);
        if let Some(user) = self.user {
            settings = settings.set_username(user);
        }
        place.set_redis_settings(settings)
    }

    /// The same cluster as another client sees it.
    pub fn seen_by(&self, user: Option<&'static str>, password: &'static str) -> Cluster {
        Cluster { user, password: Some(password), ..self.clone() }
    }

    /// Fails if a master has keys of slots that it does not serve: nobody would find them there.
    pub fn keys_are_at_home(&self) -> Result<()> {
        for view in self.views()?.iter().filter(|view| view.own.is_master()) {
            let serves = |slot: u16| view.own.slots.iter().any(|(a, b)| (*a..=*b).contains(&slot));
            let keys = self.keys_on(&view.pod)?;
            let lost: Vec<_> =
                keys.iter().filter(|key| !serves(crate::clients::slot(key))).collect();
            ensure!(lost.is_empty(), "{} has keys of others, such as {:?}", view.pod, lost.first());
        }
        Ok(())
    }

    /// Sends one command to a pod.
    pub fn ask<T: FromRedisValue>(&self, pod: &str, words: &[&str]) -> Result<T> {
        let mut connection = self.connect(&*self.world.pod(pod)?)?;
        let (command, arguments) = words.split_first().ok_or("no command")?;
        let reply = redis::cmd(command).arg(arguments).query(&mut connection);
        reply.map_err(|error| format!("{pod}: {}: {error}", words.join(" ")).into())
    }

    /// Which commands, keys and channels a pod's server has refused to our own users, whose names begin with an
    /// underscore. Logins do not count: those of another cluster's users have to be refused.
    pub fn refused_to_ours(&self, pod: &str) -> Result<Vec<String>> {
        let log: Vec<HashMap<String, redis::Value>> = self.ask(pod, &["ACL", "LOG", "128"])?;
        let ours = log.iter().filter(|entry| {
            let text = |field| {
                let value = entry.get(field);
                value.and_then(|value| String::from_redis_value_ref(value).ok()).unwrap_or_default()
            };
            text("username").starts_with('_') && text("reason") != "auth"
        });
        Ok(ours.map(|entry| format!("{entry:?}")).collect())
    }

    /// What a pod's node says.
    pub fn view(&self, pod: &str) -> Result<View> {
        let address = self.world.pod(pod)?.addresses().first().copied().ok_or("no address")?;
        let mut connection = self.connect_to(address)?;
        let nodes: String = redis::cmd("CLUSTER").arg("NODES").query(&mut connection)?;
        let info: String = redis::cmd("CLUSTER").arg("INFO").query(&mut connection)?;
        let replication: String = redis::cmd("INFO").arg("replication").query(&mut connection)?;
        let nodes = nodes.lines().map(Node::parse).collect::<Result<Vec<_>>>()?;
        let own = nodes.iter().find(|node| node.flags.contains("myself")).cloned();
        Ok(View {
            pod: pod.to_owned(),
            address,
            own: own.ok_or("no line for the node itself")?,
            nodes: nodes.into_iter().map(|node| (node.id.clone(), node)).collect(),
            info: fields(&info),
            replication: fields(&replication),
        })
    }

    /// What all nodes say.
    pub fn views(&self) -> Result<Vec<View>> {
        self.members.iter().map(|member| self.view(&member.pod)).collect()
    }

    /// What those nodes say that answer.
    pub fn views_of_answering(&self) -> Vec<View> {
        self.members.iter().filter_map(|member| self.view(&member.pod).ok()).collect()
    }

    /// Fails unless every node knows every other at its present address and nobody else, all slots are served, and
    /// each shard has its own pods, with the links of replicas up. Returns the shards.
    pub fn in_shape(&self) -> Result<Vec<Shard>> {
        let views = self.views()?;
        let shards = self.agreed(&views)?;
        let per_shard = self.members.len() / self.shards;
        ensure!(shards.len() == self.shards, "{} masters with slots", shards.len());
        for shard in &shards {
            let pods = shard.pods();
            ensure!(pods.len() == per_shard, "a shard of {pods:?}");
            let planned: BTreeSet<_> = self
                .members
                .iter()
                .filter(|member| pods.contains(&member.pod))
                .map(|member| member.shard)
                .collect();
            ensure!(planned.len() == 1, "the shard of {pods:?} is not as planned");
        }
        Ok(shards)
    }

    /// The same, and each shard serves the slots that it was made with.
    pub fn whole(&self) -> Result<Vec<Shard>> {
        let shards = self.in_shape()?;
        for (index, shard) in shards.iter().enumerate() {
            let planned = self.members.iter().find(|member| member.pod == shard.master);
            let planned = planned.and_then(|member| member.shard);
            ensure!(
                planned.is_none_or(|planned| planned == index),
                "{} serves the slots of shard {index}",
                shard.master
            );
        }
        Ok(shards)
    }

    /// What all given views agree on; fails if they do not, or if any sees a trouble.
    pub fn agreed(&self, views: &[View]) -> Result<Vec<Shard>> {
        let known: BTreeSet<_> = views.iter().map(|view| view.own.id.clone()).collect();
        ensure!(known.len() == views.len(), "two pods have the same node id");
        for view in views {
            let pod = &view.pod;
            let says = |key: &str| view.info.get(key).map(String::as_str).unwrap_or_default();
            ensure!(says("cluster_state") == "ok", "{pod}: state {}", says("cluster_state"));
            ensure!(
                says("cluster_slots_ok") == "16384",
                "{pod}: {} slots ok",
                says("cluster_slots_ok")
            );
            let ids: BTreeSet<_> = view.nodes.keys().cloned().collect();
            ensure!(
                ids == known,
                "{pod} knows {} nodes of {}, and {} strangers",
                ids.intersection(&known).count(),
                known.len(),
                ids.difference(&known).count()
            );
            for other in views {
                let seen = view.nodes.get(&other.own.id).ok_or("unknown node")?;
                let of = &other.pod;
                ensure!(
                    seen.address == other.address.to_string(),
                    "{pod} has {of} at {:?}, it is at {}",
                    seen.address,
                    other.address
                );
                ensure!(seen.connected, "{pod} has no link to {of}");
                let troubles = ["fail", "fail?", "handshake", "noaddr"];
                let trouble = troubles.iter().find(|flag| seen.flags.contains(**flag));
                ensure!(trouble.is_none(), "{pod} sees {of} as {:?}", seen.flags);
                ensure!(seen.slots == other.own.slots, "{pod} and {of} differ about its slots");
                ensure!(seen.master == other.own.master, "{pod} and {of} differ about its master");
                ensure!(seen.open_slots.is_empty(), "{pod}: open slots {:?}", seen.open_slots);
            }
            if let Some(link) = view.replication.get("master_link_status") {
                ensure!(link == "up", "{pod}: the link to its master is {link}");
                let host = view.replication.get("master_host").cloned().unwrap_or_default();
                let master = view.own.master.as_ref().and_then(|id| view.nodes.get(id));
                let at = master.map(|node| node.address.clone()).unwrap_or_default();
                ensure!(host == at, "{pod} replicates from {host}, its master is at {at}");
            }
        }
        let pod_of = |id: &str| views.iter().find(|view| view.own.id == id).map(|v| v.pod.clone());
        let mut shards = Vec::new();
        for master in views.iter().filter(|view| !view.own.slots.is_empty()) {
            let replicas = master
                .nodes
                .values()
                .filter(|node| node.master.as_ref() == Some(&master.own.id))
                .filter_map(|node| pod_of(&node.id));
            let online = master
                .replication
                .values()
                .filter(|value| value.starts_with("ip=") && value.contains("state=online"))
                .count();
            let shard = Shard {
                slots: master.own.slots.clone(),
                master: master.pod.clone(),
                replicas: replicas.collect(),
            };
            ensure!(online == shard.replicas.len(), "{}: {online} replicas online", shard.master);
            shards.push(shard);
        }
        shards.sort_by_key(|shard| shard.slots.clone());
        let served: u32 = shards
            .iter()
            .flat_map(|shard| &shard.slots)
            .map(|(first, last)| u32::from(last - first) + 1)
            .sum();
        ensure!(served == u32::from(SLOTS), "{served} slots served");
        Ok(shards)
    }

    /// Fails unless every node's own `CLUSTER SLOTS` shows only present addresses, its own included.
    pub fn addresses_for_clients(&self) -> Result<()> {
        let present: BTreeSet<_> =
            self.pods()?.iter().flat_map(|pod| pod.addresses()).map(|a| a.to_string()).collect();
        for member in &self.members {
            type Server = (String, u16, String, redis::Value);
            let slots: Vec<Vec<redis::Value>> = self.ask(&member.pod, &["CLUSTER", "SLOTS"])?;
            for range in slots {
                for server in range.into_iter().skip(2) {
                    let server: Server = redis::from_redis_value(server)?;
                    ensure!(
                        present.contains(&server.0),
                        "{} sends clients to {:?}",
                        member.pod,
                        server.0
                    );
                }
            }
        }
        Ok(())
    }

    /// Node ids by pod.
    pub fn ids(&self) -> Result<BTreeMap<String, String>> {
        Ok(self.views()?.into_iter().map(|view| (view.pod, view.own.id)).collect())
    }

    /// The shard that a pod belongs to.
    pub fn shard_of<'a>(&self, shards: &'a [Shard], pod: &str) -> Result<&'a Shard> {
        let found = shards.iter().find(|shard| shard.pods().contains(pod));
        found.ok_or_else(|| format!("{pod} is in no shard").into())
    }

    /// All keys of all masters.
    pub fn keys(&self) -> Result<BTreeSet<String>> {
        let mut keys = BTreeSet::new();
        for view in self.views()?.iter().filter(|view| view.own.is_master()) {
            keys.extend(self.keys_on(&view.pod)?);
        }
        Ok(keys)
    }

    /// All keys of one node, whatever its role.
    pub fn keys_on(&self, pod: &str) -> Result<BTreeSet<String>> {
        let mut connection = self.connect(&*self.world.pod(pod)?)?;
        // After minutes under load there are many.
        connection.set_read_timeout(Some(Duration::from_secs(10)))?;
        let keys = redis::cmd("KEYS").arg("*").query(&mut connection);
        keys.map_err(|error| format!("{pod}: KEYS: {error}").into())
    }

    /// Waits until everything is as planned.
    pub fn wait_whole(&self, limit: Duration) -> Result<Vec<Shard>> {
        self.world.wait(&format!("{} is whole", self.name), limit, || self.whole())
    }

    /// Waits until everything is as planned and stays so for a time; returns since when it is. The last MEETs of the
    /// pods may still reset a link in the first moment in which all looks well, and a lonely node says for some
    /// seconds after its start that all is well.
    pub fn wait_lasting(&self, limit: Duration, time: Duration) -> Result<(Instant, Vec<Shard>)> {
        let start = Instant::now();
        let mut since = None;
        loop {
            match self.whole() {
                Ok(shards) => {
                    let since = *since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= time {
                        return Ok((since, shards));
                    }
                }
                Err(reason) => {
                    if since.take().is_some() {
                        self.world.say(&format!("{} is no longer whole: {reason}", self.name));
                    }
                    ensure!(start.elapsed() < limit * self.world.patience, "not whole: {reason}");
                    self.world.check()?;
                }
            }
            thread::sleep(if since.is_some() { 4 * TICK } else { TICK });
        }
    }

    /// Fails unless everything stays as planned for so long. A node that meets a peer again, which was called failed a
    /// moment ago, makes its link anew: for a tick or two it has none, or knows the peer by a second, made-up id.
    pub fn stays_whole(&self, time: Duration) -> Result<Vec<Shard>> {
        let start = Instant::now();
        let mut seen_whole = start;
        loop {
            match self.whole() {
                Ok(shards) if start.elapsed() >= time => return Ok(shards),
                Ok(_) => seen_whole = Instant::now(),
                Err(error) if seen_whole.elapsed() >= Duration::from_secs(1) => return Err(error),
                Err(_) => {}
            }
            thread::sleep(Duration::from_millis(250));
        }
    }

    /// Waits until all pods are ready.
    pub fn wait_ready(&self, limit: Duration) -> Result<()> {
        self.world.wait(&format!("{} is ready", self.name), limit, || {
            for pod in self.pods()? {
                ensure!(pod.ready(), "{} is not ready", pod.name());
            }
            Ok(())
        })
    }

    /// The one master of the shard that a pod belongs to, and the shard; fails while there is none.
    pub fn master_of(&self, pods: &BTreeSet<String>) -> Result<String> {
        let masters: Vec<_> = self
            .views_of_answering()
            .into_iter()
            .filter(|view| pods.contains(&view.pod))
            .filter(|view| view.own.is_master() && !view.own.slots.is_empty())
            .map(|view| view.pod)
            .collect();
        match &masters[..] {
            [one] => Ok(one.clone()),
            _ => bail!("masters of the shard: {masters:?}"),
        }
    }
}

/// `key:value` lines.
fn fields(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
