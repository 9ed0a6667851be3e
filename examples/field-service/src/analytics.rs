//! Events in order of time: `analytics`.

use crate::Error;
use crate::copy::{Loader, Table, write_into};
use crate::directory::{clerk, org_id};
use crate::random::{Random, Stream};
use crate::world::World;

const PAGES: &[&str] = &["dashboard", "calls", "leads", "appointments", "inbox", "map", "settings"];

/// Loads three events for every two calls.
pub(crate) async fn load(loader: &mut Loader<'_>, world: &World) -> Result<(), Error> {
    let table = Table {
        name: "analytics",
        columns: &["id", "org_id", "user_id", "event_type", "metadata", "created_at"],
    };
    let total = world.calls * 3 / 2;
    loader
        .load(&table, total, |number, rows| {
            let mut random = Random::of(Stream::Event, number);
            let moment = world.office.moment(&mut random, number, total);
            let org = World::org(&mut random);
            let event = random.weigh(&[
                (46, "page_view"),
                (20, "call_completed"),
                (12, "message_sent"),
                (8, "lead_created"),
                (7, "appointment_booked"),
                (4, "payment_received"),
                (3, "login"),
            ]);
            let person = matches!(event, "page_view" | "login" | "message_sent");
            rows.row().bigint(number + 1).uuid(org_id(org));
            rows.maybe(person.then(|| clerk(org, &mut random)), |rows, id| rows.uuid(id)).text(event);
            let amount = random.below(1 << 16);
            rows.jsonb(|out| match event {
                "page_view" => {
                    let page = random.pick(PAGES);
                    let milliseconds = 80 + amount * amount / 1_500_000;
                    write_into(out, format_args!(r#"{{"page":"{page}","load_ms":{milliseconds}}}"#));
                }
                "call_completed" => {
                    write_into(out, format_args!(r#"{{"duration":{}}}"#, 35 + amount % 500));
                }
                "payment_received" => {
                    write_into(
                        out,
                        format_args!(r#"{{"amount_cents":{},"method":"interac"}}"#, 9500 + amount * 3),
                    );
                }
                "login" => {
                    let device = random.pick(&["mobile", "desktop", "tablet"]);
                    write_into(out, format_args!(r#"{{"device":"{device}"}}"#));
                }
                _ => {
                    let source = random.pick(&["call", "web", "whatsapp"]);
                    write_into(out, format_args!(r#"{{"source":"{source}"}}"#));
                }
            });
            rows.timestamp(moment);
        })
        .await
}
