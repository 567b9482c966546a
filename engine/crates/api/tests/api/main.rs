//! The HTTP face over fakes: one module per route file, named after its path. What crosses all
//! routes (ids, limits, unknown routes, headers) stands in `edge`, who may do what in `roles`,
//! the OpenAPI document in `openapi`, and the socket in `serve`.
#![allow(clippy::unwrap_used)]

mod analytics;
mod answers;
mod api_keys;
mod articles;
mod attacks;
mod audit;
mod auth;
mod bulk;
mod calendar;
mod chat;
mod check;
mod comments;
mod content_types;
mod conversations;
mod covers;
mod door;
mod edge;
mod embeddings;
mod events;
mod generate;
mod health;
mod jobs;
mod keys;
mod lists;
mod me;
mod media;
mod messages;
mod models;
mod notifications;
mod oidc;
mod openapi;
mod plugin_admin;
mod plugins;
mod projects;
mod prompts;
mod ratings;
mod related;
mod repeats;
mod rerank;
mod research;
mod responses;
mod roles;
mod rollouts;
mod schedules;
mod search;
mod serve;
mod signup;
mod tags;
mod tls;
mod transfers;
mod uploads;
mod users;
mod webhooks;
