//! The layers: built-in < file < environment < overrides, and how their faults are told.

#![allow(clippy::unwrap_used)]

use expect_test::expect;
use inkstone_config::{ConfigError, EngineConfig, LogFormat, Override};

fn load(
    text: &str,
    variables: &[(&str, &str)],
    overrides: &[(&str, &str)],
) -> Result<EngineConfig, ConfigError> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let overrides: Vec<Override> = overrides
        .iter()
        .map(|(key, value)| Override {
            key: (*key).to_owned(),
            value: (*value).to_owned(),
            shown_as: format!("--{key}"),
        })
        .collect();
    EngineConfig::parse(text, "engine.toml", variables, &overrides)
}

#[test]
fn an_empty_file_is_the_defaults() {
    assert_eq!(load("", &[], &[]).unwrap(), EngineConfig::default());
}

/// An upstream or a database is restarted, or fails over.
#[test]
fn jobs_outlive_an_outage_of_some_minutes_by_default() {
    let jobs = EngineConfig::default().jobs;
    let waits = (0..jobs.max_attempts - 1).map(|retry| jobs.retry_delay_ms << retry);
    let all_ms: u64 = waits.sum();
    assert!((5 * 60_000..30 * 60_000).contains(&all_ms), "{all_ms}");
}

#[test]
fn each_layer_goes_before_the_one_below() {
    let text = "[jobs]\nworkers = 3\nmax_attempts = 4\nlease_ms = 5000\n";
    let config = load(
        text,
        &[
            ("INKSTONE__JOBS__MAX_ATTEMPTS", "5"),
            ("INKSTONE__JOBS__LEASE_MS", "6000"),
            ("HOME", "/root"),
            ("INKSTONE_CONFIG", "not ours"),
        ],
        &[("jobs.lease_ms", "7000")],
    )
    .unwrap();
    assert_eq!(config.jobs.workers, 3);
    assert_eq!(config.jobs.max_attempts, 5);
    assert_eq!(config.jobs.lease_ms, 7_000);
    assert_eq!(config.log.format, LogFormat::Auto);
}

#[test]
fn the_environment_reaches_every_type() {
    let config = load(
        "",
        &[
            ("INKSTONE__SERVER__LISTEN", "0.0.0.0:80"),
            ("INKSTONE__DATA_DIR", "/var/lib/inkstone"),
            ("INKSTONE__PLUGINS__WATCH", "false"),
            ("INKSTONE__PLUGINS__CEILING__MEMORY_MIB", "64"),
            // Text that looks like another type stays text where text is wanted.
            ("INKSTONE__MODELS__ALIASES__FAST", "1"),
            ("INKSTONE__AUTH__ADMIN_PASSWORD", "plain here is fine"),
            ("INKSTONE__CREDENTIALS__OPENAI__SECRET", "sk-1"),
            (
                "INKSTONE__CREDENTIALS__OPENAI__HOSTS",
                "[\"https://api.openai.com\"]",
            ),
        ],
        &[],
    )
    .unwrap();
    assert_eq!(config.server.listen.to_string(), "0.0.0.0:80");
    assert_eq!(config.data_dir.to_str(), Some("/var/lib/inkstone"));
    assert!(!config.plugins.watch);
    assert_eq!(config.plugins.ceiling.memory_mib, Some(64));
    assert_eq!(config.models.aliases["fast"], "1");
    let password = config.auth.admin_password.as_ref().unwrap();
    assert_eq!(password.expose(), "plain here is fine");
    assert_eq!(config.credentials["openai"].secret.expose(), "sk-1");
    // Nothing secret in what a log might show.
    let shown = format!("{config:?}");
    assert!(
        !shown.contains("plain here") && !shown.contains("sk-1"),
        "{shown}"
    );
}

#[test]
fn faults_name_the_variable_or_the_flag() {
    let error = load(
        "",
        &[
            ("INKSTONE__SERVER__LISTEM", "x"),
            ("INKSTONE__JOBS__WORKERS", "many"),
            ("INKSTONE__", "x"),
            ("INKSTONE__DATA_DIR__X", "x"),
        ],
        &[("server.listen", "nowhere")],
    )
    .unwrap_err();
    expect![[r#"
        --server.listen: `listen` in [server]: `nowhere` is no address and port, such as 127.0.0.1:7700
        INKSTONE__: this names no key; write INKSTONE__SECTION__KEY
        INKSTONE__DATA_DIR__X: `data_dir` must be text, and is a table
        INKSTONE__JOBS__WORKERS: `workers` in [jobs] must be a whole number, and is text
        INKSTONE__SERVER__LISTEM: unknown key `listem` in [server]; did you mean `listen`?"#]]
    .assert_eq(&error.to_string());
}

#[test]
fn secrets_come_from_variables_and_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "from a file\n").unwrap();
    let text = format!(
        "[auth]\nadmin_password = {{ file = '{}' }}\n[store]\nusername = {{ env = \"PATH\" }}\npassword = {{ env = \"PATH\" }}\n",
        path.display()
    );
    let config = load(&text, &[], &[]).unwrap();
    assert_eq!(config.auth.admin_password.unwrap().expose(), "from a file");
    assert_eq!(
        config.store.username.unwrap().expose(),
        std::env::var("PATH").unwrap()
    );
}
