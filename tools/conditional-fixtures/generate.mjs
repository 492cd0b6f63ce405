// SPDX-License-Identifier: MPL-2.0
// Writes the fixture that the evaluator of `toolkit` is tested against. From the top of the repository:
//
//   cargo run -p forms --example print | node tools/conditional-fixtures/generate.mjs
//
// A file name may stand in place of standard input.

import { readFileSync, writeFileSync } from 'node:fs'
import { compile } from './core.mjs'
import { aim } from './aim.mjs'
import edgeCases from './edge-cases.mjs'
import { below, chance, pick, seed, shuffled } from './random.mjs'
import { LEAF_LOCATIONS, NOW, breaking, fitting, oddity } from './values.mjs'

const FIXTURES = new URL('../../toolkit/tests/fixtures/', import.meta.url)
const OUT = new URL('evaluator.json', FIXTURES)

/// Declarations in which nothing is aimed at.
const AT_RANDOM = 300
/// Declarations wanted for each conditional and each verdict.
const WANTED = 4
const ATTEMPTS = 600

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value)

/// Every distinct conditional and validator in a document.
function conditionalsIn(document) {
  const found = new Map()
  const visit = (value) => {
    if (typeof value !== 'object' || value === null) return
    if (typeof value.$id === 'string' && value.$id.includes('/conditionals/')) {
      const { $id, ...schema } = value
      found.set(JSON.stringify(schema), schema)
    }
    Object.values(value).forEach(visit)
  }
  visit(document)
  return [...found.values()]
}

/// What the conditionals say about each form field: assertions about one value, with the way into the field's value.
function assertionsIn(schemas) {
  const found = new Map()
  const visit = (schema, way) => {
    if (!isObject(schema)) return
    if (way[0] === '$form' && way.length > 1 && !schema.properties) {
      const id = way[1]
      found.set(id, [...(found.get(id) ?? []), { schema, way: way.slice(2) }])
    }
    for (const [key, part] of Object.entries(schema.properties ?? {})) visit(part, [...way, key])
    for (const part of [...(schema.allOf ?? []), ...(schema.anyOf ?? [])]) visit(part, way)
    for (const key of ['not', 'if', 'then', 'else']) visit(schema[key], way)
  }
  schemas.forEach((schema) => visit(schema, []))
  return found
}

function valueFor(assertions) {
  if (chance(0.1)) return oddity()
  const { schema, way } = pick(assertions)
  const value = chance(0.7) ? fitting(schema, () => oddity()) : breaking(schema)
  return way.reduceRight((inner, key) => ({ [key]: inner }), value)
}

/// Makes what an AGE field holds of the `{age}` and `{dob}` that conditionals ask for.
function withAges(form, dates) {
  for (const value of Object.values(form)) {
    if (!isObject(value) || !('age' in value || 'dob' in value) || chance(0.2)) continue
    if (typeof value.age !== 'number') value.age = below(60)
    value.asOfDateRef = pick([...dates, 'gone'])
    if (chance(0.8)) delete value.dob
  }
}

/// The context that core could hand over: what is not about form, user or record is set as core sets it.
function tidied(context, dates) {
  if (!isObject(context.$form)) context.$form = {}
  withAges(context.$form, dates)
  const { $form, $user, $event, $flags, $status, $online } = context
  const tidy = { $form }
  if (isObject($user)) tidy.$user = $user
  if (isObject($event)) tidy.$event = $event
  if (Array.isArray($flags)) tidy.$flags = $flags.filter((flag) => typeof flag === 'string')
  if (typeof $status === 'string') tidy.$status = $status
  if ($online === false) tidy.$online = false
  return JSON.parse(JSON.stringify(tidy))
}

function ask(validate, context) {
  try {
    const locations = LEAF_LOCATIONS.map((id) => ({ id }))
    const whole = { $now: NOW, $online: true, $leafAdminStructureLocationIds: locations, ...structuredClone(context) }
    return validate(whole) ? '1' : '0'
  } catch {
    return 'x'
  }
}

function group(name, schemas) {
  seed(20_000 + name.length)
  const assertions = assertionsIn(schemas)
  const fields = [...assertions.keys()]
  const dates = fields.filter((id) => assertions.get(id).some(({ schema }) => schema.format === 'date'))
  const contexts = new Map()
  const keep = (context) => contexts.set(JSON.stringify(context), context)
  const atRandom = () => {
    const some = shuffled(fields).slice(0, 1 + below(Math.min(fields.length, 12)))
    return { $form: Object.fromEntries(some.map((id) => [id, valueFor(assertions.get(id))])) }
  }

  keep({ $form: {} })
  while (contexts.size < AT_RANDOM && fields.length) keep(tidied(atRandom(), dates))
  const judged = schemas.map((schema) => ({ schema, validate: compile(schema) }))
  for (const { schema, validate } of judged) {
    const seen = { 0: 0, 1: 0, x: 0 }
    for (const context of contexts.values()) seen[ask(validate, context)]++
    for (const wanted of ['1', '0']) {
      for (let attempt = 0; attempt < ATTEMPTS && seen[wanted] < WANTED; attempt++) {
        const holder = { context: chance(0.5) ? structuredClone(pick([...contexts.values()])) : { $form: {} } }
        aim(schema, wanted === '1', holder.context, holder, 'context')
        const context = tidied(isObject(holder.context) ? holder.context : {}, dates)
        if (contexts.has(JSON.stringify(context)) || ask(validate, context) !== wanted) continue
        keep(context)
        seen[wanted]++
        // The same with one value changed: often the other side of a limit.
        const near = structuredClone(context)
        const asked = Object.keys(near.$form).filter((id) => assertions.has(id))
        if (asked.length) {
          const id = pick(asked)
          near.$form[id] = valueFor(assertions.get(id))
          keep(tidied(near, dates))
        }
      }
    }
  }
  const table = [...contexts.values()]
  const conditionals = judged.map(({ schema, validate }) => ({
    schema,
    verdicts: table.map((context) => ask(validate, context)).join('')
  }))
  report(name, table, conditionals)
  return { name, contexts: table, conditionals }
}

function report(name, contexts, conditionals) {
  const without = (verdict) => conditionals.filter(({ verdicts }) => !verdicts.includes(verdict))
  const log = (text) => process.stderr.write(`${text}\n`)
  log(`${name}: ${conditionals.length} conditionals on ${contexts.length} contexts`)
  for (const [verdict, word] of [['1', 'hold'], ['0', 'fail']]) {
    const never = without(verdict)
    if (never.length) log(`  ${never.length} never ${word}:`)
    for (const { schema } of never) log(`    ${JSON.stringify(schema).slice(0, 300)}`)
  }
}

/// One line for each context and each conditional, so that a change of one shows as one.
function written(groups) {
  const lines = (list) => list.map((entry) => JSON.stringify(entry)).join(',\n')
  const parts = groups.map(
    ({ name, contexts, conditionals }) =>
      `{"name":${JSON.stringify(name)},"contexts":[\n${lines(contexts)}\n],"conditionals":[\n${lines(conditionals)}\n]}`
  )
  const head = `"now":${JSON.stringify(NOW)},"leafLocations":${JSON.stringify(LEAF_LOCATIONS)}`
  return `{${head},"groups":[\n${parts.join(',\n')}\n]}\n`
}

const events = JSON.parse(readFileSync(process.argv[2] ?? 0, 'utf8'))
const builders = Object.values(JSON.parse(readFileSync(new URL('conditionals.json', FIXTURES), 'utf8')))
const groups = [
  ...events.map((event) => group(event.id, conditionalsIn(event))),
  group('builders', builders.filter((entry) => isObject(entry) && (entry.type === 'object' || !Object.keys(entry).length))),
  group('edge cases', edgeCases)
]
const text = written(groups)
writeFileSync(OUT, text)
process.stderr.write(`${OUT.pathname.split('/').slice(-4).join('/')}: ${Math.round(text.length / 1024)} KiB\n`)
