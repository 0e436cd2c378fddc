//! An etcd of a test's own.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Runs its arguments as a program, and passes on the signals that its standard input names. When that ends, which it
/// does with the test at the latest, the program is killed.
const LEASH: &str = r#"
trap '' INT TERM HUP
"$@" </dev/null >>"$LOG" 2>&1 &
while read -r signal; do kill -s "$signal" $!; done
kill -KILL $!
wait $!
"#;

/// A running etcd of one member. Dropping it kills it.
pub struct Etcd {
    leash: Child,
    /// Where clients reach it.
    pub url: String,
}

impl Etcd {
    /// Starts it with its data under `folder`.
    pub fn start(folder: &Path) -> Etcd {
        // All of 127.0.0.0/8 is this machine's, so every process has an address where nobody else listens.
        let [.., high, low] = std::process::id().to_be_bytes();
        let [url, peer] = ["2379", "2380"].map(|port| format!("http://127.77.{high}.{low}:{port}"));
        let data = folder.join("etcd").display().to_string();
        let options = [
            ("--data-dir", data.as_str()),
            ("--listen-client-urls", &url),
            ("--advertise-client-urls", &url),
            ("--listen-peer-urls", &peer),
            ("--initial-advertise-peer-urls", &peer),
            ("--initial-cluster", &format!("default={peer}")),
        ];
        let mut command = Command::new("sh");
        command
            .args(["-c", LEASH, "sh", "etcd"])
            .args(options.into_iter().flat_map(|(name, value)| [name, value]));
        command.stdin(Stdio::piped()).stderr(Stdio::null()).env("LOG", folder.join("etcd.log"));
        Etcd { leash: command.spawn().expect("sh can be started"), url }
    }

    /// Stops it, with its connections kept, or lets it go on.
    pub fn freeze(&mut self, frozen: bool) {
        let pipe = self.leash.stdin.as_mut().expect("its standard input is a pipe");
        writeln!(pipe, "{}", if frozen { "STOP" } else { "CONT" }).expect("the leash reads");
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        drop(self.leash.stdin.take());
        self.leash.wait().expect("the leash can be waited for");
    }
}
