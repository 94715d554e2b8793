//! Resources as gcloud and the REST APIs describe them: one typed reader a kind, and the
//! recognition of kinds by `kind`, by the container they came in, or by their shape, since clusters
//! and trimmed exports carry no `kind`.

use crate::ingest::document::{EFFECTIVE_POLICY, Item};
use crate::ingest::fields::Fields;
use crate::ingest::terraform_resources::{LONELY_NAT, RESOURCE};
use crate::ingest::{
    Read, balancers, dns, exported, kept, operations, policies, routers, routes, rules,
};
use crate::model::cluster::{ControlPlaneLink, Interface, Provider, State};
use crate::model::inventory::Frontend;
use crate::model::listed::Listed;
use crate::model::managed::cluster_of_node_tag;
use crate::model::{
    Association, Attachment, Cluster, Instance, Inventory, Network, NodePool, Origin, Reference,
    Subnetwork,
};
use crate::net::{parse_address, parse_cidr};

/// Reads one item into the inventory.
pub fn read(item: &Item, into: &mut Inventory) -> Read {
    let fields = Fields(&item.value);
    let kind = fields.text("kind").or_else(|| item.hint.clone()).unwrap_or_default();
    let origin = &item.origin;
    let Some(shape) = shape_of(&kind, fields) else {
        let Some(kind) = known_kind(&kind, fields) else { return Read::Unrecognised };
        *into.unused.entry(kind).or_default() += 1;
        return Read::Unused;
    };
    let read = match shape {
        "gcloud-effective-firewalls"
        | "gcloud-firewall-policies"
        | "gcloud-firewall-policy-rules"
        | "gcloud-firewall-policy-associations"
        | "gcloud-address-groups" => policies::of_shape(shape, fields, origin, into),
        "effective-firewalls-table" => {
            return Read::Bad("effective firewalls as a table lack ports: use --format=json");
        }
        "gcloud-firewalls" => {
            rules::rest_rule(fields, origin).map(|rule| into.firewall_rules.push(rule))
        }
        "gcloud-networks" => network(fields, origin, into),
        "gcloud-subnetworks" => {
            subnetwork(fields, origin).map(|found| into.subnetworks.push(found))
        }
        "gcloud-routes" => routes::route(fields, origin).map(|found| into.routes.push(found)),
        "gcloud-policy-based-routes" => {
            routes::policy_route(fields, origin).map(|found| into.policy_routes.push(found))
        }
        "gcloud-routers" => routers::router(fields, origin, into),
        "gcloud-router-status" => routes::learned(fields, origin, into),
        "terraform-router-nats" => routers::lonely_nat(fields, origin, into),
        "gcloud-clusters" => cluster(fields, origin).map(|found| into.clusters.push(found)),
        "gcloud-node-pools" => node_pool(fields, origin).map(|found| into.node_pools.push(found)),
        "gcloud-instances" => {
            instance(fields, fields, origin, false).map(|found| into.instances.push(found))
        }
        "gcloud-instance-templates" => instance(fields, fields.at("properties"), origin, true)
            .map(|found| into.instances.push(found)),
        "gcloud-dns-zones" => dns::zone(fields, origin).map(|found| into.zones.push(found)),
        "gcloud-dns-records" => dns::record_set(fields, origin, into),
        "gcloud-response-policies" => {
            dns::response_policy(fields, origin).map(|found| into.response_policies.push(found))
        }
        "gcloud-response-policy-rules" => {
            dns::response_rule(fields, origin).map(|found| into.response_rules.push(found))
        }
        "gcloud-dns-policies" => {
            into.name_servers.extend(dns::name_servers(fields, origin));
            Some(())
        }
        "gcloud-forwarding-rules" => {
            frontend(fields, origin).map(|found| into.frontends.push(found))
        }
        "gcloud-backend-services" => balancers::backend_service(fields, origin, into),
        "gcloud-operations" => operations::operation(fields, origin, into),
        "gcloud-health-checks" => balancers::health_check(fields, origin, into),
        "gcloud-security-policies" => fields.text("name").map(|name| {
            let policy = balancers::security_policy(&name, fields, "rules", origin);
            into.balancers.security_policies.push(policy);
        }),
        "gcloud-instance-groups" => balancers::group(fields, false, origin, into),
        "gcloud-network-endpoint-groups" => balancers::group(fields, true, origin, into),
        _ => None,
    };
    if read.is_none() {
        into.lists.partial.extend(listed(shape));
    }
    match read {
        Some(()) if shape == "gcloud-effective-firewalls" && !fields.has("policy") => Read::Noted,
        Some(()) => Read::Used(shape),
        None => Read::Bad("it lacks its name, its network or its range"),
    }
}

/// What a list is of that has items of a shape: where one is lost it may be what is looked for.
pub(super) fn listed(shape: &str) -> Option<Listed> {
    Some(match shape {
        "gcloud-routes" => Listed::Routes,
        "gcloud-policy-based-routes" => Listed::PolicyRoutes,
        "gcloud-routers" | "terraform-router-nats" => Listed::Routers,
        "gcloud-dns-zones" => Listed::Zones,
        "gcloud-dns-records" => Listed::Records,
        _ => return None,
    })
}

/// What an item is that is known and not used.
fn known_kind(kind: &str, fields: Fields<'_>) -> Option<String> {
    if kind.contains('#') {
        return Some(kind.to_owned());
    }
    let has = |keys: &[&str]| keys.iter().all(|key| fields.has(key));
    let name = if has(&["schema", "findings", "log"]) {
        "answer of vpcwhy"
    } else if kind.is_empty() {
        return None;
    } else {
        kind
    };
    Some(name.to_owned())
}

/// The kind of input an item is, by its `kind`, else by what it holds.
fn shape_of(kind: &str, fields: Fields<'_>) -> Option<&'static str> {
    let named = match kind {
        "compute#firewall" => "gcloud-firewalls",
        "compute#network" => "gcloud-networks",
        "compute#subnetwork" | "subnetworks" => "gcloud-subnetworks",
        "compute#route" => "gcloud-routes",
        "networkconnectivity#policyBasedRoute" | "policyBasedRoutes" => {
            "gcloud-policy-based-routes"
        }
        "compute#router" | "routers" => "gcloud-routers",
        LONELY_NAT => "terraform-router-nats",
        "compute#routerStatusResponse" => "gcloud-router-status",
        "compute#instance" | "instances" => "gcloud-instances",
        "compute#instanceTemplate" | "instanceTemplates" => "gcloud-instance-templates",
        "compute#forwardingRule" | "forwardingRules" => "gcloud-forwarding-rules",
        "compute#firewallPolicy" => "gcloud-firewall-policies",
        "compute#firewallPolicyRule" => "gcloud-firewall-policy-rules",
        "compute#securityPolicy" | "securityPolicies" => "gcloud-security-policies",
        "compute#backendService" | "backendServices" | "compute#targetPool" => {
            "gcloud-backend-services"
        }
        "compute#healthCheck"
        | "healthChecks"
        | "compute#httpHealthCheck"
        | "compute#httpsHealthCheck" => "gcloud-health-checks",
        "compute#instanceGroup" | "compute#instanceGroupManager" | "instanceGroups" => {
            "gcloud-instance-groups"
        }
        "compute#networkEndpointGroup" | "networkEndpointGroups" => {
            "gcloud-network-endpoint-groups"
        }
        "dns#managedZone" | "managedZones" => "gcloud-dns-zones",
        "dns#resourceRecordSet" | "rrsets" => "gcloud-dns-records",
        "dns#responsePolicy" | "responsePolicies" => "gcloud-response-policies",
        "dns#responsePolicyRule" | "responsePolicyRules" => "gcloud-response-policy-rules",
        "dns#policy" | "dns.googleapis.com/Policy" => "gcloud-dns-policies",
        EFFECTIVE_POLICY => "gcloud-effective-firewalls",
        "clusters" => "gcloud-clusters",
        "nodePools" => "gcloud-node-pools",
        "operations" => "gcloud-operations",
        _ => "",
    };
    if !named.is_empty() {
        return Some(named);
    }
    if kind.contains('#') {
        return None;
    }
    linked(fields).or_else(|| shape(fields))
}

/// What its own link says it is.
fn linked(fields: Fields<'_>) -> Option<&'static str> {
    let link = fields.text_or_empty("selfLink");
    // A link says what it links to: `…/global/networks/n`.
    let segment = link.rsplit('/').nth(1).unwrap_or("");
    let linked = match segment {
        "firewalls" => "gcloud-firewalls",
        "networks" => "gcloud-networks",
        "subnetworks" => "gcloud-subnetworks",
        "routes" => "gcloud-routes",
        "routers" => "gcloud-routers",
        "instances" => "gcloud-instances",
        "instanceTemplates" => "gcloud-instance-templates",
        "forwardingRules" => "gcloud-forwarding-rules",
        "firewallPolicies" => "gcloud-firewall-policies",
        "backendServices" | "targetPools" => "gcloud-backend-services",
        "healthChecks" | "httpHealthChecks" | "httpsHealthChecks" => "gcloud-health-checks",
        "instanceGroups" => "gcloud-instance-groups",
        "networkEndpointGroups" => "gcloud-network-endpoint-groups",
        "securityPolicies" => "gcloud-security-policies",
        _ => "",
    };
    (!linked.is_empty()).then_some(linked)
}

/// The kind by the fields that only it has.
fn shape(fields: Fields<'_>) -> Option<&'static str> {
    let has = |keys: &[&str]| keys.iter().all(|key| fields.has(key));
    let any = |keys: &[&str]| keys.iter().any(|key| fields.has(key));
    let link = fields.text_or_empty("selfLink");
    let name = fields.text_or_empty("name");
    let shape = if has(&["operationType", "status"]) {
        "gcloud-operations"
    } else if name.contains("/addressGroups/") {
        "gcloud-address-groups"
    } else if has(&["name", "rules"]) && fields.list("rules").any(is_policy_rule) {
        "gcloud-firewall-policies"
    } else if is_policy_rule(fields) {
        "gcloud-firewall-policy-rules"
    } else if has(&["attachmentTarget"]) {
        "gcloud-firewall-policy-associations"
    } else if has(&["rule_type", "ip_ranges"]) {
        "effective-firewalls-table"
    } else if has(&["name", "network"]) && any(&["allowed", "denied"]) {
        "gcloud-firewalls"
    } else if link.contains("/nodePools/") || has(&["name", "config", "instanceGroupUrls"]) {
        "gcloud-node-pools"
    } else if link.contains("/clusters/")
        || has(&["name", "ipAllocationPolicy"])
        || has(&["name", "privateClusterConfig"])
        || has(&["name", "currentMasterVersion"])
        || has(&["name", "clusterIpv4Cidr"])
    {
        "gcloud-clusters"
    } else if has(&["name", "ipCidrRange", "network"]) {
        "gcloud-subnetworks"
    } else if has(&["filter", "network"]) && any(&["nextHopIlbIp", "nextHopOtherRoutes"]) {
        "gcloud-policy-based-routes"
    } else if has(&["destRange", "network"]) {
        "gcloud-routes"
    } else if has(&["name", "nats"]) {
        "gcloud-routers"
    } else if has(&["dnsName", "visibility"]) {
        "gcloud-dns-zones"
    } else if has(&["rrdatas", "type"]) {
        "gcloud-dns-records"
    } else if has(&["ruleName", "dnsName"]) {
        "gcloud-response-policy-rules"
    } else if has(&["responsePolicyName"]) {
        "gcloud-response-policies"
    } else if has(&["properties", "name"]) && fields.at("properties").has("networkInterfaces") {
        "gcloud-instance-templates"
    } else if has(&["name", "networkInterfaces"]) {
        "gcloud-instances"
    } else if has(&["name", "autoCreateSubnetworks"]) || has(&["name", "routingConfig"]) {
        "gcloud-networks"
    } else {
        return None;
    };
    Some(shape)
}

/// Whether it says what a rule of a policy says.
fn is_policy_rule(fields: Fields<'_>) -> bool {
    ["match", "action", "direction", "priority"].iter().all(|key| fields.has(key))
        && fields.at("match").has("layer4Configs")
}

fn network(fields: Fields<'_>, origin: &Origin, into: &mut Inventory) -> Option<()> {
    let id = Reference { location: None, ..fields.own_reference()? };
    // It names the global policy that is attached to it.
    into.associations.extend(fields.reference("firewallPolicy").map(|policy| Association {
        policy: policy.name,
        to: Attachment::Network(id.clone()),
        project: policy.project,
        region: None,
        priority: None,
        origin: origin.clone(),
    }));
    let network = Network {
        provider: Provider::Google,
        id,
        policies_first: policies::policies_first(fields, exported::is_exported_network(fields)),
        is_disputed: false,
        peering_names: (fields.has("peerings") || exported::is_whole_network(fields))
            .then(|| fields.list("peerings").filter_map(|peering| peering.text("name")).collect()),
        // Only Terraform says it.
        default_route: fields.flag("deleteDefaultRoutesOnCreate").map(|deleted| !deleted),
        origin: origin.clone(),
    };
    let peers = fields.list("peerings").filter_map(|peering| peering.reference("network"));
    into.peerings.extend(peers.map(|peer| (network.id.clone(), peer)));
    into.networks.push(network);
    Some(())
}

fn subnetwork(fields: Fields<'_>, origin: &Origin) -> Option<Subnetwork> {
    let id = fields.own_reference()?;
    let network = fields.reference("network")?.or_project(id.project.as_deref());
    Some(Subnetwork {
        network,
        primary: fields.range("ipCidrRange"),
        secondary: fields
            .list("secondaryIpRanges")
            .filter_map(|range| Some((range.text("rangeName")?, range.range("ipCidrRange")?)))
            .collect(),
        private_google_access: fields.flag("privateIpGoogleAccess"),
        purpose: fields.text("purpose"),
        v6: ["ipv6CidrRange", "externalIpv6Prefix", "internalIpv6Prefix"]
            .iter()
            .filter_map(|key| fields.range(key))
            .collect(),
        kept: kept::exported(fields, origin),
        origin: origin.clone(),
        id,
    })
}

/// Subnetworks that were attached to a cluster later (`AdditionalIPRangesConfig`); Terraform calls
/// the list by the name of one.
fn more_subnetworks(
    allocation: Fields<'_>,
    project: Option<&str>,
) -> Vec<(Reference, Vec<String>)> {
    let keys = ["additionalIpRangesConfigs", "additionalIpRangesConfig"];
    let all = keys.iter().flat_map(|key| allocation.list(key));
    let one = |one: Fields<'_>| {
        let id = one.reference("subnetwork")?.or_project(project);
        Some((id, one.texts("podIpv4RangeNames")))
    };
    all.filter_map(one).collect()
}

fn cluster(fields: Fields<'_>, origin: &Origin) -> Option<Cluster> {
    let id = fields.own_reference()?;
    let project = id.project.as_deref();
    let allocation = fields.at("ipAllocationPolicy");
    let private = fields.at("privateClusterConfig");
    let endpoints = fields.at("controlPlaneEndpointsConfig").at("ipEndpointsConfig");
    let config = fields.at("networkConfig");
    // `network` alone does not say whose it is; GKE's own rules may.
    let own = |from: Fields<'_>, key: &str| from.reference(key);
    let ranges = |from: Fields<'_>, keys: &[&str]| {
        let mut ranges: Vec<_> = keys.iter().filter_map(|key| from.range(key)).collect();
        ranges.sort();
        ranges.dedup();
        ranges
    };
    let mut pod_ranges = ranges(fields, &["clusterIpv4Cidr"]);
    pod_ranges.extend(ranges(allocation, &["clusterIpv4CidrBlock", "clusterIpv4Cidr"]));
    let mut service_ranges = ranges(fields, &["servicesIpv4Cidr"]);
    service_ranges.extend(ranges(allocation, &["servicesIpv4CidrBlock", "servicesIpv4Cidr"]));
    let mut pod_range_names = Vec::from_iter(allocation.text("clusterSecondaryRangeName"));
    pod_range_names.extend(allocation.at("additionalPodRangesConfig").texts("podRangeNames"));
    let address = |from: Fields<'_>, key: &str| parse_address(&from.text(key)?);
    let private_endpoint =
        address(private, "privateEndpoint").or_else(|| address(endpoints, "privateEndpoint"));
    let public_endpoint =
        address(private, "publicEndpoint").or_else(|| address(endpoints, "publicEndpoint"));
    let endpoint = address(fields, "endpoint").filter(|one| Some(*one) != private_endpoint);
    Some(Cluster {
        provider: Provider::Google,
        hash: fields
            .text("id")
            .filter(|id| id.len() >= 8 && id.bytes().all(|b| b.is_ascii_hexdigit())),
        network: own(config, "network").or_else(|| own(fields, "network")),
        subnetwork: own(config, "subnetwork").or_else(|| own(fields, "subnetwork")),
        more_subnetworks: more_subnetworks(allocation, project),
        pod_ranges: dedup(pod_ranges),
        pod_range_names,
        service_ranges: dedup(service_ranges),
        service_range_names: Vec::from_iter(allocation.text("servicesSecondaryRangeName")),
        control_plane_range: private.range("masterIpv4CidrBlock"),
        // Some exporters write it empty where there is none.
        peering: private
            .text("peeringName")
            .filter(|name| !name.is_empty() && !has_psc(private) && !has_psc(endpoints)),
        link: if private.first_text(&["peeringName"]).is_some() {
            Some(ControlPlaneLink::Peering)
        } else if has_psc(private) || has_psc(endpoints) {
            Some(ControlPlaneLink::PrivateServiceConnect)
        } else {
            None
        },
        heard: false,
        dual_stack: allocation.text("stackType").is_some_and(|stack| stack == "IPV4_IPV6"),
        is_autopilot: is_autopilot(fields),
        // The API leaves out what is false.
        subsetting: fields
            .has("networkConfig")
            .then(|| fields.at("networkConfig").flag("enableL4ilbSubsetting") == Some(true)),
        is_planned: fields.at(RESOURCE).flag("created") == Some(true),
        serves_no_ingresses: fields.at("addonsConfig").at("httpLoadBalancing").flag("disabled")
            == Some(true),
        private_nodes: private.flag("enablePrivateNodes") == Some(true)
            || config.flag("defaultEnablePrivateNodes") == Some(true)
            || all_pools_are_private(fields),
        keeps_pod_addresses: config.at("defaultSnatStatus").flag("disabled") == Some(true),
        state: state(fields),
        private_endpoint,
        public_endpoint: public_endpoint.or(endpoint),
        node_pools: node_pools(fields, origin),
        origin: origin.clone(),
        id,
    })
}

fn is_autopilot(cluster: Fields<'_>) -> bool {
    cluster.at("autopilot").flag("enabled") == Some(true)
}

/// The pools of a cluster. What Autopilot makes has the tags that the cluster names
/// (<https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters#nodepoolautoconfig>).
fn node_pools(cluster: Fields<'_>, origin: &Origin) -> Vec<NodePool> {
    let mut pools: Vec<NodePool> =
        cluster.list("nodePools").filter_map(|pool| node_pool(pool, origin)).collect();
    let automatic = cluster.at("nodePoolAutoConfig").at("networkTags").texts("tags");
    if !is_autopilot(cluster) || automatic.is_empty() {
        return pools;
    }
    if pools.is_empty() {
        let own = NodePool { complete: true, origin: origin.clone(), ..NodePool::default() };
        pools.push(own);
    }
    for pool in &mut pools {
        pool.tags.extend(automatic.iter().cloned());
        pool.tags.sort();
        pool.tags.dedup();
    }
    pools
}

/// Each pool may have private nodes by itself (`NodePool.networkConfig.enablePrivateNodes`).
fn all_pools_are_private(cluster: Fields<'_>) -> bool {
    let is_private =
        |pool: Fields<'_>| pool.at("networkConfig").flag("enablePrivateNodes") == Some(true);
    let mut pools = cluster.list("nodePools").peekable();
    pools.peek().is_some() && pools.all(is_private)
}

/// A subnetwork for the private endpoint is there only where Private Service Connect joins it.
fn has_psc(fields: Fields<'_>) -> bool {
    fields.text("privateEndpointSubnetwork").is_some_and(|text| !text.is_empty())
}

/// What it says of itself.
fn state(fields: Fields<'_>) -> State {
    let mut messages = Vec::from_iter(fields.text("statusMessage"));
    messages.extend(fields.list("conditions").filter_map(|one| {
        let code = one.first_text(&["canonicalCode", "code"]).unwrap_or_default();
        Some(format!("{code}: {}", one.text("message")?))
    }));
    messages.retain(|message| !message.is_empty());
    State { status: fields.text_or_empty("status"), messages }
}

fn dedup<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list.dedup();
    list
}

fn node_pool(fields: Fields<'_>, origin: &Origin) -> Option<NodePool> {
    let config = fields.at("config");
    let network = fields.at("networkConfig");
    let link = fields.text_or_empty("selfLink");
    let cluster = link.split_once("/nodePools/").map(|(cluster, _)| Reference::parse(cluster));
    // Terraform's pools name their cluster.
    let cluster = cluster.or_else(|| fields.reference("cluster"));
    Some(NodePool {
        name: fields.text("name")?,
        cluster,
        tags: config.names("tags"),
        // Each has a configuration: where it is missing, the export was trimmed.
        complete: fields.has("config") || fields.has("cluster"),
        service_account: config.text("serviceAccount"),
        pod_range: network.range("podIpv4CidrBlock"),
        pod_range_name: network.text("podRange"),
        state: state(fields),
        origin: origin.clone(),
    })
}

fn instance(
    fields: Fields<'_>,
    properties: Fields<'_>,
    origin: &Origin,
    template: bool,
) -> Option<Instance> {
    let id = fields.own_reference()?;
    let metadata = properties.at("metadata");
    let cluster = metadata
        .list("items")
        .find(|item| item.text("key").as_deref() == Some("cluster-name"))
        .and_then(|item| item.text("value"))
        .or_else(|| properties.at("labels").text("goog-k8s-cluster-name"))
        .or_else(|| {
            let tags = properties.at("tags").names("items");
            tags.iter().find_map(|tag| cluster_of_node_tag(tag).map(str::to_owned))
        });
    let project = id.project.clone();
    let interface = |nic: Fields<'_>| Interface {
        // In a selection of fields: its place is found when all networks are known.
        network: nic.reference("network").unwrap_or_default().or_project(project.as_deref()),
        address: nic.text("networkIP").as_deref().and_then(parse_address),
        aliases: nic.list("aliasIpRanges").filter_map(|alias| alias.range("ipCidrRange")).collect(),
        has_access: nic.list("accessConfigs").next().is_some(),
        external: nic
            .list("accessConfigs")
            .filter_map(|access| parse_address(&access.text("natIP")?))
            .collect(),
    };
    Some(Instance {
        template,
        tags: properties.at("tags").names("items"),
        // A VM without tags still has the key: where it is missing, the export was trimmed.
        complete: properties.at("tags").0.is_object()
            && properties.at("tags").strange("items") == 0,
        tells_account: tells_account(fields, properties),
        service_account: properties.list("serviceAccounts").find_map(|one| one.text("email")),
        interfaces: properties.list("networkInterfaces").map(interface).collect(),
        takes_none: takes_none(properties),
        cluster,
        origin: origin.clone(),
        id,
    })
}

/// Whether the service account of a VM is told: a whole export of one without any leaves it out.
fn tells_account(fields: Fields<'_>, properties: Fields<'_>) -> bool {
    let mut accounts = properties.list("serviceAccounts").peekable();
    match accounts.peek() {
        None => exported::is_exported(fields) || fields.has(RESOURCE),
        Some(_) => accounts.all(|one| one.text("email").is_some()),
    }
}

/// Why a VM takes no packets that are for others, as the warnings of routes call it.
fn takes_none(fields: Fields<'_>) -> Option<&'static str> {
    let stopped = ["TERMINATED", "STOPPED", "STOPPING", "SUSPENDED", "SUSPENDING"];
    if fields.text("status").is_some_and(|status| stopped.contains(&status.as_str())) {
        return Some("NEXT_HOP_NOT_RUNNING");
    }
    (fields.flag("canIpForward") == Some(false)).then_some("NEXT_HOP_CANNOT_IP_FORWARD")
}

fn frontend(fields: Fields<'_>, origin: &Origin) -> Option<Frontend> {
    let id = fields.own_reference()?;
    let bundle = fields.reference("target").map(|target| target.name).unwrap_or_default();
    Some(Frontend {
        serves_apis: matches!(bundle.as_str(), "all-apis" | "vpc-sc"),
        is_endpoint: fields.text_or_empty("target").contains("/serviceAttachments/"),
        address: parse_cidr(&fields.text("IPAddress")?)?,
        network: fields.reference("network").map(|one| one.or_project(id.project.as_deref())),
        name: id.name,
        origin: origin.clone(),
    })
}
