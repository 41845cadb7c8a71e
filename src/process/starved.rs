//! How long a child was ready to run and had no processor, as the system counts it. Linux only; where
//! the system does not count, no time at all.

use std::fs;
use std::time::Duration;

use rustix::process::Pid;

/// Of so many processes at most; one that starts more has other troubles.
const PROCESSES: usize = 64;
/// Of so many threads of each.
const THREADS: usize = 256;

/// The time that a child and all that it has started, as far as these live and have not left it, have
/// waited for a processor so far, threads added up. It only ever grows, but for what has ended.
pub(super) fn starved(child: Pid) -> Duration {
    let mut waited = Duration::ZERO;
    let mut family = vec![child.as_raw_nonzero().get()];
    let mut next = 0;
    while let Some(&process) = family.get(next) {
        next += 1;
        let folder = format!("/proc/{process}/task");
        for thread in fs::read_dir(folder).into_iter().flatten().take(THREADS) {
            // One that ends meanwhile is none.
            let Ok(thread) = thread else { continue };
            waited += waited_of(&read(thread.path().join("schedstat")));
            let children = read(thread.path().join("children"));
            let children = children
                .split_whitespace()
                .filter_map(|id| id.parse::<i32>().ok());
            let room = PROCESSES.saturating_sub(family.len());
            family.extend(children.take(room));
        }
    }
    waited
}

fn read(path: impl AsRef<std::path::Path>) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Of `schedstat` the second number: nanoseconds on a processor's queue.
fn waited_of(schedstat: &str) -> Duration {
    let second = schedstat.split_whitespace().nth(1);
    let nanoseconds = second.and_then(|number| number.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_number_counts() {
        assert_eq!(
            waited_of("914144 4753619 4\n"),
            Duration::from_nanos(4_753_619)
        );
        for odd in ["", "1", "1 x 2", "1 -2 3"] {
            assert_eq!(waited_of(odd), Duration::ZERO, "{odd}");
        }
    }
}
