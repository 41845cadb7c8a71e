//! Servers that ask their clients: right ones of several kinds, and bent ones. They share no code
//! with the reference server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use litespec::wire::memory::MemoryStream;
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::time::{Instant, sleep_until};

use crate::support::peer::Peer;

/// How a server that asks behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Asks behind HELLO_ACK and every 0.4 hb; passes over a RESPONSE of a stranger's.
    Plain,
    /// Closes for a stranger's RESPONSE with this code.
    EarlyCloses(u16),
    /// Drops the connection for a stranger's RESPONSE.
    EarlyDrops,
    /// Asks every 0.02 hb.
    Chatty,
    /// Its nonces are of all types, and it ends a connection where one does not come back.
    OddNonces,
    /// As these, and they must come back as they were spelled. That is more than a server may ask.
    ExactNonces,
    /// Ends a connection where an answer takes more than a second.
    Demanding,
    /// Answers nothing as long as its own request waits.
    OneThingAtATime,
    /// Asks back before it answers.
    AsksBack,
    /// Sends DISPATCHes only.
    DispatchesOnly,
    /// Its requests have no nonce.
    NoNonce,

    /// Asks behind HELLO.
    AsksAtOnce,
    /// Sends a DISPATCH behind HELLO.
    DispatchesAtOnce,
    /// Asks on a timer that starts with the connection.
    AsksByTimer,
    /// Asks all connections at once, whoever they are.
    AsksEverybody,
    /// Asks at any HELLO_ACK, then looks at the password.
    AsksFirst,
    /// A RESPONSE lets in.
    ResponseLetsIn,
    /// A RESPONSE with a nonce that any connection was asked with lets in.
    AnybodysNonceLetsIn,
    /// A RESPONSE lets heartbeats in.
    ResponseLetsBeats,
    /// A REQUEST with the nonce of one of its own is taken for that.
    OneTable,
    /// Sends our answers back to us.
    AnswersAnswers,
    /// Answers go to the newest connection that was asked anything.
    MixedUp,
    /// Closes for any RESPONSE.
    ResponseCloses,
    /// Asks every 0.02 hb, and never answers the fiftieth request of a connection.
    ChattyAndForgetful,
    /// Takes an answer for a heartbeat.
    AnswersCount,
}

/// What all connections of a server share.
#[derive(Default)]
struct State {
    next: usize,
    live: BTreeMap<usize, UnboundedSender<String>>,
    asked: Vec<Value>,
}

pub(crate) struct World {
    kind: Kind,
    hb: Duration,
    state: Mutex<State>,
}

impl World {
    pub(crate) fn new(kind: Kind, hb_ms: u64) -> Arc<World> {
        Arc::new(World {
            kind,
            hb: Duration::from_millis(hb_ms),
            state: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no connection panics")
    }

    fn tell(&self, id: usize, text: &str) {
        if let Some(live) = self.state().live.get(&id) {
            let _ = live.send(text.to_owned());
        }
    }
}

/// Serves one connection.
pub(crate) async fn serve(world: Arc<World>, stream: MemoryStream) {
    let hb_ms = u64::try_from(world.hb.as_millis()).expect("a short interval");
    let mut peer = Peer::hello(stream, hb_ms).await;
    let (sender, mut orders) = mpsc::unbounded_channel();
    let id = {
        let mut state = world.state();
        let id = state.next;
        state.next += 1;
        state.live.insert(id, sender);
        id
    };
    let now = Instant::now();
    let mut talk = Talk {
        kind: world.kind,
        id,
        let_in: false,
        beats_in: false,
        asked: Vec::new(),
        count: 0,
        served: 0,
        held: Vec::new(),
        out: Vec::new(),
        world: Arc::clone(&world),
    };
    let mut last_beat = now;
    let period = match world.kind {
        Kind::Chatty | Kind::ChattyAndForgetful => world.hb.mul_f64(0.02),
        _ => world.hb.mul_f64(0.4),
    };
    let mut tick = now + period;
    match world.kind {
        Kind::AsksAtOnce => talk.ask(),
        Kind::DispatchesAtOnce => talk.dispatch(),
        _ => {}
    }
    let end = loop {
        for text in std::mem::take(&mut talk.out) {
            peer.say(&text).await;
        }
        tokio::select! {
            biased;
            heard = peer.hear() => match heard {
                None => break None,
                Some(text) => match talk.text(&text, &mut last_beat) {
                    Ok(()) => {}
                    Err(code) => break Some(code),
                },
            },
            Some(text) = orders.recv() => talk.out.push(text),
            () = sleep_until(tick) => {
                tick += period;
                talk.tick();
            }
            () = sleep_until(last_beat + world.hb.mul_f64(1.4)) => break Some(4003),
        }
        let late = |(_, since): &(Value, Instant)| since.elapsed() > Duration::from_secs(1);
        if talk.kind == Kind::Demanding && talk.asked.iter().any(late) {
            break Some(4100);
        }
    };
    world.state().live.remove(&id);
    for text in std::mem::take(&mut talk.out) {
        peer.say(&text).await;
    }
    match end {
        // Zero stands for an end without a close frame.
        None | Some(0) => {}
        Some(code) => peer.close(code, b"").await,
    }
}

struct Talk {
    world: Arc<World>,
    kind: Kind,
    id: usize,
    let_in: bool,
    /// Its heartbeats are taken although it is not let in.
    beats_in: bool,
    /// What waits for the client's answer, and since when.
    asked: Vec<(Value, Instant)>,
    count: u64,
    served: u64,
    /// Nonces of the client's requests that are not answered yet.
    held: Vec<Value>,
    out: Vec<String>,
}

/// Nonces as some servers spell them.
const ODD: [&str; 7] = [
    "1.0",
    "null",
    r#""\u00e9\/""#,
    r#"{"b" : [1e2], "a": 1}"#,
    "false",
    "9007199254740993",
    "[]",
];

impl Talk {
    fn ask(&mut self) {
        if self.kind == Kind::DispatchesOnly {
            return self.dispatch();
        }
        if self.kind == Kind::NoNonce {
            return self.out.push(r#"{"op":4,"w":"STATUS","a":[]}"#.to_owned());
        }
        self.count += 1;
        let nonce = match self.kind {
            Kind::OddNonces | Kind::ExactNonces => ODD[self.count as usize % ODD.len()].to_owned(),
            _ => self.count.to_string(),
        };
        let text = format!(r#"{{"op":4,"w":"STATUS","a":[],"n":{nonce}}}"#);
        let key = match self.kind {
            Kind::ExactNonces => Value::String(nonce),
            Kind::OddNonces => serde_json::from_str(&nonce).expect("JSON"),
            _ => self.count.into(),
        };
        self.world.state().asked.push(key.clone());
        self.asked.push((key, Instant::now()));
        self.out.push(text);
    }

    fn dispatch(&mut self) {
        self.out.push(r#"{"op":6,"w":"NEWS","a":[]}"#.to_owned());
    }

    fn tick(&mut self) {
        match self.kind {
            Kind::AsksEverybody if self.let_in => {
                let all: Vec<usize> = self.world.state().live.keys().copied().collect();
                for id in all {
                    self.world.tell(id, r#"{"op":6,"w":"NEWS","a":[]}"#);
                }
            }
            Kind::AsksByTimer => self.ask(),
            _ if self.let_in => {
                self.ask();
                self.dispatch();
            }
            _ => {}
        }
    }

    /// Handles a message; an error is the code to close with.
    fn text(&mut self, text: &str, last_beat: &mut Instant) -> Result<(), u16> {
        let packet: Value = serde_json::from_str(text).map_err(|_| 1007_u16)?;
        match packet["op"].as_f64().map(|op| op as u64) {
            Some(1) => self.hello_ack(&packet, last_beat),
            Some(2) if !self.let_in && !self.beats_in => Err(4002),
            Some(2) => {
                *last_beat = Instant::now();
                self.out.push(r#"{"op":3}"#.to_owned());
                Ok(())
            }
            Some(4 | 6) if !self.let_in => Err(4002),
            Some(4) => self.request(&packet),
            Some(5) => self.response(&packet, text, last_beat),
            Some(0 | 3) => Err(1008),
            _ => Ok(()),
        }
    }

    fn hello_ack(&mut self, packet: &Value, last_beat: &mut Instant) -> Result<(), u16> {
        if self.kind == Kind::AsksFirst {
            self.ask();
        }
        if packet["password"] != "helloworld" {
            return Err(4001);
        }
        if !std::mem::replace(&mut self.let_in, true) {
            *last_beat = Instant::now();
            self.dispatch();
            self.ask();
        }
        Ok(())
    }

    fn request(&mut self, packet: &Value) -> Result<(), u16> {
        let fits = packet["w"].is_string() && packet["a"].is_array();
        let Some(nonce) = packet.get("n").filter(|_| fits) else {
            return Err(1008);
        };
        if self.kind == Kind::OneTable && self.waits(nonce) {
            return Ok(());
        }
        if self.kind == Kind::AsksBack {
            self.ask();
        }
        self.served += 1;
        if self.kind != Kind::ChattyAndForgetful || self.served != 50 {
            self.held.push(nonce.clone());
        }
        self.answer_held();
        Ok(())
    }

    /// Answers what there is to answer, as far as its own affairs let it.
    fn answer_held(&mut self) {
        let waits = matches!(self.kind, Kind::OneThingAtATime | Kind::AsksBack);
        if waits && !self.asked.is_empty() {
            return;
        }
        for nonce in self.held.drain(..) {
            let answer = json!({"op": 5, "n": nonce, "r": ["ok"]});
            self.out.push(answer.to_string());
        }
    }

    fn waits(&self, nonce: &Value) -> bool {
        self.asked.iter().any(|(asked, _)| asked == nonce)
    }

    fn response(&mut self, packet: &Value, text: &str, last_beat: &mut Instant) -> Result<(), u16> {
        let nonce = packet["n"].clone();
        if !self.let_in {
            match self.kind {
                Kind::EarlyCloses(code) => return Err(code),
                Kind::EarlyDrops => return Err(0),
                Kind::ResponseLetsIn => self.let_in = true,
                Kind::AnybodysNonceLetsIn => {
                    self.let_in = self.world.state().asked.contains(&nonce);
                }
                Kind::ResponseLetsBeats => self.beats_in = true,
                _ => {}
            }
            return Ok(());
        }
        match self.kind {
            Kind::ResponseCloses => return Err(1008),
            Kind::AnswersAnswers => self.out.push(text.to_owned()),
            Kind::AnswersCount => *last_beat = Instant::now(),
            Kind::MixedUp => {
                let newest = self.world.state().live.keys().next_back().copied();
                let answer = json!({"op": 5, "n": nonce, "r": packet["r"]}).to_string();
                self.world.tell(newest.unwrap_or(self.id), &answer);
            }
            _ => {}
        }
        let spelled = match self.kind {
            // As it is spelled behind the harness's own members.
            Kind::ExactNonces => {
                let inner = text.split_once(r#""n": "#).map_or("", |(_, rest)| rest);
                let inner = inner.rsplit_once(r#", "r":"#).map_or("", |(n, _)| n);
                Value::String(inner.to_owned())
            }
            _ => nonce,
        };
        match self.asked.iter().position(|(asked, _)| *asked == spelled) {
            Some(at) => drop(self.asked.remove(at)),
            None if matches!(self.kind, Kind::OddNonces | Kind::ExactNonces) => return Err(4101),
            None => {}
        }
        self.answer_held();
        Ok(())
    }
}
