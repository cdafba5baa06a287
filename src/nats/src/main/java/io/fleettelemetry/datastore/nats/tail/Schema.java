package io.fleettelemetry.datastore.nats.tail;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Parser;
import io.fleettelemetry.protos.Payload;
import io.fleettelemetry.protos.VehicleAlerts;
import io.fleettelemetry.protos.VehicleConnectivity;
import io.fleettelemetry.protos.VehicleErrors;
import java.util.Map;

/** The message of each record type. This class cannot be loaded without the bundle that has the messages. */
final class Schema {

    private static final Map<String, Parser<? extends Message>> PARSERS = Map.of(
            "V", Payload.parser(),
            "alerts", VehicleAlerts.parser(),
            "errors", VehicleErrors.parser(),
            "connectivity", VehicleConnectivity.parser());

    private Schema() {}

    /** The payload has no JSON form; the message says why. */
    static final class Undecodable extends Exception {

        private static final long serialVersionUID = 1;

        Undecodable(String reason) {
            super(reason);
        }
    }

    /** The payload as one JSON object without line breaks. */
    static String json(String type, byte[] payload) throws Undecodable {
        Parser<? extends Message> parser = PARSERS.get(type);
        if (parser == null) {
            throw new Undecodable("the schema does not know this record type");
        }
        try {
            return MessageJson.of(parser.parseFrom(payload));
        } catch (InvalidProtocolBufferException e) {
            throw new Undecodable(e.getMessage());
        }
    }
}
