package io.fleettelemetry.console;

import com.google.protobuf.MessageLite;
import com.google.protobuf.Timestamp;
import io.fleettelemetry.protos.Audience;
import io.fleettelemetry.protos.ConnectivityEvent;
import io.fleettelemetry.protos.Datum;
import io.fleettelemetry.protos.DetailedChargeStateValue;
import io.fleettelemetry.protos.Field;
import io.fleettelemetry.protos.LocationValue;
import io.fleettelemetry.protos.Payload;
import io.fleettelemetry.protos.ShiftState;
import io.fleettelemetry.protos.Value;
import io.fleettelemetry.protos.VehicleAlert;
import io.fleettelemetry.protos.VehicleAlerts;
import io.fleettelemetry.protos.VehicleConnectivity;
import io.fleettelemetry.protos.VehicleError;
import io.fleettelemetry.protos.VehicleErrors;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;

/**
 * One simulated car: its position, its speed and its charge, and the messages that it would send.
 *
 * <p>Units are those of a car's telemetry: miles, miles per hour, percent, degrees, volts. Time is in seconds and comes
 * from the fleet.
 */
final class Vehicle {

    static final String DATA = "V";
    static final String ALERTS = "alerts";
    static final String ERRORS = "errors";
    static final String CONNECTIVITY = "connectivity";

    // Shares of the records that do not follow from earlier ones. The rest are data.
    private static final double ALERTS_SHARE = 0.03;
    private static final double ERRORS_SHARE = 0.015;
    private static final double DISCONNECTS_SHARE = 0.005;

    private static final double TOP_SPEED = 75;
    private static final double ACCELERATION = 4; // mph per second
    private static final double DECELERATION = 7; // mph per second
    private static final double SECONDS_BETWEEN_SPEEDS = 20; // on average
    private static final double TURN = 12; // degrees per second, at most
    // If a car reports less often, it is assumed to have driven for this long only.
    private static final double LONGEST_STEP = 10; // seconds
    private static final double MILES_PER_DEGREE = 69.0; // of latitude

    private static final double MILES_PER_PERCENT = 2.7;
    private static final double CHARGE_BELOW = 10; // percent
    private static final double CHARGE_TO = 80; // percent
    private static final double CHARGING = 0.05; // percent per second, as at a fast charger

    private record AlertKind(String name, List<Audience> audiences) {}

    private static final List<AlertKind> ALERT_KINDS = List.of(
            new AlertKind("VCFRONT_a180_washerFluidLow", List.of(Audience.Customer)),
            new AlertKind("TPMS_a004_pressureLow", List.of(Audience.Customer, Audience.Service)),
            new AlertKind("CP_a043_doorNotClosed", List.of(Audience.Customer)),
            new AlertKind("BMS_a066_powerReduced", List.of(Audience.Service, Audience.ServiceFix)),
            new AlertKind("UI_a137_mapUpdateFailed", List.of(Audience.Service)));

    private static final List<String> ERROR_NAMES =
            List.of("map_tile_timeout", "media_decoder_restart", "gps_fix_lost", "modem_reset");

    private static final List<String> NETWORK_INTERFACES = List.of("cellular", "wifi");

    private final String vin;
    private final SplittableRandom random;

    private double clock;
    private double latitude;
    private double longitude;
    private double heading;
    private double speed;
    private double wantedSpeed;
    private double odometer;
    private double charge;
    private boolean charging;

    private boolean connected = true;
    private String connection;
    private String networkInterface;

    /** The alert that has started and not yet ended; null if there is none. */
    private VehicleAlert openAlert;

    /** A car in the middle of a drive, somewhere in the United States. */
    Vehicle(String vin, SplittableRandom random) {
        this.vin = vin;
        this.random = random;
        latitude = random.nextDouble(33, 45);
        longitude = random.nextDouble(-120, -80);
        heading = random.nextDouble(360);
        speed = random.nextDouble(TOP_SPEED);
        wantedSpeed = speed;
        odometer = random.nextDouble(100, 60_000);
        charge = random.nextDouble(30, 90);
        connect();
    }

    String vin() {
        return vin;
    }

    /** The type of its next record: mostly data. After a lost connection, a car first reports that it is back. */
    String nextType() {
        double draw = random.nextDouble();
        if (!connected || draw < DISCONNECTS_SHARE) {
            return CONNECTIVITY;
        }
        draw -= DISCONNECTS_SHARE;
        if (draw < ALERTS_SHARE) {
            return ALERTS;
        }
        return draw < ALERTS_SHARE + ERRORS_SHARE ? ERRORS : DATA;
    }

    /**
     * Drives on until now, and makes a message.
     *
     * @param type one of the four record types
     * @param now seconds since the fleet's start, not before the last report
     * @param createdAt the same as wall-clock time
     */
    MessageLite report(String type, double now, Timestamp createdAt) {
        drive(Math.min(now - clock, LONGEST_STEP));
        clock = now;
        return switch (type) {
            case DATA -> data(createdAt);
            case ALERTS -> alerts(createdAt);
            case ERRORS -> errors(createdAt);
            case CONNECTIVITY -> connectivity(createdAt);
            default -> throw new IllegalArgumentException(type);
        };
    }

    private void drive(double seconds) {
        if (charging) {
            charge += CHARGING * seconds;
            charging = charge < CHARGE_TO;
            return;
        }
        if (random.nextDouble() < seconds / SECONDS_BETWEEN_SPEEDS) {
            wantedSpeed = random.nextDouble(TOP_SPEED);
        }
        double before = speed;
        speed += Math.max(-DECELERATION * seconds, Math.min(wantedSpeed - speed, ACCELERATION * seconds));
        heading = (heading + random.nextDouble(-TURN, TURN) * seconds + 360) % 360;

        double miles = (before + speed) / 2 * seconds / 3600;
        double north = Math.cos(Math.toRadians(heading));
        double east = Math.sin(Math.toRadians(heading)) / Math.cos(Math.toRadians(latitude));
        latitude += miles / MILES_PER_DEGREE * north;
        longitude += miles / MILES_PER_DEGREE * east;
        odometer += miles;
        charge -= miles / MILES_PER_PERCENT;
        if (charge < CHARGE_BELOW) {
            charging = true;
            speed = 0;
        }
    }

    private MessageLite data(Timestamp createdAt) {
        LocationValue location = LocationValue.newBuilder()
                .setLatitude(rounded(latitude, 1e6))
                .setLongitude(rounded(longitude, 1e6))
                .build();
        ShiftState gear = charging ? ShiftState.ShiftStateP : ShiftState.ShiftStateD;
        DetailedChargeStateValue state = charging
                ? DetailedChargeStateValue.DetailedChargeStateCharging
                : DetailedChargeStateValue.DetailedChargeStateDisconnected;
        return Payload.newBuilder()
                .setVin(vin)
                .setCreatedAt(createdAt)
                .addData(datum(Field.Location, Value.newBuilder().setLocationValue(location)))
                .addData(datum(Field.VehicleSpeed, rounded(speed, 1e3)))
                .addData(datum(Field.GpsHeading, rounded(heading, 1e1)))
                .addData(datum(Field.Gear, Value.newBuilder().setShiftStateValue(gear)))
                .addData(datum(Field.Odometer, rounded(odometer, 1e6)))
                .addData(datum(Field.Soc, rounded(charge, 1e6)))
                .addData(datum(Field.BatteryLevel, rounded(charge, 1e6)))
                .addData(datum(Field.EstBatteryRange, rounded(charge * MILES_PER_PERCENT, 1e3)))
                .addData(datum(Field.PackVoltage, rounded(310 + charge * 0.9, 1e2)))
                .addData(datum(Field.DetailedChargeState, Value.newBuilder().setDetailedChargeStateValue(state)))
                .addData(datum(Field.Locked, Value.newBuilder().setBooleanValue(charging)))
                .build();
    }

    private MessageLite alerts(Timestamp createdAt) {
        VehicleAlert alert;
        if (openAlert == null) {
            AlertKind kind = oneOf(ALERT_KINDS);
            alert = VehicleAlert.newBuilder()
                    .setName(kind.name)
                    .addAllAudiences(kind.audiences)
                    .setStartedAt(createdAt)
                    .build();
            openAlert = alert;
        } else {
            alert = openAlert.toBuilder().setEndedAt(createdAt).build();
            openAlert = null;
        }
        return VehicleAlerts.newBuilder()
                .setVin(vin)
                .setCreatedAt(createdAt)
                .addAlerts(alert)
                .build();
    }

    private MessageLite errors(Timestamp createdAt) {
        String name = oneOf(ERROR_NAMES);
        int attempt = random.nextInt(1, 6);
        VehicleError error = VehicleError.newBuilder()
                .setName(name)
                .setBody(name + " after attempt " + attempt)
                .putTags("attempt", Integer.toString(attempt))
                .putTags("network_interface", networkInterface)
                .setCreatedAt(createdAt)
                .build();
        return VehicleErrors.newBuilder()
                .setVin(vin)
                .setCreatedAt(createdAt)
                .addErrors(error)
                .build();
    }

    private MessageLite connectivity(Timestamp createdAt) {
        connected = !connected;
        if (connected) {
            connect();
        }
        return VehicleConnectivity.newBuilder()
                .setVin(vin)
                .setConnectionId(connection)
                .setStatus(connected ? ConnectivityEvent.CONNECTED : ConnectivityEvent.DISCONNECTED)
                .setNetworkInterface(networkInterface)
                .setCreatedAt(createdAt)
                .build();
    }

    private void connect() {
        connection = new UUID(random.nextLong(), random.nextLong()).toString();
        networkInterface = oneOf(NETWORK_INTERFACES);
    }

    private <T> T oneOf(List<T> choices) {
        return choices.get(random.nextInt(choices.size()));
    }

    private static Datum datum(Field key, double value) {
        return datum(key, Value.newBuilder().setDoubleValue(value));
    }

    private static Datum datum(Field key, Value.Builder value) {
        return Datum.newBuilder().setKey(key).setValue(value).build();
    }

    private static double rounded(double value, double steps) {
        return Math.round(value * steps) / steps;
    }
}
