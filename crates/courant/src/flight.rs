//! Equal requests in flight cost one query.
//!
//! A request joins a flight only where that flight's query was sent late enough to miss nothing that the
//! request may not miss ([`cache::Cache::may_join`]). The work is polled by whoever waits for it; when the
//! last waiter goes away the work is dropped, which cancels its query.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use cache::{Key, Moment};
use futures_util::FutureExt;
use futures_util::future::WeakShared;
use parking_lot::Mutex;

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The reads in flight, by key.
pub(crate) struct Flights<T: Clone> {
    aloft: Mutex<Aloft<T>>,
}

struct Aloft<T: Clone> {
    by_key: HashMap<Key, Flight<T>>,
    numbered: u64,
}

struct Flight<T: Clone> {
    number: u64,
    sent: Moment,
    work: WeakShared<Work<T>>,
}

/// How a request came by its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seat {
    /// Its own query.
    Pilot,
    /// Another request's query.
    Passenger,
}

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    /// None aloft.
    pub(crate) fn new() -> Arc<Flights<T>> {
        Arc::new(Flights { aloft: Mutex::new(Aloft { by_key: HashMap::new(), numbered: 0 }) })
    }

    /// Joins the flight of that key if `may_join` allows the moment it was sent, else starts one.
    pub(crate) async fn fly<W>(
        self: &Arc<Self>,
        key: &Key,
        now: Moment,
        may_join: impl FnOnce(Moment) -> bool,
        work: impl FnOnce() -> W,
    ) -> (T, Seat)
    where
        W: Future<Output = T> + Send + 'static,
    {
        let (shared, seat) = {
            let mut aloft = self.aloft.lock();
            let joined = match aloft.by_key.get(key) {
                Some(flight) if may_join(flight.sent) => flight.work.upgrade(),
                _ => None,
            };
            match joined {
                Some(shared) => (shared, Seat::Passenger),
                None => {
                    aloft.numbered += 1;
                    let number = aloft.numbered;
                    let listed = Listed { flights: Arc::clone(self), key: *key, number };
                    let work = work();
                    let work: Work<T> = Box::pin(async move {
                        let _listed = listed;
                        work.await
                    });
                    let shared = work.shared();
                    let work = shared.downgrade().expect("a future never polled has not ended");
                    aloft.by_key.insert(*key, Flight { number, sent: now, work });
                    (shared, Seat::Pilot)
                }
            }
        };
        (shared.await, seat)
    }
}

/// Takes the flight off the list when its work ends, with an answer or dropped by its last waiter.
struct Listed<T: Clone> {
    flights: Arc<Flights<T>>,
    key: Key,
    number: u64,
}

impl<T: Clone> Drop for Listed<T> {
    fn drop(&mut self) {
        let mut aloft = self.flights.aloft.lock();
        if aloft.by_key.get(&self.key).is_some_and(|flight| flight.number == self.number) {
            aloft.by_key.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Notify;

    fn key() -> Key {
        cache::KeySecret::new(&[1; 16]).key().part("one").build()
    }

    #[tokio::test]
    async fn two_equal_requests_cost_one_query_and_a_third_too_new_to_join_costs_another() {
        let flights = Flights::<usize>::new();
        let queries = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(Notify::new());
        let work = || {
            let (queries, gate) = (Arc::clone(&queries), Arc::clone(&gate));
            async move {
                let number = queries.fetch_add(1, Ordering::SeqCst);
                gate.notified().await;
                number
            }
        };
        let key = key();
        let first = flights.fly(&key, Moment(1), |_| true, work);
        let second = flights.fly(&key, Moment(2), |sent| sent == Moment(1), work);
        let third = flights.fly(&key, Moment(3), |_| false, work);
        let open = async {
            gate.notify_one();
            gate.notify_one();
            tokio::task::yield_now().await;
            gate.notify_waiters();
        };
        let (first, second, third, ()) = tokio::join!(first, second, third, open);
        assert_eq!((first.1, second.1, third.1), (Seat::Pilot, Seat::Passenger, Seat::Pilot));
        assert_eq!(first.0, second.0);
        assert_ne!(first.0, third.0);
        assert!(flights.aloft.lock().by_key.is_empty());
    }

    #[tokio::test]
    async fn the_work_is_dropped_with_its_last_waiter() {
        let flights = Flights::<usize>::new();
        let key = key();
        {
            let flight = flights.fly(&key, Moment(1), |_| true, std::future::pending::<usize>);
            tokio::pin!(flight);
            assert!(futures_util::poll!(flight.as_mut()).is_pending());
            assert_eq!(flights.aloft.lock().by_key.len(), 1);
        }
        assert!(flights.aloft.lock().by_key.is_empty());
    }
}
