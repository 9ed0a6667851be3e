//! An index that could be: what it is over, and the statement that makes it.

use std::fmt::Write as _;

use pg::identifier;

/// The longest name that PostgreSQL keeps whole.
const NAME_BYTES_MAX: usize = 63;

/// How an index finds rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// Sorted keys.
    BTree,
    /// A summary of each range of pages.
    Brin,
    /// From parts of a value to the rows that have them.
    Gin,
}

impl Method {
    /// As SQL names it.
    pub fn name(self) -> &'static str {
        match self {
            Method::BTree => "btree",
            Method::Brin => "brin",
            Method::Gin => "gin",
        }
    }
}

/// What an index is sorted or searched by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// A column, by its name.
    Column(String),
    /// An expression over the table's columns.
    Expression(String),
}

impl Key {
    /// The column, where it is one.
    pub fn column(&self) -> Option<&str> {
        match self {
            Key::Column(name) => Some(name),
            Key::Expression(_) => None,
        }
    }

    /// The column's name or the expression.
    pub fn text(&self) -> &str {
        let (Key::Column(text) | Key::Expression(text)) = self;
        text
    }
}

/// An index that could be.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Index {
    /// The table's schema.
    pub schema: String,
    /// The table.
    pub table: String,
    /// How it finds rows.
    pub method: Method,
    /// What it is sorted or searched by, in order.
    pub keys: Vec<Key>,
    /// The operator class of the first key, where it is not the default.
    pub operator_class: Option<String>,
    /// Columns that it carries along, so that the table need not be read.
    pub include: Vec<String>,
    /// Which rows it holds, as a condition; all of them where there is none.
    pub predicate: Option<String>,
}

impl Index {
    /// A b-tree over columns.
    pub(crate) fn over(schema: &str, table: &str, columns: &[&str]) -> Index {
        Index {
            schema: schema.to_owned(),
            table: table.to_owned(),
            method: Method::BTree,
            keys: columns.iter().map(|&name| Key::Column(name.to_owned())).collect(),
            operator_class: None,
            include: Vec::new(),
            predicate: None,
        }
    }

    /// Whether it is on that table.
    pub(crate) fn is_on(&self, schema: &str, table: &str) -> bool {
        self.schema == schema && self.table == table
    }

    /// The statement that makes it, under this name.
    pub fn definition(&self, name: &str) -> String {
        self.statement("create index ", name)
    }

    /// The statement that makes it where others are at work.
    pub fn ddl(&self) -> String {
        self.statement("create index concurrently ", &self.name())
    }

    fn statement(&self, head: &str, name: &str) -> String {
        let class = |at: usize| match (&self.operator_class, at) {
            (Some(class), 0) => format!(" {class}"),
            _ => String::new(),
        };
        let keys = self.keys.iter().enumerate().map(|(at, key)| match key {
            Key::Column(column) => identifier(column) + &class(at),
            Key::Expression(text) => format!("({text}){}", class(at)),
        });
        let mut text = format!(
            "{head}{} on {}.{} using {} ({})",
            identifier(name),
            identifier(&self.schema),
            identifier(&self.table),
            self.method.name(),
            keys.collect::<Vec<_>>().join(", ")
        );
        // Writing to a string does not fail.
        if !self.include.is_empty() {
            let columns: Vec<_> = self.include.iter().map(|column| identifier(column)).collect();
            let _ = write!(text, " include ({})", columns.join(", "));
        }
        if let Some(predicate) = &self.predicate {
            let _ = write!(text, " where {predicate}");
        }
        text
    }

    /// A name that tells what it is over, and differs from those of others that are alike.
    pub fn name(&self) -> String {
        let plain = |text: &str| -> String {
            text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(24).collect()
        };
        let mut name = plain(&self.table);
        for key in &self.keys {
            let _ = write!(name, "_{}", plain(key.text()));
        }
        let rest = (&self.include, &self.predicate, self.method, &self.operator_class);
        let end = if self.include.is_empty() && self.predicate.is_none() && self.method == Method::BTree {
            "_idx".to_owned()
        } else {
            format!("_{:04x}_idx", digest(&format!("{rest:?}")))
        };
        name.truncate(NAME_BYTES_MAX - end.len());
        name + &end
    }
}

/// FNV-1a, folded to 16 bits: the same in every run.
fn digest(text: &str) -> u16 {
    let hash =
        text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash ^ (hash >> 16)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_quotes_every_name() {
        let mut index = Index::over("app", "Order \"x\"", &["user"]);
        index.include = vec!["total".to_owned()];
        index.predicate = Some("(state = 'open'::text)".to_owned());
        assert_eq!(
            index.definition("i"),
            "create index \"i\" on \"app\".\"Order \"\"x\"\"\" using btree (\"user\") include (\"total\") \
             where (state = 'open'::text)"
        );
    }

    #[test]
    fn names_fit_and_differ_where_the_indexes_do() {
        let long = "a".repeat(40);
        let plain = Index::over("public", &long, &[&long, &long, &long]);
        let mut covering = plain.clone();
        covering.include = vec!["b".to_owned()];
        assert!(plain.name().len() <= 63 && covering.name().len() <= 63);
        assert_ne!(plain.name(), covering.name());
    }
}
