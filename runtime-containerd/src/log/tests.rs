use super::*;
use bireme_core::runtime::{LogOptions, Output};
use std::sync::Arc;

fn write(folder: &Path, stream: usize, text: &str) {
    let mut file = OpenOptions::new().append(true).open(Log::file(folder, stream)).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn open(folder: &Path) -> Arc<Log> {
    Log::make(folder).unwrap();
    Arc::new(Log::open(folder.to_owned(), Environment::simulated(1)).unwrap())
}

fn texts(chunks: Vec<bireme_core::runtime::LogChunk>) -> Vec<String> {
    let text = |output| match output {
        Output::Stdout(bytes) => format!("out {}", String::from_utf8_lossy(&bytes)),
        Output::Stderr(bytes) => format!("err {}", String::from_utf8_lossy(&bytes)),
    };
    chunks.into_iter().map(|chunk| text(chunk.output)).collect()
}

fn all(log: &Arc<Log>) -> Vec<String> {
    let (mut reader, _) = Reader::open(log.clone(), Start::Lines(LogOptions::default())).unwrap();
    let mut chunks = Vec::new();
    loop {
        let batch = reader.batch().unwrap();
        if batch.is_empty() {
            chunks.extend(reader.unfinished());
            return texts(chunks);
        }
        chunks.extend(batch);
    }
}

#[test]
fn streams_are_read_in_the_order_in_which_they_were_written_and_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    for (stream, text) in [(0, "one\ntw"), (1, "bad\n"), (0, "o\nend")] {
        write(folder.path(), stream, text);
        log.note(false).unwrap();
    }
    assert_eq!(all(&log), ["out one\n", "err bad\n", "out two\n", "out end"]);
}

#[test]
fn what_was_written_without_an_agent_is_noted_by_the_next_one_once() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    write(folder.path(), 0, "one\n");
    first.note(false).unwrap();
    write(folder.path(), 0, "two\n");
    // The agent dies in the middle of a note.
    OpenOptions::new().append(true).open(folder.path().join("index")).unwrap().write_all(b"17 0 4").unwrap();
    let next = open(folder.path());
    assert_eq!(all(&next), ["out one\n", "out two\n"]);
    first.note(false).unwrap();
    assert_eq!(all(&next), ["out one\n", "out two\n"], "noted twice, and read once");
    let again = open(folder.path());
    assert_eq!(all(&again), ["out one\n", "out two\n"]);
}

#[test]
fn the_last_lines_and_those_since_a_time_can_be_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    write(folder.path(), 0, "one\ntwo\nthree\n");
    let tail = LogOptions { tail: Some(2), ..LogOptions::default() };
    let (mut reader, last) = Reader::open(log.clone(), Start::Lines(tail)).unwrap();
    assert_eq!(texts(last), ["out two\n", "out three\n"]);
    write(folder.path(), 0, "four\n");
    log.note(false).unwrap();
    assert_eq!(texts(reader.batch().unwrap()), ["out four\n"]);
    let later = LogOptions { since: Some(Timestamp::MAX), ..LogOptions::default() };
    let (mut reader, _) = Reader::open(log.clone(), Start::Lines(later)).unwrap();
    assert_eq!(texts(reader.batch().unwrap()), [""; 0]);
}

#[test]
fn whoever_begins_now_gets_what_comes_as_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    write(folder.path(), 0, "old\n");
    let (mut reader, _) = Reader::open(log.clone(), Start::Now).unwrap();
    write(folder.path(), 0, "$ ");
    log.note(false).unwrap();
    assert_eq!(texts(reader.batch().unwrap()), ["out $ "]);
}

#[test]
fn a_very_long_line_comes_in_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    write(folder.path(), 0, &format!("{}\n", "x".repeat(40_000)));
    let lengths: Vec<usize> = all(&log).iter().map(|text| text.len() - "out ".len()).collect();
    assert_eq!(lengths, [16_384, 16_384, 40_001 - 2 * 16_384]);
}

#[test]
fn the_oldest_part_of_a_long_log_goes_and_a_reader_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    write(folder.path(), 1, "kept\n");
    log.note(false).unwrap();
    let (mut reader, _) = Reader::open(log.clone(), Start::Now).unwrap();
    let line = format!("{}\n", "y".repeat(1023));
    let mebibyte = line.repeat(1024);
    let mut seen = 0;
    for _ in 0..60 {
        write(folder.path(), 0, &mebibyte);
        log.note(false).unwrap();
        loop {
            let batch = reader.batch().unwrap();
            if batch.is_empty() {
                break;
            }
            seen += batch
                .iter()
                .map(|chunk| match &chunk.output {
                    Output::Stdout(bytes) | Output::Stderr(bytes) => bytes.len(),
                })
                .sum::<usize>();
        }
    }
    assert_eq!(seen, 60 << 20, "who follows misses nothing");
    let blocks = std::fs::metadata(Log::file(folder.path(), 0)).unwrap().blocks() * 512;
    assert!(blocks <= KEPT + (1 << 20), "{blocks} bytes are held");
    let kept = all(&log);
    assert_eq!(kept[0], "err kept\n", "the other stream is whole");
    assert!((40 * 1024..=50 * 1024 + 1).contains(&kept.len()), "{} lines", kept.len());
    assert_eq!(all(&open(folder.path())), kept);
}
