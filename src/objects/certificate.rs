//! The Certificate, as cert-manager (`cert-manager.io/v1`) defines it: Kubernetes' own types do not have it.

use std::{collections::BTreeSet, net::Ipv4Addr};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

use super::metadata;
use crate::{
    plan::{Plan, TlsPlan},
    spec::types::IssuerRef,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Certificate {
    api_version: &'static str,
    kind: &'static str,
    metadata: ObjectMeta,
    spec: CertificateSpec,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CertificateSpec {
    dns_names: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<String>,
    ip_addresses: Vec<String>,
    issuer_ref: IssuerRef,
    private_key: PrivateKey,
    #[serde(skip_serializing_if = "Option::is_none")]
    renew_before: Option<String>,
    secret_name: String,
    usages: [&'static str; 4],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PrivateKey {
    algorithm: &'static str,
    rotation_policy: &'static str,
    size: u32,
}

pub(super) fn certificate(plan: &Plan) -> Option<Certificate> {
    let TlsPlan { secret_name, certificate, plaintext_port: _, end_is_told: _ } =
        plan.tls.as_ref()?;
    let certificate = certificate.as_ref()?;
    let (outside_addresses, outside_names): (Vec<_>, Vec<_>) =
        outside_hosts(plan).into_iter().partition(|host| host.parse::<Ipv4Addr>().is_ok());
    Some(Certificate {
        api_version: "cert-manager.io/v1",
        kind: "Certificate",
        metadata: metadata(plan, &plan.names.cluster),
        spec: CertificateSpec {
            dns_names: dns_names(plan)
                .chain(outside_names)
                .chain(certificate.dns_names.iter().cloned())
                .collect(),
            duration: certificate.duration.clone(),
            // Port forwarding ends there.
            ip_addresses: ["127.0.0.1", "::1"]
                .map(str::to_owned)
                .into_iter()
                .chain(outside_addresses)
                .collect(),
            issuer_ref: certificate.issuer_ref.clone(),
            private_key: PrivateKey { algorithm: "ECDSA", rotation_policy: "Always", size: 256 },
            renew_before: certificate.renew_before.clone(),
            secret_name: secret_name.clone(),
            // A node is its peers' client as well.
            usages: ["client auth", "digital signature", "key encipherment", "server auth"],
        },
    })
}

/// The hosts that clients outside are told. Where only the first part differs from pod to pod, one name with `*` is enough, and stays as it is when pods
/// are added.
fn outside_hosts(plan: &Plan) -> BTreeSet<String> {
    let pattern = plan.network.external.as_ref().and_then(|external| external.host.as_deref());
    match pattern.and_then(|pattern| pattern.strip_prefix("POD.")) {
        Some(domain) if !domain.contains("POD") => BTreeSet::from([format!("*.{domain}")]),
        _ => {
            let pods = plan.external.iter().flat_map(|external| &external.pods);
            pods.map(|pod| pod.host.clone()).collect()
        }
    }
}

/// Every name that a pod and the Services have: short, with the namespace, and in full. Pods are found by addresses as well, which no
/// certificate can foresee; clients that check names are told names by `network.announceHostnames`.
fn dns_names(plan: &Plan) -> impl Iterator<Item = String> {
    let names = &plan.names;
    let bases = [format!("*.{}", names.headless_service()), names.headless_service().to_owned()]
        .into_iter()
        .chain(plan.network.client_service.enabled.then(|| names.client_service()));
    let ends = match &plan.namespace {
        None => vec![String::new()],
        Some(namespace) => vec![
            String::new(),
            format!(".{namespace}"),
            format!(".{namespace}.svc"),
            format!(".{namespace}.svc.{}", plan.network.cluster_domain),
        ],
    };
    bases
        .flat_map(move |base| ends.clone().into_iter().map(move |end| format!("{base}{end}")))
        .chain(["localhost".to_owned()])
}
