//! The services against fakes of every port, one module per service. No wasm, no database, no waiting
//! for time: clocks are moved, and fakes stop at gates.

#![allow(clippy::unwrap_used)]

mod world;

mod account_trail; // what accounts write to the audit log
mod answers;
mod audit;
mod auth;
mod calendar;
mod catalog;
mod chat;
mod content;
mod conversations;
mod embedding; // texts as vectors, and searches by meaning
mod enclosures; // what comes with messages of conversations
mod engines; // several on one store, and what they share beside it
mod events;
mod gateway;
mod gateway_bounds; // what one caller may take
mod gateway_replies;
mod guests;
mod health;
mod jobs;
mod jobs_faults;
mod jobs_missed; // what cannot be done here now, and what gets nowhere
mod jobs_queue;
mod jobs_work; // the engine's own work
mod keys;
mod media;
mod models;
mod notifications;
mod people;
mod plugins;
mod projects;
mod prompts;
mod quarantine;
mod ratings;
mod rollout_faults;
mod rollouts;
mod schedules;
mod searches; // words of projects, saved searches and their alerts
mod second_factor;
mod sign_ins; // while accounts change under them, stores fail and engines begin again
mod signup;
mod subscribers; // plugins that are told of events
mod tokens;
mod transfer;
mod uploads;
mod webhooks;
