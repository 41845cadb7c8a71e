//! Bent clients over TCP. (What the scenarios make of all of them in memory is in the kill matrix.)

use super::{PASSWORD, blamed, hosted, passed};
use litespec::play::{Host, Played};
use litespec::reference::client::{Address, ClientConfig};
use litespec::session::Password;
use litespec::wire::target::Target;
use litespec::wire::{TcpAccept, TcpDial};
use litespec::zoo::client::{self, Keeper, Member};

/// Two requests, answered in the other order, behind a connection that was reset.
const STEPS: &str = "use handshake {\"hb_interval\": 400}\n< nothing for 1hb\n> reset\n< connects within 1s..  @client.reconnects\n\
    use handshake {\"hb_interval\": 400}\n\
    driver> {\"do\": \"request\", \"id\": 1, \"w\": \"A\", \"a\": []}\n< {\"op\": 4, \"w\": \"A\", \"n\": $a}\n\
    driver> {\"do\": \"request\", \"id\": 2, \"w\": \"B\", \"a\": []}\n< {\"op\": 4, \"w\": \"B\", \"n\": $b}\n\
    > {\"op\": 5, \"n\": $b, \"r\": [2]}\ndriver< {\"id\": 2, \"r\": [2]}\n\
    > {\"op\": 5, \"n\": $a, \"r\": null}\ndriver< {\"id\": 1, \"r\": null}\n";

async fn play(member: &'static Member) -> Played {
    let accept = TcpAccept::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/", accept.local_addr().expect("an address"));
    let target = Target::parse(&url).expect("a target");
    let address = Address::parse(&url).expect("an address");
    let config = ClientConfig {
        password: Password::from(PASSWORD),
        seed: Some(5),
        ..ClientConfig::default()
    };
    let running = Keeper::new(member, config).start(TcpDial::new(&target), address);
    let host = Host::new(accept).with_driver(running);
    hosted("rule   client.correlates", STEPS, host).await
}

#[tokio::test]
async fn right_clients_that_look_different_pass_over_tcp() {
    let names = [
        "plain-client",
        "sends-octets",
        "ends-with-a-reset",
        "sends-pings",
    ];
    for name in names {
        let member = client::find_variant(name).expect("a variant");
        passed(&play(member).await);
    }
}

#[tokio::test]
async fn bent_clients_are_caught_over_tcp() {
    for (name, rule) in [
        ("answers-to-the-oldest", "client.correlates"),
        ("never-after-a-reset", "client.reconnects"),
        ("dies-of-null", "client.correlates"),
    ] {
        let member = client::find(name).expect("a defect");
        let played = play(member).await;
        assert_eq!(blamed(&played).0, rule, "{name}");
    }
}
