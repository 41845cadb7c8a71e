//! Members on threads, each with so much real time and no more: one that spins stops virtual time
//! for ever, but not the others.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use super::Options;
use super::examine::Examined;
use crate::zoo::Peer;

/// How often the watchdog looks.
const LOOK: Duration = Duration::from_millis(100);

/// What a thread tells.
enum Told {
    Began(usize),
    Done(usize, Examined),
}

type Queue = Arc<Mutex<VecDeque<(usize, Peer)>>>;

/// Examines the members; their results in the same order. `on_done` is told how many are done.
pub(super) fn run(
    members: &[Peer],
    options: &Options,
    examine: impl Fn(Peer) -> Examined + Clone + Send + 'static,
    mut on_done: impl FnMut(usize),
) -> Vec<Examined> {
    let queue: Queue = Arc::new(Mutex::new(members.iter().copied().enumerate().collect()));
    let (tell, told) = mpsc::channel();
    let mut results: Vec<Option<Examined>> = members.iter().map(|_| None).collect();
    let mut began = HashMap::new();
    let mut done = 0;
    for _ in 0..options.jobs.clamp(1, members.len().max(1)) {
        work(&queue, &tell, examine.clone());
    }
    while done < members.len() {
        match told.recv_timeout(LOOK) {
            Ok(Told::Began(at)) => {
                began.insert(at, Instant::now());
            }
            // One that was given up already may still come to its end.
            Ok(Told::Done(at, examined)) if began.remove(&at).is_some() => {
                results[at] = Some(examined);
                done += 1;
                on_done(done);
            }
            Ok(Told::Done(..)) | Err(RecvTimeoutError::Timeout) => {}
            // Not while `tell` is here.
            Err(RecvTimeoutError::Disconnected) => break,
        }
        let late: Vec<usize> = began
            .iter()
            .filter(|(_, since)| since.elapsed() >= options.patience)
            .map(|(at, _)| *at)
            .collect();
        for at in late {
            began.remove(&at);
            results[at] = Some(Examined::broken(format!(
                "no end within {} s of real time",
                options.patience.as_secs_f64()
            )));
            done += 1;
            on_done(done);
            // Its thread is lost; another one takes its place.
            work(&queue, &tell, examine.clone());
        }
    }
    let unexamined = || Examined::broken("not examined".to_owned());
    results
        .into_iter()
        .map(|result| result.unwrap_or_else(unexamined))
        .collect()
}

/// Starts a thread that examines one member after another.
fn work(queue: &Queue, tell: &Sender<Told>, examine: impl Fn(Peer) -> Examined + Send + 'static) {
    let (queue, tell) = (Arc::clone(queue), tell.clone());
    // Never joined: a thread that is stuck ends with the process.
    thread::spawn(move || {
        loop {
            let next = queue
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            let Some((at, member)) = next else { return };
            if tell.send(Told::Began(at)).is_err() {
                return;
            }
            let examined = catch_unwind(AssertUnwindSafe(|| examine(member)))
                .unwrap_or_else(|_| Examined::broken("the examination panicked".to_owned()));
            if tell.send(Told::Done(at, examined)).is_err() {
                return;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::zoo;

    static STOP: AtomicBool = AtomicBool::new(false);

    #[test]
    fn a_member_that_spins_is_given_up_and_the_others_are_not() {
        let members: Vec<Peer> = zoo::variants().take(5).collect();
        let spins = members[1].name();
        let options = Options {
            jobs: 1,
            patience: Duration::from_millis(300),
            ..Options::default()
        };
        let mut done = Vec::new();
        let examine = move |member: Peer| {
            while member.name() == spins && !STOP.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
            Examined::broken(member.name().to_owned())
        };
        let results = run(&members, &options, examine, |count| done.push(count));
        STOP.store(true, Ordering::Relaxed);
        let said: Vec<String> = results.into_iter().filter_map(|r| r.ended).collect();
        assert!(said[1].contains("0.3 s"), "{said:?}");
        for at in [0, 2, 3, 4] {
            assert_eq!(said[at], members[at].name());
        }
        assert_eq!(done, [1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_member_whose_examination_panics_has_a_result_too() {
        let members: Vec<Peer> = zoo::variants().take(2).collect();
        let first = members[0].name();
        let examine = move |member: Peer| {
            assert_ne!(member.name(), first, "planted");
            Examined::broken("fine".to_owned())
        };
        let results = run(&members, &Options::default(), examine, |_| ());
        let said: Vec<String> = results.into_iter().filter_map(|r| r.ended).collect();
        assert_eq!(said, ["the examination panicked", "fine"]);
    }
}
