//! Config Connector's manifests, as they stand in a repository or come out of the cluster.
//!
//! Objects refer to one another by `{name, namespace}` of the Kubernetes object, or by `external`;
//! `spec.resourceID` may give the resource another name than its object. So names are collected
//! first ([`collect_names`]) and references are resolved when everything is known.
//! Fields: <https://cloud.google.com/config-connector/docs/reference/overview>.

mod dns;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::ingest::Read;
use crate::ingest::document::Item;
use crate::ingest::fields::Fields;
use crate::ingest::policies::ManifestNames;
use crate::ingest::{balancers, policies, rules};
use crate::model::cluster::{ControlPlaneLink, Provider, State};
use crate::model::firewall::{ManifestObject, NetworkReference};
use crate::model::inventory::Alias;
use crate::model::kept::{Form, Kept};
use crate::model::listed::Listed;
use crate::model::{Association, Attachment};
use crate::model::{
    Cluster, FirewallPolicy, Inventory, Nat, NatSubnetwork, Network, NodePool, Origin, PolicyKind,
    Reference, Route, Subnetwork,
};
use crate::net::{parse_address, parse_cidr};

/// Whether an item is a manifest of Config Connector's.
#[must_use]
pub fn is_manifest(item: &Item) -> bool {
    let version = Fields(&item.value).text("apiVersion");
    version.is_some_and(|version| version.contains(".cnrm.cloud.google.com"))
}

/// What such inputs are called.
pub const MANIFESTS: &str = "cnrm-manifests";

/// Whether a manifest is of a kind that only helps where its resource is there; networks and
/// clusters are planned with before they are.
#[must_use]
pub fn is_link(item: &Item) -> bool {
    let kind = Fields(&item.value).text_or_empty("kind");
    let links = [
        "ComputeFirewall",
        "ComputeRoute",
        "ComputeRouter",
        "ComputeRouterNAT",
        "DNSManagedZone",
        "DNSRecordSet",
        "DNSResponsePolicyRule",
        "ComputeFirewallPolicyRule",
        "ComputeNetworkFirewallPolicyRule",
    ];
    links.contains(&kind.as_str())
}

/// Notes under which name the resource of an object goes.
pub fn collect_names(item: &Item, into: &mut Inventory) {
    let fields = Fields(&item.value);
    let meta = fields.at("metadata");
    let (Some(kind), Some(name)) = (fields.text("kind"), meta.text("name")) else {
        return;
    };
    let resource = fields.at("spec").text("resourceID").unwrap_or_else(|| name.clone());
    let project = annotated_project(meta);
    into.aliases.insert((kind, meta.text_or_empty("namespace"), name), Alias { project, resource });
}

fn annotated_project(meta: Fields<'_>) -> Option<String> {
    meta.at("annotations").text("cnrm.cloud.google.com/project-id")
}

struct Manifest<'a> {
    text: Option<&'a Arc<Value>>,
    name: String,
    namespace: String,
    project: Option<String>,
    spec: Fields<'a>,
    fields: Fields<'a>,
    origin: &'a Origin,
}

impl Manifest<'_> {
    fn id(&self) -> Reference {
        let name = self.spec.text("resourceID").unwrap_or_else(|| self.name.clone());
        let location = self.spec.first_text(&["region", "location"]);
        Reference { project: self.project.clone(), location, name }
    }

    fn kept(&self) -> Option<Kept> {
        let origin = self.origin.clone();
        Some(Kept { form: Form::Manifest, text: Arc::clone(self.text?), origin })
    }

    /// Resolves a reference to an object of `kind`.
    fn reference(&self, at: Fields<'_>, kind: &str, names: &Inventory) -> Option<Reference> {
        if let Some(external) = at.text("external").filter(|text| !text.is_empty()) {
            return Some(Reference::parse(&external).or_project(self.project.as_deref()));
        }
        let name = at.text("name").filter(|text| !text.is_empty())?;
        let namespace = at.text("namespace").unwrap_or_else(|| self.namespace.clone());
        let project = names.project_of_object(kind, &namespace, &name);
        let is_own = namespace == self.namespace;
        let key = (kind.to_owned(), namespace, name);
        let alias = names.aliases.get(&key);
        // An object of another namespace that was not given may be in any project.
        let project =
            project.or_else(|| self.project.clone().filter(|_| is_own || alias.is_some()));
        let resource = alias.map_or(key.2.as_str(), |alias| alias.resource.as_str());
        Some(Reference::new(project.as_deref(), resource))
    }

    /// The e-mail addresses of accounts; `None` where one of them is not known.
    fn accounts(&self, keys: &[&str]) -> Option<BTreeSet<String>> {
        keys.iter().flat_map(|key| self.spec.list(key)).map(|at| self.account(at)).collect()
    }

    /// What tells objects of one name apart: Config Connector's namespaces are projects.
    fn project_or_namespace(&self) -> Option<String> {
        let namespace = Some(self.namespace.clone()).filter(|namespace| !namespace.is_empty());
        self.project.clone().or(namespace)
    }

    /// The region of a regional object.
    fn region(&self) -> Option<String> {
        self.id().location.filter(|location| location != "global")
    }

    /// The e-mail address of an account; `None` where only an object of no known project is named.
    fn account(&self, at: Fields<'_>) -> Option<String> {
        let text = match at.0.as_str() {
            Some(text) => text.to_owned(),
            None => at.first_text(&["external", "name"])?,
        };
        let last = text.rsplit('/').next().unwrap_or(&text);
        if last.contains('@') {
            return Some(last.to_owned());
        }
        let project = self.project.as_deref()?;
        Some(format!("{last}@{project}.iam.gserviceaccount.com"))
    }

    fn network(&self, names: &Inventory) -> Option<Reference> {
        self.reference(self.spec.at("networkRef"), "ComputeNetwork", names)
    }
}

/// Reads one manifest into the inventory; `text` is what is kept of it, where it is all of it.
pub fn read(item: &Item, text: Option<&Arc<Value>>, into: &mut Inventory) -> Read {
    let fields = Fields(&item.value);
    let kind = fields.text_or_empty("kind");
    let meta = fields.at("metadata");
    let Some(name) = meta.text("name").filter(|name| !name.is_empty()) else {
        return Read::Bad("it lacks metadata.name");
    };
    let namespace = meta.text_or_empty("namespace");
    let manifest = Manifest {
        text,
        project: annotated_project(meta)
            .or_else(|| into.project_of_object(&kind, &namespace, &name)),
        namespace,
        spec: fields.at("spec"),
        name,
        fields,
        origin: &item.origin,
    };
    let read = match kind.as_str() {
        "ComputeFirewall" => firewall(&manifest, into),
        "ComputeNetwork" => network(&manifest, into),
        "ComputeSubnetwork" => subnetwork(&manifest, into),
        "ComputeRoute" => route(&manifest, into),
        "ComputeRouter" => router(&manifest, into),
        "ComputeRouterPeer" => {
            let router = manifest.reference(manifest.spec.at("routerRef"), "ComputeRouter", into);
            router.map(|router| into.learned.by.push(router))
        }
        "ComputeNetworkPeering" => {
            let peer =
                manifest.reference(manifest.spec.at("peerNetworkRef"), "ComputeNetwork", into);
            let both = manifest.network(into).zip(peer);
            both.map(|both| into.peerings.push(both))
        }
        "ComputeRouterNAT" => nat(&manifest, into),
        "ContainerCluster" => cluster(&manifest, into),
        "ContainerNodePool" => node_pool(&manifest, into),
        "DNSManagedZone" => dns::zone(&manifest, into),
        "DNSRecordSet" => dns::record_set(&manifest, into),
        "DNSResponsePolicy" => dns::response_policy(&manifest, into),
        "DNSResponsePolicyRule" => dns::response_rule(&manifest, into),
        "DNSPolicy" => dns::dns_policy(&manifest, into),
        "ComputeSecurityPolicy" => {
            let name = manifest.id().name;
            let policy = balancers::security_policy(&name, manifest.spec, "rule", manifest.origin);
            into.balancers.security_policies.push(policy);
            Some(())
        }
        "ComputeFirewallPolicy" => policy(&manifest, PolicyKind::Hierarchical, into),
        "ComputeFirewallPolicyRule" => {
            policy_rule(&manifest, PolicyKind::Hierarchical, "ComputeFirewallPolicy", into)
        }
        "ComputeFirewallPolicyAssociation" => association(&manifest, "ComputeFirewallPolicy", into),
        "ComputeNetworkFirewallPolicy" => policy(&manifest, PolicyKind::GlobalNetwork, into),
        "ComputeNetworkFirewallPolicyRule" => {
            policy_rule(&manifest, PolicyKind::GlobalNetwork, "ComputeNetworkFirewallPolicy", into)
        }
        "ComputeNetworkFirewallPolicyAssociation" => {
            association(&manifest, "ComputeNetworkFirewallPolicy", into)
        }
        _ => {
            *into.unused.entry(kind).or_default() += 1;
            return Read::Unused;
        }
    };
    match read {
        Some(()) => Read::Used(MANIFESTS),
        None => {
            into.lists.partial.extend(listed(&kind));
            Read::Bad("it lacks its reference, its range or its name")
        }
    }
}

/// What objects of a kind are listed with: where one is lost it may be what is looked for.
fn listed(kind: &str) -> Option<Listed> {
    Some(match kind {
        "ComputeRoute" => Listed::Routes,
        "ComputeRouter" | "ComputeRouterNAT" => Listed::Routers,
        "DNSManagedZone" => Listed::Zones,
        "DNSRecordSet" => Listed::Records,
        _ => return None,
    })
}

fn firewall(manifest: &Manifest<'_>, into: &mut Inventory) -> Option<()> {
    let network = manifest.network(into).unwrap_or_default();
    let id = manifest.id();
    let spec = manifest.spec;
    let mut rule = rules::manifest_rule(&id.name, spec, network, manifest.origin);
    // What every manifest of a rule says is missing: it is cut, and whatever else is not there may
    // have been cut off, too.
    if !spec.has("networkRef") || !spec.has("allow") && !spec.has("deny") {
        rule.either_direction |= !spec.has("direction");
        if !spec.has("priority") {
            rule.priority = 0;
        }
    }
    let sources = manifest.accounts(&["sourceServiceAccounts"]);
    let targets = manifest.accounts(&["targetServiceAccounts"]);
    for (key, accounts) in
        [("sourceServiceAccounts", &sources), ("targetServiceAccounts", &targets)]
    {
        if accounts.is_none() {
            rule.unmodelled.push(key.to_owned());
        }
    }
    rule.source_identity.service_accounts = sources.unwrap_or_default();
    rule.targets.service_accounts = targets.unwrap_or_default();
    let at = spec.at("networkRef");
    rule.manifest = Some(Box::new(ManifestObject {
        is_exported: false,
        name: manifest.name.clone(),
        namespace: manifest.namespace.clone(),
        project: manifest.project.clone(),
        network: match at.text("external").filter(|text| !text.is_empty()) {
            Some(external) => NetworkReference::External(external),
            None => NetworkReference::Object(at.text_or_empty("name"), at.text("namespace")),
        },
        text: manifest.text.cloned(),
        origin: manifest.origin.clone(),
    }));
    into.firewall_rules.push(rule);
    Some(())
}

fn policy_rule(
    manifest: &Manifest<'_>,
    kind: PolicyKind,
    of: &str,
    into: &mut Inventory,
) -> Option<()> {
    let spec = manifest.spec;
    let policy = manifest.reference(spec.at("firewallPolicyRef"), of, into)?;
    let mut names = ManifestNames { resource: manifest.id().name, ..ManifestNames::default() };
    let accounts = manifest.accounts(&["targetServiceAccounts", "targetServiceAccountRefs"]);
    names.unknown_accounts = accounts.is_none();
    names.accounts = accounts.unwrap_or_default();
    names.project = manifest.project_or_namespace();
    names.region = manifest.region();
    for at in spec.list("targetResources") {
        names.networks.extend(manifest.reference(at, "ComputeNetwork", into));
    }
    let kind = kind_of(manifest, kind);
    into.policies.push(policies::manifest_rule(spec, kind, &policy.name, &names, manifest.origin));
    Some(())
}

/// A network's policy that says where it is is that region's.
fn kind_of(manifest: &Manifest<'_>, kind: PolicyKind) -> PolicyKind {
    match (kind, manifest.region()) {
        (PolicyKind::GlobalNetwork, Some(_)) => PolicyKind::RegionalNetwork,
        (kind, _) => kind,
    }
}

fn policy(manifest: &Manifest<'_>, kind: PolicyKind, into: &mut Inventory) -> Option<()> {
    let kind = kind_of(manifest, kind);
    into.policies.push(FirewallPolicy {
        name: manifest.id().name,
        short_name: manifest.spec.text("shortName"),
        kind,
        network: None,
        attached: false,
        effective: false,
        unread: false,
        project: manifest.project_or_namespace().filter(|_| kind != PolicyKind::Hierarchical),
        attachments: Vec::new(),
        region: manifest.region(),
        order: 0,
        rules: Vec::new(),
        origin: manifest.origin.clone(),
    });
    Some(())
}

fn association(manifest: &Manifest<'_>, of: &str, into: &mut Inventory) -> Option<()> {
    let spec = manifest.spec;
    let policy = manifest.reference(spec.at("firewallPolicyRef"), of, into)?;
    let at = spec.at("attachmentTargetRef");
    let to = match at.text("external").filter(|text| !text.is_empty()) {
        Some(external) => policies::attachment(&external),
        None if at.text("kind").as_deref() == Some("Folder") => {
            Attachment::Folder(manifest.reference(at, "Folder", into)?.name)
        }
        None => Attachment::Network(manifest.reference(at, "ComputeNetwork", into)?),
    };
    let origin = manifest.origin.clone();
    let region = manifest.region();
    let (policy, project) = (policy.name, manifest.project_or_namespace());
    into.associations.push(Association { policy, to, project, region, priority: None, origin });
    Some(())
}

fn network(manifest: &Manifest<'_>, into: &mut Inventory) -> Option<()> {
    into.networks.push(Network {
        provider: Provider::Google,
        id: manifest.id(),
        policies_first: policies::policies_first(manifest.spec, false),
        is_disputed: false,
        peering_names: None,
        default_route: Some(manifest.spec.flag("deleteDefaultRoutesOnCreate") != Some(true)),
        origin: manifest.origin.clone(),
    });
    Some(())
}

fn subnetwork(manifest: &Manifest<'_>, into: &mut Inventory) -> Option<()> {
    let spec = manifest.spec;
    into.subnetworks.push(Subnetwork {
        id: manifest.id(),
        network: manifest.network(into)?,
        primary: spec.range("ipCidrRange"),
        secondary: spec
            .list("secondaryIpRange")
            .filter_map(|range| Some((range.text("rangeName")?, range.range("ipCidrRange")?)))
            .collect(),
        // A manifest that does not say it means off.
        private_google_access: Some(spec.flag("privateIpGoogleAccess") == Some(true)),
        purpose: spec.text("purpose"),
        v6: Vec::new(),
        kept: manifest.kept(),
        origin: manifest.origin.clone(),
    });
    Some(())
}

fn route(manifest: &Manifest<'_>, into: &mut Inventory) -> Option<()> {
    let spec = manifest.spec;
    let by_reference = ["nextHopInstanceRef", "nextHopILBRef", "nextHopVPNTunnelRef"];
    let referred = by_reference.iter().find_map(|key| {
        let at = spec.at(key);
        at.first_text(&["external", "name"]).map(|name| {
            if *key == "nextHopVPNTunnelRef" { format!("/vpnTunnels/{name}") } else { name }
        })
    });
    into.routes.push(Route {
        id: manifest.id(),
        network: manifest.network(into)?,
        destination: spec.range("destRange")?,
        priority: spec.number("priority").and_then(|n| u32::try_from(n).ok()).unwrap_or(1000),
        next_hop: spec
            .first_text(&["nextHopGateway", "nextHopIp"])
            .or(referred)
            .unwrap_or_default(),
        by_peering: false,
        tags: spec.texts("tags"),
        is_written: true,
        down: None,
        kept: manifest.kept(),
        origin: manifest.origin.clone(),
    });
    Some(())
}

fn router(manifest: &Manifest<'_>, into: &mut Inventory) -> Option<()> {
    let network = manifest.network(into)?;
    into.routers.push((manifest.id(), network, manifest.origin.clone()));
    Some(())
}

fn nat(manifest: &Manifest<'_>, into: &mut Inventory) -> Option<()> {
    let spec = manifest.spec;
    let id = manifest.id();
    let subnetworks: Vec<NatSubnetwork> = spec
        .list("subnetwork")
        .filter_map(|one| {
            let id = manifest.reference(one.at("subnetworkRef"), "ComputeSubnetwork", into)?;
            Some(NatSubnetwork {
                id,
                ranges: one.texts("sourceIpRangesToNat"),
                secondary: one.texts("secondaryIpRangeNames"),
            })
        })
        .collect();
    let is_cut = subnetworks.len() < spec.list("subnetwork").count();
    let ranges = spec.text_or_empty("sourceSubnetworkIpRangesToNat");
    into.nats.push(Nat {
        router: manifest.reference(spec.at("routerRef"), "ComputeRouter", into)?,
        network: None,
        region: spec.text("region"),
        // Which ones, nobody knows then.
        ranges: if is_cut { String::new() } else { ranges },
        subnetworks,
        addresses: Vec::new(),
        kept: manifest.kept(),
        origin: manifest.origin.clone(),
        name: id.name,
    });
    Some(())
}

fn cluster(manifest: &Manifest<'_>, into: &mut Inventory) -> Option<()> {
    let spec = manifest.spec;
    let status = manifest.fields.at("status");
    let allocation = spec.at("ipAllocationPolicy");
    let private = spec.at("privateClusterConfig");
    let observed = status.at("observedState").at("privateClusterConfig");
    let address =
        |key: &str| [private, observed].iter().find_map(|from| parse_address(&from.text(key)?));
    let subnetwork = manifest.reference(spec.at("subnetworkRef"), "ComputeSubnetwork", into);
    let ranges = |texts: [Option<String>; 2]| {
        let mut list: Vec<_> = texts.iter().flatten().filter_map(|text| parse_cidr(text)).collect();
        list.sort();
        list.dedup();
        list
    };
    let pool = NodePool {
        name: "default-pool".to_owned(),
        tags: spec.at("nodeConfig").texts("tags"),
        complete: true,
        service_account: account(spec.at("nodeConfig")),
        origin: manifest.origin.clone(),
        ..NodePool::default()
    };
    let removed = meta_directive(manifest.fields, "remove-default-node-pool");
    into.clusters.push(Cluster {
        provider: Provider::Google,
        hash: None,
        network: manifest.network(into),
        subnetwork,
        more_subnetworks: Vec::new(),
        pod_ranges: ranges([spec.text("clusterIpv4Cidr"), allocation.text("clusterIpv4CidrBlock")]),
        pod_range_names: {
            let more = allocation.at("additionalPodRangesConfig").texts("podRangeNames");
            allocation.text("clusterSecondaryRangeName").into_iter().chain(more).collect()
        },
        service_ranges: ranges([
            allocation.text("servicesIpv4CidrBlock"),
            status.text("servicesIpv4Cidr"),
        ]),
        service_range_names: Vec::from_iter(allocation.text("servicesSecondaryRangeName")),
        control_plane_range: private.range("masterIpv4CidrBlock"),
        peering: None,
        link: if private.first_text(&["peeringName"]).is_some() {
            Some(ControlPlaneLink::Peering)
        } else if private.has("privateEndpointSubnetworkRef") {
            Some(ControlPlaneLink::PrivateServiceConnect)
        } else {
            None
        },
        heard: false,
        subsetting: manifest.spec.flag("enableL4IlbSubsetting"),
        dual_stack: allocation.text("stackType").is_some_and(|stack| stack == "IPV4_IPV6"),
        is_autopilot: spec.flag("enableAutopilot") == Some(true),
        keeps_pod_addresses: spec.at("defaultSnatStatus").flag("disabled") == Some(true),
        is_planned: false,
        serves_no_ingresses: spec.at("addonsConfig").at("httpLoadBalancing").flag("disabled")
            == Some(true),
        private_nodes: private.flag("enablePrivateNodes") == Some(true),
        state: state(manifest),
        private_endpoint: address("privateEndpoint"),
        public_endpoint: address("publicEndpoint"),
        node_pools: if removed || !spec.has("nodeConfig") { Vec::new() } else { vec![pool] },
        origin: manifest.origin.clone(),
        id: manifest.id(),
    });
    Some(())
}

/// What Config Connector's Ready condition says; `UpToDate` is no news.
fn state(manifest: &Manifest<'_>) -> State {
    let conditions = manifest.fields.at("status").list("conditions");
    let told = conditions.filter_map(|one| {
        let reason = one.text("reason").filter(|reason| reason != "UpToDate")?;
        Some(format!("{reason}: {}", one.text_or_empty("message")))
    });
    State { status: String::new(), messages: told.collect() }
}

fn meta_directive(fields: Fields<'_>, name: &str) -> bool {
    let annotations = fields.at("metadata").at("annotations");
    annotations.flag(&format!("cnrm.cloud.google.com/{name}")) == Some(true)
}

fn account(config: Fields<'_>) -> Option<String> {
    let at = config.at("serviceAccountRef");
    // Only an e-mail address is an account; an object's name has to be looked up elsewhere.
    at.first_text(&["external", "name"]).filter(|text| text.contains('@'))
}

fn node_pool(manifest: &Manifest<'_>, into: &mut Inventory) -> Option<()> {
    let spec = manifest.spec;
    let network = spec.at("networkConfig");
    into.node_pools.push(NodePool {
        state: state(manifest),
        name: manifest.id().name,
        cluster: Some(manifest.reference(spec.at("clusterRef"), "ContainerCluster", into)?),
        tags: spec.at("nodeConfig").texts("tags"),
        complete: true,
        service_account: account(spec.at("nodeConfig")),
        pod_range: network.range("podIpv4CidrBlock"),
        pod_range_name: network.text("podRange"),
        origin: manifest.origin.clone(),
    });
    Some(())
}
