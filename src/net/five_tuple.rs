//! One connection: `tcp 10.10.10.31:60556 > 172.16.0.34:443`, read and printed the same way.
//! IPv6 addresses stand in brackets; protocols without ports leave them out (`icmp 10.0.0.1 > …`).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::net::{Protocol, parse_address};

/// Who talks to whom, over what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FiveTuple {
    /// The client's address.
    pub src: IpAddr,
    /// The client's port, 0 where there is none.
    pub src_port: u16,
    /// The server's address.
    pub dst: IpAddr,
    /// The server's port, 0 where there is none.
    pub dst_port: u16,
    /// The protocol.
    pub protocol: Protocol,
}

impl fmt::Display for FiveTuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |address: IpAddr, port: u16| match (self.protocol.has_ports(), address) {
            (true, IpAddr::V6(v6)) => format!("[{v6}]:{port}"),
            (true, IpAddr::V4(v4)) => format!("{v4}:{port}"),
            (false, address) => address.to_string(),
        };
        let (src, dst) = (end(self.src, self.src_port), end(self.dst, self.dst_port));
        write!(f, "{} {src} > {dst}", self.protocol)
    }
}

/// Reads `10.0.0.1:443`, `[fd00::1]:443`, `10.0.0.1` or `fd00::1`.
#[must_use]
pub fn parse_endpoint(text: &str) -> Option<(IpAddr, Option<u16>)> {
    let text = text.trim();
    if let Some(address) = parse_address(text) {
        return Some((address, None));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let port = match port.strip_prefix(':') {
            Some(port) => Some(port.parse().ok()?),
            None => port.is_empty().then_some(None)?,
        };
        return Some((parse_address(address)?, port));
    }
    let (address, port) = text.rsplit_once(':')?;
    Some((parse_address(address)?, Some(port.parse().ok()?)))
}

impl FromStr for FiveTuple {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (protocol, ends) = text.trim().split_once(' ').ok_or(())?;
        let (src, dst) = ends.split_once('>').ok_or(())?;
        let (src, src_port) = parse_endpoint(src).ok_or(())?;
        let (dst, dst_port) = parse_endpoint(dst).ok_or(())?;
        Ok(Self {
            src,
            src_port: src_port.unwrap_or(0),
            dst,
            dst_port: dst_port.unwrap_or(0),
            protocol: protocol.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::FiveTuple;

    #[test]
    fn notation_goes_both_ways() {
        for text in [
            "tcp 10.10.10.31:60556 > 172.16.0.34:443",
            "udp [fd20:ce::254]:53 > [2600:2d00:2:2000::]:443",
            "icmp 10.0.0.1 > 10.0.0.2",
        ] {
            assert_eq!(text.parse::<FiveTuple>().unwrap().to_string(), text);
        }
        assert!("tcp 10.0.0.1:99999 > 10.0.0.2:1".parse::<FiveTuple>().is_err());
    }
}
