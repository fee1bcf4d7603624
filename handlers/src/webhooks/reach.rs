//! Where webhooks may go: to public addresses, and to what the operator names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use url::{Host, Url};

/// The longest address of a receiver.
pub const MAX_URL: usize = 2_048;

/// Which addresses may be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Networks that are not public, and may be reached all the same: receivers in the same house.
    pub networks: Vec<Network>,
    /// Whether a receiver may be called without TLS. For local development alone.
    pub http: bool,
}

/// A network: an address, and how many of its first bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// A text that names no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no network such as 10.1.0.0/16 or fd12:3456::/32")]
pub struct NoNetwork(String);

/// Why an address is not taken as that of a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReceiver {
    /// It is no URL with a host.
    #[error("must be an absolute URL such as https://example.com/hooks")]
    NotAUrl,
    /// It is too long.
    #[error("must have at most {MAX_URL} characters")]
    TooLong,
    /// Its scheme is not taken here.
    #[error("must begin with https://")]
    NotHttps,
    /// It carries a name or a password, which would be shown to whoever sees the webhook.
    #[error("must not have a user name or a password in it")]
    Credentials,
    /// It has a fragment, which is sent to nobody.
    #[error("must not have a fragment (#…)")]
    Fragment,
    /// Its host is an address that may not be reached.
    #[error("must not lead to an address that is private, local or reserved")]
    NotPublic,
}

impl Reach {
    /// Whether this address may be reached. Those at which clouds give out credentials may never.
    pub fn may(&self, address: IpAddr) -> bool {
        let named = self.networks.iter().any(|network| network.contains(address));
        !is_metadata(address) && (named || is_public(address))
    }

    /// The address of a receiver, if it may be one. What its name leads to is asked when something is sent.
    pub fn receiver(&self, text: &str) -> Result<Url, NoReceiver> {
        if text.len() > MAX_URL {
            return Err(NoReceiver::TooLong);
        }
        let url = Url::parse(text).map_err(|_| NoReceiver::NotAUrl)?;
        match url.scheme() {
            "https" => {}
            "http" if self.http => {}
            _ => return Err(NoReceiver::NotHttps),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(NoReceiver::Credentials);
        }
        if url.fragment().is_some() {
            return Err(NoReceiver::Fragment);
        }
        let literal = match url.host().ok_or(NoReceiver::NotAUrl)? {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(_) => None,
        };
        if literal.is_some_and(|address| !self.may(address)) {
            return Err(NoReceiver::NotPublic);
        }
        Ok(url)
    }
}

impl Network {
    /// Whether the address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => v4_in(address, network, self.bits),
            (IpAddr::V6(network), IpAddr::V6(address)) => v6_in(address, network, self.bits),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for Network {
    type Err = NoNetwork;

    fn from_str(text: &str) -> Result<Self, NoNetwork> {
        let parse = || {
            let (address, bits) = text.trim().split_once('/').map_or((text.trim(), None), |(a, b)| (a, Some(b)));
            let address: IpAddr = address.parse().ok()?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
            (bits <= most).then_some(Self { address, bits })
        };
        parse().ok_or_else(|| NoNetwork(text.to_owned()))
    }
}

fn v4_in(address: Ipv4Addr, network: Ipv4Addr, bits: u8) -> bool {
    let shift = 32 - u32::from(bits);
    bits == 0 || address.to_bits() >> shift == network.to_bits() >> shift
}

fn v6_in(address: Ipv6Addr, network: Ipv6Addr, bits: u8) -> bool {
    let shift = 128 - u32::from(bits);
    bits == 0 || address.to_bits() >> shift == network.to_bits() >> shift
}

/// The blocks of IPv4 that are not of the public Internet (IANA's registry of special-purpose addresses, and multicast).
const NOT_PUBLIC_V4: [(Ipv4Addr, u8); 15] = [
    (Ipv4Addr::UNSPECIFIED, 8),           // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // shared by the customers of a carrier
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local, the metadata of clouds among them
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // relays of 6to4
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved, and broadcast
];

/// The part of IPv6 that is given out for the public Internet. Everything else is loopback, link-local, unique local, multicast,
/// mapped or translated IPv4 (`::ffff:0:0/96`, `64:ff9b::/96`), or not given out.
const PUBLIC_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// What is not of the public Internet in it.
const NOT_PUBLIC_V6: [(Ipv6Addr, u8); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments, Teredo among them
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4, which leads to an IPv4 address
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC_V4.iter().any(|(network, bits)| v4_in(address, *network, *bits)),
        IpAddr::V6(address) => {
            v6_in(address, PUBLIC_V6.0, PUBLIC_V6.1)
                && !NOT_PUBLIC_V6.iter().any(|(network, bits)| v6_in(address, *network, *bits))
        }
    }
}

/// Where machines of clouds are given their credentials.
fn is_metadata(address: IpAddr) -> bool {
    const V4: [Ipv4Addr; 2] = [Ipv4Addr::new(169, 254, 169, 254), Ipv4Addr::new(169, 254, 170, 2)];
    const V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    match address {
        IpAddr::V4(address) => V4.contains(&address),
        IpAddr::V6(address) => address == V6 || address.to_ipv4().is_some_and(|address| V4.contains(&address)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(networks: &[&str], http: bool) -> Reach {
        Reach { networks: networks.iter().map(|network| network.parse().unwrap()).collect(), http }
    }

    #[test]
    fn nothing_that_is_not_of_the_public_internet_is_reached() {
        let public = Reach::default();
        for address in [
            "0.0.0.0",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::7f00:1",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "100::1",
            "fc00::1",
            "fd00:ec2::254",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "4000::1",
        ] {
            assert!(!public.may(address.parse().unwrap()), "{address}");
        }
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "128.0.0.1",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450:4001:80b::200e",
            "2001:4860:4860::8888",
        ] {
            assert!(public.may(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_network_that_the_operator_names_is_reached_and_nothing_beside_it_and_never_metadata() {
        let reach = reach(&["10.1.0.0/16", "127.0.0.1", "169.254.0.0/16", "fd00::/8"], false);
        for address in ["10.1.0.0", "10.1.255.255", "127.0.0.1", "169.254.1.1", "fd12::1", "8.8.8.8"] {
            assert!(reach.may(address.parse().unwrap()), "{address}");
        }
        for address in [
            "10.0.255.255",
            "10.2.0.0",
            "127.0.0.2",
            "169.254.169.254",
            "169.254.170.2",
            "fd00:ec2::254",
            "::ffff:10.1.0.1",
            "fc00::1",
        ] {
            assert!(!reach.may(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_network_is_an_address_and_a_number_of_bits() {
        let all: Network = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains("9.9.9.9".parse().unwrap()) && !all.contains("::1".parse().unwrap()));
        for wrong in ["", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0/8", "example.com", "10.0.0.0/-1"] {
            assert_eq!(wrong.parse::<Network>(), Err(NoNetwork(wrong.to_owned())));
        }
    }

    #[test]
    fn a_receiver_is_an_https_url_of_a_public_host() {
        let public = Reach::default();
        for good in [
            "https://example.com/hooks",
            "https://example.com:8443/?a=b",
            "https://1.1.1.1/",
            "https://[2606:4700:4700::1111]/",
        ] {
            assert_eq!(public.receiver(good).map(|url| url.to_string()), Ok(good.to_owned()));
        }
        let long = format!("https://example.com/{}", "a".repeat(MAX_URL));
        for (wrong, why) in [
            ("example.com/hooks", NoReceiver::NotAUrl),
            ("https://", NoReceiver::NotAUrl),
            (long.as_str(), NoReceiver::TooLong),
            ("http://example.com/", NoReceiver::NotHttps),
            ("file:///etc/passwd", NoReceiver::NotHttps),
            ("gopher://example.com/", NoReceiver::NotHttps),
            ("https://user:secret@example.com/", NoReceiver::Credentials),
            ("https://user@example.com/", NoReceiver::Credentials),
            ("https://example.com/#part", NoReceiver::Fragment),
            ("https://127.0.0.1/", NoReceiver::NotPublic),
            ("https://2130706433/", NoReceiver::NotPublic),
            ("https://0x7f.1/", NoReceiver::NotPublic),
            ("https://0177.0.0.1/", NoReceiver::NotPublic),
            ("https://[::1]/", NoReceiver::NotPublic),
            ("https://[::ffff:10.0.0.1]/", NoReceiver::NotPublic),
            ("https://169.254.169.254/latest/meta-data/", NoReceiver::NotPublic),
        ] {
            assert_eq!(public.receiver(wrong), Err(why), "{wrong}");
        }
        let local = reach(&["127.0.0.0/8"], true);
        assert!(local.receiver("http://127.0.0.1:9000/").is_ok() && local.receiver("ftp://127.0.0.1/").is_err());
    }
}
