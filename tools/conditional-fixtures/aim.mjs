// SPDX-License-Identifier: MPL-2.0
// Fills a context so that a schema probably holds, or probably does not. Ajv has the last word on whether it does.

import { breaking, fitting, oddity, word } from './values.mjs'
import { chance, pick, shuffled } from './random.mjs'

const ABOUT_OTHERS = ['allOf', 'anyOf', 'not', 'if', 'then', 'else', 'properties', 'required', 'contains', 'minContains',
  'maxContains', 'description', '$id']

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value)

/// Changes the value at `holder[key]`, somewhere below `root`, towards the schema (`wanted`) or away from it.
export function aim(schema, wanted, root, holder, key) {
  if (!isObject(schema)) return
  const ways = waysTo(schema, wanted, root, holder, key)
  // All assertions together make a schema hold; one is enough to break it.
  if (wanted) ways.forEach((way) => way())
  else if (ways.length) pick(ways)()
}

function waysTo(schema, wanted, root, holder, key) {
  const ways = []
  const own = () => {
    if (!isObject(holder[key])) holder[key] = {}
    return holder[key]
  }
  const about = (part, goal) => () => aim(part, goal, root, holder, key)
  const value = Object.keys(schema).some((keyword) => !ABOUT_OTHERS.includes(keyword))
  if (value && !(wanted && schema.type === 'object')) {
    ways.push(() => {
      holder[key] = wanted ? fitting(schema, (pointer) => pointed(root, pointer)) : breaking(schema)
    })
  }
  for (const [name, property] of shuffled(Object.entries(schema.properties ?? {}))) {
    const needed = schema.required?.includes(name)
    if (wanted && !needed && chance(0.4)) continue
    ways.push(() => aim(property, wanted, root, own(), name))
  }
  for (const name of schema.required ?? []) {
    if (!wanted) ways.push(() => delete own()[name])
    else if (!schema.properties?.[name]) ways.push(() => (own()[name] ??= chance(0.5) ? word() : oddity()))
  }
  if (schema.allOf) ways.push(...shuffled(schema.allOf).map((part) => about(part, wanted)))
  if (schema.anyOf) {
    if (wanted) ways.push(about(pick(schema.anyOf), true))
    else ways.push(() => shuffled(schema.anyOf).forEach((part) => about(part, false)()))
  }
  if (schema.not) ways.push(about(schema.not, !wanted))
  if (schema.if) {
    const yes = chance(0.5)
    ways.push(() => {
      about(schema.if, yes)()
      about((yes ? schema.then : schema.else) ?? {}, wanted)()
    })
  }
  if (schema.contains) {
    ways.push(() => {
      const limits = [schema.minContains ?? 1, schema.maxContains ?? schema.minContains ?? 1]
      const count = wanted ? pick(limits) : pick([0, limits[0] - 1, limits[1] + 1])
      const items = [null]
      for (let index = 0; index < count; index++) {
        const slot = {}
        aim(schema.contains, true, root, slot, 'item')
        items.push(slot.item)
      }
      const slot = {}
      aim(schema.contains, false, root, slot, 'item')
      holder[key] = [...items.slice(1), slot.item].filter((item) => item !== undefined)
    })
  }
  return ways
}

// The value that an absolute pointer names; where there is none, one is put there.
function pointed(root, pointer) {
  const keys = pointer.split('/').slice(1)
  const last = keys.pop()
  if (!pointer.startsWith('/') || last === undefined) return word()
  let holder = root
  for (const key of keys) {
    if (!isObject(holder[key])) holder[key] = {}
    holder = holder[key]
  }
  holder[last] ??= pick([word(), true, 7])
  return holder[last]
}
