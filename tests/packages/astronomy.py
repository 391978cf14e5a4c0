"""Astronomy: satellites, orbits, magnitudes, coordinates, transits."""

import numpy as np

from tests.packages.cases import of

orbit = of("sgp4", "sgp4.model")
satellites = of("sgp4", "sgp4.propagation")
astro = of("PyAstronomy", "PyAstronomy.pyasl")
vectors = of("skyfield", "skyfield.functions")
orbits = of("skyfield", "skyfield.keplerlib")
earth = of("skyfield", "skyfield.earthlib")
nutation = of("skyfield", "skyfield.nutationlib")
precession = of("skyfield", "skyfield.precessionlib")

LINES = ("1 25544U 98067A   19343.69339541  .00001764  00000-0  38792-4 0  9991",
         "2 25544  51.6439 211.2001 0007417  17.6667  85.6398 15.50103472202482")
WAVE = np.array([4000.0, 5000.0, 6500.0])
XYZ, OTHER = np.array([0.3, -0.5, 0.9]), np.array([0.1, 0.7, 0.2])


def propagated(m, minutes):
    from sgp4.model import Satrec
    return m.sgp4(Satrec.twoline2rv(*LINES), minutes)


def elements(m, drag, eccentricity, perigee, inclination, anomaly, motion, node):
    craft = m.Satrec()
    craft.sgp4init(m.WGS72, "i", 5, 18441.785, drag, 0.0, 0.0, eccentricity, perigee, inclination, anomaly, motion, node)
    return craft.sgp4_tsince(30.0)


def kepler(m, a, e, period, time):
    return m.KeplerEllipse(a, period, e=e, Omega=30.0, i=40.0, w=10.0).xyzPos(time)


CASES = [
    satellites("sgp4", (100.0,), call=propagated),
    satellites("gstime", (0.4,), call=lambda m, day: m.gstime(2458826.0 + day)),
    orbit("Satrec.sgp4init", (3.8e-5, 0.0007, 0.3, 0.9, 1.5, 0.0676, 3.7), call=elements),
    astro("absMagToPower", (4.7,)),
    astro("absModuleToDist", (12.0, 4.7)),
    astro("airmassPP", (40.0,)),
    astro("airmassSpherical", (40.0, 2.0)),
    astro("airtovac2", (WAVE,)),
    astro("vactoair2", (WAVE,)),
    astro("bv2T_Ballesteros", (0.65,)),
    astro("t2bv_Ballesteros", (5800.0,)),
    astro("getAngDist", (10.0, 20.0, 11.0, 22.0)),
    astro("positionAngle", (10.0, 20.0, 11.0, 22.0)),
    astro("aitoff", (30.0, 20.0)),
    astro("gal_uvw", (10.0, 20.0, 50.0, -30.0, 20.0, 15.0)),
    astro("lambertPhaseFunction", (0.6,)),
    astro("KeplerEllipse.xyzPos", (1.2, 0.3, 1.5, 0.4), call=kepler),
    astro("MarkleyKESolver.getE", (0.8, 0.3), call=lambda m, mean, e: m.MarkleyKESolver().getE(mean, e)),
    astro("rochepot_dl", (0.4, 0.1, 0.2, 0.5)),
    astro("roche_lobe_radius_eggleton", (0.5, 1.0), call=lambda m, q, a: a * m.roche_lobe_radius_eggleton(q, 2)),
    astro("unred", (WAVE, np.array([1.0, 1.2, 0.9]), 0.3)),
    astro("parallacticAngle", (1.0, 0.7, 0.3)),
    astro("solarDirectFluxMeinel", (40.0,)),
    astro("convertDampingConstant", (1e8, 5000.0)),
    astro("equiTempPlanet", (5800.0, 1.0, 0.05, 0.3), call=lambda m, t, r, a, albedo: m.equiTempPlanet(t, r, a, albedo=albedo, solarUnits=True)),
    astro("sunpos", (100.0,), call=lambda m, day: m.sunpos(2453000.0 + day)[1]),
    vectors("to_spherical", (XYZ,)),
    vectors("from_spherical", (1.2, 0.3, 2.0)),
    vectors("angle_between", (XYZ, OTHER)),
    vectors("rot_x", (0.4,)),
    vectors("mxv", (np.array([[1.0, 0.2, 0.1], [0.3, 0.9, 0.0], [0.2, 0.1, 1.1]]), XYZ)),
    orbits("eccentric_anomaly", (0.3, 0.8), (0.05, 2.0)),
    orbits("true_anomaly_closed", (0.3, 0.8)),
    orbits("ele_to_vec", (1.1, 0.3, 0.4, 0.5, 0.6, 0.7), call=lambda m, *numbers: m.ele_to_vec(*numbers, 2.96e-4)),
    orbits("propagate", (np.array([1.0, 0.1, 0.0]), np.array([0.001, 0.016, 0.002])),
           call=lambda m, p, v: m.propagate(p, v, 0.0, np.array([20.0]), 2.96e-4)),
    earth("terra", (0.7, 0.5, 0.001, 3.2)),
    earth("refraction", (20.0, 10.0, 1010.0)),
    earth("reverse_terra", (np.array([2e-5, 3e-5, 2.2e-5]), 3.2)),
    earth("earth_rotation_angle", (0.4,), call=lambda m, day: m.earth_rotation_angle(2458826.0, day)),
    nutation("mean_obliquity", (2458826.3,)),
    nutation("iau2000b", (100.0,), call=lambda m, day: m.iau2000b(2458826.0 + day)),
    nutation("build_nutation_matrix", (0.409, 0.4091, 1e-4)),
    precession("compute_precession", (2458826.3,)),
]
