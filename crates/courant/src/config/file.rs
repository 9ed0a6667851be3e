//! Reads `courant.toml`: which keys it gives, and on which line.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, nearest};
use super::given::Given;
use super::keys::Key;
use super::load::Layer;

/// A file's text and its name, for messages.
pub(super) struct File<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

impl File<'_> {
    /// The keys it gives; one that is not known is an error, because a misspelt limit is no limit.
    pub(super) fn read(&self) -> Result<Layer, ConfigError> {
        let table = DeTable::parse(self.text).map_err(|error| ConfigError::Syntax {
            place: self.place(&error.span().unwrap_or_default()),
            // The parser's advice may go over several lines.
            message: error.message().lines().collect::<Vec<_>>().join(", "),
        })?;
        let mut layer = Layer::new();
        self.collect("", table.get_ref(), &mut layer)?;
        Ok(layer)
    }

    fn collect(&self, above: &str, table: &DeTable<'_>, layer: &mut Layer) -> Result<(), ConfigError> {
        for (key, value) in table.iter() {
            let name = if above.is_empty() {
                key.get_ref().to_string()
            } else {
                format!("{above}.{}", key.get_ref())
            };
            let place = self.place(&key.span());
            let section = format!("{name}.");
            match (Key::named(&name), value.get_ref()) {
                (Some(known), value) => {
                    let given = given(value).ok_or_else(|| ConfigError::Invalid {
                        key: name,
                        place: place.clone(),
                        why: "expected a string, a whole number, true or false, or an array of strings"
                            .to_owned(),
                    })?;
                    layer.insert(known.name, (given, place));
                }
                (None, DeValue::Table(inner)) if Key::all().any(|key| key.name.starts_with(&section)) => {
                    self.collect(&name, inner, layer)?;
                }
                (None, value) => {
                    let known = Key::all().map(|key| key.name);
                    let sections = Key::all().filter_map(|key| Some(key.name.split_once('.')?.0));
                    let nearest = match value {
                        DeValue::Table(_) => nearest(&name, sections),
                        _ => nearest(&name, known),
                    };
                    return Err(ConfigError::UnknownKey { name, place, nearest });
                }
            }
        }
        Ok(())
    }

    fn place(&self, span: &Range<usize>) -> String {
        let before = self.text.get(..span.start).unwrap_or_default();
        format!("{}, line {}", self.name, 1 + before.matches('\n').count())
    }
}

fn given(value: &DeValue<'_>) -> Option<Given> {
    Some(match value {
        DeValue::String(text) => Given::Text(text.to_string()),
        DeValue::Integer(number) => {
            Given::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()?)
        }
        DeValue::Boolean(value) => Given::Boolean(*value),
        DeValue::Array(items) => {
            let items: Vec<&DeValue<'_>> = items.iter().map(Spanned::get_ref).collect();
            if !items.is_empty() && items.iter().all(|item| item.is_table()) {
                let tables = items.iter().filter_map(|item| item.as_table());
                Given::Tables(tables.map(entries).collect::<Option<_>>()?)
            } else {
                Given::List(items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>()?)
            }
        }
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => return None,
    })
}

fn entries(table: &DeTable<'_>) -> Option<BTreeMap<String, Given>> {
    table.iter().map(|(key, value)| Some((key.get_ref().to_string(), given(value.get_ref())?))).collect()
}
