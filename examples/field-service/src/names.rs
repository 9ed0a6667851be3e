//! Who the customers are: French-Canadian names, streets and towns, and telephone numbers that nobody has.
//!
//! A customer follows from a number. Telephone numbers have Quebec's area codes and the exchange 555, and are
//! distinct for the first forty thousand customers.

use std::fmt;

use crate::random::{Random, Stream};

const FIRST_NAMES: &[&str] = &[
    "Marie",
    "Luc",
    "Sylvie",
    "Jean-François",
    "Nathalie",
    "Martin",
    "Isabelle",
    "Stéphane",
    "Julie",
    "Éric",
    "Chantal",
    "Patrick",
    "Mélanie",
    "Sébastien",
    "Véronique",
    "Alexandre",
    "Caroline",
    "Mathieu",
    "Annie",
    "Benoît",
    "Geneviève",
    "Simon",
    "Josée",
    "Yves",
    "Manon",
    "Pierre-Luc",
    "Émilie",
    "Guillaume",
    "Catherine",
    "Maxime",
    "Louise",
    "François",
    "Diane",
    "Réjean",
    "Francine",
    "Gaétan",
    "Lucie",
    "Normand",
    "Ginette",
    "Félix",
    "Rosalie",
    "Olivier",
    "Camille",
    "Xavier",
    "Audrey",
    "Étienne",
    "Noémie",
    "Gabriel",
    "Léa",
    "Samuel",
    "Ariane",
    "Thierry",
    "Pascale",
    "Denis",
    "Monique",
    "Raymond",
    "Jocelyne",
    "Marc-André",
    "Maude",
    "Hélène",
];

const LAST_NAMES: &[&str] = &[
    "Tremblay",
    "Gagnon",
    "Roy",
    "Côté",
    "Bouchard",
    "Gauthier",
    "Morin",
    "Lavoie",
    "Fortin",
    "Gagné",
    "Ouellet",
    "Pelletier",
    "Bélanger",
    "Lévesque",
    "Bergeron",
    "Leblanc",
    "Paquette",
    "Girard",
    "Simard",
    "Boucher",
    "Caron",
    "Beaulieu",
    "Cloutier",
    "Dubé",
    "Poirier",
    "Fournier",
    "Lapointe",
    "Leclerc",
    "Lefebvre",
    "Poulin",
    "Thibault",
    "St-Pierre",
    "Nadeau",
    "Martel",
    "Landry",
    "Martin",
    "Bédard",
    "Grenier",
    "Lessard",
    "Bernier",
    "Richard",
    "Michaud",
    "Hébert",
    "Desjardins",
    "Couture",
    "Turcotte",
    "Lachance",
    "Parent",
    "Blais",
    "Gosselin",
    "Savard",
    "Proulx",
    "Beaudoin",
    "Demers",
    "Perreault",
    "Boudreau",
    "Lemieux",
    "Cyr",
    "Perron",
    "Dufour",
    "Dion",
    "Mercier",
    "Bolduc",
    "Bérubé",
    "Boisvert",
    "Langlois",
    "Ménard",
    "Therrien",
    "Plante",
    "Bilodeau",
    "Blanchette",
    "Dubois",
    "Champagne",
    "Paradis",
    "Fortier",
    "Arsenault",
    "Dupuis",
    "Gaudreault",
    "Hamel",
    "Houle",
];

const STREETS: &[&str] = &[
    "rue Principale",
    "rue des Érables",
    "chemin du Roy",
    "rang Saint-Joseph",
    "boulevard Laurier",
    "rue Saint-Jean",
    "avenue du Parc",
    "rue Notre-Dame",
    "boulevard des Laurentides",
    "rue de l'Église",
    "chemin Sainte-Foy",
    "rue Sherbrooke",
    "avenue Cartier",
    "rue du Moulin",
    "boulevard Saint-Martin",
    "rue des Pins",
    "côte de la Montagne",
    "rue Bellevue",
    "chemin de la Rivière",
    "rue Lafontaine",
    "rue Saint-Denis",
    "boulevard Taschereau",
];

/// Area codes with their towns; one that stands more often has more people.
const AREAS: [(u64, &[&str]); 12] = [
    (514, &["Montréal", "Verdun", "LaSalle", "Pointe-Claire"]),
    (418, &["Québec", "Lévis", "Rimouski", "Saguenay"]),
    (450, &["Laval", "Longueuil", "Terrebonne", "Saint-Jérôme"]),
    (819, &["Gatineau", "Sherbrooke", "Trois-Rivières", "Drummondville"]),
    (514, &["Montréal", "Outremont", "Anjou", "Lachine"]),
    (438, &["Montréal", "Saint-Laurent"]),
    (418, &["Québec", "Beauport", "Charlesbourg", "Saint-Georges"]),
    (450, &["Brossard", "Repentigny", "Blainville", "Saint-Hyacinthe"]),
    (514, &["Montréal", "Rosemont", "Villeray"]),
    (438, &["Montréal", "Montréal-Nord"]),
    (450, &["Boucherville", "Joliette", "Sorel-Tracy", "Granby"]),
    (581, &["Québec", "Sainte-Marie", "Baie-Comeau"]),
];

/// A customer.
#[derive(Clone, Copy)]
pub(crate) struct Person {
    pub(crate) first: &'static str,
    pub(crate) last: &'static str,
    pub(crate) street: &'static str,
    pub(crate) house: u64,
    pub(crate) city: &'static str,
    pub(crate) phone: Phone,
}

/// A telephone number's ten digits.
#[derive(Clone, Copy)]
pub(crate) struct Phone(u64);

impl Person {
    /// The customer of that number.
    pub(crate) fn of(number: u64) -> Person {
        let mut random = Random::of(Stream::Customer, number);
        let place = (number % 12) as usize;
        let (area, cities) = AREAS[place];
        let places = AREAS.iter().filter(|(other, _)| *other == area).count() as u64;
        let rank = AREAS[..place].iter().filter(|(other, _)| *other == area).count() as u64;
        // 3571 and 10,000 have no common factor: neighbours lie apart, and none meet within the exchange.
        let line = (number / 12 * places + rank) * 3571 % 10_000;
        Person {
            first: random.pick(FIRST_NAMES),
            last: random.pick(LAST_NAMES),
            street: random.pick(STREETS),
            house: 1 + random.below(4200),
            city: random.pick(cities),
            phone: Phone(area * 10_000_000 + 5_550_000 + line),
        }
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.first, self.last)
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+1{}", self.0)
    }
}

/// A name fit for an e-mail address: lower case and without accents.
pub(crate) fn plain(name: &str) -> String {
    name.chars()
        .flat_map(char::to_lowercase)
        .map(|letter| match letter {
            'à' | 'â' => 'a',
            'é' | 'è' | 'ê' | 'ë' => 'e',
            'î' | 'ï' => 'i',
            'ô' => 'o',
            'ù' | 'û' => 'u',
            'ç' => 'c',
            other => other,
        })
        .collect()
}
