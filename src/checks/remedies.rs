//! The change of a route, a zone, a subnetwork or a NAT that mends a broken road, found by walking
//! the road again with it: what does not mend the link is not suggested.

use crate::checks::finding::Remedy;
use crate::correlate::Directory;
use crate::correlate::path::{self, Class, Fault, Link, State};
use crate::correlate::roads::Road;
use crate::correlate::scope::Scope;
use crate::engine::naming::{self, Authority, Resolved, Step, Unseen};
use crate::model::kept::says;
use crate::model::{Inventory, NatSubnetwork, Reference};
use crate::net::IpNet;
use crate::net::well_known::{Vip, vips};
use crate::suggest::ResourceChange;
use crate::suggest::name::resource_name;
use crate::suggest::resource::NewRecord;

/// The change that mends the broken link of a road, where there is one.
#[must_use]
pub fn remedy(road: &Road<'_>, directory: &Directory<'_>) -> Option<Remedy> {
    let inventory = directory.inventory;
    let network = road.path.start.network.as_ref()?;
    let change = match road.check {
        "dns-zone-missing" => zone(road, network, inventory)?,
        "private-route-outranked" => return None,
        _ => match road.link.fault? {
            Fault::AccessOff => access(road)?,
            Fault::NoRoute => route(road, network, inventory)?,
            Fault::WrongHop => hop(road, network, inventory)?,
            Fault::NoRecord => records(road, network, inventory)?,
            Fault::ZoneUnseen => attach(road, network, inventory)?,
            Fault::WrongTarget => replaced(road, network, inventory)?,
            Fault::NoNat => nat(road, network, inventory)?,
            Fault::Uncovered => widened(road, network, inventory)?,
            Fault::Denied | Fault::PartlyDenied => return None,
        },
    };
    if !change.is_printable() {
        return None;
    }
    let walked = walked_again(road, directory, &change)?;
    let note = match change.keeper() {
        Some((keeper, place)) => {
            let how = match (&change, keeper) {
                (ResourceChange::UpdateRoute(_), "Config Connector") => {
                    "; a route cannot be changed in place: delete the object, and the route with \
                     it, then apply this"
                }
                _ => "",
            };
            format!("{walked}; {keeper} keeps it as it is written ({place}): change it there{how}")
        }
        None => walked,
    };
    Some(Remedy { change, note })
}

/// `route broken: routes of kf: no default route`.
#[must_use]
pub fn link_words(link: &Link) -> String {
    let origin = link.origin.as_ref().map(|origin| format!(" ({origin})")).unwrap_or_default();
    let kind = link.kind.replace('-', " ");
    format!("{kind} {}: {}: {}{origin}", link.state.id(), link.object, link.detail)
}

/// What walking again with the change shows; `None` where the link still does not hold.
fn walked_again(
    road: &Road<'_>,
    directory: &Directory<'_>,
    change: &ResourceChange,
) -> Option<String> {
    let changed = change.applied(directory.inventory);
    let after = Directory::of(&changed);
    let name = &directory.inventory.clusters.get(road.cluster)?.id.name;
    let start = path::start(&after, &Scope::default(), name).ok()?;
    let walked = path::walk(&after, start, &road.path.host, road.path.port);
    let is_name = matches!(
        change,
        ResourceChange::AddRecords { .. }
            | ResourceChange::ReplaceRecord { .. }
            | ResourceChange::AttachZone(_)
    );
    // A zone mends the name, whatever link was found to be broken without it.
    let kind = if is_name { "name" } else { road.link.kind };
    let mended = walked.links.iter().find(|link| link.kind == kind)?;
    if mended.state != State::Ok {
        return None;
    }
    Some(match walked.first_broken().and_then(|at| walked.links.get(at)) {
        None => "walked again with it: no link is broken".to_owned(),
        Some(next) => {
            format!("walked again with it: the next broken link is: {}", link_words(next))
        }
    })
}

fn access(road: &Road<'_>) -> Option<ResourceChange> {
    let subnetwork = road.path.start.subnetwork?;
    subnetwork.id.location.as_ref()?;
    Some(ResourceChange::EnableAccess(subnetwork.clone()))
}

/// A route for exactly the VIP. A default route is not made by the way: it was taken away on
/// purpose, as often as not.
fn route(road: &Road<'_>, network: &Reference, before: &Inventory) -> Option<ResourceChange> {
    let end = road.path.end.as_ref()?;
    if road.path.class != Class::Vip {
        return None;
    }
    let destination: IpNet = *end.ranges.first()?;
    let name = resource_name(&[&network.name, "to", "google-apis"]);
    if before.routes.iter().any(|one| one.id.name == name) {
        return None;
    }
    let id = Reference::new(network.project.as_deref(), &name);
    Some(ResourceChange::AddRoute { id, network: network.clone(), destination })
}

/// The route to the VIP that leads elsewhere, with the next hop that serves VIPs; one for more than
/// the VIP is left as it is, and goes beside.
fn hop(road: &Road<'_>, network: &Reference, before: &Inventory) -> Option<ResourceChange> {
    let range = *road.path.end.as_ref()?.ranges.first()?;
    let is_own = |one: &&crate::model::Route| {
        one.network.agrees(network)
            && !one.by_peering
            && Some(&one.origin) == road.link.origin.as_ref()
            && one.destination == range
    };
    match before.routes.iter().find(is_own) {
        Some(found) => Some(ResourceChange::UpdateRoute(found.clone())),
        None => route(road, network, before),
    }
}

/// What a record holds that leads to a VIP.
fn data_of(vip: Vip) -> Vec<String> {
    vip.addresses().iter().map(ToString::to_string).collect()
}

/// The VIP that this network uses already: the only one that its zones' records name, else the only
/// one that its routes lead to. Which one is wanted is not guessed.
fn meant_vip(network: &Reference, inventory: &Inventory) -> Option<Vip> {
    let recorded = path::recorded(inventory, network);
    let by_record: Vec<Vip> =
        vips().filter(|vip| recorded.iter().any(|one| one.vip == *vip)).collect();
    match by_record.is_empty() {
        true => routed_vip(network, inventory),
        false => only(by_record),
    }
}

/// The only VIP that a route of the network's own leads to.
fn routed_vip(network: &Reference, inventory: &Inventory) -> Option<Vip> {
    let routes = inventory.routes.iter().filter(|route| route.network.agrees(network));
    let ends: Vec<IpNet> = routes.map(|route| route.destination).collect();
    only(vips().filter(|vip| ends.contains(&vip.range)).collect())
}

fn only(mut found: Vec<Vip>) -> Option<Vip> {
    let only = found.pop()?;
    found.is_empty().then_some(only)
}

/// The records of a zone that leads everything under `apex` to a VIP
/// (<https://cloud.google.com/vpc/docs/configure-private-google-access#config-domain>).
fn records_of(apex: &str, vip: &Vip) -> Vec<NewRecord> {
    // The zone of the APIs holds the VIP's own name; the others have the addresses at their apex.
    let target =
        if apex == "googleapis.com" { format!("{}.", vip.name) } else { format!("{apex}.") };
    vec![
        NewRecord { name: target.clone(), kind: "A", data: data_of(*vip) },
        NewRecord { name: format!("*.{apex}."), kind: "CNAME", data: vec![target] },
    ]
}

fn zone(road: &Road<'_>, network: &Reference, before: &Inventory) -> Option<ResourceChange> {
    let apex = naming::domain_on_both(&road.path.host)?;
    let vip = meant_vip(network, before)?;
    let name = resource_name(&[&network.name, &apex.replace('.', "-")]);
    if before.zones.iter().any(|zone| zone.id.name == name) {
        return None;
    }
    Some(ResourceChange::AddRecords {
        zone: Reference::new(network.project.as_deref(), &name),
        made: Some((format!("{apex}."), network.clone())),
        records: records_of(apex, &vip),
    })
}

/// The records that a zone lacks: those of its names that are asked for and not there.
fn records(road: &Road<'_>, network: &Reference, before: &Inventory) -> Option<ResourceChange> {
    let cluster = before.clusters.get(road.cluster).map(|cluster| cluster.id.name.as_str());
    let resolved = naming::resolve(before, network, cluster, &road.path.host);
    let Resolved::NoSuchName { zone, .. } = resolved else { return None };
    let apex = naming::plain(&zone.dns_name);
    if !naming::is_googles(&apex) {
        return None;
    }
    let vip = meant_vip(network, before).or_else(|| {
        // An alias that leads to a VIP's own name says which one is meant.
        let data = || before.record_sets.iter().flat_map(|one| &one.data);
        vips().find(|vip| data().any(|text| naming::plain(text) == vip.name))
    })?;
    if !naming::is_served_by(&apex, vip.name) {
        return None;
    }
    let there = |record: &NewRecord| {
        before.record_sets.iter().any(|one| {
            let of_zone = one.zone.as_ref().is_none_or(|of| of.agrees(&zone.id));
            of_zone
                && naming::plain(&one.name) == naming::plain(&record.name)
                && ["A", "CNAME"].contains(&one.kind.as_str())
        })
    };
    let mut records = records_of(&apex, &vip);
    records.retain(|record| !there(record));
    if records.is_empty() {
        return None;
    }
    Some(ResourceChange::AddRecords { zone: zone.id.clone(), made: None, records })
}

fn attach(road: &Road<'_>, network: &Reference, before: &Inventory) -> Option<ResourceChange> {
    let cluster = before.clusters.get(road.cluster).map(|cluster| cluster.id.name.as_str());
    let resolved = naming::resolve(before, network, cluster, &road.path.host);
    let Resolved::Public(_, Some(Unseen::Zone(zone))) = resolved else { return None };
    let mut zone = zone.clone();
    zone.networks.push(network.clone());
    Some(ResourceChange::AttachZone(zone))
}

/// The addresses of one VIP instead of those that a record holds: of the one that the routes lead
/// to, since the record itself names several, or others.
fn replaced(road: &Road<'_>, network: &Reference, before: &Inventory) -> Option<ResourceChange> {
    let cluster = before.clusters.get(road.cluster).map(|cluster| cluster.id.name.as_str());
    let resolved = naming::resolve(before, network, cluster, &road.path.host);
    let Resolved::Addresses(_, followed, Authority::Zone(zone)) = resolved else { return None };
    let own = |step: &Step| {
        before.record_sets.iter().find(|one| {
            one.kind == step.kind
                && naming::plain(&one.name) == naming::plain(&step.name)
                && one.zone.as_ref().is_none_or(|of| of.agrees(&zone.id))
        })
    };
    let last = followed.last().filter(|step| step.kind == "A")?;
    let found = own(last)?;
    // Which answer is given to whom is nothing to be replaced by a list.
    let policy = found.kept.as_ref().and_then(|kept| kept.field("routingPolicy"));
    if policy.is_some_and(says) {
        return None;
    }
    // A VIP's own name says which one it is, and an alias to it which one is to be reached.
    let named = vips().find(|vip| naming::plain(&last.name) == vip.name);
    let holds = |vip: &Vip| data_of(*vip).iter().all(|address| last.data.contains(address));
    let meant = || {
        let range = found.data.iter().find_map(|text| crate::net::parse_address(text))?;
        path::meant_otherwise(before, network, &IpNet::from(range)).map(|meant| meant.vip)
    };
    let zone = zone.id.clone();
    if named.as_ref().is_some_and(holds) {
        let vip = meant()?;
        let alias = own(followed.iter().rev().nth(1).filter(|step| step.kind == "CNAME")?)?;
        let target = format!("{}.", vip.name);
        let there = before.record_sets.iter().any(|one| one.name == target && one.kind == "A");
        let a = NewRecord { name: target.clone(), kind: "A", data: data_of(vip) };
        let record = NewRecord { name: alias.name.clone(), kind: "CNAME", data: vec![target] };
        let added = if there { Vec::new() } else { vec![a] };
        let kept = alias.kept.clone();
        return Some(ResourceChange::ReplaceRecord { zone, record, added, kept });
    }
    let vip = named
        .or_else(|| routed_vip(network, before))
        .or_else(meant)
        .or_else(|| meant_vip(network, before))?;
    let record = NewRecord { name: found.name.clone(), kind: "A", data: data_of(vip) };
    let kept = found.kept.clone();
    Some(ResourceChange::ReplaceRecord { zone, record, added: Vec::new(), kept })
}

/// The one Cloud NAT of the region with the range that it leaves out.
fn widened(road: &Road<'_>, network: &Reference, before: &Inventory) -> Option<ResourceChange> {
    let subnetwork = road.path.start.subnetwork?;
    let region = subnetwork.id.location.as_deref()?;
    let mut here = before.nats.iter().filter(|nat| {
        nat.network.as_ref().is_some_and(|of| of.agrees(network))
            && nat.region.as_deref() == Some(region)
    });
    let (Some(found), None) = (here.next(), here.next()) else { return None };
    let mut nat = found.clone();
    if nat.ranges != "LIST_OF_SUBNETWORKS" {
        // It takes primary ranges alone, of all subnetworks: there is no mode for one more.
        "ALL_SUBNETWORKS_ALL_IP_RANGES".clone_into(&mut nat.ranges);
        return Some(ResourceChange::WidenNat(nat));
    }
    if !nat.subnetworks.iter().any(|one| one.id.agrees(&subnetwork.id)) {
        nat.subnetworks.push(NatSubnetwork {
            id: subnetwork.id.clone(),
            ranges: Vec::new(),
            secondary: Vec::new(),
        });
    }
    let own = nat.subnetworks.iter_mut().find(|one| one.id.agrees(&subnetwork.id))?;
    match &road.path.start.secondary {
        None => own.ranges.push("PRIMARY_IP_RANGE".to_owned()),
        Some(name) => {
            let listed = "LIST_OF_SECONDARY_IP_RANGES";
            if !own.ranges.iter().any(|one| one == listed) {
                own.ranges.push(listed.to_owned());
            }
            own.secondary.push(name.clone());
        }
    }
    Some(ResourceChange::WidenNat(nat))
}

/// A name that nothing has.
fn free(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut all = std::iter::once(name.to_owned()).chain(numbered);
    all.find(|name| !is_taken(name)).unwrap_or_else(|| name.to_owned())
}

/// A NAT in the router that is there, else in one of its own.
fn nat(road: &Road<'_>, network: &Reference, before: &Inventory) -> Option<ResourceChange> {
    let region = road.path.start.subnetwork?.id.location.clone()?;
    let here = |(router, of, _): &&(Reference, Reference, crate::model::Origin)| {
        of.agrees(network) && router.location.as_deref() == Some(region.as_str())
    };
    let found = before.routers.iter().find(here).map(|(router, ..)| router.clone());
    let is_router_made = found.is_none();
    let new = free(&resource_name(&[&network.name, &region, "router"]), |name| {
        before.routers.iter().any(|(router, ..)| router.name == name)
    });
    let router = found.unwrap_or_else(|| Reference::new(network.project.as_deref(), &new));
    let name = free(&resource_name(&[&network.name, &region, "nat"]), |name| {
        before.nats.iter().any(|nat| nat.name == name)
    });
    Some(ResourceChange::AddNat { name, router, is_router_made, network: network.clone(), region })
}
