//! A server with a handler of its own, until Ctrl-C: `cargo run --example server`.

#![expect(clippy::print_stdout, reason = "it is a program")]

use litespec::reference::server::{Answer, Handlers, Server, ServerConfig};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let handlers = Handlers::default().on("COUNT", |call| async move {
        Answer::from(&serde_json::json!(call.arguments().len()))
    });
    let listen = ([127, 0, 0, 1], 10101).into();
    let server = Server::bind(ServerConfig {
        listen,
        handlers,
        ..ServerConfig::default()
    })
    .await?;
    println!(
        "try: litespec request ws://{}/ COUNT '[1, 2, 3]'",
        server.local_addr()
    );
    let interrupted = async {
        // Where no signal can be caught, the server ends at once.
        let _ = tokio::signal::ctrl_c().await;
    };
    server.run(interrupted).await;
    Ok(())
}
