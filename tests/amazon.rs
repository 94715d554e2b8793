//! Security groups and network ACLs of AWS: read, judged against a second, plain reading, mended
//! in Amazon's own words and never in Google's.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that fails says where, and reads what it likes"
)]

mod common;

use std::net::{IpAddr, Ipv4Addr};

use common::{findings, folder, inventory, json, run, stdout};
use proptest::prelude::*;
use serde_json::{Value, json as value};
use tempfile::TempDir;
use vpcwhy::correlate::Directory;
use vpcwhy::engine::{EffectiveRules, Verdict, evaluate};
use vpcwhy::net::{Direction, FiveTuple, Protocol};

const VPC: &str = "vpc-0d4e5f60718293a4b";
const NODES: &str = "sg-0a11b22c33d44e55f";
const OTHERS: &str = "sg-0b22c33d44e55f660";

fn tcp(low: u16, high: u16, ranges: &[&str], groups: &[&str]) -> Value {
    let ranges: Vec<Value> = ranges.iter().map(|range| value!({"CidrIp": range})).collect();
    let groups: Vec<Value> = groups.iter().map(|group| value!({"GroupId": group})).collect();
    value!({"IpProtocol": "tcp", "FromPort": low, "ToPort": high, "IpRanges": ranges,
            "Ipv6Ranges": [], "PrefixListIds": [], "UserIdGroupPairs": groups})
}

fn everything() -> Value {
    value!([{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
}

fn group(id: &str, ingress: Value, egress: Value) -> Value {
    value!({"SecurityGroups": [{"GroupName": "nodes", "GroupId": id, "VpcId": VPC,
            "OwnerId": "111122223333", "IpPermissions": ingress, "IpPermissionsEgress": egress}]})
}

fn instance(id: &str, address: &str, external: Option<&str>, groups: &[&str]) -> Value {
    let groups: Vec<Value> = groups.iter().map(|id| value!({"GroupId": id})).collect();
    value!({"Reservations": [{"Groups": [], "Instances": [{
        "InstanceId": id, "VpcId": VPC, "PrivateIpAddress": address, "PublicIpAddress": external,
        "SecurityGroups": groups,
        "Tags": [{"Key": "kubernetes.io/cluster/blue", "Value": "owned"}]}]}]})
}

fn subnet(id: &str, range: &str) -> Value {
    value!({"Subnets": [{"SubnetId": id, "CidrBlock": range, "VpcId": VPC,
                         "AvailabilityZone": "eu-west-1a"}]})
}

fn entry(egress: bool, number: u32, action: &str, range: &str, ports: Option<(u16, u16)>) -> Value {
    let mut one = value!({"Egress": egress, "RuleNumber": number, "RuleAction": action,
                          "CidrBlock": range, "Protocol": if ports.is_some() { "6" } else { "-1" }});
    if let Some((low, high)) = ports {
        one["PortRange"] = value!({"From": low, "To": high});
    }
    one
}

fn acl(subnets: &[&str], entries: Vec<Value>) -> Value {
    let associations: Vec<Value> = subnets.iter().map(|id| value!({"SubnetId": id})).collect();
    value!({"NetworkAcls": [{"NetworkAclId": "acl-0b1c2d3e", "VpcId": VPC, "IsDefault": false,
                             "Associations": associations, "Entries": entries}]})
}

const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: pachd, namespace: default, \
                       labels: {app: pachd, suite: pachyderm}}\nspec:\n  type: NodePort\n  \
                       selector: {app: pachd}\n  ports:\n  - {name: api-grpc-port, port: 650, \
                       targetPort: 1650, nodePort: 30650}\n";

fn given(resources: &[Value], manifests: &[&str]) -> TempDir {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for (at, one) in resources.iter().enumerate() {
        files.push((format!("{at}.json"), one.to_string().into_bytes()));
    }
    for (at, one) in manifests.iter().enumerate() {
        files.push((format!("{at}.yaml"), one.as_bytes().to_vec()));
    }
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(name, text)| (name.as_str(), text.as_slice())).collect();
    folder(&files)
}

/// The verdict on a connection at the end that arrives, or leaves, and what decides it.
#[track_caller]
fn check(resources: &[Value], way: Direction, connection: (&str, &str, u16), expected: &str) {
    let inventory = inventory(resources);
    let directory = Directory::of(&inventory);
    let network = directory.networks[0].clone();
    let (src, dst, dst_port) = connection;
    let tuple = FiveTuple {
        src: src.parse().unwrap(),
        src_port: 0,
        dst: dst.parse().unwrap(),
        dst_port,
        protocol: Protocol::TCP,
    };
    let rules = EffectiveRules::of(&inventory, &network);
    let decision = evaluate(&rules, &directory.flow(tuple, way, &network, None), &mut ());
    let told = vpcwhy::render::sim::decider_words(decision.decider);
    let answer = format!("{} by {told}", decision.verdict);
    assert!(answer.starts_with(expected), "{answer}");
}

const OFFICE: &str = "198.51.100.7";
const NODE: &str = "10.0.1.17";

#[test]
fn any_group_may_allow_and_nothing_else_does() {
    let node = instance("i-1", NODE, Some("192.0.2.14"), &[NODES, OTHERS]);
    let first = group(NODES, value!([tcp(22, 22, &["198.51.100.0/24"], &[])]), everything());
    let second = group(OTHERS, value!([tcp(80, 90, &["198.51.100.0/24"], &[NODES])]), value!([]));
    let all = [node, first, second];
    let arrives = |port| (OFFICE, NODE, port);
    check(&all, Direction::Ingress, arrives(22), "ALLOWED by security group sg-0a11b22c33d44e55f");
    check(&all, Direction::Ingress, arrives(85), "ALLOWED by security group sg-0b22c33d44e55f660");
    check(&all, Direction::Ingress, arrives(91), "DENIED by no rule of the security groups");
    check(&all, Direction::Egress, (NODE, OFFICE, 443), "ALLOWED by security group sg-0a1");
    // There is no implied allow: what no group lets out stays in.
    check(&all[..1], Direction::Egress, (NODE, OFFICE, 443), "UNDETERMINED");
    let shut = [
        instance("i-1", NODE, None, &[OTHERS]),
        group(OTHERS, value!([]), value!([tcp(443, 443, &[], &[NODES])])),
        instance("i-2", "10.0.1.18", None, &[NODES]),
        group(NODES, value!([]), value!([])),
    ];
    check(&shut, Direction::Egress, (NODE, OFFICE, 443), "DENIED by no rule of the security");
    check(&shut, Direction::Egress, (NODE, "10.0.1.18", 443), "ALLOWED by security group sg-0b2");
    check(&shut, Direction::Egress, (NODE, "10.0.1.18", 80), "DENIED");
    // Amazon's own services on link-local addresses are filtered by nobody.
    check(&shut, Direction::Egress, (NODE, "169.254.169.253", 53), "ALLOWED by always allowed");
}

#[test]
fn what_was_not_given_is_not_none() {
    // A group that nobody described may allow anything.
    let unknown = [
        instance("i-1", NODE, None, &[NODES, OTHERS]),
        group(NODES, value!([tcp(22, 22, &["198.51.100.0/24"], &[])]), everything()),
    ];
    check(&unknown, Direction::Ingress, (OFFICE, NODE, 22), "ALLOWED");
    check(&unknown, Direction::Ingress, (OFFICE, NODE, 23), "UNDETERMINED");
    // So may a list of prefixes, and an instance that nobody described.
    let mut listed = tcp(23, 23, &[], &[]);
    listed["PrefixListIds"] = value!([{"PrefixListId": "pl-1"}]);
    let lists = [
        instance("i-1", NODE, None, &[NODES]),
        group(NODES, value!([listed, tcp(24, 24, &[], &[OTHERS])]), everything()),
        subnet("subnet-1", "10.0.1.0/24"),
    ];
    check(&lists, Direction::Ingress, (OFFICE, NODE, 23), "UNDETERMINED");
    check(&lists, Direction::Ingress, (OFFICE, NODE, 24), "DENIED");
    check(&lists, Direction::Ingress, ("10.0.1.99", NODE, 24), "UNDETERMINED");
    check(&lists, Direction::Ingress, (OFFICE, "10.0.1.99", 23), "UNDETERMINED");
    // A permission that names nobody is for nobody.
    let nobody = [
        instance("i-1", NODE, None, &[NODES]),
        group(NODES, value!([tcp(22, 22, &[], &[])]), everything()),
    ];
    check(&nobody, Direction::Ingress, (OFFICE, NODE, 22), "DENIED");
    // An export without EGRESS says nothing of it.
    let mut half = group(NODES, value!([]), value!([]));
    half["SecurityGroups"][0].as_object_mut().unwrap().remove("IpPermissionsEgress");
    let half = [instance("i-1", NODE, None, &[NODES]), half];
    check(&half, Direction::Egress, (NODE, OFFICE, 443), "UNDETERMINED");
}

fn behind(entries: Vec<Value>) -> Vec<Value> {
    vec![
        instance("i-1", NODE, None, &[NODES]),
        instance("i-2", "10.0.1.18", None, &[NODES]),
        group(NODES, value!([tcp(1, 65_535, &["0.0.0.0/0"], &[])]), everything()),
        subnet("subnet-1", "10.0.1.0/24"),
        acl(&["subnet-1"], entries),
    ]
}

#[test]
fn acls_are_ordered_and_keep_no_state() {
    let arrives = (OFFICE, NODE, 30_650);
    let out = |ports| entry(true, 100, "allow", "0.0.0.0/0", ports);
    let all_in = || entry(false, 100, "allow", "0.0.0.0/0", None);
    let of_acl = "DENIED by network ACL acl-0b1c2d3e";
    check(&behind(vec![all_in(), out(None)]), Direction::Ingress, arrives, "ALLOWED");
    // The lower number decides.
    let deny = entry(false, 90, "deny", "198.51.100.0/24", Some((30_000, 31_000)));
    let denied = behind(vec![all_in(), deny, out(None)]);
    check(&denied, Direction::Ingress, arrives, &format!("{of_acl}, rule 90"));
    check(&denied, Direction::Ingress, ("198.51.101.7", NODE, 30_650), "ALLOWED");
    // What no entry allows is denied by the last one, whatever an export says of it.
    check(&behind(vec![out(None)]), Direction::Ingress, arrives, &format!("{of_acl}, rule 32767"));
    // Replies leave by the entries of the other direction, to a port that the client chooses.
    let replies = format!("{of_acl}, for replies");
    check(&behind(vec![all_in()]), Direction::Ingress, arrives, &replies);
    let https = behind(vec![all_in(), out(Some((443, 443)))]);
    check(&https, Direction::Ingress, arrives, &replies);
    let chosen = behind(vec![all_in(), out(Some((1024, 65_535)))]);
    check(&chosen, Direction::Ingress, arrives, "ALLOWED");
    let some = behind(vec![all_in(), out(Some((32_768, 65_535)))]);
    check(&some, Direction::Ingress, arrives, "UNDETERMINED");
    // What stays in its subnet is asked by no ACL, and neither is another subnet.
    let closed = behind(Vec::new());
    check(&closed, Direction::Ingress, ("10.0.1.18", NODE, 22), "ALLOWED");
    let mut elsewhere = behind(Vec::new());
    elsewhere.push(subnet("subnet-2", "10.0.2.0/24"));
    elsewhere[4] = acl(&["subnet-2"], Vec::new());
    check(&elsewhere, Direction::Ingress, arrives, "ALLOWED");
    // Of a subnet that nobody described it is not known whose addresses are in it.
    let mut unknown = behind(Vec::new());
    unknown[4] = acl(&["subnet-9"], Vec::new());
    check(&unknown, Direction::Ingress, arrives, "UNDETERMINED");
}

/// All outputs of a folder, in every form.
fn everything_printed(path: &str, clients: &[&str]) -> String {
    let mut all = String::new();
    let commands: [&[&str]; 8] = [
        &["triage"],
        &["triage", "-v"],
        &["triage", "--format", "json"],
        &["check", "-v"],
        &["expose"],
        &["inventory"],
        &["reach"],
        &["triage", "--format", "markdown"],
    ];
    for command in commands {
        all.push_str(&stdout(&run(&[command, &[path]].concat())));
    }
    for language in ["gcloud", "aws", "terraform", "cnrm", "json"] {
        all.push_str(&stdout(&run(
            &[&["fix", path, "--as", language, "--all"][..], clients].concat()
        )));
    }
    all.push_str(&stdout(&run(&[&["expose", path][..], clients].concat())));
    all
}

#[test]
fn a_missing_rule_is_printed_in_amazons_words_alone() {
    let all = [
        instance("i-1", NODE, Some("192.0.2.14"), &[NODES]),
        group(NODES, value!([tcp(22, 22, &["198.51.100.0/24"], &[])]), everything()),
        subnet("subnet-1", "10.0.1.0/24"),
    ];
    let folder = given(&all, &[SERVICE]);
    let path = folder.path().to_str().unwrap();
    let clients = ["--clients", "203.0.113.0/24,2001:db8:7::/48"];
    let printed = stdout(&run(&["fix", path, clients[0], clients[1], "--as", "aws"]));
    let command = "aws ec2 authorize-security-group-ingress --group-id sg-0a11b22c33d44e55f \
                   --ip-permissions '[{\"IpProtocol\":\"tcp\",\"FromPort\":30650,\"ToPort\":30650,\
                   \"IpRanges\":[{\"CidrIp\":\"203.0.113.0/24\"}]}]'";
    assert!(printed.contains(command), "{printed}");
    let printed = stdout(&run(&["fix", path, clients[0], clients[1], "--as", "terraform"]));
    assert!(printed.contains("resource \"aws_security_group_rule\""), "{printed}");
    assert!(printed.contains("security_group_id = \"sg-0a11b22c33d44e55f\""), "{printed}");
    let fixes = stdout(&run(&["fix", path, clients[0], clients[1], "--as", "json"]));
    let fixes: Value = serde_json::from_str(&fixes).unwrap();
    let fix = &fixes["findings"][0]["fixes"][0];
    assert_eq!(
        (&fix["kind"], &fix["safety"]),
        (&value!("add-security-group-rule"), &value!("review"))
    );
    assert_eq!(fix["proof"]["opens"][0]["ports"], value!(["30650"]));
    assert!(fix["proof"]["still_denied"].as_u64().unwrap() > 0, "{fix:#}");
    let printed = everything_printed(path, &clients);
    for word in ["gcloud", "GKE", "Google Cloud"] {
        let told = printed.lines().filter(|line| line.contains(word));
        let told: Vec<_> = told.filter(|line| !line.contains("\"schema\"")).collect();
        assert!(told.is_empty(), "{told:#?}");
    }
    // What was not given is told with Amazon's commands.
    assert!(printed.contains("aws ec2 describe-network-acls"), "{printed}");
    // Names are validated before they are printed.
    let hostile = [
        instance("i-1", NODE, Some("192.0.2.14"), &["sg-1; rm -rf ~"]),
        group("sg-1; rm -rf ~", value!([]), everything()),
    ];
    let folder = given(&hostile, &[SERVICE]);
    let path = folder.path().to_str().unwrap();
    let printed = stdout(&run(&["fix", path, clients[0], clients[1], "--as", "aws"]));
    assert!(!printed.contains("\naws "), "{printed}");
    assert!(printed.contains("no fix"), "{printed}");
}

#[test]
fn nothing_is_opened_past_an_acl_or_to_everybody() {
    let node = || instance("i-1", NODE, Some("192.0.2.14"), &[NODES]);
    let shut = || group(NODES, value!([]), everything());
    let fixes = |all: &[Value], clients: &str| {
        let folder = given(all, &[SERVICE]);
        let path = folder.path().to_str().unwrap().to_owned();
        stdout(&run(&["fix", &path, "--clients", clients, "--as", "aws"]))
    };
    let entries = vec![entry(true, 100, "allow", "0.0.0.0/0", None)];
    let closed = [node(), shut(), subnet("subnet-1", "10.0.1.0/24"), acl(&["subnet-1"], entries)];
    let printed = fixes(&closed, "203.0.113.0/24");
    assert!(printed.contains("no entry of network ACL acl-0b1c2d3e allows it"), "{printed}");
    let entries = vec![
        entry(false, 50, "deny", "203.0.113.0/24", None),
        entry(false, 100, "allow", "0.0.0.0/0", None),
        entry(true, 100, "allow", "0.0.0.0/0", None),
    ];
    let named = [node(), shut(), subnet("subnet-1", "10.0.1.0/24"), acl(&["subnet-1"], entries)];
    let printed = fixes(&named, "203.0.113.0/24");
    assert!(printed.contains("intended denial: rule acl-0b1c2d3e 50"), "{printed}");
    let printed = fixes(&[node(), shut()], "0.0.0.0/0");
    assert!(printed.contains("name who is to come") && !printed.contains("\naws "), "{printed}");
    // The group that all nodes carry is the one, and where there is none nothing is printed.
    let second = instance("i-2", "10.0.1.18", None, &[OTHERS]);
    let apart = [node(), shut(), second, group(OTHERS, value!([]), everything())];
    let printed = fixes(&apart, "203.0.113.0/24");
    assert!(printed.contains("no security group is known that all"), "{printed}");
}

#[test]
fn ways_into_a_cluster_on_amazon() {
    let world = |ranges: &[&str], external, service: &str| {
        let all = [
            instance("i-1", NODE, external, &[NODES]),
            group(NODES, value!([tcp(30_000, 32_767, ranges, &[])]), everything()),
        ];
        let folder = given(&all, &[service]);
        let path = folder.path().to_str().unwrap().to_owned();
        let report = json(&["check", &path]);
        (json(&["expose", &path])["ways"][0].clone(), report)
    };
    let external = Some("192.0.2.14");
    let (way, report) = world(&["0.0.0.0/0"], external, SERVICE);
    assert_eq!((&way["verdict"], &way["clients"]), (&value!("ALLOWED"), &value!(["0.0.0.0/0"])));
    let open = findings(&report, "exposure-too-open");
    assert!(open[0]["no_fix"].as_str().unwrap().contains("narrow the sources of rule sg-0a1"));
    let (way, report) = world(&["198.51.100.0/24"], external, SERVICE);
    assert_eq!(way["clients"], value!(["198.51.100.0/24"]), "{way:#}");
    assert!(findings(&report, "exposure-too-open").is_empty());
    // Nodes without an external address are reached from inside only.
    let (way, report) = world(&["0.0.0.0/0"], None, SERVICE);
    assert!(findings(&report, "exposure-too-open").is_empty(), "{way:#}");
    // A Network Load Balancer keeps the client's address: the nodes' groups decide.
    let balancer = |kind: &str| {
        SERVICE.replace("type: NodePort", "type: LoadBalancer").replace(
            "labels:",
            &format!(
                "annotations: {{service.beta.kubernetes.io/aws-load-balancer-type: {kind}}}, labels:"
            ),
        )
    };
    let (way, _) = world(&["198.51.100.0/24"], external, &balancer("nlb"));
    assert_eq!(
        (&way["kind"], &way["clients"]),
        (&value!("load-balancer"), &value!(["198.51.100.0/24"]))
    );
    // A classic one has a group of its own: its own word is all there is.
    let (way, _) = world(&["198.51.100.0/24"], external, &balancer("classic"));
    assert_eq!(
        (&way["verdict"], &way["clients"]),
        (&value!("UNDETERMINED"), &value!(["0.0.0.0/0"]))
    );
}

/// Groups belong to an interface: another one of the same instance may carry others.
#[test]
fn each_interface_has_groups_of_its_own() {
    let nic = |id: &str, address: &str, group: &str, more: Value| {
        value!({"NetworkInterfaceId": id, "PrivateIpAddress": address, "VpcId": VPC,
                "Groups": [{"GroupId": group}], "PrivateIpAddresses": more})
    };
    let pods = value!([{"PrivateIpAddress": "10.0.1.60"}, {"PrivateIpAddress": "10.0.1.61"}]);
    let mut node = instance("i-1", NODE, None, &[NODES, OTHERS]);
    node["Reservations"][0]["Instances"][0]["NetworkInterfaces"] =
        value!([nic("eni-1", NODE, NODES, value!([])), nic("eni-2", "10.0.1.50", OTHERS, pods),]);
    let all = [
        node,
        group(NODES, value!([tcp(22, 22, &["0.0.0.0/0"], &[])]), value!([])),
        group(OTHERS, value!([tcp(80, 80, &["0.0.0.0/0"], &[])]), value!([])),
        subnet("subnet-1", "10.0.1.0/24"),
    ];
    for (address, port, expected) in [
        (NODE, 22, "ALLOWED"),
        (NODE, 80, "DENIED"),
        ("10.0.1.50", 22, "DENIED"),
        ("10.0.1.50", 80, "ALLOWED"),
        ("10.0.1.61", 80, "ALLOWED"),
        ("10.0.1.61", 22, "DENIED"),
    ] {
        check(&all, Direction::Ingress, (OFFICE, address, port), expected);
    }
}

/// The other end is known by any private address, in a peered VPC, too.
#[test]
fn references_match_pods_and_peered_vpcs() {
    let nic = value!([{"NetworkInterfaceId": "eni-1", "PrivateIpAddress": NODE, "VpcId": VPC,
        "Groups": [{"GroupId": NODES}],
        "PrivateIpAddresses": [{"PrivateIpAddress": NODE}, {"PrivateIpAddress": "10.0.1.60"}]}]);
    let mut node = instance("i-1", NODE, None, &[NODES]);
    node["Reservations"][0]["Instances"][0]["NetworkInterfaces"] = nic;
    let mut peer = instance("i-9", "10.9.1.5", None, &[OTHERS]);
    peer["Reservations"][0]["Instances"][0]["VpcId"] = value!("vpc-99999999");
    let mut by_name = tcp(90, 90, &[], &[]);
    by_name["UserIdGroupPairs"] = value!([{"GroupName": "web", "UserId": "444455556666"}]);
    let rules = value!([tcp(443, 443, &[], &[OTHERS]), tcp(80, 80, &[], &[NODES]), by_name]);
    let all =
        [node, peer, instance("i-2", "10.0.1.18", None, &[NODES]), group(NODES, rules, value!([]))];
    let network = |inventory: &vpcwhy::model::Inventory| {
        let known = inventory.known_networks();
        known.into_iter().find(|one| one.name == VPC).unwrap()
    };
    let verdict = |src: &str, port: u16| {
        let inventory = inventory(&all);
        let directory = Directory::of(&inventory);
        let network = network(&inventory);
        let tuple = FiveTuple {
            src: src.parse().unwrap(),
            src_port: 0,
            dst: "10.0.1.18".parse().unwrap(),
            dst_port: port,
            protocol: Protocol::TCP,
        };
        let flow = directory.flow(tuple, Direction::Ingress, &network, None);
        evaluate(&EffectiveRules::of(&inventory, &network), &flow, &mut ()).verdict
    };
    for (src, port, expected) in [
        ("10.9.1.5", 443, Verdict::Allowed),
        ("10.9.1.5", 80, Verdict::Denied),
        ("10.9.1.6", 443, Verdict::Undetermined),
        ("10.0.1.60", 80, Verdict::Allowed),
        (OFFICE, 80, Verdict::Denied),
        (OFFICE, 90, Verdict::Undetermined),
    ] {
        assert_eq!(verdict(src, port), expected, "{src} {port}");
    }
}

/// What somebody else made says nothing of what was meant.
#[test]
fn what_is_near_is_not_mistaken() {
    // RDP that an ACL denies is no word about the replies of everything else.
    let out = entry(true, 100, "allow", "0.0.0.0/0", None);
    let rdp = |egress| entry(egress, 50, "deny", "0.0.0.0/0", Some((3389, 3389)));
    let all_in = entry(false, 100, "allow", "0.0.0.0/0", None);
    let all = behind(vec![rdp(false), rdp(true), all_in, out]);
    check(&all, Direction::Ingress, (OFFICE, NODE, 443), "ALLOWED");
    check(&all, Direction::Egress, (NODE, OFFICE, 443), "ALLOWED");
    check(&all, Direction::Ingress, (OFFICE, NODE, 3389), "DENIED");
    // A stopped node serves nothing, and a bastion is no node of a cluster that was described.
    let mut stopped = instance("i-2", "10.0.1.18", Some("192.0.2.15"), &[OTHERS]);
    stopped["Reservations"][0]["Instances"][0]["State"] = value!({"Code": 80, "Name": "stopped"});
    let open = [
        instance("i-1", NODE, Some("192.0.2.14"), &[NODES]),
        stopped,
        group(NODES, value!([tcp(30_650, 30_650, &["0.0.0.0/0"], &[])]), everything()),
        group(OTHERS, value!([]), everything()),
    ];
    let folder = given(&open, &[SERVICE]);
    let way = json(&["expose", folder.path().to_str().unwrap()])["ways"][0].clone();
    assert_eq!(way["verdict"], "ALLOWED", "{way:#}");
    // An external address is asked where it leads.
    let path = folder.path().to_str().unwrap();
    let told = json(&["why", OFFICE, "192.0.2.14:30650", path]);
    assert_eq!(told["asked"][0]["decision"]["verdict"], "ALLOWED", "{told:#}");
    // An ACL that shuts out the internet leaves nobody, though the subnet is not asked by it.
    let mut shut = behind(vec![
        entry(true, 100, "allow", "0.0.0.0/0", None),
        entry(false, 100, "allow", "10.0.0.0/8", None),
    ]);
    shut[0] = instance("i-1", NODE, Some("192.0.2.14"), &[NODES]);
    let folder = given(&shut, &[SERVICE]);
    let way = json(&["expose", folder.path().to_str().unwrap()])["ways"][0].clone();
    assert_eq!((&way["verdict"], &way["clients"]), (&value!("DENIED"), &value!([])), "{way:#}");
    // Balancers of the controller have groups of their own, and are internal unless told.
    let controller = SERVICE.replace("type: NodePort", "type: LoadBalancer").replace(
        "labels:",
        "annotations: {service.beta.kubernetes.io/aws-load-balancer-type: external}, labels:",
    );
    let folder = given(&open[..3], &[&controller]);
    let path = folder.path().to_str().unwrap();
    let way = json(&["expose", path])["ways"][0].clone();
    assert_eq!(way["verdict"], "UNDETERMINED", "{way:#}");
    assert!(!way["clients"].to_string().contains("0.0.0.0/0"), "{way:#}");
    let fixes = stdout(&run(&["fix", path, "--clients", "203.0.113.0/24", "--as", "aws"]));
    assert!(!fixes.contains("\naws "), "{fixes}");
}

/// Balancers, databases and functions have interfaces with groups, and are no nodes.
#[test]
fn interfaces_of_others_carry_groups_too() {
    let of = |address: &str, group: &str| {
        value!({"NetworkInterfaces": [{"NetworkInterfaceId": "eni-0a0b0c0d", "VpcId": VPC,
            "PrivateIpAddress": address, "Description": "RDSNetworkInterface",
            "Groups": [{"GroupId": group, "GroupName": "db"}]}]})
    };
    let all = [
        instance("i-1", NODE, None, &[NODES]),
        of("10.0.1.40", OTHERS),
        group(NODES, value!([]), everything()),
        group(OTHERS, value!([tcp(5432, 5432, &[], &[NODES])]), value!([])),
    ];
    check(&all, Direction::Ingress, (NODE, "10.0.1.40", 5432), "ALLOWED by security group sg-0b2");
    check(&all, Direction::Ingress, (NODE, "10.0.1.40", 22), "DENIED");
    check(&all, Direction::Ingress, (OFFICE, "10.0.1.40", 5432), "DENIED");
    let folder = given(&all, &[SERVICE]);
    let report = json(&["inventory", folder.path().to_str().unwrap()]);
    assert_eq!(report["inventory"]["clusters"], 1);
}

#[test]
fn differences_are_told_in_the_defaults_of_amazon() {
    let world = |ranges: &[&str]| {
        let all = [
            instance("i-1", NODE, None, &[NODES]),
            group(NODES, value!([tcp(22, 22, ranges, &[])]), value!([])),
        ];
        given(&all, &[])
    };
    let (narrow, wide) = (world(&["198.51.100.0/24"]), world(&["198.51.100.0/23"]));
    let empty = given(&[subnet("subnet-1", "10.9.0.0/24")], &[]);
    let told = |old: &TempDir, new: &TempDir| {
        json(&["diff", old.path().to_str().unwrap(), new.path().to_str().unwrap()])
    };
    let answer = told(&narrow, &wide);
    assert_eq!(answer["opens"][0]["sources"], value!(["198.51.101.0/24"]), "{answer:#}");
    assert_eq!(answer["closes"], value!([]));
    assert_eq!(told(&narrow, &narrow)["opens"], value!([]));
    // A VPC without a group: nothing gets in or out, so a group can only open.
    let answer = told(&empty, &narrow);
    assert_eq!(answer["closes"], value!([]), "{answer:#}");
    assert_eq!(answer["opens"][0]["ports"], value!(["22"]));
}

#[test]
fn all_forms_of_one_description_are_the_same() {
    let all = [
        instance("i-1", NODE, Some("192.0.2.14"), &[NODES]),
        group(NODES, value!([tcp(22, 22, &["198.51.100.0/24"], &[])]), everything()),
        subnet("subnet-1", "10.0.1.0/24"),
        acl(&["subnet-1"], vec![entry(false, 100, "allow", "0.0.0.0/0", None)]),
        value!({"Vpcs": [{"VpcId": VPC, "CidrBlock": "10.0.0.0/16"}]}),
    ];
    let counts = |folder: &TempDir| {
        let report = json(&["check", folder.path().to_str().unwrap()]);
        assert_eq!(report["complaints"], value!([]));
        report["inventory"].clone()
    };
    let json_counts = counts(&given(&all, &[]));
    for (key, count) in
        [("security_groups", 1), ("network_acls", 1), ("instances", 1), ("subnetworks", 1)]
    {
        assert_eq!(json_counts[key], count, "{json_counts:#}");
    }
    assert_eq!(json_counts["firewall_policies"], 0);
    let yaml: Vec<String> = all.iter().map(unfolded).collect();
    let yaml: Vec<&str> = yaml.iter().map(String::as_str).collect();
    assert_eq!(counts(&given(&[], &yaml)), json_counts);
    // Single objects, as `--query` or jq leave them.
    let bare: Vec<Value> = vec![
        all[0]["Reservations"][0]["Instances"][0].clone(),
        all[1]["SecurityGroups"][0].clone(),
        all[2]["Subnets"][0].clone(),
        all[3]["NetworkAcls"][0].clone(),
        all[4]["Vpcs"][0].clone(),
    ];
    assert_eq!(counts(&given(&bare, &[])), json_counts);
}

/// As `--output yaml` writes it, block by block.
fn unfolded(value: &Value) -> String {
    fn put(value: &Value, indent: usize, out: &mut String) {
        let pad = " ".repeat(indent);
        match value {
            Value::Object(members) => {
                for (key, member) in members {
                    match member {
                        Value::Object(inner) if !inner.is_empty() => {
                            out.push_str(&format!("{pad}{key}:\n"));
                            put(member, indent + 2, out);
                        }
                        Value::Array(list) if !list.is_empty() => {
                            out.push_str(&format!("{pad}{key}:\n"));
                            for element in list {
                                let mut text = String::new();
                                put(element, indent + 2, &mut text);
                                let rest = text.get(indent + 2..).unwrap_or_default();
                                out.push_str(&format!("{pad}- {rest}"));
                            }
                        }
                        _ => out.push_str(&format!("{pad}{key}: {member}\n")),
                    }
                }
            }
            other => out.push_str(&format!("{pad}{other}\n")),
        }
    }
    let mut out = String::new();
    put(value, 0, &mut out);
    out
}

#[derive(Debug, Clone)]
struct Permission {
    ranges: Vec<u8>,
    groups: Vec<usize>,
    ports: Option<(u16, u16)>,
}

#[derive(Debug, Clone)]
struct Entry {
    egress: bool,
    number: u32,
    allow: bool,
    range: u8,
    ports: Option<(u16, u16)>,
}

/// Four ranges that hold one another, by the bits of the third byte.
const RANGES: [(&str, u32, u32); 4] = [
    ("0.0.0.0/0", 0, 0),
    ("10.0.0.0/16", 0x0a00_0000, 16),
    ("10.0.2.0/24", 0x0a00_0200, 24),
    ("198.51.100.0/24", 0xc633_6400, 24),
];

fn in_range(range: u8, address: u32) -> bool {
    let (_, base, length) = RANGES[usize::from(range)];
    (0..length).all(|bit| (base >> (31 - bit)) & 1 == (address >> (31 - bit)) & 1)
}

const GROUPS: [&str; 3] = ["sg-0000000000000000a", "sg-0000000000000000b", "sg-0000000000000000c"];

fn permission() -> impl Strategy<Value = Permission> {
    let ports = prop_oneof![Just(None), Just(Some((22, 22))), Just(Some((20, 25)))];
    (prop::collection::vec(0_u8..4, 0..3), prop::collection::vec(0_usize..3, 0..2), ports)
        .prop_map(|(ranges, groups, ports)| Permission { ranges, groups, ports })
}

fn acl_entry() -> impl Strategy<Value = Entry> {
    let ports = prop_oneof![
        Just(None),
        Just(Some((22, 22))),
        Just(Some((0, 1023))),
        Just(Some((1024, 65_535))),
        Just(Some((40_000, 65_535))),
    ];
    (any::<bool>(), 1_u32..20, any::<bool>(), 0_u8..4, ports).prop_map(
        |(egress, number, allow, range, ports)| Entry { egress, number, allow, range, ports },
    )
}

fn permits(all: &[Permission], peer: u32, peers: &[usize], port: u16) -> bool {
    all.iter().any(|one| {
        let by_port = one.ports.is_none_or(|(low, high)| low <= port && port <= high);
        let by_peer = one.ranges.iter().any(|range| in_range(*range, peer))
            || one.groups.iter().any(|group| peers.contains(group));
        by_port && by_peer
    })
}

/// What the first entry by number says; the list is of one direction.
fn first_says(entries: &[Entry], egress: bool, peer: u32, port: u16) -> bool {
    let mut own: Vec<&Entry> = entries.iter().filter(|entry| entry.egress == egress).collect();
    own.sort_by_key(|entry| entry.number);
    let found = own.into_iter().find(|entry| {
        in_range(entry.range, peer)
            && entry.ports.is_none_or(|(low, high)| low <= port && port <= high)
    });
    found.is_some_and(|entry| entry.allow)
}

/// The verdict by a plain reading: both ways through the ACL, then any group.
fn plain(
    groups: &[(Vec<Permission>, Vec<Permission>)],
    entries: &[Entry],
    own: &[usize],
    (egress, peer, peers, port): (bool, u32, &[usize], u16),
    same_subnet: bool,
) -> Verdict {
    let allowed = own.iter().any(|group| {
        let (ingress, out) = &groups[*group];
        permits(if egress { out } else { ingress }, peer, peers, port)
    });
    let forth = same_subnet || first_says(entries, egress, peer, port);
    if !allowed || !forth {
        return Verdict::Denied;
    }
    let back: Vec<bool> = [1024, 20_000, 39_999, 40_000, 65_535]
        .iter()
        .map(|chosen| same_subnet || first_says(entries, !egress, peer, *chosen))
        .collect();
    match (back.iter().all(|one| *one), back.iter().any(|one| *one)) {
        (true, _) => Verdict::Allowed,
        (false, false) => Verdict::Denied,
        (false, true) => Verdict::Undetermined,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn groups_and_acls_are_judged_as_a_plain_reading_judges(
        permissions in prop::collection::vec(
            (prop::collection::vec(permission(), 0..3), prop::collection::vec(permission(), 0..3)), 3),
        entries in prop::collection::vec(acl_entry(), 0..6),
        own in prop::collection::btree_set(0_usize..3, 1..3),
        peers in prop::collection::btree_set(0_usize..3, 1..3),
        to in 0_usize..4,
        egress in any::<bool>(),
        open in prop::collection::vec(prop::bool::weighted(0.8), 2),
        port in prop_oneof![Just(22_u16), Just(24), Just(443)],
    ) {
        // Numbers are unique in an ACL, for each direction.
        let mut numbers = std::collections::BTreeSet::new();
        let mut entries: Vec<Entry> =
            entries.into_iter().filter(|one| numbers.insert((one.egress, one.number))).collect();
        // Most ACLs end with an entry that allows the rest: without it nearly all is denied.
        for (egress, _) in [false, true].into_iter().zip(&open).filter(|(_, open)| **open) {
            entries.push(Entry { egress, number: 50, allow: true, range: 0, ports: None });
        }
        let own: Vec<usize> = own.into_iter().collect();
        let peers: Vec<usize> = peers.into_iter().collect();
        let named = |list: &[usize]| -> Vec<&str> { list.iter().map(|at| GROUPS[*at]).collect() };
        let (node, inner, outer) = ("10.0.2.1", "10.0.2.2", "10.0.3.3");
        let mut all = vec![
            instance("i-1", node, None, &named(&own)),
            instance("i-2", inner, None, &named(&peers)),
            instance("i-3", outer, None, &named(&peers)),
            subnet("subnet-2", "10.0.2.0/24"),
            subnet("subnet-3", "10.0.3.0/24"),
        ];
        let said = |one: &Permission| {
            let ranges: Vec<Value> = one.ranges.iter()
                .map(|range| value!({"CidrIp": RANGES[usize::from(*range)].0})).collect();
            let groups: Vec<Value> =
                one.groups.iter().map(|group| value!({"GroupId": GROUPS[*group]})).collect();
            let mut said = value!({"IpProtocol": if one.ports.is_some() { "tcp" } else { "-1" },
                                   "IpRanges": ranges, "UserIdGroupPairs": groups});
            if let Some((low, high)) = one.ports {
                said["FromPort"] = value!(low);
                said["ToPort"] = value!(high);
            }
            said
        };
        for (id, (ingress, out)) in GROUPS.iter().zip(&permissions) {
            let list = |all: &[Permission]| Value::Array(all.iter().map(said).collect());
            all.push(group(id, list(ingress), list(out)));
        }
        let texts = entries.iter().map(|one| {
            let action = if one.allow { "allow" } else { "deny" };
            entry(one.egress, one.number, action, RANGES[usize::from(one.range)].0, one.ports)
        });
        all.push(acl(&["subnet-2"], texts.collect()));
        let peer = [inner, outer, OFFICE, "203.0.113.9"][to];
        let address: Ipv4Addr = peer.parse().unwrap();
        let (mine, theirs): (IpAddr, IpAddr) = (node.parse().unwrap(), IpAddr::V4(address));
        let (src, dst) = if egress { (mine, theirs) } else { (theirs, mine) };
        let tuple = FiveTuple { src, src_port: 0, dst, dst_port: port, protocol: Protocol::TCP };
        let carried: &[usize] = if to < 2 { &peers } else { &[] };
        let expected = plain(
            &permissions, &entries, &own, (egress, u32::from(address), carried, port), to == 0);

        let inventory = inventory(&all);
        let directory = Directory::of(&inventory);
        let network = directory.networks[0].clone();
        let way = if egress { Direction::Egress } else { Direction::Ingress };
        let flow = directory.flow(tuple, way, &network, None);
        let rules = EffectiveRules::of(&inventory, &network);
        let found = evaluate(&rules, &flow, &mut ()).verdict;
        // An entry for some of the ports that clients choose leaves it open, unless others decide.
        let is_part = |one: &Entry| one.egress != egress && one.ports == Some((40_000, 65_535));
        let open = entries.iter().any(is_part);
        prop_assert!(
            found == expected || open && found == Verdict::Undetermined,
            "{found} instead of {expected}: {all:#?}"
        );
    }
}
