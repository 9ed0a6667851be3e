//! The WhatsApp inbox: `whatsapp_accounts`, `conversations`, `messages`.
//!
//! Messages are numbered in order of time, and the threads they belong to interleave, as they do in life: a
//! thread's messages lie scattered over the table. Every twenty-fifth message opens a thread; the others go to
//! threads that were opened lately, or to old acquaintances, of whom few write much and many little.

use bytes::BytesMut;

use crate::Error;
use crate::copy::{Loader, Table, write_into};
use crate::demo::ORGANIZATIONS;
use crate::directory::{bot, clerk, org_id};
use crate::names::Person;
use crate::random::{Random, Stream, Zipf};
use crate::rhythm::DAY;
use crate::world::World;

const MESSAGES_PER_CONVERSATION: u64 = 25;
/// The organization of each account, from the busiest down.
const ACCOUNTS: [usize; 12] = [0, 1, 0, 0, 1, 0, 1, 1, 0, 0, 1, 0];
const LABELS: &[&str] = &["Répartition", "Urgences", "Soumissions", "Suivi", "Rive-Nord", "Rive-Sud"];

const FROM_CUSTOMER: &[&str] = &[
    "Bonjour, êtes-vous disponibles cette semaine?",
    "Oui",
    "Ok merci",
    "Parfait 👍",
    "C'est combien pour une visite?",
    "Je vous envoie une photo du problème.",
    "Le technicien n'est pas encore arrivé, est-ce normal?",
    "Merci beaucoup, excellent service!",
    "Est-ce que je peux déplacer mon rendez-vous à vendredi matin? Je dois aller chercher les enfants à l'école.",
    "J'ai reçu la facture mais le montant ne correspond pas à ce qui avait été dit au téléphone.",
    "Ça recommence à couler au même endroit depuis hier soir.",
    "Non",
];
const FROM_BOT: &[&str] = &[
    "Bonjour! Je suis Maxime, l'assistant de l'équipe. Pouvez-vous décrire le problème en quelques mots?",
    "Merci. Un membre de l'équipe vous répondra sous peu.",
    "Nos heures d'ouverture sont de 7 h à 18 h du lundi au vendredi. En cas d'urgence, appelez-nous.",
    "Votre rendez-vous est confirmé. Vous recevrez un rappel la veille.",
    "Pouvez-vous m'indiquer votre adresse et le meilleur moment pour vous joindre?",
];
const FROM_AGENT: &[&str] = &[
    "Je regarde l'horaire et je vous reviens.",
    "Le technicien est en route, il arrive dans une vingtaine de minutes.",
    "Pouvez-vous fermer la valve d'entrée d'eau en attendant?",
    "Je vous envoie la soumission par courriel aujourd'hui.",
    "C'est corrigé, vous allez recevoir une nouvelle facture. Désolé pour l'inconvénient!",
];

/// Loads the accounts, then the threads, then their messages.
pub(crate) async fn load(loader: &mut Loader<'_>, world: &World) -> Result<(), Error> {
    load_accounts(loader, world).await?;
    let threads = Threads::read(world);
    load_conversations(loader, world, &threads).await?;
    load_messages(loader, world, &threads).await
}

/// Which messages belong to which thread.
struct Threads {
    acquaintance: Zipf,
    accounts: Zipf,
    /// Of each thread, the number of its last message.
    last: Vec<u64>,
}

impl Threads {
    fn read(world: &World) -> Threads {
        let many = world.messages.div_ceil(MESSAGES_PER_CONVERSATION);
        let acquaintance = Zipf::new(many, 60);
        let mut threads = Threads { acquaintance, accounts: Zipf::new(12, 2), last: vec![0; many as usize] };
        for number in 0..world.messages {
            let thread = threads.thread_of(number);
            threads.last[thread as usize] = number;
        }
        threads
    }

    /// The thread that a message belongs to.
    fn thread_of(&self, message: u64) -> u64 {
        let newest = message / MESSAGES_PER_CONVERSATION;
        if message.is_multiple_of(MESSAGES_PER_CONVERSATION) {
            return newest;
        }
        let mut random = Random::of(Stream::Thread, message);
        if random.chance(500) {
            newest - (random.below(60) * random.below(60) / 60).min(newest)
        } else {
            self.acquaintance.rank(&mut random, newest + 1)
        }
    }

    /// The account a thread belongs to, counted from 0.
    fn account_of(&self, thread: u64) -> u64 {
        self.accounts.rank(&mut Random::of(Stream::Conversation, thread), ACCOUNTS.len() as u64)
    }

    fn org_of(&self, thread: u64) -> usize {
        ACCOUNTS[self.account_of(thread) as usize]
    }
}

async fn load_accounts(loader: &mut Loader<'_>, world: &World) -> Result<(), Error> {
    let table = Table {
        name: "whatsapp_accounts",
        columns: &[
            "id",
            "org_id",
            "bot_profile_id",
            "phone_number_id",
            "display_phone_number",
            "display_name",
            "is_active",
            "created_at",
        ],
    };
    loader
        .load(&table, ACCOUNTS.len() as u64, |number, rows| {
            let org = ACCOUNTS[number as usize];
            let label = LABELS[number as usize / 2];
            rows.row().bigint(number + 1).uuid(org_id(org)).bigint(bot(org, true));
            rows.format(format_args!("{}", 104_500_000_000_000 + number * 7_919_000_003));
            rows.format(format_args!("+1450555{:04}", 9000 + number));
            rows.format(format_args!("{} – {label}", ORGANIZATIONS[org].name)).boolean(number != 11);
            rows.timestamp(world.until - (370 + number as i64) * DAY);
        })
        .await
}

async fn load_conversations(loader: &mut Loader<'_>, world: &World, threads: &Threads) -> Result<(), Error> {
    let table = Table {
        name: "conversations",
        columns: &[
            "id",
            "org_id",
            "account_id",
            "assigned_to",
            "contact_name",
            "contact_phone",
            "status",
            "tags",
            "unread_count",
            "last_message",
            "created_at",
            "updated_at",
        ],
    };
    loader
        .load(&table, threads.last.len() as u64, |number, rows| {
            let mut random = Random::of(Stream::Conversation, number);
            random.next();
            let org = threads.org_of(number);
            let contact = world.customer(org, true, &mut random);
            let last = Message::of(world, threads, threads.last[number as usize]);
            let first = Message::of(world, threads, number * MESSAGES_PER_CONVERSATION);
            let quiet = world.until - last.moment > 14 * DAY;
            let status = match quiet {
                true => random.weigh(&[(62, "closed"), (30, "archived"), (8, "open")]),
                false => random.weigh(&[(70, "open"), (22, "closed"), (8, "waiting")]),
            };
            let waiting = last.sender == "customer" && status == "open";
            let tags: &[&str] = random.weigh(&[
                (60, &[] as &[&str]),
                (12, &["soumission"]),
                (10, &["rendez-vous"]),
                (8, &["urgence"]),
                (6, &["facturation", "suivi"]),
                (4, &["vip", "urgence"]),
            ]);
            let assigned = random.chance(640).then(|| clerk(org, &mut random));
            let known = random.chance(900).then_some(contact);
            rows.row().bigint(number + 1).uuid(org_id(org)).bigint(threads.account_of(number) + 1);
            rows.maybe(assigned, |rows, id| rows.uuid(id));
            rows.maybe(known, |rows, contact| rows.format(format_args!("{contact}")));
            rows.format(format_args!("{}", contact.phone)).text(status).text_array(tags);
            rows.integer(if waiting { 1 + random.below(3) as i32 } else { 0 });
            rows.write(|out| last.body(out)).timestamp(first.moment).timestamp(last.moment);
        })
        .await
}

async fn load_messages(loader: &mut Loader<'_>, world: &World, threads: &Threads) -> Result<(), Error> {
    let table = Table {
        name: "messages",
        columns: &[
            "id",
            "org_id",
            "conversation_id",
            "sent_by",
            "sender",
            "message_type",
            "body",
            "status",
            "wa_message_id",
            "timestamp",
        ],
    };
    loader
        .load(&table, world.messages, |number, rows| {
            let message = Message::of(world, threads, number);
            let mut random = Random::of(Stream::Body, number);
            let sent_by = (message.sender == "agent").then(|| clerk(message.org, &mut random));
            let status = match message.sender {
                "customer" => "received",
                _ => random.weigh(&[(78, "read"), (16, "delivered"), (4, "sent"), (2, "failed")]),
            };
            rows.row().bigint(number + 1).uuid(org_id(message.org)).bigint(message.thread + 1);
            rows.maybe(sent_by, |rows, id| rows.uuid(id)).text(message.sender).text(message.kind);
            rows.write(|out| message.body(out)).text(status);
            rows.format(format_args!("wamid.{:016X}", random.next())).timestamp(message.moment);
        })
        .await
}

/// What a message is, apart from its words.
struct Message {
    number: u64,
    thread: u64,
    org: usize,
    sender: &'static str,
    kind: &'static str,
    moment: i64,
}

impl Message {
    fn of(world: &World, threads: &Threads, number: u64) -> Message {
        let mut random = Random::of(Stream::Message, number);
        let moment = world.evening.moment(&mut random, number, world.messages);
        let thread = threads.thread_of(number);
        let sender = match number % MESSAGES_PER_CONVERSATION {
            0 => "customer",
            _ => random.weigh(&[(46, "customer"), (34, "bot"), (20, "agent")]),
        };
        let kind = match sender {
            "customer" => random.weigh(&[(86, "text"), (8, "image"), (6, "audio")]),
            "bot" => random.weigh(&[(90, "text"), (10, "template")]),
            _ => random.weigh(&[(94, "text"), (6, "document")]),
        };
        Message { number, thread, org: threads.org_of(thread), sender, kind, moment }
    }

    fn body(&self, out: &mut BytesMut) {
        let mut random = Random::of(Stream::Body, self.number);
        random.next();
        match (self.sender, self.kind) {
            (_, "image" | "audio" | "document") => {
                write_into(out, format_args!("https://media.example/{:016x}", random.next()));
            }
            ("customer", _) => match random.below(10) {
                0 => {
                    let place = Person::of(random.below(10_000));
                    let (house, street, city) = (place.house, place.street, place.city);
                    write_into(out, format_args!("Voici mon adresse : {house}, {street}, {city}."));
                }
                _ => write_into(out, format_args!("{}", random.pick(FROM_CUSTOMER))),
            },
            ("bot", _) => write_into(out, format_args!("{}", random.pick(FROM_BOT))),
            _ => write_into(out, format_args!("{}", random.pick(FROM_AGENT))),
        }
    }
}
