//! What every cluster needs: the control plane and the nodes reach one another, pods and nodes
//! reach one another, names are resolved.
//!
//! How the control plane is joined decides who speaks
//! (<https://cloud.google.com/kubernetes-engine/docs/concepts/private-cluster-concept>): by VPC
//! peering it comes from its own /28; by Private Service Connect, or from outside of a public
//! cluster, it goes through the konnectivity agents, which are pods.

use crate::correlate::RollUp;
use crate::correlate::expected::judge::{Ask, open};
use crate::correlate::expected::{Need, Place, Purpose, outside};
use crate::correlate::path::vip::meant_otherwise;
use crate::correlate::side::{Side, side};
use crate::engine::naming::{Resolved, redirects_google, resolve};
use crate::engine::routing::leads_to_vip;
use crate::engine::{EffectiveRules, Endpoint};
use crate::model::cluster::ControlPlaneLink;
use crate::model::symptom::KONNECTIVITY;
use crate::model::{
    Action, Cluster, Expected, FirewallRule, Inventory, Origin, Reference, Symptom,
};
use crate::net::{AddressSet, Direction, IpNet, PortSet, Protocol, Role, well_known};

/// What every private node fetches to boot, besides the control plane
/// (<https://cloud.google.com/kubernetes-engine/docs/troubleshooting/node-registration>).
pub const BOOT: [&str; 2] = ["storage.googleapis.com", "gcr.io"];

/// Whether the control plane speaks to nodes and pods from its own /28.
pub(super) fn speaks_from_its_range(cluster: &Cluster) -> bool {
    match cluster.link {
        _ if cluster.heard => true,
        Some(ControlPlaneLink::Peering) => true,
        Some(ControlPlaneLink::PrivateServiceConnect) => false,
        // What has a range and says nothing else had to be joined by peering.
        None => cluster.control_plane_range.is_some(),
    }
}

/// A range beside an endpoint of Private Service Connect leaves open who speaks, and a peering that
/// the network does not list whether there is a way. A log in which the range speaks to the
/// cluster's network settles both.
pub fn hear(inventory: &mut Inventory, log: &RollUp) {
    let is_doubtful = |cluster: &Cluster| {
        cluster.link == Some(ControlPlaneLink::PrivateServiceConnect)
            || inventory.lost_peering(cluster).is_some()
    };
    let all = inventory.clusters.iter().map(|cluster| {
        (cluster.control_plane_range.filter(|_| is_doubtful(cluster)), cluster.network.clone())
    });
    let asked: Vec<(Option<IpNet>, Option<Reference>)> = all.collect();
    if asked.iter().all(|(range, _)| range.is_none()) {
        return;
    }
    for group in log.each() {
        let (_, network) = group.vpc();
        for (cluster, (range, own)) in inventory.clusters.iter_mut().zip(&asked) {
            let is_own = own.as_ref().is_none_or(|own| own.name == network);
            let speaks = range.is_some_and(|range| range.contains(&group.tuple().src));
            cluster.heard |= is_own && speaks;
        }
    }
}

/// A cluster's name as it may stand in a command that somebody pastes.
fn printable(name: &str) -> &str {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_name = name.bytes().all(plain) && !name.starts_with('-') && !name.is_empty();
    if is_name { name } else { "CLUSTER" }
}

/// A need before it is judged.
pub(super) struct Wanted<'a> {
    pub(super) purpose: Purpose<'a>,
    pub(super) reason: String,
    pub(super) from: Side,
    pub(super) to: Side,
    pub(super) protocol: Protocol,
    pub(super) port: Option<u16>,
    pub(super) doubtful: bool,
    pub(super) because: Vec<String>,
}

impl<'a> Place<'_, 'a> {
    /// Judges it.
    pub(super) fn need(&self, wanted: Wanted<'a>) -> Need<'a> {
        let mut need = self.unknown(wanted, &self.cluster.origin);
        let ports = match need.port {
            Some(port) => PortSet::of([port]),
            None => {
                let all = any_port(need.protocol);
                let by_name = self.denied_by_name(need.protocol).intersection(&all);
                if !by_name.is_empty() {
                    let ports = by_name.texts().join(",");
                    need.reason = format!("{}, but for {ports}, denied by name", need.reason);
                }
                all.difference(&by_name)
            }
        };
        let (from, to, protocol) = (&need.from, &need.to, need.protocol);
        let answer = self.judge(&Ask { from, to, protocol, ports: &ports });
        if answer.verdict == Expected::Undetermined {
            need.because.extend(self.lacks(&need.from, &need.to));
        }
        Need { answer, ..need }
    }

    /// The ports of applications that somebody denies to the whole world, ssh and mail mostly: what
    /// nodes and pods need of one another is not that. A deny that names ranges may well mean them.
    fn denied_by_name(&self, protocol: Protocol) -> PortSet {
        let rules = self.rules.iter().flat_map(EffectiveRules::all);
        let denies = rules
            .filter(|rule| rule.action == Action::Deny && !rule.disabled && rule.names_any_peer());
        let few = denies
            .filter_map(|rule| rule.ports_of(protocol))
            .filter(|ports| ports.count() <= MOST_BY_NAME);
        few.fold(PortSet::default(), |all, ports| all.union(&ports))
    }

    /// A need of this cluster that nothing can be asked about.
    pub(super) fn unknown(&self, wanted: Wanted<'a>, origin: &Origin) -> Need<'a> {
        let (cluster, network) = (Some(self.at), self.network.clone());
        Need { cluster, network, ..unknown(wanted, origin) }
    }

    /// What would have to be known.
    fn lacks(&self, from: &Side, to: &Side) -> Option<String> {
        if self.network.is_none() {
            return Some(
                "the cluster's network is not given: gcloud container clusters describe".to_owned(),
            );
        }
        if self.rules.as_ref().is_none_or(|rules| !rules.given) {
            return Some(
                "no firewall rule of the network was given: gcloud compute firewall-rules list \
                 --format=json"
                    .to_owned(),
            );
        }
        let unknown = [from, to].into_iter().find(|side| side.ranges.is_empty())?;
        Some(match unknown.role {
            Role::ControlPlane => unknown.because.clone(),
            role => format!(
                "{}: gcloud compute networks subnets list --format=json",
                if unknown.because.is_empty() { role.to_string() } else { unknown.because.clone() }
            ),
        })
    }

    /// Who calls nodes and pods on behalf of the control plane, whether that is doubtful, and what
    /// to know about it.
    pub(super) fn caller(&self) -> (Side, bool, Option<String>) {
        if speaks_from_its_range(self.cluster) {
            let ranges: Vec<IpNet> = self.cluster.control_plane_range.into_iter().collect();
            let mut side = self.side(Role::ControlPlane);
            if ranges.is_empty() {
                side.because = format!(
                    "the control plane's range is not given: gcloud container clusters describe {} \
                     --format='value(privateClusterConfig.masterIpv4CidrBlock)'",
                    printable(&self.cluster.id.name)
                );
            }
            side.known = !ranges.is_empty();
            side.ranges = ranges;
            return (side, false, None);
        }
        let side =
            Side { name: "kube-system/konnectivity-agent".to_owned(), ..self.side(Role::Pod) };
        let note = "this control plane has no range of its own: it calls through the konnectivity \
                    agents, which are pods";
        (side, true, Some(note.to_owned()))
    }

    /// The addresses at which nodes and pods find the control plane.
    fn control_plane(&self) -> Side {
        let cluster = self.cluster;
        let (ranges, because): (Vec<IpNet>, &str) =
            match (speaks_from_its_range(cluster), cluster.control_plane_range) {
                (true, Some(range)) => (vec![range], "masterIpv4CidrBlock"),
                _ => match (cluster.private_endpoint, cluster.public_endpoint) {
                    (Some(private), _) => (vec![IpNet::from(private)], "private endpoint"),
                    (None, Some(public)) => (vec![IpNet::from(public)], "public endpoint"),
                    (None, None) => (Vec::new(), ""),
                },
            };
        let because = if ranges.is_empty() {
            format!(
                "the control plane's address is not given: gcloud container clusters describe {}",
                printable(&cluster.id.name)
            )
        } else {
            let lost = self.directory.inventory.lost_peering(cluster);
            let lost =
                lost.map(|peering| format!("; no route leads there: peering {peering} is gone"));
            let lost = lost.unwrap_or_default();
            format!("{because} of cluster {} ({}){lost}", cluster.id.name, cluster.origin)
        };
        Side { known: !ranges.is_empty(), ranges, because, ..self.side(Role::ControlPlane) }
    }
}

/// The needs of a cluster itself.
pub(super) fn needs<'a>(place: &Place<'_, 'a>, into: &mut Vec<Need<'a>>) {
    control_plane(place, into);
    inside(place, into);
    let metadata = || {
        let address = IpNet::from(crate::engine::METADATA);
        outside(Role::Metadata, "", vec![address], "169.254.169.254 is in every VM")
    };
    for (protocol, port, reason) in [
        (Protocol::UDP, 53, "names are resolved by the metadata server"),
        (Protocol::TCP, 80, "credentials and configuration come from the metadata server"),
    ] {
        into.push(place.need(Wanted {
            purpose: Purpose::Metadata,
            reason: reason.to_owned(),
            from: place.side(Role::Node),
            to: metadata(),
            protocol,
            port: Some(port),
            doubtful: false,
            because: Vec::new(),
        }));
    }
    boot(place, into);
    if is_reached_by_iap(place) {
        let ranges = well_known::ranges_with(Role::Iap, "TCP forwarding");
        into.push(place.need(Wanted {
            purpose: Purpose::Iap,
            reason: "IAP forwards SSH to nodes: a rule of this network names it".to_owned(),
            from: outside(Role::Iap, "", ranges, "35.235.240.0/20 is IAP's range"),
            to: place.side(Role::Node),
            protocol: Protocol::TCP,
            port: Some(22),
            doubtful: true,
            because: Vec::new(),
        }));
    }
}

/// What nodes boot from, where private zones send it to a VIP: public addresses change, and are no
/// range that a rule could name.
fn boot<'a>(place: &Place<'_, 'a>, into: &mut Vec<Need<'a>>) {
    let Some(network) = &place.network else { return };
    let inventory = place.directory.inventory;
    for host in BOOT {
        let cluster = Some(place.cluster.id.name.as_str());
        let addresses = match resolve(inventory, network, cluster, host) {
            Resolved::Addresses(addresses, ..) => addresses,
            Resolved::Public(_, None) => {
                into.extend(boot_by_public(place, network, host));
                continue;
            }
            _ => continue,
        };
        let Some(first) = addresses.first() else { continue };
        let who = place.directory.who(*first, Some(network));
        if who.owner.role != Role::GoogleApis && !inventory.is_endpoint_for_apis(*first) {
            continue;
        }
        let need = place.need(Wanted {
            purpose: Purpose::Road,
            reason: format!("nodes boot from {host}"),
            from: place.side(Role::Node),
            to: side(who, &addresses),
            protocol: Protocol::TCP,
            port: Some(443),
            doubtful: false,
            because: Vec::new(),
        });
        // Where the records are wrong, the way to what they name is not needed.
        let is_denied = need.answer.verdict == Expected::Denied;
        if !is_denied || meant_otherwise(inventory, network, &IpNet::from(*first)).is_none() {
            into.push(need);
        }
    }
}

/// What public DNS answers is one of many addresses; where none of them is let out to, there is no
/// way, whichever it is. Where other names of Google's go to a VIP, the zone of this one is what is
/// missing. Without the zones nobody knows who answers: then there is no way where neither those
/// addresses nor the VIPs are let out to, but for an endpoint of the network's own.
fn boot_by_public<'a>(place: &Place<'_, 'a>, network: &Reference, host: &str) -> Option<Need<'a>> {
    let inventory = place.directory.inventory;
    if redirects_google(inventory, network) {
        return None;
    }
    let zones_given = inventory.has_zones_for(network);
    if zones_given && leads_to_vip(inventory, network) {
        return None;
    }
    let mut all = well_known::ranges_with(Role::GooglePublic, "Google services");
    let because = if zones_given {
        "no private zone answers for the name"
    } else {
        for vip in ["private.googleapis.com", "restricted.googleapis.com"] {
            all.extend(well_known::ranges_with(Role::GoogleApis, vip));
        }
        "the zones were not given: neither Google's public addresses nor its VIPs are let out to"
    };
    all.retain(|range| range.addr().is_ipv4());
    let need = place.need(Wanted {
        purpose: Purpose::Road,
        reason: format!("nodes boot from {host}, by Google's public addresses"),
        from: place.side(Role::Node),
        to: outside(Role::GooglePublic, "Google services", all, "Google's list of its addresses"),
        protocol: Protocol::TCP,
        port: Some(443),
        doubtful: !zones_given,
        because: vec![because.to_owned()],
    });
    let verdict = need.answer.verdict;
    let told = verdict == Expected::Denied || zones_given && verdict == Expected::Allowed;
    told.then_some(need)
}

/// Who denies more ports than these means no applications.
const MOST_BY_NAME: u128 = 64;

/// The ports that have to be open where any is meant: nobody listens on 0, GKE itself denies the
/// kubelet's read-only port, and Google the answers of foreign DHCP servers.
fn any_port(protocol: Protocol) -> PortSet {
    let all = PortSet::of_ranges([(1, u16::MAX)]);
    let closed = if protocol == Protocol::TCP { vec![10_255] } else { vec![67, 68, 546, 547] };
    all.difference(&PortSet::of(closed))
}

/// Whether a rule of the network was made for IAP to reach these nodes: one for others is least
/// privilege, and tells nothing of them.
fn is_reached_by_iap(place: &Place<'_, '_>) -> bool {
    let iap = AddressSet::of(&well_known::ranges_with(Role::Iap, "TCP forwarding"));
    let nodes = place.directory.nodes_of(place.at);
    let is_for_nodes = |rule: &FirewallRule| {
        let carry = |node: &Endpoint| node.tags.any_of(&rule.targets.tags) != Some(false);
        !rule.disabled && (rule.targets.tags.is_empty() || nodes.iter().any(carry))
    };
    let all = place.rules.iter().flat_map(|rules| rules.all());
    all.filter(|rule| is_for_nodes(rule)).any(|rule| {
        rule.source.as_ref().is_some_and(|source| !source.is_anywhere() && source.covers(&iap))
            && rule.source_ranges.iter().any(|range| iap.contains(range.addr()))
            && rule.ports_of(Protocol::TCP).is_some_and(|ports| ports.contains(22))
    })
}

fn control_plane<'a>(place: &Place<'_, 'a>, into: &mut Vec<Need<'a>>) {
    let (caller, doubtful, note) = place.caller();
    for (port, what) in
        [(10_250, "kubelet: logs, exec, metrics"), (443, "nodes and webhooks on 443")]
    {
        let mut because = Vec::from_iter(note.clone());
        if port == 443 {
            because.push("GKE opens it together with 10250".to_owned());
        }
        into.push(place.need(Wanted {
            purpose: Purpose::Kubelet,
            reason: format!("the control plane reaches {what}"),
            from: caller.clone(),
            to: place.side(Role::Node),
            protocol: Protocol::TCP,
            port: Some(port),
            doubtful: doubtful || port == 443,
            because,
        }));
    }
    let is_dialled = |symptom: &Symptom| symptom.kind.is_by_agent();
    let konnectivity = !speaks_from_its_range(place.cluster)
        || place.directory.inventory.symptoms.iter().any(is_dialled);
    for role in [Role::Node, Role::Pod] {
        let who = if role == Role::Node { "nodes register with" } else { "pods call" };
        into.push(place.need(Wanted {
            purpose: Purpose::ControlPlane,
            reason: format!("{who} the control plane"),
            from: place.side(role),
            to: place.control_plane(),
            protocol: Protocol::TCP,
            port: Some(443),
            doubtful: false,
            because: Vec::new(),
        }));
    }
    // General knowledge, found in no page of Google's: that agents dial 8132 is upstream's default.
    if konnectivity {
        into.push(place.need(Wanted {
            purpose: Purpose::ControlPlane,
            reason: "konnectivity agents dial the control plane".to_owned(),
            from: place.side(Role::Pod),
            to: place.control_plane(),
            protocol: Protocol::TCP,
            port: Some(KONNECTIVITY),
            doubtful: true,
            because: vec![
                "8132 is upstream's port; whether GKE uses it depends on its version".to_owned(),
            ],
        }));
    }
}

/// Pods and nodes reach one another, whatever the port
/// (<https://kubernetes.io/docs/concepts/services-networking/#the-kubernetes-network-model>).
fn inside<'a>(place: &Place<'_, 'a>, into: &mut Vec<Need<'a>>) {
    for (from, to) in [
        (Role::Pod, Role::Pod),
        (Role::Node, Role::Pod),
        (Role::Pod, Role::Node),
        (Role::Node, Role::Node),
    ] {
        for protocol in [Protocol::TCP, Protocol::UDP, Protocol::ICMP] {
            into.push(place.need(Wanted {
                purpose: Purpose::Internal,
                reason: format!("{from}s reach {to}s"),
                from: place.side(from),
                to: place.side(to),
                protocol,
                port: None,
                // Many live without ping.
                doubtful: protocol == Protocol::ICMP,
                because: Vec::new(),
            }));
        }
    }
}

/// A need that nothing can be asked about.
pub(super) fn unknown<'a>(wanted: Wanted<'a>, origin: &Origin) -> Need<'a> {
    let Wanted { purpose, reason, from, to, protocol, port, doubtful, because } = wanted;
    Need {
        purpose,
        reason,
        cluster: None,
        network: None,
        from,
        to,
        protocol,
        port,
        doubtful,
        missing: None,
        because,
        answer: open(Direction::Ingress),
        origin: origin.clone(),
    }
}
