//! The two companies and their small neighbours: organizations, people, memberships, modules, bot profiles.
//!
//! The same at every scale.

use crate::Error;
use crate::copy::{Loader, Table, write_into};
use crate::demo::{DEMO_USERS, ORGANIZATIONS};
use crate::names::{Person, plain};
use crate::random::{Random, Stream};
use crate::rhythm::{DAY, MINUTE};
use crate::world::World;

/// How many technicians each large organization employs.
const TECHNICIANS: [u64; 2] = [12, 8];

const MODULES: &[&str] = &[
    "calls",
    "leads",
    "appointments",
    "interventions",
    "whatsapp",
    "sms",
    "analytics",
    "billing",
    "inventory",
    "surveys",
];

/// Name, description, greeting, and whether the world sees it; the same three for each large organization.
const BOTS: &[(&str, &str, &str, bool)] = &[
    ("Sophie", "Répond au téléphone jour et nuit", "Bonjour, ici Sophie. Comment puis-je vous aider?", true),
    ("Maxime", "Répond sur WhatsApp", "Bonjour! Décrivez-moi votre problème et je m'en occupe.", true),
    (
        "Répartiteur",
        "Aide l'équipe à répartir les interventions",
        "Quelle intervention voulez-vous placer?",
        false,
    ),
];

/// The number of the bot profile that answers the telephone, or with `chat` the messages, of a large organization.
pub(crate) fn bot(org: usize, chat: bool) -> u64 {
    (org * BOTS.len()) as u64 + 1 + u64::from(chat)
}

/// The identifier of a large or small organization.
pub(crate) fn org_id(org: usize) -> u128 {
    parse(ORGANIZATIONS[org].id)
}

/// One of the two people who sit at a large organization's desk.
pub(crate) fn clerk(org: usize, random: &mut Random) -> u128 {
    parse(DEMO_USERS[org * 2 + random.below(2) as usize].sub)
}

/// One of a large organization's technicians.
pub(crate) fn technician(org: usize, random: &mut Random) -> u128 {
    technician_id(org, random.below(TECHNICIANS[org]))
}

fn technician_id(org: usize, number: u64) -> u128 {
    Random::of(Stream::User, org as u64 * 1000 + number).uuid()
}

fn parse(uuid: &str) -> u128 {
    u128::from_str_radix(&uuid.replace('-', ""), 16).expect("the crate's own constants are UUIDs")
}

/// Loads the directory.
pub(crate) async fn load(loader: &mut Loader<'_>, world: &World) -> Result<(), Error> {
    load_organizations(loader, world).await?;
    load_people(loader, world).await?;
    load_modules(loader, world).await?;
    load_bots(loader, world).await
}

async fn load_organizations(loader: &mut Loader<'_>, world: &World) -> Result<(), Error> {
    let table = Table {
        name: "organizations",
        columns: &["id", "name", "slug", "city", "phone_number", "created_at"],
    };
    let total = ORGANIZATIONS.len() as u64;
    loader
        .load(&table, total, |number, rows| {
            let org = &ORGANIZATIONS[number as usize];
            let age_days = if number < 2 { 900 } else { 40 - 5 * number as i64 };
            rows.row()
                .uuid(parse(org.id))
                .text(org.name)
                .text(org.slug)
                .text(org.city)
                .text(org.phone_number);
            rows.timestamp(world.until - age_days * DAY);
        })
        .await
}

async fn load_people(loader: &mut Loader<'_>, world: &World) -> Result<(), Error> {
    let users = Table {
        name: "users",
        columns: &["id", "email", "full_name", "phone_number", "last_seen_at", "created_at"],
    };
    let demo = DEMO_USERS.len() as u64;
    let total = demo + TECHNICIANS[0] + TECHNICIANS[1];
    let technician = |number: u64| {
        let (org, number) = if number < TECHNICIANS[0] { (0, number) } else { (1, number - TECHNICIANS[0]) };
        (org, number, Person::of(1_000_000 + org as u64 * 1000 + number))
    };
    loader
        .load(&users, total, |number, rows| {
            rows.row();
            if number < demo {
                let user = &DEMO_USERS[number as usize];
                rows.uuid(parse(user.sub)).text(user.email).text(user.name).null();
            } else {
                let (org, number, person) = technician(number - demo);
                let (first, last) = (plain(person.first), plain(person.last));
                rows.uuid(technician_id(org, number));
                rows.format(format_args!("{first}.{last}{number}@{}.example", ORGANIZATIONS[org].slug));
                rows.format(format_args!("{person}")).format(format_args!("{}", person.phone));
            }
            rows.timestamp(world.until - number as i64 * 7 * MINUTE).timestamp(world.until - 380 * DAY);
        })
        .await?;
    let memberships = Table { name: "memberships", columns: &["user_id", "org_id", "role", "created_at"] };
    loader
        .load(&memberships, total, |number, rows| {
            rows.row();
            if number < demo {
                let user = &DEMO_USERS[number as usize];
                rows.uuid(parse(user.sub)).uuid(parse(user.org_id)).text(user.role);
            } else {
                let (org, number, _) = technician(number - demo);
                rows.uuid(technician_id(org, number)).uuid(org_id(org)).text("technician");
            }
            rows.timestamp(world.until - 380 * DAY);
        })
        .await
}

async fn load_modules(loader: &mut Loader<'_>, world: &World) -> Result<(), Error> {
    let table =
        Table { name: "modules", columns: &["id", "org_id", "name", "is_active", "settings", "updated_at"] };
    let each = MODULES.len() as u64;
    loader
        .load(&table, each * ORGANIZATIONS.len() as u64, |number, rows| {
            let (org, module) = ((number / each) as usize, number % each);
            let active = module < if org < 2 { 8 } else { 2 + org as u64 % 3 };
            rows.row().bigint(number + 1).uuid(org_id(org)).text(MODULES[module as usize]).boolean(active);
            rows.jsonb(|out| write_into(out, format_args!(r#"{{"plan": {module}, "notify": {active}}}"#)));
            rows.timestamp(world.until - (30 + module as i64) * DAY);
        })
        .await
}

async fn load_bots(loader: &mut Loader<'_>, world: &World) -> Result<(), Error> {
    let table = Table {
        name: "bot_profiles",
        columns: &["id", "org_id", "name", "description", "greeting", "is_public", "updated_at"],
    };
    let each = BOTS.len() as u64;
    loader
        .load(&table, each * 2, |number, rows| {
            let (name, description, greeting, public) = BOTS[(number % each) as usize];
            rows.row().bigint(number + 1).uuid(org_id((number / each) as usize)).text(name).text(description);
            rows.text(greeting).boolean(public).timestamp(world.until - (20 + number as i64) * DAY);
        })
        .await
}
