//! The first link of a way: where its name leads.

use std::net::IpAddr;

use crate::correlate::Directory;
use crate::correlate::path::link::link;
use crate::correlate::path::{Class, Fault, Link, Start, State, class_of};
use crate::correlate::side::{Side, side};
use crate::engine::METADATA;
use crate::engine::naming::{self, Resolved, Step, Unseen, is_googles};
use crate::model::Reference;
use crate::net::{AddressSet, IpNet, Role, well_known};

/// Where the name leads; `None` where it leads nowhere.
pub(super) fn ending(
    directory: &Directory<'_>,
    start: &Start<'_>,
    host: &str,
    links: &mut Vec<Link>,
) -> (Option<Side>, Class) {
    let network = start.network.as_ref();
    if let Some(address) = crate::net::parse_address(host) {
        let end = side(directory.who(address, network), &[address]).exactly(&[address]);
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
        Resolved::Addresses(addresses, followed, by) => {
            let (state, detail) = of_records(directory, network, host, &addresses, &followed);
            let made = link("name", state, by.label(), detail).by(Fault::WrongTarget);
            links.push(made.read_at(by.origin()));
            let first = addresses.first().copied();
            let end = first.map(|address| {
                side(directory.who(address, network), &addresses).exactly(&addresses)
            });
            let class = end.as_ref().map_or(Class::Internet, class_of);
            (end, class)
        }
        Resolved::NoSuchName { zone, name, followed } => {
            let by = followed.last().map(|one| format!(" ({} points there)", one.name));
            let detail = format!(
                "there is no record of {name}{}: NXDOMAIN, public DNS is not asked",
                by.unwrap_or_default()
            );
            let made = link("name", State::Broken, zone_name(zone), detail).by(Fault::NoRecord);
            links.push(made.read_at(&zone.origin));
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
        Resolved::Undecided(what, why, origin) => {
            links.push(link("name", State::Undetermined, what, why).read_at(origin));
            (None, Class::Internet)
        }
        Resolved::Circle(by) => {
            let detail = "its aliases lead in a circle";
            let made = link("name", State::Broken, by.label(), detail).by(Fault::NoRecord);
            links.push(made.read_at(by.origin()));
            (None, Class::Internet)
        }
        Resolved::Public(name, _) if let Some(inner) = Inner::of(&name) => {
            inner.ending(directory, network, &name, links)
        }
        Resolved::Public(name, unseen) => {
            public((directory, network.unwrap_or(&nowhere)), &name, unseen, links)
        }
    }
}

/// Names that no public DNS knows: those inside of Google Cloud, and of a cluster.
enum Inner {
    /// The metadata server's: every VM knows it
    /// (<https://cloud.google.com/compute/docs/metadata/querying-metadata>).
    Metadata,
    /// A VM's in Compute Engine's own DNS, with the zone and the project that the name says
    /// (<https://cloud.google.com/compute/docs/internal-dns>); or its name and no more: `web`.
    Vm { name: String, zone: Option<String>, project: Option<String> },
    /// Of somebody's own zone by that suffix, or of nobody.
    Unknown,
    /// Of a cluster's own DNS.
    Cluster,
}

impl Inner {
    fn of(name: &str) -> Option<Self> {
        if name.ends_with(".svc") || name.ends_with(".cluster.local") {
            return Some(Self::Cluster);
        }
        let vm = |name: &str, zone: Option<&str>, project: Option<&str>| Self::Vm {
            name: name.to_owned(),
            zone: zone.map(str::to_owned),
            project: project.map(str::to_owned),
        };
        let parts: Vec<&str> = name.split('.').collect();
        Some(match parts.as_slice() {
            ["metadata"] | ["metadata", "google", "internal"] => Self::Metadata,
            [name] => vm(name, None, None),
            [name, "c", project, "internal"] => vm(name, None, Some(project)),
            [name, zone, "c", project, "internal"] => vm(name, Some(zone), Some(project)),
            [.., "internal"] => Self::Unknown,
            _ => return None,
        })
    }

    fn ending(
        self,
        directory: &Directory<'_>,
        network: Option<&Reference>,
        name: &str,
        links: &mut Vec<Link>,
    ) -> (Option<Side>, Class) {
        let (found, by) = match &self {
            Self::Metadata => (Some(METADATA), "every VM"),
            Self::Vm { name, zone, project } => {
                let id = Reference {
                    location: zone.clone(),
                    ..Reference::new(project.as_deref(), name)
                };
                (directory.address_of(&id, network), "Compute Engine's internal DNS")
            }
            Self::Cluster => (None, "the cluster's own DNS"),
            Self::Unknown => (None, "DNS"),
        };
        let Some(address) = found else {
            let what = match self {
                Self::Cluster => "Services and their pods are asked by their addresses",
                Self::Unknown => "no zone for it was given: gcloud dns managed-zones list",
                _ => "no VM of this name was given: gcloud compute instances list --format=json",
            };
            links.push(link("name", State::NotGiven, by, format!("{name}: {what}")));
            return (None, Class::Inside);
        };
        links.push(link("name", State::Ok, by, format!("{name} A {address}")));
        let end = side(directory.who(address, network), &[address]).exactly(&[address]);
        let class = class_of(&end);
        (Some(end), class)
    }
}

/// Public DNS answers: the class of the host tells what for.
fn public(
    (directory, network): (&Directory<'_>, &Reference),
    name: &str,
    unseen: Option<Unseen<'_>>,
    links: &mut Vec<Link>,
) -> (Option<Side>, Class) {
    let given = directory.inventory.has_zones_for(network);
    let google = is_googles(name);
    let told = if google { "Google's public addresses" } else { "addresses on the internet" };
    let made = match unseen {
        Some(unseen) => {
            let detail = format!(
                "{told}: {} is there, and this network does not see it",
                unseen.answers_for()
            );
            link("name", State::Broken, unseen.label(), detail)
                .by(Fault::ZoneUnseen)
                .read_at(unseen.origin())
        }
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

/// Whether records of a private zone lead where such a zone is made to lead.
fn of_records(
    directory: &Directory<'_>,
    network: Option<&Reference>,
    host: &str,
    addresses: &[IpAddr],
    followed: &[Step],
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
    // <https://cloud.google.com/vpc/docs/configure-private-google-access#domain-options>: this VIP
    // serves what VPC Service Controls supports.
    let restricted = "restricted.googleapis.com";
    let unserved = is_googles(host)
        && !naming::is_served_by(host, restricted)
        && roles.iter().any(|(_, vip)| vip == restricted);
    match (wrong, mixed) {
        (false, false) if unserved => {
            let why = "this VIP serves the APIs of VPC Service Controls, and maybe not this host";
            (State::Undetermined, format!("{way}: {why}"))
        }
        (true, _) => (
            State::Broken,
            format!("{way}: public addresses of Google's, which change, in a private zone"),
        ),
        (false, true) => (State::Broken, format!("{way}: addresses of several kinds")),
        (false, false) => (State::Ok, way),
    }
}
