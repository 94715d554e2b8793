//! Load balancers as gcloud describes them: backend services, what stands behind them, and how it
//! is probed.

use crate::model::{Origin, Reference};

/// A backend service, or a target pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendService {
    /// Project, region and name.
    pub id: Reference,
    /// `HTTP`, `HTTPS`, `HTTP2`, `TCP`, `UDP`, `UNSPECIFIED`, …
    pub protocol: String,
    /// `EXTERNAL`, `EXTERNAL_MANAGED`, `INTERNAL`, `INTERNAL_MANAGED`, …
    pub scheme: String,
    /// The name of the port of instance groups.
    pub port_name: Option<String>,
    /// Instance groups and network endpoint groups, by name.
    pub groups: Vec<Reference>,
    /// Health checks, by name.
    pub health_checks: Vec<Reference>,
    /// Where it was read.
    pub origin: Origin,
}

impl BackendService {
    /// Whether packets arrive as they were sent, from whoever sent them.
    #[must_use]
    pub fn is_passthrough(&self) -> bool {
        let by_packet = matches!(self.protocol.as_str(), "TCP" | "UDP" | "UNSPECIFIED");
        let regional = self.id.location.is_some();
        by_packet && (self.scheme == "INTERNAL" || self.scheme == "EXTERNAL" && regional)
    }
}

/// A health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// Project, region and name.
    pub id: Reference,
    /// The port that it probes; `None` where it is the serving port, or a named one.
    pub port: Option<u16>,
    /// Where it was read.
    pub origin: Origin,
}

/// What stands behind a backend service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendGroup {
    /// Project, zone or region, and name.
    pub id: Reference,
    /// Whether it is a network endpoint group; else an instance group.
    pub of_endpoints: bool,
    /// `GCE_VM_IP_PORT` and the like.
    pub kind: String,
    /// Its network.
    pub network: Option<Reference>,
    /// Its subnetwork.
    pub subnetwork: Option<Reference>,
    /// Ports by name, of an instance group.
    pub named_ports: Vec<(String, u16)>,
    /// The port of endpoints that say none.
    pub default_port: Option<u16>,
    /// Where it was read.
    pub origin: Origin,
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Balancers {
    /// Backend services and target pools.
    pub services: Vec<BackendService>,
    /// Health checks.
    pub health_checks: Vec<HealthCheck>,
    /// Groups of backends.
    pub groups: Vec<BackendGroup>,
}

impl Balancers {
    /// Takes everything from `other`.
    pub fn absorb(&mut self, other: Self) {
        self.services.extend(other.services);
        self.health_checks.extend(other.health_checks);
        self.groups.extend(other.groups);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.services.len() + self.health_checks.len() + self.groups.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
