//! One running client of a member of the zoo, over memory or TCP, and the line to it.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::timeout;

use super::super::fate::{Fate, Life};
use super::super::wire::{BentStream, Wire};
use super::Member;
use super::bend::Bent;
use super::resend::Resend;
use super::world::World;
use crate::play::Driver;
use crate::reference::client::{Address, ByteStream, Client, ClientConfig, Dial, Dialing, Down};
use crate::reference::driver::{Line, drive};
use crate::reference::layer::{ClientLayer, Tap};
use crate::wire::{self, Side};

/// How long a client that was told to end may take.
const LEAVE: Duration = Duration::from_secs(3);

/// One bent client that has not begun yet.
pub struct Keeper {
    member: &'static Member,
    config: ClientConfig,
    world: Arc<World>,
    twins: UnboundedReceiver<()>,
}

impl Keeper {
    /// A client of this member.
    pub fn new(member: &'static Member, mut config: ClientConfig) -> Keeper {
        if let Some(adjust) = member.config {
            adjust(&mut config);
        }
        let (world, twins) = World::new(config.password.reveal());
        Keeper {
            member,
            config,
            world,
            twins,
        }
    }

    /// Starts the client as a task of its own, which connects wherever `dial` leads and ends when what
    /// is given back is dropped. `address` is what its upgrade requests say. Must be called within a
    /// tokio runtime.
    pub fn start(self, dial: impl wire::Dial + 'static, address: Address) -> Running {
        let (orders, mut told) = mpsc::unbounded_channel();
        let (say, lines) = mpsc::unbounded_channel::<String>();
        let fate = Arc::clone(&self.world.fate);
        tokio::spawn(async move {
            let next = |cx: &mut Context<'_>| told.poll_recv(cx);
            let listened = |line: &str| say.send(line.to_owned()).is_ok();
            self.run(dial, address, next, listened).await
        });
        Running {
            orders,
            lines,
            fate,
        }
    }

    /// The same as part of the caller's task. It ends when there are no more lines, or when the defect
    /// has ended the client: then with the client's last words.
    ///
    /// `next` polls for the next line for the client, `say` takes what the client says and tells
    /// whether anybody listens.
    pub async fn run(
        self,
        dial: impl wire::Dial + 'static,
        address: Address,
        next: impl FnMut(&mut Context<'_>) -> Poll<Option<Line>> + Send,
        say: impl FnMut(&str) -> bool + Send,
    ) -> Option<&'static str> {
        let Keeper {
            member,
            config,
            world,
            mut twins,
        } = self;
        let fate = Arc::clone(&world.fate);
        let way = Way {
            dial: Arc::new(dial),
            wire: member.wire,
            world: Arc::clone(&world),
        };
        let layer = Arc::new(Between { member, world });
        let start = |config: ClientConfig| {
            let layer = Arc::clone(&layer);
            Client::start_through(layer, way.clone(), address.clone(), config)
        };
        let client = start(config.clone());
        let mut beside = Vec::new();
        {
            let mut driving = pin!(driven(member, &client, next, say));
            // A client that hangs hears no lines either.
            let mut driving = poll_fn(|cx| match fate.life() {
                Life::Hung => Poll::Pending,
                Life::Alive | Life::Dead => driving.as_mut().poll(cx),
            });
            loop {
                tokio::select! {
                    biased;
                    () = dead(&fate) => return fate.words(),
                    Some(()) = twins.recv() => beside.push(start(twin(&config))),
                    () = &mut driving => break,
                }
            }
        }
        // Whatever becomes of the leave-taking.
        let _ = timeout(LEAVE, client.close()).await;
        fate.kill();
        None
    }
}

/// A client beside another one: it does not wait long to be received, and lives once.
fn twin(config: &ClientConfig) -> ClientConfig {
    let mut config = config.clone();
    config.limits.open = Duration::from_millis(120);
    config.reconnect = None;
    config
}

/// What the client does with lines until there are no more.
async fn driven(
    member: &Member,
    client: &Client,
    mut next: impl FnMut(&mut Context<'_>) -> Poll<Option<Line>>,
    say: impl FnMut(&str) -> bool,
) {
    if !member.obeys {
        while poll_fn(&mut next).await.is_some() {}
    } else if member.resends {
        Resend::default().drive(client, next, say).await;
    } else {
        drive(client, next, say).await;
    }
}

/// Ends when the client does.
async fn dead(fate: &Fate) {
    // An error would mean that nobody can end it any more.
    if fate
        .watch()
        .wait_for(|life| *life == Life::Dead)
        .await
        .is_err()
    {
        std::future::pending::<()>().await;
    }
}

/// A client at work. It ends, as if its process had been killed, when this is dropped.
pub struct Running {
    orders: UnboundedSender<Line>,
    lines: UnboundedReceiver<String>,
    fate: Arc<Fate>,
}

impl Running {
    /// Ends when the defect has ended the client, with the client's last words. Never ends for one
    /// that lives, or that was ended from here.
    pub fn died(&self) -> impl Future<Output = &'static str> + Send + use<> {
        let fate = Arc::clone(&self.fate);
        async move {
            dead(&fate).await;
            match fate.words() {
                Some(words) => words,
                None => std::future::pending().await,
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.fate.kill();
    }
}

impl Driver for Running {
    fn send(&mut self, line: &str) -> io::Result<()> {
        let line = Line::Text(line.as_bytes().to_vec());
        let gone = |_| io::ErrorKind::BrokenPipe.into();
        self.orders.send(line).map_err(gone)
    }

    fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<Option<String>> {
        self.lines.poll_recv(cx)
    }
}

/// The way of a bent client's bytes.
#[derive(Clone)]
struct Way {
    dial: Arc<dyn wire::Dial>,
    wire: Wire,
    world: Arc<World>,
}

impl Dial for Way {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async {
            self.world.dials();
            let stream = self.dial.dial().await.map_err(io::Error::other)?;
            let fate = &self.world.fate;
            let stream = BentStream::new(stream, fate, self.wire, Side::Client);
            Ok(Box::new(stream) as Box<dyn ByteStream>)
        })
    }
}

/// The member between session and wire, and between connections.
struct Between {
    member: &'static Member,
    world: Arc<World>,
}

impl ClientLayer for Between {
    fn connection(&self) -> Box<dyn Tap> {
        let conn = self.world.opens();
        let bend = (self.member.bend)(&self.world, conn);
        Box::new(Bent::new(bend, &self.world, conn))
    }

    fn again(&self, why: &Down, wait: Duration) -> Option<Duration> {
        let ended = self.world.ends(why, wait);
        let wait = (self.member.again)(&ended);
        // What has ended, also just now, does not come again.
        wait.filter(|_| self.world.fate.life() != Life::Dead)
    }
}
