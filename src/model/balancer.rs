//! Load balancers as gcloud describes them: backend services, what stands behind them, and how it
//! is probed.

use crate::model::{Origin, Reference};
use crate::net::AddressSet;

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

/// What a rule of a security policy goes by, and whether it lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArmorRule {
    /// Lower is asked first.
    pub priority: u64,
    /// Whether it lets in.
    pub is_allow: bool,
    /// Whose requests; `None` where it goes by an expression.
    pub sources: Option<AddressSet>,
}

/// A security policy of Cloud Armor
/// (<https://cloud.google.com/armor/docs/security-policy-overview#eval-order>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityPolicy {
    /// Its name.
    pub name: String,
    /// Its rules.
    pub rules: Vec<ArmorRule>,
    /// Where it was read.
    pub origin: Origin,
}

impl SecurityPolicy {
    /// Whom it lets in for certain, and whom at the most: an expression may hold for anybody.
    #[must_use]
    pub fn admitted(&self) -> (AddressSet, AddressSet) {
        let mut rules: Vec<&ArmorRule> = self.rules.iter().collect();
        rules.sort_by_key(|rule| rule.priority);
        let (mut certain, mut perhaps) = (AddressSet::default(), AddressSet::default());
        let mut open = AddressSet::all();
        let mut may_be_denied = false;
        for rule in rules {
            match (&rule.sources, rule.is_allow) {
                (Some(sources), is_allow) => {
                    let own = open.intersection(sources);
                    open = open.difference(sources);
                    if is_allow {
                        perhaps = perhaps.union(&own);
                        if !may_be_denied {
                            certain = certain.union(&own);
                        }
                    }
                }
                (None, true) => perhaps = perhaps.union(&open),
                (None, false) => may_be_denied = true,
            }
        }
        // The last rule of every policy is for everybody; a trimmed one may lack it.
        (certain, perhaps.union(&open))
    }
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
    /// Security policies of Cloud Armor.
    pub security_policies: Vec<SecurityPolicy>,
}

impl Balancers {
    /// Takes everything from `other`.
    pub fn absorb(&mut self, other: Self) {
        let Self { services, health_checks, groups, security_policies } = other;
        self.services.extend(services);
        self.health_checks.extend(health_checks);
        self.groups.extend(groups);
        self.security_policies.extend(security_policies);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.services.len()
            + self.health_checks.len()
            + self.groups.len()
            + self.security_policies.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
