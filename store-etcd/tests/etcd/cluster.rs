//! Members of a cluster as processes.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bireme_core::Environment;
use bireme_store_etcd::{EtcdStore, Options};
use tempfile::TempDir;

use super::machine::port;

/// Runs its arguments as a program, and passes on the signals that its standard input names. When that ends, which it
/// does when the tests close it or end, however that comes about, the program is killed.
const LEASH: &str = r#"
trap '' INT TERM HUP
"$@" </dev/null >>"$LOG" 2>&1 &
while read -r signal; do kill -s "$signal" $!; done
kill -KILL $!
wait $!
"#;

/// How long anything may take here; long, since the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A cluster. Dropping it kills its members and removes what they wrote.
pub struct Cluster {
    members: Vec<Member>,
    folder: TempDir,
}

struct Member {
    client: String,
    arguments: Vec<String>,
    leash: Option<Child>,
}

impl Cluster {
    /// Starts so many members.
    pub fn start(members: usize) -> Cluster {
        Self::start_with(members, |_| ("http", Vec::new()))
    }

    /// Starts members with more arguments, which may name files in a folder, and the scheme that clients then use.
    pub fn start_with(members: usize, more: impl FnOnce(&Path) -> (&'static str, Vec<String>)) -> Cluster {
        let folder = tempfile::tempdir().unwrap();
        let (scheme, more) = more(folder.path());
        let peers: Vec<_> = (0..members).map(|_| format!("http://127.0.0.1:{}", port())).collect();
        let all =
            (0..members).map(|index| format!("m{index}={}", peers[index])).collect::<Vec<_>>().join(",");
        let member = |(index, peer): (usize, &String)| {
            let client = format!("{scheme}://127.0.0.1:{}", port());
            let data = folder.path().join(index.to_string());
            let mut arguments: Vec<String> = [
                ("--name", format!("m{index}").as_str()),
                ("--data-dir", data.to_str().unwrap()),
                ("--listen-client-urls", &client),
                ("--advertise-client-urls", &client),
                ("--listen-peer-urls", peer),
                ("--initial-advertise-peer-urls", peer),
                ("--initial-cluster", &all),
            ]
            .into_iter()
            .flat_map(|(name, value)| [name.to_owned(), value.to_owned()])
            .collect();
            arguments.extend(more.iter().cloned());
            Member { client, arguments, leash: None }
        };
        let members = peers.iter().enumerate().map(member).collect();
        let mut cluster = Cluster { members, folder };
        (0..cluster.members.len()).for_each(|index| cluster.restart(index));
        cluster
    }

    /// Starts a member that has been killed.
    pub fn restart(&mut self, index: usize) {
        let member = &mut self.members[index];
        let mut command = Command::new("sh");
        command.args(["-c", LEASH, "sh", "etcd"]).args(&member.arguments);
        command.stdin(Stdio::piped()).stderr(Stdio::null());
        command.env("LOG", self.folder.path().join(format!("{index}.log")));
        member.leash = Some(command.spawn().unwrap());
    }

    /// Kills a member at once, and waits until it is gone.
    pub fn kill(&mut self, index: usize) {
        self.members[index].kill();
    }

    /// Stops a member, which keeps its connections, or lets it go on.
    pub fn freeze(&mut self, index: usize, frozen: bool) {
        let leash = self.members[index].leash.as_mut().unwrap();
        writeln!(leash.stdin.as_mut().unwrap(), "{}", if frozen { "STOP" } else { "CONT" }).unwrap();
    }

    /// The client URL of a member.
    pub fn endpoint(&self, index: usize) -> &str {
        &self.members[index].client
    }

    /// How all members are reached.
    pub fn options(&self) -> Options {
        let endpoints = self.members.iter().map(|member| member.client.clone());
        Options { request_timeout: PATIENCE, ..Options::new(endpoints) }
    }

    /// A store on all members.
    pub async fn store(&self) -> EtcdStore {
        open(&self.options()).await
    }

    /// Waits until a member takes part again.
    pub async fn wait_for(&self, index: usize) {
        open(&Options { endpoints: vec![self.endpoint(index).to_owned()], ..self.options() }).await;
    }
}

/// Opens a store, which must work.
pub async fn open(options: &Options) -> EtcdStore {
    EtcdStore::open(options, &Environment::system()).await.unwrap()
}

impl Member {
    fn kill(&mut self) {
        if let Some(mut leash) = self.leash.take() {
            drop(leash.stdin.take());
            leash.wait().unwrap();
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for index in 0..self.members.len() {
                let log = std::fs::read_to_string(self.folder.path().join(format!("{index}.log")));
                let log = log.unwrap_or_default();
                let lines: Vec<_> = log.lines().collect();
                eprintln!(
                    "the last words of member {index}:\n{}",
                    lines[lines.len().saturating_sub(20)..].join("\n")
                );
            }
        }
    }
}
