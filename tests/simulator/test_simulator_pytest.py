"""The pytest plugin, in test runs of its own."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

CONFTEST = 'pytest_plugins = ["mxgateway.simulator.pytest"]\n'
PLANT = """\
[plant]
name = "Small"
[templates."$Box".attributes]
Count = { type = "Integer", value = 7 }
[objects.Box_001]
template = "$Box"
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project that has asked for the plugin in its conftest.py."""
    pytester.makeconftest(CONFTEST)
    pytester.makeini("[pytest]\nfilterwarnings = error\naddopts = --strict-markers\n")
    return pytester


def test_asynchronous_and_plain_tests_get_the_same_gateway(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import anyio
        import pytest
        from mxgateway import GatewayClient
        from mxgateway.sync import GatewayClient as SyncClient

        @pytest.mark.anyio
        async def test_on_a_loop(mxgateway_simulator, mxgateway_options):
            async with GatewayClient.connect(options=mxgateway_options) as client:
                await client.write("SimProbe_001.TestInt", 42)
            assert mxgateway_simulator.audit.values_written("SimProbe_001.TestInt") == [42]

        def test_plain(mxgateway_simulator, mxgateway_options):
            assert mxgateway_simulator.audit.sessions_opened == 0  # its own simulator
            with SyncClient.connect(options=mxgateway_options) as client:
                before = client.read("TestChildObject.TestInt")[0].value
                mxgateway_simulator.scan()
                assert client.read("TestChildObject.TestInt")[0].value == before + 1

        @pytest.mark.parametrize("run", [1, 2])
        def test_equal_runs(mxgateway_simulator, run, seen=[]):
            mxgateway_simulator.scan()
            seen.append(mxgateway_simulator.plant["Pump_001.Speed"].value)
            assert len(set(seen)) == 1
        """
    )
    project.runpytest_subprocess("-q").assert_outcomes(passed=5)


def test_marks_and_the_fixture_of_arguments_shape_the_simulator(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest
        from mxgateway.simulator import Settings, scale_model

        pytestmark = pytest.mark.mxgateway_simulator(settings=Settings(session_limit=2), seed=9)

        @pytest.fixture
        def mxgateway_simulator_arguments():
            return {"model": scale_model(3), "seed": 8}

        def of(sim):
            return sim.call(lambda s: (s.model.name, s.seed, s.gateway.settings.session_limit))

        def test_the_module(mxgateway_simulator):
            assert of(mxgateway_simulator) == ("Scale", 9, 2)

        @pytest.mark.mxgateway_simulator(settings=Settings(session_limit=3))
        def test_the_nearest_mark_wins(mxgateway_simulator):
            assert of(mxgateway_simulator) == ("Scale", 9, 3)

        @pytest.mark.mxgateway_simulator(plant=[], galaxy=[])
        def test_another_plant_replaces_the_model(mxgateway_simulator):
            assert len(mxgateway_simulator.plant) == 0
        """
    )
    project.runpytest_subprocess("-q").assert_outcomes(passed=3)


@pytest.mark.parametrize("way", ["option", "ini"])
def test_the_plant_is_taken_from_the_option_or_the_configuration(
    project: pytest.Pytester, way: str
) -> None:
    (project.path / "small.toml").write_text(PLANT)
    project.makepyfile(
        """
        def test_it(mxgateway_simulator):
            assert mxgateway_simulator.plant["Box_001.Count"].value == 7
            assert mxgateway_simulator.plant.seed == 5
        """
    )
    words = ["-q", "--mxgateway-seed=5"]
    if way == "option":
        words.append("--mxgateway-plant=small.toml")
    else:
        project.makeini("[pytest]\nmxgateway_plant = small.toml\n")
    project.runpytest_subprocess(*words).assert_outcomes(passed=1)


def test_a_failed_test_shows_what_its_gateway_has_seen(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from mxgateway.sync import GatewayClient

        def test_it(mxgateway_simulator, mxgateway_options):
            with GatewayClient.connect(options=mxgateway_options) as client:
                client.write("SimProbe_001.TestInt", 1)
            assert False

        def test_without_a_simulator():
            assert False
        """
    )
    result = project.runpytest_subprocess("-q")
    result.assert_outcomes(failed=2)
    text = result.stdout.str()
    assert text.count("- Simulated gateway -") == 1
    result.stdout.fnmatch_lines(["seed 1, 0 scans, *", 'write_count: {"SimProbe_001.TestInt": 1}'])


def test_a_test_module_alone_may_ask_for_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        pytest_plugins = ["mxgateway.simulator.pytest"]

        def test_it(mxgateway_simulator):
            assert mxgateway_simulator.plant.seed == 1
        """
    )
    pytester.runpytest_subprocess("-q", "-W", "error").assert_outcomes(passed=1)


def test_nobody_gets_it_unasked(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(mxgateway_simulator): ...")
    pytester.runpytest_subprocess("-q").assert_outcomes(errors=1)
    assert "mxgateway" not in pytester.runpytest_subprocess("--help").stdout.str()


def test_a_mark_with_positional_arguments_is_refused(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.mark.mxgateway_simulator("small.toml")
        def test_it(mxgateway_simulator): ...
        """
    )
    result = project.runpytest_subprocess("-q")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*takes keywords only*"])
