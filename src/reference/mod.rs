//! The reference server and client, on tokio-tungstenite.

mod link;
mod upgrade;
