//! Random JSON with holes, patterns and plain values.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::SPAN;
use crate::protocol::json::{Json, Number, Text};
use crate::scenario::print::quoted;
use crate::scenario::syntax::*;

/// A variable that the user gives, or a declared one.
pub(in crate::scenario) fn hole(filtered: bool) -> BoxedStrategy<Hole> {
    let filter = select(Filter::ALL.to_vec());
    let filter = option::of(filter).prop_map(move |filter| filter.filter(|_| filtered));
    (
        select(vec!["f0", "f_1", "password", "request.w", "dispatch.a"]),
        filter,
    )
        .prop_map(|(name, filter)| Hole {
            name: name.to_owned(),
            filter,
            span: SPAN,
        })
        .boxed()
}

/// Joins literals that stand side by side, and drops empty ones.
fn joined(pieces: Vec<Piece>) -> Template {
    let mut joined: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (joined.last_mut(), piece) {
            (_, Piece::Literal(text)) if text.is_empty() => {}
            (Some(Piece::Literal(before)), Piece::Literal(text)) => before.push_str(&text),
            // `$` right in front of a hole cannot be written: it would make the hole a literal.
            (Some(Piece::Literal(before)), hole) => {
                if before.ends_with('$') {
                    before.push(' ');
                }
                joined.push(hole);
            }
            (_, piece) => joined.push(piece),
        }
    }
    Template { pieces: joined }
}

fn literal(text: &str) -> Piece {
    Piece::Literal(text.to_owned())
}

fn characters() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[ -~]{0,6}", 1 => "[$\\{]{0,4}", 1 => any::<String>().prop_map(|text| text.chars().take(6).collect())]
}

pub(in crate::scenario) fn string_template() -> BoxedStrategy<Template> {
    let text = characters().prop_map(|text| {
        let quoted = quoted(&text);
        literal(&quoted[1..quoted.len() - 1])
    });
    let escape = select(vec![r"\ud800", r"\/", r"\u0041", r"\b"]).prop_map(literal);
    let piece = prop_oneof![4 => text, 1 => escape, 1 => hole(true).prop_map(Piece::InString)];
    vec(piece, 0..4)
        .prop_map(|pieces| {
            let quote = || std::iter::once(literal("\""));
            joined(quote().chain(pieces).chain(quote()).collect())
        })
        .boxed()
}

fn number() -> BoxedStrategy<String> {
    prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>()
            .prop_filter("finite", |n| n.is_finite())
            .prop_map(|n| n.to_string()),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?",
    ]
    .boxed()
}

pub(in crate::scenario) fn template() -> BoxedStrategy<Template> {
    let scalar = select(vec!["null", "true", "false"]).prop_map(|word| Template {
        pieces: vec![literal(word)],
    });
    let leaf = prop_oneof![
        scalar,
        number().prop_map(|number| Template {
            pieces: vec![Piece::Literal(number)]
        }),
        string_template(),
        hole(false).prop_map(|hole| Template {
            pieces: vec![Piece::Value(hole)]
        }),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (vec(inner.clone(), 0..4), blanks()).prop_map(|(items, blank)| {
                list(
                    "[",
                    items.into_iter().map(|item| item.pieces).collect(),
                    "]",
                    blank,
                )
            }),
            object_of(inner),
        ]
    })
    .boxed()
}

fn blanks() -> impl Strategy<Value = &'static str> {
    select(vec!["", " ", "  "])
}

pub(in crate::scenario) fn object_template() -> BoxedStrategy<Template> {
    object_of(template())
}

fn object_of(inner: BoxedStrategy<Template>) -> BoxedStrategy<Template> {
    (vec((string_template(), inner), 0..4), blanks())
        .prop_map(|(members, blank)| {
            let member = |(name, value): (Template, Template)| {
                let colon = [literal(blank), literal(":"), literal(blank)];
                name.pieces
                    .into_iter()
                    .chain(colon)
                    .chain(value.pieces)
                    .collect()
            };
            list("{", members.into_iter().map(member).collect(), "}", blank)
        })
        .boxed()
}

fn list(open: &str, items: Vec<Vec<Piece>>, close: &str, blank: &str) -> Template {
    let mut pieces = vec![literal(open), literal(blank)];
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            pieces.extend([literal(blank), literal(","), literal(blank)]);
        }
        pieces.extend(item);
    }
    pieces.extend([literal(blank), literal(close)]);
    joined(pieces)
}

pub(in crate::scenario) fn packet_pattern() -> BoxedStrategy<Pattern> {
    prop_oneof![
        6 => members(any::<bool>(), inner_pattern()),
        1 => select(vec![Pattern::Any, Pattern::Object]),
    ]
    .boxed()
}

pub(in crate::scenario) fn members(
    open: impl Strategy<Value = bool> + 'static,
    inner: BoxedStrategy<Pattern>,
) -> BoxedStrategy<Pattern> {
    let member = (
        prop_oneof![
            select(vec!["op", "n", "r"]).prop_map(str::to_owned),
            characters()
        ],
        inner,
    );
    (open, vec(member, 0..4))
        .prop_map(|(open, mut members)| {
            members.sort_by(|a, b| a.0.cmp(&b.0));
            members.dedup_by(|a, b| a.0 == b.0);
            Pattern::Members { open, members }
        })
        .boxed()
}

pub(in crate::scenario) fn inner_pattern() -> BoxedStrategy<Pattern> {
    let ranged = (range(), any::<bool>()).prop_map(|(range, int)| {
        if int {
            Pattern::Int(range)
        } else {
            Pattern::Number(range)
        }
    });
    let words = vec![
        Pattern::Any,
        Pattern::String,
        Pattern::Bool,
        Pattern::List,
        Pattern::Object,
    ];
    let variable = select(vec!["p0", "p1", "password"]).prop_map(|name| {
        Pattern::Var(Hole {
            name: name.to_owned(),
            filter: None,
            span: SPAN,
        })
    });
    let text = string_template().prop_filter_map("no hole", |template| {
        (template.pieces.len() > 1).then_some(Pattern::Text(template))
    });
    let leaf = prop_oneof![3 => scalar().prop_map(Pattern::Literal), 1 => ranged, 1 => select(words), 1 => variable, 1 => text];
    leaf.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|items| collapse(Pattern::Items(items))),
            members(Just(false), inner).prop_map(collapse),
        ]
    })
    .boxed()
}

/// A pattern without holes is a literal.
fn collapse(pattern: Pattern) -> Pattern {
    let literal = |pattern: &Pattern| match pattern {
        Pattern::Literal(json) => Some(json.clone()),
        _ => None,
    };
    match &pattern {
        Pattern::Items(items) => {
            let items: Option<Vec<Json>> = items.iter().map(literal).collect();
            items.map(Json::Array).map_or(pattern, Pattern::Literal)
        }
        Pattern::Members { members, .. } => {
            let members: Option<Vec<_>> = members
                .iter()
                .map(|(name, value)| Some((Text::from(name.as_str()), literal(value)?)))
                .collect();
            members.map(Json::Object).map_or(pattern, Pattern::Literal)
        }
        _ => pattern,
    }
}

fn parsed_number() -> impl Strategy<Value = Number> {
    number().prop_map(|text| Number::parse(&text).expect("a JSON number"))
}

fn scalar() -> BoxedStrategy<Json> {
    let code_points = vec(
        prop_oneof![any::<char>().prop_map(u32::from), 0xd800..0xe000_u32],
        0..5,
    );
    prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        parsed_number().prop_map(Json::Number),
        characters().prop_map(|text| Json::String(Text::from(text))),
        code_points.prop_map(|points| Json::String(Text::from_code_points(points))),
    ]
    .boxed()
}

fn range() -> impl Strategy<Value = Range> {
    (option::of(parsed_number()), option::of(parsed_number())).prop_map(|(a, b)| match (a, b) {
        (Some(a), Some(b)) if a.cmp_value(&b).is_gt() => Range {
            min: Some(b),
            max: Some(a),
        },
        (min, max) => Range { min, max },
    })
}

/// Any value, small ones often, so that patterns meet what they match.
pub(in crate::scenario) fn json() -> BoxedStrategy<Json> {
    let small = (0..4_u64).prop_map(Json::from);
    prop_oneof![2 => small, 2 => scalar()]
        .prop_recursive(3, 10, 3, |inner| {
            let name = select(vec!["op", "n", "r"]).prop_map(Text::from);
            prop_oneof![
                vec(inner.clone(), 0..3).prop_map(Json::Array),
                vec((name, inner), 0..3).prop_map(Json::Object),
            ]
        })
        .boxed()
}
