//! The reference client against the reference server, in memory, on virtual time: whatever way the
//! bytes between them are cut, delayed and merged, nothing is lost and everything ends as it does
//! when they come whole.
//!
//! The scenario is the client's user: `driver>` asks, `wait` waits, and `> eof` (or `reset`, `close`)
//! cuts the connection. `each $cut = [1, 0], [700, 30]` says how the bytes travel, piece by piece and
//! then from the start again: so many bytes after so many milliseconds.

mod relay;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use litespec::protocol::json::Json;
use litespec::protocol::packet::Interval;
use litespec::reference::client::{
    Address, ByteStream, Client, ClientConfig, Dial, Dialing, Down, Event, RequestError,
};
use litespec::reference::server::{Answer, Handlers, ServerConfig, Service, Talk};
use litespec::scenario::fill;
use litespec::scenario::syntax::{Role, Scenario, Send, Step, StepKind, Template};
use litespec::wire::memory::pipe;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use self::relay::{Piece, relay};
use super::Input;
use super::script;

/// What one conversation consists of at most.
const ORDERS: usize = 64;
const WAITS: Duration = Duration::from_secs(120);
const PIECES: usize = 16;
/// `LATE` is compared only where it is far from the time that a request waits at most (30 s).
const LATEST: u64 = 20_000;
const HB: Duration = Duration::from_secs(10);

/// Plays a scenario's orders, with the bytes whole and cut.
pub fn check(bytes: &[u8]) -> Input {
    let Some(scenario) = script::scenario(bytes, Role::Client) else {
        return Input::Refused;
    };
    let mut plan = Plan::default();
    plan.steps(&scenario.steps);
    if plan.orders == 0 {
        return Input::Refused;
    }
    let whole = converse(&plan.doings, &[]);
    let cut = converse(&plan.doings, &pieces(&scenario));
    if !plan.cuts {
        assert_eq!(whole, cut, "cutting the bytes changed what came of it");
    }
    Input::Used
}

/// Something that the user does.
#[derive(Debug)]
enum Doing {
    Request { w: String, a: String },
    Dispatch { w: String, a: String },
    Wait(Duration),
    Cut,
}

#[derive(Default)]
struct Plan {
    doings: Vec<Doing>,
    orders: usize,
    waited: Duration,
    cuts: bool,
}

impl Plan {
    fn steps(&mut self, steps: &[Step]) {
        for step in steps {
            match &step.kind {
                StepKind::DriverSend { packet } => self.order(packet),
                StepKind::Wait { time } => {
                    let length = time.resolve(HB, HB).min(WAITS - self.waited);
                    self.waited += length;
                    self.doings.push(Doing::Wait(length));
                }
                StepKind::Send {
                    send: Send::Eof | Send::Reset | Send::Close { .. },
                    ..
                } if self.doings.len() < 2 * ORDERS => {
                    self.cuts = true;
                    self.doings.push(Doing::Cut);
                }
                StepKind::Repeat { count, steps, .. } => {
                    for _ in 0..*count {
                        let before = self.doings.len();
                        self.steps(steps);
                        if self.orders >= ORDERS || self.doings.len() == before {
                            break;
                        }
                    }
                }
                StepKind::Together { steps } | StepKind::Every { steps, .. } => self.steps(steps),
                _ => {}
            }
        }
    }

    fn order(&mut self, packet: &Template) {
        let Ok(filled) = fill::template(packet, &script::env()) else {
            return;
        };
        let Ok(order) = Json::parse(filled.wire.as_bytes()) else {
            return;
        };
        if self.orders == ORDERS {
            return;
        }
        let w = order.get("w").and_then(Json::as_str).unwrap_or("ECHO");
        let a = order.get("a").map_or("[]".to_owned(), Json::to_string);
        let w = w.to_owned();
        self.doings
            .push(match order.get("do").and_then(Json::as_str) {
                Some("request") => Doing::Request { w, a },
                Some("dispatch") => Doing::Dispatch { w, a },
                _ => return,
            });
        self.orders += 1;
    }
}

/// How a scenario wants its bytes cut.
fn pieces(scenario: &Scenario) -> Vec<Piece> {
    let env = script::env();
    let values = scenario.header.each.as_ref();
    let values = values.and_then(|each| each.values.as_deref());
    let piece = |value: &Template| {
        let value = fill::value(value, &env).ok()?.json;
        let number = |at: usize| value.as_array()?.get(at)?.as_u64();
        let single = value.as_u64();
        Some(Piece {
            bytes: usize::try_from(single.or(number(0))?).ok()?.max(1),
            delay: Duration::from_millis(number(1).unwrap_or(0)),
        })
    };
    let pieces = values.unwrap_or_default().iter().take(PIECES);
    let pieces: Vec<Piece> = pieces.filter_map(|value| piece(&value.value)).collect();
    if pieces.is_empty() {
        return vec![Piece {
            bytes: 1,
            delay: Duration::ZERO,
        }];
    }
    pieces
}

/// What came of a conversation.
#[derive(Debug, PartialEq)]
struct Outcome {
    /// Of each request, in the order of asking.
    answers: Vec<Result<String, RequestError>>,
    /// What `NOTE` was dispatched with, sorted.
    noted: Vec<String>,
}

type Notes = Arc<Mutex<Vec<String>>>;

/// Every dial makes a connection to the service, with the relay in its middle.
struct Pipes {
    service: Service,
    pieces: Arc<[Piece]>,
    cut: watch::Sender<()>,
    serving: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl Dial for Pipes {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async move {
            let (ours, near) = pipe();
            let (far, theirs) = pipe();
            let (near_in, near_out) = tokio::io::split(near);
            let (far_in, far_out) = tokio::io::split(far);
            let service = self.service.clone();
            let serving = tokio::spawn(async move { service.serve_stream(theirs).await });
            let there = relay(
                near_in,
                far_out,
                Arc::clone(&self.pieces),
                self.cut.subscribe(),
            );
            let back = relay(
                far_in,
                near_out,
                Arc::clone(&self.pieces),
                self.cut.subscribe(),
            );
            let relays = [tokio::spawn(there), tokio::spawn(back)];
            let mut tasks = self.serving.lock().unwrap_or_else(PoisonError::into_inner);
            tasks.push(serving);
            tasks.extend(relays);
            Ok::<_, io::Error>(Box::new(ours) as Box<dyn ByteStream>)
        })
    }
}

/// One conversation from the first dial to the last byte.
fn converse(doings: &[Doing], pieces: &[Piece]) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let runtime = runtime.expect("a runtime without I/O needs nothing of the system");
    runtime.block_on(async {
        let notes = Notes::default();
        let service = service(&notes);
        let (cut, _) = watch::channel(());
        let tasks = Arc::new(Mutex::new(Vec::new()));
        let pipes = Pipes {
            service: service.clone(),
            pieces: pieces.into(),
            cut: cut.clone(),
            serving: Arc::clone(&tasks),
        };
        let outcome = use_client(pipes, doings, &cut, &notes).await;
        let tasks = std::mem::take(&mut *tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            let ended = timeout(Duration::from_secs(60), task).await;
            ended
                .expect("a connection that never ends")
                .expect("no task panics");
        }
        assert_eq!(service.connections(), 0, "a connection is still counted");
        outcome
    })
}

fn service(notes: &Notes) -> Service {
    let notes = Arc::clone(notes);
    let handlers = Handlers::default().on("NOTE", move |call| {
        let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push(call.a().to_owned());
        async { Answer::null() }
    });
    Service::new(ServerConfig {
        hb_interval: Interval::from_millis(HB.as_millis() as u64).expect("above zero"),
        handlers,
        talk: Some(Talk::every(Duration::from_secs(7))),
        ..ServerConfig::default()
    })
}

async fn use_client(
    pipes: Pipes,
    doings: &[Doing],
    cut: &watch::Sender<()>,
    notes: &Notes,
) -> Outcome {
    let address = Address::parse("ws://memory/").expect("a right address");
    let config = ClientConfig {
        seed: Some(1),
        answers: Some([("STATUS".to_owned(), "[true]".to_owned())].into()),
        ..ClientConfig::default()
    };
    let client = Client::start_over(pipes, address, config);
    let mut events = client.events();
    let mut asked = Vec::new();
    let mut told = Vec::new();
    let mut cuts = 0;
    for doing in doings {
        match doing {
            Doing::Request { w, a } => {
                let (client, w, a) = (client.clone(), w.clone(), a.clone());
                asked.push(tokio::spawn(async move { client.request(&w, &a).await }));
            }
            Doing::Dispatch { w, a } => {
                let (client, w, a) = (client.clone(), w.clone(), a.clone());
                told.push(tokio::spawn(async move { client.dispatch(&w, &a).await }));
            }
            Doing::Wait(length) => sleep(*length).await,
            Doing::Cut => {
                // Whoever was told to do something before has begun with it.
                tokio::task::yield_now().await;
                cuts += 1;
                cut.send_replace(());
            }
        }
    }
    let requests = doings.iter().filter_map(|doing| match doing {
        Doing::Request { w, a } => Some((w, a)),
        _ => None,
    });
    let mut answers = Vec::new();
    for ((w, a), asked) in requests.zip(asked) {
        let answer = asked.await.expect("asking does not panic");
        right(w, a, &answer, cuts > 0);
        answers.push(if is_late(w, a) {
            Ok(String::new())
        } else {
            answer
        });
    }
    for told in told {
        let sent = told.await.expect("telling does not panic");
        assert!(
            cuts > 0 || matches!(sent, Ok(()) | Err(RequestError::Refused(_))),
            "a dispatch was lost: {sent:?}"
        );
    }
    // The server reads on until a close frame comes, and begins nothing that came right before it: what
    // the client has sent gets there first.
    sleep(Duration::from_secs(3)).await;
    let closed = client.close().await;
    assert!(cuts > 0 || closed.is_ok(), "closed: {closed:?}");
    while let Ok(event) = events.try_recv() {
        ordinary(&event, cuts > 0);
    }
    let mut noted = notes.lock().unwrap_or_else(PoisonError::into_inner).clone();
    noted.sort_unstable();
    Outcome { answers, noted }
}

/// A request ended as it has to: once, which awaiting it has shown, and with its own answer.
fn right(w: &str, a: &str, answer: &Result<String, RequestError>, cut: bool) {
    let list = a.starts_with('[');
    match answer {
        Ok(r) => {
            assert!(list, "no list was sent: {a}");
            match w {
                "ECHO" | "LATE" => assert_eq!(r, a, "another's answer"),
                "NULL" | "NOTE" => assert_eq!(r, "null", "another's answer"),
                _ => assert!(r.starts_with(r#"{"error":"#), "another's answer: {r}"),
            }
        }
        Err(RequestError::Refused(_)) => assert!(!list, "refused: {w} {a}"),
        Err(RequestError::Disconnected | RequestError::TimedOut) if cut => {}
        Err(RequestError::TimedOut) => assert!(is_late(w, a), "no answer to {w} {a}"),
        Err(why) => panic!("{w} {a} failed: {why}"),
    }
}

/// Whether a request's answer may come too late.
fn is_late(w: &str, a: &str) -> bool {
    let first = Json::parse(a.as_bytes()).ok();
    let first = first.as_ref().and_then(Json::as_array);
    let ms = first.and_then(|a| a.first()).and_then(Json::as_u64);
    w == "LATE" && ms.is_some_and(|ms| ms > LATEST)
}

/// Nothing strange happens between two peers that are right.
fn ordinary(event: &Event, cut: bool) {
    match event {
        Event::Greeted { hb_interval } => assert_eq!(*hb_interval, HB),
        Event::HeartbeatAck | Event::Asked { .. } | Event::Told { .. } => {}
        Event::Down(Down::ByUser) => {}
        Event::Down(_) if cut => {}
        Event::Waiting(wait) if cut => assert!(*wait >= Duration::from_secs(1)),
        // An answer may come behind its request's time.
        Event::Stranger { .. } => {}
        other => panic!("{other:?}"),
    }
}
