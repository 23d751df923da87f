//! Packages: `dpkg-query -W` and `rpm -qa` for the cluster stack and the kernel (any account).

use crate::facts::Package;

/// Reads lines of `STATUS\tNAME\tVERSION\tARCHITECTURE` of dpkg-query; only what is installed counts.
pub fn dpkg(text: &str) -> Vec<Package> {
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.split('\t');
        let status = cells.next()?.trim();
        // The second letter is the state: installed, waiting for or having triggers pending.
        matches!(status.as_bytes().get(1), Some(b'i' | b'W' | b't')).then_some(())?;
        row(cells)
    });
    gather(rows.collect())
}

/// Reads lines of `NAME\tVERSION-RELEASE\tARCHITECTURE` of rpm.
pub fn rpm(text: &str) -> Vec<Package> {
    gather(text.lines().filter_map(|line| row(line.split('\t'))).collect())
}

fn row<'a>(mut cells: impl Iterator<Item = &'a str>) -> Option<Package> {
    let (name, version, architecture) = (cells.next()?.trim(), cells.next()?.trim(), cells.next()?.trim());
    (!name.is_empty() && !version.is_empty()).then(|| Package {
        name: name.to_owned(),
        version: Some(version.to_owned()),
        architecture: Some(architecture.to_owned()),
    })
}

/// Sorts packages by name. What is installed in several versions, as kernels are, becomes one package with all of them.
fn gather(mut rows: Vec<Package>) -> Vec<Package> {
    rows.sort_by(|a, b| (&a.name, &a.version, &a.architecture).cmp(&(&b.name, &b.version, &b.architecture)));
    rows.dedup();
    let mut out: Vec<Package> = Vec::with_capacity(rows.len());
    for row in rows {
        match out.last_mut().filter(|last| last.name == row.name) {
            Some(last) => {
                join(&mut last.version, row.version);
                join(&mut last.architecture, row.architecture);
            }
            None => out.push(row),
        }
    }
    out
}

fn join(all: &mut Option<String>, one: Option<String>) {
    if let (Some(all), Some(one)) = (all, one)
        && !all.split(' ').any(|known| known == one)
    {
        all.push(' ');
        all.push_str(&one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_installed_packages_count() {
        let packages = dpkg(
            "ii \tcorosync\t3.1.7-1\tamd64\nrc \tpacemaker\t2.1.5-1\tamd64\nun \tchrony\t\t\nhi \tsbd\t1.5.2-1\tamd64\n",
        );
        let names: Vec<_> = packages.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["corosync", "sbd"]);
        assert_eq!(packages[0].version.as_deref(), Some("3.1.7-1"));
    }

    #[test]
    fn several_kernels_are_one_package() {
        let packages = rpm(
            "kernel-default\t5.14.21-150500.55.49.1\tx86_64\nkernel-default\t5.14.21-150500.55.44.1\tx86_64\nlibqb100\t1:2.0.6-1\tx86_64\n",
        );
        assert_eq!(packages.len(), 2);
        assert_eq!(packages[0].version.as_deref(), Some("5.14.21-150500.55.44.1 5.14.21-150500.55.49.1"));
        assert_eq!(packages[0].architecture.as_deref(), Some("x86_64"));
    }

    #[test]
    fn messages_are_no_packages() {
        assert!(rpm("error: cannot open Packages database in /var/lib/rpm\n").is_empty());
        assert!(dpkg("dpkg-query: no packages found matching corosync*\n").is_empty());
    }
}
