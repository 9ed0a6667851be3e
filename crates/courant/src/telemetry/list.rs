//! The closed list of metrics: whatever is registered is in it, with its labels, and nothing else is.
//!
//! The pages under `docs/` and the dashboard are made from it (`cargo xtask reference`).

use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::{Atomic as CounterAtomic, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{Atomic as GaugeAtomic, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry, Unit};

/// What all names begin with.
const PREFIX: &str = "courant";

/// The registry, and what is in it.
pub(crate) struct List {
    pub(super) registry: Registry,
    all: Vec<Listed>,
}

/// A metric as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// With prefix and unit, without what the format adds (`_total`, `_bucket`).
    pub(crate) name: String,
    /// `counter`, `gauge` or `histogram`.
    pub(crate) kind: String,
    pub(crate) labels: &'static [&'static str],
    /// `seconds` or `bytes`; empty: a count.
    pub(crate) unit: String,
    pub(crate) meaning: String,
}

/// Something with labels that are known by name.
pub(crate) trait Labelled {
    const LABELS: &'static [&'static str];
}

impl<N, A: CounterAtomic<N>> Labelled for Counter<N, A> {
    const LABELS: &'static [&'static str] = &[];
}

impl<N, A: GaugeAtomic<N>> Labelled for Gauge<N, A> {
    const LABELS: &'static [&'static str] = &[];
}

impl Labelled for Histogram {
    const LABELS: &'static [&'static str] = &[];
}

impl<S: LabelNames, M, C> Labelled for Family<S, M, C> {
    const LABELS: &'static [&'static str] = S::NAMES;
}

/// The names in a set of labels.
pub(crate) trait LabelNames: EncodeLabelSet {
    const NAMES: &'static [&'static str];
}

/// Declares a set of labels, each field a label.
macro_rules! labels {
    ($(#[$attribute:meta])* struct $name:ident { $($label:ident: $kind:ty),+ $(,)? }) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, prometheus_client::encoding::EncodeLabelSet)]
        struct $name {
            $($label: $kind),+
        }

        impl $crate::telemetry::list::LabelNames for $name {
            const NAMES: &'static [&'static str] = &[$(stringify!($label)),+];
        }
    };
}
pub(crate) use labels;

impl List {
    pub(super) fn new() -> List {
        List { registry: Registry::with_prefix(PREFIX), all: Vec::new() }
    }

    pub(super) fn register<M: Metric + EncodeMetric + Labelled>(
        &mut self,
        name: &str,
        meaning: &str,
        metric: M,
    ) {
        self.note::<M>(name, meaning, "", &metric);
        self.registry.register(name, meaning, metric);
    }

    pub(super) fn register_with_unit<M: Metric + EncodeMetric + Labelled>(
        &mut self,
        name: &str,
        meaning: &str,
        unit: Unit,
        metric: M,
    ) {
        self.note::<M>(name, meaning, unit.as_str(), &metric);
        self.registry.register_with_unit(name, meaning, unit, metric);
    }

    /// All of them, in the order in which they are registered.
    pub(crate) fn all(&self) -> &[Listed] {
        &self.all
    }

    fn note<M: EncodeMetric + Labelled>(&mut self, name: &str, meaning: &str, unit: &str, metric: &M) {
        let name = match unit {
            "" => format!("{PREFIX}_{name}"),
            unit => format!("{PREFIX}_{name}_{unit}"),
        };
        let kind = metric.metric_type().as_str().to_owned();
        self.all.push(Listed {
            name,
            kind,
            labels: M::LABELS,
            unit: unit.to_owned(),
            meaning: meaning.to_owned(),
        });
    }
}
