//! The Services: one that gives every pod its DNS name, one that clients find the cluster by, and one for each pod that clients outside reach.

use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::metadata;
use crate::{
    plan::{Plan, names},
    spec::types::{External, MonitorKind},
};

/// The headless Service, which gives each pod its DNS name, ready or not: pods must find each other before they can become ready.
pub(super) fn headless_service(plan: &Plan) -> Service {
    let mut ports: Vec<_> =
        client_ports(plan).chain([port(names::BUS_PORT, plan.bus_port)]).collect();
    // A port that differs from pod to pod cannot be told by name.
    ports.retain(|port| !plan.has_own_ports() || port.name.as_deref() != Some(names::CLIENT_PORT));
    // A ServiceMonitor finds pods by a Service, and this one has those that are not ready, too.
    if plan.monitor.kind == MonitorKind::ServiceMonitor {
        ports.extend(plan.exporter.as_ref().map(|e| port(names::METRICS_PORT, e.port)));
    }
    Service {
        metadata: metadata(plan, plan.names.headless_service()),
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".to_owned()),
            ports: Some(ports),
            publish_not_ready_addresses: Some(true),
            ..spec(plan)
        }),
        ..Service::default()
    }
}

/// The Service that clients find the cluster by: any ready pod answers, and tells them about the others. A Service cannot lead to another port on each
/// pod: where they have their own, each pod's Service serves clients inside, too.
pub(super) fn client_service(plan: &Plan) -> Option<Service> {
    let service = &plan.network.client_service;
    if !service.enabled || plan.has_own_ports() {
        return None;
    }
    let mut metadata = metadata(plan, plan.names.client_service());
    if !service.annotations.is_empty() {
        metadata.annotations.get_or_insert_default().extend(service.annotations.clone());
    }
    Some(Service {
        metadata,
        spec: Some(ServiceSpec { ports: Some(client_ports(plan).collect()), ..spec(plan) }),
        ..Service::default()
    })
}

/// The Services by which clients outside reach each pod. Ready or not: a master whose probe fails for a moment still is the only one that serves its
/// slots, and inside nothing keeps clients from it either. A port without encryption beside an encrypted one stays inside.
pub(super) fn pod_services(plan: &Plan) -> impl Iterator<Item = Service> {
    let pods = plan.network.external.iter().zip(&plan.external);
    pods.flat_map(|(external, outside)| outside.pods.iter().map(move |pod| (external, pod))).map(
        |(external, pod)| {
            let External {
                service_type,
                host: _,
                hosts: _,
                first_node_port: _,
                annotations: _,
                load_balancer_class,
                load_balancer_source_ranges: ranges,
                external_traffic_policy,
            } = external;
            let mut metadata = metadata(plan, pod.name.clone());
            let annotations = pod.annotations(external);
            if !annotations.is_empty() {
                metadata.annotations.get_or_insert_default().extend(annotations);
            }
            let mut ports: Vec<_> = client_ports(plan).take(1).collect();
            if let (Some(number), Some(port)) = (pod.port, ports.first_mut()) {
                port.port = number.into();
                port.node_port = Some(number.into());
                port.target_port = Some(IntOrString::Int(number.into()));
            }
            let mut selector = plan.names.selector(names::NODE);
            selector.insert(names::POD_NAME_LABEL.to_owned(), pod.name.clone());
            Service {
                metadata,
                spec: Some(ServiceSpec {
                    external_traffic_policy: external_traffic_policy
                        .map(|policy| policy.name().to_owned()),
                    load_balancer_class: load_balancer_class.clone(),
                    load_balancer_source_ranges: (!ranges.is_empty()).then(|| ranges.clone()),
                    ports: Some(ports),
                    publish_not_ready_addresses: Some(true),
                    selector: Some(selector),
                    type_: Some(service_type.name().to_owned()),
                    ..spec(plan)
                }),
                ..Service::default()
            }
        },
    )
}

fn spec(plan: &Plan) -> ServiceSpec {
    let families = &plan.network.ip_families;
    ServiceSpec {
        ip_families: (!families.is_empty())
            .then(|| families.iter().map(|family| family.name().to_owned()).collect()),
        ip_family_policy: plan.network.ip_family_policy.map(|policy| policy.name().to_owned()),
        selector: Some(plan.names.selector(names::NODE)),
        type_: Some("ClusterIP".to_owned()),
        ..ServiceSpec::default()
    }
}

/// `appProtocol` tells a service mesh what it carries, whatever the port is called; of an encrypted one it can tell nothing.
fn client_ports(plan: &Plan) -> impl Iterator<Item = ServicePort> {
    let redis = |port| ServicePort { app_protocol: Some("redis".to_owned()), ..port };
    let client = port(names::CLIENT_PORT, plan.client_port);
    let plaintext = plan.tls.as_ref().and_then(|tls| tls.plaintext_port);
    let plaintext = plaintext.map(|number| redis(port(names::PLAINTEXT_PORT, number)));
    let client = if plan.tls.is_some() { client } else { redis(client) };
    [client].into_iter().chain(plaintext)
}

fn port(name: &str, port: u16) -> ServicePort {
    ServicePort {
        name: Some(name.to_owned()),
        port: port.into(),
        protocol: Some("TCP".to_owned()),
        target_port: Some(IntOrString::String(name.to_owned())),
        ..ServicePort::default()
    }
}
