"""Two lamps, from Python: `python lamps.py ADDRESS`."""

import sys

from lampapi import DEFINITIONS, typed
from lampapi.lamp import Lamp, LampEvent, LampFlags, LampRgb, LampWhite

import vapi_cffi

with vapi_cffi.connect(sys.argv[1], definitions=DEFINITIONS) as client:
    api = typed(client)
    api.lamp_clear()
    desk = api.lamp_add(lamp=Lamp(name="desk", light={"white": LampWhite(kelvin=2700)})).id
    disco = api.lamp_add(lamp=Lamp(name="disco", light={"rgb": LampRgb(red=255, blue=128)})).id

    with client.events("lamp_event") as events:
        api.lamp_switch(ids=[desk, disco], flags=LampFlags.LAMP_FLAG_ON)
        for _ in range(2):
            match events.get(timeout=5):
                case LampEvent(id=number, flags=flags):
                    print(f"event: lamp {number} has flags {flags:d}")

    for row in api.lamp_dump():
        light = row.lamp.light
        if light.which == "rgb":
            print(f"{row.lamp.name}: #{light.rgb.red:02x}{light.rgb.green:02x}{light.rgb.blue:02x}")
        else:
            print(f"{row.lamp.name}: {light.white.kelvin} K")

    print("history:", *(row.id for row in api.lamp_history_get()))

    try:
        api.lamp_switch(ids=[99])
    except vapi_cffi.ApiError as error:
        print(f"lamp 99: {error.symbol}")
