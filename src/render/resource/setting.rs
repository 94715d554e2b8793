//! Resources in the schema that Config Connector takes over from Terraform's provider: the same
//! settings under the same names, which the two only spell differently. What a change leaves alone
//! is carried over from the text of the resource.
//!
//! ```text
//! logConfig: flowSampling    log_config { flow_sampling }
//! network:  networkRef: external …    network = …
//! ```

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::model::kept::{Form, TerraformResource, says};
use crate::model::{Kept, ManagedZone, Nat, Reference, Route, Subnetwork, ZoneTarget};
use crate::render::resource::record_name;
use crate::suggest::ResourceChange;
use crate::suggest::resource::NewRecord;

/// What a resource is called in both languages.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) terraform: &'static str,
    pub(super) group: &'static str,
    pub(super) manifest: &'static str,
}

impl Kind {
    const fn new(terraform: &'static str, group: &'static str, manifest: &'static str) -> Self {
        Self { terraform, group, manifest }
    }
}

const ROUTE: Kind = Kind::new("google_compute_route", "compute", "ComputeRoute");
const ROUTER: Kind = Kind::new("google_compute_router", "compute", "ComputeRouter");
const NAT: Kind = Kind::new("google_compute_router_nat", "compute", "ComputeRouterNAT");
const SUBNETWORK: Kind = Kind::new("google_compute_subnetwork", "compute", "ComputeSubnetwork");
const ZONE: Kind = Kind::new("google_dns_managed_zone", "dns", "DNSManagedZone");
const RECORD: Kind = Kind::new("google_dns_record_set", "dns", "DNSRecordSet");

/// One setting of a resource.
pub(super) enum Setting {
    /// A value, or a list of values.
    Plain(Value),
    /// Another resource.
    To(Target),
    /// Several of them, by their names.
    ToAll(Vec<String>),
    /// A block, of which there is one.
    Block(Settings),
    /// Blocks of which there may be several.
    Blocks(Vec<Settings>),
}

pub(super) type Settings = Vec<(&'static str, Setting)>;

/// A resource that is referred to.
pub(super) struct Target {
    /// The field of the manifest.
    pub(super) field: &'static str,
    /// Its name, as both languages take it.
    pub(super) name: String,
    /// Its kind, where it is made by the same change: Terraform makes it first then.
    pub(super) made: Option<Kind>,
}

/// A resource as it is to be.
pub(super) struct Resource {
    pub(super) kind: Kind,
    /// Its own name, but for records, whose names are a setting.
    pub(super) name: String,
    pub(super) project: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) settings: Settings,
    pub(super) terraform: Option<TerraformResource>,
}

impl Resource {
    fn new(kind: Kind, name: &str, of: &Reference, settings: Settings) -> Self {
        let (name, project) = (name.to_owned(), of.project.clone());
        Self { kind, name, project, labels: BTreeMap::new(), settings, terraform: None }
    }

    /// One that was given, where all that this says of it is written: what is not would be taken
    /// away. A manifest is changed in its place.
    fn kept(mut self, kept: Option<&Kept>) -> Option<Self> {
        let Some(kept) = kept else { return Some(self) };
        if let Form::Terraform(resource) = &kept.form {
            self.terraform = Some(resource.clone());
        }
        let fields = kept.text.as_object().into_iter().flatten();
        let mut lost =
            fields.filter(|(key, value)| says(value) && !is_written(&self.settings, key));
        let ranges = given(Some(kept), "secondaryIpRanges").and_then(Value::as_array);
        let mut of_ranges = ranges.into_iter().flatten().filter_map(Value::as_object).flatten();
        let is_lost = of_ranges.any(|(key, value)| {
            says(value) && !["rangeName", "ipCidrRange"].contains(&key.as_str())
        });
        (kept.manifest().is_some() || lost.next().is_none() && !is_lost).then_some(self)
    }
}

fn text(value: impl Into<String>) -> Setting {
    Setting::Plain(Value::String(value.into()))
}

fn network(of: &Reference) -> Setting {
    Setting::To(Target { field: "networkRef", name: of.network_link(), made: None })
}

fn router(name: &str, is_made: bool) -> Setting {
    let made = is_made.then_some(ROUTER);
    Setting::To(Target { field: "routerRef", name: name.to_owned(), made })
}

/// The resources of a change, in the order in which they are made; none where not all of one is
/// known.
pub(super) fn of(change: &ResourceChange) -> Vec<Resource> {
    match change {
        ResourceChange::UpdateReference { .. } => Vec::new(),
        ResourceChange::EnableAccess(one) => Vec::from_iter(subnetwork(one)),
        ResourceChange::AttachZone(one) => Vec::from_iter(zone(one)),
        ResourceChange::WidenNat(one) => Vec::from_iter(nat(one)),
        ResourceChange::AddRoute { id, network, destination } => {
            let settings = route(network, &destination.to_string(), 1000);
            vec![Resource::new(ROUTE, &id.name, network, settings)]
        }
        ResourceChange::UpdateRoute(route) => Vec::from_iter(updated(route)),
        ResourceChange::AddRecords { zone, made, records } => {
            let new = made.iter().map(|(dns_name, network)| new_zone(zone, dns_name, network));
            let made = made.is_some();
            let records = records.iter().map(|one| record(zone, made, one, Some(json!(300))));
            new.chain(records).collect()
        }
        ResourceChange::ReplaceRecord { zone, record: changed, added, kept } => {
            let added = added.iter().map(|one| record(zone, false, one, Some(json!(300))));
            let ttl = given(kept.as_ref(), "ttl").cloned();
            match record(zone, false, changed, ttl).kept(kept.as_ref()) {
                Some(changed) => added.chain([changed]).collect(),
                None => Vec::new(),
            }
        }
        ResourceChange::AddNat { name, router: of, is_router_made, network: within, region } => {
            let nat = vec![
                ("router", router(&of.name, *is_router_made)),
                ("region", text(region)),
                ("natIpAllocateOption", text("AUTO_ONLY")),
                ("sourceSubnetworkIpRangesToNat", text("ALL_SUBNETWORKS_ALL_IP_RANGES")),
            ];
            let made = is_router_made.then(|| {
                let settings = vec![("network", network(within)), ("region", text(region))];
                Resource::new(ROUTER, &of.name, within, settings)
            });
            made.into_iter().chain([Resource::new(NAT, name, within, nat)]).collect()
        }
    }
}

fn route(of: &Reference, destination: &str, priority: u32) -> Settings {
    vec![
        ("network", network(of)),
        ("destRange", text(destination)),
        ("nextHopGateway", text("default-internet-gateway")),
        ("priority", Setting::Plain(json!(priority))),
    ]
}

fn updated(route: &Route) -> Option<Resource> {
    let kept = route.kept.as_ref();
    let mut settings = self::route(&route.network, &route.destination.to_string(), route.priority);
    if !route.tags.is_empty() {
        settings.push(("tags", Setting::Plain(json!(route.tags))));
    }
    settings.extend(carried(kept, &[("description", &[])]));
    Resource::new(ROUTE, &route.id.name, &route.network, settings).kept(kept)
}

fn subnetwork(one: &Subnetwork) -> Option<Resource> {
    const OTHERS: [(&str, &[&str]); 6] = [
        ("description", &[]),
        ("purpose", &[]),
        ("role", &[]),
        ("stackType", &[]),
        ("ipv6AccessType", &[]),
        ("privateIpv6GoogleAccess", &[]),
    ];
    const LOGGING: [(&str, &[&str]); 1] = [(
        "logConfig",
        &["aggregationInterval", "flowSampling", "metadata", "metadataFields", "filterExpr"],
    )];
    let kept = one.kept.as_ref();
    let mut settings = vec![
        ("network", network(&one.network)),
        ("region", text(one.id.location.clone().unwrap_or_default())),
    ];
    settings.extend(one.primary.map(|range| ("ipCidrRange", text(range.to_string()))));
    settings.push(("privateIpGoogleAccess", Setting::Plain(json!(true))));
    settings.extend(carried(kept, &OTHERS));
    let secondary = one.secondary.iter().map(|(name, range)| {
        vec![("rangeName", text(name)), ("ipCidrRange", text(range.to_string()))]
    });
    let secondary: Vec<Settings> = secondary.collect();
    if !secondary.is_empty() {
        settings.push(("secondaryIpRange", Setting::Blocks(secondary)));
    }
    // The API says whether it is on; in a configuration it is where it is there.
    let off =
        given(kept, "logConfig").and_then(|config| config.get("enable")) == Some(&json!(false));
    if !off {
        settings.extend(carried(kept, &LOGGING));
    }
    Resource::new(SUBNETWORK, &one.id.name, &one.network, settings).kept(kept)
}

/// A NAT as it is to be; `None` where it is not known how it gets its addresses, or where rules say
/// which addresses it takes for which destinations.
fn nat(one: &Nat) -> Option<Resource> {
    const OTHERS: [(&str, &[&str]); 13] = [
        ("natIpAllocateOption", &[]),
        ("type", &[]),
        ("autoNetworkTier", &[]),
        ("endpointTypes", &[]),
        ("minPortsPerVm", &[]),
        ("maxPortsPerVm", &[]),
        ("enableDynamicPortAllocation", &[]),
        ("enableEndpointIndependentMapping", &[]),
        ("udpIdleTimeoutSec", &[]),
        ("icmpIdleTimeoutSec", &[]),
        ("tcpEstablishedIdleTimeoutSec", &[]),
        ("tcpTransitoryIdleTimeoutSec", &[]),
        ("tcpTimeWaitTimeoutSec", &[]),
    ];
    let kept = one.kept.as_ref();
    let network = one.network.as_ref()?;
    given(kept, "natIpAllocateOption")?;
    let mut settings = vec![
        ("router", router(&one.router.name, false)),
        ("region", text(one.region.clone().unwrap_or_default())),
        ("sourceSubnetworkIpRangesToNat", text(&one.ranges)),
    ];
    settings.extend(carried(kept, &OTHERS));
    for key in ["natIps", "drainNatIps"] {
        let all = named(given(kept, key));
        if !all.is_empty() {
            settings.push((key, Setting::ToAll(all)));
        }
    }
    if one.ranges == "LIST_OF_SUBNETWORKS" {
        let listed = one.subnetworks.iter().map(|listed| {
            let name = listed.id.name.clone();
            let to = Setting::To(Target { field: "subnetworkRef", name, made: None });
            let ranges = Setting::Plain(json!(listed.ranges));
            let mut own = vec![("name", to), ("sourceIpRangesToNat", ranges)];
            if !listed.secondary.is_empty() {
                own.push(("secondaryIpRangeNames", Setting::Plain(json!(listed.secondary))));
            }
            own
        });
        settings.push(("subnetwork", Setting::Blocks(listed.collect())));
    }
    settings.extend(carried(kept, &[("logConfig", &["enable", "filter"])]));
    Resource::new(NAT, &one.name, network, settings).kept(kept)
}

fn new_zone(id: &Reference, dns_name: &str, network: &Reference) -> Resource {
    let settings = vec![
        ("dnsName", text(dns_name)),
        ("visibility", text("private")),
        ("privateVisibilityConfig", Setting::Block(vec![networks(std::slice::from_ref(network))])),
    ];
    Resource::new(ZONE, &id.name, id, settings)
}

fn networks(list: &[Reference]) -> (&'static str, Setting) {
    (
        "networks",
        Setting::Blocks(list.iter().map(|one| vec![("networkUrl", network(one))]).collect()),
    )
}

fn zone(one: &ManagedZone) -> Option<Resource> {
    let kept = one.kept.as_ref();
    let mut seen_by = vec![networks(&one.networks)];
    let clusters: Vec<Settings> = clusters(one)
        .into_iter()
        .map(|name| {
            let to = Target { field: "gkeClusterNameRef", name, made: None };
            vec![("gkeClusterName", Setting::To(to))]
        })
        .collect();
    if !clusters.is_empty() {
        seen_by.push(("gkeClusters", Setting::Blocks(clusters)));
    }
    let mut settings = vec![("dnsName", text(&one.dns_name)), ("visibility", text("private"))];
    settings.extend(carried(kept, &[("description", &[])]));
    settings.push(("privateVisibilityConfig", Setting::Block(seen_by)));
    if let ZoneTarget::Peering(Some(to)) = &one.target {
        let target = Setting::Block(vec![("networkUrl", network(to))]);
        settings.push(("peeringConfig", Setting::Block(vec![("targetNetwork", target)])));
    }
    let servers =
        given(kept, "forwardingConfig").and_then(|config| config.get("targetNameServers"));
    let servers: Vec<Settings> = servers
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|server| values(server, &["ipv4Address", "ipv6Address", "forwardingPath"]))
        .collect();
    if !servers.is_empty() {
        let servers = vec![("targetNameServers", Setting::Blocks(servers))];
        settings.push(("forwardingConfig", Setting::Block(servers)));
    }
    settings.extend(carried(kept, &[("cloudLoggingConfig", &["enableLogging"])]));
    let labels = given(kept, "labels").and_then(Value::as_object).into_iter().flatten();
    let labels = labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    let labels = labels.collect();
    Resource { labels, ..Resource::new(ZONE, &one.id.name, &one.id, settings) }.kept(kept)
}

/// The clusters that see a zone, with the whole of their names where those were given.
pub(super) fn clusters(zone: &ManagedZone) -> Vec<String> {
    let config = given(zone.kept.as_ref(), "privateVisibilityConfig");
    let all = config.and_then(|config| config.get("gkeClusters")).and_then(Value::as_array);
    let name = |one: &Value| {
        let own = one.get("gkeClusterName").and_then(Value::as_str).map(str::to_owned);
        own.or_else(|| target(one.get("gkeClusterNameRef")?))
    };
    let names: Vec<String> = all.into_iter().flatten().filter_map(name).collect();
    if names.len() == zone.clusters.len() { names } else { zone.clusters.clone() }
}

fn record(zone: &Reference, is_made: bool, record: &NewRecord, ttl: Option<Value>) -> Resource {
    let made = is_made.then_some(ZONE);
    let to = Target { field: "managedZoneRef", name: zone.name.clone(), made };
    let mut settings = vec![
        ("managedZone", Setting::To(to)),
        ("name", text(&record.name)),
        ("type", text(record.kind)),
    ];
    settings.extend(ttl.map(|ttl| ("ttl", Setting::Plain(ttl))));
    settings.push(("rrdatas", Setting::Plain(json!(record.data))));
    Resource::new(RECORD, &record_name(zone, record), zone, settings)
}

/// The description, where there is one.
pub(super) fn description(kept: Option<&Kept>) -> Option<String> {
    let text = given(kept, "description")?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// What only the API says of a resource, and nobody writes; what is written in a place of its own;
/// and logging, which is switched off where it is given and not written.
const OF_THE_API: [&str; 26] = [
    "asPaths",
    "creationTime",
    "creationTimestamp",
    "effectiveLabels",
    "enableFlowLogs",
    "externalIpv6Prefix",
    "fingerprint",
    "gatewayAddress",
    "id",
    "internalIpv6Prefix",
    "ipv6CidrRange",
    "ipv6GceEndpoint",
    "kind",
    "labels",
    "logConfig",
    "managedZoneId",
    "name",
    "nameServerSet",
    "nameServers",
    "project",
    "routeStatus",
    "selfLink",
    "state",
    "subnetworkId",
    "terraformLabels",
    "warnings",
];

/// Whether a field of a resource as it was given is written as it is to be. What the API calls by
/// a plural is a block that comes several times; a next hop is what is changed of a route.
fn is_written(settings: &Settings, field: &str) -> bool {
    let own =
        |(key, _): &(&'static str, Setting)| *key == field || field.strip_suffix('s') == Some(key);
    OF_THE_API.contains(&field)
        || field.starts_with("__")
        || field.starts_with("nextHop")
        || settings.iter().any(own)
}

/// A setting as it was given.
fn given<'k>(kept: Option<&'k Kept>, key: &str) -> Option<&'k Value> {
    kept?.field(key)
}

/// Settings as they were given, with those of a block that both languages know.
fn carried(
    kept: Option<&Kept>,
    keys: &[(&'static str, &'static [&'static str])],
) -> Vec<(&'static str, Setting)> {
    let of = |(key, inner): &(&'static str, &'static [&'static str])| {
        let value = given(kept, key)?;
        let setting = match inner {
            [] => Setting::Plain(plain(value)?),
            inner => {
                let own = values(value, inner);
                (!own.is_empty()).then_some(Setting::Block(own))?
            }
        };
        Some((*key, setting))
    };
    keys.iter().filter_map(of).collect()
}

/// The values of an object.
fn values(object: &Value, keys: &[&'static str]) -> Settings {
    let of = |key: &&'static str| Some((*key, Setting::Plain(plain(object.get(*key)?)?)));
    keys.iter().filter_map(of).collect()
}

/// A value, or a list of values; what is empty says nothing.
fn plain(value: &Value) -> Option<Value> {
    let is_plain =
        |value: &Value| !matches!(value, Value::Null | Value::Object(_) | Value::Array(_));
    let says = match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty() && list.iter().all(is_plain),
        value => is_plain(value),
    };
    says.then(|| value.clone())
}

/// The resources of a list: texts, or references of a manifest.
fn named(list: Option<&Value>) -> Vec<String> {
    let all = list.and_then(Value::as_array).into_iter().flatten();
    all.filter_map(target).collect()
}

fn target(value: &Value) -> Option<String> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    value.as_str().map(str::to_owned).or_else(|| text("external")).or_else(|| text("name"))
}

/// The settings as a manifest has them.
pub(super) fn of_manifest(settings: &Settings) -> Map<String, Value> {
    let value = |setting: &Setting| match setting {
        Setting::Plain(value) => value.clone(),
        Setting::To(to) => match to.made {
            Some(_) => json!({ "name": to.name }),
            None => json!({ "external": to.name }),
        },
        Setting::ToAll(names) => names.iter().map(|name| json!({ "external": name })).collect(),
        Setting::Block(own) => Value::Object(of_manifest(own)),
        Setting::Blocks(all) => all.iter().map(|own| Value::Object(of_manifest(own))).collect(),
    };
    let key = |key: &'static str, setting: &Setting| match setting {
        Setting::To(to) => to.field,
        _ => key,
    };
    // Terraform's alone.
    let is_shared =
        |(key, _): &&(&'static str, Setting)| !["autoNetworkTier", "ipv6Address"].contains(key);
    let shared = settings.iter().filter(is_shared);
    shared.map(|(own, setting)| (key(own, setting).to_owned(), value(setting))).collect()
}
