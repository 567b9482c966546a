//! Templates of strangers, rendered without harm: no files, no other templates, bounded steps and bounded
//! output. Steps alone bound no memory, since a few of them can double a text again and again; so what
//! makes values grow (assignments, macros, calls, `~`, `+`, `*`, `**`) is refused before it is compiled. Nor
//! do they bound time, since one of them may walk over all variables: filters are counted in `budget`, and
//! where an operator walks, a step counts the more the larger the variables are.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;

use minijinja::machinery::ast::{BinOpKind, CallArg, Compare, CompareOpKind, Expr, Stmt};
use minijinja::machinery::parse;
use minijinja::value::{Rest, ValueKind};
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value, filters, tests as built_in};
use serde_json::Map;

use super::budget::Budget;

/// Instructions of one rendering; a turn of a small loop takes about ten.
const FUEL: u64 = 100_000;
/// So many bytes of variables are walked over as fast as an instruction is done.
const WALKED_BYTES: u64 = 32 * 1024;
/// Longer ones that stand in the template count as variables do.
const SMALL_CONSTANT: usize = 1_000;
/// Of one rendered message, and of every value on the way.
const MAX_OUTPUT_BYTES: usize = 256 * 1024;

/// Checks a template without rendering it, and names the variables it reads. The error says what is wrong
/// and where.
pub fn check(template: &str) -> Result<BTreeSet<String>, String> {
    checked(template)?;
    let environment = environment(&Budget::new());
    let compiled = environment
        .template_from_named_str(NAME, template)
        .map_err(said)?;
    Ok(compiled.undeclared_variables(false).into_iter().collect())
}

/// The messages of one prompt, filled in with the same variables: they share steps and budget.
pub struct Rendering {
    variables: Value,
    variables_bytes: u64,
    fuel: u64,
    budget: Arc<Budget>,
}

impl Rendering {
    pub fn new(variables: &Map<String, serde_json::Value>) -> Self {
        let bytes = serde_json::to_vec(variables).map_or(usize::MAX, |json| json.len());
        Self {
            variables: Value::from(minijinja::value::Serde(variables)),
            variables_bytes: bytes as u64,
            fuel: FUEL,
            budget: Budget::new(),
        }
    }

    /// Fills a template in. The error says what is wrong and where.
    pub fn render(&mut self, template: &str) -> Result<String, String> {
        let step = match checked(template)? {
            Walks::Nowhere => 1,
            Walks::Somewhere => 1 + self.variables_bytes / WALKED_BYTES,
        };
        let mut environment = environment(&self.budget);
        environment.set_fuel(Some(self.fuel / step));
        let compiled = environment
            .template_from_named_str(NAME, template)
            .map_err(said)?;
        let mut output = Bounded(Vec::new());
        let rendered = compiled.render_captured_to(self.variables.clone(), &mut output);
        let taken = rendered.map(|captured| captured.state().fuel_levels());
        if output.is_full() {
            return Err(too_large().to_string());
        }
        let taken = taken.map_err(said)?.map_or(0, |(taken, _left)| taken);
        self.fuel = self.fuel.saturating_sub(taken * step);
        String::from_utf8(output.0).map_err(|error| error.to_string())
    }
}

/// Whether an operator of a template may walk over all variables in one step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Walks {
    Nowhere,
    Somewhere,
}

fn checked(template: &str) -> Result<Walks, String> {
    let tree = parse(template, NAME, Default::default()).map_err(said)?;
    let mut walks = Walks::Nowhere;
    check_statement(&tree, &mut walks)?;
    Ok(walks)
}

/// What messages call a template.
const NAME: &str = "the text";

fn environment(budget: &Arc<Budget>) -> Environment<'static> {
    let mut environment = Environment::empty();
    // A misspelt name must not become an empty text.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_recursion_limit(32);
    environment.add_filter("default", filters::default);
    environment.add_filter("first", filters::first);
    environment.add_filter("round", filters::round);
    // All that walk over what they are given.
    for (name, filter) in [
        ("length", Value::from_function(filters::length)),
        ("last", Value::from_function(filters::last)),
        ("int", Value::from_function(filters::int)),
        ("float", Value::from_function(filters::float)),
        ("upper", Value::from_function(filters::upper)),
        ("lower", Value::from_function(filters::lower)),
        ("trim", Value::from_function(filters::trim)),
        ("title", Value::from_function(filters::title)),
        ("capitalize", Value::from_function(filters::capitalize)),
        ("join", Value::from_function(join)),
        ("sort", Value::from_function(filters::sort)),
        ("reverse", Value::from_function(filters::reverse)),
        ("tojson", Value::from_function(as_json)),
    ] {
        budget.count(&mut environment, name, filter);
    }
    environment.add_test("defined", built_in::is_defined);
    environment.add_test("undefined", built_in::is_undefined);
    environment.add_test("none", built_in::is_none);
    environment.add_test("string", built_in::is_string);
    environment.add_test("number", built_in::is_number);
    environment.add_test("sequence", built_in::is_sequence);
    environment.add_test("odd", built_in::is_odd);
    environment.add_test("even", built_in::is_even);
    environment
}

fn as_json(value: Value) -> Result<String, minijinja::Error> {
    let text = serde_json::to_string(&value);
    bounded(
        text.map_err(|error| {
            minijinja::Error::new(ErrorKind::BadSerialization, error.to_string())
        })?,
    )
}

fn join(list: Value, separator: Rest<String>) -> Result<String, minijinja::Error> {
    let separator = separator.first().map_or("", String::as_str);
    if list.kind() == ValueKind::String {
        return bounded(list.to_string());
    }
    let mut text = String::new();
    for (index, item) in list.try_iter()?.enumerate() {
        if index > 0 {
            text.push_str(separator);
        }
        text.push_str(&item.to_string());
        if text.len() > MAX_OUTPUT_BYTES {
            return Err(too_large());
        }
    }
    Ok(text)
}

fn bounded(text: String) -> Result<String, minijinja::Error> {
    match text.len() <= MAX_OUTPUT_BYTES {
        true => Ok(text),
        false => Err(too_large()),
    }
}

fn too_large() -> minijinja::Error {
    let detail = format!("the result has more than {MAX_OUTPUT_BYTES} bytes");
    minijinja::Error::new(ErrorKind::InvalidOperation, detail)
}

fn check_all(statements: &[Stmt<'_>], walks: &mut Walks) -> Result<(), String> {
    let mut statements = statements.iter();
    statements.try_for_each(|statement| check_statement(statement, walks))
}

fn check_statement(statement: &Stmt<'_>, walks: &mut Walks) -> Result<(), String> {
    match statement {
        Stmt::Template(template) => check_all(&template.children, walks),
        Stmt::EmitRaw(_) => Ok(()),
        Stmt::EmitExpr(emit) => check_expression(&emit.expr, walks),
        Stmt::IfCond(condition) => {
            check_expression(&condition.expr, walks)?;
            check_all(&condition.true_body, walks)?;
            check_all(&condition.false_body, walks)
        }
        Stmt::ForLoop(turn) if turn.recursive => Err(refused("recursive loops")),
        Stmt::ForLoop(turn) => {
            check_expression(&turn.iter, walks)?;
            check_some(&turn.filter_expr, walks)?;
            check_all(&turn.body, walks)?;
            check_all(&turn.else_body, walks)
        }
        _ => Err(refused("blocks other than `if` and `for`")),
    }
}

fn check_some(expression: &Option<Expr<'_>>, walks: &mut Walks) -> Result<(), String> {
    let mut expression = expression.iter();
    expression.try_for_each(|expression| check_expression(expression, walks))
}

fn check_expression(expression: &Expr<'_>, walks: &mut Walks) -> Result<(), String> {
    match expression {
        Expr::Var(_) | Expr::Const(_) => Ok(()),
        Expr::Slice(slice) => {
            *walks = Walks::Somewhere;
            check_expression(&slice.expr, walks)?;
            check_some(&slice.start, walks)?;
            check_some(&slice.stop, walks)?;
            check_some(&slice.step, walks)
        }
        Expr::UnaryOp(operation) => check_expression(&operation.expr, walks),
        Expr::BinOp(operation) => {
            let grows = matches!(
                operation.op,
                BinOpKind::Add | BinOpKind::Mul | BinOpKind::Pow | BinOpKind::Concat
            );
            if grows {
                return Err(refused("the operators `+`, `*`, `**` and `~`"));
            }
            let (left, right) = (&operation.left, &operation.right);
            let is_cheap = match operation.op {
                BinOpKind::In => is_small(right),
                BinOpKind::Eq
                | BinOpKind::Ne
                | BinOpKind::Lt
                | BinOpKind::Lte
                | BinOpKind::Gt
                | BinOpKind::Gte => is_small(left) || is_small(right),
                _ => true,
            };
            if !is_cheap {
                *walks = Walks::Somewhere;
            }
            check_expression(left, walks)?;
            check_expression(right, walks)
        }
        Expr::Compare(comparison) => {
            if compares_much(comparison) {
                *walks = Walks::Somewhere;
            }
            check_expression(&comparison.expr, walks)?;
            let mut operands = comparison.ops.iter();
            operands.try_for_each(|operand| check_expression(&operand.expr, walks))
        }
        Expr::IfExpr(choice) => {
            check_expression(&choice.test_expr, walks)?;
            check_expression(&choice.true_expr, walks)?;
            check_some(&choice.false_expr, walks)
        }
        Expr::Filter(filter) => {
            check_some(&filter.expr, walks)?;
            check_arguments(&filter.args, walks)
        }
        Expr::Test(test) => {
            check_expression(&test.expr, walks)?;
            check_arguments(&test.args, walks)
        }
        Expr::GetAttr(get) => check_expression(&get.expr, walks),
        Expr::GetItem(get) => {
            // The letters of a text are counted up to the one that is meant.
            if !matches!(&get.subscript_expr, Expr::Const(place) if place.value.as_str().is_some()
                || place.value.as_usize().is_some_and(|place| place <= SMALL_CONSTANT))
            {
                *walks = Walks::Somewhere;
            }
            check_expression(&get.expr, walks)?;
            check_expression(&get.subscript_expr, walks)
        }
        // A list of lists of lists, each twice in the next, is small to keep and endless to walk.
        Expr::List(list) => match list.items.iter().all(|item| matches!(item, Expr::Const(_))) {
            true => Ok(()),
            false => Err(refused("lists of anything but plain values")),
        },
        _ => Err(refused("calls, maps and tuples")),
    }
}

fn check_arguments(arguments: &[CallArg<'_>], walks: &mut Walks) -> Result<(), String> {
    let mut arguments = arguments.iter();
    arguments.try_for_each(|argument| match argument {
        CallArg::Pos(value) | CallArg::Kwarg(_, value) => check_expression(value, walks),
        CallArg::PosSplat(_) | CallArg::KwargSplat(_) => Err(refused("`*` before arguments")),
    })
}

/// Of several in a row, whether both sides may be large; of `in`, the side that is looked through.
fn compares_much(comparison: &Compare<'_>) -> bool {
    let mut left = &comparison.expr;
    comparison.ops.iter().any(|operation| {
        let is_cheap = match operation.op {
            CompareOpKind::In | CompareOpKind::NotIn => is_small(&operation.expr),
            _ => is_small(left) || is_small(&operation.expr),
        };
        left = &operation.expr;
        !is_cheap
    })
}

fn is_small(expression: &Expr<'_>) -> bool {
    match expression {
        Expr::Const(constant) => constant.value.len().unwrap_or(0) <= SMALL_CONSTANT,
        Expr::List(list) => list.items.len() <= SMALL_CONSTANT && list.items.iter().all(is_small),
        _ => false,
    }
}

fn refused(what: &str) -> String {
    format!("not in prompts: {what}")
}

/// Says it without the debug information that the engine adds.
fn said(error: minijinja::Error) -> String {
    let what = match error.kind() {
        ErrorKind::OutOfFuel => "it takes too many steps".to_owned(),
        kind => error
            .detail()
            .map_or_else(|| kind.to_string(), str::to_owned),
    };
    match error.line() {
        Some(line) => format!("line {line}: {what}"),
        None => what,
    }
}

/// Takes no more than may come out.
struct Bounded(Vec<u8>);

impl Bounded {
    fn is_full(&self) -> bool {
        self.0.len() > MAX_OUTPUT_BYTES
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = (MAX_OUTPUT_BYTES + 1).saturating_sub(self.0.len());
        self.0.extend_from_slice(&bytes[..bytes.len().min(room)]);
        match self.is_full() {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn render(
        template: &str,
        variables: &Map<String, serde_json::Value>,
    ) -> Result<String, String> {
        Rendering::new(variables).render(template)
    }

    fn variables() -> Map<String, serde_json::Value> {
        let values =
            json!({"name": "Ada", "items": ["b", "a"], "count": 3, "long": "x".repeat(60_000)});
        values.as_object().unwrap().clone()
    }

    #[test]
    fn what_prompts_need_works() {
        for (template, expected) in [
            ("Hi {{ name }}!", "Hi Ada!"),
            (
                "{% if count > 2 and name == 'Ada' %}many{% else %}few{% endif %}",
                "many",
            ),
            (
                "{% for item in items|sort %}{{ loop.index }}. {{ item }}\n{% endfor %}",
                "1. a\n2. b\n",
            ),
            (
                "{% for item in ['x', 'y'] if item != 'x' %}{{ item|upper }}{% endfor %}",
                "Y",
            ),
            ("{{ items|join(', ') }} of {{ items|length }}", "b, a of 2"),
            (
                "{{ missing|default('none') }}{{ missing is defined }}",
                "noneFalse",
            ),
            (
                "{{ items|tojson }} {{ items[0] }} {{ name[:2] }} {{ 7 - count }}",
                "[\"b\",\"a\"] b Ad 4",
            ),
            (
                "{{ '<b>' }} * + ~ {% raw %}{{ x }}{% endraw %}{# no #}",
                "<b> * + ~ {{ x }}",
            ),
            ("{{ 'yes' if count is odd else 'no' }}", "yes"),
        ] {
            assert_eq!(
                render(template, &variables()).as_deref(),
                Ok(expected),
                "{template}"
            );
        }
    }

    #[test]
    fn what_could_do_harm_is_refused() {
        let nested = "{% for a in items %}".repeat(40) + "x" + &"{% endfor %}".repeat(40);
        let deep = format!("{{{{ {}1{} }}}}", "(".repeat(5_000), ")".repeat(5_000));
        for template in [
            "{% set a = long %}{{ a }}",
            "{% with a = long %}{{ a }}{% endwith %}",
            "{% macro m(a) %}{{ a }}{% endmacro %}",
            "{% filter upper %}{{ long }}{% endfilter %}",
            "{% include 'a' %}",
            "{% import 'a' as b %}",
            "{% extends '/etc/passwd' %}",
            "{% for a in items recursive %}{{ loop(items) }}{% endfor %}",
            "{{ range(10) }}",
            "{{ loop.cycle(1) }}",
            "{{ name.upper() }}",
            "{{ long ~ long }}",
            "{{ long * 1000 }}",
            "{{ 2 ** 99 }}",
            "{{ [long, long] }}",
            "{{ {'a': long} }}",
            "{{ name|replace('A', long) }}",
            "{{ name|nothing }}",
            "{{ debug() }}",
            "{{ nothing }}",
            "{{ name.__class__ }}",
            "{{ long }}{{ long }}{{ long }}{{ long }}{{ long }}",
            "{{ long|tojson|tojson }}{{ items|join(long)|tojson }}{{ [1, 2, 3, 4, 5, 6]|join(long) }}",
            "{% for a in long %}{% for b in long %}{% if a %}{% endif %}{% endfor %}{% endfor %}",
            nested.as_str(),
            deep.as_str(),
            "{{ name",
            "{% if %}",
        ] {
            let refused = render(template, &variables());
            let head: String = template.chars().take(60).collect();
            assert!(refused.is_err(), "{head}: {} bytes", refused.unwrap().len());
        }
    }

    #[test]
    fn a_check_names_what_is_read_and_where_it_is_wrong() {
        let read = check("{{ b }}{% for x in a.y %}{{ x }}{% endfor %}").unwrap();
        assert_eq!(read.into_iter().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(
            check("one\n{{ ").unwrap_err(),
            "line 2: unexpected end of input, expected expression"
        );
        assert_eq!(
            check("{{ a ~ b }}").unwrap_err(),
            "not in prompts: the operators `+`, `*`, `**` and `~`"
        );
    }

    #[test]
    fn what_walks_over_long_variables_is_counted() {
        let some = |count: usize| -> Vec<_> { (0..count).map(|one| format!("{one:05}")).collect() };
        let values = json!({
            "items": some(5_000), "turns": some(5_000), "long": "é".repeat(100_000), "one": "é"
        });
        let values = values.as_object().unwrap();
        let often = |what: &str| {
            format!("{{% for turn in turns %}}{{% if {what} %}}{{% endif %}}{{% endfor %}}")
        };
        // Once is fine, whatever it is; and often what costs little.
        for template in [
            "{{ items|sort|first }}",
            "{{ items|sort(reverse=true)|first }}",
            "{{ items|length }}{{ long|length }}",
            "{% if '49999' in items and items[1:] != items %}x{% endif %}",
            "{% for item in items[:100] if item == one %}x{% endfor %}",
            &often("turn|upper == 'x' or items[7] == '7'"),
        ] {
            assert!(render(template, values).is_ok(), "{template}");
        }
        for what in [
            "items|sort",
            "items|tojson == 'x'",
            "long|upper == 'x'",
            "['x', 'y']|join(long) == 'x'",
            "items == items",
            "one in items",
            "'z' in long",
            "long[1:] == 'x'",
        ] {
            let refused = render(&often(what), values);
            let expected = Err("line 1: it takes too many steps".to_owned());
            assert_eq!(refused, expected, "{what}");
        }
        // One rendering has one budget, however many messages it has.
        let mut rendering = Rendering::new(values);
        let mut rendered = (0..1_000).map(|_| rendering.render("{{ items|sort|first }}"));
        let refused = rendered.find_map(Result::err);
        assert_eq!(refused.as_deref(), Some("line 1: it takes too many steps"));
        let mut rendering = Rendering::new(values);
        let walk = "{% for item in items[:500] %}{% if item == one %}{% endif %}{% endfor %}";
        let mut rendered = (0..100).map(|_| rendering.render(walk));
        assert!(rendered.next().is_some_and(|first| first.is_ok()));
        let refused = rendered.find_map(Result::err);
        assert_eq!(refused.as_deref(), Some("line 1: it takes too many steps"));
    }

    #[test]
    fn a_long_list_sorted_again_and_again_is_stopped() {
        let items: Vec<String> = (0..50_000).map(|one| format!("{one:05}")).collect();
        let values = json!({ "items": items });
        let template = "{% for item in items %}{% for first in items|sort if first == 'x' %}{% endfor %}{% endfor %}";
        let refused = render(template, values.as_object().unwrap());
        assert_eq!(refused.unwrap_err(), "line 1: it takes too many steps");
        let template = "{% for item in items %}{% if items|sort %}{% endif %}{% endfor %}";
        let refused = render(template, values.as_object().unwrap());
        assert_eq!(refused.unwrap_err(), "line 1: it takes too many steps");
    }
}
