//! The backend, and those who stand in front of it.

use anyhow::Result;

use crate::bench::contest::{Achieved, Entrant};
use crate::bench::load::Load;
use crate::bench::process::{LOAD_CORE, Process};
use crate::bench::report::{Goal, Row};
use crate::bench::servers::{self, Node};
use crate::bench::stage::{OWN, Stage};

/// The path of twelve kilobytes that may be kept, as any path of the backend's but the next two.
pub(super) const KEPT: &str = "/articles";
/// Answered with a hundred bytes that may not be kept, whatever follows.
pub(super) const UNKEPT: &str = "/unkept";
/// A hundred small events, over two tenths of a second.
pub(super) const EVENTS: &str = "/events";

/// The backend, and those who stand in front of it.
pub(super) struct Front {
    pub(super) backend: Process,
    pub(super) courant: Node,
    /// Courant without a log of requests, as nginx and Varnish have none here.
    pub(super) quiet: Node,
    pub(super) nginx: Process,
    pub(super) varnish: Process,
}

/// What everybody in front of the backend achieved.
pub(super) struct Standing {
    pub(super) courant: Achieved,
    pub(super) nginx: Achieved,
    pub(super) varnish: Achieved,
    pub(super) quiet: Achieved,
}

impl Front {
    /// Starts them all.
    pub(super) async fn start(stage: &Stage) -> Result<Front> {
        let backend = backend(stage).await?;
        let upstream = format!("http://{}", backend.address);
        let upstream = ("COURANT_PROXY_UPSTREAM", upstream.as_str());
        Ok(Front {
            courant: Node::start(stage, OWN, &[upstream]).await?,
            quiet: Node::start(stage, OWN, &[upstream, ("COURANT_LOG_LEVEL", "warn")]).await?,
            nginx: servers::nginx(stage, backend.address).await?,
            varnish: servers::varnish(stage, backend.address).await?,
            backend,
        })
    }

    /// Those in front, by their names.
    pub(super) fn everybody(&self) -> [(&'static str, &Process); 4] {
        [
            ("Courant", &self.courant.process),
            ("nginx", &self.nginx),
            ("Varnish", &self.varnish),
            ("Courant without a log of requests", &self.quiet.process),
        ]
    }

    /// Each of them under a load.
    pub(super) fn entrants(&self, load: impl Fn(&Process) -> Result<Load>) -> Result<Vec<Entrant>> {
        let entrant = |(name, server): (&'static str, &Process)| {
            Ok(Entrant { name, load: load(server)?, bearers: vec![server.pid()] })
        };
        self.everybody().into_iter().map(entrant).collect()
    }
}

impl Standing {
    /// From what the entrants achieved, in their order.
    pub(super) fn of(achieved: &[Achieved]) -> Standing {
        let [courant, nginx, varnish, quiet] = *achieved else {
            unreachable!("everybody who took part achieved something")
        };
        Standing { courant, nginx, varnish, quiet }
    }

    /// One figure beside nginx's, for which there may be a goal, and Varnish's; and that of Courant without a log.
    pub(super) fn rows(
        &self,
        (group, figure): (&str, &str),
        unit: &'static str,
        goal: Goal,
        value: impl Fn(&Achieved) -> f64,
    ) -> [Row; 3] {
        let (nginx, varnish) = (("nginx", value(&self.nginx)), ("Varnish", value(&self.varnish)));
        let (name, quiet) = (format!("{group}.{figure}"), format!("{group}.quiet.{figure}"));
        [
            Row::beside(name.clone(), unit, value(&self.courant), nginx, goal),
            Row::beside(name, unit, value(&self.courant), varnish, Goal::Nothing),
            Row::beside(quiet, unit, value(&self.quiet), nginx, Goal::Nothing),
        ]
    }
}

/// The backend alone, with the list that `bench http` caches.
pub(super) async fn backend(stage: &Stage) -> Result<Process> {
    let list = stage.connect(OWN).await?.query_one(include_str!("sql/list.sql"), &[]).await?;
    servers::bare_hyper(stage, LOAD_CORE, list.get::<_, &str>("list").as_bytes()).await
}
