//! What a port of a Service speaks, and whether it may be public: by the profile that was given,
//! by the table of known applications, else by what the port says of itself.
//!
//! `pachd 650` is gRPC and may be public; `etcd 2379` never may.

use std::sync::LazyLock;

use crate::model::Service;
use crate::model::workload::ServicePort;

/// What is spoken on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Application {
    /// gRPC: HTTP/2, and streams that last.
    Grpc,
    /// HTTP/2.
    Http2,
    /// Websockets: HTTP that becomes a stream.
    WebSocket,
    /// HTTP by TLS.
    Https,
    /// HTTP.
    Http,
    /// Something else, or nobody says.
    Tcp,
}

impl Application {
    /// The word that stands in JSON.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Http2 => "http2",
            Self::WebSocket => "websocket",
            Self::Https => "https",
            Self::Http => "http",
            Self::Tcp => "tcp",
        }
    }

    /// Reads one; unknown ones are [`Application::Tcp`].
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.trim().to_ascii_lowercase();
        let text = text.rsplit('/').next().unwrap_or("");
        let starts = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
        if text.contains("grpc") || text == "h2c" {
            Self::Grpc
        } else if starts(&["http2", "h2"]) {
            Self::Http2
        } else if starts(&["ws", "websocket"]) {
            Self::WebSocket
        } else if starts(&["https", "tls", "wss"]) {
            Self::Https
        } else if starts(&["http", "web"]) {
            Self::Http
        } else {
            Self::Tcp
        }
    }

    /// Whether it lasts as long as its stream does.
    #[must_use]
    pub fn is_stream(self) -> bool {
        matches!(self, Self::Grpc | Self::WebSocket)
    }
}

/// A port of an application that is known, or described by a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPort {
    /// The application; empty for ports of any.
    pub application: String,
    /// The Service; empty for any.
    pub service: String,
    /// The number of the port, of the Service, its pods or its nodes.
    pub port: Option<u16>,
    /// Its name in the Service.
    pub name: String,
    /// What is spoken.
    pub protocol: Application,
    /// Whether the outside may reach it.
    pub is_public: bool,
}

static TABLE: LazyLock<Vec<KnownPort>> =
    LazyLock::new(|| include_str!("applications.csv").lines().skip(1).filter_map(row).collect());

fn row(line: &str) -> Option<KnownPort> {
    let mut cells = line.split(',');
    Some(KnownPort {
        application: cells.next()?.to_owned(),
        service: cells.next()?.to_owned(),
        port: cells.next()?.parse().ok(),
        name: cells.next()?.to_owned(),
        protocol: Application::parse(cells.next()?),
        is_public: cells.next()? == "yes",
    })
}

impl KnownPort {
    fn is(&self, service: &Service, port: &ServicePort, target: Option<u16>) -> bool {
        let numbers = [Some(port.port), target, port.node_port];
        let by_number = match self.port {
            Some(own) => numbers.contains(&Some(own)),
            // A Service all of whose ports are alike.
            None => self.name.is_empty(),
        };
        let by_name = !self.name.is_empty() && port.name.as_deref() == Some(self.name.as_str());
        let named = &service.id.name;
        let of_service = match (self.service.as_str(), self.application.as_str()) {
            ("", _) => true,
            // Charts put the release's name before the component's.
            (own, "") => named == own || named.ends_with(&format!("-{own}")),
            (own, _) => named == own,
        };
        of_service && (by_name || by_number)
    }
}

/// What is known of a port: from the profile, else from the table, where its application is there.
#[must_use]
pub fn known_port<'k>(
    profile: &'k [KnownPort],
    services: &[Service],
    service: &Service,
    port: &ServicePort,
    target: Option<u16>,
) -> Option<&'k KnownPort> {
    let runs = |row: &&KnownPort| {
        // The names of its Services are common words: its main one has to be there, too.
        row.application != "pachyderm" || services.iter().any(|one| one.id.name == "pachd")
    };
    let table: &'static [KnownPort] = &TABLE;
    let own = |row: &&KnownPort| row.is(service, port, target);
    profile.iter().find(own).or_else(|| table.iter().filter(own).find(runs))
}

/// What a port speaks.
#[must_use]
pub fn application(known: Option<&KnownPort>, port: &ServicePort) -> Application {
    if let Some(known) = known {
        return known.protocol;
    }
    let said = port.application.as_deref().or(port.name.as_deref());
    match said.map_or(Application::Tcp, Application::parse) {
        Application::Tcp => match port.port {
            443 | 8443 => Application::Https,
            80 | 8080 => Application::Http,
            50_051 => Application::Grpc,
            _ => Application::Tcp,
        },
        told => told,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_names_mean_what_they_say() {
        assert_eq!(TABLE.len(), include_str!("applications.csv").lines().count() - 1);
        for (text, expected) in [
            ("kubernetes.io/h2c", Application::Grpc),
            ("grpc-web", Application::Grpc),
            ("kubernetes.io/ws", Application::WebSocket),
            ("https", Application::Https),
            ("http2-internal", Application::Http2),
            ("web", Application::Http),
            ("peer-port", Application::Tcp),
        ] {
            assert_eq!(Application::parse(text), expected, "{text}");
        }
    }
}
