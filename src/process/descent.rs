//! What a child has started and let go: processes that have left its group, found by a mark in their
//! environment or because they have become ours, and ended. Linux only.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid};

/// The variable that marks a child and, unless it clears it, all that it starts.
const MARK: &str = "LITESPEC_CHILD";
/// So often it is looked for what is left; one that starts others all the time gets no more.
const LOOKS: usize = 20;

/// Makes this process the parent of whatever its children leave behind.
pub fn adopt() {
    // Where the system refuses it, the marks still find most.
    let _ = rustix::process::set_child_subreaper(Some(getpid()));
}

/// The descent of one child.
#[derive(Clone, Debug)]
pub struct Descent {
    mark: String,
}

impl Descent {
    /// That of a child to be started; `number` is its own among the children of this process.
    pub fn new(number: u64) -> Descent {
        Descent {
            mark: format!("{}-{number}", getpid().as_raw_nonzero()),
        }
    }

    /// The variable to start the child with.
    pub fn variable(&self) -> (&'static str, String) {
        (MARK, self.mark.clone())
    }

    /// Whether any process of this descent lives.
    pub fn lives(&self) -> bool {
        processes().any(|pid| self.is_of(pid) && !is_zombie(pid))
    }

    /// Kills all that lives of it.
    pub async fn end(&self) {
        for _ in 0..LOOKS {
            let left: Vec<Pid> = processes().filter(|pid| self.is_of(*pid)).collect();
            if left.is_empty() {
                return;
            }
            end(&left).await;
        }
    }

    fn is_of(&self, pid: Pid) -> bool {
        let wanted = format!("{MARK}={}", self.mark);
        let path = format!("/proc/{}/environ", pid.as_raw_nonzero());
        // One that is gone, or somebody else's, is none of ours.
        fs::read(path).is_ok_and(|environ| {
            environ
                .split(|byte| *byte == 0)
                .any(|variable| variable == wanted.as_bytes())
        })
    }
}

/// Ends what has become ours without being started by us. Only when none of our own children is left:
/// it cannot tell them apart.
pub async fn end_adopted() {
    let own = getpid();
    for _ in 0..LOOKS {
        let left: Vec<Pid> = processes()
            .filter(|pid| parent(*pid) == Some(own))
            .collect();
        if left.is_empty() {
            return;
        }
        end(&left).await;
    }
}

async fn end(processes: &[Pid]) {
    for pid in processes {
        let _ = kill_process(*pid, Signal::KILL);
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
    for pid in processes {
        // Those that have become our children are reaped; the others have a parent that does it.
        let _ = waitpid(Some(*pid), WaitOptions::NOHANG);
    }
}

fn processes() -> impl Iterator<Item = Pid> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(Pid::from_raw)
}

/// State and parent, as the system tells them behind the name, which may hold anything.
fn status(pid: Pid) -> Option<(String, Option<Pid>)> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let mut words = stat.rsplit_once(')')?.1.split_whitespace();
    let state = words.next()?.to_owned();
    let parent = words.next()?.parse().ok().and_then(Pid::from_raw);
    Some((state, parent))
}

fn is_zombie(pid: Pid) -> bool {
    status(pid).is_none_or(|(state, _)| state == "Z")
}

fn parent(pid: Pid) -> Option<Pid> {
    status(pid)?.1
}
