//! Rendered YAML in, typed objects out. What the lab would not imitate is refused, not overlooked.

use std::collections::BTreeMap;

use k8s_openapi::{
    ByteString,
    api::{
        apps::v1::StatefulSet,
        batch::v1::{CronJob, Job},
        core::v1::{ConfigMap, PodSpec, Secret, Service},
    },
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::tools::{Result, bail, ensure};

/// Objects by kind, in the order in which they were read.
#[derive(Debug, Clone, Default)]
pub struct Objects {
    /// Those that make pods.
    pub stateful_sets: Vec<StatefulSet>,
    /// Those that make one pod which ends.
    pub jobs: Vec<Job>,
    /// Those that make Jobs. Here they make none by themselves: `run_now` does it.
    pub cron_jobs: Vec<CronJob>,
    /// Those that give names.
    pub services: Vec<Service>,
    /// Files of pods.
    pub config_maps: Vec<ConfigMap>,
    /// Secret files of pods.
    pub secrets: Vec<Secret>,
    /// What cert-manager is asked for. Here nobody makes them: `certificates::issue_for` does it.
    pub certificates: Vec<Value>,
}

/// Kinds without an effect on running processes here; docs/fault-tests.md says so. A volume is made when a pod first asks for its claim.
const WITHOUT_EFFECT: [&str; 7] = [
    "NetworkPolicy",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "PodMonitor",
    "PrometheusRule",
    "ServiceAccount",
    "ServiceMonitor",
];

impl Objects {
    /// Reads all documents of a text.
    pub fn read(yaml: &str) -> Result<Objects> {
        let mut objects = Objects::default();
        for document in serde_yaml::Deserializer::from_str(yaml) {
            let value = Value::deserialize(document)?;
            let kind = value["kind"].as_str().unwrap_or_default().to_owned();
            match kind.as_str() {
                "StatefulSet" => objects.stateful_sets.push(typed(value)?),
                "CronJob" => objects.cron_jobs.push(typed(value)?),
                "Job" => objects.jobs.push(typed(value)?),
                "Service" => objects.services.push(typed(value)?),
                "ConfigMap" => objects.config_maps.push(typed(value)?),
                "Secret" => objects.secrets.push(typed(value)?),
                "Certificate" => objects.certificates.push(value),
                other if WITHOUT_EFFECT.contains(&other) => {}
                other => bail!("the lab does not know the kind {other:?}"),
            }
        }
        for set in &objects.stateful_sets {
            let template = set.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
            check_imitated(template.ok_or("a StatefulSet without a pod template")?)?;
        }
        let cron_jobs = objects.cron_jobs.iter().map(|cron_job| job_of(cron_job, ""));
        for job in objects.jobs.iter().cloned().map(Ok).chain(cron_jobs) {
            let job = job?;
            let template = job.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
            check_imitated(template.ok_or("a Job without a pod template")?)?;
        }
        Ok(objects)
    }

    /// The one CronJob's Job, as `kubectl create job NAME --from=cronjob/...` makes it.
    pub fn run_now(&self, name: &str) -> Result<Objects> {
        let cron_job = self.cron_jobs.first().ok_or("there is no CronJob")?;
        Ok(Objects { jobs: vec![job_of(cron_job, name)?], ..Objects::default() })
    }
}

fn job_of(cron_job: &CronJob, name: &str) -> Result<Job> {
    let template = cron_job.spec.as_ref().map(|spec| spec.job_template.clone());
    let template = template.ok_or("a CronJob without a spec")?;
    let mut metadata = template.metadata.unwrap_or_default();
    metadata.name = Some(name.to_owned());
    metadata.namespace = cron_job.metadata.namespace.clone();
    Ok(Job { metadata, spec: template.spec, status: None })
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<T> {
    let name = value["metadata"]["name"].to_string();
    let kind = value["kind"].to_string();
    serde_json::from_value(value).map_err(|error| format!("{kind} {name}: {error}").into())
}

/// Pod fields that the lab imitates, or that have no effect on one machine with every image at hand.
const POD_FIELDS: [&str; 21] = [
    "affinity",
    "automountServiceAccountToken",
    "containers",
    "dnsPolicy",
    "enableServiceLinks",
    "imagePullSecrets",
    "initContainers",
    "nodeSelector",
    "priorityClassName",
    "restartPolicy",
    "runtimeClassName",
    "schedulerName",
    "securityContext",
    "serviceAccount",
    "serviceAccountName",
    "shareProcessNamespace",
    "subdomain",
    "terminationGracePeriodSeconds",
    "tolerations",
    "topologySpreadConstraints",
    "volumes",
];

/// The same for containers.
const CONTAINER_FIELDS: [&str; 15] = [
    "args",
    "command",
    "env",
    "image",
    "imagePullPolicy",
    "lifecycle",
    "livenessProbe",
    "name",
    "ports",
    "readinessProbe",
    "resources",
    "securityContext",
    "startupProbe",
    "volumeMounts",
    "terminationMessagePolicy",
];

fn check_imitated(spec: &PodSpec) -> Result<()> {
    let unknown = |value: &Value, known: &[&str]| -> Vec<String> {
        let fields = value.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>());
        fields.unwrap_or_default().into_iter().filter(|key| !known.contains(&&**key)).collect()
    };
    let of_pod = unknown(&serde_json::to_value(spec)?, &POD_FIELDS);
    ensure!(of_pod.is_empty(), "the lab does not imitate these fields of a pod: {of_pod:?}");
    ensure!(
        spec.share_process_namespace != Some(true),
        "the lab does not imitate shareProcessNamespace"
    );
    for container in spec.containers.iter().chain(spec.init_containers.iter().flatten()) {
        let of_container = unknown(&serde_json::to_value(container)?, &CONTAINER_FIELDS);
        let name = &container.name;
        ensure!(
            of_container.is_empty(),
            "the lab does not imitate these fields of container {name}: {of_container:?}"
        );
        let probes =
            [&container.startup_probe, &container.readiness_probe, &container.liveness_probe];
        for probe in probes.into_iter().flatten() {
            ensure!(
                probe.exec.is_some() || probe.http_get.is_some(),
                "the lab imitates only exec and HTTP probes, see container {name}"
            );
        }
        if let Some(lifecycle) = &container.lifecycle {
            ensure!(lifecycle.post_start.is_none(), "the lab does not imitate postStart ({name})");
            let pre_stop = lifecycle.pre_stop.as_ref();
            ensure!(
                pre_stop.is_none_or(|hook| hook.exec.is_some()),
                "the lab imitates only exec hooks, see container {name}"
            );
        }
    }
    Ok(())
}

/// The files of a ConfigMap or Secret.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The files of a ConfigMap.
pub fn files_of_config_map(map: &ConfigMap) -> Files {
    let text =
        map.data.iter().flatten().map(|(name, text)| (name.clone(), text.clone().into_bytes()));
    let binary = map.binary_data.iter().flatten();
    text.chain(binary.map(|(name, ByteString(bytes))| (name.clone(), bytes.clone()))).collect()
}

/// The files of a Secret.
pub fn files_of_secret(secret: &Secret) -> Files {
    let data =
        secret.data.iter().flatten().map(|(name, ByteString(bytes))| (name.clone(), bytes.clone()));
    let text = secret.string_data.iter().flatten();
    data.chain(text.map(|(name, text)| (name.clone(), text.clone().into_bytes()))).collect()
}
