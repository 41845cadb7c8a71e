//! The reference server: pipelined requests beside a server that flushes each answer, and the memory
//! of idle connections. Both print their figures; the first also goes through criterion.

#![expect(clippy::print_stdout, reason = "figures go to standard output")]

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use criterion::{Criterion, Throughput};
use futures_util::{SinkExt, StreamExt};
use litespec::protocol::codec;
use litespec::protocol::packet::{Interval, Packet};
use litespec::reference::server::{Server, ServerConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

const CONNECTIONS: usize = 64;
const DEEP: usize = 16;
const IDLE: usize = 10_000;

const UPGRADE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const HELLO_ACK: &str = r#"{"op":1,"password":"helloworld"}"#;
const REQUEST: &str = r#"{"op":4,"w":"ECHO","a":[1,2,3],"n":1234}"#;
const RESPONSE: &str = r#"{"op":5,"n":1234,"r":[1,2,3]}"#;

fn main() {
    // Without it, this is a test run of all targets.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    // A thread for the servers and one for the clients: on two cores neither takes the other's time, so
    // that what is compared is what the servers cost.
    let servers = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let servers = servers.expect("a runtime can be started");
    let clients = Builder::new_current_thread().enable_all().build();
    let clients = clients.expect("a runtime can be started");
    pipelined(&servers, &clients);
    match clients.block_on(idle()) {
        Ok(line) => println!("{line}"),
        Err(error) => println!("idle connections: not measured: {error}"),
    }
}

/// The same clients against both servers.
fn pipelined(servers: &Runtime, runtime: &Runtime) {
    let addrs = servers.block_on(async {
        let hb_interval = Interval::from_millis(3_600_000).expect("above zero");
        let config = ServerConfig {
            hb_interval,
            ..ServerConfig::default()
        };
        let server = Server::bind(config).await.expect("a free port");
        let ours = server.local_addr();
        tokio::spawn(server.run(std::future::pending()));
        [
            ours,
            flushing_server(by_our_codec).await,
            flushing_server(by_value).await,
        ]
    });
    let [ours, flushing, plain] = addrs.map(|addr| runtime.block_on(Clients::connect(addr)));
    let mut servers = [
        ("reference", ours),
        ("flush each answer", flushing),
        ("flush each answer, serde_json::Value", plain),
    ];

    // In turns, so that whatever else the machine does meets both alike.
    let mut rates = [const { Vec::new() }; 3];
    for _ in 0..9 {
        for (which, (_, clients)) in servers.iter_mut().enumerate() {
            let start = Instant::now();
            clients.rounds(200);
            let requests = (200 * CONNECTIONS * DEEP) as f64;
            rates[which].push(requests / start.elapsed().as_secs_f64());
        }
    }
    let [ours, flushing, plain] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    });
    println!(
        "pipelined requests, {CONNECTIONS} connections, {DEEP} deep: reference {ours:.0}/s, \
         flush each answer {flushing:.0}/s, ratio {:.1} (goal 5); the same with serde_json::Value \
         {plain:.0}/s, ratio {:.1}",
        ours / flushing,
        ours / plain
    );

    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let mut group = criterion.benchmark_group("pipelined requests");
    group.throughput(Throughput::Elements((CONNECTIONS * DEEP) as u64));
    for (name, clients) in &mut servers {
        group.bench_function(*name, |bencher| {
            bencher.iter_custom(|rounds| {
                let start = Instant::now();
                clients.rounds(rounds);
                start.elapsed()
            });
        });
    }
    group.finish();
    criterion.final_summary();
}

/// The answer with our codec: what is compared is then the flushing alone.
fn by_our_codec(text: &str) -> Option<String> {
    match codec::decode(text.as_bytes()) {
        Ok(Packet::Request { a, n, .. }) => Some(codec::encode(&Packet::Response { n, r: a })),
        _ => None,
    }
}

/// The answer as one writes it first.
fn by_value(text: &str) -> Option<String> {
    let mut packet: Value = serde_json::from_str(text).ok()?;
    (packet["op"] == 4)
        .then(|| json!({"op": 5, "n": packet["n"].take(), "r": packet["a"].take()}).to_string())
}

/// A server with tokio-tungstenite's defaults and one `send` an answer.
async fn flushing_server(answer: fn(&str) -> Option<String>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a free port");
    let addr = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                stream.set_nodelay(true)?;
                let mut ws = tokio_tungstenite::accept_async(stream).await?;
                ws.send(Message::text(r#"{"op":0,"hb_interval":3600000}"#))
                    .await?;
                while let Some(Ok(Message::Text(text))) = ws.next().await {
                    if let Some(answer) = answer(&text) {
                        ws.send(Message::text(answer)).await?;
                    }
                }
                Ok::<(), tokio_tungstenite::tungstenite::Error>(())
            });
        }
    });
    addr
}

/// Blocking connections that write frames as bytes and read as many bytes as the answers have: no
/// runtime, no readiness, so that the servers are what is measured.
struct Clients {
    streams: Vec<std::net::TcpStream>,
    requests: Vec<u8>,
    answers: Vec<u8>,
}

impl Clients {
    async fn connect(addr: SocketAddr) -> Clients {
        let mut streams = Vec::new();
        for number in 0..CONNECTIONS {
            let stream = enter(addr, number).await.and_then(TcpStream::into_std);
            let stream = stream.expect("the server takes connections");
            stream.set_nonblocking(false).expect("a socket can block");
            streams.push(stream);
        }
        Clients {
            streams,
            requests: masked(REQUEST).repeat(DEEP),
            answers: vec![0; (RESPONSE.len() + 2) * DEEP],
        }
    }

    /// So many times on each connection: sixteen requests out, sixteen answers in. All connections have
    /// their requests out all the time; each gets its next ones as soon as its answers are in.
    fn rounds(&mut self, rounds: u64) {
        for round in 0..=rounds {
            for stream in &mut self.streams {
                if round > 0 {
                    let answered = stream.read_exact(&mut self.answers);
                    answered.expect("the server answers");
                    // Members come in any order, and are as long in each.
                    assert!(self.answers.ends_with(br#","r":[1,2,3]}"#));
                }
                if round < rounds {
                    let sent = stream.write_all(&self.requests);
                    sent.expect("the server reads");
                }
            }
        }
    }
}

/// A connection with its handshake done, from an address of its own for every 2,500.
async fn enter(addr: SocketAddr, number: usize) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    let last = u8::try_from(1 + number / 2500).map_err(std::io::Error::other)?;
    socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into())?;
    let mut stream = socket.connect(addr).await?;
    stream.set_nodelay(true)?;
    stream.write_all(UPGRADE).await?;
    let mut seen = Vec::new();
    // The upgrade response, then all of HELLO.
    while !(seen.windows(4).any(|end| end == b"\r\n\r\n") && seen.ends_with(b"}")) {
        if stream.read_buf(&mut seen).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    stream.write_all(&masked(HELLO_ACK)).await?;
    Ok(stream)
}

/// A short text frame with a mask of zeros.
fn masked(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("a short text");
    let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    frame
}

/// What ten thousand idle, authenticated connections cost `litespec serve`.
async fn idle() -> std::io::Result<String> {
    let room = open_files()?.saturating_sub(200);
    let count = IDLE.min(room);
    let mut server = Command::new(env!("CARGO_BIN_EXE_litespec"))
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--hb-interval",
            "1h",
            "--format",
            "json",
        ])
        .env("LITESPEC_LOG", "error")
        .env_remove("LITESPEC_PASSWORD")
        .stdout(Stdio::piped())
        .spawn()?;
    let result = measure(&mut server, count).await;
    server.kill()?;
    server.wait()?;
    result
}

async fn measure(server: &mut Child, count: usize) -> std::io::Result<String> {
    let mut ready = String::new();
    let stdout = server.stdout.take().ok_or(std::io::ErrorKind::BrokenPipe)?;
    BufReader::new(stdout).read_line(&mut ready)?;
    let addr = ready
        .split(['/', '"'])
        .find_map(|part| part.parse::<SocketAddr>().ok());
    let addr = addr.ok_or_else(|| std::io::Error::other(format!("not ready: {ready}")))?;
    // One connection first: what the first one costs is the server's, not the connections'.
    let mut open = vec![enter(addr, 0).await?];
    let before = rss_kib(server.id())?;
    let start = Instant::now();
    while open.len() <= count {
        let batch = 64.min(count + 1 - open.len());
        let mut entering = JoinSet::new();
        for number in open.len()..open.len() + batch {
            entering.spawn(enter(addr, number));
        }
        while let Some(entered) = entering.join_next().await {
            open.push(entered.map_err(std::io::Error::other)??);
        }
    }
    let took = start.elapsed();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = rss_kib(server.id())?;
    let each = after.saturating_sub(before) as f64 / count as f64;
    // Still served: a request on the first and the last of them.
    let last = open.len() - 1;
    for stream in [0, last].map(|which| open.swap_remove(which.min(open.len() - 1))) {
        answered(stream).await?;
    }
    Ok(format!(
        "{count} idle connections: {each:.2} KiB each (goal 10), resident {before} -> {after} KiB; \
         set up at {:.0}/s",
        count as f64 / took.as_secs_f64()
    ))
}

async fn answered(mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(&masked(REQUEST)).await?;
    let mut answer = vec![0; RESPONSE.len() + 2];
    stream.read_exact(&mut answer).await?;
    if answer.ends_with(RESPONSE.as_bytes()) {
        Ok(())
    } else {
        Err(std::io::ErrorKind::InvalidData.into())
    }
}

fn rss_kib(pid: u32) -> std::io::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kib.ok_or_else(|| std::io::Error::other("no VmRSS"))
}

/// How many files this process may open, which the server inherits.
fn open_files() -> std::io::Result<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    soft.ok_or_else(|| std::io::Error::other("no limit of open files"))
}
