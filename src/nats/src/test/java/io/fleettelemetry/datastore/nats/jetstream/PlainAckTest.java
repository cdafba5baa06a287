package io.fleettelemetry.datastore.nats.jetstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.nats.client.JetStreamApiException;
import io.nats.client.api.PublishAck;
import io.nats.client.impl.NatsMessage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlainAckTest {

    private static final int RANDOM_CHANGES = 200_000;

    private final PlainAck plain = new PlainAck();

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"stream\":\"TELEMETRY\",\"seq\":1}",
                "{\"stream\":\"TELEMETRY\", \"seq\":1}",
                "{\"stream\":\"TELEMETRY\",\"seq\":999999999999999999}"
            })
    void the_usual_form_of_old_and_new_servers_is_recognized(String json) {
        assertEquals("TELEMETRY", plain.stream(bytes(json)));
    }

    @Test
    void the_name_of_a_stream_is_made_once() {
        String first = plain.stream(bytes("{\"stream\":\"S\",\"seq\":1}"));
        assertSame(first, plain.stream(bytes("{\"stream\":\"S\",\"seq\":2}")));
        assertEquals("T", plain.stream(bytes("{\"stream\":\"T\",\"seq\":2}")));
        assertEquals("S", plain.stream(bytes("{\"stream\":\"S\",\"seq\":3}")));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{",
                "+ACK",
                "{\"stream\":\"",
                "{\"stream\":\"S",
                "{\"stream\":\"S\"}",
                "{\"stream\":\"S\",\"seq\":",
                "{\"stream\":\"S\",\"seq\":}",
                "{\"stream\":\"S\",\"seq\":1",
                "{\"stream\":\"S\",\"seq\":0}",
                "{\"stream\":\"S\",\"seq\":01}",
                "{\"stream\":\"S\",\"seq\":-1}",
                "{\"stream\":\"S\",\"seq\":1.5}",
                "{\"stream\":\"S\",\"seq\":1000000000000000000}",
                "{\"stream\":\"S\",\"seq\":1} ",
                "{\"stream\":\"\",\"seq\":1}",
                "{\"stream\":\"S\\u0041\",\"seq\":1}",
                "{\"stream\":\"Ä\",\"seq\":1}",
                "{\"seq\":1,\"stream\":\"S\"}",
                "{\"stream\":\"S\",\"seq\":0,\"duplicate\": true}",
                "{\"stream\":\"S\",\"domain\":\"hub\",\"seq\":1}",
                "{\"stream\":\"S\",\"seq\":1,\"batch\":\"b\",\"count\":1}",
                "{\"error\":{\"code\":503,\"err_code\":10077,\"description\":\"x\"},\"stream\":\"S\",\"seq\":0}"
            })
    void anything_else_is_left_to_jnats(String json) {
        assertEquals("", plain.stream(bytes(json)));
    }

    /** Whatever it recognizes says the same to jnats: a PubAck of that stream that stored something. */
    @Test
    void what_is_recognized_is_a_pub_ack_to_jnats_too() throws Exception {
        Random random = new Random(7);
        int recognized = 0;
        for (int i = 0; i < RANDOM_CHANGES; i++) {
            byte[] json = bytes(
                    random.nextBoolean() ? "{\"stream\":\"AB\",\"seq\":120}" : "{\"stream\":\"AB\", \"seq\":120}");
            for (int change = random.nextInt(3); change > 0; change--) {
                json[random.nextInt(json.length)] =
                        (byte) (random.nextInt(4) == 0 ? random.nextInt() : 32 + random.nextInt(95));
            }
            String stream = plain.stream(json);
            if (!stream.isEmpty()) {
                recognized++;
                PublishAck ack = parsed(json);
                assertEquals(ack.getStream(), stream);
                assertTrue(ack.getSeqno() > 0, () -> new String(json, StandardCharsets.ISO_8859_1));
            }
        }
        assertTrue(recognized > RANDOM_CHANGES / 4, recognized + " recognized");
    }

    private static PublishAck parsed(byte[] json) throws IOException, JetStreamApiException {
        return new PublishAck(NatsMessage.builder().subject("x").data(json).build());
    }

    private static byte[] bytes(String json) {
        return json.getBytes(StandardCharsets.UTF_8);
    }
}
