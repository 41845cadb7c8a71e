//! A client that asks twice at a time and tells what happens to it:
//! `cargo run --example client -- ws://127.0.0.1:10101/`.

#![expect(clippy::print_stdout, reason = "it is a program")]

use litespec::reference::client::{Address, Client, ClientConfig};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "ws://127.0.0.1:10101/".to_owned());
    let client = Client::connect(Address::parse(&url)?, ClientConfig::default()).await?;
    let mut events = client.events();
    let (late, echo) = tokio::join!(
        client.request("LATE", "[300]"),
        client.request("ECHO", r#"["hello"]"#)
    );
    println!("{} came before {}", echo?, late?);
    client.dispatch("ECHO", "[]").await?;
    client.close().await?;
    while let Ok(event) = events.try_recv() {
        println!("{event:?}");
    }
    Ok(())
}
