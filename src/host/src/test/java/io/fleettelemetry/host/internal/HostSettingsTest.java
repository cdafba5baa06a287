package io.fleettelemetry.host.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.fleettelemetry.api.settings.SettingsException;
import io.fleettelemetry.api.settings.SettingsReader;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HostSettingsTest {

    /** {@code key=value} pairs, separated by {@code ;}. */
    private static Map<String, String> properties(String text) {
        Map<String, String> properties = new HashMap<>();
        Arrays.stream(text.split(";"))
                .map(pair -> pair.split("=", 2))
                .forEach(pair -> properties.put(pair[0], pair[1]));
        return properties;
    }

    @Test
    void without_any_key_the_defaults_hold() {
        assertEquals(HostSettings.DEFAULTS, HostSettings.parse(Map.of("service.pid", "x")));
    }

    @Test
    void a_route_lists_datastores_in_the_order_of_dispatch() {
        HostSettings settings = HostSettings.parse(properties("records.V=nats, logger;records.my_type=nats-eu"));
        assertEquals(Map.of("V", List.of("nats", "logger"), "my_type", List.of("nats-eu")), settings.routes());
    }

    @Test
    void a_datastore_that_nobody_offers_yet_may_be_routed_to_and_be_an_ack_source() {
        HostSettings settings = HostSettings.parse(properties("records.V=someday;reliable_ack_sources.V=someday"));
        assertEquals(Map.of("V", "someday"), settings.reliableAckSources());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "records.V=my store|records.V = my store: the datastore name 'my store' has a blank at position 3",
                "records.V=a.b|records.V = a.b: the datastore name 'a.b' has '.' at position 2",
                "records.V=nats,*|records.V = nats,*: the datastore name '*' has '*' at position 1",
                "records.V=nats,nats|records.V = nats,nats: names a datastore twice",
                "records.V=,|records.V = ,: names no datastore; give one or more, separated by commas, or remove the line",
                "records.connectivity=nats;reliable_ack_sources.connectivity=nats|reliable_ack_sources.connectivity ="
                        + " nats: records of type connectivity need no reliable ack",
                "records.V=logger;reliable_ack_sources.V=logger|reliable_ack_sources.V = logger: the logger cannot be"
                        + " a source of reliable acks: a line in the log is not safe",
                "reliable_ack_sources.V=nats|reliable_ack_sources.V = nats: there is no records.V, so nothing could"
                        + " confirm such a record",
                "records.V=a,logger;reliable_ack_sources.V=nats|reliable_ack_sources.V = nats: records.V does not route"
                        + " to it; valid: a",
                "records.V=a;reliable_ack_sources.V=a,b|reliable_ack_sources.V = a,b: must name exactly one datastore;"
                        + " remove the line for no reliable acks",
                "prometheus_metrics_port=99999|prometheus_metrics_port = 99999: must be a whole number from 0 to 65535",
                "hold.max.ms=soon|hold.max.ms = soon: must be a whole number from 0 to 86400000",
                "hold.max.bytes=-1|hold.max.bytes = -1: must be a whole number, 0 or more",
            })
    void a_wrong_value_is_refused_with_the_key_the_value_and_the_reason(String properties, String problem) {
        SettingsException e = assertThrows(SettingsException.class, () -> HostSettings.parse(properties(properties)));
        assertEquals(List.of(problem), e.problems());
    }

    @Test
    void an_empty_list_is_refused() {
        SettingsException e = assertThrows(SettingsException.class, () -> HostSettings.parse(Map.of("records.V", "")));
        assertEquals(
                "records.V = (empty): names no datastore; give one or more, separated by commas, or remove the line",
                e.getMessage());
    }

    @Test
    void typed_values_are_taken_as_well_as_texts() {
        HostSettings settings = HostSettings.parse(Map.of(
                "records.V",
                new String[] {"a", "b"},
                "records.alerts",
                List.of("c"),
                "prometheus_metrics_port",
                9_090));
        assertEquals(List.of("a", "b"), settings.routes().get("V"));
        assertEquals(List.of("c"), settings.routes().get("alerts"));
        assertEquals(9_090, settings.metricsPort());
    }

    @Test
    void a_mistyped_key_is_noticed() {
        assertEquals(
                List.of("hold.max", "record.V"),
                new SettingsReader(properties("record.V=x;hold.max=1;records.V=nats;felix.fileinstall.filename=f"))
                        .unknownKeys(HostSettings.KNOWN_KEYS));
    }
}
