//! A deterministic generator of firewall log entries as the storage sink writes them: 1.1 to
//! 1.4 kB each, with full metadata; and of firewall rules, as gcloud lists them.
#![allow(
    dead_code,
    clippy::indexing_slicing,
    reason = "each bench uses a part; the index is below 24"
)]

/// What to generate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Entries.
    pub(crate) entries: u64,
    /// DENIED among a hundred.
    pub(crate) denied_percent: u64,
    /// Distinct connections.
    pub(crate) connections: u64,
}

/// The same number for the same input, on every machine (splitmix64, public domain).
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Ports that services of a cluster really listen on.
const PORTS: [u16; 24] = [
    80, 443, 53, 3306, 5432, 6379, 8080, 8443, 9090, 9093, 9100, 9200, 9300, 9443, 10_250, 15_008,
    15_010, 15_012, 15_017, 15_021, 27_017, 4317, 4318, 50_051,
];

/// Appends entry `number` of a plan as one line.
pub(crate) fn write_entry(plan: &Plan, number: u64, out: &mut String) {
    use std::fmt::Write as _;
    let dice = mix(number);
    let denied = dice % 100 < plan.denied_percent;
    let connection = mix(dice) % plan.connections.max(1);
    let (disposition, action, rule, priority) = if denied {
        ("DENIED", "DENY", "deny-all-egress", 65_000)
    } else {
        ("ALLOWED", "ALLOW", "allow-cluster-egress", 1_000)
    };
    let node = connection % 200;
    let (second, nano) = (number / 50 % 86_400, dice % 1_000_000_000);
    let clock = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    let dst = mix(connection);
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{{\"insertId\":\"{:x}\",\"jsonPayload\":{{\"connection\":{{\"dest_ip\":\"10.{}.{}.{}\",\
         \"dest_port\":{},\"protocol\":6,\"src_ip\":\"10.20.{}.{}\",\"src_port\":{}}},\
         \"disposition\":\"{disposition}\",\"instance\":{{\"project_id\":\"shop-prod\",\
         \"region\":\"europe-west1\",\"vm_name\":\"gke-blue-pool-a-7c9d1e2f-{node:04x}\",\
         \"zone\":\"europe-west1-b\"}},\"remote_instance\":{{\"project_id\":\"shop-prod\",\
         \"region\":\"europe-west1\",\"vm_name\":\"gke-blue-pool-b-11aa22bb-{:04x}\",\
         \"zone\":\"europe-west1-c\"}},\"remote_vpc\":{{\"project_id\":\"shop-prod\",\
         \"subnetwork_name\":\"shop-nodes\",\"vpc_name\":\"shop\"}},\"rule_details\":{{\
         \"action\":\"{action}\",\"destination_range\":[\"0.0.0.0/0\"],\"direction\":\"EGRESS\",\
         \"ip_port_info\":[{{\"ip_protocol\":\"ALL\"}}],\"priority\":{priority},\
         \"reference\":\"network:shop/firewall:{rule}\"}},\"vpc\":{{\"project_id\":\"shop-prod\",\
         \"subnetwork_name\":\"shop-nodes\",\"vpc_name\":\"shop\"}}}},\
         \"logName\":\"projects/shop-prod/logs/compute.googleapis.com%2Ffirewall\",\
         \"receiveTimestamp\":\"2026-10-14T{clock}.999999999Z\",\"resource\":{{\"labels\":{{\
         \"location\":\"europe-west1-b\",\"project_id\":\"shop-prod\",\
         \"subnetwork_id\":\"4738025577975389850\",\"subnetwork_name\":\"shop-nodes\"}},\
         \"type\":\"gce_subnetwork\"}},\"timestamp\":\"2026-10-14T{clock}.{nano:09}Z\"}}",
        dice,
        24 + dst % 4,
        dst / 7 % 256,
        dst / 2048 % 256,
        PORTS[(dst / 65_536 % 24) as usize],
        node / 256,
        node % 256,
        1024 + dice % 60_000,
        dst % 500,
    );
}

/// A whole log.
pub(crate) fn log(plan: &Plan) -> String {
    let mut out = String::new();
    for number in 0..plan.entries {
        write_entry(plan, number, &mut out);
    }
    out
}

/// One firewall rule as `gcloud compute firewall-rules list --format=json` prints it.
pub(crate) fn write_rule(number: u64, out: &mut String) {
    use std::fmt::Write as _;
    let network = "https://www.googleapis.com/compute/v1/projects/bench-1/global";
    let _ = write!(
        out,
        r#"  {{
    "allowed": [
      {{
        "IPProtocol": "tcp",
        "ports": [
          "{port}"
        ]
      }}
    ],
    "creationTimestamp": "2026-01-01T00:00:00.000-07:00",
    "description": "",
    "direction": "INGRESS",
    "disabled": false,
    "id": "{id}",
    "kind": "compute#firewall",
    "logConfig": {{
      "enable": false
    }},
    "name": "rule-{number}",
    "network": "{network}/networks/bench",
    "priority": 1000,
    "selfLink": "{network}/firewalls/rule-{number}",
    "sourceRanges": [
      "10.{high}.{low}.0/24"
    ],
    "targetTags": [
      "tag-{tag}"
    ]
  }}"#,
        port = 1_000 + number % 60_000,
        id = 7_000_000_000_000_000_000 + number,
        high = number / 256 % 256,
        low = number % 256,
        tag = number % 997,
    );
}
