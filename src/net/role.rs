//! What an address is: a node, a control plane, a health check's prober, somebody on the internet.

use std::fmt;

/// The role of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A VM of a GKE cluster.
    Node,
    /// A pod of a GKE cluster.
    Pod,
    /// A Service's virtual address.
    Service,
    /// A GKE control plane.
    ControlPlane,
    /// A source of Google's health checks and of proxied load-balancer traffic.
    HealthCheck,
    /// Identity-Aware Proxy's TCP forwarding.
    Iap,
    /// Google APIs on the private or restricted VIP, or by direct connectivity.
    GoogleApis,
    /// Google's public addresses.
    GooglePublic,
    /// A load balancer's address.
    LoadBalancer,
    /// A proxy-only subnet.
    ProxySubnet,
    /// An address of a Cloud NAT.
    Nat,
    /// The metadata server.
    Metadata,
    /// Cloud DNS forwarding its queries.
    DnsForwarder,
    /// A subnet that no cluster uses.
    Subnet,
    /// A range of a peered network.
    Peered,
    /// A range behind a VPN or an interconnect.
    OnPremises,
    /// A public address of nobody known.
    Internet,
    /// A private address of nobody known.
    Unknown,
}

const NAMES: [(Role, &str, &str); 18] = [
    (Role::Node, "node", "node"),
    (Role::Pod, "pod", "pod"),
    (Role::Service, "service", "service"),
    (Role::ControlPlane, "control-plane", "control plane"),
    (Role::HealthCheck, "health-check", "health checks"),
    (Role::Iap, "iap", "IAP"),
    (Role::GoogleApis, "google-apis", "Google APIs"),
    (Role::GooglePublic, "google-public", "public Google address"),
    (Role::LoadBalancer, "load-balancer", "load balancer"),
    (Role::ProxySubnet, "proxy-subnet", "proxy-only subnet"),
    (Role::Nat, "nat", "Cloud NAT"),
    (Role::Metadata, "metadata", "metadata server"),
    (Role::DnsForwarder, "dns-forwarder", "Cloud DNS"),
    (Role::Subnet, "subnet", "subnet"),
    (Role::Peered, "peered", "peered network"),
    (Role::OnPremises, "on-premises", "on premises"),
    (Role::Internet, "internet", "internet"),
    (Role::Unknown, "unknown", "unknown"),
];

impl Role {
    /// The word that stands in JSON.
    #[must_use]
    pub fn id(self) -> &'static str {
        NAMES.iter().find(|(role, ..)| *role == self).map_or("unknown", |(_, id, _)| id)
    }

    /// The role of that word.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        NAMES.iter().find(|(_, name, _)| *name == id).map(|(role, ..)| *role)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAMES.iter().find(|(role, ..)| role == self).map_or("unknown", |(.., say)| say))
    }
}

#[cfg(test)]
mod tests {
    use super::{NAMES, Role};

    #[test]
    fn every_role_has_one_word() {
        for (role, id, _) in NAMES {
            assert_eq!(Role::from_id(id), Some(role));
            assert_eq!(role.id(), id);
        }
    }
}
