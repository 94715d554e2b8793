//! One piece of text to a log record, in one walk over borrowed bytes.
//!
//! ```text
//! {"insertId":"a1","timestamp":"…","jsonPayload":{"connection":{…},"disposition":"DENIED",…}}
//! ```
//!
//! All spellings of facts A1, A2 and A6 are one entry here: camel and snake case, numbers as
//! strings or floats, protocol names, a payload without its envelope, payloads as text. Entries
//! inside of something else (Pub/Sub, shippers, Elastic Common Schema) are unwrapped first.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::ingest::log::walker::{Broken, Walker};
use crate::ingest::log::wrapped;
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

pub(super) fn read_nested(text: &str, wrappers: u32) -> (Found<'_>, usize) {
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
        Ok(()) if wrappers < MOST_WRAPPERS && !raw.wrappers.is_empty() => {
            wrapped::unwrap(&raw.wrappers, text.get(..end).unwrap_or(text), wrappers)
        }
        Ok(()) => Found::NoEntry,
    };
    (found, end)
}

/// What holds the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrapper<'a> {
    /// The entry stands as an object under a key of a shipper.
    Inside(&'a str),
    /// A Pub/Sub message.
    PubSub(&'a str),
    /// Elastic Common Schema.
    Elastic,
}

/// The members that matter, as they came.
#[derive(Debug, Default)]
struct RawEntry<'a> {
    insert_id: Cow<'a, str>,
    timestamp: Cow<'a, str>,
    log_name: Cow<'a, str>,
    label_project: Cow<'a, str>,
    payload: Payload<'a>,
    has_payload: bool,
    has_envelope: bool,
    wrappers: Vec<Wrapper<'a>>,
}

#[derive(Debug, Default)]
struct Payload<'a> {
    src_ip: Cow<'a, str>,
    dest_ip: Cow<'a, str>,
    src_port: Cow<'a, str>,
    dest_port: Cow<'a, str>,
    protocol: Cow<'a, str>,
    has_connection: bool,
    disposition: Cow<'a, str>,
    reference: Cow<'a, str>,
    priority: Cow<'a, str>,
    direction: Cow<'a, str>,
    instance: LoggedInstance<'a>,
    vpc_project: Cow<'a, str>,
    vpc_name: Cow<'a, str>,
}

type Step = Result<(), Broken>;

fn set<'a>(slot: &mut Cow<'a, str>, walker: &mut Walker<'a>) -> Step {
    if let Some(text) = walker.scalar()? {
        *slot = text;
    }
    Ok(())
}

impl<'a> RawEntry<'a> {
    fn read(&mut self, walker: &mut Walker<'a>) -> Step {
        walker.object(|key, walker| self.member(key, walker))
    }

    fn member(&mut self, key: &str, walker: &mut Walker<'a>) -> Step {
        match key {
            "insertId" | "insert_id" => {
                self.has_envelope = true;
                set(&mut self.insert_id, walker)
            }
            "timestamp" => set(&mut self.timestamp, walker),
            "logName" | "log_name" => {
                self.has_envelope = true;
                set(&mut self.log_name, walker)
            }
            "resource" => self.resource(walker),
            "jsonPayload" | "json_payload" => self.json_payload(walker),
            "protoPayload" | "textPayload" | "proto_payload" | "text_payload" => {
                self.has_payload = true;
                walker.skip()
            }
            // A payload without its envelope, as people paste it.
            "connection" | "disposition" | "rule_details" => self.payload.member(key, walker),
            "instance" | "vpc" if walker.peek() == Some(b'{') => self.payload.member(key, walker),
            "gcp" | "json" | "_raw" | "log" | "entry" | "logEntry" | "_source" | "result"
            | "data" => {
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
                "project_id" => set(&mut self.label_project, walker),
                _ => walker.skip(),
            }),
            _ => walker.skip(),
        })
    }

    fn json_payload(&mut self, walker: &mut Walker<'a>) -> Step {
        self.has_payload = true;
        match walker.peek() {
            Some(b'{') => {
                let payload = &mut self.payload;
                walker.object(|key, walker| payload.member(key, walker))
            }
            // Log Analytics and CSV tables hold the payload as text.
            Some(b'"') => {
                let text = walker.string()?;
                self.payload.read_text(&text);
                Ok(())
            }
            _ => walker.skip(),
        }
    }

    fn is_entry(&self) -> bool {
        let firewall = self.payload.has_connection && !self.payload.disposition.is_empty();
        firewall
            || self.has_payload && self.has_envelope
            || self.log_name.contains("/logs/")
            || self.has_payload && self.wrappers.is_empty()
    }

    fn finish(self) -> Found<'a> {
        let id = self.log_name.rsplit("/logs/").next().unwrap_or("");
        let is_firewall_log = id.eq_ignore_ascii_case("compute.googleapis.com%2Ffirewall")
            || id == "compute.googleapis.com/firewall";
        let payload = self.payload;
        let is_firewall = payload.has_connection
            && !payload.disposition.is_empty()
            && (is_firewall_log || self.log_name.is_empty());
        let of_name = |name: &Cow<'a, str>| -> Cow<'a, str> {
            match name {
                Cow::Borrowed(text) => Cow::Borrowed(project_of(text)),
                Cow::Owned(text) => Cow::Owned(project_of(text).to_owned()),
            }
        };
        let named = of_name(&self.log_name);
        let mut record = Record {
            insert_id: self.insert_id,
            timestamp: Timestamp::parse(&self.timestamp),
            project: if named.is_empty() { self.label_project } else { named },
            disposition: None,
            firewall: None,
        };
        if !is_firewall {
            return if is_firewall_log {
                Found::BrokenEntry("a firewall entry without connection or disposition")
            } else {
                Found::Entry(record)
            };
        }
        let Some(disposition) = Disposition::parse(&payload.disposition) else {
            return Found::BrokenEntry("disposition is none of ALLOWED, DENIED, INTERCEPTED");
        };
        record.disposition = Some(disposition);
        match payload.finish(disposition) {
            Ok(firewall) => {
                record.firewall = Some(firewall);
                Found::Entry(record)
            }
            Err(what) => Found::Incomplete(record, what),
        }
    }
}

fn project_of(log_name: &str) -> &str {
    log_name.strip_prefix("projects/").and_then(|rest| rest.split('/').next()).unwrap_or("")
}

impl<'a> Payload<'a> {
    fn member(&mut self, key: &str, walker: &mut Walker<'a>) -> Step {
        match key {
            "disposition" => set(&mut self.disposition, walker),
            "connection" if walker.peek() == Some(b'{') => {
                self.has_connection = true;
                walker.object(|key, walker| match key {
                    "src_ip" => set(&mut self.src_ip, walker),
                    "dest_ip" => set(&mut self.dest_ip, walker),
                    "src_port" => set(&mut self.src_port, walker),
                    "dest_port" => set(&mut self.dest_port, walker),
                    "protocol" => set(&mut self.protocol, walker),
                    _ => walker.skip(),
                })
            }
            "rule_details" if walker.peek() == Some(b'{') => {
                walker.object(|key, walker| match key {
                    "reference" => set(&mut self.reference, walker),
                    "priority" => set(&mut self.priority, walker),
                    "direction" => set(&mut self.direction, walker),
                    _ => walker.skip(),
                })
            }
            "instance" if walker.peek() == Some(b'{') => {
                let instance = &mut self.instance;
                walker.object(|key, walker| match key {
                    "project_id" => set(&mut instance.project, walker),
                    "vm_name" => set(&mut instance.name, walker),
                    _ => walker.skip(),
                })
            }
            "vpc" if walker.peek() == Some(b'{') => walker.object(|key, walker| match key {
                "project_id" => set(&mut self.vpc_project, walker),
                "vpc_name" => set(&mut self.vpc_name, walker),
                _ => walker.skip(),
            }),
            _ => walker.skip(),
        }
    }

    /// Reads a payload that was itself written as a JSON text. What it lends lives shorter than
    /// the entry, so it is copied.
    fn read_text(&mut self, text: &str) {
        let mut inner = Payload::default();
        let mut walker = Walker::new(text);
        if walker.object(|key, walker| inner.member(key, walker)).is_ok() {
            *self = inner.into_owned();
        }
    }

    fn into_owned<'b>(self) -> Payload<'b> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Payload {
            src_ip: own(self.src_ip),
            dest_ip: own(self.dest_ip),
            src_port: own(self.src_port),
            dest_port: own(self.dest_port),
            protocol: own(self.protocol),
            has_connection: self.has_connection,
            disposition: own(self.disposition),
            reference: own(self.reference),
            priority: own(self.priority),
            direction: own(self.direction),
            instance: LoggedInstance {
                project: own(self.instance.project),
                name: own(self.instance.name),
            },
            vpc_project: own(self.vpc_project),
            vpc_name: own(self.vpc_name),
        }
    }

    fn finish(self, disposition: Disposition) -> Result<FirewallRecord<'a>, &'static str> {
        let address =
            |text: &str, what| -> Result<IpAddr, &'static str> { parse_address(text).ok_or(what) };
        let protocol = read_protocol(&self.protocol).ok_or("connection.protocol is no protocol")?;
        let port = |text: &str, what| match read_number(text) {
            _ if text.is_empty() => Ok(0),
            Some(port) => u16::try_from(port).map_err(|_| what),
            None => Err(what),
        };
        let tuple = FiveTuple {
            src: address(&self.src_ip, "connection.src_ip is no address")?,
            src_port: port(&self.src_port, "connection.src_port is no port")?,
            dst: address(&self.dest_ip, "connection.dest_ip is no address")?,
            dst_port: port(&self.dest_port, "connection.dest_port is no port")?,
            protocol,
        };
        Ok(FirewallRecord {
            tuple,
            disposition,
            direction: self.direction.parse::<Direction>().ok(),
            reference: self.reference,
            priority: read_number(&self.priority).and_then(|number| u32::try_from(number).ok()),
            instance: self.instance,
            vpc_project: self.vpc_project,
            vpc_name: self.vpc_name,
        })
    }
}

/// Reads `6`, `"6"`, `6.0`, `TCP`.
fn read_protocol(text: &str) -> Option<Protocol> {
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
