//! A log between a node and the API server, in the format that container engines keep logs in (CRI).
//!
//! A line is a time, a stream, whether the line is full (`F`) or goes on (`P`), and the text:
//! `2026-01-01T00:00:00.000000000Z stdout F hello`.

use bireme_core::runtime::{LogChunk, Output};
use bytes::{Buf, Bytes, BytesMut};
use jiff::Timestamp;

/// The longest line that is taken; engines cut them at 16 KiB.
const MAX_LINE: usize = 1 << 20;

/// What was received is not a log.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoLog {
    #[error("a line of the log cannot be understood")]
    Line,
    #[error("a line of the log is longer than {MAX_LINE} bytes")]
    TooLong,
    #[error("the log ends within a line")]
    Truncated,
}

/// A chunk as it is sent.
pub(super) fn encode(chunk: &LogChunk) -> Bytes {
    let (stream, written) = match &chunk.output {
        Output::Stdout(bytes) => ("stdout", bytes),
        Output::Stderr(bytes) => ("stderr", bytes),
    };
    let mut text = BytesMut::with_capacity(written.len() + 48);
    for line in written.split_inclusive(|byte| *byte == b'\n') {
        let (tag, line) = match line.strip_suffix(b"\n") {
            Some(line) => ('F', line),
            None => ('P', line),
        };
        text.extend_from_slice(format!("{:.9} {stream} {tag} ", chunk.time).as_bytes());
        text.extend_from_slice(line);
        text.extend_from_slice(b"\n");
    }
    text.freeze()
}

/// Puts what arrives together into chunks.
#[derive(Default)]
pub(super) struct Decoder {
    received: BytesMut,
    /// How much of it is known to hold no end of a line.
    searched: usize,
}

impl Decoder {
    /// Takes what has arrived.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }

    /// The next chunk, when it has arrived whole.
    pub(super) fn next(&mut self) -> Result<Option<LogChunk>, NoLog> {
        let Some(end) = self.received[self.searched..].iter().position(|byte| *byte == b'\n') else {
            self.searched = self.received.len();
            return if self.searched > MAX_LINE { Err(NoLog::TooLong) } else { Ok(None) };
        };
        let line = self.received.split_to(self.searched + end + 1).freeze();
        self.searched = 0;
        decode(line).map(Some).ok_or(NoLog::Line)
    }

    /// Nothing more will arrive.
    pub(super) fn finish(&self) -> Result<(), NoLog> {
        if self.received.is_empty() { Ok(()) } else { Err(NoLog::Truncated) }
    }
}

/// A line with its newline, which is a part of the text when the line is full.
fn decode(mut line: Bytes) -> Option<LogChunk> {
    let mut word = || {
        let end = line.iter().position(|byte| *byte == b' ')?;
        let word = line.split_to(end);
        line.advance(1);
        Some(word)
    };
    let time: Timestamp = std::str::from_utf8(&word()?).ok()?.parse().ok()?;
    let (stream, tag) = (word()?, word()?);
    match &tag[..] {
        b"F" => {}
        b"P" => line.truncate(line.len() - 1),
        _ => return None,
    }
    let output = match &stream[..] {
        b"stdout" => Output::Stdout(line),
        b"stderr" => Output::Stderr(line),
        _ => return None,
    };
    Some(LogChunk { time, output })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(second: i64, output: Output) -> LogChunk {
        LogChunk { time: Timestamp::from_second(second).unwrap(), output }
    }

    #[test]
    fn chunks_arrive_as_they_were_sent_however_they_are_cut() {
        let chunks = [
            chunk(1, Output::Stdout("one\n".into())),
            chunk(2, Output::Stderr("P F two".into())),
            chunk(3, Output::Stderr("\n".into())),
            chunk(4, Output::Stdout(Bytes::from_static(b"\xff \r\n"))),
        ];
        let sent: Vec<u8> = chunks.iter().flat_map(encode).collect();
        assert!(sent.starts_with(b"1970-01-01T00:00:01.000000000Z stdout F one\n"));
        for size in [1, 7, sent.len()] {
            let (mut decoder, mut received) = (Decoder::default(), Vec::new());
            for piece in sent.chunks(size) {
                decoder.push(piece);
                while let Some(chunk) = decoder.next().unwrap() {
                    received.push(chunk);
                }
            }
            decoder.finish().unwrap();
            assert_eq!(received, chunks, "pieces of {size}");
        }
    }

    #[test]
    fn what_is_no_log_is_refused() {
        let decoded = |text: &[u8]| {
            let mut decoder = Decoder::default();
            decoder.push(text);
            decoder.next()
        };
        let time = "1970-01-01T00:00:01Z";
        for bad in ["\n", "hello\n", &format!("{time} stdout X a\n"), &format!("{time} stdin F a\n")] {
            assert_eq!(decoded(bad.as_bytes()), Err(NoLog::Line), "{bad}");
        }
        assert_eq!(decoded(&vec![b'x'; MAX_LINE + 1]), Err(NoLog::TooLong));
        let mut decoder = Decoder::default();
        decoder.push(b"half a li");
        assert_eq!((decoder.next(), decoder.finish()), (Ok(None), Err(NoLog::Truncated)));
    }
}
