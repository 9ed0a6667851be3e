//! The rules of coherence by name, so that the simulator can turn each one off and see itself fail.
//!
//! In a build without the feature `simulate` every rule is on, at no cost.

/// A rule without which the cache would sometimes serve an answer that is too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    not(any(test, feature = "simulate")),
    expect(dead_code, unreachable_pub, reason = "named by the simulator")
)]
pub enum Rule {
    /// An applied transaction drops the entries it touches.
    Invalidation,
    /// A fill is compared with the transactions that were applied.
    FillCheck,
    /// That comparison is by visibility in the fill's snapshot; without the rule, by the applied
    /// position at which the fill began.
    Visibility,
    /// Nothing is stored whose snapshot may miss what happened before the stream stood.
    StartBarrier,
    /// A transaction stays in the log while a fill is in flight that began before it was seen.
    PatientPruning,
    /// What the log's limits push out is covered by a barrier, or its fills are refused.
    Overflow,
    /// A fill of one epoch is not stored in another.
    EpochOnStore,
    /// A hit needs proof of freshness.
    Gate,
    /// Whoever brings a position is served only once it has been applied.
    Position,
    /// The gate is read before the store.
    GateFirst,
    /// The cache is bypassed until a write that was acknowledged unseen has been seen.
    WriteFloor,
    /// A request joins a flight only if its query was sent late enough.
    Joining,
    /// Shapes to which old rows matter are matched against old rows.
    OldValues,
    /// A value that the log does not tell may be any value.
    Wildcards,
    /// An interval includes its ends: rows that compare equal to a page's last may come before it.
    IntervalEnds,
    /// The simulated caller polls the insert position, not the flushed one.
    InsertPosition,
    /// The simulated caller notes the moment before it asks for the position.
    MomentBeforePosition,
    /// The simulated caller names the keys of the rows that an answer contains.
    ContainedKeys,
    /// The simulated caller names every column that a query looks at.
    WatchedColumns,
    /// The simulated caller opens an epoch only with a catalog that sees what closed the last one.
    CatalogSeesChange,
}

#[cfg(any(test, feature = "simulate"))]
impl Rule {
    /// Every rule.
    pub const ALL: [Rule; 20] = [
        Rule::Invalidation,
        Rule::FillCheck,
        Rule::Visibility,
        Rule::StartBarrier,
        Rule::PatientPruning,
        Rule::Overflow,
        Rule::EpochOnStore,
        Rule::Gate,
        Rule::Position,
        Rule::GateFirst,
        Rule::WriteFloor,
        Rule::Joining,
        Rule::OldValues,
        Rule::Wildcards,
        Rule::IntervalEnds,
        Rule::InsertPosition,
        Rule::MomentBeforePosition,
        Rule::ContainedKeys,
        Rule::WatchedColumns,
        Rule::CatalogSeesChange,
    ];

    /// Its name in lower case with hyphens: `start-barrier`.
    pub fn name(self) -> String {
        let mut name = String::new();
        for letter in format!("{self:?}").chars() {
            if letter.is_ascii_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }
}

/// Which rules are on: all of them, or all but one.
#[cfg(any(test, feature = "simulate"))]
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    off: Option<Rule>,
}

#[cfg(any(test, feature = "simulate"))]
impl Rules {
    /// All rules but `rule`.
    pub fn without(rule: Rule) -> Rules {
        Rules { off: Some(rule) }
    }

    pub(crate) fn on(&self, rule: Rule) -> bool {
        self.off != Some(rule)
    }
}

/// All rules are on.
#[cfg(not(any(test, feature = "simulate")))]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules(());

#[cfg(not(any(test, feature = "simulate")))]
impl Rules {
    pub(crate) fn on(&self, _: Rule) -> bool {
        true
    }
}
