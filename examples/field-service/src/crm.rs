//! What follows from calls: `leads`, `appointments`, `interventions`.
//!
//! Each row refers to a call near its own place in time, so that the tables grow in step.

use crate::Error;
use crate::copy::{Loader, Table};
use crate::dialogue::service;
use crate::directory::{org_id, technician};
use crate::names::plain;
use crate::random::{Random, Stream};
use crate::rhythm::{DAY, MINUTE, SECOND, local_day, local_hour};
use crate::world::{Call, World};

/// Loads the tables, those that are referred to first.
pub(crate) async fn load(loader: &mut Loader<'_>, world: &World) -> Result<(), Error> {
    load_leads(loader, world).await?;
    load_appointments(loader, world).await?;
    load_interventions(loader, world).await
}

/// The call that a lead came from.
fn call_of_lead(world: &World, lead: u64) -> u64 {
    world.call_near(lead, world.leads(), &mut Random::of(Stream::Lead, lead))
}

async fn load_leads(loader: &mut Loader<'_>, world: &World) -> Result<(), Error> {
    let table = Table {
        name: "leads",
        columns: &[
            "id",
            "org_id",
            "call_id",
            "name",
            "phone_number",
            "email",
            "source",
            "status",
            "estimated_value",
            "created_at",
            "updated_at",
        ],
    };
    loader
        .load(&table, world.leads(), |number, rows| {
            let call = world.call(call_of_lead(world, number));
            let mut random = Random::of(Stream::Lead, number);
            random.next();
            let source = random.weigh(&[(70, "call"), (14, "web"), (10, "whatsapp"), (6, "referral")]);
            // What is old has been decided.
            let old = world.until - call.created_at > 45 * DAY;
            let status = if old {
                random.weigh(&[(34, "won"), (44, "lost"), (12, "contacted"), (6, "qualified"), (4, "new")])
            } else {
                random.weigh(&[(30, "new"), (28, "contacted"), (20, "qualified"), (12, "won"), (10, "lost")])
            };
            let email = random.chance(550).then(|| plain(call.caller.first) + "." + &plain(call.caller.last));
            let value = random.chance(720).then(|| 12_000 + random.below(400) * random.below(400) * 5);
            let later = match status {
                "new" => 0,
                _ => random.below(20 * 24 * 60) as i64 * MINUTE,
            };
            rows.row().bigint(number + 1).uuid(org_id(call.org)).uuid(call.id);
            rows.format(format_args!("{}", call.caller)).format(format_args!("{}", call.caller.phone));
            rows.maybe(email, |rows, name| rows.format(format_args!("{name}@courriel.example")));
            rows.text(source).text(status).maybe(value, |rows, cents| rows.cents(cents as u32));
            rows.timestamp(call.created_at).timestamp((call.created_at + later).min(world.until));
        })
        .await
}

/// What others need to know of an appointment.
pub(crate) struct Appointment {
    pub(crate) call_number: u64,
    call: Call,
    lead: Option<u64>,
    day: i32,
    created_at: i64,
    status: &'static str,
}

/// The appointment of that number.
pub(crate) fn appointment(world: &World, number: u64) -> Appointment {
    let mut random = Random::of(Stream::Appointment, number);
    let call_near = world.call_near(number, world.appointments(), &mut random);
    let lead = random.chance(400).then(|| number * world.leads() / world.appointments());
    let call_number = lead.map_or(call_near, |lead| call_of_lead(world, lead));
    let call = world.call(call_number);
    let wait_days = if call.priority == "urgent" { 0 } else { 1 + random.below(6) * random.below(4) };
    let created_at = (call.created_at + i64::from(call.duration.unwrap_or(90)) * SECOND).min(world.until);
    let day = local_day(created_at) + wait_days as i32;
    let status = if day < local_day(world.until) {
        random.weigh(&[
            (74, "completed"),
            (13, "cancelled"),
            (8, "no_show"),
            (3, "confirmed"),
            (2, "pending"),
        ])
    } else {
        random.weigh(&[(50, "confirmed"), (44, "pending"), (6, "cancelled")])
    };
    Appointment { call_number, call, lead, day, created_at, status }
}

async fn load_appointments(loader: &mut Loader<'_>, world: &World) -> Result<(), Error> {
    let table = Table {
        name: "appointments",
        columns: &[
            "id",
            "org_id",
            "call_id",
            "lead_id",
            "customer_name",
            "customer_phone",
            "service",
            "preferred_date",
            "preferred_period",
            "status",
            "notes",
            "created_at",
        ],
    };
    loader
        .load(&table, world.appointments(), |number, rows| {
            let visit = appointment(world, number);
            let caller = visit.call.caller;
            let mut random = Random::of(Stream::Sms, number);
            let period = random.weigh(&[(50, "am"), (38, "pm"), (12, "evening")]);
            let note = random.chance(180).then(|| {
                random.pick(&[
                    "Sonner à côté",
                    "Chien dans la cour",
                    "Stationnement en arrière",
                    "Appeler avant d'arriver",
                ])
            });
            rows.row().bigint(number + 1).uuid(org_id(visit.call.org)).uuid(visit.call.id);
            rows.maybe(visit.lead, |rows, lead| rows.bigint(lead + 1));
            rows.format(format_args!("{caller}")).format(format_args!("{}", caller.phone));
            rows.text(service(&visit.call, visit.call_number))
                .date(visit.day)
                .text(period)
                .text(visit.status);
            rows.maybe(note, |rows, note| rows.text(note)).timestamp(visit.created_at);
        })
        .await
}

async fn load_interventions(loader: &mut Loader<'_>, world: &World) -> Result<(), Error> {
    let table = Table {
        name: "interventions",
        columns: &[
            "id",
            "org_id",
            "appointment_id",
            "technician_id",
            "service",
            "address",
            "city",
            "status",
            "amount",
            "scheduled_at",
            "completed_at",
            "created_at",
        ],
    };
    loader
        .load(&table, world.interventions(), |number, rows| {
            let of = number * world.appointments() / world.interventions();
            let visit = appointment(world, of);
            let (org, caller) = (visit.call.org, visit.call.caller);
            let mut random = Random::of(Stream::Intervention, number);
            let scheduled_at = local_hour(visit.day, 8 + random.below(9) as i64).max(visit.created_at);
            let worked = (40 + random.below(200)) as i64 * MINUTE;
            let status = match visit.status {
                "cancelled" | "no_show" => "cancelled",
                _ if scheduled_at + worked <= world.until => {
                    random.weigh(&[(96, "completed"), (4, "scheduled")])
                }
                _ if scheduled_at <= world.until => "in_progress",
                _ => "scheduled",
            };
            let done = status == "completed";
            let amount = done.then(|| 9_500 + random.below(260) * random.below(260) * 4);
            let assigned = status != "cancelled" && (done || !random.chance(150));
            let technician = assigned.then(|| technician(org, &mut random));
            rows.row().bigint(number + 1).uuid(org_id(org)).bigint(of + 1);
            rows.maybe(technician, |rows, id| rows.uuid(id)).text(service(&visit.call, visit.call_number));
            rows.format(format_args!("{}, {}", caller.house, caller.street)).text(caller.city).text(status);
            rows.maybe(amount, |rows, cents| rows.cents(cents as u32)).timestamp(scheduled_at);
            rows.maybe(done.then_some(scheduled_at + worked), |rows, moment| rows.timestamp(moment));
            rows.timestamp(visit.created_at);
        })
        .await
}
