//! What a write leaves behind beside its changes: a mark in the database's log, an entry in the audit log.
//!
//! Both are parts of its transaction, so that neither can be there without it; both come behind the request's own
//! statement, and neither says anything if that has written nothing.

/// What precedes the COMMIT of a transaction that has written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trail<'a> {
    /// The content of a logical message.
    pub mark: Option<&'a str>,
    /// The entry in the audit log.
    pub record: Option<&'a Record>,
}

/// Who wrote where: never what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The client's address.
    pub client: String,
    /// The database role it wrote as.
    pub role: Option<String>,
    /// Who that was, by the token.
    pub sub: Option<String>,
    /// The request's method.
    pub method: String,
    /// The relation or function.
    pub target: String,
    /// The request's own number, if it brought one.
    pub request: Option<String>,
}

impl<'a> Trail<'a> {
    /// A mark alone.
    pub fn mark(content: &'a str) -> Trail<'a> {
        Trail { mark: Some(content), record: None }
    }
}

impl Record {
    /// In the order of the statement's parameters.
    pub(super) fn values(&self) -> [Option<&[u8]>; 6] {
        let Record { client, role, sub, method, target, request } = self;
        [Some(client), role.as_ref(), sub.as_ref(), Some(method), Some(target), request.as_ref()]
            .map(|value| value.map(String::as_bytes))
    }
}
