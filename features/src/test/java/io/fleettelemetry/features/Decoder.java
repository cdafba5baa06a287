package io.fleettelemetry.features;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Parser;
import io.fleettelemetry.protos.Payload;
import io.fleettelemetry.protos.VehicleAlerts;
import io.fleettelemetry.protos.VehicleConnectivity;
import io.fleettelemetry.protos.VehicleErrors;
import java.util.Map;

/** What a subscriber does with a message: the last token of the subject says what the payload is. */
final class Decoder {

    /** The topics of the four record types that the schema knows. */
    static final Map<String, Parser<? extends Message>> PARSERS = Map.of(
            "data", Payload.parser(),
            "alerts", VehicleAlerts.parser(),
            "errors", VehicleErrors.parser(),
            "connectivity", VehicleConnectivity.parser());

    private Decoder() {}

    /** The topic of a subject: its last token. */
    static String topic(String subject) {
        return subject.substring(subject.lastIndexOf('.') + 1);
    }

    /** @throws InvalidProtocolBufferException if the payload is not what its topic says */
    static Message decode(String subject, byte[] payload) throws InvalidProtocolBufferException {
        return PARSERS.get(topic(subject)).parseFrom(payload);
    }
}
