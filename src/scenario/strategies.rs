//! Random scenarios for property tests: every construct, always one that the parser takes.

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use std::sync::Arc;

mod values;

use self::values::{hole, members, object_template, packet_pattern, string_template, template};
pub(super) use self::values::{inner_pattern, json};
use super::syntax::*;
use crate::protocol::rules::{self, Level};

const SPAN: Span = Span {
    line: 0,
    column: 0,
    start: 0,
    end: 0,
};
const CONNS: [&str; 3] = ["a", "b", "other_2"];

fn spanned<T>(value: T) -> Spanned<T> {
    Spanned { value, span: SPAN }
}

/// A whole scenario.
pub(super) fn scenario() -> impl Strategy<Value = Scenario> {
    (header(), vec(step(3), 1..6), leads()).prop_map(|(header, steps, tail)| {
        let connect = |conn: &&str| Step {
            lead: Vec::new(),
            trail: None,
            span: SPAN,
            kind: StepKind::Connect {
                conn: (*conn).to_owned(),
                layer: Layer::WebSocket,
            },
        };
        let steps = CONNS[1..].iter().map(connect).chain(steps).collect();
        let source = Source {
            path: "own/x.scenario".to_owned(),
            origin: Origin::File,
            text: String::new(),
        };
        let tail = tail
            .into_iter()
            .rev()
            .skip_while(|lead| *lead == Lead::Blank)
            .collect::<Vec<_>>();
        let tail = tail.into_iter().rev().collect();
        Scenario {
            id: "own/x".to_owned(),
            source: Arc::new(source),
            header,
            steps,
            tail,
        }
    })
}

fn header() -> impl Strategy<Value = Header> {
    let title = "[!-~äßλ本]([ -~äßλ本]{0,40}[!-~äßλ本])?";
    let id = "[a-z][a-z0-9-]{0,8}(/[a-z][a-z0-9_-]{0,8}){0,2}";
    (
        (
            leads(),
            title,
            btree_set(
                select(rules::all()).prop_map(|rule| rule.id.to_owned()),
                1..4,
            ),
        ),
        (
            option::of(id),
            any::<bool>(),
            any::<(bool, bool, bool)>(),
            option::of(each()),
        ),
        (
            option::of(select(vec![Level::Must, Level::Should, Level::Open])),
            btree_set(id, 0..3),
        ),
    )
        .prop_map(
            |((lead, title, rules), (control, hostile, (pong, close, ack), each), (level, was))| {
                let own = level.map(|_| spanned("x.of-mine".to_owned()));
                Header {
                    lead: first_lead(lead),
                    title: spanned(title),
                    rules: rules.into_iter().map(spanned).chain(own).collect(),
                    control: control.map(spanned),
                    hostile,
                    manual: Manual { pong, close, ack },
                    each,
                    level: level.map(spanned),
                    was: was.into_iter().map(spanned).collect(),
                }
            },
        )
}

fn each() -> impl Strategy<Value = Each> {
    let values = vec(template().prop_map(spanned), 1..5).prop_map(|values| Each {
        name: "e".to_owned(),
        span: SPAN,
        values: Some(values),
    });
    prop_oneof![
        5 => values,
        1 => Just(Each { name: "request".to_owned(), span: SPAN, values: None }),
    ]
}

fn comment() -> impl Strategy<Value = String> {
    "[ -~äß]{0,20}".prop_map(|text| text.trim_end().to_owned())
}

/// Comments and blank lines, of these never two in a row.
fn leads() -> impl Strategy<Value = Vec<Lead>> {
    let lead = prop_oneof![Just(Lead::Blank), comment().prop_map(Lead::Comment)];
    prop_oneof![3 => Just(Vec::new()), 1 => vec(lead, 0..4)].prop_map(|mut leads| {
        leads.dedup_by(|a, b| *a == Lead::Blank && *b == Lead::Blank);
        leads
    })
}

fn first_lead(lead: Vec<Lead>) -> Vec<Lead> {
    lead.into_iter()
        .skip_while(|lead| *lead == Lead::Blank)
        .collect()
}

/// A block: above its first line stands no blank one.
fn block(steps: Vec<Step>) -> Vec<Step> {
    let mut steps = steps;
    if let Some(first) = steps.first_mut() {
        first.lead = first_lead(std::mem::take(&mut first.lead));
    }
    steps
}

fn with_lead(kind: impl Strategy<Value = StepKind>) -> impl Strategy<Value = Step> {
    (leads(), option::weighted(0.2, comment()), kind).prop_map(|(lead, trail, kind)| Step {
        lead,
        trail,
        span: SPAN,
        kind,
    })
}

fn step(depth: u32) -> BoxedStrategy<Step> {
    if depth == 0 {
        return with_lead(prop_oneof![simple(), send_step(), expect_step()]).boxed();
    }
    with_lead(prop_oneof![
        4 => simple(),
        4 => send_step(),
        4 => expect_step(),
        1 => one_conn_sends(depth).prop_map(|(_, steps)| StepKind::Together { steps }),
        1 => (one_conn_sends(depth), time(), any::<bool>()).prop_map(move |((conn, steps), period, named)| {
            let var = named.then(|| format!("round{depth}"));
            StepKind::Every { conn, period, var, steps }
        }),
        1 => repeat(depth, vec(step(depth - 1), 1..4).boxed()),
        1 => vec(any_order_step(depth - 1), 1..4).prop_map(|steps| StepKind::InAnyOrder { steps: block(steps) }),
        1 => either(depth),
    ])
    .boxed()
}

fn repeat(depth: u32, steps: BoxedStrategy<Vec<Step>>) -> BoxedStrategy<StepKind> {
    (1..200_u32, any::<bool>(), steps)
        .prop_map(move |(count, named, steps)| StepKind::Repeat {
            count,
            var: named.then(|| format!("i{depth}")),
            steps: block(steps),
        })
        .boxed()
}

/// Sends over one connection that may stand in `together` and `every`.
fn one_conn_sends(depth: u32) -> BoxedStrategy<(ConnName, Vec<Step>)> {
    let bytes = (leads(), send()).prop_filter_map("no bytes", |(lead, send)| match send {
        Send::Eof | Send::Reset | Send::Http(_) => None,
        send => Some((lead, send)),
    });
    (conn(), vec(bytes, 1..4), any::<bool>())
        .prop_map(move |(conn, sends, repeated)| {
            let step = |(lead, send)| {
                let kind = StepKind::Send {
                    conn: conn.clone(),
                    send,
                };
                Step {
                    lead,
                    trail: None,
                    span: SPAN,
                    kind,
                }
            };
            let steps = block(sends.into_iter().map(step).collect());
            if !repeated {
                return (conn, steps);
            }
            let kind = StepKind::Repeat {
                count: 3,
                var: Some(format!("i{depth}")),
                steps,
            };
            (
                conn,
                vec![Step {
                    lead: Vec::new(),
                    trail: None,
                    span: SPAN,
                    kind,
                }],
            )
        })
        .boxed()
}

fn any_order_step(depth: u32) -> BoxedStrategy<Step> {
    let expect = expectation().prop_filter_map("waits", |expectation| match expectation.what {
        Expect::Nothing(_) | Expect::Probe(_) | Expect::Connects => None,
        _ => Some(StepKind::Expect(expectation)),
    });
    if depth == 0 {
        return with_lead(expect).boxed();
    }
    with_lead(
        prop_oneof![3 => expect, 1 => repeat(depth, vec(any_order_step(depth - 1), 1..3).boxed())],
    )
    .boxed()
}

/// Branches told apart by close codes; the first may begin with any packet.
fn either(depth: u32) -> BoxedStrategy<StepKind> {
    let rest = || (leads(), vec(step(depth - 1), 0..3));
    (option::of(packet_pattern()), vec(rest(), 2..4))
        .prop_map(|(packet, branches)| {
            let mut packet = packet.map(Expect::Packet);
            let branch = |(index, (lead, steps)): (usize, (Vec<Lead>, Vec<Step>))| {
                let what = packet
                    .take()
                    .unwrap_or(Expect::Close(Some(4000 + index as u16)));
                let first = Expectation {
                    conn: "a".to_owned(),
                    what,
                    bound: None,
                    mark: None,
                };
                let first = Step {
                    lead,
                    trail: None,
                    span: SPAN,
                    kind: StepKind::Expect(first),
                };
                block(std::iter::once(first).chain(steps).collect())
            };
            StepKind::Either {
                branches: branches.into_iter().enumerate().map(branch).collect(),
            }
        })
        .boxed()
}

fn simple() -> BoxedStrategy<StepKind> {
    let used = Just(StepKind::UseFile {
        path: spanned("./sub/x.scenario".to_owned()),
        scenario: None,
    });
    prop_oneof![
        conn().prop_map(|conn| StepKind::Connect {
            conn,
            layer: Layer::WebSocket
        }),
        // Of a name that no other line has.
        Just(StepKind::Connect {
            conn: "door".to_owned(),
            layer: Layer::Tcp
        }),
        (conn(), option::of(object_template()))
            .prop_map(|(conn, hello)| StepKind::UseHandshake { conn, hello }),
        used,
        time().prop_map(|time| StepKind::Wait { time }),
        (conn(), time()).prop_map(|(conn, period)| StepKind::BeatEvery { conn, period }),
        conn().prop_map(|conn| StepKind::BeatOff { conn }),
        conn().prop_map(|conn| StepKind::EveryOff { conn }),
        conn().prop_map(|conn| StepKind::Ignore { conn }),
        mark().prop_map(|mark| StepKind::Alive { mark }),
        (select(Offered::ALL.as_slice()), "[a-z][a-z0-9.-]{0,8}")
            .prop_map(|(what, name)| StepKind::Offer { what, name }),
        (time(), mark()).prop_map(|(by, mark)| StepKind::WaitsDiffer { by, mark }),
        object_template().prop_map(|packet| StepKind::DriverSend { packet }),
        (members(any::<bool>(), inner_pattern()), bound(), mark()).prop_map(
            |(pattern, bound, mark)| StepKind::DriverExpect {
                pattern,
                bound,
                mark
            }
        ),
    ]
    .boxed()
}

fn conn() -> impl Strategy<Value = ConnName> {
    select(CONNS.as_slice()).prop_map(str::to_owned)
}

fn send_step() -> impl Strategy<Value = StepKind> {
    (conn(), send()).prop_map(|(conn, send)| StepKind::Send { conn, send })
}

fn send() -> BoxedStrategy<Send> {
    prop_oneof![
        4 => template().prop_map(Send::Packet),
        1 => payload().prop_map(Send::Text),
        1 => payload().prop_map(Send::Binary),
        1 => payload().prop_map(Send::Raw),
        1 => payload().prop_map(Send::Fragments),
        1 => option::of(payload()).prop_map(Send::Ping),
        1 => option::of(payload()).prop_map(Send::Pong),
        1 => Just(Send::Close { code: None, reason: None }),
        1 => (any::<u16>(), option::of(payload())).prop_map(|(code, reason)| Send::Close { code: Some(code), reason }),
        1 => select(vec![Send::Eof, Send::Reset, Send::Http(503)]),
    ]
    .boxed()
}

fn expect_step() -> impl Strategy<Value = StepKind> {
    expectation().prop_map(StepKind::Expect)
}

fn expectation() -> BoxedStrategy<Expectation> {
    let what = prop_oneof![
        6 => packet_pattern().prop_map(Expect::Packet),
        1 => payload().prop_map(Expect::Text),
        1 => payload().prop_map(Expect::Binary),
        1 => option::of(payload()).prop_map(Expect::Ping),
        1 => option::of(payload()).prop_map(Expect::Pong),
        2 => option::of(any::<u16>()).prop_map(Expect::Close),
        1 => select(vec![Expect::Closed, Expect::Connects]),
        1 => time().prop_map(Expect::Nothing),
        1 => time().prop_map(Expect::Probe),
    ];
    (conn(), what, bound(), mark())
        .prop_map(|(conn, what, bound, mark)| {
            let own_time = matches!(what, Expect::Nothing(_) | Expect::Probe(_));
            Expectation {
                conn,
                what,
                bound: bound.filter(|_| !own_time),
                mark,
            }
        })
        .boxed()
}

fn mark() -> impl Strategy<Value = Option<Mark>> {
    let partly_should: Vec<_> = rules::all()
        .iter()
        .filter(|rule| rule.should.is_some())
        .copied()
        .collect();
    let mark = (
        prop_oneof![select(rules::all()), select(partly_should)],
        any::<bool>(),
    )
        .prop_map(|(rule, should)| Mark {
            rule: rule.id.to_owned(),
            should: should && rule.should.is_some(),
            span: SPAN,
        });
    option::weighted(0.3, mark)
}

fn time() -> impl Strategy<Value = Time> {
    let number = prop_oneof![
        (1..5000_u32).prop_map(f64::from),
        (1..5_000_000_u32).prop_map(|n| f64::from(n) / 1000.0)
    ];
    let term = prop_oneof![
        4 => (number, select(vec![Unit::Hb, Unit::Ms, Unit::S])),
        1 => Just((1.0, Unit::Grace)),
    ];
    vec(term, 1..4).prop_map(|terms| Time { terms })
}

fn bound() -> impl Strategy<Value = Option<Bound>> {
    (time(), time(), 0..6).prop_map(|(min, more, shape)| {
        let max = Time {
            terms: min.terms.iter().chain(&more.terms).copied().collect(),
        };
        let (min, max) = match shape {
            0 => (Some(min), Some(max)),
            1 => (Some(min), None),
            2 => (None, Some(max)),
            _ => return None,
        };
        Some(Bound {
            min,
            max,
            span: SPAN,
        })
    })
}

fn payload() -> BoxedStrategy<Payload> {
    let bytes = prop_oneof![
        3 => string_template().prop_map(PayloadBytes::Text),
        2 => vec(any::<u8>(), 1..9).prop_map(PayloadBytes::Hex),
        1 => hole(false).prop_map(PayloadBytes::Var),
    ];
    let part =
        (bytes, prop_oneof![3 => Just(1), 1 => 1..100_000_u32]).prop_map(|(bytes, times)| {
            PayloadPart {
                bytes,
                times,
                span: SPAN,
            }
        });
    vec(part, 1..4).prop_map(|parts| Payload { parts }).boxed()
}
