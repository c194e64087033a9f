//! The pod network: a bridge, a network namespace with its own addresses for each pod, and its faults.
//!
//! Every scenario has a network of its own, so addresses repeat between scenarios and never meet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::tools::{Result, run, run_with};

/// Where the test's own clients are.
pub const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 7, 0, 1);
/// Where the name service is, apart from the clients, so that each can be cut off alone.
pub const NAME_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 7, 0, 10);
/// The bridge's link address. One of its own choice would be the lowest of its ports': it would change when
/// a pod goes, and the other pods would look for clients and names at the old one for up to a minute.
const BRIDGE: &str = "02:00:00:00:00:01";
const CLIENT_6: &str = "fd07::1";
/// The one that pods of an IPv6-only cluster ask.
pub const NAME_SERVICE_6: Ipv6Addr = Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 0xa);

/// Builds the bridge with the test's own addresses; once in each scenario's network namespace.
pub fn build() -> Result<()> {
    run("mount -t tmpfs -o mode=755 tmpfs /run")?;
    run_with(
        &["ip", "-batch", "-"],
        &format!(
            "link set lo up
             link add lab0 address {BRIDGE} type bridge mcast_snooping 0
             link set lab0 up
             addr add {CLIENT}/16 dev lab0
             addr add {NAME_SERVICE}/16 dev lab0
             addr add {CLIENT_6}/64 dev lab0 nodad
             addr add {NAME_SERVICE_6}/64 dev lab0 nodad
            "
        ),
    )?;
    Ok(())
}

/// A pod's addresses: the same number in both families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address(pub u16);

impl Address {
    /// The IPv4 address.
    pub fn v4(self) -> Ipv4Addr {
        let [high, low] = (self.0 + 0x100).to_be_bytes();
        Ipv4Addr::new(10, 7, high, low)
    }

    /// The IPv6 address.
    pub fn v6(self) -> Ipv6Addr {
        Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 1, self.0)
    }

    /// The link address follows from the IP, so that no neighbour table is ever stale: a real pod
    /// network is routed and knows no such tables between pods.
    fn link(self) -> String {
        let [a, b, c, d] = self.v4().octets();
        format!("02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
    }
}

/// Which addresses pods get; a property of the Kubernetes cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Families {
    /// IPv4 only.
    #[default]
    V4,
    /// IPv6 only.
    V6,
}

/// A pod's network namespace.
#[derive(Debug)]
pub struct PodNet {
    /// Its name, for `ip netns`.
    pub name: String,
    /// Its addresses.
    pub address: Address,
    /// Which of them it has.
    families: Families,
}

/// From whom a pod is cut off, in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The cluster bus, at this port, with everyone.
    Bus(u16),
    /// The cluster bus, at this port, with one other pod.
    BusWith(u16, Address),
    /// Everyone but the test's clients and the name service.
    Peers,
    /// The test's clients.
    Clients,
    /// Everyone.
    All,
}

impl PodNet {
    /// Makes the namespace and plugs it into the bridge.
    pub fn create(number: usize, address: Address, families: Families) -> Result<PodNet> {
        let name = format!("p{number}");
        let link = address.link();
        run_with(
            &["ip", "-batch", "-"],
            // Without learning the bridge is a hub: an address may move to another pod at any moment.
            &format!(
                "netns add {name}
                 link add h{number} type veth peer name eth0 address {link} netns {name}
                 link set h{number} master lab0 up
                 link set h{number} type bridge_slave learning off
                "
            ),
        )?;
        let net = PodNet { name, address, families };
        let mut lines = "link set lo up\nlink set eth0 up\n".to_owned();
        for address in net.addresses() {
            lines += &match address {
                IpAddr::V4(address) => format!("addr add {address}/16 dev eth0\n"),
                IpAddr::V6(address) => format!("addr add {address}/64 dev eth0 nodad\n"),
            };
        }
        run_with(&["ip", "-netns", &net.name, "-batch", "-"], &lines)?;
        Ok(net)
    }

    /// Its addresses.
    pub fn addresses(&self) -> Vec<IpAddr> {
        let (v4, v6) = (IpAddr::V4(self.address.v4()), IpAddr::V6(self.address.v6()));
        match self.families {
            Families::V4 => vec![v4],
            Families::V6 => vec![v6],
        }
    }

    /// Takes the pod off the network. The namespace goes when its last process has.
    pub fn remove(&self) -> Result<()> {
        run(&format!("ip link del h{}", &self.name[1..]))?;
        run(&format!("ip netns del {}", self.name))?;
        Ok(())
    }

    /// Replaces all cuts of the pod.
    pub fn cut(&self, cuts: &[Cut]) -> Result<()> {
        let mut input = String::new();
        let mut output = String::new();
        for cut in cuts {
            match cut {
                Cut::Bus(port) => {
                    let rule = format!("tcp dport {port} drop\ntcp sport {port} drop\n");
                    input += &rule;
                    output += &rule;
                }
                Cut::BusWith(port, other) => {
                    for (family, other) in
                        [("ip", other.v4().to_string()), ("ip6", other.v6().to_string())]
                    {
                        for end in ["dport", "sport"] {
                            input += &format!("{family} saddr {other} tcp {end} {port} drop\n");
                            output += &format!("{family} daddr {other} tcp {end} {port} drop\n");
                        }
                    }
                }
                Cut::Peers => {
                    let ours = format!("{{ {CLIENT}, {NAME_SERVICE} }}");
                    let ours_6 = format!("{{ {CLIENT_6}, {NAME_SERVICE_6} }}");
                    input += &format!("ip saddr != {ours} drop\nip6 saddr != {ours_6} drop\n");
                    output += &format!("ip daddr != {ours} drop\nip6 daddr != {ours_6} drop\n");
                }
                Cut::Clients => {
                    input += &format!("ip saddr {CLIENT} drop\nip6 saddr {CLIENT_6} drop\n");
                    output += &format!("ip daddr {CLIENT} drop\nip6 daddr {CLIENT_6} drop\n");
                }
                Cut::All => {
                    input += "drop\n";
                    output += "drop\n";
                }
            }
        }
        let rules = format!(
            "table inet lab
             delete table inet lab
             table inet lab {{
               chain input {{
                 type filter hook input priority 0; policy accept;
                 iif lo accept
                 {input}
               }}
               chain output {{
                 type filter hook output priority 0; policy accept;
                 oif lo accept
                 {output}
               }}
             }}
            "
        );
        run_with(&["ip", "netns", "exec", &self.name, "nft", "-f", "-"], &rules)?;
        Ok(())
    }

    /// Limits what the pod sends to so many kilobits each second; `None` lifts the limit.
    pub fn slow(&self, kilobits: Option<u32>) -> Result<()> {
        let name = &self.name;
        match kilobits {
            Some(rate) => run(&format!(
                "tc -netns {name} qdisc replace dev eth0 root tbf rate {rate}kbit burst 4kb latency 2s"
            ))?,
            None => run(&format!("tc -netns {name} qdisc del dev eth0 root"))?,
        };
        Ok(())
    }
}
