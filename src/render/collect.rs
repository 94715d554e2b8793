//! The script that exports what vpcwhy reads: it lists and describes, and changes nothing.

use crate::suggest::name::{is_project, is_resource_name};

/// Kinds that a cluster may not know; Gateways are of two groups.
const APART: [&str; 6] = [
    "backendconfigs",
    "gcpbackendpolicies",
    "gateways.gateway.networking.k8s.io,httproutes,grpcroutes",
    "gateways.networking.istio.io,virtualservices",
    "httpproxies",
    "ingressroutes",
];

/// What is to be exported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The project of the network.
    pub project: String,
    /// The cluster.
    pub cluster: Option<String>,
    /// Its zone or region.
    pub location: Option<String>,
    /// The network, where one alone is meant.
    pub network: Option<String>,
    /// How far back the log goes: `2h`.
    pub freshness: String,
    /// The folder that is written.
    pub folder: String,
}

/// The lists that are exported of a project, with the names of their files.
const LISTS: [(&str, &str); 19] = [
    ("firewall-rules", "compute firewall-rules list"),
    ("networks", "compute networks list"),
    ("subnets", "compute networks subnets list"),
    ("routes", "compute routes list"),
    ("routers", "compute routers list"),
    ("instances", "compute instances list"),
    ("instance-templates", "compute instance-templates list"),
    ("forwarding-rules", "compute forwarding-rules list"),
    ("backend-services", "compute backend-services list"),
    ("health-checks", "compute health-checks list"),
    ("instance-groups", "compute instance-groups list"),
    ("endpoint-groups", "compute network-endpoint-groups list"),
    ("security-policies", "compute security-policies list"),
    ("clusters", "container clusters list"),
    ("operations", "container operations list"),
    ("zones", "dns managed-zones list"),
    ("dns-policies", "dns policies list"),
    ("response-policies", "dns response-policies list"),
    ("policy-based-routes", "network-connectivity policy-based-routes list"),
];

/// Lists that gcloud prints as `[]` where there is nothing: written with what they list, and of
/// which project, since that there is none matters. The file, the API's kind of the list, its key,
/// and where it hangs.
const TYPED: [(&str, &str, &str, &str); 4] = [
    ("firewall-rules", "compute#firewallList", "items", "global/firewalls"),
    ("routes", "compute#routeList", "items", "global/routes"),
    ("routers", "compute#routerList", "items", "aggregated/routers"),
    ("zones", "dns#managedZonesListResponse", "managedZones", "managedZones"),
];

/// Writes what a command lists into the object that the API would answer with.
const LIST_TO: &str = "\
list_to() {
  file=$1; kind=$2; id=$3; key=$4; shift 4
  if \"$@\" > \"$folder/$file.part\"; then
    {
      printf '{\"kind\": \"%s\", \"id\": \"%s\", \"%s\": ' \"$kind\" \"$id\" \"$key\"
      cat \"$folder/$file.part\"
      printf '}\\n'
    } > \"$folder/$file\"
  else
    echo \"not exported: $file\" >&2
  fi
  rm -f \"$folder/$file.part\"
}
";

/// The kinds of Kubernetes' that are read.
const KINDS: &str = "services,endpoints,endpointslices,pods,deployments,statefulsets,daemonsets,\
                     nodes,ingresses,validatingwebhookconfigurations,\
                     mutatingwebhookconfigurations,apiservices";

/// Whether every name may stand in a command; the error is one that may not.
fn checked(wanted: &Wanted) -> Result<(), String> {
    let names = [&wanted.cluster, &wanted.location, &wanted.network];
    if !is_project(&wanted.project) {
        return Err(format!("{} is no project id", wanted.project));
    }
    if let Some(bad) = names.into_iter().flatten().find(|name| !is_resource_name(name)) {
        return Err(format!("{bad} is no name that Google Cloud takes"));
    }
    let digits = wanted.freshness.trim_end_matches(['s', 'm', 'h', 'd']);
    let is_time = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && wanted.freshness.len() == digits.len() + 1;
    match is_time {
        true => Ok(()),
        false => Err(format!("{} is no width of time: write 30m, 2h or 1d", wanted.freshness)),
    }
}

/// The line that exports a list.
fn list(name: &str, command: &str, project: &str) -> String {
    let command = format!("gcloud {command} --project={project} --format=json");
    match TYPED.iter().find(|(of, ..)| *of == name) {
        None => format!("export_to {name}.json {command}\n"),
        Some((_, kind, key, id)) => {
            format!("list_to {name}.json {kind} projects/{project}/{id} {key} {command}\n")
        }
    }
}

/// The script; the error is a name that may not stand in a command.
pub fn script(wanted: &Wanted) -> Result<String, String> {
    checked(wanted)?;
    let folder = shlex::try_quote(&wanted.folder).map_err(|_| "the folder's name".to_owned())?;
    let project = &wanted.project;
    let mut out = format!(
        "#!/bin/sh\n# Read-only: every command lists or describes, and nothing is changed.\n# What \
         may not be read is said, and left out.\nset -u\nfolder={folder}\nmkdir -p \"$folder\"\n\
         export_to() {{\n  file=$1; shift\n  \"$@\" > \"$folder/$file\" || echo \"not exported: \
         $file\" >&2\n}}\n{LIST_TO}\n"
    );
    let mut line = |file: &str, command: &str| {
        out.push_str(&format!("export_to {file} {command}\n"));
    };
    let filter = "'logName:\"compute.googleapis.com%2Ffirewall\" AND \
                  jsonPayload.disposition=\"DENIED\"'";
    let freshness = &wanted.freshness;
    line(
        "log.json",
        &format!(
            "gcloud logging read {filter} --project={project} --freshness={freshness} --format=json"
        ),
    );
    out.extend(LISTS.map(|(name, command)| list(name, command, project)));
    let mut line = |file: &str, command: &str| {
        out.push_str(&format!("export_to {file} {command}\n"));
    };
    if let (Some(cluster), Some(location)) = (&wanted.cluster, &wanted.location) {
        line(
            "cluster.json",
            &format!(
                "gcloud container clusters describe {cluster} --location={location} \
                 --project={project} --format=json"
            ),
        );
    }
    out.push_str("\n# kubectl asks the cluster of its current context\n");
    let mut line = |file: &str, command: &str| {
        out.push_str(&format!("export_to {file} {command}\n"));
    };
    line("kubernetes.json", &format!("kubectl get {KINDS} --all-namespaces -o json"));
    // Kinds that a cluster may not know are asked for apart.
    for kinds in APART {
        // The file goes by the first of them.
        let file = kinds.split(',').next().unwrap_or(kinds);
        line(&format!("{file}.json"), &format!("kubectl get {kinds} --all-namespaces -o json"));
    }
    line("config-connector.yaml", "kubectl get gcp --all-namespaces -o yaml");
    let networks = match &wanted.network {
        Some(network) => network.clone(),
        None => {
            format!("$(gcloud compute networks list --project={project} --format='value(name)')")
        }
    };
    out.push_str(&format!(
        "\n# What is effective in every network\nfor network in {networks}; do\n  export_to \
         \"effective-firewalls-$network.json\" gcloud compute networks get-effective-firewalls \
         \"$network\" --project={project} --format=json\ndone\n"
    ));
    out.push_str(&format!(
        "\n# The records of every zone\nfor zone in $(gcloud dns managed-zones list \
         --project={project} --format='value(name)'); do\n  export_to \"records-$zone.json\" \
         gcloud dns record-sets list --zone=\"$zone\" --project={project} --format=json\ndone\n"
    ));
    out.push_str(&format!(
        "\n# What answers before any zone does\nfor policy in $(gcloud dns response-policies list \
         --project={project} --format='value(responsePolicyName)'); do\n  export_to \
         \"response-rules-$policy.json\" gcloud dns response-policies rules list \"$policy\" \
         --project={project} --format=json\ndone\n"
    ));
    out.push_str("\necho \"vpcwhy $folder\"\n");
    Ok(out)
}
