//! A network with one cluster, as small as it gets: network `n` of project `p`, cluster `c`.

use serde_json::{Value, json as value};

use super::{folder, json};

/// A rule of network `n`, project `p`; `fields` replace or add.
pub(crate) fn rule(name: &str, fields: Value) -> Value {
    let mut rule = value!({
        "kind": "compute#firewall", "name": name, "network": "projects/p/global/networks/n",
        "direction": "INGRESS", "priority": 1000, "logConfig": {"enable": true},
    });
    for (key, field) in fields.as_object().unwrap() {
        rule[key] = field.clone();
    }
    rule
}

pub(crate) fn deny_all(fields: Value) -> Value {
    let mut rule = rule(
        "deny-all",
        value!({"priority": 65000, "denied": [{"IPProtocol": "all"}],
        "sourceRanges": ["0.0.0.0/0"]}),
    );
    for (key, field) in fields.as_object().unwrap() {
        rule[key] = field.clone();
    }
    rule
}

pub(crate) fn cluster(name: &str, fields: Value) -> Value {
    let mut cluster = value!({
        "name": name, "currentMasterVersion": "1", "network": "n", "subnetwork": "s",
        "location": "r", "clusterIpv4Cidr": "10.1.0.0/16",
        "privateClusterConfig": {"masterIpv4CidrBlock": "172.16.0.0/28"},
        "selfLink": format!("https://container.googleapis.com/v1/projects/p/locations/r/clusters/{name}"),
        "id": "aaaaaaaa11112222",
        "nodePools": [{"name": "pool", "config": {"serviceAccount": "default"}}],
    });
    for (key, field) in fields.as_object().unwrap() {
        cluster[key] = field.clone();
    }
    cluster
}

pub(crate) fn subnet(fields: Value) -> Value {
    let mut subnet = value!({"kind": "compute#subnetwork", "name": "s", "ipCidrRange": "10.0.0.0/24",
        "network": "projects/p/global/networks/n", "region": "regions/r"});
    for (key, field) in fields.as_object().unwrap() {
        subnet[key] = field.clone();
    }
    subnet
}

/// A denied connection.
pub(crate) fn denied(
    src: &str,
    dst: &str,
    port: u16,
    rule: &str,
    direction: &str,
    vm: &str,
) -> Value {
    value!({
        "insertId": format!("{src}{dst}{port}"), "timestamp": "2026-10-14T09:00:00Z",
        "logName": "projects/p/logs/compute.googleapis.com%2Ffirewall",
        "jsonPayload": {
            "connection": {"src_ip": src, "src_port": 4000, "dest_ip": dst, "dest_port": port,
                           "protocol": 6},
            "disposition": "DENIED",
            "instance": {"project_id": "p", "vm_name": vm},
            "rule_details": {"reference": format!("network:n/firewall:{rule}"),
                             "direction": direction},
            "vpc": {"project_id": "p", "vpc_name": "n"},
        },
    })
}

/// Inputs in a directory of their own.
pub(crate) struct Inputs(tempfile::TempDir);

impl Inputs {
    pub(crate) fn of(values: &[Value]) -> Self {
        let text: String = values.iter().map(|value| format!("{value}\n")).collect();
        Self(folder(&[("all.ndjson", text.as_bytes())]))
    }

    pub(crate) fn path(&self) -> &str {
        self.0.path().to_str().unwrap()
    }

    pub(crate) fn triage(&self) -> Value {
        json(&["triage", self.path()])
    }

    /// Verdict and decider of the INGRESS or EGRESS side of one connection.
    pub(crate) fn why(&self, src: &str, dst: &str, direction: &str) -> (String, String) {
        let answer = json(&["why", src, dst, self.path(), "--network", "n", "--project", "p"]);
        let asked = answer["asked"].as_array().unwrap();
        let side = asked.iter().find(|side| side["direction"] == direction).expect("asked");
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        (text(&side["decision"]["verdict"]), text(&side["decision"]["decider"]["name"]))
    }
}

/// The tag of the cluster's nodes.
pub(crate) const TAG: &str = "gke-c-aaaaaaaa-node";

/// What GKE itself opens for the cluster, so that nothing else is missing.
pub(crate) fn own_rules() -> [Value; 2] {
    let to_nodes = |name: &str, sources: Value, allowed: Value| {
        rule(name, value!({"sourceRanges": sources, "allowed": allowed, "targetTags": [TAG]}))
    };
    let ports = value!([{"IPProtocol": "tcp", "ports": ["443", "10250"]}]);
    let inside = value!(["10.1.0.0/16", "10.0.0.0/24"]);
    [
        to_nodes("gke-c-aaaaaaaa-master", value!(["172.16.0.0/28"]), ports),
        to_nodes("gke-c-aaaaaaaa-all", inside, value!([{"IPProtocol": "all"}])),
    ]
}
