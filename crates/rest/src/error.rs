//! What a client is told when a request fails: PostgREST's codes, texts and statuses.
//!
//! Errors of PostgreSQL become one in `database_error`. Never logs.

use std::borrow::Cow;

use http::StatusCode;
use serde_json::Value;

/// An error with PostgREST's code, as the client sees it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", .0.code, .0.message)]
pub struct Error(Box<Content>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Content {
    status: StatusCode,
    code: Cow<'static, str>,
    message: String,
    details: Option<Value>,
    hint: Option<String>,
    headers: Vec<(String, String)>,
    /// What the status is called, where it has no name of its own.
    reason: Option<String>,
    /// Whether it is told in `Proxy-Status`.
    proxied: bool,
}

impl Error {
    pub(crate) fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Error {
        Error(Box::new(Content {
            status,
            code: code.into(),
            message: message.into(),
            details: None,
            hint: None,
            headers: Vec::new(),
            reason: None,
            proxied: true,
        }))
    }

    pub(crate) fn details(mut self, details: impl Into<Value>) -> Error {
        self.0.details = Some(details.into());
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Error {
        self.0.hint = Some(hint.into());
        self
    }

    pub(crate) fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Error {
        self.0.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn reason(mut self, reason: impl Into<String>) -> Error {
        self.0.reason = Some(reason.into());
        self
    }

    /// What PostgREST answers where it answers a request and finds nothing to show: no `Proxy-Status`.
    pub(crate) fn unproxied(mut self) -> Error {
        self.0.proxied = false;
        self
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// PostgREST's code, or the SQLSTATE of an error of the database.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// What a function that raised it calls the status.
    pub fn reason_phrase(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// Whether `Proxy-Status` (RFC 9209) tells of it.
    pub fn is_proxied(&self) -> bool {
        self.0.proxied
    }

    /// Headers beside the usual ones (`WWW-Authenticate`, or what a function raised).
    pub fn headers(&self) -> &[(String, String)] {
        &self.0.headers
    }

    /// The body of the response, its keys in PostgREST's order.
    pub fn to_json(&self) -> String {
        let text = |value: &Option<String>| value.as_deref().map_or(Value::Null, Value::from);
        format!(
            r#"{{"code":{},"details":{},"hint":{},"message":{}}}"#,
            Value::from(self.0.code.as_ref()),
            self.0.details.as_ref().unwrap_or(&Value::Null),
            text(&self.0.hint),
            Value::from(self.0.message.as_str()),
        )
    }
}

/// The errors that a request itself can cause.
impl Error {
    pub(crate) fn parse(message: String, details: String) -> Error {
        Error::new(StatusCode::BAD_REQUEST, "PGRST100", message).details(details)
    }

    pub(crate) fn call_method(method: &http::Method) -> Error {
        let message = format!("Cannot use the {method} method on RPC");
        Error::new(StatusCode::METHOD_NOT_ALLOWED, "PGRST101", message)
    }

    pub(crate) fn body(message: impl Into<String>) -> Error {
        Error::new(StatusCode::BAD_REQUEST, "PGRST102", message)
    }

    pub(crate) fn range(details: impl Into<String>) -> Error {
        Error::new(StatusCode::RANGE_NOT_SATISFIABLE, "PGRST103", "Requested range not satisfiable")
            .details(details.into())
    }

    pub(crate) fn put_filters() -> Error {
        let message = "Filters must include all and only primary key columns with 'eq' operators";
        Error::new(StatusCode::METHOD_NOT_ALLOWED, "PGRST105", message)
    }

    pub(crate) fn schema(asked: &str, exposed: &[String]) -> Error {
        Error::new(StatusCode::NOT_ACCEPTABLE, "PGRST106", format!("Invalid schema: {asked}"))
            .hint(format!("Only the following schemas are exposed: {}", exposed.join(", ")))
    }

    pub(crate) fn media(asked: &str) -> Error {
        let message = format!("None of these media types are available: {asked}");
        Error::new(StatusCode::NOT_ACCEPTABLE, "PGRST107", message)
    }

    pub(crate) fn not_embedded(name: &str) -> Error {
        let message = format!("'{name}' is not an embedded resource in this request");
        Error::new(StatusCode::BAD_REQUEST, "PGRST108", message)
            .hint(format!("Verify that '{name}' is included in the 'select' query parameter."))
    }

    /// As [`Error::not_embedded`], of one that is embedded under another name.
    pub(crate) fn embedded_by_alias(name: &str, alias: &str) -> Error {
        Error::not_embedded(name)
            .details("Target names are not allowed in filters if they have an alias")
            .hint(format!("Change '{name}' to '{alias}' in filters, orders or limits."))
    }

    pub(crate) fn response_headers() -> Error {
        let message = "response.headers guc must be a JSON array composed of objects with a single key and a string \
                       value";
        Error::new(StatusCode::INTERNAL_SERVER_ERROR, "PGRST111", message)
    }

    pub(crate) fn response_status() -> Error {
        let message = "response.status guc must be a valid status code";
        Error::new(StatusCode::INTERNAL_SERVER_ERROR, "PGRST112", message)
    }

    pub(crate) fn put_limit() -> Error {
        let message = "limit/offset querystring parameters are not allowed for PUT";
        Error::new(StatusCode::BAD_REQUEST, "PGRST114", message)
    }

    pub(crate) fn put_key() -> Error {
        let message = "Payload values do not match URL in primary key column(s)";
        Error::new(StatusCode::BAD_REQUEST, "PGRST115", message)
    }

    pub(crate) fn not_singular(rows: u64) -> Error {
        let message = "Cannot coerce the result to a single JSON object";
        Error::new(StatusCode::NOT_ACCEPTABLE, "PGRST116", message)
            .details(format!("The result contains {rows} rows"))
    }

    pub(crate) fn method(method: &http::Method) -> Error {
        let message = format!("Unsupported HTTP method: {method}");
        Error::new(StatusCode::METHOD_NOT_ALLOWED, "PGRST117", message)
    }

    pub(crate) fn related_order(origin: &str, target: &str) -> Error {
        let message = format!("A related order on '{target}' is not possible");
        Error::new(StatusCode::BAD_REQUEST, "PGRST118", message).details(format!(
            "'{origin}' and '{target}' do not form a many-to-one or one-to-one relationship"
        ))
    }

    pub(crate) fn embed_filter(target: &str) -> Error {
        let message = format!("Bad operator on the '{target}' embedded resource");
        Error::new(StatusCode::BAD_REQUEST, "PGRST120", message)
            .details("Only is null or not is null filters are allowed on embedded resources")
    }

    pub(crate) fn preferences(invalid: &[String]) -> Error {
        Error::new(StatusCode::BAD_REQUEST, "PGRST122", "Invalid preferences given with handling=strict")
            .details(format!("Invalid preferences: {}", invalid.join(", ")))
    }

    pub(crate) fn aggregates() -> Error {
        Error::new(StatusCode::BAD_REQUEST, "PGRST123", "Use of aggregate functions is not allowed")
    }

    pub(crate) fn max_affected(rows: u64) -> Error {
        Error::new(
            StatusCode::BAD_REQUEST,
            "PGRST124",
            "Query result exceeds max-affected preference constraint",
        )
        .details(format!("The query affects {rows} rows"))
    }

    pub(crate) fn path() -> Error {
        Error::new(StatusCode::NOT_FOUND, "PGRST125", "Invalid path specified in request URL")
    }

    pub(crate) fn root() -> Error {
        Error::new(StatusCode::NOT_FOUND, "PGRST126", "Root endpoint metadata is disabled")
    }

    pub(crate) fn not_implemented(details: impl Into<String>) -> Error {
        Error::new(StatusCode::BAD_REQUEST, "PGRST127", "Feature not implemented").details(details.into())
    }

    /// A bound of [`crate::Limits`] was reached. PostgREST has none, so the code is Courant's own.
    pub(crate) fn limit(status: StatusCode, details: impl Into<String>) -> Error {
        Error::new(status, "COURANT001", "The request asks for more than this server allows")
            .details(details.into())
    }
}

/// The errors of a name that the catalog does not know.
impl Error {
    pub(crate) fn column_of_body(relation: &str, column: &str) -> Error {
        let message = format!("Could not find the '{column}' column of '{relation}' in the schema cache");
        Error::new(StatusCode::BAD_REQUEST, "PGRST204", message)
    }

    pub(crate) fn relation(schema: &str, name: &str, similar: Option<&str>) -> Error {
        let message = format!("Could not find the table '{schema}.{name}' in the schema cache");
        let error = Error::new(StatusCode::NOT_FOUND, "PGRST205", message);
        match similar {
            Some(similar) => error.hint(format!("Perhaps you meant the table '{schema}.{similar}'")),
            None => error,
        }
    }

    /// What PostgreSQL would have said, had the name been sent to it.
    pub(crate) fn column(relation: &str, column: &str) -> Error {
        Error::new(StatusCode::BAD_REQUEST, "42703", format!("column {relation}.{column} does not exist"))
    }

    /// What PostgreSQL would have said of a column that only one table can have.
    pub(crate) fn column_alone(column: &str) -> Error {
        Error::new(StatusCode::BAD_REQUEST, "42703", format!("column \"{column}\" does not exist"))
    }

    /// What PostgreSQL would have said of a column beside an aggregate.
    pub(crate) fn not_grouped(alias: &str, column: &str) -> Error {
        let message = format!(
            "column \"{alias}.{column}\" must appear in the GROUP BY clause or be used in an aggregate function"
        );
        Error::new(StatusCode::BAD_REQUEST, "42803", message)
    }

    /// What PostgreSQL would have said, had the name been sent to it.
    pub(crate) fn type_name(name: &str) -> Error {
        Error::new(StatusCode::BAD_REQUEST, "42704", format!("type \"{name}\" does not exist"))
    }
}
