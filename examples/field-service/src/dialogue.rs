//! What callers and the voice assistant say: transcripts as JSON, and the summaries of calls.
//!
//! Phrases hold neither quotation marks, backslashes nor control characters, so that they stand in JSON as they
//! are. A transcript is an array of turns `{"role", "text", "seconds", "intent"}`; the intent stands on the
//! caller's first turn only, as the assistant classified it.

use std::fmt;

use bytes::{BufMut, BytesMut};

use crate::copy::write_into;
use crate::demo::ORGANIZATIONS;
use crate::random::{Random, Stream};
use crate::world::Call;

/// What is to be done, how a caller says it, and how it is said in an emergency; for each large organization.
const TROUBLES: [&[(&str, &str, &str)]; 2] = [
    &[
        (
            "Débouchage de drain",
            "mon drain de cuisine se vide très lentement",
            "l'égout refoule dans mon sous-sol",
        ),
        (
            "Chauffe-eau",
            "mon chauffe-eau a quinze ans et je voudrais le changer",
            "mon chauffe-eau coule partout",
        ),
        (
            "Robinetterie",
            "le robinet de la salle de bain goutte",
            "le robinet ne ferme plus et l'eau déborde",
        ),
        ("Recherche de fuite", "j'ai une tache d'humidité au plafond", "un tuyau a gelé et vient d'éclater"),
        (
            "Pompe de puisard",
            "ma pompe de puisard fait un drôle de bruit",
            "ma pompe est morte et l'eau monte",
        ),
        (
            "Salle de bain",
            "je veux refaire la plomberie de ma salle de bain",
            "la toilette déborde sans arrêt",
        ),
    ],
    &[
        (
            "Entretien de fournaise",
            "c'est le temps de l'entretien de ma fournaise",
            "ma fournaise ne part plus et il gèle",
        ),
        ("Thermopompe", "j'aimerais installer une thermopompe murale", "ma thermopompe fait de la fumée"),
        (
            "Chaudière",
            "la pression de ma chaudière baisse tout le temps",
            "je n'ai plus de chauffage avec un bébé à la maison",
        ),
        (
            "Plancher chauffant",
            "le plancher chauffant reste froid dans l'entrée",
            "mon plancher chauffant fait sauter le disjoncteur",
        ),
        (
            "Réservoir de mazout",
            "je veux remplacer mon réservoir de mazout",
            "ça sent le mazout partout dans la maison",
        ),
        (
            "Échangeur d'air",
            "mon échangeur d'air est plein de poussière",
            "mon détecteur de monoxyde sonne depuis ce matin",
        ),
    ],
];

const OPENINGS: &[&str] =
    &["Oui bonjour,", "Bonjour,", "Allô,", "Oui allô, écoutez,", "Bonjour madame,", "Salut,"];
const ACKNOWLEDGEMENTS: &[&str] =
    &["Je comprends.", "D'accord.", "Parfait, je note.", "Très bien.", "Entendu."];
const PERIODS: &[&str] = &["en avant-midi", "en après-midi", "entre 8 h et 10 h", "après 16 h", "vers midi"];
const DAYS: &[&str] = &["lundi", "mardi", "mercredi", "jeudi", "vendredi"];

/// Questions of the assistant with answers of the caller, from which long calls are made.
const EXCHANGES: &[(&str, &[&str])] = &[
    (
        "Depuis quand avez-vous ce problème?",
        &["Depuis hier soir.", "Ça fait à peu près une semaine.", "Depuis ce matin."],
    ),
    (
        "Êtes-vous propriétaire ou locataire?",
        &["Propriétaire.", "Locataire, mais le propriétaire est au courant."],
    ),
    (
        "Est-ce une maison ou un logement?",
        &["Une maison unifamiliale.", "Un duplex, au deuxième.", "Un condo."],
    ),
    (
        "Y a-t-il un stationnement pour notre camion?",
        &["Oui, dans l'entrée.", "Dans la rue, il y a toujours de la place."],
    ),
    (
        "Avez-vous déjà fait affaire avec nous?",
        &["Oui, il y a deux ans.", "Non, c'est mon voisin qui vous recommande."],
    ),
    ("Y a-t-il un animal dans la maison?", &["Un chien, mais il est fin.", "Non, aucun.", "Deux chats."]),
    (
        "Voulez-vous recevoir une confirmation par texto?",
        &["Oui, à ce numéro-ci.", "Non merci, par courriel plutôt."],
    ),
    (
        "Avez-vous coupé l'arrivée d'eau ou le courant?",
        &["Oui, c'est fait.", "Non, je ne sais pas où c'est.", "Pas encore."],
    ),
    (
        "Connaissez-vous la marque de l'appareil?",
        &["Je pense que c'est un Giant.", "Aucune idée.", "C'est écrit Lennox dessus."],
    ),
    (
        "Quelqu'un sera-t-il sur place?",
        &["Oui, ma femme sera là.", "Oui, je travaille de la maison.", "Je laisse la clé au voisin."],
    ),
    (
        "Le tarif de déplacement est de 95 dollars. Cela vous convient-il?",
        &["Oui, pas de problème.", "C'est un peu cher, mais oui."],
    ),
    (
        "Puis-je vérifier votre code postal?",
        &["Oui, il n'a pas changé.", "Attendez un instant, je vous le donne."],
    ),
];

/// The service a caller is about, with the two ways to put it.
pub(crate) fn trouble(org: usize, random: &mut Random) -> (&'static str, &'static str, &'static str) {
    random.pick(TROUBLES[org])
}

/// What the call of that number is about. The same for its transcript, its summary and what follows from it.
pub(crate) fn service(call: &Call, number: u64) -> &'static str {
    trouble(call.org, &mut Random::of(Stream::Transcript, number)).0
}

/// One line that says what a call was about.
pub(crate) fn summary(out: &mut BytesMut, call: &Call, number: u64) {
    let (service, usual, urgent) = trouble(call.org, &mut Random::of(Stream::Transcript, number));
    let said = if call.intent == "urgence" { urgent } else { usual };
    let (who, city, intent) = (call.caller, call.caller.city, call.intent);
    write_into(out, format_args!("{who} ({city}), {intent}, {service} : « {said} »."));
}

/// The turns of a call that lasted so long.
pub(crate) fn transcript(out: &mut BytesMut, call: &Call, seconds: i32, number: u64) {
    let mut random = Random::of(Stream::Transcript, number);
    let (service, usual, urgent) = trouble(call.org, &mut random);
    let caller = &call.caller;
    let turns_max = 2 + i64::from(seconds) / 16;
    let mut turns = Turns { out, spoken: 0, step: (i64::from(seconds) / turns_max).max(1) };
    let company = ORGANIZATIONS[call.org].name;
    turns.assistant(format_args!("{company} bonjour, ici Sophie. Comment puis-je vous aider?"));
    if call.status == "voicemail" {
        turns.caller(Some(call.intent), format_args!("Rappelez-moi s'il vous plaît, c'est {caller}."));
        return turns.end();
    }
    let said = if call.intent == "urgence" { urgent } else { usual };
    let opening = random.pick(OPENINGS);
    turns.caller(Some(call.intent), format_args!("{opening} mon nom est {caller}, {said}."));
    let yes = random.pick(ACKNOWLEDGEMENTS);
    turns.assistant(format_args!("{yes} Quelle est votre adresse?"));
    let (house, street, city) = (caller.house, caller.street, caller.city);
    turns.caller(None, format_args!("Le {house}, {street}, à {city}."));
    let first = random.below(EXCHANGES.len() as u64);
    let spare = (turns_max - 8).max(0) / 2;
    for (question, answers) in EXCHANGES.iter().cycle().skip(first as usize).take(spare as usize) {
        let yes = random.pick(ACKNOWLEDGEMENTS);
        turns.assistant(format_args!("{yes} {question}"));
        turns.caller(None, format_args!("{}", random.pick(answers)));
    }
    closing(&mut turns, call, service, &mut random);
    turns.end();
}

fn closing(turns: &mut Turns<'_>, call: &Call, service: &str, random: &mut Random) {
    let (day, period) = (random.pick(DAYS), random.pick(PERIODS));
    match call.intent {
        "urgence" => {
            let minutes = 30 + 15 * random.below(5);
            turns.assistant(format_args!(
                "J'envoie un technicien tout de suite, il sera là dans {minutes} minutes."
            ));
            turns.caller(None, format_args!("Merci, faites vite s'il vous plaît."));
        }
        "rendez-vous" => {
            turns.assistant(format_args!("Je peux vous offrir {day} {period} pour : {service}."));
            turns.caller(None, format_args!("Oui, {day} ça me convient."));
        }
        "soumission" => {
            let dollars = 450 + 50 * random.below(90);
            turns.assistant(format_args!(
                "Pour ce genre de travaux, comptez environ {dollars} dollars plus taxes."
            ));
            turns.caller(None, format_args!("Envoyez-moi ça par écrit, je vais y penser."));
        }
        "plainte" => {
            turns.assistant(format_args!(
                "Je suis désolée, la personne responsable vous rappelle {day} {period}."
            ));
            turns.caller(None, format_args!("J'espère bien, c'est la deuxième fois que j'appelle."));
        }
        _ => {
            turns.assistant(format_args!(
                "Je transmets votre demande à l'équipe, nous vous répondrons d'ici {day}."
            ));
            turns.caller(None, format_args!("Parfait, merci beaucoup."));
        }
    }
    turns.assistant(format_args!("Merci d'avoir appelé, {}. Bonne journée!", call.caller.first));
}

/// The turns as they are spoken.
struct Turns<'a> {
    out: &'a mut BytesMut,
    spoken: i64,
    step: i64,
}

impl Turns<'_> {
    fn assistant(&mut self, text: fmt::Arguments<'_>) {
        self.turn("assistant", None, text);
    }

    fn caller(&mut self, intent: Option<&str>, text: fmt::Arguments<'_>) {
        self.turn("user", intent, text);
    }

    fn turn(&mut self, role: &str, intent: Option<&str>, text: fmt::Arguments<'_>) {
        self.out.put_u8(if self.spoken == 0 { b'[' } else { b',' });
        let seconds = self.spoken * self.step;
        write_into(self.out, format_args!(r#"{{"role":"{role}","text":"{text}","seconds":{seconds}"#));
        if let Some(intent) = intent {
            write_into(self.out, format_args!(r#","intent":"{intent}""#));
        }
        self.out.put_u8(b'}');
        self.spoken += 1;
    }

    fn end(self) {
        self.out.put_u8(b']');
    }
}
