//! Schemas of fields that OpenAI lets have several types; derives know only one.

use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder, SchemaType};
use utoipa::openapi::{Object, ObjectBuilder, Ref, RefOr, Schema, Type};

use super::message::PartBody;

/// A text or a list of texts.
pub(super) fn text_or_texts() -> Schema {
    one_of([text().into(), array(text().into())])
}

/// A text, a list of parts, or null.
pub(super) fn text_or_parts() -> Schema {
    let part = RefOr::Ref(Ref::from_schema_name(PartBody::name()));
    one_of([text().into(), array(part), null().into()])
}

/// A word, or the name of a function.
pub(super) fn tool_choice() -> Schema {
    let name = ObjectBuilder::new()
        .property("name", text())
        .required("name");
    let named = ObjectBuilder::new()
        .property("type", word(["function"]))
        .property("function", name)
        .required("function");
    one_of([
        word(["none", "auto", "required"]).into(),
        named.build().into(),
    ])
}

/// Numbers, or base64 of them.
pub(super) fn vector() -> Schema {
    let number = ObjectBuilder::new().schema_type(Type::Number).build();
    one_of([array(number.into()), text().into()])
}

/// Always null.
pub(super) fn null() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::Null))
        .build()
}

fn text() -> Object {
    ObjectBuilder::new().schema_type(Type::String).build()
}

fn word<const N: usize>(words: [&'static str; N]) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words))
        .build()
}

fn array(items: RefOr<Schema>) -> RefOr<Schema> {
    RefOr::T(Schema::Array(ArrayBuilder::new().items(items).build()))
}

fn one_of<const N: usize>(variants: [RefOr<Schema>; N]) -> Schema {
    let builder = variants
        .into_iter()
        .fold(OneOfBuilder::new(), |builder, variant| {
            builder.item(variant)
        });
    Schema::OneOf(builder.build())
}
