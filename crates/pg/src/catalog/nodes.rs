//! Reads PostgreSQL's stored expressions and queries (`pg_node_tree`) for what they mention.
//!
//! Input is the text of `pg_rewrite.ev_action`, `pg_policy.polqual`, `pg_proc.prosqlbody` and their like. The
//! reader knows the grammar of the text, and of the nodes only the fields that name a relation, a function
//! or an operator, wherever they stand: a node that a later version adds is read as well. Never interprets
//! a tree, never guesses: text that does not follow the grammar is refused.

use std::collections::BTreeSet;

use super::{Obstacle, Settings};

mod targets;

pub(super) use targets::{Target, targets};

/// What an expression, a query or a function body mentions by itself, before anything is followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mentions {
    /// Relations, by oid.
    pub(super) relations: BTreeSet<u32>,
    /// Functions, by oid.
    pub(super) functions: BTreeSet<u32>,
    /// Operators, by oid.
    pub(super) operators: BTreeSet<u32>,
    /// Domains to which something is coerced, by oid.
    pub(super) domains: BTreeSet<u32>,
    /// Columns of whatever relation, by number; zero is a whole row, and below are the system's.
    pub(super) columns: BTreeSet<i16>,
    /// Settings read with `current_setting`.
    pub(super) settings: Settings,
    /// What is no function and yet not the same for ever.
    pub(super) obstacles: BTreeSet<(&'static str, Obstacle)>,
}

/// The text does not follow the grammar of node trees.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// `current_setting(text)` and `current_setting(text, boolean)`; the numbers of built-in functions never change.
const CURRENT_SETTING: [u32; 2] = [2077, 3294];
const TEXT: u32 = 25;

/// Types whose input function looks a name up in the catalogs: `regproc`, `regclass` and their kin.
const CATALOG_NAMES: [u32; 11] = [24, 2202, 2203, 2204, 2205, 2206, 3734, 3769, 4089, 4096, 4191];

/// Adds what the tree mentions.
pub(super) fn read(tree: &str, mentions: &mut Mentions) -> Result<(), Malformed> {
    let mut tokens = Tokens(tree);
    let mut open: Vec<Node<'_>> = Vec::new();
    let mut outer_lists = 0_u32;
    while let Some(token) = tokens.next() {
        match (token, open.last_mut()) {
            ("{", parent) => {
                if let Some(parent) = parent {
                    parent.take_value()?;
                    parent.children += 1;
                }
                open.push(Node::named(tokens.next().ok_or(Malformed)?));
            }
            ("}", Some(node)) if node.lists == 0 && !node.wants_value => {
                let node = open.pop().expect("matched above");
                node.close(open.last_mut(), mentions)?;
            }
            ("(", Some(node)) => {
                node.take_value()?;
                node.lists += 1;
            }
            (")", Some(node)) if node.lists > 0 => node.lists -= 1,
            ("(", None) => outer_lists += 1,
            (")", None) => outer_lists = outer_lists.checked_sub(1).ok_or(Malformed)?,
            ("[", Some(node)) if node.field == "constvalue" && !node.wants_value => {
                node.constant = Some(bytes(&mut tokens)?)
            }
            ("<>", None) => {}
            ("}" | ")", _) | (_, None) => return Err(Malformed),
            (word, Some(node)) => node.word(word, mentions)?,
        }
    }
    if open.is_empty() && outer_lists == 0 { Ok(()) } else { Err(Malformed) }
}

/// A node whose closing brace has not been reached.
struct Node<'a> {
    name: &'a str,
    field: &'a str,
    wants_value: bool,
    /// How many lists of the field's value are open.
    lists: u32,
    /// How many nodes the field's value has held so far.
    children: u32,
    function: u32,
    /// `:type`, `:consttype` or `:resulttype`.
    kind: u32,
    constant: Option<Vec<u8>>,
    /// The text of the first argument, where that is a constant.
    first_argument: Option<String>,
}

impl<'a> Node<'a> {
    fn named(name: &'a str) -> Node<'a> {
        Node {
            name,
            field: "",
            wants_value: false,
            lists: 0,
            children: 0,
            function: 0,
            kind: 0,
            constant: None,
            first_argument: None,
        }
    }

    /// A value begins: either the field's only one, or one more in its list.
    fn take_value(&mut self) -> Result<(), Malformed> {
        if !self.wants_value && self.lists == 0 {
            return Err(Malformed);
        }
        self.wants_value = false;
        Ok(())
    }

    fn word(&mut self, word: &'a str, mentions: &mut Mentions) -> Result<(), Malformed> {
        // A value may begin with a colon (a column can be named so), hence the order of these tests.
        if self.wants_value || self.lists > 0 {
            self.wants_value = false;
            return self.value(word, mentions);
        }
        self.field = word.strip_prefix(':').ok_or(Malformed)?;
        self.wants_value = true;
        self.children = 0;
        Ok(())
    }

    fn value(&mut self, word: &str, mentions: &mut Mentions) -> Result<(), Malformed> {
        let number = || word.parse::<u32>().map_err(|_| Malformed);
        if self.field == "varattno" {
            mentions.columns.insert(word.parse().map_err(|_| Malformed)?);
            return Ok(());
        }
        let seen = match self.field {
            "relid" => &mut mentions.relations,
            "funcid" | "opfuncid" | "aggfnoid" | "winfnoid" => &mut mentions.functions,
            "opno" => &mut mentions.operators,
            // `(o 97 97)`: the letter says what the list holds.
            "opnos" if word == "o" => return Ok(()),
            "opnos" => &mut mentions.operators,
            "type" if self.name != "SQLVALUEFUNCTION" => return Ok(()),
            "type" | "consttype" | "resulttype" => {
                self.kind = number()?;
                return Ok(());
            }
            _ => return Ok(()),
        };
        let id = number()?;
        if self.field == "funcid" {
            self.function = id;
        }
        if id != 0 {
            seen.insert(id);
        }
        Ok(())
    }

    fn close(self, parent: Option<&mut Node<'_>>, mentions: &mut Mentions) -> Result<(), Malformed> {
        match self.name {
            "FUNCEXPR" if CURRENT_SETTING.contains(&self.function) => mentions.setting(self.first_argument),
            "CONST" if self.kind == TEXT => {
                if let Some(parent) = parent
                    && (parent.name, parent.field, parent.children) == ("FUNCEXPR", "args", 1)
                {
                    parent.first_argument = self.constant.as_deref().and_then(text_of_datum);
                }
            }
            "SQLVALUEFUNCTION" => mentions.obstacles.extend(clock(self.kind)?),
            "NEXTVALUEEXPR" => _ = mentions.obstacles.insert(("nextval", Obstacle::Sequence)),
            "TABLESAMPLECLAUSE" => _ = mentions.obstacles.insert(("tablesample", Obstacle::Volatile)),
            // With SKIP LOCKED the answer depends on who holds which lock.
            "ROWMARKCLAUSE" => _ = mentions.obstacles.insert(("for update", Obstacle::Volatile)),
            "COERCEVIAIO" if CATALOG_NAMES.contains(&self.kind) => {
                _ = mentions.obstacles.insert(("regclass", Obstacle::Catalog));
            }
            "COERCETODOMAIN" => _ = mentions.domains.insert(self.kind),
            _ => {}
        }
        Ok(())
    }
}

impl Mentions {
    /// A call of `current_setting` with that name, or with one that is computed.
    pub(super) fn setting(&mut self, name: Option<String>) {
        let read = match name {
            Some(name) => Settings::Only(BTreeSet::from([name.to_lowercase()])),
            None => Settings::Any,
        };
        self.settings.add(&read);
    }
}

/// What `current_date`, `current_user` and their kin are, told apart by the type of their value.
fn clock(kind: u32) -> Result<Option<(&'static str, Obstacle)>, Malformed> {
    let name = match kind {
        // `current_user`, `current_role`, `current_catalog`, `current_schema`: the role is in every key.
        19 => return Ok(None),
        1082 => "current_date",
        1083 => "localtime",
        1114 => "localtimestamp",
        1184 => "current_timestamp",
        1266 => "current_time",
        _ => return Err(Malformed),
    };
    Ok(Some((name, Obstacle::Clock)))
}

/// The bytes of a constant: signed decimal numbers up to the closing bracket.
fn bytes(tokens: &mut Tokens<'_>) -> Result<Vec<u8>, Malformed> {
    let mut bytes = Vec::new();
    loop {
        match tokens.next().ok_or(Malformed)? {
            "]" => return Ok(bytes),
            number => {
                let signed: i16 = number.parse().map_err(|_| Malformed)?;
                bytes.push(signed as u8);
            }
        }
    }
}

/// The content of a `text` datum: four bytes of length in the server's byte order, then the text.
fn text_of_datum(datum: &[u8]) -> Option<String> {
    let (header, text) = datum.split_first_chunk::<4>()?;
    let little = u32::from_le_bytes(*header) >> 2;
    let big = u32::from_be_bytes(*header) & 0x3FFF_FFFF;
    let whole = u32::try_from(datum.len()).ok()?;
    if whole != little && whole != big {
        return None;
    }
    String::from_utf8(text.to_vec()).ok()
}

/// The words of the text; a backslash takes the next character's meaning away.
struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.0.trim_start_matches([' ', '\n', '\t']);
        let bytes = text.as_bytes();
        let first = *bytes.first()?;
        let mut end = 0;
        if matches!(first, b'(' | b')' | b'{' | b'}') {
            end = 1;
        } else {
            while end < bytes.len() && !matches!(bytes[end], b' ' | b'\n' | b'\t' | b'(' | b')' | b'{' | b'}')
            {
                end += if bytes[end] == b'\\' { 2 } else { 1 };
            }
        }
        // After a backslash the next character may be longer than a byte.
        while !text.is_char_boundary(end.min(text.len())) {
            end += 1;
        }
        let (token, rest) = text.split_at(end.min(text.len()));
        self.0 = rest;
        Some(token)
    }
}

#[cfg(test)]
mod tests;
