//! Expressions and conditions on one relation's rows.

use super::rows::{EMBED, SOURCE};
use super::writer::Writer;
use crate::grammar::{Comparison, Is, Quantifier, Search, Step, Test};
use crate::plan::{Column, Condition, Embed};

const JSON: u32 = 114;
const JSONB: u32 = 3802;
const TSVECTOR: u32 = 3614;

/// A column and the path into it.
pub(super) fn expression(w: &mut Writer, number: usize, column: &Column) {
    if column.path.is_empty() {
        return value(w, number, column);
    }
    // A path into anything but JSON (a composite, an array) goes through its JSON form.
    let json = matches!(column.type_id, JSON | JSONB);
    w.sql(if json { "" } else { "to_jsonb(" });
    value(w, number, column);
    w.sql(if json { "" } else { ")" });
    for arrow in &column.path {
        w.sql(if arrow.as_text { "->>" } else { "->" });
        match &arrow.step {
            Step::Key(key) => w.json_key(key),
            Step::Index(index) => w.integer(*index),
        };
    }
}

fn value(w: &mut Writer, number: usize, column: &Column) {
    match &column.computed {
        Some(function) => {
            w.name(&function.schema).sql(".").name(&function.name);
            w.sql("(").numbered(SOURCE, number).sql(")");
        }
        None => _ = w.column(SOURCE, number, &column.name),
    }
}

/// A condition, fit to stand beside others under `and`.
pub(super) fn condition(w: &mut Writer, number: usize, embeds: &[Embed], condition_of: &Condition) {
    match condition_of {
        Condition::Test { column, negated, test } => {
            w.sql(if *negated { "not (" } else { "" });
            self::test(w, number, column, test);
            w.sql(if *negated { ")" } else { "" });
        }
        Condition::Embed { embed, negated, is } => {
            w.column(EMBED, embeds[*embed].node.number, "value");
            w.sql(if (*is == Is::Null) == *negated { " is not null" } else { " is null" });
        }
        Condition::Tree { negated, any, children } => {
            w.sql(if *negated { "not (" } else { "(" });
            w.list(if *any { " or " } else { " and " }, children, |w, child| {
                condition(w, number, embeds, child)
            });
            w.sql(")");
        }
    }
}

fn test(w: &mut Writer, number: usize, column: &Column, test: &Test) {
    match test {
        Test::Compare { comparison, quantifier, value } => {
            expression(w, number, column);
            w.sql(operator(*comparison));
            // In a pattern `*` may stand for `%`, which would have to be percent-encoded.
            let pattern = matches!(comparison, Comparison::Like | Comparison::ILike);
            let value = if pattern { value.replace('*', "%") } else { value.clone() };
            match quantifier {
                None if column.of_text().is_some() => {
                    w.converted(column.of_text(), |w| _ = w.bind(value).sql("::text"));
                    w
                }
                None if *comparison == Comparison::Equal && column.path.is_empty() => {
                    w.bind_beside(column.type_id, value)
                }
                None => w.bind(value),
                Some(Quantifier::Any) => list(w.sql("any ("), column, value).sql(")"),
                Some(Quantifier::All) => list(w.sql("all ("), column, value).sql(")"),
            };
        }
        Test::In(values) => {
            expression(w, number, column);
            // `in.()` is a list without elements, not one with an empty element.
            let values =
                if values.iter().all(String::is_empty) && values.len() == 1 { &[] } else { &values[..] };
            let values = array_literal(values.iter().map(String::as_str));
            list(w.sql(" = any ("), column, values).sql(")");
        }
        Test::Is(is) => {
            expression(w, number, column);
            w.sql(match is {
                Is::Null => " is null",
                Is::NotNull => " is not null",
                Is::True => " is true",
                Is::False => " is false",
                Is::Unknown => " is unknown",
            });
        }
        Test::Search { search, language, value } => {
            let vector = column.type_id == TSVECTOR && column.path.is_empty() || column.type_id == 0;
            w.sql(if vector { "" } else { "to_tsvector(" });
            if let (Some(language), false) = (language, vector) {
                w.bind(language.clone()).sql(", ");
            }
            expression(w, number, column);
            w.sql(if vector { " @@ " } else { ") @@ " });
            w.sql(match search {
                Search::Query => "to_tsquery(",
                Search::Plain => "plainto_tsquery(",
                Search::Phrase => "phraseto_tsquery(",
                Search::Web => "websearch_to_tsquery(",
            });
            if let Some(language) = language {
                w.bind(language.clone()).sql(", ");
            }
            w.bind(value.clone()).sql(")");
        }
    }
}

/// The values of an array's text, each as the column's domain is spoken of.
fn list<'w>(w: &'w mut Writer, column: &Column, values: String) -> &'w mut Writer {
    if column.of_text().is_none() {
        return w.bind(values);
    }
    w.sql("array(select ");
    w.converted(column.of_text(), |w| _ = w.sql("\"courant_value\""));
    w.sql(" from unnest(").bind(values).sql("::text[]) as \"courant_value\")")
}

fn operator(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => " = ",
        Comparison::NotEqual => " <> ",
        Comparison::Greater => " > ",
        Comparison::GreaterEqual => " >= ",
        Comparison::Less => " < ",
        Comparison::LessEqual => " <= ",
        Comparison::Like => " like ",
        Comparison::ILike => " ilike ",
        Comparison::Match => " ~ ",
        Comparison::IMatch => " ~* ",
        Comparison::Distinct => " is distinct from ",
        Comparison::Contains => " @> ",
        Comparison::Contained => " <@ ",
        Comparison::Overlaps => " && ",
        Comparison::StrictlyLeft => " << ",
        Comparison::StrictlyRight => " >> ",
        Comparison::NotRight => " &< ",
        Comparison::NotLeft => " &> ",
        Comparison::Adjacent => " -|- ",
    }
}

/// The text of an array with these elements, each quoted.
pub(crate) fn array_literal<'a>(elements: impl Iterator<Item = &'a str>) -> String {
    let mut literal = String::from("{");
    for (position, element) in elements.enumerate() {
        literal.push_str(if position > 0 { ",\"" } else { "\"" });
        for c in element.chars() {
            if matches!(c, '"' | '\\') {
                literal.push('\\');
            }
            literal.push(c);
        }
        literal.push('"');
    }
    literal.push('}');
    literal
}
