//! Pictures of clusters: what is drawn of a plan and its objects, and of the stages of a change.
//!
//! In come a [`Plan`] with its documents, or [`Steps`]; out comes a [`Picture`], which each format draws as it can. A picture says only what the manifests say: not
//! which pod is a master, and not which zone a pod is in, for servers and the scheduler decide that.

mod mermaid;
mod svg;

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use serde_json::{Map, Value};

use crate::{
    document::Document,
    plan::{
        Plan, StatefulSetPlan,
        names::{POD_NAME_LABEL, SLOTS},
    },
    spec::types::SpreadRule,
    steps::{self, Shape, Steps},
};

/// How pictures are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A Mermaid flowchart.
    Mermaid,
    /// An SVG that needs nothing besides itself.
    Svg,
}

/// One cluster, or several one below the other.
#[derive(Debug, Clone, Default)]
pub struct Picture {
    clusters: Vec<Cluster>,
}

/// A cluster as it is, or as it becomes in stages.
#[derive(Debug, Clone)]
struct Cluster {
    name: String,
    /// Why there is no way to change it.
    remarks: Vec<String>,
    states: Vec<State>,
}

/// The pods of a cluster at one time.
#[derive(Debug, Clone)]
struct State {
    title: String,
    /// What holds for all pods.
    lines: Vec<String>,
    /// The Services that lead to all pods.
    services: Vec<String>,
    groups: Vec<Group>,
}

/// The pods of a StatefulSet.
#[derive(Debug, Clone)]
struct Group {
    name: String,
    lines: Vec<String>,
    /// How many slots they serve, where that is known.
    slots: Option<u64>,
    pods: Vec<Pod>,
}

#[derive(Debug, Clone)]
struct Pod {
    name: String,
    mark: Option<Mark>,
    /// The Services that lead to this pod, but not to all.
    services: Vec<String>,
}

/// What sets a pod apart from the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// It is on its way out.
    Retiring,
    /// The state before did not have it.
    New,
}

impl Mark {
    fn word(self) -> &'static str {
        match self {
            Mark::Retiring => "retiring",
            Mark::New => "new",
        }
    }
}

impl Pod {
    /// `orders-shard-3-0, retiring`
    fn title(&self) -> String {
        match self.mark {
            Some(mark) => format!("{}, {}", self.name, mark.word()),
            None => self.name.clone(),
        }
    }

    /// All that is said about it.
    fn lines(&self) -> Vec<String> {
        [self.title()].into_iter().chain(self.services.iter().cloned()).collect()
    }
}

impl Group {
    /// `orders-shard-0, about 5461 slots`
    fn heading(&self) -> String {
        let lines = [&self.name].into_iter().chain(&self.lines);
        lines.map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

impl Picture {
    /// Adds a cluster as it is rendered.
    pub fn add_rendered(&mut self, plan: &Plan, documents: &[Document]) {
        self.clusters.push(rendered(plan, documents));
    }

    /// Adds a cluster before the first stage and after each.
    pub fn add_steps(&mut self, steps: &Steps) {
        self.clusters.push(staged(steps));
    }

    /// Draws all of it.
    ///
    /// # Errors
    /// When `out` does not take it.
    pub fn write(&self, format: Format, out: &mut dyn Write) -> io::Result<()> {
        match format {
            Format::Mermaid => mermaid::write(self, out),
            Format::Svg => out.write_all(svg::draw(self).as_bytes()),
        }
    }
}

fn staged(steps: &Steps) -> Cluster {
    let stages = (1..).zip(&steps.stages);
    let after = stages.map(|(number, stage)| {
        (format!("after stage {number}, {}", stage.name), Some(&stage.title), &stage.after)
    });
    let now = steps.before.iter().map(|shape| ("now".to_owned(), None, shape));
    let mut before = None;
    let states = now.chain(after).map(|(title, done, shape)| {
        let groups = shape.groups.iter().map(|group| staged_group(group, before)).collect();
        before = Some(shape);
        let title = format!("{}: {title}", steps.cluster);
        // Many a stage changes what no picture shows.
        let lines = done.into_iter().chain(&shape.lines).cloned().collect();
        State { title, lines, services: Vec::new(), groups }
    });
    let states = states.collect();
    let remarks =
        steps.refusals.iter().map(|refusal| format!("{}: {}", steps.spec, refusal.reason));
    Cluster { name: steps.cluster.clone(), remarks: remarks.collect(), states }
}

fn staged_group(group: &steps::Group, before: Option<&Shape>) -> Group {
    let steps::Group { name, slots, pods } = group;
    let old = before.map(|shape| shape.groups.iter().find(|old| old.name == *name));
    let shown = match old.flatten().map(|old| old.slots) {
        Some(0) if *slots > 0 => format!("{}, none before", slots_text(*slots)),
        Some(old) if old != *slots => format!("{}, about {old} before", slots_text(*slots)),
        _ => slots_text(*slots),
    };
    // Where there was nothing, all is new and nothing has to be told apart.
    let known: Option<BTreeSet<&str>> = before.map(|shape| {
        let pods = shape.groups.iter().flat_map(|group| &group.pods);
        pods.map(|(name, _)| name.as_str()).collect()
    });
    let pods = pods.iter().map(|(name, retiring)| {
        let is_new = known.as_ref().is_some_and(|known| !known.contains(name.as_str()));
        let mark = match (retiring, is_new) {
            (true, _) => Some(Mark::Retiring),
            (false, true) => Some(Mark::New),
            (false, false) => None,
        };
        Pod { name: name.clone(), mark, services: Vec::new() }
    });
    let (name, pods) = (name.clone(), pods.collect());
    Group { name, lines: vec![shown], slots: Some(*slots), pods }
}

fn rendered(plan: &Plan, documents: &[Document]) -> Cluster {
    let mut state = State {
        title: match &plan.namespace {
            Some(namespace) => format!("{} in namespace {namespace}", plan.names.cluster),
            None => plan.names.cluster.clone(),
        },
        lines: Vec::new(),
        services: Vec::new(),
        groups: plan.stateful_sets.iter().map(|set| rendered_group(plan, set)).collect(),
    };
    if !plan.is_per_shard() {
        state.lines.push(format!(
            "{}, each with {}; any pod may serve any of them",
            count(plan.shards.into(), "shard"),
            roles(plan.replicas_per_shard),
        ));
    }
    state.lines.extend(zones(plan));
    if !plan.bootstrap.enabled {
        state.lines.push("No bootstrap Job gives out the slots.".to_owned());
    }
    if plan.patches.iter().any(|patch| patch.target.kind == "StatefulSet") {
        state.lines.push("What spec.patches change in StatefulSets is not drawn.".to_owned());
    }
    add_services(plan, documents, &mut state);
    Cluster { name: plan.names.cluster.clone(), remarks: Vec::new(), states: vec![state] }
}

fn rendered_group(plan: &Plan, set: &StatefulSetPlan) -> Group {
    let staying = set.pods.saturating_sub(set.retiring);
    let slots = match (set.shard, staying) {
        (_, 0) => 0,
        (Some(_), _) => SLOTS / u64::from(plan.shards.max(1)),
        (None, _) => SLOTS,
    };
    let mut lines = Vec::new();
    if let Some(shard) = set.shard {
        lines.push(match staying {
            0 => format!("shard {shard}, retiring"),
            _ => format!("shard {shard}: {}", roles(staying.saturating_sub(1))),
        });
    }
    // Without the Job somebody else decides.
    let slots = plan.bootstrap.enabled.then_some(slots);
    lines.extend(slots.map(slots_text));
    let pods = (0..).zip(set.pod_names()).map(|(ordinal, name)| Pod {
        name,
        mark: (ordinal >= staying).then_some(Mark::Retiring),
        services: Vec::new(),
    });
    Group { name: format!("StatefulSet {}", set.name), lines, slots, pods: pods.collect() }
}

/// Where pods may run, and how they are kept apart there. Which pod comes into which zone is for the scheduler to say.
fn zones(plan: &Plan) -> Option<String> {
    let whose = match plan.is_per_shard() {
        true => "those of a shard",
        false => "they",
    };
    let spread = match plan.spread_zones {
        SpreadRule::Required => format!("{whose} are spread evenly over them, or wait"),
        SpreadRule::Preferred => format!("{whose} are spread over them where that is possible"),
        SpreadRule::None => "no rule spreads them".to_owned(),
    };
    match &plan.zones[..] {
        [] => None,
        [zone] => Some(format!("Pods may run in zone {zone} only.")),
        zones => Some(format!("Pods may run in zones {}; {spread}.", zones.join(", "))),
    }
}

/// Finds out which pods each Service leads to, as Kubernetes does: by its selector. Patches and further objects count, so the objects are asked.
fn add_services(plan: &Plan, documents: &[Document], state: &mut State) {
    let of_kind =
        |kind| documents.iter().filter(move |document: &&Document| document.kind() == kind);
    let sets: Vec<_> = of_kind("StatefulSet").collect();
    for service in of_kind("Service") {
        let selector = service.value.pointer("/spec/selector").and_then(Value::as_object);
        let Some(selector) = selector.filter(|selector| !selector.is_empty()) else { continue };
        let mut led_to = Vec::new();
        for (index, (group, set)) in state.groups.iter().zip(&plan.stateful_sets).enumerate() {
            let document = sets.iter().find(|document| {
                document.name() == set.name && document.namespace() == service.namespace()
            });
            let labels = document
                .and_then(|document| document.value.pointer("/spec/template/metadata/labels"))
                .and_then(Value::as_object);
            let Some(labels) = labels else { continue };
            let pods = group.pods.iter().enumerate();
            let selected = pods.filter(|(_, pod)| selects(selector, labels, &pod.name));
            led_to.extend(selected.map(|(pod, _)| (index, pod)));
        }
        let pods: usize = state.groups.iter().map(|group| group.pods.len()).sum();
        if led_to.len() == pods {
            state.services.push(service_text(service));
            continue;
        }
        for (group, pod) in led_to {
            let pod = &mut state.groups[group].pods[pod];
            let mut text = service_text(service);
            let outside = plan.external.iter().flat_map(|external| &external.pods);
            let host = outside
                .filter(|outside| outside.name == pod.name && outside.name == service.name())
                .map(|outside| &outside.host);
            for host in host.filter(|host| !host.is_empty()) {
                text.push_str(", host ");
                text.push_str(host);
            }
            pod.services.push(text);
        }
    }
}

/// Whether a selector fits a pod. A StatefulSet's controller adds the pod's name to its labels.
fn selects(selector: &Map<String, Value>, labels: &Map<String, Value>, pod: &str) -> bool {
    selector.iter().all(|(key, value)| match key.as_str() {
        POD_NAME_LABEL => value.as_str() == Some(pod),
        key => labels.get(key) == Some(value),
    })
}

/// `Service orders-client, ClusterIP, port 6379`
fn service_text(service: &Document) -> String {
    let text = |pointer| service.value.pointer(pointer).and_then(Value::as_str);
    if text("/spec/clusterIP") == Some("None") {
        return format!("Service {}, headless: the DNS names of the pods", service.name());
    }
    let ports = service.value.pointer("/spec/ports").and_then(Value::as_array);
    let ports: Vec<_> = ports
        .into_iter()
        .flatten()
        .filter_map(|port| Some(port.get("port")?.to_string()))
        .collect();
    let word = if ports.len() == 1 { "port" } else { "ports" };
    let type_ = text("/spec/type").unwrap_or("ClusterIP");
    format!("Service {}, {type_}, {word} {}", service.name(), ports.join(" and "))
}

fn roles(replicas: u32) -> String {
    match replicas {
        0 => "a master".to_owned(),
        replicas => format!("a master and {}", count(replicas.into(), "replica")),
    }
}

fn count(number: u64, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

fn slots_text(slots: u64) -> String {
    match slots {
        0 => "no slots".to_owned(),
        SLOTS => format!("{SLOTS} slots"),
        slots => format!("about {slots} slots"),
    }
}
