//! The Kubernetes objects of a cluster, one file for each kind.
//!
//! A builder takes the [`Plan`] and returns the object that it is named after, or `None` where the plan has none.

mod backup;
mod certificate;
mod config_map;
mod dashboard;
mod job;
mod monitor;
mod network_policy;
pub mod patch;
mod pod;
mod pod_disruption_budget;
mod prometheus_rule;
mod restore;
mod service;
mod service_account;
mod stateful_set;

use k8s_openapi::{
    Resource,
    api::{apps::v1::StatefulSet, core::v1::Service},
    apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta},
};
use serde::Serialize;
use serde_json::Value;

use crate::{document::Document, plan::Plan, spec::types::GitOps};

/// Everything that is rendered for a cluster, in the order in which Helm and Argo CD apply kinds, then by namespace and name.
pub fn build(plan: &Plan) -> Vec<Document> {
    let mut documents = own(plan);
    patch::apply(&plan.patches, &mut documents);
    documents.extend(plan.extra_manifests.iter().map(|manifest| {
        let mut document = Document { value: Value::Object(manifest.clone()) };
        document.sort_keys();
        document
    }));
    documents.sort_by(|a, b| a.order().cmp(&b.order()));
    documents
}

/// What identifies an object of the cluster.
#[derive(Debug, PartialEq)]
pub(crate) struct Identity {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
}

impl Identity {
    fn of(document: &Document) -> Identity {
        Identity {
            api_version: document.api_version().to_owned(),
            kind: document.kind().to_owned(),
            name: document.name().to_owned(),
        }
    }
}

/// What identifies the cluster's own objects. StatefulSets and the Services of pods, of which there can be hundreds, are not built for it.
pub(crate) fn identities(plan: &Plan) -> Vec<Identity> {
    let pods = plan.external.iter().flat_map(|external| &external.pods);
    let services = pods.map(|pod| Identity {
        api_version: Service::API_VERSION.to_owned(),
        kind: Service::KIND.to_owned(),
        name: pod.name.clone(),
    });
    let sets = plan.stateful_sets.iter().map(|set| Identity {
        api_version: StatefulSet::API_VERSION.to_owned(),
        kind: StatefulSet::KIND.to_owned(),
        name: set.name.clone(),
    });
    single(plan).iter().map(Identity::of).chain(services).chain(sets).collect()
}

/// The cluster's own objects, before patches.
fn own(plan: &Plan) -> Vec<Document> {
    let mut documents = single(plan);
    documents.extend(service::pod_services(plan).map(document));
    documents.extend(stateful_set::stateful_sets(plan).map(document));
    documents
}

/// Its objects of which there is one of each kind, or one for each purpose.
fn single(plan: &Plan) -> Vec<Document> {
    let mut documents =
        vec![config_map::config_map(plan), document(service::headless_service(plan))];
    documents.extend(service::client_service(plan).map(document));
    documents.extend(dashboard::dashboard(plan).map(document));
    documents.extend(service_account::service_account(plan).map(document));
    documents.extend(network_policy::network_policy(plan).map(document));
    documents.extend(pod_disruption_budget::pod_disruption_budget(plan).map(document));
    documents.extend(job::bootstrap_job(plan).map(document));
    documents.extend(backup::claim(plan).map(document));
    documents.extend(backup::cron_job(plan).map(document));
    documents.extend(restore::restore_job(plan).map(document));
    documents.extend(certificate::certificate(plan).map(document));
    documents.extend(monitor::monitor(plan));
    documents.extend(prometheus_rule::prometheus_rule(plan));
    documents
}

fn document(object: impl Serialize) -> Document {
    // Kubernetes' types always serialise: their keys are strings.
    let value = serde_json::to_value(object).unwrap_or_default();
    Document { value }
}

/// The metadata of an object of the cluster.
fn metadata(plan: &Plan, name: impl Into<String>) -> ObjectMeta {
    ObjectMeta {
        annotations: (!plan.annotations.is_empty()).then(|| plan.annotations.clone()),
        labels: Some(plan.labels.clone()),
        name: Some(name.into()),
        namespace: plan.namespace.clone(),
        ..ObjectMeta::default()
    }
}

/// Lets Argo CD ask before it deletes what has data.
fn keep_from_pruning(plan: &Plan, metadata: &mut ObjectMeta) {
    if plan.gitops == GitOps::ArgoCD {
        metadata.annotations.get_or_insert_default().insert(
            "argocd.argoproj.io/sync-options".to_owned(),
            "Prune=confirm,Delete=confirm".to_owned(),
        );
    }
}

/// A selector of the pods of a component.
fn pods_of(plan: &Plan, component: &str) -> LabelSelector {
    LabelSelector { match_labels: Some(plan.names.selector(component)), ..LabelSelector::default() }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Identity, build, identities, own};
    use crate::{document::Document, plan::Plan, spec::Options};

    fn documents(spec: Value) -> Vec<Document> {
        let mut cluster = json!({
            "apiVersion": "redis-cluster-gen.dev/v1alpha1",
            "kind": "RedisCluster",
            "metadata": {"name": "stock", "labels": {"team": "shop"}},
            "spec": {"engine": {"version": "8.0.6"}, "storage": {"size": "1Gi"}},
        });
        super::patch::merge(&mut cluster["spec"], &spec);
        // What patches remove is not to be removed from them.
        if let Some(patches) = spec.get("patches") {
            cluster["spec"]["patches"] = patches.clone();
        }
        let cluster = serde_json::from_value(cluster).expect("a spec");
        build(&Plan::new(&cluster, &Options::default()))
    }

    fn one<'a>(documents: &'a [Document], kind: &str) -> &'a Value {
        &documents.iter().find(|document| document.kind() == kind).expect("the kind").value
    }

    fn hash(spec: Value) -> Value {
        let pointer = "/spec/template/metadata/annotations/redis-cluster-gen.dev~1config-hash";
        one(&documents(spec), "StatefulSet").pointer(pointer).expect("the hash").clone()
    }

    fn job(spec: Value) -> Value {
        one(&documents(spec), "Job")["metadata"]["name"].clone()
    }

    #[test]
    fn selectors_find_their_pods_and_no_others() {
        for layout in ["StatefulSetPerShard", "SingleStatefulSet"] {
            let documents = documents(
                json!({"topology": {"layout": layout}, "pod": {"labels": {"tier": "data"}}}),
            );
            let job = &one(&documents, "Job")["spec"]["template"]["metadata"]["labels"];
            for document in documents.iter().filter(|document| document.kind() == "StatefulSet") {
                let template = &document.value["spec"]["template"]["metadata"]["labels"];
                let selectors = [
                    &document.value["spec"]["selector"]["matchLabels"],
                    &one(&documents, "Service")["spec"]["selector"],
                    &one(&documents, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
                    &one(&documents, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
                ];
                for selector in selectors {
                    let selector = selector.as_object().expect("a mapping");
                    assert!(
                        selector.iter().all(|(key, value)| template[key] == *value),
                        "{selector:?}"
                    );
                    assert!(selector.iter().any(|(key, value)| job[key] != *value), "{selector:?}");
                    assert!(
                        !selector.contains_key("team") && !selector.contains_key("tier"),
                        "{selector:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn all_objects_are_identified_without_being_built() {
        let cluster = json!({
            "apiVersion": "redis-cluster-gen.dev/v1alpha1",
            "kind": "RedisCluster",
            "metadata": {"name": "stock"},
            "spec": {
                "engine": {"version": "8.0.6"},
                "storage": {"size": "1Gi"},
                "network": {"external": {"type": "LoadBalancer", "host": "POD.example.com"}},
            },
        });
        let cluster = serde_json::from_value(cluster).expect("a spec");
        let plan = Plan::new(&cluster, &Options::default());
        let built: Vec<_> = own(&plan).iter().map(Identity::of).collect();
        assert_eq!(identities(&plan), built);
        for kind in ["Service", "StatefulSet"] {
            assert!(built.iter().filter(|object| object.kind == kind).count() > 2, "{kind}");
        }
    }

    #[test]
    fn pods_roll_for_what_a_running_server_cannot_follow() {
        let base = json!({"config": {"databases": 4, "maxclients": 100}});
        assert_ne!(
            hash(base.clone()),
            hash(json!({"config": {"databases": 5, "maxclients": 100}}))
        );
        assert_eq!(
            hash(base.clone()),
            hash(json!({"config": {"databases": 4, "maxclients": 200}}))
        );
        // The server keeps a value whose line is gone until it restarts.
        assert_ne!(hash(base.clone()), hash(json!({"config": {"databases": 4}})));
        // Joining pods are in the topology, which running pods read anew.
        assert_eq!(hash(json!({})), hash(json!({"topology": {"shards": 5}})));
    }

    #[test]
    fn the_job_runs_anew_for_what_it_works_on() {
        assert_eq!(job(json!({})), job(json!({"config": {"databases": 5}})));
        assert_ne!(job(json!({})), job(json!({"topology": {"shards": 5}})));
        assert_ne!(job(json!({})), job(json!({"engine": {"image": "redis:8.0.6-alpine"}})));
        assert_ne!(job(json!({})), job(json!({"bootstrap": {"timeoutSeconds": 60}})));
        // A Job's template cannot be changed.
        let patch = |kind: &str, merge: Value| json!({"patches": [{"target": {"kind": kind}, "merge": merge}]});
        let template = json!({"spec": {"template": {"spec": {"priorityClassName": "high"}}}});
        assert_ne!(job(json!({})), job(patch("Job", template)));
        assert_eq!(job(json!({})), job(patch("Job", json!({"metadata": {"labels": {"a": "b"}}}))));
        let script = patch("ConfigMap", json!({"data": {"lib.sh": "true"}}));
        assert_ne!(job(json!({})), job(script.clone()));
        assert_ne!(hash(json!({})), hash(script));
    }

    #[test]
    fn patches_merge_lists_as_kubernetes_does() {
        let documents = documents(json!({"patches": [{
            "target": {"kind": "StatefulSet", "name": "stock-shard-1"},
            "merge": {"spec": {"template": {"spec": {"containers": [{
                "name": "redis",
                "ports": [{"containerPort": 6379, "protocol": "UDP", "name": "udp"}],
                "env": [{"name": "ENGINE", "value": "other"}],
                "readinessProbe": null,
            }]}}}},
        }]}));
        let containers = |name: &str| {
            let set = documents.iter().find(|document| document.name() == name).expect("the set");
            set.value["spec"]["template"]["spec"]["containers"].clone()
        };
        let (changed, other) = (containers("stock-shard-1"), containers("stock-shard-0"));
        assert_eq!(changed.as_array().map(Vec::len), Some(1));
        assert_eq!(changed[0]["ports"].as_array().map(Vec::len), Some(3));
        assert_eq!(
            changed[0]["env"].as_array().map(Vec::len),
            other[0]["env"].as_array().map(Vec::len)
        );
        assert!(changed[0].get("readinessProbe").is_none());
        assert!(other[0].get("readinessProbe").is_some());
    }
}
