//! How often each route calls each statement for one request: non-negative least squares over all moments.
//!
//! Solved coordinate by coordinate on the normal equations, which are small: one row for each route.

use std::collections::HashMap;

/// Turns after which a solution stands well enough.
const TURNS: usize = 60;
/// Added to the diagonal: of routes that were always asked together each gets its share.
const RIDGE: f64 = 1e-3;

/// Moments, gathered.
pub(super) struct Fit {
    columns: usize,
    /// The sum of the products of two routes' requests.
    gram: HashMap<(usize, usize), f64>,
    /// By statement: the sum of its calls times each route's requests.
    against: HashMap<usize, HashMap<usize, f64>>,
}

impl Fit {
    pub(super) fn new(columns: usize) -> Fit {
        Fit { columns, gram: HashMap::new(), against: HashMap::new() }
    }

    /// A moment: how many requests of each route, and how many calls of each statement.
    pub(super) fn add(&mut self, requests: Vec<(usize, f64)>, calls: &[(usize, u32)]) {
        for (one, a) in &requests {
            for (other, b) in &requests {
                *self.gram.entry((*one, *other)).or_default() += a * b;
            }
        }
        for (statement, calls) in calls {
            let against = self.against.entry(*statement).or_default();
            for (route, count) in &requests {
                *against.entry(*route).or_default() += count * f64::from(*calls);
            }
        }
    }

    /// By statement: the routes that call it, and how often for a request; the last column is left out.
    pub(super) fn solve(&self) -> Vec<(usize, Vec<(usize, f64)>)> {
        let mut solved: Vec<(usize, Vec<(usize, f64)>)> =
            self.against.iter().map(|(statement, against)| (*statement, self.solve_one(against))).collect();
        solved.sort_unstable_by_key(|(statement, _)| *statement);
        solved
    }

    fn solve_one(&self, against: &HashMap<usize, f64>) -> Vec<(usize, f64)> {
        let mut routes: Vec<(usize, f64)> = against.iter().map(|(route, sum)| (*route, *sum)).collect();
        routes.sort_unstable_by_key(|(route, _)| *route);
        let product = |one: usize, other: usize| self.gram.get(&(one, other)).copied().unwrap_or_default();
        let mut calls = vec![0.0; routes.len()];
        for _ in 0..TURNS {
            for at in 0..routes.len() {
                let (route, sum) = routes[at];
                let others: f64 = (0..routes.len())
                    .filter(|other| *other != at)
                    .map(|other| product(route, routes[other].0) * calls[other])
                    .sum();
                calls[at] = f64::max(0.0, (sum - others) / (product(route, route) + RIDGE));
            }
        }
        let found = routes.into_iter().map(|(route, _)| route).zip(calls);
        found.filter(|(route, calls)| *calls > 0.0 && *route + 1 < self.columns).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_laid_to_the_routes_that_made_them() {
        // Route 0 calls statement 7 twice, route 1 statement 8 once; they are never alone, and their shares differ.
        let mut fit = Fit::new(3);
        for (a, b) in [(1.0, 2.0), (3.0, 1.0), (2.0, 5.0), (4.0, 4.0)] {
            fit.add(vec![(0, a), (1, b), (2, 0.01)], &[(7, 2 * a as u32), (8, b as u32)]);
        }
        let solved = fit.solve();
        let of = |statement: usize| {
            solved.iter().find(|(known, _)| *known == statement).map(|(_, calls)| calls.clone())
        };
        for (statement, route, calls) in [(7, 0, 2.0), (8, 1, 1.0)] {
            let found = of(statement).unwrap_or_default();
            let near = |(known, found): &(usize, f64)| {
                let expected = if *known == route { calls } else { 0.0 };
                (found - expected).abs() < 0.1
            };
            assert!(
                found.iter().all(near) && found.iter().any(|(known, _)| *known == route),
                "{statement}: {found:?}"
            );
        }
    }

    #[test]
    fn what_runs_by_itself_is_no_routes() {
        let mut fit = Fit::new(2);
        for requests in [0.0, 5.0, 1.0, 0.0, 3.0] {
            fit.add(vec![(0, requests), (1, 1.0)], &[(0, 10)]);
        }
        assert!(fit.solve()[0].1.iter().all(|(_, calls)| *calls < 0.1), "{:?}", fit.solve());
    }
}
