"""Weather, wind and comfort: humidity, felt temperatures, heat stress, wind profiles, evaporation."""

import numpy as np

from tests.packages.cases import of

meteo = of("meteocalc")
feel = of("thermofeel")
comfort = of("pythermalcomfort", "pythermalcomfort.models")
psychrometry = of("pythermalcomfort", "pythermalcomfort.utilities")
wind = of("windpowerlib")
evaporation = of("pyet")

KELVIN, DEW = np.array([295.0, 303.0, 309.0]), np.array([285.0, 292.0, 298.0])
SPEED = np.array([2.0, 4.0, 6.5])

CASES = [
    meteo("dew_point", (20.0, 60.0), call=lambda m, t, rh: m.dew_point(m.Temp(t, "c"), rh).c),
    meteo("heat_index", (35.0, 60.0), (29.0, 85.0), call=lambda m, t, rh: m.heat_index(m.Temp(t, "c"), rh).f),
    meteo("wind_chill", (20.0, 12.0), call=lambda m, t, v: m.wind_chill(m.Temp(t, "f"), v).f),
    meteo("feels_like", (85.0, 60.0, 5.0), (40.0, 60.0, 12.0), (65.0, 60.0, 5.0),
          call=lambda m, t, rh, v: m.feels_like(m.Temp(t, "f"), rh, v).f),
    feel("calculate_saturation_vapour_pressure", (KELVIN,)),
    feel("calculate_relative_humidity_percent", (KELVIN, DEW)),
    feel("calculate_utci", (KELVIN, SPEED, KELVIN + 5.0, DEW), call=lambda m, t, v, mrt, td: m.calculate_utci(t, v, mrt, td_k=td)),
    feel("calculate_apparent_temperature", (KELVIN, SPEED, DEW * 0.1)),
    feel("calculate_wbgt_simple", (KELVIN, np.array([40.0, 60.0, 55.0]))),
    feel("calculate_bgt", (KELVIN, KELVIN + 5.0, SPEED)),
    feel("calculate_humidex", (KELVIN, DEW)),
    feel("calculate_heat_index_simplified", (KELVIN, np.array([40.0, 60.0, 55.0]))),
    feel("calculate_heat_index_adjusted", (KELVIN, DEW)),
    feel("calculate_wind_chill", (KELVIN - 30.0, SPEED)),
    feel("calculate_normal_effective_temperature", (KELVIN, SPEED, np.array([40.0, 60.0, 55.0]))),
    feel("calculate_wbt", (KELVIN, np.array([40.0, 60.0, 55.0]))),
    psychrometry("p_sat", (25.0,), (-5.0,)),
    psychrometry("wet_bulb_tmp", (25.0, 60.0)),
    psychrometry("dew_point_tmp", (25.0, 60.0)),
    psychrometry("enthalpy_air", (25.0, 0.01)),
    psychrometry("mean_radiant_tmp", (53.2, 30.0, 0.3), d=0.1),
    comfort("pmv_ppd_iso", (25.0, 26.0, 0.1, 50.0), call=lambda m, t, tr, v, rh: m.pmv_ppd_iso(t, tr, v, rh, 1.4, 0.5, round_output=False,
                                                                                           limit_inputs=False).pmv),
    comfort("humidex", (30.0, 60.0), call=lambda m, t, rh: m.humidex(t, rh, round_output=False).humidex),
    comfort("heat_index_rothfusz", (33.0, 60.0), call=lambda m, t, rh: m.heat_index_rothfusz(t, rh, round_output=False).hi),
    comfort("at", (25.0, 30.0, 0.3), call=lambda m, t, rh, v: m.at(t, rh, v, round_output=False).at),
    comfort("wind_chill_temperature", (-5.0, 5.5), call=lambda m, t, v: m.wind_chill_temperature(t, v, round_output=False).wct),
    comfort("utci", (25.0, 27.0, 1.0, 50.0), call=lambda m, *numbers: m.utci(*numbers, round_output=False).utci),
    comfort("discomfort_index", (25.0, 50.0), call=lambda m, t, rh: m.discomfort_index(t, rh).di),
    wind("wind_speed.logarithmic_profile", (SPEED, 10.0, 100.0, 0.15), call=lambda m, *numbers: m.wind_speed.logarithmic_profile(*numbers)),
    wind("wind_speed.hellman", (SPEED, 10.0, 100.0, 0.15), call=lambda m, *numbers: m.wind_speed.hellman(*numbers)),
    wind("density.barometric", (101125.0, 1.0, 100.0, 290.0)),
    wind("density.ideal_gas", (101125.0, 1.0, 100.0, 290.0)),
    wind("temperature.linear_gradient", (290.0, 2.0, 100.0)),
    wind("power_output.power_coefficient_curve", (SPEED, np.array([1.1, 1.2, 1.15])),
         call=lambda m, v, rho: m.power_output.power_coefficient_curve(v, np.array([0.0, 5.0, 10.0]), np.array([0.1, 0.45, 0.4]), 80.0, rho)),
    wind("power_output.power_curve", (SPEED,), call=lambda m, v: m.power_output.power_curve(
        v, np.array([0.0, 5.0, 10.0]), np.array([0.0, 400.0, 1500.0]))),
    evaporation("calc_e0", (np.array([10.0, 20.0, 30.0]),)),
    evaporation("calc_press", (np.array([10.0, 200.0, 1300.0]),)),
    evaporation("calc_psy", (np.array([101.0, 98.0, 90.0]), np.array([10.0, 20.0, 30.0]))),
    evaporation("calc_vpc", (np.array([10.0, 20.0, 30.0]),)),
    evaporation("calc_rho", (101.0, np.array([10.0, 20.0, 30.0]), 1.2)),
    evaporation("calc_res_surf", (2.5,), call=lambda m, lai: m.calc_res_surf(lai=lai, r_s=70.0)),
]
