//! The reference server and client: both right in every rule, on tokio-tungstenite, over one connection
//! loop that reads all that is ready, feeds all answers and flushes once.

pub mod client;
mod connection;
mod conversation;
mod dial;
pub mod driver;
mod handlers;
pub mod layer;
mod link;
pub mod server;
mod talk;
mod upgrade;

#[cfg(test)]
mod tests;
