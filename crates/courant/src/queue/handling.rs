//! Which handler runs a job, and running it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use queue::{Claimed, Outcome, SqlHandler, SqlHandlers, Store};

use super::endpoint::Endpoint;
use crate::config::{Config, Handling};

/// Who handles what.
pub(super) struct Handlers {
    by_kind: HashMap<String, (Duration, Handler)>,
    functions: SqlHandlers,
}

enum Handler {
    Function(SqlHandler),
    Endpoint(Box<Endpoint>),
}

impl Handlers {
    pub(super) fn new(config: &Config, store: &Arc<Store>) -> Handlers {
        let jobs = &config.jobs;
        let handler = |handler: &crate::config::Handler| {
            let made = match &handler.what {
                Handling::Endpoint(url) => {
                    Handler::Endpoint(Box::new(Endpoint::new(url, jobs.signing_secret.as_ref())))
                }
                Handling::Function(function) => {
                    Handler::Function(function.called(handler.timeout, &config.database.schemas))
                }
            };
            (handler.kind.clone(), (handler.timeout, made))
        };
        Handlers {
            by_kind: jobs.handlers.iter().map(handler).collect(),
            functions: SqlHandlers::new(Arc::clone(store), !jobs.completed_kept.is_zero()),
        }
    }

    /// Whether it is a kind that the configuration names.
    pub(super) fn knows(&self, kind: &str) -> bool {
        self.by_kind.contains_key(kind)
    }

    async fn run(&self, job: &Claimed) -> Outcome {
        match self.by_kind.get(&job.kind) {
            Some((_, Handler::Function(function))) => self.functions.run(function, job).await,
            Some((_, Handler::Endpoint(endpoint))) => endpoint.send(job).await,
            // Another node may know it, or this one's next configuration.
            None => {
                Outcome::Failed { error: format!("no [[job]] handles the kind {}", job.kind), after: None }
            }
        }
    }
}

/// Runs a job, and how long that may take.
pub(super) fn handle(
    handlers: &Arc<Handlers>,
    job: Claimed,
) -> (Duration, impl Future<Output = Outcome> + Send + use<>) {
    let time_max = handlers.by_kind.get(&job.kind).map_or(Duration::from_secs(30), |(time_max, _)| *time_max);
    let handlers = Arc::clone(handlers);
    (time_max, async move { handlers.run(&job).await })
}
