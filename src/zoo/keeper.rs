//! One running server of a member of the zoo, over memory or TCP.

use std::future::Future;
use std::io;
use std::sync::Arc;

use super::bend::Bent;
use super::fate::Life;
use super::server::Member;
use super::wire::BentStream;
use super::world::World;
use crate::reference::layer::{Layer, Tap};
use crate::reference::server::{Server, ServerConfig, Service};
use crate::wire::memory::MemoryListener;
use crate::wire::{BoxStream, Side, Stream};

/// One bent server. Clones are the same server.
#[derive(Clone)]
pub struct Keeper {
    member: &'static Member,
    world: Arc<World>,
    config: ServerConfig,
    service: Service,
}

impl Keeper {
    /// A server of this member. It has a port only once it is bound.
    pub fn new(member: &'static Member, mut config: ServerConfig) -> Keeper {
        let world = World::new(config.hb_interval.duration(), config.password.reveal());
        if let Some(adjust) = member.config {
            adjust(&mut config);
        }
        Keeper {
            member,
            world,
            service: Service::new(config.clone()),
            config,
        }
    }

    /// The same on a TCP port. Whoever runs it ends it when [`Keeper::died`] does.
    ///
    /// # Errors
    /// The address is in use, or not this machine's.
    pub async fn bind(&self) -> io::Result<Server> {
        let server = Server::bind(self.config.clone()).await?;
        Ok(server.through(self.layer()))
    }

    fn layer(&self) -> Arc<dyn Layer> {
        Arc::new(Between {
            member: self.member,
            world: Arc::clone(&self.world),
        })
    }

    /// Serves one connection to its end.
    pub async fn serve_stream(&self, stream: impl Stream + 'static) {
        self.service
            .serve_through(&*self.layer(), Box::new(stream))
            .await;
    }

    /// Serves whoever dials in memory, for as long as anybody can and the server lives. Must run
    /// within a tokio runtime.
    pub async fn serve(&self, mut listener: MemoryListener) {
        loop {
            tokio::select! {
                biased;
                () = self.died() => return,
                stream = listener.accept() => {
                    let Some(stream) = stream else { return };
                    let keeper = self.clone();
                    tokio::spawn(async move { keeper.serve_stream(stream).await });
                }
            }
        }
    }

    /// Ends when the defect has ended the whole server.
    pub fn died(&self) -> impl Future<Output = ()> + Send + use<> {
        let fate = Arc::clone(&self.world.fate);
        async move {
            // What is waited for holds the sender.
            let _ = fate.watch().wait_for(|life| *life == Life::Dead).await;
        }
    }

    /// As [`Keeper::died`]; without a keeper never.
    pub fn died_of(keeper: Option<&Keeper>) -> impl Future<Output = ()> + Send + use<> {
        let died = keeper.map(Keeper::died);
        async move {
            match died {
                Some(died) => died.await,
                None => std::future::pending().await,
            }
        }
    }
}

/// The member between session and wire.
struct Between {
    member: &'static Member,
    world: Arc<World>,
}

impl Layer for Between {
    fn connection(&self, stream: BoxStream) -> (BoxStream, Box<dyn Tap>) {
        let (id, mail) = self.world.join();
        let bend = (self.member.bend)(&self.world, id);
        let stream = BentStream::new(stream, &self.world.fate, self.member.wire, Side::Server);
        (
            Box::new(stream),
            Box::new(Bent::new(bend, &self.world, id, mail)),
        )
    }
}
