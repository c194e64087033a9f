//! How clients outside of the Kubernetes cluster reach each pod.

use std::collections::BTreeMap;

use super::{StatefulSetPlan, port};
use crate::spec::types::{External, ExternalType};

/// A Service for each pod.
#[derive(Debug, Clone)]
pub struct ExternalPlan {
    /// The pods, in order.
    pub pods: Vec<ExternalPod>,
    /// The file `external`: every pod's name, host and, where it has one of its own, port.
    pub file: String,
}

/// One pod as clients outside see it.
#[derive(Debug, Clone)]
pub struct ExternalPod {
    /// The pod, and its Service.
    pub name: String,
    /// The host that clients are told; empty where a list is too short or a pattern too long, which rules refuse.
    pub host: String,
    /// The port at which its server listens and clients outside connect, where it is not the same for all.
    pub port: Option<u16>,
}

impl ExternalPod {
    /// Annotations of its Service.
    pub fn annotations(&self, external: &External) -> BTreeMap<String, String> {
        let words = [("POD", self.name.as_str()), ("HOST", &self.host)];
        let annotations = external.annotations.iter();
        annotations.map(|(key, value)| (key.clone(), fill(value, &words))).collect()
    }
}

/// The longest host, of DNS and so of a pattern, in bytes.
const LONGEST_HOST: usize = 253;

impl ExternalPlan {
    pub(super) fn new(external: &External, stateful_sets: &[StatefulSetPlan]) -> ExternalPlan {
        let mut hosts = external.hosts.iter().cloned();
        let first =
            external.first_node_port.filter(|_| external.service_type == ExternalType::NodePort);
        let ordinals = stateful_sets.iter().flat_map(|set| {
            let tens = PORTS_PER_SHARD * set.shard.unwrap_or(0);
            set.pod_names().zip(tens..)
        });
        let pods = ordinals.map(|(name, number)| {
            let host = match &external.host {
                Some(pattern) if pattern.len() > LONGEST_HOST => String::new(),
                Some(pattern) => fill(pattern, &[("POD", &name)]),
                None => hosts.next().unwrap_or_default(),
            };
            let port = first.map(|first| port(first.saturating_add(number)));
            ExternalPod { name, host, port }
        });
        let pods: Vec<_> = pods.collect();
        let lines = pods.iter().map(|ExternalPod { name, host, port, .. }| match port {
            Some(port) => format!("{name} {host} {port}\n"),
            None => format!("{name} {host}\n"),
        });
        let title = if first.is_some() { "# pod host port\n" } else { "# pod host\n" };
        ExternalPlan { file: [title.to_owned()].into_iter().chain(lines).collect(), pods }
    }

    /// The lowest and the highest of the pods' own ports, where they have such.
    pub fn ports(&self) -> Option<(u16, u16)> {
        let ports = self.pods.iter().filter_map(|pod| pod.port);
        ports.clone().min().zip(ports.max())
    }
}

/// How many ports each shard has for its pods.
pub(crate) const PORTS_PER_SHARD: u32 = 10;

/// The text with each of the words replaced, where it stands alone: `POD` in `POD-a.example.com`, not in `TRIPOD`.
fn fill(text: &str, words: &[(&str, &str)]) -> String {
    let is_word = |char: char| char.is_alphanumeric() || char == '_';
    let mut filled = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|char| !is_word(char)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let value = words.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
        filled.push_str(value.unwrap_or(word));
        let end = after.find(is_word).unwrap_or(after.len());
        let (between, after) = after.split_at(end);
        filled.push_str(between);
        rest = after;
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn words_that_stand_alone_are_replaced() {
        let words = [("POD", "a-0"), ("HOST", "a-0.example.com")];
        for (text, expected) in [
            ("POD.example.com", "a-0.example.com"),
            ("redis-POD.example.com", "redis-a-0.example.com"),
            ("HOST", "a-0.example.com"),
            ("name=POD,host=HOST.", "name=a-0,host=a-0.example.com."),
            ("TRIPOD_POD PODS é POD", "TRIPOD_POD PODS é a-0"),
            ("", ""),
            (".-", ".-"),
        ] {
            assert_eq!(fill(text, &words), expected, "{text}");
        }
    }
}
