//! The way of a connection out of a node, a pod or any VM, link by link: name, address, route,
//! firewall, Private Google Access, NAT; and the first link that is broken.
//!
//! ```text
//! node blue > gcr.io:443   name ok · address private VIP · route broken: no route to 199.36.153.8
//! ```

mod exit;
pub mod link;
mod name;
mod start;
pub mod vip;

pub use exit::covers;
pub use link::{Fault, Link, State, first_broken};
pub use start::{Start, start};
pub use vip::{Meant, is_meant, may_be_meant_otherwise, meant_otherwise, recorded};

use std::net::IpAddr;

use crate::correlate::Directory;
use crate::correlate::expected::{Answer, at_one_end};
use crate::correlate::path::link::link;
use crate::correlate::roles::is_private;
use crate::correlate::side::{self, Side};
use crate::engine::naming::is_googles;
use crate::engine::routing::{Hop, is_internet_gateway, next_hop, serves};
use crate::engine::{Decider, Decision};
use crate::model::inventory::Frontend;
use crate::model::{Expected, Origin, Reference, Route};
use crate::net::{Direction, IpNet, Role};

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
        first_broken(&self.links)
    }
}

/// Walks from `start` to `host`.
#[must_use]
pub fn walk<'a>(directory: &Directory<'a>, start: Start<'a>, host: &str, port: u16) -> Path<'a> {
    walk_from(directory, start, (host, host), port)
}

/// The same to a host at the address where it was asked, whatever its name leads to.
#[must_use]
pub fn walk_to<'a>(
    directory: &Directory<'a>,
    start: Start<'a>,
    host: &str,
    at: IpAddr,
    port: u16,
) -> Path<'a> {
    walk_from(directory, start, (host, &at.to_string()), port)
}

fn walk_from<'a>(
    directory: &Directory<'a>,
    start: Start<'a>,
    (host, asked): (&str, &str),
    port: u16,
) -> Path<'a> {
    let mut links = Vec::new();
    let (end, class) = name::ending(directory, &start, asked, &mut links);
    if let Some(end) = &end {
        let way = Way { directory, start: &start, class, to_google: is_googles(host) };
        links.push(way.address(end));
        links.push(way.route(end));
        links.push(way.firewall(end, port));
        links.extend(way.exit());
        way.blame_records(end, &mut links);
        way.excuse_unseen(&mut links);
    }
    Path { start, host: host.to_owned(), port, end, class, links }
}

/// The road of a connection between two addresses, whatever the firewall says to it: route and
/// exit. Empty where nobody gave a route of the network.
#[must_use]
pub fn road(directory: &Directory<'_>, network: &Reference, ends: [IpAddr; 2]) -> Vec<Link> {
    let [source, destination] = ends;
    let routes = &directory.inventory.routes;
    if !routes.iter().any(|route| route.network.agrees(network)) {
        return Vec::new();
    }
    let start = start::exactly(directory, source, &|of| of.agrees(network));
    if !start.network.as_ref().is_some_and(|of| of.agrees(network)) {
        return Vec::new();
    }
    let end = side::side(directory.who(destination, Some(network)), &[destination]);
    let end = end.exactly(&[destination]);
    let way = Way { directory, start: &start, class: class_of(&end), to_google: false };
    let mut links = vec![way.route(&end)];
    links.extend(way.exit());
    links
}

fn class_of(end: &Side) -> Class {
    match end.role {
        Role::GoogleApis => Class::Vip,
        Role::GooglePublic => Class::GooglePublic,
        Role::Internet => Class::Internet,
        _ => Class::Inside,
    }
}

struct Way<'w, 'a> {
    directory: &'w Directory<'a>,
    start: &'w Start<'a>,
    class: Class,
    /// Whether the name is one that Google serves on VIPs and endpoints.
    to_google: bool,
}

impl Way<'_, '_> {
    /// A private zone of Google's names that other networks see is theirs, where this one sends
    /// none of them to a VIP and reaches the public addresses.
    fn excuse_unseen(&self, links: &mut [Link]) {
        let Some((name, rest)) = links.split_first_mut() else { return };
        let inventory = self.directory.inventory;
        let here = self.start.network.as_ref();
        let meant = here.is_none_or(|network| vip::is_meant(inventory, network));
        let holds = rest.iter().all(|link| link.state == State::Ok);
        if name.fault == Some(Fault::ZoneUnseen) && self.to_google && !meant && holds {
            (name.state, name.fault) = (State::Ok, None);
        }
    }

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
        let own_paths = [Role::HealthCheck, Role::Iap, Role::DnsForwarder, Role::Metadata];
        if own_paths.contains(&end.role) {
            // <https://cloud.google.com/vpc/docs/routes#special_paths>: no route of the network's
            // is asked, and none can change it.
            let detail = "Google's own path to probes, proxies, forwarders and the metadata \
                          server: no route decides it";
            return link("route", State::Ok, "special routing path", detail);
        }
        // Where the name has several addresses, each has to be reached.
        let mut links = end.ranges.iter().map(|range| self.route_to(network, end, range.addr()));
        let Some(first) = links.next() else {
            return link("route", State::Undetermined, "", "the address is not known");
        };
        links.fold(first, |worst, next| match next.state.weight() > worst.state.weight() {
            true => next,
            false => worst,
        })
    }

    fn route_to(&self, network: &Reference, end: &Side, address: IpAddr) -> Link {
        let source = self.start.side.ranges.first().map(IpNet::addr);
        let inventory = self.directory.inventory;
        let hop = next_hop(inventory, network, &self.start.tags, source, address);
        let may_be_overruled = hop.may_be_overruled(inventory);
        let link = self.by_hop(hop, network, end, address);
        if !may_be_overruled || !matches!(link.state, State::Ok | State::Broken) {
            return link;
        }
        let detail = format!(
            "{}; only a part of the routes was read, and another one may lead elsewhere",
            link.detail
        );
        Link { state: State::Undetermined, fault: None, detail, ..link }
    }

    fn by_hop(&self, hop: Hop<'_>, network: &Reference, end: &Side, address: IpAddr) -> Link {
        // A private address does not leave by the internet gateway: what brings it is not among the
        // routes that were given.
        let by_gateway = match &hop {
            Hop::Routes(routes) => routes.iter().all(|one| is_internet_gateway(one)),
            Hop::MadeWith | Hop::Nowhere | Hop::Learned => true,
            _ => false,
        };
        if self.class == Class::Inside && by_gateway && is_private(address) {
            return self.private(network, end, address);
        }
        match hop {
            Hop::Subnetwork(found) => {
                let (state, detail) = match self.class {
                    Class::Inside => (State::Ok, "a range of this network"),
                    _ => (State::Broken, "this network's own range captures the address"),
                };
                link("route", state, format!("subnetwork {}", found.id.name), detail)
                    .by(Fault::WrongHop)
                    .read_at(&found.origin)
            }
            Hop::Routes(routes) => self.or_for_others(self.along(&routes), network, address),
            Hop::MadeWith => {
                let detail = "0.0.0.0/0, which a network is made with";
                link("route", State::Ok, "default route", detail)
            }
            Hop::Nowhere => {
                let what = match self.class {
                    Class::Vip => format!("no route to {address}, nor a default route"),
                    Class::Inside => format!("no route to {address}"),
                    Class::GooglePublic | Class::Internet => "no default route".to_owned(),
                };
                let object = format!("routes of {}", network.name);
                let made = link("route", State::Broken, object, what).by(Fault::NoRoute);
                self.or_for_others(made, network, address)
            }
            Hop::Depends(one, other) => {
                let other = other.map_or("none", |other| other.id.name.as_str());
                let tags = one.tags.join(", ");
                let detail = format!("for VMs with tag {tags}; else {other}: tags are not known");
                link("route", State::Undetermined, format!("route {}", one.id.name), detail)
                    .read_at(&one.origin)
            }
            Hop::Policy(by, is_certain) => {
                let to = by.next_hop.as_deref().unwrap_or("the other routes");
                let tags = by.tags.join(", ");
                let detail = match is_certain {
                    true => format!(
                        "takes it to load balancer {to}: what is behind it is not known here"
                    ),
                    false => {
                        format!("may take it to {to}: for VMs with tag {tags}, not known here")
                    }
                };
                let object = format!("policy-based route {}", by.id.name);
                link("route", State::Undetermined, object, detail).read_at(&by.origin)
            }
            Hop::Unsaid(route) => {
                let detail = "its next hop was not exported: gcloud compute routes list \
                              --format=json";
                link("route", State::NotGiven, format!("route {}", route.id.name), detail)
                    .read_at(&route.origin)
            }
            Hop::Learned => learned(network),
            Hop::NotGiven => {
                let detail = "gcloud compute routes list --format=json";
                link("route", State::NotGiven, format!("routes of {}", network.name), detail)
            }
        }
    }

    /// A broken link, with the route that would do and is for other VMs.
    fn or_for_others(&self, link: Link, network: &Reference, address: IpAddr) -> Link {
        let tags = &self.start.tags;
        let is_others = |route: &&Route| {
            route.network.agrees(network)
                && route.destination.contains(&address)
                && is_internet_gateway(route)
                && serves(route, tags) == Some(false)
        };
        let mut routes = self.directory.inventory.routes.iter();
        let others = routes.find(is_others).filter(|_| link.state == State::Broken);
        let Some(route) = others else { return link };
        let detail = format!(
            "{}; route {} is for VMs with tag {}, which these do not carry",
            link.detail,
            route.id.name,
            route.tags.join(", ")
        );
        Link { detail, ..link }
    }

    /// The route to a private address that no route which was given brings.
    fn private(&self, network: &Reference, end: &Side, address: IpAddr) -> Link {
        let cluster = end.cluster.and_then(|at| self.directory.inventory.clusters.get(at));
        let inventory = self.directory.inventory;
        if let Some(peering) = cluster.and_then(|cluster| inventory.lost_peering(cluster)) {
            let detail = "it is gone, and with it the route: GKE makes it with the cluster, and \
                          never again";
            let object = format!("peering {peering} of network {}", network.name);
            return link("route", State::Broken, object, detail).by(Fault::NoRoute);
        }
        if end.role == Role::ControlPlane {
            let detail = "GKE's own peering brings the route to its range";
            return link("route", State::Ok, "peering of the control plane", detail);
        }
        let frontends = &self.directory.inventory.frontends;
        let own = |one: &&Frontend| one.serves_apis_at(address);
        if let Some(endpoint) = frontends.iter().find(own) {
            // <https://cloud.google.com/vpc/docs/about-accessing-google-apis-endpoints>
            let detail = "a Private Service Connect endpoint for Google APIs: no route decides it";
            let object = format!("forwarding rule {}", endpoint.name);
            return link("route", State::Ok, object, detail).read_at(&endpoint.origin);
        }
        if self.to_google {
            let detail = "unless it is a Private Service Connect endpoint, nothing leads there: \
                          gcloud compute forwarding-rules list --format=json";
            return link("route", State::NotGiven, format!("routes of {}", network.name), detail);
        }
        if inventory.learns_routes(network) {
            return learned(network);
        }
        let brought = |route: &Route| route.by_peering && route.network.agrees(network);
        if inventory.is_peered(network) && !inventory.routes.iter().any(brought) {
            let detail = "a peered network may bring it: gcloud compute networks peerings \
                          list-routes";
            return link("route", State::NotGiven, format!("routes of {}", network.name), detail);
        }
        let detail =
            "no subnetwork, peering or tunnel that was given leads to this private address";
        link("route", State::Broken, format!("routes of {}", network.name), detail)
            .by(Fault::NoRoute)
    }

    /// The link of routes that were chosen.
    fn along(&self, routes: &[&Route]) -> Link {
        let Some(first) = routes.first() else {
            return link("route", State::Broken, "", "no route").by(Fault::NoRoute);
        };
        let right =
            self.class == Class::Inside || routes.iter().all(|one| is_internet_gateway(one));
        let hop = Reference::parse(&first.next_hop).name;
        let detail = format!("{} priority {} to {hop}", first.destination, first.priority);
        let (state, detail) = match (right, self.class) {
            (true, _) => (State::Ok, detail),
            (false, Class::Vip) => {
                let why = "the VIPs need default-internet-gateway as next hop";
                (State::Broken, format!("{detail}: {why}"))
            }
            (false, _) => {
                let why = "what is behind that hop is not known here";
                (State::Undetermined, format!("{detail}: {why}"))
            }
        };
        link("route", state, format!("route {}", first.id.name), detail)
            .by(Fault::WrongHop)
            .read_at(&first.origin)
    }

    /// What the firewall says at the sender, and then at the receiver.
    fn firewall(&self, end: &Side, port: u16) -> Link {
        let Some(network) = &self.start.network else {
            return link("firewall", State::NotGiven, "", "the network is not known");
        };
        let ends = (&self.start.side, end);
        let (directory, cluster) = (self.directory, self.start.cluster);
        let answer = at_one_end(directory, network, Direction::Egress, cluster, ends, port);
        let leaves = judged(&answer, end, port);
        let arrives = if leaves.state == State::Ok { self.arrival(end, port) } else { None };
        match arrives {
            Some(arrives) => {
                let detail = format!("EGRESS allowed by {}; {}", leaves.object, arrives.detail);
                Link { detail, ..arrives }
            }
            None => leaves,
        }
    }

    /// The firewall of the VM that it comes to, where that is one of a known network: whoever
    /// leaves is not yet let in.
    fn arrival(&self, end: &Side, port: u16) -> Option<Link> {
        let own = end.network.as_ref().or(self.start.network.as_ref())?;
        match end.role {
            Role::Node | Role::Pod | Role::Subnet => {
                let ends = (&self.start.side, end);
                let (directory, cluster) = (self.directory, end.cluster);
                let answer = at_one_end(directory, own, Direction::Ingress, cluster, ends, port);
                Some(judged(&answer, end, port))
            }
            Role::LoadBalancer if self.is_endpoint(end) => None,
            Role::Service | Role::LoadBalancer => {
                let detail = "INGRESS is asked at the VMs behind it, by their own addresses and \
                              ports: vpcwhy why SOURCE ADDRESS:PORT";
                let object = format!("{} {}", end.role, end.name);
                Some(link("firewall", State::Undetermined, object, detail))
            }
            _ => None,
        }
    }

    /// Whether it is an endpoint of Private Service Connect: what answers is nobody's here.
    fn is_endpoint(&self, end: &Side) -> bool {
        let frontends = &self.directory.inventory.frontends;
        let is_at = |range: &IpNet| {
            let mut all = frontends.iter().filter(|one| one.is_endpoint || one.serves_apis);
            all.any(|one| one.address.contains(&range.addr()))
        };
        end.ranges.iter().any(is_at)
    }

    /// Where records lead to a VIP that is not reached, and everything else was made for the other
    /// one, it is the records that are wrong.
    fn blame_records(&self, end: &Side, links: &mut [Link]) {
        let later = links.iter().skip(1);
        let is_broken = later
            .filter(|link| matches!(link.kind, "route" | "firewall"))
            .any(|link| link.state == State::Broken);
        let (Some(network), Some(range)) = (&self.start.network, end.ranges.first()) else {
            return;
        };
        let Some(name) = links.first_mut() else { return };
        let by_records = name.kind == "name" && name.state == State::Ok && name.origin.is_some();
        if !is_broken || !by_records || self.class != Class::Vip {
            return;
        }
        if let Some(meant) = meant_otherwise(self.directory.inventory, network, range) {
            let Meant { vip, by, origin } = meant;
            let told = format!("{by} ({origin}) was made for {}", vip.name);
            name.detail = format!("{}: {told}", name.detail);
            name.state = State::Broken;
            name.fault = Some(Fault::WrongTarget);
        }
    }
}

/// The link of what may be learned.
fn learned(network: &Reference) -> Link {
    let detail = "no given route leads there, and its routers learn others from BGP peers: gcloud \
                  compute routers get-status ROUTER --region=REGION --format=json";
    link("route", State::NotGiven, format!("routes of {}", network.name), detail)
}

/// The link of what the firewall of one end says.
fn judged(answer: &Answer<'_>, end: &Side, port: u16) -> Link {
    let direction = answer.direction;
    let (object, origin) = decider_words(&answer.decision);
    let one = end.known || end.ranges.len() == 1;
    let (state, detail) = match answer.verdict {
        Expected::Allowed => (State::Ok, format!("{direction} allowed")),
        Expected::Denied => (State::Broken, format!("{direction} to tcp {port} denied")),
        Expected::Mixed if one => (State::Broken, format!("{direction} denied to a part of it")),
        Expected::Mixed => {
            let detail = format!("{direction} denied to some of the addresses it may be");
            (State::Undetermined, detail)
        }
        Expected::Undetermined if answer.decision.decider == Decider::Missing => {
            let how = "no rule of the network was given: gcloud compute firewall-rules list";
            (State::NotGiven, how.to_owned())
        }
        Expected::Undetermined => {
            (State::Undetermined, format!("{direction} depends on what was not given"))
        }
    };
    let made = link("firewall", state, object, detail).by(Fault::Denied);
    let partly = answer.verdict == Expected::Mixed && state == State::Undetermined;
    let fault = if partly { Some(Fault::PartlyDenied) } else { made.fault };
    Link { origin, fault, ..made }
}

fn decider_words(decision: &Decision<'_>) -> (String, Option<Origin>) {
    match decision.decider {
        Decider::Rule(rule) => (format!("rule {}", rule.label()), Some(rule.origin.clone())),
        Decider::Implied(Direction::Egress) => ("implied allow egress".to_owned(), None),
        Decider::Implied(Direction::Ingress) => ("implied deny ingress".to_owned(), None),
        Decider::NoGroupAllows(_) => ("security groups".to_owned(), None),
        Decider::AlwaysAllowed(what) | Decider::AlwaysBlocked(what) => (what.to_owned(), None),
        Decider::Missing => ("firewall rules".to_owned(), None),
    }
}
