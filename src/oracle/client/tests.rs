//! What the watch finds in a client, and what it must not find.

use super::*;

const HELLO: &str = r#"{"op":0,"hb_interval":1000}"#;
const ACK: &str = r#"{"op":1,"password":"secret"}"#;
const BEAT: &str = r#"{"op":2}"#;

fn json(text: &str) -> Json {
    Json::parse(text.as_bytes()).unwrap()
}

/// A client's connections, on which things happen at milliseconds.
struct Scene {
    oracle: ClientOracle,
    t0: Instant,
    rules: Vec<&'static str>,
}

impl Scene {
    fn new() -> Scene {
        Scene {
            oracle: ClientOracle::new(Dialect::Text),
            t0: Instant::now(),
            rules: Vec::new(),
        }
    }

    fn greeted() -> Scene {
        let mut scene = Scene::new();
        scene.opens(0).sent(0, HELLO).came(0, ACK);
        scene
    }

    fn at(&self, ms: u64) -> Instant {
        self.t0 + Duration::from_millis(ms)
    }

    fn note(&mut self, found: Vec<Finding>) -> &mut Scene {
        self.rules
            .extend(found.iter().map(|finding| finding.breach.rule()));
        self
    }

    fn newest(&self) -> usize {
        self.oracle.conns.len() - 1
    }

    fn opens(&mut self, ms: u64) -> &mut Scene {
        let at = self.at(ms);
        let (conn, found) = self.oracle.opened("a", at, at);
        self.oracle.upgraded(conn);
        self.note(found)
    }

    fn sent(&mut self, ms: u64, text: &str) -> &mut Scene {
        let (packet, size, at) = (json(text), text.len(), self.at(ms));
        let packet = &packet;
        let found = self
            .oracle
            .sent(self.newest(), Sent::Packet { packet, size }, at);
        self.note(found)
    }

    fn came(&mut self, ms: u64, text: &str) -> &mut Scene {
        let (packet, at) = (json(text), self.at(ms));
        let received = Received::Packet {
            packet: &packet,
            binary: false,
        };
        let found = self.oracle.received(self.newest(), received, at);
        self.note(found)
    }

    fn we_close(&mut self, ms: u64) -> &mut Scene {
        let at = self.at(ms);
        let found = self.oracle.sent(self.newest(), Sent::Close, at);
        self.note(found)
    }

    fn it_ends(&mut self, ms: u64) -> &mut Scene {
        let at = self.at(ms);
        let found = self.oracle.received(self.newest(), Received::End, at);
        self.note(found)
    }

    fn finish(&mut self, ms: u64) -> &mut Scene {
        let at = self.at(ms);
        let found = self
            .oracle
            .finish(self.newest(), at, Duration::from_secs(5));
        self.note(found)
    }
}

#[test]
fn a_right_life_breaks_nothing() {
    let mut scene = Scene::greeted();
    scene
        .came(1000, BEAT)
        .sent(1000, r#"{"op":3}"#)
        .came(1100, r#"{"op":4,"w":"X","a":[],"n":1}"#)
        .came(1100, r#"{"op":4,"w":"X","a":[],"n":"1"}"#)
        .sent(1200, r#"{"op":5,"n":"1","r":null}"#)
        .sent(1200, r#"{"op":5,"n":1.0,"r":[]}"#)
        .came(1300, r#"{"op":4,"w":"X","a":[],"n":1}"#)
        .came(2200, BEAT)
        .we_close(3400)
        .it_ends(3401)
        .opens(4400)
        .sent(9000, HELLO)
        .came(13_000, ACK)
        .finish(14_200);
    assert_eq!(scene.rules, [] as [&str; 0]);
    assert!(scene.oracle.judges(0) && scene.oracle.judges(1));
    assert_eq!(scene.oracle.waits(), [Duration::from_millis(1000)]);
}

#[test]
fn a_gap_is_told_once_however_it_ends() {
    let rule = ["client.heartbeat-interval"];
    let mut beaten = Scene::greeted();
    beaten.came(1251, BEAT).finish(2400);
    assert_eq!(beaten.rules, rule);
    let mut closed = Scene::greeted();
    closed.we_close(1251).it_ends(9000).finish(9000);
    assert_eq!(closed.rules, rule);
    let mut left = Scene::greeted();
    left.it_ends(1251).finish(9000);
    assert_eq!(left.rules, rule);
    let mut open = Scene::greeted();
    open.finish(1251);
    assert_eq!(open.rules, rule);
    let mut in_time = Scene::greeted();
    in_time.came(1250, BEAT).we_close(2500).it_ends(9000);
    assert_eq!(in_time.rules, [] as [&str; 0]);
}

#[test]
fn the_longest_gap_is_a_quarter_more_and_at_least_a_quarter_of_a_second() {
    let ms = Duration::from_millis;
    assert_eq!(longest_gap(ms(10_000)), ms(12_500));
    assert_eq!(longest_gap(ms(1000)), ms(1250));
    assert_eq!(longest_gap(ms(100)), ms(350));
    assert_eq!(longest_gap(Duration::MAX), Duration::MAX);
}

#[test]
fn several_heartbeats_in_one_interval_are_too_many() {
    let mut fast = Scene::greeted();
    fast.came(0, BEAT).came(299, BEAT).came(598, BEAT);
    assert_eq!(fast.rules, [] as [&str; 0]);
    fast.came(897, BEAT);
    assert_eq!(fast.rules, ["client.heartbeat-rate"]);
    let mut brisk = Scene::greeted();
    for beat in 0..20 {
        brisk.came(beat * 300, BEAT);
    }
    assert_eq!(brisk.rules, [] as [&str; 0]);
}

#[test]
fn a_wait_counts_from_the_earlier_end_and_only_where_nothing_is_open() {
    let mut soon = Scene::greeted();
    soon.we_close(100).it_ends(500).opens(1079);
    assert_eq!(soon.rules, ["client.reconnect-waits"]);
    let mut just = Scene::greeted();
    just.we_close(100).it_ends(500).opens(1080);
    assert_eq!(just.rules, [] as [&str; 0]);
    let mut beside = Scene::greeted();
    beside.opens(50);
    assert_eq!(beside.rules, ["client.one-connection"]);
    assert_eq!(beside.oracle.waits(), []);
}

#[test]
fn the_password_has_to_be_a_string_and_is_never_shown() {
    for (ack, found) in [
        (r#"{"op":1}"#, "missing"),
        (r#"{"op":1,"password":["hunter22"]}"#, "a list"),
        (r#"{"op":1,"password":{"hunter22":1}}"#, "an object"),
    ] {
        let mut scene = Scene::new();
        scene.opens(0).sent(0, HELLO);
        let packet = json(ack);
        let received = Received::Packet {
            packet: &packet,
            binary: false,
        };
        let at = scene.at(1);
        let findings = scene.oracle.received(0, received, at);
        assert_eq!(findings[0].breach.rule(), "client.hello-ack");
        assert_eq!(findings[0].breach.actual(), format!("password is {found}"));
    }
    let mut early = Scene::new();
    early.opens(0);
    let packet = json(ACK);
    let received = Received::Packet {
        packet: &packet,
        binary: false,
    };
    let at = early.at(1);
    let findings = early.oracle.received(0, received, at);
    assert_eq!(findings[0].breach.rule(), "client.waits-for-hello");
    assert_eq!(findings[0].breach.actual(), "HELLO_ACK");
}

#[test]
fn sends_that_the_text_does_not_allow_end_the_judging() {
    for text in [
        HELLO,
        r#"{"op":3}"#,
        r#"{"op":5,"n":1,"r":1}"#,
        r#"{"op":1,"password":"secret"}"#,
        r#"{"op":2}"#,
        r#"{"op":9}"#,
    ] {
        let mut scene = Scene::greeted();
        scene.sent(1, text);
        assert!(!scene.oracle.judges(0), "{text}");
        scene.came(2, "[]").finish(60_000);
        assert_eq!(scene.rules, [] as [&str; 0], "{text}");
    }
    for hello in [
        r#"{"op":0}"#,
        r#"{"op":0,"hb_interval":0}"#,
        r#"{"op":0,"hb_interval":5,"more":1}"#,
    ] {
        let mut scene = Scene::new();
        scene.opens(0).sent(0, hello);
        assert!(!scene.oracle.judges(0), "{hello}");
    }
}

#[test]
fn in_the_bidirectional_dialect_a_client_may_answer() {
    for (dialect, rules) in [
        (Dialect::Text, &["client.packet-sender"][..]),
        (Dialect::Bidirectional, &[]),
    ] {
        let mut scene = Scene::new();
        scene.oracle = ClientOracle::new(dialect);
        scene.opens(0).sent(0, HELLO).came(0, ACK);
        scene.came(1, r#"{"op":5,"n":1,"r":1}"#);
        assert_eq!(scene.rules, rules);
    }
}

#[test]
fn in_the_dialect_a_client_still_says_nothing_before_hello() {
    let mut scene = Scene::new();
    scene.oracle = ClientOracle::new(Dialect::Bidirectional);
    scene.opens(0).came(1, r#"{"op":5,"n":1,"r":1}"#);
    assert_eq!(scene.rules, ["client.waits-for-hello"]);
}

#[test]
fn in_the_dialect_a_client_that_we_ask_is_still_judged() {
    let ask = r#"{"op":4,"w":"X","a":[],"n":1}"#;
    let tell = r#"{"op":6,"w":"X","a":[]}"#;
    for (dialect, packet, judged) in [
        (Dialect::Text, ask, false),
        (Dialect::Bidirectional, ask, true),
        (Dialect::Bidirectional, tell, true),
        (
            Dialect::Bidirectional,
            r#"{"op":4,"w":1,"a":[],"n":1}"#,
            false,
        ),
    ] {
        let mut scene = Scene::new();
        scene.oracle = ClientOracle::new(dialect);
        scene.opens(0).sent(0, HELLO).came(0, ACK).sent(1, packet);
        assert_eq!(scene.oracle.judges(0), judged, "{dialect:?} {packet}");
    }
    // One that has not answered HELLO is not asked.
    let mut scene = Scene::new();
    scene.oracle = ClientOracle::new(Dialect::Bidirectional);
    scene.opens(0).sent(0, HELLO).sent(1, ask);
    assert!(!scene.oracle.judges(0));
}

#[test]
fn what_is_known_of_a_connection_can_be_asked() {
    let mut scene = Scene::new();
    let known = |scene: &Scene| {
        let oracle = &scene.oracle;
        (oracle.heard(0), oracle.greeted(0), oracle.interval(0))
    };
    let second = Some(Duration::from_secs(1));
    scene.opens(0);
    assert_eq!(known(&scene), (false, false, None));
    scene.sent(0, HELLO);
    assert_eq!(known(&scene), (false, false, second));
    scene.came(1, ACK);
    assert_eq!(known(&scene), (true, true, second));
    // The interval is that of the first HELLO.
    scene.sent(2, r#"{"op":0,"hb_interval":5000}"#);
    assert_eq!(known(&scene), (true, true, second));
}

#[test]
fn nothing_is_found_on_a_connection_that_is_to_be_ignored() {
    let mut scene = Scene::greeted();
    scene.oracle.ignore(0);
    scene.came(1, "[]").finish(60_000);
    assert_eq!(scene.rules, [] as [&str; 0]);
    assert!(!scene.oracle.judges(0));
}

#[test]
fn a_second_connection_names_the_first_as_the_scenario_does() {
    let mut scene = Scene::greeted();
    scene.oracle.rename(0, "first");
    let at = scene.at(1);
    let (_, found) = scene.oracle.opened("b", at, at);
    let said = found[0].breach.actual();
    assert_eq!(said, "a second connection while first was open");
}

#[test]
fn a_hello_that_is_not_answered_in_time_is_told() {
    let mut scene = Scene::new();
    scene.opens(0).sent(0, HELLO).finish(5000);
    assert_eq!(scene.rules, [] as [&str; 0]);
    scene.finish(5001);
    assert_eq!(scene.rules, ["client.hello-ack"]);
}

#[test]
fn a_second_hello_ack_is_no_heartbeat() {
    let mut scene = Scene::greeted();
    scene.came(1000, ACK).finish(1251);
    assert_eq!(scene.rules, ["client.heartbeat-interval"]);
}

#[test]
fn nonces_beyond_every_double_are_not_taken_for_one() {
    let asks = |nonce: &str| format!(r#"{{"op":4,"w":"x","a":[],"n":{nonce}}}"#);
    for (one, other, rules) in [
        ("1e400", "1e401", &[][..]),
        ("1", "1.0", &["client.nonce-unique"]),
    ] {
        let mut scene = Scene::greeted();
        scene.came(1, &asks(one)).came(2, &asks(other));
        assert_eq!(scene.rules, rules, "{one} and {other}");
    }
}

#[test]
fn what_a_client_asks_is_held_to_its_fields_and_its_nonce() {
    for (packet, rules) in [
        (r#"{"op":1.5}"#, &["client.packet-sender"][..]),
        (r#"{"op":4,"w":"X","a":[],"n":1}"#, &[]),
        (r#"{"op":4,"w":"X","a":[]}"#, &["client.request-fields"]),
        (r#"{"op":4,"w":1,"a":[],"n":1}"#, &["client.request-fields"]),
        (r#"{"op":4,"w":"X","n":1}"#, &["client.request-fields"]),
        (r#"{"op":6,"w":"X","a":[]}"#, &[]),
        (r#"{"op":6,"w":"X"}"#, &["client.dispatch-fields"]),
        (
            r#"{"op":6,"w":"X","a":[],"n":1}"#,
            &["client.dispatch-no-nonce"],
        ),
    ] {
        let mut scene = Scene::greeted();
        scene.came(1, packet);
        assert_eq!(scene.rules, rules, "{packet}");
    }
    let mut scene = Scene::greeted();
    let request = r#"{"op":4,"w":"X","a":[],"n":1}"#;
    scene.came(1, request).came(2, request);
    assert_eq!(scene.rules, ["client.nonce-unique"]);
}

#[test]
fn only_so_many_waits_are_kept() {
    let mut oracle = ClientOracle::new(Dialect::Text);
    let mut at = Instant::now();
    for _ in 0..=WAITS + 1 {
        let (conn, _) = oracle.opened("a", at, at);
        oracle.upgraded(conn);
        oracle.parted(conn, at);
        at += Duration::from_secs(2);
    }
    assert_eq!(oracle.waits().len(), WAITS);
}
