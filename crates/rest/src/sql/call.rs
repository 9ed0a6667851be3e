//! A function called with arguments by name.

use pg::catalog::Returns;

use super::SCALAR;
use super::rows::{SOURCE, computed};
use super::writer::Writer;
use crate::plan::{Arguments, Call};

/// Selects the function's rows; a scalar under the name [`SCALAR`].
pub(super) fn call(w: &mut Writer, call: &Call) {
    let function = &call.function;
    w.sql("select ").numbered(SOURCE, 0).sql(".*");
    computed(w, &call.computed, false);
    w.sql(" from ");
    if let Arguments::Members { json, array, given } = &call.arguments
        && !given.is_empty()
    {
        w.sql(if *array { "(select * from json_to_recordset(" } else { "json_to_record(" });
        w.bind(json.clone()).sql(") as \"courant_arguments\"(");
        w.list(", ", given, |w, argument| {
            w.name(&argument.name).sql(" ").type_name(&argument.type_name);
        });
        w.sql(if *array { ") limit 1) as \"courant_arguments\"" } else { ")" });
        w.sql(" cross join lateral ");
    }
    // A `record` tells no columns, so it can only be selected as a value. Everything else is called as a table,
    // which PostgreSQL does even where nobody looks at what comes of it.
    let record = function.returns == Returns::Scalar("record".to_owned());
    w.sql(if record { "(select " } else { "" });
    w.name(&function.schema).sql(".").name(&function.name).sql("(");
    match &call.arguments {
        Arguments::Values(given) => w.list(", ", given, |w, argument| {
            w.sql(if argument.variadic { "variadic " } else { "" });
            w.name(&argument.name).sql(" := ");
            w.bind(argument.value.clone()).sql("::").type_name(&argument.type_name);
        }),
        Arguments::Members { given, .. } => w.list(", ", given, |w, argument| {
            w.sql(if argument.variadic { "variadic " } else { "" });
            w.name(&argument.name).sql(" := \"courant_arguments\".").name(&argument.name);
        }),
        Arguments::Whole { body, type_name } => w.bind(body.clone()).sql("::").type_name(type_name),
    };
    w.sql(")");
    if record {
        w.sql(" as ").name(SCALAR).sql(")");
    }
    w.sql(" as ").numbered(SOURCE, 0);
    if !record && matches!(function.returns, Returns::Scalar(_) | Returns::Void) {
        w.sql("(").name(SCALAR).sql(")");
    }
}
