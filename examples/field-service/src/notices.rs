//! What the app tells: text messages to customers, alerts to the desk (`sms_logs`, `alerts`).

use crate::Error;
use crate::copy::{Loader, Table};
use crate::crm::appointment;
use crate::directory::{clerk, org_id};
use crate::random::{Random, Stream};
use crate::rhythm::{DAY, HOUR, MINUTE, SECOND};
use crate::world::World;

/// Loads the text messages, then the alerts.
pub(crate) async fn load(loader: &mut Loader<'_>, world: &World) -> Result<(), Error> {
    load_sms(loader, world).await?;
    load_alerts(loader, world).await
}

async fn load_sms(loader: &mut Loader<'_>, world: &World) -> Result<(), Error> {
    let table = Table {
        name: "sms_logs",
        columns: &[
            "id",
            "org_id",
            "appointment_id",
            "customer_phone",
            "direction",
            "body",
            "status",
            "provider_sid",
            "created_at",
        ],
    };
    loader
        .load(&table, world.calls / 2, |number, rows| {
            let mut random = Random::of(Stream::Sms, number);
            let of = number * world.appointments() / (world.calls / 2);
            let inbound = random.chance(220);
            let visit = (inbound || random.chance(600)).then(|| appointment(world, of));
            let call = match &visit {
                Some(visit) => world.call(visit.call_number),
                None => world.call(world.call_near(number, world.calls / 2, &mut random)),
            };
            let delay = (20 + random.below(if inbound { 5400 } else { 240 })) as i64 * SECOND;
            let status = match inbound {
                true => "received",
                false => random.weigh(&[(90, "delivered"), (6, "sent"), (4, "failed")]),
            };
            rows.row().bigint(number + 1).uuid(org_id(call.org));
            rows.maybe(visit.as_ref().map(|_| of + 1), |rows, id| rows.bigint(id));
            rows.format(format_args!("{}", call.caller.phone)).text(if inbound { "inbound" } else { "outbound" });
            let first = call.caller.first;
            match (&visit, inbound) {
                (_, true) => rows.text(random.pick(&["Oui", "Merci!", "Confirmé", "Peut-on déplacer à demain?", "STOP"])),
                (Some(_), _) => rows.format(format_args!(
                    "Bonjour {first}, votre rendez-vous est noté. Répondez OUI pour confirmer, NON pour annuler."
                )),
                (None, _) => rows.format(format_args!(
                    "Bonjour {first}, merci de votre appel. Pour nous joindre en tout temps, répondez à ce message."
                )),
            };
            rows.text(status).format(format_args!("SM{:032x}", random.uuid()));
            rows.timestamp((call.created_at + delay).min(world.until));
        })
        .await
}

async fn load_alerts(loader: &mut Loader<'_>, world: &World) -> Result<(), Error> {
    let table = Table {
        name: "alerts",
        columns: &[
            "id",
            "org_id",
            "call_id",
            "kind",
            "severity",
            "message",
            "acknowledged",
            "acknowledged_by",
            "acknowledged_at",
            "created_at",
        ],
    };
    let total = world.calls / 20;
    loader
        .load(&table, total, |number, rows| {
            let mut random = Random::of(Stream::Alert, number);
            let call = world.call(world.call_near(number, total, &mut random));
            let (kind, severity, message) = match (call.status, call.priority) {
                ("failed", _) => ("assistant_failure", "critical", "L'assistante a perdu l'appel de"),
                ("missed" | "voicemail", _) => ("missed_call", "warning", "Appel manqué de"),
                (_, "urgent") => ("urgent_call", "critical", "Urgence signalée par"),
                _ => random.weigh(&[
                    (5, ("long_call", "info", "Appel anormalement long de")),
                    (3, ("callback_due", "warning", "Rappel promis à")),
                    (2, ("negative_sentiment", "warning", "Client mécontent :")),
                ]),
            };
            let old = world.until - call.created_at > 3 * DAY;
            let seen = random.chance(if old { 970 } else { 550 });
            let seen_at = (call.created_at + random.below(30) as i64 * HOUR / 4 + MINUTE).min(world.until);
            rows.row().bigint(number + 1).uuid(org_id(call.org)).uuid(call.id).text(kind).text(severity);
            rows.format(format_args!("{message} {}, {}", call.caller, call.caller.phone)).boolean(seen);
            rows.maybe(seen.then(|| clerk(call.org, &mut random)), |rows, id| rows.uuid(id));
            rows.maybe(seen.then_some(seen_at), |rows, moment| rows.timestamp(moment))
                .timestamp(call.created_at);
        })
        .await
}
