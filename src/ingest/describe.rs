//! `kubectl describe` of custom resources, as it is printed, back to the object it was printed of;
//! and the tables of `kubectl get` with READY and STATUS columns.
//!
//! ```text
//! Name:         kf-apis
//! Namespace:    kf
//! API Version:  compute.cnrm.cloud.google.com/v1beta1
//! Kind:         ComputeFirewall
//! Spec:
//!   Allow:
//!     Ports:
//!       443
//!     Protocol:  tcp
//!     Protocol:  icmp
//! ```
//!
//! The printer (<https://github.com/kubernetes/kubectl/blob/master/pkg/describe/describe.go>,
//! `printUnstructuredContent`) sorts fields, splits their names into words and puts nothing between
//! the elements of a list: an element ends where a field comes again, or comes before one that was
//! there. Values are printed as they are, line breaks and all, so a value may imitate fields:
//! fields of an object that are out of order make the whole description worthless.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::ingest::document::{Item, Place};
use crate::model::{Complaint, Origin, complaint};

/// Whether a text may hold descriptions or tables.
#[must_use]
pub fn may_hold(text: &str) -> bool {
    text.contains("\nAPI Version:") || text.contains("STATUS AGE")
}

/// The objects that a text describes.
#[must_use]
pub fn items(text: &str, place: &Place) -> (Vec<Item>, Vec<Complaint>) {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let starts: Vec<usize> = (0..lines.len()).filter(|at| is_start(&lines, *at)).collect();
    let mut items = Vec::new();
    let mut complaints = Vec::new();
    for (number, start) in starts.iter().enumerate() {
        let end = starts.get(number + 1).copied().unwrap_or(lines.len());
        let line = place.line + *start as u64;
        match object(lines.get(*start..end).unwrap_or_default()) {
            Some(value) => {
                let origin = Origin { path: Arc::clone(&place.path), line };
                items.push(Item { value, origin, hint: Some(DESCRIBED.to_owned()) });
            }
            None => complaints.push(Complaint {
                path: place.path.to_string(),
                line,
                byte: place.byte,
                message: "a description whose fields are out of order, so that a value may \
                          imitate them: give the object with -o yaml"
                    .to_owned(),
                did: complaint::SKIPPED_ITEM,
            }),
        }
    }
    items.extend(tables(&lines, place));
    (items, complaints)
}

/// A description starts with the name; its version and kind follow, before anything is indented
/// that belongs to neither labels nor annotations.
fn is_start(lines: &[&str], at: usize) -> bool {
    let named = |line: &str, key: &str| field(line).is_some_and(|(own, _)| own == key);
    let Some(first) = lines.get(at).filter(|line| named(line, "Name")) else { return false };
    if first.starts_with(' ') {
        return false;
    }
    let heads = lines.iter().skip(at + 1).filter(|line| !line.starts_with([' ', '\t']));
    let heads: Vec<&&str> = heads.take(6).collect();
    let end = heads.iter().position(|line| named(line, "Name")).unwrap_or(heads.len());
    let heads = heads.get(..end).unwrap_or_default();
    ["API Version", "Kind"].iter().all(|key| heads.iter().any(|line| named(line, key)))
}

/// `Label:` or `Label:  value`: two spaces at least, or nothing.
fn field(line: &str) -> Option<(&str, &str)> {
    let text = line.trim_start();
    let (label, rest) = text.split_once(':')?;
    let is_label = label.starts_with(|first: char| first.is_ascii_alphabetic())
        && label.chars().all(|c| c.is_ascii_alphanumeric() || " _-./".contains(c));
    let value = rest.trim();
    let apart = rest.is_empty() || rest.starts_with("  ") || rest.starts_with('\t');
    (is_label && apart).then_some((label, value))
}

/// `Source Ranges` to `sourceRanges`; `API Version` to `apiVersion`; what holds a digit is printed
/// as it is.
fn key(label: &str) -> String {
    let mut words = label.split(' ');
    let first = words.next().unwrap_or("");
    let is_acronym = first.len() > 1 && first.chars().all(|c| c.is_ascii_uppercase());
    let mut key = if is_acronym {
        first.to_ascii_lowercase()
    } else {
        let mut letters = first.chars();
        letters.next().map(|c| c.to_ascii_lowercase()).into_iter().chain(letters).collect()
    };
    key.extend(words);
    key
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// One description; `None` where its parts come in another order than the printer's.
fn object(lines: &[&str]) -> Option<Value> {
    let mut object = Map::new();
    let mut metadata = Map::new();
    let mut at = 0;
    let mut before = String::new();
    while let Some(line) = lines.get(at) {
        let rest = lines.get(at + 1..).unwrap_or_default();
        let size = rest.iter().take_while(|line| line.starts_with(' ') || line.is_empty()).count();
        let children = rest.get(..size).unwrap_or_default();
        at += 1 + size;
        let Some((label, value)) = field(line) else {
            // Something else follows: the next command of a session, or a value's own lines.
            if object.contains_key("spec") || object.contains_key("status") {
                break;
            }
            return None;
        };
        match label {
            "Name" | "Namespace" => {
                metadata.insert(key(label), json!(value));
            }
            "Labels" => {}
            "Annotations" => {
                metadata.insert("annotations".to_owned(), annotations(value, children));
            }
            "API Version" | "Kind" => {
                object.insert(key(label), json!(value));
            }
            "Events" => break,
            _ => {
                let key = key(label);
                if key <= before {
                    return None;
                }
                let inner = if value.is_empty() { fields(children)? } else { json!(value) };
                if key == "metadata" {
                    metadata.extend(inner.as_object().cloned().unwrap_or_default());
                } else {
                    object.insert(key.clone(), inner);
                }
                before = key;
            }
        }
    }
    object.insert("metadata".to_owned(), Value::Object(metadata));
    Some(Value::Object(object))
}

/// `Annotations:  a: b` and the lines below it.
fn annotations(first: &str, others: &[&str]) -> Value {
    let all = std::iter::once(first).chain(others.iter().map(|line| line.trim()));
    let pairs = all.filter_map(|line| line.split_once(':'));
    pairs.map(|(key, value)| (key.to_owned(), json!(value.trim()))).collect::<Map<_, _>>().into()
}

/// The fields of a block that can be no list; `None` where they are out of order.
fn fields(lines: &[&str]) -> Option<Value> {
    match block(lines) {
        Value::Array(_) => None,
        value => Some(value),
    }
}

/// A block: an object, or a list of objects or of scalars.
fn block(lines: &[&str]) -> Value {
    let Some(own) = lines.iter().find(|line| !line.is_empty()).map(|line| indent(line)) else {
        return Value::Null;
    };
    let mut elements: Vec<Map<String, Value>> = Vec::new();
    let mut scalars: Vec<Value> = Vec::new();
    let mut last = String::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        if line.is_empty() {
            continue;
        }
        if indent(line) > own {
            // The further lines of a value.
            continue;
        }
        let Some((label, value)) = field(line) else {
            scalars.push(json!(line.trim()));
            continue;
        };
        let rest = lines.get(at..).unwrap_or_default();
        let size = rest.iter().take_while(|line| indent(line) > own || line.is_empty()).count();
        let children = rest.get(..size).unwrap_or_default();
        at += size;
        let key = key(label);
        let value = if value.is_empty() { block(children) } else { json!(value) };
        // The printer sorts by bytes: `networkRef` comes before `networkingMode`.
        if elements.is_empty() || key <= last {
            elements.push(Map::new());
        }
        last.clone_from(&key);
        if let Some(element) = elements.last_mut() {
            element.insert(key, value);
        }
    }
    let mut objects: Vec<Value> = elements.into_iter().map(Value::Object).collect();
    match objects.len() {
        0 => Value::Array(scalars),
        1 => objects.pop().unwrap_or_default(),
        _ => Value::Array(objects),
    }
}

/// The rows of `kubectl get` tables with the columns of Config Connector's kinds.
fn tables(lines: &[&str], place: &Place) -> Vec<Item> {
    let mut items = Vec::new();
    let mut columns: Option<bool> = None;
    for (number, line) in lines.iter().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        columns = match words.as_slice() {
            ["NAME", "AGE", "READY", "STATUS", "STATUS", "AGE"] => Some(false),
            ["NAMESPACE", "NAME", "AGE", "READY", "STATUS", "STATUS", "AGE"] => Some(true),
            // `kubectl get gcp` puts an empty line between the tables of two kinds.
            [] => None,
            words => {
                let Some(with_namespace) = columns else { continue };
                let origin =
                    Origin { path: Arc::clone(&place.path), line: place.line + number as u64 };
                let value = row(words, with_namespace);
                // What is no row ends the table: the next command of a session, say.
                let columns = columns.filter(|_| value.is_some());
                items.extend(value.map(|value| Item { value, origin, hint: None }));
                columns
            }
        };
    }
    items
}

/// `kf-apis   3h   False   UpdateFailed   2h`, also as `computefirewall.compute.…/kf-apis`.
fn row(words: &[&str], with_namespace: bool) -> Option<Value> {
    let (namespace, words) = match (with_namespace, words) {
        (true, [namespace, words @ ..]) => (*namespace, words),
        (_, words) => ("", words),
    };
    let [name, _age, rest @ ..] = words else { return None };
    let (kind, name) = name.split_once('/').unwrap_or(("", name));
    let is_name = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte))
    };
    let is_ready = rest.first().is_none_or(|word| ["True", "False", "Unknown"].contains(word));
    if name.is_empty() || ![name, kind].into_iter().all(is_name) || !is_ready {
        return None;
    }
    let kind = kind.split('.').next().unwrap_or("");
    let conditions = match rest {
        [ready, reason, _] => json!([{ "type": "Ready", "status": ready, "reason": reason }]),
        [ready, _] => json!([{ "type": "Ready", "status": ready }]),
        _ => json!([]),
    };
    Some(json!({
        "apiVersion": TABLE, "kind": kind,
        "metadata": { "name": name, "namespace": namespace, "uid": "of a table" },
        "status": { "conditions": conditions },
    }))
}

/// What an object is that was described: its text is not the one that it was made of.
pub const DESCRIBED: &str = "described";

/// What stands for the version of a row: nothing else than its condition is known of it.
pub const TABLE: &str = "table.cnrm.cloud.google.com";

#[cfg(test)]
mod tests {
    use super::*;

    fn described(text: &str) -> (Vec<Value>, usize) {
        let place = Place { path: Arc::from("describe.txt"), line: 1, byte: 0 };
        let (items, complaints) = items(text, &place);
        (items.into_iter().map(|item| item.value).collect(), complaints.len())
    }

    const HEAD: &str = "Name:         web\nNamespace:    kf\nLabels:       <none>\n\
        Annotations:  cnrm.cloud.google.com/project-id: p-1\n              other: x\n\
        API Version:  compute.cnrm.cloud.google.com/v1beta1\nKind:         ComputeFirewall\n";

    #[test]
    fn elements_of_lists_have_nothing_between_them() {
        let text = format!(
            "$ kubectl describe computefirewall\n{HEAD}Metadata:\n  Generation:  3\nSpec:\n  \
             Allow:\n    Ports:\n      80\n      443\n    Protocol:  tcp\n    Protocol:  icmp\n  \
             Network Ref:\n    Name:       kf\n  Resource ID:  web-1\n  Source Ranges:\n    \
             ::1/128\n    10.0.0.0/8\nStatus:\n  Conditions:\n    Message:  m\n    Reason:   \
             UpdateFailed\n    Status:   False\n    Type:     Ready\nEvents:  <none>\n$ \n"
        );
        let (found, complaints) = described(&text);
        let [object] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(complaints, 0);
        assert_eq!(object["spec"]["allow"][0]["ports"], json!(["80", "443"]));
        assert_eq!(object["spec"]["allow"][1], json!({"protocol": "icmp"}));
        assert_eq!(object["spec"]["networkRef"]["name"], "kf");
        assert_eq!(object["spec"]["resourceID"], "web-1");
        assert_eq!(object["spec"]["sourceRanges"], json!(["::1/128", "10.0.0.0/8"]));
        assert_eq!(object["metadata"]["annotations"]["cnrm.cloud.google.com/project-id"], "p-1");
        assert_eq!(object["metadata"]["generation"], "3");
        assert_eq!(object["status"]["conditions"]["reason"], "UpdateFailed");
    }

    #[test]
    fn values_that_imitate_fields_make_no_fields() {
        // A description of several lines, which says what comes earlier in the order.
        let text = format!(
            "{HEAD}Spec:\n  Allow:\n    Protocol:  tcp\n  Description:  one\n  Allow:\n    \
             Protocol:  all\n  Direction:  INGRESS\n"
        );
        assert_eq!(described(&text), (Vec::new(), 1));
        let text = format!("{HEAD}Spec:\n  Description:  x\nStatus:\n  A:  b\nSpec:\n  C:  d\n");
        assert_eq!(described(&text), (Vec::new(), 1));
    }

    #[test]
    fn fields_are_sorted_by_bytes_as_they_are_printed() {
        let text = format!(
            "{HEAD}Spec:\n  Location:         r1\n  Network Policy:\n    Enabled:  true\n  Network \
             Ref:\n    Name:             kf\n  Networking Mode:  VPC_NATIVE\n"
        );
        let (found, complaints) = described(&text);
        assert_eq!((found[0]["spec"]["networkRef"]["name"].as_str(), complaints), (Some("kf"), 0));
        let table = "NAME  AGE  READY  STATUS  STATUS AGE\nkf  3h  True  UpToDate  3h\n$ kubectl get \
                     pods -n kf\nme@host:~$ ls a b c\n";
        assert_eq!(described(table).0.len(), 1);
    }

    #[test]
    fn several_descriptions_and_tables_stand_in_one_text() {
        let text = format!("{HEAD}Spec:\n  Priority:  1\n\n\n{HEAD}Spec:\n  Priority:  2\n");
        assert_eq!(described(&text).0.len(), 2);
        let text = "NAME   AGE   READY   STATUS   STATUS AGE\nkf   3h   True   UpdateFailed   2h\n\n\
                    NAME  AGE  READY  STATUS  STATUS AGE\ncomputeroute.compute.cnrm.cloud.google\
                    .com/apis  1h  False  DependencyNotReady  1h\n";
        let (found, _) = described(text);
        let [network, route] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(network["status"]["conditions"][0]["reason"], "UpdateFailed");
        assert_eq!(
            (&route["kind"], &route["metadata"]["name"]),
            (&json!("computeroute"), &json!("apis"))
        );
    }
}
