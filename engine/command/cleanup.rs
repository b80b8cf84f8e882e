//! `windlass cleanup`: removes unused images and layers from the image store.

use std::fmt::Write as _;
use std::time::Duration;

use indicatif::HumanBytes;

use super::amount::{age, shown};
use super::exit_status::{ExitStatus, Failure};
use super::stdout::{print, print_json};
use crate::oci::{BlobStore, Cleaned, ImageOrigin, Retention};
use crate::plural::counted;

/// The options of `windlass cleanup`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The image store ~/.cache/windlass/oci holds the images of all projects that windlass itself
builds and pulls, without a daemon. Images in a Docker daemon are not affected. Images that
a running windlass uses are kept; removed images are built or pulled again when needed. If
the store exceeds WINDLASS_CACHE_SIZE (default: 20GB), each build removes the images that
have been unused the longest.

Examples:
  windlass cleanup                    remove images that were unused for 30 days
  windlass cleanup --older-than 12h
  windlass cleanup --all --dry-run    list everything in the store

Fields of --json:
  images   reference, digest, origin (built or pulled), unused_for in seconds
  blobs    number of layers and other blobs
  bytes    their size; left: bytes kept; in_use: part of them that a running windlass uses")]
pub struct CleanupArgs {
    /// Remove images that were unused for this time: 12h, 7d, 4w
    #[arg(long, value_name = "AGE", value_parser = age, default_value = "30d", conflicts_with = "all")]
    older_than: Duration,

    /// Remove everything that is not in use
    #[arg(long)]
    all: bool,

    /// Only list the images that would be removed
    #[arg(long)]
    dry_run: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Removes images as the options select, and prints the removed ones.
///
/// # Errors
/// If the store cannot be read or written.
pub fn cleanup(args: &CleanupArgs) -> Result<ExitStatus, Failure> {
    let store = BlobStore::of_user(|name| std::env::var(name).ok());
    let leave = if args.all { Retention::Nothing } else { Retention::UsedWithin(args.older_than) };
    let cleaned = store.clean_up(leave, args.dry_run).map_err(Failure::failed)?;
    if args.json { print_json(&cleaned) } else { print(&text(&cleaned, args.dry_run)) }
}

fn text(cleaned: &Cleaned, dry_run: bool) -> String {
    let mut text = String::new();
    for image in &cleaned.images {
        let origin = match image.name.origin {
            ImageOrigin::Built => "built",
            ImageOrigin::Pulled => "pulled",
        };
        let unused = shown(image.unused_for);
        let _ = writeln!(text, "{}: {origin}, not used for {unused}", image.name.reference);
    }
    let verb = if dry_run { "would remove" } else { "removed" };
    let (images, blobs) = (counted(cleaned.images.len(), "image"), counted(cleaned.blobs, "blob"));
    let (bytes, left) = (HumanBytes(cleaned.bytes), HumanBytes(cleaned.left));
    let in_use = match cleaned.in_use {
        0 => String::new(),
        in_use => format!(", {} of it in use", HumanBytes(in_use)),
    };
    let _ = writeln!(text, "{verb} {images} and {blobs}, {bytes}; {left} left{in_use}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Digest;
    use crate::oci::{CleanedImage, ImageName};

    #[test]
    fn removed_images_are_listed() {
        let name = ImageName {
            reference: "acme/api:1".to_owned(),
            digest: Digest::of(""),
            origin: ImageOrigin::Built,
        };
        let images = vec![CleanedImage { name, unused_for: 90_000 }];
        let cleaned = Cleaned { images, blobs: 3, bytes: 2048, left: 1024, in_use: 0 };
        let expected = "acme/api:1: built, not used for 1 day\n\
                        removed 1 image and 3 blobs, 2.00 KiB; 1.00 KiB left\n";
        assert_eq!(text(&cleaned, false), expected);
        let nothing = Cleaned { left: 10, in_use: 10, ..Cleaned::default() };
        assert_eq!(
            text(&nothing, true),
            "would remove 0 images and 0 blobs, 0 B; 10 B left, 10 B of it in use\n"
        );
    }
}
