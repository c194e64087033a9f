//! The ConfigMap with the configuration and the scripts. The pods see it at `/conf`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;

use serde_json::{Map, Value};

use super::metadata;
use crate::{document::Document, plan::Plan, spec::types::GitOps, templates};

pub(super) fn config_map(plan: &Plan) -> Document {
    let mut metadata = metadata(plan, &plan.names.cluster);
    if plan.gitops == GitOps::Flux {
        metadata
            .annotations
            .get_or_insert_default()
            .insert("kustomize.toolkit.fluxcd.io/substitute".to_owned(), "disabled".to_owned());
    }
    let scripts = [
        templates::BOOTSTRAP,
        templates::CONVERGE,
        templates::ENTRYPOINT,
        templates::HEAL,
        templates::LIB,
        templates::LIVENESS,
        templates::MOVE,
        templates::PRE_STOP,
        templates::READINESS,
        templates::STARTUP,
    ];
    let config = [
        ("redis.conf", &plan.config.redis_conf),
        ("live.conf", &plan.config.live_conf),
        ("topology", &plan.config.topology),
    ];
    let mut data: Vec<(&str, &str)> = scripts.map(|script| (script.name, script.text)).into();
    if plan.exporter.is_some() && plan.password.is_some() {
        data.push((templates::EXPORTER_INIT.name, templates::EXPORTER_INIT.text));
    }
    data.extend(plan.backup.as_ref().map(|_| (templates::BACKUP.name, templates::BACKUP.text)));
    data.extend(plan.restore.as_ref().map(|_| (templates::RESTORE.name, templates::RESTORE.text)));
    data.extend(config.map(|(name, text)| (name, text.as_str())));
    data.extend(plan.external.as_ref().map(|external| ("external", external.file.as_str())));
    data.extend(plan.config.users.as_ref().map(|users| ("users", users.as_str())));
    data.sort_unstable();
    // The files are most of what is rendered: they are put into the object when it is built, or they would be copied twice.
    let empty = ConfigMap { data: Some(BTreeMap::new()), metadata, ..ConfigMap::default() };
    let mut document = super::document(empty);
    let data: Map<_, _> = data.into_iter().map(|(name, text)| (name.into(), text.into())).collect();
    document.value["data"] = Value::Object(data);
    document
}
