//! Header blocks: names and values, compressed by one zlib stream in each direction of a connection.

use bytes::{Buf, BufMut, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::SpdyError;
use super::dictionary::DICTIONARY;

/// How long the headers of one frame may be when they are unpacked.
pub(super) const MAX_HEADERS: usize = 16 << 10;

/// How much room is made at a time for what is packed or unpacked.
const STEP: usize = 1 << 10;

/// The headers of a stream, in their order. Names are in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::streaming) struct Headers(pub(super) Vec<(String, String)>);

impl Headers {
    /// A header's value.
    pub(in crate::streaming) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn encode(&self) -> BytesMut {
        let mut block = BytesMut::new();
        block.put_u32(self.0.len() as u32);
        for text in self.0.iter().flat_map(|(name, value)| [name, value]) {
            block.put_u32(text.len() as u32);
            block.put_slice(text.as_bytes());
        }
        block
    }

    /// Whatever the block says of its lengths, no more is made than it has bytes.
    fn decode(mut block: &[u8]) -> Result<Self, SpdyError> {
        let count = block.try_get_u32().map_err(|_| SpdyError::Truncated)?;
        let mut headers = Vec::new();
        for _ in 0..count {
            let name = text(&mut block)?.to_ascii_lowercase();
            headers.push((name, text(&mut block)?));
        }
        Ok(Self(headers))
    }
}

fn text(block: &mut &[u8]) -> Result<String, SpdyError> {
    let length = block.try_get_u32().map_err(|_| SpdyError::Truncated)? as usize;
    let (text, rest) = block.split_at_checked(length).ok_or(SpdyError::Truncated)?;
    *block = rest;
    String::from_utf8(text.to_vec()).map_err(|_| SpdyError::NotText)
}

/// Packs the headers of one direction; each block refers to those before it.
pub(super) struct Packer(Compress);

impl Packer {
    pub(super) fn new() -> Result<Self, SpdyError> {
        let mut compress = Compress::new(Compression::fast(), true);
        compress.set_dictionary(&DICTIONARY).map_err(|error| SpdyError::Compression(error.into()))?;
        Ok(Self(compress))
    }

    pub(super) fn pack(&mut self, headers: &Headers) -> Result<Vec<u8>, SpdyError> {
        let block = headers.encode();
        let (mut rest, mut packed) = (&block[..], Vec::new());
        loop {
            packed.reserve(STEP);
            let before = self.0.total_in();
            let done = self.0.compress_vec(rest, &mut packed, FlushCompress::Sync);
            done.map_err(|error| SpdyError::Compression(error.into()))?;
            rest = &rest[(self.0.total_in() - before) as usize..];
            // All is out once some of the room is left over.
            if rest.is_empty() && packed.len() < packed.capacity() {
                return Ok(packed);
            }
        }
    }
}

/// Unpacks the headers of one direction. Every block must go through it, also of streams that are refused.
pub(super) struct Unpacker(Decompress);

impl Unpacker {
    pub(super) fn new() -> Self {
        Self(Decompress::new(true))
    }

    pub(super) fn unpack(&mut self, mut packed: &[u8]) -> Result<Headers, SpdyError> {
        let mut block = Vec::new();
        loop {
            block.reserve(STEP);
            let before = self.0.total_in();
            let done = self.0.decompress_vec(packed, &mut block, FlushDecompress::Sync);
            packed = &packed[(self.0.total_in() - before) as usize..];
            match done {
                Err(error) if error.needs_dictionary().is_some() => {
                    let set = self.0.set_dictionary(&DICTIONARY);
                    set.map_err(|error| SpdyError::Compression(error.into()))?;
                }
                Err(error) => return Err(SpdyError::Compression(error.into())),
                // The stream lasts as long as the connection.
                Ok(Status::StreamEnd) => return Err(SpdyError::Compression("it has ended".into())),
                Ok(Status::Ok | Status::BufError) if block.len() < block.capacity() => break,
                Ok(Status::Ok | Status::BufError) => {}
            }
            if block.len() > MAX_HEADERS {
                return Err(SpdyError::HeadersTooLong);
            }
        }
        if !packed.is_empty() || block.len() > MAX_HEADERS {
            return Err(SpdyError::HeadersTooLong);
        }
        Headers::decode(&block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn headers(list: &[(&str, &str)]) -> Headers {
        Headers(list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_block_refers_to_those_before_it() {
        let (mut packer, mut unpacker) = (Packer::new().unwrap(), Unpacker::new());
        let stream = headers(&[("streamtype", "error"), ("port", "8080"), ("requestid", "0")]);
        let lengths = [0, 1].map(|_| {
            let packed = packer.pack(&stream).unwrap();
            assert_eq!(unpacker.unpack(&packed).unwrap(), stream);
            packed.len()
        });
        assert!(lengths[1] < lengths[0], "{lengths:?}");
    }

    #[test]
    fn a_little_that_unpacks_to_a_lot_is_refused() {
        let bomb = headers(&[("a", &"x".repeat(1 << 20))]);
        let packed = Packer::new().unwrap().pack(&bomb).unwrap();
        assert!(packed.len() < MAX_HEADERS);
        assert!(matches!(Unpacker::new().unpack(&packed), Err(SpdyError::HeadersTooLong)));
    }

    #[test]
    fn a_count_without_headers_is_refused() {
        let claim = [0xff; 4];
        assert!(matches!(Headers::decode(&claim), Err(SpdyError::Truncated)));
        assert!(matches!(Headers::decode(&[0, 0, 0, 1, 0xff, 0, 0, 0]), Err(SpdyError::Truncated)));
        assert!(matches!(Headers::decode(&[0, 0, 0, 1, 0, 0, 0, 1, 0xff]), Err(SpdyError::NotText)));
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(blocks in vec(vec(("[a-z:-]{1,20}", "\\PC{0,200}"), 0..10), 1..5)) {
            let (mut packer, mut unpacker) = (Packer::new().unwrap(), Unpacker::new());
            for block in blocks {
                let packed = packer.pack(&Headers(block.clone())).unwrap();
                prop_assert_eq!(unpacker.unpack(&packed).unwrap(), Headers(block));
            }
        }

        #[test]
        fn nonsense_is_an_error_and_nothing_worse(bytes in vec(any::<u8>(), 0..300)) {
            let _ = Unpacker::new().unpack(&bytes);
            let _ = Headers::decode(&bytes);
        }
    }
}
