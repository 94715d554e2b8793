//! Changes as gcloud commands, one a line.

use crate::model::{ManagedZone, Nat, Reference};
use crate::render::resource::setting::{clusters, description};
use crate::suggest::ResourceChange;
use crate::suggest::resource::NewRecord;

fn project(of: &Reference) -> String {
    of.project.as_deref().map(|project| format!(" --project={project}")).unwrap_or_default()
}

fn quoted(text: &str) -> String {
    shlex::try_quote(text).map(|text| text.into_owned()).unwrap_or_default()
}

/// The commands; empty where gcloud knows nothing of it.
pub(super) fn of(change: &ResourceChange) -> String {
    match change {
        ResourceChange::EnableAccess(one) => format!(
            "gcloud compute networks subnets update {}{} --region={} \
             --enable-private-ip-google-access",
            one.id.name,
            project(&one.network),
            one.id.location.as_deref().unwrap_or_default()
        ),
        ResourceChange::AddRoute { id, network, destination } => format!(
            "gcloud compute routes create {}{} --network={} --destination-range={destination} \
             --next-hop-gateway=default-internet-gateway --priority=1000",
            id.name,
            project(network),
            network.name
        ),
        // Routes cannot be changed in place. Asked back, gcloud would read the next command as the
        // answer.
        ResourceChange::UpdateRoute(route) => {
            let tags = match route.tags.as_slice() {
                [] => String::new(),
                tags => format!(" --tags={}", tags.join(",")),
            };
            let project = project(&route.network);
            let description = description(route.kept.as_ref())
                .map(|text| format!(" --description={}", quoted(&text)))
                .unwrap_or_default();
            format!(
                "gcloud compute routes delete {0}{project} --quiet\ngcloud compute routes create \
                 {0}{project} --network={1} --destination-range={2} \
                 --next-hop-gateway=default-internet-gateway --priority={3}{tags}{description}",
                route.id.name, route.network.name, route.destination, route.priority
            )
        }
        ResourceChange::AddRecords { zone, made, records } => {
            record_commands(zone, made.as_ref(), records)
        }
        ResourceChange::ReplaceRecord { zone, record, added, .. } => {
            let added = added.iter().map(|record| record_command("create", zone, record));
            let all: Vec<_> = added.chain([record_command("update", zone, record)]).collect();
            all.join("\n")
        }
        ResourceChange::AttachZone(zone) => attach(zone),
        ResourceChange::WidenNat(nat) => widen(nat),
        ResourceChange::AddNat { name, router, is_router_made, network, region } => {
            let nat = format!(
                "gcloud compute routers nats create {name}{} --router={} --region={region} \
                 --auto-allocate-nat-external-ips --nat-all-subnet-ip-ranges",
                project(network),
                router.name
            );
            if !is_router_made {
                return nat;
            }
            format!(
                "gcloud compute routers create {}{} --network={} --region={region}\n{nat}",
                router.name,
                project(network),
                network.name
            )
        }
        ResourceChange::UpdateReference { .. } => String::new(),
    }
}

fn record_commands(
    zone: &Reference,
    made: Option<&(String, Reference)>,
    records: &[NewRecord],
) -> String {
    let made = made.iter().map(|(dns_name, network)| {
        format!(
            "gcloud dns managed-zones create {}{} --dns-name={dns_name} \
             --visibility=private --networks={} --description={}",
            zone.name,
            project(zone),
            network.name,
            quoted("Google APIs on a VIP")
        )
    });
    let records = records.iter().map(|record| record_command("create", zone, record));
    made.chain(records).collect::<Vec<_>>().join("\n")
}

fn record_command(verb: &str, zone: &Reference, record: &NewRecord) -> String {
    // What is there keeps its own time to live.
    let lives = if verb == "create" { " --ttl=300" } else { "" };
    format!(
        "gcloud dns record-sets {verb} {}{} --zone={} --type={}{lives} --rrdatas={}",
        quoted(&record.name),
        project(zone),
        zone.name,
        record.kind,
        record.data.join(",")
    )
}

fn attach(zone: &ManagedZone) -> String {
    // Where networks of several projects see a zone, each is named whole.
    let same = zone.networks.iter().all(|one| one.project == zone.id.project);
    let named = |one: &Reference| if same { one.name.clone() } else { one.network_link() };
    let names: Vec<_> = zone.networks.iter().map(named).collect();
    // Both are parts of one field, which is set as a whole.
    let clusters: Vec<String> = clusters(zone).iter().map(|name| quoted(name)).collect();
    let clusters = match clusters.as_slice() {
        [] => String::new(),
        all => format!(" --gkeclusters={}", all.join(",")),
    };
    format!(
        "gcloud dns managed-zones update {}{} --networks={}{clusters}",
        zone.id.name,
        project(&zone.id),
        names.join(",")
    )
}

/// A subnetwork alone stands for its primary range, `:ALL` for all of them
/// (<https://cloud.google.com/sdk/gcloud/reference/compute/routers/nats/update>).
fn widen(nat: &Nat) -> String {
    let listed = nat.subnetworks.iter().flat_map(|one| {
        let name = &one.id.name;
        one.ranges.iter().flat_map(move |ranges| match ranges.as_str() {
            "ALL_IP_RANGES" => vec![format!("{name}:ALL")],
            "PRIMARY_IP_RANGE" => vec![name.clone()],
            _ => one.secondary.iter().map(|range| format!("{name}:{range}")).collect(),
        })
    });
    let ranges = match nat.ranges.as_str() {
        "LIST_OF_SUBNETWORKS" => {
            format!("--nat-custom-subnet-ip-ranges={}", listed.collect::<Vec<_>>().join(","))
        }
        _ => "--nat-all-subnet-ip-ranges".to_owned(),
    };
    format!(
        "gcloud compute routers nats update {}{} --router={} --region={} {ranges}",
        nat.name,
        nat.network.as_ref().map(project).unwrap_or_default(),
        nat.router.name,
        nat.region.as_deref().unwrap_or_default()
    )
}
