//! The restricted Pod Security Standard for every pod template, the Job's included, and what we promise beyond it: a
//! read-only root filesystem and no service account token.

use serde_json::{Value, json};

use crate::{assert_none, common::rendered};

/// Volumes that the restricted standard allows.
const VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

#[test]
fn every_pod_is_restricted() {
    let (mut wrong, mut templates, mut jobs) = (Vec::new(), 0, 0);
    for rendered in rendered::all() {
        for object in &rendered.objects {
            if let Some(pod) = object.pointer("/spec/template/spec") {
                templates += 1;
                jobs += usize::from(object["kind"] == "Job");
                let title = rendered.title(object);
                wrong
                    .extend(mistakes(pod).into_iter().map(|mistake| format!("{title}: {mistake}")));
            }
        }
    }
    assert_none(&wrong);
    // Specs without the Job are few, and each spec has a StatefulSet.
    assert!(jobs > 300 && templates > jobs + 500, "only {templates} pod templates, {jobs} of Jobs");
}

/// What is wrong with a pod's `spec`.
fn mistakes(pod: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            wrong.push(what.to_owned());
        }
    };
    let no = |value: &Value| value.is_null() || value == false;

    must(pod["automountServiceAccountToken"] == false, "automountServiceAccountToken is not false");
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        must(no(&pod[field]), field);
    }
    must(pod["hostUsers"].is_null() || pod["hostUsers"] == false, "hostUsers");
    let of_pod = &pod["securityContext"];
    must(of_pod["runAsNonRoot"] == true, "runAsNonRoot is not true");
    must(of_pod["runAsUser"] != 0, "runAsUser is 0");
    must(
        of_pod["seccompProfile"]["type"] == "RuntimeDefault",
        "seccompProfile is not RuntimeDefault",
    );
    for field in ["sysctls", "windowsOptions", "seLinuxOptions", "appArmorProfile"] {
        must(of_pod[field].is_null(), field);
    }
    for volume in list(&pod["volumes"]) {
        let kinds: Vec<_> =
            volume.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
        let allowed = kinds.iter().all(|kind| *kind == "name" || VOLUMES.contains(kind));
        must(allowed && kinds.len() == 2, &format!("the volume {}", volume["name"]));
    }

    let containers: Vec<_> = ["initContainers", "containers", "ephemeralContainers"]
        .into_iter()
        .flat_map(|field| list(&pod[field]))
        .collect();
    must(list(&pod["containers"]).next().is_some(), "no containers");
    for container in containers {
        let name = &container["name"];
        let context = &container["securityContext"];
        let mut must = |holds: bool, what: &str| must(holds, &format!("container {name}: {what}"));
        must(context["allowPrivilegeEscalation"] == false, "allowPrivilegeEscalation is not false");
        must(context["readOnlyRootFilesystem"] == true, "readOnlyRootFilesystem is not true");
        must(no(&context["privileged"]), "privileged");
        must(context["capabilities"]["drop"] == json!(["ALL"]), "capabilities are not dropped");
        must(context["capabilities"]["add"].is_null(), "capabilities are added");
        must(no_or(&context["runAsNonRoot"], &json!(true)), "runAsNonRoot is overridden");
        must(context["runAsUser"] != 0, "runAsUser is 0");
        must(
            no_or(&context["seccompProfile"]["type"], &json!("RuntimeDefault")),
            "seccompProfile is overridden",
        );
        must(no_or(&context["procMount"], &json!("Default")), "procMount");
        for field in ["windowsOptions", "seLinuxOptions", "appArmorProfile"] {
            must(context[field].is_null(), field);
        }
        for port in list(&container["ports"]) {
            must(no_or(&port["hostPort"], &json!(0)), "hostPort");
        }
    }
    wrong
}

fn no_or(value: &Value, allowed: &Value) -> bool {
    value.is_null() || value == allowed
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[test]
fn mistakes_are_found() {
    let good = json!({
        "automountServiceAccountToken": false,
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "a", "emptyDir": {}}],
        "initContainers": [{"name": "i", "securityContext": {"allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}}}],
        "containers": [{"name": "c", "ports": [{"containerPort": 1}], "securityContext": {"allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}}}],
    });
    assert_eq!(mistakes(&good), Vec::<String>::new());
    for (pointer, bad) in [
        ("/automountServiceAccountToken", json!(null)),
        ("/automountServiceAccountToken", json!(true)),
        ("/hostNetwork", json!(true)),
        ("/hostPID", json!(true)),
        ("/securityContext/runAsNonRoot", json!(null)),
        ("/securityContext/runAsUser", json!(0)),
        ("/securityContext/seccompProfile/type", json!("Unconfined")),
        ("/securityContext/sysctls", json!([{"name": "net.core.somaxconn", "value": "1024"}])),
        ("/volumes/0", json!({"name": "a", "hostPath": {"path": "/"}})),
        ("/volumes/0", json!({"name": "a"})),
        ("/containers", json!([])),
        ("/containers/0/securityContext", json!(null)),
        ("/containers/0/securityContext/allowPrivilegeEscalation", json!(null)),
        ("/containers/0/securityContext/readOnlyRootFilesystem", json!(false)),
        ("/containers/0/securityContext/capabilities/drop", json!([])),
        ("/containers/0/securityContext/capabilities/add", json!(["NET_RAW"])),
        ("/containers/0/securityContext/privileged", json!(true)),
        ("/containers/0/securityContext/runAsUser", json!(0)),
        ("/containers/0/securityContext/runAsNonRoot", json!(false)),
        ("/containers/0/ports/0/hostPort", json!(6379)),
        ("/initContainers/0/securityContext/readOnlyRootFilesystem", json!(null)),
    ] {
        let mut pod = good.clone();
        let (parent, field) = pointer.rsplit_once('/').expect("it is a pointer");
        match pod.pointer_mut(parent).expect("the parent is there") {
            Value::Object(fields) => drop(fields.insert(field.to_owned(), bad.clone())),
            Value::Array(items) => {
                items[field.parse::<usize>().expect("it is an index")] = bad.clone();
            }
            other => panic!("{parent} is {other}"),
        }
        assert!(!mistakes(&pod).is_empty(), "{pointer}: {bad} was not noticed");
    }
}
