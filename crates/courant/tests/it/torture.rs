//! The promise under torture, for thirteen seconds; `cargo xtask torture` does it for longer and worse.

use std::sync::Arc;
use std::time::Duration;

use torture::{Counts, Plan, QueueCounts, QueuePlan};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_is_older_than_promised_whatever_happens() {
    let plan = Plan {
        binary: env!("CARGO_BIN_EXE_courant").into(),
        length: Duration::from_secs(13),
        seed: 0x00C0_FFEE,
        short: true,
        log: None,
    };
    let report = torture::run(&plan, Arc::new(Counts::default())).await.unwrap();
    println!("{report}");
    assert_eq!(report.violations, 0, "{report}");
    assert!(report.hits > 0 && report.writes > 0 && report.refused < report.reads / 2, "it tested nothing");
    assert!(report.backend_hits > 0 && report.backend_writes > 0, "it tested nothing of the backend");
    assert_eq!(report.by_mode.len(), 4, "a mode was not read in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_job_ends_once_whatever_is_killed() {
    let plan = QueuePlan {
        binary: env!("CARGO_BIN_EXE_courant").into(),
        length: Duration::from_secs(8),
        kills_min: 0,
        seed: 0x00C0_FFEE,
    };
    let counts = Arc::new(QueueCounts::default());
    let report = torture::run_queue(&plan, &counts).await.unwrap();
    println!("{report:?} {counts:?}");
    assert!(report.violations.is_empty(), "{report:#?}");
    assert!(report.jobs > 100, "it tested nothing");
}
