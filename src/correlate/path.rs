//! The way of a connection out of a node, a pod or any VM, link by link: name, address, route,
//! firewall, Private Google Access, NAT; and the first link that is broken.
//!
//! ```text
//! node blue > gcr.io:443   name ok · address private VIP · route broken: no route to 199.36.153.8
//! ```

use std::net::IpAddr;

use crate::correlate::expected::leaves;
use crate::correlate::roles::is_private;
use crate::correlate::side::{Side, side};
use crate::correlate::{Directory, Owner};
use crate::engine::naming::{self, Resolved};
use crate::engine::routing::{Hop, is_internet_gateway, next_hop};
use crate::engine::{Decider, Decision, Facts};
use crate::model::{Expected, Nat, Origin, RecordSet, Reference, Subnetwork};
use crate::net::{AddressSet, IpNet, Role, well_known};

/// Where the way begins.
#[derive(Debug, Clone)]
pub struct Start<'a> {
    /// Who it is.
    pub side: Side,
    /// Its network, where it is known.
    pub network: Option<Reference>,
    /// Its cluster, by its place in the inventory.
    pub cluster: Option<usize>,
    /// Its subnetwork, where it was given.
    pub subnetwork: Option<&'a Subnetwork>,
    /// The secondary range that it is in, where it is in one.
    pub secondary: Option<String>,
    /// Whether it has an external address of its own; `None` where nobody says it.
    pub is_external: Option<bool>,
    /// Its tags.
    pub tags: Facts,
}

/// How a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It holds.
    Ok,
    /// It does not.
    Broken,
    /// What was given does not decide it.
    Undetermined,
    /// What would decide it was not given.
    NotGiven,
}

impl State {
    /// The word that stands in JSON.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Broken => "broken",
            Self::Undetermined => "undetermined",
            Self::NotGiven => "not-given",
        }
    }
}

/// One link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// `name`, `address`, `route`, `firewall`, `private-google-access`, `nat`.
    pub kind: &'static str,
    /// How it is.
    pub state: State,
    /// What decides it.
    pub object: String,
    /// What that says.
    pub detail: String,
    /// Where it was read.
    pub origin: Option<Origin>,
}

/// What kind of place an address is, as the road to it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Google's APIs on a VIP or by direct connectivity.
    Vip,
    /// Google's public addresses.
    GooglePublic,
    /// Anybody else on the internet.
    Internet,
    /// Inside of the network, or of one that it is joined to.
    Inside,
}

/// The whole way.
#[derive(Debug, Clone)]
pub struct Path<'a> {
    /// Where it begins.
    pub start: Start<'a>,
    /// Where it is to end.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Where it leads, where it leads anywhere.
    pub end: Option<Side>,
    /// What kind of place that is.
    pub class: Class,
    /// The links, in order.
    pub links: Vec<Link>,
}

impl Path<'_> {
    /// The first link that is broken, by its place.
    #[must_use]
    pub fn first_broken(&self) -> Option<usize> {
        self.links.iter().position(|link| link.state == State::Broken)
    }
}

fn link(
    kind: &'static str,
    state: State,
    object: impl Into<String>,
    detail: impl Into<String>,
) -> Link {
    Link { kind, state, object: object.into(), detail: detail.into(), origin: None }
}

impl Link {
    fn read_at(self, origin: &Origin) -> Self {
        Self { origin: Some(origin.clone()), ..self }
    }
}

/// Walks from `start` to `host`.
#[must_use]
pub fn walk<'a>(directory: &Directory<'a>, start: Start<'a>, host: &str, port: u16) -> Path<'a> {
    let mut links = Vec::new();
    let (end, class) = ending(directory, &start, host, &mut links);
    if let Some(end) = &end {
        let way = Way { directory, start: &start, class };
        links.push(way.address(end));
        links.push(way.route(end));
        links.push(way.firewall(end, port));
        links.extend(way.exit());
    }
    Path { start, host: host.to_owned(), port, end, class, links }
}

/// Where the name leads; `None` where it leads nowhere.
fn ending(
    directory: &Directory<'_>,
    start: &Start<'_>,
    host: &str,
    links: &mut Vec<Link>,
) -> (Option<Side>, Class) {
    let network = start.network.as_ref();
    if let Some(address) = crate::net::parse_address(host) {
        let end = side(directory.who(address, network), &[address]);
        let class = class_of(&end);
        return (Some(end), class);
    }
    let nowhere = Reference::default();
    let inventory = directory.inventory;
    let cluster = start.cluster.and_then(|at| inventory.clusters.get(at));
    let cluster = cluster.map(|cluster| cluster.id.name.as_str());
    let resolved = naming::resolve(inventory, network.unwrap_or(&nowhere), cluster, host);
    let zone_name = |zone: &crate::model::ManagedZone| format!("managed zone {}", zone.id.name);
    match resolved {
        Resolved::Addresses(addresses, followed, zone) => {
            let (state, detail) = of_records(directory, network, host, &addresses, &followed);
            links.push(link("name", state, zone_name(zone), detail).read_at(&zone.origin));
            let first = addresses.first().copied();
            let end = first.map(|address| side(directory.who(address, network), &addresses));
            let class = end.as_ref().map_or(Class::Internet, class_of);
            (end, class)
        }
        Resolved::NoSuchName { zone, name, followed } => {
            let by = followed.last().map(|one| format!(" ({} points there)", one.name));
            let detail = format!(
                "there is no record of {name}{}: NXDOMAIN, public DNS is not asked",
                by.unwrap_or_default()
            );
            links.push(link("name", State::Broken, zone_name(zone), detail).read_at(&zone.origin));
            (None, Class::Internet)
        }
        Resolved::RecordsNotGiven(zone) => {
            let detail = "its records were not given: gcloud dns record-sets list --zone=ZONE \
                          --format=json";
            links
                .push(link("name", State::NotGiven, zone_name(zone), detail).read_at(&zone.origin));
            (None, Class::Internet)
        }
        Resolved::Elsewhere(zone) => {
            let detail = "other name servers, or another network, answer for it";
            let state = State::Undetermined;
            links.push(link("name", state, zone_name(zone), detail).read_at(&zone.origin));
            (None, Class::Internet)
        }
        Resolved::Circle(zone) => {
            let detail = "its aliases lead in a circle";
            links.push(link("name", State::Broken, zone_name(zone), detail).read_at(&zone.origin));
            (None, Class::Internet)
        }
        Resolved::Public(name, unseen) => public(directory, &name, unseen, links),
    }
}

/// Public DNS answers: the class of the host tells what for.
fn public(
    directory: &Directory<'_>,
    name: &str,
    unseen: Option<&crate::model::ManagedZone>,
    links: &mut Vec<Link>,
) -> (Option<Side>, Class) {
    let given = !directory.inventory.zones.is_empty();
    let policies = directory.inventory.unused.keys().any(|kind| kind.contains("esponsePolic"));
    let google = is_googles(name);
    let told = if google { "Google's public addresses" } else { "addresses on the internet" };
    let made = match unseen {
        Some(zone) => {
            let detail = format!(
                "{told}: the private zone for {} is there, and this network does not see it",
                zone.dns_name
            );
            link("name", State::Broken, format!("managed zone {}", zone.id.name), detail)
                .read_at(&zone.origin)
        }
        None if policies => link(
            "name",
            State::Undetermined,
            "public DNS",
            format!("{told}, unless a response policy answers: those are not read"),
        ),
        None if given => link("name", State::Ok, "public DNS", told),
        None => link(
            "name",
            State::NotGiven,
            "public DNS",
            format!("{told}, unless a private zone answers: gcloud dns managed-zones list"),
        ),
    };
    links.push(made);
    let (role, class) = match google {
        true => (Role::GooglePublic, Class::GooglePublic),
        false => (Role::Internet, Class::Internet),
    };
    let ranges: Vec<IpNet> = if google {
        let all = well_known::ranges_with(Role::GooglePublic, "Google services");
        all.into_iter().filter(|range| range.addr().is_ipv4()).collect()
    } else {
        AddressSet::all_v4().difference(AddressSet::private()).ranges()
    };
    let end = Side {
        role,
        name: name.to_owned(),
        known: false,
        ranges,
        because: "what public DNS answers is not known here".to_owned(),
        is_vm: false,
        cluster: None,
        elsewhere: false,
        network: None,
    };
    (Some(end), class)
}

/// Whether Google serves a host on its VIPs.
#[must_use]
pub fn is_googles(host: &str) -> bool {
    let host = naming::plain(host);
    ["gcr.io", "pkg.dev", "googleapis.com"]
        .iter()
        .any(|suffix| host == *suffix || host.ends_with(&format!(".{suffix}")))
}

/// Whether records of a private zone lead where such a zone is made to lead.
fn of_records(
    directory: &Directory<'_>,
    network: Option<&Reference>,
    host: &str,
    addresses: &[IpAddr],
    followed: &[&RecordSet],
) -> (State, String) {
    let way: Vec<_> = followed
        .iter()
        .map(|one| format!("{} {} {}", one.name, one.kind, one.data.join(" ")))
        .collect();
    let way = way.join(" > ");
    let mut roles: Vec<(Role, String)> = addresses
        .iter()
        .map(|address| {
            let owner = directory.who(*address, network).owner;
            (owner.role, owner.name.clone())
        })
        .collect();
    roles.sort();
    roles.dedup();
    let wrong = is_googles(host) && roles.iter().any(|(role, _)| *role == Role::GooglePublic);
    let mixed = roles.len() > 1 && roles.iter().any(|(role, _)| *role == Role::GoogleApis);
    match (wrong, mixed) {
        (true, _) => (
            State::Broken,
            format!("{way}: public addresses of Google's, which change, in a private zone"),
        ),
        (false, true) => (State::Broken, format!("{way}: addresses of several kinds")),
        (false, false) => (State::Ok, way),
    }
}

fn class_of(end: &Side) -> Class {
    match end.role {
        Role::GoogleApis => Class::Vip,
        Role::GooglePublic => Class::GooglePublic,
        Role::Internet | Role::HealthCheck | Role::Iap | Role::DnsForwarder => Class::Internet,
        _ => Class::Inside,
    }
}

struct Way<'w, 'a> {
    directory: &'w Directory<'a>,
    start: &'w Start<'a>,
    class: Class,
}

impl Way<'_, '_> {
    fn address(&self, end: &Side) -> Link {
        let ranges: Vec<_> = end.ranges.iter().take(4).map(ToString::to_string).collect();
        let detail = match (self.class, end.known) {
            (Class::Vip, _) => format!("{}: {}", end.name, ranges.join(", ")),
            (Class::GooglePublic, _) => "a public address of Google's".to_owned(),
            (Class::Internet, _) => "on the internet".to_owned(),
            (Class::Inside, _) => format!("{} {}", end.role, ranges.join(", ")),
        };
        link("address", State::Ok, end.role.to_string(), detail)
    }

    fn route(&self, end: &Side) -> Link {
        let Some(network) = &self.start.network else {
            return link("route", State::NotGiven, "", "the network is not known");
        };
        let Some(address) = end.ranges.first().map(IpNet::addr) else {
            return link("route", State::Undetermined, "", "the address is not known");
        };
        let inventory = self.directory.inventory;
        let wants_gateway = self.class != Class::Inside;
        let hop = next_hop(inventory, network, &self.start.tags, address);
        // A private address does not leave by the internet gateway: what brings it is not among the
        // routes that were given.
        let by_gateway = match &hop {
            Hop::Routes(routes) => routes.iter().all(|one| is_internet_gateway(one)),
            Hop::MadeWith | Hop::Nowhere => true,
            _ => false,
        };
        if !wants_gateway && by_gateway && is_private(address) {
            return match end.role {
                Role::ControlPlane => link(
                    "route",
                    State::Ok,
                    "peering of the control plane",
                    "GKE's own peering brings the route to its range",
                ),
                _ => link(
                    "route",
                    State::Broken,
                    format!("routes of {}", network.name),
                    "no subnetwork, peering or tunnel that was given leads to this private address",
                ),
            };
        }
        match hop {
            Hop::Subnetwork(found) => {
                let (state, detail) = match wants_gateway {
                    true => (State::Broken, "this network's own range captures the address"),
                    false => (State::Ok, "a range of this network"),
                };
                link("route", state, format!("subnetwork {}", found.id.name), detail)
                    .read_at(&found.origin)
            }
            Hop::Routes(routes) => {
                let Some(first) = routes.first() else {
                    return link("route", State::Broken, "", "no route");
                };
                let right = !wants_gateway || routes.iter().all(|one| is_internet_gateway(one));
                let detail = format!(
                    "{} priority {} to {}",
                    first.destination,
                    first.priority,
                    Reference::parse(&first.next_hop).name
                );
                let (state, detail) = match (right, self.class) {
                    (true, _) => (State::Ok, detail),
                    (false, Class::Vip) => (
                        State::Broken,
                        format!("{detail}: the VIPs need default-internet-gateway as next hop"),
                    ),
                    (false, _) => (
                        State::Undetermined,
                        format!("{detail}: what is behind that hop is not known here"),
                    ),
                };
                link("route", state, format!("route {}", first.id.name), detail)
                    .read_at(&first.origin)
            }
            Hop::MadeWith => {
                link("route", State::Ok, "default route", "0.0.0.0/0, which a network is made with")
            }
            Hop::Nowhere => {
                let what = match self.class {
                    Class::Vip => format!("no route to {address}, nor a default route"),
                    Class::Inside => format!("no route to {address}"),
                    Class::GooglePublic | Class::Internet => "no default route".to_owned(),
                };
                link("route", State::Broken, format!("routes of {}", network.name), what)
            }
            Hop::Depends(one, other) => {
                let other = other.map_or("none", |other| other.id.name.as_str());
                let tags = one.tags.join(", ");
                let detail = format!("for VMs with tag {tags}; else {other}: tags are not known");
                link("route", State::Undetermined, format!("route {}", one.id.name), detail)
                    .read_at(&one.origin)
            }
            Hop::NotGiven => {
                let detail = "gcloud compute routes list --format=json";
                link("route", State::NotGiven, format!("routes of {}", network.name), detail)
            }
        }
    }

    fn firewall(&self, end: &Side, port: u16) -> Link {
        let Some(network) = &self.start.network else {
            return link("firewall", State::NotGiven, "", "the network is not known");
        };
        let ends = (&self.start.side, end);
        let answer = leaves(self.directory, network, self.start.cluster, ends, port);
        let (object, origin) = decider_words(&answer.decision);
        let one = end.known || end.ranges.len() == 1;
        let (state, detail) = match answer.verdict {
            Expected::Allowed => (State::Ok, "EGRESS allowed".to_owned()),
            Expected::Denied => (State::Broken, format!("EGRESS to tcp {port} denied")),
            Expected::Mixed if one => (State::Broken, "EGRESS denied to a part of it".to_owned()),
            Expected::Mixed => {
                (State::Undetermined, "EGRESS denied to some of the addresses it may be".to_owned())
            }
            Expected::Undetermined if answer.decision.decider == Decider::Missing => {
                let how = "no rule of the network was given: gcloud compute firewall-rules list";
                (State::NotGiven, how.to_owned())
            }
            Expected::Undetermined => {
                (State::Undetermined, "it depends on what was not given".to_owned())
            }
        };
        Link { kind: "firewall", state, object, detail, origin }
    }

    /// What lets packets out of the network: nothing for what is inside.
    fn exit(&self) -> Vec<Link> {
        let outer = match self.class {
            Class::Inside => return Vec::new(),
            // NAT translates nothing to the VIPs.
            Class::Vip => return vec![self.private_google_access()],
            Class::GooglePublic => self.private_google_access(),
            Class::Internet => return vec![self.nat()],
        };
        // Either of them will do.
        if outer.state == State::Ok {
            return vec![outer];
        }
        let nat = self.nat();
        match (outer.state, nat.state) {
            (State::Broken, State::Broken) | (_, State::NotGiven) => vec![outer, nat],
            (_, State::Ok) => vec![nat],
            _ => vec![Link { state: State::Undetermined, ..outer }, nat],
        }
    }

    fn private_google_access(&self) -> Link {
        let kind = "private-google-access";
        if self.start.is_external == Some(true) {
            return link(kind, State::Ok, "external address", "not needed");
        }
        let Some(subnetwork) = self.start.subnetwork else {
            let how = "gcloud compute networks subnets list --format=json";
            return link(kind, State::NotGiven, "subnetwork", how);
        };
        let (state, detail) = match subnetwork.private_google_access {
            Some(true) => (State::Ok, "Private Google Access is on"),
            Some(false) => (State::Broken, "Private Google Access is off"),
            // The API says it only where it is on; a manifest that does not say it means off.
            None => (State::Broken, "Private Google Access is not turned on"),
        };
        link(kind, state, format!("subnetwork {}", subnetwork.id.name), detail)
            .read_at(&subnetwork.origin)
    }

    fn nat(&self) -> Link {
        if self.start.is_external == Some(true) {
            return link("nat", State::Ok, "external address", "not needed");
        }
        let inventory = self.directory.inventory;
        let (Some(network), Some(subnetwork)) = (&self.start.network, self.start.subnetwork) else {
            return link(
                "nat",
                State::NotGiven,
                "subnetwork",
                "gcloud compute networks subnets list",
            );
        };
        let here = |nat: &&Nat| {
            let own = nat.network.as_ref().is_some_and(|of| of.agrees(network));
            let region = nat.region.as_deref().zip(subnetwork.id.location.as_deref());
            own && region.is_none_or(|(nat, own)| nat == own)
        };
        let mut own = inventory.nats.iter().filter(here).peekable();
        if own.peek().is_none() {
            if inventory.routers.is_empty() && inventory.nats.is_empty() {
                let how = "gcloud compute routers list --format=json";
                return link("nat", State::NotGiven, "Cloud NAT", how);
            }
            let region = subnetwork.id.location.as_deref().unwrap_or("its region");
            let detail = format!("no Cloud NAT of this network in {region}");
            return link("nat", State::Broken, "Cloud NAT", detail);
        }
        let all: Vec<&Nat> = own.collect();
        let secondary = self.start.secondary.as_deref();
        match all.iter().find(|nat| covers(nat, subnetwork, secondary)) {
            Some(nat) => {
                link("nat", State::Ok, format!("Cloud NAT {}", nat.name), nat.ranges.clone())
                    .read_at(&nat.origin)
            }
            None => {
                let names: Vec<_> = all.iter().map(|nat| nat.name.clone()).collect();
                let range = secondary.unwrap_or("the primary range");
                let detail = format!("does not cover {range} of subnetwork {}", subnetwork.id.name);
                let made =
                    link("nat", State::Broken, format!("Cloud NAT {}", names.join(", ")), detail);
                match all.first() {
                    Some(nat) => made.read_at(&nat.origin),
                    None => made,
                }
            }
        }
    }
}

/// Whether a Cloud NAT translates a range of a subnetwork: a secondary one by its name, or the
/// primary (<https://cloud.google.com/nat/docs/nat-rules-overview>, `RouterNat` of the Compute API).
#[must_use]
pub fn covers(nat: &Nat, subnetwork: &Subnetwork, secondary: Option<&str>) -> bool {
    match nat.ranges.as_str() {
        "ALL_SUBNETWORKS_ALL_IP_RANGES" => true,
        "ALL_SUBNETWORKS_ALL_PRIMARY_IP_RANGES" => secondary.is_none(),
        _ => nat.subnetworks.iter().filter(|one| one.id.agrees(&subnetwork.id)).any(|one| {
            one.ranges.iter().any(|ranges| match (ranges.as_str(), secondary) {
                ("ALL_IP_RANGES", _) => true,
                ("PRIMARY_IP_RANGE", None) => true,
                ("LIST_OF_SECONDARY_IP_RANGES", Some(name)) => {
                    one.secondary.iter().any(|own| own == name)
                }
                _ => false,
            })
        }),
    }
}

fn decider_words(decision: &Decision<'_>) -> (String, Option<Origin>) {
    match decision.decider {
        Decider::Rule(rule) => (format!("rule {}", rule.label()), Some(rule.origin.clone())),
        Decider::Implied(_) => ("implied allow egress".to_owned(), None),
        Decider::AlwaysAllowed(what) | Decider::AlwaysBlocked(what) => (what.to_owned(), None),
        Decider::Missing => ("firewall rules".to_owned(), None),
    }
}

/// Finds where a way begins: an address, a cluster (its nodes; `NAME/pods` its pods), a subnetwork, a
/// VM or Node, or a pod by `NAMESPACE/NAME`.
pub fn start<'a>(directory: &Directory<'a>, from: &str) -> Result<Start<'a>, String> {
    let inventory = directory.inventory;
    if let Some(address) = crate::net::parse_address(from) {
        return Ok(at_address(directory, address, None));
    }
    let (name, pods) = match from.strip_suffix("/pods") {
        Some(name) => (name, true),
        None => (from, false),
    };
    let named = |at: &usize| inventory.clusters.get(*at).is_some_and(|one| one.id.name == name);
    if let Some(at) = (0..inventory.clusters.len()).find(named) {
        let role = if pods { Role::Pod } else { Role::Node };
        return of_cluster(directory, at, role)
            .ok_or_else(|| format!("the {role} range of cluster {name} is not given"));
    }
    if let Some(subnetwork) = inventory.subnetworks.iter().find(|one| one.id.name == from) {
        let address = subnetwork.primary.map(|range| range.addr());
        let address = address.ok_or_else(|| format!("subnetwork {from} has no range"))?;
        return Ok(at_address(directory, address, None));
    }
    let vm = inventory.instances.iter().find(|one| !one.template && one.id.name == from);
    if let Some(vm) = vm {
        let address = vm.interfaces.iter().find_map(|nic| nic.address);
        let address = address.ok_or_else(|| format!("VM {from} has no address here"))?;
        let external = vm.interfaces.iter().any(|nic| !nic.external.is_empty());
        return Ok(at_address(directory, address, Some(external)));
    }
    let workloads = &inventory.workloads;
    if let Some(address) =
        workloads.nodes.iter().find(|one| one.name == from).and_then(|one| one.address)
    {
        return Ok(at_address(directory, address, None));
    }
    let pod =
        workloads.workloads.iter().find(|one| one.kind == "Pod" && one.id.to_string() == from);
    if let Some(address) = pod.and_then(|pod| pod.address) {
        return Ok(at_address(directory, address, None));
    }
    Err(format!("{from} is no address, cluster, subnetwork, VM, Node or pod that was given"))
}

fn of_cluster<'a>(directory: &Directory<'a>, at: usize, role: Role) -> Option<Start<'a>> {
    let own = |owner: &&Owner| owner.role == role && owner.cluster == Some(at) && !owner.is_vm;
    let owner = directory.roles.owners().iter().find(own)?;
    let address = owner.ranges.first()?.addr();
    let mut start = at_address(directory, address, None);
    // Several clusters may share the subnetwork.
    start.cluster = Some(at);
    start.side.name.clone_from(&owner.name);
    start.side.cluster = Some(at);
    start.side.role = role;
    Some(with_cluster(directory, start))
}

fn at_address<'a>(directory: &Directory<'a>, address: IpAddr, external: Option<bool>) -> Start<'a> {
    let inventory = directory.inventory;
    let networks = directory.roles.networks_of(address);
    let network = match networks.as_slice() {
        [only] => Some((*only).clone()),
        _ => None,
    };
    let who = directory.who(address, network.as_ref());
    let holds = |one: &&Subnetwork| {
        let secondary = one.secondary.iter().map(|(_, range)| range);
        let own = network.as_ref().is_none_or(|of| one.network.agrees(of));
        own && one.primary.iter().chain(secondary).any(|range| range.contains(&address))
    };
    let subnetwork = inventory.subnetworks.iter().find(holds);
    let secondary = subnetwork.and_then(|one| {
        let found = one.secondary.iter().find(|(_, range)| range.contains(&address));
        found.map(|(name, _)| name.clone())
    });
    let tags = network.as_ref().map(|of| directory.endpoint(address, of, None).tags);
    let start = Start {
        cluster: who.owner.cluster,
        side: side(who, &[address]),
        subnetwork,
        secondary,
        is_external: external,
        tags: tags.unwrap_or_default(),
        network,
    };
    with_cluster(directory, start)
}

/// What a cluster says of its nodes.
fn with_cluster<'a>(directory: &Directory<'a>, mut start: Start<'a>) -> Start<'a> {
    let Some(at) = start.cluster else { return start };
    let Some(cluster) = directory.inventory.clusters.get(at) else { return start };
    // Pods are in the nodes' subnetwork, under a secondary range that the cluster names.
    start.subnetwork = start.subnetwork.or_else(|| directory.inventory.subnetwork_of(cluster));
    if start.side.role == Role::Pod {
        start.secondary = start
            .secondary
            .or_else(|| cluster.pod_range_names.first().cloned())
            .or_else(|| Some("the pods' range".to_owned()));
    }
    start.is_external = start.is_external.or(Some(!cluster.private_nodes));
    if let [only] = directory.nodes_of(at).as_slice() {
        start.tags = only.tags.clone();
    }
    start
}
