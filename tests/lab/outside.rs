//! What is outside of the Kubernetes cluster: load balancers, and clients that can reach nothing else.
//!
//! The scenario's own network namespace is the edge of the Kubernetes cluster. It leads what arrives at a load balancer's address on to the pod that
//! stands behind the Service at that moment, as kube-proxy does, with an address of its own as the sender.

use std::{
    fs::{self, File},
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::tools::{Result, ensure, run, run_with};
use std::os::fd::AsFd;

/// The edge, as clients outside see it; they also ask for names there.
pub const EDGE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// Where clients outside are.
const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
/// The addresses of load balancers.
const BALANCERS: &str = "198.51.100.0/24";
/// The network namespace of clients outside.
const NAMESPACE: &str = "outside";

/// A node of the Kubernetes cluster: all node ports are there.
pub const NODE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 250);

/// The address of a load balancer, by the order in which they were asked for.
pub fn balancer(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(198, 51, 100, number)
}

/// Where a connection from outside arrives, and the pod and port that it is led to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Way {
    /// The address outside.
    pub address: Ipv4Addr,
    /// The port there.
    pub port: u16,
    /// The pod's address.
    pub pod: Ipv4Addr,
    /// The pod's port.
    pub pod_port: u16,
}

/// Makes the place where clients outside are, and lets this program and them resolve names.
pub fn build() -> Result<()> {
    fs::write("/proc/sys/net/ipv4/ip_forward", "1")?;
    run_with(
        &["ip", "-batch", "-"],
        &format!(
            "netns add {NAMESPACE}
             link add out0 type veth peer name eth0 netns {NAMESPACE}
             addr add {EDGE}/24 dev out0
             link set out0 up
             route add {BALANCERS} dev lab0
            "
        ),
    )?;
    run_with(
        &["ip", "-netns", NAMESPACE, "-batch", "-"],
        &format!(
            "link set lo up
             addr add {CLIENT}/24 dev eth0
             link set eth0 up
             route add default via {EDGE}
            "
        ),
    )?;
    lead(&[])?;
    resolve_names_at(EDGE)
}

/// Lets this program ask for names at an address.
pub fn resolve_names_at(address: Ipv4Addr) -> Result<()> {
    // Only in the scenario's own mount namespace. What the file is a link to may have been in /run, which is the scenario's own as well.
    let file = resolver_file()?;
    let ours = Path::new("/run/lab/resolv.conf");
    fs::write(ours, format!("nameserver {address}\noptions timeout:1 attempts:2\n"))?;
    run(&format!("mount --bind {} {}", ours.display(), file.display()))?;
    Ok(())
}

fn resolver_file() -> Result<PathBuf> {
    let file = PathBuf::from("/etc/resolv.conf");
    if let Ok(link) = fs::read_link(&file) {
        let target = Path::new("/etc").join(link);
        if !target.exists() {
            fs::create_dir_all(target.parent().ok_or("a link to nowhere")?)?;
            fs::write(&target, "")?;
        }
        return Ok(target);
    }
    Ok(file)
}

/// Replaces all ways from outside to pods. What arrives elsewhere is refused.
pub fn lead(ways: &[Way]) -> Result<()> {
    let rules: String = ways
        .iter()
        .map(|Way { address, port, pod, pod_port }| {
            format!("ip daddr {address} tcp dport {port} dnat to {pod}:{pod_port}\n")
        })
        .collect();
    run_with(
        &["nft", "-f", "-"],
        &format!(
            "table ip outside
             delete table ip outside
             table ip outside {{
               chain arriving {{
                 type nat hook prerouting priority -100; policy accept;
                 {rules}
               }}
               chain own {{
                 type nat hook output priority -100; policy accept;
                 {rules}
               }}
               chain leaving {{
                 type nat hook postrouting priority 100; policy accept;
                 ct status dnat masquerade
               }}
               chain forward {{
                 type filter hook forward priority 0; policy accept;
                 iifname out0 ct status dnat accept
                 iifname out0 reject with icmp type host-unreachable
               }}
               chain input {{
                 type filter hook input priority 0; policy accept;
                 iifname out0 ip daddr {EDGE} udp dport 53 accept
                 iifname out0 reject with icmp type host-unreachable
               }}
               chain output {{
                 type filter hook output priority 0; policy accept;
                 ip daddr {BALANCERS} reject with icmp type host-unreachable
               }}
             }}
            "
        ),
    )?;
    Ok(())
}

/// Moves the calling thread outside, for good.
pub fn enter() -> Result<()> {
    let place = Path::new("/run/netns").join(NAMESPACE);
    ensure!(place.exists(), "nothing is outside: no Service has a load balancer");
    move_into_link_name_space(File::open(place)?.as_fd(), Some(LinkNameSpaceType::Network))?;
    Ok(())
}
