// SPDX-License-Identifier: MPL-2.0
// Values that satisfy an assertion about one value, or do not, and values that nobody expects.

import { chance, pick, below } from './random.mjs'

/// A 1 March after a 29 February, so that days and years are counted over a leap day.
export const NOW = '2024-03-01'

export const LEAF_LOCATIONS = [
  '5b6fd5c9-2a5d-4a4e-9b0e-0c7f3d7f1a01',
  '5b6fd5c9-2a5d-4a4e-9b0e-0c7f3d7f1a02'
]

const DAY = 24 * 60 * 60 * 1000

const WORDS = [
  'Anna', "O'Neil", 'Jean-Luc', 'Zoë Ångström', 'Anna (Annie) B.', 'two  spaces', 'St. John', 'Анна', '李', 'a;b',
  '(open', 'Anna ()', ' lead', 'trail ', 'line\nend', 'A1', '%', 'İ', 'ſ', 'ª', 'no\u00a0break', '😀', 'x'.repeat(40),
  'undefined', 'null', 'true', '0', '1234567890', '0712345678', '0912345678', '0812345678', '071234567',
  '12345678901', '１２３４５６７８９０', '1234567890\n', '123456789'
]

const ODDITIES = [null, '', ' ', 0, 1, -1, 0.5, true, false, [], [''], {}, { a: { b: null } }, 'undefined', '1', 'true']

const BAD_DATES = [
  '2023-02-29', '1900-02-29', '2024-02-30', '2024-13-01', '2024-00-10', '2024-1-5', '24-01-01', '2024-03-01T00:00:00Z',
  '2024-03-01\n', '2024/03/01', '01.03.2024', '', 'today', '２０２４-03-01'
]

const GOOD_DATES = ['2024-02-29', '2000-02-29', '0000-02-29', '0001-01-01', '9999-12-31', '1970-01-01', '2024-01-01']

/// A value that no form field sends, or that means "nothing".
export const oddity = () => structuredClone(pick(ODDITIES))

export const word = () => pick(WORDS)

export const dayFrom = (day, days) => new Date(new Date(day).getTime() + days * DAY).toISOString().slice(0, 10)

// Days around the limits that a schema names: one day off, on, and one day past.
function date(schema) {
  const limits = [schema.formatMaximum, schema.formatMinimum, schema.daysFromDate?.referenceDate]
  const base = limits.find((limit) => typeof limit === 'string' && !Number.isNaN(Date.parse(limit))) ?? NOW
  const days = Math.min(schema.daysFromDate?.days ?? 0, 40000)
  if (chance(0.1)) return pick(GOOD_DATES)
  if (chance(0.2)) return dayFrom(base, below(40000) - 30000)
  return dayFrom(base, days + pick([-1, 0, 1]))
}

function number(schema) {
  const limits = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum']
    .map((keyword) => schema[keyword])
    .filter((limit) => typeof limit === 'number')
  return (limits.length ? pick(limits) : below(60)) + pick([-1, -0.5, 0, 0.5, 1])
}

function matching(pattern, wanted) {
  const regex = new RegExp(pattern, 'u')
  const words = WORDS.filter((text) => regex.test(text) === wanted)
  return words.length ? pick(words) : word()
}

/// A value that probably satisfies the assertions about one value.
export function fitting(schema, resolve) {
  if ('const' in schema) {
    const pointer = schema.const?.$data
    return structuredClone(pointer ? resolve(pointer) : schema.const)
  }
  if (schema.customClientValidator) return oddity()
  if (schema.enum) return structuredClone(pick(schema.enum))
  if (schema.isLeafLevelLocation !== undefined) return pick(LEAF_LOCATIONS)
  if (schema.format === 'date' || schema.daysFromDate) return date(schema)
  if (schema.pattern !== undefined) return matching(schema.pattern, true)
  switch (Array.isArray(schema.type) ? pick(schema.type) : schema.type) {
    case 'number':
    case 'integer':
      return number(schema)
    case 'boolean':
      return chance(0.5)
    case 'array':
      return []
    case 'object':
      return {}
    case 'null':
      return null
    default:
      return word()
  }
}

/// A value that probably breaks the assertions about one value.
export function breaking(schema) {
  if (chance(0.3)) return oddity()
  if (schema.format === 'date' || schema.daysFromDate) return chance(0.5) ? pick(BAD_DATES) : date(schema)
  if (schema.pattern !== undefined) return matching(schema.pattern, false)
  if (schema.type === 'number') return number(schema)
  if (typeof schema.const === 'boolean') return !schema.const
  return word()
}
