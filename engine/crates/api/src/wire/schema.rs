//! Schemas of fields that may have several types; derives know only one.

use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder, SchemaType};
use utoipa::openapi::{Object, ObjectBuilder, Ref, RefOr, Schema, Type};

/// A text or a list of texts.
pub(super) fn text_or_texts() -> Schema {
    one_of([text().into(), array(text().into())])
}

/// A list of texts, or of objects that carry one.
pub(super) fn texts_or_objects() -> Schema {
    let object = ObjectBuilder::new()
        .property("text", text())
        .required("text")
        .build();
    let item = one_of([text().into(), object.into()]);
    Schema::Array(ArrayBuilder::new().items(RefOr::T(item)).build())
}

/// A text, a list of such things, or null.
pub(super) fn text_or_list_of<T: ToSchema>() -> Schema {
    one_of([text().into(), array(named::<T>()), null().into()])
}

/// One of these words, or an object.
pub(super) fn word_or<const N: usize>(words: [&'static str; N], object: ObjectBuilder) -> Schema {
    one_of([word(words).into(), object.build().into()])
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

pub(super) fn text() -> Object {
    ObjectBuilder::new().schema_type(Type::String).build()
}

pub(super) fn word<const N: usize>(words: [&'static str; N]) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words))
        .build()
}

/// The frame of the document must name such a type itself: no derive follows a reference made by hand.
fn named<T: ToSchema>() -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(T::name()))
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
