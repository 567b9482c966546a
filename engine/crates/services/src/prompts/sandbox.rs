//! Templates of strangers, rendered without harm: no files, no other templates, bounded steps and bounded
//! output. Steps alone bound no memory, since a few of them can double a text again and again; so what
//! makes values grow (assignments, macros, calls, `~`, `+`, `*`, `**`) is refused before it is compiled.

use std::collections::BTreeSet;
use std::io::{self, Write};

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, Stmt};
use minijinja::machinery::parse;
use minijinja::value::{Rest, ValueKind};
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value, filters, tests as built_in};
use serde_json::Map;

/// Instructions of one rendering; a turn of a small loop takes about ten.
const FUEL: u64 = 100_000;
/// Of one rendered message, and of every value on the way.
const MAX_OUTPUT_BYTES: usize = 256 * 1024;

/// Checks a template without rendering it, and names the variables it reads. The error says what is wrong
/// and where.
pub fn check(template: &str) -> Result<BTreeSet<String>, String> {
    let tree = parse(template, NAME, Default::default()).map_err(said)?;
    check_statement(&tree)?;
    let environment = environment();
    let compiled = environment
        .template_from_named_str(NAME, template)
        .map_err(said)?;
    Ok(compiled.undeclared_variables(false).into_iter().collect())
}

/// Fills a checked template in. The error says what is wrong and where.
pub fn render(
    template: &str,
    variables: &Map<String, serde_json::Value>,
) -> Result<String, String> {
    check(template)?;
    let environment = environment();
    let compiled = environment
        .template_from_named_str(NAME, template)
        .map_err(said)?;
    let mut output = Bounded(Vec::new());
    let context = Value::from(minijinja::value::Serde(variables));
    let rendered = compiled.render_captured_to(context, &mut output).map(drop);
    if output.is_full() {
        return Err(too_large().to_string());
    }
    rendered.map_err(said)?;
    String::from_utf8(output.0).map_err(|error| error.to_string())
}

/// What messages call a template.
const NAME: &str = "the text";

fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_fuel(Some(FUEL));
    // A misspelt name must not become an empty text.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_recursion_limit(32);
    environment.add_filter("default", filters::default);
    environment.add_filter("length", filters::length);
    environment.add_filter("first", filters::first);
    environment.add_filter("last", filters::last);
    environment.add_filter("round", filters::round);
    environment.add_filter("int", filters::int);
    environment.add_filter("float", filters::float);
    environment.add_filter("upper", filters::upper);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("title", filters::title);
    environment.add_filter("capitalize", filters::capitalize);
    environment.add_filter("join", join);
    environment.add_filter("sort", filters::sort);
    environment.add_filter("reverse", filters::reverse);
    environment.add_filter("tojson", |value: Value| {
        let text = serde_json::to_string(&value);
        bounded(text.map_err(|error| {
            minijinja::Error::new(ErrorKind::BadSerialization, error.to_string())
        })?)
    });
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

fn check_all(statements: &[Stmt<'_>]) -> Result<(), String> {
    statements.iter().try_for_each(check_statement)
}

fn check_statement(statement: &Stmt<'_>) -> Result<(), String> {
    match statement {
        Stmt::Template(template) => check_all(&template.children),
        Stmt::EmitRaw(_) => Ok(()),
        Stmt::EmitExpr(emit) => check_expression(&emit.expr),
        Stmt::IfCond(condition) => {
            check_expression(&condition.expr)?;
            check_all(&condition.true_body)?;
            check_all(&condition.false_body)
        }
        Stmt::ForLoop(turn) if turn.recursive => Err(refused("recursive loops")),
        Stmt::ForLoop(turn) => {
            check_expression(&turn.iter)?;
            turn.filter_expr.iter().try_for_each(check_expression)?;
            check_all(&turn.body)?;
            check_all(&turn.else_body)
        }
        _ => Err(refused("blocks other than `if` and `for`")),
    }
}

fn check_expression(expression: &Expr<'_>) -> Result<(), String> {
    match expression {
        Expr::Var(_) | Expr::Const(_) => Ok(()),
        Expr::Slice(slice) => {
            check_expression(&slice.expr)?;
            let bounds = [&slice.start, &slice.stop, &slice.step];
            bounds.into_iter().flatten().try_for_each(check_expression)
        }
        Expr::UnaryOp(operation) => check_expression(&operation.expr),
        Expr::BinOp(operation) => {
            let grows = matches!(
                operation.op,
                BinOpKind::Add | BinOpKind::Mul | BinOpKind::Pow | BinOpKind::Concat
            );
            if grows {
                return Err(refused("the operators `+`, `*`, `**` and `~`"));
            }
            check_expression(&operation.left)?;
            check_expression(&operation.right)
        }
        Expr::Compare(comparison) => {
            check_expression(&comparison.expr)?;
            let mut operands = comparison.ops.iter();
            operands.try_for_each(|operand| check_expression(&operand.expr))
        }
        Expr::IfExpr(choice) => {
            check_expression(&choice.test_expr)?;
            check_expression(&choice.true_expr)?;
            choice.false_expr.iter().try_for_each(check_expression)
        }
        Expr::Filter(filter) => {
            filter.expr.iter().try_for_each(check_expression)?;
            filter.args.iter().try_for_each(check_argument)
        }
        Expr::Test(test) => {
            check_expression(&test.expr)?;
            test.args.iter().try_for_each(check_argument)
        }
        Expr::GetAttr(get) => check_expression(&get.expr),
        Expr::GetItem(get) => {
            check_expression(&get.expr)?;
            check_expression(&get.subscript_expr)
        }
        // A list of lists of lists, each twice in the next, is small to keep and endless to walk.
        Expr::List(list) => match list.items.iter().all(|item| matches!(item, Expr::Const(_))) {
            true => Ok(()),
            false => Err(refused("lists of anything but plain values")),
        },
        _ => Err(refused("calls, maps and tuples")),
    }
}

fn check_argument(argument: &CallArg<'_>) -> Result<(), String> {
    match argument {
        CallArg::Pos(value) | CallArg::Kwarg(_, value) => check_expression(value),
        CallArg::PosSplat(_) | CallArg::KwargSplat(_) => Err(refused("`*` before arguments")),
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
}
