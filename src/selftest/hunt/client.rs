//! The fuzzer against a client of the zoo.

use std::sync::Arc;

use super::{Hunt, HuntTerms, on_virtual_time};
use crate::fuzzer::campaign::Terms;
use crate::fuzzer::client::campaign;
use crate::fuzzer::client::script::{Facts, millis};
use crate::runner::{self, NotOpened, Options};
use crate::scenario::syntax::Role;
use crate::selftest::examine::PASSWORD;
use crate::selftest::guests::Kept;
use crate::zoo::client::Member;

/// Hunts in a runtime of its own whose clock is virtual: at most so many cases, or so much virtual time.
pub fn hunt_client(member: &'static Member, terms: HuntTerms) -> Hunt {
    let mut hunt = Hunt::new(member.name, member.rule);
    on_virtual_time(&mut hunt, |hunt| {
        Box::pin(campaign_against(member, terms, hunt))
    });
    hunt
}

async fn campaign_against(member: &'static Member, hunted: HuntTerms, hunt: &mut Hunt) {
    let guests = Arc::new(Kept {
        member,
        password: PASSWORD,
    });
    let options = Options {
        role: Role::Client,
        password: PASSWORD.to_owned(),
        hb_interval: hunted.interval,
        ..Options::default()
    };
    let opening = match runner::open_client(&options, &*guests).await {
        Ok(opening) => opening,
        Err(NotOpened::CouldNotRun(why, _) | NotOpened::Failed(why)) => {
            hunt.ended = Some(why);
            return;
        }
    };
    let facts = Facts {
        driven: opening.driven,
        interval_ms: millis(hunted.interval),
        answer_within_ms: millis(options.answer_within.min(campaign::IMPATIENT)),
    };
    let terms = Terms {
        cases: Some(hunted.cases),
        time: hunted.time,
        connections: 8,
        first: true,
        shrink_time: campaign::SHRINK_TIME,
        ..Terms::default()
    };
    let never = std::future::pending();
    let (settings, patience) = (opening.settings.clone(), options.patience);
    let on_event = &mut |_: crate::fuzzer::campaign::Event<'_>| {};
    let outcome = campaign::run(settings, guests, &facts, patience, &terms, never, on_event).await;
    hunt.came_to(outcome);
}
