//! Frames and their bytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use super::SpdyError;
use super::headers::{Headers, Packer, Unpacker};

/// The longest piece of data that a frame is taken apart into, or sent as.
pub(in crate::streaming) const MAX_PIECE: usize = 16 << 10;

/// The longest frame that is not data.
const MAX_CONTROL: usize = 16 << 10;

/// The bytes before each frame's own.
const HEAD: usize = 8;

/// The version that a frame says it is of; 3.1 differs from 3 by its windows alone.
const VERSION: u16 = 3;

const CONTROL: u16 = 1 << 15;
const FLAG_FIN: u8 = 1;
const STREAM_ID: u32 = u32::MAX >> 1;

const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const GOAWAY: u16 = 7;
/// Further headers of a stream; only their packing matters.
const HEADERS: u16 = 8;
const WINDOW_UPDATE: u16 = 9;

/// Why a stream is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reset(pub(super) u32);

impl Reset {
    pub(super) const PROTOCOL_ERROR: Reset = Reset(1);
    pub(super) const REFUSED: Reset = Reset(3);
    #[cfg(test)]
    pub(super) const CANCEL: Reset = Reset(5);
}

/// A frame, or a piece of one with data. Settings and further headers are nobody's business here: they are read
/// and dropped, as are kinds of frames that later versions may add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// The client opens a stream; with `fin`, it sends nothing on it.
    SynStream { id: u32, headers: Headers, fin: bool },
    /// The server takes it.
    SynReply { id: u32 },
    /// A stream is over for both sides.
    RstStream { id: u32, reset: Reset },
    /// Wants to be sent back.
    Ping { id: u32 },
    /// No more streams are taken; the last that was is named.
    GoAway { last: u32 },
    /// So many bytes more may be sent.
    WindowUpdate { id: u32, delta: u32 },
    /// Bytes of a stream; with `fin`, its last.
    Data { id: u32, bytes: Bytes, fin: bool },
}

/// Data that has been announced and is still to come.
struct Coming {
    id: u32,
    left: usize,
    fin: bool,
}

/// One side of a connection: what the headers so far were is part of what the next ones mean.
pub(super) struct Codec {
    coming: Option<Coming>,
    unpacker: Unpacker,
    packer: Packer,
}

impl Codec {
    pub(super) fn new() -> Result<Self, SpdyError> {
        Ok(Self { coming: None, unpacker: Unpacker::new(), packer: Packer::new()? })
    }

    /// A piece of data, once some of it is there.
    fn piece(&mut self, source: &mut BytesMut) -> Option<Frame> {
        let Coming { id, left, fin } = self.coming.take()?;
        let here = left.min(source.len()).min(MAX_PIECE);
        if here == 0 && left > 0 {
            self.coming = Some(Coming { id, left, fin });
            return None;
        }
        let (bytes, left) = (source.split_to(here).freeze(), left - here);
        if left > 0 {
            self.coming = Some(Coming { id, left, fin });
        }
        Some(Frame::Data { id, bytes, fin: fin && left == 0 })
    }

    fn control(&mut self, kind: u16, flags: u8, mut body: &[u8]) -> Result<Option<Frame>, SpdyError> {
        let mut number = || body.try_get_u32().map_err(|_| SpdyError::Truncated);
        Ok(Some(match kind {
            SYN_STREAM => {
                let id = number()? & STREAM_ID;
                number()?;
                // The priority and the credential's slot mean nothing here.
                let block = body.get(2..).ok_or(SpdyError::Truncated)?;
                Frame::SynStream { id, headers: self.unpacker.unpack(block)?, fin: flags & FLAG_FIN != 0 }
            }
            SYN_REPLY => {
                let id = number()? & STREAM_ID;
                self.unpacker.unpack(body)?;
                Frame::SynReply { id }
            }
            RST_STREAM => Frame::RstStream { id: number()? & STREAM_ID, reset: Reset(number()?) },
            PING => Frame::Ping { id: number()? },
            GOAWAY => Frame::GoAway { last: number()? & STREAM_ID },
            WINDOW_UPDATE => Frame::WindowUpdate { id: number()? & STREAM_ID, delta: number()? & STREAM_ID },
            HEADERS => {
                number()?;
                self.unpacker.unpack(body)?;
                return Ok(None);
            }
            _ => return Ok(None),
        }))
    }
}

impl Decoder for Codec {
    type Item = Frame;
    type Error = SpdyError;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Frame>, SpdyError> {
        loop {
            if self.coming.is_some() {
                return Ok(self.piece(source));
            }
            let Some((mut head, _)) = source.split_at_checked(HEAD) else { return Ok(None) };
            let first = head.get_u32();
            let rest = head.get_u32();
            let (flags, length) = ((rest >> 24) as u8, (rest & 0x00ff_ffff) as usize);
            let (start, kind) = ((first >> 16) as u16, first as u16);
            if start & CONTROL == 0 {
                source.advance(HEAD);
                self.coming = Some(Coming { id: first, left: length, fin: flags & FLAG_FIN != 0 });
                continue;
            }
            if start != CONTROL | VERSION {
                return Err(SpdyError::Version(start & !CONTROL));
            }
            if length > MAX_CONTROL {
                return Err(SpdyError::FrameTooLong(length));
            }
            if source.len() < HEAD + length {
                source.reserve(HEAD + length - source.len());
                return Ok(None);
            }
            let frame = source.split_to(HEAD + length);
            if let Some(frame) = self.control(kind, flags, &frame[HEAD..])? {
                return Ok(Some(frame));
            }
        }
    }
}

impl Encoder<Frame> for Codec {
    type Error = SpdyError;

    fn encode(&mut self, frame: Frame, target: &mut BytesMut) -> Result<(), SpdyError> {
        let mut numbers = |kind, numbers: [u32; 2], count: usize| {
            head(target, u32::from(CONTROL | VERSION) << 16 | u32::from(kind), 0, 4 * count);
            numbers.into_iter().take(count).for_each(|number| target.put_u32(number));
        };
        match frame {
            Frame::RstStream { id, reset } => numbers(RST_STREAM, [id, reset.0], 2),
            Frame::Ping { id } => numbers(PING, [id, 0], 1),
            // It goes away because it is done.
            Frame::GoAway { last } => numbers(GOAWAY, [last, 0], 2),
            Frame::WindowUpdate { id, delta } => numbers(WINDOW_UPDATE, [id, delta], 2),
            Frame::SynReply { id } => {
                self.with_headers(SYN_REPLY, &id.to_be_bytes(), &Headers::default(), false, target)?
            }
            Frame::SynStream { id, headers, fin } => {
                let mut fixed = [0; 10];
                fixed[..4].copy_from_slice(&id.to_be_bytes());
                self.with_headers(SYN_STREAM, &fixed, &headers, fin, target)?;
            }
            Frame::Data { id, bytes, fin } => {
                head(target, id, if fin { FLAG_FIN } else { 0 }, bytes.len());
                target.put_slice(&bytes);
            }
        }
        Ok(())
    }
}

impl Codec {
    fn with_headers(
        &mut self,
        kind: u16,
        fixed: &[u8],
        headers: &Headers,
        fin: bool,
        target: &mut BytesMut,
    ) -> Result<(), SpdyError> {
        let block = self.packer.pack(headers)?;
        let first = u32::from(CONTROL | VERSION) << 16 | u32::from(kind);
        head(target, first, if fin { FLAG_FIN } else { 0 }, fixed.len() + block.len());
        target.put_slice(fixed);
        target.put_slice(&block);
        Ok(())
    }
}

fn head(target: &mut BytesMut, first: u32, flags: u8, length: usize) {
    target.reserve(HEAD + length);
    target.put_u32(first);
    target.put_u32(u32::from(flags) << 24 | length as u32);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn frames() -> impl Strategy<Value = Frame> {
        let id = 0..=STREAM_ID;
        let headers = vec(("[a-z]{1,9}", "[ -~]{0,40}"), 0..5).prop_map(Headers);
        prop_oneof![
            (id.clone(), headers, any::<bool>()).prop_map(|(id, headers, fin)| Frame::SynStream {
                id,
                headers,
                fin
            }),
            id.clone().prop_map(|id| Frame::SynReply { id }),
            (id.clone(), any::<u32>()).prop_map(|(id, reset)| Frame::RstStream { id, reset: Reset(reset) }),
            any::<u32>().prop_map(|id| Frame::Ping { id }),
            id.clone().prop_map(|last| Frame::GoAway { last }),
            (id.clone(), id.clone()).prop_map(|(id, delta)| Frame::WindowUpdate { id, delta }),
            (id, vec(any::<u8>(), 0..40), any::<bool>()).prop_map(|(id, bytes, fin)| Frame::Data {
                id,
                bytes: bytes.into(),
                fin
            }),
        ]
    }

    /// What is decoded of bytes that arrive in such portions, the pieces of one frame's data joined.
    fn decoded(bytes: &[u8], portion: usize) -> Result<Vec<Frame>, SpdyError> {
        let (mut codec, mut buffer) = (Codec::new()?, BytesMut::new());
        let (mut frames, mut data) = (Vec::new(), BytesMut::new());
        for portion in bytes.chunks(portion) {
            buffer.extend_from_slice(portion);
            while let Some(frame) = codec.decode(&mut buffer)? {
                let Frame::Data { id, bytes, fin } = frame else {
                    frames.push(frame);
                    continue;
                };
                assert!(bytes.len() <= MAX_PIECE);
                data.extend_from_slice(&bytes);
                if codec.coming.is_none() {
                    frames.push(Frame::Data { id, bytes: data.split().freeze(), fin });
                }
            }
        }
        Ok(frames)
    }

    fn encoded(frames: &[Frame]) -> BytesMut {
        let (mut codec, mut bytes) = (Codec::new().unwrap(), BytesMut::new());
        frames.iter().for_each(|frame| codec.encode(frame.clone(), &mut bytes).unwrap());
        bytes
    }

    proptest! {
        #[test]
        fn frames_come_back_however_their_bytes_arrive(sent in vec(frames(), 0..8), portion in 1usize..64) {
            prop_assert_eq!(decoded(&encoded(&sent), portion).unwrap(), sent);
        }

        #[test]
        fn nonsense_is_frames_or_an_error_and_nothing_worse(bytes in vec(any::<u8>(), 0..400)) {
            let _ = decoded(&bytes, 7);
        }

        #[test]
        fn a_damaged_byte_is_no_worse(
            sent in vec(frames(), 1..8), at in any::<prop::sample::Index>(), with in any::<u8>()
        ) {
            let mut bytes = encoded(&sent);
            let at = at.index(bytes.len());
            bytes[at] = with;
            let _ = decoded(&bytes, 1000);
        }
    }

    #[test]
    fn frames_look_as_the_specification_has_them() {
        let bytes = encoded(&[
            Frame::Ping { id: 7 },
            Frame::Data { id: 3, bytes: Bytes::from_static(b"hi"), fin: true },
            Frame::RstStream { id: 5, reset: Reset::REFUSED },
        ]);
        let expected = b"\x80\x03\0\x06\0\0\0\x04\0\0\0\x07\
            \0\0\0\x03\x01\0\0\x02hi\
            \x80\x03\0\x03\0\0\0\x08\0\0\0\x05\0\0\0\x03";
        assert_eq!(&bytes[..], expected);
    }

    #[test]
    fn data_is_handed_on_before_all_of_it_has_come() {
        let (mut codec, mut buffer) = (Codec::new().unwrap(), BytesMut::new());
        // The longest frame that there can be, of which a little is there.
        head(&mut buffer, 1, FLAG_FIN, 0x00ff_ffff);
        buffer.extend_from_slice(b"start");
        let start = Frame::Data { id: 1, bytes: Bytes::from_static(b"start"), fin: false };
        assert_eq!(codec.decode(&mut buffer).unwrap(), Some(start));
        assert_eq!(codec.decode(&mut buffer).unwrap(), None);
    }

    #[test]
    fn what_is_too_long_or_of_another_version_is_refused() {
        let refused = |bytes: &[u8]| decoded(bytes, bytes.len()).unwrap_err();
        assert!(matches!(refused(b"\x80\x03\0\x01\0\x10\0\0"), SpdyError::FrameTooLong(0x10_0000)));
        assert!(matches!(refused(b"\x80\x02\0\x06\0\0\0\x04\0\0\0\x07"), SpdyError::Version(2)));
        assert!(matches!(refused(b"\x80\x03\0\x06\0\0\0\0"), SpdyError::Truncated));
    }

    #[test]
    fn settings_and_unknown_frames_are_passed_over() {
        let mut bytes = BytesMut::from(&b"\x80\x03\0\x04\0\0\0\x04\0\0\0\0\x80\x03\0\x63\0\0\0\0"[..]);
        bytes.extend_from_slice(&encoded(&[Frame::Ping { id: 1 }]));
        assert_eq!(decoded(&bytes, 5).unwrap(), [Frame::Ping { id: 1 }]);
    }
}
