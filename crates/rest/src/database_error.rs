//! Errors of PostgreSQL, as PostgREST answers them: SQLSTATE to status, and `RAISE` with a response in it.

use http::StatusCode;
use serde_json::{Map, Value};

use crate::Error;

impl Error {
    /// The error that PostgreSQL reported, for a request that was (`authenticated`) or was not signed.
    pub fn from_database(
        sqlstate: &str,
        message: &str,
        detail: Option<&str>,
        hint: Option<&str>,
        authenticated: bool,
    ) -> Error {
        if sqlstate == "PGRST" {
            return raised(message, detail);
        }
        let status = status(sqlstate, message, authenticated);
        // Of a function's rows, whose columns only PostgreSQL knows, by the name that PostgREST's users know.
        let message = match message.strip_prefix("column courant_0.") {
            Some(column) => format!("column pgrst_call.{column}"),
            None => message.to_owned(),
        };
        let mut error = Error::new(status, sqlstate.to_owned(), message);
        if let Some(detail) = detail {
            error = error.details(detail);
        }
        if let Some(hint) = hint {
            error = error.hint(hint);
        }
        match status {
            StatusCode::UNAUTHORIZED => error.header("WWW-Authenticate", "Bearer"),
            _ => error,
        }
    }
}

/// <https://docs.postgrest.org/en/stable/references/errors.html#http-status-codes>
fn status(sqlstate: &str, message: &str, authenticated: bool) -> StatusCode {
    match sqlstate {
        "21000" if message.ends_with("requires a WHERE clause") => return StatusCode::BAD_REQUEST,
        "22023" if message.starts_with("role") && message.ends_with("does not exist") => {
            return StatusCode::UNAUTHORIZED;
        }
        "23503" | "23505" => return StatusCode::CONFLICT,
        "25006" => return StatusCode::METHOD_NOT_ALLOWED,
        "42501" if authenticated => return StatusCode::FORBIDDEN,
        "42501" => return StatusCode::UNAUTHORIZED,
        "42883" if message.starts_with("function xmlagg(") => return StatusCode::NOT_ACCEPTABLE,
        "42883" | "42P01" => return StatusCode::NOT_FOUND,
        "42P17" | "53400" | "21000" => return StatusCode::INTERNAL_SERVER_ERROR,
        "57P01" => return StatusCode::SERVICE_UNAVAILABLE,
        "P0001" => return StatusCode::BAD_REQUEST,
        _ => {}
    }
    match sqlstate.get(..2).unwrap_or_default() {
        "PT" => sqlstate
            .get(2..)
            .and_then(|code| code.parse::<u16>().ok())
            .and_then(|code| StatusCode::from_u16(code).ok())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        "08" | "53" => StatusCode::SERVICE_UNAVAILABLE,
        "0L" | "0P" | "28" => StatusCode::FORBIDDEN,
        "09" | "25" | "2D" | "38" | "39" | "3B" | "40" | "54" | "55" | "57" | "58" | "F0" | "HV" | "P0"
        | "XX" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// `RAISE SQLSTATE 'PGRST'` carries the whole response: the body in its message, the rest in its detail.
fn raised(message: &str, detail: Option<&str>) -> Error {
    let broken = |details: String, hint: &str| {
        let text = "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error";
        Error::new(StatusCode::INTERNAL_SERVER_ERROR, "PGRST121", text).details(details).hint(hint)
    };
    const ABOUT_MESSAGE: &str = "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and \
                                 optional keys: 'details', 'hint'.";
    const ABOUT_DETAIL: &str = "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and \
                                optional key: 'status_text'.";
    let object = |text: &str| serde_json::from_str::<Map<String, Value>>(text).ok();
    let body = object(message).filter(|body| body.get("code").is_some_and(Value::is_string));
    let Some((body, text)) = body.as_ref().and_then(|body| Some((body, body.get("message")?.as_str()?)))
    else {
        return broken(format!("Invalid JSON value for MESSAGE: '{message}'"), ABOUT_MESSAGE);
    };
    let Some(detail) = detail else {
        return broken("DETAIL is missing in the RAISE statement".to_owned(), ABOUT_DETAIL);
    };
    let parsed = object(detail).and_then(|rest| {
        let status = rest.get("status")?.as_u64()?;
        let status = StatusCode::from_u16(u16::try_from(status).ok()?).ok()?;
        let headers = rest.get("headers")?.as_object()?.clone();
        let reason = match rest.get("status_text") {
            None | Some(Value::Null) => None,
            Some(reason) => Some(reason.as_str()?.to_owned()),
        };
        headers.values().all(Value::is_string).then_some((status, reason, headers))
    });
    let Some((status, reason, headers)) = parsed else {
        return broken(format!("Invalid JSON value for DETAIL: '{detail}'"), ABOUT_DETAIL);
    };
    let code = body.get("code").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut error = Error::new(status, code, text);
    if let Some(details) = body.get("details").filter(|details| !details.is_null()) {
        error = error.details(details.clone());
    }
    if let Some(hint) = body.get("hint").and_then(Value::as_str) {
        error = error.hint(hint);
    }
    if let Some(reason) = reason {
        error = error.reason(reason);
    }
    for (name, value) in &headers {
        error = error.header(name.as_str(), value.as_str().unwrap_or_default());
    }
    error
}
