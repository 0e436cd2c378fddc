//! Nothing is left behind, however the tests end.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Reads lines with the shared cluster's process id and folder. When the tests have ended, the pipe ends too:
/// it asks the last process named to end, waits, and removes the folder. It keeps the tests' standard output
/// open, so that whoever reads that to its end waits for this as well.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
while read -r id folder; do last=$id; data=$folder; done
[ -n "$last" ] || exit 0
alive() { grep -qs . "/proc/$last/cmdline"; }
kill -TERM "$last" 2>/dev/null
rounds=0
while alive && [ $rounds -lt 300 ]; do sleep 0.1; rounds=$((rounds + 1)); done
alive && kill -KILL "$last"
rm -rf "$data"
"#;

/// A process that outlives the tests by as long as it takes to stop what they have started.
pub struct Guardian(Child);

impl Guardian {
    pub fn start() -> Guardian {
        let mut shell = Command::new("sh");
        Guardian(shell.args(["-c", SCRIPT]).stdin(Stdio::piped()).spawn().expect("sh can be started"))
    }

    /// From now on this process is the one to stop, and the folder the one to remove.
    pub fn watch(&mut self, process: u32, folder: &Path) {
        let pipe = self.0.stdin.as_mut().expect("its standard input is a pipe");
        writeln!(pipe, "{process} {}", folder.display()).expect("the guardian reads");
    }
}
