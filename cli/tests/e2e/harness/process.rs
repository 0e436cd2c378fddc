//! The bireme program as a process: started, heard, signalled, and stopped for certain.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::kubectl::words;
use super::time;

/// How long it may take until it says what a test waits for.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long a polite end may take: containers that hear no signal are given a second or so.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// A running bireme. Dropping it ends it, and shows its last words when the test fails.
pub struct Bireme {
    child: Child,
    /// What it writes to its standard error.
    log: PathBuf,
}

impl Bireme {
    /// Starts `bireme <line>` and waits for a line of its standard output that begins so; returns the rest of
    /// that line too.
    pub fn start(line: &str, log: &Path, awaited: &str) -> (Bireme, String) {
        let file = File::options().create(true).append(true).open(log).expect("the log can be written");
        let mut command = command(line);
        let child = command.stdout(Stdio::piped()).stderr(file).spawn().expect("bireme can be started");
        let mut bireme = Bireme { child, log: log.to_owned() };
        let output = bireme.child.stdout.take().expect("its standard output is a pipe");
        match listen(output, awaited.to_owned()).recv_timeout(START_LIMIT) {
            Ok(rest) => (bireme, rest),
            Err(RecvTimeoutError::Timeout) => panic!("bireme {line} does not say `{awaited}`"),
            Err(RecvTimeoutError::Disconnected) => {
                panic!("bireme {line} ended at once: {}\n{}", bireme.wait(), bireme.last_words())
            }
        }
    }

    /// What `bireme <line>` prints that ends by itself.
    pub fn output(line: &str) -> String {
        let output = command(line).output().expect("bireme can be started");
        assert!(output.status.success(), "bireme {line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("bireme prints text")
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("bireme can be waited for").is_none()
    }

    /// Kills it without a warning.
    pub fn kill(&mut self) {
        self.child.kill().expect("bireme can be killed");
        self.wait();
    }

    /// Waits until it ends by itself.
    #[cfg(feature = "etcd")]
    pub fn wait_for_the_end(&mut self) -> ExitStatus {
        let ended = time::within(START_LIMIT, || self.child.try_wait().expect("bireme can be waited for"));
        ended.unwrap_or_else(|| panic!("bireme did not end within {START_LIMIT:?}\n{}", self.last_words()))
    }

    /// Asks it to end and waits until it has.
    pub fn end(&mut self) -> ExitStatus {
        if self.is_running() {
            kill_process(Pid::from_child(&self.child), Signal::TERM).expect("bireme is this test's own");
        }
        let ended = time::within(STOP_LIMIT, || self.child.try_wait().expect("bireme can be waited for"));
        ended.unwrap_or_else(|| {
            self.kill();
            panic!("bireme did not end within {STOP_LIMIT:?}\n{}", self.last_words())
        })
    }

    /// The last lines that it wrote to its standard error.
    pub fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        format!("bireme's last words:\n{}", lines[lines.len().saturating_sub(40)..].join("\n"))
    }

    fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("bireme can be waited for")
    }
}

impl Drop for Bireme {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", self.last_words());
            if self.is_running() {
                // No further panic here; what a kill leaves behind is swept up by whoever runs the tests.
                let asked = kill_process(Pid::from_child(&self.child), Signal::TERM);
                if asked.is_err()
                    || time::within(STOP_LIMIT, || self.child.try_wait().ok().flatten()).is_none()
                {
                    self.kill();
                }
            }
        } else {
            self.end();
        }
    }
}

/// Runs a `bireme <line>` that must not start: its exit code and the one line that it complains.
#[track_caller]
pub fn refused(line: &str) -> (i32, String) {
    let mut limited = Command::new("timeout");
    limited.args(["--kill-after=2", "30", env!("CARGO_BIN_EXE_bireme")]).args(words(line));
    let Output { status, stderr, stdout } =
        limited.stdin(Stdio::null()).output().expect("bireme can be started");
    let stdout = String::from_utf8_lossy(&stdout);
    let complaint = String::from_utf8_lossy(&stderr).trim().to_owned();
    let code = status.code().expect("bireme is not killed by a signal");
    assert!(!stdout.contains("export KUBECONFIG="), "bireme {line} started:\n{stdout}{complaint}");
    (code, complaint)
}

fn command(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bireme"));
    command.args(words(line)).stdin(Stdio::null());
    command
}

/// Reads to the end, and sends the rest of the first line that begins as awaited.
fn listen(output: ChildStdout, awaited: String) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut sender = Some(sender);
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some(rest) = line.trim().strip_prefix(awaited.as_str())
                && let Some(sender) = sender.take()
            {
                sender.send(rest.to_owned()).expect("the channel has room for one, and one is sent");
            }
        }
    });
    receiver
}
