"""What `deploy/kubernetes` says is valid, and its parts find each other."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from jsonschema import Draft202012Validator

from consumer.settings import Settings
from deploy.kubernetes import rules

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/kubernetes"
SCHEMA = json.loads((Path(__file__).parent / "kubernetes-1.34.schema.json").read_text())
OPERATORS = {"ServiceMonitor", "PrometheusRule"}
"""Kinds that Kubernetes itself does not have."""

Json = dict[str, Any]
DOCUMENTS: list[Json] = [
    document
    for file in sorted(FOLDER.rglob("*.yaml"))
    if file.name != "kustomization.yaml"
    for document in yaml.safe_load_all(file.read_text())
]
NAMED = {f"{it['kind']}/{it['metadata']['name']}": it for it in DOCUMENTS}
PODS = {
    name: NAMED[name]["spec"]["template"] for name in NAMED if "template" in NAMED[name]["spec"]
}
SELECTORS = {
    name: selector.get("matchLabels", selector)
    for name, it in NAMED.items()
    if (selector := it["spec"].get("selector") or it["spec"].get("podSelector"))
}


def faults(document: Json) -> list[str]:
    schema = SCHEMA["kinds"][document["kind"]] | {"$defs": SCHEMA["$defs"]}
    return [error.message for error in Draft202012Validator(schema).iter_errors(document)]


def container(pod: str) -> Json:
    (only,) = PODS[pod]["spec"]["containers"]
    assert isinstance(only, dict)
    return only


def matches(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return selector.items() <= labels.items()


@pytest.mark.parametrize("name", sorted(NAMED))
def test_kubernetes_knows_every_word(name: str) -> None:
    document = NAMED[name]
    if document["kind"] in OPERATORS:
        assert document["apiVersion"] == "monitoring.coreos.com/v1"
    else:
        assert faults(document) == []


def test_a_word_that_it_does_not_know_would_be_found() -> None:
    wrong = NAMED["PodDisruptionBudget/riverline-consumer"]
    assert faults(wrong | {"spec": wrong["spec"] | {"maxUnavailble": 1}})


def test_the_alerts_are_those_of_prometheus() -> None:
    assert rules.TARGET.read_text() == rules.written(), "run `make monitoring`"
    groups = yaml.safe_load(rules.RULES.read_text())["groups"]
    assert NAMED["PrometheusRule/riverline"]["spec"]["groups"] == groups


@pytest.mark.parametrize("name", sorted(SELECTORS))
def test_what_selects_pods_or_services_finds_some(name: str) -> None:
    kind = name.partition("/")[0]
    if kind == "ServiceMonitor":
        labels = [NAMED[it]["metadata"]["labels"] for it in NAMED if it.startswith("Service/")]
    else:
        labels = [pod["metadata"]["labels"] for pod in PODS.values()]
    assert sum(matches(SELECTORS[name], it) for it in labels) == 1


@pytest.mark.parametrize("pod", sorted(PODS))
def test_a_pod_has_no_more_than_it_needs(pod: str) -> None:
    spec, only = PODS[pod]["spec"], container(pod)
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert only["securityContext"]["readOnlyRootFilesystem"] is True
    assert only["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert "memory" in only["resources"]["limits"]
    assert {"readinessProbe", "livenessProbe"} <= only.keys()


@pytest.mark.parametrize(
    ("pod", "image"),
    [
        ("StatefulSet/riverline-consumer", "deploy/Dockerfile"),
        ("Deployment/riverline-gateway", "gateway/Dockerfile"),
    ],
)
def test_ports_and_users_are_the_images(pod: str, image: str) -> None:
    text = (ROOT / image).read_text()
    (port,) = container(pod)["ports"]
    assert f"EXPOSE {port['containerPort']}\n" in text
    user = PODS[pod]["spec"]["securityContext"]["runAsUser"]
    assert re.search(rf"^USER ({user}:{user}|node)$", text, re.MULTILINE)


def test_each_instance_has_the_name_of_its_pod() -> None:
    (variable,) = container("StatefulSet/riverline-consumer")["env"]
    assert variable["name"].lower() in Settings.model_fields
    assert variable["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}


def test_the_variables_of_the_base_are_ours() -> None:
    base = yaml.safe_load((FOLDER / "base/kustomization.yaml").read_text())
    (generated,) = base["configMapGenerator"]
    given = dict(pair.split("=", 1) for pair in generated["literals"])
    assert {name.lower() for name in given} <= Settings.model_fields.keys()


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
def test_kustomize_puts_it_together() -> None:
    built = subprocess.run(
        ["kubectl", "kustomize", FOLDER / "monitoring"], capture_output=True, text=True, check=True
    )
    documents = list(yaml.safe_load_all(built.stdout))
    (variables,) = [it["metadata"]["name"] for it in documents if it["kind"] == "ConfigMap"]
    assert re.fullmatch(r"riverline-\w+", variables)
    assert built.stdout.count(f"name: {variables}\n") == 1 + len(PODS)
    assert len(documents) == len(DOCUMENTS) + 1
