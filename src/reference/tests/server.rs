//! The server, end to end over a pipe.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::{ACK, BEAT, PIPE, Peer, Seen, config};
use crate::reference::server::{Answer, Handlers, Limits, ServerConfig, Service};

fn request(w: &str, a: &str, n: &str) -> String {
    format!(r#"{{"op":4,"w":"{w}","a":{a},"n":{n}}}"#)
}

#[tokio::test(start_paused = true)]
async fn a_conversation_from_hello_to_goodbye() {
    let service = Service::new(config(10_000));
    let mut peer = Peer::open(&service).await;
    assert_eq!(peer.text().await, r#"{"op":0,"hb_interval":10000}"#);
    peer.send(ACK).await;
    peer.send(BEAT).await;
    assert_eq!(peer.text().await, r#"{"op":3}"#);
    peer.send(&request("ECHO", "[1, \"x\"]", "{\"k\":1.0}"))
        .await;
    assert_eq!(peer.text().await, r#"{"op":5,"n":{"k":1.0},"r":[1, "x"]}"#);
    peer.send(&request("NULL", "[1]", "null")).await;
    assert_eq!(peer.text().await, r#"{"op":5,"n":null,"r":null}"#);
    peer.send(&request("NOBODY", "[]", "2")).await;
    assert_eq!(
        peer.text().await,
        r#"{"op":5,"n":2,"r":{"error":"unknown request"}}"#
    );
    peer.send(r#"{"op":6,"w":"ECHO","a":[1],"n":1}"#).await;
    peer.send(&request("\\ud800", "[]", "3")).await;
    assert!(peer.text().await.starts_with(r#"{"op":5,"n":3"#));
    peer.ws.close(None).await.unwrap();
    assert_eq!(peer.next().await, Seen::Close(None));
    assert_eq!(peer.next().await, Seen::End);
}

#[tokio::test(start_paused = true)]
async fn closes_carry_the_codes_of_the_protocol() {
    let service = Service::new(config(10_000));
    let cases = [
        (r#"{"op":1,"password":"Helloworld"}"#, 4001),
        (r#"{"op":1}"#, 4001),
        (r#"{"op":4,"w":"ECHO","a":[],"n":1}"#, 4002),
        (r#"{"op":6,"w":"ECHO","a":[]}"#, 4002),
        (BEAT, 4002),
        ("not json", 1007),
        ("[]", 1008),
    ];
    for (text, code) in cases {
        let mut peer = Peer::open(&service).await;
        let _ = peer.text().await;
        peer.send(text).await;
        assert_eq!(peer.next().await, Seen::Close(Some(code)), "{text}");
        assert_eq!(peer.next().await, Seen::End);
        assert!(peer.age() < Duration::from_secs(1));
    }
    sleep(Duration::from_secs(1)).await;
    assert_eq!(service.connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_closed_with_4003_behind_its_interval() {
    let service = Service::new(config(10_000));
    let mut peer = Peer::enter(&service).await;
    sleep(Duration::from_secs(7)).await;
    peer.send(BEAT).await;
    assert_eq!(peer.text().await, r#"{"op":3}"#);
    let beat = Instant::now();
    assert_eq!(peer.next().await, Seen::Close(Some(4003)));
    let hb = Duration::from_secs(10);
    assert!(
        beat.elapsed() >= hb && beat.elapsed() <= 2 * hb,
        "{:?}",
        beat.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn requests_and_pings_are_no_heartbeats() {
    let service = Service::new(config(1000));
    let mut peer = Peer::enter(&service).await;
    let start = Instant::now();
    let code = 'open: loop {
        let _ = peer.ws.feed(Message::Ping(Default::default())).await;
        let _ = peer
            .ws
            .send(Message::text(request("NULL", "[]", "1")))
            .await;
        while let Ok(seen) = timeout(Duration::from_millis(50), peer.ws.next()).await {
            if let Some(Ok(Message::Close(frame))) = seen {
                break 'open u16::from(frame.unwrap().code);
            }
        }
    };
    assert_eq!(code, 4003);
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert!(
        start.elapsed() <= Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_beats_every_interval_lives_on() {
    let service = Service::new(config(1000));
    let mut peer = Peer::enter(&service).await;
    for _ in 0..100 {
        sleep(Duration::from_millis(1010)).await;
        peer.send(BEAT).await;
        assert_eq!(peer.text().await, r#"{"op":3}"#);
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_heartbeats_gets_as_many_acks() {
    let service = Service::new(config(10_000));
    let mut peer = Peer::enter(&service).await;
    for _ in 0..2000 {
        peer.ws.feed(Message::text(BEAT)).await.unwrap();
    }
    peer.ws.flush().await.unwrap();
    for _ in 0..2000 {
        assert_eq!(peer.text().await, r#"{"op":3}"#);
    }
    peer.silent(Duration::from_secs(9)).await;
}

#[tokio::test(start_paused = true)]
async fn late_answers_do_not_hold_up_others() {
    let service = Service::new(config(10_000));
    let mut peer = Peer::enter(&service).await;
    let start = Instant::now();
    peer.send(&request("LATE", "[3000]", "1")).await;
    peer.send(&request("LATE", "[1000, 2]", "1")).await;
    peer.send(&request("ECHO", "[3]", "1")).await;
    assert_eq!(peer.text().await, r#"{"op":5,"n":1,"r":[3]}"#);
    assert!(start.elapsed() < Duration::from_millis(10));
    assert_eq!(peer.text().await, r#"{"op":5,"n":1,"r":[1000, 2]}"#);
    assert_eq!(peer.text().await, r#"{"op":5,"n":1,"r":[3000]}"#);
    assert!(start.elapsed() >= Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn own_handlers_answer_and_a_panic_is_an_answer_too() {
    let (seen, mut dispatched) = tokio::sync::mpsc::unbounded_channel();
    let handlers = Handlers::default()
        .on("COUNT", |call| async move {
            sleep(Duration::from_millis(5)).await;
            Answer::from(&serde_json::json!(call.arguments().len()))
        })
        .on("FAIL", |_| async { panic!("on purpose") })
        .on("TELL", move |call| {
            seen.send(call.a().to_owned()).unwrap();
            async { Answer::null() }
        });
    let service = Service::new(ServerConfig {
        handlers,
        ..config(10_000)
    });
    let mut peer = Peer::enter(&service).await;
    peer.send(&request("COUNT", "[1,2,3]", "1")).await;
    assert_eq!(peer.text().await, r#"{"op":5,"n":1,"r":3}"#);
    peer.send(&request("FAIL", "[]", "2")).await;
    assert_eq!(
        peer.text().await,
        r#"{"op":5,"n":2,"r":{"error":"the handler failed"}}"#
    );
    peer.send(r#"{"op":6,"w":"TELL","a":[7]}"#).await;
    assert_eq!(dispatched.recv().await.unwrap(), "[7]");
    peer.silent(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn requests_beyond_the_bound_are_answered_at_once() {
    let limits = Limits {
        in_flight: 2,
        ..Limits::default()
    };
    let service = Service::new(ServerConfig {
        limits,
        ..config(10_000)
    });
    let mut peer = Peer::enter(&service).await;
    for n in ["1", "2", "3"] {
        peer.send(&request("LATE", "[100]", n)).await;
    }
    assert_eq!(
        peer.text().await,
        r#"{"op":5,"n":3,"r":{"error":"too many requests in flight"}}"#
    );
    assert!(peer.text().await.contains(r#""n":1"#));
    assert!(peer.text().await.contains(r#""n":2"#));
}

#[tokio::test(start_paused = true)]
async fn answers_go_to_the_connection_that_asked_and_nowhere_else() {
    let service = Service::new(config(10_000));
    let (mut a, mut b) = (Peer::enter(&service).await, Peer::enter(&service).await);
    a.send(&request("LATE", "[100]", "1")).await;
    b.send(&request("LATE", "[50]", "1")).await;
    assert_eq!(a.text().await, r#"{"op":5,"n":1,"r":[100]}"#);
    assert_eq!(b.text().await, r#"{"op":5,"n":1,"r":[50]}"#);
    let mut stranger = Peer::open(&service).await;
    let _ = stranger.text().await;
    stranger.send(&request("ECHO", "[]", "1")).await;
    assert_eq!(stranger.next().await, Seen::Close(Some(4002)));
    a.silent(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_authenticate_is_closed_in_time() {
    let service = Service::new(config(3_600_000));
    let mut peer = Peer::open(&service).await;
    let _ = peer.text().await;
    assert_eq!(peer.next().await, Seen::Close(Some(4001)));
    assert_eq!(peer.age().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_slow_upgrade_is_given_up() {
    let service = Service::new(config(10_000));
    let (mut ours, theirs) = tokio::io::duplex(PIPE);
    let start = Instant::now();
    let serving = {
        let service = service.clone();
        tokio::spawn(async move { service.serve_stream(theirs).await })
    };
    while ours.write_all(b"G").await.is_ok() && start.elapsed() < Duration::from_secs(60) {
        let _ = ours.write_all(b"ET / HTTP/1.1\r\nA: ").await;
        sleep(Duration::from_secs(1)).await;
    }
    serving.await.unwrap();
    assert!(
        start.elapsed() <= Duration::from_secs(12),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn stopping_closes_everybody_with_1001() {
    let service = Service::new(config(10_000));
    let mut peers = [Peer::enter(&service).await, Peer::open(&service).await];
    let _ = peers[1].text().await;
    peers[0].send(&request("LATE", "[60000]", "1")).await;
    sleep(Duration::from_secs(1)).await;
    service.stop();
    for peer in &mut peers {
        assert_eq!(peer.next().await, Seen::Close(Some(1001)));
        assert_eq!(peer.next().await, Seen::End);
    }
    sleep(Duration::from_secs(2)).await;
    assert_eq!(service.connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_echo_the_close_is_dropped() {
    let service = Service::new(config(10_000));
    let mut peer = Peer::open(&service).await;
    let _ = peer.text().await;
    peer.send(BEAT).await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(service.connections(), 0);
    // The close frame is still there to be read.
    assert_eq!(peer.next().await, Seen::Close(Some(4002)));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_dropped_and_holds_little() {
    let limits = Limits {
        unsent_bytes: 10_000,
        ..Limits::default()
    };
    let service = Service::new(ServerConfig {
        limits,
        ..config(3_600_000)
    });
    let (ours, theirs) = tokio::io::duplex(4096);
    let serving = service.clone();
    let serving = tokio::spawn(async move { serving.serve_stream(theirs).await });
    let (mut ws, _) = tokio_tungstenite::client_async("ws://memory/", ours)
        .await
        .unwrap();
    assert!(ws.next().await.is_some());
    ws.send(Message::text(ACK)).await.unwrap();
    let big = request("ECHO", &format!("[\"{}\"]", "x".repeat(1000)), "1");
    let start = Instant::now();
    let mut taken = 0;
    while timeout(Duration::from_secs(1), ws.send(Message::text(big.clone())))
        .await
        .is_ok()
    {
        taken += 1;
        assert!(taken < 1000, "it reads without end");
    }
    serving.await.unwrap();
    assert!(
        start.elapsed() < Duration::from_secs(15),
        "{:?}",
        start.elapsed()
    );
    assert!(taken < 40, "{taken}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_gets_every_answer() {
    let limits = Limits {
        unsent_bytes: 10_000,
        ..Limits::default()
    };
    let service = Service::new(ServerConfig {
        limits,
        ..config(60_000)
    });
    let (ours, theirs) = tokio::io::duplex(4096);
    tokio::spawn(async move { service.serve_stream(theirs).await });
    let (ws, _) = tokio_tungstenite::client_async("ws://memory/", ours)
        .await
        .unwrap();
    let (mut sink, mut stream) = ws.split();
    tokio::spawn(async move {
        sink.send(Message::text(ACK)).await.unwrap();
        for n in 0..500 {
            let text = request(
                "ECHO",
                &format!("[\"{}\"]", "x".repeat(500)),
                &n.to_string(),
            );
            sink.send(Message::text(text)).await.unwrap();
        }
        std::future::pending::<()>().await;
    });
    assert!(stream.next().await.is_some());
    for n in 0..500 {
        sleep(Duration::from_millis(20)).await;
        let answer = stream.next().await.unwrap().unwrap();
        let start = format!(r#"{{"op":5,"n":{n},"#);
        assert!(answer.to_text().unwrap().starts_with(&start), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn broken_frames_close_their_own_connection_only() {
    let service = Service::new(config(10_000));
    let mut alive = Peer::enter(&service).await;
    let cases: [(&[u8], u16); 5] = [
        (b"\x81\x02hi", 1002),
        (b"\xc1\x80abcd", 1002),
        (b"\x81\x81\0\0\0\0\xff", 1007),
        (b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 1009),
        (b"\x82\x80\0\0\0\0", 1003),
    ];
    for (bytes, code) in cases {
        let mut peer = Peer::open(&service).await;
        let _ = peer.text().await;
        peer.ws.get_mut().write_all(bytes).await.unwrap();
        assert_eq!(peer.next().await, Seen::Close(Some(code)), "{bytes:?}");
    }
    let half = Peer::open(&service).await;
    drop(half);
    alive.send(BEAT).await;
    assert_eq!(alive.text().await, r#"{"op":3}"#);
    assert!(matches!(
        Peer::open(&service).await.next().await,
        Seen::Text(_)
    ));
}

#[tokio::test(start_paused = true)]
async fn a_close_is_followed_by_reading_so_that_no_reset_overtakes_it() {
    let service = Service::new(config(10_000));
    let mut peer = Peer::open(&service).await;
    let _ = peer.text().await;
    let raw = peer.ws.get_mut();
    raw.write_all(b"\xc1\x80abcd").await.unwrap();
    for _ in 0..10 {
        sleep(Duration::from_millis(50)).await;
        raw.write_all(&[0; 1000]).await.unwrap();
    }
    assert_eq!(peer.next().await, Seen::Close(Some(1002)));
    assert_eq!(peer.next().await, Seen::End);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(service.connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_beyond_the_limit_is_closed_with_1009_and_one_at_it_is_answered() {
    let service = Service::new(config(10_000));
    let mut peer = Peer::enter(&service).await;
    let nonce = format!("\"{}\"", "n".repeat(1_000_000));
    peer.send(&request("NULL", "[]", &nonce)).await;
    assert_eq!(
        peer.text().await,
        format!(r#"{{"op":5,"n":{nonce},"r":null}}"#)
    );
    peer.send(&"x".repeat((1 << 20) + 1)).await;
    assert_eq!(peer.next().await, Seen::Close(Some(1009)));
}

#[tokio::test]
async fn the_port_serves_and_stops() {
    let server = crate::reference::server::Server::bind(config(10_000))
        .await
        .unwrap();
    let addr = server.local_addr();
    assert!(addr.ip().is_loopback() && addr.port() != 0);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async { stopped.await.unwrap() }));
    let mut plain = tokio::net::TcpStream::connect(addr).await.unwrap();
    plain
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    plain.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
    let stream = tokio::net::TcpStream::connect(addr).await.unwrap();
    let url = format!("ws://{addr}/");
    let (mut ws, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    assert!(
        ws.next()
            .await
            .unwrap()
            .unwrap()
            .to_text()
            .unwrap()
            .contains("hb_interval")
    );
    stop.send(()).unwrap();
    let close = ws.next().await.unwrap().unwrap();
    assert!(matches!(close, Message::Close(Some(frame)) if u16::from(frame.code) == 1001));
    let _ = ws.next().await;
    running.await.unwrap();
}

#[tokio::test]
async fn one_connection_too_many_is_turned_away_and_the_others_live() {
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let config = ServerConfig {
        limits,
        ..config(10_000)
    };
    let server = crate::reference::server::Server::bind(config)
        .await
        .unwrap();
    let addr = server.local_addr();
    let running = tokio::spawn(server.run(std::future::pending()));
    let url = format!("ws://{addr}/");
    let stream = tokio::net::TcpStream::connect(addr).await.unwrap();
    let (mut ws, _) = tokio_tungstenite::client_async(&url, stream).await.unwrap();
    let mut second = tokio::net::TcpStream::connect(addr).await.unwrap();
    let mut answer = String::new();
    second.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(ws.next().await.unwrap().is_ok());
    running.abort();
}
