//! What the watch finds, and what it must not find.

use super::*;

const HELLO: &str = r#"{"op":0,"hb_interval":1000}"#;
const ACK: &str = r#"{"op":1,"password":"secret"}"#;

fn json(text: &str) -> Json {
    Json::parse(text.as_bytes()).unwrap()
}

/// A connection on which things happen at milliseconds.
struct Scene {
    oracle: Oracle,
    t0: Instant,
    rules: Vec<&'static str>,
}

impl Scene {
    fn new() -> Scene {
        let t0 = Instant::now();
        let mut oracle = Oracle::new("secret", Dialect::Text);
        oracle.opened("a", t0);
        Scene {
            oracle,
            t0,
            rules: Vec::new(),
        }
    }

    fn authenticated() -> Scene {
        let mut scene = Scene::new();
        scene.came(0, HELLO).sent(0, ACK);
        scene
    }

    fn at(&self, ms: u64) -> Instant {
        self.t0 + Duration::from_millis(ms)
    }

    fn sent(&mut self, ms: u64, text: &str) -> &mut Scene {
        let (packet, size, at) = (json(text), text.len(), self.at(ms));
        self.oracle.sent(
            0,
            Sent::Packet {
                packet: &packet,
                size,
            },
            at,
        );
        self
    }

    fn came(&mut self, ms: u64, text: &str) -> &mut Scene {
        let (packet, at) = (json(text), self.at(ms));
        self.heard(
            Received::Packet {
                packet: &packet,
                binary: false,
            },
            at,
        )
    }

    fn heard(&mut self, received: Received<'_>, at: Instant) -> &mut Scene {
        let found = self.oracle.received(0, received, at);
        self.rules
            .extend(found.iter().map(|finding| finding.breach.rule()));
        self
    }

    fn closed(&mut self, ms: u64, code: u16) -> &mut Scene {
        let at = self.at(ms);
        self.heard(Received::Close { code: Some(code) }, at)
    }
}

#[test]
fn a_right_conversation_breaks_nothing() {
    let mut scene = Scene::authenticated();
    scene
        .sent(1, r#"{"op":2}"#)
        .sent(1, r#"{"op":4,"w":"X","a":[],"n":1}"#)
        .sent(1, r#"{"op":4,"w":"X","a":[],"n":"1"}"#)
        .came(2, r#"{"op":5,"n":"1","r":null,"took":3}"#)
        .came(2, r#"{"op":3,"s":17}"#)
        .came(3, r#"{"n":1.0,"r":[],"op":5}"#)
        .sent(4, r#"{"op":4,"w":"X","a":[],"n":1}"#)
        .came(5, r#"{"op":5,"n":1,"r":0}"#)
        .sent(6, r#"{"op":6,"w":"X","a":[]}"#)
        .closed(1500, 4003);
    assert_eq!(scene.rules, [] as [&str; 0]);
    assert!(scene.oracle.judges(0));
}

#[test]
fn each_breach_is_found_under_its_rule() {
    let mut first = Scene::new();
    first.came(0, r#"{"op":3}"#);
    assert_eq!(first.rules, ["hello.first", "heartbeat.ack"]);

    for (text, rule) in [
        (r#"{"op":0,"hb_interval":0}"#, "hello.interval"),
        (r#"{"op":0,"hb_interval":-5}"#, "hello.interval"),
        (r#"{"op":0,"hb_interval":1.5}"#, "hello.interval"),
        (r#"{"op":0,"hb_interval":"10"}"#, "hello.interval"),
        (r#"{"op":0}"#, "hello.interval"),
    ] {
        let mut scene = Scene::new();
        scene.came(0, text);
        assert_eq!(scene.rules, [rule], "{text}");
    }
    for (text, rule) in [
        (HELLO, "hello.once"),
        ("[]", "packet.object"),
        ("null", "packet.object"),
        (r#"{"oq":3}"#, "packet.object"),
        (r#"{"op":"3"}"#, "packet.object"),
        (r#"{"op":1.5}"#, "packet.object"),
        (r#"{"op":1}"#, "packet.sender"),
        (r#"{"op":2}"#, "packet.sender"),
        (r#"{"op":4,"w":"X","a":[],"n":1}"#, "packet.sender"),
        (r#"{"op":6,"w":"X","a":[]}"#, "packet.sender"),
        (r#"{"op":3}"#, "heartbeat.ack"),
        (r#"{"op":5,"r":1}"#, "response.fields"),
        (r#"{"op":5,"n":1,"r":1}"#, "request.response"),
    ] {
        let mut scene = Scene::authenticated();
        scene.came(1, text);
        assert_eq!(scene.rules, [rule], "{text}");
    }
}

#[test]
fn what_the_text_allows_for_hb_interval_is_allowed() {
    for text in ["1", "2.0", "1e3", "18446744073709551616", "1e400"] {
        let mut scene = Scene::new();
        scene.came(0, &format!(r#"{{"op":0,"hb_interval":{text}}}"#));
        assert_eq!(scene.rules, [] as [&str; 0], "{text}");
        assert!(scene.oracle.interval(0).is_some());
    }
}

#[test]
fn answers_are_told_apart() {
    let request = r#"{"op":4,"w":"X","a":[],"n":0}"#;
    for (answer, rule) in [
        (r#"{"op":5,"n":null,"r":1}"#, "request.nonce-any"),
        (r#"{"op":5,"n":"0","r":1}"#, "request.nonce-any"),
        (r#"{"op":5,"n":false,"r":1}"#, "request.nonce-any"),
        (r#"{"op":5,"n":0}"#, "response.fields"),
    ] {
        let mut scene = Scene::authenticated();
        scene.sent(1, request).came(2, answer);
        assert_eq!(scene.rules, [rule], "{answer}");
    }
    let mut twice = Scene::authenticated();
    twice
        .sent(1, request)
        .came(2, r#"{"op":5,"n":0,"r":1}"#)
        .came(3, r#"{"op":5,"n":0,"r":1}"#);
    assert_eq!(twice.rules, ["request.response"]);
    let mut dispatched = Scene::authenticated();
    dispatched
        .sent(1, r#"{"op":6,"w":"X","a":[]}"#)
        .came(2, r#"{"op":5,"n":null,"r":1}"#);
    assert_eq!(dispatched.rules, ["dispatch.no-response"]);
    let mut astray = Scene::authenticated();
    let other = astray.oracle.opened("b", astray.t0);
    let (hello, ack, request) = (json(HELLO), json(ACK), json(request));
    let at = astray.t0;
    astray.oracle.received(
        other,
        Received::Packet {
            packet: &hello,
            binary: false,
        },
        at,
    );
    astray.oracle.sent(
        other,
        Sent::Packet {
            packet: &ack,
            size: 30,
        },
        at,
    );
    astray.oracle.sent(
        other,
        Sent::Packet {
            packet: &request,
            size: 30,
        },
        at,
    );
    astray.came(2, r#"{"op":5,"n":0,"r":1}"#);
    assert_eq!(astray.rules, ["response.to-sender"]);
}

#[test]
fn nothing_is_judged_behind_a_send_that_the_text_does_not_plainly_allow() {
    for bent in [
        r#"{"op":1,"password":"secret"}"#,
        r#"{"op":1,"password":"wrong"}"#,
        r#"{"op":7}"#,
        r#"{"op":2.0}"#,
        r#"{"op":2,"x":1}"#,
        r#"{"op":3}"#,
        r#"{"op":4,"w":1,"a":[],"n":1}"#,
        r#"{"op":4,"w":"X","a":{},"n":1}"#,
        r#"{"op":4,"w":"X","a":[]}"#,
        r#"{"op":4,"w":"X","a":[],"n":1e400}"#,
        r#"{"op":4,"w":"X","a":[],"n":"\ud800"}"#,
        r#"{"op":4,"w":"X","a":[],"n":{"a":1,"a":2}}"#,
        r#"{"op":6,"w":"X"}"#,
    ] {
        let mut scene = Scene::authenticated();
        scene.sent(1, bent).came(2, r#"{"op":3}"#).came(2, "[]");
        assert!(!scene.oracle.judges(0), "{bent}");
        assert_eq!(scene.rules, [] as [&str; 0], "{bent}");
    }
    for early in [
        r#"{"op":2}"#,
        r#"{"op":4,"w":"X","a":[],"n":1}"#,
        r#"{"op":6,"w":"X","a":[]}"#,
    ] {
        let mut scene = Scene::new();
        scene.came(0, HELLO).sent(1, early);
        assert!(!scene.oracle.judges(0), "{early}");
    }
    let mut twice_in_flight = Scene::authenticated();
    let request = r#"{"op":4,"w":"X","a":[],"n":1}"#;
    twice_in_flight.sent(1, request).sent(1, request);
    assert!(!twice_in_flight.oracle.judges(0));
}

#[test]
fn a_4003_before_the_interval_breaks_the_timeout_and_later_ones_do_not() {
    let mut early = Scene::authenticated();
    early
        .sent(500, r#"{"op":2}"#)
        .came(501, r#"{"op":3}"#)
        .closed(1200, 4003);
    assert_eq!(early.rules, ["heartbeat.timeout"]);
    let mut late = Scene::authenticated();
    late.sent(500, r#"{"op":2}"#)
        .came(501, r#"{"op":3}"#)
        .closed(1490, 4003);
    assert_eq!(late.rules, [] as [&str; 0]);
    let mut other_code = Scene::authenticated();
    other_code.closed(10, 1001);
    assert_eq!(other_code.rules, [] as [&str; 0]);
}

#[test]
fn at_the_end_missing_acks_and_open_tcp_are_found() {
    let second = Duration::from_secs(1);
    let mut scene = Scene::authenticated();
    scene.sent(0, r#"{"op":2}"#);
    let rules = |scene: &Scene, ms| {
        let found = scene.oracle.finish(0, scene.at(ms), second, second);
        found
            .iter()
            .map(|finding| finding.breach.rule())
            .collect::<Vec<_>>()
    };
    assert_eq!(rules(&scene, 1000), [] as [&str; 0]);
    assert_eq!(rules(&scene, 1001), ["heartbeat.ack"]);
    let mut scene = Scene::authenticated();
    scene.closed(2000, 4003);
    scene.oracle.sent(0, Sent::Close, scene.at(2000));
    assert_eq!(rules(&scene, 3000), [] as [&str; 0]);
    assert_eq!(rules(&scene, 3001), ["close.ends"]);
    scene.heard(Received::End, scene.t0);
    assert_eq!(rules(&scene, 3100), [] as [&str; 0]);
}

/// As [`Scene::authenticated`], in the bidirectional dialect.
fn bidirectional() -> Scene {
    let mut scene = Scene::new();
    scene.oracle = Oracle::new("secret", Dialect::Bidirectional);
    scene.oracle.opened("a", scene.t0);
    scene.came(0, HELLO);
    scene
}

#[test]
fn only_the_dialect_lets_a_server_ask() {
    for packet in [
        r#"{"op":4,"w":"X","a":[],"n":1}"#,
        r#"{"op":6,"w":"X","a":[]}"#,
    ] {
        let mut scene = Scene::authenticated();
        scene.came(1, packet);
        assert_eq!(scene.rules, ["packet.sender"]);
        let mut scene = bidirectional();
        scene.sent(0, ACK).came(1, packet);
        assert_eq!(scene.rules, [] as [&str; 0]);
        assert!(scene.oracle.may_ask(0));
    }
    let mut scene = bidirectional();
    scene.sent(0, ACK).came(1, r#"{"op":2}"#);
    assert_eq!(scene.rules, ["packet.sender"]);
}

#[test]
fn in_the_dialect_a_server_asks_nobody_before_the_right_password() {
    let mut scene = bidirectional();
    scene.came(1, r#"{"op":4,"w":"X","a":[],"n":1}"#);
    scene.came(2, r#"{"op":6,"w":"X","a":[]}"#);
    assert_eq!(scene.rules, ["dialect.bidirectional"; 2]);
    assert!(!scene.oracle.may_ask(0));
    // Another connection's handshake is nothing to this one.
    let mut scene = bidirectional();
    scene.sent(0, ACK);
    let other = scene.oracle.opened("b", scene.t0);
    let packet = json(r#"{"op":6,"w":"X","a":[]}"#);
    let received = Received::Packet {
        packet: &packet,
        binary: false,
    };
    scene.oracle.received(
        other,
        Received::Packet {
            packet: &json(HELLO),
            binary: false,
        },
        scene.t0,
    );
    let found = scene.oracle.received(other, received, scene.t0);
    assert_eq!(found[0].breach.rule(), "dialect.bidirectional");
}

#[test]
fn an_oddly_spelled_password_lets_the_server_ask_too() {
    let mut scene = bidirectional();
    scene.sent(0, r#"{"op":1.0,"password":"\u0073ecret","more":1}"#);
    assert!(scene.oracle.may_ask(0) && !scene.oracle.judges(0));
    let mut scene = bidirectional();
    scene.sent(0, r#"{"op":1,"password":"Secret"}"#);
    assert!(!scene.oracle.may_ask(0));
}

#[test]
fn our_answer_to_a_request_of_the_servers_is_plainly_allowed_and_others_are_not() {
    let mut scene = bidirectional();
    let long = "x".repeat(PLAIN_SIZE);
    scene.sent(0, ACK);
    for nonce in ["1", "null", &format!("{long:?}")] {
        scene.came(1, &format!(r#"{{"op":4,"w":"X","a":[],"n":{nonce}}}"#));
        scene.sent(2, &format!(r#"{{"op":5,"n":{nonce},"r":null}}"#));
        assert!(scene.oracle.judges(0), "{nonce:.9}");
    }
    scene.sent(3, r#"{"op":5,"n":1,"r":null}"#);
    assert!(!scene.oracle.judges(0), "answered twice");
    // Before the handshake it is for the scenario to say what comes of it.
    let mut scene = bidirectional();
    scene.sent(0, r#"{"op":5,"n":1,"r":null}"#);
    assert!(!scene.oracle.judges(0));
    // Under the text alone it is a packet of the other direction.
    let mut scene = Scene::authenticated();
    scene.came(1, r#"{"op":4,"w":"X","a":[],"n":1}"#);
    scene.sent(2, r#"{"op":5,"n":1,"r":null}"#);
    assert!(!scene.oracle.judges(0));
}

#[test]
fn what_is_known_of_a_connection_can_be_asked() {
    let mut scene = Scene::new();
    let known = |scene: &Scene| {
        let oracle = &scene.oracle;
        (oracle.heard(0), oracle.authenticated(0), oracle.interval(0))
    };
    assert_eq!(known(&scene), (false, false, None));
    assert_eq!(scene.oracle.timeout_may_be_right(0, scene.at(5000)), None);
    scene.came(0, HELLO);
    let second = Some(Duration::from_secs(1));
    assert_eq!(known(&scene), (true, false, second));
    let right = |scene: &Scene, ms| scene.oracle.timeout_may_be_right(0, scene.at(ms));
    assert_eq!(right(&scene, 979), Some(false));
    assert_eq!(right(&scene, 980), Some(true));
    scene.sent(0, ACK);
    assert_eq!(known(&scene), (true, true, second));
    let mut wrong = Scene::new();
    wrong
        .came(0, HELLO)
        .sent(0, r#"{"op":1,"password":"Secret"}"#);
    assert_eq!(known(&wrong), (true, false, second));
}

#[test]
fn nothing_is_found_on_a_connection_that_is_to_be_ignored() {
    let mut scene = Scene::authenticated();
    scene.oracle.ignore(0);
    assert!(!scene.oracle.judges(0));
    scene.came(1, "[]").came(2, r#"{"op":3}"#).closed(3, 4003);
    assert_eq!(scene.rules, [] as [&str; 0]);
}

#[test]
fn sixteen_kib_are_plainly_allowed_and_a_byte_more_is_not() {
    for (size, judged) in [(16 * 1024, true), (16 * 1024 + 1, false)] {
        let mut scene = Scene::authenticated();
        let rest = r#"{"op":4,"w":"","a":[],"n":1}"#.len();
        let text = format!(
            r#"{{"op":4,"w":"{}","a":[],"n":1}}"#,
            "x".repeat(size - rest)
        );
        assert_eq!(text.len(), size);
        scene.sent(1, &text);
        assert_eq!(scene.oracle.judges(0), judged, "{size}");
    }
}

#[test]
fn an_answer_that_nobody_asked_for_is_not_taken_for_another_connections() {
    let mut scene = Scene::authenticated();
    scene.oracle.opened("b", scene.t0);
    scene.came(1, r#"{"op":5,"n":7,"r":1}"#);
    assert_eq!(scene.rules, ["request.response"]);
}

#[test]
fn only_a_hello_ack_lets_the_server_ask() {
    let mut scene = bidirectional();
    scene.sent(0, r#"{"op":9,"password":"secret"}"#);
    assert!(!scene.oracle.may_ask(0));
}

#[test]
fn a_value_is_plain_to_a_depth_and_where_nothing_in_it_is_open() {
    let plain = |text: &str, depth| plain_value(&json(text), depth);
    let lists = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let objects = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    for nested in [&lists as &dyn Fn(usize) -> String, &objects] {
        assert!(plain(&nested(PLAIN_DEPTH), PLAIN_DEPTH));
        assert!(!plain(&nested(PLAIN_DEPTH + 1), PLAIN_DEPTH));
        assert!(plain("1", 0) && !plain(&nested(1), 0));
    }
    for (text, expected) in [
        (r#"{"a":1,"b":[true,null,"x"]}"#, true),
        (r#"{"a":1,"b":1e400}"#, false),
        (r#"{"a":1,"\ud800":1}"#, false),
        (r#"{"a":1,"\u0061":2}"#, false),
        (r#"[1,"\udc00"]"#, false),
    ] {
        assert_eq!(plain(text, PLAIN_DEPTH), expected, "{text}");
    }
}

#[test]
fn a_long_value_is_cut_and_says_how_long_it_was() {
    assert_eq!(brief(&json(r#"{"a" : 1}"#)), r#"{"a":1}"#);
    let long = json(&format!("\"{}\"", "é".repeat(200)));
    let shown = brief(&long);
    assert_eq!(shown, format!("\"{}... (402 bytes)", "é".repeat(159)));
    let just = json(&format!("\"{}\"", "é".repeat(158)));
    assert_eq!(brief(&just), just.to_string());
}
