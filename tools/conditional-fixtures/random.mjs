// SPDX-License-Identifier: MPL-2.0
// Repeatable randomness: the same seed gives the same fixture.

let state = 1

export function seed(number) {
  state = number >>> 0
}

/// A number from 0 up to, but not including, 1.
export function random() {
  state = (state + 0x6d2b79f5) >>> 0
  let mixed = Math.imul(state ^ (state >>> 15), state | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
}

export const chance = (share) => random() < share
export const below = (limit) => Math.floor(random() * limit)
export const pick = (list) => list[below(list.length)]

export function shuffled(list) {
  const copy = [...list]
  for (let last = copy.length - 1; last > 0; last--) {
    const other = below(last + 1)
    ;[copy[last], copy[other]] = [copy[other], copy[last]]
  }
  return copy
}
