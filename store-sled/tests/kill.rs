//! Kills of the process at any moment: what it had acknowledged is there.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bireme_core::Environment;
use bireme_core::store::{Commit, Key, RangeRequest, Revision, Store as _};
use bireme_store_sled::{Options, SledStore, verify};

const ROUNDS: usize = 20;
const WRITERS: usize = 8;

/// Names the folder that the writing process is to write to.
const FOLDER: &str = "BIREME_TEST_STORE";

fn options(folder: &Path) -> Options {
    // Small segments, so that the kills hit checkpoints too; and in one folder the index is nearly up to date,
    // while in the other nothing is in it.
    let waiting_bytes = if folder.ends_with("odd") { 16 << 10 } else { Options::default().waiting_bytes };
    Options { segment_bytes: 32 << 10, waiting_bytes, ..Options::default() }
}

/// The process that is killed: writes until then, and says on its output what was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writing_process() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let env = Environment::system();
    let store = SledStore::open(&folder, options(folder.as_ref()), &env).await.unwrap();
    let writers: Vec<_> = (0..WRITERS).map(|writer| env.spawn(write(store.clone(), writer))).collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

async fn write(store: SledStore, writer: usize) {
    for round in 0_u64.. {
        // One key of many, and a count of the writer's commits, always together.
        let key = format!("/key/{writer}/{}", round % 37);
        let value = format!("{round} {}", "x".repeat(round as usize * 31 % 900));
        let commit = Commit::new()
            .put(Key::from(&*key), value.into())
            .put(Key::from(format!("/count/{writer}")), round.to_string().into());
        let made = store.commit(commit).await.unwrap();
        // One write, so that a kill does not cut a line in two.
        std::io::stdout().write_all(format!("acknowledged {writer} {round} {made}\n").as_bytes()).unwrap();
    }
}

/// Lets a process write for a while, kills it, and returns each writer's last acknowledged round and revision.
/// The time begins with the first acknowledgement, or `at_once` with the process, which is then likely to be
/// killed while it opens the store.
fn write_and_kill(folder: &Path, at_once: bool, time: Duration) -> BTreeMap<usize, (u64, Revision)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["writing_process", "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (first, is_writing) = std::sync::mpsc::sync_channel(1);
    let reader = std::thread::spawn(move || {
        let mut last = BTreeMap::new();
        for line in lines.map_while(Result::ok) {
            // Other lines are the test harness's.
            let Some((_, told)) = line.split_once("acknowledged ") else { continue };
            if last.is_empty() {
                first.send(()).unwrap();
            }
            let numbers: Vec<u64> = told.split(' ').map(|number| number.parse().unwrap()).collect();
            last.insert(numbers[0] as usize, (numbers[1], Revision(numbers[2])));
        }
        last
    });
    if !at_once {
        is_writing.recv().unwrap();
    }
    std::thread::sleep(time);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

#[tokio::test]
async fn what_was_acknowledged_survives_every_kill() {
    let root = tempfile::tempdir().unwrap();
    let env = Environment::system();
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let folder = root.path().join(if round % 2 == 0 { "even" } else { "odd" });
        let time = Duration::from_millis(env.random_below(200) as u64);
        let told = write_and_kill(&folder, round % 5 == 4, time);
        if folder.join("format").exists() {
            verify(&folder).unwrap();
        }
        let store = SledStore::open(&folder, options(&folder), &env).await.unwrap();
        let found = store.range(RangeRequest::default()).await.unwrap();
        let value = |key: String| {
            let key = Key::from(key);
            let item = found.items.iter().find(|item| item.key == key)?;
            Some((String::from_utf8(item.value.to_vec()).unwrap(), item.modified))
        };
        for (writer, (last, made)) in &told {
            assert!(found.revision >= *made, "round {round}: the store is at {}", found.revision);
            let (count, counted_at) = value(format!("/count/{writer}")).unwrap();
            let count: u64 = count.parse().unwrap();
            assert!(count >= *last, "round {round}: writer {writer} was told {last}, {count} is there");
            // The last commit is there whole, and the ones before it too.
            for back in 0..37.min(count) {
                let (text, modified) = value(format!("/key/{writer}/{}", (count - back) % 37)).unwrap();
                assert!(text.starts_with(&format!("{} ", count - back)), "{text}");
                assert!(back > 0 || modified == counted_at, "half a commit");
            }
            acknowledged += last;
        }
        store.close().await.unwrap();
        if round % 4 >= 2 {
            std::fs::remove_dir_all(&folder).unwrap();
        }
    }
    assert!(acknowledged > 100, "the test committed next to nothing: {acknowledged}");
}
