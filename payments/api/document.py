"""The interface described for programs (OpenAPI 3.1), written by hand; a test walks each operation against it."""

from __future__ import annotations

from typing import Any, Final

from payments.enums import BankFileVerdict, LineVerdict
from portal.enums import JobState

_TEXT: Final = {"type": "string"}
_COUNT: Final = {"type": "integer", "minimum": 0}
_AMOUNT: Final = {"type": "string", "pattern": r"^\d+\.\d{2}$", "description": "Dirhams."}


def _object(**fields: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(fields),
        "properties": fields,
        "additionalProperties": False,
    }


def _array(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


_FILE: Final[dict[str, Any]] = {
    "receipt_number": {"type": "string", "pattern": r"^RB\d{2}-\d{7}$"},
    "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    "received_at": {"type": "string", "format": "date-time"},
    "state": {"type": "string", "enum": [state.value for state in JobState]},
    "verdict": {"type": "string", "enum": [verdict.value for verdict in BankFileVerdict]},
    "format": _TEXT,
    "message_id": _TEXT,
    "lines_total": _COUNT,
    "lines_done": _COUNT,
    "total_credits": _AMOUNT,
    "total_debits": _AMOUNT,
}


_RUN: Final[dict[str, Any]] = {
    "message_id": {"type": "string", "pattern": r"^CNSSPRL\d{12}$"},
    "collect_on": {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
    "account": {"type": "string", "pattern": r"^\d{24}$", "description": "RIB crédité."},
    "orders": _COUNT,
    "total": _AMOUNT,
    "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    "sent_at": {"type": "string", "format": "date-time"},
    "taken_at": {"type": ["string", "null"], "format": "date-time"},
}


def _answer(text: str, schema: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    return {"description": text, "content": {kind: {"schema": schema}}}


_REFUSALS: Final = {
    status: _answer(text, _ref("Refusal"))
    for status, text in {
        "401": "Clé absente, inconnue, expirée ou révoquée.",
        "403": "Cette clé n’a pas ce droit.",
        "429": "Trop d’appels : attendez le délai de Retry-After.",
    }.items()
}
_MISSING: Final = {"404": _answer("Ce fichier n’existe pas pour votre banque.", _ref("Refusal"))}
_NO_RUN: Final = {"404": _answer("Cette remise n’existe pas pour votre banque.", _ref("Refusal"))}
_MESSAGE: Final = {
    "name": "message_id", "in": "path", "required": True, "schema": _RUN["message_id"],
}  # fmt: skip
_RECEIPT: Final = {
    "name": "receipt_number", "in": "path", "required": True, "schema": _FILE["receipt_number"],
}  # fmt: skip

DOCUMENT: Final[dict[str, Any]] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Fichiers de banque",
        "version": "1",
        "description": (
            "Dépôt des fichiers de règlement, suivi, fichier retour CR1, remises de prélèvements. "
            "Les montants sont des textes en dirhams. "
            "Une erreur a toujours la forme {code, message, facts}."
        ),
    },
    "servers": [{"url": "/api/v1"}],
    "security": [{"bankKey": []}],
    "paths": {
        "/bank-files/": {
            "get": {
                "operationId": "listBankFiles",
                "summary": "Les fichiers de votre banque, du plus récent au plus ancien",
                "parameters": [
                    {
                        "name": "before", "in": "query", "required": False, "schema": _TEXT,
                        "description": "Récépissé donné par « next » : la page suivante.",
                    }
                ],
                "responses": {"200": _answer("Cent fichiers au plus.", _ref("BankFiles")), **_REFUSALS, **_MISSING},
            },
            "post": {
                "operationId": "sendBankFile",
                "summary": "Déposer un fichier",
                "parameters": [
                    {
                        "name": "Idempotency-Key", "in": "header", "required": True,
                        "schema": {"type": "string", "minLength": 1, "maxLength": 80},
                        "description": "Choisie par vous avant le premier essai ; la même clé et le même fichier "
                        "donnent la même réponse.",
                    }
                ],
                "requestBody": {
                    "required": True,
                    "content": {
                        "multipart/form-data": {
                            "schema": {
                                "type": "object",
                                "required": ["file"],
                                "properties": {"file": {"type": "string", "format": "binary", "minLength": 1}},
                            }
                        }
                    },
                },
                "responses": {
                    "201": _answer("Fichier reçu ; la lecture suit.", _ref("BankFile")),
                    "200": _answer("Mêmes octets déjà reçus : le premier récépissé.", _ref("BankFile")),
                    "400": _answer("Clé d’idempotence ou fichier absent.", _ref("Refusal")),
                    "409": _answer("Le même dépôt est en cours, ou le fichier est trop grand.", _ref("Refusal")),
                    "415": _answer("Envoyez le fichier en multipart/form-data.", _ref("Refusal")),
                    "422": _answer("Cette clé a servi pour un autre fichier.", _ref("Refusal")),
                    **_REFUSALS,
                },
            },
        },
        "/bank-files/{receipt_number}/": {
            "get": {
                "operationId": "getBankFile",
                "summary": "L’avancement, le verdict et les totaux d’un fichier",
                "parameters": [_RECEIPT],
                "responses": {"200": _answer("Le fichier.", _ref("BankFileDetail")), **_REFUSALS, **_MISSING},
            }
        },
        "/bank-files/{receipt_number}/return-file/": {
            "get": {
                "operationId": "getReturnFile",
                "summary": "Le fichier retour CR1",
                "parameters": [_RECEIPT],
                "responses": {
                    "200": _answer("Un verdict par opération.", _TEXT, "text/plain"),
                    "409": _answer("La lecture n’est pas finie.", _ref("Refusal")),
                    **_REFUSALS,
                    **_MISSING,
                },
            }
        },
        "/debit-runs/": {
            "get": {
                "operationId": "listDebitRuns",
                "summary": "Les remises de prélèvements à votre banque, de la plus récente à la plus ancienne",
                "parameters": [
                    {
                        "name": "before", "in": "query", "required": False, "schema": _TEXT,
                        "description": "Identifiant donné par « next » : la page suivante.",
                    },
                    {
                        "name": "taken", "in": "query", "required": False,
                        "schema": {"type": "string", "enum": ["no"]},
                        "description": "« no » : seulement celles qui restent à prendre.",
                    },
                ],
                "responses": {
                    "200": _answer("Cent remises au plus.", _ref("DebitRuns")),
                    "400": _answer("« taken » n’a qu’une valeur : « no ».", _ref("Refusal")),
                    **_REFUSALS,
                    **_NO_RUN,
                },
            }
        },
        "/debit-runs/{message_id}/file/": {
            "get": {
                "operationId": "getDebitRunFile",
                "summary": "Le fichier pain.008.001.08 d’une remise, toujours les mêmes octets",
                "parameters": [_MESSAGE],
                "responses": {
                    "200": _answer("Le fichier.", _TEXT, "application/xml"), **_REFUSALS, **_NO_RUN,
                },
            }
        },
        "/debit-runs/{message_id}/taken/": {
            "post": {
                "operationId": "takeDebitRun",
                "summary": "Dire que la remise est prise ; redit, rien ne change",
                "parameters": [_MESSAGE],
                "responses": {"200": _answer("La remise.", _ref("DebitRun")), **_REFUSALS, **_NO_RUN},
            }
        },
    },
    "components": {
        "securitySchemes": {
            "bankKey": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "dmc_…",
                "description": "Chaque appel est de plus signé : Signature-Input, Signature et, pour un POST, "
                "Content-Digest (RFC 9421 et 9530, ed25519), avec created à cinq minutes près et un nonce neuf.",
            }
        },
        "schemas": {
            "BankFile": _object(**_FILE),
            "BankFiles": _object(
                files=_array(_ref("BankFile")), next={"type": ["string", "null"]}
            ),
            "BankFileDetail": _object(
                **_FILE,
                faults=_array(_object(code=_TEXT, message=_TEXT, facts={"type": "object"})),
                totals=_array(
                    _object(
                        verdict={"type": "string", "enum": [verdict.value for verdict in LineVerdict]},
                        count=_COUNT,
                        amount=_AMOUNT,
                    )
                ),
            ),
            "DebitRun": _object(**_RUN),
            "DebitRuns": _object(runs=_array(_ref("DebitRun")), next={"type": ["string", "null"]}),
            "Refusal": _object(code=_TEXT, message=_TEXT, facts={"type": "object"}),
        },
    },
}  # fmt: skip
