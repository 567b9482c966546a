//! A real SurrealDB server for tests: its own library's command line, without a download.

fn main() -> std::process::ExitCode {
    surrealdb_server::init(surrealdb_server::core::CommunityComposer())
}
