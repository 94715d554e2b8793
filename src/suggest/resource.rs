//! Changes of other resources than rules: routes, Private Google Access, zones and their records,
//! Cloud NAT, references. Plain values: render puts them in each language, and whoever suggests
//! one walks the road again with [`ResourceChange::applied`].
//!
//! `add route kf-to-google-apis: 199.36.153.8/30 to default-internet-gateway`

use std::sync::Arc;

use serde_json::Value;

use crate::model::condition::ObjectId;
use crate::model::{
    Inventory, Kept, ManagedZone, Nat, NatSubnetwork, Origin, RecordSet, Reference, Route,
    Subnetwork, ZoneTarget,
};
use crate::net::IpNet;
use crate::suggest::name::{is_project, is_resource_name};

/// A record set that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// `*.gcr.io.`
    pub name: String,
    /// `A` or `CNAME`.
    pub kind: &'static str,
    /// What it holds.
    pub data: Vec<String>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourceChange {
    /// Turns Private Google Access on.
    EnableAccess(Subnetwork),
    /// A route to the internet gateway.
    AddRoute {
        /// Its name, and the project.
        id: Reference,
        /// The network.
        network: Reference,
        /// Where to.
        destination: IpNet,
    },
    /// A route with the internet gateway as its next hop instead of its own.
    UpdateRoute(Route),
    /// Records of a private zone, and the zone where it is not there.
    AddRecords {
        /// The zone.
        zone: Reference,
        /// `gcr.io.`, and the network that sees it, where it has to be made.
        made: Option<(String, Reference)>,
        /// The records.
        records: Vec<NewRecord>,
    },
    /// A record set of a private zone that is to hold something else.
    ReplaceRecord {
        /// The zone.
        zone: Reference,
        /// The record set as it is then.
        record: NewRecord,
        /// What it leads to then, where that is not there.
        added: Vec<NewRecord>,
        /// As it was given.
        kept: Option<Kept>,
    },
    /// A private zone as it is when one more network sees it.
    AttachZone(ManagedZone),
    /// A Cloud NAT for all ranges of a network's region.
    AddNat {
        /// Its name.
        name: String,
        /// The router.
        router: Reference,
        /// Whether the router has to be made, too.
        is_router_made: bool,
        /// The network.
        network: Reference,
        /// The region.
        region: String,
    },
    /// A Cloud NAT as it is when it translates one more range.
    WidenNat(Nat),
    /// A reference of Config Connector's that is to name something else.
    UpdateReference {
        /// The object.
        object: ObjectId,
        /// The field, from `spec` on, without lists in its way.
        field: String,
        /// The name of the object that it is to name.
        to: String,
        /// The manifest as it was given.
        manifest: Arc<Value>,
    },
}

/// Fields of references that are no part of a list, but for the networks of a zone, of which there
/// has to be one alone.
const FIELDS: [&str; 7] = [
    "networkRef",
    "subnetworkRef",
    "routerRef",
    "clusterRef",
    "managedZoneRef",
    "responsePolicyRef",
    "privateVisibilityConfig.networks.networkRef",
];

impl ResourceChange {
    /// How it is called in JSON.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::EnableAccess(_) => "enable-private-google-access",
            Self::AddRoute { .. } => "add-route",
            Self::UpdateRoute(_) => "update-route",
            Self::AddRecords { made: Some(_), .. } => "add-dns-zone",
            Self::AddRecords { made: None, .. } => "add-dns-record",
            Self::ReplaceRecord { .. } => "update-dns-record",
            Self::AddNat { .. } => "add-nat",
            Self::WidenNat(_) => "update-nat",
            Self::UpdateReference { .. } | Self::AttachZone(_) => "update-reference",
        }
    }

    /// What is changed, as it was given.
    #[must_use]
    pub fn kept(&self) -> Option<&Kept> {
        match self {
            Self::EnableAccess(one) => one.kept.as_ref(),
            Self::UpdateRoute(one) => one.kept.as_ref(),
            Self::AttachZone(one) => one.kept.as_ref(),
            Self::WidenNat(one) => one.kept.as_ref(),
            Self::ReplaceRecord { kept, .. } => kept.as_ref(),
            Self::AddRoute { .. }
            | Self::AddRecords { .. }
            | Self::AddNat { .. }
            | Self::UpdateReference { .. } => None,
        }
    }

    /// Who keeps what is changed as it is written, and where that is.
    #[must_use]
    pub fn keeper(&self) -> Option<(&'static str, String)> {
        self.kept().and_then(Kept::keeper)
    }

    /// One change that does what both do, where both set one list of one resource as a whole.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::AttachZone(one), Self::AttachZone(other)) if one.id == other.id => {
                let mut joined = one.clone();
                let new = other.networks.iter().filter(|network| !one.networks.contains(network));
                joined.networks.extend(new.cloned());
                Some(Self::AttachZone(joined))
            }
            (Self::WidenNat(one), Self::WidenNat(other))
                if (&one.name, &one.router) == (&other.name, &other.router) =>
            {
                let mut joined = one.clone();
                for listed in &other.subnetworks {
                    match joined.subnetworks.iter_mut().find(|own| own.id == listed.id) {
                        Some(own) => own.widen(listed),
                        None => joined.subnetworks.push(listed.clone()),
                    }
                }
                Some(Self::WidenNat(joined))
            }
            _ => None,
        }
    }

    /// Whether every name in it may stand in a command.
    #[must_use]
    pub fn is_printable(&self) -> bool {
        let named = |one: &Reference| {
            is_resource_name(&one.name) && one.project.as_deref().is_none_or(is_project)
        };
        match self {
            Self::EnableAccess(subnetwork) => {
                named(&subnetwork.id)
                    && named(&subnetwork.network)
                    && subnetwork.id.location.as_deref().is_some_and(is_resource_name)
                    && subnetwork.secondary.iter().all(|(name, _)| is_resource_name(name))
            }
            Self::AddRoute { id, network, .. } => named(id) && named(network),
            Self::UpdateRoute(route) => {
                named(&route.id)
                    && named(&route.network)
                    && route.tags.iter().all(|tag| is_resource_name(tag))
            }
            Self::AddRecords { zone, made, records } => {
                let known =
                    |(name, network): &(String, Reference)| is_dns_name(name) && named(network);
                named(zone)
                    && made.as_ref().is_none_or(known)
                    && records.iter().all(|record| is_dns_name(&record.name))
            }
            Self::ReplaceRecord { zone, record, added, .. } => {
                let mut all = std::iter::once(record).chain(added);
                named(zone) && all.all(|record| is_dns_name(&record.name))
            }
            Self::AttachZone(zone) => {
                named(&zone.id)
                    && is_dns_name(&zone.dns_name)
                    && zone.networks.iter().all(named)
                    && zone.clusters.iter().all(|name| is_resource_name(name))
            }
            Self::WidenNat(nat) => {
                let ranges = |one: &NatSubnetwork| {
                    named(&one.id) && one.secondary.iter().all(|name| is_resource_name(name))
                };
                is_resource_name(&nat.name)
                    && named(&nat.router)
                    && nat.region.as_deref().is_some_and(is_resource_name)
                    && nat.network.as_ref().is_some_and(named)
                    && nat.subnetworks.iter().all(ranges)
            }
            Self::AddNat { name, router, network, region, .. } => {
                [router, network].into_iter().all(named)
                    && is_resource_name(name)
                    && is_resource_name(region)
            }
            Self::UpdateReference { object, field, to, .. } => {
                let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric());
                let groups = ["Compute", "Container", "DNS"];
                FIELDS.contains(&field.as_str())
                    && groups.iter().any(|group| object.kind.starts_with(group))
                    && is_resource_name(to)
                    && is_resource_name(&object.name.name)
                    && (object.name.namespace.is_empty()
                        || is_resource_name(&object.name.namespace))
                    && !object.kind.is_empty()
                    && plain(&object.kind)
            }
        }
    }

    /// The inventory as it is after the change. References of objects are resolved where they are
    /// read, so [`Self::UpdateReference`] changes nothing here.
    #[must_use]
    pub fn applied(&self, before: &Inventory) -> Inventory {
        let mut after = before.clone();
        match self {
            Self::EnableAccess(subnetwork) => {
                let own = |one: &&mut Subnetwork| one.id == subnetwork.id;
                if let Some(one) = after.subnetworks.iter_mut().find(own) {
                    one.private_google_access = Some(true);
                }
            }
            Self::AddRoute { id, network, destination } => after.routes.push(Route {
                id: id.clone(),
                network: network.clone(),
                destination: *destination,
                priority: 1000,
                next_hop: "default-internet-gateway".to_owned(),
                by_peering: false,
                tags: Vec::new(),
                is_written: true,
                down: None,
                kept: None,
                origin: Origin::default(),
            }),
            Self::UpdateRoute(route) => {
                let own = |one: &&mut Route| one.id == route.id && one.network == route.network;
                if let Some(one) = after.routes.iter_mut().find(own) {
                    "default-internet-gateway".clone_into(&mut one.next_hop);
                    one.by_peering = false;
                }
            }
            Self::AddRecords { zone, made, records } => {
                after.zones.extend(made.iter().map(|(dns_name, network)| ManagedZone {
                    id: zone.clone(),
                    dns_name: dns_name.clone(),
                    private: true,
                    networks: vec![network.clone()],
                    clusters: Vec::new(),
                    is_hidden: false,
                    target: ZoneTarget::Records,
                    kept: None,
                    origin: Origin::default(),
                }));
                after.record_sets.extend(records.iter().map(|record| set_of(zone, record)));
            }
            Self::ReplaceRecord { zone, record, added, .. } => {
                after.record_sets.extend(added.iter().map(|record| set_of(zone, record)));
                replace_record(&mut after.record_sets, zone, record);
            }
            Self::AttachZone(zone) => {
                if let Some(one) = after.zones.iter_mut().find(|one| one.id == zone.id) {
                    *one = zone.clone();
                }
            }
            Self::WidenNat(nat) => {
                let same = |one: &&mut Nat| one.name == nat.name && one.router == nat.router;
                if let Some(one) = after.nats.iter_mut().find(same) {
                    *one = nat.clone();
                }
            }
            Self::AddNat { name, router, network, region, .. } => {
                after.routers.push((router.clone(), network.clone(), Origin::default()));
                after.nats.push(Nat {
                    name: name.clone(),
                    router: router.clone(),
                    network: Some(network.clone()),
                    region: Some(region.clone()),
                    ranges: "ALL_SUBNETWORKS_ALL_IP_RANGES".to_owned(),
                    subnetworks: Vec::new(),
                    addresses: Vec::new(),
                    kept: None,
                    origin: Origin::default(),
                });
            }
            Self::UpdateReference { .. } => {}
        }
        after
    }
}

fn replace_record(sets: &mut [RecordSet], zone: &Reference, record: &NewRecord) {
    let own = |one: &&mut RecordSet| {
        one.zone.as_ref().is_none_or(|of| of.agrees(zone))
            && one.name == record.name
            && one.kind == record.kind
    };
    for one in sets.iter_mut().filter(own) {
        one.data.clone_from(&record.data);
    }
}

fn set_of(zone: &Reference, record: &NewRecord) -> RecordSet {
    RecordSet {
        name: record.name.clone(),
        kind: record.kind.to_owned(),
        zone: Some(zone.clone()),
        data: record.data.clone(),
        kept: None,
        origin: Origin::default(),
    }
}

/// Whether a text is a DNS name with its dot at the end, perhaps with a wildcard before it.
fn is_dns_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..64).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let name = text.strip_prefix("*.").unwrap_or(text);
    name.strip_suffix('.').is_some_and(|name| name.split('.').all(is_label))
}
