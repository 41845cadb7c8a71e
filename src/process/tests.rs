//! Real children of `sh`.

use tokio::time::Instant;

use super::*;

const LONG: Duration = Duration::from_secs(20);

fn sh(script: &str) -> Process {
    let command = ["sh", "-c", script].map(OsString::from);
    Process::start(&command).expect("there is a shell")
}

#[tokio::test]
async fn what_a_child_says_and_how_it_ends_is_known() {
    let mut child = sh("echo out; echo first >&2; echo last >&2; exit 3");
    assert_eq!(
        child.ends_within(LONG).await.as_deref(),
        Some("exit status 3")
    );
    child.heard_out().await;
    assert_eq!(child.last_lines(), ["first", "last"]);
    let killed = sh("kill -9 $$");
    assert_eq!(killed.ends_within(LONG).await.as_deref(), Some("signal 9"));
}

#[tokio::test]
async fn a_program_that_is_not_there_is_said() {
    let error = Process::start(&["/no/such/program".into()]).expect_err("it is not there");
    assert!(
        error
            .to_string()
            .starts_with("cannot start /no/such/program: "),
        "{error}"
    );
    assert!(matches!(Process::start(&[]), Err(StartError::Empty)));
}

/// The grandchild writes its id and would outlive us.
const FAMILY: &str = "trap '' TERM; sleep 600 & echo $! >&2; wait; sleep 600";

async fn grandchild(child: &Process) -> rustix::process::Pid {
    loop {
        if let Some(line) = child.last_lines().first() {
            let id = line.trim().parse().expect("an id");
            return rustix::process::Pid::from_raw(id).expect("not zero");
        }
        tokio::task::yield_now().await;
    }
}

/// Whether a process is there and not only waiting to be reaped.
fn lives(id: rustix::process::Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", id.as_raw_nonzero()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

async fn dies(id: rustix::process::Pid) -> bool {
    let until = Instant::now() + LONG;
    while lives(id) && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    !lives(id)
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_whole_group_ends_though_it_ignores_the_request() {
    let child = sh(FAMILY);
    let grandchild = grandchild(&child).await;
    assert!(lives(grandchild));
    child.end(Duration::from_millis(50)).await;
    assert!(dies(grandchild).await);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_child_that_is_dropped_takes_its_group_along() {
    let child = sh(FAMILY);
    let grandchild = grandchild(&child).await;
    drop(child);
    assert!(dies(grandchild).await);
}

#[tokio::test]
async fn a_child_that_writes_without_end_is_held_in_bounded_memory_and_ended() {
    let child = sh("exec yes >&2");
    while child.last_lines().len() < 12 {
        tokio::task::yield_now().await;
    }
    assert!(child.last_lines().iter().all(|line| line == "y"));
    child.end(LONG).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_child_that_has_to_share_its_processor_has_waited_for_it() {
    let own = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    if own.split_whitespace().next().is_none_or(|ran| ran == "0") {
        // This system does not count.
        return;
    }
    let idle = sh("exec sleep 600");
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    // What a child starts is counted with it.
    let busy: Vec<Process> = (0..=cores)
        .map(|_| sh("(while :; do :; done) & wait"))
        .collect();
    let waited = |child: &Process| child.starved().map_or(Duration::ZERO, |told| told());
    let until = Instant::now() + LONG;
    while busy.iter().map(waited).sum::<Duration>() < Duration::from_millis(300) {
        assert!(Instant::now() < until, "nobody waits");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(waited(&idle) < Duration::from_millis(300));
}
