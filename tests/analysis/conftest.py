import pytest

import made_results


@pytest.fixture
def run_folder(tmp_path):
    return made_results.write_run(tmp_path / "run")


@pytest.fixture
def rough_folder(tmp_path):
    return made_results.write_rough_study(tmp_path / "rough")


@pytest.fixture
def study_folder(tmp_path):
    return made_results.write_study(tmp_path / "study")


@pytest.fixture
def mixed_folder(tmp_path):
    return made_results.write_mixed_study(tmp_path / "mixed")
