//! Clients under load: they know the cluster protocol, write and read all the time, and remember every
//! write that was acknowledged.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use redis::{
    IntoConnectionInfo,
    cluster::{ClusterClient, ClusterConnection},
};

use crate::{
    cluster::{Cluster, Shard},
    tools::Result,
};

/// One acknowledged write: the key is its own value.
#[derive(Debug, Clone)]
pub struct Write {
    /// The key.
    pub key: String,
    /// When the server's answer came.
    pub at: Instant,
}

/// How often a client tries again by itself before it says that an operation has failed, as client libraries do.
const RETRIES: u32 = 2;

/// Reads in a second where nobody asks for more.
const READS_PER_SECOND: u32 = 100;

/// How much clients do, and how they take a failure.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Writes in a second, of all writers.
    pub writes: u32,
    /// Reads in a second.
    pub reads: u32,
    /// How often a client tries again by itself.
    pub retries: u32,
}

impl Pace {
    /// So many writes in a second, and some reads.
    pub const fn writes(writes: u32) -> Pace {
        Pace { writes, reads: READS_PER_SECOND, retries: RETRIES }
    }
}

/// Writers, one for each shard, and a reader.
pub struct Load {
    begun: Instant,
    stop: Arc<AtomicBool>,
    writers: Vec<JoinHandle<Writer>>,
    reader: JoinHandle<Reader>,
    clock: JoinHandle<Duration>,
    acknowledged: Arc<Mutex<Vec<Write>>>,
}

/// What the clients saw.
pub struct Tally {
    /// Every acknowledged write.
    pub acknowledged: Vec<Write>,
    /// The longest time without an acknowledged write, for each shard.
    pub gaps: Vec<Duration>,
    /// When each of these gaps began.
    pub gap_starts: Vec<Instant>,
    /// Attempts that ended with an error.
    pub failures: usize,
    /// The last error of each shard's writer.
    pub errors: Vec<String>,
    /// The errors that writers and the reader met.
    pub met: Errors,
    /// Reads that were answered.
    pub reads: usize,
    /// Reads that returned something else than what was written, and when.
    pub wrong_reads: Vec<(Instant, String)>,
    /// The longest time that the test machine itself kept a thread waiting which wanted to run every 10 ms.
    pub stall: Duration,
    /// How long the clients were at it.
    pub lasted: Duration,
}

struct Writer {
    gap: Duration,
    gap_start: Instant,
    failures: usize,
    error: String,
    met: Errors,
}

#[derive(Default)]
struct Reader {
    answered: usize,
    wrong: Vec<(Instant, String)>,
    met: Errors,
}

/// Operations that failed after all that a client tries by itself: when those of each kind did, which is the text without numbers.
#[derive(Default)]
pub struct Errors(pub BTreeMap<String, Vec<Instant>>);

impl Errors {
    fn add(&mut self, error: &str) {
        self.0.entry(kind(error)).or_default().push(Instant::now());
    }

    fn join(&mut self, other: Errors) {
        for (kind, times) in other.0 {
            self.0.entry(kind).or_default().extend(times);
        }
    }
}

/// How many there were of each kind.
impl fmt::Debug for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(kind, times)| (kind, times.len()))).finish()
    }
}

/// What kind of error a text is: `MOVED # #:#`.
fn kind(error: &str) -> String {
    let mut kind = String::new();
    for char in error.chars() {
        match char {
            '0'..='9' | '.' if kind.ends_with('#') => {}
            '0'..='9' => kind.push('#'),
            char => kind.push(char),
        }
    }
    kind
}

/// A client that is made anew from the Service when it stops to get anywhere, as services do with theirs.
struct Client {
    cluster: Cluster,
    retries: u32,
    connection: Option<ClusterConnection>,
    /// When the first of the commands began that failed since one succeeded.
    failing_since: Option<Instant>,
    last_attempt: Option<Instant>,
    is_broken: bool,
}

impl Client {
    fn new(cluster: &Cluster) -> Client {
        let cluster = cluster.clone();
        let (connection, failing_since, last_attempt) = (None, None, None);
        Client {
            cluster,
            retries: RETRIES,
            connection,
            failing_since,
            last_attempt,
            is_broken: false,
        }
    }

    fn connect(&self) -> Result<ClusterConnection> {
        let cluster = &self.cluster;
        let places: Vec<_> = if cluster.is_outside || cluster.is_strict {
            let hosts = cluster.hosts.values().cloned();
            hosts.map(|(host, port)| cluster.place_at(host, port)).collect()
        } else {
            let mut addresses = cluster.world.endpoints(&cluster.client_service);
            if addresses.is_empty() {
                addresses = cluster.pods()?.iter().flat_map(|pod| pod.addresses()).collect();
            }
            addresses.into_iter().map(|address| cluster.place(address)).collect()
        };
        let seeds = places.into_iter().filter_map(|place| {
            place.into_connection_info().map(|place| cluster.log_in(place)).ok()
        });
        let mut builder = ClusterClient::builder(seeds);
        if let Some(certificates) = self.cluster.certificates() {
            builder = builder
                .certs(certificates)
                .danger_accept_invalid_hostnames(!self.cluster.is_strict);
        }
        // Whenever it is told that a slot has moved, the crate dials all servers that it has no connection to, one after
        // another, and those that have gone cost this much each. A handshake takes time where processors are few.
        let patience = if self.cluster.certificates().is_some() { 300 } else { 50 };
        let client = builder
            .connection_timeout(Duration::from_millis(patience))
            .response_timeout(Duration::from_millis(400) * self.cluster.world.patience)
            .retries(self.retries)
            .min_retry_wait(5)
            .max_retry_wait(30)
            .build()?;
        Ok(client.get_connection()?)
    }

    fn run<T: redis::FromRedisValue>(&mut self, command: &redis::Cmd) -> Result<T> {
        let now = Instant::now();
        let stuck =
            self.failing_since.is_some_and(|since| now - since > Duration::from_millis(100));
        let may_connect =
            self.last_attempt.is_none_or(|last| now - last > Duration::from_millis(250));
        if self.connection.is_none() || ((stuck || self.is_broken) && may_connect) {
            self.last_attempt = Some(now);
            self.connection = Some(self.connect()?);
            self.is_broken = false;
        }
        let connection = self.connection.as_mut().ok_or("no connection")?;
        let answer = command.query(connection);
        match &answer {
            Ok(_) => self.failing_since = None,
            // The crate keeps a connection to a server that has gone, and fails with it for ever while others work.
            Err(error) => {
                self.failing_since.get_or_insert(now);
                self.is_broken |= error.is_io_error();
            }
        }
        Ok(answer?)
    }
}

impl Load {
    /// Starts to write so many times each second in all, and to read what was written.
    pub fn start(cluster: &Cluster, shards: &[Shard], writes_per_second: u32) -> Load {
        Load::paced(cluster, shards, Pace::writes(writes_per_second))
    }

    /// The same without a second try for anything: each failed operation is counted.
    pub fn without_retries(cluster: &Cluster, shards: &[Shard], writes_per_second: u32) -> Load {
        Load::paced(cluster, shards, Pace { retries: 0, ..Pace::writes(writes_per_second) })
    }

    /// Starts to write and to read. Returns when every writer has written, so that no gap begins before; or after a
    /// while, where there is nothing to write to.
    pub fn paced(cluster: &Cluster, shards: &[Shard], pace: Pace) -> Load {
        let Pace { writes, reads, retries } = pace;
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(Mutex::new(Vec::new()));
        let (begun, beginnings) = mpsc::channel();
        let pause = Duration::from_secs(1) * u32::try_from(shards.len()).unwrap_or(1) / writes;
        let writers = shards
            .iter()
            .enumerate()
            .map(|(index, shard)| {
                let (stop, acknowledged) = (Arc::clone(&stop), Arc::clone(&acknowledged));
                let (client, shard) = (Client { retries, ..Client::new(cluster) }, shard.clone());
                let prefix = format!("{}:{index}", cluster.name);
                let begun = begun.clone();
                thread::spawn(move || {
                    client.cluster.go_there();
                    write(client, &shard, &prefix, pause, &stop, &acknowledged, begun)
                })
            })
            .collect();
        let deadline = Instant::now() + Duration::from_secs(10);
        for _ in shards {
            let left = deadline.saturating_duration_since(Instant::now());
            if beginnings.recv_timeout(left).is_err() {
                break;
            }
        }
        let reader = {
            let (stop, acknowledged) = (Arc::clone(&stop), Arc::clone(&acknowledged));
            let client = Client { retries, ..Client::new(cluster) };
            thread::spawn(move || {
                client.cluster.go_there();
                read(client, Duration::from_secs(1) / reads, &stop, &acknowledged)
            })
        };
        let clock = {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                let mut stall = Duration::ZERO;
                while !stop.load(Ordering::Relaxed) {
                    let start = Instant::now();
                    thread::sleep(Duration::from_millis(10));
                    stall = stall.max(start.elapsed());
                }
                stall
            })
        };
        Load { begun: Instant::now(), stop, writers, reader, clock, acknowledged }
    }

    /// Ends all clients.
    pub fn stop(self) -> Result<Tally> {
        self.stop.store(true, Ordering::Relaxed);
        let mut tally = Tally {
            acknowledged: Vec::new(),
            gaps: Vec::new(),
            gap_starts: Vec::new(),
            failures: 0,
            errors: Vec::new(),
            met: Errors::default(),
            reads: 0,
            wrong_reads: Vec::new(),
            stall: self.clock.join().map_err(|_| "the clock panicked")?,
            lasted: self.begun.elapsed(),
        };
        for writer in self.writers {
            let writer = writer.join().map_err(|_| "a writer panicked")?;
            tally.gaps.push(writer.gap);
            tally.gap_starts.push(writer.gap_start);
            tally.failures += writer.failures;
            tally.errors.push(writer.error);
            tally.met.join(writer.met);
        }
        let reader = self.reader.join().map_err(|_| "the reader panicked")?;
        tally.met.join(reader.met);
        tally.reads = reader.answered;
        tally.wrong_reads = reader.wrong;
        let mut acknowledged = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        tally.acknowledged = std::mem::take(&mut *acknowledged);
        Ok(tally)
    }
}

fn write(
    mut client: Client,
    shard: &Shard,
    prefix: &str,
    pause: Duration,
    stop: &AtomicBool,
    acknowledged: &Mutex<Vec<Write>>,
    begun: Sender<()>,
) -> Writer {
    let mut last = Instant::now();
    let mut writer = Writer {
        gap: Duration::ZERO,
        gap_start: last,
        failures: 0,
        error: String::new(),
        met: Errors::default(),
    };
    let mut keys = (0u64..).map(|number| format!("{prefix}:{number}"));
    let mut next = Instant::now();
    let mut begun = Some(begun);
    while !stop.load(Ordering::Relaxed) {
        let of_shard = |key: &String| shard.serves(slot(key));
        let Some(key) = keys.find(of_shard) else { break };
        let mut command = redis::cmd("SET");
        command.arg(&key).arg(&key);
        // The same write again until it is acknowledged: a client's error does not say that it was not done.
        while !stop.load(Ordering::Relaxed) {
            match client.run::<String>(&command) {
                Ok(_) => {
                    let now = Instant::now();
                    match begun.take() {
                        // Whether anybody waits for it does not matter.
                        Some(begun) => _ = begun.send(()),
                        None if now - last > writer.gap => {
                            writer.gap = now - last;
                            writer.gap_start = last;
                        }
                        None => {}
                    }
                    last = now;
                    let mut all = acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
                    all.push(Write { key: key.clone(), at: now });
                    break;
                }
                Err(error) => {
                    writer.failures += 1;
                    writer.error = error.to_string();
                    writer.met.add(&writer.error);
                    thread::sleep(Duration::from_millis(10));
                }
            }
        }
        next = after(next, pause);
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    // A shard that never came back has a gap until the end.
    let now = Instant::now();
    if now - last > writer.gap {
        writer.gap = now - last;
        writer.gap_start = last;
    }
    writer
}

/// When the next operation is due: what was due while others took long is done as soon as it can be, as where requests
/// queue up, but not what was due long ago.
fn after(last: Instant, pause: Duration) -> Instant {
    const QUEUE: Duration = Duration::from_secs(1);
    (last + pause).max(Instant::now() - QUEUE)
}

/// The slot of a key without braces (Redis Cluster specification, key distribution model).
pub fn slot(key: &str) -> u16 {
    crc16::State::<crc16::XMODEM>::calculate(key.as_bytes()) % 16384
}

fn read(
    mut client: Client,
    pause: Duration,
    stop: &AtomicBool,
    acknowledged: &Mutex<Vec<Write>>,
) -> Reader {
    let mut reader = Reader::default();
    let mut next = Instant::now();
    let mut turn = 0usize;
    while !stop.load(Ordering::Relaxed) {
        turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let key = {
            let all = acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
            all.get((turn >> 33) % all.len().max(1)).map(|write| write.key.clone())
        };
        if let Some(key) = key {
            let value: Result<Option<String>> = client.run(redis::cmd("GET").arg(&key));
            match value {
                Ok(value) => {
                    reader.answered += 1;
                    // An answer has to be right.
                    if value.as_ref() != Some(&key) {
                        reader.wrong.push((Instant::now(), format!("{key} = {value:?}")));
                    }
                }
                Err(error) => reader.met.add(&error.to_string()),
            }
        }
        next = after(next, pause);
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    reader
}

impl Tally {
    /// Acknowledged writes in a second.
    pub fn rate(&self) -> f64 {
        self.acknowledged.len() as f64 / self.lasted.as_secs_f64()
    }

    /// The longest gap of any shard.
    pub fn longest_gap(&self) -> Duration {
        self.gaps.iter().copied().max().unwrap_or_default()
    }

    /// Acknowledged writes that the cluster does not have any more, of those before a moment.
    pub fn lost(&self, cluster: &Cluster, before: Option<Instant>) -> Result<Vec<String>> {
        let there = cluster.keys()?;
        let wanted = self
            .acknowledged
            .iter()
            .filter(|write| before.is_none_or(|before| write.at <= before))
            .map(|write| write.key.clone());
        Ok(wanted.filter(|key| !there.contains(key)).collect())
    }
}

/// Writes numbered keys all over the cluster, once each, and returns them.
pub fn fill(cluster: &Cluster, count: usize, prefix: &str) -> Result<BTreeSet<String>> {
    let keys: BTreeSet<_> = (0..count).map(|n| format!("{}:{prefix}:{n}", cluster.name)).collect();
    write_once(cluster, &keys)?;
    Ok(keys)
}

/// A key for each slot.
pub fn key_for_each_slot(prefix: &str) -> BTreeSet<String> {
    let mut keys = BTreeMap::new();
    let mut all = (0u64..).map(|number| format!("{prefix}:{number}"));
    while keys.len() < 16384 {
        let Some(key) = all.next() else { break };
        keys.entry(slot(&key)).or_insert(key);
    }
    keys.into_values().collect()
}

/// Writes each key once, as its own value.
pub fn write_once(cluster: &Cluster, keys: &BTreeSet<String>) -> Result<()> {
    cluster.there(|| {
        let mut client = Client::new(cluster);
        for key in keys {
            client.run::<String>(redis::cmd("SET").arg(key).arg(key))?;
        }
        Ok(())
    })?
}

/// Keys of a set that cannot be read through a client, with the reason.
pub fn unreadable(cluster: &Cluster, keys: &BTreeSet<String>) -> Result<BTreeMap<String, String>> {
    cluster.there(|| {
        let mut client = Client::new(cluster);
        keys.iter()
            .filter_map(|key| match client.run::<Option<String>>(redis::cmd("GET").arg(key)) {
                Ok(Some(value)) if value == *key => None,
                Ok(value) => Some((key.clone(), format!("{value:?}"))),
                Err(error) => Some((key.clone(), error.to_string())),
            })
            .collect()
    })
}

/// Writes many numbered keys with values of so many bytes, in batches to each shard's master.
pub fn fill_many(cluster: &Cluster, shards: &[Shard], count: u32, bytes: usize) -> Result<()> {
    const BATCH: usize = 2000;
    let mut masters = Vec::new();
    for shard in shards {
        let pod = cluster.world.pod(&shard.master)?;
        masters.push((shard, cluster.connect(&pod)?, redis::pipe(), 0));
    }
    let value = "v".repeat(bytes);
    for number in 0..count {
        let key = numbered(number);
        let slot = slot(&key);
        let master = masters.iter_mut().find(|(shard, ..)| shard.serves(slot));
        let (_, connection, pipe, waiting) = master.ok_or("a slot of nobody")?;
        pipe.set(key, &value).ignore();
        *waiting += 1;
        if *waiting == BATCH {
            pipe.query::<()>(connection)?;
            pipe.clear();
            *waiting = 0;
        }
    }
    for (_, connection, pipe, _) in &mut masters {
        pipe.query::<()>(connection)?;
    }
    Ok(())
}

fn numbered(number: u32) -> String {
    format!("many:{number}")
}

/// A client that reads one of many numbered keys after the other, and how long each answer took.
pub struct Sampler {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<(Instant, Duration)>>,
}

impl Sampler {
    /// Starts to read some 300 keys in a second.
    pub fn start(cluster: &Cluster, count: u32) -> Sampler {
        let stop = Arc::new(AtomicBool::new(false));
        let (mut client, stopped) = (Client::new(cluster), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            client.cluster.go_there();
            let mut samples = Vec::new();
            let mut number = 1u32;
            while !stopped.load(Ordering::Relaxed) {
                number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let key = numbered((number >> 8) % count);
                let start = Instant::now();
                // One that fails is asked again, and its client waits for it all the time.
                while client.run::<Option<String>>(redis::cmd("GET").arg(&key)).is_err()
                    && !stopped.load(Ordering::Relaxed)
                {}
                samples.push((start, start.elapsed()));
                thread::sleep(Duration::from_millis(3));
            }
            samples
        });
        Sampler { stop, thread }
    }

    /// Ends it.
    pub fn stop(self) -> Result<Vec<(Instant, Duration)>> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the client panicked".into())
    }
}
