//! `inkstone plugin inspect` and `verify`: what a file says of itself, and whether this deployment
//! would take it. Both read a package and a bare component alike, and run neither.

use std::path::Path;

use inkstone_domain::capability::Effective;
use inkstone_domain::plugin::{Manifest, PackageFormat, Signer, Standing};
use inkstone_host::Inspection;
use inkstone_package::TrustPolicy;
use serde_json::json;

use crate::cli::{Common, Failure, output};
use crate::{plugin_trust, settings};

/// Shows what a file says of itself. Only a signature that does not hold makes it fail.
pub(super) fn inspect(common: &Common, file: &Path) -> Result<(), Failure> {
    let inspection = inkstone_host::inspect(file, &asking_nothing(common)?)?;
    let granted = granted(common, &inspection.manifest)?;
    let refused = granted.refused(&inspection.manifest.permissions);
    if common.is_json() {
        let value = json!({
            "manifest": inspection.manifest,
            "granted": granted,
            "refused": refused,
            "api": inspection.api,
            "format": format_name(&inspection),
            "digest": inspection.digest,
            "package_digest": inspection.package_digest,
            "signed_by": inspection.signed_by,
            "size_bytes": inspection.size_bytes,
            "imports": inspection.imports,
            "exports": inspection.exports,
        });
        return output::print_line(&output::pretty_json(&value)?);
    }
    let manifest = &inspection.manifest;
    let asked = output::pretty_json(&manifest.permissions)?;
    output::print_line(&format!(
        "{} {} ({}, contract {})\n{}\n{}, {} bytes, sha256 {}",
        manifest.id,
        manifest.version,
        manifest.kind.as_str(),
        inspection.api,
        manifest.description,
        format_name(&inspection),
        inspection.size_bytes,
        inspection.package_digest,
    ))?;
    if inspection.format == PackageFormat::Package {
        output::print_line(&format!("component sha256 {}", inspection.digest))?;
    }
    print_signers(&inspection.signed_by)?;
    output::print_line(&format!(
        "asks for {asked}\ngranted here {}\nimports {}\nexports {}",
        output::pretty_json(&granted)?,
        inspection.imports.join(", "),
        inspection.exports.join(", "),
    ))?;
    for power in refused {
        output::print_line(&format!("not granted: {power}"))?;
    }
    Ok(())
}

/// What this deployment would let it do: nothing where it is not on the list of plugins.
fn granted(common: &Common, manifest: &Manifest) -> Result<Effective, Failure> {
    let config = common.load_config()?;
    let listed = inkstone_config::plugins::load(&config.plugins)?;
    let entry = listed.into_iter().find(|spec| spec.id == manifest.id);
    let grants = entry.map(|spec| spec.grants).unwrap_or_default();
    let ceiling = settings::host(&config).power_ceiling;
    Ok(Effective::of(&manifest.permissions, &grants, &ceiling))
}

/// Says who signed a file, and fails unless one of them is trusted and its pin, if any, fits.
pub(super) fn verify(common: &Common, file: &Path) -> Result<(), Failure> {
    let policy = TrustPolicy {
        require_signature: true,
        ..plugin_trust::policy(&super::trust_config(common)?)?
    };
    let inspection = inkstone_host::inspect(file, &asking_nothing(common)?)?;
    let signers = match inspection.format {
        PackageFormat::Package => Some(inspection.signed_by.clone()),
        PackageFormat::Component => None,
    };
    let manifest = &inspection.manifest;
    let outcome = policy.check_again(&manifest.id, &inspection.package_digest, signers);
    let reason = outcome.err();
    if common.is_json() {
        let value = json!({
            "id": manifest.id,
            "version": manifest.version,
            "package_digest": inspection.package_digest,
            "signed_by": inspection.signed_by,
            "trusted": reason.is_none(),
            "reason": reason.as_ref().map(ToString::to_string),
        });
        output::print_line(&output::pretty_json(&value)?)?;
    } else {
        output::print_line(&format!(
            "{} {}, sha256 {}",
            manifest.id, manifest.version, inspection.package_digest
        ))?;
        print_signers(&inspection.signed_by)?;
    }
    match reason {
        None => Ok(()),
        Some(reason) => Err(Failure::Failed(format!("{}: {reason}", file.display()))),
    }
}

/// The deployment's keys, to name who signed, without its demands.
fn asking_nothing(common: &Common) -> Result<TrustPolicy, Failure> {
    let policy = plugin_trust::policy(&super::trust_config(common)?)?;
    Ok(TrustPolicy {
        require_signature: false,
        pins: Default::default(),
        ..policy
    })
}

fn print_signers(signers: &[Signer]) -> Result<(), Failure> {
    if signers.is_empty() {
        return output::print_line("signed by nobody");
    }
    for signer in signers {
        let name = signer.name.as_deref().unwrap_or("an unknown key");
        let standing = match signer.standing {
            Standing::Trusted => "trusted",
            Standing::Unknown => "not trusted",
            Standing::Revoked => "revoked",
        };
        output::print_line(&format!(
            "signed by {name}, {standing}: {} {}",
            signer.key_id, signer.public_key
        ))?;
    }
    Ok(())
}

fn format_name(inspection: &Inspection) -> &'static str {
    match inspection.format {
        PackageFormat::Package => "package",
        PackageFormat::Component => "component",
    }
}
