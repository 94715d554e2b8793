//! A rule, route, router or private zone is on another network than the cluster.
//!
//! What it means: the object refers to a network that is there, so Config Connector makes the
//! resource and says Ready; but the cluster's nodes are on another network, where it does nothing.
//!
//! What it looks like: everything says READY True, and the connection is denied all the same.
//!
//! Why: `networkRef` was copied from an example (`default`), or lacks the prefix that the cluster's
//! network has.
//!
//! What to do: let it refer to the cluster's network. A reference to a network cannot be changed in
//! place: delete the object and apply it again. What would pass then is computed here: a resource
//! that would mend nothing, on a network with machines of its own, is not reported.
//!
//! Source:
//! <https://cloud.google.com/config-connector/docs/reference/resource-docs/compute/computefirewall>

use crate::checks::finding::{Confidence, Finding, Remedy, Severity, id};
use crate::checks::resource_not_ready::finding;
use crate::checks::{Check, Evidence, Outcome};
use crate::correlate::expected::needs;
use crate::correlate::{Directory, roads};
use crate::model::condition::Health;
use crate::model::{Cluster, ConnectorObject, Inventory, Origin, Reference};
use crate::suggest::ResourceChange;

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "wrong-network-reference",
    title: "a rule, route, router or zone is on another network than the cluster",
    severity: Severity::Error,
    source: include_str!("wrong_network_reference.rs"),
    claims: None,
    run,
};

/// So many are tried on the cluster's network, each with all that it needs.
const MOST_TRIED: usize = 32;

/// The kinds that are looked at.
const KINDS: [&str; 4] = ["ComputeFirewall", "ComputeRoute", "ComputeRouter", "DNSManagedZone"];

fn run(check: &Check, evidence: &Evidence<'_, '_>) -> Outcome {
    let inventory = evidence.directory.inventory;
    if inventory.objects.is_empty() {
        return Outcome::Skipped("no object of Config Connector's was given");
    }
    let placed = placed(inventory);
    if placed.is_empty() {
        return Outcome::Skipped("no cluster that names its network was given");
    }
    let mut tried = 0;
    let mut found = Vec::new();
    for object in inventory.objects.iter().filter(|object| is_asked(object)) {
        if tried >= MOST_TRIED {
            break;
        }
        if let Some(made) = told(check, evidence, &placed, object) {
            tried += 1;
            found.extend(made);
        }
    }
    if found.is_empty() { Outcome::Clear } else { Outcome::Found(found) }
}

/// A zone that nobody made yet is told as one that the network does not see.
fn is_asked(object: &ConnectorObject) -> bool {
    KINDS.contains(&object.id.kind.as_str())
        && (object.id.kind != "DNSManagedZone" || object.health() == Health::Ready)
}

/// Clusters, with their networks.
type Placed<'a> = [(&'a Cluster, &'a Reference)];

fn placed(inventory: &Inventory) -> Vec<(&Cluster, &Reference)> {
    let clusters = inventory.clusters.iter();
    clusters.filter_map(|cluster| Some((cluster, cluster.network.as_ref()?))).collect()
}

/// The finding on an object, where it is on no cluster's network; `None` where it is not looked at.
fn told(
    check: &Check,
    evidence: &Evidence<'_, '_>,
    placed: &Placed<'_>,
    object: &ConnectorObject,
) -> Option<Option<Finding>> {
    let inventory = evidence.directory.inventory;
    let own = networks_of(inventory, object);
    let elsewhere = |network: &Reference| !placed.iter().any(|(_, of)| of.agrees(network));
    if own.is_empty() || !own.iter().all(elsewhere) {
        return None;
    }
    let mut near = placed.iter().filter(|(cluster, _)| is_neighbour(inventory, object, cluster));
    Some(near.find_map(|(cluster, network)| {
        let mended = mended(evidence, object, network);
        of_object(check, inventory, object, (cluster, network), &own, &mended)
    }))
}

/// Whether the network of an object is found to be wrong by what it would mend on another one.
pub(super) fn is_proven(evidence: &Evidence<'_, '_>, object: &ConnectorObject) -> bool {
    let placed = placed(evidence.directory.inventory);
    let made = is_asked(object).then(|| told(&CHECK, evidence, &placed, object)).flatten();
    made.flatten().is_some_and(|one| one.confidence == Confidence::Proven)
}

/// The networks of an object, as they were resolved when it was read.
fn networks_of(inventory: &Inventory, object: &ConnectorObject) -> Vec<Reference> {
    // Several objects may stand on one line.
    let own = |name: &str, at: &Origin| *at == object.origin && name == object.resource.name;
    let rules = inventory.firewall_rules.iter();
    let rules = rules.filter(|one| own(one.name.as_deref().unwrap_or_default(), &one.origin));
    let routes = inventory.routes.iter().filter(|one| own(&one.id.name, &one.origin));
    let routers = inventory.routers.iter().filter(|(router, _, at)| own(&router.name, at));
    let zones = inventory.zones.iter();
    let zones = zones.filter(|one| own(&one.id.name, &one.origin) && one.clusters.is_empty());
    rules
        .map(|one| one.network.clone())
        .chain(routes.map(|one| one.network.clone()))
        .chain(routers.map(|(_, network, _)| network.clone()))
        .chain(zones.flat_map(|one| one.networks.clone()))
        .collect()
}

/// Whether an object and a cluster are kept together: in one namespace, or one project.
fn is_neighbour(inventory: &Inventory, object: &ConnectorObject, cluster: &Cluster) -> bool {
    let own = inventory.objects.iter().find(|one| one.origin == cluster.origin);
    let namespace = own.is_none_or(|own| {
        own.id.name.namespace.is_empty()
            || object.id.name.namespace.is_empty()
            || own.id.name.namespace == object.id.name.namespace
    });
    let projects = object.resource.project.as_ref().zip(cluster.id.project.as_ref());
    namespace && projects.is_none_or(|(a, b)| a == b)
}

/// What passes where the object is on the cluster's network, and does not as it is.
fn mended(
    evidence: &Evidence<'_, '_>,
    object: &ConnectorObject,
    network: &Reference,
) -> Vec<String> {
    // Several objects may stand on one line.
    let (origin, own) = (&object.origin, object.resource.name.as_str());
    let mut moved = evidence.directory.inventory.clone();
    let is_own = |name: &str, at: &Origin| at == origin && name == own;
    for rule in moved
        .firewall_rules
        .iter_mut()
        .filter(|one| is_own(one.name.as_deref().unwrap_or_default(), &one.origin))
    {
        rule.network = network.clone();
    }
    for route in moved.routes.iter_mut().filter(|one| is_own(&one.id.name, &one.origin)) {
        route.network = network.clone();
    }
    for (router, of, at) in &mut moved.routers {
        if is_own(&router.name, at) {
            *of = network.clone();
            for nat in moved.nats.iter_mut().filter(|nat| nat.router.agrees(router)) {
                nat.network = Some(network.clone());
            }
        }
    }
    for zone in moved.zones.iter_mut().filter(|one| is_own(&one.id.name, &one.origin)) {
        zone.networks = vec![network.clone()];
    }
    let after = Directory::of(&moved);
    let mut list = Vec::new();
    if object.id.kind == "ComputeFirewall" {
        let now = needs(&after, evidence.scope);
        let before = &evidence.correlation.needs;
        for need in before.iter().filter(|need| need.is_blocked() && !need.doubtful) {
            let same = now.iter().find(|one| {
                (one.purpose, &one.reason, one.port, one.protocol, &one.to.ranges)
                    == (need.purpose, &need.reason, need.port, need.protocol, &need.to.ranges)
            });
            if same.is_some_and(|one| !one.is_blocked()) {
                let port = need.port.map(|port| format!(" {port}")).unwrap_or_default();
                list.push(format!("{} ({}{port})", need.reason, need.protocol));
            }
        }
    } else {
        let now = roads::broken(&after, evidence.scope);
        for road in &evidence.correlation.roads {
            let still = now.iter().any(|one| {
                (one.cluster, &one.path.host, one.check)
                    == (road.cluster, &road.path.host, road.check)
            });
            if !still {
                list.push(format!("{}: {}", road.path.host, road.check));
            }
        }
    }
    list.sort();
    list.dedup();
    list
}

/// Whether anything lives on a network, as far as it is given.
fn is_inhabited(inventory: &Inventory, network: &Reference) -> bool {
    inventory.subnetworks.iter().any(|one| one.network.agrees(network))
        || inventory
            .instances
            .iter()
            .any(|one| one.interfaces.iter().any(|nic| nic.network.agrees(network)))
}

fn of_object(
    check: &Check,
    inventory: &Inventory,
    object: &ConnectorObject,
    (cluster, network): (&Cluster, &Reference),
    own: &[Reference],
    mended: &[String],
) -> Option<Finding> {
    let declared = own.iter().any(|one| inventory.networks.iter().any(|of| of.id.agrees(one)));
    let ready = object.health() == Health::Ready;
    let inhabited = own.iter().any(|one| is_inhabited(inventory, one));
    // A network that was given has a purpose of its own; one that is not there is another matter.
    if mended.is_empty() && (inhabited || declared || !ready) {
        return None;
    }
    let names: Vec<String> = own.iter().map(|one| one.name.clone()).collect();
    let names = names.join(", ");
    let mut explanation = vec![format!(
        "{} is on network {names}; cluster {} is on {} ({})",
        object.id, cluster.id.name, network.name, cluster.origin
    )];
    let ready = if ready { "Ready says True: the network it names is there" } else { "" };
    explanation.extend((!ready.is_empty()).then(|| ready.to_owned()));
    explanation.extend(
        mended.iter().take(4).map(|one| format!("on {} it would mend: {one}", network.name)),
    );
    if !inhabited {
        explanation.push(format!("nothing that was given is on network {names}"));
    }
    let remedy = remedy(inventory, object, network, mended);
    Some(Finding {
        id: id(check.id, &[&object.id.to_string(), &names, &network.to_string()]),
        severity: if mended.is_empty() { Severity::Note } else { check.severity },
        confidence: if mended.is_empty() { Confidence::Possible } else { Confidence::Proven },
        title: format!(
            "{} is on network {names}, not on the cluster's {}",
            object.id, network.name
        ),
        explanation,
        no_fix: remedy.is_none().then(|| {
            format!("not printed: let it refer to network {network}, then apply it again")
        }),
        remedies: Vec::from_iter(remedy),
        ..finding(check, &object.id, std::iter::once(object))
    })
}

fn remedy(
    inventory: &Inventory,
    object: &ConnectorObject,
    network: &Reference,
    mended: &[String],
) -> Option<Remedy> {
    let is_network = |kind: &str| kind == "ComputeNetwork";
    let field = object.references.iter().find(|one| is_network(&one.kind))?.field.clone();
    // A reference by name alone is to an object of the same namespace.
    let own = |one: &&ConnectorObject| {
        is_network(&one.id.kind)
            && one.resource.name == network.name
            && one.id.name.namespace == object.id.name.namespace
    };
    let to = inventory.objects.iter().find(own)?.id.name.name.clone();
    let networks = object.references.iter().filter(|one| is_network(&one.kind));
    let several = networks.count() > 1;
    let (id, manifest) = (object.id.clone(), object.text.clone()?);
    let change = ResourceChange::UpdateReference { object: id, field, to, manifest };
    let simulated = match mended.len() {
        0 => String::new(),
        count => format!("simulated there: mends {count}; "),
    };
    let note = format!(
        "{simulated}change this field in your manifest; a network cannot be changed in place: \
         delete the object, then apply the whole manifest again"
    );
    (!several && change.is_printable()).then_some(Remedy { change, note })
}
