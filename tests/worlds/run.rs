//! The comparisons.

use super::*;

/// Fewer where `RULE_SETS` says so: a mutated engine is caught in seconds.
fn rule_sets() -> u64 {
    let asked = std::env::var("RULE_SETS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(50_000)
}

const QUESTIONS: u64 = 20;

/// How often the engine did not decide what all worlds agree on: allowed, since it may look at
/// doubts of different kinds one by one, but rare.
#[derive(Default)]
struct Tally {
    asked: u64,
    decided: u64,
    open: u64,
    cautious: u64,
}

#[track_caller]
fn compare<'a>(
    rules: &[Rule],
    asked: &Question,
    effective: &EffectiveRules<'a>,
    tally: &mut Tally,
) -> Decision<'a> {
    let answers = possible(rules, asked);
    let flow = flow(asked);
    let decision = evaluate(effective, &flow, &mut ());
    let say = || format!("{asked:?}\n{rules:?}\n{answers:?}\n{decision:?}");
    tally.asked += 1;
    match decision.verdict {
        Verdict::Allowed => assert_eq!(answers, BTreeSet::from([Some(true)]), "{}", say()),
        Verdict::Denied => assert_eq!(answers, BTreeSet::from([Some(false)]), "{}", say()),
        Verdict::Undetermined => {
            tally.open += 1;
            let alike = answers.len() == 1 && !answers.contains(&None);
            if alike {
                let certain = asked.own_known == 31
                    && asked.peer_known == 31
                    && asked.place != 0
                    && asked.place != 2
                    && asked.region != 0
                    && asked.order != 0
                    && !asked.v6
                    && !rules.iter().any(|rule| rule.names_list || rule.country_list);
                assert!(!certain, "everything is known\n{}", say());
                tally.cautious += 1;
            }
        }
    }
    tally.decided = tally.asked - tally.open;
    // Whoever explains sees the same.
    let traced = evaluate(effective, &flow, &mut Trace::default());
    assert_eq!(traced, decision, "{}", say());
    decision
}

fn draw(seed: u64) -> (Vec<Rule>, bool, u8, Dice) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    dice.roll(2);
    let v6 = dice.one_in(6);
    let count = 1 + dice.roll(8);
    let mut rules: Vec<Rule> = (0..count).map(|_| rule(&mut dice, v6)).collect();
    unique_in_policies(&mut rules);
    let order = dice.of(&[1u8, 1, 2, 2, 0]);
    (rules, v6, order, dice)
}

/// Of one policy no two rules have the same priority.
fn unique_in_policies(rules: &mut [Rule]) {
    let mut used = BTreeSet::new();
    for rule in rules.iter_mut().filter(|rule| rule.stage != VPC) {
        while !used.insert((rule.stage, rule.priority)) {
            rule.priority += 1;
        }
    }
}

#[test]
fn a_million_connections_end_as_the_oracle_says_and_are_explained() {
    let half = |part: u64| {
        let mut tally = Tally::default();
        for seed in (0..rule_sets()).filter(|seed| seed % 2 == part) {
            let (rules, v6, order, mut dice) = draw(seed);
            let inventory = inventory(&rules, order);
            let mut altered = inventory.clone();
            let effective = EffectiveRules::of(&inventory, &network());
            for _ in 0..QUESTIONS {
                let asked = question(&mut dice, v6, order);
                let decision = compare(&rules, &asked, &effective, &mut tally);
                explained(&rules, &asked, &decision, &mut altered);
            }
        }
        tally
    };
    let (one, two) = std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        (half(0), other.join().expect("no difference"))
    });
    let asked = one.asked + two.asked;
    assert_eq!(asked, rule_sets() * QUESTIONS);
    let (decided, cautious) = (one.decided + two.decided, one.cautious + two.cautious);
    eprintln!("{asked} asked, {decided} decided, {cautious} left open though all worlds agree");
    assert!(decided * 2 > asked, "{decided}: the draw leaves too much open to test anything");
    assert!(cautious * 50 < asked, "{cautious}");
}

/// Every set of up to three rules over two addresses, two ports, two priorities, two actions and
/// two targets; every connection.
#[test]
fn a_small_world_in_full() {
    let mut kinds = Vec::new();
    for ingress in [true, false] {
        let mut all = Vec::new();
        for spans in [vec![], vec![(false, 0x0A01_0203, 0x0A01_0203)]] {
            for ports in [None, Some(vec![(443, 443)])] {
                for priority in [1, 2] {
                    for does in [Does::Allow, Does::Deny] {
                        for targets in [0, 1] {
                            all.push(Rule {
                                stage: VPC,
                                ingress,
                                priority,
                                does,
                                off: false,
                                sources: if ingress { spans.clone() } else { vec![] },
                                destinations: if ingress { vec![] } else { spans.clone() },
                                source_names: 0,
                                targets,
                                layers: vec![(Some(6), ports.clone())],
                                names_list: false,
                                country_list: false,
                                context: 0,
                                for_other_network: false,
                            });
                        }
                    }
                }
            }
        }
        kinds.push(all);
    }
    let mut tally = Tally::default();
    for all in kinds {
        let some = all.len();
        for a in 0..some {
            for b in a..some {
                for c in b..some {
                    let mut chosen = vec![a, b, c];
                    chosen.dedup();
                    let rules: Vec<Rule> = chosen.iter().map(|at| all[*at].clone()).collect();
                    in_full(&rules, &mut tally);
                }
            }
        }
    }
    assert!(tally.asked > 100_000, "{}", tally.asked);
    assert_eq!(tally.cautious, 0);
}

fn in_full(rules: &[Rule], tally: &mut Tally) {
    let inventory = inventory(rules, 1);
    let effective = EffectiveRules::of(&inventory, &network());
    for peer in [0x0A01_0203, 0x0A01_0204] {
        for port in [443, 80] {
            for (own, own_known) in [(0, 31), (1, 31), (0, 28)] {
                let ingress = rules[0].ingress;
                let asked = Question {
                    v6: false,
                    src: if ingress { peer } else { 7 },
                    dst: if ingress { 7 } else { peer },
                    protocol: 6,
                    port,
                    ingress,
                    own,
                    own_known,
                    peer: 0,
                    peer_known: 31,
                    place: 3,
                    external: false,
                    region: 2,
                    order: 1,
                };
                compare(rules, &asked, &effective, tally);
            }
        }
    }
}

/// Every piece of a set gives the answer of the connections in it, and every connection is in
/// exactly one piece.
#[test]
fn sets_are_judged_as_their_connections_are() {
    for seed in 0..4_000 {
        let (rules, v6, order, mut dice) = draw(1_000_000 + seed);
        let inventory = inventory(&rules, order);
        let effective = EffectiveRules::of(&inventory, &network());
        let asked = question(&mut dice, v6, order);
        let direction = flow(&asked).direction;
        let geography = geography();
        let space = Space {
            direction,
            network: network(),
            region: flow(&asked).region,
            flows: vpcwhy::net::FlowBox::all(),
            own_address_known: true,
            endpoint: Endpoint::default(),
            peer: Endpoint::default(),
            tells_apart: true,
            geography: &geography,
        };
        let pieces = evaluate_all(&effective, &space);
        for piece in &pieces {
            let witness = piece.space.witness().expect("a piece is not empty");
            let decision = evaluate(&effective, &witness, &mut ());
            assert_eq!(decision.verdict, piece.decision.verdict, "{witness:?}\n{piece:?}");
            assert_eq!(decision.decider, piece.decision.decider, "{witness:?}\n{piece:?}");
        }
        for _ in 0..QUESTIONS {
            let mut asked = question(&mut dice, v6, order);
            (asked.own_known, asked.peer_known) = (31, 31);
            asked.ingress = direction == Direction::Ingress;
            let mut one = flow(&asked);
            place(&mut one, &geography);
            one.region.clone_from(&space.region);
            let holding: Vec<_> = pieces
                .iter()
                .filter(|piece| {
                    let held = &piece.space.flows;
                    held.source.contains(one.tuple.src)
                        && held.destination.contains(one.tuple.dst)
                        && held.traffic.contains(one.tuple.protocol, one.tuple.dst_port)
                        && held.target.contains(&carried_names(asked.own))
                        && held.peer.contains(&carried_names(asked.peer))
                })
                .collect();
            assert_eq!(holding.len(), 1, "{one:?}");
            let decision = evaluate(&effective, &one, &mut ());
            assert_eq!(decision.verdict, holding[0].decision.verdict, "{one:?}\n{rules:?}");
        }
    }
}

fn carried_names(bits: u8) -> vpcwhy::net::Identities {
    use vpcwhy::net::Identity;
    let names = (0..5).filter(|at| bits >> at & 1 == 1);
    names
        .map(|at| match at {
            0 | 1 => Identity::Tag(NAMES[at].to_owned()),
            2 | 3 => Identity::Account(NAMES[at].to_owned()),
            _ => Identity::SecureTag(NAMES[at].to_owned()),
        })
        .collect()
}

/// 10.1.0.0/16 is this network, 192.168.0.0/16 another, other private addresses are somewhere.
fn geography() -> Geography {
    let set = |text: &str| AddressSet::of(&[vpcwhy::net::parse_cidr(text).unwrap()]);
    let (here, other) = (set("10.1.0.0/16"), set("192.168.0.0/16"));
    let private = AddressSet::private().difference(&here).difference(&other);
    let internet = AddressSet::all().difference(AddressSet::private());
    Geography {
        external: internet.clone(),
        nameless: AddressSet::default(),
        places: vec![
            (here, Place::Network(network())),
            (other, Place::Network(Reference::new(Some("p"), "other"))),
            (private, Place::NonInternet),
            (internet, Place::Internet),
        ],
    }
}

fn place(flow: &mut Flow, geography: &Geography) {
    let peer = match flow.direction {
        Direction::Ingress => flow.tuple.src,
        Direction::Egress => flow.tuple.dst,
    };
    flow.peer_is_external = geography.external.contains(peer);
    let found = geography.places.iter().find(|(set, _)| set.contains(peer));
    flow.peer_place = found.map(|(_, place)| place.clone()).unwrap();
}

/// Rules are looked up or looked at: the answer is the same. Tracing looks at every rule.
#[test]
fn indexed_equals_linear() {
    for seed in 0..150 {
        let mut dice = Dice(seed * 2 + 1);
        let v6 = seed % 5 == 0;
        let mut rules: Vec<Rule> = (0..160).map(|_| rule(&mut dice, v6)).collect();
        for rule in &mut rules {
            rule.stage = if dice.one_in(3) { GLOBAL } else { VPC };
            if rule.stage == VPC {
                rule.does = if rule.does == Does::Allow { Does::Allow } else { Does::Deny };
                (rule.names_list, rule.country_list, rule.context) = (false, false, 0);
            }
            rule.for_other_network = false;
        }
        unique_in_policies(&mut rules);
        let inventory = inventory(&rules, 1);
        let effective = EffectiveRules::of(&inventory, &network());
        for _ in 0..300 {
            let one = flow(&question(&mut dice, v6, 1));
            let fast = evaluate(&effective, &one, &mut ());
            let mut trace = Trace::default();
            let slow = evaluate(&effective, &one, &mut trace);
            assert_eq!(fast, slow, "{one:?}");
            // Whoever watches sees every rule up to the one that decides.
            assert_eq!(trace.steps.len(), up_to_the_decider(&effective, &fast, &one), "{one:?}");
            sets_agree(&effective, &one, &mut dice);
        }
    }
}

/// How many rules are compared before one decides, looking at each in its order.
fn up_to_the_decider(effective: &EffectiveRules<'_>, decision: &Decision<'_>, one: &Flow) -> usize {
    if matches!(decision.decider, Decider::AlwaysAllowed(_) | Decider::AlwaysBlocked(_)) {
        return 0;
    }
    let mut seen = 0;
    for stage in effective.stages() {
        if stage.policy.is_some_and(|policy| policy.region.is_some()) {
            continue;
        }
        for rule in stage.rules(one.direction) {
            seen += 1;
            if decision.decider == Decider::Rule(rule) {
                return seen;
            }
            let matched = vpcwhy::engine::match_rule(rule, one, &mut ());
            if rule.action == Action::GotoNext && matched == vpcwhy::engine::Outcome::Matched {
                break;
            }
        }
    }
    seen
}

/// A set around a connection, cut by many rules, says of the connection what the point says.
fn sets_agree(effective: &EffectiveRules<'_>, one: &Flow, dice: &mut Dice) {
    if !dice.one_in(20) {
        return;
    }
    let geography = Geography::of_flow(one);
    let mut space = Space::of_flow(one, &geography);
    space.tells_apart = false;
    let wide = |address: std::net::IpAddr| {
        let length = if address.is_ipv4() { 22 } else { 100 };
        AddressSet::of(&[IpNet::new(address, length).unwrap().trunc()])
    };
    match one.direction {
        Direction::Ingress => space.flows.destination = wide(one.tuple.dst),
        Direction::Egress => space.flows.source = wide(one.tuple.src),
    }
    let mut both = vec![space.clone()];
    // With many other ends nothing can be looked up, and the pieces must come out the same.
    match one.direction {
        Direction::Ingress => space.flows.source = wide(one.tuple.src),
        Direction::Egress => space.flows.destination = wide(one.tuple.dst),
    }
    let somewhere = Geography {
        external: if one.peer_is_external { AddressSet::all() } else { AddressSet::default() },
        nameless: AddressSet::default(),
        places: vec![(AddressSet::all(), one.peer_place.clone())],
    };
    space.geography = &somewhere;
    both.push(space);
    let expected = evaluate(effective, one, &mut ());
    for space in both {
        let pieces = evaluate_all(effective, &space);
        let mut holding = pieces.iter().filter(|piece| {
            let flows = &piece.space.flows;
            flows.source.contains(one.tuple.src) && flows.destination.contains(one.tuple.dst)
        });
        let found = holding.next().expect("a piece");
        assert!(holding.next().is_none());
        // What hangs together is put together for connections only.
        if found.decision.verdict != Verdict::Undetermined {
            assert_eq!(found.decision.verdict, expected.verdict, "{one:?}");
            assert_eq!(found.decision.decider, expected.decider, "{one:?}");
        }
        assert_eq!(found.decision.doubts, expected.doubts, "{one:?}");
    }
}

/// Switches rules off by name, and back on as they were.
fn switch(inventory: &mut Inventory, off: &dyn Fn(&FirewallRule) -> bool) {
    let of_policies = inventory.policies.iter_mut().flat_map(|policy| &mut policy.rules);
    for rule in inventory.firewall_rules.iter_mut().chain(of_policies) {
        rule.disabled = off(rule);
    }
}

/// What an explanation names is what makes the difference: without the rule that decides, another
/// decides; without all rules that are not named, nothing changes.
fn explained(rules: &[Rule], asked: &Question, decision: &Decision<'_>, altered: &mut Inventory) {
    let one = flow(asked);
    let number =
        |rule: &FirewallRule| -> usize { rule.name.as_ref().unwrap()[1..].parse().unwrap() };
    let decider = match decision.decider {
        Decider::Rule(rule) => Some(number(rule)),
        _ => None,
    };
    let mut cited: BTreeSet<usize> = decision.doubts.iter().map(|(rule, _)| number(rule)).collect();
    cited.extend(decider);
    let say = || format!("{asked:?}\n{rules:?}\n{decision:?}");
    if let Some(decider) = decider {
        switch(altered, &|rule| rules[number(rule)].off || number(rule) == decider);
        let after = evaluate(&EffectiveRules::of(altered, &network()), &one, &mut ());
        let next = match after.decider {
            Decider::Rule(rule) => number(rule) != decider,
            _ => true,
        };
        assert!(next, "{}", say());
    }
    // What hands on is no reason of its own, but without it others may come to a decision.
    switch(altered, &|rule| {
        let at = number(rule);
        rules[at].off || !cited.contains(&at) && rules[at].does != Does::Next
    });
    let after = evaluate(&EffectiveRules::of(altered, &network()), &one, &mut ());
    assert_eq!(after.verdict, decision.verdict, "{}", say());
}
