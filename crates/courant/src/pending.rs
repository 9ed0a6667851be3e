//! Stands in for the parts that the command line hands over to, until they are here.

/// Serving, and taking it back.
pub(crate) mod app {
    use crate::config::Config;

    /// Serves until told to stop.
    pub(crate) async fn serve(config: Config) -> anyhow::Result<()> {
        let named = config.database.url.as_ref().is_some_and(|url| !url.expose().is_empty());
        anyhow::bail!("serving is not built yet: {named} {config:?}")
    }

    /// Removes every trace of Courant from the database.
    pub(crate) async fn uninstall(config: Config) -> anyhow::Result<()> {
        anyhow::bail!("uninstalling is not built yet: {config:?}")
    }
}

/// The example app.
pub(crate) mod demo {
    use crate::config::Config;

    /// Serves the example; with `once`, takes the tour and ends.
    pub(crate) async fn run(config: Config, scale: u64, once: bool) -> anyhow::Result<()> {
        anyhow::bail!("the demo is not built yet: {scale} {once} {config:?}")
    }
}

/// The admin API, from outside.
pub(crate) mod admin {
    /// Prints the cache's statistics.
    pub(crate) async fn stats(url: String, json: bool) -> anyhow::Result<()> {
        anyhow::bail!("the admin client is not built yet: {url} {json}")
    }

    /// Drops entries, all or those that match.
    pub(crate) async fn clear(url: String, pattern: Option<String>, json: bool) -> anyhow::Result<()> {
        anyhow::bail!("the admin client is not built yet: {url} {pattern:?} {json}")
    }
}
