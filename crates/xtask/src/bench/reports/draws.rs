//! The values that placeholders take, as the example draws them: read once, past row-level security.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use field_service::{DEMO_USERS, DemoUser, ORGANIZATIONS};
use jsonwebtoken::{EncodingKey, Header};
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::json;
use tokio_postgres::Client;

use super::script::Visitor;

/// Everything that may be drawn.
pub(super) struct Draws {
    /// By the draw's name and the organization.
    values: HashMap<(&'static str, &'static str), Vec<String>>,
    people: Vec<Person>,
    service_token: String,
}

/// One of the four people of the two large organizations.
struct Person {
    user: DemoUser,
    token: String,
}

/// Who makes a visit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who<'a> {
    pub(super) org_id: &'static str,
    pub(super) user_id: &'static str,
    /// What the requests are signed with; anonymous ones with nothing.
    pub(super) token: Option<&'a str>,
}

impl Draws {
    /// Runs all draws.
    pub(super) async fn read(client: &Client, secret: &str) -> Result<Draws> {
        let organizations = &ORGANIZATIONS[..2];
        let mut values: HashMap<_, Vec<String>> = HashMap::new();
        for draw in field_service::draws() {
            let rows =
                client.query(draw.sql, &[]).await.with_context(|| format!("the draw {}", draw.name))?;
            for row in &rows {
                let (of, value): (Option<&str>, String) = (row.get(0), row.get(1));
                for org in organizations.iter().filter(|org| of.is_none_or(|id| id == org.id)) {
                    values.entry((draw.name, org.id)).or_default().push(value.clone());
                }
            }
        }
        let key = EncodingKey::from_secret(secret.as_bytes());
        // Far enough ahead for any run.
        let until_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs() + 86_400;
        let sign = |claims: serde_json::Value| jsonwebtoken::encode(&Header::default(), &claims, &key);
        let members = DEMO_USERS.iter().filter(|user| organizations.iter().any(|org| org.id == user.org_id));
        let people = members.map(|user| {
            let claims = json!({ "role": "authenticated", "sub": user.sub, "exp": until_s });
            Ok(Person { user: *user, token: sign(claims)? })
        });
        let service_token = sign(json!({ "role": "service_role", "exp": until_s }))?;
        Ok(Draws { values, people: people.collect::<Result<_>>()?, service_token })
    }

    /// Who makes the next visit.
    pub(super) fn who(&self, visitor: Visitor, dice: &mut StdRng) -> Who<'_> {
        let person = &self.people[dice.random_range(0..self.people.len())];
        let token = match visitor {
            Visitor::Member => Some(person.token.as_str()),
            Visitor::Service => Some(self.service_token.as_str()),
            Visitor::Anonymous => None,
        };
        Who { org_id: person.user.org_id, user_id: person.user.sub, token }
    }

    /// A value for a placeholder.
    pub(super) fn draw(&self, name: &str, who: Who<'_>, dice: &mut StdRng) -> Result<String> {
        match name {
            "org_id" => return Ok(who.org_id.to_owned()),
            "user_id" => return Ok(who.user_id.to_owned()),
            _ => {}
        }
        let found = self.values.iter().find(|((draw, org), _)| *draw == name && *org == who.org_id);
        let (_, values) = found.with_context(|| format!("nothing is drawn for {{{name}}}"))?;
        Ok(values[dice.random_range(0..values.len())].clone())
    }
}
