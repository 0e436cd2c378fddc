//! Control groups, of version 1 and 2: what a container has used, and whether its memory ran out.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bireme_core::runtime::ContainerStats;

const ROOT: &str = "/sys/fs/cgroup";

/// The control group of what has this id, from the root of each hierarchy.
pub(crate) fn path(id: &str) -> String {
    format!("/bireme/{id}")
}

/// Whether the machine has the one hierarchy of version 2.
pub(crate) fn is_unified() -> bool {
    Path::new(ROOT).join("cgroup.controllers").exists()
}

fn file(controller: &str, id: &str, name: &str) -> PathBuf {
    let root = Path::new(ROOT);
    let hierarchy = if is_unified() { root.to_owned() } else { root.join(controller) };
    hierarchy.join(&path(id)[1..]).join(name)
}

/// The number beside a name in a file of `name number` lines.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(' ')?;
        (key == name).then(|| value.trim().parse().ok())?
    })
}

/// Whether the kernel killed a process of it because memory ran out. It says so for as long as the group is there.
pub(crate) fn ran_out_of_memory(id: &str) -> bool {
    let name = if is_unified() { "memory.events" } else { "memory.oom_control" };
    let text = std::fs::read_to_string(file("memory", id, name)).unwrap_or_default();
    field(&text, "oom_kill").is_some_and(|kills| kills > 0)
}

/// What it has used; `None` when there is no such group.
pub(crate) fn stats(id: &str) -> Option<ContainerStats> {
    let read = |controller: &str, name: &str| std::fs::read_to_string(file(controller, id, name)).ok();
    let (cpu, memory, inactive) = if is_unified() {
        let cpu = Duration::from_micros(field(&read("cpu", "cpu.stat")?, "usage_usec")?);
        (cpu, read("memory", "memory.current")?, field(&read("memory", "memory.stat")?, "inactive_file"))
    } else {
        let cpu = Duration::from_nanos(read("cpuacct", "cpuacct.usage")?.trim().parse().ok()?);
        let inactive = field(&read("memory", "memory.stat")?, "total_inactive_file");
        (cpu, read("memory", "memory.usage_in_bytes")?, inactive)
    };
    let used: u64 = memory.trim().parse().ok()?;
    Some(ContainerStats { cpu, memory_working_set: used.saturating_sub(inactive.unwrap_or_default()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n";
        assert_eq!(field(text, "oom_kill"), Some(3));
        assert_eq!(field(text, "oom"), None);
    }
}
