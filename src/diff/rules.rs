//! What changes do: a table of rules, each with its class, its source, its story and its check.
//!
//! Of the rules that a change meets, the one of the worst class decides; among those of one class the later one, which is the more special. The last rule
//! is for what no other is about, so no change is without a class.

mod config;
mod engine;
mod external;
mod identity;
mod immutable;
mod objects;
mod template;
mod topology;
mod users;
mod values;

use serde_json::Value;

use super::{
    class::Class,
    conf,
    object::{Id, Object, Side},
    path::Path,
    tree::Difference,
    workload,
};
use crate::spec::KubeVersion;

/// Rules about changes that pods of before and after cannot live with at the same time.
pub const TOGETHER: [&str; 3] = ["RCG653", "RCG664", "RCG698"];

/// Rules whose next step lets pods restart one after the other.
pub(super) const ONE_BY_ONE: [&str; 2] = ["RCG631", "RCG632"];

/// What a change can do.
pub struct Rule {
    /// What all formats show, such as `RCG691`. Never given twice.
    pub code: &'static str,
    /// What people call it, such as `stateful-set-removed`.
    pub name: &'static str,
    /// What the change does.
    pub class: Class,
    /// What the change is, in one sentence without a final full stop.
    pub title: &'static str,
    /// Why it does so, and what to do: paragraphs of Markdown.
    pub story: &'static str,
    /// What to do next, `NAME`, `NAMESPACE` and `KIND` standing for the object's; empty where there is nothing to do.
    pub next: &'static str,
    /// The minor versions of Kubernetes that it holds for, from and to; empty for all that are supported.
    pub kubernetes: &'static [(u32, u32)],
    /// Where it is known from.
    pub source: &'static str,
    /// Which pods it concerns.
    pub(super) pods: Pods,
    /// Says what the change does, in a few words, if the rule is about it.
    pub(super) check: fn(&Facts<'_>) -> Option<String>,
}

impl Rule {
    /// What to do next, with the names of the objects that it is about, which are of one kind and in one namespace; empty where there is nothing to do.
    pub fn next_for(&self, first: &Id, names: &[&str]) -> String {
        let namespace = match first.namespace.as_str() {
            "" => String::new(),
            namespace => format!(" -n {namespace}"),
        };
        let step = self.next.replace(" NAMESPACE", &namespace).replace("KIND", &first.kind);
        step.replace("NAME", &names.join(" "))
    }
}

/// Which pods a rule concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pods {
    /// None.
    None,
    /// Those of the object, or of the StatefulSets that use it.
    All,
    /// Those that are there on one side only.
    Differing,
    /// Those that are marked as on their way out on one side only.
    Retiring,
}

/// What rules have where they say nothing else.
const BASE: Rule = Rule {
    code: "",
    name: "",
    class: Class::None,
    title: "",
    story: "",
    next: "",
    kubernetes: &[],
    source: "",
    pods: Pods::None,
    check: |_| None,
};

/// All rules, in the order of their codes.
pub const RULES: &[Rule] = &[
    values::SAME_MEANING,
    values::COMMENTS,
    values::FIELD_IGNORED,
    values::ATTRIBUTES_CLASS_IGNORED,
    objects::METADATA,
    config::LIVE_DIRECTIVE,
    config::LIVE_FILE,
    topology::REPLICAS_ADDED,
    topology::UPDATE_STRATEGY,
    objects::POLICY,
    objects::SERVICE,
    objects::OBJECT_ADDED,
    objects::OBJECT_REMOVED,
    objects::JOB_ADDED,
    objects::JOB_REMOVED,
    objects::MONITORING,
    topology::RETAINED,
    topology::CLUSTER_ADDED,
    objects::JOB_SETTINGS,
    objects::CLAIM_GROWN,
    topology::SET_SETTINGS,
    objects::ATTRIBUTES_CLASS,
    topology::MAX_UNAVAILABLE,
    objects::CERTIFICATE,
    template::WAITS,
    config::CONFIG_WAITS,
    config::ENVIRONMENT_WAITS,
    topology::PODS_RETIRE,
    topology::PODS_STAY,
    topology::RETIRED_PODS_LEAVE,
    template::TEMPLATE,
    engine::PATCHED,
    engine::UPGRADED,
    config::RESTART_DIRECTIVE,
    config::CONFIG_HASH,
    template::RESOURCES,
    config::RESTART_FILE,
    template::OTHER_WORKLOAD,
    topology::SHARD_ADDED,
    topology::PODS_ADDED,
    config::CLIENT_PORT,
    config::ANNOUNCED,
    config::PASSWORD,
    template::PASSWORD_REFERENCE,
    engine::DOWNGRADED,
    engine::REPLACED,
    objects::SERVICE_SELECTOR,
    objects::SERVICE_REMOVED,
    config::MAXMEMORY_LOWERED,
    objects::CLUSTER_IP_KEPT,
    objects::NOT_READY_HIDDEN,
    config::ENCRYPTION,
    users::USERS,
    users::USER_GONE,
    users::DEFAULT_USER_OFF,
    immutable::STATEFUL_SET,
    immutable::CLAIM_RESIZED,
    immutable::CLAIM_SHRUNK,
    immutable::CLAIM_TEMPLATE,
    immutable::JOB,
    immutable::CLUSTER_IP,
    immutable::IP_FAMILY,
    immutable::LOAD_BALANCER_CLASS,
    immutable::HEALTH_CHECK_PORT,
    immutable::DATA,
    immutable::SECRET_TYPE,
    immutable::VOLUME_SHRUNK,
    immutable::VOLUME,
    immutable::ROLE_REF,
    immutable::WORKLOAD_SELECTOR,
    immutable::SELECTOR_WITHOUT_LABELS,
    immutable::JOB_RESOURCES,
    identity::STATEFUL_SET_REMOVED,
    topology::REPLICAS_REMOVED,
    identity::LAYOUT,
    identity::RENAMED,
    identity::NAMESPACE,
    topology::VOLUMES_DELETED,
    topology::ORDINALS,
    config::BUS_PORT,
    config::PERSISTENCE_OFF,
    config::PERSISTENCE_SWITCHED,
    config::FILES_ELSEWHERE,
    template::DATA_VOLUME,
    config::EVICTION,
    config::MAXMEMORY_EVICTS,
    template::LIMIT_BELOW_MAXMEMORY,
    engine::FILES_UNREADABLE,
    config::DIRECTIVE_UNKNOWN,
    config::CLUSTER_MODE,
    objects::FORCED,
    identity::STORAGE_REMOVED,
    topology::MAX_UNAVAILABLE_MANY,
    identity::USED_OBJECT_REMOVED,
    identity::HEADLESS_SERVICE_REMOVED,
    external::EXTERNAL_HOST,
    external::POD_SERVICE_REMOVED,
    external::LOAD_BALANCER_ANNOTATION,
    external::SOURCE_RANGES,
    external::LOAD_BALANCER_GONE,
    external::NODE_PORT,
    objects::CRON_JOB,
    objects::CLASS_GIVEN,
    config::PLAINTEXT_PORT,
    objects::ISSUER,
    objects::ANYTHING,
];

/// The rule with a code or a name.
pub fn find(code: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.code.eq_ignore_ascii_case(code) || rule.name == code)
}

/// What a code stands for.
pub fn title(code: &str) -> Option<&'static str> {
    find(code).map(|rule| rule.title)
}

/// What rules judge: one change, and all that is around it.
pub struct Facts<'a> {
    /// The object that changes.
    pub id: &'a Id,
    /// It, on the old side.
    pub old: Option<&'a Object>,
    /// It, on the new side.
    pub new: Option<&'a Object>,
    /// What is not what it was; its path is the root where the whole object comes or goes.
    pub difference: &'a Difference,
    /// All objects of the old side.
    pub before: &'a Side,
    /// All objects of the new side.
    pub after: &'a Side,
}

impl<'a> Facts<'a> {
    fn is_kind(&self, kind: &str) -> bool {
        self.id.kind == kind
    }

    fn path(&self) -> &Path {
        &self.difference.path
    }

    fn is_added(&self) -> bool {
        self.old.is_none()
    }

    fn is_removed(&self) -> bool {
        self.new.is_none()
    }

    /// Both versions of an object that stays.
    fn both(&self) -> Option<(&'a Object, &'a Object)> {
        Some((self.old?, self.new?))
    }

    /// Whether a value of an object that stays is another one than before.
    fn is_change(&self) -> bool {
        self.both().is_some() && !self.difference.same
    }

    fn old_text(&self) -> &str {
        self.difference.old.as_ref().and_then(Value::as_str).unwrap_or_default()
    }

    fn new_text(&self) -> &str {
        self.difference.new.as_ref().and_then(Value::as_str).unwrap_or_default()
    }

    /// The name of the directive that changes, if it is one.
    fn directive(&self) -> Option<&str> {
        (self.difference.directive && !self.difference.same).then(|| self.path().last())
    }

    /// The StatefulSets that the change reaches, as they are before it, or after it where they are new.
    fn stateful_sets(&self) -> Vec<&'a Object> {
        match (self.old, self.new) {
            (Some(object), _) | (None, Some(object)) if object.id.kind == "StatefulSet" => {
                vec![object]
            }
            (Some(object), _) if matches!(object.id.kind.as_str(), "ConfigMap" | "Secret") => {
                workload::users(self.before, object).map(|(set, _)| set).collect()
            }
            (None, Some(object)) => {
                workload::users(self.after, object).map(|(set, _)| set).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The names of pods, as a rule asks for them.
    pub(super) fn pods(&self, pods: Pods) -> Vec<String> {
        match pods {
            Pods::None => Vec::new(),
            Pods::All => self.stateful_sets().into_iter().flat_map(workload::pods).collect(),
            Pods::Retiring => {
                let marked = |side| -> Vec<_> {
                    workload::retiring(side, &self.id.namespace).map(str::to_owned).collect()
                };
                let (old, new) = (marked(self.before), marked(self.after));
                let only = |a: &[String], b: &[String]| -> Vec<_> {
                    a.iter().filter(|pod| !b.contains(pod)).cloned().collect()
                };
                [only(&new, &old), only(&old, &new)].concat()
            }
            Pods::Differing => {
                let of = |object: Option<&Object>| object.map(workload::pods).unwrap_or_default();
                let (old, new) = (of(self.old), of(self.new));
                let longer = if old.len() > new.len() { (&old, &new) } else { (&new, &old) };
                longer.0.iter().filter(|pod| !longer.1.contains(pod)).cloned().collect()
            }
        }
    }

    /// `6 pods restart, one of each StatefulSet at a time`
    fn restart(&self) -> String {
        let pods = self.pods(Pods::All).len();
        match (pods, self.stateful_sets().len()) {
            (0, _) => "its pods restart".to_owned(),
            (1, _) => "1 pod restarts".to_owned(),
            (_, 1) => format!("{pods} pods restart, one at a time"),
            _ => format!("{pods} pods restart, one of each StatefulSet at a time"),
        }
    }

    /// Whether any template of the StatefulSets that use the object changes too, so that their pods restart.
    fn users_restart(&self) -> bool {
        let Some(object) = self.new.or(self.old) else { return false };
        workload::users(self.after, object).any(|(after, _)| {
            let before = self.before.find(&after.id);
            before.is_none_or(|before| before.get("/spec/template") != after.get("/spec/template"))
        })
    }

    /// The server that reads the configuration that changes.
    fn server(&self) -> Option<workload::Server> {
        let object = self.new.or(self.old)?;
        let mut users = workload::users(self.after, object);
        users.find_map(|(set, _)| workload::runs(set))
    }

    /// The value of a directive in the files of a ConfigMap.
    fn directive_in(object: &Object, name: &str) -> Option<String> {
        let files = object.get("/data")?.as_object()?;
        // The file that is included comes last, and wins.
        let mut found = None;
        for key in ["redis.conf", "valkey.conf", "live.conf"] {
            let Some(text) = files.get(key).and_then(Value::as_str) else { continue };
            let directives = conf::directives(text);
            if let Some(values) = directives.get(name) {
                found = Some(conf::effective(name, values));
            }
        }
        found
    }
}

/// Rules, and the Kubernetes that they are asked for.
pub struct Judge {
    rules: Vec<&'static Rule>,
}

impl Judge {
    /// A judge with all rules that hold for a version of Kubernetes.
    pub fn new(kube_version: KubeVersion) -> Judge {
        let holds = |rule: &&Rule| {
            rule.kubernetes.is_empty()
                || rule.kubernetes.iter().any(|(from, to)| (*from..=*to).contains(&kube_version.0))
        };
        Judge { rules: RULES.iter().filter(holds).collect() }
    }

    /// The same judge, who does not know one of the rules.
    #[must_use]
    pub fn without(mut self, code: &str) -> Judge {
        self.rules.retain(|rule| rule.code != code);
        self
    }

    /// What a change does, in a few words, and the rule that says so.
    pub(super) fn judge(&self, facts: &Facts<'_>) -> Option<(&'static Rule, String)> {
        let mut worst: Option<(&'static Rule, String)> = None;
        for rule in &self.rules {
            let is_last = rule.code == objects::ANYTHING.code;
            if worst.as_ref().is_some_and(|(worst, _)| rule.class < worst.class || is_last) {
                continue;
            }
            if let Some(effect) = (rule.check)(facts) {
                worst = Some((rule, effect));
            }
        }
        worst
    }
}
