//! Speaking to the kernel's packet filter.
//!
//! It does what it is asked, and queues what it answers, before the call that sends the question returns. So nothing
//! here waits.

use std::io;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily, none::ControlMessage,
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_NETFILTER};

/// Which subsystem the changes of a batch are for.
const NFTABLES: u16 = 10;

/// A message, and how it is meant.
pub(crate) struct Request {
    pub(crate) message: NetfilterMessageInner,
    pub(crate) flags: u16,
}

/// A connection to the kernel, in the network namespace of the thread that opened it.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: Socket,
    /// The number of the last message.
    sequence: u32,
}

impl Connection {
    pub(crate) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_NETFILTER)?;
        socket.bind_auto()?;
        socket.set_non_blocking(true)?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Carries out all of the requests, or none.
    pub(crate) fn transact(&mut self, requests: Vec<Request>) -> io::Result<()> {
        if requests.is_empty() {
            return Ok(());
        }
        let mut datagram = Vec::new();
        let begin = self.append(&mut datagram, NFTABLES, ControlMessage::BatchBegin.into(), 0);
        let (count, mut last) = (requests.len(), begin);
        for (index, Request { message, flags }) in requests.into_iter().enumerate() {
            // An answer is wanted to the last one. Those that fail have one without being asked.
            let flags = if index + 1 == count { flags | NLM_F_ACK } else { flags };
            last = self.append(&mut datagram, 0, message, flags);
        }
        self.append(&mut datagram, NFTABLES, ControlMessage::BatchEnd.into(), 0);
        self.send(&datagram)?;
        let mut failure = None;
        loop {
            for answer in self.receive()? {
                let number = answer.header.sequence_number;
                // What is left of an earlier exchange.
                if number < begin {
                    continue;
                }
                if let NetlinkPayload::Error(answer) = answer.payload {
                    if answer.code.is_some() {
                        failure.get_or_insert(answer.to_io());
                    }
                    // A batch that fails as a whole is answered at its beginning.
                    if number == last || (number == begin && answer.code.is_some()) {
                        return failure.map_or(Ok(()), Err);
                    }
                }
            }
        }
    }

    /// Everything that the kernel has of what `message` asks for.
    pub(crate) fn dump(&mut self, message: NetfilterMessageInner) -> io::Result<Vec<NetfilterMessageInner>> {
        let mut datagram = Vec::new();
        let number = self.append(&mut datagram, 0, message, NLM_F_DUMP);
        self.send(&datagram)?;
        let mut found = Vec::new();
        loop {
            for answer in self.receive()?.into_iter().filter(|answer| answer.header.sequence_number == number)
            {
                match answer.payload {
                    NetlinkPayload::InnerMessage(message) => found.push(message.inner),
                    NetlinkPayload::Done(_) => return Ok(found),
                    NetlinkPayload::Error(error) => return Err(error.to_io()),
                    _ => {}
                }
            }
        }
    }

    /// Asks for one thing to be done.
    pub(crate) fn request(&mut self, message: NetfilterMessageInner) -> io::Result<()> {
        let mut datagram = Vec::new();
        let number = self.append(&mut datagram, 0, message, NLM_F_ACK);
        self.send(&datagram)?;
        loop {
            for answer in self.receive()?.into_iter().filter(|answer| answer.header.sequence_number == number)
            {
                if let NetlinkPayload::Error(answer) = answer.payload {
                    return if answer.code.is_some() { Err(answer.to_io()) } else { Ok(()) };
                }
            }
        }
    }

    /// Puts a message behind those of `datagram`; its number.
    fn append(
        &mut self,
        datagram: &mut Vec<u8>,
        resource: u16,
        message: NetfilterMessageInner,
        flags: u16,
    ) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.sequence;
        let family = NetfilterHeader::new(NetfilterProtoFamily::IPv4, 0, resource);
        let mut message = NetlinkMessage::new(header, NetfilterMessage::new(family, message).into());
        message.finalize();
        let begin = datagram.len();
        datagram.resize(begin + message.buffer_len(), 0);
        message.serialize(&mut datagram[begin..]);
        self.sequence
    }

    fn send(&self, datagram: &[u8]) -> io::Result<()> {
        // The kernel itself has the first port.
        match self.socket.send_to(datagram, &SocketAddr::new(0, 0), 0)? {
            sent if sent == datagram.len() => Ok(()),
            _ => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    /// The messages of the next datagram.
    fn receive(&self) -> io::Result<Vec<NetlinkMessage<NetfilterMessage>>> {
        let (datagram, _) = self.socket.recv_from_full()?;
        let mut rest = datagram.as_slice();
        let mut messages = Vec::new();
        while !rest.is_empty() {
            let message = NetlinkMessage::<NetfilterMessage>::deserialize(rest).map_err(io::Error::other)?;
            // Messages begin at multiples of four.
            let length = (message.header.length as usize).next_multiple_of(4).max(4);
            rest = rest.get(length..).unwrap_or_default();
            messages.push(message);
        }
        Ok(messages)
    }
}
