//! The clients of one member in memory: one for each scenario.

use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use crate::play::{Client, Guest, Guests, Host, Inviting, Telling};
use crate::reference::client::{Address, ClientConfig};
use crate::session::Password;
use crate::wire::memory;
use crate::zoo::client::{Keeper, Member};

/// Starts a client of this member for each scenario.
pub(super) struct Kept {
    pub(super) member: &'static Member,
    pub(super) password: &'static str,
}

impl Guests for Kept {
    fn invite(&self, scenario: &str) -> Inviting<'_> {
        let seed = seed(scenario);
        Box::pin(async move {
            let address = Address::parse("ws://memory/").map_err(|error| error.to_string())?;
            let (dial, listener) = memory::listen();
            let config = ClientConfig {
                password: Password::from(self.password),
                seed: Some(seed),
                ..ClientConfig::default()
            };
            let client = Keeper::new(self.member, config).start(dial, address);
            let words = Arc::new(OnceLock::new());
            let (died, said) = (client.died(), Arc::clone(&words));
            let mut host = Host::new(listener).with_driver(client);
            host.gone = Some(Box::pin(async move {
                let how = died.await;
                let _ = said.set(how);
                how.to_owned()
            }));
            Ok(Guest {
                host,
                client: Box::new(InMemory { words }),
            })
        })
    }

    fn many(&self) -> bool {
        true
    }
}

/// Another one for each scenario, as processes have, and the same in each run.
fn seed(scenario: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    scenario.hash(&mut hasher);
    hasher.finish()
}

/// A client that ends when its host is dropped.
struct InMemory {
    words: Arc<OnceLock<&'static str>>,
}

impl InMemory {
    fn words(&self) -> Option<String> {
        self.words.get().map(|words| (*words).to_owned())
    }
}

impl Client for InMemory {
    fn last_lines(&mut self) -> Telling<'_, Vec<String>> {
        Box::pin(async { self.words().into_iter().collect() })
    }

    fn ended(&self) -> Telling<'_, Option<String>> {
        Box::pin(async { self.words() })
    }

    fn end(self: Box<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async {})
    }
}
