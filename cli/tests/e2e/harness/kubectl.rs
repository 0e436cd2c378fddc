//! kubectl as a person types it.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use super::time;

/// Seconds after which a kubectl that has not ended is killed.
const LIMIT: &str = "150";

/// An unmodified kubectl with its kubeconfig.
#[derive(Clone)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    /// Where it remembers what a server offers; each cluster's own, since they share an address over time.
    cache: PathBuf,
    namespace: Option<String>,
}

impl Kubectl {
    pub fn new(program: &Path, kubeconfig: &Path, cache: &Path) -> Kubectl {
        let [program, kubeconfig, cache] = [program, kubeconfig, cache].map(Path::to_owned);
        Kubectl { program, kubeconfig, cache, namespace: None }
    }

    /// The same, with another namespace than `default`.
    pub fn in_namespace(&self, namespace: &str) -> Kubectl {
        Kubectl { namespace: Some(namespace.to_owned()), ..self.clone() }
    }

    /// Where its kubeconfig lies.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Gives another program, which calls kubectl in turn, the same kubeconfig.
    pub fn environment<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("KUBECONFIG", &self.kubeconfig)
    }

    /// The whole command line; single quotes hold words with spaces together.
    pub fn line(&self, line: &str) -> Vec<String> {
        let mut whole = vec![self.program.display().to_string()];
        whole.push(format!("--cache-dir={}", self.cache.display()));
        whole.extend(self.namespace.as_ref().map(|namespace| format!("--namespace={namespace}")));
        whole.extend(words(line));
        whole
    }

    /// A kubectl that is killed when it hangs, and that has nothing to read.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--foreground", "--kill-after=2", LIMIT]).args(self.line(line));
        self.environment(&mut command).stdin(Stdio::null());
        command
    }

    /// Runs kubectl to its end, whatever that is.
    pub fn output(&self, line: &str) -> Output {
        self.command(line).output().expect("kubectl can be started")
    }

    /// What kubectl prints; the test fails with its error when it fails.
    pub fn run(&self, line: &str) -> String {
        succeeded(line, self.output(line))
    }

    /// What kubectl complains; the test fails when it succeeds.
    pub fn fails(&self, line: &str) -> String {
        failed(line, self.output(line))
    }

    /// What kubectl prints with something to read.
    pub fn run_with_input(&self, line: &str, input: &str) -> String {
        succeeded(line, self.fed(line, input))
    }

    /// What kubectl complains with something to read.
    pub fn fails_with_input(&self, line: &str, input: &str) -> String {
        failed(line, self.fed(line, input))
    }

    /// `kubectl apply` of a manifest.
    pub fn apply(&self, manifest: &str) -> String {
        self.run_with_input("apply -f -", manifest)
    }

    /// What `kubectl get … --output json` prints.
    pub fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.run(&format!("{line} --output=json"))).expect("kubectl prints JSON")
    }

    /// One field of one object, or of a list.
    pub fn field(&self, object: &str, path: &str) -> String {
        self.run(&format!("get {object} --output=jsonpath='{{{path}}}'"))
    }

    /// Starts a kubectl that goes on printing until this is dropped.
    pub fn stream(&self, line: &str) -> Streaming {
        Streaming::start(self.command(line))
    }

    /// Prints what a person would look at first when a test has failed.
    pub fn show(&self) {
        for line in ["get nodes,deploy,rs,pods,svc,endpointslices --output=wide", "get events"] {
            let Output { stdout, stderr, .. } = self.output(&format!("{line} --request-timeout=5s"));
            let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            eprintln!("kubectl {line}\n{stdout}{stderr}");
        }
    }

    /// Runs kubectl to its end, whatever that is, with something to read.
    pub fn fed(&self, line: &str, input: &str) -> Output {
        feed(self.command(line), input)
    }
}

/// Runs a command to its end with something to read.
fn feed(mut command: Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program can be started");
    let mut to = child.stdin.take().expect("its standard input is a pipe");
    let input = input.to_owned();
    // One that ends early does not read everything, and says why by itself.
    let writing = thread::spawn(move || to.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("the program can be waited for");
    drop(writing.join().expect("writing does not panic"));
    output
}

#[track_caller]
fn succeeded(line: &str, output: Output) -> String {
    let Output { status, stdout, stderr } = output;
    let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(status.success(), "kubectl {line}: {status}\n{stderr}\n{stdout}");
    stdout
}

#[track_caller]
fn failed(line: &str, output: Output) -> String {
    let Output { status, stdout, stderr } = output;
    let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(!status.success(), "kubectl {line} succeeded\n{stdout}");
    stderr
}

/// The words of a line; single quotes hold words with spaces together.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' | '\n' if !quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

/// A kubectl that goes on printing.
pub struct Streaming {
    child: Child,
    printed: Arc<Mutex<String>>,
    reading: Option<JoinHandle<()>>,
}

impl Streaming {
    fn start(mut command: Command) -> Streaming {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("kubectl can be started");
        let output = child.stdout.take().expect("its standard output is a pipe");
        let printed = Arc::new(Mutex::new(String::new()));
        let reading = thread::spawn({
            let printed = printed.clone();
            move || read(output, &printed)
        });
        Streaming { child, printed, reading: Some(reading) }
    }

    /// What it has printed so far.
    pub fn printed(&self) -> String {
        self.printed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it has printed something.
    pub fn wait_for(&self, limit: Duration, text: &str) {
        let found = time::within(limit, || self.printed().contains(text).then_some(()));
        assert!(found.is_some(), "not printed within {limit:?}: {text}\nbut: {}", self.printed());
    }

    /// Ends it, and returns all that it has printed.
    pub fn end(mut self) -> String {
        self.stop();
        self.printed()
    }

    /// Waits until it ends by itself, and returns all that it has printed.
    pub fn ended(mut self, limit: Duration) -> String {
        let end = time::within(limit, || self.child.try_wait().expect("it can be waited for"));
        assert!(end.is_some(), "it has not ended within {limit:?}; it printed: {}", self.printed());
        self.stop();
        self.printed()
    }

    fn stop(&mut self) {
        // `timeout` passes this on to kubectl. One that has ended already needs no signal.
        if self.child.try_wait().expect("it can be waited for").is_none() {
            let id = rustix::process::Pid::from_child(&self.child);
            rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it is this test's own");
            self.child.wait().expect("it can be waited for");
        }
        if let Some(reading) = self.reading.take() {
            reading.join().expect("reading does not panic");
        }
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.stop();
    }
}

fn read(output: ChildStdout, printed: &Mutex<String>) {
    let mut output = BufReader::new(output);
    loop {
        let chunk = output.fill_buf().unwrap_or_default();
        if chunk.is_empty() {
            return;
        }
        let length = chunk.len();
        printed.lock().unwrap_or_else(PoisonError::into_inner).push_str(&String::from_utf8_lossy(chunk));
        output.consume(length);
    }
}
