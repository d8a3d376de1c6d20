import numpy as np
import pytest

from ml.density import by_density


def test_groups_of_any_shape_are_found_with_what_lies_outside_them() -> None:
    rng = np.random.default_rng(3)
    angle = np.concatenate([np.linspace(0, 2 * np.pi, 200), np.linspace(0, 2 * np.pi, 400)])
    radius = np.where(np.arange(600) < 200, 1.0, 3.0)
    rings = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1) + rng.normal(0, 0.05, (600, 2))
    outside = rng.uniform(20, 40, (12, 2))
    kind = np.repeat([0, 1, 2], [200, 400, 12])

    found = by_density(np.concatenate([rings, outside]), kind)

    assert found.groups == 2
    assert found.neighbours == 4
    assert found.noise == pytest.approx(12 / 612)
    assert found.agreement == pytest.approx(1)


def test_users_who_are_nearly_all_alike_make_one_group() -> None:
    alike = np.zeros((50, 3))
    alike[0, 0] = 1.0

    found = by_density(alike, np.zeros(50, dtype=np.intp))

    assert found.groups == 1
    assert np.isnan(found.silhouette)
