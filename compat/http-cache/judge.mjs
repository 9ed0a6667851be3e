// Runs the suite through the cache at COURANT_BASE and prints what came of it; fails under the floor.
//
// Required cases are counted as the suite counts them for a shared cache: those for browsers alone are left out, and
// what the command line adds to the list (Surrogate-Control) is in. A case passes only if it says so itself, whether
// or not the cases it builds on did.
import fetch from 'node-fetch'
import { getResults, runTests } from 'http-cache-tests/client/runner.mjs'
import suites from 'http-cache-tests/tests/index.mjs'
import surrogate from 'http-cache-tests/tests/surrogate-control.mjs'

const floor = Number(process.env.FLOOR)
const all = [...suites, surrogate]
const cases = all.flatMap((suite) => suite.tests).filter((test) => test.browser_only !== true)
const kind = (test) => test.kind ?? 'required'

await runTests(all, fetch, false, process.env.COURANT_BASE)
const results = getResults()
const passed = (test) => results[test.id] === true
const told = (test) => (Array.isArray(results[test.id]) ? results[test.id].join(': ') : 'not run')

const score = {}
for (const name of ['required', 'optimal', 'check']) {
  const these = cases.filter((test) => kind(test) === name)
  const failed = these.filter((test) => !passed(test))
  score[name] = these.length - failed.length
  console.log(`${name}: ${score[name]} of ${these.length}`)
  // The last kind asks what a cache does, and nothing is right or wrong.
  if (name !== 'check' || process.env.VERBOSE) {
    for (const test of failed) console.log(`  not ${test.id}: ${told(test)}`)
  }
}
if (score.required < floor) {
  console.error(`required: ${score.required} is under the floor of ${floor}`)
  process.exit(1)
}
process.exit(0)
