//! The bidirectional dialect of both reference peers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::reference::server::{NotAsked, Talk};

fn asking(talk: Talk) -> Service {
    Service::new(ServerConfig {
        talk: Some(talk),
        ..config(1000)
    })
}

#[tokio::test(start_paused = true)]
async fn a_client_is_greeted_and_asked_every_half_interval_and_only_once_it_is_known() {
    let service = asking(Talk::every(Duration::from_millis(500)));
    let mut stranger = Peer::open(&service).await;
    let _hello = stranger.text().await;
    let mut peer = Peer::enter(&service).await;
    assert_eq!(peer.text().await, r#"{"op":6,"w":"WELCOME","a":[]}"#);
    assert_eq!(peer.text().await, r#"{"op":4,"w":"STATUS","a":[1],"n":1}"#);
    let asked = Instant::now();
    // An answer does not hasten the next, and none does not keep it back.
    peer.send(r#"{"op":5,"n":1,"r":"up"}"#).await;
    for turn in 2..4 {
        let text = format!(r#"{{"op":4,"w":"STATUS","a":[{turn}],"n":{turn}}}"#);
        assert_eq!(peer.text().await, text);
        assert_eq!(asked.elapsed(), Duration::from_millis(500) * (turn - 1));
        peer.send(BEAT).await;
        assert_eq!(peer.text().await, r#"{"op":3}"#);
    }
    stranger.send(r#"{"op":5,"n":1,"r":"up"}"#).await;
    stranger.send(r#"{"op":4,"w":"NULL","a":[],"n":1}"#).await;
    assert_eq!(stranger.next().await, Seen::Close(Some(4002)));
}

#[tokio::test(start_paused = true)]
async fn requests_that_nobody_waits_for_any_more_hold_no_place() {
    let answered = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&answered);
    let service = asking(Talk::new(move |client| {
        let count = Arc::clone(&count);
        async move {
            let none = Duration::from_millis(1);
            for _ in 0..1000 {
                assert!(timeout(none, client.request("X", "[]")).await.is_err());
            }
            if client.request("LAST", "[]").await.as_deref() == Ok("7") {
                count.fetch_add(1, Ordering::Relaxed);
            }
            assert_eq!(client.dispatch("X", "{}").await, Err(NotAsked::Arguments));
            let _ = client.dispatch("DONE", "[]").await;
        }
    }));
    let mut peer = Peer::enter(&service).await;
    let last = loop {
        let text = peer.text().await;
        if text.contains("LAST") {
            break text;
        }
    };
    assert!(last.ends_with(r#""n":1001}"#), "{last}");
    peer.send(r#"{"op":5,"n":1,"r":null}"#).await;
    peer.send(r#"{"op":5,"n":1001,"r":7}"#).await;
    assert_eq!(peer.text().await, r#"{"op":6,"w":"DONE","a":[]}"#);
    assert_eq!(answered.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_talk_ends_with_its_connection() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel::<()>();
    let service = asking(Talk::new(move |client| {
        let tell = tell.clone();
        async move {
            let _alive = tell;
            let _ = client.request("X", "[]").await;
            std::future::pending::<()>().await;
        }
    }));
    let mut peer = Peer::enter(&service).await;
    assert!(peer.text().await.contains("\"X\""));
    drop(peer);
    drop(service);
    let over = timeout(Duration::from_secs(60), told.recv()).await;
    assert_eq!(over, Ok(None));
}
