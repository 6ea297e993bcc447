//! The ports of a broker: one for clients, one for the controller inside, one behind each proxy.
//!
//! A port has to be free again after `kill -9`, so it is none of those the system hands out to outgoing connections:
//! while a broker is down its clients keep connecting, and one of them would be given the port they all try.

use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::BuildHasher as _;
use std::net::TcpListener;

/// Above the well-known services, below what Linux and others use for outgoing connections.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// Where a broker listens, and what it tells its clients.
#[derive(Clone, Debug)]
pub(super) struct Listeners {
    /// For clients without a proxy.
    pub(super) client: u16,
    controller: u16,
    pub(super) proxied: Vec<Proxied>,
}

/// A listener that is reached through a proxy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proxied {
    /// Where the broker listens.
    pub(super) broker: u16,
    /// Where it says that it listens.
    advertised: u16,
}

impl Listeners {
    /// Ports that are free now. Another process may take one before the broker does; then it does not start.
    pub(super) fn pick(proxies: &[u16]) -> Self {
        // Held together, so that all are different.
        let held: Vec<TcpListener> = (0..proxies.len() + 2).map(|_| bind()).collect();
        let ports: Vec<u16> = held.iter().map(port).collect();
        let proxied = proxies.iter().zip(&ports[2..]);
        let proxied = proxied.map(|(&advertised, &broker)| Proxied { broker, advertised }).collect();
        Self { client: ports[0], controller: ports[1], proxied }
    }

    /// The lines of the broker's properties.
    pub(super) fn properties(&self) -> String {
        let mut listeners =
            format!("PLAINTEXT://127.0.0.1:{},CONTROLLER://127.0.0.1:{}", self.client, self.controller);
        let mut advertised = format!("PLAINTEXT://127.0.0.1:{}", self.client);
        let mut protocols = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned();
        for (number, proxied) in self.proxied.iter().enumerate() {
            let Proxied { broker, advertised: told } = proxied;
            write!(listeners, ",PROXY{number}://127.0.0.1:{broker}").expect("a string grows");
            write!(advertised, ",PROXY{number}://127.0.0.1:{told}").expect("a string grows");
            write!(protocols, ",PROXY{number}:PLAINTEXT").expect("a string grows");
        }
        format!(
            "listeners={listeners}\nadvertised.listeners={advertised}\n\
             listener.security.protocol.map={protocols}\n\
             controller.quorum.voters=1@127.0.0.1:{}\n",
            self.controller
        )
    }
}

fn bind() -> TcpListener {
    let random = RandomState::new();
    let ports = u64::from(PORTS.end - PORTS.start);
    (0..1000_u32)
        .find_map(|attempt| {
            let port =
                PORTS.start + u16::try_from(random.hash_one(attempt) % ports).expect("within the range");
            TcpListener::bind(("127.0.0.1", port)).ok()
        })
        .expect("a port is free")
}

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().expect("a bound listener has an address").port()
}
