//! Which stages there are, and in which order.
//!
//! A stage's spec is the new one with the moves that come later taken back, so comments and order are the user's. The first stage holds whatever is no
//! move of its own; then come the volumes, the engine, and the topology.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

use super::{
    Line, LineKind, Refusal, Stage, Steps,
    edit::{Edit, edited, value_at},
    facts::{Facts, Size},
    words::{self, Context},
};
use crate::{
    diff::{self, Class, Comparison, Judge, Object, Rule, Side, rules::TOGETHER},
    document::Document,
    error::{Severity, Source},
    objects,
    spec::{
        self, Options,
        types::{EngineName, Layout},
    },
};

/// Where a spec's output is committed, as commands name it.
#[derive(Debug, Clone, Copy)]
pub enum Output<'a> {
    /// A folder with a file for each object.
    Folder {
        /// Its path.
        path: &'a str,
        /// Whether it has a kustomization.yaml.
        is_kustomization: bool,
    },
    /// One file.
    File {
        /// Its path.
        path: &'a str,
        /// The specs that give it, in their order.
        specs: &'a [String],
    },
}

impl Output<'_> {
    pub(super) fn path(&self) -> &str {
        match self {
            Output::Folder { path, .. } | Output::File { path, .. } => path,
        }
    }

    pub(super) fn is_kustomization(&self) -> bool {
        matches!(self, Output::Folder { is_kustomization: true, .. })
    }
}

/// What is asked for.
pub struct Request<'a> {
    /// The new spec, which is valid.
    pub source: &'a Arc<Source>,
    /// What the command line says about every spec.
    pub options: &'a Options,
    /// What is committed.
    pub before: Side,
    /// Where the spec's output is committed.
    pub output: Output<'a>,
    /// What `diff` compares with to judge the next stage, as its options; none where it cannot know what the stage before was.
    pub guard: Option<&'a str>,
    /// The folder that the stages are written to, if they are.
    pub stages_folder: Option<&'a str>,
    /// Whether to tell how the password is changed, too.
    pub rotate_password: bool,
}

/// What a stage is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The first pods ever.
    Install,
    /// The pods of manifests that are not ours.
    TakeOver,
    /// What is no move of its own.
    Settings,
    /// What pods of before and after cannot agree on.
    Together,
    /// Back to rolling restarts.
    Resume,
    Engine,
    Volumes,
    /// The two stages of another layout.
    Layout,
    Grow,
    Retire,
    Remove,
}

/// What is known about a stage before it is put into words.
struct Draft {
    purpose: Purpose,
    text: String,
    documents: Vec<Document>,
    side: Side,
}

const SIZE: &str = "/spec/storage/size";
const STRATEGY: &str = "/spec/lifecycle/updateStrategy";
const RETIRING: &str = "/spec/topology/retiring";
const LAYOUT: &str = "/spec/topology/layout";

/// Rules of the worst classes that are no obstacle: the user's own decision, which a stage tells as a risk.
pub(super) const RISKS: [&str; 9] =
    ["RCG696", "RCG699", "RCG703", "RCG704", "RCG705", "RCG709", "RCG710", "RCG711", "RCG712"];

/// The way from what is committed to the spec.
pub fn steps(request: &Request<'_>) -> Steps {
    let mut found = Steps {
        spec: request.source.name.clone(),
        cluster: String::new(),
        before: None,
        stages: Vec::new(),
        refusals: Vec::new(),
        retires: false,
    };
    match find(request, &mut found) {
        Ok(stages) if found.refusals.is_empty() => found.stages = stages,
        Ok(_) => {}
        Err(refusal) => found.refusals.push(refusal),
    }
    found
}

fn find(request: &Request<'_>, found: &mut Steps) -> Result<Vec<Stage>, Refusal> {
    let text = &request.source.text;
    let documents = render(request, text)?;
    let after = side(&documents);
    let Some(new) = Facts::of(&after, None) else { return Ok(Vec::new()) };
    found.cluster.clone_from(&new.name);
    found.retires = new.retires();
    let old = Facts::of(&request.before, Some(&new));
    found.before = old.as_ref().map(Facts::shape);
    let drafts = match old {
        None => vec![Draft::new(request, Purpose::Install, text.clone())?],
        Some(old) if !old.is_ours => {
            words::fits_takeover(&old, &new)?;
            vec![Draft::new(request, Purpose::TakeOver, text.clone())?]
        }
        Some(old) => drafts(request, &old, &new, text)?,
    };
    let judge = Judge::new(request.options.kube_version);
    let mut stages = Vec::new();
    let mut before = request.before.clone();
    // The spec as it lies there is what the user changes first.
    let mut text_before = text.clone();
    for draft in drafts {
        let comparison = diff::compare(before.clone(), draft.side.clone(), &[], &judge);
        if comparison.class() == Class::None {
            continue;
        }
        found.refusals.extend(refusals(&comparison, draft.purpose));
        let facts = [Facts::of(&before, Some(&new)), Facts::of(&draft.side, Some(&new))];
        let [mut old, now] = facts;
        let mut now = now.unwrap_or_else(|| new.clone());
        // Where one side does not say its namespace, it is that of the other.
        if let Some(old) = &mut old {
            let known = [&old.namespace, &now.namespace].into_iter().find(|name| !name.is_empty());
            let known = known.cloned().unwrap_or_default();
            old.namespace.clone_from(&known);
            now.namespace = known;
        }
        let context = Context {
            request,
            purpose: draft.purpose,
            old: old.as_ref(),
            new: &now,
            comparison: &comparison,
            number: stages.len() + 1,
            is_own_text: draft.text == *text && stages.is_empty(),
        };
        found.refusals.extend(held_up(&context));
        found.refusals.extend(locked_out(&context));
        found.refusals.extend(too_early(&comparison, draft.purpose, (old.as_ref(), &now, &new)));
        let words = words::of(&context);
        stages.push(Stage {
            lines: lines(&text_before, &draft.text),
            rules: rules(&comparison),
            spec: draft.text.clone(),
            documents: draft.documents,
            after: now.shape(),
            ..words
        });
        text_before = draft.text;
        before = draft.side;
    }
    if request.rotate_password {
        stages.extend(words::rotation(&new, text, &documents)?);
    }
    Ok(stages)
}

impl Draft {
    fn new(request: &Request<'_>, purpose: Purpose, text: String) -> Result<Draft, Refusal> {
        let documents = render(request, &text)?;
        Ok(Draft { purpose, side: side(&documents), text, documents })
    }
}

/// What a text renders to.
fn render(request: &Request<'_>, text: &str) -> Result<Vec<Document>, Refusal> {
    let source = Source { name: request.source.name.clone(), text: text.to_owned() };
    let loaded = spec::load(&Arc::new(source), request.options);
    match loaded.plan {
        Some(plan) => Ok(objects::build(&plan)),
        None => {
            let errors: Vec<_> = loaded
                .problems
                .iter()
                .filter(|problem| problem.severity == Severity::Error)
                .collect();
            let told: Vec<_> = errors
                .iter()
                .map(|problem| format!("{}: {}", problem.code, problem.message))
                .collect();
            let help = errors.iter().flat_map(|problem| &problem.help);
            let mut instead: Vec<_> =
                help.map(|help| format!("{}.", words::capitalized(help))).collect();
            instead.push(
                "Where that is not what you want: make the change in two commits of your own, the second one with what the first may not have."
                    .to_owned(),
            );
            Err(Refusal {
                code: None,
                reason: format!(
                    "a stage on the way would not be valid by itself: {}",
                    told.join("; ")
                ),
                instead,
            })
        }
    }
}

fn side(documents: &[Document]) -> Side {
    let objects = documents.iter().filter_map(|document| Object::new(document.value.clone(), None));
    Side { objects: objects.collect() }
}

/// A change that is a stage of its own, with what takes it back.
struct Move {
    purpose: Purpose,
    held: Vec<Edit>,
}

/// The stages of a cluster of ours.
fn drafts(
    request: &Request<'_>,
    old: &Facts,
    new: &Facts,
    text: &str,
) -> Result<Vec<Draft>, Refusal> {
    let mut moves = Vec::new();
    let same_name = old.name == new.name;
    let same_layout = old.has_layout_of(new) && same_name;
    let resized = same_name && (old.target, old.retiring) != (new.target, new.retiring);
    // The pods of the new layout take the places of those of the old one.
    let moves_over = same_name && !same_layout && !new.retires_layout;
    // Pods on their way out may also stay after all.
    let stay = old.rendered().less(new.target).is_none();
    // Or some of them.
    let grows = new.target.less(old.target);
    let keeps = resized
        && same_layout
        && !stay
        && new.retiring.is_none()
        && (grows.shards.min(old.retiring.shards), grows.replicas.min(old.retiring.replicas))
            != (0, 0);
    // Pods that have left are not ready and hold up every restart: they go first.
    let removes = resized && !old.retiring.is_none() && new.retiring.is_none() && !stay && !keeps
        || same_layout && old.retires_layout && !new.retires_layout;
    let other_engine = old.server != new.server && new.server.is_some() && old.server.is_some();
    let engine = other_engine.then(|| {
        let mut held = engine_held(old, text);
        // Pods that wait to be deleted restart with the new server, and not for what they have waited for.
        if old.waits_for_deletion && !new.waits_for_deletion {
            held.push(Edit::new(STRATEGY, "OnDelete"));
        }
        Move { purpose: Purpose::Engine, held }
    });
    // With replicas a restart is no outage, so those that come do so before.
    let replicas_first = old.target.replicas == 0
        && new.target.replicas > 0
        && Facts::surplus(new, old.target).is_none();
    let (engine, engine_last) = if replicas_first { (None, engine) } else { (engine, None) };
    // Before a new server, since a backup by hand takes room on the volumes.
    if let (Some((_, before)), Some((_, after))) = (&old.claim, &new.claim)
        && before != after
    {
        moves
            .push(Move { purpose: Purpose::Volumes, held: vec![Edit::new(SIZE, before.as_str())] });
    }
    moves.extend(engine);
    if moves_over {
        let mut held = vec![Edit::new(LAYOUT, old.layout().name())];
        // Back again: until then the pods of both go on.
        if old.retires_layout {
            held.push(retiring_layout(new.layout()));
        }
        moves.push(Move { purpose: Purpose::Layout, held });
    }
    // Who writes `retiring` goes by those two commits already.
    let is_by_hand = resized && !new.retiring.is_none()
        || new.retires_layout && !(old.retires_layout && same_layout);
    let shrinks = Facts::surplus(new, if keeps { old.rendered() } else { old.target });
    let shrinks = (resized && !is_by_hand && !shrinks.is_none()).then_some(shrinks);
    if resized && !is_by_hand && old.target != new.target {
        let mut held = vec![
            Edit::new("/spec/topology/shards", old.target.shards),
            Edit::new("/spec/topology/replicasPerShard", old.target.replicas),
        ];
        if (stay || keeps) && !old.retiring.is_none() {
            held.push(retiring(old.retiring));
        }
        let purpose = if shrinks.is_some() { Purpose::Retire } else { Purpose::Grow };
        moves.push(Move { purpose, held });
    }
    moves.extend(engine_last);
    let retire = |text: &str| match shrinks {
        Some(size) => edit(text, &[retiring(size)]),
        None => Ok(text.to_owned()),
    };
    let mut drafts: Vec<Draft> = Vec::new();
    for done in 0..=moves.len() {
        let first = match (is_by_hand, removes) {
            (true, _) => Purpose::Retire,
            (false, true) => Purpose::Remove,
            (false, false) => Purpose::Settings,
        };
        let purpose = done.checked_sub(1).map_or(first, |last| moves[last].purpose);
        let held: Vec<Edit> = moves[done..].iter().flat_map(|one| one.held.clone()).collect();
        let text = if done == moves.len() { retire(text)? } else { edit(text, &held)? };
        if purpose == Purpose::Layout {
            let both = edit(&text, &[retiring_layout(old.layout())])?;
            drafts.push(Draft::new(request, Purpose::Retire, both)?);
            drafts.push(Draft::new(request, Purpose::Remove, text)?);
            continue;
        }
        match Draft::new(request, purpose, text) {
            Ok(draft) => drafts.push(draft),
            // What the settings need may come with a move: then they go together.
            Err(refusal) if done == moves.len() => return Err(refusal),
            Err(_) => {}
        }
    }
    if shrinks.is_some() {
        drafts.push(Draft::new(request, Purpose::Remove, text.to_owned())?);
    }
    together(request, old, drafts)
}

/// Where the first stage needs all pods to restart at once, lets them wait for that, and takes it back afterwards.
fn together(request: &Request<'_>, old: &Facts, drafts: Vec<Draft>) -> Result<Vec<Draft>, Refusal> {
    let judge = Judge::new(request.options.kube_version);
    let mut result = Vec::new();
    let mut before = request.before.clone();
    for mut draft in drafts {
        let comparison = diff::compare(before, draft.side.clone(), &[], &judge);
        before = draft.side.clone();
        let codes: BTreeSet<_> = comparison.changes().map(|(_, change)| change.rule.code).collect();
        let now = Facts::of(&draft.side, Some(old));
        let logs_in = now.as_ref().is_some_and(|now| now.password.is_some());
        let needed = TOGETHER.iter().any(|code| codes.contains(code))
            || old.password.is_some() != logs_in && draft.purpose == Purpose::Settings;
        if !needed {
            result.push(draft);
            continue;
        }
        alone(&comparison, &codes, draft.purpose)?;
        let waits = now.is_some_and(|now| now.waits_for_deletion);
        if waits {
            draft.purpose = Purpose::Together;
            result.push(draft);
            continue;
        }
        let text = edit(&draft.text, &[Edit::new(STRATEGY, "OnDelete")])?;
        result.push(Draft::new(request, Purpose::Together, text)?);
        draft.purpose = Purpose::Resume;
        result.push(draft);
    }
    Ok(result)
}

/// Refuses what may not happen in the same moment as a restart of all pods at once.
fn alone(comparison: &Comparison, codes: &BTreeSet<&str>, purpose: Purpose) -> Result<(), Refusal> {
    let what = match purpose {
        Purpose::Settings if codes.contains("RCG699") || codes.contains("RCG700") => {
            "another persistence: what the servers load when they start again has to be on the disk before"
        }
        Purpose::Settings => return Ok(()),
        Purpose::Engine => "another version of the server: its files may close the way back",
        Purpose::Remove => "the end of pods that have retired: see first that they are empty",
        Purpose::Retire => "pods that retire: they are emptied by servers that run",
        _ => "another size",
    };
    let change = comparison
        .changes()
        .find(|(_, change)| TOGETHER.contains(&change.rule.code))
        .map_or("a password comes or goes", |(_, change)| change.rule.title);
    Err(Refusal {
        code: None,
        reason: format!(
            "{change}, which takes a restart of all pods at once, and with it {what}"
        ),
        instead: vec![
            "Make two changes of it, and ask for a plan of each: first the one that restarts pods one after the other, or takes some away; when all is well, the one that restarts them all.".to_owned(),
        ],
    })
}

/// Refuses a rolling restart while there are pods that have left the cluster: those are not ready, and it would wait for them for ever.
fn held_up(context: &Context<'_>) -> Option<Refusal> {
    let retiring = |facts: Option<&Facts>| facts.is_some_and(Facts::retires);
    let waits = retiring(context.old) || retiring(Some(context.new));
    let rolls = context.rolls() || context.purpose == Purpose::Volumes;
    // Where they go in the same stage, the StatefulSet deletes them first.
    let go = context.purpose == Purpose::Remove && !retiring(Some(context.new));
    (waits && rolls && !go).then(|| Refusal {
        code: None,
        reason: "pods restart one after the other, each when the one before is ready, and pods that retire are not ready once they have left the cluster: the restart would wait for them for ever".to_owned(),
        instead: vec![
            "Before pods retire: leave `topology.retiring` out for now, and make all other changes first.".to_owned(),
            "When they have retired: remove them first, or keep them, by a change of `topology` alone. Then ask for a plan of the rest.".to_owned(),
        ],
    })
}

/// Refuses to turn clients away that name no user while pods restart, which is when users come that they could be.
fn locked_out(context: &Context<'_>) -> Option<Refusal> {
    let mut changes = context.comparison.changes();
    let closes = changes.any(|(_, change)| change.rule.code == "RCG667");
    let mut changes = context.comparison.changes();
    let replaces_pods = changes.any(|(object, change)| {
        object.id.kind == "StatefulSet"
            && change.class() > Class::None
            && change.path.is_below("spec template")
    });
    let at_once =
        matches!(context.purpose, Purpose::Install | Purpose::TakeOver | Purpose::Together);
    (closes && replaces_pods && !at_once).then(|| Refusal {
        code: Some("RCG667"),
        reason: "clients that name no user are refused within two minutes, and pods that have not restarted by then do not know what else changes, such as the users that they could be".to_owned(),
        instead: vec![
            "Make two changes of it: first the rest, without `auth.defaultUser: Disabled`. When every client logs in as a user of its own, that line alone.".to_owned(),
        ],
    })
}

/// Refuses less memory in a stage before the data has spread to more shards, and more data before there are volumes for it.
fn too_early(
    comparison: &Comparison,
    purpose: Purpose,
    (old, now, target): (Option<&Facts>, &Facts, &Facts),
) -> Option<Refusal> {
    // The append-only file, and the one that takes its place (RCG245).
    let fits = now.volume().zip(now.maxmemory()).is_none_or(|(volume, data)| volume / 2 >= data);
    if old.is_some_and(|old| old.maxmemory() < now.maxmemory())
        && !fits
        && now.claim != target.claim
    {
        return Some(Refusal {
            code: None,
            reason: "servers may hold more data before the volumes have grown on which they write it".to_owned(),
            instead: vec![
                "Make two changes of it: first larger volumes alone, and when they have grown, more memory.".to_owned(),
            ],
        });
    }
    let lowered = comparison
        .changes()
        .find(|(_, change)| matches!(change.rule.code, "RCG661" | "RCG704"))
        .map(|(_, change)| change.rule.title)?;
    (purpose != Purpose::Grow && now.target.shards < target.target.shards).then(|| Refusal {
        code: None,
        reason: format!("{lowered}, before its data has spread to the shards that come"),
        instead: vec![
            "Make two changes of it: first more shards, and when the Job has moved the slots, less memory.".to_owned(),
        ],
    })
}

fn edit(text: &str, edits: &[Edit]) -> Result<String, Refusal> {
    edited(text, edits).ok_or_else(|| {
        let places: Vec<_> = edits.iter().map(|edit| edit.pointer.replace('/', ".")).collect();
        Refusal {
            code: None,
            reason: format!(
                "the stages need other values at {}, and there is no place for them in the text of the spec",
                places.join(", ").replace(" .", " ").trim_start_matches('.')
            ),
            instead: vec!["Write the mappings on the way there as blocks, each key on a line of its own.".to_owned()],
        }
    })
}

fn retiring(size: Size) -> Edit {
    let value = match (size.shards, size.replicas) {
        (shards, 0) => json!({ "shards": shards }),
        (0, replicas) => json!({ "replicasPerShard": replicas }),
        (shards, replicas) => json!({ "shards": shards, "replicasPerShard": replicas }),
    };
    Edit::new(RETIRING, value)
}

fn retiring_layout(layout: Layout) -> Edit {
    Edit::new(RETIRING, json!({ "layout": layout.name() }))
}

/// What keeps the engine as it was.
fn engine_held(old: &Facts, text: &str) -> Vec<Edit> {
    let mut held = vec![Edit::new("/spec/engine/version", old.version.as_str())];
    if let Some(server) = old.server {
        let name = value_at(text, "/spec/engine/name");
        let name = name.as_ref().and_then(Value::as_str).unwrap_or(EngineName::default().name());
        if name != server.engine.name() {
            held.push(Edit::new("/spec/engine/name", server.engine.name()));
        }
    }
    if value_at(text, "/spec/engine/image").is_some() {
        held.push(Edit::new("/spec/engine/image", old.image.as_str()));
    }
    held
}

/// The lines that come and go, below those that say where.
fn lines(old: &str, new: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    // The keys above the present line, with their indentation, and whether they are told.
    let mut above: Vec<(usize, &str, bool)> = Vec::new();
    let diff = TextDiff::from_lines(old, new);
    for change in diff.iter_all_changes() {
        let text = change.value().trim_end_matches(['\n', '\r']);
        let key = text.trim_start();
        let indent = text.len() - key.len();
        let kind = match change.tag() {
            ChangeTag::Equal => LineKind::Stays,
            ChangeTag::Insert => LineKind::Comes,
            ChangeTag::Delete => LineKind::Goes,
        };
        let is_key = !key.is_empty() && !key.starts_with('#');
        if is_key {
            above.retain(|(other, ..)| *other < indent);
        }
        if kind != LineKind::Stays {
            for (_, text, told) in above.iter_mut().filter(|(.., told)| !told) {
                lines.push(Line { kind: LineKind::Stays, text: (*text).to_owned() });
                *told = true;
            }
            lines.push(Line { kind, text: text.to_owned() });
        }
        if is_key {
            above.push((indent, text, kind != LineKind::Stays));
        }
    }
    lines
}

/// The rules that a comparison meets, the worst first.
fn rules(comparison: &Comparison) -> Vec<&'static Rule> {
    let mut rules: Vec<&'static Rule> = Vec::new();
    for (_, change) in comparison.changes() {
        if change.class() > Class::None && rules.iter().all(|rule| rule.code != change.rule.code) {
            rules.push(change.rule);
        }
    }
    rules.sort_by_key(|rule| (std::cmp::Reverse(rule.class), rule.code));
    rules
}

/// What a stage would do that no running cluster survives, or the API server refuses.
fn refusals(comparison: &Comparison, purpose: Purpose) -> Vec<Refusal> {
    let allowed: &[&str] = match purpose {
        Purpose::TakeOver => return Vec::new(),
        Purpose::Volumes => &["RCG672"],
        Purpose::Together => &TOGETHER,
        // Running servers are told before.
        Purpose::Settings => &["RCG700"],
        _ => &[],
    };
    let mut refusals: Vec<Refusal> = Vec::new();
    for (object, change) in comparison.changes() {
        let rule = change.rule;
        if rule.class < Class::Rejected
            || allowed.contains(&rule.code)
            || RISKS.contains(&rule.code)
        {
            continue;
        }
        let refusal = words::refusal(rule, &object.id);
        if refusals.iter().all(|other| other.code != refusal.code) {
            refusals.push(refusal);
        }
    }
    refusals
}
