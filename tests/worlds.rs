//! The oracle: what a network's firewall does, written down a second time to be read, and compared
//! with the engine on a million connections and on a small world in full.
//!
//! It shares nothing with the engine: its own rules in plain numbers, its own test of ranges and
//! ports, its own order of stages. What a question leaves open it answers by trying every world that
//! the question allows: with this tag or without, resolved this way or that. The engine must say
//! ALLOWED only where all worlds allow, DENIED only where all deny.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that fails says where, and reads what it likes"
)]

use std::collections::BTreeSet;

use vpcwhy::engine::{
    Decider, Decision, EffectiveRules, Endpoint, Facts, Flow, Geography, Place, Space, Trace,
    Verdict, evaluate, evaluate_all,
};
use vpcwhy::model::firewall::{GoogleList, Layer4, NetworkContext};
use vpcwhy::model::{
    Action, FirewallPolicy, FirewallRule, Inventory, Network, PolicyKind, Reference,
};
use vpcwhy::net::{AddressSet, Direction, FiveTuple, IpNet, PortSet, Protocol};

// ---- the world in plain numbers -------------------------------------------------------------

/// Stages in the order of a network that asks its policies after the VPC rules.
const STAGES: [&str; 6] = ["organisation", "folder", "system", "vpc", "global", "regional"];
const VPC: usize = 3;
const GLOBAL: usize = 4;
const REGIONAL: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Does {
    Allow,
    Deny,
    Next,
    Inspect,
}

/// A range of addresses of one family: first, last.
type Span = (bool, u128, u128);

/// Protocol (none for all) and ranges of ports (none for all).
type Layer = (Option<u8>, Option<Vec<(u16, u16)>>);

#[derive(Debug, Clone)]
struct Rule {
    stage: usize,
    ingress: bool,
    priority: u32,
    does: Does,
    off: bool,
    sources: Vec<Span>,
    destinations: Vec<Span>,
    /// Names that the source may carry: bits 0 and 1 are tags, 2 and 3 accounts, 4 a secure tag.
    source_names: u8,
    targets: u8,
    layers: Vec<Layer>,
    /// A list of names that may hold anything, and one that holds public addresses only.
    names_list: bool,
    country_list: bool,
    /// 0 none, 1 internet, 2 not internet, 3 same network, 4 the network "other".
    context: u8,
    /// Only for the network "other".
    for_other_network: bool,
}

#[derive(Debug, Clone, Copy)]
struct Question {
    v6: bool,
    src: u128,
    dst: u128,
    protocol: u8,
    port: u16,
    ingress: bool,
    /// What the VM carries, and which of these bits are known.
    own: u8,
    own_known: u8,
    peer: u8,
    peer_known: u8,
    /// 0 unknown, 1 internet, 2 not internet, 3 this network, 4 "other".
    place: u8,
    external: bool,
    /// 0 unknown, 1 the regional policy's, 2 another.
    region: u8,
    /// 0 unknown, 1 policies after the VPC rules, 2 before.
    order: u8,
}

/// One way in which everything that is open may turn out.
#[derive(Debug, Clone, Copy)]
struct World {
    own: u8,
    peer: u8,
    internet: bool,
    in_network: u8,
    here: bool,
    policies_first: bool,
    /// A bit a rule: whether its list holds the other end.
    lists: u32,
}

// ---- the oracle ----------------------------------------------------------------------------

fn within(spans: &[Span], v6: bool, address: u128) -> bool {
    spans.iter().any(|(family, first, last)| *family == v6 && *first <= address && address <= *last)
}

fn is_private(v6: bool, address: u128) -> bool {
    if v6 {
        // fc00::/7, fe80::/10, ::1
        return address >> 121 == 0xFC >> 1 || address >> 118 == 0xFE80 >> 6 || address == 1;
    }
    let byte = |at: u32| address >> (24 - 8 * at) & 0xFF;
    match byte(0) {
        10 | 127 | 240.. => true,
        172 => (16..32).contains(&byte(1)),
        192 => byte(1) == 168,
        100 => (64..128).contains(&byte(1)),
        169 => byte(1) == 254,
        _ => false,
    }
}

fn has_ports(protocol: u8) -> bool {
    protocol == 6 || protocol == 17 || protocol == 132
}

fn speaks(rule: &Rule, asked: &Question) -> bool {
    rule.layers.iter().any(|(protocol, ports)| {
        let same = protocol.is_none() || *protocol == Some(asked.protocol);
        let port = match ports {
            None => true,
            Some(ranges) => {
                has_ports(asked.protocol)
                    && ranges.iter().any(|(low, high)| *low <= asked.port && asked.port <= *high)
            }
        };
        same && port
    })
}

fn matches(number: usize, rule: &Rule, asked: &Question, world: &World) -> bool {
    if rule.off || rule.ingress != asked.ingress || rule.for_other_network {
        return false;
    }
    if rule.targets != 0 && rule.targets & world.own == 0 {
        return false;
    }
    if !speaks(rule, asked) {
        return false;
    }
    let peer = if asked.ingress { asked.src } else { asked.dst };
    let holds = world.lists >> number & 1 == 1;
    let listed =
        rule.names_list && holds || rule.country_list && holds && !is_private(asked.v6, peer);
    let has_list = rule.names_list || rule.country_list;
    // On the side of the other end: ranges or names or lists, if there are any at all.
    let from_names = rule.ingress && rule.source_names & world.peer != 0;
    let some_source =
        !rule.sources.is_empty() || rule.ingress && (rule.source_names != 0 || has_list);
    let source = !some_source
        || within(&rule.sources, asked.v6, asked.src)
        || from_names
        || rule.ingress && listed;
    let some_destination = !rule.destinations.is_empty() || !rule.ingress && has_list;
    let destination = !some_destination
        || within(&rule.destinations, asked.v6, asked.dst)
        || !rule.ingress && listed;
    // A VPC rule without any range means every IPv4 address.
    let nothing_said = rule.stage == VPC && !some_source && rule.destinations.is_empty();
    let family = !nothing_said || !asked.v6 || world.lists >> 31 & 1 == 1;
    let context = match rule.context {
        0 => true,
        1 => world.internet,
        2 => !world.internet,
        3 => world.in_network == 3,
        _ => world.in_network == 4,
    };
    source && destination && family && context
}

/// True for allowed; `None` where a firewall endpoint decides.
fn decide(rules: &[Rule], asked: &Question, world: &World) -> Option<bool> {
    let order: [usize; 6] =
        if world.policies_first { [0, 1, 2, 4, 5, 3] } else { [0, 1, 2, 3, 4, 5] };
    for stage in order {
        if stage == REGIONAL && !world.here {
            continue;
        }
        let mut best: Option<&Rule> = None;
        for (number, rule) in rules.iter().enumerate() {
            if rule.stage != stage || !matches(number, rule, asked, world) {
                continue;
            }
            let better = match best {
                None => true,
                Some(before) => {
                    rule.priority < before.priority
                        || rule.priority == before.priority && strength(rule) < strength(before)
                }
            };
            if better {
                best = Some(rule);
            }
        }
        match best.map(|rule| rule.does) {
            Some(Does::Allow) => return Some(true),
            Some(Does::Deny) => return Some(false),
            Some(Does::Inspect) => return None,
            Some(Does::Next) | None => {}
        }
    }
    Some(!asked.ingress)
}

/// Between equal priorities: deny, allow, hand on.
fn strength(rule: &Rule) -> u8 {
    match rule.does {
        Does::Deny => 0,
        Does::Allow => 1,
        Does::Next => 2,
        Does::Inspect => 3,
    }
}

/// Every way that what a VM carries may turn out: two tags, one of two accounts or none, and a
/// secure tag.
fn carried(known: u8, bits: u8) -> Vec<u8> {
    let mut all = Vec::new();
    for tags in 0..4u8 {
        for account in [0u8, 4, 8] {
            for secure in [0u8, 16] {
                let one = tags | account | secure;
                // Of a kind all or nothing is known.
                let fits = |kind: u8| known & kind != kind || bits & kind == one & kind;
                if fits(3) && fits(12) && fits(16) {
                    all.push(one);
                }
            }
        }
    }
    all
}

fn worlds(rules: &[Rule], asked: &Question) -> Vec<World> {
    let with_lists: Vec<usize> = rules
        .iter()
        .enumerate()
        .filter(|(_, rule)| rule.names_list || rule.country_list)
        .map(|(number, _)| number)
        .collect();
    let mut lists = vec![0u32];
    for number in with_lists {
        lists = lists.iter().flat_map(|bits| [*bits, *bits | 1 << number]).collect();
    }
    // Whether a rule that names nothing at all speaks of IPv6 is not said anywhere.
    if asked.v6 {
        lists = lists.iter().flat_map(|bits| [*bits, *bits | 1 << 31]).collect();
    }
    let places: &[(bool, u8)] = match asked.place {
        0 => &[(true, 0), (false, 0), (false, 3), (false, 4)],
        1 => &[(true, 0)],
        2 => &[(false, 0), (false, 3), (false, 4)],
        3 => &[(false, 3)],
        _ => &[(false, 4)],
    };
    let here: &[bool] = match asked.region {
        0 => &[true, false],
        1 => &[true],
        _ => &[false],
    };
    let orders: &[bool] = match asked.order {
        0 => &[true, false],
        1 => &[false],
        _ => &[true],
    };
    let mut all = Vec::new();
    for own in carried(asked.own_known, asked.own) {
        for peer in carried(asked.peer_known, asked.peer) {
            for (internet, in_network) in places {
                for here in here {
                    for policies_first in orders {
                        for lists in &lists {
                            all.push(World {
                                own,
                                peer,
                                internet: *internet,
                                in_network: *in_network,
                                here: *here,
                                policies_first: *policies_first,
                                lists: *lists,
                            });
                        }
                    }
                }
            }
        }
    }
    all
}

/// What cannot be blocked, and what cannot be allowed.
fn fixed(asked: &Question) -> Option<bool> {
    let peer = if asked.ingress { asked.src } else { asked.dst };
    if !asked.v6 && peer == 0xA9FE_A9FE {
        return Some(true);
    }
    if asked.ingress {
        let dhcp = if asked.v6 { 546 } else { 68 };
        return (asked.protocol == 17 && asked.port == dhcp).then_some(false);
    }
    let usual = [1, 4, 6, 17, 47, 50, 51, 58, 132].contains(&asked.protocol);
    let mail = asked.protocol == 6 && asked.port == 25;
    (asked.external && (mail || !usual)).then_some(false)
}

/// Every answer that is possible.
fn possible(rules: &[Rule], asked: &Question) -> BTreeSet<Option<bool>> {
    if let Some(answer) = fixed(asked) {
        return BTreeSet::from([Some(answer)]);
    }
    worlds(rules, asked).iter().map(|world| decide(rules, asked, world)).collect()
}

// ---- the same for the engine ---------------------------------------------------------------

const NAMES: [&str; 5] = ["a", "b", "x@p", "y@p", "tagValues/1"];

fn address(v6: bool, bits: u128) -> std::net::IpAddr {
    if v6 {
        std::net::Ipv6Addr::from_bits(bits).into()
    } else {
        std::net::Ipv4Addr::from_bits(u32::try_from(bits).unwrap()).into()
    }
}

fn nets(spans: &[Span]) -> Vec<IpNet> {
    let set = spans.iter().map(|(v6, first, last)| (address(*v6, *first), address(*v6, *last)));
    AddressSet::of_parts(&set.collect::<Vec<_>>()).ranges()
}

fn network() -> Reference {
    Reference::new(Some("p"), "n")
}

fn engine_rule(number: usize, rule: &Rule) -> FirewallRule {
    let direction = if rule.ingress { Direction::Ingress } else { Direction::Egress };
    let action = match rule.does {
        Does::Allow => Action::Allow,
        Does::Deny => Action::Deny,
        Does::Next => Action::GotoNext,
        Does::Inspect => Action::Inspect,
    };
    let mut made = FirewallRule::new(network(), direction, rule.priority, action);
    made.name = Some(format!("r{number}"));
    if rule.stage != VPC {
        made.policy = Some(STAGES[rule.stage].to_owned());
    }
    made.disabled = rule.off;
    made.set_source_ranges(nets(&rule.sources));
    made.set_destination_ranges(nets(&rule.destinations));
    let names = |bits: u8, places: std::ops::Range<usize>| -> BTreeSet<String> {
        places.filter(|at| bits >> at & 1 == 1).map(|at| NAMES[at].to_owned()).collect()
    };
    made.targets.tags = names(rule.targets, 0..2);
    made.targets.service_accounts = names(rule.targets, 2..4);
    made.targets.secure_tags = names(rule.targets, 4..5);
    if rule.ingress {
        made.source_identity.tags = names(rule.source_names, 0..2);
        made.source_identity.service_accounts = names(rule.source_names, 2..4);
        made.source_identity.secure_tags = names(rule.source_names, 4..5);
    }
    made.layer4 = rule
        .layers
        .iter()
        .map(|(protocol, ports)| Layer4 {
            protocol: protocol.map(Protocol),
            ports: ports.as_ref().map(|ranges| PortSet::of_ranges(ranges.iter().copied())),
        })
        .collect();
    let conditions =
        if rule.ingress { &mut made.source_conditions } else { &mut made.destination_conditions };
    if rule.names_list {
        conditions.lists.insert(GoogleList::Fqdn(vec!["example.com".to_owned()]));
    }
    if rule.country_list {
        conditions.lists.insert(GoogleList::Region(vec!["XX".to_owned()]));
    }
    conditions.context = match rule.context {
        0 => None,
        1 => Some(NetworkContext::Internet),
        2 => Some(NetworkContext::NonInternet),
        3 => Some(NetworkContext::IntraVpc),
        _ => Some(NetworkContext::Networks(vec![Reference::new(Some("p"), "other")])),
    };
    if rule.for_other_network {
        made.target_networks = vec![Reference::new(Some("p"), "other")];
    }
    made
}

fn inventory(rules: &[Rule], order: u8) -> Inventory {
    let mut inventory = Inventory::default();
    let numbered = || rules.iter().enumerate();
    let of = |stage: usize| -> Vec<FirewallRule> {
        let own = numbered().filter(|(_, rule)| rule.stage == stage);
        own.map(|(number, rule)| engine_rule(number, rule)).collect()
    };
    inventory.firewall_rules = of(VPC);
    for (stage, kind) in [
        (0, PolicyKind::Hierarchical),
        (1, PolicyKind::Hierarchical),
        (2, PolicyKind::RegionalSystem),
        (GLOBAL, PolicyKind::GlobalNetwork),
        (REGIONAL, PolicyKind::RegionalNetwork),
    ] {
        inventory.policies.push(FirewallPolicy {
            name: STAGES[stage].to_owned(),
            short_name: None,
            kind,
            network: Some(network()),
            attached: true,
            effective: true,
            unread: false,
            project: None,
            attachments: Vec::new(),
            region: (stage == REGIONAL).then(|| "r1".to_owned()),
            order: u32::try_from(stage).unwrap(),
            rules: of(stage),
            origin: vpcwhy::model::Origin::default(),
        });
    }
    if order > 0 {
        inventory.networks.push(Network {
            provider: vpcwhy::model::cluster::Provider::Google,
            default_route: None,
            id: network(),
            policies_first: Some(order == 2),
            is_disputed: false,
            peering_names: None,
            origin: vpcwhy::model::Origin::default(),
        });
    }
    inventory
}

fn facts(bits: u8, known: u8, places: std::ops::Range<usize>) -> Facts {
    let mask = places.clone().fold(0, |mask, at| mask | 1 << at);
    if known & mask != mask {
        return Facts::Unknown;
    }
    Facts::exactly(places.filter(|at| bits >> at & 1 == 1).map(|at| NAMES[at]))
}

fn endpoint(bits: u8, known: u8) -> Endpoint {
    Endpoint {
        tags: facts(bits, known, 0..2),
        service_accounts: facts(bits, known, 2..4),
        secure_tags: facts(bits, known, 4..5),
    }
}

fn flow(asked: &Question) -> Flow {
    Flow {
        tuple: FiveTuple {
            src: address(asked.v6, asked.src),
            src_port: 40_000,
            dst: address(asked.v6, asked.dst),
            dst_port: asked.port,
            protocol: Protocol(asked.protocol),
        },
        direction: if asked.ingress { Direction::Ingress } else { Direction::Egress },
        network: network(),
        region: match asked.region {
            0 => None,
            1 => Some("r1".to_owned()),
            _ => Some("r2".to_owned()),
        },
        endpoint: endpoint(asked.own, asked.own_known),
        peer: endpoint(asked.peer, asked.peer_known),
        peer_is_external: asked.external,
        peer_place: match asked.place {
            0 => Place::Unknown,
            1 => Place::Internet,
            2 => Place::NonInternet,
            3 => Place::Network(network()),
            _ => Place::Network(Reference::new(Some("p"), "other")),
        },
    }
}

// ---- drawing -------------------------------------------------------------------------------

/// A small generator of our own, so that a seed means the same for ever (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).unwrap() % sides
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.roll(many) == 0
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.roll(list.len())]
    }
}

/// Ranges whose ends are drawn as addresses, too: boundaries are where faults live.
const RANGES: [(u128, u32); 7] = [
    (0, 0),
    (10 << 24, 8),
    (0x0A01_0000, 16),
    (0x0A01_0200, 30),
    (0x0A01_0203, 32),
    (0xCB00_7100, 24),
    (0xFFFF_FFFF, 32),
];
const RANGES6: [(u128, u32); 3] = [(0, 0), (0xFD00 << 112, 8), (0x2600 << 112 | 7, 128)];
const PORTS: [(u16, u16); 6] =
    [(443, 443), (0, 442), (444, 65_535), (8080, 8090), (0, 0), (25, 25)];

fn span(dice: &mut Dice, v6: bool) -> Span {
    let ((base, length), width) =
        if v6 { (dice.of(&RANGES6), 128) } else { (dice.of(&RANGES), 32) };
    let size = if width - length == 128 { u128::MAX } else { (1u128 << (width - length)) - 1 };
    (v6, base, base | size)
}

fn any_address(dice: &mut Dice, v6: bool) -> u128 {
    let (_, first, last) = span(dice, v6);
    let top = if v6 { u128::MAX } else { u128::from(u32::MAX) };
    let near = [first, last, first.saturating_sub(1), (last.saturating_add(1)).min(top)];
    if !v6 && dice.one_in(40) { 0xA9FE_A9FE } else { dice.of(&near) }
}

fn rule(dice: &mut Dice, v6: bool) -> Rule {
    let stage = dice.of(&[0, 1, 2, VPC, VPC, VPC, VPC, GLOBAL, REGIONAL]);
    let policy = stage != VPC;
    let ingress = dice.one_in(2);
    let does = match dice.roll(if policy { 9 } else { 6 }) {
        0..=2 => Does::Allow,
        3..=5 => Does::Deny,
        6 | 7 => Does::Next,
        _ => Does::Inspect,
    };
    let mut spans = |likely: usize| -> Vec<Span> {
        let count = if dice.one_in(likely) { 0 } else { 1 + dice.roll(2) };
        (0..count).map(|_| span(dice, v6)).collect()
    };
    let (peer, own) = (spans(3), spans(1));
    let own = if dice.one_in(5) { vec![span(dice, v6)] } else { own };
    let (sources, destinations) = if ingress { (peer, own) } else { (own, peer) };
    let layers = (0..1 + dice.roll(2))
        .map(|_| {
            let protocol = dice.of(&[None, Some(6), Some(6), Some(6), Some(17), Some(1), Some(50)]);
            let many = (0..1 + dice.roll(2)).map(|_| dice.of(&PORTS)).collect();
            (protocol, if dice.one_in(3) { None } else { Some(many) })
        })
        .collect();
    // Network tags are for VPC rules, secure tags for policies.
    let names = |dice: &mut Dice| match (dice.one_in(3), policy) {
        (false, _) => 0,
        (true, false) => dice.of(&[1u8, 2, 3, 4, 8, 12]),
        (true, true) => dice.of(&[4u8, 8, 12, 16, 16, 20]),
    };
    Rule {
        stage,
        ingress,
        // Priorities of policies are unique: only VPC rules may be equal.
        priority: dice.of(&[0, 999, 1000, 1001, 65_535]),
        does,
        off: dice.one_in(8),
        sources,
        destinations,
        source_names: if ingress { names(dice) } else { 0 },
        targets: names(dice),
        layers,
        names_list: policy && dice.one_in(12),
        country_list: policy && dice.one_in(12),
        context: if policy && dice.one_in(8) { 1 + u8::try_from(dice.roll(4)).unwrap() } else { 0 },
        for_other_network: stage < 2 && dice.one_in(10),
    }
}

fn question(dice: &mut Dice, v6: bool, order: u8) -> Question {
    let (protocol, port) = dice.of(&[
        (6, 443),
        (6, 442),
        (6, 444),
        (6, 8090),
        (6, 0),
        (6, 25),
        (17, 443),
        (17, 68),
        (17, 546),
        (1, 0),
        (50, 0),
        (99, 0),
    ]);
    let known = |dice: &mut Dice| dice.of(&[31u8, 31, 31, 31, 19, 28, 15, 0]);
    let carried = |dice: &mut Dice| {
        u8::try_from(dice.roll(4)).unwrap() | dice.of(&[0u8, 4, 8]) | dice.of(&[0u8, 16])
    };
    Question {
        v6,
        src: any_address(dice, v6),
        dst: any_address(dice, v6),
        protocol,
        port,
        ingress: dice.one_in(2),
        own: carried(dice),
        own_known: known(dice),
        peer: carried(dice),
        peer_known: known(dice),
        place: dice.of(&[0u8, 1, 2, 3, 3, 4]),
        external: dice.one_in(3),
        region: dice.of(&[1u8, 1, 1, 2, 0]),
        order,
    }
}

#[path = "worlds/run.rs"]
mod run;
