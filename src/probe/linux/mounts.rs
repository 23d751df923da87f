//! Mounts that the boot configuration asks for: `/etc/fstab` (any account).

use super::text::unique_by_key;
use crate::facts::Mount;

/// Reads fstab(5). Swap is no mount. Of two lines for one mount point, the first counts.
pub fn fstab(text: &str) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter_map(|line| {
            let mut fields = line.split_whitespace().map(unescape);
            let (source, target, filesystem) = (fields.next()?, fields.next()?, fields.next()?);
            let options = fields.next().unwrap_or_else(|| "defaults".to_owned());
            (filesystem != "swap" && target.starts_with('/')).then(|| Mount {
                source: Some(source),
                target,
                filesystem: Some(filesystem),
                options: Some(options.split(',').map(str::to_owned).collect()),
                lun: None,
            })
        })
        .collect();
    unique_by_key(&mut mounts, |mount| &mount.target);
    mounts
}

/// Blanks stand as `\040` and the like.
fn unescape(field: &str) -> String {
    let pairs = [("\\040", " "), ("\\011", " "), ("\\012", " "), ("\\134", "\\"), ("\\043", "#")];
    pairs.iter().fold(field.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_read() {
        let mounts = fstab(include_str!("../../../fixtures/linux/fstab"));
        let targets: Vec<_> = mounts.iter().map(|mount| mount.target.as_str()).collect();
        assert_eq!(targets, ["/", "/boot/efi", "/srv/data", "/srv/my files"]);
        assert_eq!(mounts[2].options, Some(vec!["_netdev".into(), "noatime".into()]));
        assert_eq!(mounts[0].source.as_deref(), Some("UUID=0f0e2a53-7d5f-4a55-9a49-5f7f6a9f6d01"));
        assert!(fstab("# UNCONFIGURED FSTAB FOR BASE SYSTEM\n").is_empty());
    }
}
