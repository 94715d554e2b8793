//! Records to groups: one group for each distinct (source, destination, port, protocol, direction,
//! rule, network, disposition), with its count, first, last, VMs and a sample.
//!
//! A [`RollUp`] is a monoid: partial ones merge in any order and any split to the same whole. Its
//! key and its measures are defined here and nowhere else. Duplicates are taken out by the
//! [`Ledger`]: a further copy of an entry has the same key and the same moment as the first, so
//! taking one off the count undoes it.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use foldhash::fast::RandomState;
use xxhash_rust::xxh3::xxh3_128;

use crate::model::record::FirewallRecord;
use crate::model::{Disposition, Record};
use crate::net::{Direction, FiveTuple, Protocol, Timestamp};

/// What makes two records the same connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    src: IpAddr,
    dst: IpAddr,
    dst_port: u16,
    protocol: Protocol,
    direction: Option<Direction>,
    disposition: Disposition,
    reference: u32,
    priority: Option<u32>,
    vpc_project: u32,
    vpc_name: u32,
    project: u32,
    /// Set where VMs are to be told apart, which only `stats` asks for.
    instance: Option<(u32, u32)>,
    bucket: Option<Timestamp>,
}

/// What is measured of a group.
#[derive(Debug, Clone, Default)]
struct Measures {
    count: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    instances: Vec<(u32, u32)>,
    sample: Sample,
}

/// The earliest record of a group, which stands for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sample {
    /// Its moment.
    pub timestamp: Option<Timestamp>,
    /// Its `insertId`.
    pub insert_id: String,
    /// Its source port.
    pub src_port: u16,
}

/// One group, with its names spelled out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The connection; the source port is the sample's.
    pub tuple: FiveTuple,
    /// The direction, where the log says it.
    pub direction: Option<Direction>,
    /// What happened.
    pub disposition: Disposition,
    /// `rule_details.reference`, empty where the log holds none.
    pub reference: String,
    /// `rule_details.priority`.
    pub priority: Option<u32>,
    /// The network's project and name, empty where the log does not say them.
    pub vpc: (String, String),
    /// The project whose log this is.
    pub project: String,
    /// The start of its time bucket, where buckets were asked for.
    pub bucket: Option<Timestamp>,
    /// Distinct entries.
    pub count: u64,
    /// The earliest and the latest.
    pub span: Option<(Timestamp, Timestamp)>,
    /// The VMs that wrote them: project and name.
    pub instances: Vec<(String, String)>,
    /// The record that stands for the group.
    pub sample: Sample,
}

/// Names to small numbers, so that keys are of fixed size and nothing is allocated for a record.
#[derive(Debug, Clone, Default)]
struct Names {
    texts: Vec<Box<str>>,
    numbers: HashMap<Box<str>, u32, RandomState>,
}

impl Names {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.push(text.into());
        self.numbers.insert(text.into(), number);
        number
    }

    fn text(&self, number: u32) -> &str {
        usize::try_from(number).ok().and_then(|at| self.texts.get(at)).map_or("", |text| text)
    }
}

/// Groups of records.
#[derive(Debug, Clone, Default)]
pub struct RollUp {
    names: Names,
    slots: HashMap<Key, usize, RandomState>,
    groups: Vec<(Key, Measures)>,
}

impl RollUp {
    /// Adds one record and says which group took it.
    pub fn add(
        &mut self,
        record: &Record<'_>,
        firewall: &FirewallRecord<'_>,
        window: &Window,
    ) -> usize {
        let instance = (!firewall.instance.name.is_empty()).then(|| {
            let project = self.names.number(&firewall.instance.project);
            (project, self.names.number(&firewall.instance.name))
        });
        let at = record.timestamp;
        let key = Key {
            src: firewall.tuple.src,
            dst: firewall.tuple.dst,
            dst_port: firewall.tuple.dst_port,
            protocol: firewall.tuple.protocol,
            direction: firewall.direction,
            disposition: firewall.disposition,
            reference: self.names.number(&firewall.reference),
            priority: firewall.priority,
            vpc_project: self.names.number(&firewall.vpc_project),
            vpc_name: self.names.number(&firewall.vpc_name),
            project: self.names.number(&record.project),
            instance: instance.filter(|_| window.by_instance),
            bucket: window.per_seconds.and_then(|width| at.map(|at| at.bucket(width))),
        };
        let slot = self.slot(key);
        if let Some((_, measures)) = self.groups.get_mut(slot) {
            measures.count += 1;
            measures.widen(record.timestamp, record.timestamp);
            measures.see(instance);
            measures.offer(record.timestamp, &record.insert_id, firewall.tuple.src_port);
        }
        slot
    }

    fn slot(&mut self, key: Key) -> usize {
        let next = self.groups.len();
        let slot = *self.slots.entry(key).or_insert(next);
        if slot == next {
            self.groups.push((key, Measures::default()));
        }
        slot
    }

    fn take_one(&mut self, slot: usize) {
        if let Some((_, measures)) = self.groups.get_mut(slot) {
            measures.count = measures.count.saturating_sub(1);
        }
    }

    /// Takes in the groups of `other`.
    pub fn absorb(&mut self, other: &Self) {
        for (key, measures) in other.groups.iter().filter(|(_, measures)| measures.count > 0) {
            let mut rename = |number| self.names.number(other.names.text(number));
            let key = Key {
                reference: rename(key.reference),
                vpc_project: rename(key.vpc_project),
                vpc_name: rename(key.vpc_name),
                project: rename(key.project),
                instance: key.instance.map(|(project, name)| (rename(project), rename(name))),
                ..*key
            };
            let instances: Vec<_> =
                measures.instances.iter().map(|(p, name)| (rename(*p), rename(*name))).collect();
            let slot = self.slot(key);
            if let Some((_, own)) = self.groups.get_mut(slot) {
                own.count += measures.count;
                own.widen(measures.first, measures.last);
                for instance in instances {
                    own.see(Some(instance));
                }
                let sample = &measures.sample;
                own.offer(sample.timestamp, &sample.insert_id, sample.src_port);
            }
        }
    }

    /// The groups, in an order that depends on their contents alone.
    #[must_use]
    pub fn groups(&self) -> Vec<Group> {
        let text = |number| self.names.text(number).to_owned();
        let mut groups: Vec<Group> = self
            .groups
            .iter()
            .filter(|(_, measures)| measures.count > 0)
            .map(|(key, measures)| {
                let mut instances: Vec<_> =
                    measures.instances.iter().map(|(p, name)| (text(*p), text(*name))).collect();
                instances.sort();
                Group {
                    tuple: FiveTuple {
                        src: key.src,
                        src_port: measures.sample.src_port,
                        dst: key.dst,
                        dst_port: key.dst_port,
                        protocol: key.protocol,
                    },
                    direction: key.direction,
                    disposition: key.disposition,
                    reference: text(key.reference),
                    priority: key.priority,
                    vpc: (text(key.vpc_project), text(key.vpc_name)),
                    project: text(key.project),
                    bucket: key.bucket,
                    count: measures.count,
                    span: measures.first.zip(measures.last),
                    instances,
                    sample: measures.sample.clone(),
                }
            })
            .collect();
        groups.sort_by(|a, b| {
            let key = |group: &Group| {
                let t = group.tuple;
                (t.src, t.dst, t.dst_port, t.protocol, group.direction, group.disposition)
            };
            let rest = |group: &Group| {
                (
                    group.priority,
                    group.bucket,
                    group.project.clone(),
                    group.vpc.clone(),
                    group.instances.clone(),
                )
            };
            key(a)
                .cmp(&key(b))
                .then_with(|| a.reference.cmp(&b.reference))
                .then_with(|| rest(a).cmp(&rest(b)))
        });
        groups
    }
}

impl Measures {
    fn widen(&mut self, first: Option<Timestamp>, last: Option<Timestamp>) {
        self.first = earliest(self.first, first);
        self.last = self.last.max(last);
    }

    fn see(&mut self, instance: Option<(u32, u32)>) {
        if let Some(instance) = instance
            && !self.instances.contains(&instance)
        {
            self.instances.push(instance);
        }
    }

    /// Keeps the earliest record as the sample; the string's own memory is used again.
    fn offer(&mut self, timestamp: Option<Timestamp>, insert_id: &str, src_port: u16) {
        let order = |at: Option<Timestamp>| (at.is_none(), at);
        let own = (order(self.sample.timestamp), self.sample.insert_id.as_str());
        let is_first = self.sample == Sample::default();
        if is_first
            || (order(timestamp), insert_id, src_port) < (own.0, own.1, self.sample.src_port)
        {
            self.sample.timestamp = timestamp;
            self.sample.insert_id.clear();
            self.sample.insert_id.push_str(insert_id);
            self.sample.src_port = src_port;
        }
    }
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

/// How many entries there were of which kind, each counted once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogCounts {
    /// Denied.
    pub denied: u64,
    /// Allowed.
    pub allowed: u64,
    /// Intercepted.
    pub intercepted: u64,
    /// Entries of other logs.
    pub other: u64,
    /// Further copies of entries.
    pub duplicates: u64,
    /// Pieces that are no entry.
    pub unparsable: u64,
    /// The earliest entry.
    pub first: Option<Timestamp>,
    /// The latest entry.
    pub last: Option<Timestamp>,
}

impl LogCounts {
    /// Entries of the firewall log.
    #[must_use]
    pub fn firewall(&self) -> u64 {
        self.denied + self.allowed + self.intercepted
    }

    /// All entries.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.firewall() + self.other
    }

    fn of(&mut self, class: Option<Disposition>) -> &mut u64 {
        match class {
            Some(Disposition::Denied) => &mut self.denied,
            Some(Disposition::Allowed) => &mut self.allowed,
            Some(Disposition::Intercepted) => &mut self.intercepted,
            None => &mut self.other,
        }
    }

    fn absorb(&mut self, other: &Self) {
        self.denied += other.denied;
        self.allowed += other.allowed;
        self.intercepted += other.intercepted;
        self.other += other.other;
        self.duplicates += other.duplicates;
        self.unparsable += other.unparsable;
        self.first = earliest(self.first, other.first);
        self.last = self.last.max(other.last);
    }
}

/// Which records are grouped, and by what time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Window {
    /// Nothing before this.
    pub since: Option<Timestamp>,
    /// Nothing from this on.
    pub until: Option<Timestamp>,
    /// Group by buckets of this many seconds.
    pub per_seconds: Option<i64>,
    /// Tell VMs apart.
    pub by_instance: bool,
}

impl Window {
    fn holds(&self, at: Option<Timestamp>) -> bool {
        let after = self.since.is_none_or(|since| at.is_some_and(|at| at >= since));
        after && self.until.is_none_or(|until| at.is_some_and(|at| at < until))
    }
}

/// The records of one block: groups, counts, and the fingerprint of each entry.
#[derive(Debug, Default)]
pub struct Partial {
    roll_up: RollUp,
    counts: LogCounts,
    prints: Vec<(u128, Option<Disposition>, Option<usize>)>,
    identity: Vec<u8>,
}

impl Partial {
    /// Takes in one entry.
    pub fn add(&mut self, record: &Record<'_>, window: &Window) {
        let class = record.disposition;
        *self.counts.of(class) += 1;
        self.counts.first = earliest(self.counts.first, record.timestamp);
        self.counts.last = self.counts.last.max(record.timestamp);
        let slot = match &record.firewall {
            Some(firewall) if window.holds(record.timestamp) => {
                Some(self.roll_up.add(record, firewall, window))
            }
            _ => None,
        };
        // An entry without both cannot be told from another one: it counts.
        if let (Some(at), false) = (record.timestamp, record.insert_id.is_empty()) {
            self.identity.clear();
            self.identity.extend_from_slice(record.project.as_bytes());
            self.identity.push(0);
            self.identity.extend_from_slice(&at.0.to_le_bytes());
            self.identity.extend_from_slice(record.insert_id.as_bytes());
            self.prints.push((xxh3_128(&self.identity), class, slot));
        }
    }

    /// Counts a piece that is no entry.
    pub fn add_unparsable(&mut self) {
        self.counts.unparsable += 1;
    }
}

/// The whole log: partial ones come in, in any order, and each entry counts once.
#[derive(Debug, Default)]
pub struct Ledger {
    roll_up: RollUp,
    counts: LogCounts,
    seen: HashSet<u128, RandomState>,
}

impl Ledger {
    /// Takes in one block's records.
    pub fn absorb(&mut self, mut partial: Partial) {
        for (print, class, slot) in std::mem::take(&mut partial.prints) {
            if self.seen.insert(print) {
                continue;
            }
            *partial.counts.of(class) -= 1;
            partial.counts.duplicates += 1;
            if let Some(slot) = slot {
                partial.roll_up.take_one(slot);
            }
        }
        self.counts.absorb(&partial.counts);
        self.roll_up.absorb(&partial.roll_up);
    }

    /// The counts.
    #[must_use]
    pub fn counts(&self) -> LogCounts {
        self.counts
    }

    /// The groups.
    #[must_use]
    pub fn groups(&self) -> Vec<Group> {
        self.roll_up.groups()
    }
}
