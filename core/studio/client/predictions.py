"""Predictions and their model versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from core.studio.client.connection import Connection
from core.studio.expected import expect, expect_number
from core.studio.listings import listed
from core.studio.models import Prediction, read_prediction


class PredictionCalls(Connection):
    """Predictions and their model versions."""

    def model_versions(self, project_id: int) -> dict[str, int]:
        """Model version -> number of its predictions in the project."""
        body = self.transport.get(f"api/projects/{project_id}/model-versions/")
        return {str(name): expect_number(count) for name, count in expect(body).items()}

    def predictions(self, project_id: int, model_version: str) -> Iterator[Prediction]:
        """Each prediction of a model version."""
        params = {"project": project_id, "model_version": model_version}
        for item in listed(self.transport, "api/predictions/", params):
            # A filter that the server does not know is ignored without a word.
            if item.get("model_version") == model_version:
                yield read_prediction(item)

    def import_predictions(
        self, project_id: int, predictions: Sequence[Mapping[str, object]], read_seconds: float
    ) -> int:
        """Create predictions (`task`, `score`, `model_version`, `result`); returns how many."""
        answer = self.transport.send(
            "POST",
            f"api/projects/{project_id}/import/predictions",
            body=list(predictions),
            read_seconds=read_seconds,
        )
        return expect_number(expect(answer, "created")["created"])

    def create_prediction(self, project_id: int, prediction: Mapping[str, object]) -> None:
        """Create one prediction."""
        body = {"project": project_id, **prediction}
        self.transport.send("POST", "api/predictions/", body=body)

    def delete_prediction(self, prediction_id: int) -> None:
        """Delete one prediction; one that is gone already is no error."""
        self.delete(f"api/predictions/{prediction_id}/")

    def delete_model_version(self, project_id: int, model_version: str) -> int:
        """Delete every prediction of a model version; returns how many."""
        answer = self.transport.send(
            "DELETE",
            f"api/projects/{project_id}/model-versions/",
            body={"model_version": model_version},
            read_seconds=600,
        )
        return int(expect(answer or {}).get("deleted_predictions") or 0)
