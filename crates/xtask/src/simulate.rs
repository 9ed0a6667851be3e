//! To be built.

/// Runs schedules until one violates the promise.
pub(crate) fn run(schedules: u64, seed: u64, mutant: Option<&str>) -> anyhow::Result<()> {
    anyhow::bail!("simulation is not built yet: {schedules} {seed} {mutant:?}")
}
