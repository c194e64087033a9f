//! Encryption: who shows and insists on which certificate, and how it is renewed.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    OPERATIONS_PER_SECOND,
    external::{self, FAILOVER, TOLD},
    misc,
};
use crate::{
    certificates,
    clients::{self, Load},
    cluster::Cluster,
    lab::{Case, Lab, Spec},
    net::NAME_SERVICE,
    outside,
    tools::{Result, ensure},
};

fn encrypted(mut lab: Lab, clients: &'static str) -> Result<Lab> {
    lab.tls = Some(clients);
    for name in ["blue", "green"] {
        let files = certificates::issue(&lab.case.folder.join(name))?;
        lab.world.put_secret(&format!("{name}-tls"), &files)?;
    }
    Ok(lab)
}

/// F18: everything is encrypted, and clients have to show a certificate.
pub fn with_mutual_tls(case: Case) -> Result<Lab> {
    encrypted(Lab::new(case)?, "Required")
}

/// F18: everything is encrypted, and clients need no certificate.
pub fn with_tls(case: Case) -> Result<Lab> {
    encrypted(Lab::new(case)?, "None")
}

/// F18: the same on IPv6 only.
pub fn with_tls_on_ipv6(case: Case) -> Result<Lab> {
    encrypted(misc::on_ipv6(case)?, "None")
}

/// A certificate is renewed under load: all servers show the new one, and no client notices.
pub fn renewal(lab: &mut Lab) -> Result<()> {
    let (cluster, shards) = lab.deploy(&lab.spec("blue"))?;
    let world = lab.world.clone();
    let pods = cluster.pods()?;
    let load = Load::without_retries(&cluster, &shards, OPERATIONS_PER_SECOND);
    thread::sleep(Duration::from_secs(3));
    let folder = lab.case.folder.join("blue");
    let renewed = certificates::issue(&folder)?;
    let serial = certificates::serial(&renewed)?;
    world.put_secret("blue-tls", &renewed)?;
    let start = Instant::now();
    world.wait("every server shows the new certificate", Duration::from_secs(60), || {
        for pod in &pods {
            let place = cluster.place(pod.addresses()[0]).to_string();
            let served = certificates::serial_served(&place, &folder)?;
            ensure!(served == serial, "{} shows {served}", pod.name());
        }
        Ok(())
    })?;
    lab.note(format!("in use after {:.0} s", start.elapsed().as_secs_f64()));
    // New links of peers and replicas, too: one that was cut comes back with the new certificate.
    let replica = shards[0].replicas.first().ok_or("no replica")?;
    world.destroy(std::slice::from_ref(replica))?;
    world.release([replica]);
    world.wait("the replica answers", Duration::from_secs(20), || {
        cluster.view(replica).map(|_| ())
    })?;
    cluster.wait_whole(Duration::from_secs(15))?;
    let tally = load.stop()?;
    let served = pods.iter().filter(|pod| pod.name() != replica);
    for pod in served {
        ensure!(pod.restarts() == 0 && !pod.gone(), "{} was restarted", pod.name());
    }
    lab.judge_faultless(&cluster, &tally, OPERATIONS_PER_SECOND)
}

/// Where clients without encryption are served meanwhile.
const PLAINTEXT_PORT: u16 = 6380;

/// A spec whose certificate cert-manager makes; what that is asked for is made at once.
fn with_certificate(lab: &Lab, spec: Spec, more: &Value) -> Result<Spec> {
    let mut tls = json!({ "certificate": { "issuerRef": { "name": "authority" } } });
    if let (Some(tls), Some(more)) = (tls.as_object_mut(), more.as_object()) {
        tls.extend(more.clone());
    }
    let spec = spec.set("metadata.namespace", "default").set("spec.tls", tls);
    let objects = lab.render(&spec)?;
    let certificate = objects.certificates.first().ok_or("no Certificate was rendered")?;
    let secret = certificate["spec"]["secretName"].as_str().ok_or("it names no Secret")?;
    let files = certificates::issue_for(certificate, &lab.case.folder.join("authority"))?;
    lab.world.put_secret(secret, &files)?;
    Ok(spec)
}

/// Clients find the pods by the names that these announce, and insist on them in certificates that were made as the rendered Certificate asks; at
/// the same time others come without encryption. Both follow the cluster through a failover and to new addresses of all pods.
pub fn by_names(lab: &mut Lab) -> Result<()> {
    let spec = lab
        .spec("blue")
        .set("spec.network.announceHostnames", true)
        .set("spec.network.preferredEndpointType", "hostname");
    let more = json!({ "clientCertificates": "Optional", "plaintextPort": PLAINTEXT_PORT });
    let spec = with_certificate(lab, spec, &more)?;
    outside::resolve_names_at(NAME_SERVICE)?;
    let (cluster, shards) = lab.deploy(&spec)?;
    let world = lab.world.clone();
    let named = |port: u16| {
        let host = |pod: &String| format!("{pod}.{}.default.svc.cluster.local", cluster.name);
        cluster
            .members
            .iter()
            .map(|member| (member.pod.clone(), (host(&member.pod), port)))
            .collect()
    };
    let strict = Cluster { hosts: named(cluster.client_port), ..cluster.strict() };
    let plain = Cluster {
        name: "plain".to_owned(),
        tls_secret: None,
        client_port: PLAINTEXT_PORT,
        hosts: named(PLAINTEXT_PORT),
        ..strict.clone()
    };
    for side in [&strict, &plain] {
        world.wait("every node knows every name", TOLD, || external::told(side).map(|_| ()))?;
    }
    lab.note(format!("MOVED: {}", external::told(&strict)?));
    // A name that the certificate does not have is refused by these clients.
    let address = world.pod(&cluster.members[0].pod)?.addresses()[0].to_string();
    let refused = strict.connect_at(strict.place_at(address, cluster.client_port));
    ensure!(refused.is_err(), "a certificate without it is taken for an address");

    let keys = clients::fill(&strict, 2000, "kept")?;
    let loads = [&strict, &plain].map(|side| (side.clone(), Load::start(side, &shards, 200)));
    thread::sleep(Duration::from_secs(2));
    external::lose_master(&cluster, &shards[0])?;
    for (side, load) in loads {
        lab.judge(&side, &load.stop()?, FAILOVER, None)?;
    }

    // What was written is on the disk after that.
    thread::sleep(Duration::from_secs(3));
    let pods: Vec<_> = cluster.members.iter().map(|member| member.pod.clone()).collect();
    world.destroy(&pods)?;
    world.release(&pods);
    let back = Instant::now();
    let (whole, _) = cluster.wait_lasting(Duration::from_secs(60), Duration::from_secs(10))?;
    lab.healed_at(back, whole);
    for side in [&strict, &plain] {
        external::readable(side, &keys)?;
    }
    Ok(())
}

/// Clients outside insist on the hosts of the load balancers in certificates that were made as the rendered Certificate asks.
pub fn outside_by_names(lab: &mut Lab) -> Result<()> {
    let spec = external::with_load_balancers(lab, "POD.redis.example.com");
    let spec = with_certificate(lab, spec, &json!({ "clientCertificates": "None" }))?;
    let (cluster, shards) = lab.deploy(&spec)?;
    external::serve_outside(lab, &cluster.strict(), &shards)
}
