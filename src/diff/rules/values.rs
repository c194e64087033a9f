//! Changes that are none.

use super::{BASE, Rule};
use crate::diff::class::Class;

pub(super) const SAME_MEANING: Rule = Rule {
    code: "RCG601",
    name: "same-meaning",
    class: Class::None,
    title: "a value is written in another way",
    story: "Kubernetes stores the same: an amount in other units (`1024Mi` and `1Gi`), a number as text, a field that is left to its default or written out, an object under another \
version of its API. Such changes are left out of the text unless `-v` is given.",
    source: "https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/",
    check: |facts| {
        let comments = facts.is_kind("ConfigMap") && !facts.difference.directive;
        (facts.difference.same && !comments).then(|| "the same in other words".to_owned())
    },
    ..BASE
};

pub(super) const COMMENTS: Rule = Rule {
    code: "RCG602",
    name: "comments-changed",
    class: Class::None,
    title: "only comments, blanks or the order of lines change in a configuration file",
    story: "Every directive of the file has the value that it had. A hash over the text of the file may still restart pods; that is told at the hash.",
    source: "https://redis.io/docs/latest/operate/oss_and_stack/management/config/",
    check: |facts| {
        let comments = facts.is_kind("ConfigMap") && !facts.difference.directive;
        (facts.difference.same && comments).then(|| "no directive changes".to_owned())
    },
    ..BASE
};

pub(super) const FIELD_IGNORED: Rule = Rule {
    code: "RCG603",
    name: "max-unavailable-ignored",
    class: Class::None,
    title: "this Kubernetes drops `maxUnavailable` of a StatefulSet",
    story: "The field belongs to the feature gate MaxUnavailableStatefulSet, which is off in Kubernetes 1.33, 1.34 and 1.36. The API server drops the field without a word, so the change has no effect; tools that \
compare see a difference for ever. Leave the field out.",
    kubernetes: &[(33, 34), (36, 36)],
    source: "https://github.com/kubernetes/kubernetes/pull/137904",
    check: |facts| {
        let is_field = facts.is_kind("StatefulSet")
            && facts.path().is("spec updateStrategy rollingUpdate maxUnavailable");
        (is_field && facts.is_change()).then(|| "the API server drops the field".to_owned())
    },
    ..BASE
};

pub(super) const ATTRIBUTES_CLASS_IGNORED: Rule = Rule {
    code: "RCG604",
    name: "attributes-class-ignored",
    class: Class::None,
    title: "this Kubernetes drops `volumeAttributesClassName` of a claim",
    story: "VolumeAttributesClasses are off by default before Kubernetes 1.34; the API server drops the field without a word.",
    kubernetes: &[(33, 33)],
    source: "https://kubernetes.io/docs/concepts/storage/volume-attributes-classes/",
    check: |facts| {
        let is_field = facts.is_kind("PersistentVolumeClaim")
            && facts.path().is("spec volumeAttributesClassName");
        (is_field && facts.is_change()).then(|| "the API server drops the field".to_owned())
    },
    ..BASE
};
