package io.fleettelemetry.datastore.logger;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.fleettelemetry.api.CloseableProducer;
import io.fleettelemetry.api.ProducerFactory;
import java.util.Map;
import java.util.ServiceLoader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LoggerProducerFactoryTest {

    @Test
    void a_program_without_osgi_finds_it_by_name() {
        // The tests run inside the module, which only provides factories: looking for them is the user's part.
        LoggerProducerFactoryTest.class.getModule().addUses(ProducerFactory.class);
        ProducerFactory factory = ServiceLoader.load(ProducerFactory.class).stream()
                .map(ServiceLoader.Provider::get)
                .filter(candidate -> candidate.datastore().equals("logger"))
                .findAny()
                .orElseThrow();
        try (CloseableProducer producer = factory.open(Map.of("verbose", "true"))) {
            assertEquals("true", producer.status().details().get("verbose"));
        }
    }

    @ParameterizedTest
    @CsvSource({"true,true", "false,false", "' true ',true", "TRUE,true", "'',false"})
    void verbose_is_true_or_false(String value, boolean verbose) {
        assertEquals(new LoggerSettings(verbose), LoggerSettings.of(Map.of("verbose", value)));
        assertEquals(new LoggerSettings(verbose), LoggerSettings.of(Map.of("verbose", verbose)));
    }

    @Test
    void without_settings_it_is_not_verbose_and_foreign_keys_do_not_matter() {
        assertEquals(new LoggerSettings(false), LoggerSettings.of(Map.of("service.pid", "any")));
    }

    @ParameterizedTest
    @CsvSource({"maybe", "1"})
    void any_other_value_is_refused_by_name_value_and_reason(String value) {
        var e = assertThrows(
                IllegalArgumentException.class, () -> new LoggerProducerFactory().open(Map.of("verbose", value)));
        assertEquals("verbose = " + value + ": must be true or false", e.getMessage());
    }
}
