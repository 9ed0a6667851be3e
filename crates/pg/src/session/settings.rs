//! The statement that settles a transaction: whether it may write, its settings and, last, its role.
//!
//! Names and values are its parameters, so that its text depends on nothing but their number.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::LazyLock;

use super::Mode;

/// Requests seldom have more settings; for others the text is put together each time.
const COMMON: usize = 16;

static READ_ONLY: LazyLock<[String; COMMON]> =
    LazyLock::new(|| std::array::from_fn(|count| sql(count, Mode::ReadOnly)));
static READ_WRITE: LazyLock<[String; COMMON]> =
    LazyLock::new(|| std::array::from_fn(|count| sql(count, Mode::ReadWrite)));

/// The statement for so many settings. Its parameters are their names and values in turn, then the role.
pub(super) fn statement(count: usize, mode: Mode) -> Cow<'static, str> {
    let common = match mode {
        Mode::ReadOnly => &READ_ONLY,
        Mode::ReadWrite => &READ_WRITE,
    };
    common.get(count).map_or_else(|| sql(count, mode).into(), |sql| sql.as_str().into())
}

fn sql(count: usize, mode: Mode) -> String {
    let mut sql = String::from("select ");
    if mode == Mode::ReadOnly {
        sql.push_str("pg_catalog.set_config('transaction_read_only', 'on', true), ");
    }
    for number in 0..count {
        let (name, value) = (2 * number + 1, 2 * number + 2);
        let _ = write!(sql, "pg_catalog.set_config(${name}, ${value}, true), ");
    }
    let _ = write!(sql, "pg_catalog.set_config('role', ${}, true)", 2 * count + 1);
    sql
}
