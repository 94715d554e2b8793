//! Everything that the inputs describe, in one place, with where each thing was read.
//!
//! What is absent here was not given, which is not the same as absent in the project.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use crate::model::cluster::{Operation, Provider};
use crate::model::listed::Lists;
use crate::model::network::Learned;
use crate::model::{
    Association, Balancers, Cluster, ConnectorObject, Drift, FirewallPolicy, FirewallRule,
    Instance, ManagedZone, NameServerPolicy, Nat, Network, NodePool, Origin, PolicyKind,
    PolicyRoute, RecordSet, Reference, ResponsePolicy, ResponseRule, Route, Subnetwork, Symptom,
    Workloads,
};
use crate::net::IpNet;

/// An address of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frontend {
    /// The forwarding rule.
    pub name: String,
    /// Its address.
    pub address: IpNet,
    /// Its network, for internal ones.
    pub network: Option<Reference>,
    /// Whether it is an endpoint for Google APIs (`target` is `all-apis` or `vpc-sc`).
    pub serves_apis: bool,
    /// Whether it is an endpoint of a service that is published elsewhere: no VM of this network is
    /// behind it.
    pub is_endpoint: bool,
    /// Where it was read.
    pub origin: Origin,
}

impl Frontend {
    /// Whether it is an endpoint of Private Service Connect for Google APIs at this address
    /// (<https://cloud.google.com/vpc/docs/about-accessing-google-apis-endpoints>).
    #[must_use]
    pub fn serves_apis_at(&self, address: IpAddr) -> bool {
        self.serves_apis && self.address.contains(&address)
    }
}

/// A group of addresses that rules of policies name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressGroup {
    /// Its path.
    pub id: String,
    /// What it holds; `None` where something in it is no range.
    pub ranges: Option<Vec<IpNet>>,
    /// Where it was read.
    pub origin: Origin,
}

/// A resource that a Terraform plan changes or takes away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// `google_compute_firewall`
    pub kind: String,
    /// Its name, and its project and region where they are said.
    pub resource: Reference,
    /// What else tells it from others of its name: the type and the zone of a record set, the
    /// type and the target of an association.
    pub within: Option<(String, Reference)>,
    /// The plan.
    pub path: Arc<str>,
}

/// The resources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Networks that are described (not only named).
    pub networks: Vec<Network>,
    /// Subnetworks.
    pub subnetworks: Vec<Subnetwork>,
    /// VPC firewall rules.
    pub firewall_rules: Vec<FirewallRule>,
    /// Firewall policies.
    pub policies: Vec<FirewallPolicy>,
    /// Where policies are attached.
    pub associations: Vec<Association>,
    /// Address groups.
    pub address_groups: Vec<AddressGroup>,
    /// Networks whose effective firewalls were given; a reference without a name stands for an
    /// answer that names none, since it holds no VPC rule.
    pub effective_networks: BTreeSet<Reference>,
    /// How many answers of effective firewalls name no network.
    pub nameless_answers: usize,
    /// Routes.
    pub routes: Vec<Route>,
    /// Policy-based routes.
    pub policy_routes: Vec<PolicyRoute>,
    /// Cloud NATs.
    pub nats: Vec<Nat>,
    /// Routers, by reference, with their network.
    pub routers: Vec<(Reference, Reference, Origin)>,
    /// What they learn.
    pub learned: Learned,
    /// Networks with those that they are peered with.
    pub peerings: Vec<(Reference, Reference)>,
    /// Clusters.
    pub clusters: Vec<Cluster>,
    /// Node pools described on their own.
    pub node_pools: Vec<NodePool>,
    /// VMs and templates.
    pub instances: Vec<Instance>,
    /// DNS zones.
    pub zones: Vec<ManagedZone>,
    /// DNS records.
    pub record_sets: Vec<RecordSet>,
    /// Response policies of DNS.
    pub response_policies: Vec<ResponsePolicy>,
    /// Their rules.
    pub response_rules: Vec<ResponseRule>,
    /// Server policies of DNS that name other name servers.
    pub name_servers: Vec<NameServerPolicy>,
    /// Addresses of load balancers.
    pub frontends: Vec<Frontend>,
    /// Load balancers, and how their backends are probed.
    pub balancers: Balancers,
    /// What runs in clusters.
    pub workloads: Workloads,
    /// Operations of GKE's.
    pub operations: Vec<Operation>,
    /// What a Terraform plan changes or takes away: exports of these are of before.
    pub planned: Vec<Planned>,
    /// Firewall rules as they were before a plan.
    pub replaced_rules: Vec<FirewallRule>,
    /// Objects of Config Connector's, whatever their kind.
    pub objects: Vec<ConnectorObject>,
    /// Where manifests and exports of one resource differ.
    pub drifts: Vec<Drift>,
    /// Errors that were pasted.
    pub symptoms: Vec<Symptom>,
    /// Whether Pachyderm's own authentication is activated, where somebody pasted what shows it.
    pub pachyderm_authentication: Option<(bool, Origin)>,
    /// What lists say of themselves.
    pub lists: Lists,
    /// Kinds that are known but not used, with how many there were.
    pub unused: BTreeMap<String, u64>,
    /// Whether network policies come before the VPC rules in networks that are not described, where
    /// the person said so.
    pub assumed_policies_first: Option<bool>,
    /// Config Connector's objects, (kind, namespace, name), and what resources they stand for.
    pub aliases: BTreeMap<(String, String, String), Alias>,
}

/// What a Config Connector object stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// The project that its annotation names.
    pub project: Option<String>,
    /// The resource's name.
    pub resource: String,
}

impl Inventory {
    /// How many things are described.
    #[must_use]
    pub fn len(&self) -> usize {
        self.networks.len()
            + self.subnetworks.len()
            + self.firewall_rules.len()
            + self.policies.len()
            + self.associations.len()
            + self.address_groups.len()
            + self.effective_networks.len()
            + self.routes.len()
            + self.policy_routes.len()
            + self.nats.len()
            + self.routers.len()
            + self.clusters.len()
            + self.node_pools.len()
            + self.instances.len()
            + self.zones.len()
            + self.record_sets.len()
            + self.response_policies.len()
            + self.response_rules.len()
            + self.name_servers.len()
            + self.frontends.len()
            + self.balancers.len()
            + self.workloads.len()
            + self.operations.len()
            + self.objects.iter().filter(|object| object.condition.is_some()).count()
            + self.symptoms.len()
            + usize::from(self.pachyderm_authentication.is_some())
    }

    /// Whether nothing is described.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the firewall's verdicts depend on, and nothing else: to try a rule on.
    #[must_use]
    pub fn of_rules(&self) -> Self {
        Self {
            networks: self.networks.clone(),
            subnetworks: self.subnetworks.clone(),
            firewall_rules: self.firewall_rules.clone(),
            policies: self.policies.clone(),
            effective_networks: self.effective_networks.clone(),
            nameless_answers: self.nameless_answers,
            clusters: self.clusters.clone(),
            lists: self.lists.clone(),
            assumed_policies_first: self.assumed_policies_first,
            ..Self::default()
        }
    }

    /// Takes everything from `other`.
    pub fn absorb(&mut self, other: Self) {
        // Named one by one: a field that is new is not forgotten here.
        let Self {
            networks,
            subnetworks,
            firewall_rules,
            policies,
            associations,
            address_groups,
            effective_networks,
            nameless_answers,
            routes,
            policy_routes,
            nats,
            routers,
            learned,
            peerings,
            clusters,
            node_pools,
            instances,
            zones,
            record_sets,
            response_policies,
            response_rules,
            name_servers,
            frontends,
            balancers,
            workloads,
            operations,
            planned,
            replaced_rules,
            objects,
            drifts,
            symptoms,
            pachyderm_authentication,
            lists,
            unused,
            assumed_policies_first,
            aliases,
        } = other;
        /// Takes in lists, each by its name.
        macro_rules! extend {
            ($own:ident: $($list:ident)*) => { $($own.$list.extend($list);)* };
        }
        extend!(self: networks subnetworks firewall_rules policies associations address_groups);
        extend!(self: effective_networks routes policy_routes nats routers peerings);
        extend!(self: clusters node_pools instances frontends operations planned aliases);
        extend!(self: zones record_sets response_policies response_rules name_servers);
        extend!(self: replaced_rules objects drifts symptoms);
        self.lists.absorb(lists);
        self.learned.absorb(learned);
        self.balancers.absorb(balancers);
        self.workloads.absorb(workloads);
        self.nameless_answers += nameless_answers;
        self.pachyderm_authentication =
            self.pachyderm_authentication.take().or(pachyderm_authentication);
        for (kind, count) in unused {
            *self.unused.entry(kind).or_default() += count;
        }
        self.assumed_policies_first = self.assumed_policies_first.or(assumed_policies_first);
    }

    /// The project of a Config Connector object: that of its annotation, else, where objects of one
    /// name stand in several namespaces, the namespace, which is Config Connector's own default
    /// (<https://cloud.google.com/config-connector/docs/how-to/organizing-resources/project-scoped-resources>).
    #[must_use]
    pub fn project_of_object(&self, kind: &str, namespace: &str, name: &str) -> Option<String> {
        let of = |namespace: &str| {
            self.aliases.get(&(kind.to_owned(), namespace.to_owned(), name.to_owned()))
        };
        if let Some(project) = of(namespace).and_then(|alias| alias.project.clone()) {
            return Some(project);
        }
        let is_named = |(of_kind, of, object): &(String, String, String)| {
            of_kind == kind && object == name && of != namespace
        };
        let elsewhere = of(namespace).is_some() && self.aliases.keys().any(is_named);
        (elsewhere && !namespace.is_empty()).then(|| namespace.to_owned())
    }

    /// Both as one.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.absorb(other);
        self
    }

    /// Says of which network the effective firewalls are that do not say it themselves: an answer
    /// without a VPC rule names none.
    pub fn name_effective_firewalls(&mut self, said: &Reference) {
        // Of several answers nobody knows which one is meant.
        if self.nameless_answers > 1 {
            return;
        }
        let mut answers = self.effective_networks.iter().filter(|one| !one.name.is_empty());
        if answers.any(|one| one.agrees(said)) {
            return;
        }
        let known = self.known_networks();
        let mut of_name = known.iter().filter(|network| network.agrees(said));
        let network = match (of_name.next(), of_name.next()) {
            (Some(only), None) => only.clone(),
            _ => said.clone(),
        };
        let mut named = self.effective_networks.remove(&Reference::default());
        for policy in &mut self.policies {
            if policy.effective && policy.network.is_none() {
                policy.network = Some(network.clone());
                named = true;
            }
        }
        if named {
            self.effective_networks.insert(network);
        }
    }

    /// Tries the rules of another inventory: one that is here under the same name is replaced, of a
    /// policy the one with the same priority; others are added. Networks are replaced whole.
    pub fn overlay(&mut self, tried: Self) {
        let known = self.known_networks();
        for mut rule in tried.firewall_rules {
            let mut agreeing = known.iter().filter(|network| network.agrees(&rule.network));
            if let (Some(only), None) = (agreeing.next(), agreeing.next()) {
                rule.network = only.clone();
            }
            let same = |one: &&mut FirewallRule| {
                one.name.is_some() && one.name == rule.name && one.network.agrees(&rule.network)
            };
            match self.firewall_rules.iter_mut().find(same) {
                Some(place) => *place = FirewallRule { is_written: place.is_written, ..rule },
                // It is no export: others are there besides.
                None => self.firewall_rules.push(FirewallRule { is_written: true, ..rule }),
            }
        }
        for network in tried.networks {
            match self.networks.iter_mut().find(|one| one.id.agrees(&network.id)) {
                Some(place) => *place = network,
                None => self.networks.push(network),
            }
        }
        self.associations.extend(tried.associations);
        self.address_groups.splice(0..0, tried.address_groups);
        for policy in tried.policies {
            let mut found = false;
            for one in self.policies.iter_mut().filter(|one| one.is_same(&policy)) {
                found = true;
                for rule in &policy.rules {
                    let rule =
                        FirewallRule { policy: Some(one.label().to_owned()), ..rule.clone() };
                    let same = |other: &&mut FirewallRule| other.priority == rule.priority;
                    match one.rules.iter_mut().find(same) {
                        Some(place) => *place = rule,
                        None => one.rules.push(rule),
                    }
                }
            }
            if !found {
                self.policies.push(policy);
            }
        }
    }

    /// The subnetworks of a cluster's nodes.
    #[must_use]
    pub fn subnetwork_of<'a>(&'a self, cluster: &Cluster) -> Option<&'a Subnetwork> {
        self.subnetwork_called(cluster, cluster.subnetwork.as_ref()?)
    }

    /// The further subnetworks of a cluster that are described, each with the names of the
    /// secondary ranges that are for pods.
    pub fn more_subnetworks_of<'i>(
        &'i self,
        cluster: &'i Cluster,
    ) -> impl Iterator<Item = (&'i Subnetwork, &'i [String])> {
        let more = cluster.more_subnetworks.iter();
        more.filter_map(|(id, names)| {
            Some((self.subnetwork_called(cluster, id)?, names.as_slice()))
        })
    }

    fn subnetwork_called(&self, cluster: &Cluster, wanted: &Reference) -> Option<&Subnetwork> {
        let network = cluster.network.as_ref();
        self.subnetworks.iter().find(|subnetwork| {
            let region = subnetwork.id.location.as_deref();
            let same_region = match (region, cluster.id.location.as_deref()) {
                // A zone's name goes on behind its region's: us-west10-a is not in us-west1.
                (Some(region), Some(location)) => location
                    .strip_prefix(region)
                    .is_some_and(|zone| zone.is_empty() || zone.starts_with('-')),
                _ => true,
            };
            subnetwork.id.agrees(wanted)
                && same_region
                && network.is_none_or(|network| subnetwork.network.agrees(network))
        })
    }

    /// The peering with a cluster's control plane, where its network's own list lacks it
    /// (<https://cloud.google.com/kubernetes-engine/docs/troubleshooting/network-isolation>).
    #[must_use]
    pub fn lost_peering<'c>(&self, cluster: &'c Cluster) -> Option<&'c str> {
        let network = cluster.network.as_ref().filter(|_| !cluster.heard)?;
        let described = self.networks.iter().find(|one| one.id.agrees(network))?;
        let (name, known) = (cluster.peering.as_ref()?, described.peering_names.as_ref()?);
        (!known.contains(name)).then_some(name)
    }

    /// Whether an endpoint of the network's own answers for Google APIs at this address.
    #[must_use]
    pub fn is_endpoint_for_apis(&self, address: IpAddr) -> bool {
        self.frontends.iter().any(|one| one.serves_apis_at(address))
    }

    /// The networks that anything described is in, each once.
    #[must_use]
    pub fn known_networks(&self) -> Vec<Reference> {
        let mut list: Vec<Reference> = Vec::new();
        let described = self.networks.iter().map(|network| &network.id);
        let of_rules = self.firewall_rules.iter().map(|rule| &rule.network);
        let of_subnetworks = self.subnetworks.iter().map(|subnetwork| &subnetwork.network);
        let of_policies = self.policies.iter().filter_map(|policy| policy.network.as_ref());
        for network in described.chain(of_rules).chain(of_subnetworks).chain(of_policies) {
            match list.iter_mut().find(|known| known.agrees(network)) {
                None => list.push(network.clone()),
                Some(known) if known.project.is_none() => *known = network.clone(),
                Some(_) => {}
            }
        }
        list.sort();
        list
    }

    /// All firewall rules: those of VPCs, then those of policies.
    pub fn all_rules(&self) -> impl Iterator<Item = &FirewallRule> {
        let of_policies = self.policies.iter().flat_map(|policy| &policy.rules);
        self.firewall_rules.iter().chain(of_policies)
    }

    /// The rules that somebody may have meant for a network: of its VPC, or of its security groups.
    /// Policies are written for others, too.
    pub fn own_rules(&self, network: &Reference) -> impl Iterator<Item = &FirewallRule> {
        let here = network.clone();
        let groups = self.policies.iter().filter(move |policy| {
            policy.kind == PolicyKind::SecurityGroup
                && policy.network.as_ref().is_some_and(|of| of.agrees(&here))
        });
        self.firewall_rules.iter().chain(groups.flat_map(|group| &group.rules))
    }

    /// Whether policies of a kind are asked before the network's own rules; `None` where nobody
    /// says it.
    #[must_use]
    pub fn is_above_rules(&self, kind: PolicyKind, network: &Reference) -> Option<bool> {
        match kind {
            PolicyKind::Hierarchical | PolicyKind::RegionalSystem => Some(true),
            PolicyKind::GlobalNetwork | PolicyKind::RegionalNetwork => self.policies_first(network),
            // There are no others beside them.
            PolicyKind::NetworkAcl | PolicyKind::SecurityGroup => Some(false),
        }
    }

    /// The policies that are asked after the network's own rules, or may be, in their order. One of
    /// a region is for subnetworks there.
    #[must_use]
    pub fn policies_behind(&self, network: &Reference) -> Vec<&FirewallPolicy> {
        let is_behind = |policy: &&FirewallPolicy| {
            matches!(policy.kind, PolicyKind::GlobalNetwork | PolicyKind::RegionalNetwork)
                && policy.network.as_ref().is_some_and(|of| of.agrees(network))
                && self.is_above_rules(policy.kind, network) != Some(true)
                && policy.region.as_deref().is_none_or(|region| self.may_be_in(network, region))
        };
        let mut behind: Vec<_> = self.policies.iter().filter(is_behind).collect();
        behind.sort_by_key(|policy| (policy.kind, policy.order));
        behind
    }

    /// Whether anything of a network is in a region, or nobody says where any of it is.
    fn may_be_in(&self, network: &Reference, region: &str) -> bool {
        let subnetworks = self.subnetworks.iter().filter(|one| one.network.agrees(network));
        let clusters = self
            .clusters
            .iter()
            .filter(|one| one.network.as_ref().is_none_or(|of| of.agrees(network)));
        let all = subnetworks.map(|one| &one.id).chain(clusters.map(|one| &one.id));
        let mut places = all.filter_map(|one| one.location.as_ref()).peekable();
        // A zone's name begins with its region's.
        places.peek().is_none() || places.any(|place| place.starts_with(region))
    }

    /// Whether a network asks its network firewall policies before the VPC rules; `None` where
    /// nobody says it.
    #[must_use]
    pub fn policies_first(&self, id: &Reference) -> Option<bool> {
        let described = self.networks.iter().find(|network| network.id.agrees(id));
        described.and_then(|network| network.policies_first).or(self.assumed_policies_first)
    }

    /// Whether a network is a VPC of AWS.
    #[must_use]
    pub fn is_amazon(&self, id: &Reference) -> bool {
        let own = |one: &&Network| one.provider == Provider::Amazon;
        self.networks.iter().filter(own).any(|one| one.id.agrees(id))
    }

    /// Whether nothing but AWS was described.
    #[must_use]
    pub fn is_all_amazon(&self) -> bool {
        self.networks.iter().any(|network| network.provider == Provider::Amazon)
            && self.known_networks().iter().all(|network| self.is_amazon(network))
            && self.clusters.iter().all(|cluster| cluster.provider == Provider::Amazon)
    }

    /// Whether the network is described, or at least has rules or subnetworks here.
    #[must_use]
    pub fn knows_network(&self, id: &Reference) -> bool {
        self.networks.iter().any(|network| network.id.agrees(id))
            || self.firewall_rules.iter().any(|rule| rule.network.agrees(id))
            || self.subnetworks.iter().any(|subnetwork| subnetwork.network.agrees(id))
    }

    /// Whether any firewall rule or policy of this network was given: without one, nothing can be
    /// said about what is denied there.
    #[must_use]
    pub fn has_firewall_of(&self, id: &Reference) -> bool {
        self.firewall_rules.iter().any(|rule| rule.network.agrees(id))
            || self
                .policies
                .iter()
                .any(|policy| policy.network.as_ref().is_some_and(|network| network.agrees(id)))
    }
}
