//! Packet decode, side by side in one run over one mix of packets. Criterion measures each reader;
//! at the end an interleaved comparison prints the ratios, which noise of the machine hits alike.
//!
//! "Raw members" for the derived struct are sonic-rs's `LazyValue`: serde_json's `RawValue` would
//! need its feature `raw_value`, which must not be on where the library is built or tested. The
//! derived struct that serde_json reads therefore skips those members, which is less work than
//! keeping them.

#![expect(clippy::print_stdout, reason = "the ratios are for people to read")]

use std::borrow::Cow;
use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, Throughput};
use litespec::protocol::codec;
use serde::Deserialize;
use serde::de::IgnoredAny;

type Reader = fn(&[u8]) -> bool;

const READERS: [(&str, Reader); 6] = [
    ("litespec codec::decode", |bytes| {
        codec::decode(black_box(bytes)).map(black_box).is_ok()
    }),
    ("from_utf8 + serde_json IgnoredAny", |bytes| {
        let text = std::str::from_utf8(black_box(bytes)).expect("the mix is UTF-8");
        serde_json::from_str::<IgnoredAny>(text)
            .map(black_box)
            .is_ok()
    }),
    ("serde_json Value", |bytes| {
        serde_json::from_slice::<serde_json::Value>(black_box(bytes))
            .map(black_box)
            .is_ok()
    }),
    ("serde_json derive, raw members skipped", |bytes| {
        serde_json::from_slice::<Derived<'_, IgnoredAny>>(black_box(bytes))
            .map(black_box)
            .is_ok()
    }),
    ("sonic-rs derive, raw members kept", |bytes| {
        sonic_rs::from_slice::<Derived<'_, sonic_rs::LazyValue<'_>>>(black_box(bytes))
            .map(black_box)
            .is_ok()
    }),
    ("sonic-rs Value", |bytes| {
        sonic_rs::from_slice::<sonic_rs::Value>(black_box(bytes))
            .map(black_box)
            .is_ok()
    }),
];

/// What one would write without a codec of one's own.
#[derive(Deserialize)]
#[expect(dead_code, reason = "read for its cost")]
struct Derived<'a, Raw> {
    op: u8,
    #[serde(borrow)]
    w: Option<Cow<'a, str>>,
    a: Option<Raw>,
    n: Option<Raw>,
    r: Option<Raw>,
    #[serde(borrow)]
    password: Option<Cow<'a, str>>,
    hb_interval: Option<u64>,
}

/// 40 % heartbeats, 40 % small requests, 10 % responses of 1 KiB, 10 % dispatches; half of each as
/// JavaScript spells JSON and half as Python does, shuffled by a fixed seed.
fn mix() -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    for index in 0..400u32 {
        let (comma, colon) = if index % 2 == 0 {
            (",", ":")
        } else {
            (", ", ": ")
        };
        packets.push(format!(r#"{{"op"{colon}2}}"#));
        packets.push(format!(
            r#"{{"op"{colon}4{comma}"w"{colon}"GET_USER"{comma}"a"{colon}["{}"{comma}true]{comma}"n"{colon}{index}}}"#,
            162_819_866_682_851_329u64 + u64::from(index),
        ));
        if index % 4 == 0 {
            packets.push(response(index, comma, colon));
            packets.push(format!(
                r#"{{"op"{colon}6{comma}"w"{colon}"DISPATCH_EVENT"{comma}"a"{colon}["guild"{comma}{index}{comma}{{"type"{colon}"TYPING_START"{comma}"ok"{colon}true}}]}}"#
            ));
        }
    }
    let mut packets: Vec<_> = packets.into_iter().map(String::into_bytes).collect();
    fastrand::Rng::with_seed(4).shuffle(&mut packets);
    packets
}

/// A list of users, about 1 KiB of it, one name in four beyond ASCII.
fn response(index: u32, comma: &str, colon: &str) -> String {
    let names = ["luna", "jake", "ana maria", "Zoë Ñandú"];
    let mut users = String::new();
    for user in 0u32.. {
        users.push_str(&format!(
            r#"{{"id"{colon}"{}"{comma}"username"{colon}"{}"{comma}"discriminator"{colon}"{:04}"{comma}"bot"{colon}false{comma}"avatar"{colon}null{comma}"flags"{colon}{}}}"#,
            162_819_866_682_851_329u64 + u64::from(index * 100 + user),
            names[user as usize % names.len()],
            index * 7 + user,
            index + user,
        ));
        if users.len() > 900 {
            break;
        }
        users.push_str(comma);
    }
    format!(r#"{{"op"{colon}5{comma}"n"{colon}{index}{comma}"r"{colon}[{users}]}}"#)
}

fn read_all(reader: Reader, packets: &[Vec<u8>]) {
    for packet in packets {
        assert!(reader(packet), "every packet of the mix is right");
    }
}

fn each_by_itself(criterion: &mut Criterion, packets: &[Vec<u8>]) {
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(packets.len() as u64));
    for (name, reader) in READERS {
        group.bench_function(name, |bencher| bencher.iter(|| read_all(reader, packets)));
    }
    group.finish();
}

/// Nanoseconds a packet of each reader: every reader in turn, many short rounds, then the lower
/// decile. Other work on the machine only ever adds time, and more to the readers that take longer,
/// so that medians would flatter us.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn interleaved(packets: &[Vec<u8>], rounds: usize) -> [f64; READERS.len()] {
    let mut times = [const { Vec::new() }; READERS.len()];
    for _ in 0..rounds {
        for ((_, reader), times) in READERS.iter().zip(&mut times) {
            let start = Instant::now();
            read_all(*reader, packets);
            times.push(start.elapsed());
        }
    }
    times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 10].as_secs_f64() * 1e9 / packets.len() as f64
    })
}

fn print_ratios(packets: &[Vec<u8>]) {
    let mean = |packets: &[Vec<u8>]| packets.iter().map(Vec::len).sum::<usize>() / packets.len();
    println!(
        "\nInterleaved over {} packets, mean {} bytes:",
        packets.len(),
        mean(packets)
    );
    let deciles = interleaved(packets, 1500);
    for ((name, _), decile) in READERS.iter().zip(deciles) {
        println!(
            "  {name:40} {decile:7.1} ns a packet; litespec takes {:.3} of it",
            deciles[0] / decile
        );
    }
    println!("By kind, litespec's part of from_utf8 + IgnoredAny and of Value:");
    for kind in ["2", "4", "5", "6"] {
        let is_kind = |packet: &&Vec<u8>| {
            packet.iter().find(|byte| byte.is_ascii_digit()) == kind.as_bytes().first()
        };
        let some: Vec<_> = packets.iter().filter(is_kind).cloned().collect();
        let [ours, validation, value, ..] = interleaved(&some, 500);
        println!(
            "  op {kind}, mean {:4} bytes: {ours:6.1} ns, {:.3}, {:.3}",
            mean(&some),
            ours / validation,
            ours / value
        );
    }
    println!(
        "Goal: at most 0.8 of from_utf8 + IgnoredAny: {:.3}; at least 4.5 times faster than Value: {:.2}",
        deciles[0] / deciles[1],
        deciles[2] / deciles[0]
    );
}

fn main() {
    let packets = mix();
    let mut criterion = Criterion::default().configure_from_args();
    each_by_itself(&mut criterion, &packets);
    criterion.final_summary();
    print_ratios(&packets);
}
