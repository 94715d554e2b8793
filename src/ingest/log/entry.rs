//! One piece of text to a log record, in one walk over borrowed bytes.
//!
//! ```text
//! {"insertId":"a1","timestamp":"…","jsonPayload":{"connection":{…},"disposition":"DENIED",…}}
//! ```
//!
//! All spellings that exports have are one entry here: camel and snake case, numbers as
//! strings or floats, protocol names, a payload without its envelope, payloads as text. Entries
//! inside of something else (Pub/Sub, shippers, Elastic Common Schema) are unwrapped first.

use std::borrow::Cow;

use crate::ingest::log::walker::{Broken, Walker};
use crate::ingest::log::wrapped::{self, Wrapper};
use crate::model::record::{FirewallRecord, LoggedInstance};
use crate::model::{Disposition, Record};
use crate::net::{Direction, FiveTuple, Protocol, Timestamp, parse_address};

/// What a piece turned out to be.
#[derive(Debug)]
pub enum Found<'a> {
    /// A log entry.
    Entry(Record<'a>),
    /// A firewall entry that counts, but whose connection cannot be read, and why.
    Incomplete(Record<'a>, &'static str),
    /// A log entry that lacks what every entry has, and what that is.
    BrokenEntry(&'static str),
    /// Something well-formed that is no log entry: a resource, perhaps.
    NoEntry,
    /// No JSON; where it breaks.
    NoJson(Broken),
}

/// Reads the first value of `text` and says how many bytes it took.
#[must_use]
pub fn read_piece(text: &str) -> (Found<'_>, usize) {
    read_nested(text, 0)
}

/// Wrappers inside of wrappers end here.
const MOST_WRAPPERS: u32 = 4;

fn read_nested(text: &str, wrappers: u32) -> (Found<'_>, usize) {
    let mut walker = Walker::new(text);
    if walker.peek() != Some(b'{') {
        let outcome = walker.skip();
        let end = walker.position();
        return match outcome {
            Ok(()) => (Found::NoEntry, end),
            Err(broken) => (Found::NoJson(broken), end),
        };
    }
    let mut raw = RawEntry::default();
    let outcome = raw.read(&mut walker);
    let end = walker.position();
    let found = match outcome {
        Err(broken) => Found::NoJson(broken),
        Ok(()) if raw.is_entry() => raw.finish(),
        Ok(()) if wrappers < MOST_WRAPPERS && !raw.is_manifest => {
            unwrapped(&raw.wrappers, text.get(..end).unwrap_or(text), wrappers + 1)
        }
        Ok(()) => Found::NoEntry,
    };
    (found, end)
}

/// The first entry that the wrappers of an object hold, else the first that would be one.
fn unwrapped<'a>(wrappers: &[Wrapper<'a>], whole: &str, depth: u32) -> Found<'a> {
    let mut damaged = Found::NoEntry;
    for inside in wrapped::inside(wrappers, whole) {
        let found = match inside {
            Ok(Cow::Borrowed(text)) => read_nested(text, depth).0,
            Ok(Cow::Owned(text)) => read_nested(&text, depth).0.into_owned(),
            Err(what) => Found::BrokenEntry(what),
        };
        match found {
            Found::Entry(_) | Found::Incomplete(..) => return found,
            Found::BrokenEntry(_) | Found::NoJson(_) if matches!(damaged, Found::NoEntry) => {
                damaged = found;
            }
            _ => {}
        }
    }
    damaged
}

impl Found<'_> {
    /// The same, holding its own strings: what it was read from ends here.
    fn into_owned<'a>(self) -> Found<'a> {
        match self {
            Self::Entry(record) => Found::Entry(record.into_owned()),
            Self::Incomplete(record, what) => Found::Incomplete(record.into_owned(), what),
            Self::BrokenEntry(what) => Found::BrokenEntry(what),
            Self::NoEntry => Found::NoEntry,
            // Its place is one in the decoded text, which nobody can look up.
            Self::NoJson(_) => Found::BrokenEntry("an entry inside of a wrapper that is no JSON"),
        }
    }
}

/// The members that matter: those of the envelope, then those of the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    InsertId,
    Timestamp,
    LogName,
    LabelProject,
    SrcIp,
    DestIp,
    SrcPort,
    DestPort,
    Protocol,
    Disposition,
    Reference,
    Priority,
    Direction,
    InstanceProject,
    InstanceName,
    VpcProject,
    VpcName,
}

impl Field {
    pub(super) const ALL: [Self; 17] = [
        Self::InsertId,
        Self::Timestamp,
        Self::LogName,
        Self::LabelProject,
        Self::SrcIp,
        Self::DestIp,
        Self::SrcPort,
        Self::DestPort,
        Self::Protocol,
        Self::Disposition,
        Self::Reference,
        Self::Priority,
        Self::Direction,
        Self::InstanceProject,
        Self::InstanceName,
        Self::VpcProject,
        Self::VpcName,
    ];

    /// Whether it stands in the payload, and not in the envelope.
    fn is_of_payload(self) -> bool {
        self as usize >= Self::SrcIp as usize
    }
}

/// An entry as it came, nothing interpreted.
#[derive(Debug, Default)]
pub(super) struct RawEntry<'a> {
    fields: [Cow<'a, str>; Field::ALL.len()],
    pub(super) has_connection: bool,
    /// Whether it has members that entries of other logs about connections have: of flows, of NAT.
    is_of_other: bool,
    /// Whether its payload is a text that is no JSON, and speaks of a connection.
    is_cut: bool,
    pub(super) has_payload: bool,
    pub(super) has_envelope: bool,
    /// Whether it is what a node logs of NetworkPolicies: connections and dispositions, too, and no
    /// word of the VPC (<https://cloud.google.com/kubernetes-engine/docs/how-to/network-policy-logging>).
    pub(super) is_of_node: bool,
    wrappers: Vec<Wrapper<'a>>,
    /// Whether it is an object of Kubernetes: what it quotes was not logged here.
    is_manifest: bool,
}

type Step = Result<(), Broken>;

impl<'a> RawEntry<'a> {
    /// One field; empty where it is missing.
    pub(super) fn field(&self, field: Field) -> &Cow<'a, str> {
        const MISSING: &Cow<'_, str> = &Cow::Borrowed("");
        self.fields.get(field as usize).unwrap_or(MISSING)
    }

    pub(super) fn put(&mut self, field: Field, text: Cow<'a, str>) {
        if let Some(slot) = self.fields.get_mut(field as usize) {
            *slot = text;
        }
    }

    fn take(&mut self, field: Field) -> Cow<'a, str> {
        self.fields.get_mut(field as usize).map(std::mem::take).unwrap_or_default()
    }

    fn set(&mut self, field: Field, walker: &mut Walker<'a>) -> Step {
        if let Some(text) = walker.scalar()? {
            self.put(field, text);
        }
        Ok(())
    }

    pub(super) fn read(&mut self, walker: &mut Walker<'a>) -> Step {
        walker.object(|key, walker| self.member(key, walker))
    }

    fn member(&mut self, key: &str, walker: &mut Walker<'a>) -> Step {
        match key {
            "insertId" | "insert_id" => {
                self.has_envelope = true;
                self.set(Field::InsertId, walker)
            }
            "timestamp" if walker.peek() == Some(b'{') => self.moment(walker),
            "timestamp" => self.set(Field::Timestamp, walker),
            // Better than none; the entry's own replaces it.
            "receiveTimestamp" | "receive_timestamp" if self.field(Field::Timestamp).is_empty() => {
                self.set(Field::Timestamp, walker)
            }
            "node_name" => {
                self.is_of_node = true;
                walker.skip()
            }
            "logName" | "log_name" => {
                self.has_envelope = true;
                self.set(Field::LogName, walker)
            }
            "resource" => self.resource(walker),
            "jsonPayload" | "json_payload" => self.json_payload(walker),
            "protoPayload" | "textPayload" | "proto_payload" | "text_payload" => {
                self.has_payload = true;
                walker.skip()
            }
            // A payload without its envelope, as people paste it.
            "connection" | "disposition" | "rule_details" => self.payload_member(key, walker),
            "instance" | "vpc" if walker.peek() == Some(b'{') => self.payload_member(key, walker),
            "gcp" | "json" | "_raw" | "log" | "entry" | "logEntry" | "_source" | "result"
            | "data" | "event" | "attributes" | "line" => {
                self.wrappers.push(Wrapper::Inside(walker.raw()?));
                Ok(())
            }
            "message" if walker.peek() == Some(b'{') => {
                self.wrappers.push(Wrapper::PubSub(walker.raw()?));
                Ok(())
            }
            "message" if walker.peek() == Some(b'"') => {
                self.wrappers.push(Wrapper::Inside(walker.raw()?));
                Ok(())
            }
            "apiVersion" => {
                self.is_manifest = true;
                walker.skip()
            }
            "@timestamp" => {
                self.wrappers.push(Wrapper::Elastic);
                walker.skip()
            }
            _ => walker.skip(),
        }
    }

    fn resource(&mut self, walker: &mut Walker<'a>) -> Step {
        if walker.peek() != Some(b'{') {
            return walker.skip();
        }
        walker.object(|key, walker| match key {
            "labels" if walker.peek() == Some(b'{') => walker.object(|key, walker| match key {
                "project_id" => self.set(Field::LabelProject, walker),
                _ => walker.skip(),
            }),
            _ => walker.skip(),
        })
    }

    /// A moment as protocol buffers hold it: `{"seconds": 1791968401, "nanos": 5}`.
    fn moment(&mut self, walker: &mut Walker<'a>) -> Step {
        let (mut seconds, mut nanos) = (None, 0);
        walker.object(|key, walker| {
            let number = walker.scalar()?.and_then(|text| read_number(&text));
            match key {
                "seconds" => seconds = number,
                "nanos" => nanos = number.unwrap_or(0),
                _ => {}
            }
            Ok(())
        })?;
        if let Some(seconds) = seconds {
            self.put(Field::Timestamp, Cow::Owned(format!("{seconds}.{nanos:09}")));
        }
        Ok(())
    }

    fn json_payload(&mut self, walker: &mut Walker<'a>) -> Step {
        self.has_payload = true;
        match walker.peek() {
            Some(b'{') => walker.object(|key, walker| self.payload_member(key, walker)),
            // Log Analytics and CSV tables hold the payload as text.
            Some(b'"') => {
                let text = walker.string()?;
                self.payload_text(&text);
                Ok(())
            }
            _ => walker.skip(),
        }
    }

    fn payload_member(&mut self, key: &str, walker: &mut Walker<'a>) -> Step {
        match key {
            "disposition" => self.set(Field::Disposition, walker),
            "connection" if walker.peek() == Some(b'{') => {
                self.has_connection = true;
                walker.object(|key, walker| match key {
                    "src_ip" => self.set(Field::SrcIp, walker),
                    "dest_ip" => self.set(Field::DestIp, walker),
                    "src_port" => self.set(Field::SrcPort, walker),
                    "dest_port" => self.set(Field::DestPort, walker),
                    "protocol" => self.set(Field::Protocol, walker),
                    _ => walker.skip(),
                })
            }
            "rule_details" if walker.peek() == Some(b'{') => {
                walker.object(|key, walker| match key {
                    "reference" => self.set(Field::Reference, walker),
                    "priority" => self.set(Field::Priority, walker),
                    "direction" => self.set(Field::Direction, walker),
                    // An export may leave the disposition out, which is what the rule did.
                    "action" if self.field(Field::Disposition).is_empty() => {
                        self.set(Field::Disposition, walker)
                    }
                    _ => walker.skip(),
                })
            }
            "node_name" => {
                self.is_of_node = true;
                walker.skip()
            }
            // <https://cloud.google.com/vpc/docs/about-flow-logs-records>,
            // <https://cloud.google.com/nat/docs/monitoring#log_record_fields>
            "reporter"
            | "bytes_sent"
            | "packets_sent"
            | "rtt_msec"
            | "allocation_status"
            | "gateway_identifiers" => {
                self.is_of_other = true;
                walker.skip()
            }
            "instance" if walker.peek() == Some(b'{') => walker.object(|key, walker| match key {
                "project_id" => self.set(Field::InstanceProject, walker),
                "vm_name" => self.set(Field::InstanceName, walker),
                _ => walker.skip(),
            }),
            "vpc" if walker.peek() == Some(b'{') => walker.object(|key, walker| match key {
                "project_id" => self.set(Field::VpcProject, walker),
                "vpc_name" => self.set(Field::VpcName, walker),
                _ => walker.skip(),
            }),
            _ => walker.skip(),
        }
    }

    /// Reads a payload that was itself written as a JSON text. What it lends lives shorter than
    /// the entry, so it is copied.
    fn payload_text(&mut self, text: &str) {
        let mut inner = RawEntry::default();
        let mut walker = Walker::new(text);
        if walker.object(|key, walker| inner.payload_member(key, walker)).is_ok() {
            self.has_connection = inner.has_connection;
            self.is_of_node = inner.is_of_node;
            self.is_of_other = inner.is_of_other;
            for field in Field::ALL.into_iter().filter(|field| field.is_of_payload()) {
                self.put(field, Cow::Owned(inner.take(field).into_owned()));
            }
        } else {
            self.is_cut = text.contains("src_ip");
        }
    }

    pub(super) fn is_entry(&self) -> bool {
        let firewall = self.has_connection && !self.field(Field::Disposition).is_empty();
        firewall
            || self.has_payload && self.has_envelope
            || self.field(Field::LogName).contains("/logs/")
            || self.has_payload && self.wrappers.is_empty()
    }

    /// What the fields mean.
    pub(super) fn finish(mut self) -> Found<'a> {
        let log_name = self.take(Field::LogName);
        let named_nowhere = log_name.is_empty();
        let is_firewall_log = is_firewall_log(&log_name);
        let is_firewall = self.has_connection
            && !self.field(Field::Disposition).is_empty()
            && (is_firewall_log || log_name.is_empty() && !self.is_of_node);
        let named = match log_name {
            Cow::Borrowed(text) => Cow::Borrowed(project_of(text)),
            Cow::Owned(text) => Cow::Owned(project_of(&text).to_owned()),
        };
        let mut record = Record {
            insert_id: self.take(Field::InsertId),
            timestamp: Timestamp::parse(self.field(Field::Timestamp)),
            project: if named.is_empty() { self.take(Field::LabelProject) } else { named },
            disposition: None,
            firewall: None,
            kin: None,
        };
        if !is_firewall {
            let reference = self.field(Field::Reference);
            let names_rule =
                reference.contains("/firewall:") || reference.contains("irewallPolicy:");
            // A selection of fields may leave out what tells whose entry it is.
            let may_be = named_nowhere && !self.is_of_node && !self.is_of_other;
            return if is_firewall_log || may_be && names_rule {
                Found::BrokenEntry("a firewall entry without connection or disposition")
            } else if may_be && self.is_cut {
                Found::BrokenEntry(
                    "its payload is a text that is no JSON: cut, or not written as one",
                )
            } else if may_be && self.has_connection {
                Found::BrokenEntry(
                    "a connection without disposition: select jsonPayload.disposition, too, or \
                     export whole entries (--format=json)",
                )
            } else {
                Found::Entry(record)
            };
        }
        let Some(disposition) = Disposition::parse(self.field(Field::Disposition)) else {
            return Found::BrokenEntry("disposition is none of ALLOWED, DENIED, INTERCEPTED");
        };
        record.disposition = Some(disposition);
        match self.firewall(disposition) {
            Ok(firewall) => {
                record.firewall = Some(firewall);
                Found::Entry(record)
            }
            Err(what) => Found::Incomplete(record, what),
        }
    }

    fn firewall(mut self, disposition: Disposition) -> Result<FirewallRecord<'a>, &'static str> {
        let address = |field, what| parse_address(self.field(field)).ok_or(what);
        let protocol = read_protocol(self.field(Field::Protocol))
            .ok_or("connection.protocol is no protocol")?;
        let port = |field, what| match self.field(field).as_ref() {
            "" => Ok(0),
            text => read_number(text).and_then(|port| u16::try_from(port).ok()).ok_or(what),
        };
        // 0 would be a port that nobody asked for.
        let has_ports = matches!(protocol, Protocol::TCP | Protocol::UDP);
        if has_ports && self.field(Field::DestPort).is_empty() {
            return Err("connection.dest_port is missing");
        }
        let tuple = FiveTuple {
            src: address(Field::SrcIp, "connection.src_ip is no address")?,
            src_port: port(Field::SrcPort, "connection.src_port is no port")?,
            dst: address(Field::DestIp, "connection.dest_ip is no address")?,
            dst_port: port(Field::DestPort, "connection.dest_port is no port")?,
            protocol,
        };
        Ok(FirewallRecord {
            tuple,
            disposition,
            direction: read_direction(self.field(Field::Direction)),
            reference: self.take(Field::Reference),
            priority: read_priority(self.field(Field::Priority)),
            instance: LoggedInstance {
                project: self.take(Field::InstanceProject),
                name: self.take(Field::InstanceName),
            },
            vpc_project: self.take(Field::VpcProject),
            vpc_name: self.take(Field::VpcName),
        })
    }
}

/// Whether this is the log of firewall rules.
pub(super) fn is_firewall_log(log_name: &str) -> bool {
    let id = log_name.rsplit("/logs/").next().unwrap_or("");
    id.eq_ignore_ascii_case("compute.googleapis.com%2Ffirewall")
        || id == "compute.googleapis.com/firewall"
}

pub(super) fn read_direction(text: &str) -> Option<Direction> {
    text.parse().ok()
}

pub(super) fn read_priority(text: &str) -> Option<u32> {
    read_number(text).and_then(|number| u32::try_from(number).ok())
}

pub(super) fn project_of(log_name: &str) -> &str {
    log_name.strip_prefix("projects/").and_then(|rest| rest.split('/').next()).unwrap_or("")
}

/// Reads `6`, `"6"`, `6.0`, `TCP`.
pub(super) fn read_protocol(text: &str) -> Option<Protocol> {
    let number = read_number(text).and_then(|number| u8::try_from(number).ok());
    number.map(Protocol).or_else(|| text.trim().parse().ok())
}

/// Reads `443`, `443.0` and `4.43e2`: BigQuery gives every number as a float.
fn read_number(text: &str) -> Option<u64> {
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let number: f64 = text.parse().ok().filter(|_| text.contains(['.', 'e', 'E']))?;
    // Ports, protocols and priorities are far below what a float holds exactly.
    let whole = number.fract() == 0.0 && (0.0..=4_294_967_295.0).contains(&number);
    whole.then(|| format!("{number:.0}").parse().ok()).flatten()
}
