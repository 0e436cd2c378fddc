//! The few things that are asked of the kernel's network, in one namespace.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, AsRawFd};

use bireme_core::network::{Cidr, NetworkError};
use futures::TryStreamExt as _;
use nix::errno::Errno;
use rtnetlink::packet_route::address::AddressAttribute;
use rtnetlink::packet_route::link::{InfoData, InfoVeth, LinkAttribute, LinkMessage};
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use rtnetlink::{Error, Handle, LinkMessageBuilder, LinkUnspec, LinkVeth, RouteMessageBuilder};

use crate::naming::{HOST_MAC, POD_LINK, pod_mac};
use crate::refusal::Refusal as _;

/// Marks the routes that are ours among all others (`proto 144`): a number that no routing daemon is known to use.
const PROTOCOL: RouteProtocol = RouteProtocol::Other(144);

/// The network of one namespace.
#[derive(Clone, Debug)]
pub(crate) struct Kernel {
    handle: Handle,
}

/// A network device.
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) alias: Option<String>,
    /// For a veth: the index of the other end, in the other end's namespace.
    pub(crate) peer: Option<u32>,
}

impl Kernel {
    pub(crate) fn new(handle: Handle) -> Self {
        Self { handle }
    }

    /// Connects to the network of the calling thread's namespace, through a thread of the connection's own, which ends
    /// with the last clone of this value.
    ///
    /// The kernel does what a message asks for while the message is being sent, and to remove a link takes it tens of
    /// milliseconds, for which no thread of the runtime may stand still.
    pub(crate) fn connect() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let (connection, handle, _unsolicited) = {
            let _context = runtime.enter();
            rtnetlink::new_connection()?
        };
        std::thread::Builder::new()
            .name("bireme-netlink".to_owned())
            .spawn(move || runtime.block_on(connection))?;
        Ok(Self::new(handle))
    }

    pub(crate) async fn links(&self) -> Result<Vec<Link>, Error> {
        self.handle.link().get().execute().map_ok(link_from).try_collect().await
    }

    pub(crate) async fn link(&self, name: &str) -> Result<Option<Link>, Error> {
        match self.handle.link().get().match_name(name).execute().try_next().await {
            Ok(message) => Ok(message.map(link_from)),
            Err(error) if is(&error, Errno::ENODEV) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The device called `name`, which must be there.
    pub(crate) async fn existing_link(&self, name: &str) -> Result<Link, NetworkError> {
        let link = self.link(name).await.refused("find the link", name)?;
        link.ok_or(Errno::ENODEV).refused("find the link", name)
    }

    /// Makes a pair: `name` here, and [`POD_LINK`] in the namespace `pod`. Both ends are down.
    pub(crate) async fn add_pair(&self, name: &str, pod: &impl AsFd, address: Ipv4Addr) -> Result<(), Error> {
        let peer = LinkMessageBuilder::<LinkUnspec>::new()
            .name(POD_LINK)
            .address(pod_mac(address).to_vec())
            .setns_by_fd(pod.as_fd().as_raw_fd())
            .build();
        let pair = LinkVeth::new(name, POD_LINK)
            .address(HOST_MAC.to_vec())
            .set_info_data(InfoData::Veth(InfoVeth::Peer(peer)))
            .build();
        self.handle.link().add(pair).execute().await
    }

    pub(crate) async fn set_alias(&self, link: u32, alias: String) -> Result<(), Error> {
        self.handle.link().set(LinkUnspec::new_with_index(link).alias(alias).build()).execute().await
    }

    pub(crate) async fn set_up(&self, link: u32) -> Result<(), Error> {
        self.handle.link().set(LinkUnspec::new_with_index(link).up().build()).execute().await
    }

    /// Removes a device, and with it its addresses, its routes and its other end. Idempotent.
    pub(crate) async fn delete_link(&self, link: u32) -> Result<(), Error> {
        allow(self.handle.link().del(link).execute().await, &[Errno::ENODEV])
    }

    /// Gives a device an address of its own, with no network around it. Idempotent.
    pub(crate) async fn ensure_address(
        &self,
        link: u32,
        address: Ipv4Addr,
        label: Option<&str>,
    ) -> Result<(), Error> {
        let mut request = self.handle.address().add(link, address.into(), 32).replace();
        request.message_mut().attributes.extend(label.map(|label| AddressAttribute::Label(label.to_owned())));
        request.execute().await
    }

    /// Removes the addresses that carry `label`: all of them, or only one. Idempotent.
    pub(crate) async fn remove_addresses(&self, label: &str, only: Option<Ipv4Addr>) -> Result<(), Error> {
        let mut listing = self.handle.address().get();
        if let Some(address) = only {
            listing = listing.set_address_filter(address.into());
        }
        let label = AddressAttribute::Label(label.to_owned());
        for message in listing.execute().try_collect::<Vec<_>>().await? {
            if message.attributes.contains(&label) {
                let gone = self.handle.address().del(message).execute().await;
                allow(gone, &[Errno::EADDRNOTAVAIL, Errno::ENODEV])?;
            }
        }
        Ok(())
    }

    /// Tells the kernel who answers to an address on a device, so that it need not ask there.
    pub(crate) async fn ensure_neighbour(
        &self,
        link: u32,
        address: Ipv4Addr,
        mac: [u8; 6],
    ) -> Result<(), Error> {
        self.handle.neighbours().add(link, address.into()).link_layer_address(&mac).replace().execute().await
    }

    /// Routes one address directly to a device; packets of this machine to it come from `source`, if given.
    pub(crate) async fn ensure_host_route(
        &self,
        address: Ipv4Addr,
        link: u32,
        source: Option<Ipv4Addr>,
    ) -> Result<(), Error> {
        let route =
            our_route().destination_prefix(address, 32).output_interface(link).scope(RouteScope::Link);
        let route = match source {
            Some(source) => route.pref_source(source),
            None => route,
        };
        self.handle.route().add(route.build()).replace().execute().await
    }

    /// Routes everything that has no better route through `gateway` on a device.
    pub(crate) async fn ensure_default_route(&self, gateway: Ipv4Addr, link: u32) -> Result<(), Error> {
        let route = our_route().gateway(gateway).output_interface(link);
        self.handle.route().add(route.build()).replace().execute().await
    }

    /// Answers at once for addresses of the range that have no route of their own.
    pub(crate) async fn ensure_unreachable(&self, range: Cidr) -> Result<(), Error> {
        let route = to_range(range)?.kind(RouteType::Unreachable);
        self.handle.route().add(route.build()).replace().execute().await
    }

    /// Routes a range directly to a device.
    pub(crate) async fn ensure_range_route(&self, range: Cidr, link: u32) -> Result<(), Error> {
        let route = to_range(range)?.output_interface(link).scope(RouteScope::Link);
        self.handle.route().add(route.build()).replace().execute().await
    }

    /// All addresses of the range that have an IPv4 route of their own, whoever made it.
    pub(crate) async fn routed_addresses(&self, range: Cidr) -> Result<Vec<IpAddr>, Error> {
        let routes = self.routes().await?;
        let single = routes.iter().filter(|route| route.header.destination_prefix_length == 32);
        Ok(single.filter_map(destination).filter(|address| range.contains(*address)).collect())
    }

    /// Removes the routes into the range that [`PROTOCOL`] marks as ours. Idempotent.
    pub(crate) async fn remove_our_routes(&self, range: Cidr) -> Result<(), Error> {
        for route in self.routes().await? {
            let inside = destination(&route).is_some_and(|address| range.contains(address));
            if inside && route.header.protocol == PROTOCOL {
                allow(self.handle.route().del(route).execute().await, &[Errno::ESRCH])?;
            }
        }
        Ok(())
    }

    async fn routes(&self) -> Result<Vec<RouteMessage>, Error> {
        self.handle.route().get(RouteMessageBuilder::<Ipv4Addr>::new().build()).execute().try_collect().await
    }
}

fn to_range(range: Cidr) -> Result<RouteMessageBuilder<Ipv4Addr>, Error> {
    match range.first() {
        IpAddr::V4(first) => Ok(our_route().destination_prefix(first, range.prefix())),
        IpAddr::V6(first) => Err(Error::InvalidIp(first.octets().to_vec())),
    }
}

fn our_route() -> RouteMessageBuilder<Ipv4Addr> {
    RouteMessageBuilder::<Ipv4Addr>::new().protocol(PROTOCOL)
}

fn destination(route: &RouteMessage) -> Option<IpAddr> {
    route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(RouteAddress::Inet(address)) => Some(IpAddr::V4(*address)),
        _ => None,
    })
}

fn link_from(message: LinkMessage) -> Link {
    let mut link = Link { index: message.header.index, ..Link::default() };
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::IfAlias(alias) => link.alias = Some(alias),
            LinkAttribute::Link(peer) => link.peer = Some(peer),
            _ => {}
        }
    }
    link
}

fn is(error: &Error, errno: Errno) -> bool {
    matches!(error, Error::NetlinkError(message) if message.raw_code() == -(errno as i32))
}

/// Takes the given refusals for success: what they say is that the work was done before.
fn allow(result: Result<(), Error>, done: &[Errno]) -> Result<(), Error> {
    result.or_else(|error| if done.iter().any(|errno| is(&error, *errno)) { Ok(()) } else { Err(error) })
}
