//! Lines of requests are written together, a moment later; every other line at once, behind those before it.
//!
//! A system call for each request would be a tenth of what a hit costs, and a disk that hesitates would hold up
//! answers. Bounded: past [`BATCH_BYTES_MAX`] whoever adds a line writes them all. What waits when the process
//! is killed is lost: at most the last [`WAIT`].

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

/// How long a line waits for others.
const WAIT: Duration = Duration::from_millis(20);
/// What may wait.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Whose lines may wait.
const PATIENT: &str = "courant::request";

/// Standard error, in batches.
#[derive(Clone)]
pub(super) struct Batches(Arc<Shared>);

struct Shared {
    waiting: Mutex<Vec<u8>>,
    filled: Condvar,
    /// The lines being written; held while they are, so that batches keep their order.
    out: Mutex<Vec<u8>>,
}

/// Where one line goes.
pub(super) struct Line<'a> {
    shared: &'a Shared,
    may_wait: bool,
}

/// Writes what still waits when it is dropped.
#[must_use]
pub(crate) struct Pending(Option<Batches>);

impl Batches {
    /// Starts the thread that writes.
    pub(super) fn start() -> io::Result<Batches> {
        let shared = Shared { waiting: Mutex::default(), filled: Condvar::new(), out: Mutex::default() };
        let batches = Batches(Arc::new(shared));
        let shared = Arc::clone(&batches.0);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || {
            loop {
                let mut waiting = shared.waiting.lock();
                while waiting.is_empty() {
                    shared.filled.wait(&mut waiting);
                }
                drop(waiting);
                std::thread::sleep(WAIT);
                shared.write_out();
            }
        })?;
        Ok(batches)
    }

    /// What has to be kept until the process ends.
    pub(super) fn pending(&self) -> Pending {
        Pending(Some(self.clone()))
    }
}

impl Pending {
    /// Where every line is written at once.
    pub(super) fn nothing() -> Pending {
        Pending(None)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(Batches(shared)) = &self.0 {
            shared.write_out();
        }
    }
}

impl Shared {
    fn write_out(&self) {
        let mut out = self.out.lock();
        out.clear();
        std::mem::swap(&mut *out, &mut *self.waiting.lock());
        // Nobody is left to tell of a log that cannot be written.
        let _ = io::stderr().write_all(&out);
    }
}

impl<'a> MakeWriter<'a> for Batches {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { shared: &self.0, may_wait: false }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line<'a> {
        Line { shared: &self.0, may_wait: metadata.target() == PATIENT }
    }
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.shared.waiting.lock();
        let first = waiting.is_empty();
        waiting.extend_from_slice(line);
        let full = waiting.len() >= BATCH_BYTES_MAX;
        drop(waiting);
        if !self.may_wait || full {
            self.shared.write_out();
        } else if first {
            self.shared.filled.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
