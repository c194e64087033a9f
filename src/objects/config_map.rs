//! The ConfigMap with the configuration and the scripts. The pods see it at `/conf`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;

use super::metadata;
use crate::{plan::Plan, spec::types::GitOps, templates};

pub(super) fn config_map(plan: &Plan) -> ConfigMap {
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
        templates::PRE_STOP,
        templates::READINESS,
        templates::STARTUP,
    ];
    let mut data: BTreeMap<_, _> = scripts
        .into_iter()
        .map(|script| (script.name.to_owned(), script.text.to_owned()))
        .collect();
    data.insert("redis.conf".to_owned(), plan.config.redis_conf.clone());
    data.insert("live.conf".to_owned(), plan.config.live_conf.clone());
    data.insert("topology".to_owned(), plan.config.topology.clone());
    ConfigMap { data: Some(data), metadata, ..ConfigMap::default() }
}
