"""Geodesy and navigation: coordinates on the ellipsoid, distances, map projections."""

import numpy as np

from tests.packages.cases import of

pymap3d = of("pymap3d")
vincenty = of("pymap3d", "pymap3d.vincenty")
lox = of("pymap3d", "pymap3d.lox")
haversine = of("haversine")
geographic = of("geographiclib", "geographiclib.geodesic")
utm = of("utm")
nvector = of("nvector")

HERE = (42.0, -82.0, 200.0)

CASES = [
    pymap3d("geodetic2ecef", (42.0, -82.0, 200.0), (-30.0, 100.0, 50.0)),
    pymap3d("ecef2geodetic", (6.6e5, -4.7e6, 4.2e6)),
    pymap3d("ecef2geodetic (arrays)", (np.array([6.6e5, 7.0e5]), np.array([-4.7e6, -4.6e6]), np.array([4.2e6, 4.3e6])), call=lambda m, *xyz: m.ecef2geodetic(*xyz)),
    pymap3d("geodetic2aer (arrays)", (np.array([42.1, 42.3]), np.array([-82.1, -81.0]), np.array([250.0, 400.0])),
            call=lambda m, lat, lon, h: m.geodetic2aer(lat, lon, h, *HERE)),
    pymap3d("geodetic2enu", (42.1, -82.1, 250.0), call=lambda m, lat, lon, h: m.geodetic2enu(lat, lon, h, *HERE)),
    pymap3d("enu2geodetic", (1000.0, 2000.0, 300.0), call=lambda m, e, n, u: m.enu2geodetic(e, n, u, *HERE)),
    pymap3d("geodetic2aer", (42.1, -82.1, 250.0), call=lambda m, lat, lon, h: m.geodetic2aer(lat, lon, h, *HERE)),
    pymap3d("aer2geodetic", (33.0, 70.0, 1000.0), call=lambda m, az, el, r: m.aer2geodetic(az, el, r, *HERE)),
    pymap3d("ecef2aer", (6.61e5, -4.71e6, 4.26e6), call=lambda m, x, y, z: m.ecef2aer(x, y, z, *HERE)),
    pymap3d("geodetic2ned", (42.1, -82.1, 250.0), call=lambda m, lat, lon, h: m.geodetic2ned(lat, lon, h, *HERE)),
    pymap3d("geodetic2isometric", (40.0,), (-20.0,), (55.0,)),
    pymap3d("isometric2geodetic", (40.0,)),
    pymap3d("geodetic2conformal", (40.0,)),
    pymap3d("geodetic2authalic", (40.0,)),
    pymap3d("geodetic2rectifying", (40.0,)),
    pymap3d("geodetic2spherical", (40.0, 10.0, 500.0)),
    pymap3d("spherical2geodetic", (40.0, 10.0, 6.38e6)),
    vincenty("vdist", (42.1, -82.1, 43.0, -80.0), (10.0, 20.0, 15.0, 24.0), slow=True),
    vincenty("vreckon", (42.1, -82.1, 3000.0, 38.0)),
    lox("loxodrome_inverse", (40.0, -80.0, 50.0, -60.0), (40.0, -80.0, 30.0, -60.0), (-10.0, 5.0, 12.0, 30.0)),
    lox("meridian_arc", (20.0, 40.0)),
    haversine("haversine", (45.7, 4.8, 48.9, 2.3), call=lambda m, a, b, c, d: m.haversine((a, b), (c, d))),
    haversine("haversine_vector", (np.array([[45.7, 4.8], [10.0, 20.0]]), np.array([[48.9, 2.3], [12.0, 25.0]]))),
    haversine("inverse_haversine", (45.7, 4.8, 32.0, 0.7), call=lambda m, a, b, d, w: m.inverse_haversine((a, b), d, w)),
    geographic("Geodesic.Inverse", (41.3, -70.1, 40.6, 4.5),
               call=lambda m, *points: m.Geodesic.WGS84.Inverse(*points)["s12"], slow=True),
    geographic("Geodesic.Direct", (41.3, -70.1, 45.0, 20000.0),
               call=lambda m, *start: [m.Geodesic.WGS84.Direct(*start)[k] for k in ("lat2", "lon2", "azi2")], slow=True),
    utm("from_latlon", (51.2, 7.5), call=lambda m, lat, lon: m.from_latlon(lat, lon)[:2]),
    utm("from_latlon (arrays)", (np.array([51.2, 51.5, 51.0]), np.array([7.5, 7.6, 7.9])), call=lambda m, lat, lon: m.from_latlon(lat, lon)[:2]),
    utm("to_latlon", (340000.0, 5710000.0), call=lambda m, e, n: m.to_latlon(e, n, 32, "U")),
    nvector("lat_lon2n_E", (0.7, -1.2)),
    nvector("n_E2lat_lon", (0.3, 0.5), call=lambda m, a, b: m.n_E2lat_lon(m.lat_lon2n_E(a, b))),
    nvector("n_EB_E2p_EB_E", (0.7, 0.5, 100.0), call=lambda m, a, b, z: m.n_EB_E2p_EB_E(m.lat_lon2n_E(a, b), z)),
    nvector("p_EB_E2n_EB_E", (np.array([[4.0e6], [1.0e6], [4.8e6]]),)),
    nvector("great_circle_distance", (0.7, 0.5, 0.9, 0.8),
            call=lambda m, a, b, c, d: m.great_circle_distance(m.lat_lon2n_E(a, b), m.lat_lon2n_E(c, d))),
    nvector("geodesic_distance", (0.7, 0.5, 0.9, 0.8),
            call=lambda m, a, b, c, d: m.geodesic_distance(m.lat_lon2n_E(a, b), m.lat_lon2n_E(c, d))[0]),
    nvector("n_E2R_EN", (0.7, 0.5), call=lambda m, a, b: m.n_E2R_EN(m.lat_lon2n_E(a, b))),
]
