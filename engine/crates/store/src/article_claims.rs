//! What articles hold fast beside their slugs: their language within a group of translations, and the files that are
//! their covers. Parts of the transactions in `articles` and `media`.

/// One language of a group is one article's: the record's id makes it unique. Whoever held it before, and is out of
/// sight or in another language by now, has lost it. The original may hold its own without a record. Takes
/// `$article`; done where the condition holds.
macro_rules! claim_language {
    ($when:literal) => {
        concat!(
            "
    IF ",
            $when,
            " {
        LET $group = $article.translation_of ?? $article.key;
        LET $language = string::lowercase($article.text.language);
        LET $language_id = type::record('article_language', [$group, $language]);
        LET $held = SELECT VALUE article FROM ONLY $language_id;
        LET $rivals = [$held ?? $group, $group].map(|$key| type::record('article', $key));
        LET $twin = SELECT VALUE key FROM $rivals
            WHERE key != NONE AND key != $article.key AND deleted = false
            AND (translation_of ?? key) = $group AND string::lowercase(text.language) = $language;
        IF array::len($twin) > 0 { THROW 'refused:language_taken:' + $twin[0] };
        UPSERT $language_id CONTENT { article: $article.key, revision: $article.revision } RETURN NONE;
    };
"
        )
    };
}

/// Nothing is thrown away that is the cover of an article in sight. In `default` everybody's files are their own, so
/// nobody holds fast what is somebody else's. Takes the key of the file and its row.
macro_rules! check_no_cover {
    ($media:literal, $row:literal) => {
        concat!(
            "
    LET $covers = SELECT VALUE key FROM article WHERE deleted = false AND text.cover = ",
            $media,
            " AND project = ",
            $row,
            ".project AND (project != 'default' OR owner = ",
            $row,
            ".owner) LIMIT 10;
    IF array::len($covers) > 0 { THROW 'refused:is_cover:' + <string>array::len($covers) };
"
        )
    };
}
pub(crate) use {check_no_cover, claim_language};
