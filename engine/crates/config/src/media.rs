//! `[media]`: where the files of projects lie, how large they may be, and the smaller pictures of pictures.

use std::collections::BTreeMap;
use std::path::PathBuf;

use inkstone_domain::media::{Fit, PictureFormat, VariantSpec};
use inkstone_domain::project::is_slug;

use crate::secret::Secret;
use crate::section::Section;

/// `[media]`
#[derive(Debug, Clone, PartialEq)]
pub struct MediaConfig {
    pub storage: MediaStorage,
    /// `None` is `media` in the data folder.
    pub folder: Option<PathBuf>,
    pub s3: S3Config,
    /// Of one file.
    pub max_mib: u32,
    /// Of all files of a project together.
    pub project_quota_mib: u32,
    /// Of one picture, in millions.
    pub max_megapixels: u32,
    /// Content types; `None` is all that are known and no archives.
    pub types: Option<Vec<String>>,
    /// How long an upload in pieces may take.
    pub upload_hours: u32,
    /// How long a deleted file can be brought back; 0 is for ever.
    pub trash_days: u32,
    /// How long a link may last.
    pub link_hours: u32,
    /// `[media.variants.<name>]`; where none is named the defaults are made.
    pub variants: BTreeMap<String, VariantSpec>,
}

/// Where bytes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaStorage {
    Local,
    S3,
}

/// `[media.s3]`
#[derive(Debug, Clone, Default, PartialEq)]
pub struct S3Config {
    pub endpoint: String,
    pub region: String,
    pub bucket: String,
    /// Before all keys.
    pub prefix: String,
    pub access_key_id: Option<Secret>,
    pub secret_access_key: Option<Secret>,
}

const STORAGES: &[(&str, MediaStorage)] =
    &[("local", MediaStorage::Local), ("s3", MediaStorage::S3)];
const FITS: &[(&str, Fit)] = &[("inside", Fit::Inside), ("cover", Fit::Cover)];
const FORMATS: &[(&str, PictureFormat)] = &[
    ("webp", PictureFormat::Webp),
    ("avif", PictureFormat::Avif),
    ("jpeg", PictureFormat::Jpeg),
];

pub(crate) fn read(mut section: Section<'_>, config: &mut MediaConfig) {
    section.choice("storage", &mut config.storage, STORAGES);
    section.parsed("folder", &mut config.folder, |text| {
        Ok(Some(PathBuf::from(text)))
    });
    section.number("max_mib", 1..=5_120, &mut config.max_mib);
    section.number(
        "project_quota_mib",
        1..=1_073_741_824,
        &mut config.project_quota_mib,
    );
    section.number("max_megapixels", 1..=1_000, &mut config.max_megapixels);
    if section.has("types") {
        let mut types = Vec::new();
        section.list("types", &mut types);
        config.types = Some(types);
    }
    section.number("upload_hours", 1..=720, &mut config.upload_hours);
    section.number("trash_days", 0..=3_650, &mut config.trash_days);
    section.number("link_hours", 1..=8_760, &mut config.link_hours);
    s3(section.section("s3"), config);
    for (name, own) in section.named_sections("variants") {
        variant(name, own, &mut config.variants);
    }
    section.finish();
}

fn s3(mut section: Section<'_>, media: &mut MediaConfig) {
    let config = &mut media.s3;
    section.parsed("endpoint", &mut config.endpoint, |text| {
        match text.starts_with("http://") || text.starts_with("https://") {
            true => Ok(text.trim_end_matches('/').to_owned()),
            false => Err(format!(
                "`{text}` is no address, such as https://s3.example.org"
            )),
        }
    });
    section.text("region", &mut config.region);
    section.text("bucket", &mut config.bucket);
    section.parsed("prefix", &mut config.prefix, |text| {
        Ok(text.trim_matches('/').to_owned())
    });
    section.secret("access_key_id", &mut config.access_key_id);
    section.secret("secret_access_key", &mut config.secret_access_key);
    let is_whole = !config.endpoint.is_empty()
        && !config.bucket.is_empty()
        && config.access_key_id.is_some()
        && config.secret_access_key.is_some();
    if media.storage == MediaStorage::S3 && !is_whole {
        let place = section.place().clone();
        section.fault(
            &place,
            "`storage` in [media] is \"s3\", which needs `endpoint`, `bucket`, `access_key_id` and `secret_access_key` in [media.s3]",
        );
    }
    section.finish();
}

fn variant(name: String, mut section: Section<'_>, variants: &mut BTreeMap<String, VariantSpec>) {
    let mut spec = VariantSpec {
        name: name.clone(),
        width: 1_024,
        height: 1_024,
        fit: Fit::Inside,
        format: PictureFormat::Webp,
        quality: 80,
    };
    section.number("width", 1..=16_383, &mut spec.width);
    section.number("height", 1..=16_383, &mut spec.height);
    section.choice("fit", &mut spec.fit, FITS);
    section.choice("format", &mut spec.format, FORMATS);
    section.number("quality", 1..=100, &mut spec.quality);
    if !is_slug(&name) {
        let place = section.place().clone();
        section.fault(
            &place,
            format!("`{name}` is no name of a variant; it has small letters, digits and `-`"),
        );
    }
    section.finish();
    variants.insert(name, spec);
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self {
            storage: MediaStorage::Local,
            folder: None,
            s3: S3Config {
                region: "us-east-1".to_owned(),
                ..S3Config::default()
            },
            max_mib: 100,
            project_quota_mib: 10_240,
            max_megapixels: 50,
            types: None,
            upload_hours: 24,
            trash_days: 30,
            link_hours: 168,
            variants: BTreeMap::new(),
        }
    }
}
