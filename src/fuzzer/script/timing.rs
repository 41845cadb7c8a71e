//! Lines of a case that wait: silence, heartbeats in time, timeouts, frames in pieces.

use super::super::moves::{Conn, Traffic};
use super::super::nasty::Class;
use super::{Misfit, State, Writer};

/// A heartbeat as a client's frame.
const HEARTBEAT_FRAME: [u8; 14] = [
    0x81, 0x88, 0x37, 0xfa, 0x21, 0x3d, 0x4c, 0xd8, 0x4e, 0x4d, 0x15, 0xc0, 0x13, 0x40,
];

impl Writer<'_> {
    /// Lets so much time pass: whoever is in and would starve gets HEARTBEATs in the background.
    pub(super) fn afford(&mut self, wait_ms: f64, but: Option<Conn>) -> Result<(), Misfit> {
        if self.model.keeps_strangers_waiting(wait_ms) {
            return Err(Misfit("a stranger would be kept waiting"));
        }
        for conn in self.model.starving(wait_ms) {
            if Some(conn) != but {
                self.collect(conn);
                self.line(&format!("{} beat every 0.5hb", conn.prefix()));
                self.model.of_mut(conn).beating = true;
            }
        }
        self.model.wait(wait_ms);
        self.waits_ms += wait_ms;
        Ok(())
    }

    pub(super) fn quiet(&mut self, conn: Conn, ms: u32) -> Result<(), Misfit> {
        if self.model.of(conn).state == State::Greeted {
            return self.quiet_stranger(conn, ms);
        }
        self.needs(conn, State::In)?;
        self.collect(conn);
        self.afford(f64::from(ms), None)?;
        self.expect(conn, &format!("nothing for {ms}ms"), "auth.accept");
        Ok(())
    }

    pub(super) fn settle(&mut self, ms: u32) -> Result<(), Misfit> {
        for conn in self.model.in_state(State::Unjudged).collect::<Vec<_>>() {
            self.note(conn, State::Unjudged, "HEARTBEAT", None);
            self.send(conn, "{\"op\": 2}");
        }
        for conn in self.model.in_state(State::In).collect::<Vec<_>>() {
            self.collect(conn);
        }
        self.pause(ms)
    }

    /// Nothing is done for so many milliseconds.
    pub(super) fn pause(&mut self, ms: u32) -> Result<(), Misfit> {
        self.afford(f64::from(ms), None)?;
        self.line(&format!("wait {ms}ms"));
        Ok(())
    }

    /// Whoever has not authenticated hears nothing more; how long it may stay is open.
    fn quiet_stranger(&mut self, conn: Conn, ms: u32) -> Result<(), Misfit> {
        self.model.of_mut(conn).state = State::Unjudged;
        self.afford(f64::from(ms), None)?;
        self.one_of(
            conn,
            &[&format!("nothing for {ms}ms"), "closed"],
            None,
            "hello.once",
        );
        Ok(())
    }

    pub(super) fn trickle(
        &mut self,
        conn: Conn,
        cuts: &[usize],
        pause_ms: u32,
    ) -> Result<(), Misfit> {
        self.needs(conn, State::In)?;
        if self.model.of(conn).beating {
            return Err(Misfit("a heartbeat of the background would tear the frame"));
        }
        self.collect(conn);
        let total = f64::from(pause_ms) * cuts.len() as f64;
        self.afford(total, Some(conn))?;
        let mut from = 0;
        for cut in cuts.iter().copied().chain([HEARTBEAT_FRAME.len()]) {
            if cut <= from || cut > HEARTBEAT_FRAME.len() {
                return Err(Misfit("the cuts are not in order"));
            }
            if from > 0 {
                self.line(&format!("wait {pause_ms}ms"));
            }
            self.note(conn, State::In, "HEARTBEAT", Some(Class::Frame));
            let piece = super::super::nasty::hex(&HEARTBEAT_FRAME[from..cut]);
            self.send(conn, &format!("raw {piece}"));
            from = cut;
        }
        self.model.of_mut(conn).acks += 1;
        self.model.beat(conn);
        self.collect(conn);
        // Behind raw bytes the watch judges nothing; the lines still do.
        Ok(())
    }

    pub(super) fn time_out(
        &mut self,
        conn: Conn,
        beats: u32,
        traffic: Traffic,
        prompt: bool,
    ) -> Result<(), Misfit> {
        self.needs(conn, State::In)?;
        self.collect(conn);
        let gaps = 0.3 * f64::from(beats);
        let longest = self.model.intervals(4.0 + gaps);
        self.afford(longest, Some(conn))?;
        let was_beating = self.model.of(conn).beating;
        if was_beating {
            self.line(&format!("{} beat off", conn.prefix()));
            self.model.of_mut(conn).beating = false;
        }
        // The silence begins at a heartbeat of which we know when it went out.
        let beats = beats.max(u32::from(was_beating));
        if beats > 1 {
            self.line(&format!("repeat {beats}"));
            self.depth += 1;
            self.expect(conn, "nothing for 0.3hb", "heartbeat.keeps-alive");
        }
        if beats > 0 {
            self.send(conn, "{\"op\": 2}");
            self.expect(conn, "{\"op\": 3}", "heartbeat.ack");
        }
        self.depth = 0;
        for _ in 0..beats {
            self.note(conn, State::In, "HEARTBEAT", None);
        }
        self.traffic(conn, traffic, "0.6hb")?;
        let (bound, rule) = match (traffic, prompt) {
            (_, true) => ("..2hb+grace", "heartbeat.prompt"),
            (Traffic::Silence, false) => ("1hb..4hb+grace", "heartbeat.timeout"),
            (_, false) => ("..4hb+grace", "heartbeat.only-heartbeats"),
        };
        self.expect(conn, &format!("close 4003 within {bound}"), rule);
        self.model.of_mut(conn).state = State::Over;
        self.model.of_mut(conn).closing = true;
        Ok(())
    }

    pub(super) fn keep(&mut self, conn: Conn, tenths: u32, traffic: Traffic) -> Result<(), Misfit> {
        self.needs(conn, State::In)?;
        self.collect(conn);
        let intervals = f64::from(tenths) / 10.0;
        let wait = self.model.intervals(intervals);
        self.afford(wait, Some(conn))?;
        if !self.model.of(conn).beating {
            self.line(&format!("{} beat every 0.8hb", conn.prefix()));
            self.model.of_mut(conn).beating = true;
        }
        self.traffic(conn, traffic, "0.4hb")?;
        self.expect(
            conn,
            &format!("nothing for {intervals}hb"),
            "heartbeat.keeps-alive",
        );
        if traffic != Traffic::Silence {
            self.line(&format!("{} every off", conn.prefix()));
        }
        Ok(())
    }

    fn traffic(&mut self, conn: Conn, traffic: Traffic, period: &str) -> Result<(), Misfit> {
        let send = match traffic {
            Traffic::Silence => return Ok(()),
            Traffic::Pings => "ping".to_owned(),
            Traffic::Dispatches if !self.facts.takes_dispatches => {
                return Err(Misfit("the target takes no dispatches"));
            }
            Traffic::Dispatches => {
                let (w, a) = &self.facts.dispatch;
                format!("{{\"op\": 6, \"w\": {w}, \"a\": {a}}}")
            }
            Traffic::Requests => {
                let Some((w, a)) = self.facts.requests.first() else {
                    return Err(Misfit("no request is known"));
                };
                format!("{{\"op\": 4, \"w\": {w}, \"a\": {a}, \"n\": $i}}")
            }
        };
        self.line(&format!("{} every {period} as $i", conn.prefix()));
        self.depth += 1;
        self.send(conn, &send);
        self.depth -= 1;
        Ok(())
    }
}
