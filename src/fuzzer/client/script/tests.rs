use std::sync::Arc;

use super::super::coverage::Coverage;
use super::super::generate::Generator;
use super::*;
use crate::scenario::parse;
use crate::scenario::syntax::{Origin, Source};

#[test]
fn what_is_made_up_is_scenario_text() {
    for driven in [true, false] {
        let facts = Facts {
            driven,
            interval_ms: 1000,
            answer_within_ms: 5000,
        };
        let mut generator = Generator::new(&facts, 1);
        for _ in 0..2000 {
            let case = generator.next(&Coverage::default());
            let head = Head {
                title: "t".to_owned(),
                rule: "client.reconnects".to_owned(),
                ..Head::default()
            };
            let script = write(&case, &facts, &head).expect("a case that was made up");
            let source = Source {
                path: "case".to_owned(),
                origin: Origin::Embedded,
                text: script.text.clone(),
            };
            if let Err(error) = parse("client/case", Arc::new(source)) {
                panic!("{error}\n{}", script.text);
            }
        }
    }
}

#[test]
fn what_cannot_be_made_where_it_stands_is_no_case() {
    let facts = Facts {
        driven: true,
        interval_ms: 1000,
        answer_within_ms: 5000,
    };
    for moves in [
        vec![Move::End(End::Reset)],
        vec![Move::WaitsDiffer],
        vec![Move::Answer {
            which: vec![0],
            results: Vec::new(),
            spelling: Spelling::Plain,
            together: false,
            again: false,
        }],
        vec![],
    ] {
        assert!(write(&Case { moves }, &facts, &Head::default()).is_err());
    }
}
