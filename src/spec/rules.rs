//! Everything that can be wrong with a spec: a table of rules, each with its code, its name, its story and its check.
//!
//! A rule's name is also the name of its fixture `tests/reject/NAME.yaml` and of its part of `docs/rules.md`. Codes are never given
//! twice: what leaves the table leaves a gap.

mod auth;
mod backup;
mod config;
mod engine;
mod external;
mod grammar;
mod kube;
mod lifecycle;
mod memory;
mod names;
mod network;
mod objects;
mod observability;
mod pod;
mod quantities;
mod storage;
mod structure;
mod text;
mod tls;
mod topology;
mod yaml;

use std::{cell::OnceCell, collections::BTreeSet};

use super::{
    Options,
    directives::Version,
    kube::Kube,
    types::{DirectiveValue, RedisCluster, Spec},
    written::{self, Written},
};
use crate::{
    error::{Problem, Severity},
    objects::{Identity, identities},
    plan::{Plan, memory as memory_plan},
};

pub use config::owned as directive_owner;
pub(super) use structure::{
    ANOTHER_FORMAT, MISSING_FIELD, NOT_ONE_OF, OUT_OF_BOUNDS, UNKNOWN_FIELD, WRONG_TYPE,
};

/// What can be wrong with a spec.
pub struct Rule {
    /// What reports show, such as `RCG211`.
    pub code: &'static str,
    /// What people call it, such as `too-few-shards`.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one sentence without a final full stop.
    pub title: &'static str,
    /// Why it is so, and what to write instead: paragraphs of Markdown.
    pub story: &'static str,
    /// What finds it; `None` for what the reader of YAML or the schema finds.
    check: Option<Check>,
}

type Check = fn(&Facts<'_>, &mut Findings);

/// All rules, in the order of their codes.
pub const RULES: &[Rule] = &[
    yaml::NOT_YAML,
    yaml::NOT_UTF8,
    yaml::TOO_LARGE,
    yaml::TOO_DEEP,
    yaml::SEVERAL_DOCUMENTS,
    yaml::DUPLICATE_KEY,
    yaml::KEY_NOT_TEXT,
    yaml::ANCHOR,
    yaml::MERGE_KEY,
    yaml::AMBIGUOUS,
    yaml::TAG,
    yaml::EMPTY,
    yaml::NOT_REPRESENTABLE,
    yaml::CHARACTER,
    yaml::FRAGILE,
    structure::ANOTHER_FORMAT,
    structure::UNKNOWN_FIELD,
    structure::MISSING_FIELD,
    structure::WRONG_TYPE,
    structure::NOT_ONE_OF,
    structure::OUT_OF_BOUNDS,
    names::CLUSTER_NAME,
    names::NAMESPACE_NAME,
    names::LABEL_SYNTAX,
    names::OWNED_LABEL,
    names::ANNOTATION_SYNTAX,
    names::OWNED_ANNOTATION,
    names::OBJECT_NAME,
    names::SECRET_KEY,
    topology::TOO_FEW_SHARDS,
    topology::TOO_MANY_SHARDS,
    topology::TOO_MANY_REPLICAS,
    topology::TOO_MANY_PODS,
    topology::NO_REPLICAS,
    topology::ZONE_NAME,
    topology::DUPLICATE_ZONE,
    topology::TOO_FEW_ZONES,
    topology::SPREAD_OF_ALL_PODS,
    engine::FLOATING_VERSION,
    engine::VERSION_SYNTAX,
    engine::ENGINE_TOO_OLD,
    engine::ENGINE_TOO_NEW,
    engine::IMAGE_SYNTAX,
    engine::IMAGE_NOT_PINNED,
    engine::IMAGE_CONTRADICTS_VERSION,
    engine::IMAGE_FROM_BITNAMI,
    engine::IMAGE_OF_OTHER_ENGINE,
    engine::REGISTRY_UNUSED,
    engine::REGISTRY_SYNTAX,
    quantities::QUANTITY_SYNTAX,
    quantities::QUANTITY_NOT_POSITIVE,
    quantities::THOUSANDTHS_OF_BYTES,
    quantities::DECIMAL_BYTES,
    quantities::RESOURCE_NAME,
    topology::RETIRING_NOTHING,
    topology::TOO_MANY_RETIRING,
    topology::RETIRING_WITHOUT_JOB,
    topology::RETIRING_LAYOUT,
    storage::NO_STORAGE,
    storage::STORAGE_TWICE,
    storage::EPHEMERAL_WITH_FILES,
    storage::VOLUME_WITHOUT_FILES,
    storage::VOLUME_TOO_SMALL,
    storage::ACCESS_MODES,
    storage::VOLUMES_DELETED,
    storage::SNAPSHOT_INTERVAL,
    storage::UNUSED_SETTING,
    storage::EPHEMERAL_IN_MEMORY,
    memory::MAXMEMORY_ABOVE_LIMIT,
    memory::MAXMEMORY_ABOVE_HEADROOM,
    memory::NO_MEMORY_BOUND,
    memory::TOO_LITTLE_MEMORY,
    memory::REQUEST_ABOVE_LIMIT,
    memory::HEADROOM_BOUNDS,
    memory::CACHE_WITHOUT_EVICTION,
    memory::SMALL_CPU_LIMIT,
    config::UNKNOWN_DIRECTIVE,
    config::UNCERTAIN_DIRECTIVE,
    config::OWNED_DIRECTIVE,
    config::SECRET_IN_CONFIG,
    config::DIRECTIVE_LINE,
    config::DIRECTIVE_LIST,
    config::DIRECTIVE_VALUE,
    config::DEPRECATED_DIRECTIVE,
    config::IGNORED_DIRECTIVE,
    config::NODE_TIMEOUT_BOUNDS,
    config::WRITES_NEVER_TAKEN,
    config::WRITES_STOP_AT_RESTARTS,
    config::REPLICA_MIGRATION,
    config::NO_FAILOVER,
    network::PORT_BOUNDS,
    network::PORTS_EQUAL,
    network::PRIVILEGED_PORT,
    network::IP_FAMILIES,
    network::HOSTNAME_NOT_ANNOUNCED,
    network::CLUSTER_DOMAIN,
    network::HOSTNAME_TOO_LONG,
    network::NO_NETWORK_POLICY,
    network::NETWORK_POLICY_PEER,
    network::CIDR_SYNTAX,
    network::METRICS_FOR_EVERYBODY,
    lifecycle::TIMING_OUT_OF_BOUNDS,
    lifecycle::LIVENESS_TOO_STRICT,
    lifecycle::PROBE_TIMEOUT_BEYOND_PERIOD,
    lifecycle::STARTUP_TOO_SHORT,
    lifecycle::GRACE_PERIOD_TOO_SHORT,
    lifecycle::MIN_READY_TOO_SHORT,
    lifecycle::BUDGET_BLOCKS_DRAINS,
    lifecycle::BUDGET_TAKES_MAJORITY,
    lifecycle::BUDGET_TAKES_SHARD,
    lifecycle::SAFEGUARD_OFF,
    lifecycle::STARTUP_SHORTER_THAN_GUARD,
    lifecycle::NUMBER_TOO_LARGE,
    pod::OWNED_VARIABLE,
    pod::VARIABLE_NAME,
    pod::DUPLICATE_NAME,
    pod::OWNED_VOLUME,
    pod::ITEM_NAME,
    pod::OWNED_MOUNT,
    pod::UNKNOWN_VOLUME,
    pod::OWNED_CONTAINER,
    pod::NO_IMAGE,
    pod::PORT_TAKEN,
    pod::HOST_ACCESS,
    pod::NOT_RESTRICTED,
    kube::KUBERNETES_FIELD,
    kube::KUBERNETES_VALUE,
    pod::TOLERATION,
    pod::SECRET_IN_VARIABLE,
    pod::ROOT_FORBIDDEN,
    pod::CONTAINER_NOT_PINNED,
    objects::PATCH_WITHOUT_TARGET,
    objects::PATCH_OF_IDENTITY,
    objects::EMPTY_PATCH,
    objects::PATCH_NOT_UNDERSTOOD,
    objects::NOT_A_MANIFEST,
    objects::SECRET_IN_MANIFEST,
    objects::MANIFEST_TWICE,
    objects::PATCH_ADDS_CONTAINER,
    objects::PATCH_OF_CLAIMS,
    objects::PATCH_WEAKENS_PODS,
    text::SUBSTITUTED_TEXT,
    text::TRAILING_BLANKS,
    objects::MANIFEST_ELSEWHERE,
    objects::PATCH_OF_FIELD,
    objects::OUTPUT_TOO_LARGE,
    observability::EXPORTER_MISSING,
    observability::MONITOR_MISSING,
    observability::INTERVAL_SYNTAX,
    observability::THRESHOLD_OUT_OF_BOUNDS,
    observability::RUNBOOK_URL,
    auth::USER_NAME,
    auth::DUPLICATE_USER,
    auth::COMMAND_RULE,
    auth::KEY_PATTERN,
    auth::USERS_WITHOUT_PASSWORD,
    tls::NO_CERTIFICATE,
    tls::CERTIFICATE_TIMES,
    tls::CERTIFICATE_NAMES,
    tls::CERTIFICATE_WITHOUT_NAMESPACE,
    auth::NOBODY_LOGS_IN,
    auth::UNKNOWN_COMMAND,
    auth::RULES_OVERRIDDEN,
    auth::UNCERTAIN_COMMAND,
    auth::FLUSHES_FOREIGN_KEYS,
    external::EXTERNAL_HOSTS,
    external::EXTERNAL_HOST_COUNT,
    external::EXTERNAL_HOST_SYNTAX,
    external::EXTERNAL_HOST_TWICE,
    external::EXTERNAL_CONTRADICTED,
    external::EXTERNAL_SOURCE_RANGE,
    external::EXTERNAL_SHUT_OUT,
    external::EXTERNAL_UNPROTECTED,
    external::EXTERNAL_CLASS,
    external::EXTERNAL_PLAINTEXT,
    external::EXTERNAL_NODE_PORTS,
    external::EXTERNAL_PORT_TAKEN,
    external::EXTERNAL_NODE_PORT_LIMITS,
    backup::SCHEDULE_SYNTAX,
    backup::TIME_ZONE_SYNTAX,
    backup::BACKUP_GOES_NOWHERE,
    backup::BACKUP_NAME,
    backup::TASK_CONTAINER,
    backup::NO_BACKUP_KEPT,
    tls::ISSUER_SYNTAX,
];

/// The rule with a code or a name.
pub fn find(code: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.code.eq_ignore_ascii_case(code) || rule.name == code)
}

/// What a code stands for.
pub fn title(code: &str) -> Option<&'static str> {
    find(code).map(|rule| rule.title)
}

/// What rules judge.
pub(super) struct Facts<'a> {
    /// The spec as it was understood.
    cluster: &'a RedisCluster,
    /// `cluster.spec`.
    spec: &'a Spec,
    /// What the command line says.
    options: &'a Options,
    /// The engine's version, where it can be read.
    version: Option<Version>,
    /// The spec as it was written.
    written: &'a Written<'a>,
    /// What is not as it was written.
    repaired: &'a BTreeSet<String>,
    plan: OnceCell<Plan>,
    objects: OnceCell<Vec<Identity>>,
    misspelt: OnceCell<BTreeSet<String>>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(
        cluster: &'a RedisCluster,
        options: &'a Options,
        written: &'a Written<'a>,
        repaired: &'a BTreeSet<String>,
    ) -> Facts<'a> {
        let spec = &cluster.spec;
        let version = Version::parse(&spec.engine.version);
        let (plan, objects, misspelt) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Facts { cluster, spec, options, version, written, repaired, plan, objects, misspelt }
    }

    /// Whether something is written at a pointer.
    fn has(&self, pointer: &str) -> bool {
        self.written.has(pointer)
    }

    /// Whether a value, or part of it, is not as it was written.
    fn is_repaired(&self, pointer: &str) -> bool {
        if self.repaired.is_empty() {
            return false;
        }
        let above = pointer.match_indices('/').map(|(end, _)| &pointer[..end]).chain([pointer]);
        let below = format!("{pointer}/");
        above.into_iter().any(|above| self.repaired.contains(above))
            || self
                .repaired
                .range(below.clone()..)
                .next()
                .is_some_and(|next| next.starts_with(&below))
    }

    /// What is rendered, for rules about the objects. `None` when there would be too many of them, or when their names would be no names:
    /// each of up to 500 shards has them many times.
    fn plan(&self) -> Option<&Plan> {
        let topology = &self.spec.topology;
        let is_name = |name: &str| name.len() <= 253;
        let is_small = topology.rendered_shards() <= 500
            && topology.rendered_pods_per_shard() <= 11
            && is_name(&self.cluster.metadata.name)
            && self.namespace().is_none_or(is_name);
        is_small.then(|| self.plan.get_or_init(|| Plan::new(self.cluster, self.options)))
    }

    /// What is rendered, if a rule wanted to know.
    pub(super) fn into_plan(self) -> Option<Plan> {
        self.plan.into_inner()
    }

    /// The cluster's own objects; `None` where there is no plan.
    fn objects(&self) -> Option<&[Identity]> {
        let plan = self.plan()?;
        Some(self.objects.get_or_init(|| identities(plan)))
    }

    /// Whether Kubernetes does not know one of the fields of the value at a pointer.
    fn is_misspelt(&self, pointer: &str) -> bool {
        self.misspelt.get_or_init(|| kube::misspelt(self)).contains(pointer)
    }

    /// The namespace of the objects, where it is known.
    fn namespace(&self) -> Option<&'a str> {
        self.options.namespace.as_deref().or(self.cluster.metadata.namespace.as_deref())
    }

    /// The container's memory limit in bytes, where there is one that makes sense.
    fn memory_limit(&self) -> Option<u64> {
        let limit = self.spec.pod.resources.limits.get("memory")?;
        Some(limit.whole()).filter(|bytes| *bytes > 0)
    }

    /// `maxmemory` in bytes, given or derived, where it makes sense.
    fn maxmemory(&self) -> Option<u64> {
        memory_plan::maxmemory(self.spec).filter(|bytes| *bytes > 0)
    }

    /// Adds where `maxmemory` comes from to a finding that rests on it.
    fn about_maxmemory(&self, finding: Finding) -> Finding {
        let (maxmemory, limit) = ("/spec/memory/maxmemory", "/spec/pod/resources/limits/memory");
        match (self.has(maxmemory), self.has(limit)) {
            (true, _) => finding.related(maxmemory, "`maxmemory`"),
            (false, true) => {
                finding.related(limit, "`maxmemory` follows from this").needs("/spec/memory")
            }
            (false, false) => finding
                .needs("/spec/memory")
                .needs(limit)
                .note("the memory limit is the default, 512Mi"),
        }
    }

    /// A directive under one of its spellings.
    fn directive(&self, spellings: &[&str]) -> Option<(String, &'a DirectiveValue)> {
        let name = spellings.iter().find(|name| self.spec.config.contains_key(**name))?;
        Some((written::join("/spec/config", name), self.spec.config.get(*name)?))
    }

    /// A directive's value, when it is a whole number.
    fn number(&self, spellings: &[&str]) -> Option<(String, i64)> {
        let (pointer, value) = self.directive(spellings)?;
        let number = match value {
            DirectiveValue::Integer(number) => *number,
            DirectiveValue::Text(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        Some((pointer, number))
    }

    /// `cluster-node-timeout` in milliseconds; the default for one that is refused.
    fn node_timeout(&self) -> u64 {
        let timeout = self
            .number(&["cluster-node-timeout"])
            .and_then(|(_, timeout)| u64::try_from(timeout).ok());
        timeout.filter(|timeout| (1000..=60_000).contains(timeout)).unwrap_or(5000)
    }

    /// For how long the entrypoint keeps back a master that lost its data.
    fn guard_seconds(&self) -> u64 {
        (2 * self.node_timeout()).div_ceil(1000) + 3
    }
}

/// The Kubernetes values of a list that could be decoded, with their pointers.
fn understood<'a, T>(pointer: &str, kubes: &'a [Kube<T>]) -> impl Iterator<Item = (String, &'a T)> {
    kubes
        .iter()
        .enumerate()
        .filter(|(_, kube)| kube.mistakes.iter().all(|mistake| mistake.reason.is_none()))
        .map(move |(index, kube)| (written::join(pointer, index), &kube.typed))
}

/// A number with its noun.
fn plural(number: impl Into<u64>, noun: &str) -> String {
    match number.into() {
        1 => format!("1 {noun}"),
        number => format!("{number} {noun}s"),
    }
}

/// What a rule found.
pub(super) struct Finding {
    pointer: String,
    at_key: bool,
    is_lacking: bool,
    mark: Option<String>,
    message: String,
    label: String,
    related: Vec<(String, String)>,
    needs: Vec<String>,
    notes: Vec<String>,
    help: Vec<String>,
}

impl Finding {
    /// Something wrong with the value at a pointer. The message is one sentence that contains the value, without a final full stop.
    fn at(pointer: impl Into<String>, message: impl Into<String>) -> Finding {
        Finding {
            pointer: pointer.into(),
            at_key: false,
            is_lacking: false,
            mark: None,
            message: message.into(),
            label: String::new(),
            related: Vec::new(),
            needs: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
        }
    }

    /// Something that the value at a pointer lacks. It is not reported where Kubernetes does not know one of the value's fields: that is
    /// probably the one, misspelt.
    fn lacking(pointer: impl Into<String>, message: impl Into<String>) -> Finding {
        Finding { is_lacking: true, ..Finding::at(pointer, message) }
    }

    /// Something wrong with the key at a pointer.
    fn at_key(pointer: impl Into<String>, message: impl Into<String>) -> Finding {
        Finding { at_key: true, ..Finding::at(pointer, message) }
    }

    /// Points at a part of the value, as it is written.
    fn mark(mut self, part: impl Into<String>) -> Finding {
        self.mark = Some(part.into());
        self
    }

    /// A few words below the caret.
    fn label(mut self, label: impl Into<String>) -> Finding {
        self.label = label.into();
        self
    }

    /// A second place that the message is about; shown when it is written.
    fn related(mut self, pointer: impl Into<String>, label: impl Into<String>) -> Finding {
        self.related.push((pointer.into(), label.into()));
        self
    }

    /// Another value that the finding rests on: it is not reported when that one could not be understood.
    fn needs(mut self, pointer: impl Into<String>) -> Finding {
        self.needs.push(pointer.into());
        self
    }

    /// Why it is so.
    fn note(mut self, note: impl Into<String>) -> Finding {
        self.notes.push(note.into());
        self
    }

    /// What to write instead.
    fn help(mut self, help: impl Into<String>) -> Finding {
        self.help.push(help.into());
        self
    }

    fn into_problem(self, rule: &Rule, facts: &Facts<'_>) -> Option<Problem> {
        let Finding {
            pointer,
            at_key,
            is_lacking,
            mark,
            message,
            label,
            related,
            needs,
            notes,
            help,
        } = self;
        let rests_on = related.iter().map(|(pointer, _)| pointer).chain(&needs);
        if rests_on.chain([&pointer]).any(|pointer| facts.is_repaired(pointer)) {
            return None;
        }
        if is_lacking && facts.is_misspelt(&pointer) {
            return None;
        }
        let written = facts.written;
        let place = match mark.and_then(|mark| written.part(&pointer, &mark)) {
            Some(place) => place,
            None if at_key => written.key(&pointer),
            None => written.value(&pointer),
        };
        let related = related
            .into_iter()
            .filter(|(pointer, _)| written.has(pointer))
            .map(|(pointer, label)| (written.value(&pointer), label))
            .collect();
        let Rule { code, severity, .. } = *rule;
        Some(Problem { code, severity, message, place, label, related, notes, help })
    }
}

/// What a rule found: the first findings, and how many more there are.
#[derive(Default)]
pub(super) struct Findings {
    told: Vec<Finding>,
    untold: usize,
}

impl Findings {
    /// How many findings of one rule are told; the rest is only counted.
    const MOST: usize = 100;

    /// Takes a finding down, unless there are enough: then its words are not even made.
    fn push(&mut self, finding: impl FnOnce() -> Finding) {
        if self.told.len() < Findings::MOST {
            self.told.push(finding());
        } else {
            self.untold += 1;
        }
    }
}

/// Everything that the rules have to say about a spec.
pub(super) fn check(facts: &Facts<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for rule in RULES {
        let Some(check) = rule.check else { continue };
        let mut found = Findings::default();
        check(facts, &mut found);
        let Findings { told, untold } = found;
        problems.extend(told.into_iter().filter_map(|finding| finding.into_problem(rule, facts)));
        if let (1.., Some(last)) = (untold, problems.last_mut()) {
            last.notes.push(format!("{untold} more of this kind are not shown"));
        }
    }
    problems
}
