//! Backups and what is restored from them.

use super::{Facts, Finding, Findings, Rule};
use crate::{error::Severity, plan::names};

const BACKUP: &str = "/spec/backup";
const RESTORE: &str = "/spec/restore";

pub(super) const SCHEDULE_SYNTAX: Rule = Rule {
    code: "RCG393",
    name: "schedule-syntax",
    severity: Severity::Error,
    title: "the schedule of backups is none that Kubernetes reads",
    story: "\
A schedule has five fields, as in a crontab: minute (0 to 59), hour (0 to 23), day of the month (1 to 31), month (1 to 12 or `jan` to `dec`), day of the week (0 to 6 or `sun` to `sat`). A field is `*`, a number, a range `1-5`, either of them with a step `*/15`, or a list of these with commas. \
`@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly` do as well. There are no seconds; the time zone is `timeZone`, Kubernetes refuses `TZ=` within the schedule.",
    check: Some(schedule_syntax),
};

fn schedule_syntax(facts: &Facts<'_>, found: &mut Findings) {
    let Some(backup) = &facts.spec.backup else { return };
    let schedule = &backup.schedule;
    let Some(why) = schedule_mistake(schedule) else { return };
    found.push(|| {
        let finding = Finding::at(
            format!("{BACKUP}/schedule"),
            format!("`{schedule}` is not a schedule: {why}"),
        )
        .label("not a schedule");
        if schedule.contains("TZ=") {
            finding.help("write the time zone as `spec.backup.timeZone`")
        } else {
            finding.help("write minute, hour, day of the month, month and day of the week, such as `30 3 * * *`")
        }
    });
}

/// The fields of a schedule: name, lowest and highest number, names of the numbers from the lowest on.
const FIELDS: [(&str, u32, u32, &[&str]); 5] = [
    ("minute", 0, 59, &[]),
    ("hour", 0, 23, &[]),
    ("day of the month", 1, 31, &[]),
    (
        "month",
        1,
        12,
        &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    ),
    ("day of the week", 0, 6, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

/// What the CronJob controller would not read; it takes what the cron library of robfig calls standard.
fn schedule_mistake(schedule: &str) -> Option<String> {
    if let Some(word) = schedule.strip_prefix('@') {
        let known = ["annually", "daily", "hourly", "midnight", "monthly", "weekly", "yearly"];
        return (!known.contains(&word)).then(|| format!("there is no `@{word}`"));
    }
    let fields: Vec<_> = schedule.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Some(format!("it has {} of five fields", fields.len()));
    }
    fields.iter().zip(FIELDS).find_map(|(text, (name, low, high, names))| {
        let number = |text: &str| {
            let named = names.iter().zip(low..).find(|(name, _)| text.eq_ignore_ascii_case(name));
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            named
                .map(|(_, number)| number)
                .or_else(|| text.parse().ok().filter(|_| digits))
                .filter(|number| (low..=high).contains(number))
        };
        let is_item = |item: &str| {
            let (range, step) = item.split_once('/').map_or((item, "1"), |(range, step)| (range, step));
            let step_is_right = step.bytes().all(|byte| byte.is_ascii_digit())
                && step.parse::<u32>().is_ok_and(|step| step > 0);
            let range_is_right = match range.split_once('-') {
                _ if range == "*" || range == "?" => true,
                Some((first, last)) => {
                    matches!((number(first), number(last)), (Some(first), Some(last)) if first <= last)
                }
                None => number(range).is_some(),
            };
            step_is_right && range_is_right
        };
        (!text.split(',').all(is_item)).then(|| format!("its {name} is `{text}`"))
    })
}

pub(super) const TIME_ZONE_SYNTAX: Rule = Rule {
    code: "RCG394",
    name: "time-zone-syntax",
    severity: Severity::Error,
    title: "a time zone is not a name of the tz database",
    story: "\
Kubernetes looks the time zone up in the tz database: names such as `Etc/UTC`, `Europe/Amsterdam` or `America/Argentina/Buenos_Aires`. It refuses `Local`, offsets such as `+01:00` and what it does not know; abbreviations such as `CEST` are mostly unknown.",
    check: Some(time_zone_syntax),
};

fn time_zone_syntax(facts: &Facts<'_>, found: &mut Findings) {
    let Some(backup) = &facts.spec.backup else { return };
    let zone = &backup.time_zone;
    let is_part = |part: &str| {
        part.starts_with(|char: char| char.is_ascii_alphabetic())
            && part.chars().all(|char| char.is_ascii_alphanumeric() || "_+-".contains(char))
    };
    if zone.split('/').all(is_part) && !zone.eq_ignore_ascii_case("local") {
        return;
    }
    found.push(|| {
        Finding::at(format!("{BACKUP}/timeZone"), format!("`{zone}` is not the name of a time zone"))
            .label("not a time zone")
            .help("write a name of the tz database, such as `Europe/Amsterdam`, or remove it: the default is `Etc/UTC`")
    });
}

pub(super) const BACKUP_GOES_NOWHERE: Rule = Rule {
    code: "RCG395",
    name: "backup-goes-nowhere",
    severity: Severity::Error,
    title: "it is not said where backups are, or said twice",
    story: "\
Backups are kept in a volume, taken away by the container `upload`, or both. The volume is one that is there already (`claimName`) or one that is rendered (`size`), not both. What is restored comes from a claim: that of `restore.claimName`, else that of `backup.volume`; or from what the container `download` fetches.",
    check: Some(backup_goes_nowhere),
};

fn backup_goes_nowhere(facts: &Facts<'_>, found: &mut Findings) {
    let volume = facts.spec.backup.as_ref().and_then(|backup| backup.volume.as_ref());
    if let Some(backup) = &facts.spec.backup
        && backup.volume.is_none()
        && backup.upload.is_none()
    {
        found.push(|| {
            Finding::at_key(BACKUP, "backups are kept nowhere: there is neither a volume nor an upload")
                .needs("/spec/backup/volume")
                .help("write `volume: {size: 50Gi}`, or `volume: {claimName: NAME}` for one that is there already")
        });
    }
    if let Some(volume) = volume {
        let at = format!("{BACKUP}/volume");
        match (&volume.claim_name, &volume.size) {
            (Some(claim), Some(size)) => found.push(|| {
                Finding::at(
                    format!("{at}/size"),
                    format!(
                        "the claim `{claim}` has a size already, and `{}` is another",
                        size.text()
                    ),
                )
                .label("of a volume that is rendered")
                .related(format!("{at}/claimName"), "of one that is there")
                .help("remove `claimName` or `size`")
            }),
            (None, None) => found.push(|| {
                Finding::at_key(at, "the volume of the backups has no size").help(
                    "write `size: 50Gi`, or `claimName: NAME` for a volume that is there already",
                )
            }),
            (Some(claim), None) if volume.class_name.is_some() => found.push(|| {
                Finding::at(
                    format!("{at}/className"),
                    format!("the claim `{claim}` has a class already"),
                )
                .label("of a volume that is rendered")
                .help("remove `className`")
            }),
            _ => {}
        }
    }
    if let Some(restore) = &facts.spec.restore
        && restore.claim_name.is_none()
        && restore.download.is_none()
        && volume.is_none()
    {
        found.push(|| {
            Finding::at_key(RESTORE, "it is not said where the backup is")
                .needs("/spec/backup/volume")
                .help("write `claimName: NAME`, the PersistentVolumeClaim that has it")
        });
    }
}

pub(super) const BACKUP_NAME: Rule = Rule {
    code: "RCG396",
    name: "backup-name",
    severity: Severity::Error,
    title: "what should be a backup's folder cannot be one",
    story: "\
`restore.backup` is the folder of one backup below the volume's root, without `/backup/` before it: `CLUSTER/TIME`, as the last line of the log of the Job that made it says. Letters, digits, `.`, `_` and `-`, with `/` between folders; no `..`.",
    check: Some(backup_name),
};

fn backup_name(facts: &Facts<'_>, found: &mut Findings) {
    let Some(restore) = &facts.spec.restore else { return };
    let backup = &restore.backup;
    let is_part = |part: &str| {
        part.starts_with(|char: char| char.is_ascii_alphanumeric())
            && part.chars().all(|char| char.is_ascii_alphanumeric() || "._-".contains(char))
    };
    if backup.split('/').all(is_part) && backup.len() <= 253 {
        return;
    }
    found.push(|| {
        let finding = Finding::at(
            format!("{RESTORE}/backup"),
            format!("`{backup}` is not the folder of a backup"),
        )
        .label("not a folder");
        match backup.strip_prefix("/backup/") {
            Some(rest) if rest.split('/').all(is_part) => {
                finding.help(format!("write `backup: {rest}`"))
            }
            _ => finding.help("write cluster and time, such as `orders/20261125T033000Z`"),
        }
    });
}

pub(super) const TASK_CONTAINER: Rule = Rule {
    code: "RCG397",
    name: "task-container",
    severity: Severity::Error,
    title: "the container beside a backup or a restore does not fit into its pod",
    story: "\
`backup.upload` and `restore.download` are containers of a pod, and need another name than that of its own container, `backup` or `restore`. The volume with the backups is mounted at `/backup` for them, unless they mount the volume `backup` elsewhere; no other volume is known there but those of the \
scripts, so credentials come from variables (`env`, `envFrom` with a `secretRef`).",
    check: Some(task_container),
};

fn task_container(facts: &Facts<'_>, found: &mut Findings) {
    let upload = facts.spec.backup.as_ref().and_then(|backup| backup.upload.as_ref());
    let download = facts.spec.restore.as_ref().and_then(|restore| restore.download.as_ref());
    for (pointer, container) in
        [("/spec/backup/upload", upload), ("/spec/restore/download", download)]
    {
        let Some(typed) = container.map(|container| &container.typed) else { continue };
        if [names::BACKUP, names::RESTORE].contains(&typed.name.as_str()) {
            found.push(|| {
                Finding::at(
                    format!("{pointer}/name"),
                    format!("the container `{}` is there already", typed.name),
                )
                .label("has an owner")
                .help("choose another name")
            });
        }
        let ours = [names::BACKUPS.0, names::TMP.0];
        for (index, mount) in typed.volume_mounts.iter().flatten().enumerate() {
            if ours.contains(&mount.name.as_str()) {
                continue;
            }
            found.push(|| {
                Finding::at(
                    format!("{pointer}/volumeMounts/{index}/name"),
                    format!("there is no volume `{}` in the pod", mount.name),
                )
                .label("unknown here")
                .help("mount `backup` or `tmp`; further volumes need a patch of the CronJob or Job")
            });
        }
    }
}

pub(super) const NO_BACKUP_KEPT: Rule = Rule {
    code: "RCG398",
    name: "no-backup-kept",
    severity: Severity::Error,
    title: "no backup would be kept",
    story: "\
`spec.backup.keep` is how many complete backups stay in the volume: a new one is made first, then older ones are removed. With 0 the new one would go as well, so the Job refuses to begin. To keep backups elsewhere only, leave `volume` out and write an `upload`; \
for none at all, remove `spec.backup`.",
    check: Some(no_backup_kept),
};

fn no_backup_kept(facts: &Facts<'_>, found: &mut Findings) {
    if facts.spec.backup.as_ref().is_some_and(|backup| backup.keep == 0) {
        found.push(|| {
            Finding::at(
                format!("{BACKUP}/keep"),
                "`keep: 0` would remove each backup as soon as it is complete",
            )
            .label("at least 1")
            .help("write 1 or more; the default is 7")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::schedule_mistake;

    #[test]
    fn schedules_are_those_of_kubernetes() {
        for schedule in [
            "30 3 * * *",
            "*/15 0-6,22 1,15 jan-mar mon-FRI",
            "0 0 ? * 0",
            "@daily",
            "  5  4 * *   sun ",
            "10/5 * * * *",
        ] {
            assert_eq!(schedule_mistake(schedule), None, "{schedule}");
        }
        for schedule in [
            "",
            "@never",
            "30 3 * *",
            "0 30 3 * * *",
            "60 3 * * *",
            "30 24 * * *",
            "30 3 0 * *",
            "30 3 * 13 *",
            "30 3 * * 7",
            "*/0 * * * *",
            "5-1 * * * *",
            "+5 * * * *",
            "1, * * * *",
            "TZ=UTC 30 3 * * *",
        ] {
            assert!(schedule_mistake(schedule).is_some(), "{schedule}");
        }
    }
}
