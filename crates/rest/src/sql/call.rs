//! A function called with arguments by name.

use pg::catalog::Returns;

use super::rows::{SOURCE, computed};
use super::writer::Writer;
use crate::plan::{Arguments, Call};

/// Selects the function's rows; a scalar under the name `value`.
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
    w.sql(") as ").numbered(SOURCE, 0);
    if matches!(function.returns, Returns::Scalar(_) | Returns::Void) {
        w.sql("(\"value\")");
    }
}
