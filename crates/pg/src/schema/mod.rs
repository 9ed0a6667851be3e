//! Courant's own schema in the database.

/// The schema's name.
pub const NAME: &str = "courant";
