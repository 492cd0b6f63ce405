// SPDX-License-Identifier: MPL-2.0
// Schemas that no builder emits today but that `satisfies` and `form_conditional` allow, and corners of the keywords.

const form = (properties, rest = {}) => ({
  type: 'object',
  properties: { $form: { type: 'object', properties, ...rest } },
  required: ['$form']
})
const a = (schema, others = {}) => form({ a: schema, ...others })
const data = (pointer) => ({ $data: pointer })
const item = { type: 'object', properties: { type: { const: 'x' } }, required: ['type'] }

export default [
  // `$data` that leads nowhere, through nothing, or to another type
  a({ const: data('/$form/b') }),
  a({ const: data('/$form/b/c') }),
  a({ const: data('1/b') }),
  a({ type: 'object', properties: { s: { const: data('2/b/c') } } }),
  a({ type: 'number', minimum: data('1/b') }, { b: { type: ['number', 'string', 'null'] } }),
  a({ exclusiveMaximum: data('/$form/b/c') }),
  a({ type: 'string', format: 'date', formatMaximum: data('1/b') }),
  a({ type: 'string', format: 'date', formatMinimum: data('/$form/b/c') }),
  a({ format: 'date', formatMinimum: '2024-01-31', formatMaximum: '2024-13-99' }),
  a({ format: 'date', formatMaximum: '' }),
  a({ const: data('0') }),
  // Days counted from what is no date, or from far away
  a({ type: 'string', format: 'date', daysFromDate: { days: 1, clause: 'after', referenceDate: data('1/b') } },
    { b: { type: ['string', 'number', 'boolean', 'null'], anyOf: [{ format: 'date' }, { const: '' }] } }),
  a({ type: 'string', format: 'date', daysFromDate: { days: 1, clause: 'before', referenceDate: data('/$form/b') } },
    { b: { type: ['number', 'boolean', 'object'] } }),
  a({ type: 'string', format: 'date', daysFromDate: { days: -0.5, clause: 'after' } }),
  a({ type: 'string', format: 'date', daysFromDate: { days: 1e12, clause: 'before' } }),
  a({ format: 'date', daysFromDate: { days: 30, clause: 'before' } }),
  a({ type: 'object', properties: { s: { type: 'string', format: 'date', daysFromDate:
    { days: 3, clause: 'after', referenceDate: data('2/b/t') } } }, required: ['s'] },
    { b: { type: 'object', properties: { t: { type: 'string', format: 'date' } } } }),
  // AGE values: as of another field, or of today
  ...['2000-03-01', '2023-03-01', '1980-02-29'].map((day) => a(
    { type: 'object', properties: { dob: { type: 'string', format: 'date', formatMinimum: day } }, required: ['dob'] },
    { b: { type: ['string', 'null'] }, d: { type: 'string', format: 'date' } })),
  a({ properties: { age: { const: 4 }, dob: { const: '2020-02-29' } }, required: ['age', 'dob'] }, { d: { format: 'date' } }),
  // Types
  a({ type: 'integer' }),
  a({ type: ['null', 'array'] }),
  a({ type: 'boolean' }),
  // Equality
  a({ const: null }),
  a({ const: 1 }),
  a({ const: { a: { b: null } } }),
  a({ enum: [null, 0, '', [''], { a: { b: null } }] }),
  // Lengths are counted in code points
  a({ minLength: 1 }),
  a({ type: 'string', minLength: 2, maxLength: 4 }),
  // Lists
  a({ contains: item }),
  a({ type: 'array', contains: item, minContains: 2 }),
  a({ type: 'array', contains: item, minContains: 0 }),
  a({ type: 'array', contains: item, minContains: 0, maxContains: 1 }),
  a({ type: 'array', contains: item, minContains: 2, maxContains: 1 }),
  a({ type: 'array', contains: {}, maxContains: 1 }),
  a({ minContains: 3, then: false, else: false }),
  // Logic
  a({ if: { type: 'string' }, then: { minLength: 2 } }),
  a({ if: { type: 'string' }, else: { type: 'number' } }),
  a({ if: { const: 1 } }),
  a(true),
  a(false),
  a({ not: { description: 'holds always' } }),
  form({}, { required: ['a', 'b'] }),
  form({}, { anyOf: [{ required: ['a'] }, { not: { required: ['b'] } }] }),
  // Patterns
  ...['^\\d{2,3}$', '^\\w+$', '\\s', '^.+$', '^[^;]*$', '^\\p{Lu}\\p{L}+$', '[\\s\\-]', '^[A-Z]?\\d+$', '^$', '\\bAnna\\b', '^\\S+$',
    '^(?:a|[b-d])|[0-9]$', '^\\P{Script=Latin}+$', '\\u{1F600}|\\x25', '[[()\\]]'].map((pattern) => a({ pattern })),
  // JavaScript beside what decides without it
  { allOf: [a({ customClientValidator: { code: 'v => v === 1' } }), form({}, { required: ['b'] })] },
  { anyOf: [a({ customClientValidator: { code: 'v => v === 1' } }), form({}, { required: ['b'] })] },
  { not: a({ customClientValidator: { code: '(v, { $form }) => $form.b === undefined' } }) }
]
