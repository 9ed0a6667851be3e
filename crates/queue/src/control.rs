//! What people do with jobs and queues: look, cancel, retry, pause. Over the store's connection.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::QueueError;
use crate::store::{Store, within};

/// Which jobs to list: of any queue, kind or state where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Which {
    /// Of this queue.
    pub queue: Option<String>,
    /// Of this kind.
    pub kind: Option<String>,
    /// In this state.
    pub state: Option<String>,
    /// At most so many, the latest first.
    pub limit: i64,
}

impl Store {
    /// Jobs as JSON objects, the latest first.
    pub async fn list(&self, which: &Which) -> Result<Vec<String>, QueueError> {
        let Which { queue, kind, state, limit } = which;
        let rows = self.ask(include_str!("store/list.sql"), &[limit, queue, kind, state]).await?;
        rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(QueueError::from)
    }

    /// Cancels a job: `cancelled`, `requested` where it runs, or none where there is no such job.
    pub async fn cancel(&self, job: i64) -> Result<Option<String>, QueueError> {
        self.one(include_str!("store/cancel.sql"), &[&job]).await
    }

    /// Makes a job available that ended or waits for its time: whether there was one.
    pub async fn retry(&self, job: i64) -> Result<bool, QueueError> {
        self.one(include_str!("store/retry.sql"), &[&job]).await
    }

    /// Pauses a queue on all nodes: whether it was not.
    pub async fn pause(&self, queue: &str) -> Result<bool, QueueError> {
        self.one(include_str!("store/pause.sql"), &[&queue]).await
    }

    /// Lets a queue go on: whether it was paused.
    pub async fn resume(&self, queue: &str) -> Result<bool, QueueError> {
        self.one(include_str!("store/resume.sql"), &[&queue]).await
    }

    /// The queues that are paused.
    pub async fn paused(&self) -> Result<Vec<String>, QueueError> {
        let rows = self.ask(include_str!("store/paused.sql"), &[]).await?;
        rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(QueueError::from)
    }

    /// Which of these jobs are of another queue.
    pub async fn foreign(&self, queue: &str, jobs: &[i64]) -> Result<Vec<i64>, QueueError> {
        self.one(include_str!("store/foreign.sql"), &[&jobs, &queue]).await
    }

    async fn ask(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, QueueError> {
        let session = self.session().await?;
        within(session.client.query(sql, parameters)).await
    }

    async fn one<T>(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<T, QueueError>
    where
        T: for<'a> tokio_postgres::types::FromSql<'a>,
    {
        let session = self.session().await?;
        Ok(within(session.client.query_one(sql, parameters)).await?.try_get(0)?)
    }
}
