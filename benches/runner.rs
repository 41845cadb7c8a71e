//! What the runner costs beside a bare client: connect, handshake, one heartbeat, close, 16 at a
//! time, against one server in the same process. The bare client is a tokio-tungstenite loop with
//! 4 KiB buffers that does the same exchange and keeps nothing; the runner also judges and keeps a
//! transcript. Both are measured in turn in one run, and the ratio is printed.

#![expect(
    clippy::print_stdout,
    reason = "the ratio is what the benchmark is for"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures_util::{SinkExt, StreamExt};
use litespec::play::{self, Ended, Lateness, Reach, Redactor, Settings};
use litespec::reference::server::{Server, ServerConfig};
use litespec::scenario::syntax::{Origin, Source};
use litespec::scenario::values::Env;
use litespec::scenario::{self, Scenario};
use litespec::wire::target::Target;
use litespec::wire::{Limits, Offer, TcpDial};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

const AT_A_TIME: usize = 16;
const CONVERSATIONS: u64 = 512;
const TEXT: &str = "\
title  A heartbeat is acknowledged
rule   heartbeat.ack

< {\"op\": 0, \"hb_interval\": int 1..}
> {\"op\": 1, \"password\": \"${password}\"}
> {\"op\": 2}
< {\"op\": 3}
> close 1000
< close 1000
< closed
";

fn serve() -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(async {
            let server = Server::bind(ServerConfig::default())
                .await
                .expect("a free port");
            tell.send(server.local_addr()).expect("the benchmark waits");
            server.run(std::future::pending()).await;
        });
    });
    told.recv().expect("the server's address")
}

async fn bare(address: SocketAddr) {
    let socket = TcpSocket::new_v4().expect("a socket");
    let stream: TcpStream = socket.connect(address).await.expect("the server listens");
    stream.set_nodelay(true).expect("NODELAY");
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(4096);
    let url = format!("ws://{address}/");
    let opened = tokio_tungstenite::client_async_with_config(url, stream, Some(config)).await;
    let (mut socket, _) = opened.expect("an upgrade");
    socket.next().await.expect("HELLO").expect("HELLO");
    for packet in [r#"{"op": 1, "password": "helloworld"}"#, r#"{"op": 2}"#] {
        socket.send(Message::text(packet)).await.expect("a send");
    }
    socket.next().await.expect("an ACK").expect("an ACK");
    socket.close(None).await.expect("a close");
    while let Some(Ok(_)) = socket.next().await {}
}

async fn played(settings: &Settings, scenario: &Arc<Scenario>) {
    let env = Env::new("helloworld");
    let played = play::run(settings, "bench", scenario, env, Duration::from_secs(60)).await;
    assert_eq!(played.ended, Ended::Passed);
    assert!(played.transcript.len() >= 8);
}

async fn many<F, T>(count: u64, one: F)
where
    F: Fn() -> T,
    T: Future<Output = ()> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        if tasks.len() == AT_A_TIME {
            tasks.join_next().await.expect("a task").expect("no panic");
        }
        tasks.spawn(one());
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no panic");
    }
}

fn settings(address: SocketAddr, lateness: Arc<Lateness>) -> Settings {
    let target = Target::parse(&format!("ws://{address}/")).expect("a URL");
    Settings {
        reach: Some(Reach {
            dial: Arc::new(TcpDial::new(&target)),
            target,
        }),
        offer: Offer::default(),
        trace_header: true,
        limits: Limits::default(),
        password: "helloworld".to_owned(),
        redactor: Arc::new(Redactor::new([(
            "password".to_owned(),
            "helloworld".to_owned(),
        )])),
        dialect: litespec::oracle::Dialect::Text,
        answers: Default::default(),
        answer_within: Duration::from_secs(5),
        grace: Duration::from_secs(3),
        interval: Duration::from_secs(10),
        pacer: None,
        lateness,
        seed: 1,
        jitter: None,
        patient: false,
        gate: None,
        budget: Arc::default(),
    }
}

fn runner(c: &mut Criterion) {
    let address = serve();
    let runtime = Runtime::new().expect("a runtime");
    let (lateness, _guard) = {
        let _entered = runtime.enter();
        Lateness::measure()
    };
    let settings = Arc::new(settings(address, lateness));
    let source = Source {
        path: "bench".to_owned(),
        origin: Origin::Embedded,
        text: TEXT.to_owned(),
    };
    let scenario = Arc::new(scenario::parse("bench", Arc::new(source)).expect("the text parses"));
    let run_bare = || many(CONVERSATIONS, || bare(address));
    let run_played = || {
        many(CONVERSATIONS, || {
            let (settings, scenario) = (Arc::clone(&settings), Arc::clone(&scenario));
            async move { played(&settings, &scenario).await }
        })
    };
    let mut group = c.benchmark_group("conversations");
    group
        .throughput(Throughput::Elements(CONVERSATIONS))
        .sample_size(10);
    group.bench_function("bare", |b| b.to_async(&runtime).iter(run_bare));
    group.bench_function("runner", |b| b.to_async(&runtime).iter(run_played));
    group.finish();

    // In turn, so that a machine that drifts drifts for both.
    let mut ratios: Vec<f64> = (0..11)
        .map(|_| {
            let timed = |work: &dyn Fn()| {
                let began = tokio::time::Instant::now();
                work();
                began.elapsed().as_secs_f64()
            };
            let bare = timed(&|| runtime.block_on(run_bare()));
            let ours = timed(&|| runtime.block_on(run_played()));
            bare / ours
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    println!(
        "runner reaches {:.0} % of the bare loop (median of {}; {:.0} % to {:.0} %)",
        ratios[ratios.len() / 2] * 100.0,
        ratios.len(),
        ratios[0] * 100.0,
        ratios[ratios.len() - 1] * 100.0
    );
}

criterion_group!(benches, runner);
criterion_main!(benches);
