// SPDX-License-Identifier: MPL-2.0
//! The program.
fn main() {}
