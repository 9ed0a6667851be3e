//! The organizations, and the people for whom a demonstration may sign tokens.
//!
//! Their identifiers are fixed, so that nobody has to ask the database for them.

/// A company on the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its identifier, a UUID.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its name in addresses.
    pub slug: &'static str,
    /// Where it is.
    pub city: &'static str,
    /// Its telephone number.
    pub phone_number: &'static str,
}

/// The organizations. The first two own the data; the others have just signed up.
pub const ORGANIZATIONS: &[Organization] = &[
    Organization {
        id: "0a000000-0000-4000-8000-000000000001",
        name: "Plomberie Beauséjour",
        slug: "plomberie-beausejour",
        city: "Montréal",
        phone_number: "+15145550100",
    },
    Organization {
        id: "0a000000-0000-4000-8000-000000000002",
        name: "Chauffage Laurentides",
        slug: "chauffage-laurentides",
        city: "Saint-Jérôme",
        phone_number: "+14505550101",
    },
    Organization {
        id: "0a000000-0000-4000-8000-000000000003",
        name: "Électricité Chaudière",
        slug: "electricite-chaudiere",
        city: "Lévis",
        phone_number: "+14185550102",
    },
    Organization {
        id: "0a000000-0000-4000-8000-000000000004",
        name: "Toitures du Fleuve",
        slug: "toitures-du-fleuve",
        city: "Québec",
        phone_number: "+15815550103",
    },
    Organization {
        id: "0a000000-0000-4000-8000-000000000005",
        name: "Ramonage Outaouais",
        slug: "ramonage-outaouais",
        city: "Gatineau",
        phone_number: "+18195550104",
    },
    Organization {
        id: "0a000000-0000-4000-8000-000000000006",
        name: "Climatisation Saguenay",
        slug: "climatisation-saguenay",
        city: "Saguenay",
        phone_number: "+14185550105",
    },
];

/// A person for whom a demonstration may sign tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoUser {
    /// The claim `sub`: the user's identifier, a UUID.
    pub sub: &'static str,
    /// The identifier of the one organization the user belongs to.
    pub org_id: &'static str,
    /// The user's name.
    pub name: &'static str,
    /// The user's address.
    pub email: &'static str,
    /// What the user is there.
    pub role: &'static str,
}

/// Two members of each of the two large organizations, and the owner of each small one.
pub const DEMO_USERS: &[DemoUser] = &[
    DemoUser {
        sub: "0b000000-0000-4000-8000-000000000001",
        org_id: ORGANIZATIONS[0].id,
        name: "Hélène Beauséjour",
        email: "helene@plomberie-beausejour.example",
        role: "owner",
    },
    DemoUser {
        sub: "0b000000-0000-4000-8000-000000000002",
        org_id: ORGANIZATIONS[0].id,
        name: "Luc Tremblay",
        email: "luc@plomberie-beausejour.example",
        role: "dispatcher",
    },
    DemoUser {
        sub: "0b000000-0000-4000-8000-000000000003",
        org_id: ORGANIZATIONS[1].id,
        name: "Réjean Lachance",
        email: "rejean@chauffage-laurentides.example",
        role: "owner",
    },
    DemoUser {
        sub: "0b000000-0000-4000-8000-000000000004",
        org_id: ORGANIZATIONS[1].id,
        name: "Noémie Gagnon",
        email: "noemie@chauffage-laurentides.example",
        role: "dispatcher",
    },
    DemoUser {
        sub: "0b000000-0000-4000-8000-000000000005",
        org_id: ORGANIZATIONS[2].id,
        name: "Denis Poulin",
        email: "denis@electricite-chaudiere.example",
        role: "owner",
    },
    DemoUser {
        sub: "0b000000-0000-4000-8000-000000000006",
        org_id: ORGANIZATIONS[3].id,
        name: "Manon Gosselin",
        email: "manon@toitures-du-fleuve.example",
        role: "owner",
    },
    DemoUser {
        sub: "0b000000-0000-4000-8000-000000000007",
        org_id: ORGANIZATIONS[4].id,
        name: "Yves Champagne",
        email: "yves@ramonage-outaouais.example",
        role: "owner",
    },
    DemoUser {
        sub: "0b000000-0000-4000-8000-000000000008",
        org_id: ORGANIZATIONS[5].id,
        name: "Lucie Savard",
        email: "lucie@climatisation-saguenay.example",
        role: "owner",
    },
];
