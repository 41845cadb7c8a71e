//! Steps: the first line of each, and the blocks below them.

use super::cursor::{Cursor, Line};
use super::words::{HEADER, MAX_REPEAT, STEPS, bound, count, is_name, mark, time, variable};
use super::{MAX_BLOCKS, Parser, finish_line, json, lines, pattern, trim_front};
use crate::scenario::error::Problem;
use crate::scenario::syntax::{Layer, Lead, Mark, Offered, Spanned, Step, StepKind, Time};

/// Words that may stand behind a connection's name.
const PREFIXED: [&str; 5] = ["connect", "use", "beat", "every", "ignore"];
/// The connection that has no name.
const UNNAMED: &str = "a";

/// A step's first line.
enum Head {
    /// The line is all of it.
    Whole(StepKind),
    Together,
    InAnyOrder,
    Either,
    Repeat(u32, Option<String>),
    Every(String, Time, Option<String>),
}

impl Parser<'_> {
    /// The steps of a block whose lines have that many blanks in front.
    pub(super) fn block(&mut self, indent: usize, depth: u32) -> Result<Vec<Step>, Problem> {
        let mut steps = Vec::new();
        while let Some(line) = self.peek() {
            self.indentation(&line, indent)?;
            if line.indent() < indent {
                break;
            }
            steps.push(self.step(&line, depth)?);
        }
        Ok(steps)
    }

    fn step(&mut self, line: &Line, depth: u32) -> Result<Step, Problem> {
        let lead = self.take_lead();
        let mut cur = line.cursor(self.text);
        let from = cur;
        let head = head(&mut cur)?;
        cur.skip_blanks();
        if cur.byte() == Some(b'@') {
            return Err(
                Problem::new(cur.blob().span, "a mark on a line that judges nothing")
                    .hint("marks stand behind `<`, `driver<`, `alive` and `waits differ`"),
            );
        }
        let mut span = from.to(&cur);
        span.end = span.start + cur.since(span.start).trim_end().len();
        let trail = finish_line(&mut cur)?;
        self.next += 1;
        let kind = match head {
            Head::Whole(kind) => kind,
            Head::Together => StepKind::Together {
                steps: self.inner(line, depth)?,
            },
            Head::InAnyOrder => StepKind::InAnyOrder {
                steps: self.inner(line, depth)?,
            },
            Head::Repeat(count, var) => StepKind::Repeat {
                count,
                var,
                steps: self.inner(line, depth)?,
            },
            Head::Every(conn, period, var) => StepKind::Every {
                var,
                conn,
                period,
                steps: self.inner(line, depth)?,
            },
            Head::Either => StepKind::Either {
                branches: self.branches(line, depth)?,
            },
        };
        Ok(Step {
            lead,
            trail,
            span,
            kind,
        })
    }

    /// The block below a line.
    fn inner(&mut self, line: &Line, depth: u32) -> Result<Vec<Step>, Problem> {
        let head = Cursor::to(&line.cursor(self.text), &line.cursor(self.text));
        if depth + 1 > MAX_BLOCKS {
            return Err(Problem::new(
                head,
                format!("blocks nested deeper than {MAX_BLOCKS}"),
            ));
        }
        let indent = line.indent() + 2;
        let mut steps = self.block(indent, depth + 1)?;
        if steps.is_empty() {
            let mut cur = line.cursor(self.text);
            let from = cur;
            cur.skip(cur.rest().len());
            return Err(Problem::new(from.to(&cur), "a block without lines")
                .expected(format!("lines below, indented by {indent} blanks")));
        }
        trim_front(steps.first_mut().map(|step| &mut step.lead));
        Ok(steps)
    }

    /// The branches of `either`; what stands above or behind an `or` goes to the branch's first step.
    fn branches(&mut self, line: &Line, depth: u32) -> Result<Vec<Vec<Step>>, Problem> {
        let mut branches = vec![self.inner(line, depth)?];
        while let Some(next) = self.peek() {
            let mut cur = next.cursor(self.text);
            if next.indent() != line.indent() || !cur.eat_word("or") {
                break;
            }
            if let Some(comment) = finish_line(&mut cur)? {
                self.lead.push(Lead::Comment(comment));
            }
            self.next += 1;
            branches.push(self.inner(&next, depth)?);
        }
        if branches.len() == 1 {
            let mut cur = line.cursor(self.text);
            let from = cur;
            cur.skip(cur.peek_word().len());
            return Err(Problem::new(from.to(&cur), "`either` without `or`"));
        }
        Ok(branches)
    }
}

/// Whether a line can only be a step.
pub(super) fn is_start(cur: &Cursor<'_>) -> bool {
    let mut behind = *cur;
    let word = cur.peek_word();
    behind.skip(word.len());
    if matches!(behind.byte(), Some(b'>' | b'<')) || STEPS.contains(&word) {
        return true;
    }
    behind.skip_blanks();
    !word.is_empty() && PREFIXED.contains(&behind.peek_word())
}

/// A line that begins with a word nobody knows.
pub(super) fn unknown_word(cur: &Cursor<'_>, header: bool) -> Problem {
    let word = cur.peek_word();
    if word.is_empty() {
        return cur.unexpected("a step: `> ..`, `< ..` or a word such as `use`, `wait`, `repeat`");
    }
    let mut behind = *cur;
    behind.skip(word.len());
    let span = cur.to(&behind);
    if !header && HEADER.contains(&word) {
        return Problem::new(span, format!("`{word}` below the first step"))
            .hint("header lines stand above the first step");
    }
    let problem = Problem::new(span, format!("unknown word `{word}`"));
    if lines::is_word(word) {
        return problem.hint(format!(
            "a line begins with an arrow: `> {word}` sends, `< {word}` expects"
        ));
    }
    let header_words = if header { HEADER.as_slice() } else { &[] };
    problem.near(word, header_words.iter().chain(&STEPS).copied())
}

fn head(cur: &mut Cursor<'_>) -> Result<Head, Problem> {
    let from = *cur;
    let word = cur.peek_word();
    cur.skip(word.len());
    if matches!(cur.byte(), Some(b'>' | b'<')) {
        return arrow(&from, cur, word).map(Head::Whole);
    }
    cur.skip_blanks();
    let whole = |kind| Ok(Head::Whole(kind));
    let unnamed = UNNAMED.to_owned();
    match word {
        "use" | "beat" | "every" | "ignore" | "connect" => prefixed(cur, word, unnamed),
        "wait" => whole(StepKind::Wait { time: time(cur)? }),
        "waits" => whole(waits_differ(cur)?),
        "repeat" => repeat(cur),
        "in" => phrase(cur, &["any", "order"]).map(|()| Head::InAnyOrder),
        "either" => Ok(Head::Either),
        "or" => Err(Problem::new(from.here_word(), "`or` without `either`")
            .hint("`or` stands as far left as its `either`, right below its branch")),
        "together" => Ok(Head::Together),
        "driver" => Err(cur.unexpected("an arrow: `driver> {..}` or `driver< {..}`")),
        "offer" => whole(offer(cur)?),
        "alive" => whole(StepKind::Alive { mark: mark(cur)? }),
        _ if PREFIXED.contains(&cur.peek_word()) && !HEADER.contains(&word) => {
            let conn = conn_name(&from)?;
            let verb = cur.peek_word();
            cur.eat_word(verb);
            prefixed(cur, verb, conn)
        }
        _ => Err(unknown_word(&from, false)),
    }
}

/// A line with an arrow; the cursor stands at it, `from` at the name in front of it.
fn arrow(from: &Cursor<'_>, cur: &mut Cursor<'_>, name: &str) -> Result<StepKind, Problem> {
    let sends = cur.byte() == Some(b'>');
    let conn = match name {
        "" => UNNAMED.to_owned(),
        "driver" => String::new(),
        _ => conn_name(from)?,
    };
    cur.bump();
    cur.skip_blanks();
    if name == "driver" {
        return driver(cur, sends);
    }
    if sends {
        return Ok(StepKind::Send {
            conn,
            send: lines::send(cur)?,
        });
    }
    Ok(StepKind::Expect(lines::expectation(cur, conn)?))
}

fn driver(cur: &mut Cursor<'_>, sends: bool) -> Result<StepKind, Problem> {
    if cur.byte() != Some(b'{') && !cur.rest().starts_with("exactly") {
        return Err(cur.unexpected("an object: what the driver is told or tells"));
    }
    if sends {
        return Ok(StepKind::DriverSend {
            packet: json::template(cur)?,
        });
    }
    let pattern = pattern::packet(cur)?;
    Ok(StepKind::DriverExpect {
        pattern,
        bound: bound(cur)?,
        mark: mark(cur)?,
    })
}

/// `extension` or `subprotocol`, and its name.
fn offer(cur: &mut Cursor<'_>) -> Result<StepKind, Problem> {
    let what = Offered::ALL
        .into_iter()
        .find(|what| cur.eat_word(what.word()))
        .ok_or_else(|| cur.unexpected("`extension` or `subprotocol`, and its name"))?;
    cur.skip_blanks();
    // A token of RFC 9110, but for `#`, which begins a comment here.
    let token = |c: char| c.is_ascii_alphanumeric() || "!$%&'*+-.^_`|~".contains(c);
    let name = cur.take_while(token).value;
    if name.is_empty() {
        return Err(cur.unexpected(format!("the {}'s name", what.word())));
    }
    Ok(StepKind::Offer {
        what,
        name: name.to_owned(),
    })
}

fn conn_name(from: &Cursor<'_>) -> Result<String, Problem> {
    let word = from.peek_word();
    let span = from.here_word();
    if STEPS.contains(&word) || HEADER.contains(&word) || lines::is_word(word) {
        return Err(Problem::new(
            span,
            format!("`{word}` cannot name a connection: it is a word of the language"),
        ));
    }
    if !is_name(word) {
        return Err(
            Problem::new(span, format!("`{word}` is no connection's name"))
                .hint("names are lower-case letters, digits and `_`, a letter first"),
        );
    }
    Ok(word.to_owned())
}

/// A line that may have a connection's name in front; the cursor stands behind its word.
fn prefixed(cur: &mut Cursor<'_>, word: &str, conn: String) -> Result<Head, Problem> {
    let kind = match word {
        "use" => use_step(cur, conn)?,
        "beat" if cur.eat_word("off") => StepKind::BeatOff { conn },
        "beat" if cur.eat_word("every") => StepKind::BeatEvery {
            conn,
            period: period(cur)?,
        },
        "beat" => return Err(cur.unexpected("`every` and a time, or `off`")),
        "every" if cur.eat_word("off") => StepKind::EveryOff { conn },
        "every" => {
            let period = period(cur)?;
            return Ok(Head::Every(
                conn,
                period,
                turns_as(cur, "every 0.4hb as $i")?,
            ));
        }
        "ignore" => StepKind::Ignore { conn },
        _ => StepKind::Connect {
            layer: match cur.eat_word("tcp") {
                true => Layer::Tcp,
                false => Layer::WebSocket,
            },
            conn,
        },
    };
    Ok(Head::Whole(kind))
}

/// A time that something is repeated after.
fn period(cur: &mut Cursor<'_>) -> Result<Time, Problem> {
    let from = *cur;
    let time = time(cur)?;
    if time.terms.iter().all(|(value, _)| *value == 0.0) {
        return Err(Problem::new(from.to(cur), "a period of no length"));
    }
    Ok(time)
}

fn use_step(cur: &mut Cursor<'_>, conn: String) -> Result<StepKind, Problem> {
    const EXPECTED: &str = "`handshake` or a file, `./name.scenario`";
    if cur.eat_word("handshake") {
        let hello = if cur.byte() == Some(b'{') {
            Some(json::template(cur)?)
        } else {
            None
        };
        return Ok(StepKind::UseHandshake { conn, hello });
    }
    let path = cur.blob();
    if !path.value.starts_with("./") && !path.value.starts_with("../") {
        let word = cur.peek_word();
        if word.is_empty() {
            return Err(cur.unexpected(EXPECTED));
        }
        let problem =
            Problem::new(path.span, format!("unknown word `{}`", path.value)).expected(EXPECTED);
        return Err(match path.value.ends_with(".scenario") {
            true => problem.hint(format!(
                "a file's path begins with a dot: `./{}`",
                path.value
            )),
            false => problem.near(word, ["handshake"]),
        });
    }
    if conn != UNNAMED {
        return Err(Problem::new(path.span, "a file behind a connection's name")
            .hint("a used file names its connections itself"));
    }
    if !path.value.ends_with(".scenario") || path.value.contains(['\\', '#']) {
        return Err(
            Problem::new(path.span, format!("`{}` is no scenario's path", path.value)).expected(
                "`./`, folders with `/` between them, and a name that ends in `.scenario`",
            ),
        );
    }
    cur.skip(path.value.len());
    let path = Spanned {
        value: path.value.to_owned(),
        span: path.span,
    };
    Ok(StepKind::UseFile {
        path,
        scenario: None,
    })
}

fn repeat(cur: &mut Cursor<'_>) -> Result<Head, Problem> {
    let times = count(cur, "count", 1, MAX_REPEAT)?;
    Ok(Head::Repeat(times, turns_as(cur, "repeat 100 as $i")?))
}

/// ` as $i`, where the turns are counted.
fn turns_as(cur: &mut Cursor<'_>, example: &str) -> Result<Option<String>, Problem> {
    cur.skip_blanks();
    if !cur.eat_word("as") {
        return Ok(None);
    }
    if !cur.eat("$") {
        return Err(cur.unexpected(format!("a variable: `{example}`")));
    }
    let name = variable(cur)?;
    if name.value.contains('.') {
        return Err(Problem::new(
            name.span,
            format!("`{}` cannot be bound: it has a dot", name.value),
        ));
    }
    Ok(Some(name.value))
}

fn waits_differ(cur: &mut Cursor<'_>) -> Result<StepKind, Problem> {
    phrase(cur, &["differ", "by"])?;
    let by = time(cur)?;
    let mark: Option<Mark> = mark(cur)?;
    Ok(StepKind::WaitsDiffer { by, mark })
}

fn phrase(cur: &mut Cursor<'_>, words: &[&str]) -> Result<(), Problem> {
    match words.iter().find(|word| !cur.eat_word(word)) {
        None => Ok(()),
        Some(word) => Err(cur.unexpected(format!("`{word}`"))),
    }
}
