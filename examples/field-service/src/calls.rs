//! Calls and what was said in them: `vapi_calls`, `call_logs`.

use crate::Error;
use crate::copy::{Loader, Table};
use crate::dialogue::{self, summary};
use crate::directory::{bot, org_id};
use crate::random::{Random, Stream};
use crate::rhythm::SECOND;
use crate::world::{RINGS_MAX, World};

/// Loads the calls, then their transcripts.
pub(crate) async fn load(loader: &mut Loader<'_>, world: &World) -> Result<(), Error> {
    load_calls(loader, world).await?;
    load_logs(loader, world).await
}

async fn load_calls(loader: &mut Loader<'_>, world: &World) -> Result<(), Error> {
    let table = Table {
        name: "vapi_calls",
        columns: &[
            "call_id",
            "org_id",
            "bot_profile_id",
            "phone_number",
            "customer_name",
            "status",
            "priority",
            "duration",
            "ended_reason",
            "summary",
            "recording_url",
            "started_at",
            "ended_at",
            "created_at",
        ],
    };
    loader
        .load(&table, world.calls, |number, rows| {
            let call = world.call(number);
            let mut random = Random::of(Stream::CallId, number);
            random.uuid();
            // Three in a hundred callers are not recognised.
            let known = !random.chance(30);
            let rings = SECOND + random.below((RINGS_MAX - SECOND) as u64) as i64;
            let answered = matches!(call.status, "completed" | "voicemail" | "failed" | "in_progress");
            let started_at = answered.then_some((call.created_at + rings).min(world.until));
            let ended_at =
                started_at.zip(call.duration).map(|(start, seconds)| start + i64::from(seconds) * SECOND);
            let ended_reason = match call.status {
                "completed" => Some(random.weigh(&[
                    (70, "customer-ended-call"),
                    (24, "assistant-ended-call"),
                    (6, "assistant-forwarded-call"),
                ])),
                "missed" => Some("customer-did-not-answer"),
                "voicemail" => Some("voicemail"),
                "failed" => Some("pipeline-error"),
                _ => None,
            };
            rows.row().uuid(call.id).uuid(org_id(call.org)).bigint(bot(call.org, false));
            rows.format(format_args!("{}", call.caller.phone));
            rows.maybe(known.then_some(call.caller), |rows, caller| rows.format(format_args!("{caller}")));
            rows.text(call.status).text(call.priority);
            rows.maybe(call.duration, |rows, seconds| rows.integer(seconds));
            rows.maybe(ended_reason, |rows, reason| rows.text(reason));
            if call.status == "completed" {
                rows.write(|out| summary(out, &call, number));
                rows.format(format_args!("https://recordings.example/{:032x}.wav", call.id));
            } else {
                rows.null().null();
            }
            rows.maybe(started_at, |rows, moment| rows.timestamp(moment));
            rows.maybe(ended_at, |rows, moment| rows.timestamp(moment));
            rows.timestamp(call.created_at);
        })
        .await
}

async fn load_logs(loader: &mut Loader<'_>, world: &World) -> Result<(), Error> {
    let table = Table {
        name: "call_logs",
        columns: &["id", "org_id", "call_id", "transcript", "sentiment", "created_at"],
    };
    let mut id = 0;
    loader
        .load(&table, world.calls, |number, rows| {
            let call = world.call(number);
            // Only where somebody spoke there is something to read.
            let Some(seconds) = call.duration.filter(|_| call.status != "failed") else { return };
            id += 1;
            let mut random = Random::of(Stream::Transcript, number);
            let sentiment = match call.intent {
                "urgence" | "plainte" => random.weigh(&[(50, "negative"), (40, "neutral"), (10, "positive")]),
                _ => random.weigh(&[(8, "negative"), (57, "neutral"), (35, "positive")]),
            };
            rows.row().bigint(id).uuid(org_id(call.org)).uuid(call.id);
            rows.jsonb(|out| dialogue::transcript(out, &call, seconds, number));
            rows.text(sentiment).timestamp(call.created_at + i64::from(seconds) * SECOND);
        })
        .await
}
