//! How values of a domain are spoken of, where that is not how they are stored (PostgREST's domain representations).
//!
//! <https://docs.postgrest.org/en/stable/references/api/domain_representations.html>

use super::Dependence;

/// The functions of a domain's casts.
#[derive(Clone, Debug, Default)]
pub struct Representation {
    /// From the domain to json: what answers show.
    pub shown: Option<Conversion>,
    /// From json: what bodies say.
    pub of_json: Option<Conversion>,
    /// From text: what filters say.
    pub of_text: Option<Conversion>,
}

/// A function that converts a value.
#[derive(Clone, Debug)]
pub struct Conversion {
    /// The schema's name.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// What its result depends on besides the value.
    pub dependence: Dependence,
}
