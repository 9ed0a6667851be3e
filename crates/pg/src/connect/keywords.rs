//! The connection parameters that libpq knows, by keyword, and the environment variables behind them.
//!
//! Holds text only; what a value means is decided where it is used. Input: the parsers beside it, and the
//! environment. Keywords: <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS>.

use std::collections::BTreeMap;

use super::ConnectError;

/// What becomes of a parameter.
enum Support {
    /// It is read.
    Read,
    /// It concerns what is never used here (Kerberos, TLS compression), and so has no effect.
    Moot,
    /// It asks for something that is not built; only these values, which ask for nothing, are accepted.
    Only(&'static [&'static str]),
}

use Support::{Moot, Only, Read};

const KEYWORDS: &[(&str, Option<&str>, Support)] = &[
    ("application_name", Some("PGAPPNAME"), Read),
    ("channel_binding", Some("PGCHANNELBINDING"), Read),
    ("client_encoding", Some("PGCLIENTENCODING"), Only(&["auto", "utf8", "UTF8", "UTF-8", "utf-8"])),
    ("connect_timeout", Some("PGCONNECT_TIMEOUT"), Read),
    ("dbname", Some("PGDATABASE"), Read),
    ("fallback_application_name", None, Read),
    ("gssdelegation", Some("PGGSSDELEGATION"), Moot),
    ("gssencmode", Some("PGGSSENCMODE"), Only(&["disable", "prefer"])),
    ("gsslib", Some("PGGSSLIB"), Moot),
    ("host", Some("PGHOST"), Read),
    ("hostaddr", Some("PGHOSTADDR"), Read),
    ("keepalives", None, Read),
    ("keepalives_count", None, Read),
    ("keepalives_idle", None, Read),
    ("keepalives_interval", None, Read),
    ("krbsrvname", Some("PGKRBSRVNAME"), Moot),
    ("load_balance_hosts", Some("PGLOADBALANCEHOSTS"), Only(&["disable"])),
    ("options", Some("PGOPTIONS"), Read),
    ("passfile", Some("PGPASSFILE"), Read),
    ("password", Some("PGPASSWORD"), Read),
    ("port", Some("PGPORT"), Read),
    ("replication", None, Only(&["false", "off", "no", "0"])),
    ("require_auth", Some("PGREQUIREAUTH"), Only(&[])),
    ("requirepeer", Some("PGREQUIREPEER"), Only(&[])),
    ("service", Some("PGSERVICE"), Only(&[])),
    ("ssl_max_protocol_version", Some("PGSSLMAXPROTOCOLVERSION"), Read),
    ("ssl_min_protocol_version", Some("PGSSLMINPROTOCOLVERSION"), Read),
    ("sslcert", Some("PGSSLCERT"), Read),
    ("sslcertmode", Some("PGSSLCERTMODE"), Only(&["allow", "disable"])),
    ("sslcompression", Some("PGSSLCOMPRESSION"), Moot),
    ("sslcrl", Some("PGSSLCRL"), Only(&[])),
    ("sslcrldir", Some("PGSSLCRLDIR"), Only(&[])),
    ("sslkey", Some("PGSSLKEY"), Read),
    ("sslmode", Some("PGSSLMODE"), Read),
    ("sslnegotiation", Some("PGSSLNEGOTIATION"), Read),
    ("sslpassword", None, Only(&[])),
    ("sslrootcert", Some("PGSSLROOTCERT"), Read),
    ("sslsni", Some("PGSSLSNI"), Read),
    ("target_session_attrs", Some("PGTARGETSESSIONATTRS"), Read),
    ("tcp_user_timeout", None, Read),
    ("user", Some("PGUSER"), Read),
];

/// Connection parameters by keyword. An empty value is kept: it hides the environment's and means the default.
#[derive(Default)]
pub(super) struct Keywords(BTreeMap<&'static str, String>);

impl Keywords {
    /// Sets a parameter; the last value wins.
    pub(super) fn set(&mut self, keyword: &str, value: String) -> Result<(), ConnectError> {
        // The one JDBC spelling that libpq takes in a URI.
        if keyword == "ssl" && value == "true" {
            return self.set("sslmode", "require".to_owned());
        }
        let Some((keyword, ..)) = KEYWORDS.iter().find(|(known, ..)| *known == keyword) else {
            return Err(ConnectError::Invalid(format!(
                "the connection string has an unknown parameter {keyword:?}; remove it or correct its spelling"
            )));
        };
        self.0.insert(keyword, value);
        Ok(())
    }

    /// Takes from the environment what is missing, then refuses what is not supported.
    pub(super) fn complete(
        &mut self,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), ConnectError> {
        for (keyword, variable, support) in KEYWORDS {
            let mut origin = *keyword;
            if let (false, Some(variable)) = (self.0.contains_key(keyword), variable)
                && let Some(value) = environment(variable)
            {
                origin = variable;
                self.0.insert(keyword, value);
            }
            if let (Only(accepted), Some(value)) = (support, self.get(keyword))
                && !accepted.contains(&value)
            {
                return Err(ConnectError::Unsupported(match accepted {
                    [] => format!("{origin} is not supported; unset it and say the same by other parameters"),
                    _ => format!("{origin}={value} is not supported; use {}", accepted[0]),
                }));
            }
        }
        Ok(())
    }

    /// The value, unless it is missing or empty.
    pub(super) fn get(&self, keyword: &str) -> Option<&str> {
        self.0.get(keyword).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value of a parameter that is one of a few words.
    pub(super) fn choice<T: Copy>(
        &self,
        keyword: &str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, ConnectError> {
        let Some(value) = self.get(keyword) else { return Ok(None) };
        match choices.iter().find(|(name, _)| *name == value) {
            Some((_, choice)) => Ok(Some(*choice)),
            None => {
                let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
                Err(ConnectError::Invalid(format!(
                    "{keyword} is {value:?}; it must be one of {}",
                    names.join(", ")
                )))
            }
        }
    }

    /// The value of a parameter that is a whole number.
    pub(super) fn number(&self, keyword: &str) -> Result<Option<i64>, ConnectError> {
        let Some(value) = self.get(keyword) else { return Ok(None) };
        match value.trim().parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => {
                Err(ConnectError::Invalid(format!("{keyword} is {value:?}; it must be a whole number")))
            }
        }
    }
}
