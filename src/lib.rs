// SPDX-License-Identifier: MPL-2.0
//! The country configuration server: command line, settings, authentication, routes.
//!
//! The questions to families are in `forms`, the handling of their records in `handlers`, core's
//! contract in `opencrvs-toolkit`. **Invariant:** only this crate knows the web framework.

pub mod auth;
pub mod blob;
pub mod build_info;
mod certificate_fonts;
pub mod cli;
mod core_gateway;
pub mod doctor;
pub mod explain;
pub mod log;
pub mod metrics;
mod notices;
pub mod pages;
pub mod problem;
pub mod reload;
pub mod report;
pub mod routes;
pub mod sandbox;
pub mod server;
pub mod settings;
pub mod studio;
