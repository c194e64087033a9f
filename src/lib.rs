//! Renders plain Kubernetes manifests for a Redis or Valkey Cluster from one spec file.
//!
//! ```text
//! spec text -> Spec -> Plan -> typed objects -> Documents -> stdout | folder | diff
//! ```

pub mod diff;
pub mod document;
pub mod error;
pub mod objects;
pub mod picture;
pub mod plan;
pub mod report;
pub mod spec;
pub mod steps;
pub mod templates;
pub mod yaml;
