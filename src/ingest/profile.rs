//! The profile of an application: which ports of which Services it has, what they speak, and which
//! of them may be public.
//!
//! ```yaml
//! name: shop
//! ports:
//! - {service: shop-api, port: 9090, protocol: grpc, public: true}
//! - {service: shop-db, port: 5432, protocol: tcp, public: false}
//! ```

use std::sync::Arc;

use crate::ingest::document::{Place, json_items, yaml_items};
use crate::ingest::fields::Fields;
use crate::model::application::{Application, KnownPort};

/// Reads one, as YAML or JSON; what is wrong with it otherwise.
pub fn profile(text: &str) -> Result<Vec<KnownPort>, String> {
    let place = Place { path: Arc::from("profile"), line: 1, byte: 0 };
    let is_json = text.trim_start().starts_with('{');
    let held = if is_json { json_items(text, &place) } else { yaml_items(text, &place) };
    if let Some(complaint) = held.complaints.first() {
        return Err(format!("line {}: {}", complaint.line, complaint.message));
    }
    let [item] = held.items.as_slice() else { return Err("it is no single document".to_owned()) };
    let fields = Fields(&item.value);
    let application = fields.text_or_empty("name");
    let mut ports = Vec::new();
    for (number, one) in fields.list("ports").enumerate() {
        let port = one.number("port").and_then(|port| u16::try_from(port).ok());
        if one.has("port") && port.is_none() {
            return Err(format!("port {} of it is no port", number + 1));
        }
        let known = KnownPort {
            application: application.clone(),
            service: one.text_or_empty("service"),
            port,
            name: one.text("port_name").unwrap_or_default(),
            protocol: Application::parse(&one.text_or_empty("protocol")),
            is_public: one.flag("public").ok_or_else(|| {
                format!("port {} of it does not say whether it is public", number + 1)
            })?,
        };
        if known.service.is_empty() || known.port.is_none() && known.name.is_empty() {
            return Err(format!("port {} of it lacks its service, or its port", number + 1));
        }
        ports.push(known);
    }
    if ports.is_empty() { Err("it lists no ports".to_owned()) } else { Ok(ports) }
}

#[cfg(test)]
mod tests {
    use super::profile;

    #[test]
    fn ports_say_what_they_are() {
        let text =
            "name: shop\nports:\n- {service: api, port: 9090, protocol: grpc, public: true}\n";
        let ports = profile(text).unwrap();
        assert_eq!((ports[0].port, ports[0].is_public), (Some(9090), true));
        let lacks = profile("ports:\n- {service: api, port: 9090}\n").unwrap_err();
        assert!(lacks.contains("public"), "{lacks}");
        assert!(profile("{}").is_err());
    }
}
