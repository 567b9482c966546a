//! What tests ask of the plans of statements.

use serde_json::Value as Json;
use surrealdb::types::Value;

use crate::connection::SurrealStore;
use crate::statement::Statement;

/// The statement scans in this way, neither filters nor sorts what it scans, and no step of it gives more rows.
pub(crate) async fn assert_bounded(
    store: &SurrealStore,
    statement: Statement,
    scan: &str,
    most_rows: usize,
    about: &str,
) {
    let plan: Value = store.read(statement.explained()).await.unwrap();
    let (mut names, mut most) = (Vec::new(), 0);
    steps(&plan.into_json_value(), &mut names, &mut most);
    assert!(names.iter().any(|name| name == scan), "{about}: {names:?}");
    let bad = ["TableScan", "Filter", "Sort", "SortTopKByKey", "SortTopK"];
    assert!(
        !names.iter().any(|name| bad.contains(&name.as_str())),
        "{about}: {names:?}"
    );
    assert!(
        (1..=most_rows as u64).contains(&most),
        "{about}: {most} rows"
    );
}

/// Of every step of the plan its name, and the most rows that one of them gave.
fn steps(plan: &Json, names: &mut Vec<String>, most: &mut u64) {
    names.push(plan["operator"].as_str().unwrap_or_default().to_owned());
    let rows = plan["metrics"]["output_rows"].as_u64().unwrap_or_default();
    *most = rows.max(*most);
    for child in plan["children"].as_array().into_iter().flatten() {
        steps(child, names, most);
    }
}
