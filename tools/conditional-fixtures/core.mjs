// SPDX-License-Identifier: MPL-2.0
// Ajv as OpenCRVS core sets it up: its options, its keywords, and what it does to a form before it asks.

import Ajv from 'ajv/dist/2019.js'
import addFormats from 'ajv-formats'

const DAY = 24 * 60 * 60 * 1000

const ajv = new Ajv.default({
  $data: true,
  allowUnionTypes: true,
  strict: false,
  logger: false
})
addFormats.default(ajv)

// The value that a `$data` pointer names, from a value that stands at `here`. Ajv resolves such pointers for its own
// keywords only.
function pointed(root, pointer, here) {
  const [up, ...keys] = pointer.split('/')
  const way = here.split('/').filter(Boolean)
  const from = up === '' ? [] : way.slice(0, -Number(up))
  return [...from, ...keys].reduce((value, key) => value?.[key], root)
}

ajv.addKeyword({
  keyword: 'daysFromDate',
  type: 'string',
  schemaType: 'object',
  validate({ days, clause, referenceDate }, text, _schema, { rootData, instancePath }) {
    if (typeof rootData.$now !== 'string') throw new Error('$now is missing')
    const pointer = referenceDate?.$data
    const reference = pointer ? pointed(rootData, pointer, instancePath) : referenceDate
    const limit = new Date(reference || rootData.$now).getTime() + days * DAY
    const moment = new Date(text).getTime()
    // A limit outside of the calendar is no limit that anything could pass.
    const end = new Date(limit).getTime()
    return clause === 'after' ? moment > end : moment < end
  }
})

ajv.addKeyword({
  keyword: 'isLeafLevelLocation',
  type: 'string',
  schemaType: 'boolean',
  validate: (_value, id, _schema, { rootData }) =>
    (rootData.$leafAdminStructureLocationIds ?? []).some((location) => location.id === id)
})

ajv.addKeyword({
  keyword: 'customClientValidator',
  schemaType: 'object',
  validate: ({ code }, value, _schema, { rootData }) =>
    Boolean(new Function(`return (${code})`)()(value, rootData))
})

const dateFormat = ajv.compile({ type: 'string', format: 'date' })

// The day a number of whole years earlier; a 29 February becomes the 28th in a common year.
function born(age, asOf) {
  const [year, month, day] = asOf.split('-').map(Number)
  const then = new Date(0)
  then.setUTCFullYear(year - Math.trunc(age), month - 1, day)
  if (then.getUTCMonth() !== month - 1) then.setUTCDate(0)
  return then.toISOString().slice(0, 10)
}

// Core rewrites AGE values before it evaluates anything.
function withBirthdays(context) {
  const form = Object.entries(context.$form).map(([key, value]) => {
    if (typeof value?.age !== 'number' || typeof value.asOfDateRef !== 'string') return [key, value]
    const day = context.$form[value.asOfDateRef]
    return [key, { age: value.age, dob: born(value.age, dateFormat(day) ? day : context.$now) }]
  })
  return { ...context, $form: Object.fromEntries(form) }
}

/// The conditional as a function of a context; throws when core would refuse the schema.
export function compile(schema) {
  const { $id: _, ...anonymous } = schema
  const validate = ajv.compile(anonymous)
  return (context) => validate(withBirthdays(context))
}
